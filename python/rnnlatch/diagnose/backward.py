"""What of an error at the last step arrives at earlier ones, walked back vector by vector.

The products of Jacobians themselves cost dimension^3 operations a step, a vector dimension^2: this is what a large network
is asked over all steps.
"""

from typing import Any

import numpy as np
import xarray as xr

from rnnlatch._network_parameters import mask_gradient
from rnnlatch.diagnose.driven import DIRECTIONS, Driven
from rnnlatch.dynamics._results import counted, quantity
from rnnlatch.gradients._analysis import Bundle, Floats, Partials
from rnnlatch.gradients._losses import loss_by_state

__all__ = ["gradient_by_lag"]

Found = dict[str, xr.Variable]


def gradient_by_lag(driven: Driven) -> Found:
    """Walk an error at the last step back along each sequence.

    Returns
    -------
    dict of Variable
        Over (sequence, lag): ``log_gradient``, the natural logarithm of ‖∂E/∂s_{T−lag}‖ for an error E of each sequence's
        last step; for an LSTM and a GRU ``log_gradient_kept``, the same where the way through the recurrent weights is cut,
        so that only what a unit keeps of its own state carries it. With targets, over ``lag``:
        ``log_parameter_gradient``, of what the use of the recurrent layer's parameters at T − lag adds to their gradient.
    """
    networks, partials = driven.networks, driven.partials
    seed = _seed(driven)
    lag = counted("lag", driven.time + 1, "time lag")
    lag["lag"].attrs["units"] = "steps"
    found = {"log_gradient": _variable(_walk(networks, partials, seed), "norm of dE/ds_{T-lag}")}
    if driven.cell.kind != "VanillaRNN":
        kept = _walk(networks, partials, seed, through_weights=False)
        words = "norm of dE/ds_{T-lag} without the way through the recurrent weights"
        found["log_gradient_kept"] = _variable(kept, words)
    if driven.targets is not None:
        parts = _parameters(networks, partials, seed)
        words = "norm of what the lag adds to the gradient of the recurrent layer's parameters"
        found["log_parameter_gradient"] = quantity("step_lag", parts, f"natural logarithm of the {words}")
        found["step_lag"] = quantity("step_lag", np.arange(driven.time), "time lag of the parameters' use", "steps")
    return found | lag | counted("sequence", driven.batch, "sequence")


def _variable(values: Floats, words: str) -> xr.Variable:
    return quantity(("sequence", "lag"), values, f"natural logarithm of the {words}, E: an error at the last step T")


def _seed(driven: Driven) -> Floats:
    """Give dE/ds_T, (1, sequence, 1, states, hidden).

    Of the loss where there are targets, not averaged over sequences; else of a random combination of the outputs, or of
    the hidden units where nothing reads them, of length 1.
    """
    cell, networks = driven.cell, driven.networks
    if driven.targets is not None:
        with np.errstate(over="ignore", invalid="ignore"):
            _, by_state = loss_by_state(networks, driven.partials.state, driven.loss, "last")
            return np.asarray(by_state * driven.batch)
    rng = driven.draw(DIRECTIONS)
    size = cell.read_size if cell.outputs is not None else cell.hidden
    drawn = rng.normal(size=(driven.batch, size))
    if cell.outputs is not None:
        weight = driven.params["weight_out"]
        largest = np.abs(weight).max()
        drawn = drawn @ (weight / largest if largest > 0 else weight)
    elif cell.read_unit is not None:
        drawn = np.zeros_like(drawn)
        drawn[:, cell.read_unit] = 1.0
    norm = np.linalg.norm(drawn, axis=1, keepdims=True)
    seed = np.zeros((1, driven.batch, 1, len(cell.states), cell.hidden))
    seed[0, :, 0, 0] = drawn / np.where(norm > 0, norm, 1.0)
    return seed


def _walk(networks: Bundle, partials: Partials, seed: Floats, *, through_weights: bool = True) -> Floats:
    """Give the logarithm of the norm at each lag, (sequence, lag); infinite where the error itself is beyond all numbers."""
    time = networks.time
    logs = np.empty((networks.batch, time + 1))
    beyond = np.asarray(~np.isfinite(seed).all(axis=(0, 2, 3, 4)))
    gradient, exponent = _shortened(np.where(beyond[:, None, None, None], 0.0, seed), np.zeros(networks.batch))
    logs[:, 0] = _log_norm(gradient, exponent)
    for lag in range(time):
        at = slice(time - 1 - lag, time - lag)
        if through_weights:
            _, before = networks.through_cell(partials, gradient, at)
        else:
            before = np.einsum("nbtsph,nbtsh->nbtph", partials.by_state[:, :, at], gradient)
        gradient, exponent = _shortened(before, exponent)
        logs[:, lag + 1] = _log_norm(gradient, exponent)
    logs[beyond] = np.inf
    return logs


def _parameters(networks: Bundle, partials: Partials, seed: Floats) -> Floats:
    """Give the logarithm of the norm of each lag's part of the gradient, mean over the sequences."""
    time, batch = networks.time, networks.batch
    if not np.isfinite(seed).all():
        return np.full(time, np.inf)
    logs = np.empty(time)
    gradient, exponent = _shortened(seed / batch, np.zeros(batch))
    for lag in range(time):
        at = slice(time - 1 - lag, time - lag)
        delta, before = networks.through_cell(partials, gradient, at)
        common = exponent.max()
        shifted = np.maximum(exponent - common, -1000.0).astype(np.intc)
        parts = _uses(networks, np.ldexp(delta, shifted[None, :, None, None, None]), partials, at)
        squares = sum(float(np.vdot(part, part)) for part in parts.values())
        with np.errstate(divide="ignore"):
            logs[lag] = 0.5 * np.log(squares) + common * np.log(2.0)
        gradient, exponent = _shortened(before, exponent)
    return logs


def _uses(networks: Bundle, delta: Floats, partials: Partials, at: slice) -> dict[str, Any]:
    """Give the gradient of one step's use of the parameters, from dE/d(pre-activation), (1, sequence, 1, slots, hidden)."""
    cell = networks.cell
    by_hidden = delta[0, :, 0, networks.hidden_slots].swapaxes(0, 1)  # (sequence, gate, hidden)
    by_input = delta[0, :, 0, networks.input_slots].swapaxes(0, 1)
    h = partials.state[0, :, at, 0][:, 0]
    batch = len(h)
    parts: dict[str, Any] = {"weight_ih_l0": by_input.reshape(batch, -1).T @ networks.inputs[0, :, at][:, 0]}
    if cell.diagonal:
        parts["weight_hh_l0"] = (by_hidden[:, 0] * h).sum(axis=0)
    else:
        parts["weight_hh_l0"] = by_hidden.reshape(batch, -1).T @ h
    if cell.bias:
        parts["bias_ih_l0"] = by_input.sum(axis=0).reshape(-1)
        parts["bias_hh_l0"] = by_hidden.sum(axis=0).reshape(-1)
    return mask_gradient(cell, parts)


def _shortened(gradient: Floats, exponent: Floats) -> tuple[Floats, Floats]:
    """Bring the largest number of each sequence between 1/2 and 1; what was taken out goes into the exponent of two."""
    largest = np.abs(gradient).max(axis=(0, 2, 3, 4))
    power = np.where(largest > 0, np.frexp(largest)[1], 0)
    return np.ldexp(gradient, -power[None, :, None, None, None]), exponent + power


def _log_norm(gradient: Floats, exponent: Floats) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.sqrt((gradient**2).sum(axis=(0, 2, 3, 4)))) + exponent * np.log(2.0))
