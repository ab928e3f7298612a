"""The reference's tasks: the distributions they say, the classes they say, and which answers are right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from reference import cases, tasks, trainer
from reference.arithmetic import Array

KEY, STREAM = cases.KEY, int(cases.make_streams(1)[0])

FALSE_ALARM = 1e-3
"""How often a test of statistics would fail by chance, were its seed not fixed."""


def make_structure(**changes: Any) -> dict[str, Any]:
    structure: dict[str, Any] = {
        "task": "TwoSequence",
        "length_low": 12,
        "length_high": 20,
        "prefix_low": 2,
        "prefix_high": 4,
        "sequences": 0,
        "random_order": 0,
        "uniform_noise": 0,
        "given_prototypes": 0,
        "loss": "half_squared_error",
        "at": "last",
    }
    assert changes.keys() <= structure.keys()
    return structure | changes


def make_columns(**changes: float) -> dict[str, float]:
    columns = {"noise_std": 0.2, "prefix_noise_std": 0.0, "target_low": -0.8, "target_high": 0.8, "tolerance": 0.0}
    assert changes.keys() <= columns.keys()
    return columns | changes


def draw(structure: Any, columns: Any, count: int, *, test: bool = False) -> list[tasks.Sequence]:
    return [tasks.draw(structure, columns, KEY, STREAM, i, test=test) for i in range(count)]


def check_uniform(numbers: Any, low: int, high: int) -> None:
    """Integers from low to high, all equally likely: chi-square."""
    counts = np.bincount(np.asarray(numbers) - low, minlength=high - low + 1)
    assert len(counts) == high - low + 1
    assert stats.chisquare(counts).pvalue > FALSE_ALARM


@pytest.mark.parametrize("test", [False, True])
@pytest.mark.parametrize("task", ["TwoSequence", "Parity", "MinimalLatch"])
def test_lengths_classes_and_targets(task: str, test: bool) -> None:
    structure = make_structure(task=task, prefix_low=3, prefix_high=3)
    shown = draw(structure, make_columns(target_low=-1.0, target_high=0.5), 360, test=test)
    check_uniform([sequence.length for sequence in shown], 12, 20)
    assert [sequence.shown_class for sequence in shown] == [0, 1] * 180
    assert [sequence.target.item() for sequence in shown] == [-1.0, 0.5] * 180
    for sequence in shown:
        assert not sequence.inputs[: sequence.start].any()


@pytest.mark.parametrize("uniform", [0, 1])
def test_two_sequence(uniform: int) -> None:
    """The class's prototype, for a number of steps of its own, each part with the noise of its own size."""
    structure, columns = make_structure(uniform_noise=uniform), make_columns(prefix_noise_std=0.05)
    prototypes = tasks.prototypes(structure, KEY, STREAM, {})
    assert (np.abs(prototypes) < 1).all()
    drawn: list[int] = []
    beginnings: list[float] = []
    ends: list[float] = []
    for i, sequence in enumerate(draw(structure, columns, 300)):
        _, prefix = tasks.form(structure, KEY, STREAM, i, test=False)
        numbers = sequence.inputs[sequence.start :, 0]
        drawn.append(prefix)
        beginnings += list(numbers[:prefix] - prototypes[sequence.shown_class, :prefix])
        ends += list(numbers[prefix:])
    check_uniform(drawn, 2, 4)
    check_noise(beginnings, 0.05, uniform)
    check_noise(ends, 0.2, uniform)


def check_noise(numbers: list[float], std: float, uniform: int) -> None:
    """The whole distribution (Kolmogorov and Smirnov), and with it mean and variance."""
    reach = std * np.sqrt(3)
    expected = stats.uniform(-reach, 2 * reach) if uniform else stats.norm(0, std)
    assert stats.kstest(numbers, expected.cdf).pvalue > FALSE_ALARM
    error = std / np.sqrt(len(numbers))
    assert abs(np.mean(numbers)) < 4 * error
    assert abs(np.std(numbers) - std) < 4 * error


def test_prototypes_are_of_the_run_and_serve_the_test() -> None:
    structure, quiet = make_structure(prefix_low=4), make_columns(noise_std=0.0)
    prototypes = tasks.prototypes(structure, KEY, STREAM, {})
    for test in (False, True):
        for sequence in draw(structure, quiet, 6, test=test):
            np.testing.assert_array_equal(
                sequence.inputs[sequence.start : sequence.start + 4, 0], prototypes[sequence.shown_class]
            )
    many = np.stack([tasks.prototypes(structure, KEY, STREAM + run, {}) for run in range(300)])
    assert stats.kstest(many.ravel(), stats.uniform(-1, 2).cdf).pvalue > FALSE_ALARM


def test_given_prototypes() -> None:
    structure = make_structure(given_prototypes=1, prefix_low=4)
    given = np.arange(8.0).reshape(2, 4)
    arrays = {"prototypes": given}
    for i in range(4):
        sequence = tasks.draw(structure, make_columns(), KEY, STREAM, i, arrays=arrays)
        np.testing.assert_array_equal(sequence.inputs[sequence.start : sequence.start + 4, 0], given[i % 2])


