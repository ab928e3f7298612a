"""The unit of figures 3 to 5, x_t = w s(x_{t-1}) + b + u_t with the logistic function s, in the pre-activation, as the paper.

A network's state is h = s(x): what a network of one unit does over T - 1 steps from h_0 = s(x_0) tells x_T = w h_{T-1} + b
and its derivatives.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch import dynamics, gradients
from rnnlatch.cells import VanillaRNN
from rnnlatch.simulation import simulate

__all__ = [
    "CELL",
    "Last",
    "fixed_points",
    "largest_derivatives",
    "last_state",
    "logistic",
    "parameters",
    "trajectories",
]

Floats = NDArray[np.float64]

CELL = VanillaRNN(inputs=1, hidden=1, activation="logistic")


@dataclass(frozen=True)
class Last:
    """The state of some units after some steps, and its derivatives.

    Parameters
    ----------
    x : ndarray
        x_T.
    by_w, by_b, by_start : ndarray
        dx_T/dw, dx_T/db and dx_T/dx_0.
    """

    x: Floats
    by_w: Floats
    by_b: Floats
    by_start: Floats


def logistic(x: ArrayLike) -> Floats:
    """Give 1 / (1 + exp(-x))."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-np.asarray(x, np.float64))))


def parameters(w: ArrayLike, b: ArrayLike) -> dict[str, Any]:
    """Give the parameters of one unit, or of one for each of some values, as networks have them."""
    weight, bias = np.broadcast_arrays(np.asarray(w, np.float64), np.asarray(b, np.float64))
    one = np.ones(weight.shape)
    return {
        "weight_ih_l0": one[..., None, None],
        "weight_hh_l0": weight[..., None, None].copy(),
        "bias_ih_l0": bias[..., None].copy(),
        "bias_hh_l0": 0 * one[..., None],
    }


def last_state(w: ArrayLike, b: ArrayLike, start: ArrayLike, steps: int, threads: int | None = None) -> Last:
    """Run units without input and differentiate their last state.

    Parameters
    ----------
    w, b, start : array_like
        Weights, biases and x_0, of any shapes that go together.
    steps : int
        T, at least 2.
    threads : int, optional
        Of the engine.
    """
    weight, bias, x_0 = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (w, b, start)))
    shape = x_0.shape
    weight, bias, x_0 = weight.ravel(), bias.ravel(), x_0.ravel()
    h_0 = logistic(x_0)
    given: dict[str, Any] = {
        "cell": CELL,
        "params": parameters(weight, bias),
        "inputs": np.zeros((1, steps - 1, 1)),
        "initial_state": h_0[:, None, None],
        "threads": threads,
    }
    h = simulate(**given)[:, 0, -1, 0]
    # Where the error is 1, the gradient of half its square is the derivative of the state.
    _, grads = gradients.loss_and_gradient(**given, targets=(h - 1)[:, None, None], initial_gradient=True)
    slope = logistic(x_0) * logistic(-x_0)
    return Last(
        (weight * h + bias).reshape(shape),
        (h + weight * grads["weight_hh_l0"][:, 0, 0]).reshape(shape),
        (1 + weight * grads["bias_ih_l0"][:, 0]).reshape(shape),
        (weight * grads["h_0"][:, 0, 0] * slope).reshape(shape),
    )


def largest_derivatives(w: ArrayLike, b: ArrayLike, start: ArrayLike, steps: int) -> tuple[Floats, Floats]:
    """Give the largest |dx_t/db| and |dx_t/dx_0| of units without input, over t from 1 to `steps`.

    From step to step dx/db becomes w s'(x) dx/db + 1, and dx/dx_0 becomes w s'(x) dx/dx_0.
    """
    weight, bias, x = np.broadcast_arrays(*(np.asarray(part, np.float64) for part in (w, b, start)))
    by_b, by_start = np.zeros(x.shape), np.ones(x.shape)
    largest = by_b, 0 * by_start
    for _ in range(steps):
        s = logistic(x)
        slope = weight * s * (1 - s)
        by_b, by_start, x = slope * by_b + 1, slope * by_start, weight * s + bias
        largest = np.maximum(largest[0], np.abs(by_b)), np.maximum(largest[1], np.abs(by_start))
    return largest


def trajectories(w: float, b: float, start: ArrayLike, inputs: ArrayLike, threads: int | None = None) -> Floats:
    """Give x_0, x_1, … of one unit from some states under some inputs.

    Parameters
    ----------
    w, b : float
        Its parameters.
    start : array_like, shape (starts,)
        x_0.
    inputs : array_like, shape (steps,) or (starts, steps)
        u_1, u_2, …

    Returns
    -------
    ndarray, shape (starts, steps + 1)
    """
    x_0 = np.atleast_1d(np.asarray(start, np.float64))
    u = np.broadcast_to(np.asarray(inputs, np.float64), (x_0.size, np.shape(inputs)[-1]))
    h = simulate(CELL, parameters(w, b), u[:, :, None], initial_state=logistic(x_0)[:, None], threads=threads)[:, :, 0]
    before = np.concatenate([logistic(x_0)[:, None], h[:, :-1]], axis=1)
    return np.concatenate([x_0[:, None], w * before + u + b], axis=1)


def fixed_points(w: float, b: float) -> Floats:
    """Give the fixed points of a unit, ascending: the outer ones attract where there are three."""
    found = dynamics.fixed_points(CELL, parameters(w, b), variable="pre_activation")
    return np.sort(found["state"].values[:, 0])
