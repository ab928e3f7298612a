"""Jacobians of recurrent networks the long way: explicit matrices, multiplied one by one, and singular values from LAPACK.

A state is h, for an LSTM (h, c), flat; J_t = ds_t / ds_{t-1}. Norms and spectra are over lag 0, 1, ..., T:
the product of `lag` Jacobians at the end, ds_T / ds_{T-lag}.
"""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

import numpy as np

from reference.arithmetic import Array
from reference.cells import Cell, Parameters, State
from reference.networks import Structure, forward, full_parameters, gradient, initial_state, make_cell


def states_of(
    structure: Structure, parameters: Parameters, inputs: Array, initial: Any = None, b: int = 0
) -> tuple[Cell, dict[str, Array], list[State]]:
    """The cell, its parameters, and the states from the initial one on."""
    p = full_parameters(structure, parameters)
    trace = forward(structure, parameters, inputs, None, initial)
    start = initial_state(structure, p, initial, b)
    later = [(trace.h[b, t], trace.c[b, t])[: len(start)] for t in range(inputs.shape[1])]
    return make_cell(structure, None), p, [start, *later]


def jacobian(cell: Cell, p: Parameters, u: Array, old: State) -> Array:
    """One step's, a row at a time: the gradient of each new state."""
    pre_activation, new = cell.step(p, u, old)
    unused = {name: np.zeros_like(value) for name, value in p.items()}
    size = sum(len(part) for part in new)
    rows = []
    for unit in np.eye(size, dtype=new[0].dtype):
        g = tuple(np.split(unit, len(new)))
        rows.append(np.concatenate(cell.back(p, u, pre_activation, old, new, g, unused)[1]))
    return np.stack(rows)


def numerical_jacobian(cell: Cell, p: Parameters, u: Array, old: State, step: float = 1e-5) -> Array:
    """The same by central differences of fourth order, in the type of the state."""
    flat = np.concatenate(old)

    def moved(j: int, steps: int) -> Array:
        there = flat.copy()
        there[j] += steps * there.dtype.type(step)
        return np.concatenate(cell.step(p, u, tuple(np.split(there, len(old))))[1])

    columns = [
        (8 * (moved(j, 1) - moved(j, -1)) - (moved(j, 2) - moved(j, -2))) / (12 * step) for j in range(len(flat))
    ]
    return np.stack(columns, axis=1)


def jacobians(structure: Structure, parameters: Parameters, inputs: Array, initial: Any = None, b: int = 0) -> Array:
    """Those of all steps, (T, D, D): in extended precision, for 1 - h^2 of a saturated unit, and rounded to double."""
    wide = {name: np.asarray(value, np.longdouble) for name, value in parameters.items()}
    cell, p, states = states_of(structure, wide, np.asarray(inputs, np.longdouble), initial, b)
    steps = [jacobian(cell, p, u, old) for u, old in zip(inputs[b], states[:-1], strict=True)]
    return np.stack(steps).astype(np.float64)


def products(steps: Array) -> Array:
    """ds_T / ds_{T-lag} for lag 0 to T, (T + 1, D, D)."""
    all_lags = [np.eye(steps.shape[-1], dtype=steps.dtype)]
    for j in steps[::-1]:
        all_lags.append(all_lags[-1] @ j)
    return np.stack(all_lags)


def log_spectrum(steps: Array) -> Array:
    """The logarithms of the singular values of J_T ... J_1, however long.

    The product of the k largest is the largest singular value of the product of the k-th compound matrices, whose entries
    are the minors of order k; that product is rescaled after each factor.
    """
    size = steps.shape[-1]
    sums = [0.0]
    for k in range(1, size + 1):
        product, scale = np.eye(comb(size, k)), 0.0
        for j in steps:
            product = compound(j, k) @ product
            norm = np.linalg.norm(product, 2)
            product, scale = product / norm, scale + np.log(norm)
        sums.append(float(scale))
    return np.diff(sums)


def compound(a: Array, k: int) -> Array:
    """All minors of order k."""
    sets = list(combinations(range(len(a)), k))
    return np.array([[np.linalg.det(a[np.ix_(rows, columns)]) for columns in sets] for rows in sets])


def gradient_by_lag(
    structure: Structure, parameters: Parameters, inputs: Array, targets: Array
) -> list[dict[str, Array]]:
    """What each time lag adds to the gradient, by cutting: the gradient through `lag` steps less that through one fewer."""
    found = []
    steps = inputs.shape[1]
    before: dict[str, Array] | None = None
    for lag in range(steps):
        total = {name: np.zeros_like(value) for name, value in parameters.items()}
        # With the loss at one step only and the state before the window taken as a constant, all that is left is nearer.
        for t in range(steps) if structure["at"] == "every" else (steps - 1,):
            begin = max(t - lag, 0)
            start = forward(structure, parameters, inputs[:, : begin or 1])
            state = None
            if begin:
                state = (start.h[:, -1], start.c[:, -1]) if structure["cell"] == "LSTM" else start.h[:, -1]
            here = targets[:, t] if structure["at"] == "every" else targets
            only = {**structure, "at": "last"}
            part = gradient(only, parameters, inputs[:, begin : t + 1], here, initial=state)
            for name in total:
                total[name] += part.gradient[name]
        found.append({name: total[name] - (0 if before is None else before[name]) for name in total})
        before = total
    return found
