"""Lyapunov exponents: against closed forms, maps of the literature, determinants, and a QR decomposition at every step."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl
from network_cases import make_cell
from reference import jacobians as explicit
from reference import lyapunov as reference
from reference.networks import Structure, make_structure
from rnnlatch._dispatch import core
from rnnlatch.cells import LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Map, lyapunov_spectrum, system

Array = NDArray[np.float64]

LOGISTIC = Map(lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": 4.0})
LINEAR = VanillaRNN(inputs=1, hidden=4, activation="linear", bias=False)


def _henon(s: Array, a: float, b: float) -> Array:
    return np.stack([1 - a * s[:, 0] ** 2 + s[:, 1], b * s[:, 0]], axis=1)


def _henon_jacobian(s: Array, a: float, b: float) -> Array:
    found = np.zeros((len(s), 2, 2))
    found[:, 0, 0], found[:, 0, 1], found[:, 1, 0] = -2 * a * s[:, 0], 1, b
    return found


HENON = Map(_henon, _henon_jacobian, 2, {"a": 1.4, "b": 0.3})


def drawn(
    name: str, hidden: int = 5, time: int = 60, batch: int = 1, scale: float = 0.9
) -> tuple[Any, dict[str, Array], Array, Structure]:
    """A cell, parameters, sequences, and the structure as the reference has it."""
    cell = make_cell(name, inputs=2, hidden=hidden)
    rng = np.random.default_rng(0)
    params = {key: rng.normal(0, scale, value.shape) for key, value in cell.initial_parameters(0).items()}
    structure = make_structure(
        cell="VanillaRNN" if name == "diagonal" else cell.kind,
        activation=getattr(cell, "activation", "tanh"),
        diagonal=int(name == "diagonal"),
        hidden=hidden,
        outputs=cell.outputs or 0,
    )
    return cell, params, rng.normal(size=(batch, time, 2)), structure


def linear(weight: Any, steps: int, transient: int, **settings: Any) -> xr.Dataset:
    """The exponents of the powers of a matrix."""
    matrix = np.asarray(weight, np.float64)
    cell = VanillaRNN(inputs=1, hidden=len(matrix), activation="linear", bias=False)
    params = {"weight_ih_l0": np.zeros((len(matrix), 1)), "weight_hh_l0": matrix}
    return lyapunov_spectrum(cell, params, steps=steps, transient=transient, **settings)


# ---- maps whose exponents are known --------------------------------------------------------------------------------


@pytest.mark.isa
def test_the_logistic_map_at_r_4() -> None:
    steps = 20_000
    found = lyapunov_spectrum(LOGISTIC, initial_state=[0.3], steps=steps)
    # It is a tent map in other coordinates, so log |F'| is ln 2 plus g(F(x)) - g(x), and the sum over an orbit is off by
    # the difference of g at its two ends: beyond 30 with a probability of e^-30.
    assert abs(float(found["lyapunov_exponent"][0]) - np.log(2)) < 30 / steps
    assert float(found["kaplan_yorke_dimension"]) == 1
    assert found["lyapunov_exponent"].attrs["units"] == "nats per step"


@pytest.mark.isa
def test_the_henon_map() -> None:
    found = lyapunov_spectrum(HENON, initial_state=[0.1, 0.1], steps=40_000)
    # Its determinant is -0.3 everywhere: 40,000 logarithms, of which each product of determinants is rounded once.
    np.testing.assert_allclose(found["sum_of_exponents"].values, np.log(0.3), rtol=0, atol=1e-13)
    # J. C. Sprott, "Chaos and Time-Series Analysis", 2003, appendix A: 0.41922, -1.62319, dimension 1.25827. Five standard
    # errors: a false alarm in 2e6 orbits.
    first, error = (found[name].values for name in ("lyapunov_exponent", "standard_error"))
    np.testing.assert_allclose(first, [0.41922, -1.62319], rtol=0, atol=5 * error[0])
    assert 1e-4 < error[0] < 5e-3
    np.testing.assert_allclose(found["kaplan_yorke_dimension"], 1.25827, rtol=0, atol=5 * error[0])
    np.testing.assert_allclose(found["kaplan_yorke_dimension"], 1 + first[0] / -first[1], rtol=1e-14)


def test_maps_in_parts_are_the_reference() -> None:
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]

    def step(s: Array) -> Array:
        return np.asarray(np.sin(3 * s @ turn.T))

    def derivative(s: Array) -> Array:
        return np.asarray(3 * np.cos(3 * s @ turn.T)[:, :, None] * turn)

    state, jacobians = np.array([0.1, 0.2, 0.3]), []
    for _ in range(250):
        jacobians.append(derivative(state[None])[0])
        state = step(state[None])[0]
    basis = np.linalg.qr(np.random.default_rng(np.random.SeedSequence(0)).standard_normal((3, 3)))[0]
    expected = reference.log_growth(np.stack(jacobians), basis)
    found = lyapunov_spectrum(
        Map(step, derivative, 3), initial_state=[0.1, 0.2, 0.3], steps=200, transient=50, record=[1, 10, 100, 200]
    )
    order = np.argsort(-(expected[-1] - expected[49]))
    for step_number in (1, 10, 100, 200):
        grown = (expected[49 + step_number] - expected[49])[order] / step_number
        np.testing.assert_allclose(found["running"].sel(step=step_number), grown, rtol=0, atol=1e-11)
    # The core takes the Jacobians in any parts.
    whole, _ = core.lyapunov_of_jacobians(np.stack(jacobians), basis, np.array([250]))
    first, between = core.lyapunov_of_jacobians(np.stack(jacobians[:97]), basis, np.array([97]))
    last, _ = core.lyapunov_of_jacobians(np.stack(jacobians[97:]), between, np.array([153]))
    np.testing.assert_allclose(first + last, whole, rtol=0, atol=1e-11)


# ---- linear systems ------------------------------------------------------------------------------------------------


@pytest.mark.isa
def test_linear_systems_have_the_moduli_of_their_eigenvalues() -> None:
    rng = np.random.default_rng(0)
    basis = rng.normal(size=(6, 6))
    values = np.array([1.4, -1.1, 0.9, -0.6, 0.3, 0.05])
    found = linear(basis @ np.diag(values) @ np.linalg.inv(basis), 2000, 500)
    # The tangent vectors have come to their directions, up to (0.9 / 1.1)^500; what each step loses is the condition
    # of the eigenvectors times rounding, of the smallest 28 times larger.
    np.testing.assert_allclose(found["lyapunov_exponent"], np.log(np.abs(values)), rtol=0, atol=1e-11)
    assert (found["standard_error"] < 1e-11).all()
    # A pair of complex eigenvalues turns its plane: each exponent comes near as 1/steps, their sum at once.
    plane = 1.2 * np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    matrix = np.zeros((4, 4))
    matrix[:2, :2], matrix[2:, 2:], matrix[0, 3] = plane, plane / 2, 1.0
    pairs = linear(matrix, 2000, 200)["lyapunov_exponent"].values
    np.testing.assert_allclose(pairs, np.log([1.2, 1.2, 0.6, 0.6]), rtol=0, atol=5e-3)
    np.testing.assert_allclose(pairs.reshape(2, 2).sum(axis=1), 2 * np.log([1.2, 0.6]), rtol=0, atol=1e-12)


def test_growth_beyond_the_range_of_numbers() -> None:
    found = linear(np.diag([1e200, 1e-200, 1e-3]), 5000, 10)
    np.testing.assert_allclose(found["lyapunov_exponent"], np.log([1e200, 1e-3, 1e-200]), rtol=1e-12)


def test_a_hundred_thousand_steps_lose_no_digit() -> None:
    # A scaled rotation: all products of Jacobians are multiples of rotations.
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    found = linear(0.7 * turn, 100_000, 0)
    np.testing.assert_allclose(found["lyapunov_exponent"], np.log(0.7), rtol=0, atol=1e-14)


# ---- networks against a QR decomposition at every step -------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize("name", ["tanh", "logistic", "LSTM", "GRU"])
@pytest.mark.parametrize("hidden", [1, 5, 13])
def test_driven_networks(name: str, hidden: int) -> None:
    cell, params, inputs, structure = drawn(name, hidden)
    expected = reference.exponents(structure, params, inputs[0], 10)
    found = lyapunov_spectrum(cell, params, inputs, transient=10)
    # Both lose the condition of a step, up to 1e7 here, times rounding in the last exponents.
    np.testing.assert_allclose(found["lyapunov_exponent"], expected, rtol=0, atol=1e-8)
    alone = lyapunov_spectrum(cell, params, inputs[0], transient=10)
    xr.testing.assert_identical(alone, found)


def test_a_larger_network_in_blocks() -> None:
    cell, params, inputs, structure = drawn("tanh", 70, 40, scale=0.2)
    expected = reference.exponents(structure, params, inputs[0], 4)
    found = lyapunov_spectrum(cell, params, inputs)
    assert json.loads(found.attrs["parameters"])["transient"] == 4
    np.testing.assert_allclose(found["lyapunov_exponent"], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("hidden", [200, 213])
def test_wide_panels(hidden: int) -> None:
    rng = np.random.default_rng(1)
    jacobians = rng.normal(size=(5, hidden, hidden)) / np.sqrt(hidden)
    basis = np.linalg.qr(rng.normal(size=(hidden, hidden)))[0]
    found, vectors = core.lyapunov_of_jacobians(jacobians, basis, np.array([5]))
    np.testing.assert_allclose(found[-1], reference.log_growth(jacobians, basis)[-1], rtol=0, atol=1e-8)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(hidden), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", ["tanh", "LSTM"])
@pytest.mark.parametrize("count", [1, 3, 4])
def test_some_exponents_are_the_first_of_all(name: str, count: int) -> None:
    cell, params, inputs, _ = drawn(name)
    every = lyapunov_spectrum(cell, params, inputs, record=[1, 7, 54])
    some = lyapunov_spectrum(cell, params, inputs, exponents=count, record=[1, 7, 54])
    assert some.sizes["exponent"] == count
    np.testing.assert_allclose(some["lyapunov_exponent"], every["lyapunov_exponent"][:count], rtol=0, atol=1e-12)
    np.testing.assert_allclose(some["running"], every["running"][:, :count], rtol=0, atol=1e-11)


def test_a_diagonal_network_has_the_exponents_of_its_units() -> None:
    cell, params, inputs, structure = drawn("diagonal", 6, 80)
    diagonals = np.diagonal(explicit.jacobians(structure, params, inputs), axis1=1, axis2=2)
    expected = np.sort(np.log(np.abs(diagonals[8:])).mean(axis=0))[::-1]
    found = lyapunov_spectrum(cell, params, inputs)
    np.testing.assert_allclose(found["lyapunov_exponent"], expected, rtol=1e-12)
    first = lyapunov_spectrum(cell, params, inputs, exponents=2)
    np.testing.assert_array_equal(first["lyapunov_exponent"], found["lyapunov_exponent"][:2])


def test_one_unit_in_closed_form() -> None:
    latch = lyapunov_spectrum(LatchNeuron(), {"weight": 2.0}, input=0.3, initial_state=[0.1], steps=500)
    bar = float(rl.simulate(LatchNeuron(), {"weight": 2.0}, np.full((1, 1000, 1), 0.3))[0, -1, 0])
    np.testing.assert_allclose(latch["lyapunov_exponent"], [np.log(2 * (1 - bar**2))], rtol=1e-12)
    inputs = np.random.default_rng(0).normal(size=(300, 1))
    driven = lyapunov_spectrum(LatchNeuron(), 1.5, inputs, transient=0)
    states = rl.simulate(LatchNeuron(), {"weight": 1.5}, inputs[None])[0, :, 0]
    np.testing.assert_allclose(driven["lyapunov_exponent"], [np.log(1.5 * (1 - states**2)).mean()], rtol=1e-11)


def test_a_network_as_a_map_and_in_pre_activations() -> None:
    cell, params, _, _ = drawn("tanh", 4, scale=1.2)
    u = np.array([0.3, -0.2])
    network = lyapunov_spectrum(cell, params, input=u, steps=300, transient=100)
    mapped = lyapunov_spectrum(system(cell, params, input=u), initial_state=np.zeros(4), steps=300, transient=100)
    np.testing.assert_allclose(mapped["lyapunov_exponent"], network["lyapunov_exponent"], rtol=0, atol=1e-10)
    repeated = lyapunov_spectrum(cell, params, np.tile(u, (400, 1)), transient=100)
    np.testing.assert_array_equal(repeated["lyapunov_exponent"], network["lyapunov_exponent"])
    # a -> W phi(a) + c has the same exponents: a product of its Jacobians differs by one factor at either end.
    other = system(cell, params, input=u, variable="pre_activation")
    turned = lyapunov_spectrum(other, initial_state=np.zeros(4), steps=2000, transient=500)
    same = lyapunov_spectrum(cell, params, input=u, steps=2000, transient=500)
    np.testing.assert_allclose(turned["lyapunov_exponent"], same["lyapunov_exponent"], rtol=0, atol=2e-2)


def test_the_order_and_the_signs_of_units_do_not_matter() -> None:
    cell, params, inputs, _ = drawn("tanh", 7, 3000, scale=1.1)
    rng = np.random.default_rng(5)
    order, signs = rng.permutation(7), rng.choice([-1.0, 1.0], 7)
    other = {
        "weight_ih_l0": (signs[:, None] * params["weight_ih_l0"])[order],
        "weight_hh_l0": (signs[:, None] * params["weight_hh_l0"] * signs)[np.ix_(order, order)],
        "bias_ih_l0": (signs * params["bias_ih_l0"])[order],
        "bias_hh_l0": (signs * params["bias_hh_l0"])[order],
    }
    a, b = (lyapunov_spectrum(cell, each, inputs, transient=300) for each in ({**params}, {**params, **other}))
    np.testing.assert_allclose(a["sum_of_exponents"], b["sum_of_exponents"], rtol=1e-10)
    # Tangent vectors begin in other directions, which the transient has forgotten up to the exponents' distances.
    np.testing.assert_allclose(a["lyapunov_exponent"], b["lyapunov_exponent"], rtol=0, atol=1e-6)


# ---- what becomes of digits, and of directions that vanish ---------------------------------------------------------


@pytest.mark.isa
def test_saturated_units_keep_their_digits() -> None:
    rng = np.random.default_rng(0)
    weight, push = rng.normal(size=(12, 12)), rng.uniform(-60, 60, (12, 1))
    cell = VanillaRNN(inputs=1, hidden=12, bias=False)
    inputs = rng.uniform(0.5, 2, (200, 1))
    found = lyapunov_spectrum(cell, {"weight_ih_l0": push, "weight_hh_l0": weight}, inputs, transient=0)
    h = np.zeros(12)
    total = 200 * np.linalg.slogdet(weight)[1]
    for u in inputs[:, 0]:
        a = np.abs(weight @ h + push[:, 0] * u)
        total += (np.log(4) - 2 * a - 2 * np.log1p(np.exp(-2 * a))).sum()  # of 1 - tanh(a)^2
        h = np.tanh(weight @ h + push[:, 0] * u)
    # The determinant of a product is the product of determinants: slopes down to e^-240.
    np.testing.assert_allclose(found["sum_of_exponents"], total / 200, rtol=1e-11)
    assert found["lyapunov_exponent"].values[-1] < -100


@pytest.mark.parametrize("hidden", [40, 100])
def test_what_an_elimination_would_lose(hidden: int) -> None:
    # Wilkinson's matrix, whose elimination grows by 2^(hidden - 1): the steps are done by reflections.
    rng = np.random.default_rng(0)
    wilkinson = np.eye(hidden) - np.tril(np.ones((hidden, hidden)), -1)
    wilkinson[:, -1] = 1
    jacobians = np.stack([wilkinson * rng.uniform(0.5, 2, hidden) for _ in range(10)])
    for basis in (np.eye(hidden), np.linalg.qr(rng.normal(size=(hidden, hidden)))[0]):
        found, _ = core.lyapunov_of_jacobians(jacobians, basis, np.array([10]))
        np.testing.assert_allclose(found[-1], reference.log_growth(jacobians, basis)[-1], rtol=0, atol=1e-8)


@pytest.mark.isa
def test_directions_that_vanish() -> None:
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(20, 6)) @ rng.normal(size=(6, 20)) / 20
    found = linear(weight, 50, 5)
    values = found["lyapunov_exponent"].values
    assert np.isfinite(values[:6]).all()
    assert (values[6:] == -np.inf).all()
    assert np.isfinite(found["standard_error"][:6]).all()
    assert np.isnan(found["standard_error"][6:]).all()
    assert float(found["sum_of_exponents"]) == -np.inf
    moduli = np.sort(np.abs(np.linalg.eigvals(weight)))[::-1][:6]
    np.testing.assert_allclose(values[:6].sum(), np.log(moduli).sum(), rtol=0, atol=1e-11)
    # A direction that vanishes leaves the others alone, whichever column it is.
    for order in ([0.0, 2.0, 0.5], [2.0, 0.0, 0.5], [0.5, 2.0, 0.0]):
        growth, vectors = core.lyapunov_of_jacobians(np.stack([np.diag(order)] * 4), np.eye(3), np.array([1, 4]))
        with np.errstate(divide="ignore"):
            np.testing.assert_allclose(growth, np.outer([1, 4], np.log(order)), rtol=1e-15)
        np.testing.assert_array_equal(vectors.any(axis=0), np.array(order) > 0)
    # It vanishes when it does, and stays so.
    jacobians = rng.normal(size=(40, 7, 7))
    jacobians[10, 3], jacobians[20, 4:6] = 0, 0  # of seven dimensions one goes, and two, of which one is gone
    growth, vectors = core.lyapunov_of_jacobians(jacobians, np.eye(7), np.array([10, 11, 20, 21, 40]))
    np.testing.assert_array_equal((growth == -np.inf).sum(axis=1), [0, 1, 1, 2, 2])
    again, _ = core.lyapunov_of_jacobians(rng.normal(size=(3, 7, 7)), vectors, np.array([3]))
    assert (again == -np.inf).sum() == 2
    zero, _ = core.lyapunov_of_jacobians(np.zeros((2, 3, 3)), np.eye(3), np.array([1, 2]))
    assert (zero == -np.inf).all()


def test_rectified_units_that_are_off() -> None:
    cell = VanillaRNN(inputs=1, hidden=3, activation="relu", bias=False)
    weight = np.full((3, 3), 0.2) + np.eye(3)
    weight[1] *= -1
    params = {"weight_ih_l0": np.array([[1.0], [-1.0], [1.0]]), "weight_hh_l0": weight}
    found = lyapunov_spectrum(cell, params, input=1.0, steps=40, transient=60)
    # Two units are on, and their block of the weights is [[1.2, 0.2], [0.2, 1.2]].
    np.testing.assert_allclose(found["lyapunov_exponent"], [np.log(1.4), 0, -np.inf], rtol=0, atol=1e-12)
    assert float(found["kaplan_yorke_dimension"]) == 2


# ---- what never ends ----------------------------------------------------------------------------------------------


def test_a_state_that_leaves_the_numbers_is_labelled() -> None:
    params = {"weight_ih_l0": np.ones((4, 1)), "weight_hh_l0": 2.0 * np.eye(4)}
    inputs = np.ones((1, 2000, 1))
    with np.errstate(over="ignore"):
        states = rl.simulate(LINEAR, params, inputs)[0]
    step = int(np.flatnonzero(~np.isfinite(states).all(axis=1))[0]) + 1
    found = lyapunov_spectrum(LINEAR, params, inputs, record=[100, 1500])
    assert int(found["diverged"]) == step
    assert np.isnan(found["lyapunov_exponent"]).all()
    assert np.isnan(found["kaplan_yorke_dimension"])
    np.testing.assert_allclose(found["running"][0], np.log(2), rtol=1e-12)
    assert np.isnan(found["running"][1]).all()
    # Of several sequences, the others are as they are alone.
    both = lyapunov_spectrum(LINEAR, params, np.concatenate([inputs, 0 * inputs]))
    np.testing.assert_array_equal(both["diverged"], [step, -1])
    np.testing.assert_allclose(both["lyapunov_exponent"][1], np.log(2), rtol=1e-12)
    escaped = lyapunov_spectrum(HENON, initial_state=[2.0, 2.0], steps=100, transient=0, record=[1, 100])
    assert 5 < int(escaped["diverged"]) < 20
    assert np.isfinite(escaped["running"][0]).all()
    assert np.isnan(escaped["lyapunov_exponent"]).all()


# ---- estimates, errors, labels -------------------------------------------------------------------------------------


def test_running_estimates_and_their_steps() -> None:
    cell, params, inputs, structure = drawn("tanh", 4, 200)
    matrices = explicit.jacobians(structure, params, inputs)
    basis = np.linalg.qr(np.random.default_rng(np.random.SeedSequence(0)).standard_normal((4, 4)))[0]
    expected = reference.log_growth(matrices, basis)
    found = lyapunov_spectrum(cell, params, inputs, transient=0, record=np.arange(1, 201))
    order = np.argsort(-expected[-1])
    np.testing.assert_allclose(found["running"], (expected / np.arange(1, 201)[:, None])[:, order], rtol=0, atol=1e-12)
    np.testing.assert_array_equal(found["running"][-1], found["lyapunov_exponent"])
    few = lyapunov_spectrum(cell, params, inputs, transient=0, record=4)
    np.testing.assert_array_equal(few["step"], [1, 6, 34, 200])
    np.testing.assert_array_equal(few["lyapunov_exponent"], found["lyapunov_exponent"])
    for spacing in ("log", "linear"):
        once = lyapunov_spectrum(cell, params, inputs, transient=0, record=1, spacing=spacing)
        np.testing.assert_array_equal(once["step"], [200])
    spaced = lyapunov_spectrum(cell, params, inputs, transient=0, record=4, spacing="linear")
    np.testing.assert_array_equal(spaced["step"], [50, 100, 150, 200])
    assert "running" not in lyapunov_spectrum(cell, params, inputs, record=None)
    errors = np.diff(expected[9::10], axis=0, prepend=0)[:, order] / 10
    np.testing.assert_allclose(found["standard_error"], errors.std(axis=0, ddof=1) / np.sqrt(20), rtol=1e-9)


def test_the_standard_error_is_that_of_many_orbits() -> None:
    inputs = np.random.default_rng(0).normal(size=(60, 2000, 1))
    found = lyapunov_spectrum(LatchNeuron(), 1.5, inputs)
    ratio = found["lyapunov_exponent"].values.std(ddof=1) / np.sqrt((found["standard_error"] ** 2).mean())
    # chi-squared with 59 degrees of freedom: beyond these once in 1e4.
    assert 0.66 < float(ratio) < 1.37


def test_sequences_networks_and_threads() -> None:
    cell, params, inputs, _ = drawn("GRU", 4, 50, batch=3)
    many = {name: np.stack([value, 0.7 * value]) for name, value in params.items()}
    found = lyapunov_spectrum(cell, many, inputs, threads=1)
    assert found["lyapunov_exponent"].dims == ("run", "sequence", "exponent")
    assert found["running"].dims == ("run", "sequence", "step", "exponent")
    assert found["diverged"].dims == ("run", "sequence")
    xr.testing.assert_identical(found, lyapunov_spectrum(cell, many, inputs, threads=3))
    for run, scale in enumerate((1.0, 0.7)):
        one = {name: scale * value for name, value in params.items()}
        alone = lyapunov_spectrum(cell, one, inputs[2])
        np.testing.assert_array_equal(alone["running"], found["running"][run, 2])
    start = np.random.default_rng(1).normal(size=(3, 4))
    begun = lyapunov_spectrum(cell, params, inputs, initial_state=start)
    assert (begun["lyapunov_exponent"] != found["lyapunov_exponent"][0]).all()


def test_what_a_dataset_says() -> None:
    cell, params, inputs, _ = drawn("LSTM", 3)
    found = lyapunov_spectrum(cell, params, inputs, rng=7)
    assert json.loads(found.attrs["rng"])["entropy"] == 7
    assert json.loads(found.attrs["parameters"])["driven"] is True
    assert found.sizes["exponent"] == 6
    mapped = lyapunov_spectrum(HENON, initial_state=[0.1, 0.1], steps=50)
    assert mapped.attrs["system"].startswith("map")
    for data in (found, mapped):
        assert "Benettin" in data.attrs["source"]
        for variable in data.variables.values():
            assert variable.attrs["long_name"]
            assert variable.attrs["units"]
        assert (np.diff(data["lyapunov_exponent"]) <= 0).all()
    assert np.isnan(lyapunov_spectrum(HENON, initial_state=[0.1, 0.1], exponents=1)["kaplan_yorke_dimension"])


def test_bad_input() -> None:
    cell, params, inputs, _ = drawn("tanh")
    cases: list[tuple[type[Exception], str, Any]] = [
        (TypeError, "cell is 3 (int); it must be a cell", lambda: lyapunov_spectrum(3)),  # type: ignore[arg-type]
        (TypeError, "params is None", lambda: lyapunov_spectrum(cell)),
        (ValueError, "steps and inputs", lambda: lyapunov_spectrum(cell, params, inputs, steps=3)),
        (ValueError, "input and inputs", lambda: lyapunov_spectrum(cell, params, inputs, input=[1, 2])),
        (ValueError, "input has shape", lambda: lyapunov_spectrum(cell, params, input=[1, 2, 3])),
        (ValueError, "input is nan", lambda: lyapunov_spectrum(cell, params, input=[1, np.nan])),
        (ValueError, "inputs has shape", lambda: lyapunov_spectrum(cell, params, inputs[:, :, :1])),
        (ValueError, "inputs is given and cell is a map", lambda: lyapunov_spectrum(HENON, None, inputs)),
        (ValueError, "params is given and cell is a map", lambda: lyapunov_spectrum(HENON, params)),
        (TypeError, "initial_state is None", lambda: lyapunov_spectrum(HENON)),
        (ValueError, "initial_state has shape", lambda: lyapunov_spectrum(HENON, initial_state=[1.0])),
        (ValueError, "initial_state is nan", lambda: lyapunov_spectrum(HENON, initial_state=[1.0, np.nan])),
        (ValueError, "transient is 60", lambda: lyapunov_spectrum(cell, params, inputs, transient=60)),
        (ValueError, "steps is 0", lambda: lyapunov_spectrum(cell, params, steps=0)),
        (ValueError, "exponents is 6", lambda: lyapunov_spectrum(cell, params, inputs, exponents=6)),
        (ValueError, "batches is 1", lambda: lyapunov_spectrum(cell, params, inputs, batches=1)),
        (ValueError, "record is 0", lambda: lyapunov_spectrum(cell, params, inputs, record=0)),
        (ValueError, "record has 55", lambda: lyapunov_spectrum(cell, params, inputs, record=[1, 55])),
        (TypeError, "record has dtype", lambda: lyapunov_spectrum(cell, params, inputs, record=[1.5])),
        (ValueError, "spacing is 'even'", lambda: lyapunov_spectrum(cell, params, inputs, spacing="even")),
        (ValueError, "threads is 0", lambda: lyapunov_spectrum(cell, params, inputs, threads=0)),
    ]
    for kind, words, call in cases:
        with pytest.raises(kind, match=re.escape(words)):
            call()


def test_what_the_core_refuses() -> None:
    cell, params, inputs, _ = drawn("tanh")
    given = {name: params[name] for name in params if name.endswith("_l0")}

    def run(**changes: Any) -> Any:
        arguments: dict[str, Any] = {"basis": np.eye(5), "transient": 10, "steps": 50, "records": np.array([50])}
        arguments |= changes
        return core.lyapunov(cell.structure(), given, inputs, None, threads=1, **arguments)

    assert run()["log_growth"].shape == (1, 1, 5)
    for changes, words in (
        ({"steps": 51}, "inputs must have"),
        ({"basis": np.eye(4)}, "basis has shape"),
        ({"basis": np.ones((5, 6))}, "basis must have 1 to state size columns"),
        ({"records": np.array([50, 50])}, "records must rise"),
        ({"records": np.array([51])}, "records must rise"),
        ({"records": np.array([], np.int64)}, "records is empty"),
        ({"transient": -1}, "transient must be at least 0"),
    ):
        with pytest.raises(ValueError, match=words):
            run(**changes)
    with pytest.raises(ValueError, match="square"):
        core.lyapunov_of_jacobians(np.zeros((2, 3, 2)), np.eye(3), np.array([1]))
