"""Teacher forcing: the network is shown what it should have said."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rnnlatch._arrays import check_finite, floats

__all__ = ["teacher_forcing"]


def teacher_forcing(inputs: ArrayLike, targets: ArrayLike, *, first: ArrayLike = 0.0) -> NDArray[Any]:
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
        What stands for the target before the first one.

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
    if wanted.ndim != drive.ndim or wanted.shape[:-1] != drive.shape[:-1]:
        raise ValueError(f"targets has shape {wanted.shape}; it must be {drive.shape[:-1]} and outputs")
    for name, array in (("inputs", drive), ("targets", wanted)):
        check_finite(name, array)
    start = floats("first", first, f"a number or an array of shape ({wanted.shape[-1]},)")
    if start.shape not in ((), (wanted.shape[-1],)):
        raise ValueError(f"first has shape {start.shape}; it must be () or ({wanted.shape[-1]},)")
    shown = np.empty_like(wanted)
    shown[..., 0, :] = start
    shown[..., 1:, :] = wanted[..., :-1, :]
    return np.concatenate([drive, shown], axis=-1)
