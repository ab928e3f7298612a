"""The reference's discrete error propagation, and redrawing after an error."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from reference import stepwise, tasks
from reference.presentation import Network, Presentation, present
from reference.stepwise_cases import all_of, draw_parameters, make_run, parity_network
from reference.test_tasks import FALSE_ALARM, KEY, STREAM
from rnnlatch import random


@pytest.mark.parametrize("bound", [0.5, 1.0, 2.0])
def test_the_mean_of_the_discretised_error(bound: float) -> None:
    """E[S(g)] = 2 g / M within the range, +-2 beyond it: exactly so many +2 as the binomial distribution lets through."""
    count = 4000
    for number, g in enumerate(bound * np.array([-1.5, -1.0, -0.6, 0.0, 0.25, 0.9, 1.0, 3.0])):
        u = random.uniform53(KEY, [STREAM], tasks.DECISION, number, count)[0]
        drawn = [stepwise.discretised(float(g), bound, float(number)) for number in u]
        assert set(drawn) <= {-2, 2}
        mean = 2 * min(max(g, -bound), bound) / bound
        ups = drawn.count(2)
        assert stats.binomtest(ups, count, (mean + 2) / 4).pvalue > FALSE_ALARM / 8
        if abs(g) >= bound:
            assert np.mean(drawn) == mean


def test_the_pseudo_gradient_is_the_inverse_of_the_change_that_turns_the_unit() -> None:
    for a in (-2.0, -0.1, 0.0, 0.3, 4.0):
        for wanted in (2, -2):
            pg = stepwise.pseudo_gradient(wanted, a, 0.5)
            satisfied = (a >= 0) == (wanted == 2)
            assert (pg == 0) == satisfied
            if not satisfied:
                assert a + 1 / pg == pytest.approx(0.5 if wanted == 2 else -0.5)


def test_one_unit_by_hand() -> None:
    """y = sign(w u + v y'), two steps, wrong at the end; with M so small that the discretisation is certain."""
    structure, columns = make_run("DiscreteErrorPropagation", hidden=1, activation="sign", bound=1e-3, length_high=2)
    parameters = {"weight_ih_l0": np.array([[1.0]]), "weight_hh_l0": np.array([[0.5]])}
    network = Network(structure, parameters, all_of(parameters))
    sequence = tasks.Sequence(np.array([[-1.0], [-1.0]]), 0, np.array([1.0]), 1)
    trace = network.gradient(sequence)
    shown = present(network, columns, KEY, STREAM, 0)._replace(sequence=sequence, trace=trace, wrong=True)
    made = stepwise.DiscreteErrorPropagation(network, structure, columns, KEY, STREAM)
    # a = (-1, -1.5): y(2) = -1 is to be +1, pg = 1 / (0.5 + 1.5); y(1) is asked for 0.5 pg > M: up, 1 / (0.5 + 1).
    last, before = 1 / 2.0, 1 / 1.5
    change = made.changes(network, shown)
    assert change["weight_ih_l0"].item() == pytest.approx(-last - before)
    assert change["weight_hh_l0"].item() == pytest.approx(-last)
    made.update(network, [shown._replace(wrong=False)])
    np.testing.assert_array_equal(network.theta, [1.0, 0.5])
    made.update(network, [shown])
    np.testing.assert_allclose(network.theta, np.array([1.0 - 0.1 * (last + before), 0.5 - 0.1 * last]))


def test_the_error_reaches_a_unit_that_is_read_at_the_same_step() -> None:
    structure, columns = make_run("DiscreteErrorPropagation", bound=1e-3)
    network_structure, same_step = parity_network()
    structure |= network_structure | {"bias": 1}
    parameters = {
        "weight_ih_l0": np.array([[1.0], [0.0]]),
        "weight_hh_l0": np.array([[0.0, 0.0], [2.0, 0.0]]),
        "bias_ih_l0": np.zeros(2),
        "bias_hh_l0": np.zeros(2),
    }
    network = Network(structure, parameters, all_of(parameters), {"same_step": same_step})
    sequence = tasks.Sequence(np.array([[-1.0]]), 0, np.array([1.0]), 1)
    shown = present(network, columns, KEY, STREAM, 0)._replace(
        sequence=sequence, trace=network.gradient(sequence), wrong=True
    )
    change = stepwise.DiscreteErrorPropagation(network, structure, columns, KEY, STREAM).changes(network, shown)
    # Output: a = -2, 1 / 2.5; hidden: asked for 2 / 2.5, a = -1, 1 / 1.5. The output read y_hidden = -1.
    np.testing.assert_allclose(change["bias_ih_l0"], [1 / 1.5, 1 / 2.5])
    np.testing.assert_allclose(change["weight_hh_l0"], [[0.0, 0.0], [-1 / 2.5, 0.0]])
    np.testing.assert_allclose(change["weight_ih_l0"], [[-1 / 1.5], [-1 / 2.5]])


def test_each_unit_has_its_own_chance_at_each_step() -> None:
    """With an endless range all is even chance: what reaches the last unit is decided by the number of its own place."""
    structure, columns = make_run("DiscreteErrorPropagation", activation="sign", bound=1e9, read_unit=1)
    parameters = {"weight_ih_l0": np.zeros((3, 1)), "weight_hh_l0": np.zeros((3, 3))}
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.DiscreteErrorPropagation(network, structure, columns, KEY, STREAM)
    sequence = tasks.Sequence(np.ones((8, 1)), 2, np.array([-1.0]), 0)
    trace = network.gradient(sequence)
    moved = []
    for p in range(40):
        change = made.changes(network, Presentation(p, sequence, trace, True, np.zeros(12)))
        u = random.uniform53(KEY, [STREAM], tasks.DECISION, p, 24)[0]
        down = u[7 * 3 + 1] >= 0.5
        # a = 0 everywhere, hence +1: only the wish for -1 asks for a change, of -1 / epsilon.
        np.testing.assert_array_equal(change["weight_ih_l0"], [[0.0], [-2.0 if down else 0.0], [0.0]])
        moved.append(down)
    assert 0 < sum(moved) < 40


def test_redrawing() -> None:
    """The numbers of each redraw are those of its own place; where an answer is right nothing is drawn."""
    structure, columns = make_run("RedrawAfterError", std=2.0)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.RedrawAfterError(network, structure, columns, KEY, STREAM)
    shown = present(network, columns, KEY, STREAM, 0)
    for redraw, wrong in enumerate([True, True]):
        made.update(network, [shown._replace(wrong=not wrong)])
        made.update(network, [shown._replace(wrong=wrong)])
        expected = 2 * random.normal(KEY, [STREAM], tasks.PROPOSAL, redraw, 12)[0]
        np.testing.assert_array_equal(network.theta, expected)
