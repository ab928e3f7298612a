"""What one run is: a cell, a task, an algorithm, and when to stop."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from rnnlatch import _network_runs, validation
from rnnlatch._drivers import DRIVERS, PRECISIONS, check_driver, in_matrices
from rnnlatch._record import Record, canonical_json
from rnnlatch._run_checks import check_presentations, check_sizes
from rnnlatch.algorithms import (
    Adam,
    Algorithm,
    GradientDescent,
    PythonAlgorithm,
    RMSprop,
)
from rnnlatch.algorithms.python import AbsentAlgorithm
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.criterion import Criterion
from rnnlatch.early_stopping import EarlyStopping
from rnnlatch.tasks import DataTask, MinimalLatch, Task

__all__ = ["Run", "check_record", "in_latch_engine", "labels"]

FRESH_WINDOW = 100
TEST_WINDOW = 1000  # batches

Engine = Literal["latch", "networks", "matrices", "python"]


@dataclass(frozen=True)
class Run(Record):
    """One training of one network, except for its random numbers; what a study returns for a grid point.

    Parameters
    ----------
    cell : LatchNeuron, VanillaRNN, DiagonalRNN, LSTM or GRU
        The network. A `LatchNeuron` learns a `MinimalLatch`; of other networks ``inputs`` and ``outputs`` or ``read_unit``
        fit the task.
    task : Task
        What it is trained on: see `rnnlatch.tasks`.
    algorithm : Algorithm
        How: see `rnnlatch.algorithms`.
    criterion : Criterion or None
        When it counts as converged; None: never, each run goes to its last presentation.
    max_presentations : int
        When it stops at the latest: presentations, 1 to 2**32 - 1, a multiple of the batch size; of a search, of the size
        of the training set.
    test_presentations : int
        Fresh sequences on which the trained network is tested at the end, for ``test_loss`` and ``test_error``; 0: it is
        not.
    driver : {"lanes", "matrices"}, optional
        What walks the network: in lanes many small networks are trained at once, in matrices one at a time, its minibatch
        in products of matrices. None: in matrices where something is asked for that only runs in matrices have, see the
        notes, or where 32 units or more are trained by `GradientDescent`, `Adam` or `RMSprop` in batches of 8
        presentations or more; else in lanes. The last bits of what is trained depend on it.
    precision : {"float64", "float32"}
        Of training in matrices; single precision is faster, and its parameters are single-precision numbers.
    early_stopping : EarlyStopping or None
        A validation set on which the network is tested as it learns: the parameters of the run are those of the best test, and
        it may stop where no test is better. None: there is none.

    Raises
    ------
    TypeError, ValueError
        If a part is of another type, or two of them do not go together.

    Notes
    -----
    Only runs in matrices have: ``precision="float32"``, ``Criterion(measure="test_error")``, `early_stopping`, tasks with
    ``carry_state=True``, what is said of `GradientDescent`, `Adam` and `RMSprop` to be for runs in matrices, and the keywords
    ``record`` (of networks) and ``checkpoint`` of `rnnlatch.train`. Learned initial states, ``same_step`` and other algorithms
    are only in lanes.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> task = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
    >>> run = rl.Run(rl.cells.LatchNeuron(w=1.25), task, rl.algorithms.GradientDescent(), max_presentations=1000)
    >>> run.criterion
    Criterion(measure='cost', threshold=0.2, window=None)
    """

    cell: LatchNeuron | NetworkCell
    task: Task
    algorithm: Algorithm
    criterion: Criterion | None = Criterion()  # noqa: RUF009, it is frozen
    max_presentations: int = field(
        default=10_000, metadata={"long_name": "largest number of presentations", "units": "presentations"}
    )
    test_presentations: int = field(
        default=0, metadata={"long_name": "test sequences", "units": "presentations", "later": True}
    )
    driver: Literal["lanes", "matrices"] | None = field(
        default=None, metadata={"long_name": "what walks the networks", "later": True}
    )
    precision: Literal["float64", "float32"] = field(
        default="float64", metadata={"long_name": "precision of training", "later": True}
    )
    early_stopping: EarlyStopping | None = field(
        default=None, metadata={"long_name": "validation set and patience", "later": True}
    )

    def __post_init__(self) -> None:
        put = object.__setattr__
        cells = "a cell: rnnlatch.cells.LatchNeuron(…), VanillaRNN, DiagonalRNN, LSTM or GRU"
        if not isinstance(self.cell, NetworkCell):
            validation.instance("cell", self.cell, LatchNeuron, cells)
        validation.instance("task", self.task, Task, "a task, such as rnnlatch.tasks.MinimalLatch(…)")
        algorithms = "an algorithm, such as rnnlatch.algorithms.GradientDescent(…)"
        validation.instance("algorithm", self.algorithm, Algorithm, algorithms)
        if self.criterion is not None:
            validation.instance("criterion", self.criterion, Criterion, "an rnnlatch.Criterion(…) or None")
        limit = validation.integer("max_presentations", self.max_presentations, at_least=1, at_most=2**32 - 1)
        put(self, "max_presentations", limit)
        tests = validation.integer("test_presentations", self.test_presentations, at_least=0, at_most=2**32 - 1)
        put(self, "test_presentations", tests)
        if tests and not self.task.fresh:
            raise ValueError(
                f"test_presentations is {tests} and the task a {type(self.task).__name__}, which has no fresh sequences; it "
                "must be 0: test the trained networks with rnnlatch.evaluate on another one"
            )
        if self.driver is not None:
            put(self, "driver", validation.choice("driver", self.driver, DRIVERS))
        put(self, "precision", validation.choice("precision", self.precision, PRECISIONS))
        if self.early_stopping is not None:
            allowed = "an rnnlatch.EarlyStopping(…) or None"
            validation.instance("early_stopping", self.early_stopping, EarlyStopping, allowed)
        check_sizes(self.cell, self.task)
        if isinstance(self.cell, LatchNeuron):
            self.cell.starting_input(self.prefix)
        trained = _network_runs.trained_count(self.cell, self.network)
        if not trained:
            raise ValueError(f"cell is {self.cell!r}; it has nothing that is trained, at least one number must be")
        self.algorithm.check(self.network, self.task, trained)
        check_driver(self)
        check_presentations(self)

    def __repr__(self) -> str:
        return self._described(self._written())

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Make the run that `to_dict` described.

        Parameters
        ----------
        settings : mapping
            What `to_dict` returned, possibly after a round trip through JSON.

        Returns
        -------
        Run
            Equal to the run that was written. An algorithm of the user's own whose module is not imported, and the data
            of a `rnnlatch.tasks.DataTask`, are not there: then it can be looked at, but not run.

        Raises
        ------
        ValueError
            If the type or a field is unknown, or a value is not allowed.
        """
        algorithm = settings.get("algorithm")
        name = str(algorithm.get("type")) if isinstance(algorithm, Mapping) else ""
        if ":" in name and name not in Record._kinds:
            settings = dict(settings) | {"algorithm": AbsentAlgorithm(settings=canonical_json(algorithm))}
        return super().from_dict(settings)

    @cached_property
    def engine(self) -> Engine:
        """What computes it: the engine of the latch neuron, that of networks in lanes or in matrices, or Python."""
        if isinstance(self.algorithm, PythonAlgorithm | AbsentAlgorithm):
            return "python"
        if in_matrices(self):
            return "matrices"
        measure = None if self.criterion is None else self.criterion.measure
        descent = isinstance(self.algorithm, GradientDescent) and self.algorithm.omega == 0
        return "latch" if descent and measure != "consecutive" and in_latch_engine(self.cell, self.task) else "networks"

    @property
    def prefix(self) -> int:
        """Steps whose inputs a `LatchNeuron` learns; 0 for other tasks."""
        return self.task.prefix if isinstance(self.task, MinimalLatch) else 0

    @cached_property
    def network(self) -> NetworkCell:
        """The cell, a `LatchNeuron` in the form of a network."""
        return _network_runs.network_of(self.cell, self.prefix)

    @property
    def batch_size(self) -> int:
        """Presentations between two updates; of a search, those of one evaluation."""
        return self.algorithm.presentations_in_batch(self.task.training_set)

    @property
    def window(self) -> int:
        """Presentations over which the criterion is measured, and loss and error are reported."""
        if self.criterion is not None and self.criterion.window is not None:
            return self.criterion.window
        if self.criterion is not None and self.criterion.measure == "test_error":
            return min(TEST_WINDOW * self.batch_size, self.max_presentations)
        wanted = self.task.training_set or FRESH_WINDOW
        return -(-wanted // self.batch_size) * self.batch_size

    def structure(self, record: int = 0) -> dict[str, int | str]:
        """Give what all runs of one call to the engine share.

        Parameters
        ----------
        record : int
            Keep the learning curve every so many presentations; 0: not.
        """
        if self.engine == "matrices":
            assert isinstance(self.algorithm, GradientDescent | Adam | RMSprop)
            given = {"batch_size": self.batch_size, "precision": self.precision}
            network = self.network.structure(self.task.loss, self.task.at)
            return {**network, **self.task.structure(), **self.algorithm.minibatch_structure(), **given}
        measure = {"measure": 0} if self.criterion is None else self.criterion.structure()
        shared: dict[str, int | str] = {
            **self.algorithm.structure(),
            **measure,
            "batch_size": self.batch_size,
            "window": self.window,
            "max_presentations": self.max_presentations,
        }
        if self.engine == "latch":
            assert isinstance(self.cell, LatchNeuron)
            assert isinstance(self.task, MinimalLatch)
            return {**self.cell.structure(), **self.task.latch_structure(), **shared, "record_every": record}
        return {**self.network.structure(self.task.loss, self.task.at), **self.task.structure(), **shared}

    def columns(self) -> dict[str, float]:
        """Give what may differ from run to run within one call to the engine; in matrices, of the task only."""
        if self.engine == "matrices":
            return self.task.columns()
        threshold = {"threshold": 0.0} if self.criterion is None else self.criterion.columns()
        if self.engine == "latch":
            assert isinstance(self.cell, LatchNeuron)
            assert isinstance(self.task, MinimalLatch)
            descent = {name: value for name, value in self.algorithm.columns().items() if name != "omega"}
            return {**self.cell.columns(), **self.task.latch_columns(), **descent, **threshold}
        return {**self.task.columns(), **self.algorithm.columns(), **threshold}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the arrays that the engine for networks needs, for all runs the same."""
        same_step = getattr(self.network, "same_step", None)
        read = {} if same_step is None else {"same_step": np.array(same_step, np.uint8)}
        return self.task.arrays() | read

    def trainable(self) -> dict[str, NDArray[np.uint8]]:
        """Give 1 for each number of the network that is trained, else 0."""
        return _network_runs.trainable(self.cell, self.network)

    def initial(self, key: NDArray[np.uint32], streams: NDArray[np.uint64]) -> dict[str, NDArray[np.float64]]:
        """Give the parameters of the network that the runs with these streams start from."""
        return _network_runs.initial(self.cell, self.prefix, key, streams)

    def starting_input(self) -> NDArray[np.float64] | None:
        """Give the inputs that a `LatchNeuron` starts with, shape (classes, prefix), or None where they are drawn."""
        return self.cell.starting_input(self.prefix) if isinstance(self.cell, LatchNeuron) else None

    @cached_property
    def group(self) -> str:
        """A text that runs have in common if one call to an engine can do them."""
        if self.engine in ("python", "matrices"):
            return canonical_json(self.to_dict())
        shared: list[Any] = [self.engine, self.structure(), self.starting_input() is None, self.test_presentations]
        if self.engine == "networks":
            same = {f"trained {name}": mask for name, mask in self.trainable().items()}
            if isinstance(self.task, DataTask):
                shared.append(self.task.content.to_dict())
            else:
                same |= {f"task's {name}": value for name, value in self.task.arrays().items()}
            digest = hashlib.sha256()
            for name, value in same.items():
                digest.update(f"{name} {value.dtype.str} {value.shape} ".encode() + value.tobytes())
            shared += [digest.hexdigest(), getattr(self.network, "same_step", None)]
        return json.dumps(shared, sort_keys=True)


def in_latch_engine(cell: LatchNeuron | NetworkCell, task: Task) -> bool:
    """Whether the engine of the latch neuron knows the sequences: of one length, right by their sign."""
    if not isinstance(cell, LatchNeuron) or not isinstance(task, MinimalLatch):
        return False
    return isinstance(task.length, int) and task.tolerance is None


def check_record(run: Run, record: object) -> int:
    """Check the keyword ``record``: 0 for None, else a multiple of the batch size, at most max_presentations."""
    if record is None:
        return 0
    if run.engine not in ("latch", "matrices"):
        raise ValueError(
            f"record is {validation.show(record)}; it must be None, learning curves are only kept of runs in matrices, see "
            "driver, and of a LatchNeuron on a MinimalLatch of one length by GradientDescent"
        )
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
                found[name] = {key: value for key, value in description.metadata.items() if key != "later"}
    return found
