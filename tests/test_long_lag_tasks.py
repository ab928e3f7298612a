"""Tasks of long time lags: what their sequences promise, whatever the numbers, and that networks learn them."""

import json
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import rnnlatch as rl
from reference import stepwise
from rnnlatch._record import canonical_json
from rnnlatch.rng import normalise, stream_base, streams
from rnnlatch.tasks import LongLagTask, Sample, Task, TemporalOrder

FALSE_ALARM = 1e-4
"""How often each test of statistics would fail by chance, were its seed not fixed."""

HOCHREITER: dict[str, Any] = {"variant": "hochreiter1997"}

TASKS: dict[str, LongLagTask] = {
    "order": TemporalOrder(length=(20, 30)),
    "order of three": TemporalOrder(length=20, symbols=3, sequences=7, order="random"),
    "order, 1997": TemporalOrder(length=(20, 23), **HOCHREITER),
}

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())


def network_for(task: Task, **given: Any) -> rl.cells.VanillaRNN:
    return rl.cells.VanillaRNN(inputs=task.features, hidden=4, outputs=task.outputs, **given)


def shown_symbols(drawn: Sample) -> list[NDArray[np.int64]]:
    """The symbols of each sequence; that there is one at each of its steps, and none before, is checked."""
    time = drawn.inputs.shape[1]
    begun = np.arange(time) >= time - drawn.lengths[:, None]
    assert set(np.unique(drawn.inputs)) <= {0.0, 1.0}
    np.testing.assert_array_equal(drawn.inputs.sum(axis=2), begun)
    return [inputs.argmax(axis=1)[time - n :] for inputs, n in zip(drawn.inputs, drawn.lengths, strict=True)]


def check_uniform(numbers: Any, low: int, high: int) -> None:
    """Integers from low to high, all equally likely: chi-square."""
    counts = np.bincount(np.asarray(numbers) - low, minlength=high - low + 1)
    assert len(counts) == high - low + 1
    assert counts.min() > 0
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


# ---- all of them ------------------------------------------------------------------------------------------------------


@each_task
def test_settings_come_back_from_json_repr_and_pickle(task: LongLagTask) -> None:
    again = Task.from_dict(json.loads(canonical_json(task.to_dict())))
    assert again == task
    assert hash(again) == hash(task)
    assert eval(repr(task), vars(rl.tasks)) == task
    copy = pickle.loads(pickle.dumps(task))
    assert copy == task
    assert (copy.loss, copy.at, copy.structure()) == (task.loss, task.at, task.structure())


@each_task
def test_lengths_are_shared_by_so_many_sequences(task: LongLagTask) -> None:
    settings = task.to_dict() | {"sequences": None}
    alone, shared = (LongLagTask.from_dict(settings | {"length_shared_by": by}) for by in (1, 5))
    for test in (False, True):
        lengths = alone.sample(12, rng=0, test=test).lengths
        np.testing.assert_array_equal(shared.sample(60, rng=0, test=test).lengths, np.repeat(lengths, 5))
        if isinstance(task.length, tuple):
            assert len(set(lengths)) > 2


@each_task
def test_rows_before_a_sequence_change_nothing(task: LongLagTask) -> None:
    """Of tasks with other longest lengths those sequences are the same that happen to have the same length."""
    low = task.drawn_range[0]
    settings = task.to_dict() | {"sequences": None}
    some, more = (
        LongLagTask.from_dict(settings | {"length": (low, high)}).sample(80, rng=4) for high in (low + 2, low + 5)
    )
    same = np.flatnonzero(some.lengths == more.lengths)
    assert len(same) > 3
    for i in same:
        n = some.lengths[i]
        np.testing.assert_array_equal(some.inputs[i, -n:], more.inputs[i, -n:])
        if task.at == "last":
            np.testing.assert_array_equal(some.targets[i], more.targets[i])
        else:
            np.testing.assert_array_equal(some.targets[i, -n:], more.targets[i, -n:])


@each_task
def test_test_sequences_are_others(task: LongLagTask) -> None:
    training, test = task.sample(5, rng=2), task.sample(5, rng=2, test=True)
    assert not np.array_equal(training.inputs, test.inputs)
    assert not np.array_equal(training.inputs, task.sample(5, rng=3).inputs)


@each_task
def test_a_training_set_comes_again(task: LongLagTask) -> None:
    fixed = LongLagTask.from_dict(task.to_dict() | {"sequences": 3, "order": "cyclic"})
    assert fixed.training_set == 3
    drawn, fresh = fixed.sample(6, rng=1), LongLagTask.from_dict(task.to_dict() | {"sequences": None}).sample(3, rng=1)
    np.testing.assert_array_equal(drawn.inputs[3:], fresh.inputs)
    np.testing.assert_array_equal(drawn.inputs[:3], fresh.inputs)


