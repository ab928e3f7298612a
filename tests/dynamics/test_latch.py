"""The latch in closed form, against Brent's method, counting, and simulation."""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import minimize_scalar

from reference import dynamics as reference
from rnnlatch.dynamics import escape, latch

WEIGHTS = [1.001, 1.05, 1.25, 2.0, 4.0, 30.0]
EPS = float(np.finfo(float).eps)


@pytest.mark.parametrize("w", WEIGHTS)
def test_the_attractor_is_where_brent_finds_it(w: float) -> None:
    a, x = reference.latch_attractor(w)
    # The slope there is below 1 by about 2 (w - 1): rounding of the map counts for as much as its inverse.
    limit = 8 * EPS / (1 - float(latch.latch_slope(w, a)))
    assert float(latch.attractor(w)) == pytest.approx(a, rel=max(limit, 4 * EPS))
    assert float(np.tanh(latch.attractor(w))) == pytest.approx(x, rel=max(limit, 4 * EPS))


def test_near_weight_one_the_attractor_is_that_of_the_cubic() -> None:
    # w tanh(a) = a is (w - 1) = a^2 / 3 - 2 a^4 / 15 + ... times w, up to terms of higher order.
    excess = np.array([1e-12, 1e-10, 1e-8])
    excess = (1 + excess) - 1  # as the weight has it
    np.testing.assert_allclose(latch.attractor(1 + excess), np.sqrt(3 * excess), rtol=2e-8)
    np.testing.assert_allclose(latch.escape_threshold(1 + excess), 2 / 3 * excess**1.5, rtol=2e-8)


@pytest.mark.parametrize("w", WEIGHTS)
def test_the_threshold_is_the_largest_gap_between_map_and_diagonal(w: float) -> None:
    edge, threshold = float(latch.latch_edge(w)), float(latch.escape_threshold(w))
    assert float(latch.latch_slope(w, edge)) == pytest.approx(1, rel=1e-12)
    found = minimize_scalar(lambda a: a - w * np.tanh(a), bounds=(0, w), method="bounded", options={"xatol": 1e-12})
    assert threshold == pytest.approx(-found.fun, rel=1e-9)
    assert threshold == pytest.approx(float(reference.escape_threshold(w)), rel=1e-9)


def test_the_values_of_the_facts() -> None:
    np.testing.assert_allclose(latch.escape_threshold([1.25, 2.0]), [0.077805, 0.532840], atol=5e-7)
    np.testing.assert_allclose(np.tanh(latch.attractor([1.25, 2.0])), [0.71041, 0.95750], atol=5e-6)


def test_large_weights_stay_in_range() -> None:
    w = np.array([1e10, 1e200])
    np.testing.assert_allclose(latch.attractor(w), w)
    np.testing.assert_allclose(latch.escape_threshold(w), w, rtol=1e-8)
    assert (latch.latch_slope(w, w) == 0).all()


@pytest.mark.parametrize("w", [-3.0, -0.5, 0.0, 0.7, 1.0, 1.2, 3.0])
@pytest.mark.parametrize("h", [-2.0, -0.3, -0.01, 0.0, 0.01, 0.3, 2.0])
def test_fixed_points_are_those_of_a_grid(w: float, h: float) -> None:
    expected = reference.fixed_points(reference.latch_map(w, h), -6.0, 6.0 + 1e-3)
    found = latch.latch_fixed_points(w, h)
    assert found.shape == (3,)
    here = found[~np.isnan(found)]
    # Where three are one, w = 1 and h = 0, Brent's method knows it to the cube root of rounding.
    np.testing.assert_allclose(here, expected, atol=1e-12 if (w, h) != (1, 0) else 1e-5)
    assert here.size == 3 if w > 1 and abs(h) < latch.escape_threshold(max(w, 1.1)) else here.size == 1
    if here.size == 1:
        assert np.flatnonzero(~np.isnan(found)) == [0 if h < 0 else 2]


def test_fixed_points_are_mirrored_with_the_input() -> None:
    w, h = np.meshgrid(np.linspace(-2, 4, 25), np.linspace(-2, 2, 31), indexing="ij")
    found, mirrored = latch.latch_fixed_points(w, h), latch.latch_fixed_points(w, -h)
    some = h != 0
    np.testing.assert_array_equal(found[some], -mirrored[some][:, ::-1])


@pytest.mark.parametrize("w", WEIGHTS)
def test_at_the_threshold_two_fixed_points_are_one(w: float) -> None:
    # A double root is known to the square root of rounding only, relative to where the map has its curvature.
    found = latch.latch_fixed_points(w, latch.escape_threshold(w))
    edge = float(latch.latch_edge(w))
    np.testing.assert_allclose(found[:2], -edge, rtol=0, atol=1e-6 * max(w, 1 / edge))
    assert found[2] > edge


@pytest.mark.parametrize(
    ("w", "shares"), [(1.1, [1.01, 2.0, 10.0]), (1.25, [1.001, 1.5, 5.0]), (3.0, [1.0001, 1.2, 3.0])]
)
def test_escapes_are_those_that_are_counted(w: float, shares: list[float]) -> None:
    drive = np.array([0.5, 1.0, *shares]) * latch.escape_threshold(w)
    expected = [np.inf, np.inf, *(reference.escape_time(w, h) for h in drive[2:])]
    np.testing.assert_array_equal(latch.escape_time(w, drive), expected)


