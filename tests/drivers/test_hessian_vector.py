"""Hessian-vector products by dual numbers, against differences of gradients and against symmetry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from many_networks import Array, Problem, make, run_fastest
from rnnlatch._dispatch import core

CELLS = [("VanillaRNN", name) for name in ("tanh", "logistic", "relu", "linear", "sign")]
CELLS += [("LSTM", "tanh"), ("GRU", "tanh")]


def directions(problem: Problem, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=value.shape).astype(value.dtype) for name, value in problem.parameters.items()}


def product(problem: Problem, along: dict[str, Array], threads: int = 1) -> dict[str, dict[str, Array]]:
    return core.network_hessian_vector(
        problem.structure,
        problem.parameters,
        along,
        problem.inputs,
        problem.targets,
        problem.mask,
        problem.lengths,
        problem.initial,
        threads,
        problem.same_step,
    )


def moved(problem: Problem, along: dict[str, Array], by: float) -> dict[str, Array]:
    there = {name: value + by * along[name] for name, value in problem.parameters.items()}
    gradient: dict[str, Array] = Problem(**{**vars(problem), "parameters": there}).gradient()["gradient"]
    return gradient


@pytest.mark.isa
@pytest.mark.parametrize(("cell", "activation"), CELLS)
@pytest.mark.parametrize("loss", ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"])
@pytest.mark.parametrize("at", ["last", "every"])
def test_against_differences_of_gradients(cell: str, activation: str, loss: str, at: str) -> None:
    kind: dict[str, Any] = {"cell": cell, "activation": activation, "loss": loss, "at": at, "outputs": 2}
    problem = make(runs=3, steps=4, scale=0.4, learned=True, masked=True, unequal=True, bias_out=1, **kind)
    along = directions(problem, 1)
    out = product(problem, along)
    h = 2e-4
    near, far = [(moved(problem, along, k * h), moved(problem, along, -k * h)) for k in (1, 2)]
    for name, value in out["product"].items():
        numerical = (8 * (near[0][name] - near[1][name]) - (far[0][name] - far[1][name])) / (12 * h)
        np.testing.assert_allclose(value, numerical, rtol=1e-7, atol=1e-8 * max(1, np.abs(value).max()), err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
def test_the_gradient_has_the_bits_of_the_gradient(cell: str) -> None:
    problem = make(runs=21, cell=cell, hidden=7, outputs=2, given=True, unequal=True, loss="softmax_cross_entropy")
    want = problem.gradient()["gradient"]
    for name, value in product(problem, directions(problem, 2))["gradient"].items():
        np.testing.assert_array_equal(value, want[name])


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["VanillaRNN", "LSTM", "GRU"])
def test_the_hessian_is_symmetric_and_linear(cell: str) -> None:
    problem = make(runs=5, cell=cell, outputs=2, at="every")
    u, v = directions(problem, 3), directions(problem, 4)
    hu, hv = product(problem, u)["product"], product(problem, v)["product"]

    def dot(a: dict[str, Array], b: dict[str, Array]) -> Any:
        return sum((a[name] * b[name]).reshape(problem.runs, -1).sum(1) for name in a)

    np.testing.assert_allclose(dot(u, hv), dot(v, hu), rtol=1e-11, atol=1e-11)
    both = product(problem, {name: 2 * u[name] - v[name] for name in u})["product"]
    for name, value in both.items():
        np.testing.assert_allclose(value, 2 * hu[name] - hv[name], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("same_step", [None, np.tril(np.ones((3, 3), np.uint8), -1)])
def test_threads_strides_and_kinds_of_recurrence(same_step: Array | None) -> None:
    problem = make(runs=50, same_step=same_step, diagonal=int(same_step is None))
    along = directions(problem, 5)
    want = product(problem, along)["product"]
    other = product(problem.arrays(run_fastest), {name: run_fastest(x) for name, x in along.items()}, threads=2)
    for name, value in want.items():
        np.testing.assert_array_equal(value, other["product"][name])
    h = 1e-5
    up, down = moved(problem, along, h), moved(problem, along, -h)
    for name, value in want.items():
        np.testing.assert_allclose(value, (up[name] - down[name]) / (2 * h), rtol=1e-5, atol=1e-6)


def test_float32_is_computed_in_double() -> None:
    problem = make(runs=3, dtype=np.float32, given=True)
    along = directions(problem, 6)
    single = product(problem, along)
    double = product(
        problem.arrays(lambda x: x.astype(np.float64)), {name: x.astype(np.float64) for name, x in along.items()}
    )
    for part, values in single.items():
        for name, value in values.items():
            np.testing.assert_array_equal(value, double[part][name].astype(np.float32), strict=True)
