"""The engine as a contestant on dynamics: calls of the core."""

from __future__ import annotations

from typing import Any

import numpy as np

import dynamics_work as work
from rnnlatch._dispatch import core


def structure(activation: str, hidden: int) -> dict[str, Any]:
    """A vanilla network without inputs or readout."""
    return {
        "cell": "VanillaRNN",
        "activation": activation,
        "diagonal": 0,
        "inputs": 0,
        "hidden": hidden,
        "outputs": 0,
        "read_unit": -1,
        "bias": 1,
        "bias_out": 0,
        "loss": "half_squared_error",
        "at": "last",
    }


def parameters(weight: Any) -> dict[str, Any]:
    """Those of one network, its biases 0."""
    n = len(weight)
    return {
        "weight_ih_l0": np.zeros((1, n, 0)),
        "weight_hh_l0": np.array(weight, float)[None],
        "bias_ih_l0": np.zeros((1, n)),
        "bias_hh_l0": np.zeros((1, n)),
    }


def basins(side: int, threads: int) -> work.Answer:
    """Which attractor every start goes to, and the steps."""
    out = core.reach_points(
        structure("tanh", 2),
        parameters(work.WEIGHT),
        np.zeros((1, 0)),
        work.starts(side)[:, None],
        work.attractors()[:, None],
        work.NEAR,
        work.MOST_STEPS,
        threads,
    )
    return {"point": out["point"], "steps": out["steps"]}


def surface(side: int, threads: int, order: int = 1) -> work.Answer:
    """Loss and gradient, in an order of 2 the second derivatives too."""
    w, b = work.plane(side)
    out: work.Answer = core.error_surface(
        structure("logistic", 1),
        parameters([[0.0]]),
        {"weight_hh_l0": np.ones((1, 1, 1))},
        {"bias_ih_l0": np.ones((1, 1))},
        w,
        b,
        np.zeros((1, 1, work.STEPS, 0)),
        np.full((1, 1, 1), work.TARGET),
        None,
        None,
        {"h_0": np.full((1, 1, 1), work.START)},
        2 if order == 2 else 1,
        threads,
    )
    return out
