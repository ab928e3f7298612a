"""The networks and algorithms of the paper's section 4.1, which its training experiments share.

Where the text and the authors' code differ, the text goes first: learning rate 0.01, threshold 1 and weight 4 of the
regulariser are those of the ICML text (the code's default weight is 2, the second version on arXiv has learning rate 0.001 and
threshold 6); the regulariser itself is the code's: the ratio of squared norms of the error at the state, averaged over the steps
where there is any. Of two numbers behind a normal distribution the second is its standard deviation, as in the code.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.algorithms import GradientDescent
from rnnlatch.cells import Constant, Normal, Sparse, VanillaRNN
from rnnlatch.criterion import Criterion
from rnnlatch.experiments.results import parameters_of, quantity
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run
from rnnlatch.tasks import Task
from rnnlatch.training import evaluate

if TYPE_CHECKING:
    from rnnlatch.experiments.base import Material

__all__ = [
    "ALGORITHMS",
    "BATCH",
    "CLIP",
    "INITIALISATIONS",
    "LEARNING_RATE",
    "OMEGA",
    "algorithm",
    "cell",
    "counted",
    "errors",
    "training",
]

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


def training(
    network: VanillaRNN,
    task: Task,
    descent: GradientDescent,
    *,
    updates: int,
    every: int,
    tested: int,
    wrong: float = 0.01,
) -> Run:
    """Describe one training, in single precision as the authors'.

    Every so many updates it is tested on fresh sequences, and succeeds when a smaller fraction than `wrong` is wrong; with
    0 when none is.
    """
    return Run(
        network,
        task,
        descent,
        Criterion(measure="test_error", threshold=wrong, window=BATCH * every, tests=tested),
        max_presentations=BATCH * updates,
        driver="matrices",
        precision="float32",
    )


def errors(
    trained: xr.Dataset,
    of_length: Callable[[int], tuple[VanillaRNN, Task]],
    lengths: Iterable[int],
    tests: int,
    material: "Material",
) -> NDArray[np.float64]:
    """Give the fraction of fresh sequences that trained networks have wrong, over (run, length).

    `of_length` gives the network and the task of a length. Arrays of `trained` may be larger, as those of a store are whose
    networks differ in size.
    """
    columns = []
    for length in lengths:
        network, task = of_length(length)
        params, rng = parameters_of(trained, network), [material.seed, length]
        found = evaluate(network, params, task, presentations=tests, rng=rng, threads=material.threads)
        columns.append(found["error"].values)
    return np.stack(columns, axis=-1)


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
