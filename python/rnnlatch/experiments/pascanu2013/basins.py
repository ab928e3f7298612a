"""Figures 4 and 5: what it does to a trajectory and to the gradient to cross a boundary between basins of attraction.

Figure 4 is of two trajectories that begin side by side and end far apart, although no parameter has changed; figure 5 of inputs,
each of which moves the state, between steps of a map that is always the same: an input that carries the state over the
boundary of that map's basins decides where it ends. Both are sketches. Here the unit of figure 3 with w = 5 and b = -2.5 is
measured, and a network of two units with four basins; and, as a control, one whose states never settle.

States of the unit are pre-activations, as in the paper; those of the networks are h, after the nonlinearity.
"""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from rnnlatch import plotting
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName
from rnnlatch.experiments.pascanu2013 import PAPER, basins_claims, basins_networks
from rnnlatch.experiments.pascanu2013.one_unit import (
    fixed_points,
    largest_derivatives,
    last_state,
    logistic,
    trajectories,
)
from rnnlatch.experiments.results import collect, quantity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

Floats = NDArray[np.float64]

WEIGHT, BIAS = 5.0, -2.5
STEPS = 100
DISTANCES = np.logspace(-14, 0.5, 146)  # of x_0 from the boundary
GAPS = (1e-9, 1e-6, 1e-3)  # of two starts from the boundary, on either side
DRAWN = 60  # steps that are drawn
SMALL = 0.002  # a change of b or of x_0
CASES = ("x_0 across the boundary", "b across the boundary", "b across b2, at its place", "b across b1, elsewhere")
CASE_STEPS = 200

AT, AFTER = 10, 50  # when the input comes, and steps after that
PULSES = (-0.2, -0.02, 0.02, 0.2)  # of those that are drawn, beyond the threshold
NOISE_STDS = (0.02, 0.1, 0.5)
MARGINS = np.linspace(-3, 3, 13)  # of the state beyond the boundary, in standard deviations of the noise

TRIALS: dict[ScaleName, int] = {"quick": 400, "paper": 4000, "large": 40_000}
PULSE_SIZES: dict[ScaleName, int] = {"quick": 201, "paper": 2001, "large": 20_001}


def analyse(material: Material) -> xr.Dataset:
    """Follow what begins on either side of a boundary, alone and under inputs, and differentiate it.

    Returns
    -------
    Dataset
        Of the unit: its three fixed points, ``lower``, ``boundary`` and ``upper``, with ``boundary_slope`` and
        ``attractor_slope`` of the map. Over (gap, side, step): ``start_x``, trajectories that begin at ± ``gap`` from the
        boundary. Over (case, side, step): ``case_x``, trajectories that differ by a small change of x_0 or of b. Over (side,
        distance) from the boundary: ``largest``, the largest |dx_t/dx_0| of 100 steps; ``last``, |dx_100/dx_0|;
        ``last_parameters``, the norm of dx_100/d(w, b).

        Under an input of size ``pulse`` at step 10, from the lower attractor: ``pulse_end``, x 50 steps later, and
        ``pulse_derivative``, |dx/dpulse| there; ``threshold``, at which that end jumps; over (drawn_pulse, step) ``pulse_x``.
        Over (noise_std, margin): ``above``, the share of trials that end above the boundary, ``above_predicted``.

        Of networks: see `basins_networks.analyse`.
    """
    threads = material.threads
    low, middle, high = fixed_points(WEIGHT, BIAS)
    slopes = WEIGHT * logistic([middle, high]) * logistic([-middle, -high])
    step = np.arange(CASE_STEPS + 1)
    data = {
        "lower": quantity((), low, "lower attractor, state x"),
        "boundary": quantity((), middle, "boundary between the basins, state x"),
        "upper": quantity((), high, "upper attractor, state x"),
        "boundary_slope": quantity((), slopes[0], "derivative of the map on the boundary"),
        "attractor_slope": quantity((), slopes[1], "derivative of the map at the attractors"),
    }
    data |= (
        _apart(middle, threads) | _near(middle, threads) | _pulses(low, middle, PULSE_SIZES[material.scale], threads)
    )
    data |= _noise(middle, slopes[0], TRIALS[material.scale], material.seed, threads)
    networks, coords = basins_networks.analyse(material)
    data |= networks
    coords |= {
        "gap": quantity("gap", GAPS, "distance of both starts from the boundary"),
        "step": quantity("step", step, "steps", "steps"),
        "case": quantity("case", list(CASES), "what is changed a little"),
        "side": quantity("side", ["below", "above"], "side"),
        "distance": quantity("distance", DISTANCES, "distance of x_0 from the boundary"),
        "pulse": quantity("pulse", _pulse_sizes(low, middle, PULSE_SIZES[material.scale]), "size of the input"),
        "drawn_pulse": quantity("drawn_pulse", middle - low + np.array(PULSES), "size of the input"),
        "noise_std": quantity("noise_std", NOISE_STDS, "standard deviation of the noise"),
        "margin": quantity("margin", MARGINS, "distance beyond the boundary, in standard deviations of the noise"),
    }
    attrs = {"weight": WEIGHT, "bias": BIAS, "steps": STEPS, "small": SMALL, "trials": TRIALS[material.scale]}
    return collect(material, f"{__name__}.analyse", data, coords, **attrs)


