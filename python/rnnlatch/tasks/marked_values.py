"""Adding and multiplication: two numbers of a sequence are marked; their sum or product is the target."""

from dataclasses import dataclass
from typing import ClassVar

from rnnlatch import validation
from rnnlatch.tasks.base import described
from rnnlatch.tasks.long_lag import LongLagTask, Window, check_room

__all__ = ["Adding", "MarkedValuesTask", "Multiplication"]

HOCHREITER_SHORTEST = 11  # the first ten steps, and the last one, whose marker is taken

WINDOWS: dict[str, tuple[Window, Window]] = {
    "pascanu2013": ((0.0, 0.1), (0.1, 0.4)),
    "arjovsky2016": ((0.0, 0.5), (0.5, 0.5)),
}

TOLERANCES = {"pascanu2013": 0.2, "hochreiter1997": 0.04, "arjovsky2016": 0.2}

EXTRA = {"pascanu2013": 0.1, "hochreiter1997": 0.1, "arjovsky2016": 0.0}


@dataclass(frozen=True, kw_only=True, repr=False)
class MarkedValuesTask(LongLagTask):
    """Base of `Adding` and `Multiplication`."""

    variants: ClassVar[tuple[str, ...]]

    variant: str = described("pascanu2013", "variant")
    extra: float | None = described(None, "share by which a sequence may be longer than its length", "1")
    tolerance: float | None = described(None, "error below which a sequence is right", "1")

    def __post_init__(self) -> None:
        put = object.__setattr__
        super().__post_init__()
        put(self, "variant", validation.choice("variant", self.variant, self.variants))
        if self.extra is not None:
            put(self, "extra", validation.number("extra", self.extra, at_least=0, at_most=1))
        if self.tolerance is not None:
            put(self, "tolerance", validation.number("tolerance", self.tolerance, above=0))
        if self.variant != "hochreiter1997":
            check_room(self.length, WINDOWS[self.variant], self.length_range)
        elif self.drawn_range[0] < HOCHREITER_SHORTEST:
            allowed = (
                f"at least {HOCHREITER_SHORTEST}, since one of the first ten steps is marked, and not the last one"
            )
            raise validation.fail("length", self.length, allowed)

    @property
    def features(self) -> int:
        """How many numbers a sequence has at each step: 2, a value and a marker."""
        return 2

    @property
    def length_range(self) -> tuple[int, int]:
        """The shortest and the longest length, in steps."""
        low, high = self.drawn_range
        more = int(self._extra * high)
        return low, high + (more if self.variant == "hochreiter1997" else max(more, 1) - 1)

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return super().structure() | {"variant": self.variant}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {
            "target_low": 0.0,
            "target_high": 2.0 if self.variant == "arjovsky2016" else 1.0,
            "tolerance": TOLERANCES[self.variant] if self.tolerance is None else self.tolerance,
            "extra": self._extra,
        }

    @property
    def _extra(self) -> float:
        return EXTRA[self.variant] if self.extra is None else self.extra


@dataclass(frozen=True, kw_only=True, repr=False)
class Adding(MarkedValuesTask):
    """Numbers, of which two are marked: to give their sum, scaled, at the end.

    A number and a marker are shown at each step. The loss is half the squared error at the last step.

    Parameters
    ----------
    length : int or pair of int
        The length L in steps, up to 1,000,000; or an inclusive range that it is drawn from uniformly.
    variant : {"pascanu2013", "hochreiter1997", "arjovsky2016"}
        As in one of three sources, see the notes.
    extra : float, optional
        A sequence has so much of its length more steps at most, from 0 to 1; None: that of the variant, 0.1, 0.1 or 0.
    tolerance : float, optional
        A sequence is right if the output is nearer to its target than this, above 0; None: that of the variant, 0.2, 0.04
        or 0.2.
    length_shared_by : int
        So many consecutive sequences have the same number of steps: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or a sequence too short for two marks.

    Notes
    -----
    x_0 and x_1 are the two numbers that are marked. Steps are counted from 0, and all steps of a range are equally likely.

    **pascanu2013**: features (marker, value); values uniform in (0, 1); of n steps one of the first floor(0.1 n) is marked,
    and one of the floor(0.4 n) that follow; the target is (x_0 + x_1)/2. Sequences have L to L + floor(extra L) - 1 steps.
    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, and
    the authors' code. Its cost is the squared error, twice ours; a sequence is wrong there if that is above 0.04, which is
    the tolerance of 0.2; and its minibatches have one length each (`length_shared_by`).

    **hochreiter1997**: features (value, marker); values uniform in (-1, 1); first one of the first ten steps is marked, then
    one of the first floor(L/2) - 1 steps that are not; the markers of the first and the last step are -1; the target is
    1/2 + (x_0 + x_1)/4. Sequences have L to L + floor(extra L) steps. If the first step is to be marked its value is 0 in the
    sequence and in the sum; that its marker is -1 then too, and that this holds for either mark, is our reading. Source: S.
    Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8):1735-1780, 1997, experiment 4.

    **arjovsky2016**: features (value, marker); values uniform in (0, 1); one step is marked in each half, of floor(L/2) steps;
    the target is x_0 + x_1. Sequences have L steps. When an answer is right is not given; 0.2 is ours. Source: M. Arjovsky, A.
    Shah and Y. Bengio, "Unitary evolution recurrent neural networks", ICML 2016, and the authors' code, whose cost is the
    squared error, twice ours.

    Examples
    --------
    >>> task = Adding(length=100)
    >>> task.length_range
    (100, 109)
    >>> shown = task.sample(1, rng=0)
    >>> marked = shown.inputs[0, shown.inputs[0, :, 0] == 1, 1]
    >>> bool(marked.mean() == shown.targets[0, 0])
    True
    """

    variants: ClassVar[tuple[str, ...]] = ("pascanu2013", "hochreiter1997", "arjovsky2016")


@dataclass(frozen=True, kw_only=True, repr=False)
class Multiplication(MarkedValuesTask):
    """Numbers, of which two are marked: to give their product at the end.

    A number and a marker are shown at each step. The loss is half the squared error at the last step.

    Parameters
    ----------
    length : int or pair of int
        The length L in steps, up to 1,000,000; or an inclusive range that it is drawn from uniformly.
    variant : {"pascanu2013", "hochreiter1997"}
        As in one of two sources, see the notes.
    extra : float, optional
        A sequence has so much of its length more steps at most, from 0 to 1; None: 0.1.
    tolerance : float, optional
        A sequence is right if the output is nearer to its target than this, above 0; None: that of the variant, 0.2 or 0.04.
    length_shared_by : int
        So many consecutive sequences have the same number of steps: with the batch size, all of a minibatch. 1 to 2**32 - 1.
    sequences : int, optional
        Size of a training set that is drawn once for a run and then shown again and again; None: every presentation is a
        fresh sequence.
    order : {"cyclic", "random"}
        Which sequence of a training set is shown next: one after the other, or any with equal probability.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or a sequence too short for two marks.

    Notes
    -----
    All is as in `Adding`, with the same sources (of hochreiter1997, experiment 5), but that values are uniform in (0, 1) in
    both variants, the target is x_0 x_1, and with hochreiter1997 a first value that is to be marked is 1.

    Examples
    --------
    >>> shown = Multiplication(length=100, variant="hochreiter1997").sample(1, rng=0)
    >>> marked = shown.inputs[0, shown.inputs[0, :, 1] == 1, 0]
    >>> bool(marked.prod() == shown.targets[0, 0])
    True
    """

    variants: ClassVar[tuple[str, ...]] = ("pascanu2013", "hochreiter1997")
