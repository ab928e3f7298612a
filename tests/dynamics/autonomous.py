"""Autonomous networks for the tests of trajectories: drawn, and what the reference makes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference import networks
from reference.trajectories import Step, autonomous

Array = NDArray[Any]
Drawn = dict[str, Any]

# Every cell, of sizes on both sides of those whose whole steps stay in registers.
CELLS: dict[str, dict[str, Any]] = {
    **{f"tanh {n}": {"hidden": n} for n in (1, 2, 3, 4, 5, 6, 7)},
    **{f"logistic {n}": {"hidden": n, "activation": "logistic"} for n in (1, 2, 5, 8)},
    **{name: {"hidden": 3, "activation": name} for name in ("relu", "linear", "sign")},
    "diagonal": {"hidden": 3, "diagonal": 1},
    "LSTM": {"cell": "LSTM"},
    "GRU": {"cell": "GRU"},
    "no bias, no input": {"hidden": 2, "bias": 0, "inputs": 0},
    "same step": {"hidden": 3},
}


def draw(name: str, runs: int, *, shared: bool, scale: float = 1.2, seed: int = 0) -> Drawn:
    """Arguments of the core: structure, parameters, inputs, starts, same_step."""
    rng = np.random.default_rng(seed)
    structure = networks.make_structure(**CELLS[name])
    lead = 1 if shared else runs
    states, hidden = (2 if structure["cell"] == "LSTM" else 1), structure["hidden"]
    parameters = {
        key: rng.normal(size=(lead, *shape)) * scale / (np.sqrt(hidden) if key == "weight_hh_l0" else 2)
        for key, shape in networks.parameter_shapes(structure).items()
    }
    return {
        "structure": structure,
        "parameters": parameters,
        "inputs": rng.normal(size=(lead, structure["inputs"])),
        "starts": rng.uniform(-1, 1, size=(runs, states, hidden)),
        "same_step": np.tril(np.ones((hidden, hidden), np.uint8), -1) if name == "same step" else None,
    }


def steps_of(given: Drawn) -> Callable[[int], Step]:
    """The reference's map of each run."""

    def of(run: int) -> Step:
        def pick(x: Array) -> Array:
            return np.asarray(x[run if len(x) > 1 else 0])

        parameters = {name: pick(value) for name, value in given["parameters"].items()}
        return autonomous(given["structure"], parameters, pick(given["inputs"]), given["same_step"])

    return of


def some_of(given: Drawn, runs: Any) -> Drawn:
    """The same for some of the runs."""

    def pick(x: Array) -> Array:
        return x[runs] if len(x) > 1 else x

    return given | {
        "parameters": {name: pick(value) for name, value in given["parameters"].items()},
        "inputs": pick(given["inputs"]),
        "starts": given["starts"][runs],
    }
