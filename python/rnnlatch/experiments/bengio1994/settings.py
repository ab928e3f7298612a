"""What both panels of Fig. 2 share, and what the paper leaves open.

Given in the paper: one tanh unit, L = 3 trainable inputs a class, targets of +-0.8, half the squared error at the last step,
Gaussian noise of level s on the remaining T - L steps, gradient descent through time.

Not given: the training set, batch or online, the learning rate, the budget, the range of the initial inputs, the criterion
of convergence, and whether s really is the variance that the text calls it. Everything below that is marked as ours was
chosen because the digitised figures come out of it, and is not the only choice that does.
"""

from typing import Any, Literal

from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LatchNeuron
from rnnlatch.criterion import Criterion
from rnnlatch.run import Run
from rnnlatch.tasks import MinimalLatch

__all__ = [
    "EPOCH",
    "FIG_2B_NOISE_LEVEL",
    "FIG_2B_WEIGHT",
    "INITIAL_INPUT",
    "LEARNING_RATE",
    "OUR_SETTINGS",
    "PREFIX",
    "READINGS",
    "SEQUENCES_PER_CLASS",
    "STANDARD_DEVIATION",
    "VARIANCE",
    "Reading",
    "fixed_set_run",
    "latch_task",
]

PREFIX = 3
FIG_2B_WEIGHT = 1.25
FIG_2B_NOISE_LEVEL = 0.2
SEQUENCES_PER_CLASS = 5  # ours
EPOCH = 2 * SEQUENCES_PER_CLASS
LEARNING_RATE = 0.1  # ours
INITIAL_INPUT = 0.1  # ours; the paper says "small"

Reading = Literal["standard deviation", "variance"]
STANDARD_DEVIATION: Reading = "standard deviation"
VARIANCE: Reading = "variance"
READINGS: tuple[Reading, Reading] = (STANDARD_DEVIATION, VARIANCE)

OUR_SETTINGS = (
    f"Where the paper is silent the choice is ours: a fixed set of {SEQUENCES_PER_CLASS} noisy sequences per class, "
    "batch gradient "
    f"descent with rate {LEARNING_RATE} on the mean gradient, initial inputs uniform in +-{INITIAL_INPUT}"
)


def latch_task(length: int, noise_level: float, reading: str, sequences_per_class: int | None) -> MinimalLatch:
    """Return the minimal task with the noise level s read as a standard deviation or as a variance.

    Examples
    --------
    >>> latch_task(20, 0.25, VARIANCE, None).std
    0.5
    """
    level: dict[str, Any] = {"noise_variance" if reading == VARIANCE else "noise_std": noise_level}
    return MinimalLatch(length=length, prefix=PREFIX, sequences_per_class=sequences_per_class, **level)


def fixed_set_run(
    cell: LatchNeuron, length: int, noise_level: float, reading: str, *, epochs: int, threshold: float
) -> Run:
    """Return a run of batch gradient descent on a fixed set of noisy sequences, the setting behind both panels.

    Parameters
    ----------
    cell : LatchNeuron
        The unit.
    length : int
        T.
    noise_level : float
        s.
    reading : str
        One of `READINGS`.
    epochs : int
        Times that the training set is shown at most.
    threshold : float
        The run has converged when the mean cost over the training set is below.
    """
    return Run(
        cell,
        latch_task(length, noise_level, reading, SEQUENCES_PER_CLASS),
        GradientDescent(learning_rate=LEARNING_RATE, batch_size="all", reduction="mean"),
        Criterion(measure="cost", threshold=threshold),
        max_presentations=epochs * EPOCH,
    )
