"""Early stopping: tests on a validation set, the network that was best, and when a run stops."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from minibatch_training import BATCH, CELL, TASK, assert_same_runs, parameters, trained, validation_set
from rnnlatch._plan import make_plan
from rnnlatch.rng import normalise

A, T = rl.algorithms, rl.tasks

EVERY, TESTS = 5 * BATCH, 15
_KNOWN = validation_set(12).arrays()
_WRONG = np.random.default_rng(0).random((12, 1)) < 0.25
FEW = T.DatasetTask(**(_KNOWN | {"targets": np.where(_WRONG, -1, 1) * _KNOWN["targets"]}))
"""A training set that is soon learned by heart, a quarter of it wrong."""
GIVEN: dict[str, Any] = {
    "task": FEW,
    "algorithm": A.Adam(learning_rate=0.02, batch_size=BATCH),
    "max_presentations": TESTS * EVERY,
}


def stopping(patience: int | None = None, **given: Any) -> rl.EarlyStopping:
    settings: dict[str, Any] = {"task": validation_set(), "presentations": EVERY, "patience": patience}
    return rl.EarlyStopping(**(settings | given))


@pytest.fixture(scope="module")
def tests() -> list[tuple[float, dict[str, Any]]]:
    """Of the first run, after so many presentations: the mean cost of the validation set, and the network."""
    found = []
    for count in range(1, TESTS + 1):
        out = trained(**GIVEN | {"max_presentations": count * EVERY, "runs": 1})
        loss = rl.evaluate(CELL, out, validation_set()).loss.item()
        found.append((loss, {name: value[0] for name, value in parameters(out).items()}))
    return found


def test_the_best_network_comes_out(tests: list[tuple[float, dict[str, Any]]]) -> None:
    out = trained(**GIVEN, early_stopping=stopping(), record=EVERY).isel(run=0)
    losses = np.array([loss for loss, _ in tests])
    best = int(losses.argmin())
    assert 0 < best < TESTS - 5  # neither the first nor one of the last
    # The sums over the sequences are taken in another order.
    np.testing.assert_allclose(out.record_validation_loss, losses, rtol=1e-12)
    np.testing.assert_allclose(out.validation_loss, losses[best], rtol=1e-12)
    assert out.validation_presentations == (best + 1) * EVERY
    assert out.outcome == rl.Outcome.EXHAUSTED
    for name, value in tests[best][1].items():
        np.testing.assert_array_equal(out[name], value)


@pytest.mark.parametrize("patience", [1, 2, 5])
def test_patience_runs_out(patience: int, tests: list[tuple[float, dict[str, Any]]]) -> None:
    out = trained(**GIVEN, early_stopping=stopping(patience), record=EVERY).isel(run=0)
    losses = [loss for loss, _ in tests]
    best, end = 0, 0
    while end - best < patience:
        end += 1
        if losses[end] < losses[best]:
            best = end
    assert out.outcome == rl.Outcome.STOPPED_EARLY
    assert out.presentations == (end + 1) * EVERY
    assert out.validation_presentations == (best + 1) * EVERY
    assert np.isfinite(out.record_validation_loss).sum() == end + 1
    for name, value in tests[best][1].items():
        np.testing.assert_array_equal(out[name], value)


def test_training_itself_is_as_without() -> None:
    plain = trained(**GIVEN, record=EVERY)
    assert_same_runs(
        plain.drop_vars(list(CELL.parameter_shapes)), trained(**GIVEN, record=EVERY, early_stopping=stopping())
    )


def test_a_run_is_tested_where_it_ends() -> None:
    limit = 2 * EVERY + BATCH
    out = trained(**GIVEN | {"max_presentations": limit}, early_stopping=stopping(), record=BATCH)
    at = out.presentation.values[np.isfinite(out.record_validation_loss.isel(run=0))]
    assert at.tolist() == [EVERY, 2 * EVERY, limit]


def test_a_run_that_has_converged_gives_its_best() -> None:
    criterion = rl.Criterion(threshold=0.25, window=12)
    out = trained(**GIVEN, early_stopping=stopping(), criterion=criterion)
    assert (out.outcome == rl.Outcome.CONVERGED).all()
    assert (out.validation_presentations <= out.presentations).all()
    np.testing.assert_allclose(rl.evaluate(CELL, out, validation_set()).loss, out.validation_loss, rtol=1e-12)


def test_a_run_that_diverges_gives_its_best() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=5, outputs=1, activation="relu")
    descent = A.GradientDescent(learning_rate=1000.0, batch_size=BATCH)
    out = trained(**GIVEN | {"algorithm": descent, "cell": cell}, early_stopping=stopping(presentations=BATCH))
    assert (out.outcome == rl.Outcome.DIVERGED).all()
    assert (out.validation_presentations < out.presentations).all()
    np.testing.assert_allclose(rl.evaluate(cell, out, validation_set()).loss, out.validation_loss, rtol=1e-12)


def test_the_end_is_tested_with_the_best() -> None:
    given = GIVEN | {"task": TASK, "max_presentations": 3 * EVERY}
    out = trained(**given, early_stopping=stopping(), test_presentations=40)
    tested = rl.evaluate(CELL, out, TASK, presentations=40, rng=0)
    np.testing.assert_allclose(out.test_loss, tested.loss, rtol=1e-12)


def test_a_sweep_keeps_it(tmp_path: Path) -> None:
    run = rl.Run(CELL, FEW, GIVEN["algorithm"], None, 20 * EVERY, early_stopping=stopping(2))
    assert run.engine == "matrices"
    read = rl.Run.from_dict(run.to_dict())
    assert read.to_dict() == run.to_dict()
    plain = trained(**GIVEN | {"max_presentations": 20 * EVERY}, early_stopping=stopping(2))
    path = tmp_path / "sweep.sqlite"
    rl.sweep(lambda: run, {}, runs=3, rng=0, store=path)
    store = rl.open_store(path)
    assert_same_runs(store.to_xarray(), plain)
    assert store.summary().stopped_early == (plain.outcome == rl.Outcome.STOPPED_EARLY).sum()


def test_a_plan_keeps_equal_data_once() -> None:
    """Also where one set is the training set of a run and the validation set of another."""

    arrays: dict[str, Any] = FEW.arrays()

    def study(rate: float, swapped: bool) -> rl.Run:
        sets = [T.DatasetTask(**arrays), validation_set()]
        task, tested = sets[::-1] if swapped else sets
        algorithm = A.Adam(learning_rate=rate, batch_size=BATCH)
        return rl.Run(CELL, task, algorithm, None, EVERY, early_stopping=stopping(task=tested))

    plan = make_plan(study, {"rate": [0.01, 0.02], "swapped": [False, True]}, (), 1, normalise(0))
    kept = {id(task) for run in plan.points for task in (run.task, run.early_stopping and run.early_stopping.task)}
    assert len(kept) == 2
    of_one, of_all = (len(pickle.dumps(points)) for points in (plan.points[:1], plan.points))
    assert of_all < 2 * of_one


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"task": TASK}, "task is TwoSequence.*it must be a task whose sequences are given"),
        ({"presentations": 0}, "presentations is 0"),
        ({"patience": 0}, "patience is 0"),
        ({"patience": 1.5}, "patience is 1.5"),
        ({"task": 3}, "task is 3"),
    ],
)
def test_bad_settings_are_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        stopping(**given)


WIDE = T.DatasetTask(inputs=np.zeros((3, 4, 2)), targets=np.ones((3, 1)))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"early_stopping": stopping(presentations=BATCH + 1)},
            "presentations of early_stopping is 5.*multiple of the batch size",
        ),
        ({"early_stopping": stopping(task=WIDE)}, "early_stopping has a task that does not fit: cell has inputs=1"),
        ({"early_stopping": stopping(), "driver": "lanes"}, "driver is 'lanes' and early_stopping is given"),
        (
            {"early_stopping": stopping(), "algorithm": A.PseudoNewton()},
            "early_stopping is given.*algorithm is PseudoNewton",
        ),
        ({"early_stopping": 3}, "early_stopping is 3"),
    ],
)
def test_what_does_not_go_together_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        trained(**GIVEN | {"driver": None} | given)


def test_the_summary_names_the_outcome() -> None:
    out: xr.Dataset = trained(**GIVEN, early_stopping=stopping(1))
    names = out.outcome.attrs["flag_meanings"].split()
    assert names[out.outcome.attrs["flag_values"].tolist().index(rl.Outcome.STOPPED_EARLY)] == "stopped_early"
