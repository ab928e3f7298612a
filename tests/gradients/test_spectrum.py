"""Singular values of long products: against closed forms, compound matrices, determinants and LAPACK."""

from __future__ import annotations

from functools import partial
from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference import jacobians as reference
from rnnlatch.cells import GRU, LSTM, DiagonalRNN, NetworkCell, VanillaRNN
from rnnlatch.gradients import jacobian_products, singular_spectrum

Array = NDArray[np.float64]
Linear = partial(VanillaRNN, activation="linear", bias=False)


def logarithms(cell: NetworkCell, params: dict[str, Array], inputs: Array, lags: Any = None) -> Array:
    found = singular_spectrum(cell, params, inputs, lags=[inputs.shape[1]] if lags is None else lags)
    values: Array = found["log_singular_value"].values
    return values[-1] if lags is None else values


def power(weight: Any, time: int, lags: Any = None) -> Array:
    """The spectrum of weight^time."""
    matrix = np.asarray(weight, np.float64)
    params = {"weight_ih_l0": np.zeros((len(matrix), 1)), "weight_hh_l0": matrix}
    return logarithms(Linear(inputs=1, hidden=len(matrix)), params, np.zeros((1, time, 1)), lags)


def draw(cell: NetworkCell, time: int, seed: int = 0, scale: float = 0.6) -> tuple[dict[str, Array], Array]:
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(0, scale, shape) for name, shape in cell.parameter_shapes.items()}
    return params, rng.normal(size=(1, time, cell.inputs))


@pytest.mark.isa
def test_a_hundred_thousand_steps_in_closed_form() -> None:
    time = 100_000
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0]
    symmetric = rotation @ np.diag([1.5, -1.0, 0.9, 0.4]) @ rotation.T
    np.testing.assert_allclose(power(symmetric, time), time * np.log([1.5, 1.0, 0.9, 0.4]), rtol=0, atol=1e-9)
    # [[a, b], [0, a]]^n = a^n [[1, n b / a], [0, 1]], whose singular values are exp(±asinh(n b / 2 a)).
    for weight in ([[0.9, 3.0], [0.0, 0.9]], [[0.9, 0.0], [3.0, 0.9]]):
        expected = time * log(0.9) + np.arcsinh(time * 3 / 0.9 / 2) * np.array([1, -1])
        np.testing.assert_allclose(power(weight, time), expected, rtol=0, atol=1e-8)
    # Exactly diagonal, in any order: nothing ever mixes the directions.
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        values = np.array([2.0, 0.7, 0.1])[order]
        np.testing.assert_allclose(power(np.diag(values), time), time * np.log([2, 0.7, 0.1]), rtol=0, atol=1e-9)


@pytest.mark.parametrize("weight", [[[0.5, 0.0], [1.0, 2.0]], [[0.5, 1.0], [0.0, 2.0]], [[2.0, 1.0], [0.0, 0.5]]])
def test_triangular_matrices_in_either_order(weight: Any) -> None:
    # sigma_1^2 + sigma_2^2 is the squared Frobenius norm and sigma_1 sigma_2 the determinant, exact in rational numbers.
    time = 2000
    numerators = [[int(2 * x) for x in row] for row in weight]
    a, b, c, d = 1, 0, 0, 1
    (e, f), (g, h) = numerators
    for _ in range(time):
        a, b, c, d = a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h
    first = log(a * a + b * b + c * c + d * d) / 2 - time * log(2)  # the other singular value is below its rounding
    second = log(abs(a * d - b * c)) - 2 * time * log(2) - first
    np.testing.assert_allclose(power(weight, time), [first, second], rtol=1e-12)


CELLS: dict[str, Any] = {
    "tanh": VanillaRNN,
    "logistic": partial(VanillaRNN, activation="logistic"),
    "linear": Linear,
    "diagonal": DiagonalRNN,
    "GRU": GRU,
    "LSTM": LSTM,
}
each_cell = pytest.mark.parametrize("make", CELLS.values(), ids=CELLS.keys())


@pytest.mark.isa
@each_cell
def test_against_compound_matrices(make: Any) -> None:
    cell = make(inputs=2, hidden=2 if make is LSTM else 4)
    params, inputs = draw(cell, 300)
    expected = reference.log_spectrum(reference.jacobians(cell.structure(), params, inputs))
    np.testing.assert_allclose(logarithms(cell, params, inputs), expected, rtol=1e-10, atol=1e-9)


@each_cell
def test_the_sum_is_the_determinant_and_the_first_the_norm(make: Any) -> None:
    cell = make(inputs=2, hidden=20)
    params, inputs = draw(cell, 200, scale=0.25)
    steps = reference.jacobians(cell.structure(), params, inputs)[::-1]
    determinants = np.cumsum([0.0, *np.linalg.slogdet(steps)[1]])
    found = logarithms(cell, params, inputs, np.arange(201))
    np.testing.assert_allclose(found.sum(axis=1), determinants, rtol=1e-10, atol=1e-8)
    norms = jacobian_products(cell, params, inputs)["log_spectral"]
    np.testing.assert_allclose(found[:, 0], norms, rtol=1e-9, atol=1e-10)
    assert (np.diff(found, axis=1) <= 0).all()


