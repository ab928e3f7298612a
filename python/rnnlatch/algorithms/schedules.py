"""How a learning rate, or the weight of a regulariser, changes while a network is trained."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.algorithms.base import described

__all__ = ["HalveOnRise", "InverseTime", "Schedule", "check_schedule"]

Floats = NDArray[np.float64]

LARGEST = 2**32 - 1


class Schedule(Record):
    """Base of the schedules: a factor that depends on the presentations so far and on what they cost.

    What a run has to remember of its costs is an array of floats, so that it can be kept in a file.
    """

    presentations: int

    def begin(self) -> Floats:
        """Give what there is to remember before the first presentation."""
        return np.zeros(0)

    def factors(self, memory: Floats, seen: NDArray[np.int64]) -> Floats:
        """Give the factors of the updates before which so many presentations were seen, all before `left` has passed."""
        raise NotImplementedError

    def left(self, seen: int) -> int | None:  # noqa: ARG002
        """Give the presentations until costs can change the factor; None: they never do."""
        return None

    def observe(self, memory: Floats, cost: float, seen: int) -> None:
        """Take the mean cost of a batch, after which so many presentations were seen, into the memory."""


@dataclass(frozen=True, kw_only=True)
class InverseTime(Schedule):
    """The factor 1 / t, with t = 1 + seen // presentations: 1 at first, then 1/2, 1/3, ….

    Parameters
    ----------
    presentations : int
        How many presentations the factor stays the same, at least 1; one pass over the training set, say.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013,
    where the weight of Omega falls as 1 / t on natural data.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> schedule = InverseTime(presentations=1000)
    >>> rl.algorithms.GradientDescent(omega=0.5, omega_schedule=schedule).omega_schedule
    InverseTime(presentations=1000)
    """

    presentations: int = field(
        metadata={"long_name": "presentations for which the factor stays", "units": "presentations"}
    )

    def __post_init__(self) -> None:
        checked = validation.integer("presentations", self.presentations, at_least=1, at_most=LARGEST)
        object.__setattr__(self, "presentations", checked)

    def factors(self, memory: Floats, seen: NDArray[np.int64]) -> Floats:  # noqa: ARG002
        """Give the factors of the updates before which so many presentations were seen."""
        return np.asarray(1.0 / (1 + seen // self.presentations), np.float64)


@dataclass(frozen=True, kw_only=True)
class HalveOnRise(Schedule):
    """The factor is multiplied by `factor` whenever the cost has risen.

    After each `presentations` presentations their mean training cost is compared with that of as many before; where it is
    above, the factor is multiplied from there on.

    Parameters
    ----------
    presentations : int
        How many presentations are averaged, at least 1, a multiple of the batch size; one pass over the training set, say.
    factor : float
        0 < factor <= 1.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Source: R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural networks",
    arXiv:1211.5063v2, appendix, where the learning rate is halved when the error of an epoch has risen.

    Examples
    --------
    >>> HalveOnRise(presentations=5000)
    HalveOnRise(presentations=5000, factor=0.5)
    """

    presentations: int = field(
        metadata={"long_name": "presentations whose costs are averaged", "units": "presentations"}
    )
    factor: float = described(0.5, "factor where the cost has risen")

    # What is remembered: the factor, the sum of costs and the batches of this average, and the average before.
    _FACTOR, _SUM, _BATCHES, _BEFORE = range(4)

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(
            self,
            "presentations",
            validation.integer("presentations", self.presentations, at_least=1, at_most=LARGEST),
        )
        put(self, "factor", validation.number("factor", self.factor, above=0, at_most=1))

    def begin(self) -> Floats:
        """Give what there is to remember before the first presentation."""
        return np.array([1.0, 0.0, 0.0, np.nan])

    def factors(self, memory: Floats, seen: NDArray[np.int64]) -> Floats:
        """Give the factors of the updates before which so many presentations were seen, all before `left` has passed."""
        return np.full(len(seen), memory[self._FACTOR])

    def left(self, seen: int) -> int | None:
        """Give the presentations until costs can change the factor."""
        return self.presentations - seen % self.presentations

    def observe(self, memory: Floats, cost: float, seen: int) -> None:
        """Take the mean cost of a batch, after which so many presentations were seen, into the memory."""
        memory[self._SUM] += cost
        memory[self._BATCHES] += 1
        if seen % self.presentations:
            return
        mean = memory[self._SUM] / memory[self._BATCHES]
        if mean > memory[self._BEFORE]:  # never of the first average, before which there is NaN
            memory[self._FACTOR] *= self.factor
        memory[self._SUM] = memory[self._BATCHES] = 0
        memory[self._BEFORE] = mean


def check_schedule(name: str, value: Any) -> Schedule | None:
    """Check what the fields ``…_schedule`` of algorithms take."""
    if value is None:
        return None
    allowed = "None, rnnlatch.algorithms.InverseTime(…) or HalveOnRise(…)"
    return validation.instance(name, value, Schedule, allowed)
