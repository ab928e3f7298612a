"""One step of gradient descent with penalties, clipping of the norm, and momentum.

Arrays are (parameters, runs): the inputs of class 0, those of class 1, and w if it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from reference.arithmetic import Array
from reference.latch import Fma


def norm(gradient: Array, *, fma: Fma) -> Array:
    """The Euclidean norm of each run's gradient, its squares added up in the order of the parameters."""
    total = np.zeros(gradient.shape[1:])
    for g in gradient:
        total = fma(g, g, total)
    return np.sqrt(total)


def penalised(gradient: Array, theta: Array, l1: Array, l2: Array, *, fma: Fma) -> Array:
    """The gradient of cost + l1 sum |theta| + l2/2 sum theta^2, the cost's own gradient being given."""
    return fma(l2, theta, gradient) + l1 * np.sign(theta)


def clipped(gradient: Array, clip_norm: Array, *, fma: Fma) -> Array:
    """The gradient, shortened to clip_norm where it is longer (Pascanu, Mikolov and Bengio, 2013, algorithm 1)."""
    length = norm(gradient, fma=fma)
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(length > clip_norm, clip_norm / length, 1.0)
    return gradient * factor


def step(
    theta: Array, velocity: Array, gradient: Array, columns: Mapping[str, Array], *, fma: Fma
) -> tuple[Array, Array]:
    """The parameters and the velocity after one update."""
    gradient = penalised(gradient, theta, columns["l1"], columns["l2"], fma=fma)
    gradient = clipped(gradient, columns["clip_norm"], fma=fma)
    velocity = fma(columns["momentum"], velocity, gradient)
    return fma(-columns["learning_rate"], velocity, theta), velocity
