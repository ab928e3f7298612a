"""The products of the matrix driver against NumPy's, through one step of a linear network."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from reference.networks import make_structure
from rnnlatch._dispatch import core

SIZES = st.integers(1, 70)


def linear_step(
    hidden: int, inputs: int, batch: int, dtype: DTypeLike
) -> tuple[dict[str, Any], dict[str, Any], Any, Any, Any]:
    """Structure, parameters, inputs, initial states, and dE/dh of the step."""
    rng = np.random.default_rng((hidden, inputs, batch))

    def normal(*shape: int) -> Any:
        return rng.normal(size=shape).astype(dtype)

    structure = make_structure(activation="linear", hidden=hidden, inputs=inputs)
    parameters = {
        "weight_ih_l0": normal(hidden, inputs),
        "weight_hh_l0": normal(hidden, hidden),
        "bias_ih_l0": normal(hidden),
        "bias_hh_l0": normal(hidden),
    }
    return structure, parameters, normal(batch, 1, inputs), normal(batch, hidden), normal(batch, hidden)


def check_error(error: Any, dtype: str, terms: int, magnitude: Any) -> None:
    """A sum of products has an error of some half units in the last place a term, of the sum of magnitudes."""
    assert np.all(np.abs(error) <= np.finfo(dtype).eps * (terms + 4) * magnitude)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@given(hidden=SIZES, inputs=st.integers(1, 20), batch=SIZES)
def test_a_step_is_w_h_and_u_x_and_b(dtype: str, hidden: int, inputs: int, batch: int) -> None:
    structure, p, x, h, _ = linear_step(hidden, inputs, batch, dtype)
    got = core.matrix_forward(structure, p, x, initial={"h_0": h})["h"][:, 0]
    wide = {name: value.astype(np.longdouble) for name, value in p.items()}
    bias = wide["bias_ih_l0"] + wide["bias_hh_l0"]
    want = h @ wide["weight_hh_l0"].T + x[:, 0] @ wide["weight_ih_l0"].T + bias
    magnitude = (
        np.abs(h) @ np.abs(p["weight_hh_l0"]).T
        + np.abs(x[:, 0]) @ np.abs(p["weight_ih_l0"]).T
        + np.abs(p["bias_ih_l0"])
        + np.abs(p["bias_hh_l0"])
    )
    check_error(got - want, dtype, hidden + inputs, magnitude)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@given(hidden=SIZES, inputs=st.integers(1, 20), batch=SIZES)
def test_its_way_back_is_the_transpose_and_the_outer_products(dtype: str, hidden: int, inputs: int, batch: int) -> None:
    structure, p, x, h, g = linear_step(hidden, inputs, batch, dtype)
    state = core.matrix_forward(structure, p, x, initial={"h_0": h})["h"][:, 0]
    # With targets h - batch g, the derivative of the mean half squared error by h is g, but for the rounding of this.
    out = core.matrix_gradient(structure, p, x, state - batch * g, initial={"h_0": h}, keep=True)
    delta = out["delta"][:, 0, 0].astype(np.longdouble)
    np.testing.assert_allclose(
        delta.astype(dtype), g, rtol=0, atol=200 * np.finfo(dtype).eps * (1 + np.abs(state)).max()
    )
    error = out["initial_gradient"]["h_0"] - delta @ p["weight_hh_l0"]
    check_error(error, dtype, hidden, np.abs(delta) @ np.abs(p["weight_hh_l0"]))
    for name, factor in (("weight_hh_l0", h), ("weight_ih_l0", x[:, 0]), ("bias_hh_l0", np.ones((batch, 1)))):
        want, magnitude = delta.T @ factor, np.abs(delta).T @ np.abs(factor)
        check_error(out["gradient"][name].reshape(want.shape) - want, dtype, batch, magnitude)
