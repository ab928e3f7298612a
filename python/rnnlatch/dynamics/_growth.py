"""What is asked of Lyapunov exponents, and what the growth of tangent vectors says about them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import validation
from rnnlatch._arrays import integers
from rnnlatch.dynamics._system import MOST_STEPS
from rnnlatch.gradients._analysis import Floats, Integers

__all__ = ["WORDS", "Plan", "coordinates", "dims", "estimates", "plan"]

_STEPS = 10_000
_TRANSIENT = 1000  # steps at most, where it is left open

WORDS = {
    "lyapunov_exponent": ("Lyapunov exponent", "nats per step"),
    "standard_error": ("standard error of the Lyapunov exponent, by batch means", "nats per step"),
    "running": ("Lyapunov exponent, as estimated from the steps so far", "nats per step"),
    "sum_of_exponents": ("sum of the Lyapunov exponents", "nats per step"),
    "kaplan_yorke_dimension": ("Kaplan-Yorke dimension", "1"),
    "diverged": ("step at which a number is no longer finite, counted with the transient; -1: at none", "steps"),
}


@dataclass(frozen=True)
class Plan:
    """What is asked: steps to leave out and to take, exponents, steps to record, parts of which the error is estimated."""

    transient: int
    steps: int
    exponents: int
    record: Integers
    batches: int

    @property
    def borders(self) -> Integers:
        """The steps at which the batches end, the last included."""
        return np.arange(1, self.batches + 1) * self.steps // self.batches

    @property
    def looked_at(self) -> Integers:
        """All steps at which the growth must be known."""
        return np.union1d(self.record, self.borders).astype(np.int64)

    def settings(self) -> dict[str, Any]:
        """For the attributes."""
        return {"transient": self.transient, "steps": self.steps, "batches": self.batches}


def plan(
    size: int,
    time: int | None,
    steps: int | None,
    transient: int | None,
    exponents: int | None,
    record: Any,
    spacing: str,
    batches: int,
) -> Plan:
    if time is not None and steps is not None:
        raise ValueError("steps and inputs are given; leave steps out, all inputs are taken")
    if time is None:
        taken = _STEPS if steps is None else validation.integer("steps", steps, at_least=1, at_most=MOST_STEPS)
        first = min(taken // 10, _TRANSIENT) if transient is None else transient
        first = validation.integer("transient", first, at_least=0, at_most=MOST_STEPS)
    else:
        first = min(time // 10, _TRANSIENT) if transient is None else transient
        first = validation.integer("transient", first, at_least=0, at_most=time - 1)
        taken = time - first
    count = size if exponents is None else validation.integer("exponents", exponents, at_least=1, at_most=size)
    parts = validation.integer("batches", batches, at_least=2)
    return Plan(first, taken, count, _record(record, spacing, taken), min(parts, taken))


def _record(record: Any, spacing: str, steps: int) -> Integers:
    if record is None:
        return np.empty(0, np.int64)
    if np.ndim(record) == 0:
        count = validation.integer("record", record, at_least=1)
        if spacing == "linear":
            spaced = np.linspace(steps / count, steps, count)
        else:
            spaced = np.geomspace(1, steps, count) if count > 1 else np.array([steps])
        return np.unique(spaced.round().clip(1, steps).astype(np.int64))
    allowed = f"a number of steps, or steps: integers from 1 to {steps}"
    given = integers("record", record, allowed)
    if given.ndim != 1 or not given.size:
        raise ValueError(f"record has shape {given.shape}; it must be {allowed}")
    wrong = given[(given < 1) | (given > steps)]
    if wrong.size:
        raise ValueError(f"record has {wrong[0]}; it must be {allowed}")
    return np.unique(given)


def dims(asked: Plan) -> dict[str, tuple[str, ...]]:
    running = {"running": ("step", "exponent")} if asked.record.size else {}
    return {
        "lyapunov_exponent": ("exponent",),
        "standard_error": ("exponent",),
        **running,
        "sum_of_exponents": (),
        "kaplan_yorke_dimension": (),
        "diverged": (),
    }


def coordinates(asked: Plan) -> dict[str, tuple[NDArray[Any], str, str]]:
    rank = {"exponent": (np.arange(asked.exponents), "rank of the Lyapunov exponent, the largest first", "1")}
    if not asked.record.size:
        return rank
    return rank | {"step": (asked.record, "steps after the transient", "steps")}


def estimates(growth: Floats, asked: Plan, size: int) -> dict[str, NDArray[Any]]:
    """Make of the logarithms of the growth, (sequence, looked_at, exponent), what the dataset holds."""
    looked_at = asked.looked_at
    last = growth[:, -1] / asked.steps
    order = np.argsort(-last, axis=1, kind="stable")
    growth = np.take_along_axis(growth, order[:, None], axis=2)
    exponents = np.take_along_axis(last, order, axis=1)
    with np.errstate(invalid="ignore"):  # minus infinity from minus infinity
        ends = growth[:, np.searchsorted(looked_at, asked.borders)]
        means = np.diff(ends, axis=1, prepend=0.0) / np.diff(asked.borders, prepend=0)[:, None]
        around = means - exponents[:, None]
        error = np.sqrt((around**2).sum(axis=1) / max(asked.batches * (asked.batches - 1), 1))
    if asked.batches < 2:
        error = np.full_like(error, np.nan)
    return {
        "lyapunov_exponent": exponents,
        "standard_error": error,
        "running": growth[:, np.searchsorted(looked_at, asked.record)] / asked.record[:, None],
        "sum_of_exponents": exponents.sum(axis=1),
        "kaplan_yorke_dimension": np.array([_kaplan_yorke(row, size) for row in exponents]),
    }


def _kaplan_yorke(exponents: Floats, size: int) -> float:
    """The number of exponents that volumes of no dimension below it shrink by, from their falling row."""
    sums = np.cumsum(exponents)
    if np.isnan(sums[0]):
        return np.nan
    shrinking = np.flatnonzero(sums < 0)
    if not shrinking.size:
        return float(size) if len(exponents) == size else np.nan
    whole = int(shrinking[0])
    return whole + (float(sums[whole - 1]) / -float(exponents[whole]) if whole else 0.0)
