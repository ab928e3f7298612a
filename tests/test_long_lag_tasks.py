"""Tasks of long time lags: what all of them promise, that networks learn from them, and what is not allowed."""

import json
import pickle
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from long_lag import ARJOVSKY, HOCHREITER, TASKS, network_for
from reference import stepwise
from rnnlatch._record import canonical_json
from rnnlatch.rng import normalise, stream_base, streams
from rnnlatch.tasks import (
    Adding,
    Agreement,
    CopyMemory,
    LongLagTask,
    Multiplication,
    NoiselessMemorization,
    RandomPermutation,
    Task,
    TemporalOrder,
)

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())


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
        (lambda: RandomPermutation(length=20, symbols=2), "symbols is 2; it must be an integer from 3 to 100000"),
        (lambda: NoiselessMemorization(length=0), "length is 0; it must be an integer from 1"),
        (lambda: NoiselessMemorization(length=5, values=1), "values is 1; it must be an integer from 2 to 100000"),
        (
            lambda: NoiselessMemorization(length=5, positions=0),
            "positions is 0; it must be an integer from 1 to 100000",
        ),
        (lambda: CopyMemory(length=5, reduction="max"), "reduction is 'max'; it must be 'mean' or 'sum'"),
        (lambda: CopyMemory(length=5, symbols=1.5), "symbols is 1.5 (float); it must be an integer"),  # type: ignore[arg-type]
        (lambda: Agreement(length=0), "length is 0; it must be an integer from 1"),
        (lambda: Agreement(length=9, nouns=17), "nouns is 17; it must be an integer from 1 to 16"),
        (lambda: Agreement(length=9, prepositions=0), "prepositions is 0; it must be an integer from 1 to 8"),
        (lambda: Agreement(length=9, adverbs=2.0), "adverbs is 2.0 (float); it must be an integer"),  # type: ignore[arg-type]
        (
            lambda: Agreement(length=9, attractor_probability=1.5),
            "attractor_probability is 1.5; it must be a finite number from 0 to 1",
        ),
        (lambda: Agreement(length=9, intervening=-1), "intervening is -1; it must be an integer from 0"),
        (
            lambda: Agreement(length=9, intervening=(2, 1)),
            "intervening is (2, 1); it must be such that the fewest come",
        ),
        (lambda: Agreement(length=9, intervening=(1, 2, 3)), "intervening is (1, 2, 3); it must be an integer of"),  # type: ignore[arg-type]
        (
            lambda: Agreement(length=(5, 9), intervening=2),
            "intervening is 2 and length (5, 9); the shortest clause has room for 1 phrases of 3 words",
        ),
        (lambda: Agreement(length=5).words([0, 33]), "symbols is [0, 33]; it must be integers from 0 to 32, one for"),
        (lambda: Agreement(length=5).words([0.5]), "symbols is [0.5]; it must be integers from 0"),
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
