"""Networks in matrices, from rl.train to its dataset: curves, windows, criteria, tests, outcomes, schedules.

What an update computes is compared with NumPy elsewhere. Here a curve with a point for every update says what the updates
saw, and what a run makes of it is counted again.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

import rnnlatch as rl
from minibatch_training import BATCH, CELL, TASK, assert_same_runs, parameters, trained, update_by_update
from rnnlatch import _minibatch_runs
from rnnlatch._dispatch import core
from rnnlatch._python_runs import measure
from rnnlatch.rng import normalise, stream_base, streams

A, C, T = rl.algorithms, rl.cells, rl.tasks

# ---- the dataset ------------------------------------------------------------------------------------------------------


def test_the_dataset_is_labelled() -> None:
    tested = rl.Criterion(measure="test_error", window=100, tests=20)
    algorithm = A.GradientDescent(batch_size=BATCH, omega=0.1)
    out = trained(record=20, criterion=tested, algorithm=algorithm, test_presentations=10)
    names = {"record_loss", "record_error", "record_gradient_norm", "record_gradient_norm_max", "record_clipped"}
    assert {name for name in out.data_vars if str(name).startswith("record")} == names | {
        "record_omega",
        "record_test_error",
    }
    assert out.record_loss.dims == ("run", "presentation")
    assert list(out.presentation.values) == list(range(20, 401, 20))
    for name in (*out.coords, *out.data_vars):
        assert out[name].attrs["long_name"], name
        assert "units" in out[name].attrs or name == "outcome", name
    run = rl.Run(CELL, TASK, algorithm, tested, 400, 10, "matrices")
    assert rl.Run.from_dict(json.loads(out.attrs["parameters"])) == run
    assert names <= set(update_by_update().data_vars)
    assert "record_test_error" not in update_by_update()
    assert "record_omega" not in update_by_update()


def test_a_curve_puts_a_small_network_into_matrices() -> None:
    out = trained(driver=None, record=BATCH)
    xr.testing.assert_identical(out, update_by_update())
    assert '"driver":"matrices"' in out.attrs["parameters"]
    assert "driver" not in trained(driver=None).attrs["parameters"]


def test_lanes_and_matrices_agree_to_rounding() -> None:
    lanes, matrices = trained(driver="lanes"), trained()
    np.testing.assert_allclose(lanes.loss, matrices.loss, rtol=1e-9)
    np.testing.assert_array_equal(lanes.error, matrices.error)
    for name, value in parameters(lanes).items():
        np.testing.assert_allclose(value, matrices[name], rtol=1e-9, atol=1e-12)


def test_single_precision_is_near_double() -> None:
    few, single = trained(max_presentations=40), trained(max_presentations=40, precision="float32")
    for name, value in parameters(few).items():
        np.testing.assert_allclose(single[name], value, rtol=1e-4, atol=1e-6)
        assert (single[name].values == single[name].values.astype(np.float32)).all()
        assert (single[name].values != value).any()


# ---- curves -----------------------------------------------------------------------------------------------------------


def test_curves_are_means_over_updates() -> None:
    each, out = update_by_update(), trained(record=20)
    for name in ("record_loss", "record_error", "record_gradient_norm", "record_clipped"):
        by_point = each[name].values.reshape(3, -1, 20 // BATCH)
        np.testing.assert_allclose(out[name], by_point.mean(-1), rtol=1e-12, err_msg=name)
    largest = each.record_gradient_norm.values.reshape(3, -1, 20 // BATCH).max(-1)
    np.testing.assert_array_equal(out.record_gradient_norm_max, largest)
    np.testing.assert_array_equal(each.record_clipped, each.record_gradient_norm > 0.3)
    assert 0 < float(each.record_clipped.mean()) < 1
    np.testing.assert_array_equal(trained(record=100, algorithm=A.Adam(batch_size=BATCH)).record_clipped, 0)


@pytest.mark.isa
def test_recording_changes_nothing() -> None:
    plain = trained(record=None)
    for record in (BATCH, 12, 400):
        recorded = trained(record=record)
        assert_same_runs(plain, recorded)
        assert recorded.sizes["presentation"] == 400 // record


def test_omega_is_recorded() -> None:
    algorithm = A.GradientDescent(learning_rate=0, batch_size=BATCH, omega=2, omega_reduce="mean", omega_of="state")
    out = trained(algorithm=algorithm, record=BATCH, max_presentations=BATCH, runs=1)
    batch = TASK.sample(BATCH, rng=0)
    params = {name: value[0] for name, value in parameters(out).items()}
    expected = rl.gradients.omega(
        CELL, params, batch.inputs, batch.targets, lengths=batch.lengths, reduce="mean", of="state"
    )
    np.testing.assert_allclose(out.record_omega, expected.omega, rtol=1e-10)


def test_curves_end_where_the_run_stops() -> None:
    stopped = trained(criterion=rl.Criterion(threshold=0.3, window=20), record=8)
    whole = trained(record=8)
    assert (stopped.outcome == rl.Outcome.CONVERGED).any()
    assert np.unique(stopped.presentations).size > 1
    for run in range(3):
        points = int(stopped.presentations[run]) // 8
        np.testing.assert_array_equal(stopped.record_loss[run, :points], whole.record_loss[run, :points])
        assert stopped.record_loss[run, points:].isnull().all()


# ---- when a run stops ---------------------------------------------------------------------------------------------------


def expected_stop(losses: NDArray[Any], errors: NDArray[Any], criterion: rl.Criterion, window: int) -> tuple[Any, ...]:
    """Outcome, presentations, loss and error of a run whose updates saw this."""
    size, right, loss, error = window // BATCH, 0, np.nan, np.nan
    for update in range(1, len(losses) + 1):
        right = right + 1 if errors[update - 1] == 0 else 0
        if update % size == 0:
            loss, error = losses[update - size : update].mean(), errors[update - size : update].mean()
        if criterion.measure == "consecutive":
            if right >= size:
                return rl.Outcome.CONVERGED, update * BATCH, losses[update - right : update].mean(), 0.0
        elif update % size == 0 and criterion.met(loss, error):
            return rl.Outcome.CONVERGED, update * BATCH, loss, error
    return rl.Outcome.EXHAUSTED, len(losses) * BATCH, loss, error


@pytest.mark.parametrize(
    "criterion",
    [
        rl.Criterion(threshold=0.25, window=20),
        rl.Criterion(threshold=0.25, window=36),
        rl.Criterion(measure="error", threshold=0.25, window=20),
        rl.Criterion(measure="error", threshold=0, window=8),
        rl.Criterion(measure="consecutive", window=8),
        rl.Criterion(measure="consecutive", window=12),
    ],
    ids=str,
)
def test_a_run_stops_where_its_criterion_is_met(criterion: rl.Criterion) -> None:
    each, out = update_by_update(), trained(criterion=criterion)
    for run in range(3):
        outcome, presentations, loss, error = expected_stop(
            each.record_loss.values[run], each.record_error.values[run], criterion, criterion.window or 100
        )
        assert (int(out.outcome[run]), int(out.presentations[run])) == (outcome, presentations)
        np.testing.assert_allclose(out.loss[run], loss, rtol=1e-12)
        np.testing.assert_allclose(out.error[run], error, rtol=1e-12)
        there = trained(max_presentations=presentations).isel(run=run)
        for name, value in parameters(out).items():
            np.testing.assert_array_equal(value[run], there[name], err_msg="the network at that moment")


def test_the_criteria_are_met_by_some_runs_only() -> None:
    met = trained(criterion=rl.Criterion(measure="error", threshold=0.25, window=20), max_presentations=240)
    assert set(met.outcome.values.tolist()) == {rl.Outcome.EXHAUSTED, rl.Outcome.CONVERGED}


def test_without_a_whole_window_there_is_what_there_is() -> None:
    each, out = update_by_update(), trained(max_presentations=40)
    np.testing.assert_allclose(out.loss, each.record_loss[:, :10].mean("presentation"), rtol=1e-12)
    np.testing.assert_allclose(out.error, each.record_error[:, :10].mean("presentation"), rtol=1e-12)


def hand_tested(presentations: int, number: int, tests: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Mean cost and error of the three networks after so many presentations, on the sequences of a test."""
    there, key = trained(max_presentations=presentations), normalise(0).key()
    found = []
    for run, stream in enumerate(streams(stream_base({}), 0, 3).tolist()):
        sample = TASK._draw(tests, key, stream, True, 2**31 + number * tests)
        cost, wrong = measure(TASK, CELL, {name: value[run] for name, value in parameters(there).items()}, sample)
        found.append((cost.mean(), wrong.mean()))
    loss, error = np.array(found).T
    return loss, error


