"""Algorithms written in Python: counted, stopped and named like those of the engine; recorded without their code."""

import json
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from own_algorithms import GivesUp, PlainDescent
from rnnlatch._record import Record, canonical_json
from rnnlatch.algorithms.python import AbsentAlgorithm, PythonAlgorithm

INPUTS = np.random.default_rng(1).normal(size=(12, 6, 2))
TARGETS = np.sign(INPUTS[:, :1].sum(axis=2))
CELL = rl.cells.VanillaRNN(inputs=2, hidden=3, outputs=1)


def task(**given: Any) -> rl.tasks.DatasetTask:
    settings: dict[str, Any] = {"inputs": INPUTS, "targets": TARGETS}
    return rl.tasks.DatasetTask(**(settings | given))


def trained(algorithm: PythonAlgorithm, **given: Any) -> xr.Dataset:
    settings: dict[str, Any] = {"cell": CELL, "task": task(), "runs": 3, "max_presentations": 600, "rng": 0}
    settings |= given
    return rl.train(algorithm=algorithm, **settings)


def by_hand(rate: float, batch: int, updates: int, run: int) -> dict[str, Any]:
    """Gradient descent without any of the machinery."""
    params = {name: value[run] for name, value in CELL.initial_parameters(0, runs=3).items()}
    for update in range(updates):
        here = np.arange(update * batch, (update + 1) * batch) % 12
        _, gradient = rl.gradients.loss_and_gradient(CELL, params, INPUTS[here], TARGETS[here])
        params = {name: value - rate * gradient[name] for name, value in params.items()}
    return params


