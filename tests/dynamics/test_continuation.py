"""Branches along a parameter and their special points, against closed forms and against SciPy."""

import math
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import optimize

from reference import dynamics as reference
from rnnlatch import cells
from rnnlatch.dynamics import Map, continuation, system
from rnnlatch.dynamics._families import family

Floats = np.ndarray[Any, np.dtype[np.float64]]

LOGISTIC = cells.VanillaRNN(inputs=1, hidden=1, activation="logistic")
LATCH = cells.LatchNeuron()
CELLS = {
    "tanh": cells.VanillaRNN(inputs=2, hidden=3),
    "logistic without biases": cells.VanillaRNN(inputs=2, hidden=3, activation="logistic", bias=False),
    "diagonal": cells.DiagonalRNN(inputs=2, hidden=3),
    "LSTM": cells.LSTM(inputs=2, hidden=3),
    "GRU": cells.GRU(inputs=2, hidden=3),
}


def one_unit(w: float) -> dict[str, Any]:
    return {"weight_ih_l0": [[1.0]], "weight_hh_l0": [[w]], "bias_ih_l0": [0.0], "bias_hh_l0": [0.0]}


def logistic_map(r: float) -> Map:
    return Map(lambda x, r: r * x * (1 - x), lambda x, r: (r * (1 - 2 * x))[:, :, None], 1, {"r": r})


def henon(a: float) -> Map:
    def derivative(s: Floats, a: float, b: float) -> Floats:
        rows = [[-2 * a * s[:, 0], np.ones(len(s))], [np.full(len(s), b), np.zeros(len(s))]]
        return np.moveaxis(np.array(rows), 2, 0)

    step = lambda s, a, b: np.stack([1 - a * s[:, 0] ** 2 + s[:, 1], b * s[:, 0]], axis=1)  # noqa: E731
    return Map(step, derivative, 2, {"a": a, "b": 0.3})


def kinds(found: xr.Dataset) -> list[str]:
    return [str(kind) for kind in found["special_kind"].values]


def at(found: xr.Dataset, kind: str) -> Floats:
    """The values of the special points of a kind, ascending."""
    return np.sort(found["special_value"].values[found["special_kind"].values == kind])


def close(found: xr.Dataset, kind: str, expected: Any) -> None:
    """The special points of a kind are where they should be, within the error that is stated for them."""
    chosen = found["special_kind"].values == kind
    values, stated = found["special_value"].values[chosen], found["special_accuracy"].values[chosen]
    order = np.argsort(values)
    error = np.abs(values[order] - np.sort(np.atleast_1d(expected)))
    assert (stated < 1e-11).all()
    assert (error <= stated[order]).all(), (error, stated)


@pytest.mark.parametrize("w", [4.2, 5.0, 12.0])
@pytest.mark.parametrize("variable", ["pre_activation", "state"])
def test_saddle_nodes_of_a_logistic_unit_are_those_of_the_closed_form(w: float, variable: Any) -> None:
    exact = reference.logistic_saddle_nodes(w)
    low, high = exact[0, 1] - 0.5, exact[1, 1] + 0.5
    found = continuation(
        LOGISTIC, one_unit(w), "bias_ih_l0[0]", (low, high), start=[0.0], at=low, variable=variable, max_step=0.05
    )
    assert found["outcome"] == "complete"
    assert kinds(found) == ["saddle-node", "saddle-node"]
    close(found, "saddle-node", exact[:, 1])
    # From below the branch comes to the one at the larger b first, which has the lower state.
    pre_activations = found["special_state"].values[:, 0]
    if variable == "state":
        pre_activations = np.log(pre_activations / (1 - pre_activations))
    np.testing.assert_allclose(pre_activations, exact[::-1, 0], rtol=1e-7)
    # Stable, unstable between the two, stable again.
    stable = found["stable"].values[0]
    (changes,) = np.nonzero(np.diff(stable.astype(int)))
    np.testing.assert_array_equal(changes, found["special_point"].values)
    assert stable[0]
    assert stable[-1]


@pytest.mark.parametrize("w", [1.05, 1.25, 2.0, 10.0])
def test_the_latch_lets_go_at_the_escape_threshold(w: float) -> None:
    escape = reference.escape_threshold(w)
    for variable in ("state", "pre_activation"):
        found = continuation(
            LATCH,
            {"weight": w},
            "input",
            (-2 * escape, 2 * escape),
            start=[0.0],
            variable=variable,
        )
        assert kinds(found) == ["saddle-node"] * 2
        close(found, "saddle-node", [-escape, escape])


