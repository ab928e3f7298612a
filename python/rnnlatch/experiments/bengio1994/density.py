"""Fig. 2a: density of convergence over the initial weight w0 and the noise level s, for T = 20."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from rnnlatch import plotting
from rnnlatch.cells import LatchNeuron
from rnnlatch.experiments import results
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.bengio1994 import PAPER, density_claims, settings
from rnnlatch.experiments.bengio1994.digitised import (
    BLACK,
    FIG_2A_INITIAL_WEIGHT,
    FIG_2A_NOISE_LEVEL,
    WHITE,
    fig_2a_region,
)
from rnnlatch.run import Run
from rnnlatch.simulation import simulate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rnnlatch.store import Store

__all__ = ["EPOCHS", "EXPERIMENT", "LENGTH", "THRESHOLD"]

LENGTH = 20
EPOCHS = 100
THRESHOLD = 0.15
DIMS = ("reading", "noise_level", "initial_weight")

# Fresh sequences of each class, and runs of each grid point, on which the trained units are tested.
TEST_SEQUENCES = 100
TEST_RUNS: dict[ScaleName, int] = {"quick": 18, "paper": 18, "large": 50}

RUNS: dict[ScaleName, int] = {"quick": 60, "paper": 18, "large": 2500}
# The quick grid takes some cells of the paper's, with more runs in each: w0 = 0.65, 0.95, 1.25, …; s = 0.025, 0.175, ….
QUICK_INITIAL_WEIGHT = FIG_2A_INITIAL_WEIGHT[1::3]
QUICK_NOISE_LEVEL = FIG_2A_NOISE_LEVEL[::3]


PAPER_COLOR = "#D55E00"


def study(reading: str, noise_level: float, initial_weight: float) -> Run:
    """Return the run of one grid point."""
    cell = LatchNeuron(w=initial_weight, train_w=True, initial_input=settings.INITIAL_INPUT)
    return settings.fixed_set_run(cell, LENGTH, noise_level, reading, epochs=EPOCHS, threshold=THRESHOLD)


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Return the one sweep: both readings of s share their random numbers, grid points do not."""
    quick = scale == "quick"
    axes = {
        "reading": list(settings.READINGS),
        "noise_level": (QUICK_NOISE_LEVEL if quick else FIG_2A_NOISE_LEVEL).tolist(),
        "initial_weight": (QUICK_INITIAL_WEIGHT if quick else FIG_2A_INITIAL_WEIGHT).tolist(),
    }
    return (SweepPlan("sweep.sqlite", study, axes, common=("reading",), runs=RUNS[scale]),)


def analyse(material: Material) -> xr.Dataset:
    """Count convergence at each grid point, and test the first runs of each on fresh noise.

    Returns
    -------
    Dataset
        Over (reading, noise_level, initial_weight): the store's summary, ``frequency``, and of the trained units on fresh
        noise ``state_mean_abs``, the mean of |x_T|, ``state_mean``, the size of the mean of x_T over the noise, and
        ``test_error``. Over (noise_level, initial_weight): ``paper_region``, the digitised figure.
    """
    store = material.stores["sweep.sqlite"]
    data = results.counts(store)
    data = data.assign(_last_states(store, TEST_RUNS[material.scale], material.seed))
    region = xr.DataArray(
        fig_2a_region(),
        {"noise_level": FIG_2A_NOISE_LEVEL, "initial_weight": FIG_2A_INITIAL_WEIGHT},
        attrs={"long_name": "Fig. 2a, digitised", "flag_values": [-1, 0, 1], "flag_meanings": "unreadable black white"},
    )
    data["paper_region"] = region.sel(noise_level=data["noise_level"], initial_weight=data["initial_weight"])
    data["noise_level"].attrs = {"long_name": "noise level s", "units": "1"}
    data["initial_weight"].attrs = {"long_name": "initial weight w0", "units": "1"}
    data["reading"].attrs = {"long_name": "what s is taken for"}
    return data