@pytest.mark.parametrize("w", [1.05, 1.25, 2.0])
def test_long_escapes_are_integrals(w: float) -> None:
    # So near the threshold that counting would take longer: the count at the same inputs, and pi / sqrt(s (h - h*)).
    threshold, s = float(latch.escape_threshold(w)), np.sqrt(1 - 1 / w)
    for excess in (1e-6, 1e-7):
        counted = reference.escape_time(w, threshold + excess)
        assert latch._passage(w, threshold + excess) == pytest.approx(counted, abs=3)
    excess = 1e-12
    h = threshold + excess
    assert float(latch.escape_time(w, h)) == pytest.approx(np.pi / np.sqrt(s * (h - threshold)), rel=1e-3)


def test_escapes_take_longer_the_smaller_the_input() -> None:
    w = np.array([1.1, 1.5, 3.0])[:, None]
    steps = latch.escape_time(w, latch.escape_threshold(w) * np.linspace(1.01, 20, 60))
    assert (np.diff(steps, axis=1) <= 0).all()
    assert (np.diff(latch.escape_threshold(np.linspace(1.001, 5, 500))) > 0).all()


@pytest.mark.parametrize("w", WEIGHTS)
def test_the_noise_bound_is_the_best_over_distances(w: float) -> None:
    bound = latch.latch_noise_bound(w)
    centre, edge = float(latch.attractor(w)), float(latch.latch_edge(w))
    distances = np.linspace(0, centre - edge, 20_001)[1:-1]
    bounds = (1 - latch.latch_slope(w, centre - distances)) * distances
    assert float(bound.inputs) == pytest.approx(bounds.max(), rel=1e-6)
    assert float(bound.inputs) >= bounds.max() * (1 - 1e-12)
    assert bound.inputs < latch.escape_threshold(w)
    assert float(latch.latch_slope(w, centre - bound.distance)) == pytest.approx(float(bound.factor))


def test_arrays_broadcast_and_numbers_stay_numbers() -> None:
    assert np.ndim(latch.attractor(2.0)) == np.ndim(latch.escape_time(2.0, 1.0)) == 0
    assert latch.escape_time(np.array([1.5, 2.0])[:, None], [0.1, 1.0, 2.0]).shape == (2, 3)
    assert latch.latch_fixed_points(np.ones((2, 1)), np.ones(4)).shape == (2, 4, 3)
    many = latch.latch_noise_bound([1.5, 2.0])
    assert many.inputs.shape == many.distance.shape == many.factor.shape == (2,)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: latch.escape_threshold(1.0), "w is 1.0; it must be above 1"),
        (lambda: latch.attractor([2.0, 0.5]), "w is 0.5; it must be above 1"),
        (lambda: latch.escape_time(2.0, np.nan), "h is nan; all its numbers must be finite"),
        (lambda: latch.latch_noise_bound(-2.0), "w is -2.0; it must be above 1"),
        (lambda: escape.measure_escape(0.9, 1.0), "w is 0.9; it must be above 1"),
        (lambda: escape.measure_escape(2.0, [1.0, -1.0]), "h is -1.0; it must be above 0"),
        (lambda: escape.measure_escape([[2.0]], 1.0), r"w has shape \(1, 1\)"),
        (lambda: escape.measure_escape(2.0, 1.0, max_steps=0), "max_steps is 0; it must be an integer of at least 1"),
    ],
)
def test_what_is_not_allowed_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_word_is_no_weight() -> None:
    with pytest.raises(TypeError, match="w "):
        latch.escape_threshold("two")


# Simulated.


def test_simulation_agrees_with_the_closed_forms() -> None:
    found = escape.measure_escape([1.05, 1.25, 2.0, 5.0], [0.5, 0.99, 1.001, 1.5, 8.0], relative=True)
    never = np.isinf(found["escape_time"].values)
    np.testing.assert_array_equal(found["outcome"].values, np.where(never, escape.AT_REST, escape.ESCAPED))
    np.testing.assert_array_equal(found["steps"].values, np.where(never, -1, found["escape_time"].values))


def test_simulation_brackets_the_threshold() -> None:
    budget = 4000
    found = escape.measure_escape(np.array([1.1, 1.25, 2.0]), 1.0, max_steps=budget)
    assert (found["threshold_low"] < found["threshold"]).all()
    assert (found["threshold"] < found["threshold_high"]).all()
    # An input that takes just longer than the budget is pi^2 / (s budget^2) above h*, up to a part of a hundredth.
    s = np.sqrt(1 - 1 / found["weight"])
    np.testing.assert_allclose(found["threshold_high"] - found["threshold"], np.pi**2 / s / budget**2, rtol=0.02)


def test_a_budget_that_is_used_up_is_an_outcome() -> None:
    found = escape.measure_escape(2.0, [1.0, 1.001], relative=True, max_steps=30)
    assert (found["outcome"] == escape.UNDECIDED).all()
    assert (found["steps"] == -1).all()
    assert found.attrs["variable"] == "pre_activation"
    assert found["outcome"].attrs["flag_meanings"] == "undecided at_rest escaped"


def test_escapes_do_not_depend_on_how_many_are_simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = escape.measure_escape([1.25, 2.0], [1.001, 1.01, 1.2], relative=True, max_steps=1000)
    monkeypatch.setattr(escape, "_NUMBERS", 300)
    monkeypatch.setattr(escape, "_CHUNK", 70)
    # Going on from a pre-activation rounds it once more, which may move an input at which a unit is just not at rest.
    parts = escape.measure_escape([1.25, 2.0], [1.001, 1.01, 1.2], relative=True, max_steps=1000)
    xr.testing.assert_equal(whole[["outcome", "steps"]], parts[["outcome", "steps"]])
    xr.testing.assert_allclose(whole, parts, rtol=1e-4)
