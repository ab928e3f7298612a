"""Teacher forcing: the network is shown what it should have said."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats, integers

__all__ = ["teacher_forcing"]


def teacher_forcing(
    inputs: ArrayLike, targets: ArrayLike, *, first: ArrayLike = 0.0, lengths: ArrayLike | None = None
) -> NDArray[Any]:
    """Put the targets of the step before beside the inputs.

    A network trained on the result learns to go on from the right output and not from its own; with its own outputs in
    place of the targets it then runs freely.

    Parameters
    ----------
    inputs : array_like, shape (batch, time, inputs)
        The inputs; axes in front are allowed.
    targets : array_like, shape (batch, time, outputs)
        What the outputs should be at every step.
    first : array_like, shape () or (outputs,)
        What stands for the target before the first one; finite numbers.
    lengths : array_like of int, shape (batch,), optional
        Sequence b is the last ``lengths[b]`` steps: `first` is shown at its first step, and before. None: all steps.

    Returns
    -------
    ndarray, shape (batch, time, inputs + outputs)
        The inputs of a network with so many.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: R. J. Williams and D. Zipser, "A learning algorithm for continually running fully recurrent neural networks",
    Neural Computation 1(2):270-280, 1989, where the outputs of the network themselves are replaced: here they are read
    back through input weights.

    Examples
    --------
    >>> import numpy as np
    >>> teacher_forcing(np.zeros((1, 3, 1)), np.array([[[1.0], [2.0], [3.0]]]))[0]
    array([[0., 0.],
           [0., 1.],
           [0., 2.]])
    """
    drive = floats("inputs", inputs, "an array of real numbers, shape (batch, time, inputs)")
    wanted = floats("targets", targets, "an array of real numbers, shape (batch, time, outputs)")
    if drive.ndim < 3 or 0 in drive.shape:
        raise ValueError(f"inputs has shape {drive.shape}; it must be (batch, time, inputs), and not empty")
    if wanted.ndim != drive.ndim or wanted.shape[:-1] != drive.shape[:-1] or 0 in wanted.shape:
        raise ValueError(f"targets has shape {wanted.shape}; it must be {drive.shape[:-1]} and outputs, at least one")
    for name, array in (("inputs", drive), ("targets", wanted)):
        check_finite(name, array)
    start = floats("first", first, f"a number or an array of shape ({wanted.shape[-1]},)")
    if start.shape not in ((), (wanted.shape[-1],)):
        raise ValueError(f"first has shape {start.shape}; it must be () or ({wanted.shape[-1]},)")
    check_finite("first", np.atleast_1d(start))
    with np.errstate(over="ignore", under="ignore"):
        shown_first = start.astype(wanted.dtype)
    if not np.isfinite(shown_first).all():
        raise ValueError(
            f"first is {start[~np.isfinite(shown_first)][0]}; targets are of {wanted.dtype}, which cannot hold it"
        )
    shown = np.empty_like(wanted)
    shown[..., :1, :] = shown_first
    shown[..., 1:, :] = wanted[..., :-1, :]
    if lengths is not None:
        # Sequences end together: what is padding has targets that are none.
        time = wanted.shape[-2]
        begins = time - _lengths(lengths, wanted.shape[:-2], time)
        shown = np.where(np.arange(time)[:, None] <= begins[..., None, None], shown_first, shown)
    return np.concatenate([drive, shown], axis=-1)


def _lengths(lengths: ArrayLike, lead: tuple[int, ...], time: int) -> NDArray[np.int64]:
    allowed = f"integers from 1 to {time}, shape (batch,) = {lead[-1:]}"
    given = integers("lengths", lengths, allowed)
    if given.shape not in (lead[-1:], lead):
        raise ValueError(f"lengths has shape {given.shape}; it must be {allowed}")
    low, high = validation.extremes(given)
    if low < 1 or high > time:
        raise ValueError(f"lengths has {low if low < 1 else high}; it must be {allowed}")
    return given
