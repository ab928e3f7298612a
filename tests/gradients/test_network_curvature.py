"""The diagonal second derivatives of Becker and LeCun, against the recursion in NumPy and where they are exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from many_networks import Array, Problem, make, run_fastest
from rnnlatch._dispatch import core

CELLS = [("VanillaRNN", name) for name in ("tanh", "logistic", "linear")] + [("LSTM", "tanh"), ("GRU", "tanh")]


def curvature(problem: Problem, second_order: bool, threads: int = 1) -> dict[str, dict[str, Array]]:
    return core.network_curvature(
        problem.structure,
        problem.parameters,
        problem.inputs,
        problem.targets,
        problem.mask,
        problem.lengths,
        problem.initial,
        threads,
        second_order,
        True,
        problem.same_step,
    )


def recursion(problem: Problem, run: int, second_order: bool) -> dict[str, Array]:
    """Of one network of tanh units without a readout, half squared error: curvatures by step, (batch, time, ...)."""
    trace = problem.reference(run)
    w = problem.parameters["weight_hh_l0"][run]
    inputs, lengths = problem.inputs[run], problem.lengths
    batch, steps, _ = inputs.shape
    every = problem.structure["at"] == "every"
    out = {name: np.zeros((batch, steps, *value.shape[1:])) for name, value in problem.parameters.items()}
    for b in range(batch):
        begin = 0 if lengths is None else steps - lengths[run, b]
        of_state = np.zeros(len(w))
        for t in reversed(range(begin, steps)):
            if every or t == steps - 1:
                of_state = of_state + 1 / batch
            x = trace.h[b, t]
            slope = 1 - x**2
            of_sum = slope**2 * of_state
            if second_order:
                of_sum += -2 * x * slope * trace.state_gradient[b, t, 0]
            before = trace.h[b, t - 1] if t > 0 else np.zeros(len(w))
            out["weight_ih_l0"][b, t] = np.outer(of_sum, inputs[b, t] ** 2)
            out["weight_hh_l0"][b, t] = np.outer(of_sum, before**2)
            out["bias_ih_l0"][b, t] = out["bias_hh_l0"][b, t] = of_sum
            of_state = (w**2).T @ of_sum
    return out


@pytest.mark.isa
@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("unequal", [False, True])
def test_against_the_recursion(second_order: bool, at: str, unequal: bool) -> None:
    problem = make(runs=4, hidden=4, at=at, unequal=unequal)
    out = curvature(problem, second_order)
    for run in range(problem.runs):
        for name, want in recursion(problem, run, second_order).items():
            np.testing.assert_allclose(out["curvature_by_step"][name][run], want, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(out["curvature"][name][run], want.sum((0, 1)), rtol=1e-12, atol=1e-13)


def second_derivatives(problem: Problem) -> dict[str, Array]:
    """The diagonal of the Hessian, by its products with unit vectors."""
    diagonal = {name: np.empty_like(value) for name, value in problem.parameters.items()}
    for name, value in problem.parameters.items():
        for place in np.ndindex(value.shape[1:]):
            along = {key: np.zeros_like(part) for key, part in problem.parameters.items()}
            at: Any = (slice(None), *place)
            along[name][at] = 1
            product = core.network_hessian_vector(
                problem.structure,
                problem.parameters,
                along,
                problem.inputs,
                problem.targets,
                problem.mask,
                problem.lengths,
                problem.initial,
                1,
                problem.same_step,
            )["product"]
            diagonal[name][at] = product[name][at]
    return diagonal


@pytest.mark.isa
@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", ["half_squared_error", "logistic_cross_entropy"])
def test_with_second_order_one_step_is_exact(cell: str, activation: str, loss: str) -> None:
    """Where no weight is used twice and no two paths meet, nothing is left out."""
    kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss}
    problem = make(steps=1, outputs=2, bias_out=1, given=True, masked=True, **kind)
    out = curvature(problem, second_order=True)["curvature"]
    for name, want in second_derivatives(problem).items():
        np.testing.assert_allclose(out[name], want, rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.isa
def test_with_second_order_the_initial_state_of_a_chain_is_exact() -> None:
    """One unit: a single path through time."""
    problem = make(hidden=1, steps=6, learned=True, scale=1.0)
    out = curvature(problem, second_order=True)["curvature"]["h_0"]
    np.testing.assert_allclose(out, second_derivatives(problem)["h_0"], rtol=1e-11)


@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"])
def test_without_second_order_nothing_is_negative(cell: str, activation: str, loss: str) -> None:
    kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss}
    problem = make(at="every", outputs=3, learned=True, unequal=True, **kind)
    out = curvature(problem, second_order=False)
    for name, by_step in out["curvature_by_step"].items():
        assert by_step.min() >= 0
        np.testing.assert_allclose(by_step.sum((1, 2)), out["curvature"][name], rtol=1e-12)
    want = problem.gradient()["gradient"]
    for name, value in out["gradient"].items():
        np.testing.assert_array_equal(value, want[name])


def test_the_logistic_output_of_two_classes_is_the_softmax() -> None:
    one = make(outputs=1, loss="logistic_cross_entropy", steps=4)
    one.targets[:] = 1
    two = Problem(
        one.structure | {"outputs": 2, "loss": "softmax_cross_entropy"},
        one.runs,
        one.parameters | {"weight_out": np.concatenate([one.parameters["weight_out"], np.zeros((3, 1, 3))], axis=1)},
        one.inputs,
        np.zeros((3, 2), np.int64),
    )
    for name, value in curvature(one, True)["curvature"].items():
        other = curvature(two, True)["curvature"][name]
        np.testing.assert_allclose(other[:, :1] if name == "weight_out" else other, value, rtol=1e-12, atol=1e-15)


@pytest.mark.isa
def test_units_in_order() -> None:
    """Two units, the second reading the first of the same step, are the same chain in twice the steps."""
    problem = make(hidden=2, steps=1, same_step=np.array([[0, 0], [1, 0]], np.uint8), read_unit=1)
    out = curvature(problem, second_order=True)["curvature"]
    for name, want in second_derivatives(problem).items():
        np.testing.assert_allclose(out[name], want, rtol=1e-11, atol=1e-13, err_msg=name)


@pytest.mark.isa
def test_bits_do_not_depend_on_threads_or_strides() -> None:
    problem = make(runs=60, cell="LSTM", unequal=True, outputs=2)
    want = curvature(problem, True)
    for other in (curvature(problem, True, threads=2), curvature(problem.arrays(run_fastest), True, threads=3)):
        for part, values in want.items():
            for name, value in values.items():
                np.testing.assert_array_equal(other[part][name], value)
