"""Real-time recurrent learning: the gradient computed forward in time."""

from typing import Any

from numpy.typing import ArrayLike, NDArray

from rnnlatch._dispatch import core
from rnnlatch._memory import words
from rnnlatch._network_engine import in_shape
from rnnlatch._network_parameters import Params, mask_gradient
from rnnlatch.cells.network import NetworkCell
from rnnlatch.gradients._engine import pose
from rnnlatch.gradients.memory import check_memory, influences_memory

__all__ = ["rtrl"]


def rtrl(
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
) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Compute the loss of networks and its gradient by real-time recurrent learning.

    The derivatives of the state with respect to every parameter are carried along with it, so nothing is unrolled and the
    memory does not grow with the number of steps. The gradient is that of `loss_and_gradient`, to rounding.

    Parameters
    ----------
    cell, params, inputs, targets, loss, at, mask, lengths, initial_state, threads
        As in `loss_and_gradient`.

    Returns
    -------
    loss : float, or ndarray of float, shape (run,)
        The loss of each network.
    gradient : dict of ndarray
        Arrays named and shaped like the parameters.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    With n hidden units a step takes a number of operations that grows as n^4, and memory as n^3: the derivatives are weights
    × states numbers, for each network that a thread works on at the same time (a register or two of them, a single
    network too: 8 to 16). With 400 units that is 4 to 8 GB a thread. For a `DiagonalRNN` both are proportional to the number
    of weights, since each unit's state depends on its own weights only.

    Sources: R. J. Williams and D. Zipser, "A learning algorithm for continually running fully recurrent neural networks",
    Neural Computation 1(2):270-280, 1989; for the diagonal network M. C. Mozer, "A focused backpropagation algorithm for
    temporal pattern recognition", Complex Systems 3:349-381, 1989.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> cell = rl.cells.DiagonalRNN(inputs=2, hidden=5, outputs=1)
    >>> params = cell.initial_parameters(0)
    >>> inputs, targets = np.ones((4, 10, 2)), np.zeros((4, 1))
    >>> loss, gradient = rl.gradients.rtrl(cell, params, inputs, targets)
    >>> bool(np.isclose(loss, rl.gradients.loss_and_gradient(cell, params, inputs, targets)[0]))
    True
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
    many, s = problem.as_many(), problem.sequences
    needed = influences_memory(cell, runs=s.runs, threads=problem.threads, initial=s.initial is not None)
    what = f"rtrl of networks with {cell.hidden} units"
    instead = "use fewer threads, or loss_and_gradient, whose memory grows with the steps and not with the units cubed"
    check_memory(needed, what, instead)
    try:
        found = core.network_rtrl(many.structure, many.sequences.parameters, *many.lane_arguments())
    except MemoryError:  # a limit that the system does not tell of
        raise MemoryError(
            f"{what} needs {words(needed)} besides its arguments, and did not get it; {instead}"
        ) from None
    gradient = mask_gradient(cell, found["gradient"])
    if not s.many:
        return float(found["loss"][0]), {name: value[0] for name, value in gradient.items()}
    return in_shape(s, found["loss"]), {name: in_shape(s, value) for name, value in gradient.items()}
