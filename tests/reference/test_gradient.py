"""The reference's gradient against central differences of its cost in extended precision."""

from __future__ import annotations

import numpy as np
import pytest

from reference import descent, latch
from reference.arithmetic import Array, fma
from reference.differences import EXTENDED, numerical_gradient


@pytest.mark.parametrize(("length", "prefix"), [(1, 1), (2, 1), (5, 5), (8, 3), (20, 3)])
def test_gradient(length: int, prefix: int) -> None:
    rng = np.random.default_rng(length)
    runs = 50
    w, d = rng.uniform(-2, 2, runs), rng.choice([-0.8, 0.8], runs)
    inputs, tail = rng.normal(0, 0.5, (prefix, runs)), rng.normal(0, 0.3, (length - prefix, runs))
    x = latch.forward(w, np.concatenate([inputs, tail]), tanh=np.tanh, fma=fma)
    grad_inputs, grad_w = latch.backward(w, x, d, np.zeros((prefix, runs)), np.zeros(runs), fma=fma)
    tolerance = 1e-11 if EXTENDED else 1e-6
    for got, expected in zip((grad_inputs, grad_w), numerical_gradient(w, inputs, tail, d), strict=True):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance)


def test_penalty_is_the_gradient_of_what_it_says() -> None:
    rng = np.random.default_rng(0)
    theta, l1, l2, h = rng.normal(size=(4, 30)), 0.3, 0.7, 1e-6

    def penalty(theta: Array) -> Array:
        return l1 * np.abs(theta).sum(axis=0) + l2 / 2 * (theta**2).sum(axis=0)

    gradient = descent.penalised(np.zeros_like(theta), theta, l1, l2, fma=fma)
    for j in range(4):
        e = np.zeros((4, 1))
        e[j] = h
        np.testing.assert_allclose(
            (penalty(theta + e) - penalty(theta - e)) / (2 * h), gradient[j], rtol=1e-7, atol=1e-8
        )


def test_clipping_keeps_direction_and_bounds_the_norm() -> None:
    gradient = np.random.default_rng(1).normal(size=(7, 100)) * np.geomspace(1e-3, 1e3, 100)
    clipped = descent.clipped(gradient, np.full(100, 0.5), fma=fma)
    before, after = (np.sqrt((g**2).sum(axis=0)) for g in (gradient, clipped))
    np.testing.assert_allclose(after, np.minimum(before, 0.5), rtol=1e-14)
    np.testing.assert_allclose(clipped * before, gradient * after, rtol=1e-13)


def test_momentum_is_a_geometric_sum() -> None:
    """With a constant gradient, velocity and displacement have closed forms."""
    columns = {"l1": 0.0, "l2": 0.0, "clip_norm": np.inf, "momentum": 0.5, "learning_rate": 0.25}
    theta, velocity, gradient = np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1))
    for _ in range(4):
        theta, velocity = descent.step(theta, velocity, gradient, columns, fma=fma)
    assert velocity.item() == 1.875
    assert theta.item() == -0.25 * (1 + 1.5 + 1.75 + 1.875)
