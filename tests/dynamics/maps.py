"""Maps with known fixed points and orbits, and networks in both forms, for the tests of dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import rnnlatch as rl
from network_cases import KINDS
from reference import dynamics as reference
from reference.networks import make_structure, parameter_shapes
from rnnlatch.dynamics import Interval, Map
from rnnlatch.dynamics.intervals import stack

Array = NDArray[Any]

NAMES = ["tanh", "logistic", "relu", "linear", "diagonal", "LSTM", "GRU"]
PRE_ACTIVATION = [name for name in NAMES if name not in ("LSTM", "GRU")]


def network(name: str, hidden: int = 3, seed: int = 0, scale: float = 0.7) -> tuple[Any, dict[str, Array], Array, Any]:
    """A cell, parameters, an input, and the structure as the reference has it."""
    kind, settings = KINDS[name]
    cell = kind(inputs=2, hidden=hidden, **settings)
    structure = make_structure(
        cell=cell.kind, activation=getattr(cell, "activation", "tanh"), diagonal=int(name == "diagonal"), hidden=hidden
    )
    rng = np.random.default_rng(seed)
    params = {key: rng.normal(0, scale, shape) for key, shape in parameter_shapes(structure).items()}
    return cell, params, rng.normal(size=2), structure


def reference_map(
    structure: Any, params: dict[str, Array], u: Array, variable: str
) -> tuple[reference.Map, reference.Map]:
    """The same network as the reference has it: F and its derivative, for one state."""
    make = reference.state_map if variable == "state" else reference.pre_activation_map
    return make(structure, params, u)


def rotation(weight: float) -> tuple[Any, dict[str, Array]]:
    """Two tanh units that pass their states on with a quarter turn: (x, y) -> (tanh(-w y), tanh(w x)).

    Four steps are two times x -> tanh(w tanh(w x)) for each unit, which has the fixed points 0 and ±x̄, x̄ = tanh(w x̄).
    """
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, bias=False)
    return cell, {"weight_ih_l0": np.zeros((2, 1)), "weight_hh_l0": np.array([[0.0, -weight], [weight, 0.0]])}


def logistic_map(r: float) -> Map:
    """x -> r x (1 - x)."""

    def bounds(low: Array, high: Array, r: float) -> tuple[Array, Array, Array, Array]:
        x = Interval(low, high)
        image, slope = r * (0.25 - (x - 0.5) ** 2), (r * (1 - 2 * x))[:, :, None]
        return image.low, image.high, slope.low, slope.high

    return Map(
        lambda x, r: r * x * (1 - x),
        lambda x, r: (r * (1 - 2 * x))[:, :, None],
        1,
        {"r": r},
        bounds=(0, 1),
        enclosure=bounds,
        name="logistic map",
    )


def henon_map(a: float = 1.4, b: float = 0.3) -> Map:
    """(x, y) -> (1 - a x² + y, b x)."""

    def step(s: Array, a: float, b: float) -> Array:
        return np.stack([1 - a * s[:, 0] ** 2 + s[:, 1], b * s[:, 0]], axis=1)

    def jacobian(s: Array, a: float, b: float) -> Array:
        one, none = np.ones(len(s)), np.zeros(len(s))
        return np.stack([np.stack([-2 * a * s[:, 0], one], axis=1), np.stack([b * one, none], axis=1)], axis=1)

    def bounds(low: Array, high: Array, a: float, b: float) -> tuple[Array, Array, Array, Array]:
        x, y = Interval(low[:, 0], high[:, 0]), Interval(low[:, 1], high[:, 1])
        image = stack([1 - a * x**2 + y, b * x], axis=1)
        none = Interval.of(np.zeros(len(low)))
        slope = stack([stack([-2 * a * x, none + 1], axis=1), stack([none + b, none], axis=1)], axis=1)
        return image.low, image.high, slope.low, slope.high

    return Map(step, jacobian, 2, {"a": a, "b": b}, enclosure=bounds, name="Hénon map")
