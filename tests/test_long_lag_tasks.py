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
from rnnlatch.tasks import Adding, LongLagTask, Multiplication, Sample, Task, TemporalOrder
from rnnlatch.tasks.marked_values import MarkedValuesTask

FALSE_ALARM = 1e-4
"""How often each test of statistics would fail by chance, were its seed not fixed."""

HOCHREITER: dict[str, Any] = {"variant": "hochreiter1997"}
ARJOVSKY: dict[str, Any] = {"variant": "arjovsky2016"}

TASKS: dict[str, LongLagTask] = {
    "order": TemporalOrder(length=(20, 30)),
    "order of three": TemporalOrder(length=20, symbols=3, sequences=7, order="random"),
    "order, 1997": TemporalOrder(length=(20, 23), **HOCHREITER),
    "adding": Adding(length=(20, 30)),
    "adding, 1997": Adding(length=12, **HOCHREITER),
    "adding, 2016": Adding(length=(10, 14), sequences=7, **ARJOVSKY),
    "multiplication": Multiplication(length=(20, 23), order="random", sequences=5),
    "multiplication, 1997": Multiplication(length=(12, 15), **HOCHREITER),
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
    settings = task.to_dict() | {"sequences": None} | ({"extra": 0.0} if "extra" in task.to_dict() else {})
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


# ---- adding and multiplication ----------------------------------------------------------------------------------------


@st.composite
def marked_values(draw: st.DrawFn) -> MarkedValuesTask:
    kind: type[MarkedValuesTask] = draw(st.sampled_from([Adding, Multiplication]))
    low = draw(st.integers(11, 60))
    return kind(
        length=(low, low + draw(st.integers(0, 20))),
        variant=draw(st.sampled_from(kind.variants)),
        extra=draw(st.none() | st.floats(0, 1)),
        length_shared_by=draw(st.integers(1, 5)),
    )


def value_and_marker(task: MarkedValuesTask, drawn: Sample) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    value = int(task.variant == "pascanu2013")
    return drawn.inputs[..., value], drawn.inputs[..., 1 - value]


@settings(deadline=None, max_examples=60)
@given(marked_values(), st.integers(0, 2**32), st.booleans())
def test_marked_values(task: MarkedValuesTask, seed: int, test: bool) -> None:
    drawn = task.sample(19, seed, test=test)
    hochreiter = task.variant == "hochreiter1997"
    product = isinstance(task, Multiplication)
    values, markers = value_and_marker(task, drawn)
    low, high = task.length_range
    assert drawn.inputs.shape == (19, high, 2)
    assert low <= drawn.lengths.min() <= drawn.lengths.max() <= high
    for i, n in enumerate(drawn.lengths):
        assert not drawn.inputs[i, : high - n].any()
        shown, marker = values[i, high - n :], markers[i, high - n :]
        assert ((shown > (-1 if hochreiter and not product else 0)) & (shown < 1) | (np.arange(n) == 0)).all()
        at = [int(step) for step in np.flatnonzero(marker == 1)]
        if hochreiter:
            assert marker[0] == marker[-1] == -1
            if len(at) == 1:  # the first step was to be marked
                at = [0, *at]
                assert shown[0] == product
            assert at[0] < 10
            assert at[1] <= max(9, task.drawn_range[1] // 2 - 1)
            assert set(marker[1:-1]) <= {0, 1}
        else:
            first, middle = (n // 2, n) if task.variant == "arjovsky2016" else (n // 10, n // 10 + 4 * n // 10)
            assert at[0] < first <= at[1] < middle
            assert set(marker) <= {0, 1}
        assert len(at) == 2
        x, y = shown[at]
        wanted = {"pascanu2013": (x + y) / 2, "hochreiter1997": 0.5 + (x + y) / 4, "arjovsky2016": x + y}[task.variant]
        assert drawn.targets[i, 0] == (x * y if product else wanted)


def test_marks_and_values_are_equally_likely() -> None:
    for task, ranges in (
        (Adding(length=50, extra=0), [(0, 4), (5, 24)]),
        (Adding(length=21, **ARJOVSKY), [(0, 9), (10, 19)]),
        (Multiplication(length=40, extra=0), [(0, 3), (4, 19)]),
    ):
        values, markers = value_and_marker(task, task.sample(1000, rng=0))
        at = np.nonzero(markers)[1].reshape(1000, 2)
        for k, (first, last) in enumerate(ranges):
            check_uniform(at[:, k], first, last)
        assert stats.kstest(values[:, -5:].ravel(), stats.uniform(0, 1).cdf).pvalue > FALSE_ALARM


def test_marks_of_1997() -> None:
    """Each of the first ten steps has one mark with probability 1/10; of the others 9 are left, all equally likely."""
    task = Adding(length=21, extra=0, **HOCHREITER)
    values, markers = value_and_marker(task, task.sample(4000, rng=0))
    assert stats.kstest(values[:, 1:].ravel(), stats.uniform(-1, 2).cdf).pvalue > FALSE_ALARM
    unseen = (markers == 1).sum(axis=1) == 1
    assert (values[unseen, 0] == 0).all()
    assert (values[~unseen, 0] != 0).all()
    # 1/10, and of the other 9/10 one in nine
    assert stats.binomtest(int(unseen.sum()), 4000, 1 / 10 + 9 / 10 / 9).pvalue > FALSE_ALARM
    check_uniform(np.nonzero(markers[:, 1:10] == 1)[1], 0, 8)
    assert not (markers[:, 10:20] == 1).any()
    of_products = Multiplication(length=21, extra=0, **HOCHREITER)
    values, markers = value_and_marker(of_products, of_products.sample(100, rng=0))
    assert (values[(markers == 1).sum(axis=1) == 1, 0] == 1).all()


def test_lengths_of_the_papers() -> None:
    """Pascanu et al. have L + randint(0.1 L) steps, Hochreiter and Schmidhuber L to 1.1 L."""
    assert Adding(length=100).length_range == (100, 109)
    assert Adding(length=(50, 200)).length_range == (50, 219)
    assert Adding(length=100, **HOCHREITER).length_range == (100, 110)
    assert Adding(length=100, **ARJOVSKY).length_range == (100, 100)
    assert Adding(length=100, extra=0).length_range == (100, 100)
    for task in (Adding(length=50), Multiplication(length=50, **HOCHREITER)):
        check_uniform(task.sample(500, rng=0).lengths, *task.length_range)


@pytest.mark.parametrize(("off", "error"), [(0.199, 0.0), (0.201, 1.0)])
def test_adding_is_right_within_the_tolerance(off: float, error: float) -> None:
    """A unit that adds up what is marked: relu(value + marker - 1)."""
    task = Adding(length=20, **ARJOVSKY)
    cell = rl.cells.VanillaRNN(inputs=2, hidden=2, outputs=1, activation="relu")
    params = {name: np.zeros_like(value) for name, value in cell.initial_parameters(0).items()}
    params["weight_ih_l0"][0] = 1  # the first unit shows the marked value, the second one sums it up a step later
    params["bias_ih_l0"][0] = -1
    params["weight_hh_l0"][1] = 1
    params["weight_out"][0] = 1
    params["bias_out"][0] = off
    tested = rl.evaluate(cell, params, task, presentations=50, rng=0)
    assert float(tested.error) == error
    assert float(tested.loss) == pytest.approx(off**2 / 2, rel=1e-9)
    assert [Adding(length=20, **v).columns()["tolerance"] for v in ({}, HOCHREITER, ARJOVSKY)] == [0.2, 0.04, 0.2]


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
        (lambda: Adding(length=9), "in sequences of length 9 they would be the steps [0, 0], [0, 2]"),
        (lambda: Adding(length=1, **ARJOVSKY), "windows do not overlap"),
        (
            lambda: Adding(length=(10, 20), **HOCHREITER),
            "length is (10, 20); it must be at least 11, since one of the first",
        ),
        (lambda: Adding(length=20, extra=2), "extra is 2; it must be a finite number from 0 to 1"),
        (lambda: Adding(length=20, variant="x"), "'pascanu2013' or 'hochreiter1997' or 'arjovsky2016'"),
        (lambda: Adding(length=20, tolerance=0), "tolerance is 0; it must be a finite number above 0"),
        (lambda: Multiplication(length=20, **ARJOVSKY), "it must be 'pascanu2013' or 'hochreiter1997'"),
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
