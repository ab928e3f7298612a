"""The reference's second derivatives by each step's parameters, and the pseudo-Newton algorithm that uses them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize

from reference import curvature, networks, stepwise, tasks
from reference.arithmetic import Array
from reference.differences import EXTENDED
from reference.presentation import Network, present
from reference.stepwise_cases import OF_ALGORITHMS, all_of, draw_parameters, make_network, make_run
from reference.test_tasks import KEY, STREAM

# Curvature. What the approximation leaves out are cross terms between units and phi'' times the gradient.


def unfolded_loss(network: Network, sequence: tasks.Sequence, steps: dict[str, Array]) -> Array:
    """The loss of a network whose parameters are (T, *shape): others at every step."""
    structure = network.structure
    cell = networks.make_cell(structure, network.same_step)
    state: tuple[Array, ...] = (np.zeros(structure["hidden"], np.longdouble),)
    if "h_0" in steps:
        state = (steps["h_0"][sequence.start],)
    total = np.longdouble(0)
    rows = len(sequence.inputs)
    for t in range(sequence.start, rows):
        p = networks.full_parameters(structure, {name: value[t] for name, value in steps.items()})
        _, state = cell.step(p, sequence.inputs[t], state)
        if structure["at"] == "every" or t == rows - 1:
            target = sequence.target[t] if structure["at"] == "every" else sequence.target
            weight = 1 if sequence.mask is None else np.asarray(sequence.mask)[t if structure["at"] == "every" else ...]
            total += weight * networks.loss_term(structure["loss"], networks.readout(structure, p, state[0]), target)[0]
    return total


def unfolded_derivatives(network: Network, sequence: tasks.Sequence) -> tuple[dict[str, Array], dict[str, Array]]:
    """First and second derivatives by every parameter at every step: central differences in extended precision."""
    rows = len(sequence.inputs)
    steps = {n: np.repeat(v[None].astype(np.longdouble), rows, axis=0) for n, v in network.parameters.items()}
    h = np.longdouble(1e-3 if EXTENDED else 5e-3)
    first = {name: np.zeros(value.shape) for name, value in steps.items()}
    second = {name: np.zeros(value.shape) for name, value in steps.items()}
    middle = unfolded_loss(network, sequence, steps)
    for name, array in steps.items():
        for place in np.ndindex(array.shape):
            here, costs = array[place], []
            for times in (1, -1, 2, -2):
                array[place] = here + times * h
                costs.append(unfolded_loss(network, sequence, steps))
            array[place] = here
            first[name][place] = (8 * (costs[0] - costs[1]) - (costs[2] - costs[3])) / (12 * h)
            second[name][place] = (16 * (costs[0] + costs[1]) - (costs[2] + costs[3]) - 30 * middle) / (12 * h * h)
    return first, second


def with_target(network: Network, sequence: tasks.Sequence, reached: bool) -> tasks.Sequence:
    """The sequence with a target that the network reaches already, so that no gradient is left, or with its own."""
    return sequence._replace(target=network.forward(sequence)[1][-1]) if reached else sequence


def assert_close(got: Array, expected: Array, name: str) -> None:
    """As close as differences of the loss are exact."""
    tolerance = 1e-9 if EXTENDED else 1e-5
    np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("changes", [{"activation": "linear"}, {}, {"activation": "logistic"}, {"diagonal": 1}])
def test_curvature_of_a_chain_is_exact(changes: dict[str, Any]) -> None:
    """One unit, unfolded, is a chain: there are no cross terms, and where the target is reached phi'' has no part."""
    network, columns = make_network(hidden=1, bias=1, learned=True, **changes)
    for index in range(3):
        sequence = tasks.draw(network.structure, columns, KEY, STREAM, index)
        sequence = with_target(network, sequence, changes.get("activation") != "linear")
        expected = unfolded_derivatives(network, sequence)
        for got, wanted in zip(curvature.by_step(network, sequence), expected, strict=True):
            for name, value in wanted.items():
                assert_close(got[name], value, name)


@pytest.mark.parametrize("activation", ["tanh", "linear"])
def test_curvature_of_one_step_is_exact(activation: str) -> None:
    """Units that do not read each other, and the parity network's two, which are a chain at the first step."""
    for same_step, hidden in ((None, 3), (np.array([[0, 0], [1, 0]]), 2)):
        network, columns = make_network(
            hidden=hidden, read_unit=hidden - 1, bias=1, activation=activation, same_step=same_step
        )
        structure = {**network.structure, "length_low": 1, "length_high": 1, "prefix_low": 1, "prefix_high": 1}
        sequence = tasks.draw(structure, columns, KEY, STREAM, 1)
        sequence = with_target(network, sequence, activation == "tanh")
        _, second = curvature.by_step(network, sequence)
        _, expected = unfolded_derivatives(network, sequence)
        for name, value in expected.items():
            assert_close(second[name], value, name)


