"""Predicting the next frame of a piano-roll: pieces split into sets, the task, and what its loss means."""

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch.data._shares import parts_of
from rnnlatch.data.piano_rolls import PITCHES, PianoRoll
from rnnlatch.rng import RNGLike
from rnnlatch.tasks import DatasetTask
from rnnlatch.tasks.base import LONGEST

__all__ = ["frame_nll_of", "frame_prediction", "split_pieces"]


def split_pieces(
    rolls: Sequence[PianoRoll], shares: Sequence[float] = (0.7, 0.15, 0.15), rng: RNGLike | None = None
) -> tuple[tuple[PianoRoll, ...], ...]:
    """Split pieces at random into sets, such as training, validation and test: a piece is in one of them as a whole.

    Parameters
    ----------
    rolls : sequence of PianoRoll
        The pieces.
    shares : sequence of float
        The share of the pieces that each set has, above 0; their sum is 1.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.

    Returns
    -------
    tuple of tuple of PianoRoll
        The sets, their pieces in random order. The first k sets together have the number of pieces that is nearest to the
        sum of their shares times the number of all.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or a set would have no piece.

    Examples
    --------
    >>> rolls = [PianoRoll(np.eye(4, 88, k), name=f"piece {k}") for k in range(10)]
    >>> [len(part) for part in split_pieces(rolls, rng=0)]
    [7, 2, 1]
    """
    pieces = _checked_rolls(rolls)
    parts = parts_of(shares, len(pieces))
    for k, (begin, end) in enumerate(parts):
        if begin == end:
            raise ValueError(
                f"rolls has {len(pieces)} pieces, and set {k + 1} of {len(parts)} would have none; each must have at least one"
            )
    order = np.random.default_rng(seeds.normalise(rng).sequence()).permutation(len(pieces))
    return tuple(tuple(pieces[k] for k in order[begin:end]) for begin, end in parts)


def frame_prediction(
    rolls: Sequence[PianoRoll],
    length: int | None = 200,
    reduction: Literal["mean", "sum"] = "mean",
    order: Literal["cyclic", "random"] = "cyclic",
) -> DatasetTask:
    """Make the task of predicting each frame of pieces from those before it.

    A network is shown frame t and gives for each of the 88 pitches the log-odds that it is on in frame t + 1. The pitches are
    independent given the state: the loss is the sum of their logistic cross-entropies, in nats.

    Parameters
    ----------
    rolls : sequence of PianoRoll
        The pieces, all with the same frames per quarter.
    length : int, optional
        The most steps of a sequence: a piece of which more frames are to be predicted is cut into as few sequences as that
        takes, as equal in length as possible. Each begins with the initial state. None: a piece is a sequence.
    reduction : {"mean", "sum"}
        What the loss of a sequence is: the sum over its frames, or that sum divided by the mean number of frames that the
        sequences have, so that the mean of the losses is the mean over all frames.
    order : {"cyclic", "random"}
        Which sequence is shown next; see `DatasetTask`.

    Returns
    -------
    DatasetTask
        With 88 inputs and outputs. The first frame of a piece is shown and not predicted.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or a piece has a single frame.

    Notes
    -----
    Source: N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, "Modeling temporal dependencies in high-dimensional sequences",
    ICML 2012; sequences of 200 steps and an averaged cost: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of
    training recurrent neural networks", arXiv:1211.5063v2, appendix. What they do with the first frame, and with pieces that
    are not a multiple of 200 frames, is not known to us.

    Examples
    --------
    >>> rolls = [PianoRoll(np.eye(n, 88)) for n in (4, 8)]
    >>> task = frame_prediction(rolls, length=5)
    >>> task.lengths
    array([3, 3, 4])
    >>> task
    DatasetTask(3 sequences of 3 to 4 steps, features=88, outputs=88, loss='logistic_cross_entropy', at='every', sha256='...')
    """
    pieces = _checked_rolls(rolls)
    if length is not None:
        length = validation.integer("length", length, at_least=1, at_most=LONGEST)
    validation.choice("reduction", reduction, ("mean", "sum"))
    for piece in pieces:
        if len(piece) < 2:
            raise ValueError(
                f"{piece.name!r} has a single frame; a piece must have at least 2, of which the second is predicted"
            )
        if piece.frames_per_quarter != pieces[0].frames_per_quarter:
            raise ValueError(
                f"{piece.name!r} has {piece.frames_per_quarter} frames per quarter and {pieces[0].name!r} "
                f"{pieces[0].frames_per_quarter}; all pieces must have the same"
            )
    cuts = [(piece.frames, begin, end) for piece in pieces for begin, end in _segments(len(piece) - 1, length)]
    lengths = np.array([end - begin for _, begin, end in cuts])
    steps = int(lengths.max())
    inputs, targets = np.zeros((2, len(cuts), steps, PITCHES), np.uint8)
    for k, (frames, begin, end) in enumerate(cuts):  # sequences end together
        inputs[k, steps - lengths[k] :] = frames[begin:end]
        targets[k, steps - lengths[k] :] = frames[begin + 1 : end + 1]
    mask = np.full((len(cuts), steps), len(cuts) / lengths.sum()) if reduction == "mean" else None
    settings: dict[str, Any] = {"loss": "logistic_cross_entropy", "at": "every", "order": order, "mask": mask}
    return DatasetTask(inputs=inputs, targets=targets, lengths=lengths, **settings)


