"""The regulariser of Pascanu, Mikolov and Bengio: value and immediate gradient, against the expression itself."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reference import networks
from reference.cells import activate, slope
from reference.differences import central_differences
from rnnlatch.cells import LSTM, DiagonalRNN, VanillaRNN
from rnnlatch.gradients import omega

Array = NDArray[Any]
READINGS = list(product(("squared", "norm"), ("sum", "mean"), ("pre_activation", "state")))


def expression(
    weight: Array, slopes: Array, delta: Array, error: Array, reading: tuple[str, str, str], first: Array
) -> Any:
    """Equations 9 and 10 term by term, with the slopes, dE/da and dE/dh held constant."""
    ratio, reduce, of = reading
    terms = []
    for b in range(len(delta)):
        for t in range(int(first[b]) + (of == "pre_activation"), delta.shape[1]):
            start = delta[b, t] if of == "pre_activation" else error[b, t]
            if (start**2).sum() < 1e-20:
                continue
            back = weight.T @ delta[b, t]
            if of == "pre_activation":
                back = back * slopes[b, t - 1]
            rho = (back**2).sum() / (start**2).sum()
            terms.append(((rho if ratio == "squared" else np.sqrt(rho)) - 1) ** 2)
    return sum(terms) / (len(terms) if reduce == "mean" else len(delta))


@pytest.mark.parametrize("reading", READINGS, ids="-".join)
@pytest.mark.parametrize("activation", ["tanh", "logistic", "relu"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_value_and_immediate_gradient(reading: Any, activation: Any, at: str) -> None:
    rng = np.random.default_rng(0)
    for make in (VanillaRNN, DiagonalRNN):
        cell = make(inputs=2, hidden=4, outputs=2, activation=activation)
        params = {name: rng.normal(0, 0.7, shape) for name, shape in cell.parameter_shapes.items()}
        inputs, lengths = rng.normal(size=(3, 6, 2)), np.array([6, 2, 5])
        targets = rng.normal(size=(3, 6, 2) if at == "every" else (3, 2))
        ratio, reduce, of = reading
        found = omega(cell, params, inputs, targets, ratio=ratio, reduce=reduce, of=of, at=at, lengths=lengths)
        trace = networks.gradient(cell.structure(at=at), params, inputs, targets, None, lengths)
        slopes = slope(activation, activate(activation, trace.pre_activation[:, :, 0]))
        delta, error = trace.delta[:, :, 0], trace.state_gradient[:, :, 0]

        held = (slopes, delta, error, reading, 6 - lengths)

        def value(moved: dict[str, Array], held: Any = held, diagonal: bool = cell.diagonal) -> Array:
            return np.asarray(expression(np.diag(moved["w"]) if diagonal else moved["w"], *held))

        assert float(found["omega"]) == pytest.approx(float(value({"w": params["weight_hh_l0"]})), rel=1e-10)
        expected = central_differences(value, {"w": params["weight_hh_l0"]})["w"]
        np.testing.assert_allclose(found["immediate_gradient"], expected, rtol=1e-7, atol=1e-9)


def test_a_rotation_costs_nothing_and_a_contraction_does() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    inputs, targets = np.ones((1, 11, 1)), np.full((1, 2), 9.0)
    for scale, squared in ((1.0, 0.0), (0.5, 10 * (0.25 - 1) ** 2)):
        params = {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": scale * np.array([[0.0, -1.0], [1.0, 0.0]])}
        found = omega(cell, params, inputs, targets)
        assert float(found["omega"]) == pytest.approx(squared, abs=1e-20)
        assert float(omega(cell, params, inputs, targets, reduce="mean")["omega"]) == pytest.approx(
            squared / 10, abs=1e-20
        )
        np.testing.assert_allclose(found["ratio"][0, 1:], scale**2)
        assert np.isnan(found["ratio"][0, 0])


def test_where_no_error_arrives_there_is_no_term() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, bias=False)
    params = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.diag([1e-6, 1e-6])}
    found = omega(cell, params, np.zeros((1, 8, 1)), np.ones((1, 2)), reduce="mean")
    assert np.isfinite(found["ratio"]).sum() == 2
    assert float(found["omega"]) == pytest.approx(1)
    nothing = omega(cell, params, np.zeros((1, 8, 1)), np.zeros((1, 2)), reduce="mean")
    assert float(nothing["omega"]) == 0
    assert not nothing["immediate_gradient"].any()


@pytest.mark.parametrize("ratio", ["squared", "norm"])
@pytest.mark.parametrize("of", ["pre_activation", "state"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_a_gradient_beyond_what_a_number_can_hold(ratio: Any, of: Any, at: str) -> None:
    """A linear unit with w = 2 at rest: every ratio is 2, or 4, also where the error is 2^2000 or its square."""
    cell = VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), 2.0)}
    rho = 4.0 if ratio == "squared" else 2.0
    slope = 2 * 2.0 if ratio == "squared" else 1.0  # d rho / d w
    for time in (300, 520, 3000):
        targets = np.ones((1, time, 1) if at == "every" else (1, 1))
        found = omega(cell, params, np.zeros((1, time, 1)), targets, ratio=ratio, of=of, at=at)
        terms = time if of == "state" else time - 1
        np.testing.assert_array_equal(found["ratio"][0, time - terms :], rho)
        assert float(found["omega"]) == terms * (rho - 1) ** 2
        assert found["immediate_gradient"].item() == pytest.approx(terms * 2 * (rho - 1) * slope, rel=1e-12)


def test_an_error_that_vanishes_is_negligible_and_one_of_two_sequences_is_no_reason() -> None:
    cell = VanillaRNN(inputs=1, hidden=1, activation="relu", bias=False)
    params = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), 2.0)}
    # The first sequence is at rest, where the slope is 0; the second grows, and its gradient with it.
    inputs = np.zeros((2, 500, 1))
    inputs[1, 0] = 1e-150
    found = omega(cell, params, inputs, np.ones((2, 1)))
    assert np.isnan(found["ratio"][0]).all()
    np.testing.assert_array_equal(found["ratio"][1, 1:], 4.0)
    assert float(found["omega"]) == 499 * 9 / 2


@pytest.mark.parametrize("reduce", ["sum", "mean"])
@pytest.mark.parametrize("of", ["pre_activation", "state"])
def test_a_network_that_diverges_has_no_omega(reduce: Any, of: Any) -> None:
    cell = VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    weights = np.stack([[[3.0, 1.0], [-1.0, 3.0]], [[0.0, -1.0], [1.0, 0.0]]])
    params = {"weight_ih_l0": np.ones((2, 2, 1)), "weight_hh_l0": weights}
    found = omega(cell, params, np.ones((1, 2000, 1)), np.full((1, 2), 9.0), reduce=reduce, of=of)
    assert np.isnan(found["omega"][0])
    assert np.isnan(found["immediate_gradient"][0]).all()
    assert np.isnan(found["ratio"][0]).all()
    # Its neighbour has nothing to do with it.
    assert float(found["omega"][1]) == 0


def test_masks_and_gated_cells() -> None:
    cell = VanillaRNN(inputs=1, hidden=2, mask_hh=[[1, 0], [1, 1]])
    found = omega(cell, cell.initial_parameters(0), np.ones((2, 5, 1)), np.ones((2, 2)))
    assert float(found["immediate_gradient"][0, 1]) == 0
    gated = LSTM(inputs=1, hidden=2)
    with pytest.raises(ValueError, match="omega is defined for VanillaRNN and DiagonalRNN"):
        omega(gated, gated.initial_parameters(0), np.ones((2, 5, 1)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="ratio is 'cubed'; it must be 'squared' or 'norm'"):
        omega(cell, cell.initial_parameters(0), np.ones((2, 5, 1)), np.ones((2, 2)), ratio="cubed")  # type: ignore[arg-type]
