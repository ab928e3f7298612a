"""From the sweep behind the redrawn Fig. 4 to its dataset: means, standard errors, intervals, and the paper's points."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.experiments.base import Material
from rnnlatch.experiments.bengio1994 import comparison_newton
from rnnlatch.experiments.bengio1994.digitised_fig_4 import fig_4
from rnnlatch.outcomes import Outcome
from rnnlatch.statistics import wilson_interval

__all__ = ["DIMS", "MEASURES", "analyse"]

DIMS = ("problem", "algorithm", "input_noise", "length")
RESAMPLES = 1000
CONFIDENCE = 0.95

# Name in the dataset: name in the sweep, in words, units.
MEASURES = {
    "training_error": ("error", "fraction of training sequences that are wrong at the end", "1"),
    "test_error": ("test_error", "fraction of fresh sequences that are wrong", "1"),
    "presentations": ("presentations", "presentations of a sequence", "presentations"),
    "presentations_computed": ("presentations_computed", "presentations that were computed", "presentations"),
}


def analyse(material: Material) -> xr.Dataset:
    """Average over the runs of each grid point, and over those with and without noise together.

    A run that diverged counts as wrong on every sequence.

    Returns
    -------
    Dataset
        Over (problem, algorithm, input_noise, length): ``runs``, ``converged``, ``stuck``, ``diverged``; ``solved``, the
        share of runs that learned, with its Wilson interval ``solved_low``, ``solved_high``; the mean of each of `MEASURES`
        under its name, with ``…_sem``, its standard error. Over (problem, algorithm, length), runs with and without noise
        together: ``…_both``, the mean, ``…_low`` and ``…_high``, its 95 % bootstrap interval. Over paper_point: the digitised
        figure. Over newton_method: where Newton's method ends (`comparison_newton.ends`).
    """
    sweep = material.stores["sweep.sqlite"].to_xarray()
    outcome = sweep["outcome"].transpose(*DIMS, "run").load()
    coords = {dim: sweep[dim] for dim in DIMS}
    data = xr.Dataset(coords=coords, attrs=dict(sweep.attrs))
    runs = outcome.sizes["run"]
    kinds = {"converged": Outcome.CONVERGED, "stuck": Outcome.STUCK, "diverged": Outcome.DIVERGED}
    for name, kind in kinds.items():
        words = "learned their task" if name == "converged" else f"ended {name}"
        data[name] = (DIMS, (outcome.values == kind).sum(-1), {"long_name": f"runs that {words}", "units": "runs"})
    data["runs"] = (DIMS, np.full(outcome.shape[:-1], runs), {"long_name": "runs", "units": "runs"})
    data["solved"] = data["converged"] / data["runs"]
    data["solved"].attrs = {"long_name": "share of runs that learned their task", "units": "1"}
    for name, bound in zip(
        ("solved_low", "solved_high"), wilson_interval(data["converged"], data["runs"]), strict=True
    ):
        data[name] = (DIMS, bound, {"long_name": "bound of the 95 % interval of that share", "units": "1"})
    diverged = outcome.values == Outcome.DIVERGED
    rng = np.random.default_rng([material.seed, 1994])
    for name, (variable, words, units) in MEASURES.items():
        values = sweep[variable].transpose(*DIMS, "run").values.astype(np.float64)
        if units == "1":
            values = np.where(diverged | np.isnan(values), 1.0, values)
        data[name] = (DIMS, values.mean(-1), {"long_name": words, "units": units})
        error = values.std(-1, ddof=1) / np.sqrt(runs)
        data[f"{name}_sem"] = (DIMS, error, {"long_name": f"standard error: {words}", "units": units})
        _both(data, name, values, rng)
    data["problem"].attrs = {"long_name": "problem"}
    data["algorithm"].attrs = {"long_name": "algorithm"}
    data["input_noise"].attrs = {"long_name": "input noise is uniform between + and - this", "units": "1"}
    data["length"].attrs = {"long_name": "largest sequence length T", "units": "steps"}
    return data.merge(fig_4()).merge(comparison_newton.ends(material.seed))


def _both(data: xr.Dataset, name: str, values: NDArray[np.float64], rng: np.random.Generator) -> None:
    """Add the mean over runs with and without noise, half of each, with its interval."""
    dims = tuple(dim for dim in DIMS if dim != "input_noise")
    attrs = data[name].attrs
    runs = values.shape[-1]
    # How often each run is in a resample; the same for all grid points, which saves drawing.
    weights = rng.multinomial(runs, np.full(runs, 1 / runs), (values.shape[2], RESAMPLES)) / runs
    low, high = np.empty((2, *values.shape[:2], values.shape[3]))
    for algorithm in range(values.shape[1]):
        means = np.einsum("pnlr,nbr->plb", values[:, algorithm], weights) / values.shape[2]
        low[:, algorithm], high[:, algorithm] = np.quantile(
            means, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2], axis=-1
        )
    words = f"{attrs['long_name']}, with and without noise together"
    units = attrs["units"]
    data[f"{name}_both"] = (dims, values.mean((2, -1)), {"long_name": words, "units": units})
    data[f"{name}_low"] = (dims, low, {"long_name": f"lower bound of the 95 % interval: {words}", "units": units})
    data[f"{name}_high"] = (dims, high, {"long_name": f"upper bound of the 95 % interval: {words}", "units": units})
