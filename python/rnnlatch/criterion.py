"""When a run counts as converged."""

from dataclasses import dataclass, field

from rnnlatch import validation
from rnnlatch._record import Record

__all__ = ["Criterion"]


@dataclass(frozen=True, kw_only=True)
class Criterion(Record):
    """A run has converged when a window of its training presentations went well enough.

    Presentations are cut into windows that do not overlap; when one is complete, after its last update, its costs or
    its errors are looked at.

    Parameters
    ----------
    measure : {"cost", "error"}
        ``"cost"``: the mean cost of the window, half the squared error at the last step, is below `threshold`.
        ``"error"``: the fraction of its sequences whose last state has the wrong sign (or is 0) is at most `threshold`.
    threshold : float
        Positive for the cost, 0 <= threshold < 1 for the error; dimensionless.
    window : int, optional
        Presentations in a window, a multiple of the batch size. None: the whole training set where it is fixed, 100
        where sequences are drawn afresh, rounded up to whole batches.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Bengio, Simard and Frasconi (IEEE TNN 5(2):157-166, 1994) do not print their criterion; the default is rnnlatch's
    own.

    Examples
    --------
    >>> Criterion(measure="error", threshold=0.05, window=500)
    Criterion(measure='error', threshold=0.05, window=500)
    """

    measure: str = "cost"
    threshold: float = field(
        default=0.2, metadata={"long_name": "threshold of the convergence criterion", "units": "1"}
    )
    window: int | None = field(
        default=None, metadata={"long_name": "window of the convergence criterion", "units": "presentations"}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "measure", validation.choice("measure", self.measure, ("cost", "error")))
        if self.measure == "cost":
            put(self, "threshold", validation.number("threshold", self.threshold, above=0))
        else:
            put(self, "threshold", validation.number("threshold", self.threshold, at_least=0, below=1))
        if self.window is not None:
            put(self, "window", validation.integer("window", self.window, at_least=1, at_most=2**32 - 1))

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share."""
        return {"measure": 1 if self.measure == "cost" else 2}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run."""
        return {"threshold": self.threshold}
