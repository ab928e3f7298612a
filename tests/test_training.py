"""train, evaluate, simulate and replay: their datasets, and what must hold whatever the numbers are."""

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from rnnlatch.rng import stream_base

CELL = rl.cells.LatchNeuron(w=1.25, train_w=True)
TASK = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.3)
DESCENT = rl.algorithms.GradientDescent()


def trained(**given: Any) -> xr.Dataset:
    settings: dict[str, Any] = {"cell": CELL, "task": TASK, "algorithm": DESCENT, "runs": 6, "max_presentations": 400}
    return rl.train(**(settings | {"rng": 0} | given))


def test_the_dataset_is_labelled() -> None:
    out = trained(record=20)
    assert dict(out.sizes) == {"run": 6, "class": 2, "step": 3, "presentation": 20}
    assert out.record_input.dims == ("run", "presentation", "class", "step")
    assert list(out.presentation.values) == list(range(20, 401, 20))
    for name in (*out.coords, *out.data_vars):
        assert out[name].attrs["long_name"], name
        assert "units" in out[name].attrs or name == "outcome", name
    assert out.attrs["source"] == "rnnlatch.train"
    assert out.attrs["numerics_version"] == 2
    assert out.attrs["rnnlatch_version"] == rl.__version__
    assert out.attrs["isa"] == rl.info()["isa"]
    run = rl.Run.from_dict(json.loads(out.attrs["parameters"]))
    assert run == rl.Run(CELL, TASK, DESCENT, max_presentations=400)


def test_the_dataset_can_be_written(tmp_path: Any) -> None:
    out = trained(record=100)
    out.to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "runs.nc", engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), out)
        assert read.attrs["rng"] == out.attrs["rng"]


def test_what_a_dataset_stores_of_its_seed_repeats_it() -> None:
    out = trained(rng=None)
    xr.testing.assert_identical(trained(rng=out.attrs["rng"]), out)
    assert (trained(rng=None).input != out.input).any()


def test_more_runs_leave_the_first_unchanged() -> None:
    xr.testing.assert_equal(trained(runs=40, threads=2).isel(run=slice(6)), trained(threads=1))


