"""Training and testing networks: many independent ones at once."""

import os
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._checkpoint import Checkpoint
from rnnlatch._dispatch import isa
from rnnlatch._drivers import into_matrices
from rnnlatch._engine import Progress, check_threads, train_runs
from rnnlatch._evaluation import evaluate
from rnnlatch._record import canonical_json
from rnnlatch._variables import curves, dataset, provenance, variables
from rnnlatch.algorithms import Algorithm
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.criterion import Criterion
from rnnlatch.early_stopping import EarlyStopping
from rnnlatch.progress import check_progress, drawn
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run, check_record
from rnnlatch.tasks import Task

__all__ = ["Run", "evaluate", "replay", "train"]

LARGEST_RUNS = 2**40


def train(
    cell: LatchNeuron | NetworkCell,
    task: Task,
    algorithm: Algorithm,
    *,
    runs: int,
    max_presentations: int,
    criterion: Criterion | None = Criterion(),  # noqa: B008, it is frozen
    test_presentations: int = 0,
    record: int | None = None,
    driver: Literal["lanes", "matrices"] | None = None,
    precision: Literal["float64", "float32"] = "float64",
    early_stopping: EarlyStopping | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 60.0,
    rng: RNGLike | None = None,
    threads: int | None = None,
    progress: Progress | bool | None = None,
) -> xr.Dataset:
    """Train independent networks that differ in nothing but their random numbers.

    Parameters
    ----------
    cell : LatchNeuron, VanillaRNN, DiagonalRNN, LSTM or GRU
        The network and its initial parameters. A `LatchNeuron` learns a `MinimalLatch`.
    task : Task
        What it is trained on; see `rnnlatch.tasks`.
    algorithm : Algorithm
        How; see `rnnlatch.algorithms`.
    runs : int
        Networks, at least 1.
    max_presentations : int
        Where each run stops at the latest: presentations, a multiple of the batch size; of a search, of the size of the
        training set.
    criterion : Criterion or None
        When a run has converged and stops; None: never.
    test_presentations : int
        Fresh sequences on which each trained network is tested at the end; 0: it is not.
    record : int, optional
        Keep learning curves, a point every so many presentations; a multiple of the batch size. Of networks by
        `GradientDescent`, `Adam` and `RMSprop`, which it puts into matrices; and of a `LatchNeuron` on a `MinimalLatch` of
        one length by `GradientDescent`.
    driver, precision
        What walks the networks, and with which numbers; see `rnnlatch.Run`.
    early_stopping : EarlyStopping or None
        A validation set: the parameters are those with which it costs least, and a run may stop where it costs no less.
    checkpoint : path, optional
        A file that keeps how far every run is: it is written now and then, on Ctrl-C and at the end, and the same call goes
        on from there; what comes out is the same, to the last bit. One of another training is refused. Like `record` it
        is for `GradientDescent`, `Adam` and `RMSprop`, and puts networks into matrices.
    checkpoint_seconds : float
        How much time a process that is killed can lose, above 0.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start, as in SPEC 7; see `rnnlatch.rng.normalise`. None with a checkpoint that is there
        goes on with its seed.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it, to the last bit. Of networks in
        matrices each has one, or several where they are fewer than threads.
    progress : callable or bool, optional
        Called with runs done, runs in all, and a text; see `rnnlatch.sweep.Progress`. True draws that: a line on standard
        error where that is a terminal, a bar below the cell of a notebook, nothing elsewhere.

    Returns
    -------
    Dataset
        Over the dimension ``run``: ``outcome`` (see `rnnlatch.Outcome`), ``presentations``, ``loss``, ``error``, and
        the trained parameters: of a `LatchNeuron` ``weight`` and ``input`` (run, class, step), of other networks by their
        names in PyTorch, so that functions such as those of `rnnlatch.gradients` take the dataset as it is. With
        `test_presentations` also ``test_loss`` and ``test_error``; with `early_stopping` ``validation_loss``, the lowest mean
        cost of the validation set, and ``validation_presentations``, after how many that was. ``presentations_computed``,
        where it can differ, says how many of the presentations that a search counts had to be run. All are dimensionless
        except the counts.

        With `record` also curves over (run, presentation), NaN after a run's stop. Of networks: means over the `record`
        presentations before, ``record_loss`` and ``record_error`` of what they were trained on, ``record_gradient_norm``
        and its largest, ``record_gradient_norm_max``, both before clipping, ``record_clipped``, the fraction of updates
        whose gradient was longer than ``clip_norm``, with Omega ``record_omega``; and with
        ``Criterion(measure="test_error")`` ``record_test_error``, the last test, NaN where there was none; with
        `early_stopping` in the same way ``record_validation_loss``. Of a `LatchNeuron`: ``record_loss``,
        ``record_gradient_norm``, ``record_weight`` and ``record_input`` of the batch that ends there.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, or the checkpoint cannot be used (`rnnlatch.store.StoreError`).
    MemoryError
        If it would take more memory than is available.

    Notes
    -----
    A run that diverges is a result (``outcome``), not an error. Its parameters are those that were not finite, of a run in
    matrices the last finite ones.

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

    A larger network, and what its training was like:

    >>> cell = rl.cells.GRU(inputs=1, hidden=32, outputs=1)
    >>> task = rl.tasks.TwoSequence(length=8, prefix=3, noise_std=0.1)
    >>> algo = rl.algorithms.Adam(learning_rate=0.01, batch_size=20)
    >>> out = rl.train(cell, task, algo, runs=2, max_presentations=8000, criterion=None, record=2000, rng=0)
    >>> bool((out.record_loss.isel(presentation=-1) < out.record_loss.isel(presentation=0)).all())
    True
    """
    run = Run(
        cell, task, algorithm, criterion, max_presentations, test_presentations, driver, precision, early_stopping
    )
    if record is not None and run.engine == "networks":
        run = into_matrices(run, "record", record)
    if checkpoint is not None:
        run = into_matrices(run, "checkpoint", checkpoint)
    runs = validation.integer("runs", runs, at_least=1, at_most=LARGEST_RUNS)
    threads = check_threads(threads)
    every = check_record(run, record)
    seconds = validation.number("checkpoint_seconds", checkpoint_seconds, above=0)
    check_progress(progress)
    with ExitStack() as stack:
        called = stack.enter_context(drawn(progress, ""))
        kept = None
        if checkpoint is not None:
            kept = stack.enter_context(Checkpoint(checkpoint, seconds, run, runs, every, rng))
        seed = seeds.normalise(rng) if kept is None else kept.seed
        try:
            return _train(run, runs, every, seed, threads, called, kept)
        except KeyboardInterrupt:
            if kept is None:
                raise
            words = f"stopped: how far the runs are is kept in {kept.name}; the same call goes on from there"
            raise KeyboardInterrupt(words) from None


