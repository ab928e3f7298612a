"""Figures 3 to 5 of Pascanu et al.: the claims can turn, and what they rest on is right."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import special

from analyses import computed, turned
from reference import dynamics as reference
from rnnlatch.experiments.pascanu2013 import basins_networks, one_unit

BIFURCATION, BASINS = "pascanu2013-bifurcation", "pascanu2013-basins"

Changes = dict[str, Callable[[xr.DataArray], Any]]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("Between b1 and b2 there are two", {"settled_state": lambda x: x.where(x.start > 0, 3.0)}),
        ("Between b1 and b2 there are two", {"settled_state": lambda x: x * 0}),
        ("The bifurcations are the two points", {"special_value": lambda x: x + 1e-9}),
        ("The bifurcations are the two points", {"special_kind": lambda x: x.where(x.special > 0, "pitchfork")}),
        ("is the boundary between the basins", {"misplaced": lambda x: x + 1}),
        ("A unit whose b moves slowly", {"delay": lambda x: x + 0.01}),
        ("The jump comes late", {"delay": lambda x: x * 1.2}),
        ("The jump comes late", {"delay": lambda x: x.where(x.sweep != x.sweep[-2], 1.3 * x)}),
        ("Two attractors need w above 4", {"fixed_points": lambda x: x * 0 + 2}),
        ("Two attractors need w above 4", {"edge_x": lambda x: x + 1e-6}),
        ("Two attractors need w above 4", {"all_fixed_points": lambda x: x * 0 + 3}),
        ("To cross a bifurcation is not sufficient", {"far_derivative": lambda x: 2 * x}),
        ("Nor is it necessary", {"middle_derivative": lambda x: x / 100}),
        ("There are two bifurcations, but", {"boundary_derivative": lambda x: x * (1 + 1e-5)}),
        ("There are two bifurcations, but", {"boundary_slope": lambda x: x - 0.2}),
        ("Crossing a bifurcation can make", {"bifurcation_derivative": lambda x: x / 100}),
        ("exponentially in T", {"bifurcation_derivative": lambda x: 1.25**x.horizon}),
    ],
)
def test_claims_on_bifurcations_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(BIFURCATION, words, **changes)
    assert isinstance(before, bool)
    assert after is (not before)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("Two trajectories of one map", {"start_x": lambda x: x.where(x.gap < 1e-3, 0.0)}),
        ("Until then their distance grows", {"start_x": lambda x: x.where(x.step != 60, 1.001 * x)}),
        ("Whether a small change of b matters", {"case_x": lambda x: x.where(x.side != "above", 0.0)}),
        ("Whether a small change of b matters", {"case_x": lambda x: x * 10}),
        ("The gradient peaks at the boundary", {"largest": lambda x: x * x.distance**-0.05}),
        ("The gradient peaks at the boundary", {"on_boundary": lambda x: 1.01 * x}),
        ("At a fixed step the peak is a needle", {"last": lambda x: x * x.distance**0.05}),
        ("Away from the boundary", {"last": lambda x: x * 1e6}),
        ("The gradient by w and b vanishes there", {"last_parameters": lambda x: x * 1e-6}),
        ("An input that carries the state over", {"threshold": lambda x: x + 1e-8}),
        ("There the gradient by the input", {"pulse_derivative": lambda x: x.shift(pulse=3, fill_value=0.0)}),
        ("There the gradient by the input", {"pulse_derivative": lambda x: x + 1.0}),
        ("Also under inputs that go on", {"above": lambda x: x * 0.8}),
        ("So it is for strong noise", {"above": lambda x: x * 0 + computed(BASINS)["above_predicted"]}),
        ("In a network of two units", {"growth": lambda x: -x}),
        ("Across each of its four boundaries", {"transect_growth": lambda x: 1.1 * x}),
        ("Across each of its four boundaries", {"transect_last": lambda x: 1.1 * x}),
        ("Elsewhere gradients vanish", {"last_norm": lambda x: x * 0}),
        ("Gradients explode only near", {"restless_growth": lambda x: -x}),
    ],
)
def test_claims_on_basins_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(BASINS, words, **changes)
    assert isinstance(before, bool)
    assert after is (not before)


def test_derivatives_of_the_unit_are_those_of_differences() -> None:
    w, b, x_0 = 5.0, -2.4, np.array([-3.0, 0.1, 2.0])
    step = 1e-6
    for steps in (2, 20):
        found = one_unit.last_state(w, b, x_0, steps)
        x = x_0
        for _ in range(steps):
            x = reference.logistic_map(w, b)(x)
        np.testing.assert_allclose(found.x, x, atol=1e-13)
        for name, moved in (("by_w", (step, 0, 0)), ("by_b", (0, step, 0)), ("by_start", (0, 0, step))):
            ends = [
                one_unit.last_state(w + sign * moved[0], b + sign * moved[1], x_0 + sign * moved[2], steps).x
                for sign in (1, -1)
            ]
            np.testing.assert_allclose(getattr(found, name), (ends[0] - ends[1]) / (2 * step), rtol=1e-6, atol=1e-8)


def test_the_largest_derivatives_are_those_of_single_steps() -> None:
    x_0 = np.array([-2.0, 1e-4, 0.5])
    by_b, by_start = one_unit.largest_derivatives(5.0, -2.5, x_0, 30)
    each = [one_unit.last_state(5.0, -2.5, x_0, steps) for steps in range(2, 31)]
    s = one_unit.logistic(x_0)
    first = 5 * s * (1 - s)
    np.testing.assert_allclose(by_b, np.maximum(1, np.max([np.abs(one.by_b) for one in each], axis=0)), rtol=1e-9)
    np.testing.assert_allclose(by_start, np.maximum(first, np.max([one.by_start for one in each], axis=0)), rtol=1e-9)


def test_trajectories_follow_the_paper() -> None:
    u = np.array([0.3, -0.2, 1.0])
    (found,) = one_unit.trajectories(4.5, -2.0, [0.7], u)
    x = 0.7
    for step, given in enumerate(u):
        x = float(reference.logistic_map(4.5, -2.0)(x)) + given
        assert found[step + 1] == pytest.approx(x, abs=1e-14)


def test_the_bifurcations_are_the_printed_ones() -> None:
    data = computed(BIFURCATION)
    np.testing.assert_allclose(data["saddle_node"], [-2.6556, -2.3444], atol=5e-5)
    exact = reference.logistic_saddle_nodes(5.0)
    np.testing.assert_allclose(data["saddle_node"], exact[:, 1], rtol=1e-15)
    np.testing.assert_allclose(np.sort(data["special_value"]), exact[:, 1], rtol=0, atol=1e-12)
    assert data.attrs["outcome"] == "complete at the seeds"


def test_the_passage_is_slow_by_the_first_zero_of_airys_function() -> None:
    data = computed(BIFURCATION)
    x = reference.logistic_saddle_nodes(5.0)[1, 0]
    near = 1e-4
    values = [float(reference.logistic_map(5.0, 0.0)(np.float64(x + d))) for d in (-near, 0, near)]
    kappa = (values[0] - 2 * values[1] + values[2]) / near**2 / 2
    zero = -special.ai_zeros(1)[0][0]
    expected = zero * (data["sweep_step"].values ** 2 / kappa) ** (1 / 3)
    np.testing.assert_allclose(data["predicted_delay"], expected, rtol=1e-6)


def test_states_settle_on_the_side_on_which_they_began() -> None:
    data = computed(BIFURCATION)
    assert int(data["misplaced"]) == 0
    derivative = data["derivative"]
    # The ridge is on the unstable branch: for b = -2.5 at 0.
    at = derivative.sel(b=-2.5, method="nearest")
    assert abs(float(at["start_x"][int(at.values.argmax())])) < 0.1


def test_spectral_norms_of_two_by_two_matrices() -> None:
    matrices = np.random.default_rng(0).normal(size=(50, 2, 2))
    np.testing.assert_allclose(
        basins_networks._spectral(matrices), np.linalg.norm(matrices, 2, axis=(1, 2)), rtol=1e-13
    )


def test_a_state_beside_another_basin_is_found() -> None:
    basin = np.zeros((4, 5), int)
    basin[3, 4] = 1
    expected = np.zeros((4, 5), bool)
    expected[2:, 3:] = True
    np.testing.assert_array_equal(basins_networks._beside(basin), expected)


def test_the_four_boundaries_are_crossed_where_the_attractor_changes() -> None:
    data = computed(BASINS)
    h = np.stack([data["h0"].values, data["h1"].values])
    for crossing in data["transect_crossing"].values:
        # One of the states around a crossing is in another basin than the rest.
        i, j = (int(np.argmin(np.abs(h[axis] - crossing[axis]))) for axis in range(2))
        assert bool(data["beside"].values[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2].any())
    assert data.sizes["attractor"] == 4


def test_noise_decides_near_the_boundary_as_predicted() -> None:
    # The sum of normal noises over powers of the slope, drawn directly.
    data = computed(BASINS)
    slope = float(data["boundary_slope"])
    assert slope == pytest.approx(1.25, abs=1e-12)
    rng = np.random.default_rng(1)
    total = (rng.standard_normal((20_000, 60)) / slope ** np.arange(1, 61)).sum(axis=1)
    for margin, predicted in zip(data["margin"].values, data["above_predicted"].values, strict=True):
        share = float((total > -margin).mean())
        # Five standard errors: one false alarm in a hundred thousand for the thirteen.
        assert abs(share - predicted) < 5 * np.sqrt(predicted * (1 - predicted) / total.size)
