"""How many runs a grid point gets, where that follows from how its runs ended."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.outcomes import Outcome
from rnnlatch.statistics import wilson_interval

__all__ = ["AdaptiveRuns"]

MOST_TIMES = 4
"""A grid point has at most so many times as many runs after a round as before: few runs tell little of how many it takes."""

LEAST_SHARE = 0.1
"""And by at least this share more, that there are few rounds."""

LARGEST_RUNS = 2**40


@dataclass(frozen=True, kw_only=True)
class AdaptiveRuns(Record):
    """Runs until the frequency of an outcome is known well enough at each grid point.

    Every grid point begins with `first` runs. After each round, those whose interval is still too wide get more: as many as
    will do if the frequency is what it seems to be, but at most four times what they have, and at least a tenth more.

    Parameters
    ----------
    half_width : float
        The interval is narrow enough from here on, above 0 and below 0.5.
    outcome : Outcome
        Whose frequency it is.
    confidence : float
        Of Wilson's interval, two-sided, above 0 and below 1.
    first : int
        Runs of each grid point in the first round, at least 1.
    most : int
        Runs of a grid point in all, at least `first`.
    budget : int, optional
        Runs of all grid points in all, at least `first` of each. Where a round would exceed it, the widest intervals come
        first. None: no limit.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    What a round does follows from how the runs of those before it ended, all of them, and so does not depend on who
    computes them, nor on interruptions. The runs of a grid point are those that it has in any sweep, from trial 0 on.

    To stop as soon as an interval is narrow could make it miss the frequency more often than `confidence` says. By simulation
    it does not: with the defaults, of 4,000 grid points with each of 15 frequencies from 0 to 1, 0.945 of the intervals or
    more hold the frequency.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22, 1927. The
    rule by which runs are added is ours.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.3)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> runs = rl.AdaptiveRuns(half_width=0.05)
    >>> ds = rl.sweep(study, {"length": [5, 20, 60]}, runs=runs, rng=0)
    >>> rate = rl.statistics.success_rate(ds)
    >>> bool((rate.high - rate.low <= 0.1).all())
    True
    >>> rate.runs.values.tolist()
    [100, 364, 100]
    """

    half_width: float = field(default=0.02, metadata={"long_name": "half width of the interval", "units": "1"})
    outcome: Outcome = Outcome.CONVERGED
    confidence: float = field(default=0.95, metadata={"long_name": "confidence of the interval", "units": "1"})
    first: int = field(default=100, metadata={"long_name": "runs of each grid point at first", "units": "runs"})
    most: int = field(default=10_000, metadata={"long_name": "most runs of a grid point", "units": "runs"})
    budget: int | None = field(default=None, metadata={"long_name": "most runs of all", "units": "runs"})

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "half_width", validation.number("half_width", self.half_width, above=0.0, below=0.5))
        put(self, "confidence", validation.number("confidence", self.confidence, above=0.0, below=1.0))
        named = validation.integer("outcome", self.outcome, at_least=0, at_most=max(Outcome))
        put(self, "outcome", Outcome(named))
        put(self, "first", validation.integer("first", self.first, at_least=1, at_most=LARGEST_RUNS))
        put(self, "most", validation.integer("most", self.most, at_least=self.first, at_most=LARGEST_RUNS))
        if self.budget is not None:
            put(self, "budget", validation.integer("budget", self.budget, at_least=1))

    def begin(self, points: int) -> NDArray[np.int64]:
        """Give the runs of each of so many grid points in the first round.

        Parameters
        ----------
        points : int
            Number of grid points.

        Returns
        -------
        ndarray of int64, shape (points,)
            `first`, for each.

        Raises
        ------
        ValueError
            If the budget is too small for that.
        """
        if self.budget is not None and self.budget < points * self.first:
            raise validation.fail(
                "budget",
                self.budget,
                f"at least {points * self.first}: first={self.first} runs of {points} grid points",
            )
        return np.full(points, self.first, np.int64)

    def half_widths(self, runs: NDArray[np.int64], successes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give half the width of each grid point's interval.

        Parameters
        ----------
        runs, successes : ndarray of int64, shape (points,)
            Runs of each grid point, and those of them that ended as is counted.

        Returns
        -------
        ndarray of float64, shape (points,)
            Frequencies, without unit; 0.5 where there are no runs.
        """
        low, high = wilson_interval(successes, runs, self.confidence)
        width: NDArray[np.float64] = high - low
        return width / 2

    def next(self, runs: NDArray[np.int64], successes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the runs that each grid point has after the next round, of which so many were successes in this one.

        Parameters
        ----------
        runs, successes : ndarray of int64, shape (points,)
            Runs of each grid point, all of which are finished, and those of them that ended as is counted.

        Returns
        -------
        ndarray of int64, shape (points,)
            Not less than `runs`; equal to it when there is nothing more to do.
        """
        width = self.half_widths(runs, successes)
        wide = (width > self.half_width) & (runs < self.most)
        least = np.ceil(runs * (1 + LEAST_SHARE))
        target = np.clip(self._enough(runs, successes), least, MOST_TIMES * runs)
        wanted = np.where(wide, np.minimum(target, self.most), runs).astype(np.int64)
        if self.budget is not None:
            more = wanted - runs
            order = np.lexsort(
                (np.arange(runs.size), -width)
            )  # the widest first, and of equals the one that comes first
            room = self.budget - int(runs.sum())
            before = np.cumsum(more[order]) - more[order]
            more[order] = np.clip(room - before, 0, more[order])
            wanted = runs + more
        return wanted

    def _enough(self, runs: NDArray[np.int64], successes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Give the runs whose interval would be narrow enough, if the frequency is the centre of the one there is.

        Half of Wilson's width at n runs is h where ``h² (n + z²)² = z² (p q n + z² / 4)``.
        """
        z2, h2 = float(ndtri(0.5 + self.confidence / 2)) ** 2, self.half_width**2
        p = (successes + z2 / 2) / (runs + z2)
        b, c = z2 * (2 * h2 - p * (1 - p)), z2**2 * (h2 - 0.25)
        enough: NDArray[np.float64] = np.ceil((-b + np.sqrt(b**2 - 4 * h2 * c)) / (2 * h2))
        return enough