def test_a_tanh_unit_has_a_pitchfork_at_a_weight_of_one() -> None:
    found = continuation(LATCH, {"weight": 0.5}, "weight", (0.2, 2.0), start=[0.0])
    assert kinds(found) == ["pitchfork"]
    close(found, "pitchfork", 1.0)
    np.testing.assert_array_equal(found["stable"].values[0], found["value"].values[0] < 1)
    # From the side it is the same point, which is no saddle-node although the branch turns there.
    side = continuation(LATCH, {"weight": 1.5}, "weight", (0.2, 2.0), start=[0.8])
    assert kinds(side) == ["pitchfork"]
    close(side, "pitchfork", 1.0)
    assert side["value"].values.min() > 1
    assert side["value"].values[0, [0, -1]].tolist() == [2.0, 2.0]
    np.testing.assert_allclose(side["state"].values[0, 0], -side["state"].values[0, -1], rtol=1e-12)


def test_the_logistic_map_doubles_its_period_at_three() -> None:
    found = continuation(logistic_map(2.0), None, "r", (0.5, 4.0), start=[[0.5], [0.0]])
    close(found, "period-doubling", 3.0)
    close(found, "branch point", [1.0, 1.0])  # on x = 1 - 1 / r and on x = 0, which cross
    r, x = found["value"].values[0], found["state"].values[0, :, 0]
    there = np.isfinite(r)
    np.testing.assert_allclose(x[there], 1 - 1 / r[there], atol=1e-12)


def test_orbits_of_the_logistic_map_double_their_period_where_they_should() -> None:
    two = continuation(logistic_map(3.2), None, "r", (2.5, 4.0), start=[0.5], period=2)
    close(two, "period-doubling", [1 + math.sqrt(6)] * 2)  # once on each of the two points
    close(two, "pitchfork", 3.0)
    assert len(kinds(two)) == 3
    r, x = two["value"].values[0], two["state"].values[0, :, 0]
    root = np.sqrt((r - 3) * (r + 1))
    nearest = np.minimum(np.abs(x - (r + 1 + root) / (2 * r)), np.abs(x - (r + 1 - root) / (2 * r)))
    # Where the two points part, rounding counts for its square root.
    assert nearest[r > 3.01].max() < 1e-11
    assert nearest.max() < 1e-6
    # The multiplier of the orbit is 4 + 2 r - r^2.
    far = r > 3.01
    np.testing.assert_allclose(two["eigenvalue_real"].values[0, far, 0], (4 + 2 * r - r**2)[far], atol=1e-9)
    three = continuation(logistic_map(3.84), None, "r", (3.5, 4.0), start=[[0.5], [0.15]], period=3)
    close(three, "saddle-node", [1 + math.sqrt(8)] * 2)
    four = continuation(logistic_map(3.5), None, "r", (3.0, 4.0), start=[0.5], period=4)
    close(four, "period-doubling", [3.5440903595519228536] * 2)  # OEIS A086181


def test_the_henon_map_appears_and_doubles_where_it_should() -> None:
    b = 0.3
    one = continuation(henon(0.2), None, "a", (-0.5, 1.4), start=[0.6, 0.2])
    close(one, "saddle-node", -((1 - b) ** 2) / 4)
    close(one, "period-doubling", 3 * (1 - b) ** 2 / 4)
    # The other fixed point goes to infinity as a goes to 0.
    assert "out of bounds" in [str(one[end].values[0]) for end in ("first_end", "last_end")]
    assert one["outcome"] == "incomplete: branch 0: out of bounds"
    two = continuation(henon(0.5), None, "a", (0.0, 1.4), start=[0.9, -0.1], period=2)
    close(two, "period-doubling", [(1 - b) ** 2 + (1 + b) ** 2 / 4] * 2)


