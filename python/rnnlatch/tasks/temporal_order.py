"""Temporal order: which symbols were shown at two or three steps, and in which order."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch.tasks.base import described
from rnnlatch.tasks.long_lag import LongLagTask, Window, check_room, steps_of

__all__ = ["TemporalOrder"]

VARIANTS = ("pascanu2013", "hochreiter1997")

WINDOWS: dict[tuple[str, int], tuple[Window, ...]] = {
    ("pascanu2013", 2): ((0.1, 0.1), (0.5, 0.1)),
    ("pascanu2013", 3): ((0.1, 0.1), (0.3, 0.1), (0.6, 0.1)),
    ("hochreiter1997", 2): ((0.1, 0.1), (0.5, 0.1)),
    ("hochreiter1997", 3): ((0.1, 0.1), (0.33, 0.1), (0.66, 0.1)),
}


@dataclass(frozen=True, kw_only=True, repr=False)
class TemporalOrder(LongLagTask):
    """Two or three symbols, each of two kinds, among distractors: to tell at the end which they were, in their order.

    One symbol is shown at each step, as a 1 among zeros: column 0 or 1 at a step of each window, a distractor, column 2 to
    5, elsewhere. With v_k the column shown in window k, the class is v_0 + 2 v_1 + 4 v_2; all classes are equally likely.

    Parameters
    ----------
    length : int or pair of int
        The length of a sequence in steps, up to 1,000,000; or an inclusive range that it is drawn from uniformly.
    symbols : {2, 3}
        How many symbols count: 4 or 8 classes.
    variant : {"pascanu2013", "hochreiter1997"}
        As in the first or the second source, see the notes.
    windows : sequence of pairs of float, optional
        For each symbol where its window begins, and how wide it is, as shares of the length, from 0 to 1; None: those of
        the variant.
    tolerance : float, optional
        Of hochreiter1997: a sequence is right if all outputs are nearer to their targets than this, above 0; None: 0.3.
    length_shared_by : int
        So many consecutive sequences have the same length: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or windows overlap in sequences of some length.

    Notes
    -----
    **pascanu2013**: 6 symbols; softmax_cross_entropy of the class at the last step. In a sequence of L steps a window
    (a, b) has the steps floor(a L) to floor(a L) + max(floor(b L), 1) - 1, counted from 0, all equally likely. The windows
    begin at L/10 and 5L/10, or at L/10, 3L/10 and 6L/10, and have L/10 steps. Source: R. Pascanu, T. Mikolov and Y. Bengio,
    "On the difficulty of training recurrent neural networks", ICML 2013, section 4.1, and the authors' code, whose
    minibatches have one length each (`length_shared_by`).

    **hochreiter1997**: 8 symbols: the first step shows column 6, "E", the last one column 7, "B". The targets are 1 for
    the class and 0 for the others; half the squared error at the last step. Windows are those of the shortest length S,
    whatever the length of the sequence is, and contain their end: floor(a S) to floor(a S) + floor(b S). With the paper's
    ``length=(100, 110)`` these are its steps 10 to 20 and 50 to 60, or 10 to 20, 33 to 43 and 66 to 76. That they are
    counted from 0, that other lengths scale them, and the numbers of the classes are ours. Source: S. Hochreiter and J.
    Schmidhuber, "Long short-term memory", Neural Computation 9(8):1735-1780, 1997, experiments 6a and 6b.

    Examples
    --------
    >>> task = TemporalOrder(length=50)
    >>> task.features, task.outputs, task.positions(50)
    (6, 4, ((5, 9), (25, 29)))
    >>> TemporalOrder(length=(100, 110), symbols=3, variant="hochreiter1997").positions(107)
    ((10, 20), (33, 43), (66, 76))
    """

    symbols: int = described(2, "symbols whose order counts", "symbols")
    variant: str = described("pascanu2013", "variant")
    windows: tuple[Window, ...] | None = described(None, "windows of the symbols", "1")
    tolerance: float | None = described(None, "error below which an output is right", "1")

    def __post_init__(self) -> None:
        put = object.__setattr__
        super().__post_init__()
        put(self, "symbols", validation.integer("symbols", self.symbols, at_least=2, at_most=3))
        put(self, "variant", validation.choice("variant", self.variant, VARIANTS))
        framed = self.variant == "hochreiter1997"
        put(self, "loss", "half_squared_error" if framed else "softmax_cross_entropy")
        if self.windows is not None:
            put(self, "windows", _check_windows(self.windows, self.symbols))
        if self.tolerance is not None:
            put(self, "tolerance", validation.number("tolerance", self.tolerance, above=0))
            if not framed:
                raise ValueError(
                    f"tolerance is {self.tolerance} and variant {self.variant!r}, whose outputs are right by which is "
                    "largest; it must be None"
                )
        low, high = self.length_range
        if framed:
            high = low  # the windows are the same for all
        check_room(self.length, self._windows, (low, high), with_end=framed, edges=int(framed))

    @property
    def features(self) -> int:
        """How many symbols there are: 6, or 8."""
        return 8 if self.variant == "hochreiter1997" else 6

    @property
    def outputs(self) -> int:
        """How many classes there are: 4, or 8."""
        return 8 if self.symbols == 3 else 4

    def positions(self, length: int) -> tuple[tuple[int, int], ...]:
        """Give the first and the last step at which each symbol may be shown.

        Parameters
        ----------
        length : int
            The length of a sequence in steps, one that the task draws.

        Returns
        -------
        tuple of pairs of int
            For each symbol two steps, counted from 0.

        Raises
        ------
        TypeError, ValueError
            If there is no sequence of this length.
        """
        low, high = self.length_range
        length = validation.integer("length", length, at_least=low, at_most=high)
        framed = self.variant == "hochreiter1997"
        of = np.array(low if framed else length)
        steps = (steps_of(window, of, with_end=framed) for window in self._windows)
        return tuple((int(first), int(last)) for first, last in steps)

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {"symbols": self.symbols, "variant": self.variant}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        framed = self.variant == "hochreiter1997"
        tolerance = 0.3 if self.tolerance is None else self.tolerance
        columns = {
            "target_low": 0.0,
            "target_high": float(framed),
            "tolerance": tolerance if framed else 0.0,
        }
        for k, (start, width) in enumerate(self._windows):
            columns |= {f"window_start_{k}": start, f"window_width_{k}": width}
        return columns

    def classes_of(self, targets: NDArray[Any]) -> NDArray[np.int64]:
        """Give the classes of the sequences with these targets."""
        return targets if self.loss == "softmax_cross_entropy" else np.asarray(targets.argmax(axis=-1), np.int64)

    @property
    def _windows(self) -> tuple[Window, ...]:
        return WINDOWS[self.variant, self.symbols] if self.windows is None else self.windows


def _check_windows(given: object, symbols: int) -> tuple[Window, ...]:
    """Check windows: as many pairs of shares as there are symbols."""
    allowed = f"{symbols} pairs of numbers from 0 to 1: where a window begins, and how wide it is"
    try:
        array = np.asarray(given)
    except ValueError:
        raise validation.fail("windows", given, allowed) from None
    if array.dtype.kind not in "iuf" or array.shape != (symbols, 2) or not ((array >= 0) & (array <= 1)).all():
        raise validation.fail("windows", given, allowed)
    return tuple((float(start), float(width)) for start, width in array)