def test_a_run_is_tested_on_fresh_sequences() -> None:
    criterion = rl.Criterion(measure="test_error", threshold=0.2, window=40, tests=30)
    out = trained(criterion=criterion, record=20)
    reached = np.full(3, False)
    for number in range(10):
        loss, error = hand_tested(40 * (number + 1), number, 30)
        at = out.record_test_error.sel(presentation=40 * (number + 1)).values
        np.testing.assert_allclose(at[~reached], error[~reached], rtol=1e-12)
        assert np.isnan(at[reached]).all()
        for run in np.flatnonzero(~reached & ((error < 0.2) | (number == 9))):
            assert out.presentations[run] == 40 * (number + 1)
            assert out.outcome[run] == (rl.Outcome.CONVERGED if error[run] < 0.2 else rl.Outcome.EXHAUSTED)
            np.testing.assert_allclose((out.loss[run], out.error[run]), (loss[run], error[run]), rtol=1e-9)
        reached |= error < 0.2
    assert reached.any()
    assert np.isnan(out.record_test_error.sel(presentation=20)).all()


def test_a_test_stands_at_the_next_point_of_a_curve() -> None:
    criterion = rl.Criterion(measure="test_error", threshold=0, window=20, tests=10)
    each, out = trained(criterion=criterion, record=BATCH), trained(criterion=criterion, record=12)
    for at in range(12, 241, 12):
        tests = each.record_test_error.sel(presentation=slice(at - 11, at)).values
        if np.isfinite(tests).any():
            np.testing.assert_array_equal(out.record_test_error.sel(presentation=at), np.nanmax(tests, axis=1))
        else:
            assert out.record_test_error.sel(presentation=at).isnull().all()


