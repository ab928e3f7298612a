"""Bounds: whatever a function gives for numbers in an interval, in 80 bits where there are such, lies in its bounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynamics.maps import NAMES, PRE_ACTIVATION, Array, henon_map, network, reference_map
from rnnlatch.cells import VanillaRNN
from rnnlatch.dynamics import intervals, system
from rnnlatch.dynamics._iterated import Iterated
from rnnlatch.dynamics.intervals import Interval
from rnnlatch.dynamics.systems import System

LONG = np.longdouble
FORMS = [(name, "state") for name in NAMES] + [(name, "pre_activation") for name in PRE_ACTIVATION]

NUMBERS = st.floats(-1e6, 1e6)
PAIRS = st.tuples(NUMBERS, NUMBERS).map(sorted)
SHARES = st.floats(0, 1)


def interval(pair: Any) -> Interval:
    return Interval(np.array([pair[0]]), np.array([pair[1]]))


def within(pair: Any, share: float) -> Any:
    """A number of an interval, in 80 bits."""
    low, high = map(LONG, pair)
    return np.clip(low + LONG(share) * (high - low), low, high)


def holds(bounds: Interval, value: Any) -> bool:
    return bool((bounds.low <= value).all() and (value <= bounds.high).all())


@given(PAIRS, PAIRS, SHARES, SHARES)
def test_arithmetic(a: Any, b: Any, s: float, t: float) -> None:
    x, y = interval(a), interval(b)
    u, v = within(a, s), within(b, t)
    assert holds(x + y, u + v)
    assert holds(x - y, u - v)
    assert holds(x * y, u * v)
    assert holds(-x, -u)
    assert holds(x**2, u * u)
    assert holds(x**3, u * u * u)
    assert holds(2.5 * x - 1.0, LONG(2.5) * u - 1)
    assert holds(1.0 - x, 1 - u)
    assert holds(np.array([3.0]) * x, 3 * u)
    assert (x**2).low >= 0


@given(PAIRS, SHARES)
def test_functions(a: Any, s: float) -> None:
    a = [np.clip(end, -700, 700) for end in a]
    x, u = interval(a), within(a, s)
    e = np.exp(-np.abs(u))
    assert holds(intervals.tanh(x), np.tanh(u))
    assert holds(intervals.exp(x), np.exp(u))
    assert holds(intervals.logistic(x), (1 if u >= 0 else e) / (1 + e))
    # Rounded to 80 bits these can be beyond what they are at 0.
    assert holds(intervals.logistic_slope(x), min(e / (1 + e) ** 2, 0.25))
    assert holds(intervals.tanh_slope(x), min(4 * e * e / (1 + e * e) ** 2, 1))
    assert holds(intervals.relu(x), max(u, 0))
    if u:
        assert holds(intervals.relu_slope(x), float(u > 0))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.floats(-17, 1))
def test_sums_of_products(seed: int, logarithm: float) -> None:
    rng = np.random.default_rng(seed)
    weight, matrix, vector = rng.normal(size=(3, 40)), rng.normal(size=(3, 5)), rng.normal(size=5)
    low = rng.normal(size=(4, 40))
    x = Interval(low, low + 10**logarithm * rng.random((4, 40)))
    found = intervals.affine(weight, x, [(matrix, vector)])
    inside = np.where(rng.random((4, 40)) < 0.5, x.low, x.high)
    exact = inside.astype(LONG) @ weight.T.astype(LONG) + matrix.astype(LONG) @ vector.astype(LONG)
    assert holds(found, exact)
    assert (found.high - found.low <= 1e-11 + 10 ** (logarithm + 2)).all()


def test_matrices() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 3, 2)), rng.normal(size=(5, 2, 4))
    bounds = Interval(a - 0.1, a + 0.1) @ Interval(b - 0.2, b + 0.2)
    for _ in range(20):
        u, v = a + rng.uniform(-0.1, 0.1, a.shape), b + rng.uniform(-0.2, 0.2, b.shape)
        assert holds(bounds, u @ v)


def ends(x: Interval) -> list[float]:
    return [x.low.item(), x.high.item()]


def test_what_is_in_two_intervals_or_in_one_of_them() -> None:
    a, b = interval((0.0, 2.0)), interval((1.0, 3.0))
    assert ends(a.intersect(b)) == [1, 2]
    assert ends(a.hull(b)) == [0, 3]
    assert ends(a.intersect(interval((np.nan, np.nan)))) == [0, 2]
    assert a.middle.item() == 1
    assert interval((-3.0, 1.0)).magnitude.item() == 3


def test_powers_are_whole() -> None:
    with pytest.raises(ValueError, match="exponent is 0"):
        interval((0.0, 1.0)) ** 0


def boxes(rng: np.random.Generator, dimension: int, count: int, logarithm: float) -> tuple[Array, Array]:
    low = rng.normal(0, 1.5, (count, dimension))
    return low, low + 10**logarithm * rng.random((count, dimension))


@pytest.mark.parametrize(("name", "variable"), FORMS)
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(-17, 1), st.floats(-1, 1.3))
def test_networks_stay_within_their_bounds(name: str, variable: Any, seed: int, logarithm: float, size: float) -> None:
    cell, params, u, structure = network(name, hidden=2, seed=seed, scale=10**size)
    one = system(cell, params, input=u, variable=variable)
    rng = np.random.default_rng(seed)
    low, high = boxes(rng, one.dimension, 8, logarithm)
    image_low, image_high, slope_low, slope_high = one.enclose(low, high)
    share = np.where(rng.random(low.shape) < 0.5, rng.random(low.shape), rng.integers(0, 2, low.shape))
    states = np.clip(low + share * (high - low), low, high)
    step, _ = reference_map(
        structure, {key: value.astype(LONG) for key, value in params.items()}, u.astype(LONG), variable
    )
    exact = np.stack([step(s.astype(LONG)) for s in states])
    assert ((image_low <= exact) & (exact <= image_high)).all()
    computed = one.step(states)
    assert ((image_low <= computed) & (computed <= image_high)).all()
    # The Jacobian is computed in another order than it is bounded: sums of a few products, all below 1e3 squared.
    jacobian, slack = (
        one.jacobian(states),
        1e-14 * (1 + np.abs(params["weight_hh_l0"]).max()) * (1 + np.abs(states).max()),
    )
    assert ((slope_low - slack <= jacobian) & (jacobian <= slope_high + slack)).all()


def assert_bounds_steps(one: System, seed: int) -> None:
    rng = np.random.default_rng(seed)
    low, high = boxes(rng, one.dimension, 50, -1)
    image_low, image_high, slope_low, slope_high = one.enclose(low, high)
    states = low + rng.random(low.shape) * (high - low)
    image, slope = one.step(states), one.jacobian(states)
    assert ((image_low <= image) & (image <= image_high)).all()
    assert ((slope_low <= slope) & (slope <= slope_high)).all()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_maps_and_their_powers_stay_within_their_bounds(times: int) -> None:
    assert_bounds_steps(Iterated(system(henon_map()), times), seed=times)
    cell, params, u, _ = network("tanh")
    assert_bounds_steps(Iterated(system(cell, params, input=u), times), seed=times)


def test_a_power_has_the_corners_on_its_way() -> None:
    weight = np.array([[1.0, -1.0], [2.0, 0.5]])
    cell = VanillaRNN(inputs=1, hidden=2, activation="relu", bias=False)
    one = system(cell, {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": weight})
    start = np.array([[3.0, -2.0]])  # to (5, 5), to (0, 12.5) by a corner, to (0, 6.25) with the first unit off
    large = np.abs(weight)
    wanted = [large, large @ large, np.diag([0.0, 1.0]) @ large @ large @ large]
    for times, slopes in enumerate(wanted, start=1):
        at, found = Iterated(one, times).corners(start)
        assert at.tolist() == [times > 1]
        np.testing.assert_array_equal(found, [slopes])


@pytest.mark.parametrize(("name", "variable"), [form for form in FORMS if form[0] != "linear"])
def test_bounds_of_small_boxes_are_tight(name: str, variable: Any) -> None:
    cell, params, u, _ = network(name)
    one = system(cell, params, input=u, variable=variable)
    states = np.random.default_rng(4).normal(size=(20, one.dimension))
    image_low, image_high, slope_low, slope_high = one.enclose(states, states + 1e-6)
    # The widths of first order, with room for what occurs several times.
    reach = np.abs(one.jacobian(states)).sum(axis=2) * 1e-6
    assert (image_high - image_low <= 12 * reach + 1e-7).all()
    assert (slope_high - slope_low <= 1e-4).all()
