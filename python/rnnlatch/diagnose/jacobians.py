"""The Jacobian of single steps along the sequences, and products of them."""

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from rnnlatch.diagnose.driven import NUDGES, Driven
from rnnlatch.diagnose.memory import SHARES
from rnnlatch.dynamics._results import counted, eigenvalues, quantity
from rnnlatch.dynamics.horizon import memory_horizon

__all__ = ["Budget", "budget", "one_step", "products"]


NUDGE = 0.01  # relative to the size of the state
_NUDGES, _NUDGE_DIRECTIONS = 16, 4  # lags and directions


@dataclass(frozen=True)
class Budget:
    """How much of what takes dimension^3 operations is done, so that a diagnosis takes less than a minute."""

    spectra: int  # steps whose Jacobian is decomposed
    lags: int  # of products of Jacobians
    sequences: int  # of products of Jacobians
    exponents: int  # Lyapunov exponents
    starts: int  # in which the network is left alone
    settling: int  # steps after which that is given up
    points: int  # states at rest that Newton's method starts from


# By the dimension of the state; beyond the last none of what takes dimension^3 operations is done.
_BUDGETS = {
    32: Budget(100, 1000, 8, 32, 64, 5000, 64),
    128: Budget(40, 500, 8, 16, 64, 5000, 32),
    256: Budget(20, 300, 4, 10, 32, 2000, 16),
    512: Budget(12, 200, 2, 10, 16, 2000, 8),
    1024: Budget(6, 100, 2, 10, 8, 1000, 6),
    2048: Budget(2, 20, 1, 4, 4, 500, 2),
}
_BEYOND = Budget(0, 0, 0, 2, 2, 100, 0)


def budget(driven: Driven) -> Budget:
    """Give what can be afforded for a network."""
    for dimension, each in _BUDGETS.items():
        if driven.dimension <= dimension:
            return each
    return _BEYOND


def one_step(driven: Driven, afforded: Budget) -> tuple[dict[str, xr.Variable], list[str]]:
    """Decompose the Jacobian of some steps of the first sequence.

    Returns
    -------
    dict of Variable
        Over (sample, eigenvalue): ``step_eigenvalue_real`` and ``step_eigenvalue_imag``, by falling modulus; over
        ``sample``: ``step_spectral_radius`` and ``step_largest_singular_value``.
    list of str
        What was left out, and why.
    """
    if not afforded.spectra:
        return {}, [
            f"the spectrum of single steps: the state has {driven.dimension} numbers, more than {max(_BUDGETS)}"
        ]
    steps = np.unique(np.linspace(1, driven.time, min(afforded.spectra, driven.time)).round().astype(int))
    values = np.empty((steps.size, driven.dimension), np.complex128)
    largest = np.empty(steps.size)
    for place, step in enumerate(steps):
        here = driven.system_at(driven.inputs[0, step - 1])
        matrix = here.jacobian(driven.state(0, step - 1)[None])[0]
        values[place] = eigenvalues(matrix)
        largest[place] = np.linalg.norm(matrix, 2)
    of = "of the Jacobian ds_t/ds_{t-1} of single steps of the first sequence"
    return {
        "sample": quantity("sample", steps, "step of the first sequence", "steps"),
        **counted("eigenvalue", driven.dimension, "rank of the eigenvalue, the largest modulus first"),
        "step_eigenvalue_real": quantity(("sample", "eigenvalue"), values.real, f"real part of the eigenvalues {of}"),
        "step_eigenvalue_imag": quantity(
            ("sample", "eigenvalue"), values.imag, f"imaginary part of the eigenvalues {of}"
        ),
        "step_spectral_radius": quantity("sample", np.abs(values[:, 0]), f"spectral radius {of}"),
        "step_largest_singular_value": quantity("sample", largest, f"largest singular value {of}"),
    }, []


def products(driven: Driven, afforded: Budget) -> tuple[dict[str, xr.Variable], list[str]]:
    """Measure products of Jacobians over the last steps, and what becomes of nudges there.

    Returns
    -------
    dict of Variable
        Over (product_sequence, product_lag): ``log_spectral``, the natural logarithm of the spectral norm of
        ∂s_T/∂s_{T−lag}; over (product_sequence, nudge_lag): ``log_nudge``, of the distance at the last step that a nudge of
        1 % of the state has become, over its size. Over ``share``, medians over the sequences: ``product_horizon`` and
        ``nudge_horizon``, the lags from which on both stay below the share, infinite where they do not.
    list of str
        What was left out, and why.
    """
    if not afforded.lags:
        return {}, [f"products of Jacobians: the state has {driven.dimension} numbers, more than {max(_BUDGETS)}"]
    lags, batch = min(afforded.lags, driven.time), min(afforded.sequences, driven.batch)
    start = driven.time - lags
    cell, params = driven.cell, driven.params
    state = driven.partials.state[0, :batch, start]
    if cell.initial_state == "learned":  # it is given here
        cell = replace(cell, initial_state="zero", fixed=())
        params = {name: value for name, value in params.items() if name not in driven.cell.states}
    nudged = np.unique(np.geomspace(1, lags, _NUDGES).round().astype(int))
    found = memory_horizon(
        cell,
        params,
        driven.inputs[:batch, start:],
        shares=SHARES,
        perturbed_lags=nudged,
        perturbation=NUDGE,
        directions=_NUDGE_DIRECTIONS,
        initial_state=tuple(state[:, i] for i in range(len(cell.states))) if len(cell.states) > 1 else state[:, 0],
        rng=driven.draw(NUDGES),
        threads=driven.threads,
    )
    words = f"distance that a nudge of {NUDGE:g} of the state has become at T, over its size"
    left = [f"products of Jacobians beyond {lags} steps and {batch} sequences"] if start or batch < driven.batch else []
    return {
        **counted("product_sequence", batch, "sequence of the products"),
        "product_lag": quantity("product_lag", np.arange(lags + 1), "time lag", "steps"),
        "nudge_lag": quantity("nudge_lag", nudged, "time lag at which the state is nudged", "steps"),
        "share": quantity("share", SHARES, "share of the norm at lag 0"),
        "log_spectral": quantity(
            ("product_sequence", "product_lag"),
            found["log_spectral"].values.reshape(batch, lags + 1),
            "natural logarithm of the spectral norm of ds_T / ds_{T-lag}",
        ),
        "log_nudge": quantity(
            ("product_sequence", "nudge_lag"),
            found["log_perturbation"].values.reshape(batch, nudged.size),
            f"natural logarithm of the {words}",
        ),
        "product_horizon": quantity(
            "share",
            found["median_horizon"].values,
            "lag from which on the spectral norm stays below the share",
            "steps",
        ),
        "nudge_horizon": quantity(
            "share",
            found["median_perturbation_horizon"].values,
            f"lag from which on what is left of a nudge of {NUDGE:g} of the state stays below the share",
            "steps",
        ),
    }, left
