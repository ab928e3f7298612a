"""Norms of gradients and clipping, of one network and of many."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch.gradients import clip_norm, global_norm

CELL = rl.cells.LSTM(inputs=2, hidden=3, outputs=1)


def test_each_network_is_clipped_by_itself() -> None:
    gradient = CELL.initial_parameters(0, runs=50)
    for name in gradient:
        gradient[name] *= np.geomspace(1e-3, 1e3, 50).reshape(50, *(1,) * (gradient[name].ndim - 1))
    norm = global_norm(gradient)
    assert norm.shape == (50,)
    flat = np.concatenate([value.reshape(50, -1) for value in gradient.values()], axis=1)
    np.testing.assert_allclose(norm, np.linalg.norm(flat, axis=1), rtol=1e-14)
    clipped = clip_norm(gradient, 0.5)
    np.testing.assert_allclose(global_norm(clipped), np.minimum(norm, 0.5), rtol=1e-14)
    for name, value in clipped.items():
        one = clip_norm({key: part[7] for key, part in gradient.items()}, 0.5)[name]
        np.testing.assert_allclose(value[7], one, rtol=1e-15)
        np.testing.assert_array_equal(value[norm <= 0.5], gradient[name][norm <= 0.5])
    each = clip_norm(gradient, np.geomspace(1, 2, 50))
    np.testing.assert_allclose(global_norm(each), np.minimum(norm, np.geomspace(1, 2, 50)), rtol=1e-14)


def test_extremes() -> None:
    gradient = CELL.initial_parameters(0)
    norm = global_norm(gradient)
    for scale in (1e-300, 1e300):
        scaled = {name: value * scale for name, value in gradient.items()}
        np.testing.assert_allclose(global_norm(scaled), norm * scale, rtol=1e-14)
        np.testing.assert_allclose(global_norm(clip_norm(scaled, norm * scale / 8)), norm * scale / 8, rtol=1e-14)
    zero = {name: 0 * value for name, value in gradient.items()}
    assert global_norm(zero) == 0
    assert all((value == 0).all() for value in clip_norm(zero, 1).values())
    lost = gradient | {"bias_out": np.array([np.nan])}
    assert np.isnan(global_norm(lost))
    np.testing.assert_array_equal(clip_norm(lost, 1)["weight_hh_l0"], gradient["weight_hh_l0"])


def test_single_precision_stays() -> None:
    clipped = clip_norm(CELL.initial_parameters(0, dtype="float32"), 0.1)
    assert {value.dtype for value in clipped.values()} == {np.dtype(np.float32)}


def test_bad_input() -> None:
    gradient = CELL.initial_parameters(0, runs=3)
    with pytest.raises(ValueError, match=r"threshold is 0.0; it must be above 0"):
        clip_norm(gradient, 0.0)
    with pytest.raises(ValueError, match=r"threshold has shape \(2,\); it must be \(\) or \(3,\)"):
        clip_norm(gradient, [1, 2])
    with pytest.raises(ValueError, match="weight_ih_l0 must be among it"):
        global_norm({"bias": np.ones(3)})
    with pytest.raises(TypeError, match="gradient is of type int"):
        global_norm(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="threshold is nan"):
        clip_norm(gradient, np.nan)
    for name, value, error, message in (
        ("bias_out", np.ones((2, 1)), ValueError, r"bias_out has shape \(2, 1\); it must begin with \(3,\)"),
        ("bias_out", np.ones((3, 0)), ValueError, r"bias_out has shape \(3, 0\); it must .* not be empty"),
        ("weight_ih_l0", np.ones(3), ValueError, r"weight_ih_l0 has shape \(3,\); it must be \(rows, inputs\)"),
        ("weight_ih_l0", np.ones((0, 2)), ValueError, r"weight_ih_l0 has shape \(0, 2\); it must not be empty"),
        ("bias_out", "steep", TypeError, "bias_out has dtype <U5"),
        ("bias_out", [[1.0], [1.0, 2.0]], TypeError, "bias_out is not an array"),
        (3, np.ones(3), TypeError, "gradient has the name 3"),
    ):
        wrong: dict[Any, Any] = gradient | {name: value}
        for call in (global_norm, lambda given: clip_norm(given, 1.0)):
            with pytest.raises(error, match=message):
                call(wrong)


def test_lists_and_integers() -> None:
    assert clip_norm({"weight_ih_l0": np.array([[30]])}, 1.0)["weight_ih_l0"] == 1
    given: dict[str, Any] = {"weight_ih_l0": [[3]], "bias_ih_l0": [4.0]}
    assert global_norm(given) == 5
    np.testing.assert_array_equal(clip_norm(given, 1)["bias_ih_l0"], [0.8])


def test_an_infinite_gradient_has_an_infinite_norm() -> None:
    assert global_norm({"weight_ih_l0": np.array([[1e300, np.inf]])}) == np.inf
