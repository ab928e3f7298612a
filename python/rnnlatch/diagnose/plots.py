"""The pictures of a diagnosis: functions that take its dataset and an `ax`."""

import math
from collections.abc import Callable

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from numpy.typing import NDArray

from rnnlatch.diagnose.memory import relative
from rnnlatch.plotting.ticks import CountLocator, decade_axis

__all__ = ["PICTURES", "Draw"]

Draw = Callable[[xr.Dataset, Axes], str]
"""Draws, and gives in words what is to be seen."""

_GREY = "0.5"  # to be seen on white and on black
_DEEPEST = -20.0  # decades: what is below needs no place in a picture
_MANY = 2000  # points of a picture, beyond which it is a bitmap


def gradient(data: xr.Dataset, ax: Axes) -> str:
    """Draw how much of an error at the last step is left earlier."""
    lag = data["lag"].values
    each = _decades(relative(data["log_gradient"].values))
    median = _decades(data["log_gradient_share"].values)
    for number, line in enumerate(each):
        ax.plot(lag, _shown(line), color=_GREY, linewidth=0.6, alpha=0.7, label=None if number else "each sequence")
    ax.plot(lag, _shown(median), color="C0", linewidth=2.0, label="median")
    if "log_gradient_kept" in data:
        kept = _decades(relative(data["log_gradient"].values) + _difference(data))
        line = np.median(kept, axis=0) if len(kept) else np.full(lag.size, np.nan)
        ax.plot(lag, _shown(line), color="C1", linestyle="--", label="without the recurrent weights")
    if "log_spectral" in data:
        products = np.median(_decades(data["log_spectral"].values), axis=0)
        ax.plot(
            data["product_lag"].values,
            _shown(products),
            color="C2",
            linewidth=1.0,
            label="spectral norm of the product",
        )
        nudge = np.median(_decades(data["log_nudge"].values), axis=0)
        ax.plot(data["nudge_lag"].values, _shown(nudge), ".", color="C3", label="nudge of 1 % of the state")
    if "gamma" in data and "largest_singular_value" in data:
        base = float(data["gamma"]) * float(data["largest_singular_value"][0])
        if 0 < base < 1:
            ax.plot(lag, _shown(lag * math.log10(base)), color=_GREY, linestyle=":", label="bound of the weights")
    decade_axis(ax, "share of the error left")
    low, high = ax.get_ylim()
    ax.set_ylim(max(low, _DEEPEST), high)
    for share in data["share"].values[1:]:
        if ax.get_ylim()[0] < math.log10(share):
            ax.axhline(math.log10(share), color=_GREY, linewidth=0.6, zorder=0)
    ax.xaxis.set_major_locator(CountLocator())
    ax.set_xlabel("steps before the last one")
    if np.isfinite(median[-1]):
        return f"The median falls or grows to 10 to the power {median[-1]:.1f} over {lag[-1]} steps."
    return f"The median reaches 0 within {lag[-1]} steps."


def parameter_gradient(data: xr.Dataset, ax: Axes) -> str:
    """Draw what each lag adds to the gradient of the recurrent layer."""
    lag = data["step_lag"].values
    logs = _decades(data["log_parameter_gradient"].values)
    ax.plot(lag, _shown(logs, logs.max()), color="C0")
    decade_axis(ax, "norm of the lag's part")
    ax.xaxis.set_major_locator(CountLocator())
    ax.set_xlabel("steps before the last one")
    return f"The largest part is that of lag {int(logs.argmax())}."


def eigenvalues(data: xr.Dataset, ax: Axes) -> str:
    """Draw the eigenvalues of single steps' Jacobians in the plane."""
    real, imag = data["step_eigenvalue_real"].values.ravel(), data["step_eigenvalue_imag"].values.ravel()
    ax.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor=_GREY, linewidth=1.0))
    # Many points are drawn as a bitmap, whose colour must do on light pages and on dark ones.
    many = real.size > _MANY
    ax.plot(real, imag, ".", color="C5" if many else "C0", markersize=2.0, alpha=0.6, rasterized=many)
    reach = 1.1 * max(1.0, float(np.hypot(real, imag).max()))
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal", xlabel="real part", ylabel="imaginary part")
    outside = float((np.hypot(real, imag) > 1).mean())
    return f"{100 * outside:.1f} % of the eigenvalues lie outside the unit circle."


