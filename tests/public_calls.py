"""Every public function and constructor that takes something, and arguments with which each can be called."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import rnnlatch as rl

__all__ = ["PUBLIC", "arguments"]

# Enumerations and what is only inherited from are not called; the chorales are read for minutes.
SKIPPED = {"Outcome", "random.Purpose", "data.chorales", "data.cache_directory"}


def _names(module: ModuleType, prefix: str = "") -> Iterator[str]:
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from _names(value, f"{prefix}{name}.")
        elif callable(value) and not inspect.isabstract(value) and inspect.signature(value).parameters:
            yield prefix + name


def found(name: str) -> Callable[..., Any]:
    """Give what has this name."""
    value: Any = rl
    for part in name.split("."):
        value = getattr(value, part)
    function: Callable[..., Any] = value
    return function


PUBLIC = {name: found(name) for name in _names(rl) if name not in SKIPPED}
"""By name, without the package's."""

CELL = rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=1)
TASK = rl.tasks.TwoSequence(length=4, prefix=2, noise_std=0.1)
ALGORITHM = rl.algorithms.GradientDescent()


def study(length: int = 4) -> rl.Run:
    """A grid point."""
    task = rl.tasks.TwoSequence(length=length, prefix=2, noise_std=0.1)
    return rl.Run(CELL, task, ALGORITHM, max_presentations=8)


@cache
def _surface() -> Any:
    axis = np.linspace(-1, 1, 3)
    names = ("weight_hh_l0[0, 0]", "weight_hh_l0[0, 1]")
    params = CELL.initial_parameters(0)
    return rl.gradients.error_surface(
        CELL, params, np.ones((1, 3, 1)), np.ones((1, 1)), parameters=names, values=(axis, axis)
    )


def _values() -> dict[str, Any]:
    """What a parameter of this name is given, for any function that has it."""
    params = CELL.initial_parameters(0)
    key, streams = np.array([1, 2], np.uint32), np.arange(2, dtype=np.uint64)
    roll = rl.data.PianoRoll(np.zeros((4, 88), bool))
    text = rl.data.text_of("abcabcabc")
    frames = [np.eye(4, dtype=bool)] * 2
    return {
        "algorithm": ALGORITHM,
        "alphabet": text.alphabet,
        "axes": {"length": [4, 5]},
        "batch": 2,
        "cell": CELL,
        "characters": "abc",
        "count": 3,
        "counter": np.zeros((2, 4), np.uint32),
        "criterion": None,
        "dataset": _surface(),
        "direction": params,
        "duration": "seconds",
        "field": _surface(),
        "found": _surface(),
        "frames": np.zeros((4, 88), bool),
        "frequency": [0.5, 0.6],
        "gradient": params,
        "h": 0.1,
        "height": 2.0,
        "hidden": 2,
        "high": np.ones(2),
        "inputs": np.ones((1, 3, 1)),
        "interval": (0.5, 1.0),
        "key": key,
        "kind": "normal",
        "learning_rate": 0.1,
        "length": 20,
        "low": np.zeros(2),
        "max_period": 2,
        "max_presentations": 8,
        "max_steps": 20,
        "parameter": "weight_hh_l0[0, 0]",
        "parameters": ("weight_hh_l0[0, 0]", "weight_hh_l0[0, 1]"),
        "params": params,
        "path": Path("file"),
        "paths": [Path("file")],
        "per_unit": 1,
        "point": {"length": 4},
        "points": 3,
        "presentation": 0,
        "presentations": 8,
        "purpose": 1,
        "rng": 0,
        "roll": roll,
        "rolls": [roll] * 3,
        "run": study(),
        "runs": 2,
        "sources": [Path("one"), Path("other")],
        "start": np.zeros(2),
        "starts": 3,
        "std": 0.1,
        "steps": 3,
        "streams": streams,
        "study": study,
        "successes": [3, 4],
        "symbols": np.zeros(4, np.uint8),
        "target": Path("target"),
        "targets": np.ones((1, 1)),
        "task": TASK,
        "test": frames,
        "text": "abcabcabc",
        "threads": 1,
        "threshold": 0.1,
        "time": 3,
        "total_runs": 4,
        "done_runs": 1,
        "train": frames,
        "trials": [5, 6],
        "value": 1.0,
        "values": (np.linspace(-1, 1, 3), np.linspace(-1, 1, 3)),
        "w": 1.25,
        "width": 2.0,
        "word_0": key,
        "word_1": key,
        "x": [0.0, 1.0],
    }


OWN: dict[str, dict[str, Any]] = {
    "data.sample_roll": {"frames": 3, "prompt": rl.data.PianoRoll(np.zeros((4, 88), bool))},
    "data.sample_text": {"characters": 3, "prompt": "ab"},
    "data.character_bits": {"train": rl.data.text_of("abab"), "test": rl.data.text_of("abab")},
    "io.from_state_dict": {"state": {"rnn.weight_ih_l0": np.ones((2, 1)), "rnn.weight_hh_l0": np.eye(2)}},
    **{f"cells.{name}": {"inputs": 1} for name in ("GRU", "LSTM", "DiagonalRNN", "NetworkCell", "VanillaRNN")},
}
"""Where a name stands for something else than elsewhere."""


def arguments(name: str) -> tuple[dict[str, Any], list[str]]:
    """Give arguments to call a function with, and the names of all its parameters."""
    known = _values() | OWN.get(name, {})
    parameters = inspect.signature(PUBLIC[name]).parameters.values()
    names = [each.name for each in parameters if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    needed = {each.name for each in parameters if each.default is each.empty}
    # Small ones too where the default would be much work.
    small = {"max_steps", "points", "starts", "threads", "rng", "criterion"}
    return {each: known[each] for each in names if each in known and (each in needed or each in small)}, names
