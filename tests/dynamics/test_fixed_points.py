"""Fixed points with a proof: closed forms, the reference's sign changes, index sums, edges, degenerate points, budgets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from dynamics.maps import Array, henon_map, logistic_map, network, reference_map
from reference import dynamics as reference
from rnnlatch.cells import GRU, LSTM, LatchNeuron, VanillaRNN
from rnnlatch.dynamics import Interval, Map, fixed_points, system
from rnnlatch.dynamics.complete import complete

LATCH = LatchNeuron()


def outcome(found: xr.Dataset) -> str:
    return str(found["outcome"].values)


def logistic_unit(b: float) -> xr.Dataset:
    """The fixed points of x -> 5 σ(x) + b."""
    cell = VanillaRNN(inputs=1, hidden=1, activation="logistic")
    params = {"weight_ih_l0": [[0.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [b], "bias_hh_l0": [0.0]}
    return fixed_points(cell, params, variable="pre_activation")


@pytest.mark.parametrize("w", [1.01, 1.25, 2.0, 10.0, 50.0])
def test_the_attractors_of_a_latch(w: float) -> None:
    a, x = reference.latch_attractor(w)
    found = fixed_points(LATCH, w)
    assert outcome(found) == "complete"
    # At w = 1.01 the slope of w tanh(a) - a is 0.02: rounding of 1e-16 becomes 1e-14.
    assert found["state"].values.ravel() == pytest.approx([-x, 0, x], abs=2e-14)
    assert found["pre_activation"].values.ravel() == pytest.approx([-a, 0, a], abs=2e-12 * a)
    assert found["stable"].values.tolist() == [True, False, True]
    assert found["index"].values.tolist() == [0, 1, 0]
    assert found["topological_index"].values.tolist() == [1, -1, 1]
    assert found["certified"].values.all()
    slope = w * (1 - np.array([x, 0, x]) ** 2)
    assert found["eigenvalue_real"].values.ravel() == pytest.approx(slope, rel=1e-10, abs=1e-13)
    inside = fixed_points(LATCH, w, variable="pre_activation")
    assert inside["state"].values.ravel() == pytest.approx([-a, 0, a], abs=2e-14 * max(a, 1))


@pytest.mark.parametrize("w", [1.25, 2.0, 5.0])
@pytest.mark.parametrize("variable", ["state", "pre_activation"])
def test_a_latch_has_three_fixed_points_below_the_threshold_and_one_above(w: float, variable: Any) -> None:
    threshold = float(reference.escape_threshold(w))
    for sign in (-1, 1):
        for distance, count in ((-1e-10, 3), (1e-10, 1)):
            found = fixed_points(LATCH, w, input=sign * (threshold + distance), variable=variable)
            assert (outcome(found), found.sizes["fixed_point"]) == ("complete", count)
            assert found["topological_index"].sum() == 1


def test_a_degenerate_point_is_given_and_not_certified() -> None:
    threshold = float(reference.escape_threshold(2.0))
    found = fixed_points(LATCH, 2.0, input=threshold)
    assert outcome(found) == "incomplete: 1 undecided box"
    assert found["certified"].values.tolist() == [False, True]
    assert found["topological_index"].values.tolist() == [0, 1]
    assert found["undecided_state"].dims == ("undecided", "unit", "bound")
    low, high = found["undecided_state"].values[0, 0]
    double = -np.sqrt(0.5)
    assert low < double < high
    assert high - low < 1e-6
    assert low < found["state"].values[0, 0] < high
    assert np.isnan(found["bounds_state"].values[0]).all()


def test_a_pitchfork_is_undecided() -> None:
    found = fixed_points(LATCH, 1.0)
    assert outcome(found) == "incomplete: 1 undecided box"
    # Newton's method comes to a triple root with steps of 2/3, until x³ / 3 is below rounding.
    assert found["state"].values.ravel() == pytest.approx([0], abs=1e-4)
    assert not found["certified"].any()
    assert found["residual"] < 1e-15
    for w, count in ((1 - 1e-8, 1), (1 + 1e-8, 3)):
        found = fixed_points(LATCH, w)
        assert (outcome(found), found.sizes["fixed_point"]) == ("complete", count)


def test_saddle_nodes_of_the_logistic_unit() -> None:
    (_, lower), (_, upper) = reference.logistic_saddle_nodes(5.0)
    assert (lower, upper) == pytest.approx((-2.65561, -2.34439), abs=5e-6)
    for b, count in ((lower - 1e-10, 1), (lower + 1e-10, 3), (upper - 1e-10, 3), (upper + 1e-10, 1)):
        found = logistic_unit(b)
        assert (outcome(found), found.sizes["fixed_point"]) == ("complete", count)
        assert found["stable"].sum() == (count + 1) // 2


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("name", ["tanh", "logistic", "relu"])
def test_one_unit_has_the_fixed_points_of_a_fine_grid(name: str, seed: int) -> None:
    cell, params, u, structure = network(name, hidden=1, seed=seed, scale=3.0)
    found = fixed_points(cell, params, input=u, box=(-1, 40))
    assert outcome(found) == "complete"
    step, _ = reference_map(structure, params, u, "state")

    def one(x: Array) -> Array:
        return np.stack([step(s[None])[0] for s in np.ravel(x)]).reshape(np.shape(x))

    grid = reference.fixed_points(one, -1, 40, points=2001)
    # A square root of rounding, where two are about to meet.
    assert found["state"].values.ravel() == pytest.approx(grid, rel=1e-9, abs=1e-9)


def test_a_linear_network_has_one() -> None:
    for seed in range(5):
        cell, params, u, _ = network("linear", hidden=2, seed=seed)
        c = params["weight_ih_l0"] @ u + params["bias_ih_l0"] + params["bias_hh_l0"]
        h = np.linalg.solve(np.eye(2) - params["weight_hh_l0"], c)
        found = fixed_points(cell, params, input=u, box=(-100, 100))
        assert outcome(found) == "complete"
        assert found["state"].values == pytest.approx(h[None], rel=1e-12)
        assert (
            found["eigenvalue_real"].values[0]
            == pytest.approx(sorted(np.linalg.eigvals(params["weight_hh_l0"]).real, key=abs, reverse=True), abs=1e-12)
            or np.iscomplex(np.linalg.eigvals(params["weight_hh_l0"])).any()
        )


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["tanh", "logistic", "GRU", "LSTM", "diagonal"])
def test_index_sums_and_nothing_more_by_brute_force(kind: str, seed: int) -> None:
    # The box is mapped into itself: the indices of all fixed points add up to 1 (Lefschetz).
    cell, params, u, _ = network(kind, hidden=1 if kind == "LSTM" else 2, seed=seed, scale=1.5)
    params["weight_hh_l0"] *= 2.0
    found = fixed_points(cell, params, input=u)
    assert outcome(found) == "complete"
    assert found["topological_index"].sum() == 1
    assert found["certified"].all()
    searched = fixed_points(cell, params, input=u, complete=False, starts=400)
    names = ["state", "cell_state"][: 1 + (kind == "LSTM")]
    proven, brute = (np.concatenate([data[name].values for name in names], axis=1) for data in (found, searched))
    # Where a gate of a GRU is shut to the last bit, nearly every state is at rest in double precision: these are degenerate.
    brute = brute[searched["topological_index"] != 0]
    near = np.abs(brute[:, None] - proven).max(axis=2) <= 1e-9
    assert near.any(axis=1).all()
    assert len(brute) <= len(proven)
    bounds = np.concatenate([found[f"bounds_{name}"].values for name in names], axis=1)
    assert ((bounds[..., 0] <= proven) & (proven <= bounds[..., 1])).all()
    assert found["residual"].max() < 1e-14


def test_an_lstm_of_one_unit_against_one_equation() -> None:
    # At rest c = i g / (1 - f), all functions of h: one equation h = o tanh(c(h)), and its sign changes.
    weights = np.array([2.0, 1.0, 6.0, 3.0])
    bias = np.array([1.0, 1.5, 0.1, 1.0])
    cell = LSTM(inputs=1, hidden=1)
    params = {
        "weight_ih_l0": np.zeros((4, 1)),
        "weight_hh_l0": weights[:, None],
        "bias_ih_l0": bias,
        "bias_hh_l0": np.zeros(4),
    }

    def right(h: Array) -> Array:
        a = np.multiply.outer(weights, h) + bias.reshape(4, *(1,) * np.ndim(h))
        i, f, o = (1 / (1 + np.exp(-a[gate])) for gate in (0, 1, 3))
        return np.asarray(o * np.tanh(i * np.tanh(a[2]) / (1 - f)))

    grid = reference.fixed_points(right, -1, 1)
    found = fixed_points(cell, params)
    assert outcome(found) == "complete"
    assert found["state"].values.ravel() == pytest.approx(grid, abs=1e-12)
    assert len(grid) == 3
    assert found["cell_state"].dims == ("fixed_point", "unit")


def test_without_input_and_bias_fixed_points_are_mirrored() -> None:
    for seed in range(5):
        cell = VanillaRNN(inputs=1, hidden=2, bias=False)
        weight = 2.5 * np.random.default_rng(seed).normal(size=(2, 2))
        states = fixed_points(cell, {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": weight})["state"].values
        assert -states[::-1] == pytest.approx(states, abs=1e-12)


def test_two_units_apart_have_the_products() -> None:
    cell = rl.cells.DiagonalRNN(inputs=1, hidden=2, bias=False)
    found = fixed_points(cell, {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([2.0, 3.0])})
    (_, x), (_, y) = reference.latch_attractor(2.0), reference.latch_attractor(3.0)
    grid = np.stack(np.meshgrid([-x, 0, x], [-y, 0, y], indexing="ij"), axis=-1).reshape(-1, 2)
    assert found["state"].values == pytest.approx(grid, abs=1e-14)
    assert found["index"].values.tolist() == [0, 1, 0, 1, 2, 1, 0, 1, 0]


def test_the_henon_map() -> None:
    a, b = 1.4, 0.3
    x = (-(1 - b) + np.array([-1, 1]) * np.sqrt((1 - b) ** 2 + 4 * a)) / (2 * a)
    found = fixed_points(henon_map(a, b), box=(-10, 10))
    assert outcome(found) == "complete"
    assert found["state"].values == pytest.approx(np.stack([x, b * x], axis=1), abs=1e-14)
    assert found["unit"].values.tolist() == ["x0", "x1"]


def test_three_units_can_be_proven_too() -> None:
    cell, params, u, _ = network("tanh", hidden=3, seed=3, scale=1.5)
    found = fixed_points(cell, params, input=u, complete=True)
    searched = fixed_points(cell, params, input=u)
    assert (outcome(found), outcome(searched)) == ("complete", "searched")
    assert found["state"].values == pytest.approx(searched["state"].values, abs=1e-12)
    assert found["topological_index"].sum() == 1


def test_fixed_points_at_the_edge_count() -> None:
    found = fixed_points(logistic_map(3.2), box=(0, 1))
    assert found["state"].values.ravel() == pytest.approx([0, 1 - 1 / 3.2], abs=1e-15)
    assert found["state"].values[0] == 0
    found = fixed_points(logistic_map(3.2), box=(-1, 0))
    assert found["state"].values.ravel().tolist() == [0]
    found = fixed_points(logistic_map(3.2), box=(0.1, 0.5))
    assert (outcome(found), found.sizes["fixed_point"]) == ("complete", 0)
    assert found["state"].shape == (0, 1)


@pytest.mark.parametrize("box", [(-0.4871, 0.5129), (-0.2, 0.8), (-1.0, 1.0), (-1e-9, 1.0)])
def test_fixed_points_where_boxes_are_cut_count_once(box: tuple[float, float]) -> None:
    for cell, params in ((LATCH, 2.0), (LATCH, 50.0)):
        found = fixed_points(cell, params, box=box)
        inside = [x for x in fixed_points(cell, params)["state"].values.ravel() if box[0] <= x <= box[1]]
        assert found["state"].values.ravel() == pytest.approx(inside, abs=1e-14)


def test_saturated_units_end_at_one() -> None:
    # 1 - tanh(50) is 7e-44: the fixed point is 1 in double precision, which is the edge of the box.
    found = fixed_points(LATCH, 50.0)
    assert found["state"].values.ravel().tolist() == [-1, 0, 1]
    assert (found["bounds_state"].values[2, 0] <= 1).all()
    assert found["eigenvalue_real"].values[2, 0] == pytest.approx(200 * np.exp(-100), rel=1e-12)


def test_units_with_a_kink() -> None:
    cell = VanillaRNN(inputs=1, hidden=1, activation="relu")
    params = {"weight_ih_l0": [[0.0]], "weight_hh_l0": [[2.0]], "bias_ih_l0": [-1.0], "bias_hh_l0": [0.0]}
    found = fixed_points(cell, params, box=(0, 5))
    assert found["state"].values.ravel() == pytest.approx([0, 1], abs=1e-15)
    assert found["stable"].values.tolist() == [True, False]
    params |= {"weight_hh_l0": [[1.0]], "bias_ih_l0": [0.0]}  # every h >= 0 is one
    found = fixed_points(cell, params, box=(-1, 5), max_boxes=500)
    assert outcome(found).startswith("incomplete: ")
    assert not found["certified"].any()
    assert found["undecided_state"].values[:, 0, 0].min() <= 0
    assert found["undecided_state"].values[:, 0, 1].max() == 5


def test_a_budget_ends_the_proof_and_the_rest_is_searched() -> None:
    found = fixed_points(LATCH, 2.0, max_boxes=1)
    assert outcome(found) == "incomplete: 1 undecided box, the budget of 1 box is spent"
    assert found["state"].values.ravel() == pytest.approx([-0.957504, 0, 0.957504], abs=1e-6)
    assert not found["certified"].any()
    assert found.attrs["rng"] != "none"
    assert found.attrs["boxes"] == 1


def test_maps_that_end_outside_of_the_box() -> None:
    def bounds(low: Array, high: Array) -> tuple[Array, Array, Array, Array]:
        image = Interval(np.sqrt(low) * (1 - 1e-15), np.sqrt(high) * (1 + 1e-15))
        slope_low, slope_high = (0.5 / np.sqrt(end)[:, :, None] for end in (high, low))
        return image.low, image.high, slope_low * (1 - 1e-15), slope_high * (1 + 1e-15)

    root = Map(np.sqrt, lambda x: 0.5 / np.sqrt(x)[:, :, None], 1, enclosure=bounds)
    found = fixed_points(root, box=(0.001, 3))
    assert (outcome(found), found["state"].values.ravel().tolist()) == ("complete", [1])
    found = fixed_points(root, box=(-1, 3), max_boxes=2000)  # there are no square roots on the left
    assert outcome(found).startswith("incomplete: ")
    assert 1 in found["state"].values


def test_bounds_that_do_not_hold_together_are_no_trouble() -> None:
    wild = Map(
        lambda x: x**2,
        lambda x: 2 * x[:, :, None],
        1,
        enclosure=lambda low, high: (low * np.nan, high * np.nan, np.nan * low[:, :, None], np.nan * high[:, :, None]),
    )
    found = complete(system(wild), np.array([[-2.0, 2.0]]), max_boxes=50)
    assert (found.exhausted, len(found.points), found.examined) == (True, 0, 50)
    assert (found.undecided.low.min(), found.undecided.high.max()) == (-2, 2)


def test_the_dataset_says_what_it_is(tmp_path: Any) -> None:
    found = fixed_points(GRU(inputs=2, hidden=2), GRU(inputs=2, hidden=2).initial_parameters(0))
    assert found.attrs["source"].startswith("rnnlatch.dynamics.fixed_points; Krawczyk (1969)")
    assert found.attrs["variable"] == "state"
    assert found.attrs["rng"] == "none"
    assert found["state"].dims == ("fixed_point", "unit")
    assert found["eigenvalue_imag"].dims == ("fixed_point", "eigenvalue")
    assert {found[name].dtype.kind for name in ("stable", "certified")} == {"b"}
    for name, variable in found.variables.items():
        assert variable.attrs["long_name"], name
        assert "units" in variable.attrs, name
    path = tmp_path / "found.nc"
    found.to_netcdf(path, engine="h5netcdf")
    with xr.open_dataset(path, engine="h5netcdf") as stored:
        xr.testing.assert_identical(stored.load(), found)


CELL = VanillaRNN(inputs=1, hidden=2)
RELU = VanillaRNN(inputs=1, hidden=2, activation="relu")


@pytest.mark.parametrize(
    ("error", "words", "arguments"),
    [
        (ValueError, "box has shape", {"box": [[0, 1]] * 3}),
        (ValueError, "box is", {"box": (1, 0)}),
        (ValueError, "tolerance is 0", {"tolerance": 0}),
        (ValueError, "max_boxes is 0", {"max_boxes": 0}),
        (TypeError, "complete is 1", {"complete": 1}),
        (ValueError, "starts is given and complete is True", {"complete": True, "starts": 10}),
        (ValueError, "starts is 0", {"starts": 0}),
        (ValueError, r"starts has shape \(3,\)", {"starts": [1.0, 2.0, 3.0]}),
        (ValueError, "starts is inf", {"starts": [[np.inf, 0.0]]}),
        (ValueError, "have no bounds; give a box", {"cell": RELU, "complete": True}),
        (ValueError, "have no bounds; give a box, or starts", {"cell": RELU}),
        (ValueError, "rng is -1", {"rng": -1}),
    ],
)
def test_bad_input(error: type[Exception], words: str, arguments: dict[str, Any]) -> None:
    given: dict[str, Any] = {"cell": CELL} | arguments
    cell = given.pop("cell")
    with pytest.raises(error, match=words):
        fixed_points(cell, cell.initial_parameters(0), **given)


def test_proofs_need_bounds() -> None:
    with pytest.raises(ValueError, match="gives no bounds over boxes; search instead"):
        fixed_points(Map(np.sin, lambda x: np.cos(x)[:, :, None], 1), box=(-1, 1), complete=True)
