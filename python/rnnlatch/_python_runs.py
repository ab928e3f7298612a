"""Runs of algorithms that are written in Python: one network after the other, in the same terms as the engine."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._network_engine import forward
from rnnlatch._sequences import check_sequences
from rnnlatch.algorithms import PythonAlgorithm
from rnnlatch.algorithms.base import WITHOUT_GRADIENT
from rnnlatch.algorithms.python import AbsentAlgorithm
from rnnlatch.cells import NetworkCell
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.tasks import Sample, Task

__all__ = ["Batch", "Presentations", "measure", "train_in_python"]

Parameters = dict[str, NDArray[np.float64]]

BLOCK = 256  # presentations that are drawn at once, and
BLOCK_BYTES = 2**26  # what their inputs may take


@dataclass(frozen=True)
class Batch:
    """Sequences that are shown at once; arrays as `rnnlatch.gradients` takes them.

    Parameters
    ----------
    cell : NetworkCell
        The network; of a `rnnlatch.cells.LatchNeuron` its form with a `VanillaRNN`.
    sample : Sample
        The sequences.
    loss, at : str
        As in `rnnlatch.gradients.loss_and_gradient`.
    trainable : dict of ndarray
        1 for each number that is trained, else 0.
    """

    cell: NetworkCell
    sample: Sample
    loss: str
    at: str
    trainable: dict[str, NDArray[np.uint8]]

    @property
    def inputs(self) -> NDArray[np.float64]:
        """The sequences, shape (batch, time, inputs)."""
        return self.sample.inputs

    @property
    def targets(self) -> NDArray[Any]:
        """Their targets, shape (batch, outputs) or (batch, time, outputs); for softmax_cross_entropy without outputs."""
        return self.sample.targets

    @property
    def keywords(self) -> dict[str, Any]:
        """The keywords of the functions in `rnnlatch.gradients`: ``loss``, ``at``, ``mask``, ``lengths``, ``threads``."""
        return {
            "loss": self.loss,
            "at": self.at,
            "mask": self.sample.mask,
            "lengths": self.sample.lengths,
            "threads": 1,
        }

    def loss_and_gradient(self, parameters: Parameters) -> tuple[float, Parameters]:
        """Give the mean loss of the batch and its gradient, 0 for what is not trained.

        Raises
        ------
        ValueError
            If the units have no derivative.
        """
        if getattr(self.cell, "activation", None) == "sign":
            raise ValueError(
                f"algorithm is the user's own and asks for a gradient, and the cell has activation='sign', whose derivative "
                f"is 0; the algorithm must be {WITHOUT_GRADIENT}, or the activation another one"
            )
        from rnnlatch.gradients import loss_and_gradient  # not before it is used: it needs much

        loss, gradient = loss_and_gradient(self.cell, parameters, self.inputs, self.targets, **self.keywords)
        return loss, {name: value * self.trainable[name] for name, value in gradient.items()}


class Presentations:
    """The batches that a run is shown; it counts them, measures windows, and ends with the run.

    Parameters
    ----------
    run : Run
        What is run.
    parameters : dict of ndarray
        The parameters that each batch is measured at.
    key, stream
        The run's random numbers.

    Attributes
    ----------
    rng : numpy.random.Generator
        The run's own source of random numbers, a function of its key and stream.
    """

    def __init__(self, run: Run, parameters: Parameters, key: NDArray[np.uint32], stream: int) -> None:
        self.rng = np.random.default_rng([*map(int, key), stream])
        self.count = 0
        self.outcome: Outcome | None = None
        self.loss = self.error = 0.0
        self._run, self._parameters = run, parameters
        self._key, self._stream = key, stream
        self._trainable = run.trainable()
        self._start = {name: value.copy() for name, value in parameters.items()}
        self._block: Sample | None = None
        self._block_first = 0
        self._window_cost = self._row_cost = 0.0
        self._window_wrong = self._window_size = self._right_in_a_row = 0
        self._open = False

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        """Close the batch before, whose update is done, and show the next one."""
        self.settle()
        if self.outcome is not None:
            raise StopIteration
        run, size = self._run, self._run.batch_size
        batch = Batch(run.network, self._shown(self.count, size), run.task.loss, run.task.at, self._trainable)
        cost, wrong = measure(run.task, run.network, self._parameters, batch.sample)
        for each, is_wrong in zip(cost.tolist(), wrong.tolist(), strict=True):
            self._count(each, is_wrong)
        self._open = True
        return batch

    def settle(self) -> None:
        """Judge the run after an update: whether it has diverged, met its criterion, or used its presentations up."""
        for name, value in self._parameters.items():
            np.copyto(value, self._start[name], where=self._trainable[name] == 0)
        if not self._open or self.outcome is not None:
            return
        self._open = False
        criterion, window = self._run.criterion, self._run.window
        if not all(np.isfinite(value).all() for value in self._parameters.values()):
            self.outcome = Outcome.DIVERGED
            return
        complete = self._window_size == window
        if criterion is not None and criterion.measure == "consecutive":
            if self._right_in_a_row >= window:
                self.outcome = Outcome.CONVERGED
                self.loss, self.error = self._row_cost / self._right_in_a_row, 0.0
        elif criterion is not None and complete:
            good = self.loss < criterion.threshold if criterion.measure == "cost" else self.error <= criterion.threshold
            self.outcome = Outcome.CONVERGED if good else None
        if complete:
            self._window_cost, self._window_wrong, self._window_size = 0.0, 0, 0
        if self.outcome is None and self.count >= self._run.max_presentations:
            self.outcome = Outcome.EXHAUSTED

    def _count(self, cost: float, wrong: bool) -> None:
        self.count += 1
        self._window_cost += cost
        self._window_wrong += wrong
        self._window_size += 1
        self._right_in_a_row = 0 if wrong else self._right_in_a_row + 1
        self._row_cost = 0.0 if wrong else self._row_cost + cost
        if self._window_size == self._run.window or self.count < self._run.window:
            self.loss, self.error = self._window_cost / self._window_size, self._window_wrong / self._window_size

    def _shown(self, first: int, size: int) -> Sample:
        """Presentations of the run, drawn in blocks."""
        block = self._block
        if block is None or first + size > self._block_first + len(block.inputs):
            task = self._run.task
            few = BLOCK_BYTES // (8 * task.length_range[1] * task.features)
            count = min(max(min(BLOCK, few), size), self._run.max_presentations - first)
            block = task._draw(count, self._key, self._stream, False, first)
            self._block, self._block_first = block, first
        here = slice(first - self._block_first, first - self._block_first + size)
        parts: Any = (None if part is None else part[here] for part in block)
        return Sample(*parts)


def train_in_python(
    run: Run,
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    progress: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Train networks with an algorithm in Python; gives what ``core.train_networks`` gives."""
    if isinstance(run.algorithm, AbsentAlgorithm):
        raise run.algorithm.error()
    assert isinstance(run.algorithm, PythonAlgorithm)
    start = run.initial(key, streams)
    results: dict[str, Any] = {
        "outcome": np.zeros(len(streams), np.uint8),
        "presentations": np.zeros(len(streams), np.int64),
        "presentations_computed": np.zeros(len(streams), np.int64),
        "loss": np.zeros(len(streams)),
        "error": np.zeros(len(streams)),
        "parameters": {name: np.zeros_like(value) for name, value in start.items()},
    }
    for number, stream in enumerate(streams.tolist()):
        parameters = {name: value[number].copy() for name, value in start.items()}
        sequences = Presentations(run, parameters, key, stream)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # divergence is a result
            returned = run.algorithm.train(run, parameters, sequences)
            sequences.settle()
        outcome = Outcome.STUCK if sequences.outcome is None else sequences.outcome
        reported = parameters if returned is None else _check_returned(run, returned, start)
        if not all(np.isfinite(value).all() for value in reported.values()):
            outcome = Outcome.DIVERGED
        results["outcome"][number] = outcome
        results["presentations"][number] = results["presentations_computed"][number] = sequences.count
        results["loss"][number], results["error"][number] = sequences.loss, sequences.error
        for name, value in reported.items():
            results["parameters"][name][number] = value
        if progress is not None:
            progress(number + 1)
    return results


