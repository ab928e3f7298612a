"""What the analyses have in common: many networks, names of sweeps, memory, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from network_cases import Drawn, draw, make_cell
from rnnlatch.cells import NetworkCell
from rnnlatch.gradients import (
    _analysis,
    by_lag,
    curvature,
    hessian,
    jacobian_products,
    memory,
    omega,
    singular_spectrum,
)


def spectrum(cell: NetworkCell, params: Any, inputs: Any, *_: Any, targets: Any = None, **more: Any) -> xr.Dataset:
    """The one analysis without a loss, called as the others are."""
    del targets
    return singular_spectrum(cell, params, inputs, **more)


ANALYSES: dict[str, Any] = {
    "by_lag": by_lag,
    "omega": omega,
    "jacobian_products": jacobian_products,
    "singular_spectrum": spectrum,
    "curvature": curvature,
}
each_analysis = pytest.mark.parametrize("analysis", ANALYSES.values(), ids=ANALYSES.keys())


def sweep(cell: NetworkCell, *names: str) -> xr.Dataset:
    """Parameters of 2 x 3 networks with two axes of these names."""
    flat = cell.initial_parameters(0, runs=6)
    parts = cell.parameters()
    arrays = {name: value.reshape(2, 3, *value.shape[1:]) for name, value in flat.items()}
    coords = {name: np.arange(2 + i) / 10 for i, name in enumerate(names)}
    return xr.Dataset({name: ((*names, *parts[name].dims), value) for name, value in arrays.items()}, coords)


def arguments(cell: NetworkCell, **more: Any) -> Drawn:
    given = draw(cell, time=4, **more)
    return {name: given[name] for name in ("inputs", "targets")}


@each_analysis
@pytest.mark.parametrize("at_once", [1, 20_000, 2**25])
def test_each_of_many_networks_is_as_if_alone(analysis: Any, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_analysis, "_AT_ONCE", at_once)
    cell = make_cell("tanh", outputs=2)
    params = cell.initial_parameters(0, runs=7)
    for own in (False, True):
        given = arguments(cell, runs=7 if own else None)
        lengths = np.random.default_rng(0).integers(1, 5, (7, 4) if own else 4)
        found = analysis(cell, params, **given, lengths=lengths)
        for run in (0, 6):
            alone = {name: value[run] for name, value in given.items()} if own else given
            one = {name: value[run] for name, value in params.items()}
            expected = analysis(cell, one, **alone, lengths=lengths[run] if own else lengths)
            for name, value in expected.items():
                np.testing.assert_array_equal(found[name][run], value, err_msg=str(name))


@each_analysis
def test_a_network_with_many_inputs(analysis: Any) -> None:
    cell = make_cell("tanh", outputs=2)
    params, given = cell.initial_parameters(0), arguments(cell, runs=3)
    found = analysis(cell, params, **given)
    assert dict(found.sizes)["run"] == 3
    expected = analysis(cell, params, given["inputs"][2], given["targets"][2])
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name][2], value)


@each_analysis
def test_axes_of_a_sweep(analysis: Any) -> None:
    cell = make_cell("tanh")
    given = arguments(cell)
    params = sweep(cell, "w", "run")
    found = analysis(cell, params, **given)
    for name in found:
        assert found[name].dims[:2] == ("w", "run")
    np.testing.assert_array_equal(found["w"], [0.0, 0.1])
    one = analysis(cell, params.isel(w=1), **given)
    assert float(one["w"]) == 0.1
    alone = analysis(cell, params.isel(w=1, run=2), **given)
    assert (float(alone["w"]), float(alone["run"])) == (0.1, 0.2)
    for name, value in found.items():
        np.testing.assert_array_equal(value[1, 2], alone[name])
    # The number of the run is not that of runs which the inputs have.
    many = analysis(cell, params.isel(w=1, run=2), **arguments(cell, runs=2))
    assert "run" not in many.coords
    assert many.sizes["run"] == 2


def test_the_hessian_keeps_where_its_network_comes_from() -> None:
    cell = make_cell("tanh", inputs=1, hidden=2)
    assert float(hessian(cell, sweep(cell, "w", "run").isel(w=1, run=0), **arguments(cell))["w"]) == 0.1


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("sequence", set(ANALYSES) - {"by_lag"}),
        ("lag", {"by_lag", "jacobian_products", "singular_spectrum"}),
        ("time", {"omega", "curvature"}),
        ("norm", {"by_lag"}),
        ("gamma", {"jacobian_products"}),
    ],
)
def test_axes_with_names_that_the_result_has_are_refused(name: str, taken: set[str]) -> None:
    cell = make_cell("tanh")
    given = arguments(cell)
    params = sweep(cell, "w", name)
    for word, analysis in ANALYSES.items():
        if word not in taken:
            assert name in analysis(cell, params, **given).dims
            continue
        message = (
            f"params has the dimension '{name}', which the result has for something else; call it otherwise, with "
        )
        with pytest.raises(ValueError, match=message + rf"params.rename\({name}=…\)"):
            analysis(cell, params, **given)
        aside = params.rename({name: "run"}).assign_coords({name: 3.0})
        with pytest.raises(ValueError, match=f"params has the coordinate '{name}'"):
            analysis(cell, aside, **given)
        analysis(cell, params.rename({name: "other"}), **given)


@pytest.mark.parametrize("analysis", [by_lag, omega], ids=["by_lag", "omega"])
def test_targets_are_needed(analysis: Any) -> None:
    cell = make_cell("tanh")
    with pytest.raises(TypeError, match="targets is None; it must be an array, of which a loss is made"):
        analysis(cell, cell.initial_parameters(0), np.ones((1, 4, 3)), None)


def test_a_loss_that_is_not_needed_is_checked() -> None:
    cell = make_cell("tanh")
    with pytest.raises(ValueError, match="loss is 'absolute'; it must be 'half_squared_error' or"):
        jacobian_products(cell, cell.initial_parameters(0), np.ones((1, 4, 3)), loss="absolute")


@pytest.mark.parametrize("kind", ["tanh", "LSTM", "diagonal"])
def test_memory_is_asked_for_first(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LITTLE", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    cell = make_cell(kind)
    params, given = cell.initial_parameters(0, runs=2), arguments(cell)
    rest = r" needs [\d.]+ kB besides its arguments, and 1 kB are available; use fewer"
    weights = sum(value[0].size for value in params.values())
    with pytest.raises(MemoryError, match=f"by_lag of 2 × {weights} parameters at 4 lags" + rest):
        by_lag(cell, params, **given)
    with pytest.raises(MemoryError, match="jacobian_products of 2 networks on 4 sequences of 4 steps" + rest):
        jacobian_products(cell, params, **given)
    with pytest.raises(MemoryError, match="singular_spectrum of 2 networks on 4 sequences at 5 lags" + rest):
        singular_spectrum(cell, params, given["inputs"])
    if kind != "LSTM":
        with pytest.raises(MemoryError, match="omega of 2 networks on 4 sequences of 4 steps" + rest):
            omega(cell, params, **given)


def test_what_would_fill_the_memory_is_refused_at_once() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=1000)
    params = cell.initial_parameters(0)
    inputs, targets = np.zeros((1, 1_000_000, 1)), np.zeros((1, 1000))
    with pytest.raises(MemoryError, match=r"by_lag of 1 × 1003000 parameters at 1000000 lags needs 8\.\d+ TB"):
        by_lag(cell, params, inputs, targets)
