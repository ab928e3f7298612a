"""Small networks, structures and columns for tests of the stepwise algorithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import networks, stepwise
from reference.arithmetic import Array
from reference.presentation import Network
from reference.test_tasks import KEY, STREAM
from reference.test_tasks import make_columns as make_task_columns
from reference.test_tasks import make_structure as make_task

Run = dict[str, Any]

OF_ALGORITHMS: dict[str, dict[str, float]] = {
    "GradientDescent": {"learning_rate": 0.1, "momentum": 0.0, "clip_norm": np.inf, "l1": 0.0, "l2": 0.0},
    "Adam": {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "clip_norm": np.inf},
    "RMSprop": {"learning_rate": 0.01, "decay": 0.9, "epsilon": 1e-8, "clip_norm": np.inf},
    "PseudoNewton": {"learning_rate": 0.01, "largest_step": 0.3, "smallest_step": 0.001, "momentum": 0.8, "mu": 1.0},
    "Newton": {"learning_rate": 1.0, "damping": 1e-3, "largest_step": np.inf},
    "DiscreteErrorPropagation": {"learning_rate": 0.1, "epsilon": 0.5, "bound": 1.0},
    "RedrawAfterError": {"std": 1.0},
}


def make_run(algorithm: str = "GradientDescent", **changes: Any) -> tuple[Run, dict[str, float]]:
    """Structure and columns of a small network without biases on short sequences; both kinds of changes by name."""
    structure = make_task(length_low=6, length_high=8) | networks.make_structure(inputs=1, read_unit=0, bias=0)
    structure |= {
        "algorithm": algorithm,
        "mean_gradient": 1,
        "time_weighted": 0,
        "mu_rule": 0,
        "batch_size": 1,
        "window": 10,
        "max_presentations": 40,
        "measure": 0,
    }
    columns = make_task_columns() | {"threshold": 0.0} | OF_ALGORITHMS[algorithm]
    for name, value in changes.items():
        assert name in structure or name in columns
        (columns if name in columns else structure)[name] = value
    return structure, columns


def draw_parameters(structure: Run, *, seed: int = 0, size: float = 0.7, learned: bool = False) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {n: rng.normal(0, size, shape) for n, shape in networks.parameter_shapes(structure, learned).items()}


def all_of(parameters: dict[str, Array]) -> dict[str, Array]:
    return {name: np.ones(value.shape, np.uint8) for name, value in parameters.items()}


def train(structure: Run, columns: dict[str, float], parameters: Any = None, arrays: Any = None) -> Run:
    parameters = draw_parameters(structure) if parameters is None else parameters
    return stepwise.train_one_run(structure, columns, KEY, STREAM, parameters, all_of(parameters), arrays)


def parity_network(activation: str = "sign") -> tuple[Run, Array]:
    """Two units: a hidden one, and an output that reads it at the same step and itself one step later."""
    return (
        networks.make_structure(activation=activation, inputs=1, hidden=2, read_unit=1),
        np.array([[0, 0], [1, 0]], np.uint8),
    )


def make_network(
    *, learned: bool = False, same_step: Array | None = None, seed: int = 0, **changes: Any
) -> tuple[Network, dict[str, float]]:
    structure, columns = make_run(length_low=3, length_high=4, **changes)
    parameters = draw_parameters(structure, seed=seed, learned=learned)
    return Network(structure, parameters, all_of(parameters), {"same_step": same_step}), columns
