"""Second derivatives: exact products against differences of gradients, the Hessian, its symmetry."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import KINDS, LOSSES, Drawn, assert_close, draw, make_cell, tolerance
from rnnlatch.cells import NetworkCell
from rnnlatch.gradients import hessian, hessian_vector_product, loss_and_gradient

SMOOTH = sorted(set(KINDS) - {"sign", "relu"})


def by_differences(cell: NetworkCell, drawn: Drawn, direction: Drawn, step: float = 3e-4) -> Drawn:
    """The derivative of the gradient along a direction, by differences of fourth order: an error of some 1e-12."""

    def at(steps: int) -> Drawn:
        moved = {name: value + steps * step * direction[name] for name, value in drawn["params"].items()}
        return loss_and_gradient(cell, **(drawn | {"params": moved}))[1]

    ahead, behind, far, farther = at(1), at(-1), at(2), at(-2)
    return {name: (8 * (ahead[name] - behind[name]) - (far[name] - farther[name])) / (12 * step) for name in ahead}


@pytest.mark.parametrize("kind", SMOOTH)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("at", ["last", "every"])
def test_products_are_derivatives_of_the_gradient(kind: str, loss: str, at: str) -> None:
    cell = make_cell(kind, hidden=3, outputs=2, initial_state="learned")
    drawn = draw(cell, loss=loss, at=at, time=5) | {"lengths": np.array([5, 1, 3, 4])}
    direction = {name: value + 0.1 for name, value in cell.initial_parameters(1).items()}
    product = hessian_vector_product(cell, **drawn, direction=direction)
    for name, value in by_differences(cell, drawn, direction).items():
        np.testing.assert_allclose(product[name], value, rtol=0, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU", "diagonal"])
def test_many_networks_and_many_directions(kind: str) -> None:
    cell = make_cell(kind)
    many, directions = draw(cell, runs=5), cell.initial_parameters(1, runs=5)
    products = hessian_vector_product(cell, **many, direction=directions)
    shared = hessian_vector_product(cell, **many, direction={name: v[2] for name, v in directions.items()})
    one = many | {"params": {name: v[2] for name, v in many["params"].items()}}
    one |= {"inputs": many["inputs"][2], "targets": many["targets"][2]}
    along = hessian_vector_product(cell, **one, direction=directions)
    alone = hessian_vector_product(cell, **one, direction={name: v[2] for name, v in directions.items()})
    for name, value in alone.items():
        for other in (products, shared, along):
            np.testing.assert_array_equal(other[name][2], value)


def test_products_of_what_is_not_trained() -> None:
    cell = rl.cells.VanillaRNN(inputs=2, hidden=3, mask_hh=np.tril(np.ones((3, 3), int)), fixed=["bias_hh_l0"])
    drawn = draw(cell)
    ones = {name: np.ones(shape) for name, shape in cell.parameter_shapes.items()}
    product = hessian_vector_product(cell, **drawn, direction=ones)
    trained = ones | {"bias_hh_l0": np.zeros(3), "weight_hh_l0": np.tril(np.ones((3, 3)))}
    for name, value in by_differences(cell, drawn, trained).items():
        np.testing.assert_allclose(product[name], value, rtol=0, atol=1e-9)
    assert (product["bias_hh_l0"] == 0).all()


@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU", "same_step"])
def test_hessian(kind: str) -> None:
    cell = make_cell(kind, inputs=1, hidden=2, fixed=["bias_hh_l0"])
    drawn = draw(cell, at="every", time=4)
    found = hessian(cell, **drawn)
    matrix = found.hessian.values
    assert matrix.shape == (cell.trainable_count, cell.trainable_count)
    np.testing.assert_array_equal(matrix, matrix.T)
    np.testing.assert_allclose(found.eigenvalue, np.linalg.eigvalsh(matrix)[::-1])
    direction = cell.initial_parameters(3)
    flat = np.concatenate([value.ravel() for name, value in direction.items() if name not in cell.fixed])
    product = hessian_vector_product(cell, **drawn, direction=direction)
    expected = np.concatenate([value.ravel() for name, value in product.items() if name not in cell.fixed])
    assert_close(matrix @ flat, expected, 10 * tolerance(cell, 4))
    assert found.parameter.values[0] == "weight_ih_l0[0, 0]"
    for name in found.variables:
        assert {"long_name", "units"} <= found[name].attrs.keys()


def test_hessian_is_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnlatch.gradients import second_order

    cell = make_cell("tanh", hidden=3)
    drawn = draw(cell)
    whole = hessian(cell, **drawn)
    monkeypatch.setattr(second_order, "_AT_ONCE", 5)
    np.testing.assert_array_equal(hessian(cell, **drawn).hessian, whole.hessian)
    monkeypatch.setattr(second_order, "available_memory", lambda: 1000)
    with pytest.raises(MemoryError, match=r"the Hessian of 24 parameters needs 18.4 kB, and 1 kB are available"):
        hessian(cell, **drawn)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({}, ValueError, "direction: params has no bias_hh_l0"),
        ({"bias_hh_l0": np.ones(4)}, ValueError, r"direction: bias_hh_l0 has shape \(4,\)"),
        ({"bias_hh_l0": np.full(5, np.nan)}, ValueError, r"direction: bias_hh_l0 is nan at \[0\]"),
        ({"bias_hh_l0": np.ones((2, 5))}, ValueError, "direction has 2 networks and params 3"),
    ],
)
def test_bad_directions(change: dict[str, Any], error: type[Exception], message: str) -> None:
    cell = make_cell("tanh")
    direction = {name: v for name, v in cell.initial_parameters(0).items() if name != "bias_hh_l0"} | change
    with pytest.raises(error, match=message):
        hessian_vector_product(cell, **draw(cell, runs=3), direction=direction)


def test_the_hessian_of_many_is_refused() -> None:
    cell = make_cell("tanh")
    with pytest.raises(ValueError, match="there are 3 networks; the Hessian is of one"):
        hessian(cell, **draw(cell, runs=3))
    single = {name: value.astype(np.float32) for name, value in cell.initial_parameters(1).items()}
    with pytest.raises(TypeError, match="direction has weight_ih_l0 of dtype float32 and the parameters float64"):
        hessian_vector_product(cell, **draw(cell), direction=single)