def _segments(steps: int, length: int | None) -> list[tuple[int, int]]:
    """Cut a number of steps into as few parts of at most `length` as it takes, as equal as possible."""
    count = 1 if length is None else math.ceil(steps / length)
    return [(k * steps // count, (k + 1) * steps // count) for k in range(count)]


def frame_nll_of(task: DatasetTask, loss: Any) -> Any:
    """Give the negative log-likelihood of a frame, in nats, that belongs to a mean loss of a task.

    Parameters
    ----------
    task : DatasetTask
        What `frame_prediction` gave.
    loss : float or array
        The mean of the losses of all its sequences: what `rnnlatch.evaluate` gives as ``loss``.

    Returns
    -------
    float or array
        The mean over all frames that are predicted, whatever the lengths of the sequences. With ``reduction="mean"`` it is the
        loss itself.

    Raises
    ------
    TypeError, ValueError
        If the task is no such task.

    Examples
    --------
    >>> task = frame_prediction([PianoRoll(np.eye(4, 88)), PianoRoll(np.eye(8, 88))], reduction="sum")
    >>> frame_nll_of(task, 50.0)
    10.0
    """
    validation.instance("task", task, DatasetTask, "a DatasetTask, made by frame_prediction")
    if task.loss != "logistic_cross_entropy" or task.at != "every":
        raise ValueError(f"task is {task!r}; it must be one that frame_prediction made")
    arrays = task.arrays()
    mask = arrays.get("mask")
    weight = 1.0 if mask is None else float(mask.flat[0])
    if mask is not None and (mask != weight).any():
        raise ValueError("task has a mask with different weights; it must be one that frame_prediction made")
    sequences, steps = arrays["inputs"].shape[:2]
    frames = int(arrays["lengths"].sum()) if "lengths" in arrays else sequences * steps
    return loss * (sequences / frames / weight)


def _checked_rolls(rolls: object) -> tuple[PianoRoll, ...]:
    allowed = "a sequence of at least one PianoRoll"
    if isinstance(rolls, str) or not isinstance(rolls, Sequence):
        raise TypeError(f"rolls is {validation.show(rolls)} ({type(rolls).__name__}); it must be {allowed}")
    for roll in rolls:
        validation.instance("rolls", roll, PianoRoll, allowed)
    if not rolls:
        raise validation.fail("rolls", rolls, allowed)
    return tuple(rolls)
