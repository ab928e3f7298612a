"""What the paper says about boundaries between basins of attraction, put to the test."""

from typing import Any

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim

__all__ = ["claims"]

FOUR = "Pascanu et al. 2013, Fig. 4"
FIVE = "Pascanu et al. 2013, Fig. 5"
TEXT = "Pascanu et al. 2013, section 2.2"


def claims(data: xr.Dataset) -> list[Claim]:
    """Test trajectories, the size of the gradient against the distance, inputs, and networks of two units."""
    return [
        _apart(data),
        _growth(data),
        _no_bifurcation(data),
        _inverse(data),
        _spike(data),
        _vanishes(data),
        _parameters_vanish(data),
        _threshold(data),
        _peak(data),
        _noise(data),
        _strong_noise(data),
        _on_boundaries(data),
        _transects(data),
        _rule(data),
        _only_there(data),
    ]


def _span(values: Any) -> list[float]:
    return [float(np.min(values)), float(np.max(values))]


def _power(x: Any, y: Any, low: float, high: float) -> float:
    """The power of x that y is, fitted between two values of x."""
    inside = (x >= low) & (x <= high)
    return float(np.polyfit(np.log(x[inside]), np.log(y[inside]), 1)[0])


def _slower(boundary: Any, attractor: Any) -> Any:
    """The power of the distance that the gradient after many steps has.

    An orbit from a distance d leaves the boundary after n = -ln d / ln λ steps, with a gradient of 1/d, which the other T - n
    steps shrink by the slope μ at the attractor: μ^(T - n) / d.
    """
    return -(1 - np.log(attractor) / np.log(boundary))


def _apart(data: xr.Dataset) -> Claim:
    x = data["start_x"].values
    final = x[:, 1, -1] - x[:, 0, -1]
    expected = float(data["upper"] - data["lower"])
    return Claim(
        statement="Two trajectories of one map, which begin on either side of a boundary between basins, end far apart however "
        "near they were: from 1e-9, 1e-6 and 1e-3 on either side as far as the attractors are.",
        source=FOUR,
        measured={"distance in the end": _span(final), "distance of the attractors": expected},
        held=bool((np.abs(final - expected) < 1e-6).all()),
        expected=True,
        reason="w = 5 and b = -2.5 all the time. The boundary is the unstable fixed point.",
    )


def _growth(data: xr.Dataset) -> Claim:
    x = data["start_x"].values[0]
    apart = x[1] - x[0]
    factor = float((apart[60] / apart[0]) ** (1 / 60))
    slope = float(data["boundary_slope"])
    return Claim(
        statement="Until then their distance grows by the slope of the map on the boundary: from ±1e-9 by 1.25 a step.",
        source=f"{FOUR}: Δx_t can be large for a small Δx_0",
        measured={"factor per step, 60 steps": factor, "slope": slope},
        held=abs(factor - slope) < 1e-6 and slope > 1,
        expected=True,
        reason="Both states stay near the boundary for as long as they are near each other.",
    )


def _no_bifurcation(data: xr.Dataset) -> Claim:
    x = data["case_x"].values[:, :, -1]
    apart = dict(zip(data["case"].values.astype(str).tolist(), np.abs(x[:, 1] - x[:, 0]).tolist(), strict=True))
    small = float(data.attrs["small"])
    start, across, place, elsewhere = apart.values()
    return Claim(
        statement="Whether a small change of b matters in the end is decided by the boundary: a change of ±0.002 across it, far "
        "from any bifurcation, leads to another attractor, and so it does across b2 at the state that vanishes there; across "
        "b1, elsewhere in state space, it does nothing of the kind.",
        source=f"{TEXT}: crossing a boundary is a local event, a bifurcation a global one",
        measured={f"distance after 200 steps, {name}": value for name, value in apart.items()} | {"change": small},
        held=min(start, across, place) > 1 and elsewhere < 10 * small,
        expected=True,
        reason="At b2 the boundary and the attractor meet: to cross the bifurcation is to cross the boundary there.",
    )


def _inverse(data: xr.Dataset) -> Claim:
    distance = data["distance"].values
    powers = [_power(distance, side, 1e-8, 1e-2) for side in data["largest"].values]
    on, slope, steps = float(data["on_boundary"]), float(data["boundary_slope"]), int(data.attrs["steps"])
    return Claim(
        statement="The gradient peaks at the boundary: the largest |dx_t/dx_0| of 100 steps is inversely proportional to the "
        "distance of x_0 from it, from 1e-2 down to 1e-8, and λ^100 on it.",
        source=f"{FOUR}, our measurement",
        measured={
            "power of the distance, below and above": powers,
            "on the boundary": on,
            "λ^100": slope**steps,
        },
        held=bool(np.abs(np.array(powers) + 1).max() < 0.02) and abs(on / slope**steps - 1) < 1e-6,
        expected=True,
        reason="Until the state has left the boundary its distance has grown to about 1, and the gradient with it.",
    )


