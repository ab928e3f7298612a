"""The regulariser of Pascanu, Mikolov and Bengio that keeps the back-propagated error's norm."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch import validation
from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import Floats, Network, Partials, analyse, begin, networks
from rnnlatch.gradients._losses import loss_by_state

__all__ = ["omega"]

_NEGLIGIBLE = 1e-20  # squared norms below count as 0, as in the authors' code


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
        The parameters; those of many networks are taken one after another.
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
        the term is then 0) or there is no x_k.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above; also for a gated cell, for which Ω is not defined.

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
        cell, params, inputs, targets, loss=loss, at=at, mask=mask, lengths=lengths, initial_state=initial_state
    )
    if cell.kind != "VanillaRNN":
        raise ValueError(f"cell is {cell!r}; omega is defined for VanillaRNN and DiagonalRNN")
    part = cell.parameters()["weight_hh_l0"]

    def one(network: Network) -> Mapping[str, Any]:
        partials = network.partials()
        delta, state_gradient = _errors(network, partials, loss, at)
        found = _immediate(network, partials, delta, state_gradient, squared=squared, mean=mean, states=states)
        mask_gradient(cell, {"weight_hh_l0": found["immediate_gradient"]})
        return found

    return analyse(
        sequences,
        networks(sequences, given, weights, threads),
        one,
        {
            "omega": ((), "Ω, the regulariser of the error's norm", "1"),
            "immediate_gradient": (part.dims, "immediate gradient of Ω: x_k and dE/dx_{k+1} are constants", "1"),
            "ratio": (("sequence", "time"), "ratio of the norms (or squared norms) of the error, one step", "1"),
        },
        {"time": (np.arange(sequences.time), "time step from whose x the error goes back", "steps")},
        "rnnlatch.gradients.omega; Pascanu, Mikolov and Bengio (2013), equations 9 and 10",
        {"ratio": ratio, "reduce": reduce, "of": of, "loss": loss, "at": at},
    )


def _errors(network: Network, partials: Partials, loss: str, at: str) -> tuple[Floats, Floats]:
    """Give the whole dE/da_t and dE/dh_t, shape (batch, time, hidden)."""
    _, by_state = loss_by_state(network, partials.state, loss, at)
    delta = np.zeros((network.batch, network.time, network.cell.hidden))
    whole = np.zeros_like(delta)
    gradient = np.zeros((network.batch, 1, 1, network.cell.hidden))
    for t in reversed(range(network.time)):
        if at == "every" or t == network.time - 1:
            gradient = gradient + by_state[:, t if at == "every" else 0, None]
        whole[:, t] = gradient[:, 0, 0]
        through, gradient = network.through_cell(partials, gradient, slice(t, t + 1))
        delta[:, t] = through[:, 0, 0]
    return delta, whole


def _immediate(
    network: Network,
    partials: Partials,
    delta: Floats,
    state_gradient: Floats,
    *,
    squared: bool,
    mean: bool,
    states: bool,
) -> dict[str, Floats]:
    back = network.through_weights(delta[:, :, None])  # through W of the steps t, to h_{t-1}
    slope = partials.by_slot[:, :, 0, 0]
    steps = np.arange(network.time)
    # To x_{t-1}: nothing is left to do for the state, and the slope at a_{t-1} for the pre-activation, if there is one.
    after = np.ones_like(slope) if states else np.concatenate([np.zeros_like(slope[:, :1]), slope[:, :-1]], axis=1)
    there = steps >= network.first[:, None] + (0 if states else 1)
    error = state_gradient if states else delta
    arrived = back * after
    size, norm = (error**2).sum(-1), (arrived**2).sum(-1)
    valid = there & (size >= _NEGLIGIBLE)
    size = np.where(valid, size, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = norm / size if squared else np.sqrt(norm / size)
        # d ratio / d arrived = slope_of_ratio * arrived
        by_arrived = 2 / size if squared else np.where(norm > 0, 1 / np.sqrt(norm * size), 0)
    weight = np.where(valid, 2 * (ratio - 1) * by_arrived, 0)[..., None]
    terms = np.where(valid, (ratio - 1) ** 2, 0)
    # Mean over the batch; over time the sum, or the sum over the valid steps' share.
    scale = 1 / network.batch
    if mean:
        scale = 1 / max(int(valid.sum()), 1)
    pulled = weight * arrived * after
    gradient = np.einsum("bti,bti->i" if network.cell.diagonal else "bti,btj->ij", delta, pulled)
    return {
        "omega": np.asarray(scale * terms.sum()),
        "immediate_gradient": scale * gradient,
        "ratio": np.where(valid, ratio, np.nan),
    }
