"""Training and testing networks: many independent ones at once."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch import rng as seeds
from rnnlatch import validation
from rnnlatch._dispatch import isa
from rnnlatch._engine import Progress, check_threads, evaluate_latch_neurons, evaluate_networks, train_runs
from rnnlatch._network_parameters import check_network_parameters
from rnnlatch._network_runs import latch_parameters, network_of
from rnnlatch._parameters import Networks, check_parameters
from rnnlatch._record import canonical_json
from rnnlatch._variables import curves, dataset, provenance, variables
from rnnlatch.algorithms import Algorithm
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.criterion import Criterion
from rnnlatch.rng import RNGLike
from rnnlatch.run import Run, check_record, check_sizes, in_latch_engine
from rnnlatch.tasks import MinimalLatch, Task, TwoSequence

__all__ = ["Run", "evaluate", "replay", "train"]

LARGEST_RUNS = 2**40

_TRAINED = ("rnnlatch.train", "rnnlatch.sweep", "rnnlatch.replay")


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
    rng: RNGLike | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
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
        Keep learning curves: cost, norm of the gradient and parameters of the batch that ends at every `record`-th
        presentation; a multiple of the batch size. Only for a `LatchNeuron` on a `MinimalLatch` of one length by
        `GradientDescent`.
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
        the trained parameters: of a `LatchNeuron` ``weight`` and ``input`` (run, class, step), of other networks by their
        names in PyTorch, so that functions such as those of `rnnlatch.gradients` take the dataset as it is. With
        `test_presentations` also ``test_loss`` and ``test_error``. ``presentations_computed``, where it can differ, says
        how many of the presentations that a search counts had to be run. With `record` also ``record_loss``,
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
    run = Run(cell, task, algorithm, criterion, max_presentations, test_presentations)
    runs = validation.integer("runs", runs, at_least=1, at_most=LARGEST_RUNS)
    threads = check_threads(threads)
    every = check_record(run, record)
    seed = seeds.normalise(rng)
    report = None if progress is None else lambda done: progress(done, runs, "")
    result = train_runs(
        [run],
        [runs],
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
        batch. None: not. Of runs that keep no curve (see `train`) 1 is taken for None.

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
        record = run.batch_size if run.engine == "latch" else None
    every = check_record(run, record)
    base = seeds.stream_base({axis: value for axis, value in point.items() if axis not in common})
    result = train_runs([run], [1], seed.key(), seeds.streams(base, trial, 1), threads=1, record=every)
    coordinates = {"run": np.array([trial])} | point
    found = _dataset_of(run, result, "rnnlatch.replay", seed, every, coordinates).isel(run=0)
    return found.assign_attrs(axes=canonical_json(list(point)), common=canonical_json(list(common)))


def evaluate(
    cell: LatchNeuron | NetworkCell,
    params: Mapping[str, Any] | xr.Dataset,
    task: Task,
    *,
    presentations: int | None = None,
    rng: RNGLike | None = None,
    threads: int | None = None,
) -> xr.Dataset:
    """Test trained networks on fresh sequences.

    Parameters
    ----------
    cell : LatchNeuron, VanillaRNN, DiagonalRNN, LSTM or GRU
        The kind of network.
    params : mapping of arrays or Dataset
        The parameters by name: of a `LatchNeuron` ``weight``, shape () or (run,), and ``input``, shape (class, step) or
        (run, class, step). A dataset from `train` or `sweep` as it is, whatever dimensions its runs have.
    task : Task
        What it is tested on; of a `MinimalLatch` the prefix is that of ``input``. Its training set, if it has one, is not
        used. A `TwoSequence` that draws its prototypes draws them for each run: see the notes.
    presentations : int, optional
        Test sequences for each network, the two classes alternating; at least 1. None: 1000. Not for a `DatasetTask`, of
        which each sequence is shown once.
    rng : {None, int, sequence of int, SeedSequence, Generator}
        Where the random numbers start. Test sequences are independent of training sequences with the same `rng`.
    threads : int, optional
        Threads of the engine; None: all processors. The result does not depend on it.

    Returns
    -------
    Dataset
        Over ``run`` (or the dimensions of the dataset given; none for a single network): ``loss``, the mean cost;
        ``error``, the fraction of sequences that are wrong; of a `LatchNeuron` on sequences of one length also
        ``state_mean_abs``, the mean size of the last state. All dimensionless; NaN for a network with a parameter that is
        NaN or leads to it.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    The prototypes of a `TwoSequence` belong to a run: a network can only be tested on those that it was trained with. For a
    dataset from `train` or `sweep` they are drawn as they were there, and so are the test sequences: `rng` is then that of
    the training, or None. For other parameters, run k is that of ``train(…, rng=rng)``.

    Examples
    --------
    A unit that was set up by hand and keeps its bit for 100 steps:

    >>> import rnnlatch as rl
    >>> params = {"weight": 2.0, "input": [[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]}
    >>> task = rl.tasks.MinimalLatch(length=100, prefix=3, noise_std=0.1)
    >>> float(rl.evaluate(rl.cells.LatchNeuron(), params, task, rng=0).error)
    0.0
    """
    if not isinstance(cell, NetworkCell):
        cells = "a cell: rnnlatch.cells.LatchNeuron(…), VanillaRNN, DiagonalRNN, LSTM or GRU"
        validation.instance("cell", cell, LatchNeuron, cells)
    validation.instance("task", task, Task, "a task, such as rnnlatch.tasks.MinimalLatch(…)")
    check_sizes(cell, task)
    if task.fresh:
        wanted = 1000 if presentations is None else presentations
        presentations = validation.integer("presentations", wanted, at_least=1, at_most=2**32 - 1)
    elif presentations is None:
        presentations = task.training_set or 0
    else:
        raise validation.fail(
            "presentations", presentations, f"None for a {type(task).__name__}, all of which is shown"
        )
    threads = check_threads(threads)
    networks = _networks(cell, params, task)
    seed, streams = _test_streams(networks, params, task, rng)
    columns = {name: np.full(networks.count, value) for name, value in task.columns().items()}
    named = {"loss": "mean cost over the test sequences", "error": "fraction of wrong test sequences"}
    if isinstance(cell, LatchNeuron) and isinstance(task, MinimalLatch) and in_latch_engine(cell, task):
        columns = {name: np.full(networks.count, value) for name, value in task.latch_columns().items()}
        result = evaluate_latch_neurons(
            cell, task, presentations, seed.key(), streams, networks.arrays, columns, threads
        )
        named["error"] = "fraction of test sequences with the wrong sign"
        named["state_mean_abs"] = "mean size of the last state"
    else:
        network = network_of(cell, task.prefix if isinstance(task, MinimalLatch) else 0)
        arrays = networks.arrays
        if isinstance(cell, LatchNeuron):
            arrays = latch_parameters(arrays["weight"], arrays["input"])
        same_step = getattr(network, "same_step", None)
        given = task.arrays() | ({} if same_step is None else {"same_step": np.array(same_step, np.uint8)})
        structure = network.structure(task.loss, task.at) | task.structure()
        result = evaluate_networks(structure, presentations, seed.key(), streams, arrays, columns, given, threads)
    attrs = provenance("rnnlatch.evaluate", seed.to_json()) | {
        "isa": isa,
        "parameters": canonical_json({"cell": cell.to_dict(), "task": task.to_dict(), "presentations": presentations}),
    }
    data = {
        name: xr.Variable(networks.dims, result[name].reshape(networks.shape), {"long_name": words, "units": "1"})
        for name, words in named.items()
    }
    return xr.Dataset(data, networks.coords, attrs)


def _networks(cell: LatchNeuron | NetworkCell, params: Mapping[str, Any] | xr.Dataset, task: Task) -> Networks:
    """Check parameters; those of networks that diverged, in a dataset, stay NaN."""
    if isinstance(cell, LatchNeuron):
        assert isinstance(task, MinimalLatch)
        return check_parameters(cell, params, task.prefix)
    if not isinstance(params, xr.Dataset):
        networks = check_network_parameters(cell, params)
        arrays = networks.arrays if networks.shape else {name: value[None] for name, value in networks.arrays.items()}
    else:
        names = [name for name in cell.parameter_shapes if name in params]
        there: Any = np.isfinite(params[names])
        networks = check_network_parameters(
            cell, params.assign({name: params[name].where(there[name], 0) for name in names})
        )
        whole: Any = xr.DataArray(True)
        for name in names:
            whole = whole & there[name].all([dim for dim in cell.parameters()[name].dims if dim in there[name].dims])
        broken: NDArray[np.bool_] = ~whole.transpose(*networks.dims).values.reshape(-1)
        arrays = {name: value if networks.shape else value[None] for name, value in networks.arrays.items()}
        if broken.any():
            arrays = {name: value.copy() for name, value in arrays.items()}
            for value in arrays.values():
                value[broken] = np.nan
    return replace(networks, arrays={name: np.ascontiguousarray(value, np.float64) for name, value in arrays.items()})


def _test_streams(
    networks: Networks, params: Mapping[str, Any] | xr.Dataset, task: Task, rng: RNGLike | None
) -> tuple[seeds.Seed, NDArray[np.uint64]]:
    """Give the seed and the streams of the networks' test sequences."""
    plain = seeds.streams(seeds.stream_base({}), 0, networks.count)
    prototypes_drawn = isinstance(task, TwoSequence) and task.prototypes is None
    trained = isinstance(params, xr.Dataset) and params.attrs.get("source") in _TRAINED
    if not prototypes_drawn or not trained:
        return seeds.normalise(rng), plain
    assert isinstance(params, xr.Dataset)
    seed = seeds.normalise(params.attrs["rng"])
    if rng is not None and seeds.normalise(rng) != seed:
        raise ValueError(
            f"rng is {validation.show(rng)}, and the prototypes of the task were drawn with that of the training; it must "
            "be the same, or None, or the task be given prototypes"
        )
    common = json.loads(params.attrs.get("common", "[]"))
    axes = [axis for axis in json.loads(params.attrs.get("axes", "[]")) if axis not in common]
    lost = [name for name in (*axes, "run") if name not in params.coords]
    if lost:
        raise ValueError(
            f"params has lost the coordinate {lost[0]}, which says with which random numbers its runs were trained; select "
            "with isel(…=…) or sel(…=…), which keep it"
        )
    outer = xr.Dataset(coords=networks.coords)
    places = {
        name: params[name].broadcast_like(outer).transpose(*networks.dims) if networks.dims else params[name]
        for name in (*axes, "run")
    }
    flat = {name: np.broadcast_to(value.values, networks.shape).reshape(-1) for name, value in places.items()}
    bases: dict[tuple[Any, ...], int] = {}
    streams = np.zeros(networks.count, np.uint64)
    for number in range(networks.count):
        point = tuple(flat[axis][number].item() for axis in axes)
        if point not in bases:
            bases[point] = seeds.stream_base(dict(zip(axes, point, strict=True)))
        streams[number] = seeds.streams(bases[point], int(flat["run"][number]), 1)[0]
    return seed, streams


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