def _spike(data: xr.Dataset) -> Claim:
    distance = data["distance"].values
    powers = [_power(distance, side, 1e-6, 10**-2.5) for side in data["last"].values]
    expected = float(_slower(data["boundary_slope"], data["attractor_slope"]))
    below = float(distance[data["last"].values.max(axis=0) < 1][0])
    return Claim(
        statement="At a fixed step the peak is a needle: |dx_100/dx_0| falls with the power -(1 + |ln μ| / ln λ) of the "
        "distance, within 0.01, with μ the slope at the attractor.",
        source="our control: what a gradient at the end of a sequence sees",
        measured={
            "power, below and above": powers,
            "expected": expected,
            "distance from which on it is below 1": below,
        },
        held=bool(np.abs(np.array(powers) - expected).max() < 0.01),
        expected=True,
        reason="After it has left, the state is drawn to an attractor for the rest of the time, and the gradient vanishes.",
    )


def _vanishes(data: xr.Dataset) -> Claim:
    far = data["last"].sel(distance=0.5, method="nearest").values
    return Claim(
        statement="Away from the boundary the gradient by the initial state vanishes: half a unit away |dx_100/dx_0| is below "
        "1e-15.",
        source=f"{TEXT}: near an attractor the past does not matter",
        measured={"|dx_100/dx_0|": _span(far)},
        held=bool((far < 1e-15).all()),
        expected=True,
        reason="At the attractors the slope is 0.62.",
    )


def _parameters_vanish(data: xr.Dataset) -> Claim:
    far = data["last_parameters"].sel(distance=0.5, method="nearest").values
    slope = float(data["attractor_slope"])
    return Claim(
        statement="The gradient by w and b vanishes there, too.",
        source="our control",
        measured={"norm of dx_100/d(w, b), half a unit away": _span(far), "1/(1 - μ)": 1 / (1 - slope)},
        held=bool((far < 1e-3).all()),
        expected=False,
        reason="The attractor moves with b by 1/(1 - μ). What vanishes is the part that long time lags have in it; the last few "
        "steps make up the rest.",
    )


def _threshold(data: xr.Dataset) -> Claim:
    expected = float(data["boundary"] - data["lower"])
    found = float(data["threshold"])
    return Claim(
        statement="An input that carries the state over the boundary of the input-free map decides where it ends: at rest on the "
        "lower attractor, an input of more than its distance from the boundary is needed, to 1e-9.",
        source=FIVE,
        measured={"threshold": found, "distance from the boundary": expected},
        held=abs(found - expected) < 1e-9,
        expected=True,
        reason="An input adds to the pre-activation; afterwards the map is the one without input.",
    )


def _peak(data: xr.Dataset) -> Claim:
    size, derivative = data["pulse"].values, data["pulse_derivative"].values
    at = float(size[derivative.argmax()])
    spacing = float(size[1] - size[0])
    ends = float(max(derivative[0], derivative[-1]))
    return Claim(
        statement="There the gradient by the input has its peak: within a grid step of the threshold, and a million times what "
        "it is for an input of 0 or of twice the size.",
        source=f"{FIVE}, our measurement",
        measured={
            "largest at": at,
            "threshold": float(data["threshold"]),
            "peak": float(derivative.max()),
            "at the ends": ends,
        },
        held=abs(at - float(data["threshold"])) <= spacing and float(derivative.max()) > 1e6 * ends,
        expected=True,
        reason="50 steps later. On a finer grid the peak is higher: on the boundary it is λ^50, which is 70,000.",
    )


def _beyond_chance(data: xr.Dataset, share: Any) -> Any:
    """How much farther shares are from the predicted ones than 3.5 standard errors."""
    predicted, trials = data["above_predicted"].values, int(data.attrs["trials"])
    return np.abs(share - predicted) - 3.5 * np.sqrt(predicted * (1 - predicted) / trials)


def _noise(data: xr.Dataset) -> Claim:
    weak = data["above"].values[:2]
    return Claim(
        statement="Also under inputs that go on the boundary of the input-free map tells where a state ends, up to what noise of "
        "standard deviation s does near it: the share that ends above is Φ(d sqrt(λ² - 1) / s) at a distance d, within 0.02 "
        "and chance, for s = 0.02 and 0.1.",
        source=f"{FIVE}: the map without inputs tells where such events are likely",
        measured={
            "largest difference": float(np.abs(weak - data["above_predicted"].values).max()),
            "the same beyond 3.5 standard errors": float(_beyond_chance(data, weak).max()),
            "share at d = 3 s": _span(weak[:, -1]),
            "share at d = -3 s": _span(weak[:, 0]),
            "trials": int(data.attrs["trials"]),
        },
        held=bool((_beyond_chance(data, weak) < 0.02).all()),
        expected=True,
        reason="An early input counts for more than a later one, by a factor of λ a step.",
    )


