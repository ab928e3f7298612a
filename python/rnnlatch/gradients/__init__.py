"""Gradients of recurrent networks, and where they come from.

The names below are imported when they are first used.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rnnlatch.gradients.backpropagation import loss_and_gradient
    from rnnlatch.gradients.becker_lecun import curvature
    from rnnlatch.gradients.forcing import teacher_forcing
    from rnnlatch.gradients.jacobians import jacobian_products
    from rnnlatch.gradients.lags import by_lag
    from rnnlatch.gradients.memory import gradient_memory
    from rnnlatch.gradients.norms import clip_norm, global_norm
    from rnnlatch.gradients.realtime import rtrl
    from rnnlatch.gradients.regulariser import omega
    from rnnlatch.gradients.second_order import hessian, hessian_vector_product
    from rnnlatch.gradients.spectrum import singular_spectrum

__all__ = [
    "by_lag",
    "clip_norm",
    "curvature",
    "global_norm",
    "gradient_memory",
    "hessian",
    "hessian_vector_product",
    "jacobian_products",
    "loss_and_gradient",
    "omega",
    "rtrl",
    "singular_spectrum",
    "teacher_forcing",
]

# The module in which each name lives.
_HOMES = {
    "by_lag": "lags",
    "clip_norm": "norms",
    "curvature": "becker_lecun",
    "global_norm": "norms",
    "gradient_memory": "memory",
    "hessian": "second_order",
    "hessian_vector_product": "second_order",
    "jacobian_products": "jacobians",
    "loss_and_gradient": "backpropagation",
    "omega": "regulariser",
    "rtrl": "realtime",
    "singular_spectrum": "spectrum",
    "teacher_forcing": "forcing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


class _Package(ModuleType):
    """Keeps a function where a submodule has its name, which importing would put in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
