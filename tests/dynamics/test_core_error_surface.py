"""The error as a surface over two directions, against gradients, Hessian-vector products, differences and closed forms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from many_networks import Array, Problem, make, run_fastest
from reference import networks
from rnnlatch._dispatch import core

CELLS: list[dict[str, Any]] = [
    *({"activation": name, "hidden": n} for name in ("tanh", "logistic") for n in (1, 2, 3, 4, 5)),
    *({"activation": name} for name in ("relu", "linear", "sign")),
    {"cell": "LSTM"},
    {"cell": "GRU"},
    {"diagonal": 1},
]
LOSSES = ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"]
POINTS = 19  # more than two groups of lanes, the last of which is not full


def directions(problem: Problem, seed: int = 3) -> tuple[dict[str, Array], dict[str, Array]]:
    rng = np.random.default_rng(seed)
    first, second = (
        {name: 0.4 * rng.normal(size=value.shape) for name, value in problem.parameters.items()} for _ in range(2)
    )
    return first, second


def points(count: int = POINTS, seed: int = 4) -> tuple[Array, Array]:
    x, y = np.random.default_rng(seed).normal(size=(2, count))
    return x, y


def surface(
    problem: Problem,
    first: dict[str, Array],
    second: dict[str, Array],
    x: Array,
    y: Array,
    order: int = 2,
    threads: int = 1,
) -> dict[str, Array]:
    return core.error_surface(
        problem.structure,
        problem.parameters,
        first,
        second,
        x,
        y,
        problem.inputs,
        problem.targets,
        problem.mask,
        problem.lengths,
        problem.initial,
        order,  # type: ignore[arg-type]
        threads,
        problem.same_step,
    )


def at(problem: Problem, first: dict[str, Array], second: dict[str, Array], x: float, y: float) -> Problem:
    there = {
        name: value + x * first.get(name, 0.0) + y * second.get(name, 0.0) for name, value in problem.parameters.items()
    }
    return replace(problem, parameters=there)


def dot(a: dict[str, Array], b: dict[str, Array]) -> float:
    return float(sum((a[name] * b[name]).sum() for name in b))


def hessian_times(problem: Problem, along: dict[str, Array]) -> dict[str, Array]:
    return core.network_hessian_vector(
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


def check_against_the_core(problem: Problem) -> None:
    first, second = directions(problem)
    x, y = points()
    got = surface(problem, first, second, x, y)
    for i in range(POINTS):
        here = at(problem, first, second, x[i], y[i])
        plain = here.gradient()
        along_x, along_y = hessian_times(here, first), hessian_times(here, second)
        want = {
            "loss": plain["loss"][0],
            "gradient": [dot(plain["gradient"], first), dot(plain["gradient"], second)],
            "curvature": [dot(along_x, first), dot(along_x, second), dot(along_y, second)],
        }
        for name, value in want.items():
            np.testing.assert_allclose(got[name][i], value, rtol=1e-11, atol=1e-12, err_msg=name)
    less = surface(problem, first, second, x, y, order=1)
    assert less.keys() == {"loss", "gradient"}
    np.testing.assert_allclose(less["loss"], got["loss"], rtol=1e-15)
    np.testing.assert_allclose(less["gradient"], got["gradient"], rtol=1e-12, atol=1e-14)


@pytest.mark.isa
@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("every", ["last", "every"])
def test_against_gradients_and_hessian_vector_products(cell: dict[str, Any], loss: str, every: str) -> None:
    check_against_the_core(
        make(runs=1, steps=6, outputs=2, bias_out=1, loss=loss, at=every, learned=True, seed=1, **cell)
    )


@pytest.mark.parametrize("cell", CELLS, ids=str)
@pytest.mark.parametrize(
    "what",
    [
        {"given": True, "masked": True, "unequal": True, "batch": 5},
        {"outputs": 0, "read_unit": 0, "inputs": 1, "at": "every", "masked": True},
        {"outputs": 0, "inputs": 0, "bias": 0, "unequal": True, "at": "every"},
        {"outputs": 3, "bias": 0},
    ],
    ids=str,
)
def test_masks_lengths_and_initial_states(cell: dict[str, Any], what: dict[str, Any]) -> None:
    check_against_the_core(make(runs=1, steps=5, seed=2, **(cell | what)))


def test_units_that_read_the_same_step() -> None:
    check_against_the_core(make(runs=1, hidden=3, same_step=np.tril(np.ones((3, 3), np.uint8), -1)))


@pytest.mark.isa
@pytest.mark.parametrize("cell", [{"hidden": 2}, {"hidden": 3, "activation": "logistic"}, {"cell": "GRU"}], ids=str)
def test_against_differences_of_the_reference(cell: dict[str, Any]) -> None:
    problem = make(runs=1, steps=5, outputs=1, at="every", masked=True, unequal=True, learned=True, **cell)
    first, second = directions(problem)
    x, y = points(3)
    got = surface(problem, first, second, x, y)

    def loss(u: Any, v: Any) -> Any:
        there = at(problem, first, second, u, v)
        arguments = there.of_run(0)
        arguments["parameters"] = {name: value.astype(np.longdouble) for name, value in arguments["parameters"].items()}
        assert there.mask is not None
        return networks.loss(**arguments, targets=there.targets[0], mask=there.mask[0])

    h = 1e-4
    for i in range(3):
        u, v = x[i], y[i]
        e = {(a, b): loss(u + a * h, v + b * h) for a in (-1, 0, 1) for b in (-1, 0, 1)}
        np.testing.assert_allclose(got["loss"][i], float(e[0, 0]), rtol=1e-13)
        slopes = [(e[1, 0] - e[-1, 0]) / (2 * h), (e[0, 1] - e[0, -1]) / (2 * h)]
        np.testing.assert_allclose(got["gradient"][i], np.array(slopes, float), rtol=1e-5, atol=1e-6)
        bends = [
            (e[1, 0] - 2 * e[0, 0] + e[-1, 0]) / h**2,
            (e[1, 1] - e[1, -1] - e[-1, 1] + e[-1, -1]) / (4 * h**2),
            (e[0, 1] - 2 * e[0, 0] + e[0, -1]) / h**2,
        ]
        np.testing.assert_allclose(got["curvature"][i], np.array(bends, float), rtol=1e-4, atol=1e-5)


def one_logistic_unit(steps: int, start: float) -> Problem:
    structure = networks.make_structure(activation="logistic", inputs=0, hidden=1)
    shapes = networks.parameter_shapes(structure)
    return Problem(
        structure,
        1,
        {name: np.zeros((1, *shape)) for name, shape in shapes.items()},
        np.zeros((1, 1, steps, 0)),
        np.full((1, 1, 1), 0.7),
        initial={"h_0": np.full((1, 1, 1), start)},
    )


W, B = {"weight_hh_l0": np.ones((1, 1, 1))}, {"bias_ih_l0": np.ones((1, 1))}


def test_the_single_unit_of_the_paper_against_numpy() -> None:
    """Pascanu, Mikolov, Bengio (2013), Fig. 6: h_t = logistic(w h_{t-1} + b), over w and b, by formulas of its own."""
    steps, start = 50, 1 / (1 + np.exp(-0.5))
    w, b = (part.ravel() for part in np.meshgrid(np.linspace(0, 4, 23), np.linspace(-4, 1, 21)))
    got = surface(one_logistic_unit(steps, start), W, B, w.copy(), b.copy())
    h = np.full_like(w, start)
    d = np.zeros((5, w.size))  # by w, by b, by ww, wb, bb
    for _ in range(steps):
        a_w, a_b = h + w * d[0], 1 + w * d[1]
        a_second = [2 * d[0] + w * d[2], d[1] + w * d[3], w * d[4]]
        h = 1 / (1 + np.exp(-(w * h + b)))
        slope, bend = h * (1 - h), h * (1 - h) * (1 - 2 * h)
        products = [a_w * a_w, a_w * a_b, a_b * a_b]
        d = np.stack(
            [slope * a_w, slope * a_b, *(slope * s + bend * p for s, p in zip(a_second, products, strict=True))]
        )
    off = h - 0.7
    # Errors grow with the products of slopes over 50 steps, as the derivatives do.
    np.testing.assert_allclose(got["loss"], off**2 / 2, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(got["gradient"], (off * d[:2]).T, rtol=1e-9, atol=1e-13)
    second = [off * d[2] + d[0] ** 2, off * d[3] + d[0] * d[1], off * d[4] + d[1] ** 2]
    np.testing.assert_allclose(got["curvature"], np.stack(second, axis=1), rtol=1e-8, atol=1e-12)


@pytest.mark.isa
def test_large_pre_activations_saturate() -> None:
    problem = one_logistic_unit(3, 0.5)
    b = np.array([-1e9, -800.0, -40.0, 40.0, 800.0, 1e9])
    got = surface(problem, W, B, np.zeros(6), b)
    want = np.array([0.0, 0.0, np.exp(-40.0), 1.0, 1.0, 1.0])
    np.testing.assert_allclose(got["loss"], (want - 0.7) ** 2 / 2, rtol=1e-14)
    np.testing.assert_allclose(got["gradient"], 0, atol=1e-16)
    assert np.isfinite(got["curvature"]).all()


@pytest.mark.parametrize(
    "cell", [{"hidden": 1, "activation": "logistic"}, {"hidden": 4}, {"hidden": 6}, {"cell": "LSTM"}], ids=str
)
def test_threads_neighbours_and_strides_change_no_bit(cell: dict[str, Any]) -> None:
    problem = make(runs=1, batch=2, steps=7, unequal=True, at="every", **cell)
    first, second = directions(problem)
    x, y = points(301)
    for order in (1, 2):
        want = surface(problem, first, second, x, y, order)
        mixed = np.random.default_rng(0).permutation(301)
        turned = problem.arrays(run_fastest)
        others: list[tuple[dict[str, Array], Any]] = [
            (surface(problem, first, second, x, y, order, threads=2), slice(None)),
            (surface(problem, first, second, x[mixed], y[mixed], order), mixed),
            (surface(problem, first, second, x[5:6].copy(), y[5:6].copy(), order), slice(5, 6)),
            (surface(turned, first, second, x, y, order), slice(None)),
        ]
        for other, pick in others:
            for name, value in want.items():
                np.testing.assert_array_equal(value[pick], other[name], strict=True, err_msg=name)


def test_a_point_that_overflows_poisons_nobody() -> None:
    problem = make(runs=1, steps=40, activation="linear", hidden=2)
    x, y = points(40)
    first, second = directions(problem)
    want = surface(problem, first, second, x, y)
    x[::5] = 1e30
    got = surface(problem, first, second, x, y)
    rest = np.arange(40) % 5 != 0
    assert not np.isfinite(got["gradient"][~rest]).any()
    for name, value in want.items():
        np.testing.assert_array_equal(got[name][rest], value[rest])


def test_arguments_are_checked() -> None:
    problem = make(runs=1)
    first, second = directions(problem)
    x, y = points()
    with pytest.raises(ValueError, match="first names a parameter"):
        surface(problem, {"weight": np.ones((1, 1))}, second, x, y)
    with pytest.raises(ValueError, match="second's weight_hh_l0 has shape"):
        surface(problem, first, {"weight_hh_l0": np.ones((2, 2))}, x, y)
    with pytest.raises(ValueError, match="y has shape"):
        surface(problem, first, second, x, y[:-1].copy())
    with pytest.raises(ValueError, match="order is 3"):
        surface(problem, first, second, x, y, order=3)
    with pytest.raises(ValueError, match="run axis"):
        surface(make(runs=2), first, second, x, y)
    none = surface(problem, first, second, x[:0], y[:0])
    assert none["curvature"].shape == (0, 3)
