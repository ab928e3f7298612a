"""Testing trained networks on sequences."""

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
from rnnlatch._engine import check_threads, evaluate_latch_neurons
from rnnlatch._network_parameters import check_network_parameters
from rnnlatch._network_runs import latch_parameters, network_of
from rnnlatch._network_tests import evaluate_networks
from rnnlatch._parameters import Networks, check_parameters
from rnnlatch._record import canonical_json
from rnnlatch._run_checks import check_sizes
from rnnlatch._variables import provenance
from rnnlatch.cells import LatchNeuron, NetworkCell
from rnnlatch.rng import RNGLike
from rnnlatch.run import in_latch_engine
from rnnlatch.tasks import MinimalLatch, Task, TwoSequence

__all__ = ["evaluate"]

_TRAINED = ("rnnlatch.train", "rnnlatch.sweep", "rnnlatch.replay")


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
        Test sequences for each network, the two classes alternating; at least 1. None: 1000. Not for a `DataTask`, of
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
