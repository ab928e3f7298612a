"""The bound of theorem 3, against the closed form and against noise that tries to leave."""

from typing import Any

import numpy as np
import pytest

from rnnlatch import dynamics
from rnnlatch.cells import GRU, LSTM, LatchNeuron, VanillaRNN
from rnnlatch.dynamics import _balls, latch

TWO = VanillaRNN(inputs=1, hidden=2, bias=False)
NORMS: tuple[Any, ...] = ("euclidean", "max", "adapted")


def two(weight: Any) -> dict[str, np.ndarray]:
    return {"weight_ih_l0": np.array([[1.0], [-0.5]]), "weight_hh_l0": np.asarray(weight, float)}


WEIGHT = [[1.8, 0.3], [-0.3, 1.6]]


def gated(kind: Any) -> tuple[Any, dict[str, np.ndarray]]:
    cell = kind(inputs=1, hidden=2)
    return cell, {name: 2 * value for name, value in cell.initial_parameters(3).items()}


@pytest.mark.parametrize("w", [1.1, 1.25, 2.0, 5.0])
@pytest.mark.parametrize("norm", NORMS)
def test_the_bound_of_a_latch_is_the_closed_form(w: float, norm: Any) -> None:
    found = dynamics.noise_bound(LatchNeuron(w=w), variable="pre_activation", norm=norm)
    expected = latch.latch_noise_bound(w)
    for name in ("euclidean_bound", "component_bound", "input_bound"):
        np.testing.assert_allclose(found[name], expected.inputs, rtol=1e-6)
        assert (found[name] <= expected.inputs).all()  # whatever is rounded is rounded down
    if norm != "adapted":
        np.testing.assert_allclose(found["distance"], expected.distance, rtol=1e-3)
        np.testing.assert_allclose(found["factor"][:, 0], expected.factor, rtol=1e-3)
    assert str(found["outcome"].values) == "noise allowed for all starts"
    np.testing.assert_allclose(found["attractor_state"].values.ravel(), np.array([-1, 1]) * latch.attractor(w))


def test_a_distance_that_is_given_is_kept() -> None:
    found = dynamics.noise_bound(LatchNeuron(w=2.0), variable="pre_activation", distance=0.3)
    factor = latch.latch_slope(2.0, latch.attractor(2.0) - 0.3)
    np.testing.assert_allclose(found["bound"], (1 - factor) * 0.3, rtol=1e-8)
    assert (found["distance"] == 0.3).all()