@pytest.mark.parametrize("loss", ["half_squared_error", "logistic_cross_entropy", "softmax_cross_entropy"])
def test_curvature_by_the_read_out_is_exact(loss: str) -> None:
    """At every step, with a mask: the loss of one step is its own function of the read-out's weights there."""
    network, columns = make_network(outputs=2, read_unit=-1, bias_out=1, loss=loss, at="every")
    rng = np.random.default_rng(1)
    target = {"half_squared_error": rng.normal(size=(4, 2)), "logistic_cross_entropy": rng.uniform(size=(4, 2))}
    sequence = tasks.draw(network.structure, columns, KEY, STREAM, 0)
    sequence = sequence._replace(target=target.get(loss, np.array([0, 1, 1, 0])), mask=rng.uniform(size=4))
    first, second = curvature.by_step(network, sequence)
    expected_first, expected_second = unfolded_derivatives(network, sequence)
    for name in ("weight_out", "bias_out"):
        assert_close(second[name], expected_second[name], name)
    for name, value in expected_first.items():
        assert_close(first[name], value, name)


@pytest.mark.parametrize("changes", [{}, {"diagonal": 1}, {"same_step": np.tril(np.ones((3, 3), int), -1)}])
def test_steps_add_up_to_the_gradient_and_curvature_is_positive(changes: dict[str, Any]) -> None:
    network, columns = make_network(bias=1, learned=True, **changes)
    sequence = tasks.draw(network.structure, columns, KEY, STREAM, 2)
    first, second = curvature.by_step(network, sequence)
    for name, value in network.gradient(sequence).gradient.items():
        np.testing.assert_allclose(first[name].sum(axis=0), value, rtol=1e-12, atol=1e-15)
        assert (second[name] >= 0).all()
    flat = network.flat(first)
    assert flat.shape == (4, len(network.theta))
    np.testing.assert_array_equal(flat[:, :3], first["weight_ih_l0"][:, :, 0])


# Pseudo-Newton.


def tied_weights(g: Array, h: Array, k: float) -> Array:
    """The weights w_t - w that minimise sum g_t d_t + h_t d_t^2 / 2 + (k / 2) sum (d_t - mean d)^2, solved as one system.

    Its equations: g_t + h_t d_t + k (d_t - mean d) = 0.
    """
    count = len(g)
    return np.asarray(np.linalg.solve(np.diag(h) + k * (np.eye(count) - 1 / count), -g))


def test_time_weighting_is_the_limit_of_weights_loosely_tied() -> None:
    """Where eq. 6 comes from, and how eq. 5 belongs to it.

    A weight that is used at T steps is unfolded into w_1 .. w_T. Near the present w the loss is taken as the sum of a
    quadratic model for each, and a soft constraint of strength k pulls each towards the mean of them all:

        sum_t [g_t d_t + (h_t + mu) d_t^2 / 2]  +  (k / 2) sum_t (d_t - m)^2,    d_t = w_t - w,  m = mean of the d_t.

    Setting the derivatives to 0 gives d_t = (k m - g_t) / (h_t + mu + k) and, averaged,

        m = - [sum_t g_t / (h_t + mu + k)] / [sum_t (h_t + mu) / (h_t + mu + k)].

    The new shared weight is w + m. Loosely tied, k -> 0, each w_t goes to the minimum of its own model before the mean is
    taken: m -> -(1/T) sum_t g_t / (h_t + mu), the time-weighted step with eta = 1/T. Rigidly tied, k -> infinity, all
    move together: m -> -sum g_t / sum (h_t + mu), the plain step with eta = 1 and mu T in the place of mu.
    """
    network, columns = make_network(hidden=1, seed=1)
    sequence = tasks.draw(network.structure, columns, KEY, STREAM, 0)
    first, second = (network.flat(by_name)[sequence.start :] for by_name in curvature.by_step(network, sequence))
    mu, steps = 0.3, len(first)
    # Weight 1 is the recurrent one; at the first step there is no state for it to read.
    for g, h in zip(first.T, second.T, strict=True):

        def shared(k: float, g: Array = g, h: Array = h) -> float:
            weights = h + mu + k
            return float(-(g / weights).sum() / ((h + mu) / weights).sum())

        for k in (1e-3, 0.1, 1.0, 10.0, 1e3):
            np.testing.assert_allclose(tied_weights(g, h + mu, k).mean(), shared(k), rtol=1e-9)
        loose = stepwise.time_weighted_step(g[:, None], h[:, None], 1 / steps, mu).item()
        rigid = stepwise.plain_step(g[:, None], h[:, None], 1.0, steps * mu).item()
        # Towards both limits the distance falls in proportion to k, or to 1 / k.
        for limit, strengths in ((loose, (1e-4, 1e-5)), (rigid, (1e4, 1e5))):
            far, near = (abs(tied_weights(g, h + mu, k).mean() - limit) for k in strengths)
            assert near < 1e-4 * abs(limit)
            assert far == pytest.approx(10 * near, rel=1e-2)
        # Between them the solution goes from the one to the other.
        path = [shared(k) for k in np.geomspace(1e-4, 1e4, 9)]
        assert min(loose, rigid) < path[4] < max(loose, rigid)