def measure(
    task: Task, cell: NetworkCell, parameters: Parameters, sample: Sample
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give the loss of each sequence, and whether it is wrong."""
    sequences = check_sequences(cell, parameters, sample.inputs, lengths=sample.lengths)
    found = forward(sequences, 1)
    if cell.outputs is not None:
        output = found["output"]
    else:
        output = found["h"] if cell.read_unit is None else found["h"][..., cell.read_unit, None]
    time = sample.inputs.shape[1]
    if task.at == "last":
        y, d = output[:, -1:], sample.targets[:, None]
        weight = np.ones((len(d), 1)) if sample.mask is None else sample.mask[:, None]
    else:
        y, d = output, sample.targets
        weight = np.ones(d.shape[:2]) if sample.mask is None else sample.mask
        weight = np.where(np.arange(time) >= time - sample.lengths[:, None], weight, 0.0)
    cost, right = _judge(task, y, d)
    return np.asarray((cost * weight).sum(axis=1)), np.asarray((~right & (weight > 0)).any(axis=1))


def _judge(task: Task, y: NDArray[np.float64], d: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Loss of each step of each sequence, and whether it is right; the last axis of y is that of outputs."""
    cost: NDArray[np.float64]
    right: NDArray[np.bool_]
    if task.loss == "softmax_cross_entropy":
        largest = y.max(axis=-1)
        wanted = np.take_along_axis(y, d[..., None], -1)[..., 0]
        cost = np.log(np.exp(y - largest[..., None]).sum(axis=-1)) + largest - wanted
        others = y.copy()
        np.put_along_axis(others, d[..., None], -np.inf, -1)
        return cost, np.asarray(wanted > others.max(axis=-1))
    if task.loss == "logistic_cross_entropy":
        cost = (np.logaddexp(0.0, y) - d * y).sum(axis=-1)
        right = np.isfinite(y) & ((y > 0) == (d > 0.5))
        return cost, np.asarray(right.all(axis=-1))
    columns = task.columns()
    cost = 0.5 * ((y - d) ** 2).sum(axis=-1)
    if columns["tolerance"]:
        right = np.abs(y - d) < columns["tolerance"]
    else:
        middle = 0.5 * (columns["target_low"] + columns["target_high"])
        right = (y - middle) * (d - middle) > 0
    return cost, np.asarray(right.all(axis=-1))


def _check_returned(run: Run, returned: object, start: Parameters) -> Parameters:
    """Check what `PythonAlgorithm.train` returned."""
    name = type(run.algorithm).__name__
    if not isinstance(returned, dict) or set(returned) != set(start):
        raise TypeError(f"{name}.train returned {type(returned).__name__}; it must be None or the dict of parameters")
    checked = {key: np.asarray(value, np.float64) for key, value in returned.items()}
    for key, value in checked.items():
        if value.shape != start[key].shape[1:]:
            raise ValueError(f"{name}.train returned {key} with shape {value.shape}; it must be {start[key].shape[1:]}")
    return checked
