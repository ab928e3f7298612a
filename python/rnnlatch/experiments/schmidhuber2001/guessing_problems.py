"""The problems of the guessing experiments, as the paper has them and where it is silent as we do.

Given: all weights uniform in (-100, 100); 100 training sequences, 50 of each class, and 100 for the test; lengths uniform
from 500 to 600; a sequence is right where the output is nearer to its target than 0.1; inputs of +-1 and targets of 0 and 1
where they are binary. Which architecture, activation and noise belong to which number is printed in part only; the choices
that are ours are marked.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlatch.algorithms import RandomGuessing
from rnnlatch.cells import Constant, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.bengio1994 import comparison_networks as networks
from rnnlatch.run import Run
from rnnlatch.tasks import MinimalLatch, Parity, TwoSequence
from rnnlatch.tasks.base import DrawnTask

__all__ = ["DELAYED", "PROBLEMS", "SEQUENCES", "Problem", "run"]

SEQUENCES = 100
TOLERANCE = 0.1
RANGE = 100.0
VARIANCE = 0.2
HIDDEN = 10  # of architecture A2; recalled
PRINTED = "Schmidhuber, Hochreiter & Bengio 2001"
MOST_TRIALS = 1_000_000
MOST_TRIALS_IN_VAIN = 5_000

DELAYED = "parity, all connections delayed"


@dataclass(frozen=True)
class Problem:
    """One row of the table.

    Parameters
    ----------
    cell : VanillaRNN
        The network.
    task : DrawnTask
        With lengths that are replaced by those of the scale.
    published : float or None
        Mean number of trials in the paper.
    source : str
        Where that number is from.
    choice : str
        What of it is ours.
    most : int
        Trials that a run is given.
    """

    cell: VanillaRNN
    task: DrawnTask
    published: float | None
    source: str
    choice: str
    most: int = MOST_TRIALS


def _parity(noise: float) -> Parity:
    return Parity(
        noise="uniform",
        noise_std=noise / 3**0.5,
        targets=(0, 1),
        tolerance=TOLERANCE,
        sequences_per_class=SEQUENCES // 2,
    )


def _second_latch(**noise: float) -> TwoSequence:
    return TwoSequence(
        prefix=1,
        prototypes=[[-1.0], [1.0]],
        targets=(-1, 1),
        tolerance=TOLERANCE,
        sequences_per_class=SEQUENCES // 2,
        **noise,  # type: ignore[arg-type]
    )


def _unit() -> VanillaRNN:
    """One tanh unit with three weights: to itself, from the input, from the bias."""
    return VanillaRNN(inputs=1, hidden=1, read_unit=0, fixed=("bias_hh_l0",))


def _layer(*, self_connections: bool) -> VanillaRNN:
    """A2: hidden units see the input, the output and perhaps themselves; the output sees all, and hidden units at once."""
    mask = np.zeros((HIDDEN + 1, HIDDEN + 1), int)
    mask[:, HIDDEN] = 1
    mask[HIDDEN] = 1
    if self_connections:
        mask[np.diag_indices(HIDDEN)] = 1
    same = np.zeros_like(mask)
    same[HIDDEN, :HIDDEN] = 1
    return _logistic(HIDDEN + 1, mask_hh=mask.tolist(), same_step=same.tolist())


def _logistic(hidden: int, **connections: Any) -> VanillaRNN:
    return VanillaRNN(
        inputs=1, hidden=hidden, read_unit=hidden - 1, activation="logistic", fixed=("bias_hh_l0",), **connections
    )


_SAME_STEP = "the output reads hidden units at the same step, logistic units"

PROBLEMS: Mapping[str, Problem] = {
    "latch I": Problem(
        networks.latch(),
        MinimalLatch(prefix=1, noise_variance=VARIANCE, sequences_per_class=SEQUENCES // 2),
        6,
        PRINTED,
        "right where the sign is: a saturated unit cannot be nearer to 0.8 than 0.1",
    ),
    "latch II": Problem(
        _unit(),
        _second_latch(noise_std=VARIANCE),
        22,
        PRINTED,
        "0.2 is the standard deviation of the noise; the noise comes in through the input weight",
    ),
    "latch II, variance": Problem(
        _unit(),
        _second_latch(noise_variance=VARIANCE),
        22,
        PRINTED,
        "0.2 is the variance of the noise; the noise comes in through the input weight",
    ),
    "two-sequence": Problem(
        VanillaRNN(
            inputs=1,
            hidden=5,
            read_unit=4,
            mask_ih=[[1], [0], [0], [0], [0]],
            init_ih=Constant(1),
            fixed=("weight_ih_l0", "bias_ih_l0", "bias_hh_l0"),
        ),
        TwoSequence(
            prefix=networks.PREFIX,
            noise_variance=VARIANCE,
            targets=(-1, 1),
            tolerance=TOLERANCE,
            sequences_per_class=SEQUENCES // 2,
        ),
        718,
        "a later account of Schmidhuber, Hochreiter & Bengio 2001",
        "the five tanh units without bias of the 1994 paper, N = 3, targets of -1 and 1, noise of variance 0.2 after N",
    ),
    "parity, A1": Problem(
        _logistic(2, mask_hh=[[0, 1], [1, 1]], same_step=[[0, 0], [1, 0]]), _parity(0), 2906, PRINTED, _SAME_STEP
    ),
    "parity, A1, noise": Problem(
        _logistic(2, mask_hh=[[0, 1], [1, 1]], same_step=[[0, 0], [1, 0]]), _parity(0.2), 41_400, PRINTED, _SAME_STEP
    ),
    "parity, A2": Problem(
        _layer(self_connections=True), _parity(0), 2797, PRINTED, f"{HIDDEN} hidden units; {_SAME_STEP}"
    ),
    "parity, A2, no self-connections": Problem(
        _layer(self_connections=False), _parity(0), 250, PRINTED, f"{HIDDEN} hidden units; {_SAME_STEP}"
    ),
    DELAYED: Problem(
        _logistic(2), _parity(0), None, "our control", "as A1, fully connected, all a step later", MOST_TRIALS_IN_VAIN
    ),
}


def run(problem: str, shortest: int, longest: int) -> Run:
    """Return the run of one problem.

    Examples
    --------
    >>> run("parity, A1", 500, 600).max_presentations
    100000000
    """
    where = PROBLEMS[problem]
    settings = where.task.to_dict() | {"length": (shortest, longest)}
    return Run(
        where.cell,
        DrawnTask.from_dict(settings),
        RandomGuessing(low=-RANGE, high=RANGE),
        Criterion(measure="consecutive"),
        max_presentations=where.most * SEQUENCES,
        test_presentations=SEQUENCES,
    )
