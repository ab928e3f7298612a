"""Train millions of small recurrent networks, see where their gradients go, and test the classic claims.

The names below are imported when they are first used, so that ``import rnnlatch`` is quick.

Examples
--------
>>> import rnnlatch as rl
>>> "x86" in rl.info()["isa"] or rl.info()["isa"] == "native"
True
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlatch import algorithms, cells, experiments, plotting, random, tasks
    from rnnlatch._config import __version__, info
    from rnnlatch.criterion import Criterion
    from rnnlatch.outcomes import Outcome
    from rnnlatch.store import open_store
    from rnnlatch.sweep import Run, replay, sweep
    from rnnlatch.training import evaluate, simulate, train

__all__ = [
    "Criterion",
    "Outcome",
    "Run",
    "__version__",
    "algorithms",
    "cells",
    "evaluate",
    "experiments",
    "info",
    "open_store",
    "plotting",
    "random",
    "replay",
    "simulate",
    "sweep",
    "tasks",
    "train",
]

# Where each name lives. What is not here is a submodule of its own name.
_HOMES = {
    "Criterion": "criterion",
    "Outcome": "outcomes",
    "Run": "sweep",
    "__version__": "_config",
    "evaluate": "training",
    "info": "_config",
    "open_store": "store",
    "replay": "sweep",
    "simulate": "training",
    "sweep": "sweep",
    "train": "training",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
    value = getattr(module, name) if name in _HOMES else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
