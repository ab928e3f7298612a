"""The derivative of a loss with respect to the states that it looks at, in NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch.gradients._analysis import Floats, Network

__all__ = ["loss_by_state", "read_out_gradient"]


def _by_output(network: Network, h: Floats, loss: str, at: str) -> Floats:
    """Give dE_t/dy_t for the mean over the batch, shape (batch, steps, outputs); h: (batch, steps, hidden).

    The steps are all for ``at="every"``, the last one for ``at="last"``; before a sequence begins it is 0.
    """
    p, cell, targets = network.parameters, network.cell, network.targets
    assert targets is not None
    if cell.outputs is not None:
        y = h @ p["weight_out"].T + p.get("bias_out", 0)
    else:
        y = h if cell.read_unit is None else h[..., cell.read_unit, None]
    d: NDArray[Any] = targets if at == "every" else targets[:, None]
    if loss == "half_squared_error":
        g = y - d
    elif loss == "logistic_cross_entropy":
        e = np.exp(-np.abs(y))
        g = np.where(y >= 0, 1, e) / (1 + e) - d
    else:
        e = np.exp(y - y.max(axis=-1, keepdims=True))
        g = e / e.sum(axis=-1, keepdims=True)
        np.put_along_axis(g, d[..., None], np.take_along_axis(g, d[..., None], -1) - 1, -1)
    if network.mask is not None:
        g = g * (network.mask if at == "every" else network.mask[:, None])[..., None]
    if at == "every":
        g = np.where((np.arange(network.time) >= network.first[:, None])[..., None], g, 0)
    return np.asarray(g / network.batch)


def loss_by_state(network: Network, state: Floats, loss: str, at: str) -> tuple[Floats, Floats]:
    """Give dE_t/dy_t and dE_t/ds_t without the way through later states.

    Parameters
    ----------
    network : Network
        With targets.
    state : ndarray of float64, shape (batch, time + 1, states, hidden)
        The states from the initial one on.
    loss, at : str
        As in `loss_and_gradient`.

    Returns
    -------
    by_output : ndarray of float64, shape (batch, steps, outputs)
        All steps for ``at="every"``, else the last one.
    by_state : ndarray of float64, shape (batch, steps, states, hidden)
        The same, for the states.
    """
    seen = state[:, 1:] if at == "every" else state[:, -1:]
    by_output = _by_output(network, seen[:, :, 0], loss, at)
    by_state = np.zeros(seen.shape)
    if network.cell.outputs is not None:
        by_state[:, :, 0] = by_output @ network.parameters["weight_out"]
    elif network.cell.read_unit is not None:
        by_state[:, :, 0, network.cell.read_unit] = by_output[..., 0]
    else:
        by_state[:, :, 0] = by_output
    return by_output, by_state


def read_out_gradient(network: Network, state: Floats, by_output: Floats) -> dict[str, Floats]:
    """Give the gradient of the read-out's parameters, which only the step of the loss itself adds to."""
    h = state[:, -by_output.shape[1] :, 0]
    gradient = {}
    if "weight_out" in network.parameters:
        gradient["weight_out"] = np.einsum("bto,bth->oh", by_output, h)
    if "bias_out" in network.parameters:
        gradient["bias_out"] = by_output.sum(axis=(0, 1))
    return gradient
