"""Whether the numbers of a run go together: presentations, batches, windows, schedules."""

from typing import TYPE_CHECKING

from rnnlatch import validation
from rnnlatch.algorithms import DiscreteErrorPropagation, HalveOnRise, RandomGuessing, RedrawAfterError
from rnnlatch.criterion import Criterion

if TYPE_CHECKING:
    from rnnlatch.run import Run

__all__ = ["check_presentations"]


def check_presentations(run: "Run") -> None:
    """Check batches, windows and the limit against each other.

    Raises
    ------
    ValueError
        If they do not go together.
    """
    limit, batch = run.max_presentations, run.batch_size
    words = "the size of the training set" if run.algorithm.searches else "the batch size"
    if limit % batch:
        raise validation.fail("max_presentations", limit, f"a multiple of {words}, which is {batch}")
    judged = run.criterion is not None and run.criterion.measure != "cost"
    if judged or isinstance(run.algorithm, DiscreteErrorPropagation | RandomGuessing | RedrawAfterError):
        sideless = run.task.sideless
        if sideless is not None:
            raise ValueError(
                f"targets has {sideless}, halfway between the smallest and the largest one, for which no output is on the "
                "right side; give tolerance=…, how near an output must be, or a Criterion(measure='cost')"
            )
    if run.criterion is not None:
        _check_measure(run, run.criterion)
        _check_window(run, run.criterion)
    for name in ("learning_rate_schedule", "omega_schedule"):
        schedule = getattr(run.algorithm, name, None)
        if isinstance(schedule, HalveOnRise) and schedule.presentations % batch:
            allowed = f"a multiple of the batch size, which is {batch}"
            raise validation.fail(f"presentations of {name}", schedule.presentations, allowed)


def _check_measure(run: "Run", criterion: Criterion) -> None:
    measure, name = criterion.measure, type(run.algorithm).__name__
    if measure == "test_error":  # the driver has been checked
        if not run.task.fresh:
            raise ValueError(
                f"criterion has measure='test_error' and the task is a {type(run.task).__name__}, which has no fresh "
                "sequences; it must be 'cost', 'error' or 'consecutive'"
            )
    elif measure not in run.algorithm.measures:
        allowed = " or ".join(f"Criterion(measure={each!r})" for each in run.algorithm.measures)
        raise ValueError(
            f"criterion has measure={measure!r}, and {name} only looks at what is right or wrong; it must be {allowed}"
        )


def _check_window(run: "Run", criterion: Criterion) -> None:
    window, batch = criterion.window, run.batch_size
    if window is None:
        return
    if run.algorithm.searches and window != batch:
        name = type(run.algorithm).__name__
        raise validation.fail("window", window, f"None for {name}, which looks at the whole training set")
    if window % batch:
        raise validation.fail("window", window, f"a multiple of the batch size, which is {batch}")
    if window > run.max_presentations:
        raise validation.fail("window", window, f"at most max_presentations, which is {run.max_presentations}")
