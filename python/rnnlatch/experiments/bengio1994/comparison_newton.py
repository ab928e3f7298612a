"""Where Newton's method goes without damping: the lecture's warning, on a single weight.

One unit is shown ±1 and two steps of nothing, and its state is to be ±0.8: x_3 = tanh(w tanh(w tanh(1))), which is even in w. So
the cost has minima at two weights ±w*, and a maximum at w = 0 between them.
"""

import numpy as np
import xarray as xr

from rnnlatch.algorithms import GradientDescent, Newton
from rnnlatch.cells import Constant, Uniform, VanillaRNN
from rnnlatch.experiments.claims import Claim
from rnnlatch.gradients import hessian
from rnnlatch.outcomes import Outcome
from rnnlatch.statistics import wilson_interval
from rnnlatch.tasks import DatasetTask
from rnnlatch.training import train

__all__ = ["claims", "ends"]

STEPS, UPDATES, RUNS = 3, 200, 1000
TARGET, RANGE, DAMPING = 0.8, 2.0, 2.0
LEAST = 0.05  # of the runs that end at the maximum, for the warning to matter; ours
NEAR = 1e-8

_METHODS = {
    "undamped": Newton(damping=0.0, batch_size="all"),
    "damped": Newton(damping=DAMPING, batch_size="all"),
    "gradient descent": GradientDescent(learning_rate=0.5, batch_size="all"),
}


def ends(seed: int) -> xr.Dataset:
    """Count where the methods end from weights uniform in (-2, 2).

    Returns
    -------
    Dataset
        Over newton_method: the number of runs at the maximum, at a minimum, and that diverged; ``newton_runs``, and
        ``curvature_at_maximum``, the second derivative of the cost at w = 0.
    """
    inputs = np.zeros((2, STEPS, 1))
    inputs[:, 0, 0] = (-1, 1)
    targets = np.array([[-TARGET], [TARGET]])
    cell = VanillaRNN(
        inputs=1,
        hidden=1,
        bias=False,
        read_unit=0,
        fixed=["weight_ih_l0"],
        init_ih=Constant(1),
        init_hh=Uniform(RANGE),
    )
    task = DatasetTask(inputs=inputs, targets=targets)
    counts: dict[str, list[int]] = {"at_maximum": [], "at_minimum": [], "diverged": []}
    for method in _METHODS.values():
        out = train(cell, task, method, runs=RUNS, max_presentations=2 * UPDATES, criterion=None, rng=seed)
        weight, gone = out["weight_hh_l0"].values.ravel(), out["outcome"].values == Outcome.DIVERGED
        counts["at_maximum"].append(int((~gone & (np.abs(weight) < NEAR)).sum()))
        counts["at_minimum"].append(int((~gone & (out["loss"].values < NEAR)).sum()))
        counts["diverged"].append(int(gone.sum()))
    at_zero = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.zeros((1, 1))}
    words = {"at_maximum": "end at the maximum w = 0", "at_minimum": "end at a minimum", "diverged": "diverged"}
    data = xr.Dataset(coords={"newton_method": ("newton_method", list(_METHODS), {"long_name": "method"})})
    for name, found in counts.items():
        data[f"newton_{name}"] = ("newton_method", found, {"long_name": f"runs that {words[name]}", "units": "runs"})
    data["newton_runs"] = ((), RUNS, {"long_name": "runs of each method", "units": "runs"})
    curvature = float(hessian(cell, at_zero, inputs, targets).hessian.values.item())
    data["newton_curvature"] = ((), curvature, {"long_name": "second derivative of the cost at w = 0", "units": "1"})
    return data


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the warning, and that damping answers it."""
    runs, curvature = int(data["newton_runs"]), float(data["newton_curvature"])
    at_maximum = {str(name): int(data["newton_at_maximum"].sel(newton_method=name)) for name in _METHODS}
    low, high = wilson_interval(at_maximum["undamped"], runs, 0.99)
    most = max(at_maximum["damped"], at_maximum["gradient descent"])
    above = float(wilson_interval(most, runs, 0.99)[1])
    return [
        Claim(
            statement="Newton's method without damping can walk to a maximum of the cost (at least one run in twenty does, "
            "on a single weight).",
            source="Lecture on the paper; the unit is ours",
            measured={
                "runs at the maximum": at_maximum["undamped"],
                "runs": runs,
                "99 % interval of the share": [float(low), float(high)],
                "second derivative there": curvature,
            },
            held=None if low < LEAST <= high else bool(curvature < 0 and low >= LEAST),
            expected=True,
            reason="It goes to the nearest point without a slope; with a negative curvature the step points uphill.",
        ),
        Claim(
            statement="Damping keeps Newton's method from the maximum, as plain gradient descent is kept (fewer than one run "
            "in a hundred ends there).",
            source="Our control",
            measured={
                "damped": at_maximum["damped"],
                "gradient descent": at_maximum["gradient descent"],
                "99 % bound of the larger share": above,
            },
            held=above < LEAST / 5,
            expected=True,
            reason=f"A damping of {DAMPING:g} outweighs the negative curvature there, so that the step points downhill.",
        ),
    ]
