"""What the engine draws, as arrays: that of the reference, and what a task promises whatever the numbers."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from reference import tasks as reference
from rnnlatch.data import text_of
from rnnlatch.rng import normalise, stream_base
from rnnlatch.tasks import (
    Adding,
    Agreement,
    CharacterPrediction,
    CopyMemory,
    DatasetTask,
    MinimalLatch,
    Multiplication,
    NoiselessMemorization,
    Parity,
    RandomPermutation,
    Task,
    TemporalOrder,
    TwoSequence,
)

TASKS: dict[str, Task] = {
    "latch": MinimalLatch(length=(6, 11), prefix=2, noise_std=0.3),
    "latch, uniform": MinimalLatch(length=9, prefix=3, noise_std=0.3, noise="uniform", sequences_per_class=4),
    "two sequences": TwoSequence(length=(6, 11), prefix=(1, 3), noise_std=0.3, prefix_noise_std=0.1),
    "prototypes": TwoSequence(length=8, prefix=2, noise_std=0, prototypes=[[1, -1], [0.5, 0]], targets=(-1, 1)),
    "two sequences, random": TwoSequence(
        length=(5, 9), prefix=3, noise_variance=0.2, noise="uniform", sequences_per_class=3, order="random"
    ),
    "parity": Parity(length=(3, 9), noise_std=0.1, noise="uniform"),
    "parity, set": Parity(length=7, noise_std=0, sequences_per_class=5),
    "order": TemporalOrder(length=(12, 31), length_shared_by=3),
    "order of three": TemporalOrder(length=(20, 24), symbols=3, sequences=8),
    "order, 1997": TemporalOrder(length=(20, 24), variant="hochreiter1997"),
    "order of three, 1997": TemporalOrder(length=30, symbols=3, variant="hochreiter1997", order="random", sequences=5),
    "adding": Adding(length=(12, 31), length_shared_by=3),
    "adding, 1997": Adding(length=(11, 14), variant="hochreiter1997", sequences=8),
    "adding, 2016": Adding(length=(9, 14), variant="arjovsky2016"),
    "adding, longer": Adding(length=20, variant="arjovsky2016", extra=0.3, length_shared_by=4),
    "multiplication": Multiplication(length=25, order="random", sequences=5),
    "multiplication, 1997": Multiplication(length=(11, 14), variant="hochreiter1997"),
    "permutation": RandomPermutation(length=(3, 9), symbols=7, length_shared_by=2),
    "permutation of one step": RandomPermutation(length=1, symbols=3, sequences=4, order="random"),
    "memorization": NoiselessMemorization(length=(1, 6), values=3, positions=4),
    "memorization, sum": NoiselessMemorization(length=5, values=2, positions=1, reduction="sum", sequences=6),
    "copy": CopyMemory(length=(1, 6), symbols=5, positions=3, length_shared_by=4),
    "copy, sum": CopyMemory(length=1, positions=2, reduction="sum"),
    "agreement": Agreement(length=(1, 14), length_shared_by=3),
    "agreement, attractors": Agreement(
        length=(7, 9), intervening=(1, 2), attractor_probability=0.8, nouns=3, prepositions=1, adverbs=2, sequences=8
    ),
    "agreement, full": Agreement(length=9, intervening=3, attractor_probability=1, order="random", sequences=5),
    "data": DatasetTask(
        inputs=np.random.default_rng(0).normal(size=(5, 4, 2)),
        targets=np.arange(5) % 3,
        lengths=[1, 2, 3, 4, 4],
        loss="softmax_cross_entropy",
        order="random",
    ),
    "text": CharacterPrediction(
        text_of("how many rows has this text? one, two, three, or four?"), length=7, streams=3, reduction="mean"
    ),
    "text in one row": CharacterPrediction(text_of("abracadabra"), ahead=3, streams=2),
    "large alphabet": CharacterPrediction(
        text_of("".join(chr(0x4E00 + k * k % 311) for k in range(311))), length=5, ahead=5, streams=4, order="random"
    ),
}

each_task = pytest.mark.parametrize("task", TASKS.values(), ids=TASKS.keys())


@each_task
@pytest.mark.parametrize("test", [False, True])
def test_samples_are_those_of_the_reference(task: Task, test: bool) -> None:
    structure = task.structure() | {"loss": task.loss, "at": task.at}
    drawn = task.sample(21, rng=3, test=test)
    expected = reference.sample(
        structure, task.columns(), normalise(3).key(), stream_base({}), 21, test=test, arrays=task.arrays()
    )
    np.testing.assert_allclose(drawn.inputs, expected["inputs"], rtol=1e-15, atol=0)
    np.testing.assert_array_equal(drawn.targets, expected["targets"])
    np.testing.assert_array_equal(drawn.lengths, expected["lengths"])
    if task.at == "every":
        np.testing.assert_array_equal(np.asarray(drawn.mask), expected["masks"])
    if drawn.classes is not None:
        np.testing.assert_array_equal(drawn.classes, expected["classes"])


@each_task
def test_more_sequences_leave_the_first_unchanged(task: Task) -> None:
    few, many = task.sample(5, rng=1), task.sample(40, rng=1)
    np.testing.assert_array_equal(many.inputs[:5], few.inputs)
    np.testing.assert_array_equal(many.lengths[:5], few.lengths)
    later = task._draw(12, normalise(1).key(), stream_base({}), False, 20)
    np.testing.assert_array_equal(later.inputs, many.inputs[20:32])


@each_task
def test_sequences_end_together(task: Task) -> None:
    drawn = task.sample(60, rng=2)
    low, high = task.length_range
    assert drawn.inputs.shape == (60, high, task.features)
    assert drawn.lengths.min() >= low
    assert drawn.lengths.max() <= high
    for inputs, length in zip(drawn.inputs, drawn.lengths, strict=True):
        assert (inputs[: high - length] == 0).all()
        assert (inputs[high - length] != 0).any() or task.columns().get("noise_std") == 0


def test_parity_is_the_class() -> None:
    drawn = Parity(length=(3, 9), noise_std=0).sample(200, rng=0)
    assert set(np.unique(drawn.inputs)) == {-1, 0, 1}
    ones = (drawn.inputs == 1).sum(axis=(1, 2))
    np.testing.assert_array_equal(ones % 2, drawn.classes)
    np.testing.assert_array_equal(drawn.classes, np.arange(200) % 2)
    np.testing.assert_array_equal(drawn.targets[:, 0], np.where(drawn.classes == 1, 0.8, -0.8))
    assert 0.4 < (drawn.inputs[:, -1] == 1).mean() < 0.6


def test_a_latch_shows_each_step_of_each_class_its_own_input() -> None:
    drawn = MinimalLatch(length=4, prefix=2, noise_std=0).sample(2, rng=0)
    shown = [[[1, 0, 0, 0, 0], [0, 1, 0, 0, 0]], [[0, 0, 1, 0, 0], [0, 0, 0, 1, 0]]]
    np.testing.assert_array_equal(drawn.inputs[:, :2], shown)
    assert (drawn.inputs[:, 2:] == 0).all()


def test_test_sequences_have_the_prototypes_of_training() -> None:
    task = TwoSequence(length=5, prefix=3, noise_std=0.1, sequences_per_class=1)
    training, test = task.sample(2, rng=5), task.sample(6, rng=5, test=True)
    np.testing.assert_array_equal(training.inputs[:, :3], test.inputs[2:4, :3])
    assert (test.inputs[:, 3:] != np.tile(training.inputs[:, 3:], (3, 1, 1))).all()
    assert (task.sample(2, rng=6).inputs[:, :3] != training.inputs[:, :3]).all()


def test_a_sample_goes_straight_into_the_gradients() -> None:
    task = TASKS["two sequences"]
    drawn = task.sample(10, rng=0)
    cell = rl.cells.VanillaRNN(inputs=1, hidden=3, outputs=1)
    given: dict[str, Any] = {"lengths": drawn.lengths}
    loss, _ = rl.gradients.loss_and_gradient(cell, cell.initial_parameters(0), drawn.inputs, drawn.targets, **given)
    assert loss > 0


def test_later_presentations_are_drawn_alone() -> None:
    """A block of fresh sequences is the same whatever was drawn before it."""
    key, stream = normalise(0).key(), stream_base({})
    task = Parity(length=(3, 9), noise_std=0.1)
    whole, part = task._draw(700, key, stream, False), task._draw(300, key, stream, False, 400)
    for of_whole, of_part in zip(whole, part, strict=True):
        if of_whole is not None:
            np.testing.assert_array_equal(of_whole[400:], of_part)
