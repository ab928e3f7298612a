"""Lyapunov exponents the plain way: a QR decomposition of J Q at every step, and sums of logarithms."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference import jacobians as explicit
from reference.arithmetic import Array
from reference.cells import Parameters
from reference.networks import Structure


def log_growth(jacobians: Array, basis: Array) -> Array:
    """The logarithms of the diagonal of R, added up, after each Jacobian: (steps, exponents)."""
    q, total, found = basis, np.zeros(basis.shape[1]), []
    for jacobian in jacobians:
        q, r = np.linalg.qr(jacobian @ q)
        total = total + np.log(np.abs(np.diag(r)))
        found.append(total)
    return np.array(found)


def exponents(
    structure: Structure, parameters: Parameters, inputs: Array, transient: int, initial: Any = None
) -> Array:
    """Those of one sequence, (time, inputs), falling; the basis is drawn as rnnlatch draws it by default."""
    matrices = explicit.jacobians(structure, parameters, inputs[None], initial)
    size = matrices.shape[1]
    basis = np.linalg.qr(np.random.default_rng(np.random.SeedSequence(0)).standard_normal((size, size)))[0]
    grown = log_growth(matrices, basis)
    before = grown[transient - 1] if transient else np.zeros(size)
    return np.sort((grown[-1] - before) / (len(inputs) - transient))[::-1]
