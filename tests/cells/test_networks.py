"""The descriptions of networks: shapes, masks, counts, their way through JSON, and what is refused."""

import json
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch._record import Record
from rnnlatch.cells import Constant, Initialiser, NetworkCell, Normal, Sparse

SMALL: dict[str, Any] = {"inputs": 2, "hidden": 3}
KINDS = [rl.cells.VanillaRNN, rl.cells.DiagonalRNN, rl.cells.LSTM, rl.cells.GRU]


@pytest.mark.parametrize(("kind", "gates"), list(zip(KINDS, [1, 1, 4, 3], strict=True)))
def test_shapes_are_those_of_pytorch(kind: type[NetworkCell], gates: int) -> None:
    cell = kind(**SMALL, outputs=4, initial_state="learned")
    recurrent = (3,) if cell.diagonal else (3 * gates, 3)
    expected = {
        "weight_ih_l0": (3 * gates, 2),
        "weight_hh_l0": recurrent,
        "bias_ih_l0": (3 * gates,),
        "bias_hh_l0": (3 * gates,),
        "weight_out": (4, 3),
        "bias_out": (4,),
        "h_0": (3,),
    }
    if kind is rl.cells.LSTM:
        expected["c_0"] = (3,)
    assert cell.parameter_shapes == expected
    assert {name: value.shape for name, value in cell.initial_parameters(0).items()} == expected
    assert {name: part.shape for name, part in cell.parameters().items()} == expected
    assert all(len(part.dims) == len(part.shape) for part in cell.parameters().values())
    assert cell.trainable_count == sum(int(np.prod(shape)) for shape in expected.values())
    assert list(kind(**SMALL, bias=False).parameter_shapes) == ["weight_ih_l0", "weight_hh_l0"]
    assert "bias_out" not in kind(**SMALL, outputs=1, bias_out=False).parameter_shapes


@pytest.mark.parametrize("kind", KINDS)
def test_through_json_and_back(kind: type[NetworkCell]) -> None:
    mask = [1, 0, 1] if kind is rl.cells.DiagonalRNN else [[1, 0, 1], [0, 1, 1], [1, 1, 1]]
    cell = kind(**SMALL, outputs=1, mask_hh=mask, mask_out=[[1, 0, 1]], fixed=["bias_out"], init_out=Normal(0.1))
    again = Record.from_dict(json.loads(json.dumps(cell.to_dict())))
    assert again == cell
    assert hash(again) == hash(cell)
    assert eval(repr(cell), vars(rl.cells)) == cell


def test_masks_hold_for_all_gates() -> None:
    mask = np.array([[1, 0], [1, 1], [0, 1]])
    cell = rl.cells.GRU(**SMALL, mask_ih=mask)
    np.testing.assert_array_equal(cell.masks["weight_ih_l0"], np.tile(mask, (3, 1)))
    drawn = cell.initial_parameters(0)["weight_ih_l0"]
    np.testing.assert_array_equal(drawn != 0, np.tile(mask, (3, 1)) == 1)
    assert cell.trainable_count == 3 * (4 + 9 + 6)


def test_the_networks_of_1994() -> None:
    cell = rl.cells.VanillaRNN(
        inputs=1,
        hidden=5,
        bias=False,
        read_unit=4,
        mask_ih=np.eye(5, 1, dtype=int),
        init_ih=Constant(1),
        fixed="weight_ih_l0",
    )
    assert cell.trainable_count == 25
    np.testing.assert_array_equal(cell.initial_parameters(0)["weight_ih_l0"], np.eye(5, 1))
    parity = rl.cells.VanillaRNN(
        inputs=1, hidden=2, read_unit=1, mask_hh=[[0, 1], [1, 1]], same_step=[[0, 0], [1, 0]], fixed=["bias_hh_l0"]
    )
    assert parity.trainable_count == 7
    assert (parity.initial_parameters(0)["bias_hh_l0"] == 0).all()
    assert (parity.initial_parameters(0)["bias_ih_l0"] != 0).all()