def _apart(middle: float, threads: int | None) -> dict[str, xr.Variable]:
    """Let pairs of states begin on either side, and pairs of units differ a little."""
    quiet = np.zeros(CASE_STEPS)
    starts = middle + np.outer(GAPS, [-1.0, 1.0])
    x = trajectories(WEIGHT, BIAS, starts.ravel(), quiet, threads).reshape(len(GAPS), 2, -1)
    s = (1 + np.array([1, -1]) * np.sqrt(1 - 4 / WEIGHT)) / 2  # at the bifurcations
    fold_x = np.log(s / (1 - s))
    first, second = fold_x - WEIGHT * s
    cases = [
        [(BIAS, middle - SMALL), (BIAS, middle + SMALL)],
        [(BIAS - SMALL, middle), (BIAS + SMALL, middle)],
        [(second - SMALL, fold_x[1]), (second + SMALL, fold_x[1])],
        [(first - SMALL, -3.0), (first + SMALL, -3.0)],
    ]
    found = [[trajectories(WEIGHT, b, [x_0], quiet, threads)[0] for b, x_0 in pair] for pair in cases]
    return {
        "start_x": quantity(("gap", "side", "step"), x, "state x"),
        "case_x": quantity(("case", "side", "step"), found, "state x"),
    }


def _near(middle: float, threads: int | None) -> dict[str, xr.Variable]:
    """Differentiate what begins at distances from the boundary."""
    start = middle + np.outer([-1.0, 1.0], DISTANCES)
    last = last_state(WEIGHT, BIAS, start, STEPS, threads)
    _, largest = largest_derivatives(WEIGHT, BIAS, start, STEPS)
    on = last_state(WEIGHT, BIAS, middle, STEPS, threads)
    by = ("side", "distance")
    return {
        "largest": quantity(by, largest, f"largest |dx_t/dx_0|, t ≤ {STEPS}"),
        "last": quantity(by, np.abs(last.by_start), f"|dx_{STEPS}/dx_0|"),
        "last_parameters": quantity(by, np.hypot(last.by_w, last.by_b), f"norm of dx_{STEPS}/d(w, b)"),
        "on_boundary": quantity((), float(on.by_start), f"dx_{STEPS}/dx_0 from the boundary itself"),
    }


def _pulse_sizes(low: float, middle: float, count: int) -> Floats:
    return np.linspace(0, 2 * (middle - low), count)


def _pulses(low: float, middle: float, count: int, threads: int | None) -> dict[str, xr.Variable]:
    """Give the unit one input of some size, when it is at rest on the lower attractor."""
    sizes = _pulse_sizes(low, middle, count)
    after = last_state(WEIGHT, BIAS, low + sizes, AFTER, threads)
    # Narrow in on the size at which the end is another, long after; the first and the last are below and above.
    left, right = 0.0, float(sizes[-1])
    for _ in range(12):
        tried = np.linspace(left, right, 101)
        inputs = np.zeros((tried.size, 600))
        inputs[:, AT] = tried
        end = trajectories(WEIGHT, BIAS, np.full(tried.size, low), inputs, threads)[:, -1]
        first = int(np.argmax(end > middle))
        left, right = float(tried[first - 1]), float(tried[first])
    inputs = np.zeros((len(PULSES), CASE_STEPS))
    inputs[:, AT] = middle - low + np.array(PULSES)
    drawn = trajectories(WEIGHT, BIAS, np.full(len(PULSES), low), inputs, threads)
    return {
        "pulse_end": quantity("pulse", after.x, f"state x, {AFTER} steps after the input"),
        "pulse_derivative": quantity("pulse", np.abs(after.by_start), f"|dx/dinput|, {AFTER} steps after it"),
        "threshold": quantity((), (left + right) / 2, "size of the input at which the end is another"),
        "pulse_x": quantity(("drawn_pulse", "step"), drawn, "state x"),
    }


def _noise(middle: float, slope: float, trials: int, seed: int, threads: int | None) -> dict[str, xr.Variable]:
    """Let noise come in after the input, and count on which side of the boundary trials end.

    Near the boundary x moves by λ x + noise: where it goes is decided by the distance and the noises, each over λ^t, whose
    sum has the standard deviation of one noise over sqrt(λ² - 1).
    """
    rng = np.random.default_rng([seed, 4])
    noise = rng.standard_normal((trials, AFTER))
    above = np.empty((len(NOISE_STDS), MARGINS.size))
    for row, std in enumerate(NOISE_STDS):
        for column, margin in enumerate(MARGINS):
            start = np.full(trials, middle + margin * std)
            x = trajectories(WEIGHT, BIAS, start, std * noise, threads)[:, -1]
            above[row, column] = (x > middle).mean()
    by = ("noise_std", "margin")
    predicted = stats.norm.cdf(MARGINS * np.sqrt(slope**2 - 1))
    return {
        "above": quantity(by, above, "share that ends above the boundary"),
        "above_predicted": quantity("margin", predicted, "share predicted near the boundary"),
    }