@each_task
def test_runs_are_those_of_the_reference(task: LongLagTask) -> None:
    cell = network_for(task)
    run = rl.Run(cell, task, rl.algorithms.GradientDescent(batch_size=2, clip_norm=0.5), None, 12)
    out = rl.train(cell, task, run.algorithm, runs=2, max_presentations=12, criterion=None, rng=0)
    key, numbers = normalise(0).key(), streams(stream_base({}), 0, 2)
    start = run.initial(key, numbers)
    for number in range(2):
        parameters = {name: value[number] for name, value in start.items()}
        expected = stepwise.train_one_run(
            run.structure(), run.columns(), key, int(numbers[number]), parameters, run.trainable(), run.arrays()
        )
        np.testing.assert_allclose(out.loss[number], expected["loss"], rtol=1e-9)
        np.testing.assert_allclose(out.error[number], expected["error"], atol=1e-12)
        for name, value in expected["parameters"].items():
            np.testing.assert_allclose(out[name][number], value, rtol=1e-8, atol=1e-11)


@each_task
def test_evaluation_is_the_mean_loss_of_the_test_sample(task: LongLagTask) -> None:
    cell = network_for(task)
    params = cell.initial_parameters(4)
    drawn = task.sample(40, rng=9, test=True)
    loss, _ = rl.gradients.loss_and_gradient(
        cell, params, drawn.inputs, drawn.targets, lengths=drawn.lengths, loss=task.loss, at=task.at, mask=drawn.mask
    )
    np.testing.assert_allclose(rl.evaluate(cell, params, task, presentations=40, rng=9).loss, loss, rtol=1e-9)


# ---- temporal order ---------------------------------------------------------------------------------------------------


@st.composite
def temporal_orders(draw: st.DrawFn) -> TemporalOrder:
    low = draw(st.integers(10, 60))
    return TemporalOrder(
        length=(low, low + draw(st.integers(0, 20))),
        symbols=draw(st.sampled_from([2, 3])),
        variant=draw(st.sampled_from(["pascanu2013", "hochreiter1997"])),
        length_shared_by=draw(st.integers(1, 5)),
    )


@settings(deadline=None, max_examples=40)
@given(temporal_orders(), st.integers(0, 2**32), st.booleans())
def test_temporal_order(task: TemporalOrder, seed: int, test: bool) -> None:
    drawn = task.sample(19, seed, test=test)
    framed = task.variant == "hochreiter1997"
    assert drawn.inputs.shape == (19, task.length_range[1], 8 if framed else 6)
    assert drawn.classes is not None
    for symbols, shown_class, target in zip(shown_symbols(drawn), drawn.classes, drawn.targets, strict=True):
        n = len(symbols)
        at = np.flatnonzero(symbols < 2)
        assert len(at) == task.symbols
        for step, (first, last) in zip(at, task.positions(n), strict=True):
            assert first <= step <= last
        assert shown_class == sum(symbols[step] << k for k, step in enumerate(at))
        others = np.delete(symbols, at)
        if framed:
            assert (others[0], others[-1]) == (symbols[0], symbols[-1]) == (6, 7)
            others = others[1:-1]
            np.testing.assert_array_equal(target, np.arange(2**task.symbols) == shown_class)
        else:
            assert target == shown_class
        assert set(others) <= {2, 3, 4, 5}


@pytest.mark.parametrize(
    "task",
    [
        TemporalOrder(length=80),
        TemporalOrder(length=60, symbols=3),
        TemporalOrder(length=40, **HOCHREITER),
        TemporalOrder(length=30, symbols=3, **HOCHREITER),
    ],
)
def test_positions_classes_and_distractors_are_equally_likely(task: TemporalOrder) -> None:
    drawn = task.sample(1200, rng=0)
    symbols = np.stack(shown_symbols(drawn))
    at = np.nonzero(symbols < 2)[1].reshape(1200, task.symbols)
    for k, (first, last) in enumerate(task.positions(symbols.shape[1])):
        check_uniform(at[:, k], first, last)
    check_uniform(drawn.classes, 0, 2**task.symbols - 1)
    check_uniform(symbols[(symbols >= 2) & (symbols <= 5)], 2, 5)
    # unrelated to each other: correlations of independent numbers are normal with variance 1/n
    together = np.column_stack([at, np.asarray(drawn.classes)])
    correlations = np.asarray(np.corrcoef(together.T))[np.triu_indices(task.symbols + 1, 1)]
    assert np.abs(correlations).max() < stats.norm.isf(FALSE_ALARM / 2 / len(correlations)) / np.sqrt(1200)


