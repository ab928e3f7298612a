"""Gradients of recurrent networks, and where they come from.

The names below are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlatch.gradients.norms import clip_norm, global_norm

__all__ = ["clip_norm", "global_norm"]

# The module in which each name lives.
_HOMES = {"clip_norm": "norms", "global_norm": "norms"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
