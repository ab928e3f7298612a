"""Arrays that stand for more numbers than there is memory: nobody goes through them, which Ctrl-C would not end."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch import simulation, validation

CALLS = """
import numpy as np
import rnnlatch as rl

N = 2**55
cell, three = (rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=outputs) for outputs in (1, 3))
params, more = cell.initial_parameters(0), three.initial_parameters(0)
one, zero, x = np.broadcast_to(1, N), np.broadcast_to(0.0, (N, 1)), np.broadcast_to(0.0, (N, 1, 1))
loss = rl.gradients.loss_and_gradient
for call in (
    lambda: rl.simulate(cell, params, x, lengths=one),
    lambda: loss(cell, params, x, zero, lengths=one),
    lambda: loss(three, more, x, one, loss="softmax_cross_entropy"),
    lambda: loss(cell, params, x, zero, loss="logistic_cross_entropy"),
    lambda: rl.gradients.teacher_forcing(x, x, lengths=one),
    lambda: rl.random.philox4x32(np.broadcast_to(1, (N, 4)), [1, 2]),
    lambda: rl.random.words([1, 2], one, 0, 0, 1),
    lambda: rl.random.stream_ids({}, one),
    lambda: rl.sweep(print, {"length": range(N)}, runs=1),
    lambda: rl.sweep(print, {"length": one}, runs=1),
):
    try:
        call()
    except (MemoryError, ValueError) as error:
        print(type(error).__name__, error)
"""


def test_they_are_refused_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", CALLS], capture_output=True, text=True, check=True, timeout=120)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == 8 * ["MemoryError"] + 2 * ["ValueError"]
    assert all("axis length has 36028797018963968 values; it must have at most 10000000" in line for line in lines[8:])


@pytest.mark.parametrize("shape", [(), (3,), (2, 1, 3)])
def test_extremes_are_those_of_all_numbers(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(3).integers(-9, 9, shape)
    wide = np.broadcast_to(numbers, (4, *shape))
    for array in (numbers, wide, wide.T, wide[..., ::-1] if shape else wide):
        assert validation.extremes(array) == (array.min(), array.max())


def test_latches_are_the_same_however_many_are_computed_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    drive: Any = np.random.default_rng(5).normal(size=(3, 5, 7, 1))
    weights = {"weight": [0.5, 1.5, 2.0]}
    whole = rl.simulate(rl.cells.LatchNeuron(), weights, drive)
    monkeypatch.setattr(simulation, "LATCH_ROWS", 1)
    for numbers in (1, 15, 28):
        monkeypatch.setattr(simulation, "LATCH_NUMBERS", numbers)
        np.testing.assert_array_equal(rl.simulate(rl.cells.LatchNeuron(), weights, drive), whole)
