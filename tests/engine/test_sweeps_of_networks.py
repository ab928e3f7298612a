"""Sweeps of networks: whoever computes them, stored and resumed; algorithms side by side; networks of several sizes."""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from own_algorithms import PlainDescent
from rnnlatch.store import StoreMismatchError

A, C, T = rl.algorithms, rl.cells, rl.tasks
RIGHT = rl.Criterion(measure="consecutive")
RUNS = 5
AXES: dict[str, Any] = {"length": [4, 7], "learning_rate": [0.0, 0.2]}


def study(length: int, learning_rate: float = 0.1, hidden: int = 2) -> rl.Run:
    task = T.TwoSequence(length=(length - 1, length), prefix=3, noise_std=0.1, sequences_per_class=4)
    cell = C.VanillaRNN(inputs=1, hidden=hidden, outputs=1)
    return rl.Run(cell, task, A.GradientDescent(learning_rate=learning_rate), RIGHT, 400, 50)


def swept(**given: Any) -> xr.Dataset:
    settings: dict[str, Any] = {"study": study, "axes": AXES, "runs": RUNS, "rng": 1}
    return rl.sweep(**(settings | given))


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept()


def test_the_dataset_is_labelled(whole: xr.Dataset) -> None:
    assert dict(whole.sizes) == {
        "length": 2,
        "learning_rate": 2,
        "run": RUNS,
        "row": 2,
        "input": 1,
        "hidden": 2,
        "output": 1,
    }
    assert whole.weight_hh_l0.dims == ("length", "learning_rate", "run", "row", "hidden")
    assert {"presentations_computed", "test_loss", "test_error"} <= set(whole.data_vars)
    for name in (*whole.coords, *whole.data_vars):
        assert whole[name].attrs["long_name"], name
    assert json.loads(whole.attrs["axes"]) == ["length", "learning_rate"]


@pytest.mark.parametrize("chunk_runs", [1, 7, None])
def test_threads_and_chunks_do_not_matter(whole: xr.Dataset, chunk_runs: int | None) -> None:
    xr.testing.assert_identical(swept(threads=2, chunk_runs=chunk_runs), whole)


def test_workers_and_stores_do_not_matter(whole: xr.Dataset, tmp_path: Path) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        stored = swept(executor=executor, chunk_runs=3, store=tmp_path / "sweep.sqlite")
    xr.testing.assert_identical(stored.load(), whole)
    store = rl.open_store(tmp_path / "sweep.sqlite")
    again = store.replay({"length": 7, "learning_rate": 0.2}, 2)
    xr.testing.assert_equal(again, whole.sel(length=7, learning_rate=0.2).isel(run=2))
    summary = store.summary()
    np.testing.assert_allclose(summary.test_error_mean, whole.test_error.mean("run"))
    np.testing.assert_allclose(summary.weight_hh_l0_mean, whole.weight_hh_l0.mean("run"))
    assert (summary.stuck == 0).all()


def test_a_store_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"
    swept(store=path)
    with pytest.raises(StoreMismatchError, match=r"test_presentations: stored 50, asked nothing"):
        swept(store=path, study=lambda **axes: rl.Run(*_parts(study(**axes))))


def _parts(run: rl.Run) -> tuple[Any, ...]:
    return run.cell, run.task, run.algorithm, run.criterion, run.max_presentations


def test_a_sweep_is_tested_with_its_own_prototypes(whole: xr.Dataset) -> None:
    cell = C.VanillaRNN(inputs=1, hidden=2, outputs=1)
    for common in ((), ("learning_rate",)):
        ds = swept(common=common)
        for length in AXES["length"]:
            part = ds.sel(length=length)
            tested = rl.evaluate(cell, part, study(length).task, presentations=50)
            xr.testing.assert_equal(tested.error.transpose("learning_rate", "run"), part.test_error.rename("error"))
    alone = whole.isel(length=1, learning_rate=0, run=3)
    assert float(rl.evaluate(cell, alone, study(7).task, presentations=50).loss) == float(alone.test_loss)
    run = study(7, 0.2)
    again = rl.replay(run, {"length": 7, "learning_rate": 0.2}, 3, rng=1)
    assert float(rl.evaluate(cell, again, run.task, presentations=50).loss) == float(again.test_loss)


ALGORITHMS: dict[str, rl.algorithms.Algorithm] = {
    "descent": A.GradientDescent(learning_rate=0.0),
    "adam": A.Adam(learning_rate=0.0),
    "annealing": A.SimulatedAnnealing(),
    "own": PlainDescent(learning_rate=0.0),
}


def compared(algorithm: str, length: int) -> rl.Run:
    task = T.Parity(length=length, noise_std=0.1, sequences_per_class=3)
    cell = C.VanillaRNN(inputs=1, hidden=2, read_unit=1)
    return rl.Run(cell, task, ALGORITHMS[algorithm], None, 6)


def test_a_common_axis_of_algorithms_shares_networks_and_training_sets() -> None:
    axes: dict[str, Any] = {"algorithm": list(ALGORITHMS), "length": [3, 5]}
    ds = rl.sweep(compared, axes, common=("algorithm",), runs=4, rng=0)
    first = ds.sel(algorithm="descent")
    for name in ALGORITHMS:
        # No algorithm has moved yet: with the same start the same set has the same cost.
        one = ds.sel(algorithm=name)
        assert (one.presentations == 6).all()
        np.testing.assert_allclose(one.loss, first.loss, rtol=1e-12)
        for parameter in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
            np.testing.assert_array_equal(one[parameter], first[parameter])
    apart = rl.sweep(compared, axes, runs=4, rng=0)
    assert not (apart.sel(algorithm="adam").loss == apart.sel(algorithm="descent").loss).any()


