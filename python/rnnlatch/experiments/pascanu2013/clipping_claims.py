"""What the paper says of the threshold, put to the test.

A failure is one within the updates of the scale.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import binomtest

from rnnlatch.experiments.claims import Claim
from rnnlatch.statistics import trend_test, wilson_interval

__all__ = ["claims", "rises"]

TEXT = "Pascanu, Mikolov & Bengio 2013, section 3.2"
BOOK = "Goodfellow et al. 2016, section 10.11.1"
LOW, HIGH = 0.5, 10.0
LEVEL, ALIKE = 0.01, 0.25
PLAIN, WIDE, TIGHT = "not clipped", "10 x mean", "1 x mean"

# A run is learning where the mean cost of a stretch of updates is below LEARNING, in nats.
STRETCH, LEARNING, JUMP = 50, 1.2, 0.5
LAST, CHANCE = 500, 1.3


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `clipping.analyse` made."""
    return [
        _converges(data),
        _does_not_matter(data),
        _speed(data),
        _too_small(data),
        _better_than_none(data),
        _one_by_one(data),
        _smoother(data, TIGHT, True, "No step is longer than an ordinary one."),
        _smoother(
            data,
            WIDE,
            False,
            "A step of ten times the mean is long enough for a jump; what it prevents are the few much longer ones.",
        ),
        _thrown_back(data),
        _tracing(data, PLAIN),
        _tracing(data, WIDE),
        _tracing(data, TIGHT),
        _mean_stays(data),
        _mostly_clipped(data),
    ]


def _within(data: xr.Dataset) -> xr.Dataset:
    return data[["runs", "converged", "updates"]].sel(factor=(data["factor"] >= LOW) & (data["factor"] <= HIGH))


def _rates(data: xr.Dataset) -> dict[str, str | int]:
    counts = {
        f"succeeded, {float(factor):g} x": f"{int(k)} of {int(n)}"
        for factor, k, n in zip(data["factor"].values, data["converged"].values, data["runs"].values, strict=True)
    }
    return {**counts, "updates, at most": int(data.attrs["most_updates"])}


def _converges(data: xr.Dataset) -> Claim:
    here = _within(data)
    return Claim(
        f"With thresholds of {LOW:g} to {HIGH:g} times the mean norm training still converges (some runs, at each of them).",
        TEXT,
        _rates(here),
        bool((here["converged"] > 0).all()),
        expected=True,
        reason="The threshold bounds the largest steps; most others are left as they are, or only made shorter.",
    )


def _does_not_matter(data: xr.Dataset) -> Claim:
    """That nothing is seen does not show that there is nothing: the rates must be known to be alike."""
    here = _within(data)
    z, falling = trend_test(np.log(here["factor"].values), here["converged"].values, here["runs"].values)
    chance = min(1.0, 2 * min(falling, 1 - falling))
    pooled = float(here["converged"].sum() / here["runs"].sum())
    low, high = wilson_interval(here["converged"].values, here["runs"].values)
    alike = bool((low > pooled - ALIKE).all() and (high < pooled + ALIKE).all())
    return Claim(
        f"Within that range success does not depend on the threshold (no trend with its logarithm, p < {LEVEL:g}, and all 95 % "
        f"intervals of the rates within {ALIKE:g} of their mean).",
        f"{TEXT}, read literally",
        {**_rates(here), "z": z, "p": chance},
        None if data.attrs["scale"] == "quick" else False if chance < LEVEL else True if alike else None,
        expected=False,
        reason="At a fixed learning rate a threshold near the mean norm shortens every step that learning takes, not the "
        "dangerous ones alone. The upper end of the range is the better one, but so many runs do not quite show it.",
    )


def _speed(data: xr.Dataset) -> Claim:
    updates = _within(data)["updates"]
    slow, fast = float(updates.max()), float(updates.min())
    return Claim(
        f"Speed depends on the threshold: the slowest of {LOW:g} to {HIGH:g} times the mean takes twice the updates of the "
        "fastest (medians of the runs that succeed).",
        TEXT,
        {
            f"updates, {float(factor):g} x": _number(value)
            for factor, value in zip(updates["factor"].values, updates.values, strict=True)
        }
        | {"not clipped": _number(float(data["plain_updates"]))},
        slow / fast >= 2 if np.isfinite(slow / fast) and data.attrs["scale"] != "quick" else None,
        expected=True,
        reason="Where most updates are clipped the length of a step is the threshold times the learning rate.",
    )


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _too_small(data: xr.Dataset) -> Claim:
    smallest = float(data["factor"].min())
    low, high = (data[["runs", "converged"]].sel(factor=factor) for factor in (smallest, HIGH))
    _, chance = trend_test(
        [1, 0], [int(low["converged"]), int(high["converged"])], [int(low["runs"]), int(high["runs"])]
    )
    return Claim(
        f"Below the range it fails: with {smallest:g} times the mean fewer runs succeed than with {HIGH:g} times "
        f"(p < {LEVEL:g}).",
        "ours, after the paper's range",
        {
            f"succeeded, {factor:g} x": f"{int(part['converged'])} of {int(part['runs'])}"
            for factor, part in ((smallest, low), (HIGH, high))
        }
        | {"p": chance},
        chance < LEVEL if data.attrs["scale"] != "quick" else None,
        expected=True,
        reason="The steps are too short for what has to be learned, and along the wall of the error surface they go to and fro.",
    )


