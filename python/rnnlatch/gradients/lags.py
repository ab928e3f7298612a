"""What each time lag adds to the gradient."""

import math
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import Bundle, Floats, Integers, analyse, begin, bundle, magnitudes, rescaled, scaled
from rnnlatch.gradients._losses import loss_by_state, read_out_gradient
from rnnlatch.gradients.memory import check_memory

__all__ = ["by_lag"]

_SQUARED = 400  # powers of two between which squares are in range, and sums of them
_BLOCK = 2**20  # numbers of several lags that are finished together


def by_lag(
    cell: NetworkCell,
    params: Params,
    inputs: ArrayLike,
    targets: ArrayLike,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    mask: ArrayLike | None = None,
    lengths: ArrayLike | None = None,
    initial_state: Any = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Split the gradient into what each time lag adds to it.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters, of one network or many.
    inputs : array_like, shape (batch, time, inputs)
        The sequences. Where each network has its own, with ``run`` in front.
    targets, loss, at, mask, lengths, initial_state
        As in `loss_and_gradient`.
    threads : int, optional
        Threads of the engine; None: all processors.

    Returns
    -------
    Dataset
        Over the dimension ``lag``: variables named like the parameters, in their dimensions, whose sum over ``lag`` is
        the gradient of `loss_and_gradient`, and ``norm``, the Euclidean norm of each lag's part over all parameters
        together, with its natural logarithm ``log_norm``, which neither overflows nor underflows. The lags are
        0 … T − 1, and T too where the initial state is learned, which is read T steps before the last one.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If the result would take more memory than is available: every parameter at every lag.

    Notes
    -----
    With E the sum of the E_t, ∂E/∂θ = Σ_t Σ_k ∂E_t/∂s_t ∂s_t/∂s_k ∂⁺s_k/∂θ, where ∂⁺ takes s_{k−1} as constant. The part
    of lag l is the sum of the terms with t − k = l. For ``at="last"`` there is one t; for ``at="every"`` all t are walked
    back at the same time, which takes a number of operations that grows as time². The read-out is not recurrent: all
    its gradient has the lag 0.

    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    equations 3 to 5.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=4, outputs=1)
    >>> params = cell.initial_parameters(0)
    >>> parts = rl.gradients.by_lag(cell, params, np.ones((2, 30, 1)), np.zeros((2, 1)))
    >>> dict(parts["weight_hh_l0"].sizes)
    {'lag': 30, 'row': 4, 'hidden': 4}
    >>> bool(parts["norm"][20] < 0.01 * parts["norm"][0])
    True
    """
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
    networks = bundle(sequences, given, weights, threads)
    lags = np.arange(networks.time + (cell.initial_state == "learned"))
    described = {
        name: (("lag", *part.dims), f"what the lag adds to the gradient of: {part.long_name}", "1")
        for name, part in cell.parameters().items()
    }
    norm = "norm of what the lag adds to the gradient, over all parameters"
    described |= {"norm": (("lag",), norm, "1"), "log_norm": (("lag",), f"natural logarithm of: {norm}", "1")}
    shapes = {name: (len(lags), *shape) for name, shape in cell.parameter_shapes.items()}
    shapes |= {"norm": lags.shape, "log_norm": lags.shape}

    def compute() -> dict[str, Floats]:
        sizes = [math.prod(shape) for shape in shapes.values()]
        parameters = sum(math.prod(shape) for shape in cell.parameter_shapes.values())
        check_memory(
            8 * networks.count * sum(sizes) + 4 * networks.at_once * networks.partials_memory,
            f"by_lag of {networks.count} × {parameters} parameters at {len(lags)} lags",
            "use fewer networks at once or shorter sequences",
        )
        found = {name: np.zeros((networks.count, *shape)) for name, shape in shapes.items()}
        for here, some in networks.parts():
            _split(some, {name: value[here] for name, value in found.items()}, loss, at)
        return found

    return analyse(
        sequences,
        compute,
        described,
        {"lag": (lags, "time lag", "steps")},
        "rnnlatch.gradients.by_lag; Pascanu, Mikolov and Bengio (2013), equations 3 to 5",
        {"loss": loss, "at": at},
    )


def _split(networks: Bundle, found: dict[str, Floats], loss: str, at: str) -> None:
    """Compute the parts of some networks into arrays of zeros, (networks, lags, …)."""
    partials, time = networks.partials(), networks.time
    by_output, gradient = loss_by_state(networks, partials.state, loss, at)
    parts = {name: found[name] for name in networks.parameters}
    for name, value in read_out_gradient(networks, partials.state, by_output).items():
        parts[name][:, 0] = value
    # What goes back is gradient x 2^exponent, each sequence and step with its own; the parts of a lag have one in common.
    exponent = np.zeros(gradient.shape[:3], np.int64)
    common = np.zeros((networks.count, time + 1), np.int64)
    for lag in range(time):
        # The steps k = t - lag, of all t that are looked at.
        steps = slice(0 if at == "every" else time - 1 - lag, time - lag)
        delta, before = networks.through_cell(partials, gradient, steps)
        delta = scaled(delta, exponent - common[:, lag, None, None])
        _add_step(networks, {name: value[:, lag] for name, value in parts.items()}, delta, partials.state, steps)
        gradient, exponent = rescaled(before, exponent)
        common[:, lag + 1] = exponent.max(axis=(1, 2))
        if networks.cell.initial_state == "learned":
            arrived = scaled(gradient, exponent - common[:, lag + 1, None, None])
            _add_start(networks, {name: value[:, lag + 1] for name, value in parts.items()}, arrived, steps)
        if at == "every":
            gradient, exponent = gradient[:, :, 1:], exponent[:, :, 1:]
    mask_gradient(networks.cell, parts)
    lags = found["norm"].shape[1]
    size = sum(value[:, 0].size for value in parts.values())
    for start in range(0, lags, max(_BLOCK // size, 1)):
        few = slice(start, min(start + max(_BLOCK // size, 1), lags))
        _finish({name: value[:, few] for name, value in found.items()}, common[:, few])


def _add_step(networks: Bundle, parts: dict[str, Floats], delta: Floats, state: Floats, steps: slice) -> None:
    """What the steps' own use of the parameters adds, from dE/d(pre-activation)."""
    cell, count = networks.cell, networks.count
    rows = len(cell.gates) * cell.hidden
    plain = delta.shape[3] == len(cell.gates)
    by_hidden = (delta if plain else delta[:, :, :, networks.hidden_slots]).reshape(count, -1, rows)
    by_input = by_hidden if plain else delta[:, :, :, networks.input_slots].reshape(count, -1, rows)
    before = state[:, :, steps, 0].reshape(count, -1, cell.hidden)
    drive = networks.inputs[:, :, steps].reshape(len(networks.inputs), -1, cell.inputs)
    parts["weight_ih_l0"][...] = by_input.swapaxes(1, 2) @ drive
    parts["weight_hh_l0"][...] = (
        (by_hidden * before).sum(axis=1) if cell.diagonal else by_hidden.swapaxes(1, 2) @ before
    )
    if cell.bias:
        parts["bias_ih_l0"][...] = by_input.sum(axis=1)
        parts["bias_hh_l0"][...] = parts["bias_ih_l0"] if plain else by_hidden.sum(axis=1)


