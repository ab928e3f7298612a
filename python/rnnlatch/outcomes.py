"""How a run can end."""

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["NOT_RUN", "Outcome", "count_outcomes", "named_outcomes"]

NOT_RUN = 255
"""What stands in the variable ``outcome`` for a run of an unfinished sweep that has not been done yet."""


class Outcome(IntEnum):
    """How a run ended; `sentence` says it to the user.

    Examples
    --------
    >>> Outcome(1)
    <Outcome.CONVERGED: 1>
    >>> print(Outcome.EXHAUSTED.sentence)
    The run came to its last presentation without meeting the criterion; a larger max_presentations may help.
    """

    EXHAUSTED = 0
    CONVERGED = 1
    DIVERGED = 2
    STUCK = 3
    STOPPED_EARLY = 4

    @property
    def sentence(self) -> str:
        """One sentence for the user."""
        return _SENTENCES[self]


_SENTENCES = {
    Outcome.EXHAUSTED: (
        "The run came to its last presentation without meeting the criterion; a larger max_presentations may help."
    ),
    Outcome.CONVERGED: "The run met the criterion and stopped there.",
    Outcome.DIVERGED: (
        "A parameter, a gradient or a step of Newton's method was not finite and the run stopped; a smaller "
        "learning_rate, clip_norm or more damping may help."
    ),
    Outcome.STUCK: (
        "The search moved no more without having met the criterion; a wider search, or another seed, may help."
    ),
    Outcome.STOPPED_EARLY: (
        "The validation set was learned no better, and the run stopped; its parameters are those that were best."
    ),
}


def count_outcomes(outcomes: ArrayLike) -> NDArray[np.int64]:
    """Count how runs ended: how often each number occurs, of those that a byte can hold."""
    return np.bincount(np.asarray(outcomes, np.uint8).ravel(), minlength=256)


def named_outcomes(counts: NDArray[np.int64]) -> dict[Outcome, int]:
    """Give the counts of the outcomes that occur."""
    return {outcome: int(counts[outcome]) for outcome in Outcome if counts[outcome]}