def test_the_lags_asked_for_do_not_matter() -> None:
    cell = VanillaRNN(inputs=2, hidden=6)
    params, inputs = draw(cell, 80)
    every = logarithms(cell, params, inputs, np.arange(81))
    np.testing.assert_allclose(
        logarithms(cell, params, inputs, [3, 40, 80]), every[[3, 40, 80]], rtol=1e-11, atol=1e-12
    )


def test_saturated_units() -> None:
    # One unit with slopes of about 1e-21, one with slopes of about 1: 1e-21^time has to come out of their mixture.
    cell = VanillaRNN(inputs=1, hidden=2, bias=False)
    params = {"weight_ih_l0": np.array([[25.0], [0.0]]), "weight_hh_l0": np.array([[0.3, 0.8], [-0.7, 0.9]])}
    inputs = np.ones((1, 400, 1))
    state, slopes = np.zeros(2), 0.0
    for _ in range(400):
        a = params["weight_hh_l0"] @ state + [25.0, 0.0]
        slopes += float((np.log(4) - 2 * np.abs(a) - 2 * np.log1p(np.exp(-2 * np.abs(a)))).sum())
        state = np.tanh(a)
    determinant = slopes + 400 * log(abs(0.3 * 0.9 + 0.8 * 0.7))
    found = logarithms(cell, params, inputs)
    assert found.sum() == pytest.approx(determinant, rel=1e-12)
    largest = float(jacobian_products(cell, params, inputs)["log_spectral"][-1])
    np.testing.assert_allclose(found, [largest, determinant - largest], rtol=1e-11)


def test_directions_that_are_lost() -> None:
    relu = VanillaRNN(inputs=1, hidden=5, activation="relu", bias=False)
    rng = np.random.default_rng(0)
    params = {
        "weight_ih_l0": np.array([[5.0], [5.0], [5.0], [-50.0], [-50.0]]),
        "weight_hh_l0": np.abs(rng.normal(0, 0.05, (5, 5))) + 0.5 * np.eye(5),
    }
    inputs = np.ones((1, 30, 1))
    found = logarithms(relu, params, inputs, np.arange(31))
    steps = reference.jacobians(relu.structure(), params, inputs)
    assert np.linalg.matrix_rank(steps[-1]) == 3
    singular = np.linalg.svd(reference.products(steps), compute_uv=False)
    assert np.isneginf(found[1:, 3:]).all()
    np.testing.assert_allclose(found[:10, :3], np.log(singular[:10, :3]), rtol=1e-8, atol=1e-8)
    sign = VanillaRNN(inputs=1, hidden=3, activation="sign")
    assert np.isneginf(logarithms(sign, *draw(sign, 4), [0, 1, 4])[1:]).all()
    outer = np.outer([1.0, 2.0, 3.0], [1.0, 0.0, 1.0])
    np.testing.assert_allclose(power(outer, 7)[0], 6 * log(4) + log(np.sqrt(28)), rtol=1e-12)
    assert np.isneginf(power(outer, 7)[1:]).all()
    assert np.isneginf(power(np.diag([1.0], 1), 2)).all()


@settings(deadline=None)
@given(st.sampled_from(list(CELLS)), st.integers(1, 7), st.integers(1, 9), st.integers(0, 999))
def test_short_products_against_lapack(name: str, hidden: int, time: int, seed: int) -> None:
    cell = CELLS[name](inputs=1, hidden=hidden)
    params, inputs = draw(cell, time, seed)
    products = reference.products(reference.jacobians(cell.structure(), params, inputs))
    singular = np.linalg.svd(products, compute_uv=False)
    found = np.exp(logarithms(cell, params, inputs, np.arange(time + 1)))
    assert (np.abs(found - singular) <= 1e-9 * singular + 1e-13 * singular[:, :1]).all()


def test_default_lags_and_lengths() -> None:
    cell = VanillaRNN(inputs=2, hidden=3)
    params, inputs = draw(cell, 250)
    few = singular_spectrum(cell, params, inputs[:, :200])
    np.testing.assert_array_equal(few["lag"], np.arange(201))
    many = singular_spectrum(cell, params, np.repeat(inputs, 2, axis=0), lengths=[250, 100])
    assert many["lag"][0] == 0
    assert many["lag"][-1] == 250
    assert 60 < many.sizes["lag"] <= 101
    values = many["log_singular_value"]
    assert values.dims == ("sequence", "lag", "index")
    np.testing.assert_array_equal(np.isnan(values[1, :, 0]), many["lag"] > 100)
    short = singular_spectrum(cell, params, inputs, lengths=[100], lags=[100])["log_singular_value"]
    np.testing.assert_allclose(short[0], logarithms(cell, params, inputs[:, 150:]), rtol=1e-13)


def test_bad_input() -> None:
    cell = VanillaRNN(inputs=2, hidden=3)
    params, inputs = draw(cell, 5)
    with pytest.raises(ValueError, match="lags has 6; it must have integers from 0 to 5"):
        singular_spectrum(cell, params, inputs, lags=[0, 6])
    with pytest.raises(ValueError, match=r"lags has shape \(\)"):
        singular_spectrum(cell, params, inputs, lags=3)
    with pytest.raises(TypeError, match="lags has dtype float64"):
        singular_spectrum(cell, params, inputs, lags=[0.5])