def test_none_wrong_is_a_criterion() -> None:
    easy = T.TwoSequence(length=2, prefix=2, noise_std=0, prototypes=((-1, -1), (1, 1)))
    out = trained(task=easy, criterion=rl.Criterion(measure="test_error", threshold=0, window=40, tests=20))
    assert (out.outcome == rl.Outcome.CONVERGED).all()
    assert (out.error == 0).all()


def test_tests_that_pass_the_last_index_go_on_at_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[tuple[int, int]] = []
    evaluate = core.evaluate_minibatches

    def watched(*arguments: Any) -> Any:
        shown.append(arguments[5:7])
        return evaluate(*arguments)

    monkeypatch.setattr(core, "evaluate_minibatches", watched)
    monkeypatch.setattr(_minibatch_runs, "MOST_TESTS", 50)
    trained(
        runs=1, criterion=rl.Criterion(measure="test_error", threshold=0, window=20, tests=30), max_presentations=80
    )
    assert shown == [(50, 30), (80, 20), (50, 10), (60, 30), (90, 10), (50, 20)]


def test_a_run_that_diverges_keeps_its_last_finite_network() -> None:
    algorithm = A.GradientDescent(learning_rate=1e200, l2=1e200, batch_size=BATCH, momentum=0.5)
    out = trained(algorithm=algorithm, record=BATCH)
    assert (out.outcome == rl.Outcome.DIVERGED).all()
    stop = int(out.presentations[0])
    assert (out.presentations == stop).all()
    assert 0 < stop < 400
    there = trained(algorithm=algorithm, max_presentations=stop - BATCH) if stop > BATCH else None
    for name, value in parameters(out).items():
        assert np.isfinite(value).all()
        start = CELL.initial_parameters(0, runs=3)[name] if there is None else there[name].values
        np.testing.assert_array_equal(value, start)
    assert out.record_loss.sel(presentation=slice(stop + 1, None)).isnull().all()
    np.testing.assert_array_equal(np.isfinite(out.loss), True)


