"""When a run stops because it gets no better on sequences that it is not trained on."""

from dataclasses import dataclass, field

from rnnlatch import validation
from rnnlatch._record import Record
from rnnlatch.tasks import Task

__all__ = ["EarlyStopping"]


@dataclass(frozen=True, kw_only=True)
class EarlyStopping(Record):
    """The network is tested on a validation set as it learns; what is kept is how it was when it was best.

    Parameters
    ----------
    task : Task
        The validation set, all of which is shown at each test: a `rnnlatch.tasks.DatasetTask`, or another task whose
        sequences are given, not drawn.
    presentations : int
        The network is tested after every so many training presentations, and when the run ends for another reason than
        divergence; a multiple of the batch size, 1 to 2**32 - 1.
    patience : int, optional
        The run stops, as `rnnlatch.Outcome.STOPPED_EARLY`, after so many tests in a row that were no better than the best
        one, at least 1. None: it goes on to the end.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    Better means a lower mean cost. The parameters of the run, and what it is tested on at its end, are those of the best
    test; ``loss`` and ``error`` are of its training, as without. Tests are no presentations: they are not counted. It is
    for runs in matrices, see `driver` of `rnnlatch.Run`.

    Source: I. Goodfellow, Y. Bengio and A. Courville, "Deep Learning", MIT Press 2016, section 7.8, algorithm 7.1.

    Examples
    --------
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.normal(size=(200, 10, 1))
    >>> noisy = np.sign(inputs[:, 0] + inputs[:, -1] + rng.normal(size=(200, 1)))
    >>> training = rl.tasks.DatasetTask(inputs=inputs[:100], targets=noisy[:100])
    >>> validation_set = rl.tasks.DatasetTask(inputs=inputs[100:], targets=noisy[100:])
    >>> out = rl.train(
    ...     rl.cells.LSTM(inputs=1, hidden=16, outputs=1),
    ...     training,
    ...     rl.algorithms.Adam(learning_rate=0.01, batch_size=20),
    ...     early_stopping=rl.EarlyStopping(task=validation_set, presentations=100, patience=5),
    ...     criterion=None,
    ...     runs=1,
    ...     max_presentations=100_000,
    ...     rng=0,
    ... )
    >>> bool((out.outcome == rl.Outcome.STOPPED_EARLY).all())
    True
    >>> int((out.presentations - out.validation_presentations).item())
    500
    """

    task: Task
    presentations: int = field(
        metadata={"long_name": "training presentations between two validation tests", "units": "presentations"}
    )
    patience: int | None = field(
        default=None, metadata={"long_name": "validation tests without a better one until the run stops", "units": "1"}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        allowed = "a task whose sequences are given, such as rnnlatch.tasks.DatasetTask(…)"
        validation.instance("task", self.task, Task, allowed)
        if self.task.fresh:
            raise validation.fail("task", self.task, f"{allowed}, which is the same at every test")
        every = validation.integer("presentations", self.presentations, at_least=1, at_most=2**32 - 1)
        put(self, "presentations", every)
        if self.patience is not None:
            put(self, "patience", validation.integer("patience", self.patience, at_least=1))
