"""What section IV is taken to say about a latched unit, and about networks, put to the test."""

import math

import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.statistics import wilson_interval

__all__ = ["claims"]

ROUNDING = 1e-9  # in log10, after a hundred steps
ALIVE, VANISHED = 1e-3, -6.0
MOST = 0.95  # of the sequences
SECTION = "Bengio et al. 1994, section IV"
WITHIN_BOUND, WITHIN_THRESHOLD, BEYOND, TURNING = (
    "within theorem 3",
    "within h*",
    "beyond h*",
    "as large as the attractor",
)
LATCHED, TURNED, BOUNDARY = "latched", "bit turned by noise", "on the boundary"


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `gradient_decay.analyse` made."""
    return [
        _theorem_1(data),
        _theorem_2(data),
        _theorem_3(data),
        _theorem_4(data),
        _beyond_the_ball(data),
        _tight(data),
        _threshold(data),
        _boundary(data),
        _near_boundary(data),
        _unlatched(data),
        _network(data),
        _network_on_the_boundary(data),
    ]


def _theorem_1(data: xr.Dataset) -> Claim:
    least = float(data["expansion"].min())
    return Claim(
        statement="Outside the reduced attracting set uncertainty grows: around each state between the two edges there is "
        "another one, as near as one likes, that the map carries farther away from it.",
        source=f"{SECTION}, theorem 1",
        measured={"smallest growth of a distance in one step, less 1": least - 1, "weights": data.sizes["weight"]},
        held=least > 1,
        expected=True,
        reason="The slope is above 1 between the edges, and 1 on them: the growth is smallest next to an edge.",
    )


def _theorem_2(data: xr.Dataset) -> Claim:
    worst = float((data["contraction"] - data["factor"]).max())
    return Claim(
        statement="Where the slope is below lambda < 1 the map is contracting: it brings any two states within theorem 3's "
        "distance of the attractor closer together and leaves them lambda times their distance at most.",
        source=f"{SECTION}, theorem 2",
        measured={
            "largest growth of a distance": float(data["contraction"].max()),
            "largest lambda": float(data["factor"].max()),
            "largest excess over lambda": worst,
        },
        held=worst <= ROUNDING and bool((data["factor"] < 1).all()),
        expected=True,
        reason="The mean value theorem, on a convex set.",
    )


def _theorem_4(data: xr.Dataset) -> Claim:
    part = data.sel(inputs=WITHIN_BOUND)
    last = float(part["log_gradient"].sel(quantile=1.0).isel(step=-1).max())
    return Claim(
        statement="While inputs keep a unit latched, |da_t/da_0| vanishes: it stays below lambda^t for each sequence at each "
        "step, where lambda < 1 bounds the slope of the map around the attractor.",
        source=f"{SECTION}, theorem 4",
        measured={
            "largest log10 of |da_t/da_0| over lambda^t": float(part["excess"].max()),
            "largest lambda": float(data["factor"].max()),
            "largest log10 of |da_t/da_0| at t = 100": last,
            "sequences": int(data.attrs["sequences"]) * data.sizes["weight"],
        },
        held=bool((part["excess"] <= ROUNDING).all() and (data["factor"] < 1).all()),
        expected=True,
        reason="Each step multiplies by w (1 - tanh(a)^2), which is below 1 wherever a is above the edge of the reduced "
        "attracting set. The slowest decay is that of the smallest weight, 1.1.",
        deviations=("weights",),
    )


def _beyond_the_ball(data: xr.Dataset) -> Claim:
    slowest = float(data["slowest_step"].max())
    within = data.sel(inputs=[WITHIN_BOUND, WITHIN_THRESHOLD])
    stay = float(within["inside"].min()) / int(data.attrs["sequences"])
    return Claim(
        statement="Theorem 4 reaches farther than the ball of theorem 3: whatever the inputs, |da_t/da_0| falls at every step as "
        "long as a_t stays beyond the edge of the reduced attracting set, and there inputs below h* keep it for good.",
        source=f"{SECTION}, theorem 4",
        measured={
            "largest log10 of |da_(t+1)/da_t| beyond the edge": slowest,
            "share that stays there, inputs within h*": stay,
            "largest log10 of |da_t/da_0| at t = 100, inputs within h*": float(
                within["log_gradient"].sel(quantile=1.0).isel(step=-1).max()
            ),
            "sequences": int(data.attrs["sequences"]) * data.sizes["weight"] * data.sizes["inputs"],
        },
        held=slowest < 0 and stay == 1,
        expected=True,
        reason="Beyond the edge each factor is below 1. At h* the attractor under a constant input meets the edge, so smaller "
        "inputs leave it a distance. For larger ones the steps up to the first one beyond the edge are what is tested.",
        deviations=("weights", "h-star"),
    )


def _theorem_3(data: xr.Dataset) -> Claim:
    part = data.sel(inputs=WITHIN_BOUND)
    share = float((part["distance"] / data["allowed_distance"]).max())
    return Claim(
        statement="Inputs below (1 - lambda) d leave a latched unit within the distance d of where it would be without them.",
        source=f"{SECTION}, theorem 3",
        measured={"largest distance, as a share of d": share},
        held=share <= 1 + ROUNDING,
        expected=True,
        reason="Uniform noise of 0.95 times the bound, which is taken at the d that makes it largest.",
        deviations=("radius",),
    )


def _tight(data: xr.Dataset) -> Claim:
    kept = data["kept"].sel(inputs=WITHIN_THRESHOLD)
    share = float(kept.min()) / int(data.attrs["sequences"])
    ratio = data["threshold"] / data["bound"]
    return Claim(
        statement="Beyond the bound of theorem 3 a unit does not stay latched: noise of up to 0.95 h*, which exceeds it, turns "
        "the sign of some sequences.",
        source=f"{SECTION}, theorem 3 read as a necessary condition",
        measured={
            "share of sequences that keep their sign": share,
            "h* over the bound": [float(ratio.min()), float(ratio.max())],
        },
        held=share < 1,
        expected=False,
        reason="The theorem is sufficient and no more. Its ball is symmetric, and only one side of it is dangerous; the exact "
        "limit is h*, 1.6 to 2.1 times as much.",
        deviations=("radius", "h-star"),
    )


def _threshold(data: xr.Dataset) -> Claim:
    below, beyond = float(data["pushed_below"].min()), float(data["pushed_beyond"].max())
    return Claim(
        statement="There is a threshold h*: a constant push of 0.99 h* leaves the bit as it is, one of 1.01 h* turns it.",
        source="Bengio et al. 1994, section III",
        measured={"last state at 0.99 h*, smallest": below, "last state at 1.01 h*, largest": beyond},
        held=below > 0 > beyond,
        expected=True,
        reason="h* = sqrt(w (w - 1)) - atanh(sqrt(1 - 1/w)), a form that the paper does not print.",
        deviations=("h-star",),
    )


def _boundary(data: xr.Dataset) -> Claim:
    line = data["log_boundary"].sel(start=0.0)
    exact = line["boundary_step"] * math.log10(data.attrs["boundary_weight"])
    off = float(abs(line - exact).max())
    return Claim(
        statement="On the boundary of two basins the gradient grows without bound, here as w^t.",
        source=f"{SECTION}, lemma on the boundary",
        measured={"log10 of |da_t/da_0| at the last step": float(line[-1]), "largest difference from t log10 w": off},
        held=off < 1e-6 and float(line[-1]) > 10,
        expected=True,
        reason="At a = 0 the slope is w.",
    )


def _near_boundary(data: xr.Dataset) -> Claim:
    lines = data["log_boundary"].where(data["start"] > 0, drop=True)
    peaks, last = lines.max("boundary_step"), float(lines.isel(boundary_step=-1).max())
    return Claim(
        statement="That is an exception of measure zero: from any distance off the boundary, however small, the gradient "
        "vanishes in the end.",
        source=f"{SECTION}, remark on the lemma",
        measured={
            "log10 of the largest gradient on the way": [float(peaks.min()), float(peaks.max())],
            "largest log10 at the last step": last,
        },
        held=last < -6,
        expected=True,
        reason="It first grows until the distance from the boundary is of the order of 1: from 10^-12 to about 10^11. Then the "
        "unit falls into a basin and is latched.",
    )


def _unlatched(data: xr.Dataset) -> Claim:
    sequences = int(data.attrs["sequences"])
    part, some = data.sel(inputs=TURNING), data.sel(inputs=BEYOND)
    share, seldom = part["turned"] / sequences, some["turned"] / sequences
    median = part["log_turned"].sel(quantile=0.5)
    largest = float(median.max())
    rare = some.isel(weight=int(seldom.values.argmin()))
    return Claim(
        statement="A unit that is not latched keeps its gradient: under noise as large as the attractor, |da_t/da_0| of a "
        "typical sequence that turns the sign at least twice is not below a thousandth after 100 steps, for one weight or "
        "another.",
        source=f"{SECTION}, theorem 4 read as the only cause",
        measured={
            "median of log10, over weights": [float(median.min()), largest],
            "largest of all sequences that turn": float(part["log_turned"].sel(quantile=1.0).max()),
            "share that turns, over weights": [float(share.min()), float(share.max())],
            "under 5 h*: share that turns, over weights": [float(seldom.min()), float(seldom.max())],
            "of these, where fewest turn: sequences": int(rare["turned"]),
            "of which a thousandth is left to": int(rare["turned_alive"]),
        },
        # Where few sequences turn, those that do are no typical ones.
        held=largest > math.log10(ALIVE) if float(share.min()) >= MOST else None,
        expected=False,
        reason="Between its visits to the boundary the noise drives the unit into saturation. Latching makes the gradient vanish "
        "for certain, noise that turns the bit makes it vanish almost always. Nearest to an exception is the smallest weight, "
        "1.1: under 5 h* it seldom turns, and those sequences that do, lingering at the boundary, lose less.",
        deviations=("weights", "h-star"),
    )


def _network(data: xr.Dataset) -> Claim:
    part = data.sel(case=LATCHED)
    latched = (part["network_most_turns"] == 0) & (part["network_step"] < 1)
    networks = int(latched.sum())
    exceptions = int((latched & (part["network_norm"] >= VANISHED)).sum())
    low, high = (float(bound) for bound in wilson_interval(exceptions, networks, 0.99)) if networks else (0.0, 1.0)
    return Claim(
        statement="It is the same in a network: wherever 50 units are latched along one direction, and stay where each Jacobian "
        "has a norm below 1, the norm of the product of 80 of them is below 10^-6.",
        source=f"{SECTION}, theorem 4",
        measured={
            "networks": part.sizes["network"],
            "of which latched": networks,
            "largest norm of a single Jacobian": float(part["network_step"].max()),
            "largest log10 of the norm at lag 80": float(part["network_norm"].max()),
            "exceptions": exceptions,
            "99 % interval of their share": [low, high],
        },
        held=exceptions == 0 if networks else None,
        expected=True,
        reason="W is 1.25 times a projection plus random weights of spectral radius 0.3, started at its attractor, with small "
        "noise on each unit. A network counts once: its four sequences share their W.",
    )


def _network_on_the_boundary(data: xr.Dataset) -> Claim:
    part, turned = data.sel(case=BOUNDARY), data.sel(case=TURNED)
    least = float(part["network_norm"].min())
    return Claim(
        statement="It is latching that does it, not these weights: on the boundary of their two basins the norm of the same "
        "networks is above 1 at that lag.",
        source=f"{SECTION}, lemma on the boundary",
        measured={
            "log10 of the norm at lag 80": [least, float(part["network_norm"].max())],
            "the same where noise turns the bit": [
                float(turned["network_norm"].min()),
                float(turned["network_norm"].max()),
            ],
            "turns in these 80 steps, at least": int(turned["network_fewest_turns"].min()),
            "networks": part.sizes["network"],
        },
        held=least > 0,
        expected=True,
        reason="Without inputs a state of 0 stays 0, and the product is W^80. If noise turns the bit again and again, the norm "
        "vanishes as that of a single unit does.",
    )
