"""What is said of the states: where they go, and what they hold."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from rnnlatch.diagnose.diagnosis import Evidence, Finding
from rnnlatch.diagnose.driven import Driven
from rnnlatch.diagnose.wording import count, fold, number

__all__ = ["about_states"]

SURE = 3.0  # standard errors that an exponent must be away from 0
LEAST = 1e-4  # nats a step: a factor of e over 10,000 steps is neither
LARGE, TENFOLD = 1e3, 10.0  # a state that is so large, and still grows so much over the second half


def about_states(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    """Give what follows from trajectories, exponents and fixed points."""
    if not driven.overflow.any():
        yield from _growing(driven, data)
    if "lyapunov_exponent" in data:
        yield from _exponents(data)
    if "settled_period" in data:
        yield from _left_alone(driven, data)


def _growing(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    size = data["largest_state"].values
    middle, last = size[:, (driven.time - 1) // 2], size[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        growing = (last > LARGE) & (last > TENFOLD * middle)
    if not growing.any():
        return
    largest = float(last.max())
    yield Finding(
        "state-grows",
        "problem",
        f"The state grows and grows: in {int(growing.sum())} of {count(driven.batch, 'sequence')} it is more than ten times as "
        f"large after {count(driven.time, 'step')} as half-way, and reaches {number(largest)}.",
        (Evidence("largest number of the state at the last step", largest, "1", f"largest_state[step={driven.time}]"),),
        "Recurrent weights with a spectral radius of at most 1, or tanh instead of relu or linear units.",
    )


def _exponents(data: xr.Dataset) -> Iterator[Finding]:
    """Say whether nearby states move apart, where all sequences agree on it, beyond what their errors leave open."""
    largest = data["lyapunov_exponent"].isel(exponent=0).values
    # Of minus infinity there is no standard error.
    error = np.nan_to_num(data["lyapunov_standard_error"].isel(exponent=0).values)
    if np.isnan(largest).any():
        return
    middle = float(np.median(largest))
    evidence = (
        Evidence("largest Lyapunov exponent, median", middle, "nats per step", "lyapunov_exponent[exponent=0]"),
        Evidence(
            "its largest standard error", float(error.max()), "nats per step", "lyapunov_standard_error[exponent=0]"
        ),
    )
    sequences, margin = count(largest.size, "sequence"), np.maximum(SURE * error, LEAST)
    if (largest > margin).all():
        yield Finding(
            "states-part",
            "caution",
            f"Nearby states move apart along the inputs, by a factor of {fold(middle)} a step on average (median of "
            f"{sequences}): small differences grow instead of being forgotten, and gradients grow with them.",
            evidence,
            "Smaller recurrent weights, or clipped gradients (rl.gradients.clip_norm) and shorter pieces of sequences.",
        )
    elif (largest < -margin).all():
        yield Finding(
            "states-meet",
            "note",
            f"Nearby states come together along the inputs, to {fold(middle)} of their distance a step on average (median of "
            f"{sequences}): small differences fade, the older the more.",
            evidence,
        )


def _left_alone(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    period = data["settled_period"].values
    starts = period.size
    held = "With its input held at the mean of yours" if driven.own_data else "With its input held at 0"
    left, cycles, restless = int((period < 0).sum()), int((period > 1).sum()), int((period == 0).sum())
    if left:
        yield Finding(
            "grows-when-left-alone",
            "caution",
            f"{held}, the state grows beyond all numbers from {left} of {count(starts, 'start')}.",
            (Evidence("starts that left the numbers", left, "starts", "settled_period"),),
            "Recurrent weights with a spectral radius of at most 1, or tanh instead of relu or linear units.",
        )
    if cycles or restless:
        parts = [
            *([f"{cycles} go round in cycles of at most {number(period.max())} steps"] if cycles else []),
            *(
                [f"{restless} had neither come to rest nor into a cycle after {count(_last(data), 'step')}"]
                if restless
                else []
            ),
        ]
        yield Finding(
            "moves-when-left-alone",
            "note",
            f"{held}, not all states come to rest: of {count(starts, 'start')}, {' and '.join(parts)}.",
            (
                Evidence("starts in a cycle", cycles, "starts", "settled_period"),
                Evidence("starts that have not settled", restless, "starts", "settled_period"),
            ),
        )
    if "fixed_point_stable" in data:
        yield from _fixed_points(data, held)


def _last(data: xr.Dataset) -> int:
    return int(data["settled_step"].values[data["settled_period"].values == 0].max())


def _fixed_points(data: xr.Dataset, held: str) -> Iterator[Finding]:
    stable = data["fixed_point_stable"].values.astype(bool)
    modulus, came = data["fixed_point_modulus"].values, data["fixed_point_starts"].values
    states = int(stable.sum())
    if states >= 2:
        largest = float(modulus[stable].max())
        yield Finding(
            "holds-states",
            "note",
            f"{held}, the network has at least {states} states that it stays in for good and returns to after a small push: "
            f"it can hold {number(np.log2(states))} {'bit' if states == 2 else 'bits'} or more. Around such states gradients "
            "vanish, so a memory of this kind is not seen in the gradient of long lags (Bengio, Simard and Frasconi 1994).",
            (
                Evidence("stable fixed points that were found", states, "1", "fixed_point_stable"),
                Evidence("largest modulus of their eigenvalues", largest, "1", "fixed_point_modulus"),
            ),
        )
    starts = data.sizes["start"]
    if states == 1 and int(came[stable][0]) == starts:
        yield Finding(
            "one-resting-state",
            "note",
            f"{held}, all of {count(starts, 'start')} come to the same state: nothing of them is kept for good.",
            (
                Evidence("starts that came there", starts, "starts", "fixed_point_starts"),
                Evidence("largest modulus of its eigenvalues", float(modulus[stable][0]), "1", "fixed_point_modulus"),
            ),
        )