def _add_start(networks: Bundle, parts: dict[str, Floats], gradient: Floats, steps: slice) -> None:
    """What has arrived at the initial states of the sequences that begin with one of the steps."""
    begins = networks.first[..., None] == np.arange(steps.start, steps.stop)
    for s, name in enumerate(networks.cell.states):
        parts[name] += np.where(begins[..., None], gradient[:, :, :, s], 0).sum(axis=(1, 2))


def _finish(found: dict[str, Floats], common: Integers) -> None:
    """Multiply the parts of a few lags by 2^common, and compute their norms over all parameters."""
    parts = [value for name, value in found.items() if name not in ("norm", "log_norm")]
    flat = [value.reshape(*common.shape, -1) for value in parts]
    largest = np.stack([np.maximum(value.max(-1), -value.min(-1)) for value in flat], axis=-1)
    shift = magnitudes(largest, -1, _SQUARED)
    squares = np.zeros(common.shape)
    for value in flat:
        small = scaled(value, -shift)
        squares += np.einsum("nlp,nlp->nl", small, small)
    root = np.sqrt(squares)
    found["norm"][...] = scaled(root, shift + common)
    with np.errstate(divide="ignore"):
        found["log_norm"][...] = np.log(root) + (shift + common) * np.log(2)
    if common.any():
        for value in parts:
            value[...] = scaled(value, common)
