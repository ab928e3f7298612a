"""The reference's Jacobians: against central differences, and its spectra against closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import jacobians
from reference.differences import EXTENDED
from reference.networks import make_structure, parameter_shapes
from reference.test_networks import CELLS

TOLERANCE = 1e-11 if EXTENDED else 1e-6


@pytest.mark.parametrize("changes", CELLS.values(), ids=CELLS.keys())
def test_each_row_is_a_gradient(changes: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    structure = make_structure(**changes)
    parameters = {
        name: rng.normal(0, 0.8, shape).astype(np.longdouble) for name, shape in parameter_shapes(structure).items()
    }
    inputs = rng.normal(size=(1, 3, 2)).astype(np.longdouble)
    cell, p, states = jacobians.states_of(structure, parameters, inputs)
    for t, state in enumerate(states[:-1]):
        expected = jacobians.numerical_jacobian(cell, p, inputs[0, t], state)
        np.testing.assert_allclose(jacobians.jacobian(cell, p, inputs[0, t], state), expected, atol=TOLERANCE)


def test_long_spectrum_of_diagonal_matrices() -> None:
    steps = np.tile(np.diag([0.5, 2.0, 0.9]), (3000, 1, 1))
    expected = 3000 * np.log([2.0, 0.9, 0.5])
    np.testing.assert_allclose(jacobians.log_spectrum(steps), expected, rtol=1e-12)


def test_spectrum_of_a_short_product() -> None:
    steps = np.random.default_rng(0).normal(size=(3, 4, 4))
    singular = np.linalg.svd(steps[2] @ steps[1] @ steps[0], compute_uv=False)
    np.testing.assert_allclose(jacobians.log_spectrum(steps), np.log(singular), rtol=1e-10)