def _train(
    run: Run,
    runs: int,
    every: int,
    seed: seeds.Seed,
    threads: int,
    progress: Progress | None,
    kept: Checkpoint | None,
) -> xr.Dataset:
    report = None if progress is None else lambda done, detail="": progress(done, runs, detail)
    result = train_runs(
        [run],
        [runs],
        seed.key(),
        seeds.streams(seeds.stream_base({}), 0, runs),
        threads=threads,
        record=every,
        progress=report,
        kept=kept,
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
        batch. None: not. Of runs that keep no curve, see `train`, 1 is taken for None.

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
    if record == 1:
        record = run.batch_size if run.engine in ("latch", "matrices") else None
    every = check_record(run, record)
    base = seeds.stream_base({axis: value for axis, value in point.items() if axis not in common})
    threads = check_threads(None) if run.engine == "matrices" else 1
    result = train_runs([run], [1], seed.key(), seeds.streams(base, trial, 1), threads=threads, record=every)
    coordinates = {"run": np.array([trial])} | point
    found = _dataset_of(run, result, "rnnlatch.replay", seed, every, coordinates).isel(run=0)
    return found.assign_attrs(axes=canonical_json(list(point)), common=canonical_json(list(common)))


def _dataset_of(
    run: Run,
    result: Mapping[str, NDArray[Any]],
    source: str,
    seed: seeds.Seed,
    every: int,
    coordinates: dict[str, Any],
) -> xr.Dataset:
    described = variables(run)
    result = {name: result[name] for name in (described | curves(run) if every else described)}
    if every:
        described = described | curves(run)
        coordinates = coordinates | {"presentation": every * np.arange(1, run.max_presentations // every + 1)}
    attrs = provenance(source, seed.to_json()) | {"isa": isa, "parameters": canonical_json(run.to_dict())}
    return dataset(described, result, ("run",), coordinates, attrs)
