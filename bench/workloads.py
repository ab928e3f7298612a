"""The workloads that the benchmarks share.

W1, the latch sweep: many independent runs of one neuron, ``x_t = tanh(w x_{t-1} + h_t)`` for
``t = 1 .. T`` from ``x_0 = 0``. For the first ``L`` steps ``h_t`` is a trainable input of the shown
class, for the rest it is fresh Gaussian noise of standard deviation ``s``. The classes alternate, the cost
is ``(x_T - d)^2 / 2`` with ``d = +-0.8``, and all ``1 + 2 L`` parameters follow its gradient after every
presentation. No run stops early. The unit of speed is the cell-step: runs x presentations x T, forward and
backward together, noise generation included.
"""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LatchSweep:
    """Workload W1.

    Attributes
    ----------
    runs : int
        Independent runs R.
    presentations : int
        Sequences that every run is shown.
    length, prefix : int
        Steps T of a sequence, and how many of them (L) carry the trainable input.
    noise_std : float
        Standard deviation s of the noise in the remaining steps.
    learning_rate, target, w, initial_input : float
        Step size, absolute value of the target, first weight, bound of the first inputs (uniform).
    """

    runs: int = 4096
    presentations: int = 1000
    length: int = 20
    prefix: int = 3
    noise_std: float = 0.2
    learning_rate: float = 0.1
    target: float = 0.8
    w: float = 1.25
    initial_input: float = 0.1

    @property
    def cell_steps(self) -> int:
        """Cell-steps of the whole workload."""
        return self.runs * self.presentations * self.length

    def shorter(self, presentations: int) -> LatchSweep:
        """The same workload with fewer presentations (the speed does not depend on their number)."""
        return replace(self, presentations=min(presentations, self.presentations))

    def initial_parameters(self, seed: int = 0) -> tuple[FloatArray, FloatArray]:
        """First weights ``(runs,)`` and inputs ``(2, prefix, runs)``."""
        rng = np.random.Generator(np.random.SFC64(seed))
        bound = self.initial_input
        return np.full(self.runs, self.w), rng.uniform(-bound, bound, (2, self.prefix, self.runs))


ONE_THREAD = LatchSweep(runs=4096)
TWO_THREADS = LatchSweep(runs=32768)


def w1(threads: int) -> LatchSweep:
    """W1 with the number of runs that belongs to this number of threads."""
    return ONE_THREAD if threads == 1 else TWO_THREADS


@dataclass(frozen=True)
class Timing:
    """Wall time and processor time (all threads together) of one call, in seconds."""

    wall: float
    processor: float


def timed(action: Callable[[], object]) -> Timing:
    """Measure one call in this process."""
    wall, processor = time.perf_counter(), time.process_time()
    action()
    return Timing(time.perf_counter() - wall, time.process_time() - processor)


def median(values: Sequence[float]) -> float:
    """The median as a plain float."""
    return float(statistics.median(values))


def machine() -> dict[str, object]:
    """What is needed to judge a figure: processor, its vector extensions, libraries. No names of hosts."""
    info: dict[str, object] = {
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cores": os.cpu_count(),
    }
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        entries: dict[str, str] = {}
        for line in cpuinfo.read_text().splitlines():
            name, _, value = line.partition(":")
            entries.setdefault(name.strip(), value.strip())
        flags = set(entries.get("flags", "").split())
        info["processor"] = entries.get("model name", "unknown")
        info["family_model_stepping"] = "/".join(entries.get(key, "?") for key in ("cpu family", "model", "stepping"))
        info["mhz"] = entries.get("cpu MHz", "?")
        info["extensions"] = [name for name in ("avx2", "fma", "avx512f", "avx512dq", "avx512vl") if name in flags]
    return info
