"""train, evaluate and replay of networks: the reference's runs, labelled, and tested on what they were trained for."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from own_algorithms import PlainDescent
from reference import searches, stepwise
from rnnlatch import _network_runs
from rnnlatch.algorithms import Algorithm
from rnnlatch.cells import NetworkCell
from rnnlatch.rng import normalise, stream_base, streams
from rnnlatch.tasks import Task

A, C, T = rl.algorithms, rl.cells, rl.tasks
RIGHT = rl.Criterion(measure="consecutive")

NET = C.VanillaRNN(inputs=1, hidden=3, outputs=1)
SIGNS = C.VanillaRNN(
    inputs=1,
    hidden=2,
    read_unit=1,
    activation="sign",
    mask_hh=[[0, 1], [1, 1]],
    same_step=[[0, 0], [1, 0]],
    fixed=["bias_hh_l0"],
)
LATCH = C.LatchNeuron(w=1.25, train_w=True)
TWO = T.TwoSequence(length=(5, 8), prefix=3, noise_std=0.2, sequences_per_class=3)
FRESH = T.TwoSequence(length=(5, 8), prefix=(2, 3), noise_std=0.2, prefix_noise_std=0.1)
PARITY = T.Parity(length=(2, 4), noise_std=0, sequences_per_class=4, targets=(-1, 1))
RANGE = T.MinimalLatch(length=(5, 8), prefix=2, noise_std=0.2, sequences_per_class=3)
DATA = T.DatasetTask(
    inputs=np.random.default_rng(0).normal(size=(6, 5, 1)),
    targets=np.arange(30).reshape(6, 5) % 2,
    lengths=[5, 4, 3, 5, 2, 5],
    loss="softmax_cross_entropy",
    at="every",
    order="random",
)

# Short where the dynamics blow up rounding errors: discrete error propagation divides by what is near 0, and multiplies them
# by ten thousand every fifty presentations.
RUNS: dict[str, rl.Run] = {
    "descent": rl.Run(NET, TWO, A.GradientDescent(momentum=0.5, clip_norm=0.5, l2=1e-3), RIGHT, 200),
    "batches": rl.Run(NET, TWO, A.GradientDescent(batch_size="all", reduction="sum"), rl.Criterion(), 240),
    "fresh": rl.Run(C.GRU(inputs=1, hidden=2, outputs=1), FRESH, A.Adam(learning_rate=0.05, batch_size=2), None, 100),
    "data": rl.Run(
        C.LSTM(inputs=1, hidden=2, outputs=2), DATA, A.RMSprop(batch_size=3), rl.Criterion(measure="error"), 90
    ),
    "latch": rl.Run(LATCH, RANGE, A.GradientDescent(learning_rate=0.2), RIGHT, 200),
    "fixed w": rl.Run(C.LatchNeuron(w=2), RANGE, A.Adam(learning_rate=0.1), RIGHT, 200),
    "pseudo-Newton": rl.Run(NET, TWO, A.PseudoNewton(), RIGHT, 60),
    "time-weighted": rl.Run(LATCH, RANGE, A.PseudoNewton(time_weighted=True, mu_rule="average"), RIGHT, 100),
    "Newton": rl.Run(NET, TWO, A.Newton(batch_size="all", largest_step=0.3), RIGHT, 60),
    "discrete": rl.Run(SIGNS, PARITY, A.DiscreteErrorPropagation(), RIGHT, 48),
    "redraw": rl.Run(SIGNS, PARITY, A.RedrawAfterError(), RIGHT, 400),
    "annealing": rl.Run(
        NET, TWO, A.SimulatedAnnealing(steps_per_cycle=2, cycles_per_temperature=2, stuck_tolerance=0.02), RIGHT, 1200
    ),
    "multigrid": rl.Run(LATCH, RANGE, A.MultigridRandomSearch(shrink=0.5), rl.Criterion(threshold=1e-6), 1200),
    "guessing": rl.Run(
        SIGNS, PARITY, A.RandomGuessing(low=-3, high=3), rl.Criterion(measure="error", threshold=0), 800
    ),
}

COUNTS = ("outcome", "presentations", "presentations_computed", "loss", "error")

each_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())


def trained(run: rl.Run, runs: int = 4, **given: Any) -> xr.Dataset:
    parts = run.cell, run.task, run.algorithm
    settings: dict[str, Any] = {"criterion": run.criterion, "max_presentations": run.max_presentations, "rng": 0}
    settings["test_presentations"] = run.test_presentations
    return rl.train(*parts, runs=runs, **(settings | given))


@each_run
def test_runs_are_those_of_the_reference(run: rl.Run) -> None:
    out = trained(run)
    one: Callable[..., dict[str, Any]] = searches.search_one_run if run.algorithm.searches else stepwise.train_one_run
    key, numbers = normalise(0).key(), streams(stream_base({}), 0, 4)
    start = run.initial(key, numbers)
    for number in range(4):
        parameters = {name: value[number] for name, value in start.items()}
        expected = one(
            run.structure(),
            run.columns(),
            key,
            int(numbers[number]),
            parameters,
            run.trainable(),
            run.arrays(),
        )
        got = out.isel(run=number)
        assert int(got.outcome) == expected["outcome"]
        assert int(got.presentations) == expected["presentations"]
        assert int(got.presentations_computed) <= int(got.presentations)
        np.testing.assert_allclose(got.loss, expected["loss"], rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(got.error, expected["error"], atol=1e-12)
        parameters = {name: np.asarray(value)[None] for name, value in expected["parameters"].items()}
        named = _network_runs.results_of(run.cell, run.prefix, dict.fromkeys(COUNTS, None) | {"parameters": parameters})
        for name in out.data_vars:
            if name not in (*COUNTS, "test_loss", "test_error"):
                np.testing.assert_allclose(got[name], named[str(name)][0], rtol=1e-6, atol=1e-8)


def test_the_dataset_is_labelled() -> None:
    out = trained(RUNS["fresh"], test_presentations=50)
    assert dict(out.sizes) == {"run": 4, "row": 6, "input": 1, "hidden": 2, "output": 1}
    assert list(out.data_vars) == [*COUNTS, "test_loss", "test_error", *RUNS["fresh"].network.parameters()]
    for name in (*out.coords, *out.data_vars):
        assert out[name].attrs["long_name"], name
        assert "units" in out[name].attrs or name == "outcome", name
    run = rl.Run.from_dict(json.loads(out.attrs["parameters"]))
    assert run.task == FRESH
    assert run.test_presentations == 50


def test_the_dataset_can_be_written(tmp_path: Any) -> None:
    out = trained(RUNS["data"])
    out.to_netcdf(tmp_path / "runs.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "runs.nc", engine="h5netcdf") as read:
        xr.testing.assert_equal(read.load(), out)


@each_run
def test_more_runs_and_threads_leave_the_first_unchanged(run: rl.Run) -> None:
    xr.testing.assert_equal(trained(run, 20, threads=2).isel(run=slice(4)), trained(run, 4, threads=1))


@each_run
def test_any_run_can_be_replayed(run: rl.Run) -> None:
    again = rl.replay(run, trial=3, rng=0)
    xr.testing.assert_equal(again, trained(run).isel(run=3))


def test_progress_is_told_the_runs_done() -> None:
    calls: list[tuple[int, int, str]] = []
    trained(RUNS["fresh"], 40, progress=lambda *state: calls.append(state))
    assert calls[-1] == (40, 40, "")


def test_progress_is_told_that_no_run_is_done_yet() -> None:
    def interrupt(*state: object) -> None:
        assert state == (0, 4, "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(RUNS["fresh"], max_presentations=4_000_000_000, progress=interrupt)


@pytest.mark.parametrize("name", ["descent", "fresh", "data", "annealing"])
def test_trained_networks_go_into_everything_that_takes_parameters(name: str) -> None:
    run = RUNS[name]
    cell, task = run.network, run.task
    out = trained(run)
    drawn = task.sample(6, rng=1)
    assert rl.simulate(cell, out, drawn.inputs).shape[0] == 4
    loss, _ = rl.gradients.loss_and_gradient(
        cell, out, drawn.inputs, drawn.targets, lengths=drawn.lengths, loss=task.loss, at=task.at
    )
    assert loss.shape == (4,)
    plain = rl.io.from_dataset(out.isel(run=1), cell)
    alone, _ = rl.gradients.loss_and_gradient(
        cell, plain, drawn.inputs, drawn.targets, lengths=drawn.lengths, loss=task.loss, at=task.at
    )
    assert float(loss[1]) == pytest.approx(float(alone), rel=1e-9)


@pytest.mark.parametrize("name", ["descent", "fresh", "latch", "fixed w", "guessing", "discrete"])
def test_tests_at_the_end_are_those_of_evaluate(name: str) -> None:
    run = RUNS[name]
    out = trained(run, test_presentations=200)
    later = rl.evaluate(run.cell, out, run.task, presentations=200, rng=0)
    xr.testing.assert_equal(later.loss, out.test_loss.rename("loss"))
    xr.testing.assert_equal(later.error, out.test_error.rename("error"))
    assert ((out.test_error >= 0) & (out.test_error <= 1)).all()
    assert trained(run)[list(trained(run).data_vars)].identical(
        out.drop_vars(["test_loss", "test_error"]).assign_attrs(trained(run).attrs)
    ), "to be tested changes nothing"


def test_the_latch_engine_tests_too() -> None:
    task = T.MinimalLatch(length=10, prefix=3, noise_std=0.3)
    out = rl.train(LATCH, task, A.GradientDescent(), runs=5, max_presentations=300, test_presentations=100, rng=0)
    assert "presentations_computed" not in out
    later = rl.evaluate(LATCH, out, task, presentations=100, rng=0)
    xr.testing.assert_equal(later.error, out.test_error.rename("error"))


def by_network(cell: NetworkCell, params: Any, task: Task, count: int, rng: Any) -> Any:
    """Losses on test sequences of run 0, by the gradients."""
    drawn = task.sample(count, rng, test=True)
    return rl.gradients.loss_and_gradient(cell, params, drawn.inputs, drawn.targets, lengths=drawn.lengths)[0]


@pytest.mark.parametrize("task", [TWO, FRESH, T.Parity(length=(3, 6), noise_std=0.1)])
def test_evaluation_is_the_mean_loss_of_the_test_sample(task: Task) -> None:
    params = NET.initial_parameters(4)
    tested = rl.evaluate(NET, params, task, presentations=64, rng=9)
    assert tested.loss.shape == ()
    np.testing.assert_allclose(tested.loss, by_network(NET, params, task, 64, 9), rtol=1e-9)


def test_a_dataset_is_shown_once() -> None:
    cell = C.GRU(inputs=1, hidden=2, outputs=2)
    params = cell.initial_parameters(0, runs=3)
    tested = rl.evaluate(cell, params, DATA)
    loss, _ = rl.gradients.loss_and_gradient(
        cell, params, DATA.inputs, DATA.targets, loss=DATA.loss, at="every", lengths=DATA.lengths
    )
    np.testing.assert_allclose(tested.loss, loss, rtol=1e-9)
    with pytest.raises(ValueError, match="presentations is 5; it must be None for a DatasetTask"):
        rl.evaluate(cell, params, DATA, presentations=5)


def test_prototypes_belong_to_the_runs() -> None:
    easy = T.TwoSequence(length=6, prefix=3, noise_std=0.01, sequences_per_class=5)
    out = rl.train(NET, easy, A.Adam(learning_rate=0.02), runs=6, max_presentations=5000, criterion=RIGHT, rng=3)
    learned = rl.evaluate(NET, out, easy, presentations=100)
    assert float(learned.error.mean()) < 0.1
    some = rl.evaluate(NET, out.isel(run=[4, 1]), easy, presentations=100, rng=3)
    xr.testing.assert_equal(some, learned.isel(run=[4, 1]))
    one = rl.evaluate(NET, out.isel(run=5), easy, presentations=100)
    xr.testing.assert_equal(one, learned.isel(run=5))
    with pytest.raises(
        ValueError, match=r"rng is 4, and the prototypes of the task were drawn with that of the training"
    ):
        rl.evaluate(NET, out, easy, rng=4)
    with pytest.raises(ValueError, match="params has lost the coordinate run"):
        rl.evaluate(NET, out.drop_vars("run"), easy)


def test_a_network_that_diverged_is_neither_right_nor_wrong() -> None:
    out = trained(RUNS["descent"])
    broken = out.assign(weight_hh_l0=out.weight_hh_l0.where(out.run != 2))
    tested = rl.evaluate(NET, broken, TWO)
    assert tested.isel(run=2).to_dataarray().isnull().all()
    xr.testing.assert_equal(tested.drop_isel(run=2), rl.evaluate(NET, out, TWO).drop_isel(run=2))
    relu = C.VanillaRNN(inputs=1, hidden=3, outputs=1, activation="relu")
    away = trained(rl.Run(relu, TWO, A.GradientDescent(learning_rate=1e200)))
    assert (away.outcome == rl.Outcome.DIVERGED).all()


def test_an_algorithm_in_python_is_the_engines() -> None:
    settings: dict[str, Any] = {"runs": 3, "max_presentations": 300, "rng": 0, "test_presentations": 20}
    for cell, task in ((NET, FRESH), (NET, TWO), (LATCH, RANGE), (C.LSTM(inputs=1, hidden=2, outputs=1), PARITY)):
        for criterion in (None, RIGHT, rl.Criterion(measure="error")):
            given: Any = settings | {"criterion": criterion}
            compiled = rl.train(cell, task, A.GradientDescent(), **given)
            own = rl.train(cell, task, PlainDescent(), **given)
            xr.testing.assert_allclose(own, compiled, rtol=1e-7, atol=1e-9)


def test_a_latch_neuron_learns_the_same_in_both_engines() -> None:
    """The tolerance says what the sign says, and so the other engine does the same work."""
    plain = T.MinimalLatch(length=9, prefix=3, noise_std=0.3, sequences_per_class=4)
    other = T.MinimalLatch(length=9, prefix=3, noise_std=0.3, sequences_per_class=4, tolerance=0.8)
    algorithm: Algorithm = A.GradientDescent(learning_rate=0.2, momentum=0.3, batch_size=4)
    settings: dict[str, Any] = {"runs": 9, "max_presentations": 400, "criterion": None, "rng": 0}
    one, two = rl.train(LATCH, plain, algorithm, **settings), rl.train(LATCH, other, algorithm, **settings)
    xr.testing.assert_allclose(two.drop_vars("presentations_computed"), one, rtol=1e-9, atol=1e-12)