def test_a_latch_neuron_may_be_in_both_engines() -> None:
    def both(algorithm: str) -> rl.Run:
        task = T.MinimalLatch(length=6, prefix=2, noise_std=0.2, sequences_per_class=3)
        algorithms = {"descent": A.GradientDescent(learning_rate=0.0), "adam": A.Adam(learning_rate=0.0)}
        return rl.Run(C.LatchNeuron(), task, algorithms[algorithm], None, 60)

    ds = rl.sweep(both, {"algorithm": ["descent", "adam"]}, common=["algorithm"], runs=3, rng=0)
    assert (ds.presentations_computed == 60).all()
    np.testing.assert_array_equal(ds.input.sel(algorithm="adam"), ds.input.sel(algorithm="descent"))
    np.testing.assert_allclose(ds.loss.sel(algorithm="adam"), ds.loss.sel(algorithm="descent"), rtol=1e-12)


def test_networks_of_several_sizes_and_parameters_share_a_dataset(tmp_path: Path) -> None:
    def sized(units: int, bias: bool) -> rl.Run:
        task = T.Parity(length=4, noise_std=0)
        cell = C.VanillaRNN(inputs=1, hidden=units, outputs=1, bias=bias)
        return rl.Run(cell, task, A.GradientDescent(), None, 20)

    axes: dict[str, Any] = {"units": [1, 3], "bias": [False, True]}
    ds = rl.sweep(sized, axes, runs=2, rng=0)
    assert (ds.sizes["hidden"], ds.sizes["row"]) == (3, 3)
    assert ds.bias_ih_l0.sel(bias=False).isnull().all()
    assert ds.weight_hh_l0.sel(units=1).notnull().sum() == 2 * 2
    assert ds.weight_hh_l0.sel(units=3).notnull().all()
    small = ds.sel(units=1, bias=True).isel(hidden=slice(1), row=slice(1))
    assert rl.io.from_dataset(small, sized(1, True).network)["weight_out"].shape == (2, 1, 1)
    stored = rl.sweep(sized, axes, runs=2, rng=0, store=tmp_path / "sweep.sqlite", chunk_runs=3)
    xr.testing.assert_identical(stored.load(), ds)
    assert rl.open_store(tmp_path / "sweep.sqlite").summary().bias_ih_l0_mean.sel(bias=False).isnull().all()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            [C.LatchNeuron(), C.VanillaRNN(inputs=3, hidden=1, read_unit=0)],
            "study returned a LatchNeuron at the grid point number=0 and a VanillaRNN at number=1, whose results differ in input",
        ),
        (
            [C.DiagonalRNN(inputs=3, hidden=1, read_unit=0), C.VanillaRNN(inputs=3, hidden=1, read_unit=0)],
            (
                "study returned a DiagonalRNN at the grid point number=0 and a VanillaRNN at number=1, whose results differ in "
                "weight_hh_l0; they must be in sweeps of their own"
            ),
        ),
    ],
)
def test_results_that_do_not_fit_together_are_refused(cells: list[Any], message: str) -> None:
    task = T.MinimalLatch(length=4, prefix=1, noise_std=0.1)
    with pytest.raises(ValueError) as caught:
        rl.sweep(lambda number: rl.Run(cells[number], task, A.Adam()), {"number": [0, 1]}, runs=1)
    assert message in str(caught.value)


def test_an_axis_cannot_have_the_name_of_a_dimension() -> None:
    with pytest.raises(ValueError, match="axes has the name 'hidden'; it must not be one of the dataset's own: "):
        rl.sweep(lambda hidden: study(5, hidden=hidden), {"hidden": [2, 3]}, runs=1)


def test_a_dataset_task_is_sent_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(8, 4, 1))

    def on(data: Any, learning_rate: float) -> rl.Run:
        task = T.DatasetTask(inputs=data, targets=np.sign(data[:, 0]))
        return rl.Run(C.VanillaRNN(inputs=1, hidden=2, outputs=1), task, A.GradientDescent(learning_rate=learning_rate))

    path, axes = tmp_path / "sweep.sqlite", {"learning_rate": [0.1, 0.2]}
    ds = rl.sweep(lambda **a: on(inputs, **a), axes, runs=2, rng=0, store=path)
    assert inputs.tobytes() not in path.read_bytes()
    xr.testing.assert_identical(rl.sweep(lambda **a: on(inputs.copy(), **a), axes, runs=2, rng=0, store=path), ds)
    store = rl.open_store(path)
    assert len({id(run.task) for run in store.plan.points}) <= 2
    with pytest.raises(StoreMismatchError, match=r"task.content.sha256: stored '.*', asked '.*'"):
        rl.sweep(lambda **a: on(inputs + 1, **a), axes, runs=2, rng=0, store=path)
    with pytest.raises(ValueError, match="out of a store, which keeps of its arrays only the hash"):
        store.replay({"learning_rate": 0.1}, 0)
    again = rl.replay(on(inputs, 0.1), {"learning_rate": 0.1}, 1, rng=0)
    xr.testing.assert_equal(again, ds.sel(learning_rate=0.1).isel(run=1).load())
