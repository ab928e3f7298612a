"""Gradients without calculus: central differences of the reference's cost in extended precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from reference import latch
from reference.arithmetic import Array, plain_multiply_add

EXTENDED = np.finfo(np.longdouble).nmant > 60
"""Whether long double is more than double here; otherwise the differences are coarse."""

STEP = 1e-5


def cost(w: Array, inputs: Array, tail: Array, d: Array) -> Array:
    """The cost of one sequence; w: (runs,), inputs: (L, runs), tail: the noise, (T - L, runs), d: (runs,)."""
    drive = np.concatenate([inputs, tail]).astype(np.longdouble)
    x = latch.forward(w.astype(np.longdouble), drive, tanh=np.tanh, fma=plain_multiply_add)
    return latch.cost(x[-1], d.astype(np.longdouble))


def numerical_gradient(w: Array, inputs: Array, tail: Array, d: Array) -> tuple[Array, Array]:
    """The cost's derivatives by the inputs, (L, runs), and by w, (runs,): differences of fourth order."""
    theta = np.concatenate([inputs, w[None]]).astype(np.longdouble)
    h = np.longdouble(STEP)
    gradient = np.empty(theta.shape)
    for j in range(len(theta)):

        def moved(steps: int, j: int = j) -> Array:
            there = theta.copy()
            there[j] += steps * h
            return cost(there[-1], there[:-1], tail, d)

        gradient[j] = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * h)
    return gradient[:-1], gradient[-1]


def central_differences(cost: Callable[[dict[str, Array]], Array], parameters: Mapping[str, Array]) -> dict[str, Array]:
    """The derivatives of a cost by each number of some arrays, given by name: differences of fourth order."""
    there = {name: np.array(value, np.longdouble) for name, value in parameters.items()}
    h = np.longdouble(STEP)
    result = {name: np.empty(value.shape) for name, value in there.items()}
    for name, array in there.items():
        for place in np.ndindex(array.shape):
            here, costs = array[place], []
            for steps in (1, -1, 2, -2):
                array[place] = here + steps * h
                costs.append(cost(there))
            array[place] = here
            result[name][place] = (8 * (costs[0] - costs[1]) - (costs[2] - costs[3])) / (12 * h)
    return result
