"""Whether the parts of a run go together: sizes, presentations, batches, windows, schedules."""

from typing import TYPE_CHECKING

from rnnlatch import validation
from rnnlatch.algorithms import DiscreteErrorPropagation, HalveOnRise, RandomGuessing, RedrawAfterError
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.criterion import Criterion
from rnnlatch.early_stopping import EarlyStopping
from rnnlatch.tasks import CharacterPrediction, MinimalLatch, Task

if TYPE_CHECKING:
    from rnnlatch.run import Run

__all__ = ["check_presentations", "check_sizes"]


def check_sizes(cell: LatchNeuron | NetworkCell, task: Task) -> None:
    """Raise where a cell does not take what a task shows, or gives other outputs than it compares."""
    name = type(task).__name__
    if isinstance(cell, LatchNeuron):
        if not isinstance(task, MinimalLatch):
            raise ValueError(
                f"cell is a LatchNeuron and the task a {name}; the task must be a MinimalLatch, or the cell another, such as "
                f"VanillaRNN(inputs={task.features}, hidden=1, read_unit=0)"
            )
        return
    if cell.inputs != task.features:
        raise ValueError(
            f"cell has inputs={cell.inputs} and the {name} shows {task.features} number{'s' * (task.features > 1)} at each "
            f"step; inputs must be "
            f"{task.features}"
        )
    if task.loss == "softmax_cross_entropy":
        if cell.read_size < task.outputs:
            raise ValueError(
                f"cell has {cell.read_size} outputs and the {name} has {task.outputs} classes; outputs must be at least "
                f"{task.outputs}"
            )
    elif cell.read_size != task.outputs:
        plural = "s" if task.outputs > 1 else ""
        one = ", or a read_unit given" if task.outputs == 1 and cell.outputs is None else ""
        given = (
            f"outputs={cell.outputs}" if cell.outputs is not None else f"no read-out of its {cell.hidden} hidden units"
        )
        if cell.read_unit is not None:
            given = f"read_unit={cell.read_unit}"
        raise ValueError(
            f"cell has {given} and the {name} compares {task.outputs} number{plural} with a target; outputs must be "
            f"{task.outputs}{one}"
        )
    if task.carry_state and (cell.initial_state == "learned" or getattr(cell, "same_step", None) is not None):
        given = "same_step" if cell.initial_state == "zero" else "initial_state='learned'"
        raise ValueError(
            f"cell has {given} and the {name} carry_state=True, which is for cells whose initial state is 0 and whose units "
            "read the step before only"
        )


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
    if isinstance(run.task, CharacterPrediction) and run.task.carry_state and batch != run.task.streams:
        raise ValueError(
            f"batch_size is {batch} and the task has carry_state=True with streams={run.task.streams}; they must be equal, so "
            "that a minibatch shows a row of every stream"
        )
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
    if run.early_stopping is not None:
        _check_early_stopping(run, run.early_stopping)
    for name in ("learning_rate_schedule", "omega_schedule"):
        schedule = getattr(run.algorithm, name, None)
        if isinstance(schedule, HalveOnRise) and schedule.presentations % batch:
            allowed = f"a multiple of the batch size, which is {batch}"
            raise validation.fail(f"presentations of {name}", schedule.presentations, allowed)


def _check_early_stopping(run: "Run", stopping: EarlyStopping) -> None:
    if stopping.presentations % run.batch_size:
        allowed = f"a multiple of the batch size, which is {run.batch_size}"
        raise validation.fail("presentations of early_stopping", stopping.presentations, allowed)
    try:
        check_sizes(run.cell, stopping.task)
    except ValueError as error:
        raise ValueError(f"early_stopping has a task that does not fit: {error}") from None


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