@pytest.mark.isa
def test_recording_changes_nothing() -> None:
    plain = trained()
    recorded = trained(record=7, max_presentations=400 // 7 * 7)
    again = trained(max_presentations=400 // 7 * 7)
    xr.testing.assert_equal(recorded[list(plain.data_vars)], again)


def test_curves_end_where_the_run_stops() -> None:
    out = trained(record=1)
    for run in range(6):
        stop = int(out.presentations[run])
        assert out.record_loss[run, :stop].notnull().all()
        assert out.record_loss[run, stop:].isnull().all()
    window = out.record_loss.isel(run=0)[int(out.presentations[0]) - 100 : int(out.presentations[0])]
    np.testing.assert_allclose(window.mean(), out.loss[0], rtol=1e-12)


@pytest.mark.isa
def test_outcomes_follow_from_the_criterion() -> None:
    never = trained(criterion=None)
    assert (never.outcome == rl.Outcome.EXHAUSTED).all()
    assert (never.presentations == 400).all()
    always = trained(criterion=rl.Criterion(threshold=10, window=7))
    assert (always.outcome == rl.Outcome.CONVERGED).all()
    assert (always.presentations == 7).all()
    diverged = trained(algorithm=rl.algorithms.GradientDescent(learning_rate=1e300, l2=1e10))
    assert (diverged.outcome == rl.Outcome.DIVERGED).all()


def test_w_stays_where_it_is_unless_it_is_trained() -> None:
    assert (trained(cell=rl.cells.LatchNeuron(w=1.7)).weight == 1.7).all()
    assert (trained().weight != 1.25).all()


def test_inputs_start_where_they_are_told_to() -> None:
    frozen = rl.algorithms.GradientDescent(learning_rate=0)
    out = trained(cell=rl.cells.LatchNeuron(input=[[-0.5], [0.25]]), algorithm=frozen)
    assert (out.input.sel({"class": 0}) == -0.5).all()
    assert (out.input.sel({"class": 1}) == 0.25).all()
    drawn = trained(algorithm=frozen, cell=rl.cells.LatchNeuron(initial_input=0.01))
    assert (abs(drawn.input) < 0.01).all()
    assert np.unique(drawn.input).size == drawn.input.size


def test_progress_is_told_the_runs_done() -> None:
    calls: list[tuple[int, int, str]] = []
    trained(progress=lambda *state: calls.append(state))
    assert calls[-1] == (6, 6, "")


def test_progress_is_told_that_no_run_is_done_yet() -> None:
    def interrupt(*state: object) -> None:
        assert state == (0, 3, "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(runs=3, max_presentations=4_000_000_000, criterion=None, progress=interrupt)


def test_an_error_of_the_progress_comes_out() -> None:
    def broken(*_: object) -> None:
        raise OSError("no terminal")

    with pytest.raises(OSError, match="no terminal"):
        trained(progress=broken)


def test_any_run_can_be_replayed() -> None:
    out = trained(record=5)
    run = rl.Run(CELL, TASK, DESCENT, max_presentations=400)
    again = rl.replay(run, trial=4, rng=0, record=5)
    xr.testing.assert_equal(again, out.isel(run=4))
    fine = rl.replay(run, trial=4, rng=out.attrs["rng"])
    xr.testing.assert_equal(fine.record_weight.isel(presentation=slice(4, None, 5)), out.record_weight.isel(run=4))


def test_a_replay_records_every_batch() -> None:
    task = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.3, sequences_per_class=3)
    run = rl.Run(CELL, task, rl.algorithms.GradientDescent(batch_size="all"), None, 60)
    assert list(rl.replay(run, rng=0).presentation.values) == list(range(6, 61, 6))


def test_a_replay_of_an_unknown_common_axis_is_refused() -> None:
    run = rl.Run(CELL, TASK, DESCENT)
    with pytest.raises(ValueError, match=r"common is \('x',\); it must be names of axes of the point: length"):
        rl.replay(run, {"length": 3}, rng=0, common=("x",))


def test_trained_networks_are_tested_as_they_come_out() -> None:
    out = trained(runs=8, max_presentations=2000)
    tested = rl.evaluate(CELL, out, TASK, presentations=500, rng=1)
    assert tested.loss.dims == ("run",)
    assert list(tested.run.values) == list(range(8))
    by_hand = rl.evaluate(
        CELL, {"weight": out.weight.values, "input": out.input.values}, TASK, presentations=500, rng=1
    )
    xr.testing.assert_equal(by_hand.loss, tested.loss.drop_vars("run"))
    assert ((tested.error >= 0) & (tested.error <= 1)).all()
    assert ((tested.state_mean_abs > 0) & (tested.state_mean_abs < 1)).all()
    xr.testing.assert_identical(rl.evaluate(CELL, out, TASK, presentations=500, rng=1, threads=3), tested)


def test_a_sweep_is_tested_as_it_comes_out() -> None:
    def study(length: int) -> rl.Run:
        task = rl.tasks.MinimalLatch(length=length, prefix=3, noise_std=0.1)
        return rl.Run(CELL, task, DESCENT, max_presentations=1000)

    ds = rl.sweep(study, {"length": [5, 10]}, runs=4, rng=0)
    tested = rl.evaluate(CELL, ds, TASK, rng=0)
    assert dict(tested.error.sizes) == {"length": 2, "run": 4}
    xr.testing.assert_equal(tested.length, ds.length)
    turned = rl.evaluate(CELL, ds.transpose("step", "run", "class", "length"), TASK, rng=0)
    assert set(turned.error.dims) == {"length", "run"}


@pytest.mark.isa
def test_a_single_network_has_no_dimension() -> None:
    params: dict[str, Any] = {"weight": 2.0, "input": np.array([[-1.0] * 3, [1.0] * 3])}
    tested = rl.evaluate(CELL, params, rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.0), rng=0)
    assert tested.loss.shape == ()
    drive = np.zeros((2, 10, 1))
    drive[:, :3, 0] = params["input"]
    last = rl.simulate(CELL, params, drive)[:, -1, 0]
    np.testing.assert_allclose(tested.loss, 0.5 * np.mean((last - [-0.8, 0.8]) ** 2), rtol=1e-12)
    np.testing.assert_allclose(tested.state_mean_abs, np.abs(last).mean(), rtol=1e-12)


def test_a_network_that_diverged_is_neither_right_nor_wrong() -> None:
    params = {"weight": [2.0, np.nan], "input": np.full((2, 3), 0.5)}
    tested = rl.evaluate(CELL, params, TASK, rng=0)
    assert tested.isel(run=1).to_dataarray().isnull().all()
    assert tested.isel(run=0).to_dataarray().notnull().all()


@pytest.mark.isa
def test_simulation_is_the_recurrence() -> None:
    rng = np.random.default_rng(0)
    weight, inputs = rng.normal(size=5), rng.normal(size=(5, 3, 40, 1))
    states = rl.simulate(CELL, {"weight": weight}, inputs)
    assert states.shape == (5, 3, 40, 1)
    state = np.zeros((5, 3))
    for t in range(40):
        state = np.tanh(weight[:, None] * state + inputs[:, :, t, 0])
        np.testing.assert_allclose(states[:, :, t, 0], state, rtol=1e-9, atol=1e-12)
    shared = rl.simulate(CELL, {"weight": weight}, inputs[0])
    np.testing.assert_array_equal(shared[0], states[0])
    np.testing.assert_array_equal(rl.simulate(CELL, {"weight": weight[2]}, inputs)[2], states[2])
    np.testing.assert_array_equal(rl.simulate(CELL, {"weight": weight[2]}, inputs[2]), states[2])
    ds = xr.Dataset({"weight": ("run", weight)})
    np.testing.assert_array_equal(rl.simulate(CELL, ds, inputs), states)


def test_runs_of_train_are_the_streams_of_an_empty_point() -> None:
    run = rl.Run(CELL, TASK, DESCENT, max_presentations=400)
    xr.testing.assert_equal(rl.replay(run, {}, 2, rng=0, record=None), trained().isel(run=2))
    assert stream_base({}) != stream_base({"x": 0})
