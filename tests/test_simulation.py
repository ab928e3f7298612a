"""States of networks: against the reference, one and many."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import KINDS, assert_close, draw, make_cell, one_of, reference, tolerance


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_states(kind: str, runs: int | None, dtype: Any) -> None:
    cell = make_cell(kind)
    drawn = draw(cell, runs=runs, dtype=dtype)
    lengths = np.array([9, 1, 4, 6])
    start = tuple(np.full((4, 5), 0.1, dtype) for _ in cell.states)
    state = start if len(start) == 2 else start[0]
    got = rl.simulate(cell, drawn["params"], drawn["inputs"], lengths=lengths, initial_state=state)
    assert got.dtype == dtype
    assert got.shape == (*(() if runs is None else (runs,)), 4, 9, 5)
    one = drawn if runs is None else one_of(drawn, 3)
    expected = reference(cell, one | {"lengths": lengths, "initial_state": state}).h
    assert_close(got if runs is None else got[3], expected, tolerance(cell, 9, dtype))
    assert (got[..., 1, :8, :] == np.asarray(0.1, dtype)).all()


def test_shared_inputs() -> None:
    cell = make_cell("GRU")
    drawn = draw(cell, runs=3)
    got = rl.simulate(cell, drawn["params"], drawn["inputs"][0])
    np.testing.assert_array_equal(got[0], rl.simulate(cell, drawn["params"], drawn["inputs"])[0])
    one = {name: value[1] for name, value in drawn["params"].items()}
    np.testing.assert_array_equal(rl.simulate(cell, one, drawn["inputs"][:1]), got[1:2])


@pytest.mark.isa
@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU"])
def test_any_number_of_threads(kind: str) -> None:
    cell = make_cell(kind, hidden=30)
    for runs in (None, 70):
        drawn = draw(cell, runs=runs, batch=40)
        first, *others = (rl.simulate(cell, drawn["params"], drawn["inputs"], threads=n) for n in (1, 2, 3))
        for other in others:
            np.testing.assert_array_equal(other, first)


def test_a_latch_has_no_lengths() -> None:
    with pytest.raises(ValueError, match="lengths is given and the cell is a LatchNeuron; it must be None"):
        rl.simulate(rl.cells.LatchNeuron(), {"weight": 1.0}, np.ones((1, 5, 1)), lengths=[3])
    with pytest.raises(TypeError, match="cell is 'GRU'"):
        rl.simulate("GRU", {}, np.ones((1, 5, 1)))  # type: ignore[arg-type]
