"""Tasks that show symbols: which ones stand where, and what is to be said of them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import rnnlatch as rl
from long_lag import FALSE_ALARM, HOCHREITER, check_uniform, network_for, shown_symbols
from rnnlatch.tasks import CopyMemory, NoiselessMemorization, RandomPermutation, TemporalOrder
from rnnlatch.tasks.recall import RecallTask

# ---- temporal order --------------------------------------------------------------------------------------------------


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


# ---- random permutation ----------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 30), st.integers(0, 9), st.integers(3, 120), st.integers(0, 2**32))
def test_random_permutation(low: int, more: int, symbols: int, seed: int) -> None:
    task = RandomPermutation(length=(low, low + more), symbols=symbols)
    drawn = task.sample(19, seed)
    assert task.outputs == task.features == drawn.inputs.shape[2] == symbols
    np.testing.assert_array_equal(np.asarray(drawn.classes), drawn.targets)
    for shown, target in zip(shown_symbols(drawn), drawn.targets, strict=True):
        assert shown[0] == target
        assert target in (0, 1)
        assert ((shown[1:] >= 2) & (shown[1:] < symbols)).all()


def test_symbols_of_a_permutation_are_equally_likely() -> None:
    shown = np.stack(shown_symbols(RandomPermutation(length=21).sample(600, rng=0)))
    check_uniform(shown[:, 0], 0, 1)
    check_uniform(shown[:, 1:].ravel(), 2, 99)


# ---- recall ----------------------------------------------------------------------------------------------------------


@st.composite
def recalls(draw: st.DrawFn) -> RecallTask:
    low, kinds = draw(st.integers(1, 20)), draw(st.integers(2, 9))
    given: dict[str, Any] = {
        "length": (low, low + draw(st.integers(0, 9))),
        "positions": draw(st.integers(1, 12)),
        "reduction": draw(st.sampled_from(["mean", "sum"])),
        "length_shared_by": draw(st.integers(1, 4)),
    }
    return CopyMemory(symbols=kinds, **given) if draw(st.booleans()) else NoiselessMemorization(values=kinds, **given)


@settings(deadline=None, max_examples=50)
@given(recalls(), st.integers(0, 2**32), st.booleans())
def test_recall(task: RecallTask, seed: int, test: bool) -> None:
    drawn = task.sample(19, seed, test=test)
    copy, kinds, k = isinstance(task, CopyMemory), task.kinds, task.positions
    blank = silence = 0 if copy else kinds
    assert drawn.classes is None
    assert drawn.mask is not None
    assert drawn.targets.dtype == np.int64
    for i, shown in enumerate(shown_symbols(drawn)):
        n = len(shown)
        target, mask, pattern = drawn.targets[i, -n:], drawn.mask[i], shown[:k]
        assert set(pattern) <= set(range(1, kinds + 1) if copy else range(kinds))
        np.testing.assert_array_equal(target[-k:], pattern)
        assert (target[:-k] == silence).all()
        cue = n - k - 1 if copy else n - k  # its step: that before the first answer, or that of it
        assert shown[cue] == kinds + 1
        assert (np.delete(shown, cue)[k:] == blank).all()
        assert not mask[:-n].any()
        assert (mask[-n:] == (1 / n if task.reduction == "mean" else 1)).all()


def test_patterns_are_equally_likely() -> None:
    five_bits: tuple[RecallTask, ...] = (
        NoiselessMemorization(length=1, values=2, positions=5),
        CopyMemory(length=1, symbols=2, positions=5),
    )
    for task in five_bits:
        shown = np.stack(shown_symbols(task.sample(1500, rng=0)))
        check_uniform((shown[:, :5] % 2 * 2 ** np.arange(5)).sum(axis=1), 0, 31)
    for many, first in ((NoiselessMemorization(length=1, values=5), 0), (CopyMemory(length=1), 1)):
        shown = np.stack(shown_symbols(many.sample(200, rng=0)))
        check_uniform(shown[:, :10].ravel(), first, first + many.kinds - 1)


def test_the_baseline_is_the_loss_without_memory() -> None:
    for length, printed in ((100, 0.1733), (200, 0.0945), (300, 0.0650), (500, 0.0400)):
        assert CopyMemory(length=length).baseline == pytest.approx(printed, abs=5e-5)
    for task in (CopyMemory(length=6, positions=3), NoiselessMemorization(length=(4, 9), values=3, reduction="sum")):
        drawn = task.sample(10, rng=0)
        assert drawn.mask is not None
        chances = drawn.mask[:, -task.positions :].sum(axis=1) * np.log(task.kinds)
        assert task.baseline == pytest.approx(chances.mean(), rel=1e-12)
    by_length = [CopyMemory(length=length, positions=3).baseline for length in range(4, 10)]
    assert CopyMemory(length=(4, 9), positions=3).baseline == pytest.approx(np.mean(by_length), rel=1e-12)
