"""Parameters from outside: names under prefixes, shapes, types, and what is refused."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch._network_parameters import check_network_parameters, mask_gradient
from rnnlatch._parameters import check_parameters

CELL = rl.cells.VanillaRNN(inputs=2, hidden=3, outputs=1)
PARAMS = CELL.initial_parameters(0)
LSTM = rl.cells.LSTM(inputs=2, hidden=3)
STATE = LSTM.initial_parameters(0)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PARAMS.items() if key != name}


def prefixed(prefix: str, state: dict[str, Any] = STATE) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}


def test_what_is_right_is_not_copied() -> None:
    networks = check_network_parameters(CELL, PARAMS)
    assert networks.shape == ()
    assert list(networks.arrays) == list(CELL.parameter_shapes)
    assert all(networks.arrays[name] is PARAMS[name] for name in PARAMS)
    # Run-fastest arrays too.
    many = {name: np.asfortranarray(value) for name, value in CELL.initial_parameters(0, runs=8).items()}
    networks = check_network_parameters(CELL, many)
    assert networks.shape == (8,)
    assert all(networks.arrays[name] is many[name] for name in many)


@pytest.mark.parametrize("prefix", ["", "rnn.", "encoder.rnn.", "a.b.c."])
def test_a_state_dict_loads_under_any_prefix(prefix: str) -> None:
    beside = {"out.weight": np.ones((1, 3)), "embedding.weight": np.ones((9, 2))}
    networks = check_network_parameters(LSTM, prefixed(prefix) | beside)
    for name, value in STATE.items():
        np.testing.assert_array_equal(networks.arrays[name], value)


@pytest.mark.parametrize("name", ["weight_out", "rnn.weight_out"])
def test_the_readout_stands_under_the_prefix_or_beside(name: str) -> None:
    given = prefixed("rnn.", without("weight_out")) | {name: PARAMS["weight_out"]}
    np.testing.assert_array_equal(check_network_parameters(CELL, given).arrays["weight_out"], PARAMS["weight_out"])


def test_shared_parameters_are_spread_over_the_runs() -> None:
    many = CELL.initial_parameters(0, runs=4) | {"bias_out": PARAMS["bias_out"]}
    networks = check_network_parameters(CELL, many)
    assert networks.shape == (4,)
    assert networks.arrays["bias_out"].shape == (4, 1)
    assert networks.arrays["bias_out"].strides[0] == 0


def test_a_dataset_of_trained_networks() -> None:
    drawn = CELL.initial_parameters(0, runs=6)
    data = {name: (("run", *part.dims), drawn[name]) for name, part in CELL.parameters().items()}
    dataset = xr.Dataset(data | {"loss": ("run", np.zeros(6))}, {"run": np.arange(6)})
    networks = check_network_parameters(CELL, dataset)
    assert (networks.shape, networks.dims) == ((6,), ("run",))
    np.testing.assert_array_equal(networks.coords["run"], np.arange(6))
    one = check_network_parameters(CELL, dataset.isel(run=2))
    assert one.shape == ()
    np.testing.assert_array_equal(one.arrays["weight_hh_l0"], drawn["weight_hh_l0"][2])
    grid = dataset.assign_coords(run=range(6)).coarsen(run=3).construct(run=("length", "run"))
    networks = check_network_parameters(CELL, grid)
    assert (networks.shape, networks.dims, networks.count) == ((2, 3), ("length", "run"), 6)
    np.testing.assert_array_equal(networks.arrays["weight_hh_l0"], drawn["weight_hh_l0"])
    # Dimensions in another order are put right.
    turned = check_network_parameters(CELL, dataset.transpose(..., "run"))
    np.testing.assert_array_equal(turned.arrays["weight_ih_l0"], drawn["weight_ih_l0"])


def grid(**changed: Any) -> xr.Dataset:
    """Networks over ``w`` and ``run``, and what was made of some of their variables."""
    drawn = CELL.initial_parameters(0, runs=6)
    parts = CELL.parameters()
    data = {name: (("w", "run", *part.dims), drawn[name].reshape(2, 3, *part.shape)) for name, part in parts.items()}
    dataset = xr.Dataset(data, {"w": [0.5, 2.0], "run": [3, 4, 5]})
    return dataset.assign({name: change(dataset[name]) for name, change in changed.items()})


def assert_in_order(networks: Any, expected: xr.Dataset) -> None:
    assert (networks.shape, networks.dims) == ((2, 3), ("w", "run"))
    for name, part in CELL.parameters().items():
        values = expected[name].transpose("w", "run", *part.dims).values
        np.testing.assert_array_equal(networks.arrays[name], values.reshape(6, *part.shape))


@pytest.mark.parametrize("dims", [("run", "w", "row", "hidden"), ("row", "run", "hidden", "w")])
def test_variables_with_their_dimensions_in_other_orders(dims: tuple[str, ...]) -> None:
    mixed = grid(weight_hh_l0=lambda value: value.transpose(*dims))
    assert_in_order(check_network_parameters(CELL, mixed), grid())
    assert_in_order(check_network_parameters(CELL, {str(name): value for name, value in mixed.items()}), grid())
    inputs = np.ones((1, 4, 2))
    np.testing.assert_array_equal(rl.simulate(CELL, mixed, inputs), rl.simulate(CELL, grid(), inputs))
    for name, value in rl.io.from_dataset(mixed, CELL).items():
        np.testing.assert_array_equal(value, grid()[name])


def test_variables_that_lack_a_dimension_are_shared_along_it() -> None:
    lacking = grid(weight_ih_l0=lambda value: value.isel(w=1, drop=True), bias_out=lambda value: value.isel(run=2, w=0))
    full = lacking.assign({name: lacking[name].broadcast_like(grid()[name]) for name in ("weight_ih_l0", "bias_out")})
    assert_in_order(check_network_parameters(CELL, lacking.drop_vars(["w", "run"])), full)
    # Sizes that are equal by chance do not make one dimension another.
    square = grid().isel(run=[0, 1])
    only_run = square.assign(bias_ih_l0=square.bias_ih_l0.isel(w=0))
    networks = check_network_parameters(CELL, only_run.drop_vars(["w", "run"]))
    np.testing.assert_array_equal(networks.arrays["bias_ih_l0"][2:], square.bias_ih_l0.isel(w=0))


def test_coordinates_are_kept() -> None:
    assert set(check_network_parameters(CELL, grid()).coords) == {"w", "run"}
    chosen = check_network_parameters(CELL, grid().isel(w=1))
    assert chosen.dims == ("run",)
    assert chosen.coords["w"] == 2.0
    assert chosen.coords["run"].dims == ("run",)
    products = rl.gradients.jacobian_products(CELL, grid().isel(w=1), np.ones((1, 4, 2)))
    assert products.w == 2.0


def test_labelled_arrays_that_do_not_fit_together() -> None:
    given: dict[Any, Any] = dict(grid().isel(w=0).data_vars)
    with pytest.raises(ValueError, match=r"different sizes along run: .*bias_out 2; they must be equal"):
        check_network_parameters(CELL, given | {"bias_out": given["bias_out"][:2]})
    with pytest.raises(ValueError, match=r"bias_out has other coordinates along run than the parameters before it"):
        check_network_parameters(CELL, given | {"bias_out": given["bias_out"][::-1]})
    for name, value in (
        ("bias_out", xr.DataArray([1.0])),
        ("weight_hh_l0", given["weight_hh_l0"].rename(hidden="input")),
    ):
        with pytest.raises(
            ValueError, match=rf"{name} has the dimensions .*; it must have .*others that count networks"
        ):
            check_network_parameters(CELL, given | {name: value})
    with pytest.raises(ValueError, match="weight_hh_l0 has the dimensions run, row, hidden; it must have hidden, and"):
        check_network_parameters(rl.cells.DiagonalRNN(inputs=2, hidden=3, outputs=1), given)


def test_a_dataset_without_parameters() -> None:
    with pytest.raises(ValueError, match=r"params has no weight_ih_l0, which VanillaRNN.* has; it has loss, outcome"):
        check_network_parameters(CELL, xr.Dataset({"loss": 1, "outcome": 2}))


def test_the_latch_takes_its_dimensions_by_name_too() -> None:
    inputs = np.arange(24.0).reshape(2, 2, 2, 3)
    data = {"weight": (("w", "run"), [[0.5, 1.0], [1.5, 2.0]]), "input": (("w", "run", "class", "step"), inputs)}
    dataset = xr.Dataset(data)
    mixed = dataset.assign(weight=dataset.weight.T)
    expected = check_parameters(rl.cells.LatchNeuron(), dataset, 3)
    networks = check_parameters(rl.cells.LatchNeuron(), mixed, 3)
    assert networks.dims == ("run", "w")
    for name, value in expected.arrays.items():
        turned = np.swapaxes(value.reshape(2, 2, *value.shape[1:]), 0, 1).reshape(value.shape)
        np.testing.assert_array_equal(networks.arrays[name], turned)
    shared = check_parameters(rl.cells.LatchNeuron(), dataset.assign(weight=dataset.weight[0]), 3)
    np.testing.assert_array_equal(shared.arrays["weight"], [0.5, 1.0, 0.5, 1.0])


@pytest.mark.parametrize("size", [3, 100])
def test_masks_of_many_units_do_not_fill_messages(size: int) -> None:
    cell = rl.cells.LSTM(inputs=2, hidden=size, mask_hh=np.eye(size, dtype=int), mask_ih=np.ones((size, 2)))
    with pytest.raises(ValueError) as caught:
        check_network_parameters(cell, STATE | {"weight_ih_l0": np.ones((1, 1))})
    assert len(str(caught.value)) < 300
    assert ("mask_hh=<100 x 100, 100 of them 1>" in repr(cell)) == (size == 100)


@pytest.mark.parametrize(
    "convert",
    [
        lambda value: value.astype(value.dtype.newbyteorder()),
        lambda value: np.repeat(value, 2, axis=-1)[..., ::2],
        lambda value: value.tolist(),
        lambda value: value[::-1][::-1],
    ],
)
def test_other_forms_of_the_same_numbers(convert: Any) -> None:
    networks = check_network_parameters(CELL, {name: convert(value) for name, value in PARAMS.items()})
    for name, value in networks.arrays.items():
        assert value.dtype == np.float64
        assert value.dtype.isnative
        np.testing.assert_array_equal(value, PARAMS[name])


def test_masks_are_applied_both_ways() -> None:
    cell = rl.cells.VanillaRNN(inputs=2, hidden=3, mask_hh=np.eye(3, dtype=int), fixed=["bias_hh_l0"])
    ones = {name: np.ones(shape) for name, shape in cell.parameter_shapes.items()}
    np.testing.assert_array_equal(check_network_parameters(cell, ones).arrays["weight_hh_l0"], np.eye(3))
    assert (ones["weight_hh_l0"] == 1).all()
    gradient = mask_gradient(cell, {name: np.ones((4, *shape)) for name, shape in cell.parameter_shapes.items()})
    np.testing.assert_array_equal(gradient["weight_hh_l0"][2], np.eye(3))
    assert (gradient["bias_hh_l0"] == 0).all()
    assert (gradient["bias_ih_l0"] == 1).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (without("bias_out"), r"params has no bias_out, which VanillaRNN\(inputs=2, hidden=3, outputs=1\) has"),
        (PARAMS | {"weight": 1}, "params has 'weight', which VanillaRNN"),
        (PARAMS | {"weight_hh_l0": np.ones((3, 4))}, r"weight_hh_l0 has shape \(3, 4\); it must be \(3, 3\), or \(run"),
        (PARAMS | {"bias_ih_l0": np.ones(())}, r"bias_ih_l0 has shape \(\); it must be \(3,\)"),
        (PARAMS | {"weight_ih_l0": np.ones((0, 3, 2))}, r"weight_ih_l0 has shape \(0, 3, 2\)"),
        (PARAMS | {"weight_ih_l0": [[1, 2], [np.nan, 1], [1, 1]]}, r"weight_ih_l0 is nan at \[1, 0\]; .* finite"),
        (PARAMS | {"bias_out": [np.inf]}, r"bias_out is inf at \[0\]"),
        (prefixed("rnn.", without("weight_out")), "params has no weight_out.*io.from_state_dict"),
        ({}, "params has no recurrent layer; it must have weight_ih_l0 and .*, and has nothing"),
        ({"out.weight": 1}, "params has no recurrent layer; .*, and has out.weight"),
        ({"x" * 10**6: 1}, "params has no recurrent layer; .{,300}$"),
        (prefixed("a.") | prefixed("b."), "params has recurrent layers under 'a.' and 'b.'"),
        (prefixed("a.") | {"a.weight_hh_l1": 1}, "a.weight_hh_l1 belongs to a second layer; what is supported is one"),
        (STATE | {"weight_ih_l0_reverse": 1}, "weight_ih_l0_reverse belongs to a bidirectional layer"),
        (STATE | {"weight_hr_l0": 1}, "weight_hr_l0 belongs to an LSTM with projections"),
        (
            {name: value[None, None] for name, value in PARAMS.items()},
            r"params has 2 axes of networks, \(1, 1\); it must have one, run, or none",
        ),
        (
            CELL.initial_parameters(0, runs=4) | {"bias_out": np.ones((3, 1))},
            "params has different numbers of networks: weight_ih_l0 4, .*bias_out 3; they must be equal",
        ),
        (PARAMS | {"bias_out": np.array([2**60 + 1])}, "bias_out has integers that float64 cannot hold"),
    ],
)
def test_bad_values(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_network_parameters(LSTM if "weight_hr_l0" in given or "weight_ih_l0_reverse" in given else CELL, given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (PARAMS | {"bias_out": np.ones(1, np.float16)}, "bias_out has dtype float16; convert it to float32 or float64"),
        (PARAMS | {"bias_out": np.ones(1, np.longdouble)}, "bias_out has dtype (float128|longdouble)"),
        (PARAMS | {"bias_out": np.ones(1, bool)}, "bias_out has dtype bool; it must be an array of real numbers"),
        (PARAMS | {"bias_out": np.ones(1, complex)}, "bias_out has dtype complex128"),
        (PARAMS | {"bias_out": "one"}, "bias_out has dtype <U3"),
        (PARAMS | {"bias_ih_l0": [[1], [1, 2]]}, "bias_ih_l0 is not an array that NumPy can read"),
        (PARAMS | {"bias_out": np.ones(1, np.float32)}, "params has several dtypes: .*bias_out float32; they must be"),
        ([1, 2], "params is of type list; it must be a dict of arrays or a dataset of runs"),
        (PARAMS | {3: 1}, r"params has the name 3 \(int\); its names must be texts"),
    ],
)
def test_bad_types(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        check_network_parameters(CELL, given)