def test_the_authors_guard_goes_on() -> None:
    algorithm = A.GradientDescent(learning_rate=1e-3, l2=1e300, batch_size=BATCH, nonfinite="shrink")
    out = trained(algorithm=algorithm, record=BATCH, max_presentations=3 * BATCH, runs=2)
    assert (out.outcome == rl.Outcome.EXHAUSTED).all()
    assert (out.record_gradient_norm > 1e10).all()
    assert (out.record_clipped == 0).all()
    start = CELL.initial_parameters(0, runs=2)
    for name, value in parameters(out).items():
        factor = (1 - 0.02e-3) ** 3 if name == "weight_hh_l0" else 1
        np.testing.assert_allclose(value, factor * start[name], rtol=1e-12)


# ---- schedules ----------------------------------------------------------------------------------------------------------


def steps(algorithm: A.GradientDescent, at: int) -> NDArray[np.float64]:
    """The norm of the step after so many presentations."""
    before, after = (parameters(trained(algorithm=algorithm, max_presentations=at + k)) for k in (0, BATCH))
    squares = [((after[name] - before[name]) ** 2).reshape(3, -1).sum(1) for name in before]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)))


def test_a_learning_rate_falls_with_time() -> None:
    algorithm = A.GradientDescent(
        learning_rate=0.2, batch_size=BATCH, learning_rate_schedule=A.InverseTime(presentations=20)
    )
    norms = trained(algorithm=algorithm, record=BATCH).record_gradient_norm
    for at, factor in ((16, 1), (20, 1 / 2), (60, 1 / 4), (76, 1 / 4)):
        norm = norms.sel(presentation=at + BATCH)
        np.testing.assert_allclose(steps(algorithm, at), 0.2 * factor * norm, rtol=1e-6)


def test_a_learning_rate_falls_where_the_cost_has_risen() -> None:
    algorithm = A.GradientDescent(
        learning_rate=0.05, batch_size=BATCH, learning_rate_schedule=A.HalveOnRise(presentations=20, factor=0.5)
    )
    out = trained(algorithm=algorithm, record=BATCH)
    means = out.record_loss.values.reshape(3, -1, 20 // BATCH).mean(-1)
    risen = np.cumsum(np.diff(means, axis=1) > 0, axis=1)
    assert np.unique(risen[:, -1]).size > 1
    for at in (36, 40, 200, 300):
        factor = 0.5 ** risen[:, at // 20 - 2] if at >= 40 else 1.0
        norm = out.record_gradient_norm.sel(presentation=at + BATCH)
        np.testing.assert_allclose(steps(algorithm, at), 0.05 * factor * norm, rtol=1e-6)


def test_the_weight_of_omega_falls_with_time() -> None:
    algorithm = A.GradientDescent(
        learning_rate=0.1, batch_size=BATCH, omega=0.5, omega_schedule=A.InverseTime(presentations=8)
    )
    for at, factor in ((4, 1.0), (8, 0.5), (20, 1 / 3)):
        before, after = (parameters(trained(algorithm=algorithm, max_presentations=at + k)) for k in (0, BATCH))
        stream = int(stream_base({}))
        batch = TASK._draw(BATCH, normalise(0).key(), stream, False, at)
        params = {name: value[0] for name, value in before.items()}
        arguments: Any = (CELL, params, batch.inputs, batch.targets)
        _, gradient = rl.gradients.loss_and_gradient(*arguments, lengths=batch.lengths)
        omega = rl.gradients.omega(*arguments, lengths=batch.lengths).immediate_gradient.values
        step = (before["weight_hh_l0"][0] - after["weight_hh_l0"][0]) / 0.1
        np.testing.assert_allclose(step, gradient["weight_hh_l0"] + 0.5 * factor * omega, rtol=1e-6, atol=1e-9)