def test_windows_of_the_papers() -> None:
    for length in range(10, 400, 10):  # of Pascanu et al. in tenths of the length
        tenth = length // 10
        two, three = (TemporalOrder(length=length, symbols=symbols) for symbols in (2, 3))
        assert two.positions(length) == tuple((k * tenth, (k + 1) * tenth - 1) for k in (1, 5))
        assert three.positions(length) == tuple((k * tenth, (k + 1) * tenth - 1) for k in (1, 3, 6))
    assert TemporalOrder(length=19).positions(19) == ((1, 1), (9, 9))
    of_all = TemporalOrder(length=(100, 110), **HOCHREITER)
    assert of_all.positions(100) == of_all.positions(110) == ((10, 20), (50, 60))
    assert of_all.columns()["tolerance"] == 0.3


def test_windows_of_ones_own() -> None:
    task = TemporalOrder(length=(20, 25), windows=[[0, 0], (0.9, 0.05)])  # type: ignore[arg-type]
    assert task.windows == ((0.0, 0.0), (0.9, 0.05))
    assert task.positions(20) == ((0, 0), (18, 18))
    for symbols in shown_symbols(task.sample(50, rng=0)):
        first, second = np.flatnonzero(symbols < 2)
        assert first == 0
        assert second == int(0.9 * len(symbols))
    assert TemporalOrder(length=100, windows=((0, 0.5), (0.5, 0.5))).positions(100) == ((0, 49), (50, 99))


def test_all_outputs_must_be_near_their_targets() -> None:
    """With bias_out alone: right where every output is nearer than the tolerance."""
    task = TemporalOrder(length=20, **HOCHREITER)
    cell = network_for(task)
    for others, expected in ((0.29, 0.0), (0.31, 1.0)):
        params = {name: np.zeros_like(value) for name, value in cell.initial_parameters(0).items()}
        params["bias_out"] = np.array([0.71, others, others, others])
        tested = rl.evaluate(cell, params, task, presentations=200, rng=0)
        of_class_0 = np.mean(task.sample(200, rng=0, test=True).targets[:, 0])
        assert float(tested.error) == pytest.approx(1 - of_class_0 * (1 - expected))


# ---- what is not allowed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: TemporalOrder(length=0), "length is 0; it must be an integer from 1 to 1000000"),
        (lambda: TemporalOrder(length=(9, 3)), "length is (9, 3); it must be an integer of at least 1, or a pair"),
        (lambda: TemporalOrder(length=20, length_shared_by=0), "length_shared_by is 0; it must be an integer from 1"),
        (lambda: TemporalOrder(length=20, sequences=0), "sequences is 0; it must be an integer from 1"),
        (lambda: TemporalOrder(length=20, order="up"), "order is 'up'; it must be 'cyclic' or 'random'"),
        (lambda: TemporalOrder(length=20, symbols=4), "symbols is 4; it must be an integer from 2 to 3"),
        (
            lambda: TemporalOrder(length=20, variant="1997"),
            "variant is '1997'; it must be 'pascanu2013' or 'hochreiter",
        ),
        (lambda: TemporalOrder(length=20, tolerance=0.1), "tolerance is 0.1 and variant 'pascanu2013', whose outputs"),
        (
            lambda: TemporalOrder(length=20, tolerance=-1, **HOCHREITER),
            "tolerance is -1; it must be a finite number above 0",
        ),
        (
            lambda: TemporalOrder(length=(1, 30)),
            "such that windows do not overlap; in sequences of length 1 they would be the steps [0, 0], [0, 0]",
        ),
        (lambda: TemporalOrder(length=9, **HOCHREITER), "[0, 0], [4, 4], with 1 step kept free at either end"),
        (lambda: TemporalOrder(length=20, windows=((0.5, 0.1), (0.1, 0.1))), "windows do not overlap; in sequences of"),
        (lambda: TemporalOrder(length=20, windows=((0.5, 0.3), (1.0, 0.1))), "[10, 15], [20, 19]"),
        (lambda: TemporalOrder(length=20, windows=((0.5, 0.3),)), "windows is ((0.5, 0.3),); it must be 2 pairs"),
        (lambda: TemporalOrder(length=20, windows=((0.1, np.nan), (0.3, 0.1))), "2 pairs of numbers from 0 to 1"),
        (lambda: TemporalOrder(length=20, windows=((0.1,), (0.3, 0.1))), "2 pairs of"),  # type: ignore[arg-type]
        (lambda: TemporalOrder(length=20).positions(21), "length is 21; it must be an integer from 20 to 20"),
        (
            lambda: rl.Run(network_for(TASKS["order"]), TASKS["order of three"], rl.algorithms.GradientDescent()),
            "cell has 4 outputs and the TemporalOrder has 8 classes; outputs must be at least 8",
        ),
    ],
)
def test_what_is_wrong_is_named(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