def _last_states(store: "Store", runs: int, seed: int) -> xr.Dataset:
    """Run the first trained units of each grid point on fresh noise, with the inputs that they learned."""
    trained = store.to_xarray().isel(run=slice(0, runs))
    rng = np.random.default_rng([seed, LENGTH])
    noise = rng.standard_normal((TEST_SEQUENCES, LENGTH - settings.PREFIX))
    shape = tuple(trained.sizes[dim] for dim in DIMS)
    found = {name: np.empty(shape) for name in ("state_mean_abs", "state_mean", "test_error")}
    for reading, row in np.ndindex(shape[:2]):
        part = trained[["weight", "input"]].isel(reading=reading, noise_level=row).load()
        level = float(part["noise_level"])
        std = settings.latch_task(LENGTH, level, str(part["reading"].item()), None).std
        weight = part["weight"].values  # (initial_weight, run)
        given = part["input"].values  # (initial_weight, run, class, step)
        drive = np.empty((*given.shape[:3], TEST_SEQUENCES, LENGTH))
        drive[..., : settings.PREFIX] = given[..., None, :]
        drive[..., settings.PREFIX :] = std * noise
        flat = drive.reshape(weight.size, 2 * TEST_SEQUENCES, LENGTH, 1)
        states = simulate(LatchNeuron(), {"weight": weight.ravel()}, flat)[..., -1, 0]
        last = states.reshape(*given.shape[:3], TEST_SEQUENCES)
        right = last * np.array([-1.0, 1.0])[:, None] > 0
        found["state_mean_abs"][reading, row] = np.abs(last).mean((1, 2, 3))
        found["state_mean"][reading, row] = np.abs(last.mean(3)).mean((1, 2))
        found["test_error"][reading, row] = 1 - right.mean((1, 2, 3))
    words = {
        "state_mean_abs": "mean of |x_T| on fresh noise",
        "state_mean": "size of the mean of x_T over fresh noise",
        "test_error": "fraction of fresh sequences with the wrong sign",
    }
    return xr.Dataset({name: (DIMS, found[name], {"long_name": words[name], "units": "1"}) for name in found})


def plot(data: xr.Dataset) -> "Figure":
    """Draw the density for both readings of s with the paper's white region, and the size of the last state."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 3.4)
        panels = figure.subplots(1, 3)
        region = data["paper_region"]
        for ax, letter, reading in zip(panels, "ab", settings.READINGS, strict=False):
            frequency = data["frequency"].sel(reading=reading)
            plotting.phase_map(frequency, ax, colorbar=letter == "b").set_title(f"{letter}  s is the {reading}")
            plotting.outline(region == WHITE, ax, color="white", linewidth=3.0)
            plotting.outline(
                region == WHITE, ax, color=PAPER_COLOR, linewidth=1.6, label="white in the paper (digitised)"
            )
            plotting.outline(region == BLACK, ax, color=PAPER_COLOR, linewidth=1.2, linestyle=":", label="black beyond")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        output = data["state_mean_abs"].sel(reading=settings.STANDARD_DEVIATION)
        plotting.phase_map(output, panels[2], cmap="cividis").set_title("c  output on fresh noise, as a")
    return figure


EXPERIMENT = Experiment(
    name="bengio1994-density",
    paper=PAPER,
    figure="Fig. 2a",
    title="Density of convergence over initial weight and noise level",
    shows="where in the plane of w0 and s gradient descent teaches one unit to keep one bit for 20 steps",
    scales={
        "quick": Scale("49 grid points x 60 runs, both readings of s", "about 5 s"),
        "paper": Scale("400 grid points x 18 runs, both readings of s", "about 7 s"),
        "large": Scale("400 grid points x 2,500 runs, both readings of s", "about 2 min"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=plot,
    claims=density_claims.claims,
)
