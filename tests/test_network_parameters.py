"""Parameters from outside: names under prefixes, shapes, types, and what is refused."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch._network_parameters import check_network_parameters, mask_gradient

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
        ({}, "there is no recurrent layer among nothing"),
        ({"out.weight": 1}, "there is no recurrent layer among out.weight"),
        (prefixed("a.") | prefixed("b."), "there are recurrent layers under 'a.' and 'b.'"),
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
    ],
)
def test_bad_types(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        check_network_parameters(CELL, given)
