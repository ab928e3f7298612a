"""What datasets of dynamics have in common: eigenvalues in one order, coordinates by their names, where it comes from."""

from __future__ import annotations

import json

import numpy as np
import pytest

import rnnlatch
from dynamics.maps import henon_map, network
from rnnlatch.dynamics import _results, system


def test_eigenvalues_are_in_an_order_that_rounding_does_not_change() -> None:
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    inner = np.zeros((5, 5))
    inner[:2, :2] = [[0.6, -0.8], [0.8, 0.6]]  # a pair on the unit circle, with 1 and -1 there too
    inner[2, 2], inner[3, 3], inner[4, 4] = 1, -1, 2
    expected = [2, 1, 0.6 + 0.8j, 0.6 - 0.8j, -1]
    for _ in range(20):
        noise = 1e-14 * rng.normal(size=(5, 5))
        for scale in (1e-9, 1, 1e9):
            found = _results.eigenvalues(scale * (basis @ (inner + noise) @ basis.T))
            assert found / scale == pytest.approx(expected, abs=1e-12)


def test_eigenvalues_of_what_is_no_matrix() -> None:
    found = _results.eigenvalues([[[np.nan, 0.0], [0.0, 1.0]], [[3.0, 0.0], [0.0, -4.0]]])
    assert np.isnan(found[0].real).all()
    assert np.isnan(found[0].imag).all()
    assert found[1].tolist() == [-4, 3]
    assert _results.eigenvalues(np.zeros((0, 3, 3))).shape == (0, 3)
    assert _results.eigenvalues(np.zeros((2, 2))).tolist() == [0, 0]


def test_states_have_the_names_of_their_system() -> None:
    cell, params, u, _ = network("LSTM", hidden=2)
    one = system(cell, params, input=u)
    named = _results.states(one, [[1.0, 2.0, 3.0, 4.0]], ("point",), "somewhere")
    assert {name: value.values.tolist() for name, value in named.items()} == {"state": [[1, 2]], "cell_state": [[3, 4]]}
    assert _results.unit(one)["unit"].values.tolist() == [0, 1]
    assert _results.unit(one)["unit"].dtype.kind == "i"
    cell, params, u, _ = network("tanh", hidden=2)
    one = system(cell, params, input=u, variable="pre_activation")
    named = _results.states(one, [[1.0, 2.0]], ("point",), "somewhere")
    assert named["state"].attrs["long_name"] == "pre-activation somewhere"
    assert _results.unit(one)["unit"].values.tolist() == ["a0", "a1"]
    assert _results.unit(henon_map())["unit"].values.tolist() == ["x0", "x1"]


def test_a_dataset_says_where_it_comes_from() -> None:
    cell, params, u, _ = network("GRU", hidden=2)
    found = _results.assemble(
        system(cell, params, input=u), "a test", {}, {}, rng="none", settings={"a": [1, 2.5]}, boxes=3
    )
    assert found.attrs["rnnlatch_version"] == rnnlatch.__version__
    assert (found.attrs["source"], found.attrs["variable"], found.attrs["boxes"]) == ("a test", "state", 3)
    settings = json.loads(found.attrs["parameters"])
    assert settings["a"] == [1, 2.5]
    assert settings["cell"]["type"] == "GRU"
    plain = _results.assemble(henon_map(), "a test", {}, {})
    assert plain.attrs["system"] == "Hénon map(a=1.3999999999999999, b=0.29999999999999999)"
