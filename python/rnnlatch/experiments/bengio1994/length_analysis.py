"""From the sweeps behind Fig. 2b to its dataset: counts, controls, likelihoods, gradients."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import LatchNeuron
from rnnlatch.experiments import results
from rnnlatch.experiments.base import Material
from rnnlatch.experiments.bengio1994 import settings
from rnnlatch.experiments.bengio1994.digitised import (
    FIG_2B_EFFECTIVE_RUNS,
    FIG_2B_FREQUENCY,
    FIG_2B_LENGTH,
    FIG_2B_OUTLIER,
)
from rnnlatch.outcomes import Outcome
from rnnlatch.statistics import predictive_log_likelihood
from rnnlatch.training import train

__all__ = ["GIVEN_STATES", "analyse", "input_for_state", "paper_log_likelihood"]

GIVEN_STATES = (0.5, 0.7, 0.9, 0.99)
BEST_INPUT = "best possible input"
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)
GRADIENT_RUNS = {"quick": 400, "paper": 1000, "large": 4000}


def input_for_state(state: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return inputs after which the unit is at -state for class 0 and +state for class 1.

    Parameters
    ----------
    state : float in (0, 1)
        x_L.

    Returns
    -------
    tuple of tuple of float, shape (2, L)
        Nothing until the last step of the prefix, then what leads from 0 to the state.

    Examples
    --------
    >>> [round(drive, 6) for drive in input_for_state(0.5)[1]]
    [0.0, 0.0, 0.549306]
    """
    last = float(np.arctanh(state))
    quiet = (0.0,) * (settings.PREFIX - 1)
    return (*quiet, -last), (*quiet, last)


def analyse(material: Material) -> xr.Dataset:
    """Put counts, controls, likelihoods and gradients together.

    Returns
    -------
    Dataset
        Over (reading, length): the store's summary, ``frequency``, ``sign_trained``. Over length: ``paper_frequency``,
        ``gradient_norm_mean``, with the dim quantile ``gradient_norm_quantile``, and ``failed`` and ``failed_in_vain``. Over
        (control, length): ``control_runs`` and ``control_converged``, among them the best possible inputs; 0 runs where a
        control was not run. Over (noise_std, threshold, epochs): ``log_likelihood``.
    """
    stores = material.stores
    main = stores["sweep.sqlite"]
    data = results.counts(main)
    data["sign_trained"] = _right_signs(main.to_xarray())
    lengths = data["length"].values
    data["paper_frequency"] = xr.DataArray(
        FIG_2B_FREQUENCY,
        {"length": FIG_2B_LENGTH},
        attrs={"long_name": "frequency of convergence, Fig. 2b, digitised", "units": "1"},
    ).sel(length=lengths)
    data = data.merge(_controls(material, lengths))
    data["log_likelihood"] = _log_likelihood_of_levels(results.counts(stores["noise-level.sqlite"]))
    data = data.merge(_gradients(material, lengths))
    data["length"].attrs = {"long_name": "sequence length T", "units": "steps"}
    data["noise_std"].attrs = {"long_name": "standard deviation of the noise", "units": "1"}
    return data


def paper_log_likelihood(counts: xr.Dataset) -> xr.DataArray:
    """Return the log-likelihood of the paper's bars given our counts, one value a length; the outlier is left out.

    Parameters
    ----------
    counts : Dataset
        ``converged`` and ``runs``, with a dim ``length`` and any others.
    """
    used = counts.sel(length=counts["length"].values[counts["length"].values != FIG_2B_OUTLIER])
    printed = xr.DataArray(FIG_2B_FREQUENCY, {"length": FIG_2B_LENGTH}).sel(length=used["length"].values)
    result: xr.DataArray = xr.apply_ufunc(
        predictive_log_likelihood, printed, FIG_2B_EFFECTIVE_RUNS, used["converged"], used["runs"]
    )
    return result


def _log_likelihood_of_levels(counts: xr.Dataset) -> xr.DataArray:
    total: xr.DataArray = paper_log_likelihood(counts).sum("length")
    total.attrs = {"long_name": "log-likelihood of the paper's bars", "units": "nats"}
    return total


