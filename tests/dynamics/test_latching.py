"""Reduced attracting sets and robust latching, against products of matrices, closed forms and sampling."""

from typing import Any

import numpy as np
import pytest

from reference import dynamics as reference
from reference.networks import make_structure
from rnnlatch import dynamics, gradients
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, LatchNeuron, VanillaRNN
from rnnlatch.dynamics import _balls, _reduced, latch

TWO = VanillaRNN(inputs=1, hidden=2, bias=False)
CUBIC: dict[str, Any] = {
    "derivative": lambda x, k: (k * (1 - x**2))[:, :, None],
    "dimension": 1,
    "parameters": {"k": 1.5},
}


def two(weight: Any) -> dict[str, np.ndarray]:
    return {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": np.asarray(weight, float)}


def brute_force(step: Any, jacobian: Any, start: np.ndarray, steps: int) -> int:
    """The first l at which an eigenvalue is not below 1, 0 where there is none up to so many steps."""
    state, product = start, np.eye(len(start))
    for count in range(1, steps + 1):
        product, state = jacobian(state) @ product, step(state)
        if np.abs(np.linalg.eigvals(product)).max() >= 1:
            return count
    return 0


# Definition 4.


@pytest.mark.parametrize("w", [1.05, 1.25, 2.0, 5.0])
def test_the_set_of_a_latch_is_what_lies_beyond_the_edge(w: float) -> None:
    found = dynamics.reduced_attracting_set(LatchNeuron(w=w), variable="pre_activation", resolution=500)
    np.testing.assert_array_equal(found["reduced"], np.abs(found["a0"]) > latch.latch_edge(w))
    assert str(found["outcome"].values) == "all states decided"
    assert (found["reduced_share"] < found["share"]).all()
    # The balls around the attractor end before the edge, where the slope is 1.
    assert (found["ball_radius"] > 0).all()
    assert found.attrs["stop"] == "proven"


@pytest.mark.parametrize("h", [0.3, 0.6, -2.0])
def test_the_set_under_an_input_is_that_of_products_of_slopes(h: float) -> None:
    w = 2.0
    found = dynamics.reduced_attracting_set(
        LatchNeuron(w=w), input=h, variable="pre_activation", box=[-6, 6], resolution=400
    )
    for a, broken in zip(found["a0"].values, found["broken_at"].values, strict=True):
        product, state, expected = 1.0, a, 0
        for count in range(1, 100):
            product *= float(latch.latch_slope(w, state))
            state = w * np.tanh(state) + h
            if product >= 1:
                expected = count
                break
        assert broken == expected


@pytest.mark.parametrize("weight", [[[1.8, 0.3], [-0.3, 1.6]], [[0.0, -2.0], [2.0, 0.0]], [[1.5, 1.0], [0.0, 1.2]]])
@pytest.mark.parametrize("variable", ["state", "pre_activation"])
def test_the_set_of_two_units_is_that_of_products_of_matrices(weight: Any, variable: Any) -> None:
    params = two(weight)
    found = dynamics.reduced_attracting_set(TWO, params, input=[0.1], variable=variable, resolution=11)
    maps = reference.state_map if variable == "state" else reference.pre_activation_map
    step, jacobian = maps(make_structure(inputs=1, hidden=2, bias=0), params, np.array([0.1]))
    dims = found["reduced"].dims
    grid = np.stack(np.meshgrid(*(found[dim] for dim in dims), indexing="ij"), axis=-1).reshape(-1, 2)
    expected = np.array([brute_force(step, jacobian, start, 80) for start in grid])
    broken = found["broken_at"].values.ravel()
    assert (found["basin"] >= 0).all()
    np.testing.assert_array_equal(broken, expected)
    np.testing.assert_array_equal(found["reduced"].values.ravel(), expected == 0)


@pytest.mark.parametrize("kind", [GRU, LSTM])
def test_the_set_of_gated_cells_is_that_of_products_of_matrices(kind: Any) -> None:
    cell = kind(inputs=1, hidden=2)
    params = {name: 3 * value for name, value in cell.initial_parameters(3).items()}
    found = dynamics.reduced_attracting_set(cell, params, input=[0.3], starts=6, rng=1)
    step, jacobian = reference.state_map(cell.structure(), params, np.array([0.3]))
    names = ["start_state", "start_cell_state"] if kind is LSTM else ["start_state"]
    starts = np.concatenate([found[name].values for name in names], axis=1)
    np.testing.assert_array_equal(found["broken_at"], [brute_force(step, jacobian, start, 120) for start in starts])


def test_a_map_of_ones_own_is_sampled_or_proven() -> None:
    def enclosure(low: np.ndarray, high: np.ndarray, k: float) -> Any:
        x = dynamics.Interval(low, high)
        value = k * (x - (1 / 3) * x**3)
        slope = k * (1.0 - x**2)
        return value.low, value.high, slope.low[:, :, None], slope.high[:, :, None]

    def step(x: np.ndarray, k: float) -> np.ndarray:
        return k * (x - x**3 / 3)

    bounds = [-1.5, 1.5]
    one = dynamics.reduced_attracting_set(dynamics.Map(step, **CUBIC, bounds=bounds), resolution=100)
    other = dynamics.reduced_attracting_set(
        dynamics.Map(step, **CUBIC, bounds=bounds, enclosure=enclosure), resolution=100
    )
    assert (one.attrs["stop"], other.attrs["stop"]) == ("sampled", "proven")
    np.testing.assert_array_equal(one["reduced"], other["reduced"])
    # k (x - x^3 / 3) = x at x^2 = 3 (1 - 1 / k) = 1, where the slope is 0, and the slope is below 1 beyond sqrt(1 - 1 / k).
    np.testing.assert_allclose(one["state"].values.ravel(), [-1, 1], rtol=1e-12)
    inner = np.abs(one["x0"]) <= np.sqrt(1 - 1 / 1.5)
    assert not one["reduced"].values[inner].any()


def test_what_does_not_come_to_an_attractor_is_said() -> None:
    found = dynamics.reduced_attracting_set(LatchNeuron(w=2.0), starts=[[0.0], [0.5]])
    assert found["broken_at"].values.tolist()[0] == -1
    assert str(found["outcome"].values) == "of 2 states, 1 come to no attractor"


def test_a_budget_leaves_states_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_reduced, "_cannot_break", lambda states, *_: np.zeros(len(states), bool))
    found = dynamics.reduced_attracting_set(LatchNeuron(w=2.0), starts=[[0.9]], max_steps=100)
    assert found["broken_at"].values.tolist() == [-1]
    assert not found["reduced"].any()
    assert str(found["outcome"].values) == "of 1 states, 1 undecided"


