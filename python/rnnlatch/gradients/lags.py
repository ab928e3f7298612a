"""What each time lag adds to the gradient."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._analysis import Floats, Network, analyse, begin, networks
from rnnlatch.gradients._losses import loss_by_state, read_out_gradient
from rnnlatch.gradients.norms import global_norm

__all__ = ["by_lag"]


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
        The parameters; those of many networks are taken one after another.
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
        together. The lags are 0 … T − 1, and T too where the initial state is learned, which is read T steps before
        the last one.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

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
        cell, params, inputs, targets, loss=loss, at=at, mask=mask, lengths=lengths, initial_state=initial_state
    )
    learned = cell.initial_state == "learned"
    lags = np.arange(sequences.time + learned)
    described = {
        name: (("lag", *part.dims), f"what the lag adds to the gradient of: {part.long_name}", "1")
        for name, part in cell.parameters().items()
    } | {"norm": (("lag",), "norm of what the lag adds to the gradient, over all parameters", "1")}

    def one(network: Network) -> Mapping[str, Any]:
        parts = mask_gradient(cell, _split(network, len(lags), loss, at))
        return parts | {"norm": global_norm(parts)}

    return analyse(
        sequences,
        networks(sequences, given, weights, threads),
        one,
        described,
        {"lag": (lags, "time lag", "steps")},
        "rnnlatch.gradients.by_lag; Pascanu, Mikolov and Bengio (2013), equations 3 to 5",
        {"loss": loss, "at": at},
    )


def _split(network: Network, count: int, loss: str, at: str) -> dict[str, Floats]:
    partials = network.partials()
    by_output, gradient = loss_by_state(network, partials.state, loss, at)
    parts = {name: np.zeros((count, *value.shape)) for name, value in network.parameters.items()}
    for name, value in read_out_gradient(network, partials.state, by_output).items():
        parts[name][0] = value
    for lag in range(network.time):
        # The steps k = t - lag, of all t that are looked at.
        steps = slice(0 if at == "every" else network.time - 1 - lag, network.time - lag)
        delta, gradient = network.through_cell(partials, gradient, steps)
        _add_step(network, {name: value[lag] for name, value in parts.items()}, delta, partials.state, steps)
        if count > network.time:
            _add_start(network, parts, gradient, steps, lag + 1)
        if at == "every":
            gradient = gradient[:, 1:]
    return parts


def _add_step(network: Network, parts: dict[str, Floats], delta: Floats, state: Floats, steps: slice) -> None:
    """What the steps' own use of the parameters adds, from dE/d(pre-activation)."""
    rows = len(network.cell.gates) * network.cell.hidden
    by_input = delta[:, :, network.input_slots].reshape(-1, rows)
    by_hidden = delta[:, :, network.hidden_slots].reshape(-1, rows)
    before = state[:, steps, 0].reshape(len(by_hidden), -1)
    parts["weight_ih_l0"] += by_input.T @ network.inputs[:, steps].reshape(len(by_input), -1)
    if network.cell.diagonal:
        parts["weight_hh_l0"] += (by_hidden * before).sum(axis=0)
    else:
        parts["weight_hh_l0"] += by_hidden.T @ before
    if network.cell.bias:
        parts["bias_ih_l0"] += by_input.sum(axis=0)
        parts["bias_hh_l0"] += by_hidden.sum(axis=0)


def _add_start(network: Network, parts: dict[str, Floats], gradient: Floats, steps: slice, lag: int) -> None:
    """What has arrived at the initial states of the sequences that begin with one of the steps."""
    for b, place in enumerate(network.first - steps.start):
        if 0 <= place < gradient.shape[1]:
            for s, name in enumerate(network.cell.states):
                parts[name][lag] += gradient[b, place, s]
