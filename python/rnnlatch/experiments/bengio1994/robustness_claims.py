"""What section IV says about robust latching, put to the test on latches of one unit and on networks."""

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim
from rnnlatch.statistics import wilson_interval

__all__ = ["claims"]

SECTION = "Bengio et al. 1994, section IV"
ROUNDING = 1e-9
CONFIDENCE = 0.99
CLOSE = 0.01


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `robustness.analyse` made."""
    return [
        _outside(data),
        _tenfold(data),
        _inside_one_unit(data),
        _inside(data),
        _attractors(data),
        _tube(data),
        _any_noise(data),
        _adapted(data),
        _tight(data),
        _ball(data),
        _vanishing(data),
        _as_stated(data),
        _boundary(data),
        _directions(data),
    ]


def _latches(data: xr.Dataset) -> xr.Dataset:
    return data.isel(network=np.flatnonzero(data["units"] == 1))


def _networks(data: xr.Dataset) -> xr.Dataset:
    return data.isel(network=np.flatnonzero(data["units"] > 1))


def _share(some: int, of: int) -> list[float]:
    low, high = wilson_interval(some, of, CONFIDENCE)
    return [float(low), float(high)]


def _outside(data: xr.Dataset) -> Claim:
    total, grown = int(data["outside"].sum()), int(data["outside_grown"].sum())
    return Claim(
        statement="Outside the reduced attracting set, though inside the basin, a small ball of uncertainty grows before it "
        "shrinks: some (M^l)' has a norm of 1 or more.",
        source=f"{SECTION}, definition 4 and theorem 1",
        measured={"states outside": total, "from which it grows": grown, "networks": data.sizes["network"]},
        held=grown == total if total else None,
        expected=True,
        reason="An eigenvalue that is not below 1 is what puts a state outside, and no norm is below the eigenvalues.",
    )


def _tenfold(data: xr.Dataset) -> Claim:
    total, some = int(data["outside"].sum()), int(data["outside_tenfold"].sum())
    each = (data["outside_tenfold"] / data["outside"].where(data["outside"] > 0)).values
    return Claim(
        statement="There it grows exponentially: from most of these states at least tenfold.",
        source=f"{SECTION}, remark on theorem 1",
        measured={
            "states outside": total,
            "share that grows tenfold": some / max(total, 1),
            "over networks": [float(np.nanmin(each)), float(np.nanmax(each))] if total else "none",
        },
        held=2 * some > total if total else None,
        expected=False,
        reason="The growth lasts as long as the orbit is outside, which is long near the boundary of the basin only: from a "
        "distance e it is about 1/e. Most states are not near.",
    )


def _inside_one_unit(data: xr.Dataset) -> Claim:
    one = _latches(data)
    total, grown = int(one["inside"].sum()), int(one["inside_grown"].sum())
    return Claim(
        statement="Inside the set of a single unit it shrinks from the first step on: no (M^l)' is above 1.",
        source=f"{SECTION}, definition 4",
        measured={"states inside": total, "from which it grows": grown, "weights": one.sizes["network"]},
        held=grown == 0 if total else None,
        expected=True,
        reason="With one unit the norm is the eigenvalue.",
    )


def _inside(data: xr.Dataset) -> Claim:
    many = _networks(data)
    total, grown = int(many["inside"].sum()), int(many["inside_grown"].sum())
    return Claim(
        statement="The same holds in a network: inside its reduced attracting set no (M^l)' has a norm above 1.",
        source=f"{SECTION}, definition 4 read for norms",
        measured={
            "states inside": total,
            "share from which it grows": grown / max(total, 1),
            "networks in which none does": int((many["inside_grown"] == 0).sum()),
            "of": many.sizes["network"],
        },
        held=grown == 0 if total else None,
        expected=False,
        reason="Definition 4 asks for eigenvalues below 1. A matrix that is not normal has a larger norm, and lets uncertainty "
        "grow for a while, in a direction of its own.",
    )


def _attractors(data: xr.Dataset) -> Claim:
    orbits = data["expanding"].values
    outside = int((orbits >= 1).sum())
    return Claim(
        statement="What attracts is a hyperbolic attractor as definition 2 has it: on a periodic orbit that attracts, M' has all "
        "its eigenvalues below 1 at each point.",
        source=f"{SECTION}, definition 2",
        measured={
            "periodic attractors": orbits.size,
            "with an eigenvalue of 1 or more": outside,
            "largest": float(orbits.max()) if orbits.size else 0.0,
        },
        held=outside == 0 if orbits.size else None,
        expected=False,
        reason="It is the product along the orbit that must be below 1. An orbit can store a bit and be stretched at one point, "
        "to be pressed all the more at another; the definition leaves such orbits out, and so do the theorems.",
    )


def _tube(data: xr.Dataset) -> Claim:
    some = data.isel(network=np.flatnonzero(data["bound"] > 0))
    share = (np.maximum(some["worst_distance"], some["random_distance"]) / some["distance"]).max()
    return Claim(
        statement="Noise below b = (1 - lambda) d leaves what is latched within d of its attractor, and robustly latched, in "
        "networks as in one unit.",
        source=f"{SECTION}, theorem 3",
        measured={
            "latches and networks": some.sizes["network"],
            "largest distance over d": float(share),
            "that stay robustly latched": int(some["latched"].sum()),
        },
        held=bool(share <= 1 + ROUNDING and some["latched"].all()),
        expected=True,
        reason="lambda is a bound from intervals over the whole ball. The noise is as large as b at each step, at random, and "
        "turned to where it does most.",
        deviations=("radius", "norm"),
    )


def _any_noise(data: xr.Dataset) -> Claim:
    many = _networks(data)
    none = int((many["bound"] == 0).sum())
    low, high = _share(none, many.sizes["network"])
    return Claim(
        statement="For whatever is latched to a hyperbolic attractor theorem 3 allows some noise.",
        source=f"{SECTION}, theorem 3, in the Euclidean norm",
        measured={
            "networks": many.sizes["network"],
            "for which it allows none": none,
            "99 % interval of their share": [low, high],
            "largest eigenvalue of these at the attractor": float(many["multiplier"].where(many["bound"] == 0).max())
            if none
            else "none",
        },
        held=none == 0,
        expected=False,
        reason="The norm of M' at the attractor is 1 or more there, though its eigenvalues are below 1: no ball has a lambda.",
        deviations=("norm",),
    )


def _adapted(data: xr.Dataset) -> Claim:
    least = float((data["adapted_bound"]).min())
    return Claim(
        statement="In a norm that is adapted to the attractor it does: one in which M' is below 1 whenever its eigenvalues are.",
        source=f"{SECTION}, theorem 3; the norm is ours",
        measured={
            "latches and networks": data.sizes["network"],
            "smallest noise that is allowed": least,
            "that stay robustly latched under it": int(data["latched"].sum()),
        },
        held=least > 0,
        expected=True,
        reason="Such a norm is there for each matrix whose eigenvalues are below 1, from the discrete Lyapunov equation. How "
        "much noise it allows is another matter.",
        deviations=("norm",),
    )


def _tight(data: xr.Dataset) -> Claim:
    best = np.maximum(data["bound"], data["adapted_bound"])
    ratio = data["least_noise"] / best
    one, many = ratio.values[data["units"].values == 1], ratio.values[data["units"].values > 1]
    exact = _latches(data)
    return Claim(
        statement="The bound is what a latch stands, to a factor of two: the smallest noise found that turns the bit is at most "
        "twice as large.",
        source=f"{SECTION}, theorem 3 read as a necessary condition",
        measured={
            "one unit": [float(np.nanmin(one)), float(np.nanmax(one))],
            "networks, median": float(np.nanmedian(many)),
            "networks, largest": float(np.nanmax(many)),
            "networks within a factor of two": int((many <= 2).sum()),
            "of": int(many.size),
            "noise found over h*, one unit": [
                float((exact["least_noise"] / exact["threshold"]).min()),
                float((exact["least_noise"] / exact["threshold"]).max()),
            ],
        },
        held=bool((ratio <= 2).all()),
        expected=False,
        reason="One unit stands h*, up to twice the bound and a little more. In networks a ball that has to avoid the nearest "
        "steep place is small in all directions, and its lambda is that of the worst; the better of the two norms is taken.",
        deviations=("norm", "radius"),
    )


def _ball(data: xr.Dataset) -> Claim:
    some = data.isel(network=np.flatnonzero(data["bound"] > 0))
    share = some["worst_distance"] / some["distance"]
    return Claim(
        statement="The ball is no larger than it need be: the worst noise that the bound allows drives each network at least "
        "half of d away.",
        source=f"{SECTION}, theorem 3",
        measured={
            "distance over d": [float(share.min()), float(share.max())],
            "at least half": int((share >= 0.5).sum()),
            "of": some.sizes["network"],
        },
        held=bool((share >= 0.5).all()),
        expected=False,
        reason="The recursion behind the theorem takes lambda at every step, which the slope is on the edge of the ball only.",
        deviations=("norm", "radius"),
    )


def _vanishing(data: xr.Dataset) -> Claim:
    some = data.isel(network=np.flatnonzero(data["bound"] > 0))
    excess, decay = float(some["excess"].max()), float(some["decay"].max())
    return Claim(
        statement="While noise within the bound keeps a network latched, |da_t/da_0| vanishes: it stays below lambda^t at each "
        "step.",
        source=f"{SECTION}, theorem 4",
        measured={
            "latches and networks": some.sizes["network"],
            "largest logarithm of |da_t/da_0| over lambda^t": excess,
            "the same of |da_t/da_0| at t = 100, under noise that the adapted norm allows": decay,
        },
        held=excess <= ROUNDING,
        expected=True,
        reason="Each factor is below lambda in the norm of the theorem, and so is their product below its power.",
        deviations=("norm", "radius"),
    )


def _as_stated(data: xr.Dataset) -> Claim:
    many = _networks(data)
    against = (many["pair_radius"] > 1) & many["pair_latched"] & (many["pair_log_norm"] > 0)
    count = int(against.sum())
    low, high = _share(count, many.sizes["network"])
    worst = many.isel(network=int(many["pair_radius"].where(many["pair_latched"]).fillna(0).values.argmax()))
    return Claim(
        statement="Whatever the inputs, da_t/da_0 vanishes as long as they keep the system robustly latched, as definitions 4 "
        "and 5 have it.",
        source=f"{SECTION}, theorem 4 as stated",
        measured={
            "networks": many.sizes["network"],
            "in which inputs keep it latched and let the gradient grow for ever": count,
            "99 % interval of their share": [low, high],
            "largest growth in two steps": float(worst["pair_radius"]),
            "logarithm of that gradient after 60 steps": float(worst["pair_log_norm"]),
            "units": int(worst["units"]),
        },
        held=count == 0,
        expected=False,
        reason="The proof takes each factor to be below 1 in norm, where the definition asks for eigenvalues. Inputs that drive "
        "the state to and fro between two states of the set multiply M'(a) M'(b) M'(a) …, whose eigenvalues can be above 1 "
        "though those of each factor, and of each product without inputs, are below. In one unit the two are the same.",
    )


def _boundary(data: xr.Dataset) -> Claim:
    many = _networks(data)
    some = many.isel(network=np.flatnonzero(~np.isnan(many["boundary_expected"])))
    off = abs(some["boundary_rate"] / some["boundary_expected"] - 1)
    count = some.sizes["network"]
    return Claim(
        statement="On the boundary between two basins the gradient grows without bound: at the rate of the eigenvalue that leads "
        "away from the saddle in it.",
        source=f"{SECTION}, lemma on the boundary; the rate is ours",
        measured={
            "networks": many.sizes["network"],
            "whose boundary leads to a saddle or a saddle orbit": count,
            "largest relative difference of the rates": float(off.max()) if count else "none",
            "log10 of the largest gradient": [float(many["boundary_peak"].min()), float(many["boundary_peak"].max())],
        },
        held=bool((off < CLOSE).all() and (many["boundary_peak"] > 0).all()) if count else None,
        expected=True,
        reason="The boundary is the stable manifold of what it leads to. In doubles an orbit stays on it until the growth has "
        "used up their sixteen digits. Elsewhere it leads to something else, or the orbit spends too few steps there to tell.",
    )


def _directions(data: xr.Dataset) -> Claim:
    many = _networks(data)
    shrinking = int((many["boundary_rest"] < 0).sum())
    return Claim(
        statement="It grows whichever way the state is moved.",
        source=f"{SECTION}, lemma on the boundary read for all directions",
        measured={
            "networks": many.sizes["network"],
            "in which some direction shrinks by then": shrinking,
            "log10 of the mean of the other singular values, largest": float(many["boundary_rest"].max()),
        },
        held=shrinking == 0,
        expected=False,
        reason="Along the boundary it is drawn to the saddle. One direction, across the boundary, carries all the growth.",
    )
