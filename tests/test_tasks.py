"""Tasks as settings: what is checked, what the engine is told, and a user's own sequences."""

import json
import pickle
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch import random
from rnnlatch._record import canonical_json
from rnnlatch.rng import normalise, stream_base
from rnnlatch.tasks import DatasetTask, MinimalLatch, Parity, Task, TwoSequence

DATA = np.random.default_rng(0).normal(size=(6, 5, 2))


def data_task(**given: Any) -> DatasetTask:
    settings: dict[str, Any] = {"inputs": DATA, "targets": DATA[:, 0, :1]}
    return DatasetTask(**(settings | given))


TASKS: list[Task] = [
    MinimalLatch(length=(10, 20), prefix=2, noise_std=0.1, tolerance=0.1),
    TwoSequence(length=(25, 50), prefix=3, noise_std=0.2),
    TwoSequence(length=9, prefix=(1, 2), noise_variance=0.2, prefix_noise_std=0.1, prototypes=[[0, 1], [1, 0.5]]),
    Parity(length=(4, 8), noise_std=0, targets=(-1, 1), sequences_per_class=4, order="random", noise="uniform"),
]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
def test_settings_come_back_from_json_repr_and_pickle(task: Task) -> None:
    again = Task.from_dict(json.loads(canonical_json(task.to_dict())))
    assert again == task
    assert hash(again) == hash(task)
    assert repr(again) == repr(task)
    assert eval(repr(task), vars(rl.tasks)) == task
    assert pickle.loads(pickle.dumps(task)) == task


def test_what_was_there_before_is_written_as_before() -> None:
    task = MinimalLatch(length=20, prefix=3, noise_std=0.2)
    assert repr(task) == (
        "MinimalLatch(length=20, prefix=3, noise_std=0.2, noise_variance=None, noise='gaussian', "
        "sequences_per_class=None, order='cyclic', target=0.8)"
    )
    assert "tolerance" not in task.to_dict()
    assert MinimalLatch.from_dict(task.to_dict() | {"tolerance": None}) == task


def test_a_range_of_one_length_is_that_length() -> None:
    assert Parity(length=(7, 7), noise_std=0) == Parity(length=7, noise_std=0)
    assert Parity(length=np.array([3, 7]), noise_std=0).length == (3, 7)  # type: ignore[arg-type]