def test_nothing_depends_on_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = dynamics.reduced_attracting_set(TWO, two([[1.8, 0.3], [-0.3, 1.6]]), resolution=20)
    monkeypatch.setattr(_reduced, "_NUMBERS", 40)
    assert whole.identical(dynamics.reduced_attracting_set(TWO, two([[1.8, 0.3], [-0.3, 1.6]]), resolution=20))


def test_spectral_radii_are_those_of_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    for size in (1, 2, 3):
        matrices = rng.normal(size=(200, size, size))
        expected = np.abs(np.linalg.eigvals(matrices)).max(axis=1)
        np.testing.assert_allclose(_reduced.spectral_radius(matrices), expected, rtol=1e-9)


# The balls.


@pytest.mark.parametrize("variable", ["state", "pre_activation"])
@pytest.mark.parametrize("weight", [[[1.8, 0.3], [-0.3, 1.6]], [[0.0, -2.0], [2.0, 0.0]], [[1.5, 3.0], [0.0, 0.6]]])
def test_balls_are_contracted_into_each_other(variable: Any, weight: Any) -> None:
    params = two(weight)
    whole = dynamics.system(TWO, params, variable=variable)
    found = dynamics.basins(TWO, params, variable=variable, resolution=30)
    rng = np.random.default_rng(0)
    for number in range(found.sizes["attractor"]):
        orbit = found["state"].values[number, : int(found["period"][number])]
        ball = _balls.neighbourhood(whole, orbit)
        assert ball.proven
        assert 0 < ball.factor < 1
        for i, norm in enumerate(ball.norms):
            after, target = ball.norms[(i + 1) % len(orbit)], orbit[(i + 1) % len(orbit)]
            assert norm.transform is not None
            assert after.transform is not None
            assert np.linalg.svd(norm.transform, compute_uv=False).min() >= 1 - 1e-12
            directions = rng.normal(size=(500, 2))
            inside = orbit[i] + directions * (ball.radius / norm.of(directions))[:, None] * rng.uniform(0, 1, (500, 1))
            slopes = after.transform @ whole.jacobian(inside) @ np.linalg.inv(norm.transform)
            assert np.linalg.norm(slopes, 2, axis=(1, 2)).max() <= ball.factor
            grown = after.of(whole.step(inside) - target) / norm.of(inside - orbit[i])
            assert grown.max() <= ball.factor * (1 + 1e-9)