def _better_than_none(data: xr.Dataset) -> Claim:
    wide = (data["factor"] >= HIGH / 2) & (data["factor"] <= HIGH)
    clipped = data[["runs", "converged"]].sel(factor=wide).sum()
    counts = [int(data["plain_converged"]), int(clipped["converged"])], [int(data["plain_runs"]), int(clipped["runs"])]
    _, chance = trend_test([1, 0], *counts)
    return Claim(
        f"With a threshold of 5 to 10 times the mean more runs succeed than without clipping (p < {LEVEL:g}).",
        f"{TEXT}: clipping is what makes such training possible",
        {
            "not clipped": f"{counts[0][0]} of {counts[1][0]}",
            "clipped": f"{counts[0][1]} of {counts[1][1]}",
            "p": chance,
        },
        chance < LEVEL if data.attrs["scale"] != "quick" else None,
        expected=True,
        reason="Without it one jump ends many runs for good. More of them begin to learn than succeed.",
    )


def _one_by_one(data: xr.Dataset) -> Claim:
    """Compare both rules where each has its best threshold."""
    best = {}
    for prefix in ("", "value_"):
        there, runs = (data[f"{prefix}{name}"] for name in ("converged", "runs"))
        at = int((there / runs).values.argmax())
        best[prefix] = float(data["factor"][at]), int(there[at]), int(runs[at])
    low, high = wilson_interval([each[1] for each in best.values()], [each[2] for each in best.values()])
    return Claim(
        "To clip each number of the gradient does as well as to clip its norm (95 % intervals of the success rates overlap, each "
        "with its best threshold).",
        BOOK,
        {
            f"{words}, {best[prefix][0]:g} x": f"{best[prefix][1]} of {best[prefix][2]}"
            for prefix, words in (("", "norm"), ("value_", "numbers"))
        },
        bool(low.max() <= high.min()),
        expected=True,
        reason="Its direction is another one, but still one of descent: each number keeps its sign.",
    )


