"""The parts of a run: equal settings are equal, and travel as JSON."""

import json
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch._record import Record, canonical_json

CELL = rl.cells.LatchNeuron(w=1.25)
TASK = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
FIXED = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2, sequences_per_class=5)
DESCENT = rl.algorithms.GradientDescent()
BATCH = rl.algorithms.GradientDescent(batch_size="all", clip_norm=1.0)

RECORDS: list[Record] = [
    CELL,
    rl.cells.LatchNeuron(w=2, train_w=True, input=[[-0.2], [0.2]]),
    TASK,
    rl.tasks.MinimalLatch(length=5, prefix=1, noise_variance=0.2, noise="uniform", order="random"),
    BATCH,
    rl.Criterion(measure="error", threshold=0, window=50),
    rl.Run(CELL, TASK, DESCENT),
    rl.Run(CELL, FIXED, BATCH, None, 300),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_settings_come_back_from_json(record: Record) -> None:
    again = type(record).from_dict(json.loads(canonical_json(record.to_dict())))
    assert again == record
    assert hash(again) == hash(record)
    assert repr(again) == repr(record)
    assert eval(repr(record), vars(rl.cells) | vars(rl.tasks) | vars(rl.algorithms) | vars(rl)) == record
    assert pickle.loads(pickle.dumps(record)) == record


def test_equal_settings_are_equal_however_they_were_given() -> None:
    numbers: dict[str, Any] = {
        "length": np.int64(20),
        "prefix": np.int8(3),
        "noise_std": np.float64(0.2),
        "target": np.array(0.8),
    }
    given = rl.tasks.MinimalLatch(**numbers)
    assert given == TASK
    assert repr(given) == repr(TASK)
    assert canonical_json(given.to_dict()) == canonical_json(TASK.to_dict())
    assert rl.cells.LatchNeuron(w=2) == rl.cells.LatchNeuron(w=2.0)
    assert rl.cells.LatchNeuron(input=np.zeros((2, 1))) == rl.cells.LatchNeuron(input=[[0], [-0.0]])


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        CELL.w = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "Nothing"}, "type is 'Nothing'"),
        ({}, "type is None"),
        ({"type": "MinimalLatch", "lenght": 3}, "MinimalLatch has no field 'lenght'"),
        ({"type": "MinimalLatch", "length": 0, "noise_std": 0.1}, "length is 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.tasks.MinimalLatch.from_dict(settings)
    assert message in str(caught.value)


def test_noise_is_given_in_exactly_one_way() -> None:
    assert rl.tasks.MinimalLatch(noise_variance=0.25).std == 0.5
    assert rl.tasks.MinimalLatch(noise_variance=0.25).columns() == rl.tasks.MinimalLatch(noise_std=0.5).columns()


def test_the_given_input_is_broadcast_over_classes_and_steps() -> None:
    one = rl.cells.LatchNeuron(input=0.3).starting_input(prefix=2)
    assert one is not None
    np.testing.assert_array_equal(one, np.full((2, 2), 0.3))
    assert rl.cells.LatchNeuron().starting_input(prefix=2) is None
    with pytest.raises(ValueError, match=r"input has shape \(2, 4\)"):
        rl.Run(rl.cells.LatchNeuron(input=np.zeros((2, 4))), TASK, DESCENT)


@pytest.mark.parametrize(
    ("task", "batch_size", "batch", "window"),
    [
        (TASK, 1, 1, 100),
        (TASK, 8, 8, 104),
        (FIXED, 1, 1, 10),
        (FIXED, "all", 10, 10),
        (FIXED, 4, 4, 12),
    ],
)
def test_batch_and_window_follow_from_the_task(
    task: rl.tasks.MinimalLatch, batch_size: Any, batch: int, window: int
) -> None:
    algorithm = rl.algorithms.GradientDescent(batch_size=batch_size)
    run = rl.Run(CELL, task, algorithm, max_presentations=1000 * batch)
    assert run.batch_size == batch
    assert run.window == window
    assert run.structure()["batch_size"] == batch
    assert run.structure()["window"] == window


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CELL, TASK, BATCH), "batch_size is 'all', but the task draws fresh sequences"),
        (
            (CELL, FIXED, BATCH, None, 25),
            "max_presentations is 25; it must be a multiple of the batch size, which is 10",
        ),
        ((CELL, FIXED, BATCH, rl.Criterion(window=25)), "window is 25; it must be a multiple of the batch size"),
        ((CELL, TASK, DESCENT, rl.Criterion(window=200), 100), "window is 200; it must be at most max_presentations"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.Run(*arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("position", range(4))
def test_a_part_of_another_kind_is_refused(position: int) -> None:
    arguments: list[Any] = [CELL, TASK, DESCENT, rl.Criterion()]
    arguments[position] = "nothing"
    with pytest.raises(TypeError, match=r"it must be an? "):
        rl.Run(*arguments)


def test_no_criterion_is_a_measure_of_its_own() -> None:
    structure = rl.Run(CELL, TASK, DESCENT, None).structure()
    assert structure["measure"] == 0
    assert rl.Run(CELL, TASK, DESCENT).structure() | {"measure": 0} == structure


def test_outcomes_say_what_they_mean() -> None:
    assert [int(outcome) for outcome in rl.Outcome] == [0, 1, 2, 3]
    assert all(outcome.sentence.endswith(".") for outcome in rl.Outcome)
