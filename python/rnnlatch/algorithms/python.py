"""Algorithms of the user's own, written in Python."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rnnlatch._record import canonical_json
from rnnlatch.algorithms.base import Algorithm, check_batch_size, described, pick_batch_size
from rnnlatch.cells import NetworkCell
from rnnlatch.tasks import Task

if TYPE_CHECKING:
    from rnnlatch._python_runs import Presentations
    from rnnlatch.run import Run

__all__ = ["AbsentAlgorithm", "PythonAlgorithm"]

Parameters = dict[str, NDArray[np.float64]]


@dataclass(frozen=True, kw_only=True)
class PythonAlgorithm(Algorithm):
    """Base of algorithms that you write yourself; they run in `rnnlatch.train` and `rnnlatch.sweep` like the others.

    A subclass is a frozen dataclass too; its settings are its fields: numbers, texts, booleans, None or tuples of them. It
    has one method, `train`.

    Parameters
    ----------
    batch_size : int or "all"
        Sequences that are shown at once; ``"all"`` is the whole of a fixed training set.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    It is slower than what the engine does: a call to Python for each batch of each network. Presentations are counted,
    windows are measured and outcomes are named as for all algorithms.

    For an executor, and for a store, the class must stand at the top level of a module, where workers can import it. A
    store keeps its module and name, and its settings, but no code.

    Examples
    --------
    Resilient back-propagation of Riedmiller and Braun (1993), simplified: only the sign of the gradient counts, and each
    weight has a step of its own, which grows while the sign stays the same.

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> import rnnlatch as rl
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Resilient(rl.algorithms.PythonAlgorithm):
    ...     first_step: float = 0.1
    ...
    ...     def train(self, run, parameters, sequences):
    ...         step = {name: np.full_like(value, self.first_step) for name, value in parameters.items()}
    ...         sign = {name: np.zeros_like(value) for name, value in parameters.items()}
    ...         for batch in sequences:
    ...             loss, gradient = batch.loss_and_gradient(parameters)
    ...             for name, value in parameters.items():
    ...                 new = np.sign(gradient[name])
    ...                 step[name] *= np.where(new * sign[name] > 0, 1.2, np.where(new * sign[name] < 0, 0.5, 1.0))
    ...                 value -= step[name] * new
    ...                 sign[name] = new
    >>> rng = np.random.default_rng(0)
    >>> inputs = rng.normal(size=(20, 5, 1))
    >>> task = rl.tasks.DatasetTask(inputs=inputs, targets=np.sign(inputs[:, 0]))
    >>> cell = rl.cells.VanillaRNN(inputs=1, hidden=3, outputs=1)
    >>> out = rl.train(cell, task, Resilient(batch_size="all"), runs=4, max_presentations=10_000, rng=0)
    >>> bool((out.outcome == rl.Outcome.CONVERGED).all())
    True
    """

    batch_size: int | Literal["all"] = described(1, "batch size", "presentations")

    def __post_init__(self) -> None:
        object.__setattr__(self, "batch_size", check_batch_size(self.batch_size))

    def train(self, run: "Run", parameters: Parameters, sequences: "Presentations") -> Parameters | None:
        """Train one network.

        Parameters
        ----------
        run : Run
            What is run: its cell, its task, its criterion.
        parameters : dict of ndarray
            The parameters that the network starts from; change them in place. They are what each batch is measured at.
            What is not trained is put back.
        sequences : Presentations
            The batches, until the run has met its criterion, diverged, or used its presentations up; ``sequences.rng`` is
            the run's own source of random numbers.

        Returns
        -------
        dict of ndarray or None
            The parameters to report, where they are others than `parameters`. Returning before `sequences` has ended says
            that the algorithm is stuck.
        """
        raise NotImplementedError(f"{type(self).__name__} has no method train(self, run, parameters, sequences)")

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations in a batch, for a training set of so many sequences (None: always fresh).

        Raises
        ------
        ValueError
            If the batch is to be the whole training set and there is none.
        """
        return pick_batch_size(self.batch_size, training_set)

    def check(self, cell: NetworkCell, task: Task, trained: int) -> None:
        """Raise a TypeError where the settings cannot be written down."""
        super().check(cell, task, trained)
        try:
            canonical_json(self.to_dict())
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"algorithm {type(self).__name__} has a setting that cannot be stored ({error}); settings must be "
                "finite numbers, texts, booleans, None or tuples of them"
            ) from None

    def structure(self) -> dict[str, int | str]:
        """Give the name under which it is recorded; the engine does not know it."""
        return {"algorithm": self.type_name()}

    def columns(self) -> dict[str, float]:
        """Give nothing: the engine does not know it."""
        return {}

    @classmethod
    def type_name(cls) -> str:
        """Give what records call the class: where it is imported from."""
        return f"{cls.__module__}:{cls.__qualname__}"


@dataclass(frozen=True, kw_only=True)
class AbsentAlgorithm(Algorithm):
    """What is known of an algorithm in a store whose class is not there in this process: its name and its settings.

    Parameters
    ----------
    settings : str
        What `PythonAlgorithm.to_dict` wrote, as JSON.
    """

    settings: str

    def to_dict(self) -> dict[str, Any]:
        """Give what was stored."""
        stored: dict[str, Any] = json.loads(self.settings)
        return stored

    def presentations_in_batch(self, training_set: int | None) -> int:
        """Give the presentations in a batch, for a training set of so many sequences (None: always fresh)."""
        return pick_batch_size(check_batch_size(self.to_dict().get("batch_size", 1)), training_set)

    def error(self) -> ValueError:
        """Make the error for an attempt to run it."""
        module, _, name = self.to_dict()["type"].partition(":")
        return ValueError(
            f"algorithm is {name} of the module {module}, which is not there; import it before the store is opened"
        )
