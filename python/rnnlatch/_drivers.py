"""What walks the networks of a run: in lanes, many small ones at once, or in matrices, one with a minibatch at a time."""

from dataclasses import replace
from typing import TYPE_CHECKING

from rnnlatch import validation
from rnnlatch.algorithms import Adam, GradientDescent, PythonAlgorithm, RMSprop
from rnnlatch.algorithms.python import AbsentAlgorithm
from rnnlatch.cells import LatchNeuron

if TYPE_CHECKING:
    from rnnlatch.run import Run

__all__ = ["DRIVERS", "FEWEST_UNITS", "PRECISIONS", "check_driver", "in_matrices", "into_matrices"]

DRIVERS = ("lanes", "matrices")
PRECISIONS = ("float64", "float32")

# From here on a network in matrices is faster than many in lanes.
FEWEST_UNITS, FEWEST_PRESENTATIONS = 32, 8


def in_matrices(run: "Run") -> bool:
    """Whether the network of a run is walked in matrices."""
    if run.driver is not None or isinstance(run.algorithm, PythonAlgorithm | AbsentAlgorithm):
        return run.driver == "matrices"
    if _asked(run) is not None:
        return True
    large = run.network.hidden >= FEWEST_UNITS and run.batch_size >= FEWEST_PRESENTATIONS
    return large and _hindrance(run) is None


def check_driver(run: "Run") -> None:
    """Raise where a run asks for a driver that cannot do what it asks for."""
    name, asked = type(run.algorithm).__name__, _asked(run)
    if run.driver is not None and isinstance(run.algorithm, PythonAlgorithm):
        raise validation.fail("driver", run.driver, f"None where the algorithm, {name}, is written in Python")
    if run.driver == "lanes" and asked is not None:
        raise ValueError(
            f"driver is 'lanes' and {asked}, which only runs in matrices have; it must be 'matrices' or None"
        )
    if run.driver == "matrices" or asked is not None:
        hindrance = _hindrance(run)
        if hindrance is not None:
            start = "driver is 'matrices'" if asked is None else f"{asked}, which only runs in matrices have,"
            raise ValueError(f"{start} and {hindrance}")


def into_matrices(run: "Run", name: str, value: object) -> "Run":
    """Give a run as one in matrices, for a parameter of its training that only those have.

    Raises
    ------
    ValueError
        If it cannot be one.
    """
    if run.engine == "matrices":
        return run
    start = f"{name} is {validation.show(value)}"
    if run.driver == "lanes":
        raise ValueError(
            f"driver is 'lanes' and {start}, which only runs in matrices have; it must be 'matrices' or None"
        )
    hindrance = _hindrance(run)
    if hindrance is not None:
        raise ValueError(f"{start}, which only runs in matrices have, and {hindrance}")
    return replace(run, driver="matrices")


def _asked(run: "Run") -> str | None:
    """Give in words what a run asks for that only those in matrices have; None: nothing."""
    if run.precision != "float64":
        return f"precision is {run.precision!r}"
    if run.criterion is not None and run.criterion.measure == "test_error":
        return "the criterion has measure='test_error'"
    if run.early_stopping is not None:
        return "early_stopping is given"
    if run.task.carry_state:
        return "the task has carry_state=True"
    return run.algorithm.asked_of_matrices()


def _hindrance(run: "Run") -> str | None:
    """Give in words why a run cannot be in matrices; None: it can."""
    if isinstance(run.cell, LatchNeuron):
        return "the cell is a LatchNeuron; it must be a VanillaRNN, DiagonalRNN, LSTM or GRU"
    if not isinstance(run.algorithm, GradientDescent | Adam | RMSprop):
        return f"the algorithm is {type(run.algorithm).__name__}; it must be GradientDescent, Adam or RMSprop"
    if run.cell.initial_state == "learned":
        return "the cell has initial_state='learned'; it must be 'zero'"
    if getattr(run.cell, "same_step", None) is not None:
        return "the cell has same_step; its units must read the step before only"
    return None
