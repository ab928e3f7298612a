"""Train millions of small recurrent networks, see where their gradients go, and test the classic claims.

The names below are imported when they are first used, so that ``import rnnlatch`` is quick.

Examples
--------
>>> import rnnlatch as rl
>>> rl.info()["isa"] in rl.info()["isas"]
True
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlatch import (
        algorithms,
        cells,
        data,
        dynamics,
        experiments,
        gradients,
        io,
        plotting,
        random,
        report,
        statistics,
        tasks,
    )
    from rnnlatch._check import check_store
    from rnnlatch._config import __version__, info
    from rnnlatch._merge import merge_stores
    from rnnlatch.adaptive import AdaptiveRuns
    from rnnlatch.criterion import Criterion
    from rnnlatch.diagnose import diagnose
    from rnnlatch.early_stopping import EarlyStopping
    from rnnlatch.outcomes import Outcome
    from rnnlatch.run import Run
    from rnnlatch.simulation import predict, simulate
    from rnnlatch.store import open_store
    from rnnlatch.sweep import sweep
    from rnnlatch.training import evaluate, replay, train
    from rnnlatch.watching import SweepState

__all__ = [
    "AdaptiveRuns",
    "Criterion",
    "EarlyStopping",
    "Outcome",
    "Run",
    "SweepState",
    "__version__",
    "algorithms",
    "cells",
    "check_store",
    "data",
    "diagnose",
    "dynamics",
    "evaluate",
    "experiments",
    "gradients",
    "info",
    "io",
    "merge_stores",
    "open_store",
    "plotting",
    "predict",
    "random",
    "replay",
    "report",
    "simulate",
    "statistics",
    "sweep",
    "tasks",
    "train",
]

# The module in which each name lives; what is not here is itself a module.
_HOMES = {
    "AdaptiveRuns": "adaptive",
    "Criterion": "criterion",
    "EarlyStopping": "early_stopping",
    "Outcome": "outcomes",
    "Run": "run",
    "SweepState": "watching",
    "__version__": "_config",
    "check_store": "_check",
    "diagnose": "diagnose",
    "evaluate": "training",
    "info": "_config",
    "merge_stores": "_merge",
    "open_store": "store",
    "predict": "simulation",
    "replay": "training",
    "simulate": "simulation",
    "sweep": "sweep",
    "train": "training",
}


if not TYPE_CHECKING:  # a type checker that sees it takes any misspelt name for one that is there

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = importlib.import_module(f"{__name__}.{_HOMES.get(name, name)}")
        value = getattr(module, name) if name in _HOMES else module
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps ``rnnlatch.sweep`` the function: importing the submodule of that name would put itself in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
