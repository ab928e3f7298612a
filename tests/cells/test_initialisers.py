"""How parameters start: distributions, shapes, masks, and what a run's numbers depend on."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch.cells import Constant, Identity, Initialiser, Normal, Orthogonal, Sparse, Uniform, network


def recurrent(start: Initialiser, *, hidden: int = 40, runs: int = 3, **rest: Any) -> Any:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=hidden, init_hh=start, **rest)
    return cell.initial_parameters(0, runs=runs)["weight_hh_l0"]


def test_uniform() -> None:
    weights = recurrent(Uniform(0.5))
    assert abs(weights).max() < 0.5
    assert abs(weights.std() - 0.5 / 3**0.5) < 0.01
    assert abs(recurrent(Uniform(), hidden=25)).max() == pytest.approx(0.2, rel=0.01)


def test_normal() -> None:
    weights = recurrent(Normal(0.1))
    assert abs(weights.std() - 0.1) < 0.005
    assert (recurrent(Normal(0)) == 0).all()


def test_orthogonal() -> None:
    for weights in recurrent(Orthogonal(2.0)):
        np.testing.assert_allclose(weights @ weights.T, 4 * np.eye(40), atol=1e-13)
    wide = rl.cells.LSTM(inputs=7, hidden=4, init_ih=Orthogonal()).initial_parameters(0)["weight_ih_l0"]
    for block in wide.reshape(4, 4, 7):
        np.testing.assert_allclose(block @ block.T, np.eye(4), atol=1e-14)


def test_identity() -> None:
    np.testing.assert_array_equal(recurrent(Identity(0.5)), np.broadcast_to(0.5 * np.eye(40), (3, 40, 40)))


def test_smart_tanh() -> None:
    weights = recurrent(Sparse(15, spectral_radius=0.95))
    assert ((weights != 0).sum(axis=-1) == 15).all()
    np.testing.assert_allclose(abs(np.linalg.eigvals(weights)).max(axis=-1), 0.95, rtol=1e-12)
    assert ((weights != 0).sum(axis=-2) != 15).any()  # nothing is said of the connections out of a unit


def test_sparse_chooses_among_what_the_mask_leaves() -> None:
    mask = np.tril(np.ones((20, 20), int))
    weights = recurrent(Sparse(4, std=0.3), hidden=20, mask_hh=mask)
    assert (weights[:, mask == 0] == 0).all()
    assert ((weights != 0).sum(axis=-1) == np.minimum(4, np.arange(1, 21))).all()


def test_sparse_starts_of_a_masked_diagonal() -> None:
    """Each unit has a mask of its own."""
    for start in (Sparse(1), Sparse(1, spectral_radius=0.5)):
        cell = rl.cells.DiagonalRNN(inputs=1, hidden=3, mask_hh=[0, 1, 1], init_hh=start)
        weights = cell.initial_parameters(0, runs=5)["weight_hh_l0"]
        assert (weights[:, 0] == 0).all()
        assert (weights[:, 1:] != 0).all()
    np.testing.assert_allclose(abs(weights[:, 1:]), 0.5)
    none = rl.cells.DiagonalRNN(inputs=1, hidden=2, mask_hh=[0, 0], init_hh=start)
    with pytest.raises(ValueError, match="no cycles"):
        none.initial_parameters(0)


@pytest.mark.parametrize("start", [Sparse(3), Normal(0), Uniform()])
def test_what_is_not_there_is_a_plain_zero(start: Initialiser) -> None:
    weights = recurrent(start, mask_hh=np.tril(np.ones((40, 40), int)))
    assert not np.signbit(weights[weights == 0]).any()


def test_a_sparse_matrix_without_cycles_has_no_spectral_radius() -> None:
    with pytest.raises(ValueError, match=r"spectral_radius is 0.9, and .* no cycles"):
        recurrent(Sparse(2, spectral_radius=0.9), hidden=5, mask_hh=np.tril(np.ones((5, 5), int), -1))


@pytest.mark.parametrize("start", [Uniform(), Normal(1), Orthogonal(), Identity(), Sparse(1), Constant(2)])
def test_every_start_suits_a_diagonal(start: Initialiser) -> None:
    drawn = rl.cells.DiagonalRNN(inputs=2, hidden=6, init_hh=start).initial_parameters(0)["weight_hh_l0"]
    assert drawn.shape == (6,)
    assert (drawn != 0).all()


def test_the_forget_gate_starts_open() -> None:
    p = rl.cells.LSTM(inputs=1, hidden=3, forget_bias=2).initial_parameters(0)
    np.testing.assert_array_equal(p["bias_ih_l0"][3:6], 2)
    np.testing.assert_array_equal(p["bias_hh_l0"][3:6], 0)
    assert (p["bias_hh_l0"][:3] != 0).all()


def test_runs_do_not_depend_on_their_number() -> None:
    cell = rl.cells.GRU(inputs=2, hidden=3, outputs=1, initial_state="learned")
    many, few, one = (cell.initial_parameters(5, runs=runs) for runs in (10, 2, None))
    for name, shape in cell.parameter_shapes.items():
        assert many[name].shape == (10, *shape)
        np.testing.assert_array_equal(many[name][:2], few[name])
        np.testing.assert_array_equal(many[name][0], one[name])
    assert (many["weight_hh_l0"][0] != many["weight_hh_l0"][1]).all()


def test_parameters_are_independent_of_each_other() -> None:
    p = rl.cells.VanillaRNN(inputs=4, hidden=4, outputs=4).initial_parameters(0)
    assert not np.isin(p["weight_ih_l0"], [p["weight_hh_l0"], p["weight_out"]]).any()
    assert not np.isin(p["bias_ih_l0"], p["bias_hh_l0"]).any()


@pytest.mark.parametrize("rng", [7, np.random.SeedSequence(7), [1, 2]])
def test_the_same_seed_gives_the_same_parameters(rng: Any) -> None:
    cell = rl.cells.LSTM(inputs=1, hidden=2)
    first, second = cell.initial_parameters(rng), cell.initial_parameters(rng)
    assert all((first[name] == second[name]).all() for name in first)
    generator = np.random.default_rng(3)
    assert (
        cell.initial_parameters(generator)["weight_hh_l0"] != cell.initial_parameters(generator)["weight_hh_l0"]
    ).all()


def test_single_precision_is_rounded_from_double() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=4, init_hh=Orthogonal())
    double, single = cell.initial_parameters(1), cell.initial_parameters(1, dtype="float32")
    for name, value in single.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, double[name].astype(np.float32))
    with pytest.raises(ValueError, match="dtype is float16; it must be float64 or float32"):
        cell.initial_parameters(1, dtype="float16")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(-1), "limit is -1"),
        (lambda: Normal(np.inf), "std is inf"),
        (lambda: Sparse(0), "per_unit is 0"),
        (lambda: Sparse(1, std=0), "std is 0"),
        (lambda: recurrent(Sparse(41)), "init_hh has per_unit=41; it must be at most 40"),
        (
            lambda: rl.cells.GRU(inputs=2, hidden=3, init_ih=Sparse(1, spectral_radius=1)),
            r"init_ih has a spectral radius; a matrix of shape \(3, 2\) has none",
        ),
    ],
)
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_too_much_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    small = rl.cells.VanillaRNN(inputs=1, hidden=5)
    with pytest.raises(ValueError, match=r"runs is 1.*; it must be an integer from 1 to"):
        small.initial_parameters(0, runs=10**400)
    with pytest.raises(MemoryError, match=r"runs is 1099511627776 and hidden 5; .* needs .* TB, and .* are available"):
        small.initial_parameters(0, runs=2**40)
    huge = rl.cells.VanillaRNN(inputs=2**20, hidden=2**20)
    with pytest.raises(MemoryError, match="hidden 1048576"):
        huge.initial_parameters(0)
    monkeypatch.setattr(network, "available_memory", lambda: 2**62)
    with pytest.raises(
        ValueError, match="weight_ih_l0 has 1099511627776 numbers, and hidden is 1048576; at most 33554432"
    ):
        huge.initial_parameters(0)


@pytest.mark.parametrize("dtype", ["abc", 5, None])
def test_a_type_that_is_none(dtype: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"dtype is .*; it must be float64 or float32"):
        rl.cells.GRU(inputs=1, hidden=2).initial_parameters(0, dtype=dtype)
