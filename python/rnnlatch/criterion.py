"""When a run counts as converged."""

from dataclasses import dataclass, field
from typing import Any

from rnnlatch import validation
from rnnlatch._record import Record

__all__ = ["MEASURES", "Criterion"]

MEASURES = ("cost", "error", "consecutive")
THRESHOLD = 0.2

_UNSET: Any = None


@dataclass(frozen=True, kw_only=True)
class Criterion(Record):
    """A run has converged when a window of its training presentations went well enough.

    Parameters
    ----------
    measure : {"cost", "error", "consecutive"}
        ``"cost"``: the mean cost of the window, by default half the squared error at the last step, is below `threshold`.
        ``"error"``: the fraction of its sequences that are wrong, by default whose output at the last step is not on its
        target's side (or just between), is at most `threshold`. ``"consecutive"``: the last `window` presentations in a
        row were right.
    threshold : float
        Positive for the cost, 0 <= threshold < 1 for the error, without a unit; by default 0.2. For ``"consecutive"`` it is
        0.
    window : int, optional
        Presentations in a window, a multiple of the batch size. None: the whole training set where it is fixed, 100
        where sequences are drawn afresh, rounded up to whole batches.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    For cost and error, presentations are cut into windows that do not overlap; when one is complete, after its last
    update, it is looked at. A search looks at each point that it evaluates: its window is the training set.

    Bengio, Simard and Frasconi (IEEE TNN 5(2):157-166, 1994) do not print their criterion; the default is rnnlatch's
    own.

    Examples
    --------
    >>> Criterion(measure="error", threshold=0.05, window=500)
    Criterion(measure='error', threshold=0.05, window=500)
    >>> Criterion(measure="consecutive")
    Criterion(measure='consecutive', threshold=0.0, window=None)
    """

    measure: str = "cost"
    threshold: float = field(
        default=_UNSET, metadata={"long_name": "threshold of the convergence criterion", "units": "1"}
    )
    window: int | None = field(
        default=None, metadata={"long_name": "window of the convergence criterion", "units": "presentations"}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "measure", validation.choice("measure", self.measure, MEASURES))
        if self.threshold is _UNSET:
            put(self, "threshold", 0.0 if self.measure == "consecutive" else THRESHOLD)
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

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return {"measure": 1 + MEASURES.index(self.measure)}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {"threshold": self.threshold}