def spectrum(data: xr.Dataset, ax: Axes) -> str:
    """Draw the spectral radius and the largest singular value of single steps over time."""
    step = data["sample"].values
    radius, largest = data["step_spectral_radius"].values, data["step_largest_singular_value"].values
    ax.axhline(1.0, color=_GREY, linewidth=0.8, zorder=0)
    ax.plot(step, largest, "o-", color="C1", label="largest singular value")
    ax.plot(step, radius, "o-", color="C0", label="spectral radius")
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(CountLocator())
    ax.set(xlabel="step of the first sequence", ylabel="of one step's Jacobian")
    return (
        f"The spectral radius is between {radius.min():.3g} and {radius.max():.3g}, the largest singular value between "
        f"{largest.min():.3g} and {largest.max():.3g}."
    )


def exponents(data: xr.Dataset, ax: Axes) -> str:
    """Draw the largest Lyapunov exponents with their standard errors."""
    rank = np.arange(1, data.sizes["exponent"] + 1)
    ax.axhline(0.0, color=_GREY, linewidth=0.8, zorder=0)
    for place, values in enumerate(data["lyapunov_exponent"].values):
        finite = np.isfinite(values)
        error = np.nan_to_num(data["lyapunov_standard_error"].values[place])
        name = None if place else "each sequence"
        ax.errorbar(rank[finite], values[finite], error[finite], fmt=".", color="C0", alpha=0.6, label=name)
    ax.xaxis.set_major_locator(CountLocator())
    ax.set(xlabel="rank", ylabel="Lyapunov exponent (nats per step)")
    largest = ", ".join(f"{value:.3g}" for value in data["lyapunov_exponent"].values[:, 0])
    return f"The largest of each sequence: {largest}."


def singular_values(data: xr.Dataset, ax: Axes) -> str:
    """Draw the singular values of the recurrent weights."""
    for place, block in enumerate(data["block"].values.tolist()):
        values = data["singular_value"].values[place]
        name = "recurrent weights" if data.sizes["block"] == 1 else f"gate {block}"
        ax.plot(
            np.arange(1, values.size + 1),
            values,
            color=f"C{place}",
            label=name,
            marker="." if values.size == 1 else None,
        )
    if "gamma" in data and float(data["gamma"]) > 0:
        ax.axhline(1 / float(data["gamma"]), color=_GREY, linewidth=0.8, linestyle="--", label="1/γ")
    ax.set_ylim(bottom=0)
    ax.xaxis.set_major_locator(CountLocator())
    ax.set(xlabel="rank", ylabel="singular value")
    largest = ", ".join(f"{value:.3g}" for value in data["largest_singular_value"].values)
    return f"The largest: {largest}."


def gates(data: xr.Dataset, ax: Axes) -> str:
    """Draw how often each gate has which value."""
    middle = data["bin"].values
    for place, gate in enumerate(data["gate"].values.tolist()):
        share, line = 100 * data["gate_histogram"].values[place], ("-", "--", ":")[place % 3]
        ax.step(middle, share, where="mid", color=f"C{place}", linestyle=line, label=f"gate {gate}")
    ax.set(xlim=(0, 1), xlabel="value of the gate", ylabel="share of all units and steps (%)")
    ax.set_ylim(bottom=0)
    means = ", ".join(
        f"{gate} {value:.2f}"
        for gate, value in zip(data["gate"].values.tolist(), data["gate_mean"].mean("unit").values, strict=True)
    )
    return f"Mean values: {means}."


def time_constants(data: xr.Dataset, ax: Axes) -> str:
    """Draw for how many steps units hold on to their state by themselves."""
    values = np.sort(data["time_constant"].values.clip(1e-3, 1e9))
    share = 100 * np.arange(1, values.size + 1) / values.size
    ax.step(values, share, where="post", color="C0", marker="." if values.size == 1 else None)
    ax.set_xscale("log")
    ax.set_xlim(10.0 ** math.floor(math.log10(values[0])), 10.0 ** math.ceil(math.log10(values[-1]) + 1e-9))
    ax.set(ylim=(0, 103), xlabel="time constant (steps)", ylabel="units with at most that (%)")
    return f"Median {np.median(values):.3g} steps, longest {values[-1]:.3g}."


def saturation(data: xr.Dataset, ax: Axes) -> str:
    """Draw at which share of the steps units are saturated."""
    told = []
    for place, curve in enumerate(data["curve"].values.tolist()):
        values = np.sort(data["saturated"].values[place])[::-1]
        ax.plot(
            np.arange(1, values.size + 1),
            100 * values,
            color=f"C{place}",
            label=curve,
            marker="." if values.size == 1 else None,
        )
        told.append(f"{curve}: mean {100 * values.mean():.1f} %")
    return _of_units(ax, "steps at which it is saturated (%)", told)


