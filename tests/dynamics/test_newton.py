"""Newton's method from many starts: against SciPy, what does not depend on the starts' order, and what was not seen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import root

from dynamics.maps import Array, logistic_map, network, reference_map, rotation
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map, fixed_points, system
from rnnlatch.dynamics._groups import distinct, groups, in_order
from rnnlatch.dynamics.newton import chao1, default_starts, newton, starting_states
from rnnlatch.rng import normalise


@pytest.mark.parametrize("name", ["tanh", "logistic", "diagonal", "LSTM", "GRU"])
def test_scipy_finds_the_same_points(name: str) -> None:
    cell, params, u, structure = network(name, hidden=8)
    one = system(cell, params, input=u)
    found = fixed_points(cell, params, input=u, starts=50)
    assert str(found["outcome"].values) == "searched"
    assert found.sizes["fixed_point"] >= 1
    step, jacobian = reference_map(structure, params, u, "state")
    names = ["state", "cell_state"][: 1 + (name == "LSTM")]
    states = np.concatenate([found[part].values for part in names], axis=1)

    def gap(s: Array) -> Array:
        return np.asarray(step(s) - s)

    def slope(s: Array) -> Array:
        return np.asarray(jacobian(s) - np.eye(len(s)))

    for i, state in enumerate(states):
        solved = root(gap, state + 1e-4, jac=slope, tol=1e-14)
        assert state == pytest.approx(solved.x, abs=1e-11)
        values = np.linalg.eigvals(jacobian(solved.x))
        order = np.abs(values).argsort()[::-1]
        moduli = np.hypot(found["eigenvalue_real"].values[i], found["eigenvalue_imag"].values[i])
        assert moduli == pytest.approx(np.abs(values)[order], abs=1e-9)
        assert bool(found["stable"][i]) == bool((np.abs(values) < 1).all())
        assert int(found["index"][i]) == int((np.abs(values) > 1).sum())
        assert int(found["topological_index"][i]) == int(np.sign(np.linalg.det(np.eye(len(values)) - jacobian(state))))
    assert found["found"].sum() == found.attrs["converged_starts"]
    assert found["residual"].max() < 1e-14
    assert one.step(states) == pytest.approx(states, abs=1e-14)


def chaotic(hidden: int, seed: int) -> tuple[VanillaRNN, dict[str, Array]]:
    cell = VanillaRNN(inputs=1, hidden=hidden, bias=False)
    weight = np.random.default_rng(seed).normal(0, 1.8 / np.sqrt(hidden), (hidden, hidden))
    return cell, {"weight_ih_l0": np.zeros((hidden, 1)), "weight_hh_l0": weight}


def test_the_order_of_starts_makes_no_difference() -> None:
    cell, params = chaotic(20, seed=1)
    starts = np.random.default_rng(0).uniform(-1, 1, (150, 20))
    found = fixed_points(cell, params, starts=starts)
    assert found.sizes["fixed_point"] > 2
    for seed in range(3):
        other = fixed_points(cell, params, starts=np.random.default_rng(seed).permutation(starts))
        assert other["found"].values.tolist() == found["found"].values.tolist()
        assert other["state"].values == pytest.approx(found["state"].values, abs=1e-12)
    # Without input and bias every point has its mirror image, and so has every start here.
    mirrored = fixed_points(cell, params, starts=np.concatenate([starts, -starts]))["state"].values
    assert mirrored == pytest.approx(-mirrored[::-1], abs=1e-12)


def test_more_starts_begin_with_the_same() -> None:
    one = system(*chaotic(5, seed=0))
    assert one.box is not None
    few, many = (starting_states(one, one.box, count, normalise(3)) for count in (10, 40))
    assert (few == many[:10]).all()
    assert (many != starting_states(one, one.box, 40, normalise(4))).any()
    assert ((many >= -1) & (many <= 1)).all()


def test_starts_that_diverge_stay_in_the_box() -> None:
    fast = system(Map(lambda x: 1e200 * x**3, lambda x: 3e200 * x[:, :, None] ** 2, 1))
    states = starting_states(fast, np.array([[1.0, 2.0]]), 20, normalise(0))
    assert np.isfinite(states).all()

    def step(s: np.ndarray) -> np.ndarray:
        return np.stack([1e200 * s[:, 0] ** 3, s[:, 1] / 2], axis=1)

    def jacobian(s: np.ndarray) -> np.ndarray:
        return np.stack([np.stack([3e200 * s[:, 0] ** 2, 0 * s[:, 1]], axis=1), np.tile([0, 0.5], (len(s), 1))], axis=1)

    half = starting_states(system(Map(step, jacobian, 2)), np.array([[1.0, 2.0], [1.0, 2.0]]), 20, normalise(0))
    assert np.isfinite(half).all(), "one number that diverges is enough to stay"
    found = newton(fast, np.array([[1e-120], [1e100], [np.nan]]))
    assert found.converged.tolist() == [True, False, False]
    assert found.states[0, 0] == 0


def test_nothing_found_is_an_outcome() -> None:
    away = Map(lambda x: x + 1.0, lambda x: np.ones((*x.shape, 1)), 1)
    found = fixed_points(away, box=(-5, 5))
    assert str(found["outcome"].values) == "searched: nothing found"
    assert found["state"].shape == (0, 1)
    assert found["unseen"] == 0
    assert found.attrs["converged_starts"] == 0


def test_only_what_is_in_the_box_counts() -> None:
    found = fixed_points(logistic_map(3.2), box=(0.5, 1), complete=False)
    assert found["state"].values.ravel() == pytest.approx([1 - 1 / 3.2], abs=1e-15)
    starts = np.array([0.01, 0.6])  # single numbers are states of one number
    found = fixed_points(logistic_map(3.2), starts=starts)
    assert found["state"].values.ravel() == pytest.approx([0, 1 - 1 / 3.2], abs=1e-15)


def test_thresholds_are_searched() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, activation="sign", bias=False)
    found = fixed_points(cell, {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([[1.0, 0.5], [0.5, 1.0]])})
    assert found["state"].values.tolist() == [[-1, -1], [-1, 1], [1, -1], [1, 1]]
    assert found["stable"].all()


def test_a_singular_map_has_a_step_all_the_same() -> None:
    # The second number may be anything: the shortest step leaves it where it is.
    flat = system(Map(lambda s: s * [0.5, 1.0], lambda s: np.tile(np.diag([0.5, 1.0]), (len(s), 1, 1)), 2))
    found = newton(flat, np.array([[1.0, 0.3], [-2.0, 0.7]]))
    assert found.states == pytest.approx(np.array([[0, 0.3], [0, 0.7]]), abs=1e-15)
    assert found.converged.all()


def test_a_double_root_is_found_once() -> None:
    threshold = float(np.sqrt(2) - np.arctanh(np.sqrt(0.5)))
    found = fixed_points(LatchNeuron(w=2.0), input=-threshold, complete=False)
    assert found["state"].values.ravel() == pytest.approx([-0.9867841, np.sqrt(0.5)], abs=1e-6)
    assert found["topological_index"].values.tolist() == [1, 0]
    assert (found["found"] > 10).all()


def test_large_networks_are_affordable() -> None:
    rng = np.random.default_rng(0)
    cell = VanillaRNN(inputs=1, hidden=300)
    params = {name: rng.normal(0, 0.9 / np.sqrt(300), shape) for name, shape in cell.parameter_shapes.items()}
    found = fixed_points(cell, params, starts=4)
    assert found.sizes["fixed_point"] == 1
    assert found["found"].values.tolist() == [4]
    assert (default_starts(3), default_starts(200), default_starts(1024)) == (1000, 125, 32)


def test_unseen_points() -> None:
    assert chao1(np.array([5, 3, 7])) == 0
    assert chao1(np.array([1, 1, 1, 2, 2, 10])) == pytest.approx(16 / 17 * 3 * 2 / (2 * 3))
    assert chao1(np.array([], np.int64)) == 0
    assert chao1(np.array([1])) == 0


def test_the_estimate_of_unseen_points_is_no_wild_guess() -> None:
    # Of 27 points with equal chances 25 draws see about 16; Chao's lower bound is right on average in that case.
    # The mean of 400 samples has a standard error of about 0.5: wrong by 2.5 happens once in 1e6.
    rng = np.random.default_rng(0)
    missed, guessed = [], []
    for _ in range(400):
        counts = np.bincount(rng.integers(27, size=25), minlength=27)
        missed.append((counts == 0).sum())
        guessed.append(chao1(counts[counts > 0]))
    assert np.mean(guessed) == pytest.approx(np.mean(missed), abs=2.5)


def test_seeds_make_the_difference() -> None:
    cell, params = chaotic(50, seed=2)
    a, b, c = (fixed_points(cell, params, starts=30, rng=seed) for seed in (0, 0, 1))
    assert a.identical(b)
    assert a.attrs["rng"] != c.attrs["rng"]


def test_points_by_place() -> None:
    points = np.array([[1.0, 0.0], [1e-17, 2.0], [0.0, 1.0], [1.0, 0.0]])
    radius = np.full(4, 1e-12)
    assert in_order(points, radius).tolist() == [2, 1, 0, 3]
    chosen, label = distinct(points, radius, np.array([1.0, 0.0, 0.0, 0.5]))
    assert chosen.tolist() == [2, 1, 3]
    assert label.tolist() == [2, 1, 0, 2]
    assert groups(np.zeros((0, 2)), np.zeros((0, 2))).shape == (0,)
    low = np.array([[0.0, 0.0], [0.5, 5.0], [0.9, 0.5]])
    assert len(set(groups(low, low + 1).tolist())) == 2


def test_four_steps_of_a_rotation() -> None:
    cell, params = rotation(2.0)
    assert fixed_points(cell, params)["state"].values == pytest.approx(np.zeros((1, 2)), abs=1e-15)
