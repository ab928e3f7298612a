"""Calls to the compiled core: settings in, arrays out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._config import available_threads
from rnnlatch._dispatch import core
from rnnlatch._memory import available_memory, words
from rnnlatch._minibatch_engine import Kept, train_in_matrices
from rnnlatch._network_runs import latch_parameters, results_of
from rnnlatch._network_tests import evaluate_networks
from rnnlatch.algorithms import Newton, PseudoNewton
from rnnlatch.cells import LatchNeuron
from rnnlatch.run import Run, in_latch_engine
from rnnlatch.tasks import DatasetTask, MinimalLatch

__all__ = ["Progress", "check_threads", "evaluate_latch_neurons", "train_runs"]

_LITTLE = 2**26  # bytes: not worth asking the system


class Progress(Protocol):
    """What the keyword ``progress`` takes: called now and then from the thread that called the function.

    An exception that it raises stops the work and comes out of the function.
    """

    def __call__(self, done_runs: int, total_runs: int, detail: str, /) -> object:
        """Take the state of the work.

        Parameters
        ----------
        done_runs : int
            Runs that are done; the first call tells how many were done before.
        total_runs : int
            Runs there are.
        detail : str
            What is being worked on, such as ``length=20``; may be empty.
        """
        ...


def check_threads(threads: object, default: int | None = None) -> int:
    """Check the keyword ``threads``; None is all processors that this process may use."""
    if threads is None:
        return default or available_threads()
    return validation.integer("threads", threads, at_least=1, at_most=1024)


def train_runs(
    runs: Sequence[Run],
    counts: Sequence[int] | NDArray[np.int64],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    *,
    threads: int,
    record: int = 0,
    progress: Callable[..., object] | None = None,
    kept: Kept | None = None,
) -> dict[str, NDArray[Any]]:
    """Train one network for each stream.

    Parameters
    ----------
    runs : sequence of Run
        The settings, all of one group.
    counts : sequence of int
        How many of the streams have the settings of each.
    key : ndarray of uint32, shape (2,)
        The generator's key.
    streams : ndarray of uint64, shape (n,)
        The streams of the runs.
    threads : int
        Threads of the engine.
    record : int
        Keep the learning curve every so many presentations; 0: not.
    progress : callable, optional
        Called with the number of runs done, and perhaps a text: how far one of them is.
    kept : Kept, optional
        What is kept of runs in matrices.

    Returns
    -------
    dict
        Arrays whose first axis is the run, by the names of a dataset's variables.
    """
    engines = {
        "latch": _train_latch_neurons,
        "networks": _train_networks,
        "matrices": _train_in_matrices,
        "python": _train_in_python,
    }
    call = _Call(runs, np.asarray(counts), key, streams, threads, record, progress, kept)
    results = engines[runs[0].engine](call)
    if "presentations_computed" not in results:
        results["presentations_computed"] = results["presentations"]
    if runs[0].test_presentations and runs[0].engine != "matrices":
        results |= {
            f"test_{name}": value for name, value in _test(runs, counts, key, streams, threads, results).items()
        }
    return results


def evaluate_latch_neurons(
    cell: LatchNeuron,
    task: MinimalLatch,
    presentations: int,
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    params: Mapping[str, NDArray[np.float64]],
    columns: Mapping[str, NDArray[np.float64]],
    threads: int,
) -> dict[str, NDArray[np.float64]]:
    """Test latch neurons on sequences of one length: ``loss``, ``error``, ``state_mean_abs``."""
    result = core.evaluate(
        {**cell.structure(), **task.latch_structure(), "presentations": presentations},
        columns,
        key,
        streams,
        threads,
        params["weight"],
        params["input"],
    )
    result["error"][np.isnan(result["loss"])] = np.nan  # a network that diverged is neither right nor wrong
    return result


class _Call(NamedTuple):
    """The arguments of a call to an engine."""

    runs: Sequence[Run]
    counts: NDArray[np.int64]
    key: NDArray[np.uint32]
    streams: NDArray[np.uint64]
    threads: int
    record: int
    progress: Callable[..., object] | None
    kept: Kept | None

    def columns(self) -> dict[str, NDArray[np.float64]]:
        """What may differ from run to run."""
        columns = [run.columns() for run in self.runs]
        return {name: np.repeat([column[name] for column in columns], self.counts) for name in columns[0]}

    def parts(self) -> Iterator[tuple[Run, NDArray[np.uint64]]]:
        """The settings, each with its streams."""
        ends = np.cumsum(self.counts)
        for run, end, count in zip(self.runs, ends, self.counts, strict=True):
            yield run, self.streams[end - count : end]

    def initial(self) -> dict[str, NDArray[np.float64]]:
        """The parameters that networks start from."""
        drawn = [run.initial(self.key, streams) for run, streams in self.parts()]
        return {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}


def _train_latch_neurons(call: _Call) -> dict[str, NDArray[Any]]:
    starts = [run.starting_input() for run in call.runs]
    given = np.array([start.ravel() for start in starts if start is not None])
    return core.train(
        call.runs[0].structure(call.record),
        call.columns(),
        call.key,
        call.streams,
        call.threads,
        progress=call.progress,
        initial=given.repeat(call.counts, axis=0) if len(given) else None,
    )


def _check_memory(run: Run, runs: int, threads: int) -> None:
    """Raise where training in lanes would take more memory than there is: states, derivatives, stored training sets."""
    from rnnlatch.gradients.memory import needed_memory  # it needs more than the latch's engine does

    steps = run.task.length_range[1]
    lanes = 2 * core.build_info()["lanes_per_register"]
    groups = min(threads, -(-runs // lanes))
    walks = (
        3 if isinstance(run.algorithm, PseudoNewton | Newton) else 1
    )  # with curvatures, or two derivatives, beside it
    needed = walks * needed_memory(run.network, batch=1, time=steps, runs=runs, itemsize=8, many=True, threads=threads)
    if run.algorithm.searches and not isinstance(run.task, DatasetTask):  # whose arrays are used where they are
        needed += groups * (lanes + 1) * (run.task.training_set or 0) * steps * run.task.features * 8
    if needed > _LITTLE and needed > (there := available_memory()):
        raise MemoryError(
            f"training {min(runs, groups * lanes)} networks at a time on sequences of {steps} steps needs {words(needed)}, and "
            f"{words(there)} are available; use fewer threads, a smaller training set or shorter sequences"
        )


def _train_networks(call: _Call) -> dict[str, NDArray[Any]]:
    run = call.runs[0]
    _check_memory(run, len(call.streams), call.threads)
    found = core.train_networks(
        run.structure(),
        call.columns(),
        call.key,
        call.streams,
        call.initial(),
        run.trainable(),
        run.arrays(),
        call.threads,
        progress=call.progress,
    )
    return results_of(run.cell, run.prefix, found)


def _train_in_matrices(call: _Call) -> dict[str, NDArray[Any]]:
    return train_in_matrices(list(call.parts()), call.key, call.threads, call.record, call.progress, call.kept)


def _train_in_python(call: _Call) -> dict[str, NDArray[Any]]:
    from rnnlatch._python_runs import train_in_python  # it needs more than the other engines do

    parts, done = [], 0
    for run, streams in call.parts():
        report = None if call.progress is None else lambda more, so_far=done: call.progress(so_far + more)  # type: ignore[misc]
        parts.append(results_of(run.cell, run.prefix, train_in_python(run, call.key, streams, report)))
        done += len(streams)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _test(
    runs: Sequence[Run],
    counts: Sequence[int] | NDArray[np.int64],
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    threads: int,
    results: Mapping[str, NDArray[Any]],
) -> dict[str, NDArray[np.float64]]:
    """Test trained networks on fresh sequences of their own streams."""
    run = runs[0]
    presentations, cell, task = run.test_presentations, run.cell, run.task
    if isinstance(cell, LatchNeuron) and isinstance(task, MinimalLatch) and in_latch_engine(cell, task):
        columns = [each.task.latch_columns() for each in runs if isinstance(each.task, MinimalLatch)]
        repeated = {name: np.repeat([column[name] for column in columns], counts) for name in columns[0]}
        tested = evaluate_latch_neurons(cell, task, presentations, key, streams, results, repeated, threads)
        return {name: tested[name] for name in ("loss", "error")}
    columns = [each.task.columns() for each in runs]
    repeated = {name: np.repeat([column[name] for column in columns], counts) for name in columns[0]}
    params = (
        latch_parameters(results["weight"], results["input"])
        if isinstance(cell, LatchNeuron)
        else {name: results[name] for name in cell.parameter_shapes}
    )
    structure = run.network.structure(task.loss, task.at) | task.structure()
    return evaluate_networks(structure, presentations, key, streams, params, repeated, run.arrays(), threads)
