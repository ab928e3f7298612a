"""Many networks at once for the tests of the lane driver: parameters, sequences, and the reference run by run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import networks
from rnnlatch._dispatch import core

Array = NDArray[Any]


@dataclass(frozen=True)
class Problem:
    """What the core's functions of many networks take; `runs` networks."""

    structure: dict[str, Any]
    runs: int
    parameters: dict[str, Array]
    inputs: Array
    targets: Array
    mask: Array | None = None
    lengths: Array | None = None
    initial: dict[str, Array] | None = None
    same_step: Array | None = None

    def gradient(self, threads: int = 1) -> dict[str, Any]:
        return core.network_gradient(
            self.structure,
            self.parameters,
            self.inputs,
            self.targets,
            self.mask,
            self.lengths,
            self.initial,
            threads,
            self.same_step,
        )

    def forward(self, threads: int = 1) -> dict[str, Array]:
        return core.network_forward(
            self.structure, self.parameters, self.inputs, self.lengths, self.initial, threads, self.same_step
        )

    def arrays(self, change: Any) -> Problem:
        """The problem with every array that has a run axis changed."""

        def each(value: Any) -> Any:
            if value is None:
                return None
            return {name: change(part) for name, part in value.items()} if isinstance(value, dict) else change(value)

        names = ("parameters", "inputs", "targets", "mask", "lengths", "initial")
        return replace(self, **{name: each(getattr(self, name)) for name in names})

    def of_run(self, run: int) -> dict[str, Any]:
        """The arguments of the reference for one run."""

        def pick(value: Array | None) -> Any:
            return None if value is None else value[run if len(value) > 1 else 0]

        initial = None if self.initial is None else tuple(pick(part) for part in self.initial.values())
        return {
            "structure": self.structure,
            "parameters": {name: value[run] for name, value in self.parameters.items()},
            "inputs": pick(self.inputs),
            "lengths": pick(self.lengths),
            "initial": initial[0] if initial is not None and len(initial) == 1 else initial,
            "same_step": self.same_step,
        }

    def reference(self, run: int) -> networks.Trace:
        def pick(value: Array | None) -> Any:
            return None if value is None else value[run if len(value) > 1 else 0]

        return networks.gradient(**self.of_run(run), targets=pick(self.targets), mask=pick(self.mask))


def make(
    runs: int = 3,
    batch: int = 2,
    steps: int = 5,
    *,
    seed: int = 0,
    dtype: Any = np.float64,
    learned: bool = False,
    given: bool = False,
    masked: bool = False,
    unequal: bool = False,
    same_step: Array | None = None,
    scale: float = 0.7,
    **structure: Any,
) -> Problem:
    """A random problem."""
    rng = np.random.default_rng(seed)
    full = networks.make_structure(**structure)
    hidden = full["hidden"]
    judged = full["outputs"] or (1 if full["read_unit"] >= 0 else hidden)
    terms = (runs, batch, steps) if full["at"] == "every" else (runs, batch)
    names = ("h_0", "c_0") if full["cell"] == "LSTM" else ("h_0",)

    def normal(*shape: int) -> Array:
        return rng.normal(size=shape, scale=scale).astype(dtype)

    targets: Array = rng.uniform(size=(*terms, judged)).astype(dtype)
    if full["loss"] == "softmax_cross_entropy":
        targets = rng.integers(0, judged, size=terms)
    return Problem(
        full,
        runs,
        {name: normal(runs, *shape) for name, shape in networks.parameter_shapes(full, learned).items()},
        normal(runs, batch, steps, full["inputs"]),
        targets,
        rng.uniform(size=terms).astype(dtype) if masked else None,
        rng.integers(0, steps + 1, size=(runs, batch)) if unequal else None,
        {name: normal(runs, batch, hidden) for name in names} if given else None,
        same_step,
    )


def run_fastest(x: Array) -> Array:
    """The same array with the run's axis fastest in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


def flat(out: Mapping[str, Any]) -> dict[str, Array]:
    """Loss and gradients under one level of names."""
    return {
        "loss": out["loss"],
        **{f"gradient of {name}": value for name, value in out["gradient"].items()},
        **{f"gradient of initial {name}": value for name, value in out.get("initial_gradient", {}).items()},
    }
