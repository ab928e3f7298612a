"""Networks in matrices: the same bits whoever trains them, all cells and tasks, how they are tested, and what goes wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import BATCH, CELL, DESCENT, KINDS, TASK, assert_same_runs, trained, update_by_update
from rnnlatch import _minibatch_runs
from rnnlatch._python_runs import measure
from rnnlatch.rng import normalise, stream_base, streams

A, C, T = rl.algorithms, rl.cells, rl.tasks

# ---- the same bits ------------------------------------------------------------------------------------------------------


@pytest.mark.isa
@pytest.mark.parametrize("kind", KINDS)
def test_threads_segments_and_others_do_not_matter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = KINDS[kind] | {"record": 40, "max_presentations": 1200, "test_presentations": 20}
    whole = trained(**given)
    for threads in (2, 3, 8):
        xr.testing.assert_identical(trained(**given, threads=threads), whole)
    xr.testing.assert_identical(trained(**given | {"runs": 1}), whole.isel(run=slice(1)))
    run = rl.Run(
        given.get("cell", CELL),
        TASK,
        given.get("algorithm", DESCENT),
        given.get("criterion"),
        1200,
        20,
        "matrices",
        given.get("precision", "float64"),
        given.get("early_stopping"),
    )
    xr.testing.assert_equal(rl.replay(run, trial=2, rng=0, record=40), whole.isel(run=2))
    swept = rl.sweep(lambda: run, {}, runs=3, rng=0)
    assert_same_runs(swept, whole)
    for most in (1, 7):
        monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", most)
        xr.testing.assert_identical(trained(**given), whole)


def test_a_replay_records_every_update() -> None:
    run = rl.Run(CELL, TASK, DESCENT, None, 400, driver="matrices")
    assert_same_runs(rl.replay(run, trial=1, rng=0), update_by_update().isel(run=1))


def test_more_runs_leave_the_first_unchanged() -> None:
    assert_same_runs(trained(), trained(runs=7, threads=2).isel(run=slice(3)))


# ---- cells, masks, data -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        C.VanillaRNN(inputs=1, hidden=3, outputs=1, mask_hh=[[1, 0, 1], [1, 1, 1], [0, 1, 1]], fixed=["weight_ih_l0"]),
        C.DiagonalRNN(inputs=1, hidden=3, outputs=1, fixed=[("weight_hh_l0", [1, 0, 0])]),
        C.LSTM(inputs=1, hidden=2, read_unit=1, bias=False),
        C.GRU(inputs=1, hidden=2, outputs=1, fixed=["bias_hh_l0"]),
    ],
    ids=lambda cell: type(cell).__name__,
)
@pytest.mark.parametrize("algorithm", [A.GradientDescent(l2=0.1, batch_size=5), A.Adam(batch_size=5)], ids=str)
def test_only_what_is_trained_moves(cell: C.NetworkCell, algorithm: Any) -> None:
    out = trained(cell=cell, algorithm=algorithm, max_presentations=50)
    start, lanes = (
        cell.initial_parameters(0, runs=3),
        trained(cell=cell, algorithm=algorithm, max_presentations=50, driver="lanes"),
    )
    for name, value in start.items():
        moves = np.broadcast_to(cell.trained.get(name, np.ones(value.shape[1:])), value.shape[1:]) > 0
        np.testing.assert_array_equal(out[name].values[:, ~moves], value[:, ~moves])
        assert (out[name].values[:, moves] != value[:, moves]).all()
        np.testing.assert_allclose(out[name], lanes[name], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("order", ["cyclic", "random"])
def test_a_data_set_is_learned_as_in_lanes(order: str) -> None:
    rng = np.random.default_rng(0)
    inputs, classes = rng.normal(size=(12, 5, 2)), rng.integers(0, 3, (12, 5))
    mask = rng.integers(0, 2, (12, 5)).astype(float)
    mask[:, -1] = 1
    task = T.DatasetTask(
        inputs=inputs,
        targets=classes,
        mask=mask,
        loss="softmax_cross_entropy",
        at="every",
        lengths=rng.integers(2, 6, 12),
        order=order,
    )
    parts: dict[str, Any] = {"cell": C.GRU(inputs=2, hidden=3, outputs=3), "task": task}
    for size in ("all", 5):
        parts["algorithm"] = A.Adam(learning_rate=0.05, batch_size=size)
        one, other = (trained(**parts, driver=driver, max_presentations=60) for driver in ("lanes", "matrices"))
        np.testing.assert_allclose(one.loss, other.loss, rtol=1e-9)
        np.testing.assert_array_equal(one.error, other.error)
        np.testing.assert_allclose(one.weight_out, other.weight_out, rtol=1e-8, atol=1e-10)


# ---- testing ------------------------------------------------------------------------------------------------------------

LARGE = C.VanillaRNN(inputs=1, hidden=32, outputs=1)


def test_large_networks_are_tested_in_matrices() -> None:
    out = rl.train(LARGE, TASK, A.Adam(batch_size=8), runs=3, max_presentations=160, test_presentations=130, rng=0)
    tested = rl.evaluate(LARGE, out, TASK, presentations=130, rng=0)
    np.testing.assert_array_equal(tested.loss, out.test_loss)
    np.testing.assert_array_equal(tested.error, out.test_error)
    xr.testing.assert_identical(rl.evaluate(LARGE, out, TASK, presentations=130, rng=0, threads=5), tested)
    for run, stream in enumerate(streams(stream_base({}), 0, 3).tolist()):
        sample = TASK._draw(130, normalise(0).key(), stream, True)
        params = {name: out[name].values[run] for name in LARGE.parameter_shapes}
        cost, wrong = measure(TASK, LARGE, params, sample)
        np.testing.assert_allclose(tested.loss[run], cost.mean(), rtol=1e-10)
        np.testing.assert_allclose(tested.error[run], wrong.mean(), rtol=1e-12)
    broken = out.assign(bias_out=out.bias_out.where(out.run != 1))
    again = rl.evaluate(LARGE, broken, TASK, presentations=130, rng=0)
    assert again.isel(run=1).to_dataarray().isnull().all()
    np.testing.assert_array_equal(again.loss[[0, 2]], tested.loss[[0, 2]])


@pytest.mark.parametrize("activation", ["sign", "relu"])
def test_large_networks_of_any_units_are_tested(activation: Any) -> None:
    cell = C.VanillaRNN(inputs=1, hidden=40, outputs=1, activation=activation)
    params = cell.initial_parameters(1)
    tested = rl.evaluate(cell, params, TASK, presentations=50, rng=0)
    cost, wrong = measure(TASK, cell, params, TASK.sample(50, rng=0, test=True))
    np.testing.assert_allclose((tested.loss, tested.error), (cost.mean(), wrong.mean()), rtol=1e-10)


def test_large_networks_are_tested_on_all_of_a_data_set() -> None:
    sample = TASK.sample(30, rng=0)
    data = T.DatasetTask(inputs=sample.inputs, targets=sample.targets, lengths=sample.lengths)
    params = LARGE.initial_parameters(1, runs=2)
    tested = rl.evaluate(LARGE, params, data)
    for run in range(2):
        cost, wrong = measure(data, LARGE, {name: value[run] for name, value in params.items()}, sample)
        np.testing.assert_allclose((tested.loss[run], tested.error[run]), (cost.mean(), wrong.mean()), rtol=1e-10)


# ---- what goes wrong ----------------------------------------------------------------------------------------------------


def test_progress_is_told_the_runs_done() -> None:
    calls: list[tuple[int, int, str]] = []
    trained(progress=lambda *state: calls.append(state))
    assert [done for done, _, detail in calls if not detail] == [1, 2, 3, 3]
    assert {call[1] for call in calls} == {3}


def test_progress_is_told_how_far_a_run_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rnnlatch._minibatch_engine.REPORT_SECONDS", 0.0)

    def interrupt(done: int, total: int, detail: str) -> None:
        assert (done, total) == (0, 1)
        assert detail.startswith("run 0: ")
        assert detail.endswith(" of 4,000,000,000 presentations")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(runs=1, max_presentations=4_000_000_000, progress=interrupt)


def test_an_error_of_the_progress_comes_out() -> None:
    def broken(*_: object) -> None:
        raise OSError("no terminal")

    with pytest.raises(OSError, match="no terminal"):
        trained(progress=broken, threads=2)


def test_costs_that_leave_the_range_are_a_result() -> None:
    algorithm = A.GradientDescent(
        learning_rate=1e154, batch_size=BATCH, learning_rate_schedule=A.HalveOnRise(presentations=2 * BATCH)
    )
    cell = C.VanillaRNN(inputs=1, hidden=5, outputs=1, activation="linear")
    out = trained(cell=cell, algorithm=algorithm, record=3 * BATCH, criterion=rl.Criterion(window=2 * BATCH))
    assert (out.outcome == rl.Outcome.DIVERGED).all()


def test_memory_is_asked_for_before_curves_are_kept() -> None:
    with pytest.raises(
        MemoryError, match=r"record is 4; curves with so many points need .* are available: record more"
    ):
        trained(record=BATCH, max_presentations=4_000_000_000, runs=1000)


def test_memory_is_asked_for_before_training() -> None:
    long = T.TwoSequence(length=1_000_000, prefix=3, noise_std=0)
    with pytest.raises(
        MemoryError, match=r"training a network of 5 units on 40000 sequences of 1000000 steps at once needs"
    ):
        trained(task=long, algorithm=A.Adam(batch_size=40_000), max_presentations=40_000)