def test_the_ball_of_a_latch_ends_at_the_edge() -> None:
    whole = dynamics.system(LatchNeuron(w=2.0), variable="pre_activation")
    centre = float(latch.attractor(2.0))
    ball = _balls.neighbourhood(whole, np.array([[centre]]))
    (norm,) = ball.norms
    assert norm.transform is not None
    reach = ball.radius / float(norm.transform[0, 0])
    assert centre - float(latch.latch_edge(2.0)) == pytest.approx(reach, rel=0.02)


def test_adapted_norms_are_below_one_where_the_usual_one_is_not() -> None:
    params = two([[0.5, 30.0], [0.0, 0.5]])
    whole = dynamics.system(TWO, params)
    origin = np.zeros((1, 2))
    assert np.linalg.norm(whole.jacobian(origin)[0], 2) > 30
    for share in (0.2, 0.5, 0.8):
        (norm,) = _balls.adapted_norms(whole, origin, share)
        bound = _balls.largest_factors(whole, origin, 0.0, norm)[0]
        assert 0.5 < bound < 0.5 + share * 0.5 + 1e-9


# Definition 5, and what is left of the gradient.


@pytest.mark.parametrize("kind", [VanillaRNN, DiagonalRNN, LSTM, GRU])
def test_norms_are_those_of_the_products_of_jacobians(kind: Any) -> None:
    cell = kind(inputs=2, hidden=3)
    params = cell.initial_parameters(0)
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(4, 12, 2))
    size = 6 if kind is LSTM else 3
    start = rng.uniform(-0.5, 0.5, (4, size))
    found = dynamics.robustly_latched(cell, params, inputs, initial_state=start)
    given: Any = (start[:, :3], start[:, 3:]) if kind is LSTM else start
    products = gradients.jacobian_products(cell, params, inputs, initial_state=given)
    np.testing.assert_allclose(found["log_norm"][:, -1], products["log_spectral"].sel(lag=12), rtol=1e-9)
    np.testing.assert_allclose(np.exp(found["log_norm"][:, 1]), found["factor"][:, 1], rtol=1e-9)
    assert np.isnan(found["factor"][:, 0]).all()
    assert (found["log_norm"][:, 0] == 0).all()


