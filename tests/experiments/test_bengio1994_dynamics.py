"""The experiments on attractors and on robust latching: their claims can turn, and what is measured is what it says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from analyses import claim_of, computed, turned
from rnnlatch import dynamics
from rnnlatch.experiments.bengio1994 import attractors, robustness_adversary, robustness_networks

ATTRACTORS = "bengio1994-attractors"
ROBUSTNESS = "bengio1994-robustness"
Changes = dict[str, Callable[[xr.DataArray], Any]]


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("has two attractors, one of each sign", {"stable_points": lambda x: x.where(x.proven_weight < 5, 1)}),
        ("has two attractors, one of each sign", {"fixed_points": lambda x: x.where(x.proven_weight != 0.5, 2)}),
        ("leaves the unit both attractors", {"fixed_points": lambda x: x.where(x.proven_input < 1, 3)}),
        ("which the paper does not print", {"saddle_node": lambda x: x + 1e-9}),
        ("which the paper does not print", {"scan_low": lambda x: x + 0.1}),
        ("h* increases with w", {"scan_low": lambda x: x * 0}),
        ("the two basins meet at the unstable", {"basin": lambda x: x.where(x.basin_start > -2.9, 1)}),
        ("beyond its other attractor after finitely", {"beyond_steps": lambda x: x.where(x.excess > 1e-4, 0)}),
        ("It has to come that far", {"basin": lambda x: x.where(x.basin_start > 2, 0)}),
        ("L1 decreases with |h|", {"escape_steps": lambda x: x.where(x.excess < 1, 30)}),
        ("an escape takes as long as one likes", {"escape_steps": lambda x: x * 2}),
        ("stays below h* never turns", {"lost": lambda x: x + 1}),
        ("Noise above h* turns it", {"lost": lambda x: x * 0 + 290}),
        ("h* is the measure of the noise", {"lost": lambda x: x * 0 + x.isel(weight=0)}),
        ("read as a variance", {"kept_2b": lambda x: x * 0 + 290}),
        ("read as a standard deviation", {"kept_2b": lambda x: x * 0 + 150}),
    ],
)
def test_claims_about_attractors_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(ATTRACTORS, words, **changes)
    assert before is not None
    assert after is (not before)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("a small ball of uncertainty grows", {"outside_grown": lambda x: x - 1}),
        ("There it grows exponentially", {"outside_tenfold": lambda x: x * 0 + 10**6}),
        ("Inside the set of a single unit", {"inside_grown": lambda x: x + 1}),
        ("The same holds in a network", {"inside_grown": lambda x: x * 0}),
        ("is a hyperbolic attractor as definition 2", {"expanding": lambda x: x * 0}),
        ("leaves what is latched within d", {"worst_distance": lambda x: x.where(x.network > 0, 100.0)}),
        ("leaves what is latched within d", {"latched": lambda x: x & (x.network > 0)}),
        ("theorem 3 allows some noise", {"bound": lambda x: x + 0.1}),
        ("In a norm that is adapted", {"adapted_bound": lambda x: x.where(x.network > 0, 0)}),
        ("to a factor of two", {"least_noise": lambda x: x * 0}),
        ("no larger than it need be", {"worst_distance": lambda x: x * 0 + 100}),
        ("it stays below lambda^t", {"excess": lambda x: x * 0 + 0.1}),
        ("as definitions 4 and 5 have it", {"pair_radius": lambda x: x * 0}),
        ("as definitions 4 and 5 have it", {"pair_latched": lambda x: x & False}),
        ("at the rate of the eigenvalue", {"boundary_rate": lambda x: x * 1.1}),
        ("It grows whichever way", {"boundary_rest": lambda x: x * 0 + 1}),
    ],
)
def test_claims_about_robustness_can_turn(words: str, changes: Changes) -> None:
    before, after = turned(ROBUSTNESS, words, **changes)
    assert before is not None
    assert after is (not before)


def test_few_sequences_leave_the_claims_about_noise_open() -> None:
    assert turned(ATTRACTORS, "read as a variance", kept_2b=lambda x: x * 0 + 243)[1] is None
    assert turned(ATTRACTORS, "Noise above h* turns it", lost=lambda x: x * 0 + 150)[1] is None


def test_without_a_saddle_or_an_orbit_nothing_is_said() -> None:
    assert turned(ROBUSTNESS, "at the rate of the eigenvalue", boundary_expected=lambda x: x * np.nan)[1] is None
    data = computed(ROBUSTNESS).isel(orbit=slice(0, 0))
    assert claim_of(ROBUSTNESS, data, "is a hyperbolic attractor").held is None


# Attractors.


def test_the_first_turn_is_the_first_step_below_zero() -> None:
    rng = np.random.default_rng(0)
    w, start = 1.25, float(dynamics.attractor(1.25))
    noise = rng.normal(0, 0.4, (40, 60))
    found = attractors._turned(w, start, noise)
    for row, expected in zip(noise, found, strict=True):
        a, turn = start, len(row) + 1
        for step, u in enumerate(row, 1):
            a = w * np.tanh(a) + u
            if a < 0:
                turn = step
                break
        assert expected == turn
    assert (found <= 60).any() > (found == 61).all()


def test_more_noise_and_more_steps_turn_more_bits() -> None:
    lost = computed(ATTRACTORS)["lost"]
    assert (lost.diff("length") >= 0).all()
    # The same noise is scaled: nearly every sequence that a smaller one turns is turned by a larger one.
    assert (lost.diff("size") >= -5).all()
    assert (lost.sel(law="uniform", size=0.99) == 0).all()


# Robustness.


def test_the_least_noise_for_one_unit_is_the_threshold() -> None:
    latches = [robustness_networks.latch_of(w) for w in (1.25, 2.0)]
    found = robustness_adversary.least_noise(latches, np.random.default_rng(0))
    threshold = dynamics.escape_threshold([1.25, 2.0])
    assert (found > threshold).all()
    # In 300 steps an escape takes an excess of about pi^2 / (s 300^2); the bisection is that fine.
    np.testing.assert_allclose(found, threshold, rtol=0.02)


def test_the_least_noise_turns_the_bit_and_the_bound_does_not() -> None:
    rng = np.random.default_rng(1)
    networks, _ = robustness_networks.draw(2, 2, rng)
    least = robustness_adversary.least_noise(networks, rng)
    for network, noise in zip(networks, least, strict=True):
        path = robustness_adversary.way_out(network, noise * 1.001, rng)
        assert np.linalg.norm(path[0] - network.centre) == 0
        own = np.linalg.norm(path[-1] - network.centre)
        assert np.linalg.norm(path[-1] - network.others, axis=1).min() < own
        pushes = np.linalg.norm(path[1:] - network.step(path[:-1]), axis=1)
        assert pushes.max() <= noise * 1.0011
        course = robustness_networks.tube(network, rng)
        assert max(course.bound, course.adapted) < noise


def test_to_and_fro_is_driven_by_inputs_between_two_states_of_the_set() -> None:
    rng = np.random.default_rng(0)
    network = robustness_networks.Latching(np.array([[0.0, -2.4], [-0.6, 1.4]]), np.zeros(2), np.zeros((1, 2)), np.nan)
    cell, params = network.network
    found = dynamics.basins(cell, params, starts=20, variable="pre_activation")
    centre = found["state"].values[0, 0]
    network = network._replace(centre=centre, others=-centre[None])
    inside, outside, states = robustness_networks.grown(network, rng)
    assert len(inside) == len(states) > 0 < len(outside)
    assert (outside >= 1).all()
    radius, latched, log_norm, pair = robustness_networks.alternation(network, states)
    product = network.derivative(pair[1]) @ network.derivative(pair[0])
    assert radius == pytest.approx(np.abs(np.linalg.eigvals(product)).max())
    assert radius > 1
    assert latched.all()
    # Two steps multiply by that eigenvalue in the end.
    assert (log_norm[-1] - log_norm[-21]) / 10 == pytest.approx(np.log(radius), rel=1e-6)


def test_the_boundary_leads_to_the_saddle_at_its_rate() -> None:
    weight = np.array(
        [[2.0, 0.0], [0.0, 0.5]]
    )  # the first unit latches, and the second one decays; the boundary is a_0 = 0
    rest = float(dynamics.attractor(2.0))
    network = robustness_networks.Latching(weight, np.array([-rest, 0.0]), np.array([[rest, 0.0]]), 0.5)
    found = robustness_networks.along_the_boundary(network, np.random.default_rng(0))
    assert found.expected == pytest.approx(np.log(2), rel=1e-9)
    assert found.rate == pytest.approx(np.log(2), rel=1e-6)
    peak = int(found.log_norm.argmax())
    assert found.log_norm[peak] > 25
    np.testing.assert_allclose(np.diff(found.log_rest[10:20]), np.log(0.5), rtol=1e-2)


def test_every_network_is_latched_to_a_fixed_point_beside_others() -> None:
    networks, orbits = robustness_networks.draw(3, 3, np.random.default_rng(0))
    for network in networks:
        np.testing.assert_allclose(network.step(network.centre), network.centre, atol=1e-12)
        assert np.abs(np.linalg.eigvals(network.derivative(network.centre))).max() == pytest.approx(network.multiplier)
        assert np.abs(network.others - network.centre).max(axis=1).min() > 1e-6
        slopes = np.diag(1 - np.tanh(network.centre) ** 2)
        np.testing.assert_allclose(network.derivative(network.centre), network.weight @ slopes, rtol=1e-9)
    assert all(value > 0 for value in orbits)
