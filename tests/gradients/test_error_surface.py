"""A loss over two parameters: points, cells, walls and paths, against gradients of single networks and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from network_cases import LOSSES, Drawn, draw, make_cell
from reference import surfaces
from rnnlatch.cells import NetworkCell
from rnnlatch.gradients import _plane, descend, error_surface, hessian, loss_and_gradient, steepest

AXES = ("weight_hh_l0[0, 0]", "bias_hh_l0[0]")
UNIT = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
PARAMS = {"weight_ih_l0": [[0.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [0.0], "bias_hh_l0": [-2.0]}
HALF = 1 / (1 + np.exp(-0.5))
PASCANU: Drawn = {
    "params": PARAMS,
    "inputs": np.zeros((1, 50, 1)),
    "targets": [[0.7]],
    "mask": [2.0],
    "initial_state": [HALF],
    "parameters": AXES,
}
SMOOTH = ("tanh", "logistic", "diagonal", "LSTM", "GRU", "same_step")


def drawn_case(kind: str, loss: str, at: str) -> tuple[NetworkCell, Drawn]:
    """A network with everything that a call can have, and two axes: an element and a direction."""
    cell = make_cell(kind, hidden=3, outputs=2, inputs=2)
    rng = np.random.default_rng(5)
    given = draw(cell, loss=loss, at=at, time=5) | {"lengths": np.array([5, 1, 3, 4])}
    given["mask"] = rng.uniform(0.5, 2, (4, 5) if at == "every" else 4)
    start = rng.normal(size=(4, 3))
    given["initial_state"] = (start, start) if kind == "LSTM" else start
    direction = {name: rng.normal(size=shape) for name, shape in cell.parameter_shapes.items()}
    element = "weight_hh_l0[1]" if kind == "diagonal" else "weight_hh_l0[1, 2]"
    return cell, given | {"parameters": (element, direction)}


@pytest.mark.parametrize("kind", [*SMOOTH, "relu"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("at", ["last", "every"])
def test_points_are_losses_and_gradients_of_single_networks(kind: str, loss: str, at: str) -> None:
    cell, given = drawn_case(kind, loss, at)
    xs, ys = [-0.5, 0.25, 1.0], [-0.1, 0.2]
    found = error_surface(cell, **given, values=(xs, ys))
    assert found["loss"].dims == ("x", "y")
    _, direction = given.pop("parameters")
    place = (1,) if kind == "diagonal" else (1, 2)
    for x in xs:
        for y in ys:
            params = {name: np.array(value) for name, value in given["params"].items()}
            params["weight_hh_l0"][place] = x
            params = {name: value + y * direction[name] for name, value in params.items()}
            loss_here, gradient = loss_and_gradient(cell, **(given | {"params": params}))
            point = found.sel(x=x, y=y)
            along = sum(float((gradient[name] * direction[name]).sum()) for name in gradient)
            size = sum(float(np.abs(gradient[name] * direction[name]).sum()) for name in gradient)
            # Both ways round at each of some hundred operations a step.
            assert float(point["loss"]) == pytest.approx(loss_here, rel=1e-13)
            np.testing.assert_allclose(
                point["gradient_x"], gradient["weight_hh_l0"][place], rtol=1e-12, atol=1e-13 * size
            )
            np.testing.assert_allclose(point["gradient_y"], along, rtol=1e-12, atol=1e-13 * size)
            norm = np.hypot(point["gradient_x"], point["gradient_y"])
            np.testing.assert_allclose(point["gradient_norm"], norm, rtol=1e-15)
            assert bool(point["finite"])


@pytest.mark.parametrize("kind", SMOOTH)
def test_curvature_is_that_of_the_hessian(kind: str) -> None:
    cell, given = drawn_case(kind, "softmax_cross_entropy", "every")
    found = error_surface(cell, **given, values=([0.3], [0.4]), curvature=True).isel(x=0, y=0)
    element, direction = given.pop("parameters")
    params = {name: np.array(value) for name, value in given["params"].items()}
    params["weight_hh_l0"][(1,) if kind == "diagonal" else (1, 2)] = 0.3
    params = {name: value + 0.4 * direction[name] for name, value in params.items()}
    matrix = hessian(cell, **(given | {"params": params}))
    first = (matrix["parameter"] == element).values.astype(float)
    second = np.concatenate([direction[name].ravel() for name in cell.parameter_shapes])
    two = np.stack([first, second])
    expected = two @ matrix["hessian"].values @ two.T
    size = np.abs(two) @ np.abs(matrix["hessian"].values) @ np.abs(two).T
    for name, place in (("xx", (0, 0)), ("xy", (0, 1)), ("yy", (1, 1))):
        np.testing.assert_allclose(found[f"curvature_{name}"], expected[place], rtol=0, atol=1e-13 * size[place])
    smallest, largest = np.linalg.eigvalsh(expected)
    np.testing.assert_allclose(found["curvature_smallest"], smallest, rtol=0, atol=1e-13 * size.max())
    np.testing.assert_allclose(found["curvature_largest"], largest, rtol=0, atol=1e-13 * size.max())


def test_one_unit_of_the_paper_by_recursions_written_out() -> None:
    """Away from the wall: on it a rounding error is multiplied by 10^4 and more."""
    xs, ys = np.linspace(4.2, 5.4, 7), np.linspace(-2.8, -2.0, 9)
    found = error_surface(UNIT, **PASCANU, values=(xs, ys), curvature=True)
    expected = surfaces.one_unit(xs[:, None], ys[None, :])
    names = ("loss", "gradient_x", "gradient_y", "curvature_xx", "curvature_xy", "curvature_yy")
    for name, value in zip(names, expected, strict=True):
        np.testing.assert_allclose(found[name], value, rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("w", [0.9, 1.1, -0.5])
def test_one_linear_unit_in_closed_form(w: float) -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="linear")
    x0, target, steps = 0.7, 0.3, 20
    found = error_surface(
        cell,
        PARAMS,
        np.zeros((1, steps, 1)),
        [[target]],
        initial_state=[x0],
        parameters=AXES,
        values=([w], [0.2]),
        curvature=True,
    ).isel(x=0, y=0)
    x, by_w, by_b, by_ww, by_wb, by_bb = surfaces.linear_unit(w, 0.2, x0, steps)
    off = x - target
    expected = {
        "loss": off**2 / 2,
        "gradient_x": off * by_w,
        "gradient_y": off * by_b,
        "curvature_xx": by_w**2 + off * by_ww,
        "curvature_xy": by_w * by_b + off * by_wb,
        "curvature_yy": by_b**2 + off * by_bb,
    }
    for name, value in expected.items():
        assert float(found[name]) == pytest.approx(value, rel=1e-12), name


def test_a_step_along_a_direction_and_the_value_of_an_element_meet() -> None:
    direction = {"weight_hh_l0": [[1.0]]}
    by_step = error_surface(UNIT, **PASCANU | {"parameters": (direction, AXES[1])}, values=([-0.5, 0.0], [-2.3]))
    by_value = error_surface(UNIT, **PASCANU, values=([4.5, 5.0], [-2.3]))
    np.testing.assert_array_equal(by_step["loss"], by_value["loss"])
    assert by_step.attrs["x_parameter"] == by_step["x"].attrs["long_name"] == "direction in weight_hh_l0"


def test_a_points_bits_depend_on_nothing_else() -> None:
    ys = np.linspace(-2.8, -2.0, 101)
    whole = error_surface(UNIT, **PASCANU, values=([4.6, 5.0], ys), threads=2)
    part = error_surface(UNIT, **PASCANU, values=([5.0], ys[7:50:3]), threads=1)
    for name in ("loss", "gradient_x", "gradient_y"):
        np.testing.assert_array_equal(part[name][0], whole[name][1, 7:50:3])


def test_a_learned_state_and_float32() -> None:
    cell = make_cell("GRU", initial_state="learned", hidden=2)
    given = draw(cell, dtype=np.float32)
    found = error_surface(cell, **given, parameters=("h_0[0]", "bias_ih_l0[5]"), values=([0.5], [0.1]))
    wide = {name: value.astype(np.float64) for name, value in given["params"].items()}
    wide["h_0"][0], wide["bias_ih_l0"][5] = 0.5, 0.1
    inputs, targets = (given[name].astype(np.float64) for name in ("inputs", "targets"))
    loss, gradient = loss_and_gradient(cell, wide, inputs, targets)
    assert float(found["loss"][0, 0]) == pytest.approx(loss, rel=1e-13)
    assert float(found["gradient_x"][0, 0]) == pytest.approx(gradient["h_0"][0], rel=1e-11)
    assert float(found["gradient_y"][0, 0]) == pytest.approx(gradient["bias_ih_l0"][5], rel=1e-11)


LINEAR = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="linear")
DIVERGING: Drawn = {
    "params": PARAMS,
    "inputs": np.zeros((1, 400, 1)),
    "targets": [[0.0]],
    "initial_state": [1.0],
    "parameters": AXES,
}


def test_what_diverges_is_marked() -> None:
    found = error_surface(LINEAR, **DIVERGING, values=([0.5, 3.0, 9.0], [0.0, 1.0]), curvature=True)
    assert found["finite"].values.tolist() == [[True, True], [False, False], [False, False]]
    assert np.isfinite(found["loss"][0]).all()
    assert not np.isfinite(found["loss"][2]).any()


def test_norms_of_tiny_and_huge_gradients() -> None:
    vectors = np.array([[3e-200, 4e-200], [3e200, 4e200], [0, 0], [np.inf, 1], [np.nan, 1], [3, 4]])
    np.testing.assert_allclose(_plane.norm(vectors), [5e-200, 5e200, 0, np.inf, np.nan, 5], rtol=1e-15)


# Refinement


def covers(found: Any, x: tuple[float, float], y: tuple[float, float]) -> bool:
    """Whether the leaves cover the rectangle, no place twice: by area, and no two contain a common point."""
    area = float((found["leaf_width"] * found["leaf_height"]).sum())
    probes = np.random.default_rng(0).uniform((x[0], y[0]), (x[1], y[1]), (500, 2))
    inside = (np.abs(probes[:, :1] - found["leaf_x"].values) < found["leaf_width"].values / 2) & (
        np.abs(probes[:, 1:] - found["leaf_y"].values) < found["leaf_height"].values / 2
    )
    whole = (x[1] - x[0]) * (y[1] - y[0])
    return abs(area / whole - 1) < 1e-12 and bool((inside.sum(1) == 1).all())


def test_cells_are_divided_at_the_wall() -> None:
    xs, ys = [4.4, 4.5, 4.9, 5.2], np.linspace(-2.8, -2.1, 6)
    found = error_surface(UNIT, **PASCANU, values=(xs, ys), refine=7)
    assert covers(found, (4.4, 5.2), (-2.8, -2.1))
    small = found["leaf_level"].values == 7
    wall = steepest(UNIT, **PASCANU, values=(np.linspace(4.3, 5.3, 21), (-2.9, -2.0)), candidates=200)
    at = np.interp(found["leaf_x"].values[small], wall["x"], wall["wall_y"])
    # A cell of the last level is one of four; near the wall the loss still changes where the unit escapes slowly.
    assert np.quantile(np.abs(found["leaf_y"].values[small] - at), 0.9) < 0.02
    assert found["refinement_outcome"].item().startswith("levels of refine reached: the loss varies more over ")
    middle = error_surface(UNIT, **PASCANU, values=(xs[:2], ys), refine=7).isel(leaf=[0, 100])
    for leaf in (0, 1):
        part = middle.isel(leaf=leaf)
        alone = error_surface(UNIT, **PASCANU, values=([float(part["leaf_x"])], [float(part["leaf_y"])]))
        assert float(part["leaf_loss"]) == pytest.approx(float(alone["loss"][0, 0]), rel=1e-9)
    assert found["leaf_level"].values[0] <= found["leaf_level"].values[-1]


def test_a_smooth_surface_is_resolved() -> None:
    cell, given = drawn_case("tanh", "half_squared_error", "last")
    values = (np.linspace(-1, 1, 4), np.linspace(-0.3, 0.3, 4))
    found = error_surface(cell, **given, values=values, refine=9, refine_share=0.05, curvature=True)
    assert found["refinement_outcome"].item() == "resolved"
    span = float(found["loss"].max() - found["loss"].min())
    assert float(found["leaf_variation"].max()) <= 0.05 * span
    assert found["leaf_curvature_largest"].dims == ("leaf",)
    assert covers(found, (-1, 1), (-0.3, 0.3))
    finer = error_surface(cell, **given, values=values, refine=9, refine_share=0.02)
    assert finer.sizes["leaf"] > found.sizes["leaf"]
    flat = error_surface(cell, **given, values=values, refine=9, refine_share=1)
    assert flat.sizes["leaf"] < 30


@pytest.mark.parametrize("budget", [1, 7, 8, 100, 1000])
def test_a_budget_of_points_is_kept(budget: int) -> None:
    xs, ys = np.linspace(4.4, 5.2, 5), np.linspace(-2.8, -2.1, 6)
    found = error_surface(UNIT, **PASCANU, values=(xs, ys), refine=12, max_points=budget)
    cells = (xs.size - 1) * (ys.size - 1)
    assert int(found["refinement_points"]) <= cells + budget
    assert found["refinement_outcome"].item().startswith(f"max_points of {budget} reached: the loss varies more over")
    assert covers(found, (4.4, 5.2), (-2.8, -2.1))
    assert (found.sizes["leaf"] - cells) % 3 == 0


def test_the_edge_of_divergence_is_refined() -> None:
    found = error_surface(LINEAR, **DIVERGING, values=([0.5, 1.0, 9.0], [0.0, 1.0]), refine=6)
    finite = found["leaf_finite"].values
    assert not finite.all()
    assert (found["leaf_level"].values[~finite] < 6).any()
    assert covers(found, (0.5, 9.0), (0.0, 1.0))
    never = error_surface(LINEAR, **DIVERGING, values=([8.0, 9.0], [0.5, 1.0]), refine=6)
    assert never.sizes["leaf"] == 1
    assert never["refinement_outcome"].item() == "no loss is finite"


# The wall


@pytest.mark.parametrize("w", ["4.4", "5.0", "5.4"])
def test_the_wall_is_where_sixty_digits_put_it(w: str) -> None:
    found = steepest(UNIT, **PASCANU, values=([float(w)], (-3.2, -1.8))).isel(x=0)
    b = float(found["wall_y"])
    exact, norm = surfaces.exact_wall(w, b - 1e-7, b + 1e-7)
    assert abs(b - exact) < 1e-10
    assert float(found["wall_tolerance"]) <= 1e-10
    # The norm is flat at its maximum, and a rounding error of 1e-16 in b changes it by less than 1e-8.
    assert float(found["wall_gradient_norm"]) == pytest.approx(norm, rel=1e-8)
    assert found["wall_outcome"].item() == "inside"
    for side, sign in (("wall_below", -1), ("wall_above", 1)):
        edge = surfaces.one_unit(float(w), b + sign * float(found[side]))
        assert np.hypot(edge.by_w, edge.by_b) == pytest.approx(norm / 2, rel=1e-4)


def test_the_highest_of_several_walls_is_found() -> None:
    """Four sequences that start in different places make four walls, each thinner than the distance of first points."""
    starts = 1 / (1 + np.exp(-np.array([[0.5], [0.3], [0.7], [0.45]])))
    given = PASCANU | {
        "inputs": np.zeros((4, 50, 1)),
        "targets": [[0.7], [0.1], [0.95], [0.7]],
        "mask": [1.0, 1.2, 1.0, 0.9],
        "initial_state": starts,
    }
    xs = [4.9, 5.05, 5.2]
    found = steepest(UNIT, **given, values=(xs, (-2.8, -2.4)), candidates=500)
    for x in xs:
        ys = np.linspace(-2.8, -2.4, 200_001)
        norm = error_surface(UNIT, **given, values=([x], ys))["gradient_norm"].values[0]
        peaks = np.nonzero((norm[1:-1] > norm[:-2]) & (norm[1:-1] >= norm[2:]))[0] + 1
        assert len(peaks[norm[peaks] > 10]) >= 4
        top = norm.argmax()
        here = found.sel(x=x)
        assert abs(float(here["wall_y"]) - ys[top]) <= 4e-6
        assert norm[top] <= float(here["wall_gradient_norm"]) < 1.5 * norm[top]
        others = norm[peaks][np.abs(peaks - top) > 50].max()
        assert others <= float(here["rival_gradient_norm"]) < float(here["wall_gradient_norm"])


def test_walls_are_found_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    values = (np.linspace(4.5, 5.3, 7), (-2.9, -2.0))
    whole = steepest(UNIT, **PASCANU, values=values, candidates=200)
    monkeypatch.setattr("rnnlatch.gradients.wall._AT_ONCE", 500)
    xr.testing.assert_identical(steepest(UNIT, **PASCANU, values=values, candidates=200), whole)


def test_a_wall_at_the_end_of_the_interval() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="linear")
    given: Drawn = {"params": PARAMS, "inputs": np.zeros((1, 1, 1)), "targets": [[0.0]], "parameters": AXES}
    found = steepest(cell, **given, values=([0.5, 1.0], (-1.0, 3.0)))
    assert found["wall_outcome"].values.tolist() == ["at the high end"] * 2
    np.testing.assert_allclose(found["wall_y"], 3.0, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found["wall_gradient_norm"], 3.0, rtol=1e-10)
    np.testing.assert_allclose(found["wall_below"], 1.5, rtol=1e-4)
    assert np.isinf(found["wall_above"]).all()
    other = steepest(cell, **given, values=([0.5], (-3.0, 1.0)), candidates=8)
    assert other["wall_outcome"].item() == "at the low end"


def test_a_flat_surface_and_one_that_diverges() -> None:
    sign = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="sign")
    flat = steepest(sign, **PASCANU, values=([5.0], (-1.0, 1.0)), candidates=50).isel(x=0)
    assert float(flat["wall_gradient_norm"]) == 0
    assert np.isinf(flat["wall_below"])
    assert flat["wall_outcome"].item() == "flat"
    assert np.isnan(flat["wall_y"])
    gone = steepest(LINEAR, **DIVERGING, values=([0.5, 9.0], (0.5, 1.0)), candidates=50)
    assert gone["wall_outcome"].values.tolist()[1] == "not finite"
    assert np.isnan(gone["wall_y"][1])
    assert np.isfinite(gone["wall_y"][0])


# Descent


def test_paths_are_those_of_single_steps() -> None:
    cell, given = drawn_case("tanh", "half_squared_error", "last")
    found = descend(
        cell, **given, start=([0.5, -0.5], 0.1), learning_rate=[0.1, 0.3], clip_norm=[0.2, np.inf], steps=10
    )
    assert found["loss"].dims == ("start", "step")
    _, direction = given.pop("parameters")
    for path, (x, rate, limit) in enumerate([(0.5, 0.1, 0.2), (-0.5, 0.3, np.inf)]):
        y = 0.1
        for step in range(11):
            params = {name: np.array(value) for name, value in given["params"].items()}
            params["weight_hh_l0"][1, 2] = x
            params = {name: value + y * direction[name] for name, value in params.items()}
            loss, gradient = loss_and_gradient(cell, **(given | {"params": params}))
            here = found.isel(start=path, step=step)
            assert float(here["x"]) == pytest.approx(x, rel=1e-10)
            assert float(here["y"]) == pytest.approx(y, rel=1e-10)
            assert float(here["loss"]) == pytest.approx(loss, rel=1e-10)
            g = np.array(
                [gradient["weight_hh_l0"][1, 2], sum((gradient[name] * direction[name]).sum() for name in direction)]
            )
            norm = float(np.hypot(*g))
            assert float(here["gradient_norm"]) == pytest.approx(norm, rel=1e-10)
            assert bool(here["clipped"]) == (norm > limit and step < 10)
            g = g * min(1.0, limit / norm)
            x, y = x - rate * g[0], y - rate * g[1]
    assert found["clipped"][0].any()
    assert found["outcome"].values.tolist() == ["finished", "finished"]
    assert found["steps_taken"].values.tolist() == [10, 10]


def test_a_path_that_leaves_the_range_of_numbers_ends() -> None:
    found = descend(LINEAR, **DIVERGING, start=([0.5, 1.01], 0.0), learning_rate=100.0, steps=5)
    assert found["outcome"].values.tolist() == ["finished", "not finite"]
    assert found["steps_taken"].values.tolist() == [5, 1]
    assert np.isfinite(found["loss"][0]).all()
    assert not np.isfinite(found["gradient_norm"][1, 1])
    assert np.isnan(found["x"][1, 2:]).all()
    clipped = descend(LINEAR, **DIVERGING, start=(1.01, 0.0), learning_rate=0.01, clip_norm=0.1, steps=5)
    assert clipped["outcome"].item() == "finished"
    assert clipped["clipped"].values.tolist() == [[True] * 5 + [False]]


# What is refused


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"parameters": AXES[0]}, TypeError, r"parameters is 'weight_hh_l0\[0, 0\]'; it must be a pair of axes"),
        ({"parameters": (AXES[0],)}, TypeError, "it must be a pair of axes"),
        ({"parameters": (AXES[0], AXES[0])}, ValueError, "which move along the same line"),
        ({"parameters": (AXES[0], {"weight_hh_l0": [[-2.0]]})}, ValueError, "which move along the same line"),
        ({"parameters": (AXES[0], "bias[0]")}, ValueError, r"parameters\[1\] is 'bias\[0\]'; the parameters are"),
        ({"values": [1.0, 2.0]}, ValueError, r"values\[0\] has shape \(\); it must be an array of at least 1"),
        ({"values": ([1.0, 1.0], [1.0])}, ValueError, r"values\[0\] has 1.0 before 1.0; it must be"),
        ({"values": ([1.0], [2.0, 1.0])}, ValueError, r"values\[1\] has 2.0 before 1.0"),
        ({"values": ([-1.7e308, 1.7e308], [1.0])}, ValueError, r"values\[0\] goes from .*; its ends must be less than"),
        ({"values": ([1.0], [np.nan])}, ValueError, r"values\[1\] is nan at \[0\]"),
        ({"values": 3}, TypeError, "values is 3; it must be a pair of arrays"),
        ({"values": ([1.0], [1.0, 2.0]), "refine": 1}, ValueError, r"at least 2 ascending numbers"),
        ({"refine": 21}, ValueError, "refine is 21; it must be an integer from 0 to 20"),
        ({"refine_share": 0}, ValueError, "refine_share is 0"),
        ({"max_points": 0}, ValueError, "max_points is 0"),
        ({"curvature": 1}, TypeError, "curvature is 1"),
        ({"targets": None}, TypeError, "targets is None"),
        ({"loss": "mse"}, ValueError, "loss is 'mse'"),
        ({"params": UNIT.initial_parameters(0, runs=3)}, ValueError, "there are 3 networks; a surface is of one"),
        ({"threads": 0}, ValueError, "threads is 0"),
    ],
)
def test_bad_surfaces(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        error_surface(UNIT, **(PASCANU | {"values": ([4.0, 5.0], [-2.0, -1.0])} | change))


def test_a_grid_with_more_points_than_there_are_numbers() -> None:
    line = np.linspace(-3, -2, 2000)
    with pytest.raises(ValueError, match="refine is 20 and the grid has 2000 x 2000 values"):
        error_surface(UNIT, **PASCANU, values=(line, line), refine=20)


def test_a_connection_that_is_not_there_is_no_axis() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, mask_hh=[[1, 0], [1, 1]])
    with pytest.raises(ValueError, match=r"parameters\[0\] is 'weight_hh_l0\[0, 1\]'; that connection is masked out"):
        error_surface(
            cell,
            cell.initial_parameters(0),
            np.zeros((1, 3, 1)),
            np.zeros((1, 2)),
            parameters=("weight_hh_l0[0, 1]", "bias_ih_l0[0]"),
            values=([0.0], [0.0]),
        )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"values": ([5.0], (-2.0, -3.0))}, ValueError, r"values\[1\] has -2.0 before -3.0"),
        ({"values": ([5.0], (-3.0, -2.5, -2.0))}, ValueError, r"values\[1\] has 3 numbers; it must be an interval"),
        ({"values": 5.0}, TypeError, "values is 5.0; it must be a pair"),
        ({"candidates": 7}, ValueError, "candidates is 7; it must be an integer of at least 8"),
        ({"tolerance": 0}, ValueError, "tolerance is 0"),
    ],
)
def test_bad_walls(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        steepest(UNIT, **(PASCANU | {"values": ([5.0], (-3.0, -2.0))} | change))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"start": 5.0}, TypeError, "start is 5.0; it must be a pair, places along x and along y"),
        (
            {"start": ([1.0, 2.0], [1.0, 2.0, 3.0])},
            ValueError,
            r"start\[0\] has shape \(2,\); it must be \(\) or \(3,\)",
        ),
        ({"start": (np.inf, 0.0)}, ValueError, r"start\[0\] is inf"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate is 0.0; it must be above 0"),
        ({"learning_rate": np.inf}, ValueError, "learning_rate is inf"),
        ({"clip_norm": -1.0}, ValueError, "clip_norm is -1.0; it must be above 0"),
        ({"clip_norm": [1.0, np.nan]}, ValueError, "clip_norm is nan; it must be above 0"),
        ({"clip_norm": "a"}, TypeError, "clip_norm has dtype"),
        ({"steps": 0}, ValueError, "steps is 0"),
    ],
)
def test_bad_descents(change: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        descend(UNIT, **(PASCANU | {"start": (5.0, -2.2), "learning_rate": 0.1, "steps": 3} | change))


def test_too_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnlatch.gradients import memory

    monkeypatch.setattr(memory, "available_memory", lambda: 2**20)
    line = np.linspace(-3, -2, 2000)
    with pytest.raises(MemoryError, match="error_surface of 4000000 points needs 288 MB besides its arguments"):
        error_surface(UNIT, **PASCANU, values=(line, line))
    with pytest.raises(MemoryError, match="steepest of 10000000 points"):
        steepest(UNIT, **PASCANU, values=(line, (-3.0, -2.0)), candidates=10**7)
    with pytest.raises(MemoryError, match="descend of 10000001 points"):
        descend(UNIT, **PASCANU, start=(5.0, -2.0), learning_rate=0.1, steps=10**7)
    with pytest.raises(MemoryError, match="the refinement of error_surface of 10000005 points"):
        error_surface(UNIT, **PASCANU, values=([4.0, 5.0], [-3.0, -2.0]), refine=1, max_points=10**7)


def test_everything_has_a_name_and_units() -> None:
    grid = error_surface(UNIT, **PASCANU, values=([4.0, 5.0], [-3.0, -2.0]), refine=1, curvature=True)
    wall = steepest(UNIT, **PASCANU, values=([5.0], (-3.0, -2.0)), candidates=100)
    path = descend(UNIT, **PASCANU, start=(5.0, -2.0), learning_rate=0.1, steps=2)
    for found in (grid, wall, path):
        for name in found.variables:
            assert {"long_name", "units"} <= found[name].attrs.keys(), name
        assert found.attrs["source"].startswith("rnnlatch.gradients.")
        assert (found.attrs["x_parameter"], found.attrs["y_parameter"]) == AXES