def test_states_of_both_forms_are_those_of_one_network() -> None:
    params, rng = two([[1.8, 0.3], [-0.3, 1.6]]), np.random.default_rng(0)
    inputs, a = rng.normal(0, 0.3, (5, 20, 1)), rng.normal(size=(5, 2))
    one = dynamics.robustly_latched(TWO, params, inputs, variable="pre_activation", initial_state=a)
    other = dynamics.robustly_latched(TWO, params, inputs, initial_state=np.tanh(a))
    np.testing.assert_allclose(np.tanh(one["state"]), other["state"], rtol=1e-12)
    # W D(a) of the state before in one form, D W of the new state in the other.
    slope = 1 - np.tanh(one["state"].values[:, :-1]) ** 2
    norms = np.linalg.norm(params["weight_hh_l0"] * slope[:, :, None, :], 2, axis=(2, 3))
    np.testing.assert_allclose(one["factor"][:, 1:], norms, rtol=1e-9)


def test_a_unit_is_latched_under_inputs_below_the_threshold_and_not_beyond() -> None:
    w = 1.25
    threshold, centre = float(latch.escape_threshold(w)), float(latch.attractor(w))
    rng = np.random.default_rng(0)
    below = rng.uniform(-threshold, threshold, (10, 100, 1))
    found = dynamics.robustly_latched(LatchNeuron(w=w), None, below, variable="pre_activation", initial_state=[centre])
    assert found["latched"].all()
    assert (found["latched_steps"] == 100).all()
    assert (found["basin"] == found["basin"][0, 0]).all()
    assert (found["factor"][:, 1:] < 1).all()
    push = np.full((1, 100, 1), -1.05 * threshold)
    found = dynamics.robustly_latched(LatchNeuron(w=w), None, push, variable="pre_activation", initial_state=[centre])
    steps = int(found["latched_steps"][0])
    a = found["state"].values[0, :, 0]
    assert 0 < steps < 100
    np.testing.assert_array_equal(found["latched"].values[0], np.arange(101) <= steps)
    assert a[steps] > latch.latch_edge(w) >= a[steps + 1]
    # In the end it is in the set of the other attractor: reduced, but no longer latched to the first.
    assert found["reduced"].values[0, -1]
    assert not found["latched"].values[0, -1]


def test_a_unit_that_does_not_begin_latched_never_is() -> None:
    found = dynamics.robustly_latched(LatchNeuron(w=2.0), None, np.zeros((5, 1)), initial_state=[0.1])
    assert found["latched_steps"].values.tolist() == [-1]
    assert not found["latched"].any()


def test_long_products_do_not_underflow() -> None:
    found = dynamics.robustly_latched(
        LatchNeuron(w=3.0), None, np.zeros((4000, 1)), variable="pre_activation", initial_state=[latch.attractor(3.0)]
    )
    slope = float(latch.latch_slope(3.0, latch.attractor(3.0)))
    np.testing.assert_allclose(found["log_norm"][0], np.arange(4001) * np.log(slope), rtol=1e-6, atol=1e-9)


# What is refused.


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: dynamics.reduced_attracting_set(
                VanillaRNN(inputs=1, hidden=2, activation="sign", bias=False), two(np.eye(2))
            ),
            "must have a slope",
        ),
        (lambda: dynamics.reduced_attracting_set(TWO, two(np.eye(2)), max_steps=0), "max_steps is 0"),
        (lambda: dynamics.robustly_latched(TWO, two(np.eye(2)), np.zeros((3, 4, 2))), r"inputs has shape \(3, 4, 2\)"),
        (lambda: dynamics.robustly_latched(TWO, two(np.eye(2)), [[np.inf]]), "inputs is inf"),
        (
            lambda: dynamics.robustly_latched(TWO, two(np.eye(2)), np.zeros((4, 1)), initial_state=[1.0]),
            r"initial_state has shape \(1,\)",
        ),
        (
            lambda: dynamics.robustly_latched(dynamics.Map(lambda x: x, lambda x: x, 1), None, [[1.0]]),  # type: ignore[arg-type]
            "takes no inputs",
        ),
    ],
)
def test_what_is_not_allowed_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()
