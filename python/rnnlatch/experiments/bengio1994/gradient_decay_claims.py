"""What section IV is taken to say about a single latched unit, put to the test."""

import math

import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.statistics import wilson_interval

__all__ = ["claims"]

ROUNDING = 1e-9  # in log10, after a hundred steps
SECTION = "Bengio et al. 1994, section IV"
WITHIN_BOUND, WITHIN_THRESHOLD, BEYOND = "within theorem 3", "within h*", "beyond h*"


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `gradient_decay.analyse` made."""
    return [
        _theorem_4(data),
        _theorem_3(data),
        _tight(data),
        _threshold(data),
        _boundary(data),
        _near_boundary(data),
        _unlatched(data),
        _network(data),
    ]


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
        "attracting set. The weights are from 1.1 (1.25 at scale quick) to 3, the slowest decay is that of the smallest.",
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
    part = data.sel(inputs=BEYOND)
    turned = int(data.attrs["sequences"]) * data.sizes["weight"] - int(part["kept"].sum())
    last = float(part["log_gradient"].sel(quantile=0.5).isel(step=-1).max())
    slowest = float(part["log_gradient"].sel(quantile=1.0).isel(step=-1).max())
    return Claim(
        statement="A unit that is not latched keeps its gradient: under noise of five times h*, which turns its sign again and "
        "again, |da_t/da_0| of a typical sequence is not below a thousandth after 100 steps.",
        source=f"{SECTION}, theorem 4 read as the only cause",
        measured={
            "largest median of log10, over weights": last,
            "largest of all sequences": slowest,
            "sequences that turn": turned,
        },
        held=last > -3,
        expected=False,
        reason="Between its visits to the boundary the noise drives the unit far into saturation. Latching makes the gradient "
        "vanish for certain; noise alone makes it vanish almost always.",
    )


def _network(data: xr.Dataset) -> Claim:
    worst = float(data["log_network"].sel(quantile=1.0).isel(lag=-1))
    low, high = (float(bound) for bound in wilson_interval(0, int(data.attrs["network_sequences"]), 0.99))
    return Claim(
        statement="It is the same in a network: the Jacobian product of 50 units that are latched along one direction has a norm "
        "below 10^-6 at a lag of 80 in every sequence.",
        source=f"{SECTION}, theorem 4",
        measured={
            "largest log10 of the norm at lag 80": worst,
            "sequences": int(data.attrs["network_sequences"]),
            "99 % interval of the share of exceptions": [low, high],
        },
        held=worst < -6,
        expected=True,
        reason="W is 1.25 times a projection plus random weights of spectral radius 0.3, started at its attractor, with small "
        "noise on each unit.",
    )