def silence(data: xr.Dataset, ax: Axes) -> str:
    """Draw at which share of the steps units give 0."""
    values = np.sort(data["silent"].values)[::-1]
    ax.plot(np.arange(1, values.size + 1), 100 * values, color="C0", marker="." if values.size == 1 else None)
    return _of_units(ax, "steps at which it gives 0 (%)", [f"{int((values == 1).sum())} units are silent throughout"])


def size(data: xr.Dataset, ax: Axes) -> str:
    """Draw the largest number of the state over time."""
    values, step = data["largest_state"].values, data["step"].values
    told = f"Between {values.min():.3g} and {values.max():.3g}."
    wide = values.max() > 1e3 * np.median(values)
    if wide:
        with np.errstate(divide="ignore"):
            values = np.log10(values)
        values = np.where(np.isfinite(values), values, np.nan)
    ax.plot(step, np.median(values, axis=0), color="C0", linewidth=1.0)
    if len(values) > 1:
        ax.fill_between(step, values.min(axis=0), values.max(axis=0), color="C0", alpha=0.25, linewidth=0)
    ax.xaxis.set_major_locator(CountLocator())
    ax.set_xlabel("step")
    if wide:
        decade_axis(ax, "largest number of the state")
    else:
        ax.set_ylabel("largest number of the state")
        ax.set_ylim(bottom=0)
    return told


def _of_units(ax: Axes, label: str, told: list[str]) -> str:
    ax.set(ylim=(-2, 103), xlabel="units, the most often first", ylabel=label)
    ax.xaxis.set_major_locator(CountLocator())
    return "; ".join(told) + "."


def _difference(data: xr.Dataset) -> NDArray[np.float64]:
    """Without the recurrent weights over with them, of the sequences that have an error."""
    whole, kept = data["log_gradient"].values, data["log_gradient_kept"].values
    there = np.isfinite(whole[:, 0])
    with np.errstate(invalid="ignore"):
        return np.asarray(kept[there] - whole[there])


def _decades(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(logs / math.log(10))


def _shown(line: NDArray[np.float64], largest: float = 0.0) -> NDArray[np.float64]:
    """Leave out what is far too small for the picture, and what is no number."""
    there = np.isfinite(line) & (line > largest + _DEEPEST)
    return np.where(there, line, np.nan)


PICTURES: tuple[tuple[str, str, str, Draw], ...] = (
    (
        "log_gradient_share",
        "How far an error reaches back",
        (
            "The norm of the gradient of an error at the last step with respect to earlier states, over its norm at the last "
            "step. Horizontal lines: 10 % and 1 %. No error is above the spectral norm of its product of Jacobians. A nudge "
            "goes forward: what is left at the last step of a change of the state so many steps before."
        ),
        gradient,
    ),
    (
        "log_parameter_gradient",
        "Which lags the weights' gradient comes from",
        (
            "The norm of what the use of the recurrent layer's parameters so many steps before the last one adds to their "
            "gradient."
        ),
        parameter_gradient,
    ),
    (
        "step_eigenvalue_real",
        "Eigenvalues of single steps",
        "Eigenvalues of the Jacobian of some steps of the first sequence, and the unit circle.",
        eigenvalues,
    ),
    (
        "step_spectral_radius",
        "Single steps over time",
        (
            "Spectral radius and largest singular value of the Jacobian of single steps. Below the line at 1 a single step "
            "shrinks every difference (largest singular value), or all its own directions (spectral radius)."
        ),
        spectrum,
    ),
    (
        "lyapunov_exponent",
        "Lyapunov exponents",
        (
            "How fast nearby states move apart (above 0) or together (below) along the sequences, in the directions in which "
            "they do so the most; bars are standard errors."
        ),
        exponents,
    ),
    (
        "singular_value",
        "Singular values of the recurrent weights",
        "In falling order. For plain networks: if all are below 1/γ, gradients are certain to vanish.",
        singular_values,
    ),
    (
        "gate_histogram",
        "Values of the gates",
        "Over all units, steps and sequences. Near 0 a gate is shut, near 1 open.",
        gates,
    ),
    (
        "time_constant",
        "How long units hold on by themselves",
        (
            "After so many steps a unit's own memory has fallen to 1/e, from what its gate keeps; the recurrent weights left "
            "aside."
        ),
        time_constants,
    ),
    (
        "saturated",
        "Saturated units",
        "The share of the steps at which a unit's slope is below 5 % of the largest.",
        saturation,
    ),
    ("silent", "Silent units", "The share of the steps at which a relu unit gives 0.", silence),
    ("largest_state", "Size of the state", "Median over the sequences, and their range.", size),
)
"""The variable that a picture needs, its title, what it shows, and what draws it."""
