"""The estimate of memory: an upper bound that grows as it should."""

import subprocess
import sys
from typing import Any

import pytest

import rnnlatch as rl
from rnnlatch.gradients import gradient_memory

MEASURE = """
import pathlib, sys
import numpy as np
import rnnlatch as rl
runs, batch, time, hidden = map(int, sys.argv[2:])
cell = getattr(rl.cells, sys.argv[1])(inputs=2, hidden=hidden, outputs=1)
inputs, targets = np.ones((batch, time, 2)), np.zeros((batch, 1))
params = cell.initial_parameters(0, runs=runs or None)
rl.gradients.loss_and_gradient(cell, params, inputs[:, :2], targets, threads=1)
def kilobytes(field):
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1])
pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak is now what there is
before = kilobytes("VmRSS")
rl.gradients.loss_and_gradient(cell, params, inputs, targets, threads=1)
print((kilobytes("VmHWM") - before) * 1024)
"""


@pytest.mark.parametrize("kind", ["VanillaRNN", "LSTM", "GRU"])
@pytest.mark.parametrize(("runs", "batch", "time", "hidden"), [(0, 24, 5000, 50), (16, 1, 20_000, 7)])
def test_it_bounds_what_is_taken(kind: str, runs: int, batch: int, time: int, hidden: int) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is Linux's")
    arguments = [sys.executable, "-c", MEASURE, kind, *map(str, (runs, batch, time, hidden))]
    taken = int(subprocess.run(arguments, capture_output=True, text=True, check=True).stdout)
    cell = getattr(rl.cells, kind)(inputs=2, hidden=hidden, outputs=1)
    said = gradient_memory(cell, batch=batch, time=time, runs=runs or None, threads=1)
    assert 0.4 * said < taken < said + 2**20


def test_it_grows_with_steps_units_and_sequences_at_work() -> None:
    cell = rl.cells.GRU(inputs=2, hidden=64)
    base = gradient_memory(cell, batch=20, time=1000, threads=1)
    assert gradient_memory(cell, batch=20, time=2000, threads=1) / base == pytest.approx(2, rel=0.1)
    assert gradient_memory(cell, batch=20, time=1000, threads=1, dtype="float32") / base == pytest.approx(0.5, rel=0.1)
    # Threads keep the states of the sequences that they work on only.
    assert gradient_memory(cell, batch=24 * 100, time=1000, threads=1) < 4 * base
    assert gradient_memory(cell, batch=20, time=1000, threads=2) / base == pytest.approx(2, rel=0.1)
    assert gradient_memory(cell, batch=20, time=1000, threads=64) / base == pytest.approx(2, rel=0.1)


def test_bad_input() -> None:
    with pytest.raises(ValueError, match="time is 0"):
        gradient_memory(rl.cells.GRU(inputs=2, hidden=64), batch=20, time=0)
    with pytest.raises(TypeError, match="cell is 'GRU'"):
        gradient_memory("GRU", batch=20, time=1)  # type: ignore[arg-type]
    large = rl.cells.GRU(inputs=2, hidden=64)
    with pytest.raises(ValueError, match="dtype is float16; it must be float64 or float32"):
        gradient_memory(large, batch=20, time=1, dtype="float16")
    with pytest.raises(ValueError, match=r"dtype is .*U10.*; it must be float64 or float32"):
        gradient_memory(large, batch=20, time=1, dtype="U10")
    with pytest.raises(TypeError, match=r"dtype is 1.5"):
        gradient_memory(large, batch=20, time=1, dtype=1.5)  # type: ignore[arg-type]
    for name in ("batch", "time", "runs"):
        given: Any = {"batch": 20, "time": 1} | {name: 10**400}
        with pytest.raises(ValueError, match=f"{name} is .*; it must be an integer from 1 to 9223372036854775807"):
            gradient_memory(large, **given)
    assert gradient_memory(large, batch=2**62, time=2**62) > 2**62
