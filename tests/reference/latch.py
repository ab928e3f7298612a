"""The network of the minimal task: one unit with a self-connection, its cost, and the gradient by hand.

    a_t = w x_{t-1} + h_t,    x_t = tanh(a_t),    x_{-1} = 0,    t = 0 .. T-1

For t < L the inputs h_t are parameters, one set per class; afterwards they are noise. The cost looks at the last state
only: C = 1/2 (x_{T-1} - d)^2, d = +target for class 1 and -target for class 0 (Bengio, Simard and Frasconi, 1994,
section III).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference.arithmetic import Array

Tanh = Callable[[Array], Array]
Fma = Callable[[Any, Any, Any], Array]


def forward(w: Array, drive: Array, *, tanh: Tanh, fma: Fma) -> Array:
    """All states of the unit.

    w: (runs,); drive: the inputs h, (T, runs). Returns x, (T + 1, runs): x[0] is the state before the first step, and
    x[t + 1] the state after step t.
    """
    x = np.zeros((len(drive) + 1, *np.shape(w)), drive.dtype)
    for t, h in enumerate(drive):
        x[t + 1] = tanh(fma(w, x[t], h))
    return x


def cost(last_state: Array, d: Array) -> Array:
    """Half the squared error of the last state."""
    e = last_state - d
    return 0.5 * e * e


def is_wrong(last_state: Array, d: Array) -> Array:
    """Whether the last state has the wrong sign, or none."""
    return last_state * d <= 0


def backward(w: Array, x: Array, d: Array, grad_input: Array, grad_w: Array, *, fma: Fma) -> tuple[Array, Array]:
    """Back-propagation through time: the gradient of one sequence's cost, added to what is there.

    x: (T + 1, runs), the states; grad_input: (L, runs), for the inputs of the class shown; grad_w: (runs,). Returns the
    two sums. Along the way g is the derivative of the cost with respect to a_t, the input of the nonlinearity: that it
    is multiplied by w (1 - x^2) at every step back is why it vanishes.
    """
    prefix = len(grad_input)
    grad_input = grad_input.copy()
    steps = len(x) - 1
    g = (x[steps] - d) * derivative(x[steps], fma)
    for t in range(steps - 1, -1, -1):
        grad_w = fma(g, x[t], grad_w)  # a_t = w x[t] + ..., where x[t] is the state before step t
        if t < prefix:
            grad_input[t] += g
        if t > 0:
            g = (g * w) * derivative(x[t], fma)
    return grad_input, grad_w


def derivative(x: Array, fma: Fma) -> Array:
    """The derivative of tanh where its value is x: 1 - x^2."""
    return fma(-x, x, 1.0)
