"""Memory horizons: against closed forms, products of explicit Jacobians, and runs in NumPy."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl
from network_cases import make_cell
from reference import dynamics
from reference import jacobians as explicit
from reference.networks import make_structure
from rnnlatch.cells import VanillaRNN
from rnnlatch.dynamics import memory_horizon

Array = NDArray[np.float64]

LEAKY = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)


def leaky(keep: float) -> dict[str, Array]:
    return {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.array([[keep]])}


def drawn(name: str, time: int = 40, batch: int = 2, scale: float = 0.6) -> tuple[Any, dict[str, Array], Array, Any]:
    """A cell, parameters, sequences, and the structure as the reference has it."""
    cell = make_cell(name, inputs=2, hidden=4)
    rng = np.random.default_rng(1)
    params = {key: rng.normal(0, scale, value.shape) for key, value in cell.initial_parameters(0).items()}
    structure = make_structure(
        cell="VanillaRNN" if name == "diagonal" else cell.kind,
        activation=getattr(cell, "activation", "tanh"),
        diagonal=int(name == "diagonal"),
        hidden=4,
        outputs=cell.outputs or 0,
    )
    return cell, params, rng.normal(size=(batch, time, 2)), structure


def from_where_below(row: Array, lags: NDArray[np.integer[Any]], share: float) -> float:
    """The first lag from which on all are below, the long way."""
    for place, lag in enumerate(lags):
        if (row[place:] < share).all():
            return float(lag)
    return np.inf


@pytest.mark.parametrize("keep", [0.31, 0.9, 0.99, -0.8])
def test_a_leaky_unit_in_closed_form(keep: float) -> None:
    shares = [0.7, 0.3, 0.05, 1e-3]
    found = memory_horizon(LEAKY, leaky(keep), np.ones((1, 60, 1)), np.ones((1, 1)), shares=shares)
    exact = np.floor(np.log(shares) / np.log(abs(keep))) + 1
    exact[exact > 60] = np.inf
    for name in ("horizon", "gradient_horizon", "perturbation_horizon"):
        np.testing.assert_array_equal(found[name], exact)
        np.testing.assert_array_equal(found[f"median_{name}"], exact)
        words = np.where(np.isinf(exact), "beyond the sequence", "reached")
        np.testing.assert_array_equal(found[f"{name}_outcome"], words)
    lag = np.arange(61)
    np.testing.assert_allclose(found["log_spectral"], lag * np.log(abs(keep)), rtol=1e-12)
    # The distance is the difference of two states of about 1, each rounded; it is 0.01 times what is left.
    np.testing.assert_allclose(
        np.exp(found["log_perturbation"]), abs(keep) ** found["perturbed_lag"], rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("name", ["tanh", "relu", "diagonal", "LSTM", "GRU"])
def test_against_explicit_jacobians(name: str) -> None:
    cell, params, inputs, structure = drawn(name)
    targets = np.random.default_rng(2).normal(size=(2, 4))
    found = memory_horizon(cell, params, inputs, targets)
    assert found["horizon"].dims == ("sequence", "share")
    for b in range(2):
        steps = explicit.jacobians(structure, params, inputs, b=b)
        products = explicit.products(steps)
        norms = np.array([np.linalg.norm(product, 2) for product in products])
        last = rl.simulate(cell, params, inputs)[b, -1]
        seed = np.concatenate([last - targets[b], np.zeros(len(steps[0]) - 4)])
        gradients = np.linalg.norm(seed @ products, axis=1)
        lags = np.arange(41)
        for s, share in enumerate((0.5, 0.1, 0.01)):
            assert float(found["horizon"][b, s]) == from_where_below(norms, lags, share)
            assert float(found["gradient_horizon"][b, s]) == from_where_below(gradients / gradients[0], lags, share)
    np.testing.assert_array_equal(found["median_horizon"], np.median(found["horizon"], axis=0))


@pytest.mark.parametrize("name", ["tanh", "diagonal", "LSTM", "GRU"])
def test_nudged_runs(name: str) -> None:
    cell, params, inputs, structure = drawn(name, time=12, batch=1)
    start = np.random.default_rng(4).normal(size=(len(cell.states), 4))
    given = tuple(part[None] for part in start) if len(start) > 1 else start[0][None]
    found = memory_horizon(
        cell, params, inputs, perturbed_lags=[1, 5, 12], perturbation=0.3, directions=3, initial_state=given
    )
    directions = np.random.default_rng(np.random.SeedSequence(0)).standard_normal((3, start.size))
    directions /= np.linalg.norm(directions, axis=1)[:, None]

    def run(state: Array, first: int) -> list[Array]:
        path = [state]
        for u in inputs[0, first:]:
            step, _ = dynamics.state_map(structure, params, u)
            path.append(step(path[-1]))
        return path

    path = run(start.ravel(), 0)
    size = 0.3 * np.sqrt(np.mean([state @ state for state in path]))
    for lag in (1, 5, 12):
        ends = [run(path[12 - lag] + size * d, 12 - lag)[-1] - path[-1] for d in directions]
        expected = np.sqrt(np.mean([end @ end for end in ends])) / size
        np.testing.assert_allclose(
            np.exp(found["log_perturbation"].sel(perturbed_lag=lag)), expected, rtol=1e-10, atol=1e-13
        )


def test_small_nudges_are_derivatives_and_large_ones_are_not() -> None:
    cell = VanillaRNN(inputs=1, hidden=1, bias=False)
    latch = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.array([[2.0]])}
    inputs = np.zeros((1, 50, 1))
    inputs[0, :5] = 0.5
    small = memory_horizon(cell, latch, inputs, perturbation=1e-6)
    np.testing.assert_allclose(np.exp(small["log_perturbation"][:6]), np.exp(small["log_spectral"][1:7]), rtol=1e-4)
    assert np.isfinite(small["horizon"]).all()
    # A nudge of three times the state carries it over to the other attractor whenever it points there: two thirds of the
    # nudge are left, in half of the directions.
    large = memory_horizon(cell, latch, inputs, perturbation=3.0)
    assert (large["perturbation_horizon"][1:] == np.inf).all()
    assert (large["perturbation_horizon_outcome"][1:] == "beyond the sequence").all()
    np.testing.assert_array_equal(large["horizon"], small["horizon"])


def test_lengths_are_as_if_alone() -> None:
    cell, params, inputs, _ = drawn("tanh", 30, 3)
    lengths = np.array([30, 12, 7])
    found = memory_horizon(cell, params, inputs, lengths=lengths, shares=[0.5, 0.2])
    for b, length in enumerate(lengths):
        alone = memory_horizon(cell, params, inputs[b : b + 1, 30 - length :], shares=[0.5, 0.2])
        for name in ("horizon", "perturbation_horizon"):
            np.testing.assert_array_equal(found[name][b], alone[name])
        np.testing.assert_allclose(found["log_perturbation"][b, :length], alone["log_perturbation"], rtol=1e-9)
        assert np.isnan(found["log_perturbation"][b, length:]).all()
    far = memory_horizon(cell, params, inputs, lengths=lengths, perturbed_lags=[20])
    np.testing.assert_array_equal(far["perturbation_horizon_outcome"][1:], "beyond the sequence")


def test_networks_and_threads() -> None:
    cell, params, inputs, _ = drawn("GRU", 20)
    many = {name: np.stack([value, 1.2 * value]) for name, value in params.items()}
    found = memory_horizon(cell, many, inputs, threads=1)
    assert found["horizon"].dims == ("run", "sequence", "share")
    assert found["median_horizon"].dims == ("run", "share")
    xr.testing.assert_identical(found, memory_horizon(cell, many, inputs, threads=2))
    for run, scale in enumerate((1.0, 1.2)):
        alone = memory_horizon(cell, {name: scale * value for name, value in params.items()}, inputs)
        np.testing.assert_array_equal(alone["horizon"], found["horizon"][run])
        np.testing.assert_allclose(alone["log_perturbation"], found["log_perturbation"][run], rtol=1e-9)


def test_what_there_is_no_share_of_is_labelled() -> None:
    inputs = np.ones((2, 10, 1))
    last = rl.simulate(LEAKY, leaky(0.5), inputs)[:, -1]
    found = memory_horizon(LEAKY, leaky(0.5), inputs, last + np.array([[0.0], [1.0]]))
    np.testing.assert_array_equal(found["gradient_horizon_outcome"][0], "nothing at lag 0")
    assert np.isnan(found["gradient_horizon"][0]).all()
    np.testing.assert_array_equal(found["median_gradient_horizon"], found["gradient_horizon"][1])
    # What explodes beyond the range of numbers.
    exploding = memory_horizon(LEAKY, leaky(100.0), np.ones((1, 200, 1)))
    np.testing.assert_array_equal(exploding["horizon_outcome"], "beyond the sequence")
    np.testing.assert_array_equal(exploding["perturbation_horizon_outcome"], "not finite")
    # States that are all zero are nudged by `perturbation` itself.
    still = memory_horizon(LEAKY, leaky(0.5), np.zeros((1, 10, 1)), perturbation=0.25)
    np.testing.assert_allclose(still["log_perturbation"], still["log_spectral"][1:], rtol=1e-12)
    learned = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False, initial_state="learned")
    begun = memory_horizon(learned, leaky(0.5) | {"h_0": np.array([3.0])}, np.zeros((1, 10, 1)))
    np.testing.assert_allclose(begun["log_perturbation"], still["log_spectral"][1:], rtol=1e-9)


def test_many_steps_are_tried_at_some_lags() -> None:
    found = memory_horizon(LEAKY, leaky(0.99), np.ones((1, 1000, 1)))
    tried = found["perturbed_lag"].values
    assert tried[0] == 1
    assert tried[-1] == 1000
    assert 60 < tried.size <= 100
    for horizon, nudged in zip(found["horizon"].values, found["perturbation_horizon"].values, strict=True):
        assert nudged == tried[np.searchsorted(tried, horizon)]
    for variable in found.variables.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"]
    assert found.attrs["rng"] != "none"


def test_bad_input() -> None:
    cell, params, inputs, _ = drawn("tanh")
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (ValueError, "shares has 1; it must be numbers between 0 and 1", {"shares": [0.5, 1.0]}),
        (ValueError, "shares has shape", {"shares": []}),
        (ValueError, "shares has a number twice", {"shares": [0.5, 0.5]}),
        (ValueError, "shares is nan", {"shares": [np.nan]}),
        (ValueError, "perturbation is 0", {"perturbation": 0}),
        (ValueError, "directions is 0", {"directions": 0}),
        (ValueError, "perturbed_lags has 41", {"perturbed_lags": [1, 41]}),
        (ValueError, "perturbed_lags has shape", {"perturbed_lags": np.empty(0, int)}),
        (ValueError, "loss is 'none'", {"loss": "none"}),
        (ValueError, "targets has shape", {"targets": np.zeros((3, 4))}),
    ]
    for kind, words, settings in cases:
        with pytest.raises(kind, match=re.escape(words)):
            memory_horizon(cell, params, inputs, **settings)
