"""When a run counts as converged."""

from dataclasses import dataclass, field
from typing import Any

from rnnlatch import validation
from rnnlatch._record import Record

__all__ = ["MEASURES", "MOST_TESTS", "Criterion"]

MEASURES = ("cost", "error", "consecutive")
"""What is measured of what a network is trained on."""

THRESHOLD, TEST_THRESHOLD = 0.2, 0.01
TESTS = 10_000
MOST_TESTS = 2**31

_UNSET: Any = None


@dataclass(frozen=True, kw_only=True)
class Criterion(Record):
    """A run has converged when a window of its training presentations, or a test, went well enough.

    Parameters
    ----------
    measure : {"cost", "error", "consecutive", "test_error"}
        ``"cost"``: the mean cost of the window, by default half the squared error at the last step, is below `threshold`.
        ``"error"``: the fraction of its sequences that are wrong, by default whose output at the last step is not on its
        target's side (or just between), is at most `threshold`. ``"consecutive"``: the last `window` presentations in a
        row were right. ``"test_error"``: of `tests` fresh sequences, on which the network is tested after every `window`
        presentations, the fraction that is wrong is *below* `threshold`, or 0; for runs in matrices, see `driver` of
        `rnnlatch.Run`.
    threshold : float
        Positive for the cost, 0 <= threshold < 1 for the errors, without a unit; by default 0.2, of ``"test_error"`` 0.01.
        For ``"consecutive"`` it is 0.
    window : int, optional
        Presentations in a window, a multiple of the batch size. None: the whole training set where it is fixed, 100
        where sequences are drawn afresh, rounded up to whole batches; of ``"test_error"`` 1000 batches, or what there is
        if it is fewer.
    tests : int
        Sequences of a test, 1 to 2**31; each test has its own, which are independent of those of training and of
        `test_presentations`. Only for ``"test_error"``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    For cost and error, presentations are cut into windows that do not overlap; when one is complete, after its last
    update, it is looked at. A search looks at each point that it evaluates: its window is the training set.

    The tests take time, and are no presentations: they are not counted.

    Bengio, Simard and Frasconi (IEEE TNN 5(2):157-166, 1994) do not print their criterion; the default is rnnlatch's
    own.

    Examples
    --------
    >>> Criterion(measure="error", threshold=0.05, window=500)
    Criterion(measure='error', threshold=0.05, window=500)
    >>> Criterion(measure="consecutive")
    Criterion(measure='consecutive', threshold=0.0, window=None)
    >>> Criterion(measure="test_error").tests
    10000
    """

    measure: str = "cost"
    threshold: float = field(
        default=_UNSET, metadata={"long_name": "threshold of the convergence criterion", "units": "1"}
    )
    window: int | None = field(
        default=None, metadata={"long_name": "window of the convergence criterion", "units": "presentations"}
    )
    tests: int = field(
        default=TESTS, metadata={"long_name": "sequences of a test", "units": "presentations", "later": True}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "measure", validation.choice("measure", self.measure, (*MEASURES, "test_error")))
        if self.threshold is _UNSET:
            others = {"consecutive": 0.0, "test_error": TEST_THRESHOLD}
            put(self, "threshold", others.get(self.measure, THRESHOLD))
        if self.measure == "consecutive":
            if validation.number("threshold", self.threshold) != 0:
                raise validation.fail("threshold", self.threshold, "0, or left out, where the measure is 'consecutive'")
            put(self, "threshold", 0.0)
        elif self.measure == "cost":
            put(self, "threshold", validation.number("threshold", self.threshold, above=0))
        else:
            put(self, "threshold", validation.number("threshold", self.threshold, at_least=0, below=1))
        if self.window is not None:
            put(self, "window", validation.integer("window", self.window, at_least=1, at_most=2**32 - 1))
        put(self, "tests", validation.integer("tests", self.tests, at_least=1, at_most=MOST_TESTS))
        if self.measure != "test_error" and self.tests != TESTS:
            raise validation.fail("tests", self.tests, f"left out where the measure is {self.measure!r}")

    def __repr__(self) -> str:
        return self._described(self._written())

    def met(self, loss: float, error: float) -> bool:
        """Whether a window, or a test, with this mean cost and this fraction of wrong sequences meets it.

        Of ``"consecutive"``, whether all of them were right.

        Examples
        --------
        >>> Criterion(measure="error", threshold=0.05).met(1.0, 0.05)
        True
        >>> Criterion(measure="test_error", threshold=0.05).met(1.0, 0.05)
        False
        """
        if self.measure == "cost":
            return loss < self.threshold
        if self.measure == "test_error":
            return error < self.threshold or error == 0
        return error <= self.threshold

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to an engine in lanes share, which knows no ``"test_error"``."""
        return {"measure": 1 + MEASURES.index(self.measure)}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {"threshold": self.threshold}
