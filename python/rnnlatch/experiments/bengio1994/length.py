"""Fig. 2b: frequency of convergence against the sequence length T, for w = 1.25 and s = 0.2, and the controls beside it.

A frequency that falls with T is no evidence for a vanishing gradient by itself: noise and the criterion make it fall too.
Hence the controls, all with s = 0.2 as a standard deviation and the noise of the same runs of the main sweep:

* the best possible input: what the unit remembers of its first L steps is x_L alone, so inputs that give x_L = -+0.1 to
  -+0.99 to the two classes are set by hand and nothing is trained; a run counts if any of them meets the criterion on its
  own noise;
* the sign that the unit would have without noise, with the trained inputs and with the untrained ones;
* ten and a hundred times the budget;
* fresh noise at every presentation, with its own best possible input;
* no noise at all.
"""

import math
from typing import TYPE_CHECKING, Any

import xarray as xr

from rnnlatch import plotting
from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LatchNeuron
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.base import Experiment, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.bengio1994 import PAPER, length_analysis, length_claims, settings
from rnnlatch.experiments.bengio1994.digitised import FIG_2B_LENGTH, FIG_2B_OUTLIER
from rnnlatch.run import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EXPERIMENT"]

EPOCHS = 30
THRESHOLD = 0.20

# With fresh noise there is no training set to average over. The criterion then takes so many presentations at a time that a
# network is not accepted for a lucky streak.
FRESH_WINDOW = 1000

# The number behind the "x" is the budget, as a multiple of the main sweep's.
CONTROLS = (
    "no noise",
    "budget x 10",
    "budget x 100",
    "fresh noise x 10",
    "fresh noise x 100",
    *(f"given {state}" for state in length_analysis.GIVEN_STATES),
    *(f"given {state}, fresh noise x 10" for state in length_analysis.GIVEN_STATES),
    *(f"given {state}, fresh noise x 100" for state in length_analysis.GIVEN_STATES),
)
COARSE_LENGTHS = list(range(5, 61, 5))
NOISE_STDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, math.sqrt(0.2))
THRESHOLDS = (0.12, 0.16, 0.20, 0.24, 0.28)
BUDGETS = (10, 30, 100)


def study(reading: str, length: int) -> Run:
    """Return the run of one bar of the figure."""
    cell = LatchNeuron(w=settings.FIG_2B_WEIGHT, initial_input=settings.INITIAL_INPUT)
    return settings.fixed_set_run(
        cell, length, settings.FIG_2B_NOISE_LEVEL, reading, epochs=EPOCHS, threshold=THRESHOLD
    )


def control_study(control: str, length: int) -> Run:
    """Return the run of a control; its name is one of `CONTROLS`."""
    cell = LatchNeuron(w=settings.FIG_2B_WEIGHT, initial_input=settings.INITIAL_INPUT)
    given = control.startswith("given")
    if given:
        state = float(control.removeprefix("given ").split(",")[0])
        cell = LatchNeuron(w=settings.FIG_2B_WEIGHT, input=length_analysis.input_for_state(state))
    budget = int(control.split(" x ")[1]) if " x " in control else 1
    if "fresh noise" in control:
        return Run(
            cell,
            settings.latch_task(length, settings.FIG_2B_NOISE_LEVEL, settings.STANDARD_DEVIATION, None),
            GradientDescent(
                learning_rate=0.0 if given else settings.LEARNING_RATE, batch_size=settings.EPOCH, reduction="mean"
            ),
            Criterion(measure="cost", threshold=THRESHOLD, window=FRESH_WINDOW),
            max_presentations=budget * EPOCHS * settings.EPOCH,
        )
    # One epoch is enough for inputs that are given: the criterion looks at the costs before the first update.
    return settings.fixed_set_run(
        cell,
        length,
        0.0 if control == "no noise" else settings.FIG_2B_NOISE_LEVEL,
        settings.STANDARD_DEVIATION,
        epochs=1 if given else budget * EPOCHS,
        threshold=THRESHOLD,
    )


