"""Loss and gradient by back-propagation through time."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._network_engine import in_shape
from rnnlatch._network_parameters import Params
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._engine import backpropagate, pose

__all__ = ["loss_and_gradient"]


def loss_and_gradient(
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
    initial_gradient: bool = False,
    truncate: int | None = None,
    threads: int | None = None,
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Compute the loss of networks and its gradient, by back-propagation through time.

    Parameters
    ----------
    cell : NetworkCell
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters by their names in PyTorch, float64 or float32; of many networks at once with an axis ``run`` in
        front. A state_dict is taken as it is, also under a prefix such as ``encoder.rnn.``.
    inputs : array_like, shape (batch, time, inputs) or (run, batch, time, inputs)
        The sequences, shared by all networks or for each its own.
    targets : array_like
        ``at="last"``: shape (batch, outputs); ``at="every"``: (batch, time, outputs). For softmax_cross_entropy integers
        without the last axis. Each may have ``run`` in front. Without a read-out the hidden units are the outputs, or
        the one that the cell's `read_unit` names.
    loss : {"half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"}
        Of outputs y and targets d: (y - d)^2 / 2; -log softmax(y)_d; log(1 + exp(y)) - d y, with d from 0 to 1. Summed
        over outputs and steps, averaged over the batch.
    at : {"last", "every"}
        Whether the loss looks at the last step or at every step.
    mask : array_like, shape (batch,) or (batch, time), optional
        Weights of the terms of the loss, as `at` has them; None: 1. The average is over all sequences, whatever the mask.
    lengths : array_like of int, shape (batch,), optional
        Sequences end together: sequence b is the last ``lengths[b]`` steps. Before it begins its state stays the initial
        one, nothing is a term of the loss, and what stands in inputs and targets, any finite number, has no effect.
    initial_state : array_like, shape (batch, hidden) or (hidden,), optional
        The state before the first step, for an LSTM a pair (h, c); None: zero, or as the cell has learned it.
    initial_gradient : bool
        Give the gradient with respect to `initial_state` too, as ``h_0`` and ``c_0``, shape (batch, hidden).
    truncate : int, optional
        Cut the gradient that flows back through time every so many steps, counted from the last one: the steps fall into
        windows of this length, the first perhaps shorter, and what one window does for the loss of a later one is left
        out. None: not cut.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it, to the last bit.

    Returns
    -------
    loss : float, or ndarray of float, shape (run,)
        The loss of each network.
    gradient : dict of ndarray
        Arrays named and shaped like the parameters. Connections that the cell's masks leave out and fixed parameters
        have 0.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available; see `gradient_memory`.

    Notes
    -----
    Many networks run in lanes, one network in matrix products; a run's bits do not depend on the other runs. Arrays that
    are right are not copied; for many networks those with ``run`` fastest in memory are the quickest.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.VanillaRNN(inputs=2, hidden=5, outputs=1)
    >>> params = cell.initial_parameters(0)
    >>> inputs, targets = np.ones((4, 10, 2)), np.zeros((4, 1))
    >>> loss, gradient = rl.gradients.loss_and_gradient(cell, params, inputs, targets)
    >>> gradient["weight_hh_l0"].shape
    (5, 5)
    """
    problem = pose(
        cell,
        params,
        inputs,
        targets,
        loss=loss,
        at=at,
        mask=mask,
        lengths=lengths,
        initial_state=initial_state,
        threads=threads,
    )
    if validation.flag("initial_gradient", initial_gradient) and initial_state is None:
        raise ValueError("initial_gradient is True and initial_state is None; there is nothing to differentiate by")
    window = 0 if truncate is None else validation.integer("truncate", truncate, at_least=1)
    found = backpropagate(problem, window)
    sequences = problem.sequences
    gradient = found["gradient"] | (found["initial_gradient"] if initial_gradient else {})
    if not sequences.many:
        return found["loss"], gradient
    return in_shape(sequences, found["loss"]), {name: in_shape(sequences, value) for name, value in gradient.items()}
