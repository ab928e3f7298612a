"""Sequences, targets, lengths and initial states: what is taken without a copy, and what is refused."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch._sequences import Sequences, check_sequences, check_targets

CELL = rl.cells.VanillaRNN(inputs=2, hidden=3, outputs=4)
ONE, MANY = CELL.initial_parameters(0), CELL.initial_parameters(0, runs=5)
INPUTS = np.ones((6, 7, 2))


def sequences(**given: Any) -> Sequences:
    return check_sequences(CELL, given.pop("params", ONE), given.pop("inputs", INPUTS), **given)


def test_one_network() -> None:
    got = sequences(lengths=[1, 2, 3, 4, 5, 7], initial_state=np.zeros((6, 3)))
    assert (got.many, got.runs, got.batch, got.time) == (False, 1, 6, 7)
    assert got.inputs is INPUTS
    assert got.contiguous().inputs is INPUTS
    many = got.as_many()
    assert many.inputs.shape == (1, 6, 7, 2)
    assert many.lengths is not None
    assert many.lengths.shape == (1, 6)
    assert many.parameters["weight_hh_l0"].shape == (1, 3, 3)
    assert np.shares_memory(many.inputs, INPUTS)


@pytest.mark.parametrize("params", [ONE, MANY])
@pytest.mark.parametrize("lead", [(), (1,), (5,)])
def test_many_networks(params: Any, lead: tuple[int, ...]) -> None:
    got = sequences(params=params, inputs=np.ones((*lead, 6, 7, 2)))
    assert got.many is (params is MANY or lead != ())
    assert got.runs == (5 if params is MANY else (lead or (1,))[0])
    assert len(got.parameters["weight_hh_l0"]) == (got.runs if got.many else 3)


def test_run_fastest_inputs_are_not_copied() -> None:
    inputs = np.moveaxis(np.ones((6, 7, 2, 5)), -1, 0)
    assert sequences(params=MANY, inputs=inputs).inputs is inputs


def test_types_follow_the_parameters() -> None:
    single = CELL.initial_parameters(0, dtype="float32")
    assert sequences(params=single, inputs=INPUTS.tolist()).dtype == np.float32
    assert sequences(params=single, inputs=np.ones((6, 7, 2), int)).dtype == np.float32
    assert sequences(inputs=INPUTS.astype(np.float32)).dtype == np.float64
    with pytest.raises(TypeError, match="inputs has dtype float64 and the parameters float32; give both one type"):
        sequences(params=single)


def test_initial_states_are_spread() -> None:
    got = sequences(initial_state=[1.0, 2.0, 3.0]).initial
    assert got is not None
    np.testing.assert_array_equal(got["h_0"], np.broadcast_to([1, 2, 3], (6, 3)))
    lstm = rl.cells.LSTM(inputs=2, hidden=3)
    pair = check_sequences(lstm, lstm.initial_parameters(0), INPUTS, initial_state=(np.zeros(3), np.ones((6, 3))))
    assert pair.initial is not None
    assert list(pair.initial) == ["h_0", "c_0"]


def test_targets() -> None:
    one, many = sequences(), sequences(params=MANY)
    given, mask = check_targets(one, np.ones((6, 4)), loss="half_squared_error", at="last", mask=np.ones(6, bool))
    assert given.shape == (6, 4)
    assert mask is not None
    assert mask.dtype == np.float64
    given, mask = check_targets(many, np.zeros((6, 7), int), loss="softmax_cross_entropy", at="every")
    assert given.shape == (1, 6, 7)
    assert given.dtype == np.int64
    assert mask is None
    given, _ = check_targets(many, np.zeros((5, 6, 4)), loss="logistic_cross_entropy", at="last")
    assert given.shape == (5, 6, 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": np.ones((6, 7, 3))}, r"inputs has shape \(6, 7, 3\); it must be \(batch, time, 2\) or \(run"),
        ({"inputs": np.ones((7, 2))}, r"inputs has shape \(7, 2\)"),
        ({"inputs": np.ones((6, 0, 2))}, r"inputs has shape \(6, 0, 2\); .*at least one sequence and one step"),
        ({"inputs": np.ones((0, 7, 2))}, r"inputs has shape \(0, 7, 2\); .*at least one sequence and one step"),
        ({"inputs": np.full((6, 7, 2), np.nan)}, r"inputs is nan at \[0, 0, 0\]; all its numbers must be finite"),
        (
            {"inputs": np.ones((4, 6, 7, 2)), "params": MANY},
            "inputs has 4 runs and the parameters 5; they must be equal",
        ),
        ({"lengths": [1, 2]}, r"lengths has shape \(2,\); it must be integers from 1 to 7, shape \(batch,\) = \(6,\)"),
        ({"lengths": [0, 1, 1, 1, 1, 1]}, "lengths has 0; it must be integers from 1 to 7"),
        ({"lengths": [8, 1, 1, 1, 1, 1]}, "lengths has 8"),
        (
            {"initial_state": np.zeros((2, 3))},
            r"initial_state has shape \(2, 3\); it must be .* \(6, 3\) or \(hidden,\)",
        ),
        ({"initial_state": [np.inf, 0, 0]}, r"initial_state is inf at \[0, 0\]"),
    ],
)
def test_bad_sequences(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sequences(**given)


@pytest.mark.parametrize(
    ("targets", "given", "message"),
    [
        (np.ones((6, 4)), {"loss": "hinge"}, "loss is 'hinge'; it must be 'half_squared_error' or"),
        (np.ones((6, 4)), {"at": "first"}, "at is 'first'; it must be 'last' or 'every'"),
        (
            np.ones((6, 4)),
            {"at": "every"},
            r"targets has shape \(6, 4\); it must be .*\(batch, time, outputs\) = \(6, 7, 4",
        ),
        (np.ones(6), {}, r"targets has shape \(6,\); it must be real numbers, shape \(batch, outputs\) = \(6, 4\)"),
        (np.full((6, 4), np.nan), {}, r"targets is nan at \[0, 0\]"),
        (np.full(6, 4), {"loss": "softmax_cross_entropy"}, "targets has the class 4; it must be integers from 0 to 3"),
        (np.full(6, -1), {"loss": "softmax_cross_entropy"}, "targets has the class -1"),
        (np.full((6, 4), 1.5), {"loss": "logistic_cross_entropy"}, "targets has 1.5; for logistic_cross_entropy"),
        (
            np.ones((6, 4)),
            {"mask": np.ones((6, 7))},
            r"mask has shape \(6, 7\); it must be real numbers, shape \(batch\)",
        ),
    ],
)
def test_bad_targets(targets: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_targets(sequences(), targets, **({"loss": "half_squared_error", "at": "last"} | given))


def test_bad_types() -> None:
    with pytest.raises(TypeError, match="targets has dtype float64; it must be integers from 0 to 3"):
        check_targets(sequences(), np.ones(6), loss="softmax_cross_entropy", at="last")
    with pytest.raises(TypeError, match="inputs has dtype float16"):
        sequences(inputs=INPUTS.astype(np.float16))
    with pytest.raises(TypeError, match=r"cell is 3 \(int\); it must be a network"):
        check_sequences(3, ONE, INPUTS)  # type: ignore[arg-type]
    lstm = rl.cells.LSTM(inputs=2, hidden=3)
    with pytest.raises(TypeError, match=r"initial_state must be a pair, \(h, c\), for an LSTM"):
        check_sequences(lstm, lstm.initial_parameters(0), INPUTS, initial_state=np.zeros(3))
    learned = rl.cells.GRU(inputs=2, hidden=3, initial_state="learned")
    with pytest.raises(ValueError, match="initial_state is given, and the cell has learned it"):
        check_sequences(learned, learned.initial_parameters(0), INPUTS, initial_state=np.zeros(3))