def test_a_prefix_is_cut_by_the_end_of_the_sequence() -> None:
    structure = make_structure(length_low=1, length_high=3, prefix_low=4)
    assert all(sequence.inputs.shape == (3, 1) for sequence in draw(structure, make_columns(), 20))


@pytest.mark.parametrize("test", [False, True])
def test_parity(test: bool) -> None:
    """The class is the parity, and given the parity every string of signs is equally likely."""
    structure = make_structure(task="Parity", length_low=4, length_high=4)
    shown = draw(structure, make_columns(noise_std=0.0), 480, test=test)
    strings = []
    for sequence in shown:
        signs = sequence.inputs[sequence.start :, 0]
        assert set(signs) <= {-1.0, 1.0}
        assert (signs > 0).sum() % 2 == sequence.shown_class
        strings.append(int(((signs > 0) * 2 ** np.arange(4)).sum()))
    check_uniform(strings, 0, 15)


def test_parity_of_many_lengths() -> None:
    for sequence in draw(make_structure(task="Parity"), make_columns(noise_std=0.0), 60):
        signs = sequence.inputs[sequence.start :, 0]
        assert set(signs) == {-1.0, 1.0}
        assert (signs > 0).sum() % 2 == sequence.shown_class


def test_noise_on_parity() -> None:
    structure = make_structure(task="Parity")
    pairs = zip(draw(structure, make_columns(), 300), draw(structure, make_columns(noise_std=0.0), 300), strict=True)
    noise = [number for noisy, clean in pairs for number in (noisy.inputs - clean.inputs)[noisy.start :, 0]]
    check_noise(noise, 0.2, 0)


def test_minimal_latch_has_the_numbers_of_the_latch_neuron() -> None:
    """At a fixed length: one-hot steps of the class, and the noise of the trainer of the single unit."""
    structure = make_structure(task="MinimalLatch", length_low=20, prefix_low=3, prefix_high=3)
    for uniform in (0, 1):
        own = cases.make_structure(uniform_noise=uniform)
        columns = cases.make_columns(1)
        for i, sequence in enumerate(draw(structure | {"uniform_noise": uniform}, make_columns(), 4)):
            expected = np.zeros((20, 7))
            expected[[0, 1, 2], 3 * (i % 2) + np.arange(3)] = 1
            expected[3:, 6] = trainer.noise(own, columns, KEY, np.array([STREAM], np.uint64), tasks.NOISE, i)[:, 0]
            np.testing.assert_array_equal(sequence.inputs, expected)


def test_minimal_latch_of_many_lengths() -> None:
    """Noise belongs to rows: a shorter sequence has less of the same at its end."""
    structure = make_structure(task="MinimalLatch", prefix_low=3, prefix_high=3)
    longest = draw(structure | {"length_low": 20}, make_columns(), 30)
    for sequence, whole in zip(draw(structure, make_columns(), 30), longest, strict=True):
        first = sequence.start
        np.testing.assert_array_equal(sequence.inputs[first : first + 3, :6].sum(axis=1), 1)
        np.testing.assert_array_equal(sequence.inputs[first + 3 :, 6], whole.inputs[first + 3 :, 6])
        assert sequence.inputs[:, :6].sum() == 3


def test_training_and_test_sequences_are_unrelated() -> None:
    for task in ("TwoSequence", "Parity"):
        structure = make_structure(task=task, length_low=20, prefix_low=1, prefix_high=1)
        columns = make_columns(noise_std=1.0)
        one, other = (
            np.array([s.inputs[1:, 0] for s in draw(structure, columns, 60, test=t)]).ravel() for t in (False, True)
        )
        assert stats.pearsonr(one, other).pvalue > FALSE_ALARM


def test_training_and_test_lengths_are_unrelated() -> None:
    forms = [[tasks.form(make_structure(), KEY, STREAM, i, test=t) for i in range(60)] for t in (False, True)]
    same = np.array(forms[0]) == np.array(forms[1])
    assert stats.binomtest(int(same[:, 0].sum()), 60, 1 / 9).pvalue > FALSE_ALARM
    assert stats.binomtest(int(same[:, 1].sum()), 60, 1 / 3).pvalue > FALSE_ALARM


def test_which_sequence_is_shown() -> None:
    structure = make_structure(sequences=6)
    assert [tasks.sequence_shown(structure, KEY, STREAM, p) for p in range(8)] == [0, 1, 2, 3, 4, 5, 0, 1]
    fresh = structure | {"sequences": 0, "random_order": 1}
    assert [tasks.sequence_shown(fresh, KEY, STREAM, p) for p in range(4)] == [0, 1, 2, 3]
    at_random = [tasks.sequence_shown(structure | {"random_order": 1}, KEY, STREAM, p) for p in range(300)]
    check_uniform(at_random, 0, 5)
    # The order is that of the trainer of the single unit.
    own = cases.make_structure(sequences_per_class=3, random_order=1)
    streams = np.array([STREAM], np.uint64)
    assert at_random[:50] == [int(trainer.sequence_shown(own, KEY, streams, p)[0]) for p in range(50)]