@pytest.mark.parametrize("angle", [0.3, 1.0, 2.5])
def test_a_rotation_leaves_the_origin_where_its_radius_is_one(angle: float) -> None:
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    skew = np.array([[1.0, 0.7], [0.2, 1.5]])  # the same eigenvalues in a basis that is not orthogonal
    weight = skew @ turn @ np.linalg.inv(skew)
    cell = cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    params = {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": 0.5 * weight}
    for variable in ("state", "pre_activation"):
        found = continuation(
            cell,
            params,
            {"weight_hh_l0": weight},
            (-0.3, 1.5),
            start=[0.0, 0.0],
            variable=variable,
        )
        assert kinds(found) == ["Neimark-Sacker"]
        close(found, "Neimark-Sacker", 0.5)
        np.testing.assert_allclose(found["special_angle"], angle, atol=1e-12)


def from_scipy(
    cell: Any, params: dict[str, Floats], parameter: str, value: float, state: Floats
) -> tuple[float, Floats]:
    """The saddle-node near a state: F(s) = s, (J - I) v = 0, |v| = 1, by MINPACK with differences, through the reference."""
    structure = cell.structure() | {"outputs": 0, "bias_out": 0, "read_unit": -1}
    name, place = parameter[:-3], int(parameter[-2])
    size = len(state)

    def maps(b: float) -> Any:
        moved = {key: np.array(array) for key, array in params.items()}
        moved[name][place] = b
        return reference.state_map(structure, moved, np.zeros(cell.inputs))

    def equations(x: Floats) -> Floats:
        step, jacobian = maps(x[size])
        s, v = x[:size], x[size + 1 :]
        return np.concatenate([step(s) - s, jacobian(s) @ v - v, [v @ v - 1]])

    null = np.linalg.svd(maps(value)[1](state) - np.eye(size))[2][-1]
    start = np.concatenate([state, [value], null])
    found = optimize.root(equations, start * (1 + 1e-5), method="hybr", options={"xtol": 1e-14})
    assert np.abs(equations(found.x)).max() < 1e-12
    return float(found.x[size]), found.x[:size]


@pytest.mark.parametrize(
    ("cell", "seed"),
    [
        (cells.VanillaRNN(inputs=1, hidden=4), 5),
        (cells.GRU(inputs=1, hidden=3), 8),
        (cells.LSTM(inputs=1, hidden=2), 0),
    ],
)
def test_saddle_nodes_of_networks_are_those_that_scipy_finds(cell: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shapes = {name: np.shape(value) for name, value in cell.parameters().items()}
    params = {name: rng.normal(size=shape) * (3 if name == "weight_hh_l0" else 1) for name, shape in shapes.items()}
    found = continuation(
        cell, params, "bias_ih_l0[0]", (-8, 8), start=np.zeros(cell.hidden * len(cell.states)), at=-8, max_step=0.01
    )
    folds = found.isel(special=found["special_kind"].values == "saddle-node")
    assert folds.sizes["special"] > 0
    for number in range(folds.sizes["special"]):
        one = folds.isel(special=number)
        names = ["special_state", "special_cell_state"]
        state = np.concatenate([one[name].values for name in names if name in one])
        value, there = from_scipy(cell, params, "bias_ih_l0[0]", float(one["special_value"]), state)
        assert float(one["special_value"]) == pytest.approx(value, abs=1e-10)
        np.testing.assert_allclose(state, there, atol=1e-6)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("period", [1, 3])
def test_derivatives_along_a_direction_are_those_of_differences(name: str, period: int) -> None:
    cell: Any = CELLS[name]
    rng = np.random.default_rng(5)
    params = {key: rng.normal(size=np.shape(value)) for key, value in cell.parameters().items()}
    for variable in ("state", "pre_activation") if cell.kind == "VanillaRNN" else ("state",):
        one = system(cell, params, input=[0.3, -0.5], variable=variable)
        whole = {key: rng.normal(size=np.shape(value)) for key, value in params.items()} | {"input": [0.2, 0.9]}
        for axis in (whole, "input[1]", "weight_ih_l0[2, 1]"):
            curves = family(one, one.parameter(axis), (-1.0, 1.5), period, np.zeros((0, one.dimension)))
            place = curves.join(0.5 * rng.normal(size=one.dimension), 0.3)
            gap, matrix, by_value = curves.derivatives(place)
            np.testing.assert_allclose(gap, curves.gap(place), atol=1e-15)
            differences = [
                (curves.gap(place + 1e-6 * e) - curves.gap(place - 1e-6 * e)) / 2e-6 for e in np.eye(place.size)
            ]
            exact = np.column_stack([matrix - np.eye(one.dimension), by_value])
            # Third derivatives and rounding, each about 1e-10 times what they stand for.
            np.testing.assert_allclose(np.array(differences).T, exact, atol=1e-8)
            left, sides = rng.normal(size=one.dimension), 1e-4 * np.eye(place.size)[: one.dimension]
            by_state = [
                (curves.derivatives(place + e)[1] - curves.derivatives(place - e)[1]).T @ left / 2e-4 for e in sides
            ]
            np.testing.assert_allclose(np.array(by_state).T, curves.transposed(place, left), atol=1e-4)


def test_the_derivative_of_a_map_is_extrapolated_to_rounding() -> None:
    found = Map(lambda x, a: np.exp(a * x), lambda x, a: (a * np.exp(a * x))[:, :, None], 1, {"a": 0.5})
    curves = family(found, found.parameter("a"), (0.0, 3.0), 1, np.ones((1, 1)))
    place = curves.join(np.array([0.7]), 0.5)
    by_value = curves.derivatives(place)[2] * curves.scale / curves.width
    np.testing.assert_allclose(by_value, 0.7 * math.exp(0.35), rtol=1e-12)


def circle(x: Floats, c: float) -> Floats:
    """Fixed points on x^2 + c^2 = 1."""
    return x + 0.3 * (1 - x**2 - c**2)


def test_a_closed_branch_is_followed_once_around() -> None:
    one = Map(circle, lambda x, c: (1 - 0.6 * x + 0 * c)[:, :, None], 1, {"c": 0.0})
    found = continuation(one, None, "c", (-2, 2), start=[0.9])
    assert found["outcome"] == "complete"
    assert (str(found["first_end"].values[0]), str(found["last_end"].values[0])) == ("closed", "closed")
    close(found, "saddle-node", [-1.0, 1.0])
    x, c = found["state"].values[0, :, 0], found["value"].values[0]
    assert (x[0], c[0]) == (x[-1], c[-1])
    # Once: the angles go around, and the steps are short enough for the length to be that of the circle.
    assert np.hypot(np.diff(x), np.diff(c)).sum() == pytest.approx(2 * math.pi, rel=2e-3)


@pytest.mark.parametrize("start", [0.0, 1e-3, 1e-7])
def test_a_start_at_a_saddle_node_hides_nothing(start: float) -> None:
    one = Map(circle, lambda x, c: (1 - 0.6 * x + 0 * c)[:, :, None], 1, {"c": 0.0})
    # At c = 1 the circle is upright; the start is there or next to it.
    found = continuation(one, None, "c", (-2, 2), start=[start], at=math.sqrt(1 - start**2))
    assert str(found["first_end"].values[0]) == "closed"
    assert at(found, "saddle-node").round(9).tolist() == [-1.0, 1.0]


def test_a_line_of_fixed_points_at_one_value_has_no_saddle_nodes() -> None:
    # x -> c x: at c = 1 every x is one, at no other value any but 0.
    one = Map(lambda x, c: c * x, lambda x, c: (c + 0 * x)[:, :, None], 1, {"c": 0.5})
    found = continuation(one, None, "c", (0.5, 1.5), start=[[0.0], [3.0]], at=1.0, max_points=300)
    assert "saddle-node" not in kinds(found)
    np.testing.assert_allclose(found["value"].values[1, : int(found["points"][1])], 1.0, atol=1e-12)


def shifted(x: Floats, c: float) -> Floats:
    """A pitchfork at c = 0.2 from the branch s = c + 0.1 c^2, which no symmetry keeps straight."""
    y = x - c - 0.1 * c**2
    return x + (c - 0.2) * y - y**3


def crossing(x: Floats, c: float) -> Floats:
    """Two branches that cross at c = 0.2: s = c + 0.1 c^2, and c - 0.2 above it."""
    y = x - c - 0.1 * c**2
    return x + (c - 0.2) * y - y**2


@pytest.mark.parametrize(("step", "kind"), [(shifted, "pitchfork"), (crossing, "branch point")])
def test_branch_points_are_located_where_branches_bend(step: Any, kind: str) -> None:
    power = 2 if step is shifted else 1

    def derivative(x: Floats, c: float) -> Floats:
        y = x - c - 0.1 * c**2
        return (1 + (c - 0.2) - (power + 1) * y**power)[:, :, None]

    found = continuation(Map(step, derivative, 1, {"c": 0.0}), None, "c", (-1, 1), start=[0.0])
    assert kinds(found) == [kind]
    # The derivative by c is a difference here: the accuracy is what rounding leaves of it.
    np.testing.assert_allclose(found["special_value"], 0.2, atol=1e-11)
    np.testing.assert_allclose(found["special_state"].values.ravel(), 0.204, atol=1e-7)


def test_where_there_is_no_fixed_point_that_is_the_outcome() -> None:
    gone = Map(lambda x, c: x + 1 + c**2, lambda x, c: np.ones((*x.shape, 1)) + 0 * c, 1, {"c": 0.0})
    found = continuation(gone, None, "c", (-1, 1), start=[0.0])
    assert found["outcome"] == "incomplete: branch 0: no fixed point at the start"
    assert found["points"].values.tolist() == [0]
    assert found.sizes["point"] == 0
    assert found.sizes["special"] == 0


def test_a_budget_that_is_reached_is_an_outcome() -> None:
    found = continuation(LATCH, {"weight": 2.0}, "input", (-1, 1), start=[0.0], max_points=5)
    assert found["outcome"] == "incomplete: branch 0: points used up"
    assert found["points"].values.tolist() == [11]


def test_several_starts_give_as_many_branches() -> None:
    found = continuation(LATCH, {"weight": 2.0}, "input", (0.4, 2.0), start=[[0.9], [-0.8]], at=0.4)
    assert found["points"].values[0] > found["points"].values[1]  # straight on, or around the saddle-node and back
    assert np.isnan(found["value"].values[1, -1])
    assert not found["stable"].values[1, -1]
    assert found["index"].values[1, -1] == -1
    assert found["residual"].max() < 1e-12
    modulus = np.hypot(found["eigenvalue_real"].values, found["eigenvalue_imag"].values)[:, :, 0]
    np.testing.assert_array_equal(found["stable"], modulus < 1)


def test_a_direction_counts_from_the_parameters() -> None:
    params = one_unit(5.0) | {"bias_ih_l0": [-2.0], "bias_hh_l0": [-1.0]}
    found = continuation(LOGISTIC, params, {"bias_ih_l0": [2.0]}, (0.0, 0.5), start=[0.05])
    close(found, "saddle-node", (reference.logistic_saddle_nodes(5.0)[:, 1] + 3) / 2)
    assert found["value"].attrs["long_name"] == "direction in bias_ih_l0"


def test_states_of_an_lstm_come_in_two_variables() -> None:
    cell = cells.LSTM(inputs=1, hidden=2)
    params = {name: np.zeros(np.shape(value)) for name, value in cell.parameters().items()}
    found = continuation(cell, params, "bias_ih_l0[4]", (-1.0, 1.0), start=np.zeros(4))
    h, c = (found[name].values[0, :, 0] for name in ("state", "cell_state"))
    value = found["value"].values[0]
    # c = c / 2 + tanh(b) / 2 and h = tanh(c) / 2, with all gates half open
    np.testing.assert_allclose(c, np.tanh(value), atol=1e-14)
    np.testing.assert_allclose(h, np.tanh(np.tanh(value)) / 2, atol=1e-14)


def test_a_larger_network_is_followed_as_well() -> None:
    rng = np.random.default_rng(0)
    cell = cells.VanillaRNN(inputs=1, hidden=20, bias=False)
    weight = rng.normal(size=(20, 20)) / np.sqrt(20)
    weight += weight.T  # real eigenvalues: the origin is left by pitchforks
    params = {"weight_ih_l0": np.zeros((20, 1)), "weight_hh_l0": weight}
    largest = np.sort(np.linalg.eigvalsh(weight))
    found = continuation(cell, params, {"weight_hh_l0": weight}, (-0.9, 0.0), start=np.zeros(20), at=-0.9)
    scale = 1 + at(found, "pitchfork")
    np.testing.assert_allclose(scale, np.sort(1 / largest[largest > 1]), rtol=1e-12)
    np.testing.assert_allclose(1 + at(found, "period-doubling"), np.sort(-1 / largest[largest < -1]), rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"interval": (1.0, -1.0)}, r"interval is \[1.0, -1.0\]; it must be two finite numbers, the smaller one first"),
        ({"interval": (0.0, np.inf)}, "interval"),
        ({"interval": (0.5, 1.0)}, "at is 0.0; the system is there, name a value in the interval"),
        ({"at": 7.0}, r"at is 7.0; it must be within interval, \[-1.0, 1.0\]"),
        (
            {"start": [0.0, 1.0]},
            r"start has shape \(2,\); it must be an array of finite numbers, shape \(1,\) or \(n, 1\)",
        ),
        ({"start": [np.nan]}, "start"),
        ({"parameter": "bias"}, "parameter is 'bias'"),
        ({"period": 0}, "period is 0"),
        ({"step": 0.5}, "step is 0.5; it must be a finite number above 0 and of at most 0.25"),
        ({"max_step": 0.0}, "max_step is 0"),
        ({"min_step": 0.0}, "min_step is 0"),
        ({"max_points": 0}, "max_points is 0"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"parameter": "input", "interval": (-1.0, 1.0), "start": [0.0]} | changes
    with pytest.raises(ValueError, match=message):
        continuation(LATCH, {"weight": 2.0}, given.pop("parameter"), given.pop("interval"), **given)


def test_thresholds_have_nothing_to_follow() -> None:
    cell = cells.VanillaRNN(inputs=1, hidden=1, activation="sign")
    with pytest.raises(ValueError, match="cell has thresholds"):
        continuation(cell, one_unit(2.0), "bias_ih_l0[0]", (-1, 1), start=[0.0])
