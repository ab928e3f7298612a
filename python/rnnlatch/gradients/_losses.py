"""The derivative of a loss with respect to the states that it looks at, in NumPy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch.gradients._analysis import Bundle, Floats

__all__ = ["loss_by_state", "read_out_gradient"]


def _by_output(networks: Bundle, h: Floats, loss: str, at: str) -> Floats:
    """Give dE_t/dy_t for the mean over the batch, shape (networks, batch, steps, outputs), from h, (…, hidden).

    The steps are all for ``at="every"``, the last one for ``at="last"``; before a sequence begins it is 0.
    """
    p, cell, targets = networks.parameters, networks.cell, networks.targets
    assert targets is not None
    if cell.outputs is not None:
        flat = h.reshape(len(h), -1, cell.hidden) @ p["weight_out"].swapaxes(1, 2)
        y = flat.reshape(*h.shape[:3], cell.outputs)
        if "bias_out" in p:
            y = y + p["bias_out"][:, None, None]
    else:
        y = h if cell.read_unit is None else h[..., cell.read_unit, None]
    d: NDArray[Any] = targets if at == "every" else targets[:, :, None]
    if loss == "half_squared_error":
        g = y - d
    elif loss == "logistic_cross_entropy":
        e = np.exp(-np.abs(y))
        g = np.where(y >= 0, 1, e) / (1 + e) - d
    else:
        e = np.exp(y - y.max(axis=-1, keepdims=True))
        g = e / e.sum(axis=-1, keepdims=True)
        place = np.broadcast_to(d[..., None], (*g.shape[:-1], 1))
        np.put_along_axis(g, place, np.take_along_axis(g, place, -1) - 1, -1)
    if networks.mask is not None:
        g = g * (networks.mask if at == "every" else networks.mask[:, :, None])[..., None]
    if at == "every" and networks.lengths is not None:
        g = np.where((np.arange(networks.time) >= networks.first[..., None])[..., None], g, 0)
    return np.asarray(g / networks.batch)


def loss_by_state(networks: Bundle, state: Floats, loss: str, at: str) -> tuple[Floats, Floats]:
    """Give dE_t/dy_t and dE_t/ds_t without the way through later states.

    Parameters
    ----------
    networks : Bundle
        With targets.
    state : ndarray of float64, shape (networks, batch, time + 1, states, hidden)
        The states from the initial one on.
    loss, at : str
        As in `loss_and_gradient`.

    Returns
    -------
    by_output : ndarray of float64, shape (networks, batch, steps, outputs)
        All steps for ``at="every"``, else the last one.
    by_state : ndarray of float64, shape (networks, batch, steps, states, hidden)
        The same, for the states.
    """
    cell = networks.cell
    seen = state[:, :, 1:] if at == "every" else state[:, :, -1:]
    by_output = _by_output(networks, seen[:, :, :, 0], loss, at)
    by_state = np.zeros(seen.shape)
    if cell.outputs is not None:
        flat = by_output.reshape(len(by_output), -1, cell.outputs) @ networks.parameters["weight_out"]
        by_state[:, :, :, 0] = flat.reshape(by_state[:, :, :, 0].shape)
    elif cell.read_unit is not None:
        by_state[:, :, :, 0, cell.read_unit] = by_output[..., 0]
    else:
        by_state[:, :, :, 0] = by_output
    return by_output, by_state


def read_out_gradient(networks: Bundle, state: Floats, by_output: Floats) -> dict[str, Floats]:
    """Give the gradient of the read-out's parameters, which only the step of the loss itself adds to."""
    count, _, steps, outputs = by_output.shape
    gradient = {}
    if "weight_out" in networks.parameters:
        h = state[:, :, -steps:, 0].reshape(count, -1, networks.cell.hidden)
        gradient["weight_out"] = by_output.reshape(count, -1, outputs).swapaxes(1, 2) @ h
    if "bias_out" in networks.parameters:
        gradient["bias_out"] = by_output.sum(axis=(1, 2))
    return gradient