@pytest.mark.parametrize(("batch_size", "batch"), [(1, 1), (4, 4), ("all", 12)])
def test_it_is_shown_what_the_task_has_and_reports_where_it_ends(batch_size: Any, batch: int) -> None:
    out = trained(PlainDescent(batch_size=batch_size), criterion=None, max_presentations=60)
    assert (out.outcome == rl.Outcome.EXHAUSTED).all()
    assert (out.presentations == 60).all()
    assert (out.presentations_computed == 60).all()
    for run in range(3):
        expected = by_hand(0.1, batch, 60 // batch, run)
        for name, value in expected.items():
            np.testing.assert_allclose(out[name][run], value, rtol=1e-9, atol=1e-12)


def test_windows_are_measured_before_their_updates() -> None:
    out = trained(PlainDescent(batch_size="all"), criterion=None, max_presentations=36)
    for run in range(3):
        loss, _ = rl.gradients.loss_and_gradient(CELL, by_hand(0.1, 12, 2, run), INPUTS, TARGETS)
        assert float(out.loss[run]) == pytest.approx(float(loss), rel=1e-9)
    half = trained(PlainDescent(), criterion=None, max_presentations=7)
    assert half.loss.notnull().all(), "a run that ends before its first window reports what there was"


def test_runs_end_as_their_criterion_says() -> None:
    learned = trained(PlainDescent(), max_presentations=60_000, criterion=rl.Criterion(measure="error", threshold=0))
    assert (learned.outcome == rl.Outcome.CONVERGED).all()
    assert (learned.error == 0).all()
    assert (learned.presentations % 12 == 0).all()
    in_a_row = trained(
        PlainDescent(), max_presentations=60_000, criterion=rl.Criterion(measure="consecutive", window=5)
    )
    assert (in_a_row.outcome == rl.Outcome.CONVERGED).all()
    assert (in_a_row.presentations <= learned.presentations).all()
    cheap = trained(PlainDescent(), criterion=rl.Criterion(threshold=100, window=3))
    assert (cheap.presentations == 3).all()
    diverged = trained(PlainDescent(learning_rate=1e300))
    assert (diverged.outcome == rl.Outcome.DIVERGED).all()


def test_one_that_returns_early_is_stuck_and_reports_what_it_likes() -> None:
    out = trained(GivesUp(tries=4, batch_size="all"), criterion=None)
    assert (out.outcome == rl.Outcome.STUCK).all()
    assert (out.presentations == 4 * 12).all()
    best, _ = rl.gradients.loss_and_gradient(CELL, out, INPUTS, TARGETS)
    start, _ = rl.gradients.loss_and_gradient(CELL, CELL.initial_parameters(0, runs=3), INPUTS, TARGETS)
    assert (best <= start).all()
    xr.testing.assert_identical(trained(GivesUp(tries=4, batch_size="all"), criterion=None), out)
    ended = trained(GivesUp(tries=4, batch_size="all"), criterion=None, max_presentations=48)
    assert (ended.outcome == rl.Outcome.EXHAUSTED).all()


def test_what_is_not_trained_is_put_back() -> None:
    cell = rl.cells.VanillaRNN(
        inputs=2,
        hidden=3,
        outputs=1,
        mask_hh=np.eye(3),
        fixed=["weight_ih_l0"],
        bias=False,
        init_ih=rl.cells.Constant(1),
    )
    out = trained(GivesUp(tries=2), cell=cell, criterion=None)
    assert (out.weight_ih_l0 == 1).all()
    assert (out.weight_hh_l0.values[:, ~np.eye(3, dtype=bool)] == 0).all()


@pytest.mark.parametrize(
    "given",
    [
        {"at": "every", "targets": np.sign(np.cumsum(INPUTS, axis=1)[..., :1]), "lengths": [1, 2, 3, 4, 5, 6] * 2},
        {"loss": "logistic_cross_entropy", "targets": (TARGETS + 1) / 2},
        {"loss": "softmax_cross_entropy", "targets": (TARGETS[:, 0] > 0).astype(int)},
        {"loss": "softmax_cross_entropy", "at": "every", "targets": np.zeros((12, 6), int), "mask": np.ones((12, 6))},
        {"tolerance": 0.1, "mask": np.arange(12.0)},
    ],
)
def test_losses_are_those_of_the_gradients(given: dict[str, Any]) -> None:
    shown = task(**given)
    cell = rl.cells.LSTM(inputs=2, hidden=2, outputs=2 if "softmax" in shown.loss else 1)
    out = trained(PlainDescent(batch_size="all"), cell=cell, task=shown, criterion=None, max_presentations=12)
    params = cell.initial_parameters(0, runs=3)
    keywords: dict[str, Any] = {
        "loss": shown.loss,
        "at": shown.at,
        "mask": given.get("mask"),
        "lengths": given.get("lengths"),
    }
    loss, _ = rl.gradients.loss_and_gradient(cell, params, INPUTS, shown.targets, **keywords)
    np.testing.assert_allclose(out.loss, loss, rtol=1e-9)


def study(learning_rate: float) -> rl.Run:
    return rl.Run(CELL, task(), PlainDescent(learning_rate=learning_rate), max_presentations=240)


AXES: dict[str, Any] = {"learning_rate": [0.01, 0.1]}


def test_a_sweep_of_it_has_the_runs_of_train() -> None:
    swept = rl.sweep(study, AXES, common=("learning_rate",), runs=3, rng=0)
    for rate in AXES["learning_rate"]:
        alone = trained(PlainDescent(learning_rate=rate), max_presentations=240)
        xr.testing.assert_equal(swept.sel(learning_rate=rate, drop=True), alone)


def test_workers_and_stores_know_it(tmp_path: Path) -> None:
    whole = rl.sweep(study, AXES, runs=3, rng=0)
    path = tmp_path / "sweep.sqlite"
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as executor:
        stored = rl.sweep(study, AXES, runs=3, rng=0, store=path, executor=executor, chunk_runs=2)
    xr.testing.assert_identical(stored.load(), whole)
    again = rl.replay(study(0.1), {"learning_rate": 0.1}, 2, rng=0)
    xr.testing.assert_equal(again, whole.sel(learning_rate=0.1).isel(run=2))


def test_a_record_names_its_module_and_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    run = study(0.01)
    text = canonical_json(run.to_dict())
    assert json.loads(text)["algorithm"] == {
        "type": "own_algorithms:PlainDescent",
        "batch_size": 1,
        "learning_rate": 0.01,
    }
    assert rl.Run.from_dict(json.loads(text)).algorithm == run.algorithm
    assert pickle.loads(pickle.dumps(run.algorithm)) == run.algorithm
    monkeypatch.delitem(Record._kinds, "own_algorithms:PlainDescent")
    absent = rl.Run.from_dict(json.loads(text))
    assert isinstance(absent.algorithm, AbsentAlgorithm)
    assert canonical_json(absent.to_dict()) == text
    assert AbsentAlgorithm(settings='{"type": "elsewhere:Own"}').presentations_in_batch(None) == 1
    with pytest.raises(ValueError, match="algorithm is PlainDescent of the module own_algorithms, which is not there"):
        rl.replay(absent, rng=0)


def test_one_without_a_module_is_refused_where_it_must_be_found(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Local(PlainDescent):
        pass

    def local(learning_rate: float) -> rl.Run:
        return rl.Run(CELL, task(), Local(learning_rate=learning_rate), max_presentations=24)

    assert rl.sweep(local, AXES, runs=1, rng=0).sizes["run"] == 1
    with pytest.raises(ValueError, match=r"a run with a .*Local, which is defined in a function; with a store"):
        rl.sweep(local, AXES, runs=1, rng=0, store=tmp_path / "sweep.sqlite")


@dataclass(frozen=True, kw_only=True)
class Odd(PythonAlgorithm):
    """Has settings that cannot be stored, or returns what is no network."""

    setting: Any = None
    returns: Any = ()

    def train(self, run: Any, parameters: Any, sequences: Any) -> Any:  # noqa: ARG002
        return parameters | dict(self.returns) if isinstance(self.returns, tuple) else self.returns


@pytest.mark.parametrize(
    ("algorithm", "message"),
    [
        (Odd(setting=np.ones(2)), "algorithm Odd has a setting that cannot be stored"),
        (Odd(setting=float("nan")), "settings must be finite numbers"),
        (Odd(returns=3), "Odd.train returned int; it must be None or the dict of parameters"),
        (Odd(returns=(("weight", 1),)), "Odd.train returned dict; it must be None or the dict of parameters"),
        (Odd(returns=(("bias_out", [1, 2]),)), "Odd.train returned bias_out with shape (2,); it must be (1,)"),
    ],
)
def test_what_is_wrong_is_named(algorithm: PythonAlgorithm, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        trained(algorithm)
    assert message in str(caught.value)


def test_one_without_train_says_so() -> None:
    with pytest.raises(NotImplementedError, match="PythonAlgorithm has no method train"):
        trained(PythonAlgorithm())
    with pytest.raises(ValueError, match="batch_size is 'some'"):
        PlainDescent(batch_size="some")  # type: ignore[arg-type]
