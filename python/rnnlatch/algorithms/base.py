"""What all algorithms have in common."""

import math
from dataclasses import field
from typing import Any, ClassVar, Literal

from rnnlatch import validation
from rnnlatch._record import Record, fields_of
from rnnlatch.cells import NetworkCell
from rnnlatch.criterion import MEASURES
from rnnlatch.tasks import Task

__all__ = [
    "Algorithm",
    "BatchSize",
    "GradientAlgorithm",
    "SetSearch",
    "check_batch_size",
    "described",
    "pick_batch_size",
]

BatchSize = int | Literal["all"]

WITHOUT_GRADIENT = (
    "DiscreteErrorPropagation, RedrawAfterError, SimulatedAnnealing, MultigridRandomSearch or RandomGuessing"
)


class Algorithm(Record):
    """Base of the algorithms: what a run must know of one.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> isinstance(rl.algorithms.GradientDescent(), rl.algorithms.Algorithm)
    True
    """

    searches: ClassVar[bool] = False
    """Whether it looks at the cost of the whole training set at one point after the other."""
    measures: ClassVar[tuple[str, ...]] = MEASURES
    """What of a criterion it knows."""
    matrices_only: ClassVar[tuple[str, ...]] = ()
    """Its fields that only runs in matrices know; where they are at their defaults, those in lanes do the same."""

    def presentations_in_batch(self, training_set: int | None) -> int:  # noqa: ARG002
        """Give the presentations between two updates, for a training set of so many sequences (None: always fresh).

        Raises
        ------
        ValueError
            If there must be a fixed training set and there is none.
        """
        return 1

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where the algorithm cannot train a network on a task; it says what to use instead.

        Parameters
        ----------
        cell : NetworkCell
            The network.
        task : Task
            What it is trained on.
        trained : int
            How many of its numbers are trained.
        """

    def structure(self) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share; `rnnlatch.Run` adds the size of the batch."""
        ints = {name: int(value) for name, value in self._numbers() if isinstance(value, int)}
        return {"algorithm": type(self).__name__} | ints

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run: the fields that are real numbers; None is infinity."""
        return {
            name: math.inf if value is None else value
            for name, value in self._numbers()
            if value is None or isinstance(value, float)
        }

    def _numbers(self) -> list[tuple[str, Any]]:
        """The fields that are numbers, True or False, or None, but for the batch size."""
        values = ((each.name, getattr(self, each.name)) for each in fields_of(type(self)))
        others = ("batch_size", *self.matrices_only)
        return [(name, value) for name, value in values if name not in others and not isinstance(value, str)]

    def asked_of_matrices(self) -> str | None:
        """Give in words what is asked for that only runs in matrices have; None: nothing."""
        given = (each for each in self._given() if each.name in self.matrices_only)
        return next((f"{each.name} is {getattr(self, each.name)!r}" for each in given), None)


class GradientAlgorithm(Algorithm):
    """Base of the algorithms that need the gradient of the loss."""

    needs: ClassVar[str] = "gradients"

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a ValueError where there is no gradient."""
        super().check(cell, task, trained)
        if getattr(cell, "activation", None) == "sign":
            raise ValueError(
                f"algorithm is {type(self).__name__}, which needs {self.needs}, and the cell has activation='sign', whose "
                f"derivative is 0; it must be {WITHOUT_GRADIENT}, or the activation another one"
            )


class SetSearch(Algorithm):
    """Base of the algorithms that evaluate the whole training set at one point after the other."""

    searches: ClassVar[bool] = True

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations of one evaluation: the training set.

        Raises
        ------
        ValueError
            If there is no fixed training set.
        """
        if training_set is None:
            raise ValueError(
                f"algorithm is {type(self).__name__}, which compares costs on one training set, and the task draws fresh "
                "sequences (its sequences_per_class is None); sequences_per_class must be an integer there"
            )
        return training_set


def check_batch_size(value: object) -> BatchSize:
    """Check the presentations between two updates."""
    if isinstance(value, str):
        if value != "all":
            raise validation.fail("batch_size", value, "an integer of at least 1 or 'all'")
        return "all"
    return validation.integer("batch_size", value, at_least=1, at_most=2**32 - 1)


def pick_batch_size(batch_size: BatchSize, training_set: int | None) -> int:
    """Give the presentations between two updates as a number.

    Raises
    ------
    ValueError
        If the batch is to be the whole training set and there is none.
    """
    if batch_size != "all":
        return batch_size
    if training_set is None:
        raise ValueError(
            "batch_size is 'all', but the task draws fresh sequences (its sequences_per_class is None); batch_size "
            "must be an integer there"
        )
    return training_set


def described(default: Any, long_name: str, units: str | None = "1", *, later: bool = False) -> Any:
    """Make a field of a dataclass with its name in words, which axes of that name get in a sweep's dataset.

    `later`: it is only written where it is not at its default; see `Record`.
    """
    metadata = {"long_name": long_name} | ({} if units is None else {"units": units})
    return field(default=default, metadata=metadata | ({"later": True} if later else {}))