def test_the_engine_is_told_of_every_task_alike() -> None:
    structures = [task.structure() for task in [*TASKS, data_task()]]
    columns = [task.columns() for task in [*TASKS, data_task()]]
    assert len({frozenset(structure) for structure in structures}) == 1
    assert len({frozenset(column) for column in columns}) == 1
    assert structures[0]["features"] == 5
    assert (structures[0]["length_low"], structures[0]["length_high"]) == (10, 20)
    assert (structures[2]["prefix_low"], structures[2]["prefix_high"]) == (1, 2)
    assert [structure["given_prototypes"] for structure in structures] == [0, 0, 1, 0, 0]
    assert (structures[3]["sequences"], structures[3]["random_order"], structures[3]["uniform_noise"]) == (8, 1, 1)
    assert columns[2]["noise_std"] == pytest.approx(0.2**0.5)
    assert (columns[3]["target_low"], columns[3]["target_high"]) == (-1, 1)
    assert columns[0]["tolerance"] == 0.1
    assert columns[1]["tolerance"] == 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Parity(length=(8, 4), noise_std=0),
            "length is (8, 4); it must be an integer of at least 1, or a pair",
        ),
        (lambda: Parity(length=(1, 2, 3), noise_std=0), "length is (1, 2, 3)"),  # type: ignore[arg-type]
        (lambda: Parity(length=(0, 3), noise_std=0), "length, the shortest, is 0; it must be an integer from 1"),
        (lambda: Parity(length=2.5, noise_std=0), "length is 2.5 (float); it must be an integer"),  # type: ignore[arg-type]
        (lambda: Parity(), "exactly one of the two must be given, not neither"),
        (lambda: Parity(noise_std=0, noise_variance=0), "not both"),
        (lambda: Parity(noise_std=-1), "noise_std is -1; it must be"),
        (lambda: Parity(noise_std=0, targets=(1, -1)), "targets is (1.0, -1.0); it must be a pair of numbers"),
        (lambda: Parity(noise_std=0, targets=1), "targets is 1; it must be a pair"),  # type: ignore[arg-type]
        (lambda: Parity(noise_std=0, tolerance=0), "tolerance is 0; it must be a finite number above 0"),
        (lambda: Parity(noise_std=0, order="none"), "order is 'none'; it must be 'cyclic' or 'random'"),
        (
            lambda: TwoSequence(length=(3, 9), prefix=4, noise_std=0),
            "prefix is 4; it must be at most the shortest length",
        ),
        (
            lambda: TwoSequence(prefix=(2, 30), noise_std=0),
            "prefix is (2, 30); it must be at most the length, which is 20",
        ),
        (lambda: TwoSequence(noise_std=0, prototypes=[[1, 2]]), "prototypes has shape (1, 2)"),
        (lambda: TwoSequence(noise_std=0, prefix=1, prototypes=[[np.nan], [1]]), "prototypes has a number that is NaN"),
        (lambda: TwoSequence(noise_std=0, prototypes="ab"), "prototypes has dtype <U2"),
        (lambda: TwoSequence(noise_std=0, prototypes=[[1], [1, 2]]), "prototypes is [[1], [1, 2]]; it must be"),
        (lambda: TwoSequence(noise_std=0, prefix_noise_std=-0.1), "prefix_noise_std is -0.1"),
        (lambda: data_task(inputs=DATA[0]), "inputs has shape (5, 2); it must be"),
        (lambda: data_task(inputs=DATA * np.nan), "inputs is nan at [0, 0, 0]"),
        (
            lambda: data_task(targets=DATA[:, 0, 0]),
            "targets has shape (6,); it must be real numbers, shape (n, outputs)",
        ),
        (lambda: data_task(targets=DATA[:4, 0]), "targets has shape (4, 2)"),
        (lambda: data_task(at="every"), "targets has shape (6, 1); it must be real numbers, shape (n, time, outputs)"),
        (lambda: data_task(loss="logistic_cross_entropy"), "for logistic_cross_entropy it must be from 0 to 1"),
        (lambda: data_task(loss="softmax_cross_entropy"), "targets has dtype float64; it must be integers"),
        (lambda: data_task(loss="softmax_cross_entropy", targets=np.full(6, -1)), "targets has -1"),
        (lambda: data_task(lengths=np.full(6, 6)), "lengths has 6; it must be integers from 1 to 5"),
        (lambda: data_task(lengths=[1, 2]), "lengths has shape (2,)"),
        (lambda: data_task(mask=-np.ones(6)), "mask has -1.0; it must be numbers that are not negative"),
        (lambda: data_task(mask=np.zeros(6)), "mask is 0 wherever there is a target"),
        (lambda: data_task(mask=np.ones((6, 5))), "mask has shape (6, 5)"),
        (
            lambda: data_task(loss="softmax_cross_entropy", targets=np.zeros(6, int), tolerance=1),
            "only half_squared_error has a tolerance",
        ),
        (lambda: DatasetTask(), "inputs"),
        (lambda: data_task(content=data_task().content), "content is given together with the arrays"),
        (lambda: data_task().sample(0), "n is 0; it must be an integer from 1"),
    ],
)
def test_what_is_wrong_is_named(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


# ---- a user's own sequences -------------------------------------------------------------------------------------------


def test_a_dataset_is_known_by_its_content() -> None:
    task = data_task()
    assert task == data_task(inputs=DATA.copy(), lengths=[5] * 6)
    assert hash(task) == hash(data_task())
    for other in (
        data_task(inputs=DATA + 1e-12),
        data_task(order="random"),
        data_task(lengths=[5, 5, 5, 5, 5, 4]),
        data_task(mask=np.ones(6)),
        data_task(tolerance=0.1),
    ):
        assert task != other
    again = pickle.loads(pickle.dumps(task))
    assert again == task
    np.testing.assert_array_equal(again.inputs, DATA)
    read = Task.from_dict(json.loads(canonical_json(task.to_dict())))
    assert read == task
    assert repr(read) == repr(task)
    assert read.structure() == task.structure()
    with pytest.raises(ValueError, match="out of a store, which keeps of its arrays only the hash"):
        read.arrays()


def test_a_dataset_is_a_copy() -> None:
    inputs = DATA.copy()
    task = data_task(inputs=inputs)
    inputs[:] = 0
    np.testing.assert_array_equal(task.inputs, DATA)
    with pytest.raises(ValueError, match="read-only"):
        task.inputs[0] = 0


def test_what_counts_of_targets_says_where_the_middle_is() -> None:
    targets = np.arange(60.0).reshape(6, 5, 2)
    lengths = [5, 5, 5, 5, 5, 1]
    mask = np.ones((6, 5))
    mask[0] = 0
    task = data_task(targets=targets, at="every", lengths=lengths, mask=mask)
    assert (task.columns()["target_low"], task.columns()["target_high"]) == (10, 59)
    assert task.length_range == (1, 5)
    assert task.outputs == 2
    classes = data_task(targets=np.array([0, 2, 1, 0, 0, 1]), loss="softmax_cross_entropy")
    assert classes.outputs == 3
    assert set(task.arrays()) == {"inputs", "targets", "lengths", "mask"}


def test_a_dataset_is_sampled_as_it_is_shown() -> None:
    task = data_task(lengths=[1, 2, 3, 4, 5, 5])
    drawn = task.sample(8, rng=0)
    np.testing.assert_array_equal(drawn.lengths, [1, 2, 3, 4, 5, 5, 1, 2])
    assert (drawn.inputs[0, :4] == 0).all()
    np.testing.assert_array_equal(drawn.inputs[1, 3:], DATA[1, 3:])
    np.testing.assert_array_equal(drawn.targets[6], DATA[0, 0, :1])
    assert drawn.classes is None
    by_chance = data_task(order="random").sample(50, rng=3)
    stream = np.array([stream_base({})], np.uint64)
    for i in range(50):
        word = random.words(normalise(3).key(), stream, random.Purpose.ORDER, i, 1)[0, 0]
        np.testing.assert_array_equal(by_chance.inputs[i], DATA[int(word) * 6 >> 32])
    tested = data_task(order="random").sample(6, rng=3, test=True)
    np.testing.assert_array_equal(tested.inputs, DATA)
