"""The curvature of Becker and LeCun against its recursion, and against the Hessian where it is exact."""

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from network_cases import KINDS, assert_close, draw, make_cell, reference, tolerance
from rnnlatch.gradients import curvature, hessian


@pytest.mark.parametrize("second_order", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "logistic", "linear"])
def test_the_recursion_of_a_plain_network(activation: str, second_order: bool) -> None:
    """H_a = f'^2 H_h (+ f'' dE/dh), H_h before = sum w^2 H_a, and H_a x^2 for each weight at each step."""
    cell = make_cell(activation)
    drawn = draw(cell, at="every")
    found = curvature(cell, **drawn, second_order=second_order)
    trace = reference(cell, drawn)
    w = drawn["params"]["weight_hh_l0"]
    h = trace.h
    slope = {"tanh": 1 - h**2, "logistic": h * (1 - h), "linear": np.ones_like(h)}[activation]
    bend = {"tanh": -2 * h * slope, "logistic": slope * (1 - 2 * h), "linear": 0 * h}[activation]
    before = np.concatenate([np.zeros((4, 1, 5)), h[:, :-1]], axis=1)
    h_h = np.zeros((4, 5))
    for t in reversed(range(9)):
        h_h = h_h + 1 / 4
        h_a = slope[:, t] ** 2 * h_h + second_order * bend[:, t] * trace.state_gradient[:, t, 0]
        limit = 10 * tolerance(cell, 9)
        got = found.isel(time=t)
        assert_close(got.bias_ih_l0_by_step, h_a, limit)
        assert_close(got.weight_hh_l0_by_step, h_a[:, :, None] * before[:, t, None, :] ** 2, limit)
        assert_close(got.weight_ih_l0_by_step, h_a[:, :, None] * drawn["inputs"][:, t, None, :] ** 2, limit)
        h_h = h_a @ w**2


@pytest.mark.parametrize("kind", ["tanh", "diagonal", "LSTM", "GRU"])
@pytest.mark.parametrize("runs", [None, 3])
def test_the_sum_over_steps(kind: str, runs: int | None) -> None:
    cell = make_cell(kind, outputs=2, mask_ih=np.eye(5, 3, dtype=int), fixed=["bias_ih_l0"])
    drawn = draw(cell, runs=runs) | {"lengths": np.array([9, 2, 5, 1])}
    found = curvature(cell, **drawn)
    lead = () if runs is None else ("run",)
    for name, part in cell.parameters().items():
        assert found[name].dims == (*lead, *part.dims)
        assert found[f"{name}_by_step"].dims == (*lead, "sequence", "time", *part.dims)
        total = found[f"{name}_by_step"].sum(("sequence", "time"))
        assert_close(found[name], total, 1e-13)
        assert (found[name] >= 0).all()
    assert (found.bias_ih_l0 == 0).all()
    assert (found.weight_ih_l0.values[..., 4, :] == 0).all()
    assert (found.bias_hh_l0_by_step.isel(sequence=1, time=slice(7)) == 0).all()
    for value in found.variables.values():
        assert {"long_name", "units"} <= value.attrs.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_a_learned_initial_state_is_used_at_no_step(kind: str) -> None:
    cell = make_cell(kind, outputs=2, initial_state="learned")
    drawn = draw(cell)
    found = curvature(cell, **drawn)
    for name, part in cell.parameters().items():
        assert found[name].dims == part.dims
        assert (f"{name}_by_step" in found) == (name not in cell.states)
    whole = curvature(cell, **drawn, by_step=False)
    np.testing.assert_array_equal(found["h_0"], whole["h_0"])


def test_the_latch_has_the_exact_second_derivative_by_step() -> None:
    """One unit has no other units to leave out: with all terms the curvature at the last step is the second derivative."""
    cell = rl.cells.VanillaRNN(inputs=1, hidden=1)
    drawn = draw(cell, time=1, batch=1)
    found = curvature(cell, **drawn, second_order=True)
    exact = np.diag(hessian(cell, **drawn).hessian)
    got = [float(found[name].values.ravel()[0]) for name in cell.parameter_shapes]
    np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ["time", "weight_hh_l0_by_step"])
def test_names_of_the_result_are_no_names_of_networks(name: str) -> None:
    cell = make_cell("tanh")
    drawn = draw(cell, runs=2)
    params = cell.initial_parameters(0, runs=2)
    given = xr.Dataset({key: ((name, *part.dims), params[key]) for key, part in cell.parameters().items()})
    with pytest.raises(ValueError, match=f"params has the dimension '{name}', which the result has"):
        curvature(cell, **(drawn | {"params": given}))


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnlatch.gradients import becker_lecun

    monkeypatch.setattr(becker_lecun, "available_memory", lambda: 1000)
    cell = make_cell("tanh")
    with pytest.raises(MemoryError, match=r"the curvature of 50 parameters at 9 steps of 4 sequences needs 14.4 kB"):
        curvature(cell, **draw(cell))
    whole = curvature(cell, **draw(cell), by_step=False)
    assert set(whole) == set(cell.parameter_shapes)
    assert dict(whole.coords) == {}
