"""What section 2.3 and figure 6 say about walls, curvature and clipping, put to the test."""

from typing import Any

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim

__all__ = ["claims"]

FIGURE = "Pascanu et al. 2013, section 2.3 and Fig. 6"
BASINS = "Pascanu et al. 2013, section 2.2: crossing the boundary between basins"
CLIPPING = "Pascanu et al. 2013, algorithm 1 and Fig. 6: the dashed steps"

LOW, HIGH = 1e-3, 0.05  # costs that stand for a success, and for a failure


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `error_surface.analyse` made."""
    return [
        _wall(data),
        _thin(data),
        _boundary(data),
        _rate(data),
        _curvature(data),
        _at_steepest(data),
        _one_direction(data),
        _perpendicular(data),
        _flat_beside(data),
        _linear(data),
        _thrown(data),
        _kept(data),
        _all_starts(data),
    ]


def _span(values: Any) -> list[float]:
    return [float(values.min()), float(values.max())]


def _wall(data: xr.Dataset) -> Claim:
    over = data["wall_gradient_norm"] / data["typical_gradient_norm"]
    rivals = data["rival_gradient_norm"] / data["wall_gradient_norm"]
    return Claim(
        statement="The error surface has a wall: for w from 4.6 to 5.4 there is one b at which the gradient is more than a "
        "thousand times its median over the picture, and no other with a tenth of that.",
        source=FIGURE,
        measured={
            "norm at the wall": _span(data["wall_gradient_norm"]),
            "median norm": _span(data["typical_gradient_norm"]),
            "largest other local maximum over it": float(rivals.max()),
            "b": _span(data["wall_b"]),
        },
        held=bool((over > 1000).all() and (rivals < 0.1).all()),
        expected=True,
        reason="On one side of the wall the unit ends near its upper fixed point, on the other near its lower one; the cost "
        "jumps by 0.28 or more. At w = 5.4 the wall is at b = -2.861, outside the figure's axis, which ends at -2.8.",
        deviations=("axis",),
    )


def _thin(data: xr.Dataset) -> Claim:
    width = data["wall_width"]
    return Claim(
        statement="The wall is thinner than a pixel: at half the norm of the gradient it is less than a grid step of 0.01 wide.",
        source=f"{FIGURE}: a single line on the drawn grid",
        measured={"width along b": _span(width), "grid step": float(data.attrs["pixel"])},
        held=bool((width < data.attrs["pixel"]).all()),
        expected=True,
        reason="The jump is of a fixed height, so that the width goes as one over the gradient. At w = 5.4 a grid that shows it "
        "would have a million points along each unit of b.",
        deviations=("axis",),
    )


def _boundary(data: xr.Dataset) -> Claim:
    off = np.abs(data["wall_b"] - data["unstable_b"])
    return Claim(
        statement="The wall is where x_0 lies on the boundary between two basins of attraction: its b is within a pixel of the "
        "one at which x_0 = 0.5 is the unit's unstable fixed point.",
        source=BASINS,
        measured={"distance along b": _span(off), "grid step": float(data.attrs["pixel"])},
        held=bool((off < data.attrs["pixel"]).all()),
        expected=True,
        reason="From exactly there the unit never leaves; from next to it, after so many steps that the last of them decide "
        "where x_50 is.",
    )


def _rate(data: xr.Dataset) -> Claim:
    ratio = np.log10(data["wall_gradient_norm"]) - data.attrs["steps"] * np.log10(data["multiplier"])
    return Claim(
        statement="The gradient explodes at the rate of that fixed point: at the wall its norm is λ^50 within a factor of ten, λ "
        "being the derivative of the unit's map there.",
        source=BASINS,
        measured={"log10 of the norm over λ^50": _span(ratio), "λ": _span(data["multiplier"])},
        held=bool((np.abs(ratio) < 1).all()),
        expected=True,
        reason="For most of the 50 steps the unit is near that point. The factor is that of the steps in which it leaves.",
        deviations=("axis",),
    )


def _curvature(data: xr.Dataset) -> Claim:
    gradient, curvature = data["wall_gradient_norm"].values, np.abs(data["steep_curvature"].values)
    power = np.diff(np.log(curvature)) / np.diff(np.log(gradient))
    return Claim(
        statement="When the gradient explodes, so does the curvature along it: from wall to wall the largest second derivative "
        "along the gradient grows at least as fast as the norm itself.",
        source=f"{FIGURE}: the hypothesis",
        measured={
            "norm": [float(gradient[0]), float(gradient[-1])],
            "curvature": [float(curvature[0]), float(curvature[-1])],
            "power of the norm with which it grows": [float(power.min()), float(power.max())],
        },
        held=bool((power >= 1).all()),
        expected=True,
        reason="It grows with the square: the slope changes by the norm within a width of one over the norm.",
        deviations=("axis",),
    )


def _at_steepest(data: xr.Dataset) -> Claim:
    share = np.abs(data["steepest_curvature"] / data["steep_curvature"])
    return Claim(
        statement="The curvature along the gradient is large at the very point where the gradient is largest: at least half of "
        "the largest within the wall.",
        source=f"{FIGURE}: the hypothesis, read literally",
        measured={
            "share of the largest curvature": _span(share),
            "angle between eigenvector and gradient, degrees": _span(data["steepest_angle"]),
        },
        held=bool((share >= 0.5).all()),
        expected=False,
        reason="A wall has its foot and its top curved and its middle straight: where the slope is largest along b its "
        "derivative by b is 0. The curvature is on the shoulders, at three quarters of the half-width.",
    )


def _one_direction(data: xr.Dataset) -> Claim:
    angle = data["steep_angle"]
    return Claim(
        statement="Both explode along one direction: where the curvature in the wall is largest its leading eigenvector is "
        "within one degree of the gradient.",
        source=f"{FIGURE}: the hypothesis",
        measured={"angle, degrees": _span(angle)},
        held=bool((angle < 1).all()),
        expected=True,
        reason="Near the wall the cost is a function of the distance from it and of hardly anything else.",
    )


def _perpendicular(data: xr.Dataset) -> Claim:
    slope = data["wall_slope"]
    w, b = data["wall_gradient_w"], data["wall_gradient_b"]
    sine = np.abs(w + b * slope) / (np.hypot(w, b) * np.hypot(1, slope))
    off = np.degrees(np.arcsin(np.minimum(sine, 1)))
    return Claim(
        statement="The wall is perpendicular to the gradient, within one degree.",
        source=FIGURE,
        measured={"degrees from a right angle": _span(off), "db/dw along the wall": _span(slope)},
        held=bool((off < 1).all()),
        expected=True,
        reason="Along the wall x_0 stays on the boundary: b = 0.5 - w σ(0.5), with a slope of -0.622.",
    )


def _flat_beside(data: xr.Dataset) -> Claim:
    pixel = float(data.attrs["pixel"])
    beside = abs(data["profile_eigenvalue"].sel(distance=pixel, method="nearest")).max("side")
    share = beside / np.abs(data["steep_curvature"])
    return Claim(
        statement="Beside the wall the surface is smooth: one grid step of 0.01 away on either side the curvature is less than "
        "a thousandth of that in the wall.",
        source=f"{FIGURE}: the region of low curvature beside the wall",
        measured={"curvature one step away": _span(beside), "share of that in the wall": _span(share)},
        held=bool((share < 1e-3).all()),
        expected=True,
        reason="It falls with a power of the distance, as the unit leaves the boundary the sooner the farther it starts from it.",
    )


def _linear(data: xr.Dataset) -> Claim:
    first, second = (np.log10(np.abs(data[name].values)) for name in ("linear_first", "linear_second"))
    low, high = 0, 1
    together = bool(first[low] < -3 and second[low] < -3 and first[high] > 3 and second[high] > 3)
    return Claim(
        statement="In a linear unit the second derivative explodes and vanishes together with the first: after 200 steps both "
        "are below 10^-3 for w = 0.9 and above 10^3 for w = 1.1.",
        source="Pascanu et al. 2013, section 2.3: the linear case",
        measured={
            f"log10 of the {name} derivative, w = {float(data['linear_weight'][at]):g}": float(value[at])
            for at in (low, high)
            for name, value in (("first", first), ("second", second))
        },
        held=together,
        expected=True,
        reason="They are t x_0 w^(t-1) and t (t-1) x_0 w^(t-2).",
    )


def _path(data: xr.Dataset, clipping: int) -> tuple[float, float, int]:
    """How long the longest step of a path is, how much lower its cost in the end than at the start, and which step that is."""
    part = data.isel(clipping=clipping)
    length = np.hypot(*(np.diff(part[name].values) for name in ("path_x", "path_y")))
    longest = int(length.argmax())
    return float(length[longest]), float(part["path_loss"][-1]), longest


def _thrown(data: xr.Dataset) -> Claim:
    jump, final, longest = _path(data, 0)
    norm = float(data["path_norm"].isel(clipping=0, step=longest))
    diagonal = float(np.hypot(data["x"][-1] - data["x"][0], data["y"][-1] - data["y"][0]))
    return Claim(
        statement="A step of plain gradient descent that meets the wall leads far away: one step is longer than ten diagonals of "
        "the picture, and the cost stays above 0.05 afterwards.",
        source=f"{FIGURE}: the solid step",
        measured={
            "longest step": jump,
            "which": longest,
            "norm of the gradient there": norm,
            "diagonal": diagonal,
            "cost at the end": final,
        },
        held=jump > 10 * diagonal and final > HIGH,
        expected=True,
        reason="From (w, b) = (5.2, -2.2) with a learning rate of 0.25, our choice. It comes down on a plain where x_50 is "
        "large whatever w and b, and the gradient is 0 for all practical purposes.",
        deviations=("descents",),
    )


def _kept(data: xr.Dataset) -> Claim:
    jump, final, _ = _path(data, 1)
    clipped = int(data["path_clipped"].isel(clipping=1).sum())
    limit = float(data.attrs["learning_rate"] * data.attrs["clip_norm"])
    return Claim(
        statement="The same descent with clipped gradients stays near the wall and goes on to a cost below 0.001.",
        source=CLIPPING,
        measured={"longest step": jump, "steps that were clipped": clipped, "cost at the end": final},
        held=clipped > 0 and jump <= limit * (1 + 1e-12) and final < LOW,
        expected=True,
        reason="Clipped to a norm of 0.5, our choice, a step is at most 0.125 long. It bounces along the wall to w = 4.2, where "
        "there is a valley of cost 0.",
        deviations=("descents",),
    )


def _all_starts(data: xr.Dataset) -> Claim:
    final = data["final_loss"].values
    plain, clipped = final
    lost = float((~(plain < HIGH)).mean())
    return Claim(
        statement="That is no matter of the start: of descents from all over the picture more than a quarter end above a cost of "
        "0.05 without clipping, and with it all of them end below 0.001.",
        source=CLIPPING,
        measured={
            "share above 0.05, plain": lost,
            "share below 0.001, plain": float((plain < LOW).mean()),
            "share below 0.001, clipped": float((clipped < LOW).mean()),
            "farthest outside the picture, plain": float(data["farthest"][0].max()),
            "farthest outside the picture, clipped": float(data["farthest"][1].max()),
            "starts": int(plain.size),
        },
        held=lost > 0.25 and bool((clipped < LOW).all()),
        expected=True,
        reason="Half of the starts meet the wall sooner or later at a point steep enough. Which of them do depends on the last "
        "bits of their paths, their number hardly.",
        deviations=("descents",),
    )
