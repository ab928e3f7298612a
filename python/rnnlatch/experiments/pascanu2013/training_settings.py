"""The networks and algorithms of the paper's section 4.1, which its training experiments share.

Where the text and the authors' code differ, the text goes first: learning rate 0.01, threshold 1 and weight 4 of the
regulariser are those of the ICML text (the code's default weight is 2, the second version on arXiv has learning rate 0.001 and
threshold 6); the regulariser itself is the code's: the ratio of squared norms of the error at the state, averaged over the steps
where there is any. Of two numbers behind a normal distribution the second is its standard deviation, as in the code.
"""

from typing import Any

import numpy as np
import xarray as xr

from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import Constant, Normal, Sparse, VanillaRNN
from rnnlatch.experiments.results import quantity
from rnnlatch.outcomes import Outcome

__all__ = ["ALGORITHMS", "BATCH", "CLIP", "INITIALISATIONS", "LEARNING_RATE", "OMEGA", "algorithm", "cell", "counted"]

UNITS, BATCH = 50, 20
LEARNING_RATE, CLIP, OMEGA = 0.01, 1.0, 4.0

INITIALISATIONS: dict[str, dict[str, Any]] = {
    "sigmoid": {"activation": "logistic", "init_ih": Normal(0.01), "init_hh": Normal(0.01), "init_out": Normal(0.01)},
    "basic tanh": {"init_ih": Normal(0.1), "init_hh": Normal(0.1), "init_out": Normal(0.1)},
    "smart tanh": {
        "init_ih": Normal(0.01),
        "init_hh": Sparse(15, spectral_radius=0.95),  # 15 into each unit, as the text says; in the code out of each
        "init_out": Normal(0.01),
    },
}

# Whether the gradient is clipped, and whether there is the regulariser.
ALGORITHMS: dict[str, tuple[bool, bool]] = {
    "SGD": (False, False),
    "SGD-C": (True, False),
    "SGD-R": (False, True),
    "SGD-CR": (True, True),
}


def cell(initialisation: str, inputs: int, outputs: int, hidden: int = UNITS) -> VanillaRNN:
    """Make a network as the paper starts it; all biases are 0, and there is one for each unit."""
    return VanillaRNN(
        inputs=inputs,
        hidden=hidden,
        outputs=outputs,
        init_bias=Constant(0.0),
        fixed=("bias_hh_l0",),  # beside bias_ih_l0 it would count twice
        **INITIALISATIONS[initialisation],
    )


def algorithm(
    name: str, *, learning_rate: float = LEARNING_RATE, clip_norm: float = CLIP, omega: float = OMEGA
) -> GradientDescent:
    """Make one of the paper's algorithms."""
    clips, regularises = ALGORITHMS[name]
    return GradientDescent(
        learning_rate=learning_rate,
        batch_size=BATCH,
        clip_norm=clip_norm if clips else None,
        omega=omega if regularises else 0.0,
        omega_reduce="mean",
        omega_of="state",
    )


def counted(sweep: xr.Dataset, dims: tuple[str, ...]) -> dict[str, xr.Variable]:
    """Count how the runs of a sweep ended, whose axes get these names, in the order that they have.

    Returns
    -------
    dict of str to Variable
        ``runs``, ``converged``, ``diverged``, and ``updates``, the median of the updates that converged runs took; NaN
        where there are none.
    """
    outcome = sweep["outcome"].values
    there = outcome == Outcome.CONVERGED
    took = np.where(there, sweep["presentations"].values / BATCH, np.nan)
    some = there.any(-1)
    median = np.full(some.shape, np.nan)
    median[some] = np.nanmedian(took[some], axis=-1)
    return {
        "runs": quantity(dims, np.full(some.shape, there.shape[-1]), "runs", "runs"),
        "converged": quantity(dims, there.sum(-1), "runs that succeeded", "runs"),
        "diverged": quantity(dims, (outcome == Outcome.DIVERGED).sum(-1), "runs that diverged", "runs"),
        "updates": quantity(dims, median, "median of the updates until a run succeeded", "updates"),
    }