def _strong_noise(data: xr.Dataset) -> Claim:
    strong = data["above"].values[-1]
    return Claim(
        statement="So it is for strong noise, s = 0.5.",
        source="our control: unless the inputs are opposed to it",
        measured={
            "largest difference": float(np.abs(strong - data["above_predicted"].values).max()),
            "the same beyond 3.5 standard errors": float(_beyond_chance(data, strong).max()),
            "share at d = 3 s and -3 s": [float(strong[-1]), float(strong[0])],
            "trials": int(data.attrs["trials"]),
        },
        held=bool((_beyond_chance(data, strong) < 0.02).all()),
        expected=False,
        reason="States are carried back over the boundary after they have left it: the attractors are less than four standard "
        "deviations away from it, and there are 50 steps.",
    )


def _on_boundaries(data: xr.Dataset) -> Claim:
    growth, beside = data["growth"].values, data["beside"].values
    count = int(beside.sum()) // 4
    top = np.argsort(growth.ravel())[-count:]
    share = float(beside.ravel()[top].mean())
    return Claim(
        statement="In a network of two units with four attractors the largest gradients are on the boundaries between basins: of "
        "the initial states with the largest norms of dh_t/dh_0, a quarter as many as have another basin beside them, 99 % "
        "are among these.",
        source=f"{FOUR}, in two dimensions",
        measured={
            "share of those": share,
            "how many": count,
            "share of all states that have": float(beside.mean()),
            "median log10 of the norm beside a boundary": float(np.median(growth[beside])),
            "elsewhere": float(np.median(growth[~beside])),
            "states": growth.size,
        },
        held=share >= 0.99,
        expected=True,
        reason="It has a repeller in the middle and four saddles around it; the boundaries are what comes to the saddles.",
    )


def _transects(data: xr.Dataset) -> Claim:
    distance = data["transect_distance"].values
    slope, attractor = data["transect_slope"].values, data["transect_attractor"].values
    horizon = 60
    largest, last = [], []
    for number in range(slope.size):
        low = max(1e-8, 100 * slope[number] ** -horizon)
        largest.append(_power(distance, 10 ** data["transect_growth"].values[number], low, 3e-3))
        last.append(_power(distance, 10 ** data["transect_last"].values[number], max(1e-5, low), 3e-3))
    off = np.array(last) - _slower(slope, attractor)
    return Claim(
        statement="Across each of its four boundaries the gradient is that of one unit: inversely proportional to the distance, "
        "and at a fixed step the power -(1 + |ln μ| / ln λ) of it, each within 0.05, with λ the largest eigenvalue of the "
        "saddle and μ that of the attractor.",
        source=f"{FOUR}, in two dimensions",
        measured={
            "power of the distance": _span(largest),
            "at a fixed step": _span(last),
            "largest difference there": float(np.abs(off).max()),
            "λ": _span(slope),
        },
        held=bool(np.abs(np.array(largest) + 1).max() < 0.05 and np.abs(off).max() < 0.05),
        expected=True,
        reason="Only one direction of the saddle is unstable: across the boundary. Each boundary has a rate of its own.",
    )


def _rule(data: xr.Dataset) -> Claim:
    share = float((data["last_norm"] < -3).mean())
    return Claim(
        statement="Elsewhere gradients vanish, and that is the rule: for 99 % of all initial states the norm of dh_60/dh_0 is "
        "below 0.001.",
        source=f"{TEXT}: once it has converged to an attractor, a network forgets where it was",
        measured={
            "share of states": share,
            "median log10 of the norm": float(data["last_norm"].median()),
            "states that come to an attractor": float((data["basin"] >= 0).mean()),
        },
        held=share >= 0.99,
        expected=True,
        reason="All states come to one of four fixed points, and their largest eigenvalues are 0.39 to 0.78.",
    )


def _only_there(data: xr.Dataset) -> Claim:
    growth = data["restless_growth"].values
    spread = float(data["restless_mean"].std("restless").max())
    return Claim(
        statement="Gradients explode only near boundaries between basins of attraction.",
        source=f"the converse of {TEXT}; the paper sets chaotic regimes aside",
        measured={
            "log10 of the growth per step": _span(growth),
            "starts": int(growth.size),
            "of these come to an attractor": int(data["restless_settled"]),
            "spread of their mean states": spread,
        },
        held=bool((growth < 0).all()) or int(data["restless_attractors"]) > 1,
        expected=False,
        reason="A network of two units with W = [[2.8, -4.8], [1.3, -2.2]] never settles: gradients grow by a fifth a step from "
        "each of 200 states, and all of these wander about the same set. There is no second basin.",
    )
