"""Algorithms: how parameters are found.

Frozen dataclasses: they say what to do; the engine does it. By gradients: `GradientDescent`, `Adam`, `RMSprop`. By curvature
too: `PseudoNewton`, `Newton`. For threshold units: `DiscreteErrorPropagation`. Without either, on a fixed training set:
`SimulatedAnnealing`, `MultigridRandomSearch`, `RandomGuessing`; and `RedrawAfterError`, a control. `PythonAlgorithm` is the
base of your own. `InverseTime` and `HalveOnRise` are schedules of learning rates.
"""

from rnnlatch.algorithms.base import Algorithm
from rnnlatch.algorithms.curvature import Newton, PseudoNewton
from rnnlatch.algorithms.gradient import Adam, GradientDescent, RMSprop
from rnnlatch.algorithms.python import PythonAlgorithm
from rnnlatch.algorithms.schedules import HalveOnRise, InverseTime
from rnnlatch.algorithms.search import MultigridRandomSearch, RandomGuessing, RedrawAfterError, SimulatedAnnealing
from rnnlatch.algorithms.threshold import DiscreteErrorPropagation

__all__ = [
    "Adam",
    "Algorithm",
    "DiscreteErrorPropagation",
    "GradientDescent",
    "HalveOnRise",
    "InverseTime",
    "MultigridRandomSearch",
    "Newton",
    "PseudoNewton",
    "PythonAlgorithm",
    "RMSprop",
    "RandomGuessing",
    "RedrawAfterError",
    "SimulatedAnnealing",
]