def noise_level_study(noise_std: float, threshold: float, epochs: int, length: int) -> Run:
    """Return the run of a bar of the figure with noise level, criterion and budget left free."""
    cell = LatchNeuron(w=settings.FIG_2B_WEIGHT, initial_input=settings.INITIAL_INPUT)
    return settings.fixed_set_run(
        cell, length, noise_std, settings.STANDARD_DEVIATION, epochs=epochs, threshold=threshold
    )


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Return the main sweep, the controls, and the sweep with the noise level left free.

    Everything but the length is common, so that the k-th run of a length has the same noise and the same initial inputs
    wherever it appears.
    """
    quick = scale == "quick"
    lengths = COARSE_LENGTHS if quick else FIG_2B_LENGTH.tolist()
    main: dict[str, list[Any]] = {"reading": list(settings.READINGS), "length": lengths}
    controls: dict[str, list[Any]] = {
        "control": list(CONTROLS),
        "length": [10, 30, 50, 60] if quick else COARSE_LENGTHS,
    }
    free: dict[str, list[Any]] = {
        "noise_std": [0.1, 0.2, 0.3, math.sqrt(0.2)] if quick else list(NOISE_STDS),
        "threshold": [THRESHOLD] if quick else list(THRESHOLDS),
        "epochs": [EPOCHS] if quick else list(BUDGETS),
        "length": [10, 20, 30, 50] if quick else [8, 12, 16, 20, 24, 28, 32, 36, 44, 48, 52, 56, 60],
    }
    runs = {"quick": (60, 30, 40), "paper": (500, 200, 200), "large": (18_000, 1000, 500)}[scale]
    return (
        SweepPlan("sweep.sqlite", study, main, ("reading",), runs[0]),
        SweepPlan("controls.sqlite", control_study, controls, ("control",), runs[1]),
        SweepPlan("noise-level.sqlite", noise_level_study, free, ("noise_std", "threshold", "epochs"), runs[2]),
    )


def plot(data: xr.Dataset) -> "Figure":
    """Draw the frequency against T with the paper's bars, the likelihood of noise levels, the controls, and the gradient."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 7.4)
        (paper, level, ceiling), (budget, fresh, gradient) = figure.subplots(2, 3)
        _against_paper(data, paper)
        _free_noise_level(data, level)
        _control_panel(
            data,
            ceiling,
            "c  control: how well could it do?",
            {length_analysis.BEST_INPUT: "best possible input", "no noise": "trained without noise"},
        )
        signs = data[["sign_trained", "runs"]].rename(sign_trained="converged")
        by_sd = signs.sel(reading=settings.STANDARD_DEVIATION)
        plotting.frequency_curve(by_sd, ceiling, label="right sign, no noise", color="C3")
        ceiling.axhline(0.25, color="C3", linestyle=":", linewidth=1, label="by chance")
        _control_panel(
            data,
            budget,
            "d  control: more training",
            {"budget x 10": "10 x the budget", "budget x 100": "100 x the budget"},
        )
        _control_panel(
            data,
            fresh,
            "e  control: fresh noise at every presentation",
            {"fresh noise x 10": "trained, 10 x budget", "fresh noise x 100": "trained, 100 x budget"},
        )
        for times, color in ((10, "C0"), (100, "C1")):
            plotting.frequency_curve(
                _control_counts(data, f"{length_analysis.BEST_INPUT}, fresh noise x {times}"),
                fresh,
                label=f"best input, {times} x",
                color=color,
                linestyle=":",
                band=False,
            )
        plotting.gradient_against_length(data, gradient).set_title("f  gradient of the untrained unit")
        for ax in figure.axes:
            plotting.legend_below(ax, columns=1 if ax in (paper, level) else 2)
    return figure


def _against_paper(data: xr.Dataset, ax: "Axes") -> None:
    plotting.printed_bars(data["paper_frequency"], ax, outlier=FIG_2B_OUTLIER)
    for reading in settings.READINGS:
        plotting.frequency_curve(data.sel(reading=reading), ax, label=f"ours, s is the {reading}")
    ax.set_title("a  frequency of convergence")


def _free_noise_level(data: xr.Dataset, ax: "Axes") -> None:
    profile = data["log_likelihood"].max(["threshold", "epochs"])
    plotting.likelihood_profile(profile, ax, marker="o", color="black", label="best criterion and budget")
    for value, reading, color in (
        (settings.FIG_2B_NOISE_LEVEL, settings.STANDARD_DEVIATION, "C0"),
        (math.sqrt(settings.FIG_2B_NOISE_LEVEL), settings.VARIANCE, "C1"),
    ):
        ax.axvline(value, color=color, linestyle="--", linewidth=1, label=f"0.2 is the {reading}")
    ax.set_title("b  noise level left free")


def _control_panel(data: xr.Dataset, ax: "Axes", title: str, controls: dict[str, str]) -> None:
    main = data.sel(reading=settings.STANDARD_DEVIATION)
    plotting.frequency_curve(main, ax, label="as in a", color="0.5", band=False)
    for control, label in controls.items():
        plotting.frequency_curve(_control_counts(data, control), ax, label=label, marker="o")
    ax.set_title(title)


def _control_counts(data: xr.Dataset, control: str) -> xr.Dataset:
    part = data[["control_converged", "control_runs"]].sel(control=control)
    return part.rename(control_converged="converged", control_runs="runs")


EXPERIMENT = Experiment(
    name="bengio1994-length",
    paper=PAPER,
    figure="Fig. 2b",
    title="Frequency of convergence against sequence length",
    shows="how convergence fades with T, and how much of that is the vanishing gradient, the noise, or the criterion",
    scales={
        "quick": Scale("12 lengths x 60 runs, both readings of s, and controls", "about 7 s"),
        "paper": Scale("56 lengths x 500 runs, both readings of s, and controls", "about 30 s"),
        "large": Scale("56 lengths x 18,000 runs, both readings of s, and controls", "about 4 min"),
    },
    sweeps=sweeps,
    analyse=length_analysis.analyse,
    plot=plot,
    claims=length_claims.claims,
)
