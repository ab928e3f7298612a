"""Adding and multiplication: what is marked, what is shown, and what the target is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

import rnnlatch as rl
from long_lag import ARJOVSKY, FALSE_ALARM, HOCHREITER, check_uniform
from rnnlatch.tasks import Adding, Multiplication, Sample
from rnnlatch.tasks.marked_values import MarkedValuesTask


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
