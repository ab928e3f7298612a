"""Examples of the tasks of long time lags, and what their tests have in common."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

import rnnlatch as rl
from rnnlatch.tasks import (
    Adding,
    Agreement,
    CopyMemory,
    LongLagTask,
    Multiplication,
    NoiselessMemorization,
    RandomPermutation,
    Sample,
    Task,
    TemporalOrder,
)

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
    "permutation": RandomPermutation(length=(6, 9), symbols=8),
    "memorization": NoiselessMemorization(length=(4, 7), values=2, positions=3, order="random", sequences=5),
    "copy": CopyMemory(length=(4, 7), symbols=3, positions=3),
    "copy, sum": CopyMemory(length=5, symbols=3, positions=2, reduction="sum"),
    "agreement": Agreement(length=(6, 9)),
    "agreement, attractors": Agreement(length=7, intervening=1, attractor_probability=1, sequences=5, order="random"),
}


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
