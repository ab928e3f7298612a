"""Maps of regimes over two parameters, against counting by brute force, closed forms and continuation."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

from reference import dynamics as reference
from rnnlatch import cells
from rnnlatch.dynamics import Map, continuation, regimes

Floats = np.ndarray[Any, np.dtype[np.float64]]

LATCH = cells.LatchNeuron()
WEIGHT, BIAS = "weight_hh_l0[0, 0]", "bias_ih_l0[0]"


def unit(activation: Any) -> tuple[cells.VanillaRNN, dict[str, Any]]:
    cell = cells.VanillaRNN(inputs=1, hidden=1, activation=activation)
    return cell, {"weight_ih_l0": [[2.0]], "weight_hh_l0": [[5.0]], "bias_ih_l0": [0.5], "bias_hh_l0": [-0.5]}


def words(found: xr.Dataset) -> Any:
    return np.array(found["regime"].attrs["flag_meanings"].split())[found["regime"].values]


@pytest.mark.parametrize("activation", ["tanh", "logistic"])
def test_fixed_points_of_one_unit_are_counted_as_by_brute_force(activation: Any) -> None:
    cell, params = unit(activation)
    w = np.array([-9.3, -1.7, 0.0, 0.9, 1.3, 3.9, 4.6, 9.1])
    c = np.linspace(-8, 3, 12)
    found = regimes(cell, params, (WEIGHT, BIAS), (w, c), starts=4, variable="pre_activation")
    for row, weight in enumerate(w):
        for column, bias in enumerate(c - 0.5):  # with the other bias
            step = (
                reference.logistic_map(weight, bias) if activation == "logistic" else reference.latch_map(weight, bias)
            )
            points = reference.fixed_points(step, -20.0, 20.0, 40_001)
            assert found["all_fixed_points"].values[row, column] == points.size
            if weight >= 0:  # a map that rises has no orbits, and every other fixed point attracts
                assert found["fixed_points"].values[row, column] == (points.size + 1) // 2
    # A map that falls has one fixed point, and one orbit of period 2 around it where that repels.
    falling = found.isel(x=slice(0, 2))
    np.testing.assert_array_equal(falling["all_fixed_points"], 1)
    np.testing.assert_array_equal(falling["fixed_points"] + falling["periodic"], 1)
    assert set(np.unique(falling["largest_period"].values)) <= {1, 2}


def test_attractors_are_those_that_a_pair_of_units_has() -> None:
    cell = cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    params = {"weight_ih_l0": [[0.0], [0.0]], "weight_hh_l0": np.zeros((2, 2))}
    # Two units of their own: the attractors are those of each, in all combinations.
    w = np.array([-1.5, 0.5, 1.5])
    found = regimes(cell, params, ("weight_hh_l0[0, 0]", "weight_hh_l0[1, 1]"), (w, w), starts=24)
    np.testing.assert_array_equal(
        words(found),
        [
            ["two_orbits_up_to_period_2", "period_2", "two_orbits_up_to_period_2"],
            ["period_2", "one_fixed_point", "two_fixed_points"],
            ["two_orbits_up_to_period_2", "two_fixed_points", "four_fixed_points"],
        ],
    )
    # Two oscillating units do so in step or out of step. One beside a latch has an orbit for each state of the latch.
    assert found["attractors"].values.tolist() == [[2, 1, 2], [1, 1, 2], [2, 2, 4]]
    np.testing.assert_array_equal(found["all_fixed_points"], -1)
    assert "edge_x" not in found


@pytest.mark.parametrize(("activation", "cusp"), [("tanh", (1.0, 0.0)), ("logistic", (4.0, -2.0))])
def test_edges_are_where_continuation_finds_them(activation: Any, cusp: tuple[float, float]) -> None:
    cell, params = unit(activation)
    w = np.linspace(-12, 12, 4)
    found = regimes(cell, params, (BIAS, WEIGHT), (np.linspace(-9, 9, 5), w), starts=2)
    assert found["edge_kind"].values.tolist() == ["saddle-node", "period-doubling"]
    folds, flips = (found.isel(edge=number) for number in range(2))
    middle = found.sizes["edge_point"] // 2
    # Biases of -0.5 stand beside the one that changes.
    assert float(folds["edge_y"][middle]) == cusp[0]
    assert float(folds["edge_x"][middle]) == pytest.approx(cusp[1] + 0.5, abs=1e-12)
    for number in (0, 60, 150):
        for edge, kind in ((folds, "saddle-node"), (flips, "period-doubling")):
            bias, weight = float(edge["edge_x"][number]), float(edge["edge_y"][number])
            at = params | {"weight_hh_l0": [[weight]]}
            branch = continuation(cell, at, BIAS, (bias - 30, bias + 30), start=[0.0], at=bias - 30, max_step=0.01)
            values = branch["special_value"].values[branch["special_kind"].values == kind]
            assert values.size == 2
            assert np.abs(values - bias).min() < 1e-10
    # Both arms, and the same as the closed form of the saddle-nodes that the reference has.
    if activation == "logistic":
        both = reference.logistic_saddle_nodes(12.0)[:, 1] + 0.5
        np.testing.assert_allclose(folds["edge_x"].values[[-1, 0]], both, rtol=1e-12)
    else:
        escape = reference.escape_threshold(12.0)
        np.testing.assert_allclose(folds["edge_x"].values[[-1, 0]], [0.5 - escape, 0.5 + escape], rtol=1e-12)


def test_edges_count_in_the_values_of_their_axes() -> None:
    cell, params = unit("logistic")
    along = {"weight_hh_l0": [[2.0]]}
    found = regimes(cell, params, ("input[0]", along), (np.array([-2.0, 0.0]), np.array([0.0, 1.0])), starts=2)
    # w = 5 + 2 y and c = 2 x
    folds = found.isel(edge=0)
    top = reference.logistic_saddle_nodes(7.0)[:, 1]
    assert float(folds["edge_y"][0]) == pytest.approx(1.0)
    np.testing.assert_allclose(folds["edge_x"].values[[-1, 0]], top / 2, rtol=1e-12)
    # Axes that move both, or neither, have no closed form here.
    mixed = {"weight_hh_l0": [[1.0]], "bias_ih_l0": [1.0]}
    assert "edge_x" not in regimes(cell, params, (mixed, BIAS), ([0.0, 1.0], [0.0, 1.0]), starts=2)
    assert "edge_x" not in regimes(cell, params, ("input[0]", BIAS), ([0.0, 1.0], [0.0, 1.0]), starts=2)


def test_a_latch_has_two_attractors_below_its_threshold() -> None:
    w, h = np.linspace(0.25, 3.0, 12), np.linspace(-0.9, 0.9, 19)
    found = regimes(LATCH, None, ("weight", "input"), (w, h))
    threshold = np.where(w > 1, reference.escape_threshold(np.maximum(w, 1)), 0.0)[:, None]
    clear = np.abs(np.abs(h) - threshold) > 1e-3
    two = (np.abs(h) < threshold) & (w[:, None] > 1)
    expected = np.where(two, "two_fixed_points", "one_fixed_point")
    assert (words(found)[clear & (w[:, None] != 1)] == expected[clear & (w[:, None] != 1)]).all()
    np.testing.assert_array_equal(found["attractors"], found["fixed_points"])


def test_what_does_not_settle_or_diverges_has_its_own_name() -> None:
    logistic = Map(
        lambda x, r, q: r * x * (1 - x) + 0 * q,
        lambda x, r, q: (r * (1 - 2 * x) + 0 * q)[:, :, None],
        1,
        {"r": 3.0, "q": 0.0},
    )
    found = regimes(logistic, None, ("r", "q"), ([2.0, 3.2, 4.0], [0.0]), starts=[[0.3], [1.5]], max_steps=500)
    assert words(found).ravel().tolist() == [
        "one_fixed_point_and_diverging",
        "period_2_and_diverging",
        "unsettled_and_diverging",
    ]
    np.testing.assert_array_equal(found["unsettled"].values.ravel(), [0, 0, 1])
    np.testing.assert_array_equal(found["diverged"].values.ravel(), [1, 1, 1])


def test_the_order_of_the_grid_makes_no_difference() -> None:
    w, h = np.linspace(0.5, 2.5, 5), np.linspace(-0.5, 0.5, 4)
    one = regimes(LATCH, None, ("weight", "input"), (w, h), starts=6)
    other = regimes(LATCH, None, ("input", "weight"), (h, w), starts=6)
    np.testing.assert_array_equal(one["fixed_points"].values, other["fixed_points"].values.T)
    np.testing.assert_array_equal(one["all_fixed_points"].values, other["all_fixed_points"].values.T)
    assert one["x"].attrs["long_name"] == "weight"


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"parameters": "weight"}, TypeError, "parameters is 'weight'; it must be two of them"),
        ({"parameters": ("weight", "weight")}, ValueError, "parameters has 'weight' twice"),
        ({"parameters": ("weight", "bias")}, ValueError, r"parameters\[1\] is 'bias'"),
        ({"values": [0.0]}, TypeError, r"values is \[0.0\]; it must be two arrays"),
        ({"values": ([1.0, 0.0], [0.0])}, ValueError, r"values\[0\] is \[1.0, 0.0\]; it must be ascending"),
        ({"values": ([0.0], [np.nan])}, ValueError, r"values\[1\]"),
        ({"values": ([0.0], [])}, ValueError, r"values\[1\] has shape \(0,\)"),
        ({"starts": 0}, ValueError, "starts is 0"),
        ({"max_period": 0}, ValueError, "max_period is 0"),
        ({"max_steps": 0}, ValueError, "max_steps is 0"),
        ({"tolerance": -1.0}, ValueError, "tolerance is -1"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], kind: type[Exception], message: str) -> None:
    given: dict[str, Any] = {"parameters": ("weight", "input"), "values": ([0.0, 1.0], [0.0, 1.0])} | changes
    with pytest.raises(kind, match=message):
        regimes(LATCH, None, given.pop("parameters"), given.pop("values"), **given)