def _right_signs(sweep: xr.Dataset) -> xr.DataArray:
    """Count runs whose trained inputs leave both classes on the right side; w > 1 keeps that sign for ever without noise."""
    found = []
    for place in range(sweep.sizes["length"]):
        one = sweep[["input", "weight"]].isel(length=place).load()
        given = one["input"].transpose("reading", "run", "class", "step").values
        weight = one["weight"].transpose("reading", "run").values[..., None]
        state = np.zeros(given.shape[:-1])
        for step in range(settings.PREFIX):
            state = np.tanh(weight * state + given[..., step])
        right = (state[..., 0] < 0) & (state[..., 1] > 0)
        found.append(right.sum(axis=-1))
    words = {"long_name": "runs with both signs right at the end, without noise", "units": "runs"}
    return xr.DataArray(np.stack(found, axis=1), dims=("reading", "length"), attrs=words)


def _controls(material: Material, lengths: NDArray[np.int64]) -> xr.Dataset:
    outcome = material.stores["controls.sqlite"].to_xarray()["outcome"].transpose("control", "length", "run").load()
    converged = outcome.values == Outcome.CONVERGED
    families: dict[str, list[int]] = {}
    for place, name in enumerate(outcome["control"].values):
        # "given 0.9, fresh noise x 10" belongs to "best possible input, fresh noise x 10", the others to themselves.
        start, comma, end = str(name).partition(",")
        family = BEST_INPUT + comma + end if start.startswith("given") else str(name)
        families.setdefault(family, []).append(place)
    any_of = {family: converged[places].any(axis=0) for family, places in families.items()}
    # The same trials of the main sweep have the same noise: which of their failures were in vain from the start?
    trials = {"run": outcome["run"], "length": outcome["length"], "reading": settings.STANDARD_DEVIATION}
    main = material.stores["sweep.sqlite"].to_xarray()["outcome"].sel(trials).transpose("length", "run")
    failed = main.values != Outcome.CONVERGED
    runs = np.full((len(any_of), outcome.sizes["length"]), outcome.sizes["run"])
    failed_words = "runs that did not converge, among those with a control"
    in_vain_words = "of these, runs whose noise defeats the best possible input too"
    counts = xr.Dataset(
        {
            "control_converged": (("control", "length"), np.array([found.sum(axis=1) for found in any_of.values()])),
            "control_runs": (("control", "length"), runs),
            "failed": ("length", failed.sum(axis=1), {"long_name": failed_words, "units": "runs"}),
            "failed_in_vain": (
                "length",
                (failed & ~any_of[BEST_INPUT]).sum(axis=1),
                {"long_name": in_vain_words, "units": "runs"},
            ),
        },
        {"control": list(any_of), "length": outcome["length"].values},
    )
    return counts.reindex(length=lengths, fill_value=0)


def _gradients(material: Material, lengths: NDArray[np.int64]) -> xr.Dataset:
    """Measure the gradient of single sequences at the untrained inputs."""
    runs = GRADIENT_RUNS[material.scale]
    mean, quantiles = [], []
    for length in lengths.tolist():
        task = settings.latch_task(
            length, settings.FIG_2B_NOISE_LEVEL, settings.STANDARD_DEVIATION, settings.SEQUENCES_PER_CLASS
        )
        recorded = train(
            LatchNeuron(w=settings.FIG_2B_WEIGHT, initial_input=settings.INITIAL_INPUT),
            task,
            GradientDescent(learning_rate=0.0),
            runs=runs,
            max_presentations=settings.EPOCH,
            criterion=None,
            record=1,
            rng=[material.seed, length],
            threads=material.threads,
        )
        norms = recorded["record_gradient_norm"].values
        mean.append(float(norms.mean()))
        quantiles.append(np.quantile(norms, QUANTILES))
    return xr.Dataset(
        {
            "gradient_norm_mean": (
                "length",
                mean,
                {"long_name": "mean norm of the gradient of one sequence", "units": "1"},
            ),
            "gradient_norm_quantile": (
                ("quantile", "length"),
                np.array(quantiles).T,
                {"long_name": "quantiles of the norm of the gradient of one sequence", "units": "1"},
            ),
        },
        {"length": lengths, "quantile": list(QUANTILES)},
    )
