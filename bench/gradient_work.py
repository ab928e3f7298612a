"""The workloads on gradients that the benchmarks share, and how a contestant is described.

W2: 4,096 independent networks of 5 tanh units, one input, a readout of one output at the last of 50 steps, one sequence
each: loss and full gradient. W3: one tanh network of 50 or 100 units, 6 inputs, 4 outputs read at the last of 150 steps, a
minibatch of 20 or 100: loss and full gradient; the same for an LSTM of 64 units. Jacobian norms: the Frobenius or spectral
norm of dh_T/dh_k for every k, of a network of W3. Half squared error and float64 everywhere.

Every contestant is checked before it is timed: `tolerance` bounds what rounding may change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from workloads import FloatArray

Arrays = dict[str, FloatArray]
Kind = Literal["networks", "network", "lstm", "frobenius", "spectral"]


@dataclass(frozen=True)
class GradientWork:
    """One workload.

    Attributes
    ----------
    kind : str
        ``"networks"`` (W2), ``"network"`` (W3), ``"lstm"``, or the norm of the Jacobian products.
    hidden, inputs, outputs, length, batch : int
        Units, inputs, outputs of the readout, steps, sequences in the minibatch (of each network).
    runs : int
        Networks.
    run_first : bool
        Of several networks: ordinary arrays with ``run`` first, whose conversion is on the clock; otherwise the arrays
        are there with ``run`` as the fastest index, or as the contestant likes them best.
    """

    kind: Kind
    hidden: int
    inputs: int = 6
    outputs: int = 4
    length: int = 150
    batch: int = 1
    runs: int = 1
    run_first: bool = False

    @property
    def gates(self) -> int:
        """Blocks of rows in the weights."""
        return 4 if self.kind == "lstm" else 1

    @property
    def units(self) -> int:
        """What one call computes: gradients (of a sequence each in W2), or chains of Jacobians."""
        return self.batch if self.kind in ("frobenius", "spectral") else self.runs

    @property
    def unit(self) -> str:
        """Name of that."""
        return {"networks": "sequences/s", "frobenius": "chains/s", "spectral": "chains/s"}.get(
            self.kind, "gradients/s"
        )

    @property
    def flops(self) -> float:
        """Multiplications and additions of one call that no way of computing it can avoid."""
        n, t = self.hidden, self.length
        if self.kind in ("frobenius", "spectral"):
            return 2.0 * n**3 * (t - 1) * self.batch
        products = 6 * n * n + 4 * n * self.inputs
        pointwise = 4 * n if self.kind == "networks" else 0
        return float((self.gates * products + pointwise) * t * self.batch * self.runs)

    @property
    def tanhs(self) -> float:
        """Values of tanh (for an LSTM, of it and of the logistic function) of one call."""
        each = 5 if self.kind == "lstm" else 1
        return float(each * self.hidden * self.length * self.batch * self.runs)

    @property
    def tolerance(self) -> float:
        """Relative error that T steps, each with a sum of N + I + 2 terms, may add up to where no step amplifies it."""
        return float(np.finfo(float).eps) * self.length * (self.hidden + self.inputs + 2)

    def parameters(self) -> Arrays:
        """Parameters with PyTorch's names, ``run`` first where there are several networks (C order)."""
        rng = np.random.default_rng(1)
        n, g = self.hidden, self.gates
        shapes = {
            "weight_ih_l0": (g * n, self.inputs),
            "weight_hh_l0": (g * n, n),
            "bias_ih_l0": (g * n,),
            "bias_hh_l0": (g * n,),
            "weight_out": (self.outputs, n),
            "bias_out": (self.outputs,),
        }
        scale = 1.5 if self.gates == 1 else 1.0
        lead = (self.runs,) if self.kind == "networks" else ()
        values = {name: rng.uniform(-1, 1, lead + shape) * scale / np.sqrt(n) for name, shape in shapes.items()}
        values["bias_hh_l0"] = np.zeros_like(values["bias_hh_l0"])  # peers have one bias; they need not add two
        return values

    def data(self) -> tuple[FloatArray, FloatArray]:
        """Inputs ``(batch, time, features)`` and targets ``(batch, outputs)``, ``run`` first where there are several."""
        rng = np.random.default_rng(2)
        lead = (self.runs,) if self.kind == "networks" else ()
        inputs = rng.standard_normal((*lead, self.batch, self.length, self.inputs))
        return inputs, rng.standard_normal((*lead, self.batch, self.outputs))


WORKS: dict[str, GradientWork] = {
    "W2": GradientWork("networks", 5, 1, 1, 50, runs=4096),
    "W2, run first": GradientWork("networks", 5, 1, 1, 50, runs=4096, run_first=True),
    **{f"W3, N = {n}, B = {b}": GradientWork("network", n, batch=b) for n in (50, 100) for b in (20, 100)},
    "LSTM, N = 64, B = 20": GradientWork("lstm", 64, batch=20),
    **{f"Jacobian products, Frobenius, N = {n}": GradientWork("frobenius", n) for n in (50, 100)},
    **{f"Jacobian products, spectral, N = {n}": GradientWork("spectral", n) for n in (50, 100)},
}


@dataclass(frozen=True)
class Plan:
    """One way of doing a workload: `run` is what is timed, `answer` gives its result as arrays with the usual names."""

    name: str
    run: Callable[[], Any]
    answer: Callable[[Any], Arrays]


@dataclass
class Peer:
    """A row of the table: the fastest of its plans counts.

    Attributes
    ----------
    name : str
        As in the table.
    plans : list of Plan
        All that is worth a try.
    expert : bool
        The engine's own method ported by hand (own tanh, lanes are runs): shown, but no library that one would use.
    """

    name: str
    plans: list[Plan] = field(default_factory=list)
    expert: bool = False


def run_last(array: FloatArray) -> FloatArray:
    """The array with its first axis moved to the end, in C order."""
    return np.ascontiguousarray(np.moveaxis(array, 0, -1))


def run_fastest(array: FloatArray) -> FloatArray:
    """The same values and shape, with the first axis fastest in memory."""
    return np.moveaxis(run_last(array), -1, 0)


def time_first(array: FloatArray) -> FloatArray:
    """Sequences ``(batch, time, features)`` as ``(time, batch, features)``, in C order."""
    return np.ascontiguousarray(array.swapaxes(0, 1))


def answer_of(loss: Any, gradient: dict[str, Any]) -> Arrays:
    """Loss and gradient as one dict of arrays."""
    return {"loss": np.asarray(loss)} | {name: np.asarray(value) for name, value in gradient.items()}
