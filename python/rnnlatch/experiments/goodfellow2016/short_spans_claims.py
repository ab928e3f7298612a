"""What Deep Learning, section 10.7, says about short spans, put to the test.

Unless a claim says otherwise it is about the initialisation "uniform" and the smaller of both budgets.
"""

import math

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.experiments.claims import Claim, at_most
from rnnlatch.statistics import trend_test, wilson_interval

__all__ = ["claims", "crossing"]

SOURCE = "Goodfellow et al. 2016, section 10.7: success falls to 0 for sequences of only 10 or 20 steps"
START = "uniform"
SHORT, LONG = 10, 20
HALF, RARE = 0.5, 0.25
LEVEL = 0.001


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `short_spans.analyse` made."""
    return [
        _zero_at_short(data),
        *(_rare_at_long(data, task) for task in data["task"].values),
        _whatever_the_start(data),
        _falls(data),
        _half(data),
        _waiting(data),
        _orthogonal(data),
        _gated(data),
    ]


def crossing(length: NDArray[np.float64], frequency: NDArray[np.float64], level: float = HALF) -> float:
    """Give the length at which a frequency first falls below a level, with straight lines between the lengths.

    Infinity where it does not; the first length where it begins below.

    Examples
    --------
    >>> crossing(np.array([5.0, 10.0, 20.0]), np.array([1.0, 0.75, 0.25]))
    15.0
    """
    below = np.flatnonzero(frequency < level)
    if not below.size:
        return math.inf
    at = int(below[0])
    if not at:
        return float(length[0])
    share = (frequency[at - 1] - level) / (frequency[at - 1] - frequency[at])
    return float(length[at - 1] + share * (length[at] - length[at - 1]))


def _counts(data: xr.Dataset, task: str, budget: int = 0, start: str = START) -> xr.Dataset:
    """Counts of one task over length."""
    return data[["counted", "succeeded"]].isel(budget=budget).sel(task=task, initialisation=start)


def _words(part: xr.Dataset) -> str:
    return f"{int(part['succeeded'].sum())} of {int(part['counted'].sum())}"


def _zero_at_short(data: xr.Dataset) -> Claim:
    there = SHORT in data["length"].values
    counts = {task: _words(_counts(data, task).sel(length=SHORT)) for task in data["task"].values} if there else {}
    none = there and all(int(_counts(data, task).sel(length=SHORT)["succeeded"]) == 0 for task in data["task"].values)
    return Claim(
        f"At {SHORT} steps no run succeeds, whatever the task.",
        SOURCE,
        {**{f"succeeded, {task}": words for task, words in counts.items()}, **_budget(data)},
        none if there else None,
        expected=False,
        reason="With a learning rate that suits the task ten steps are learned. One that is ten times too large makes it "
        "look as the book says.",
    )


def _rare_at_long(data: xr.Dataset, task: str) -> Claim:
    part = _counts(data, task).sel(length=LONG)
    interval = _interval(part)
    few = data.attrs["scale"] == "quick"  # what needs more presentations is not seen there
    return Claim(
        f"At {LONG} steps at most one run in four succeeds, {task}.",
        SOURCE,
        {"succeeded": _words(part), "95 % interval": interval, **_budget(data)},
        None if few else at_most((interval[0], interval[1]), RARE),
        expected=True,
        reason="Weights of this size let the derivative of the state by that of the step before shrink at each step.",
    )


def _whatever_the_start(data: xr.Dataset) -> Claim:
    here = data.isel(budget=0).sel(length=LONG)[["counted", "succeeded"]]
    rates = {
        f"succeeded, {start}, {task}": _words(here.sel(initialisation=start, task=task))
        for start in data["initialisation"].values
        for task in data["task"].values
    }
    rare = [
        at_most((low, high), RARE)
        for low, high in zip(
            *wilson_interval(here["succeeded"].values.ravel(), here["counted"].values.ravel()), strict=True
        )
    ]
    held = False if False in rare else None if None in rare else True
    return Claim(
        f"So it is whatever the start: at {LONG} steps at most one run in four succeeds, from an orthogonal matrix too.",
        f"{SOURCE}, which names no initialisation",
        {**rates, **_budget(data)},
        held if data.attrs["scale"] != "quick" or held is False else None,
        expected=False,
        reason="An orthogonal recurrent matrix keeps the size of what goes through it, and 20 steps are short for what it keeps. "
        "It does not help where numbers are to be added.",
    )


def _falls(data: xr.Dataset) -> Claim:
    measured: dict[str, float] = {}
    never = False  # too few presentations for anything
    for task in data["task"].values:
        part = _counts(data, task)
        never = never or int(part["succeeded"].sum()) == 0
        _, chance = trend_test(data["length"].values, part["succeeded"].values, part["counted"].values)
        measured[f"p, {task}"] = chance
    return Claim(
        f"The probability of success falls with the length in each task (Cochran-Armitage, p < {LEVEL:g}).",
        SOURCE,
        measured | {"lengths": data.sizes["length"]},
        None if data.attrs["scale"] == "quick" and never else max(measured.values()) < LEVEL,
        expected=True,
        reason="The gradient of the first steps is a product of as many factors as there are steps.",
    )


def _half(data: xr.Dataset) -> Claim:
    length = data["length"].values.astype(float)
    measured: dict[str, float | list[float]] = {}
    bands = []
    for task in data["task"].values:
        part = _counts(data, task)
        k, n = part["succeeded"].values, part["counted"].values
        bands.append([crossing(length, bound) for bound in wilson_interval(k, n)])
        measured[f"half, {task}"] = _finite(crossing(length, k / n))
        measured[f"95 % band, {task}"] = [_finite(bound) for bound in bands[-1]]
    return Claim(
        f"The length at which half of the runs succeed is below {LONG} steps in each task (upper end of the 95 % band).",
        SOURCE,
        {**measured, **_budget(data)},
        max(high for _, high in bands) < LONG if _fine(data) else None,
        expected=True,
        reason="As the book has it; the band is where the bounds of Wilson's intervals cross 1/2.",
    )


def _fine(data: xr.Dataset) -> bool:
    """Whether the lengths are near enough to each other to say where half of the runs succeed."""
    return bool(np.diff(data["length"].values).max() <= LONG - SHORT)


def _finite(value: float) -> float:
    """Longer than all lengths is written as -1, for JSON has no infinity."""
    return value if math.isfinite(value) else -1.0


def _waiting(data: xr.Dataset) -> Claim:
    length = data["length"].values.astype(float)
    measured: dict[str, float | list[float]] = {}
    gains = []
    for task in data["task"].values:
        lengths = [
            crossing(length, part["succeeded"].values / part["counted"].values)
            for part in (_counts(data, task, budget) for budget in (0, 1))
        ]
        gains.append(lengths[1] / lengths[0])
        measured[f"half, {task}"] = [_finite(each) for each in lengths]
    return Claim(
        "It does not depend on how long one waits: twice the presentations move the length at which half succeed by less than a "
        "fifth, in each task.",
        f"{SOURCE}, which names no budget",
        measured | {"budgets": f"{int(data['budget'][0])} and {int(data['budget'][1])}"},
        max(gains) < 1.2 if _fine(data) and all(map(math.isfinite, gains)) else None,
        expected=False,
        reason="Adding is slow, not stuck: what has failed at one budget has mostly succeeded at the next. For the other tasks "
        "the length stays nearly what it was.",
    )


def _orthogonal(data: xr.Dataset) -> Claim:
    """Compare both initialisations where it is not decided: above 10 steps, all tasks together."""
    counts = data[["counted", "succeeded"]].isel(budget=0).sel(length=data["length"] > SHORT).sum(("task", "length"))
    measured: dict[str, str | float] = {
        f"succeeded, {start}": _words(counts.sel(initialisation=start)) for start in data["initialisation"].values
    }
    # Of two groups the trend test is the test of their difference.
    _, chance = trend_test([1, 0], counts["succeeded"].values, counts["counted"].values)
    return Claim(
        f"A start with an orthogonal recurrent matrix succeeds more often beyond {SHORT} steps, all tasks together "
        f"(p < {LEVEL:g}).",
        "ours: what the statement depends on",
        measured | {"p": chance, "lengths": int((data["length"] > SHORT).sum())},
        None if data.attrs["scale"] == "quick" else chance < LEVEL,
        expected=True,
        reason="At the start the derivatives of long lags neither vanish nor explode, beside what tanh itself takes away.",
    )


def _gated(data: xr.Dataset) -> Claim:
    measured: dict[str, float | str] = {}
    apart = []
    for task in data["task"].values:
        here = data.isel(budget=0).sel(task=task, lstm_length=LONG)
        gated = xr.Dataset({"succeeded": here["lstm_succeeded"], "counted": here["lstm_counted"]})
        other = _counts(data, task).sel(length=LONG)
        measured |= {f"LSTM, {task}": _words(gated), f"traditional, {task}": _words(other)}
        apart.append(_interval(gated)[0] > _interval(other)[1])
    return Claim(
        f"An LSTM that is trained in the same way succeeds more often at {LONG} steps, in each task (95 % intervals do not "
        "overlap).",
        "Goodfellow et al. 2016, section 10.10: gated networks learn long-term dependencies more easily",
        {**measured, **_budget(data)},
        None if data.attrs["scale"] == "quick" else all(apart),
        expected=True,
        reason="As many units, hence four times the parameters; forget gates that start open; the same grid of learning rates.",
    )


def _interval(part: xr.Dataset) -> list[float]:
    return [float(bound) for bound in wilson_interval(int(part["succeeded"]), int(part["counted"]))]


def _budget(data: xr.Dataset) -> dict[str, int]:
    return {"presentations, at most": int(data["budget"][0])}
