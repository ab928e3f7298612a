"""What one run is: a cell, a task, an algorithm, and when to stop."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LatchNeuron
from rnnlatch.criterion import Criterion
from rnnlatch.tasks import MinimalLatch

__all__ = ["Run"]

FRESH_WINDOW = 100


@dataclass(frozen=True)
class Run(Record):
    """One training of one network, except for its random numbers; what a study returns for a grid point.

    Parameters
    ----------
    cell : LatchNeuron
        The network.
    task : MinimalLatch
        What it is trained on.
    algorithm : GradientDescent
        How.
    criterion : Criterion or None
        When it counts as converged; None: never, each run goes to its last presentation.
    max_presentations : int
        When it stops at the latest: presentations, 1 to 2**32 - 1, a multiple of the batch size.

    Raises
    ------
    TypeError, ValueError
        If a part is of another type, or two of them do not go together.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
    >>> run = rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=1000)
    >>> run.criterion
    Criterion(measure='cost', threshold=0.2, window=None)
    """

    cell: LatchNeuron
    task: MinimalLatch
    algorithm: GradientDescent
    criterion: Criterion | None = Criterion()  # noqa: RUF009, it is frozen
    max_presentations: int = field(
        default=10_000, metadata={"long_name": "largest number of presentations", "units": "presentations"}
    )

    def __post_init__(self) -> None:
        validation.instance("cell", self.cell, LatchNeuron, "a cell: rnnlatch.cells.LatchNeuron(…)")
        validation.instance("task", self.task, MinimalLatch, "a task: rnnlatch.tasks.MinimalLatch(…)")
        validation.instance(
            "algorithm", self.algorithm, GradientDescent, "an algorithm: rnnlatch.algorithms.GradientDescent(…)"
        )
        if self.criterion is not None:
            validation.instance("criterion", self.criterion, Criterion, "an rnnlatch.Criterion(…) or None")
        limit = validation.integer("max_presentations", self.max_presentations, at_least=1, at_most=2**32 - 1)
        object.__setattr__(self, "max_presentations", limit)
        batch = self.batch_size
        if limit % batch:
            raise validation.fail("max_presentations", limit, f"a multiple of the batch size, which is {batch}")
        if self.criterion is not None and self.criterion.window is not None:
            if self.criterion.window % batch:
                raise validation.fail(
                    "window", self.criterion.window, f"a multiple of the batch size, which is {batch}"
                )
            if self.criterion.window > limit:
                raise validation.fail("window", self.criterion.window, f"at most max_presentations, which is {limit}")
        self.cell.starting_input(self.task.prefix)

    @property
    def batch_size(self) -> int:
        """Presentations between two updates."""
        return self.algorithm.presentations_in_batch(self.task.training_set)

    @property
    def window(self) -> int:
        """Presentations over which the criterion is measured, and loss and error are reported."""
        if self.criterion is not None and self.criterion.window is not None:
            return self.criterion.window
        wanted = self.task.training_set or FRESH_WINDOW
        return -(-wanted // self.batch_size) * self.batch_size

    def structure(self, record: int = 0) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share.

        Parameters
        ----------
        record : int
            Keep the learning curve every so many presentations; 0: not.
        """
        criterion = {"measure": 0} if self.criterion is None else self.criterion.structure()
        return {
            **self.cell.structure(),
            **self.task.latch_structure(),
            **self.algorithm.structure(),
            **criterion,
            "batch_size": self.batch_size,
            "window": self.window,
            "max_presentations": self.max_presentations,
            "record_every": record,
        }

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run within one call to the engine."""
        criterion = {"threshold": 0.0} if self.criterion is None else self.criterion.columns()
        return {**self.cell.columns(), **self.task.latch_columns(), **self.algorithm.columns(), **criterion}

    def starting_input(self) -> NDArray[np.float64] | None:
        """Give the inputs that the run starts with, shape (classes, prefix), or None where they are drawn."""
        return self.cell.starting_input(self.task.prefix)


def check_record(run: Run, record: object) -> int:
    """Check the keyword ``record``: 0 for None, else a multiple of the batch size, at most max_presentations."""
    if record is None:
        return 0
    checked = validation.integer("record", record, at_least=1)
    if checked % run.batch_size:
        raise validation.fail("record", checked, f"a multiple of the batch size, which is {run.batch_size}")
    if checked > run.max_presentations:
        raise validation.fail("record", checked, f"at most max_presentations, which is {run.max_presentations}")
    return checked


def labels(run: Run) -> dict[str, dict[str, Any]]:
    """Give the fields of a run's parts that have a name in words: field name to long_name and units."""
    found: dict[str, dict[str, Any]] = {}
    for part in (run.cell, run.task, run.algorithm, run.criterion, run):
        for name, description in getattr(part, "__dataclass_fields__", {}).items():
            if "long_name" in description.metadata:
                found[name] = dict(description.metadata)
    return found