def plot(data: xr.Dataset) -> "Figure":
    """Draw trajectories on both sides, how the gradient depends on the distance, inputs, and the two units."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6.4)
        (starts, near, pulse), (size, basin, growth) = figure.subplots(2, 3)
        _draw_starts(starts, data)
        _draw_near(near, data)
        _draw_pulses(pulse, data)
        _draw_sizes(size, data)
        plotting.basin_map(data, basin)
        basin.set_xlabel("state $h_{0}$")
        basin.set_ylabel("state $h_{1}$")
        basin.set_title("e  basins of two units")
        basins_networks.draw_growth(growth, data)
        growth.set_title("f  their gradient")
    return figure


def _draw_starts(ax: "Axes", data: xr.Dataset) -> None:
    step = data["step"].values[: DRAWN + 1]
    for row, gap in enumerate(data["gap"].values[1:], start=1):
        for side in range(2):
            x = data["start_x"].values[row, side, : DRAWN + 1]
            ax.plot(step, x, color=f"C{row - 1}", label=f"from ±{gap:g}" if side else None)
    for name in ("lower", "upper"):
        ax.axhline(float(data[name]), color="0.7", linewidth=0.8, zorder=0)
    ax.axhline(float(data["boundary"]), color="0.7", linewidth=0.8, linestyle="--", zorder=0)
    ax.set_xlabel("steps")
    ax.set_ylabel("state x")
    ax.set_title("a  two starts, one unit (Fig. 4)")
    ax.legend(loc="upper left", bbox_to_anchor=(0, 0.9), fontsize=7)


def _draw_near(ax: "Axes", data: xr.Dataset) -> None:
    distance = data["distance"].values
    ax.plot(distance, data["largest"][1].values, color="C0", label=f"largest |dx_t/dx₀|, t ≤ {STEPS}")
    ax.plot(distance, data["last"][1].values, color="C1", label=f"|dx_T/dx₀|, T = {STEPS}")
    guide = distance[(distance > 1e-8) & (distance < 0.1)]
    ax.plot(guide, 0.25 / guide, color="black", linewidth=0.8, linestyle=":", label="distance⁻¹")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(1e-20, 1e12)
    ax.set_xlabel("distance of x₀ from the boundary")
    ax.set_ylabel("derivative")
    ax.set_title("b  the gradient near a boundary")
    ax.legend(loc="lower left", fontsize=7)


def _draw_pulses(ax: "Axes", data: xr.Dataset) -> None:
    step = data["step"].values[: DRAWN + 1]
    for row, size in enumerate(data["drawn_pulse"].values):
        ax.plot(step, data["pulse_x"][row].values[: DRAWN + 1], color=f"C{row}", label=f"input {size:.2f}")
    ax.axhline(float(data["boundary"]), color="0.7", linewidth=0.8, linestyle="--", zorder=0)
    ax.axvline(AT, color="0.85", linewidth=0.8, zorder=0)
    ax.set_xlabel("steps")
    ax.set_ylabel("state x")
    ax.set_title("c  one input (Fig. 5)")
    ax.legend(loc="center right", fontsize=7)


def _draw_sizes(ax: "Axes", data: xr.Dataset) -> None:
    ax.plot(data["pulse"].values, data["pulse_derivative"].values, color="C1")
    ax.axvline(float(data["boundary"] - data["lower"]), color="0.7", linewidth=0.8, linestyle="--", zorder=0)
    ax.set_yscale("log")
    ax.set_xlabel("size of the input")
    ax.set_ylabel(f"|dx/dinput|, {AFTER} steps later", color="C1")
    other = ax.twinx()
    other.plot(data["pulse"].values, data["pulse_end"].values, color="C0")
    other.set_ylabel(f"x, {AFTER} steps later", color="C0")
    other.spines["right"].set_visible(True)
    ax.set_title("d  end and gradient")


EXPERIMENT = Experiment(
    name="pascanu2013-basins",
    paper=PAPER,
    figure="Fig. 4, 5",
    title="Crossing a boundary between basins of attraction",
    shows="two starts, or two inputs, that differ by next to nothing and end far apart, and the gradient that goes with it",
    scales={
        "quick": Scale("100 × 100 states of two units, 400 noisy trials", "about 5 s"),
        "paper": Scale("400 × 400 states of two units, 4,000 noisy trials", "about 20 s"),
        "large": Scale("1,000 × 1,000 states of two units, 40,000 noisy trials", "about 3 min"),
    },
    analyse=analyse,
    plot=plot,
    claims=basins_claims.claims,
)
