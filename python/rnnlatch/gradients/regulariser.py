"""The regulariser of Pascanu, Mikolov and Bengio that keeps the back-propagated error's norm."""

import math
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import (
    Bundle,
    Floats,
    Integers,
    Partials,
    analyse,
    begin,
    bundle,
    magnitudes,
    rescaled,
    scaled,
)
from rnnlatch.gradients._losses import loss_by_state
from rnnlatch.gradients.memory import check_memory

__all__ = ["omega"]

_NEGLIGIBLE = 1e-20  # squared norms below count as 0, as in the authors' code
_SQUARED = 200  # powers of two between which squares, and products of two of them, are in range


def omega(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    ratio: Literal["squared", "norm"] = "squared",
    reduce: Literal["sum", "mean"] = "sum",
    of: Literal["pre_activation", "state"] = "pre_activation",
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Compute the regulariser Ω = Σ_k (ρ_k − 1)² and its *immediate* gradient.

    ρ_k = ‖∂E/∂x_{k+1} ∂x_{k+1}/∂x_k‖ / ‖∂E/∂x_{k+1}‖, or the ratio of the squared norms: Ω is small where the error signal
    keeps its norm on the way back.

    Parameters
    ----------
    cell : VanillaRNN or DiagonalRNN
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters, of one network or many.
    inputs : array_like, shape (batch, time, inputs)
        The sequences. Where each network has its own, with ``run`` in front.
    targets, loss, at, mask, lengths, initial_state
        As in `loss_and_gradient`.
    ratio : {"squared", "norm"}
        Of squared norms, as printed in equation 10 and computed by the authors' code, or of norms, as in equation 9.
    reduce : {"sum", "mean"}
        The sum over time of equation 9, or the average over the steps whose ∂E/∂x_{k+1} is not negligible, as the authors'
        code has it; always the mean over the batch.
    of : {"pre_activation", "state"}
        What x_k is: the pre-activation a_k, which is the state as the paper writes the system, or the state h_k, whose error
        the authors' code follows.
    threads : int, optional
        Threads of the engine; None: all processors.

    Returns
    -------
    Dataset
        ``omega``; ``immediate_gradient``, in the dimensions of ``weight_hh_l0``; and ``ratio`` over ``sequence`` and
        ``time``, the step of x_{k+1} counted from 0, NaN where ∂E/∂x_{k+1} is negligible (its squared norm is below 1e-20;
        the term is then 0) or there is no x_k. A gradient may explode beyond the range of floating-point numbers, and its
        ratios are right all the same; where the *states* do so all is NaN.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above; also for a gated cell, for which Ω is not defined.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    The gradient is *immediate*: of the expression's own W, with x_k and ∂E/∂x_{k+1} taken as constants, as the paper
    proposes. It is not the gradient of Ω, and it is with respect to ``weight_hh_l0`` only. To train with Ω, add
    α × ``immediate_gradient`` to the gradient of the loss before clipping.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    equations 9 and 10.

    Examples
    --------
    An orthogonal linear network keeps every norm:

    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=2, activation="linear", bias=False)
    >>> params = {"weight_ih_l0": np.ones((2, 1)), "weight_hh_l0": np.array([[0.0, -1.0], [1.0, 0.0]])}
    >>> found = rl.gradients.omega(cell, params, np.ones((1, 10, 1)), np.full((1, 2), 5.0))
    >>> float(found["omega"])
    0.0
    """
    squared = validation.choice("ratio", ratio, ("squared", "norm")) == "squared"
    mean = validation.choice("reduce", reduce, ("sum", "mean")) == "mean"
    states = validation.choice("of", of, ("pre_activation", "state")) == "state"
    sequences, given, weights = begin(
        cell,
        params,
        inputs,
        targets,
        needed=True,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
    )
    if cell.kind != "VanillaRNN":
        raise ValueError(f"cell is {cell!r}; omega is defined for VanillaRNN and DiagonalRNN")
    part = cell.parameters()["weight_hh_l0"]
    networks = bundle(sequences, given, weights, threads)

    def compute() -> dict[str, Floats]:
        terms = (networks.count, networks.batch, networks.time)
        check_memory(
            8 * math.prod(terms) + 6 * networks.at_once * networks.partials_memory,
            f"omega of {networks.count} networks on {networks.batch} sequences of {networks.time} steps",
            "use fewer sequences at once or shorter ones",
        )
        found = {
            "omega": np.empty(networks.count),
            "immediate_gradient": np.empty((networks.count, *part.shape)),
            "ratio": np.empty(terms),
        }
        for here, some in networks.parts():
            partials = some.partials()
            errors = _errors(some, partials, loss, at)
            values = _immediate(some, partials, *errors, squared=squared, mean=mean, states=states)
            for name, value in values.items():
                found[name][here] = value
        mask_gradient(cell, {"weight_hh_l0": found["immediate_gradient"]})
        return found

    return analyse(
        sequences,
        compute,
        {
            "omega": ((), "Ω, the regulariser of the error's norm", "1"),
            "immediate_gradient": (part.dims, "immediate gradient of Ω: x_k and dE/dx_{k+1} are constants", "1"),
            "ratio": (("sequence", "time"), "ratio of the norms (or squared norms) of the error, one step", "1"),
        },
        {"time": (np.arange(sequences.time), "time step from whose x the error goes back", "steps")},
        "rnnlatch.gradients.omega; Pascanu, Mikolov and Bengio (2013), equations 9 and 10",
        {"ratio": ratio, "reduce": reduce, "of": of, "loss": loss, "at": at},
    )


def _errors(networks: Bundle, partials: Partials, loss: str, at: str) -> tuple[Floats, Floats, Integers]:
    """Give the whole dE/da_t and dE/dh_t, (networks, batch, time, hidden), and the powers of two that both lack."""
    _, by_state = loss_by_state(networks, partials.state, loss, at)
    shape = (networks.count, networks.batch, networks.time)
    delta = np.zeros((*shape, networks.cell.hidden))
    whole, exponents = np.zeros_like(delta), np.zeros(shape, np.int64)
    gradient, exponent = by_state[:, :, -1:], np.zeros((*shape[:2], 1), np.int64)
    for t in reversed(range(networks.time)):
        if at == "every" and t < networks.time - 1:
            # To the larger of the two scales.
            larger = np.maximum(exponent, 0)
            gradient = scaled(gradient, exponent - larger) + scaled(by_state[:, :, t, None], -larger)
            exponent = larger
        whole[:, :, t], exponents[:, :, t] = gradient[:, :, 0, 0], exponent[:, :, 0]
        through, before = networks.through_cell(partials, gradient, slice(t, t + 1))
        delta[:, :, t] = through[:, :, 0, 0]
        gradient, exponent = rescaled(before, exponent)
    return delta, whole, exponents


def _immediate(
    networks: Bundle,
    partials: Partials,
    delta: Floats,
    state_gradient: Floats,
    exponents: Integers,
    *,
    squared: bool,
    mean: bool,
    states: bool,
) -> dict[str, Floats]:
    back = networks.through_weights(delta[:, :, :, None])  # through W of the steps t, to h_{t-1}
    slope = partials.by_slot[:, :, :, 0, 0]
    # To x_{t-1}: nothing is left to do for the state, and the slope at a_{t-1} for the pre-activation, if there is one.
    after = (
        np.ones_like(slope) if states else np.concatenate([np.zeros_like(slope[:, :, :1]), slope[:, :, :-1]], axis=2)
    )
    there = np.arange(networks.time) >= networks.first[..., None] + (0 if states else 1)
    # Squares are taken of numbers of moderate size, and the ratio does not depend on what both norms have in common.
    of_error = magnitudes(state_gradient if states else delta, -1, _SQUARED)
    error = scaled(state_gradient if states else delta, -of_error)
    delta = scaled(delta, -of_error)
    arrived = back * after
    of_arrived = magnitudes(arrived, -1, _SQUARED)
    arrived = scaled(arrived, -of_arrived)
    size, norm = (error**2).sum(-1), (arrived**2).sum(-1)
    # What is NaN is not negligible: a network that has diverged must not pass for one whose error has vanished.
    valid = there & ~(scaled(size, 2 * (of_error + exponents)) < _NEGLIGIBLE)
    size = np.where(valid, size, 1)
    with np.errstate(divide="ignore"):
        ratio = scaled(norm / size, 2 * (of_arrived - of_error))
        if squared:
            # d ratio / d arrived = by_arrived * arrived
            by_arrived = scaled(2 / size, of_arrived - of_error)
        else:
            ratio = np.sqrt(ratio)
            by_arrived = np.where(norm > 0, 1 / np.sqrt(norm * size), 0)
    terms = np.where(valid, (ratio - 1) ** 2, 0)
    # Mean over the batch; over time the sum, or the sum over the valid steps' share.
    scale = np.full(networks.count, 1 / networks.batch)
    if mean:
        scale = 1 / np.maximum(valid.sum(axis=(1, 2)), 1)
    pulled = np.where(valid[..., None], (2 * (ratio - 1) * by_arrived)[..., None] * arrived * after, 0)
    if networks.cell.diagonal:
        gradient = scale[:, None] * (delta * pulled).sum(axis=(1, 2))
    else:
        flat = (networks.count, -1, networks.cell.hidden)
        gradient = scale[:, None, None] * (delta.reshape(flat).swapaxes(1, 2) @ pulled.reshape(flat))
    return {
        "omega": scale * terms.sum(axis=(1, 2)),
        "immediate_gradient": gradient,
        "ratio": np.where(valid, ratio, np.nan),
    }