def rises(loss: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Give the rises of the cost from one update to the next while a run is learning.

    Parameters
    ----------
    loss : ndarray of float, shape (update,)
        Of one run.

    Returns
    -------
    ndarray of float64
        Those after 50 updates whose mean cost is below 1.2 nats; that of chance is ln 4 = 1.39.

    Examples
    --------
    >>> line = np.concatenate([np.full(60, 1.39), np.full(60, 0.5), [1.5]])
    >>> float(rises(line).max()), rises(line).size
    (1.0, 50)
    """
    total = np.concatenate([[0.0], np.cumsum(loss, dtype=np.float64)])
    before = (total[STRETCH:-1] - total[: -STRETCH - 1]) / STRETCH
    return np.asarray(np.diff(loss)[STRETCH - 1 :][before < LEARNING], np.float64)


def _smoother(data: xr.Dataset, arm: str, expected: bool, reason: str) -> Claim:
    jumps = {
        each: np.array([_share(rises(line)) for line in data["loss"].sel(arm=each).values]) for each in (PLAIN, arm)
    }
    both = np.isfinite(jumps[PLAIN]) & np.isfinite(jumps[arm])
    fewer, more = int((jumps[arm] < jumps[PLAIN])[both].sum()), int((jumps[arm] > jumps[PLAIN])[both].sum())
    chance = float(binomtest(fewer, fewer + more, alternative="greater").pvalue) if fewer + more else 1.0
    return Claim(
        f"{SMOOTHER[arm]} smooths the learning curve: while a run is learning the cost rises by more than {JUMP:g} nats in fewer "
        f"updates than in the run without, of the same start and minibatches (sign test, p < {LEVEL:g}).",
        f"{TEXT}, Fig. 6: the step that throws the parameters far away",
        {
            "jumps in 1000 updates, not clipped": _per_thousand(jumps[PLAIN][both]),
            "clipped": _per_thousand(jumps[arm][both]),
            "fewer": f"{fewer} of {fewer + more}",
            "p": chance,
        },
        chance < LEVEL if data.attrs["scale"] != "quick" else None,
        expected=expected,
        reason=reason,
        deviations=("jump",),
    )


SMOOTHER = {TIGHT: "A threshold of the mean norm", WIDE: "A threshold of 10 times the mean norm"}


def _share(rises: NDArray[np.float64]) -> float:
    return float((rises > JUMP).mean()) if rises.size else float("nan")


def _per_thousand(shares: NDArray[np.float64]) -> float:
    return 1000 * float(shares.mean()) if shares.size else 0.0


def _thrown_back(data: xr.Dataset) -> Claim:
    """Count the runs that were learning and end at chance."""
    back, began = {}, {}
    for arm in data["arm"].values:
        lines = data["loss"].sel(arm=arm).values
        learning = np.array([rises(line).size > 0 for line in lines])
        began[arm] = int(learning.sum())
        back[arm] = int((learning & (lines[:, -LAST:].mean(-1) > CHANCE)).sum())
    _, chance = trend_test([1, 0], [back[TIGHT], back[PLAIN]], [max(1, began[TIGHT]), max(1, began[PLAIN])])
    return Claim(
        "A jump can end it all: of the runs that had begun to learn, more are back at the cost of chance in the end without "
        f"clipping than with a threshold of the mean (p < {LEVEL:g}).",
        f"{TEXT}: the parameters are thrown into another region",
        {f"back at chance, {arm}": f"{back[arm]} of {began[arm]}" for arm in back} | {"p": chance},
        chance < LEVEL if data.attrs["scale"] != "quick" else None,
        expected=True,
        reason="The step saturates the units, and on that plateau no gradient leads back.",
        deviations=("jump",),
    )


JUMPS = "of the largest 1 % of the rises more follow an update whose norm is among the largest 5 % of its run"
TRACING = {
    PLAIN: (
        f"Without clipping the jumps of the cost come from steps of large norm: {JUMPS} than chance would have",
        f"{TEXT}, Fig. 6",
        True,
        "Such a step goes over the wall.",
    ),
    WIDE: (
        "With a threshold of 10 times the mean they no longer do",
        "ours",
        False,
        "What is left of the jumps comes from where they came before: the steps that are clipped are still the longest ones.",
    ),
    TIGHT: (
        "With a threshold of the mean itself they no longer do",
        "ours",
        True,
        "Here the longest steps are as long as ordinary ones.",
    ),
}


def _tracing(data: xr.Dataset, arm: str) -> Claim:
    statement, source, expected, reason = TRACING[arm]
    here = data.sel(arm=arm)
    found, rises = int(here["traced"]), int(here["large_rises"])
    chance = (1 + int((here["by_chance"] >= found).sum())) / (1 + data.sizes["permutation"])
    more = chance < LEVEL
    return Claim(
        f"{statement} (permutation test, p < {LEVEL:g}).",
        source,
        {
            "after a large norm": found / rises if rises else 0.0,
            "by chance": float(here["by_chance"].mean()) / rises if rises else 0.0,
            "rises": rises,
            "p": chance,
        },
        more if arm == PLAIN else not more,
        expected=expected,
        reason=reason,
        deviations=("jump",),
    )


def _mean_stays(data: xr.Dataset) -> Claim:
    means = {arm: float(data["norm"].sel(arm=arm).mean()) for arm in data["arm"].values}
    ratio = means[TIGHT] / means[PLAIN]
    return Claim(
        "The mean norm does not depend on the threshold that it is to choose: it is the same within a factor of 2 in runs that "
        "are clipped at that mean.",
        f"{TEXT}: the advice to look at the mean norm, read literally",
        {f"mean norm, {arm}": mean for arm, mean in means.items()}
        | {"first measured": float(data.attrs["pilot_norm"])},
        1 / 2 <= ratio <= 2 if data.attrs["scale"] != "quick" else None,
        expected=False,
        reason="Short steps stay on the steep parts of the surface, which long ones jump off. Look at the norm of "
        "unclipped runs.",
    )


def _mostly_clipped(data: xr.Dataset) -> Claim:
    clipped = data["regularised_clipped"].mean("regularised_trace")
    return Claim(
        "With the regulariser and the paper's threshold, 1, most updates are clipped: it is close to normalised gradient "
        "descent.",
        "ours, of the settings of section 4.1.1",
        {
            f"clipped, {int(n)} steps": float(clipped.sel(regularised_length=n))
            for n in clipped["regularised_length"].values
        },
        bool((clipped > 1 / 2).all()) if data.attrs["scale"] != "quick" else None,
        expected=True,
        reason="The regulariser raises the norm by design, and its weight is 4.",
    )