@pytest.mark.parametrize("variable", ["state", "pre_activation"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu", "linear"])
def test_factors_bound_the_derivative_over_balls(variable: Any, norm: Any, activation: Any) -> None:
    cell = VanillaRNN(inputs=1, hidden=2, bias=False, activation=activation)
    whole = dynamics.system(cell, two([[0.9, 0.3], [-0.8, 0.4]]), input=[0.7], variable=variable)
    centre = np.array([[0.3, -0.2]])
    measure = {"euclidean": _balls.EUCLIDEAN, "max": _balls.MAXIMUM}.get(norm) or _balls.adapted_norms(whole, centre)[0]
    rng = np.random.default_rng(0)
    for radius in (1e-3, 0.1, 2.0):
        bound = _balls.largest_factors(whole, centre, radius, measure)[0]
        directions = rng.normal(size=(2000, 2))
        inside = centre + directions * (radius / measure.of(directions))[:, None] * rng.uniform(0, 1, (2000, 1))
        vectors = rng.normal(size=(2000, 2))
        moved = np.einsum("nij,nj->ni", whole.jacobian(inside), vectors)
        ratio = measure.of(moved) / measure.of(vectors)
        assert ratio.max() <= bound
        if radius < 0.01 and activation != "relu":
            assert ratio.max() > 0.95 * bound


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("case", ["state", "pre_activation", "GRU", "LSTM"])
def test_noise_within_the_bound_never_leaves_the_tube(norm: Any, case: str) -> None:
    variable: Any = "state"
    cell: Any
    if case in ("GRU", "LSTM"):
        cell, params = gated(GRU if case == "GRU" else LSTM)
    else:
        cell, params, variable = TWO, two(WEIGHT), case
    whole = dynamics.system(cell, params, input=[0.1], variable=variable)
    rng = np.random.default_rng(0)
    found = dynamics.noise_bound(cell, params, input=[0.1], variable=variable, norm=norm)
    for number in np.flatnonzero(found["bound"] > 0):
        one = found.isel(start=number)
        centre = np.concatenate([one[name].values[0] for name in ("state", "cell_state") if name in one])
        size = float(one["euclidean_bound"]) if norm == "adapted" else float(one["bound"])
        measure = _balls.MAXIMUM if norm == "max" else _balls.EUCLIDEAN
        states = np.tile(centre, (300, 1))
        for step in range(200):
            noise = rng.normal(size=states.shape)
            if step % 3:  # away from the attractor, which is where noise does most
                noise = states - centre + 1e-12 * noise
            states = whole.step(states) + noise * (size / np.maximum(measure.of(noise), 1e-300))[:, None]
            # Norms that are adapted are at least the Euclidean one.
            assert measure.of(states - centre).max() <= float(one["distance"]) * (1 + 1e-9)
    assert (found["bound"] > 0).any() or norm != "adapted"


def test_a_tube_leads_from_a_start_to_the_attractor() -> None:
    starts = np.array([[3.0], [1.5], [-4.0]])
    found = dynamics.noise_bound(LatchNeuron(w=2.0), variable="pre_activation", starts=starts)
    assert (found["bound"] > 0).all()
    radius = found["radius"].values
    assert (radius <= found["distance"].values[:, None]).all()
    assert (radius[:, 0] == 0).all()
    step_bound = (1 - found["factor"].values) * found["distance"].values[:, None]
    np.testing.assert_allclose(found["step_bound"], step_bound)
    np.testing.assert_allclose(found["bound"], step_bound.min(axis=1), rtol=1e-3)  # but for the rest of the path
    rng = np.random.default_rng(0)
    a = np.repeat(starts, 500, axis=1)
    bound = found["bound"].values[:, None]
    for step in range(1, found.sizes["step"]):
        a = 2 * np.tanh(a) + bound * np.where(rng.random(a.shape) < 0.5, -1, 1)
        assert (np.abs(a - found["state"].values[:, step]) <= radius[:, step, None] * (1 + 1e-12)).all()
    # A start on the attractor has what the attractor has.
    alone = dynamics.noise_bound(LatchNeuron(w=2.0), variable="pre_activation", starts=[latch.attractor(2.0)])
    np.testing.assert_allclose(alone["bound"], latch.latch_noise_bound(2.0).inputs, rtol=1e-5)


@pytest.mark.parametrize("norm", NORMS)
def test_bounds_in_other_words_are_within_the_bound(norm: Any) -> None:
    params = two(WEIGHT)
    found = dynamics.noise_bound(TWO, params, variable="pre_activation", norm=norm)
    whole = dynamics.system(TWO, params, variable="pre_activation")
    rng = np.random.default_rng(0)
    for number in range(found.sizes["start"]):
        one = found.isel(start=number)
        bound, orbit = float(one["bound"]), one["state"].values
        measures = [_balls.MAXIMUM if norm == "max" else _balls.EUCLIDEAN]
        if norm == "adapted":  # one of those that were tried
            measures = [_balls.adapted_norms(whole, orbit, share)[0] for share in (0.2, 0.5, 0.8)]
        euclidean = rng.normal(size=(1000, 2))
        euclidean *= float(one["euclidean_bound"]) / np.linalg.norm(euclidean, axis=1, keepdims=True)
        component = rng.choice([-1, 1], (1000, 2)) * float(one["component_bound"])
        inputs = rng.choice([-1, 1], (1000, 1)) * float(one["input_bound"]) @ params["weight_ih_l0"].T
        largest = [max(measure.of(u).max() for u in (euclidean, component, inputs)) for measure in measures]
        assert min(largest) <= bound * (1 + 1e-9)
        assert max(largest) > 0.5 * bound


def test_periodic_orbits_have_a_bound() -> None:
    params = two([[0.0, -2.0], [2.0, 0.0]])
    for norm in NORMS:
        found = dynamics.noise_bound(TWO, params, norm=norm)
        assert found["period"].values.tolist() == [4]
        whole, rng = dynamics.system(TWO, params), np.random.default_rng(0)
        size, distance = float(found["component_bound"][0]), float(found["distance"][0])
        states = np.tile(found["state"].values[0], (200, 1))
        point = states[:1]
        for _ in range(100):
            states = whole.step(states) + size * rng.choice([-1, 1], states.shape)
            point = whole.step(point)
            assert np.abs(states - point).max() <= distance


def test_where_nothing_is_guaranteed_it_is_said() -> None:
    # Both starts come to the attractor: one from where the slope is above 1, so that no ball has a factor below it.
    found = dynamics.noise_bound(LatchNeuron(w=2.0), variable="pre_activation", starts=[[0.5], [2.0]])
    assert found["bound"].values[0] == 0 < found["bound"].values[1]
    assert found["distance"].values[0] == 0
    assert (found["factor"].values[0] > 1).any()
    assert str(found["outcome"].values) == "of 2 starts, 1 have no distance with a factor below 1 at all steps"
    lost = dynamics.noise_bound(LatchNeuron(w=2.0), variable="pre_activation", starts=[[0.0]])
    assert str(lost["outcome"].values) == "of 1 starts, 1 come to no attractor"
    assert lost["attractor_number"].values.tolist() == [-1]
    assert lost["bound"].values.tolist() == [0.0]
    turning = dynamics.noise_bound(TWO, two([[1.5, -0.6], [0.5, 1.4]]), max_steps=300)
    assert str(turning["outcome"].values) == "no attractor found"
    assert turning.sizes["start"] == 0


def test_inputs_that_lead_nowhere_may_be_anything() -> None:
    params = two(WEIGHT) | {"weight_ih_l0": np.zeros((2, 1))}
    found = dynamics.noise_bound(TWO, params, variable="pre_activation")
    assert np.isinf(found["input_bound"]).all()
    assert "input_bound" not in dynamics.noise_bound(TWO, params)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dynamics.noise_bound(LatchNeuron(w=2.0), norm="one"), "norm is 'one'"),  # type: ignore[arg-type]
        (lambda: dynamics.noise_bound(LatchNeuron(w=2.0), distance=0), "distance is 0"),
        (lambda: dynamics.noise_bound(LatchNeuron(w=2.0), starts=[[1.0, 2.0]]), r"starts has shape \(1, 2\)"),
        (lambda: dynamics.noise_bound(LatchNeuron(w=2.0), starts=[1.0], box=[0, 1]), "box is given, and starts too"),
        (
            lambda: dynamics.noise_bound(VanillaRNN(inputs=1, hidden=2, activation="sign", bias=False), two(np.eye(2))),
            "must have a slope",
        ),
        (
            lambda: dynamics.noise_bound(dynamics.Map(lambda x: x / 2, lambda x: x, 1, bounds=[-1, 1])),
            "give it an enclosure",
        ),
    ],
)
def test_what_is_not_allowed_is_refused(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


def test_a_linear_network_stands_what_its_ball_has_room_for() -> None:
    # Its derivative is the same everywhere: the largest ball that is tried allows most.
    cell = VanillaRNN(inputs=1, hidden=2, bias=False, activation="linear")
    found = dynamics.noise_bound(cell, two([[0.5, 0.0], [0.0, 0.25]]), box=[-1, 1])
    np.testing.assert_allclose(found["bound"], 0.5 * found["distance"], rtol=1e-9)
    assert (found["distance"] >= 8).all()