def test_structure() -> None:
    assert rl.cells.VanillaRNN(**SMALL, activation="relu", read_unit=1).structure(at="every") == {
        "cell": "VanillaRNN",
        "activation": "relu",
        "diagonal": 0,
        "inputs": 2,
        "hidden": 3,
        "outputs": 0,
        "read_unit": 1,
        "bias": 1,
        "bias_out": 0,
        "loss": "half_squared_error",
        "at": "every",
    }
    assert rl.cells.DiagonalRNN(**SMALL).structure()["diagonal"] == 1
    assert rl.cells.LSTM(**SMALL, outputs=2).structure()["bias_out"] == 1


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"inputs": 0}, ValueError, "inputs is 0; it must be an integer from 1 to"),
        ({"hidden": 2.0}, TypeError, r"hidden is 2.0 \(float\)"),
        ({"outputs": -1}, ValueError, "outputs is -1"),
        ({"read_unit": 3}, ValueError, "read_unit is 3; it must be an integer from 0 to 2"),
        ({"read_unit": 0, "outputs": 1}, ValueError, "only one can be given"),
        ({"bias": 1}, TypeError, "bias is 1"),
        ({"activation": "sigmoid"}, ValueError, "activation is 'sigmoid'; it must be 'tanh' or 'logistic' or"),
        ({"initial_state": "random"}, ValueError, "initial_state is 'random'"),
        ({"mask_ih": [[1, 0]]}, ValueError, r"mask_ih has shape \(1, 2\); it must be .* \(3, 2\)"),
        ({"mask_hh": np.full((3, 3), 0.5)}, ValueError, "mask_hh is .*; it must be an array of 0 and 1"),
        ({"mask_hh": [[1], [1, 2]]}, ValueError, "mask_hh is"),
        ({"mask_out": [[1, 1, 1]]}, ValueError, "mask_out is given and outputs is None"),
        (
            {"fixed": ["weight"]},
            ValueError,
            "fixed is 'weight'; it must be names of parameters, alone or with an array of 0 and 1: weight_ih_l0, ",
        ),
        (
            {"fixed": None},
            TypeError,
            "fixed is None; it must be names of parameters, alone or with an array of 0 and 1: weight_ih_l0, ",
        ),
        ({"fixed": 5}, TypeError, r"fixed is 5 \(int\); it must be names"),
        ({"fixed": True}, TypeError, r"fixed is True \(bool\); it must be names"),
        ({"fixed": [["a"]]}, TypeError, r"fixed is \['a'\] \(list\); it must be names"),
        ({"init_hh": 0.5}, TypeError, "init_hh is 0.5"),
        (
            {"init_hh": Initialiser()},
            TypeError,
            r"init_hh is Initialiser\(\), which draws nothing; it must be an initialiser",
        ),
        ({"init_hh": Sparse(4)}, ValueError, "per_unit=4; it must be at most 3"),
        ({"same_step": np.eye(3)}, ValueError, "on or above the diagonal"),
    ],
)
def test_bad_input(given: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rl.cells.VanillaRNN(**(SMALL | given))


def test_other_bad_input() -> None:
    with pytest.raises(ValueError, match="forget_bias is 1 and bias is False"):
        rl.cells.LSTM(**SMALL, forget_bias=1, bias=False)
    with pytest.raises(TypeError, match="make a VanillaRNN"):
        NetworkCell(**SMALL)
    with pytest.raises(
        ValueError, match=r"mask_hh has shape \(3, 3\); it must be an array of 0 and 1 with shape \(3,\)"
    ):
        rl.cells.DiagonalRNN(**SMALL, mask_hh=np.ones((3, 3)))


def test_some_numbers_of_a_parameter_can_be_fixed() -> None:
    cell = rl.cells.VanillaRNN(inputs=3, hidden=2, outputs=1, fixed={"weight_ih_l0": [[0, 0, 1], [1, 1, 1]]})
    assert cell == rl.cells.VanillaRNN(inputs=3, hidden=2, outputs=1, fixed=[("weight_ih_l0", [[0, 0, 1], [1, 1, 1]])])
    assert cell == type(cell).from_dict(json.loads(json.dumps(cell.to_dict())))
    assert cell.trainable_count == 2 + 4 + 2 + 2 + 2 + 1
    params = cell.initial_parameters(0)
    _, gradient = rl.gradients.loss_and_gradient(cell, params, np.ones((2, 4, 3)), np.ones((2, 1)))
    assert (gradient["weight_ih_l0"] != 0).tolist() == [[True, True, False], [False, False, False]]
    names = rl.gradients.hessian(cell, params, np.ones((2, 4, 3)), np.ones((2, 1))).parameter.values
    assert [str(name) for name in names if name.startswith("weight_ih")] == ["weight_ih_l0[0, 0]", "weight_ih_l0[0, 1]"]


def test_fixed_as_a_whole_or_not_at_all() -> None:
    every = rl.cells.DiagonalRNN(inputs=1, hidden=2, fixed={"weight_hh_l0": [1, 1]})
    assert every.fixed == ("weight_hh_l0",)
    assert rl.cells.DiagonalRNN(inputs=1, hidden=2, fixed={"weight_hh_l0": [0, 0]}).fixed == ()
    with pytest.raises(ValueError, match=r"fixed, weight_hh_l0, has shape \(3,\); it must be an array of 0 and 1"):
        rl.cells.DiagonalRNN(inputs=1, hidden=2, fixed={"weight_hh_l0": [0, 0, 1]})