def test_the_constraint_is_what_the_equations_minimise() -> None:
    rng = np.random.default_rng(0)
    g, h, k = rng.normal(size=5), rng.uniform(0.1, 2, 5), 0.7

    def cost(d: Array) -> float:
        return float((g * d + h * d**2 / 2).sum() + k / 2 * ((d - d.mean()) ** 2).sum())

    found = optimize.minimize(cost, np.zeros(5), tol=1e-12)
    np.testing.assert_allclose(found.x, tied_weights(g, h, k), atol=1e-6)


@pytest.mark.parametrize("time_weighted", [0, 1])
@pytest.mark.parametrize("mu_rule", [0, 1])
def test_steps_of_pseudo_newton_keep_their_bounds(time_weighted: int, mu_rule: int) -> None:
    """Every step of a long run: at most largest_step, at least smallest_step where some mu reaches that."""
    structure, columns = make_run("PseudoNewton", time_weighted=time_weighted, mu_rule=mu_rule, learning_rate=0.1)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.PseudoNewton(network, structure, columns, KEY, STREAM)
    sizes = []
    for p in range(60):
        before = network.theta
        made.update(network, [present(network, columns, KEY, STREAM, p)])
        sizes.append(float(np.abs(network.theta - before).max()))
    assert max(sizes) <= 0.3 * (1 + 1e-12)
    if mu_rule == 0:
        assert np.median(sizes) >= 0.001


def one_weight(g: float, h: float) -> Callable[[float], Array]:
    return lambda mu: np.array([-0.01 * g / (h + mu)])


def test_mu() -> None:
    columns = OF_ALGORITHMS["PseudoNewton"]
    # Within the bounds: left alone. Too large a step: raised by quarters, no further than needed.
    assert stepwise.mu_within_bounds(one_weight(1.0, 1.0), 1.0, columns) == 1.0
    mu = stepwise.mu_within_bounds(one_weight(100.0, 0.0), 1.0, columns)
    assert mu == pytest.approx(1.25 ** np.ceil(np.log(1 / 0.3) / np.log(1.25)))
    # Too small a step: lowered by fifths.
    mu = stepwise.mu_within_bounds(one_weight(0.01, 0.0), 1.0, columns)
    assert mu == pytest.approx(0.8 ** np.ceil(np.log(0.1) / np.log(0.8)))
    # Too small whatever mu is: nothing is gained by lowering it.
    assert stepwise.mu_within_bounds(one_weight(0.01, 1.0), 1.0, columns) == 1.0
    # From as low as mu can get back to where a step is small enough.
    mu = stepwise.mu_within_bounds(one_weight(1e4, 0.0), stepwise.SMALLEST_MU, columns)
    assert abs(one_weight(1e4, 0.0)(mu).item()) <= 0.3


@pytest.mark.parametrize("mu_rule", [0, 1])
def test_mu_from_one_presentation_to_the_next(mu_rule: int) -> None:
    """Decay: mu falls by the momentum wherever the step allows it. Average: it goes part of the way to what is wanted."""
    structure, columns = make_run("PseudoNewton", mu_rule=mu_rule, smallest_step=0.0, largest_step=np.inf)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.PseudoNewton(network, structure, columns, KEY, STREAM)
    for p in range(3):
        made.update(network, [present(network, columns, KEY, STREAM, p)])
        assert made.mu == pytest.approx(0.8 ** (p + 1) if mu_rule == 0 else 1.0)
    # A bound that needs a larger mu.
    columns["largest_step"], columns["learning_rate"], mu = 1e-3, 10.0, made.mu
    shown = present(network, columns, KEY, STREAM, 3)
    first, second = (network.flat(by_name) for by_name in curvature.by_step(network, shown.sequence))
    before = network.theta
    made.update(network, [shown])
    wanted = 0.8 * mu if mu_rule == 0 else mu
    while np.abs(stepwise.plain_step(first, second, 10.0, wanted)).max() > 1e-3:
        wanted *= 1.25
    assert made.mu == pytest.approx(wanted if mu_rule == 0 else 0.8 * mu + 0.2 * wanted)
    step = stepwise.plain_step(first, second, 10.0, made.mu)
    np.testing.assert_allclose(network.theta - before, step * min(1, 1e-3 / np.abs(step).max()), rtol=1e-9)


def test_no_gradient_no_change_of_mu() -> None:
    structure, columns = make_run("PseudoNewton")
    parameters = {name: np.zeros(shape) for name, shape in networks.parameter_shapes(structure).items()}
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.PseudoNewton(network, structure, columns, KEY, STREAM)
    # Only the input weights of the unit that is read would have a gradient, and its last input is 0.
    sequence = tasks.Sequence(np.zeros((8, 1)), 0, np.array([0.8]), 1)
    shown = present(network, columns, KEY, STREAM, 0)._replace(sequence=sequence)
    assert made.update(network, [shown])
    assert made.mu == 1.0
    assert not network.theta.any()
