"""What the tasks of long time lags have in common, and where in a sequence a step is drawn from."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import LONGEST, DrawnTask, described, span

__all__ = ["LongLagTask", "Window", "check_room", "steps_of"]

MOST_SEQUENCES = 2**31

Window = tuple[float, float]
"""Where it begins and how wide it is, as shares of a length."""


@dataclass(frozen=True, kw_only=True, repr=False)
class LongLagTask(DrawnTask):
    """Base of the tasks of long time lags: what their lengths and their training sets are.

    Parameters
    ----------
    length : int or pair of int
        A length, 1 to 1,000,000; or an inclusive range that it is drawn from uniformly.
    length_shared_by : int
        So many consecutive sequences have the same length: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Examples
    --------
    >>> from rnnlatch.tasks import Adding
    >>> isinstance(Adding(length=20), LongLagTask)
    True
    """

    length: int | tuple[int, int] = field(metadata={"long_name": "length", "units": "steps"})
    length_shared_by: int = described(1, "consecutive sequences of the same length", "sequences")
    sequences: int | None = described(None, "training sequences", "sequences")
    order: str = described("cyclic", "order of presentation")

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "length", span("length", self.length, at_most=LONGEST))
        shared = validation.integer("length_shared_by", self.length_shared_by, at_least=1, at_most=2**32 - 1)
        put(self, "length_shared_by", shared)
        if self.sequences is not None:
            checked = validation.integer("sequences", self.sequences, at_least=1, at_most=MOST_SEQUENCES)
            put(self, "sequences", checked)
        put(self, "order", validation.choice("order", self.order, ("cyclic", "random")))

    def __repr__(self) -> str:
        return self._described(self._given())

    @property
    def training_set(self) -> int | None:
        """Number of sequences in the training set; None where every presentation draws a fresh one."""
        return self.sequences

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        low, high = self.drawn_range
        return super().structure() | {"drawn_low": low, "drawn_high": high, "length_shared_by": self.length_shared_by}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run: nothing where the target is a class."""
        return {"target_low": 0.0, "target_high": 0.0, "tolerance": 0.0}


def steps_of(
    window: Window, length: NDArray[np.int64], *, with_end: bool = False
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give the first and the last step of a window, counted from 0, in sequences of some lengths.

    Parameters
    ----------
    window : pair of float
        Where it begins and how wide it is, as shares of a length.
    length : ndarray of int64
        The lengths, in steps.
    with_end : bool
        Whether the step at its end belongs to it.

    Returns
    -------
    first, last : ndarray of int64
        The steps; there is at least one.

    Examples
    --------
    >>> [int(step) for step in steps_of((0.1, 0.1), np.array(50))]
    [5, 9]
    """
    start, width = window
    first = np.floor(start * length).astype(np.int64)
    inner = np.floor(width * length).astype(np.int64)
    last = first + (inner if with_end else np.maximum(inner, 1) - 1)
    return first, np.asarray(np.minimum(last, length - 1))


def check_room(
    length: object, windows: Iterable[Window], drawn: tuple[int, int], *, with_end: bool = False, edges: int = 0
) -> None:
    """Raise where windows overlap in sequences of some length, or reach into so many steps at either edge.

    `drawn` is the range of lengths, one after the other; `length` is what was given, for the message.
    """
    lengths = np.arange(drawn[0], drawn[1] + 1)
    before = np.full(len(lengths), edges - 1)
    room = np.ones(len(lengths), bool)
    steps = []
    for window in windows:
        first, last = steps_of(window, lengths, with_end=with_end)
        room &= (first > before) & (first < lengths)
        before = last
        steps.append((first, last))
    room &= before < lengths - edges
    if room.all():
        return
    at = int(room.argmin())
    where = ", ".join(f"[{first[at]}, {last[at]}]" for first, last in steps)
    raise validation.fail(
        "length",
        length,
        f"such that windows do not overlap; in sequences of length {lengths[at]} they would be the steps {where}"
        + (f", with {edges} step kept free at either end" if edges else ""),
    )