def test_a_training_set_comes_again_and_a_sample_is_what_is_shown() -> None:
    structure = make_structure(sequences=4)
    got = tasks.sample(structure, make_columns(), KEY, STREAM, 8)
    assert {name: array.shape for name, array in got.items()} == {
        "inputs": (8, 20, 1),
        "targets": (8, 1),
        "lengths": (8,),
        "classes": (8,),
    }
    for array in got.values():
        np.testing.assert_array_equal(array[:4], array[4:])
    other = tasks.sample(structure, make_columns(), KEY, STREAM, 8, test=True)
    assert not np.array_equal(other["inputs"][:4], other["inputs"][4:])


def test_data() -> None:
    rng = np.random.default_rng(0)
    arrays = {"inputs": rng.normal(size=(3, 5, 2)), "targets": rng.normal(size=(3, 1)), "lengths": np.array([5, 2, 3])}
    structure = make_structure(task="DatasetTask", sequences=3)
    for p in range(6):
        i = tasks.sequence_shown(structure, KEY, STREAM, p)
        sequence = tasks.draw(structure, make_columns(), KEY, STREAM, i, arrays=arrays)
        assert sequence.length == arrays["lengths"][p % 3]
        np.testing.assert_array_equal(sequence.inputs[sequence.start :], arrays["inputs"][p % 3, sequence.start :])
        np.testing.assert_array_equal(sequence.inputs[: sequence.start], 0)
        np.testing.assert_array_equal(sequence.target, arrays["targets"][p % 3])
        # Tests go through the data again and again too.
        again = tasks.draw(structure, make_columns(), KEY, STREAM, p, test=True, arrays=arrays)
        np.testing.assert_array_equal(again.inputs, sequence.inputs)


# Right or wrong.


def right(y: Any, d: Any, *, loss: str = "half_squared_error", **columns: float) -> bool:
    structure = make_structure(loss=loss)
    sequence = tasks.Sequence(np.zeros((1, 1)), 0, np.asarray(d), -1)
    return tasks.is_right(structure, make_columns(**columns), sequence, np.atleast_1d(np.asarray(y, float))[None])


def test_right_by_the_side_of_the_middle() -> None:
    assert right(0.01, [0.8])
    assert not right(0.0, [0.8])
    assert not right(0.0, [-0.8])
    assert not right(-3.0, [0.8])
    assert not right(np.nan, [0.8])
    assert right(0.51, [1.0], target_low=0.0, target_high=1.0)
    assert not right(0.49, [1.0], target_low=0.0, target_high=1.0)


def test_right_within_a_tolerance() -> None:
    assert right(0.75, [0.8], tolerance=0.1)
    assert not right(0.65, [0.8], tolerance=0.1)
    assert not right(0.5, [0.75], tolerance=0.25)
    assert not right(np.nan, [0.8], tolerance=0.1)


def test_right_answers_to_data() -> None:
    sides: dict[str, Any] = {"target_low": 2.0, "target_high": 4.0}  # the smallest and the largest target
    assert right([2.9, 3.1], [2.0, 4.0], **sides)
    assert not right([3.1, 3.1], [2.0, 4.0], **sides)
    assert not right([2.0, 4.0], [3.0, 4.0], **sides)  # a target in the middle has no side
    assert right([-0.1, 0.1], [0.0, 1.0], loss="logistic_cross_entropy")
    assert not right([-0.1, -0.1], [0.0, 1.0], loss="logistic_cross_entropy")
    assert not right([np.nan, 0.1], [0.0, 1.0], loss="logistic_cross_entropy")
    assert right([0.1, 0.3, 0.2], 1, loss="softmax_cross_entropy")
    assert not right([0.1, 0.3, 0.4], 1, loss="softmax_cross_entropy")
    assert not right([0.1, 0.3, 0.3], 1, loss="softmax_cross_entropy")
    assert not right([0.1, np.inf, 0.2], 1, loss="softmax_cross_entropy")


def test_every_step_that_counts_must_be_right() -> None:
    structure = make_structure(at="every", loss="softmax_cross_entropy")
    outputs: Array = np.eye(3)[[0, 1, 2, 2]]

    def answer(start: int, target: list[int], mask: Any = None) -> bool:
        sequence = tasks.Sequence(np.zeros((4, 1)), start, np.array(target), -1, mask)
        return tasks.is_right(structure, make_columns(), sequence, outputs)

    assert answer(0, [0, 1, 2, 2])
    assert not answer(0, [1, 1, 2, 2])
    assert answer(1, [1, 1, 2, 2])
    assert answer(0, [1, 1, 2, 2], np.array([0.0, 1.0, 1.0, 0.5]))
    assert not answer(0, [0, 1, 2, 0], np.array([0.0, 1.0, 1.0, 0.5]))
