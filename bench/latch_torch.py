"""W1 in PyTorch, by hand, ``run`` last: a presentation as a call for each operation, and as one compiled function."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from workloads import FloatArray, LatchSweep

# without its types: they come and go with its version, and the package is optional
torch: Any = import_module("torch")

NORMALS = ("float32", "float64")  # precision in which noise is drawn; the engine's has that of float32


def _present(w: Any, shown: Any, noise: Any, scale: float, target: float, rate: float) -> None:
    """One presentation of a class: `w` ``(runs,)`` and `shown` ``(prefix, runs)`` are trained in place."""
    prefix = len(shown)
    x = [torch.zeros_like(w)]
    for t in range(prefix + len(noise)):
        drive = shown[t] if t < prefix else scale * noise[t - prefix]
        x.append(torch.tanh(w * x[t] + drive))
    g, dw = x[-1] - target, torch.zeros_like(w)
    deltas = []
    for t in range(len(x) - 1, 0, -1):
        delta = g * (1.0 - x[t] * x[t])
        dw = dw + delta * x[t - 1]
        g = delta * w
        if t <= prefix:
            deltas.append(delta)
    for t, delta in enumerate(reversed(deltas)):
        shown[t].sub_(rate * delta)
    w.sub_(rate * dw)


class TorchPeer:
    """W1 with one way of making a presentation."""

    def __init__(self, threads: int, normals: str, compiled: bool) -> None:
        torch.set_num_threads(threads)
        self.dtype = getattr(torch, normals)
        self.present = torch.compile(_present, dynamic=False) if compiled else _present

    def run(self, work: LatchSweep) -> FloatArray:
        """Final weights of all runs."""
        weights, inputs = work.initial_parameters()
        w, shown = torch.from_numpy(weights), list(torch.from_numpy(np.ascontiguousarray(inputs)).unbind())
        noise = torch.empty((work.length - work.prefix, work.runs), dtype=self.dtype)
        with torch.no_grad():
            for p in range(work.presentations):
                noise.normal_()
                target = work.target if p % 2 else -work.target
                self.present(w, shown[p % 2], noise, work.noise_std, target, work.learning_rate)
        return np.asarray(weights)
