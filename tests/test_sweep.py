"""Sweeps: the dataset, its independence of who computes it, its growth, and what is refused."""

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch import _costs
from rnnlatch._chunks import Segment, make_chunks, run_chunk
from rnnlatch._costs import FixedSizes, default_size
from rnnlatch._dispatch import instruction_set
from rnnlatch._plan import make_plan
from rnnlatch.rng import normalise
from rnnlatch.sweep import SweepError, SweepInterrupted
from sweeps import AXES, RUNS, study, swept


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return swept()


def test_the_dataset_is_labelled(whole: xr.Dataset) -> None:
    assert dict(whole.sizes) == {"length": 2, "noise_std": 3, "run": RUNS, "class": 2, "step": 3}
    assert list(whole.data_vars) == ["outcome", "presentations", "loss", "error", "weight", "input"]
    assert whole.outcome.dims == ("length", "noise_std", "run")
    assert whole.input.dims == ("length", "noise_std", "run", "class", "step")
    assert whole.outcome.dtype == np.uint8
    assert whole.presentations.dtype == np.int64
    for name in ("length", "noise_std", "run", "class", "step", *whole.data_vars):
        assert whole[name].attrs["long_name"], name
    assert whole.length.attrs == {"long_name": "sequence length T", "units": "steps"}
    assert json.loads(whole.attrs["parameters"])["task"]["length"] == "varies"
    assert json.loads(whole.attrs["parameters"])["task"]["prefix"] == 3
    assert json.loads(whole.attrs["rng"])["entropy"] == 1
    assert whole.attrs["isa"] == instruction_set
    assert instruction_set.startswith(rl.info()["isa"])  # as runs of one setting call it


def test_the_small_sweep_has_every_kind_of_run(whole: xr.Dataset) -> None:
    outcomes = set(np.unique(whole.outcome))
    assert outcomes == {rl.Outcome.EXHAUSTED, rl.Outcome.CONVERGED}
    assert np.unique(whole.presentations).size > 2


@pytest.mark.isa
@pytest.mark.parametrize("chunk_runs", [1, 7, None])
@pytest.mark.parametrize("threads", [1, 2, 3, 7])
def test_threads_and_chunks_do_not_matter(whole: xr.Dataset, threads: int, chunk_runs: int | None) -> None:
    xr.testing.assert_identical(swept(threads=threads, chunk_runs=chunk_runs), whole)


@pytest.mark.parametrize("chunk_runs", [1, 7, None])
def test_an_executor_of_threads_gives_the_same(whole: xr.Dataset, chunk_runs: int | None) -> None:
    with ThreadPoolExecutor(3) as executor:
        xr.testing.assert_identical(swept(executor=executor, chunk_runs=chunk_runs), whole)


def test_an_executor_of_processes_gives_the_same(whole: xr.Dataset) -> None:
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as executor:
        for chunk_runs in (7, None):
            xr.testing.assert_identical(swept(executor=executor, chunk_runs=chunk_runs), whole)


def test_more_values_and_more_runs_leave_the_others_unchanged(whole: xr.Dataset) -> None:
    more = swept(axes={"length": [3, 5, 6, 8], "noise_std": np.array([0.8, 0.4, 0.2, 0.1])}, runs=2 * RUNS)
    part = more.sel(length=[5, 8], noise_std=[0.1, 0.4, 0.8]).isel(run=slice(RUNS))
    xr.testing.assert_equal(part, whole)


def test_whole_numbers_stay_when_fractions_are_added() -> None:
    one = swept(axes={"w": [1, 2]})
    other = swept(axes={"w": np.array([1.0, 1.5, 2.0])})
    xr.testing.assert_equal(other.sel(w=[1.0, 2.0]).drop_vars("w"), one.drop_vars("w"))


def test_the_order_of_the_axes_does_not_matter(whole: xr.Dataset) -> None:
    turned = swept(axes=dict(reversed(AXES.items())))
    xr.testing.assert_equal(turned.transpose(*whole.dims), whole)


def test_common_axes_share_their_random_numbers() -> None:
    frozen = {"axes": {"learning_rate": [0.0], "length": [6, 7], "noise_std": [0.1, 0.2]}, "runs": 4}
    apart, shared = swept(**frozen), swept(**frozen, common=("noise_std",))
    assert not (apart.input.isel(noise_std=0) == apart.input.isel(noise_std=1)).any()
    assert (shared.input.isel(noise_std=0) == shared.input.isel(noise_std=1)).all()
    assert not (shared.input.isel(length=0) == shared.input.isel(length=1)).any()


def test_a_sweep_whose_axes_are_all_common_has_the_runs_of_train() -> None:
    run = study()
    trained = rl.train(run.cell, run.task, run.algorithm, runs=RUNS, max_presentations=run.max_presentations, rng=1)
    one = swept(axes={"length": [6]}, common=["length"])
    xr.testing.assert_equal(one.isel(length=0, drop=True), trained)
    none = swept(axes={})
    xr.testing.assert_identical(none.drop_attrs(), trained.drop_attrs())


