"""Results to report that are made in a moment: every kind of panel, claims of every outcome."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from rnnlatch import plotting
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch.experiments import Claim, Experiment, Scale, write_claims
from rnnlatch.report._interactive import convert
from rnnlatch.report._results import Result

__all__ = ["CLAIMS", "invented", "write_results"]

CLAIMS = (
    Claim("Short lags are <learned>.", "nobody, Fig. 1", {"share": 0.95, "runs": 20}, True, True, "They are short."),
    Claim(
        "Long lags are learned.", "nobody, Fig. 2", {"share": 0.1}, False, False, "Gradients vanish & nothing is left."
    ),
    Claim("All lags are learned.", "nobody, Fig. 3", {"share": 0.5}, None, True, "Too few runs."),
    Claim("No lag is learned.", "nobody", {"share": 0.0}, True, False, "A surprise."),
)
SCALE = Scale("a few runs", "seconds")


def plot(data: xr.Dataset) -> Any:
    """A line with a legend, a map with a colour bar, a relief, and a table."""
    with plotting.style():
        figure = plotting.new_figure(10.2, 6)
        grid = figure.add_gridspec(2, 2)
        line, area, table = (figure.add_subplot(grid[place]) for place in ((0, 0), (0, 1), (1, 1)))
        line.plot(data["lag"], data["share"], "-o", label="share of $h_{T}$")
        line.plot(data["lag"], 0.5 * data["share"], "--", color="black", label="a control")
        line.axhline(0.25, color="0.5", label="chance")
        line.set(title="a  shares", xlabel="lag (steps)", ylabel="share of runs", xscale="log")
        line.legend()
        mesh = area.pcolormesh(np.arange(5), np.arange(4), data["loss"])
        figure.colorbar(mesh, ax=area, label="loss")
        area.set(title="b  losses", xlabel="weight", ylabel="bias")
        relief = figure.add_subplot(grid[1, 0], projection="3d")
        x = np.linspace(-1, 1, 12)
        bowl = xr.Dataset({"loss": (("x", "y"), x[:, None] ** 2 + x**2)}, {"x": x, "y": x})
        plotting.error_surface_relief(bowl, relief)
        relief.set_title("c  a bowl")
        table.table([["1.0", "2.0"]], rowLabels=["here"], colLabels=["train", "test"])
        table.set_axis_off()
        table.set_title("d  a table")
    return figure


def dataset() -> xr.Dataset:
    found = xr.Dataset(
        {"share": ("lag", [0.9, 0.5, 0.1]), "loss": (("b", "w"), np.arange(12.0).reshape(3, 4))}, {"lag": [1, 10, 100]}
    )
    found.attrs = {
        "experiment": "invented",
        "scale": "quick",
        "seed": 3,
        "rnnlatch_version": "0.1.0",
        "numerics_version": NUMERICS_VERSION,
        "isa": "x86-64-v3",
    }
    return found


EXPERIMENT = Experiment(
    name="invented",
    paper="Nobody, Journal of Nothing, 1990",
    figure="Fig. 1",
    title="Lags & losses",
    shows="what is learned <at all>",
    scales={"quick": SCALE, "paper": SCALE, "large": SCALE},
    analyse=lambda _: dataset(),
    plot=plot,
    claims=lambda _: list(CLAIMS),
)


def invented(directory: Path) -> Result:
    """A result with everything that a page can show."""
    write_claims(directory / "claims.json", CLAIMS)
    data = dataset()
    return Result(EXPERIMENT, directory, dict(data.attrs), "0" * 64, CLAIMS, convert(plot(data)))


def write_results(directory: Path, name: str, data: xr.Dataset, claims: tuple[Claim, ...] = CLAIMS) -> Path:
    """Leave what an experiment leaves."""
    (directory / name).mkdir(parents=True, exist_ok=True)
    data.to_netcdf(directory / name / "data.nc", engine="h5netcdf")
    write_claims(directory / name / "claims.json", claims)
    return directory / name
