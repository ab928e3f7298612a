"""What a sweep tells of itself while it runs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rnnlatch.outcomes import Outcome

__all__ = ["SweepState", "Watch"]


@dataclass(frozen=True)
class SweepState:
    """How far a sweep is: what the function is called with that `rnnlatch.sweep` is given as `watch`.

    Parameters
    ----------
    done_runs, total_runs : int
        Runs that are done, those of earlier sessions included, and runs there are; of an adaptive sweep as far as is known.
    begun_runs : int
        Runs of those that are not done of which the store keeps how far they have come; only in matrices.
    chunks : int
        Chunks of runs that were finished in this session.
    chunks_in_flight : int
        Chunks that an executor has been given and has not finished; 0 without an executor.
    workers : int, optional
        How many chunks the executor computes at a time; 0 where a cluster has no workers at the moment. None without an
        executor, or where it does not tell.
    outcomes : mapping of Outcome to int
        How the runs of finished chunks ended, those of earlier sessions included; what did not occur is not there.
    seconds : float
        Since the sweep began in this process.
    runs_per_second : float, optional
        Of the last ten seconds, or a little more where runs take long; None until a run is done.
    seconds_left : float, optional
        What is missing, at this rate; None where that is not known.
    detail : str
        What is being worked on, such as ``length=20``; may be empty.
    round : int, optional
        The round of an adaptive sweep, from 1; None of another one.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> def study(length):
    ...     task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.3)
    ...     return rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=500)
    >>> states = []
    >>> ds = rl.sweep(study, {"length": [5, 40]}, runs=100, rng=0, watch=states.append)
    >>> states[0].done_runs, states[-1].done_runs, states[-1].total_runs
    (0, 200, 200)
    >>> states[-1].outcomes[rl.Outcome.CONVERGED] == int((ds.outcome == rl.Outcome.CONVERGED).sum())
    True
    """

    done_runs: int
    total_runs: int
    begun_runs: int = 0
    chunks: int = 0
    chunks_in_flight: int = 0
    workers: int | None = None
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    seconds: float = 0.0
    runs_per_second: float | None = None
    seconds_left: float | None = None
    detail: str = ""
    round: int | None = None


class Watch(Protocol):
    """What the keyword ``watch`` takes: called after each chunk and in between, from the thread that called `rnnlatch.sweep`.

    An exception that it raises stops the sweep and comes out of it.
    """

    def __call__(self, state: SweepState, /) -> object:
        """Take the state of the sweep."""
        ...