def test_grid_points_may_differ_in_shape() -> None:
    ragged = swept(axes={"prefix": [1, 3]})
    assert ragged.sizes["step"] == 3
    assert ragged.input.sel(prefix=1).isel(step=slice(1, None)).isnull().all()
    assert ragged.input.sel(prefix=1, step=0).notnull().all()
    xr.testing.assert_equal(ragged.sel(prefix=3), swept(axes={"prefix": [3]}).isel(prefix=0))


def test_axes_may_be_texts_and_booleans() -> None:
    def by_name(noise: str, train_w: bool) -> rl.Run:
        task = rl.tasks.MinimalLatch(length=6, prefix=3, noise_std=0.2, noise=noise)
        return rl.Run(rl.cells.LatchNeuron(train_w=train_w), task, rl.algorithms.GradientDescent(), None, 50)

    ds = rl.sweep(by_name, {"noise": ["gaussian", "uniform"], "train_w": [False, True]}, runs=2, rng=0)
    assert (ds.weight.sel(train_w=False) == 1.25).all()
    assert (ds.weight.sel(train_w=True, noise="uniform") != 1.25).all()


def test_runs_with_and_without_given_inputs_share_a_sweep() -> None:
    def by_input(given: bool) -> rl.Run:
        cell = rl.cells.LatchNeuron(input=0.5 if given else None)
        task = rl.tasks.MinimalLatch(length=6, prefix=2, noise_std=0.2)
        return rl.Run(cell, task, rl.algorithms.GradientDescent(learning_rate=0), None, 20)

    ds = rl.sweep(by_input, {"given": [True, False]}, runs=3, rng=0)
    assert (ds.input.sel(given=True) == 0.5).all()
    assert (abs(ds.input.sel(given=False)) < 0.1).all()


def test_progress_is_told_the_runs_done() -> None:
    calls: list[tuple[int, int, str]] = []
    swept(chunk_runs=10, progress=lambda *state: calls.append(state))
    total = 6 * RUNS
    done = [call[0] for call in calls]
    assert done[0] == 0
    assert done[-1] == total
    assert done == sorted(done)
    assert {call[1] for call in calls} == {total}
    assert calls[-1][2] == "length=8, noise_std=0.8"


@pytest.mark.parametrize("kind", [OSError, ValueError])
def test_an_error_of_the_progress_comes_out_as_it_is(kind: type[Exception]) -> None:
    def broken(done_runs: int, *_: object) -> None:
        if done_runs:
            raise kind("no terminal")

    with pytest.raises(kind, match="no terminal"):
        swept(progress=broken)


def test_ctrl_c_without_a_store_keeps_nothing() -> None:
    def interrupt(done_runs: int, *_: object) -> None:
        if done_runs:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted, match="nothing is kept") as caught:
        swept(chunk_runs=10, progress=interrupt)
    assert isinstance(caught.value, KeyboardInterrupt)
    assert caught.value.store is None


class Eager(Executor):
    """Computes at once, and counts what is waiting to be collected."""

    def __init__(self, spoil: Callable[[int], object] | None = None) -> None:
        self.submitted = 0
        self.spoil = spoil

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.submitted += 1
        try:
            if self.spoil is not None:
                self.spoil(self.submitted)
            future.set_result(function(*arguments, **keywords))
        except Exception as error:
            future.set_exception(error)
        return future


def fail_third(number: int) -> None:
    if number == 3:
        raise MemoryError("out of memory")


def test_a_failing_worker_is_named(tmp_path: Any) -> None:
    path = tmp_path / "sweep.sqlite"
    with pytest.raises(SweepError) as caught:
        swept(executor=Eager(fail_third), chunk_runs=RUNS, store=path)
    assert "runs 0 to 8 at the grid point length=5, noise_std=0.8" in str(caught.value)
    assert "out of memory" in str(caught.value)
    assert isinstance(caught.value.__cause__, MemoryError)
    assert rl.open_store(path).missing == RUNS, "the chunks that were finished are kept"


def test_a_worker_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = make_plan(study, AXES, (), RUNS, normalise(0))
    (chunk,) = list(make_chunks(plan, [Segment(0, 0, 2)], threads=1))
    monkeypatch.setattr("rnnlatch._chunks.NUMERICS_VERSION", 99)
    with pytest.raises(RuntimeError, match="numerics_version is 99 in the worker and 2 in the driver"):
        run_chunk(chunk.spec)


def test_chunks_hold_each_missing_run_once_and_one_structure() -> None:
    plan = make_plan(study, AXES, (), RUNS, normalise(0))
    missing = [Segment(point, 2, RUNS - 2) for point in range(6)]
    chunks = list(make_chunks(plan, missing, threads=1, sizes=FixedSizes(1, 5)))
    seen = [(s.point, trial) for chunk in chunks for s in chunk.segments for trial in range(s.start, s.start + s.count)]
    assert sorted(seen) == [(point, trial) for point in range(6) for trial in range(2, RUNS)]
    assert all(chunk.runs <= 5 for chunk in chunks)
    for chunk in chunks:
        lengths = {plan.points[s.point].task.length_range for s in chunk.segments}
        assert len(lengths) == 1
        assert {run.task.length_range for run in chunk.spec.runs} == lengths


