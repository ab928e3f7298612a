"""What section III says about the attractors of a latch and about the input that turns its bit, put to the test."""

import math

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim, at_least
from rnnlatch.statistics import wilson_interval

__all__ = ["claims"]

SECTION = "Bengio et al. 1994, section III"
UNIFORM, GAUSSIAN = "uniform", "Gaussian"
CLOSE, ROUNDING = 1e-10, 1e-12
LARGEST = 1000  # steps of noise
FREQUENCY = 0.81  # of convergence at T = 20 in Fig. 2b
CONFIDENCE = 0.99


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `attractors.analyse` made."""
    return [
        _two_attractors(data),
        _threshold_parts_them(data),
        _threshold_thrice(data),
        _threshold_rises(data),
        _basins(data),
        _beyond_the_attractor(data),
        _must_be_beyond(data),
        _faster(data),
        _bottleneck(data),
        _below_the_threshold(data),
        _above_the_threshold(data),
        _one_measure(data),
        _figure_2b(data, "variance"),
        _figure_2b(data, "standard deviation"),
    ]


def _two_attractors(data: xr.Dataset) -> Claim:
    alone = data.isel(proven=np.flatnonzero(data["proven_input"] == 0))
    w = alone["proven_weight"].values
    above, below = alone.isel(proven=np.flatnonzero(w > 1)), alone.isel(proven=np.flatnonzero((w >= 0) & (w < 1)))
    right = (above["fixed_points"] == 3).all() and (above["stable_points"] == 2).all()
    right = right and (below["fixed_points"] == 1).all() and (below["stable_points"] == 1).all()
    proven = bool(above["complete"].all() and below["complete"].all())
    return Claim(
        statement="Without inputs a unit of w > 1 has two attractors, one of each sign, and one of w from 0 to 1 has only 0.",
        source=f"{SECTION}, requirement w > 1/f'(0)",
        measured={
            "weights above 1": above.sizes["proven"],
            "weights below 1": below.sizes["proven"],
            "all fixed points proven to be found": proven,
            "largest distance from the closed form": max(float(part["point_error"].max()) for part in (above, below)),
        },
        held=bool(right) if proven else None,
        expected=True,
        reason="An interval proof finds three fixed points above 1 and one below. At w = 1 itself three are one, which no such "
        "proof can tell; the closed form has it.",
    )


def _threshold_parts_them(data: xr.Dataset) -> Claim:
    some = data.isel(proven=np.flatnonzero((data["proven_weight"] > 1) & (data["proven_input"] > 0)))
    agree = (some["fixed_points"] == some["expected_points"]) & some["complete"]
    counts = some["expected_points"]
    return Claim(
        statement="Below h* a constant input leaves the unit both attractors, above h* one: a proof finds three fixed points up "
        "to 0.99 h*, and one from 1.01 h* on.",
        source=f"{SECTION}, h*",
        measured={
            "systems below": int((counts == 3).sum()),
            "systems above": int((counts == 1).sum()),
            "that come out as the closed form has it": int(agree.sum()),
            "largest distance from it": float(some["point_error"].max()),
        },
        held=bool(agree.all() and (counts == 3).any() and (counts == 1).any()),
        expected=True,
        reason="At h* the lower attractor meets the unstable point between the basins.",
        deviations=("h-star",),
    )


def _threshold_thrice(data: xr.Dataset) -> Claim:
    fold = float(abs(data["saddle_node"] - data["threshold"]).max())
    inside = (data["scan_low"] < data["scan_threshold"]) & (data["scan_threshold"] < data["scan_high"])
    width = float((data["scan_high"] - data["scan_low"]).max())
    return Claim(
        statement="h* = sqrt(w (w - 1)) - atanh(sqrt(1 - 1/w)), which the paper does not print, is where the branch of the "
        "attractor folds, and what simulation finds.",
        source=f"{SECTION}, h*; the form is ours",
        measured={
            "largest distance from the fold": fold,
            "weights at which it is between an input that comes to rest and one that escapes": int(inside.sum()),
            "of": data.sizes["scan"],
            "largest distance of these two": width,
        },
        held=bool(fold < CLOSE and inside.all()),
        expected=True,
        reason="Three ways: the tangency in closed form, a saddle-node on a branch that is followed, and bisection by simulation "
        "of up to 4,000 steps, which is what leaves the two inputs a distance.",
        deviations=("h-star",),
    )


def _threshold_rises(data: xr.Dataset) -> Claim:
    gap = float((data["scan_low"].values[1:] - data["scan_high"].values[:-1]).min())
    return Claim(
        statement="h* increases with w.",
        source=SECTION,
        measured={
            "weights": data.sizes["scan"],
            "smallest step from one to the next, by simulation": gap,
            "h*": [float(data["scan_threshold"][0]), float(data["scan_threshold"][-1])],
        },
        held=gap > 0,
        expected=True,
        reason="Its derivative by w is sqrt(1 - 1/w).",
        deviations=("h-star",),
    )


def _basins(data: xr.Dataset) -> Claim:
    boundary = data["between"].fillna(np.inf * -np.sign(data["basin_input"]))
    expected = data["basin_start"] > boundary
    wrong = int((data["basin"] != expected).sum())
    return Claim(
        statement="Under a constant input below h* the two basins meet at the unstable fixed point; above h* there is one basin.",
        source="Bengio et al. 1994, section IV, definition 3",
        measured={"initial states": int(data["basin"].size), "that come to the other attractor": wrong},
        held=wrong == 0,
        expected=True,
        reason="The map rises, so no orbit can pass a fixed point.",
        deviations=("h-star",),
    )


def _beyond_the_attractor(data: xr.Dataset) -> Claim:
    steps = data["beyond_steps"]
    return Claim(
        statement="If h_t > h* for all t up to some L1, the unit is beyond its other attractor after finitely many steps.",
        source=f"{SECTION}, (ii)",
        measured={
            "inputs": int(steps.size),
            "of which it comes beyond": int((steps > 0).sum()),
            "most steps": int(steps.max()),
        },
        held=bool((steps > 0).all()),
        expected=True,
        reason="Under an input of its sign the upper attractor lies beyond the one without, and it is the only one left.",
        deviations=("weights",),
    )


def _must_be_beyond(data: xr.Dataset) -> Claim:
    free = data.sel(basin_input=0.0, method="nearest")
    least = float(free["basin_start"].values[free["basin"].values == 1].min())
    w = float(data.attrs["drawn_weight"])
    extra = data["beyond_steps"] - data["escape_steps"]
    return Claim(
        statement="It has to come that far for its bit to be turned.",
        source=f"{SECTION}, (ii) read as a necessary condition",
        measured={
            "smallest a from where it goes on by itself": least,
            "a of the attractor": float(data["rest"].sel(weight=data.attrs["drawn_weight"])),
            "w": w,
            "steps from 0 to beyond the attractor": [int(extra.min()), int(extra.max())],
        },
        held=least > float(data["rest"].sel(weight=data.attrs["drawn_weight"])),
        expected=False,
        reason="Once it is above 0 the input may stop: 0 is where the basins meet. What it takes from there comes for nothing.",
        deviations=("turned", "weights"),
    )


def _faster(data: xr.Dataset) -> Claim:
    change = np.diff(data["escape_steps"].values, axis=1)
    same = bool((data["escape_steps"] == data["escape_time"]).all())
    return Claim(
        statement="L1 decreases with |h|.",
        source=SECTION,
        measured={
            "steps at 1.00001 h*": [int(x) for x in np.sort(data["escape_steps"].isel(excess=0).values)[[0, -1]]],
            "steps at 11 h*": [int(x) for x in np.sort(data["escape_steps"].isel(excess=-1).values)[[0, -1]]],
            "largest change from one input to a larger one": int(change.max()),
            "simulation and count agree": same,
        },
        held=bool((change <= 0).all() and (data["escape_steps"] > 0).all()),
        expected=True,
        reason="A larger input is ahead at each step, since the map rises.",
        deviations=("weights",),
    )


def _bottleneck(data: xr.Dataset) -> Claim:
    nearest = data.isel(excess=0)
    narrow = nearest["threshold"] * nearest["excess"]
    law = np.pi / np.sqrt(np.sqrt(1 - 1 / data["weight"]) * narrow)
    off = abs(nearest["escape_steps"] / law - 1)
    return Claim(
        statement="Just above h* an escape takes as long as one likes: its steps approach pi / sqrt(sqrt(1 - 1/w) (h - h*)).",
        source="the passage of a saddle-node; not in the paper",
        measured={
            "h over h*, less 1": float(data["excess"][0]),
            "steps": [int(nearest["escape_steps"].min()), int(nearest["escape_steps"].max())],
            "largest relative difference": float(off.max()),
        },
        held=bool((off < 0.02).all()),
        expected=True,
        reason="What is left of the two fixed points is a bottleneck, where a step is (h - h*) + sqrt(1 - 1/w) d^2 at a distance "
        "d from its middle.",
    )


def _below_the_threshold(data: xr.Dataset) -> Claim:
    below = data["lost"].sel(law=UNIFORM, length=LARGEST)
    below = below.isel(size=np.flatnonzero(below["size"] < 1))
    return Claim(
        statement="Noise that stays below h* never turns the bit.",
        source=f"{SECTION}, (i)",
        measured={
            "sequences of 1,000 steps": int(data.attrs["sequences"]) * int(below.size),
            "that turn it": int(below.sum()),
            "largest noise over h*": float(below["size"].max()),
        },
        held=int(below.sum()) == 0,
        expected=True,
        reason="Uniform noise. The worst of it is the constant input, and that does not.",
        deviations=("h-star", "turned", "weights"),
    )


def _half(data: xr.Dataset, law: str) -> list[float]:
    """The size over h*, for each weight, at which half of the units lose their bit within 1,000 steps."""
    share = data["lost"].sel(law=law, length=LARGEST) / int(data.attrs["sequences"])
    found = []
    for one in share.transpose("weight", "size").values:
        place = max(int(np.argmax(one >= 0.5)) if (one >= 0.5).any() else len(one) - 1, 1)
        before = one[place - 1]
        x = np.log(data["size"].values[place - 1 : place + 1])
        part = (0.5 - before) / (one[place] - before) if one[place] > before else 1.0
        found.append(float(np.exp(x[0] + part * (x[1] - x[0]))))
    return found


def _above_the_threshold(data: xr.Dataset) -> Claim:
    sequences = int(data.attrs["sequences"])
    twice = data["lost"].sel(law=UNIFORM, length=LARGEST, size=2.0)
    seldom = twice.isel(weight=int(twice.values.argmin()))
    low, high = (float(x) for x in wilson_interval(int(seldom), sequences, CONFIDENCE))
    half = _half(data, UNIFORM)
    return Claim(
        statement="Noise above h* turns it: uniform noise of up to twice h* turns half of the bits within 1,000 steps, for each "
        "weight.",
        source=f"{SECTION}, (ii) read for noise",
        measured={
            "smallest share of sequences": float(seldom) / sequences,
            "99 % interval": [low, high],
            "at w": float(seldom["weight"]),
            "noise over h* that turns half, over weights": [min(half), max(half)],
        },
        held=at_least((low, high), 0.5),
        expected=False,
        reason="It takes a run of large values of one sign, and the nearer w is to 1 the longer a run: the unit is slow there, "
        "and noise averages out.",
        deviations=("h-star", "turned", "weights"),
    )


def _one_measure(data: xr.Dataset) -> Claim:
    half = _half(data, GAUSSIAN)
    return Claim(
        statement="h* is the measure of the noise that a latch stands: the standard deviation of Gaussian noise that turns half "
        "of the bits within 1,000 steps is the same multiple of h* for each weight, to a factor of 1.5.",
        source=f"{SECTION}, h* read for Gaussian noise",
        measured={
            "standard deviation over h* that turns half": [min(half), max(half)],
            "at w": [float(data["weight"][int(np.argmin(half))]), float(data["weight"][int(np.argmax(half))])],
            "largest over smallest": max(half) / min(half),
        },
        held=max(half) / min(half) <= 1.5,
        expected=False,
        reason="For a large w a single draw beyond h* does much of the way; near 1 many have to add up. And Gaussian noise has "
        "no bound, so for it h* is no limit below which nothing happens.",
        deviations=("h-star", "turned", "weights"),
    )


def _figure_2b(data: xr.Dataset, reading: str) -> Claim:
    sequences = int(data.attrs["sequences"])
    kept = int(data["kept_2b"].sel(reading=reading))
    low, high = (float(x) for x in wilson_interval(kept, sequences, CONFIDENCE))
    std = math.sqrt(0.2) if reading == "variance" else 0.2
    expected = reading != "variance"
    held = at_least((low, high), FREQUENCY)
    threshold = float(data["threshold"].sel(weight=1.25))
    return Claim(
        statement=f"A unit that is latched stands the noise of Fig. 2b with s = 0.2 read as a {reading}: from the attractor of "
        f"w = 1.25, at least {FREQUENCY:.0%} of the units end 20 steps with the right sign, as many as the figure has trained "
        "units that converge.",
        source="Bengio et al. 1994, Fig. 2b at T = 20",
        measured={
            "share with the right sign": kept / sequences,
            "99 % interval": [low, high],
            "standard deviation over h*": std / threshold,
            "sequences": sequences,
        },
        held=held,
        expected=expected,
        reason="With a variance of 0.2 noise six times h* leaves the sign to chance, whatever the training."
        if not expected
        else "Noise of two and a half times h* seldom adds up to a turn in 20 steps.",
        deviations=("turned",),
    )
