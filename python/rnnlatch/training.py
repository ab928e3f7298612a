"""Training and testing networks: many independent ones at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._dispatch import core, isa
from rnnlatch._engine import Progress, check_threads, train_runs
from rnnlatch._parameters import check_parameters
from rnnlatch._record import canonical_json
from rnnlatch._variables import curves, dataset, provenance, variables
from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LatchNeuron
from rnnlatch.criterion import Criterion
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run, check_record
from rnnlatch.tasks import MinimalLatch

__all__ = ["Run", "evaluate", "replay", "train"]

LARGEST_RUNS = 2**40


def train(
    cell: LatchNeuron,
    task: MinimalLatch,
    algorithm: GradientDescent,
    *,
    runs: int,
    max_presentations: int,
    criterion: Criterion | None = Criterion(),  # noqa: B008, it is frozen
    record: int | None = None,
    rng: RNGLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> xr.Dataset:
    """Train independent networks that differ in nothing but their random numbers.

    Parameters
    ----------
    cell : LatchNeuron
        The network and its initial parameters.
    task : MinimalLatch
        What it is trained on.
    algorithm : GradientDescent
        How.
    runs : int
        Networks, at least 1.
    max_presentations : int
        Where each run stops at the latest: presentations, a multiple of the batch size.
    criterion : Criterion or None
        When a run has converged and stops; None: never.
    record : int, optional
        Keep learning curves: cost, norm of the gradient and parameters of the batch that ends at every `record`-th
        presentation; a multiple of the batch size.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it, to the last bit.
    progress : callable, optional
        Called with runs done, runs in all, and a text; see `rnnlatch.sweep.Progress`.

    Returns
    -------
    Dataset
        Over the dimension ``run``: ``outcome`` (see `rnnlatch.Outcome`), ``presentations``, ``loss``, ``error``, and
        the trained parameters ``weight`` and ``input`` (run, class, step). With `record` also ``record_loss``,
        ``record_gradient_norm``, ``record_weight`` and ``record_input`` over (run, presentation, …), NaN after a run's
        stop. All are dimensionless except the counts.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    A run that diverges is a result (``outcome``), not an error.

    Source: Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient descent is difficult",
    IEEE Transactions on Neural Networks 5(2):157-166, 1994, section III.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> task = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.1)
    >>> algo = rl.algorithms.GradientDescent(learning_rate=0.1)
    >>> out = rl.train(rl.cells.LatchNeuron(w=1.5), task, algo, runs=8, max_presentations=2000, rng=0)
    >>> dict(out.input.sizes)
    {'run': 8, 'class': 2, 'step': 3}
    >>> bool((out.outcome == rl.Outcome.CONVERGED).all())
    True
    """
    run = Run(cell, task, algorithm, criterion, max_presentations)
    runs = validation.integer("runs", runs, at_least=1, at_most=LARGEST_RUNS)
    threads = check_threads(threads)
    every = check_record(run, record)
    seed = seeds.normalise(rng)
    report = None if progress is None else lambda done: progress(done, runs, "")
    result = train_runs(
        run,
        seed.key(),
        seeds.streams(seeds.stream_base({}), 0, runs),
        threads=threads,
        record=every,
        progress=report,  # type: ignore[arg-type]  # what it returns is of no interest
    )
    if progress is not None:
        progress(runs, runs, "")
    return _dataset_of(run, result, "rnnlatch.train", seed, every, {"run": np.arange(runs)})


def replay(
    run: Run,
    point: Mapping[str, Any] | None = None,
    trial: int = 0,
    *,
    rng: RNGLike,
    common: tuple[str, ...] = (),
    record: int | None = 1,
) -> xr.Dataset:
    """Do one run again, of `train` or of a sweep, with everything recorded.

    Parameters
    ----------
    run : Run
        What the study returned for the grid point.
    point : mapping, optional
        The grid point: axis name to value. None or {}: a run of `train`.
    trial : int
        The number of the run at its grid point, from 0.
    rng : int, SeedSequence, … or str
        What the sweep was started with, or the attribute ``rng`` of its dataset.
    common : sequence of str
        The axes that share their random numbers, as in the sweep.
    record : int or None
        Keep the learning curve every so many presentations, a multiple of the batch size; 1 is taken for a whole
        batch. None: not.

    Returns
    -------
    Dataset
        As from `train` with `record`, without the dimension ``run``: its number and the grid point are coordinates.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> task = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.1)
    >>> parts = rl.cells.LatchNeuron(w=1.5), task, rl.algorithms.GradientDescent()
    >>> out = rl.train(*parts, runs=8, max_presentations=200, rng=0)
    >>> again = rl.replay(rl.Run(*parts, max_presentations=200), trial=5, rng=0)
    >>> bool(again.loss == out.loss[5])
    True
    """
    validation.instance("run", run, Run, "an rnnlatch.Run")
    trial = validation.integer("trial", trial, at_least=0, at_most=LARGEST_RUNS)
    point = dict(point or {})
    unknown = [axis for axis in common if axis not in point]
    if unknown:
        raise validation.fail("common", tuple(common), f"names of axes of the point: {', '.join(point) or 'none'}")
    seed = seeds.normalise(rng)
    every = check_record(run, run.batch_size if record == 1 else record)
    base = seeds.stream_base({axis: value for axis, value in point.items() if axis not in common})
    result = train_runs(run, seed.key(), seeds.streams(base, trial, 1), threads=1, record=every)
    coordinates = {"run": np.array([trial])} | point
    return _dataset_of(run, result, "rnnlatch.replay", seed, every, coordinates).isel(run=0)


def evaluate(
    cell: LatchNeuron,
    params: Mapping[str, Any] | xr.Dataset,
    task: MinimalLatch,
    *,
    presentations: int = 1000,
    rng: RNGLike | None = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Test trained networks on fresh sequences.

    Parameters
    ----------
    cell : LatchNeuron
        The kind of network.
    params : mapping of arrays or Dataset
        ``weight``, shape () or (run,), and ``input``, shape (class, step) or (run, class, step); a dataset from `train`
        or `sweep` as it is, whatever dimensions its runs have.
    task : MinimalLatch
        What it is tested on: its prefix is that of ``input``; its training set, if it has one, is not used.
    presentations : int
        Test sequences for each network, the two classes alternating; at least 1.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start. Test sequences are independent of training sequences with the same `rng`.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    Dataset
        Over ``run`` (or the dimensions of the dataset given; none for a single network): ``loss``, the mean cost;
        ``error``, the fraction of sequences whose last state has the wrong sign; ``state_mean_abs``, the mean size of
        the last state. All dimensionless; NaN for a network with a parameter that is NaN or leads to it.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Examples
    --------
    A unit that was set up by hand and keeps its bit for 100 steps:

    >>> import rnnlatch as rl
    >>> params = {"weight": 2.0, "input": [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]}
    >>> task = rl.tasks.MinimalLatch(length=100, prefix=3, noise_std=0.1)
    >>> float(rl.evaluate(rl.cells.LatchNeuron(), params, task, rng=0).error)
    0.0
    """
    validation.instance("cell", cell, LatchNeuron, "a cell: rnnlatch.cells.LatchNeuron(…)")
    validation.instance("task", task, MinimalLatch, "a task: rnnlatch.tasks.MinimalLatch(…)")
    presentations = validation.integer("presentations", presentations, at_least=1, at_most=2**32 - 1)
    threads = check_threads(threads)
    networks = check_parameters(cell, params, task.prefix)
    seed = seeds.normalise(rng)
    count = networks.count
    result = core.evaluate(
        {**cell.structure(), **task.latch_structure(), "presentations": presentations},
        {name: np.full(count, value) for name, value in task.latch_columns().items()},
        seed.key(),
        seeds.streams(seeds.stream_base({}), 0, count),
        threads,
        networks.arrays["weight"],
        networks.arrays["input"],
    )
    # A run that diverged has no sign at its last step, neither right nor wrong.
    result["error"][np.isnan(result["loss"])] = np.nan
    named = {
        "loss": "mean cost over the test sequences",
        "error": "fraction of test sequences with the wrong sign",
        "state_mean_abs": "mean size of the last state",
    }
    attrs = provenance("rnnlatch.evaluate", seed.to_json()) | {
        "isa": isa,
        "parameters": canonical_json({"cell": cell.to_dict(), "task": task.to_dict(), "presentations": presentations}),
    }
    data = {
        name: xr.Variable(networks.dims, result[name].reshape(networks.shape), {"long_name": words, "units": "1"})
        for name, words in named.items()
    }
    return xr.Dataset(data, networks.coords, attrs)


def _dataset_of(
    run: Run,
    result: Mapping[str, NDArray[Any]],
    source: str,
    seed: seeds.Seed,
    every: int,
    coordinates: dict[str, Any],
) -> xr.Dataset:
    described = variables(run)
    if every:
        described = described | curves(run)
        coordinates = coordinates | {"presentation": every * np.arange(1, run.max_presentations // every + 1)}
    attrs = provenance(source, seed.to_json()) | {"isa": isa, "parameters": canonical_json(run.to_dict())}
    return dataset(described, result, ("run",), coordinates, attrs)