def test_chunks_are_bounded_in_memory_and_in_work() -> None:
    long = study(length=10_000)
    costly = rl.Run(long.cell, long.task, long.algorithm, None, 10_000_000)
    assert default_size(study(length=3), threads=64) == 65_536
    assert default_size(costly, threads=1) == 256


def test_nothing_is_estimated_where_chunks_have_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_costs, "estimated_seconds", pytest.fail)
    plan = make_plan(study, {"noise_std": [0.1, 0.4]}, (), 7, normalise(0))
    chunks = make_chunks(plan, [Segment(point, 0, 7) for point in range(2)], threads=1, sizes=FixedSizes(1, 4))
    assert [chunk.runs for chunk in chunks] == [4, 4, 4, 2]


def test_runs_in_matrices_come_first_and_one_by_one_the_longest_before_all() -> None:
    def mixed(units: int, length: int) -> rl.Run:
        task = rl.tasks.TwoSequence(length=length, prefix=3, noise_std=0.1)
        cell = rl.cells.VanillaRNN(inputs=1, hidden=units, outputs=1)
        return rl.Run(cell, task, rl.algorithms.Adam(batch_size=10), None, 100_000)

    plan = make_plan(mixed, {"units": [2, 64], "length": [10, 90]}, (), 3, normalise(0))
    chunks = list(make_chunks(plan, [Segment(point, 0, 3) for point in range(4)], threads=2))
    lengths = [
        (chunk.spec.runs[0].network.hidden, chunk.spec.runs[0].task.length_range[1], chunk.runs) for chunk in chunks
    ]
    assert lengths == [(64, 90, 1)] * 3 + [(64, 10, 1)] * 3 + [(2, 10, 3), (2, 90, 3)]
    quick = replace(plan.points[2], max_presentations=100)
    assert default_size(quick, threads=1) > 10


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"runs": 0}, ValueError, "runs is 0; it must be an integer from 1"),
        ({"axes": {"length": []}}, ValueError, "axis length is empty"),
        ({"axes": {"length": [5, 5]}}, ValueError, "axis length has 5 twice"),
        ({"axes": {"length": [5, 5.0]}}, ValueError, "axis length has 5.0 twice"),
        (
            {"axes": {"length": [5, 6, 40, 20, 10]}},
            ValueError,
            "axis length has 6, 40, 20 one after the other; its numbers must be in ascending or descending order",
        ),
        ({"axes": {"length": 5}}, TypeError, "axis length is 5"),
        ({"axes": {"length": "five"}}, TypeError, "axis length is 'five'"),
        ({"axes": {"length": [[5]]}}, TypeError, "axis length is [[5]]"),
        ({"axes": {"length": [None]}}, TypeError, "axis length has None"),
        ({"axes": {"length": [5, "six"]}}, TypeError, "not a mixture"),
        ({"axes": {"noise_std": [float("nan")]}}, ValueError, "axis noise_std is nan"),
        ({"axes": {"loss": [5]}}, ValueError, "axes has the name 'loss'; it must not be one of the dataset's own"),
        ({"axes": {"a b": [5]}}, ValueError, "axes has the name 'a b'"),
        ({"axes": [5]}, TypeError, "axes is [5]; it must be a dict"),
        ({"common": ("lenght",)}, ValueError, "common is ('lenght',); it must be a sequence of axis names"),
        ({"common": "length"}, TypeError, "common is 'length'; it must be a sequence"),
        ({"common": ("length", "length")}, ValueError, "each at most once"),
        ({"chunk_runs": 0}, ValueError, "chunk_runs is 0"),
        ({"threads": 0}, ValueError, "threads is 0"),
        ({"executor": "dask"}, TypeError, "executor is 'dask'"),
        ({"experiment": 3}, TypeError, "experiment is 3"),
        ({"rng": -3}, ValueError, "rng is -3"),
        ({"axes": {"length": [8, 2]}}, ValueError, "prefix is 3; it must be at most the length, which is 2"),
        ({"axes": {"length": [8, 2]}}, ValueError, "at the grid point length=2"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        swept(**given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_study_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"study is 3; it must be a function"):
        rl.sweep(3, {}, runs=1)  # type: ignore[arg-type]
    with pytest.raises(
        TypeError, match=r"study returned None at the grid point length=5; it must return an rnnlatch.Run"
    ):
        rl.sweep(lambda **_: None, {"length": [5]}, runs=1)  # type: ignore[arg-type]


def test_an_error_of_the_study_names_the_grid_point() -> None:
    def broken(length: int) -> rl.Run:
        raise KeyError(length)

    with pytest.raises(KeyError) as caught:
        rl.sweep(broken, {"length": [5]}, runs=1)
    assert caught.value.__notes__ == ["at the grid point length=5"]
