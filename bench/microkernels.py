"""Builds bench/micro on request, runs it, and adds its parts up.

The sum: one presentation of T steps takes T values of tanh, T steps of recurrence, backward pass and update, and
noise for the T - L steps after the prefix. The generator gives four words a call and the Gaussian two normals a pair
of words, so ``4 ceil((T - L) / 4)`` words and ``2 ceil((T - L) / 2)`` normals are needed. Of each part the fastest
form counts.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parent / "micro"


PARTS = (
    *(f"tanh, {packs}" for packs in ("1 pack", "2 packs", "4 packs")),
    *(f"philox, {packs}" for packs in ("1 pack", "2 packs")),
    *(f"gaussian, {packs}" for packs in ("1 pack", "2 packs", "4 packs")),
    "recurrence",
)
"""The forms of the parts that `component_sum` adds up."""


class Micro:
    """The executable with the micro-kernels, for one value of ``-march``."""

    def __init__(self, march: str, lanes: int = 64) -> None:
        for tool in ("cmake", "ninja"):
            if shutil.which(tool) is None:
                raise FileNotFoundError(f"the micro-kernels are left out: {tool} is not on the PATH")
        self.lanes = lanes
        self._directory = tempfile.TemporaryDirectory(prefix="rnnlatch-micro-")
        build = self._directory.name
        options = ["-G", "Ninja", f"-DMICRO_MARCH={march}"]
        for command in (["cmake", "-S", str(SOURCE), "-B", build, *options], ["cmake", "--build", build]):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise FileNotFoundError(
                    f"the micro-kernels are left out: they did not compile\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
                )

    def run(self, seconds: float = 0.2, length: int = 20, names: Sequence[str] = ()) -> dict[str, Any]:
        """Rates of all kernels, or of those with these names, see micro.cpp; each is given `seconds`."""
        executable = Path(self._directory.name) / "micro"
        command = [str(executable), str(self.lanes), str(seconds), str(length), *names]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def limits(self, precision: str = "float64", seconds: float = 0.06) -> dict[str, float]:
        """Operations per second of fused multiply-adds, and values per second of the fastest form of tanh."""
        of = "" if precision == "float64" else f"{precision} "
        forms = (f"{of}tanh, 1 pack", f"{of}tanh, 2 packs", f"{of}tanh, 4 packs")
        kernels = self.run(seconds, names=(f"{of}fma", *forms))["kernels"]
        return {"fma": kernels[f"{of}fma"]["median"], "tanh": max(kernels[form]["median"] for form in forms)}

    def memory(self) -> dict[str, float]:
        """Bytes per second that one thread reads from memory, and that it reads and writes in ``z = a x + y``."""
        kernels = self.run(0.5, names=("memory, read", "memory, triad"))["kernels"]
        return {"memory_read": kernels["memory, read"]["median"], "memory_triad": kernels["memory, triad"]["median"]}

    def close(self) -> None:
        """Remove the build."""
        self._directory.cleanup()


def best_parts(result: dict[str, Any]) -> dict[str, float]:
    """Rate of the fastest form of each part."""
    kernels: dict[str, dict[str, float]] = result["kernels"]

    def fastest(prefix: str) -> float:
        return max(
            kernel["median"] for name, kernel in kernels.items() if name == prefix or name.startswith(prefix + ",")
        )

    return {part: fastest(part) for part in ("tanh", "philox", "gaussian", "recurrence")}


def component_times(result: dict[str, Any]) -> dict[str, float]:
    """Seconds that each part takes for a cell-step."""
    parts = best_parts(result)
    length, noisy = result["length"], result["length"] - result["prefix"]
    return {
        "tanh": 1 / parts["tanh"],
        "recurrence": 1 / parts["recurrence"],
        "philox": 4 * math.ceil(noisy / 4) / parts["philox"] / length,
        "gaussian": 2 * math.ceil(noisy / 2) / parts["gaussian"] / length,
    }


def component_sum(result: dict[str, Any]) -> float:
    """Cell-steps/s that the parts allow when their times are added up."""
    return 1 / sum(component_times(result).values())
