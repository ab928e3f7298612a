"""The reference's stepwise algorithms: against other code where there is some, else against what defines them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats

from reference import cases, curvature, networks, stepwise, tasks, trainer
from reference.arithmetic import Array, plain_multiply_add
from reference.differences import EXTENDED
from reference.presentation import Network, Presentation, evaluate, present
from reference.test_tasks import FALSE_ALARM, KEY, STREAM
from reference.test_tasks import make_columns as make_task_columns
from reference.test_tasks import make_structure as make_task
from rnnlatch import random

Run = dict[str, Any]

OF_ALGORITHMS: dict[str, dict[str, float]] = {
    "GradientDescent": {"learning_rate": 0.1, "momentum": 0.0, "clip_norm": np.inf, "l1": 0.0, "l2": 0.0},
    "Adam": {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "clip_norm": np.inf},
    "RMSprop": {"learning_rate": 0.01, "decay": 0.9, "epsilon": 1e-8, "clip_norm": np.inf},
    "PseudoNewton": {"learning_rate": 0.01, "largest_step": 0.3, "smallest_step": 0.001, "momentum": 0.8, "mu": 1.0},
    "Newton": {"learning_rate": 1.0, "damping": 1e-3, "largest_step": np.inf},
    "DiscreteErrorPropagation": {"learning_rate": 0.1, "epsilon": 0.5, "bound": 1.0},
    "RedrawAfterError": {"std": 1.0},
}


def make_run(algorithm: str = "GradientDescent", **changes: Any) -> tuple[Run, dict[str, float]]:
    """Structure and columns of a small network without biases on short sequences; both kinds of changes by name."""
    structure = make_task(length_low=6, length_high=8) | networks.make_structure(inputs=1, read_unit=0, bias=0)
    structure |= {
        "algorithm": algorithm,
        "mean_gradient": 1,
        "time_weighted": 0,
        "mu_rule": 0,
        "batch_size": 1,
        "window": 10,
        "max_presentations": 40,
        "measure": 0,
    }
    columns = make_task_columns() | {"threshold": 0.0} | OF_ALGORITHMS[algorithm]
    for name, value in changes.items():
        assert name in structure or name in columns
        (columns if name in columns else structure)[name] = value
    return structure, columns


def draw_parameters(structure: Run, *, seed: int = 0, size: float = 0.7, learned: bool = False) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {n: rng.normal(0, size, shape) for n, shape in networks.parameter_shapes(structure, learned).items()}


def all_of(parameters: dict[str, Array]) -> dict[str, Array]:
    return {name: np.ones(value.shape, np.uint8) for name, value in parameters.items()}


def train(structure: Run, columns: dict[str, float], parameters: Any = None, arrays: Any = None) -> Run:
    parameters = draw_parameters(structure) if parameters is None else parameters
    return stepwise.train_one_run(structure, columns, KEY, STREAM, parameters, all_of(parameters), arrays)


# Whole runs.


@pytest.mark.parametrize("train_w", [0, 1])
@pytest.mark.parametrize(("sequences", "random_order", "measure"), [(0, 0, 0), (3, 1, 1), (5, 0, 2)])
def test_the_latch_as_a_network_runs_as_the_latch_does(
    train_w: int, sequences: int, random_order: int, measure: int
) -> None:
    own = cases.make_structure(
        length=8,
        train_w=train_w,
        sequences_per_class=sequences,
        random_order=random_order,
        uniform_noise=train_w,
        batch_size=2,
        measure=measure,
        max_presentations=60,
    )
    columns = cases.make_columns(
        1, learning_rate=0.5, momentum=0.3, clip_norm=0.3, l1=1e-4, l2=1e-3, threshold=0.3, w=1.5
    )
    streams = np.array([STREAM], np.uint64)
    expected = trainer.train(own, columns, KEY, streams, fma=plain_multiply_add)

    structure, _ = make_run(
        task="MinimalLatch",
        length_low=8,
        length_high=8,
        prefix_low=3,
        prefix_high=3,
        sequences=2 * sequences,
        random_order=random_order,
        uniform_noise=train_w,
        batch_size=2,
        measure=measure,
        max_presentations=60,
        inputs=7,
        hidden=1,
    )
    start = trainer.initial_inputs(own, columns, KEY, streams)[:, 0]
    parameters = {"weight_ih_l0": np.append(start, 1.0)[None], "weight_hh_l0": np.array([[1.5]])}
    trainable = {"weight_ih_l0": np.array([[1] * 6 + [0]]), "weight_hh_l0": np.array([[train_w]])}
    numbers = make_task_columns() | {name: float(value[0]) for name, value in columns.items()}
    got = stepwise.train_one_run(structure, numbers, KEY, STREAM, parameters, trainable)
    assert (got["outcome"], got["presentations"]) == (expected["outcome"][0], expected["presentations"][0])
    np.testing.assert_allclose(got["loss"], expected["loss"][0], rtol=1e-11)
    assert got["error"] == expected["error"][0]
    np.testing.assert_allclose(got["parameters"]["weight_ih_l0"][0, :6], expected["input"].ravel(), rtol=1e-11)
    np.testing.assert_allclose(got["parameters"]["weight_hh_l0"][0], expected["weight"], rtol=1e-11)
    assert got["parameters"]["weight_ih_l0"][0, 6] == 1


@pytest.mark.parametrize(
    ("algorithm", "changes"),
    [
        ("GradientDescent", {}),
        ("Adam", {}),
        ("RMSprop", {}),
        ("PseudoNewton", {}),
        ("PseudoNewton", {"time_weighted": 1}),
        ("PseudoNewton", {"mu_rule": 1}),
        ("Newton", {"batch_size": 4, "damping": 1.0}),
    ],
)
def test_each_learns_two_sequences(algorithm: str, changes: dict[str, Any]) -> None:
    structure, columns = make_run(
        algorithm, sequences=4, max_presentations=400, window=4, measure=3, prefix_low=3, prefix_high=3, **changes
    )
    got = train(structure, columns)
    assert got["outcome"] == stepwise.CONVERGED
    assert got["presentations"] == got["presentations_computed"] < 400
    assert got["error"] == 0


def parity_network(activation: str = "sign") -> tuple[Run, Array]:
    """Two units: a hidden one, and an output that reads it at the same step and itself one step later."""
    return (
        networks.make_structure(activation=activation, inputs=1, hidden=2, read_unit=1),
        np.array([[0, 0], [1, 0]], np.uint8),
    )


@pytest.mark.parametrize("algorithm", ["DiscreteErrorPropagation", "RedrawAfterError"])
def test_threshold_units_learn_parity(algorithm: str) -> None:
    changes = {"task": "Parity", "length_low": 2, "length_high": 3, "sequences": 4, "noise_std": 0.0}
    structure, columns = make_run(
        algorithm, **changes, window=4, measure=3, max_presentations=3000, target_low=-1.0, target_high=1.0
    )
    if algorithm == "DiscreteErrorPropagation":
        columns["learning_rate"] = 0.5
    network, same_step = parity_network()
    structure |= network
    rng = np.random.default_rng(0)
    trained = {
        "weight_ih_l0": np.ones((2, 1)),
        "weight_hh_l0": np.array([[0, 1], [1, 1]]),
        "bias_ih_l0": np.ones(2),
        "bias_hh_l0": np.zeros(2),
    }
    parameters = {name: rng.uniform(-0.5, 0.5, mask.shape) * mask for name, mask in trained.items()}
    arrays = {"same_step": same_step}
    got = stepwise.train_one_run(structure, columns, KEY, STREAM, parameters, trained, arrays)
    assert got["outcome"] == stepwise.CONVERGED
    assert got["loss"] == 0
    for name, mask in trained.items():
        np.testing.assert_array_equal(got["parameters"][name][mask == 0], parameters[name][mask == 0])


def test_the_last_answers_in_a_row() -> None:
    """Seven right ones in a row, wherever they begin; a run that is already right stops after seven."""
    structure, columns = make_run(measure=3, window=7, sequences=4, learning_rate=0.0)
    parameters = {"weight_ih_l0": np.ones((3, 1)), "weight_hh_l0": np.zeros((3, 3))}
    parameters["weight_hh_l0"][0, 0] = 3.0
    arrays = {"prototypes": np.array([[-1.0] * 4, [1.0] * 4])}
    quiet = columns | {"noise_std": 0.0}
    got = train(structure | {"given_prototypes": 1}, quiet, parameters, arrays)
    assert (got["outcome"], got["presentations"], got["error"]) == (stepwise.CONVERGED, 7, 0.0)
    # With the prototypes changed over, never.
    got = train(structure | {"given_prototypes": 1}, quiet, parameters, {"prototypes": -arrays["prototypes"]})
    assert (got["outcome"], got["presentations"], got["error"]) == (stepwise.EXHAUSTED, 40, 1.0)


def test_consecutive_means_in_a_row() -> None:
    """A network that does not learn, right by chance: the run stops with the first so many right answers on end."""
    structure, columns = make_run(measure=3, window=5, max_presentations=300, noise_std=3.0, learning_rate=0.0)
    got = train(structure, columns)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    shown = [present(network, columns, KEY, STREAM, p) for p in range(100)]
    answers = "".join("x" if one.wrong else "." for one in shown)
    stop = answers.index(5 * ".") + 5
    assert stop > 10
    assert (got["outcome"], got["presentations"], got["error"]) == (stepwise.CONVERGED, stop, 0.0)
    assert got["loss"] == pytest.approx(np.mean([one.trace.loss for one in shown[stop - 5 : stop]]), rel=1e-14)
    # Without a stop, loss and error are those of the last complete window.
    got = train(structure | {"measure": 0, "max_presentations": 33}, columns)
    assert got["error"] == answers[25:30].count("x") / 5
    assert got["loss"] == pytest.approx(np.mean([one.trace.loss for one in shown[25:30]]), rel=1e-14)


def test_a_run_that_diverges_stops_there() -> None:
    structure, columns = make_run(activation="linear", learning_rate=1e200)
    got = train(structure, columns)
    assert got["outcome"] == stepwise.DIVERGED
    assert got["presentations"] < 10
    # Before the first window is complete, what there was is reported.
    structure, columns = make_run(max_presentations=7, window=10)
    losses = [train(structure | {"max_presentations": p, "window": 1}, columns)["loss"] for p in range(1, 8)]
    assert train(structure, columns)["loss"] == pytest.approx(np.mean(losses), rel=1e-14)


def test_a_batch_is_one_step_of_its_mean_gradient_or_its_sum() -> None:
    structure, columns = make_run(batch_size=4, max_presentations=4)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    gradients = np.stack([present(network, columns, KEY, STREAM, p).gradient for p in range(4)])
    for mean, expected in ((1, gradients.mean(axis=0)), (0, gradients.sum(axis=0))):
        got = train(structure | {"mean_gradient": mean}, columns)["parameters"]
        np.testing.assert_allclose(network.theta - network.flat(got), 0.1 * expected, rtol=1e-10)


def test_tests_are_on_fresh_sequences() -> None:
    structure, columns = make_run(sequences=4)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    got = evaluate(network, columns, KEY, STREAM, 6)
    shown = tasks.sample(structure, columns, KEY, STREAM, 6, test=True)
    trace = networks.gradient(structure, parameters, shown["inputs"], shown["targets"], lengths=shown["lengths"])
    np.testing.assert_allclose(got["loss"], trace.loss, rtol=1e-13)
    wrong = trace.output[:, -1, 0] * shown["targets"][:, 0] <= 0
    assert got["error"] == wrong.mean()


# Adam and RMSprop in closed form: of a constant gradient.


def constant(algorithm: str, gradient: Array, times: int, **changes: float) -> Array:
    """How far an algorithm moves when the gradient is the same every time."""
    structure, columns = make_run(algorithm, **changes)
    parameters = draw_parameters(structure)
    network = Network(structure, parameters, all_of(parameters))
    made = stepwise.ALGORITHMS[algorithm](network, structure, columns, KEY, STREAM)
    before = network.theta
    shown = present(network, columns, KEY, STREAM, 0)._replace(gradient=gradient)
    for _ in range(times):
        made.update(network, [shown])
    return np.asarray(network.theta - before)


GRADIENT = np.array([1e-3, -1.0, 5.0, 0.0, -1e4, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, -1.0])


def test_adam_of_a_constant_gradient() -> None:
    """Both means are then the gradient and its square from the first step on, whatever the decays."""
    moved = constant("Adam", GRADIENT, 5, epsilon=1e-3)
    np.testing.assert_allclose(moved, -5 * 0.01 * GRADIENT / (np.abs(GRADIENT) + 1e-3), rtol=1e-12)


def test_rmsprop_of_a_constant_gradient() -> None:
    weights = np.sqrt(1 - 0.9 ** np.arange(1, 6))
    expected = sum(-0.01 * GRADIENT / (weight * np.abs(GRADIENT) + 1e-3) for weight in weights)
    np.testing.assert_allclose(constant("RMSprop", GRADIENT, 5, epsilon=1e-3), expected, rtol=1e-12)


@pytest.mark.parametrize("algorithm", ["Adam", "RMSprop"])
def test_adaptive_steps_of_a_clipped_gradient(algorithm: str) -> None:
    length = float(np.linalg.norm(GRADIENT))
    clipped = constant(algorithm, GRADIENT, 3, clip_norm=length / 8, epsilon=0.1)
    np.testing.assert_allclose(clipped, constant(algorithm, GRADIENT / 8, 3, epsilon=0.1), rtol=1e-10)


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


def make_network(
    *, learned: bool = False, same_step: Array | None = None, seed: int = 0, **changes: Any
) -> tuple[Network, dict[str, float]]:
    structure, columns = make_run(length_low=3, length_high=4, **changes)
    parameters = draw_parameters(structure, seed=seed, learned=learned)
    return Network(structure, parameters, all_of(parameters), {"same_step": same_step}), columns


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


# Newton.


def test_two_ways_to_the_hessian() -> None:
    network, columns = make_network(bias=1, learned=True)
    sequences = [tasks.draw(network.structure, columns, KEY, STREAM, i) for i in range(3)]
    exact = curvature.hessian_by_complex_step(network, sequences)
    scale = np.abs(exact).max()
    np.testing.assert_allclose(exact, exact.T, atol=1e-14 * scale)
    by_differences = curvature.hessian_by_differences(network, sequences)
    np.testing.assert_allclose(by_differences, exact, atol=(1e-13 if EXTENDED else 1e-9) * scale)


def test_the_hessian_of_other_cells_is_symmetric() -> None:
    network, columns = make_network(cell="GRU")
    sequences = [tasks.draw(network.structure, columns, KEY, STREAM, 0)]
    h = curvature.hessian(network, sequences)
    np.testing.assert_allclose(h, h.T, atol=(1e-13 if EXTENDED else 1e-9) * np.abs(h).max())


def test_newton_solves_a_linear_problem_at_once() -> None:
    """The read-out of a fixed network: a quadratic loss, whose minimum is least squares."""
    structure, columns = make_run(
        "Newton",
        task="DatasetTask",
        sequences=8,
        batch_size=8,
        max_presentations=8,
        outputs=1,
        read_unit=-1,
        damping=0.0,
    )
    rng = np.random.default_rng(0)
    arrays = {"inputs": rng.normal(size=(8, 8, 1)), "targets": rng.normal(size=(8, 1))}
    parameters = draw_parameters(structure)
    trainable = {name: np.full(value.shape, name == "weight_out") for name, value in parameters.items()}
    got = stepwise.train_one_run(structure, columns, KEY, STREAM, parameters, trainable, arrays)
    states = networks.forward(structure, parameters, arrays["inputs"]).h[:, -1]
    expected = np.linalg.lstsq(states, arrays["targets"][:, 0])[0]
    np.testing.assert_allclose(got["parameters"]["weight_out"][0], expected, rtol=1e-9)


def hilly(weight: float) -> tuple[Run, dict[str, float], dict[str, Array], dict[str, Array], dict[str, Array]]:
    """One unit with one trained weight, its own feedback, and one sequence of three steps: a loss that has a maximum."""
    structure, columns = make_run(
        "Newton", task="DatasetTask", sequences=1, max_presentations=12, damping=0.0, hidden=1, length_high=3
    )
    arrays = {"inputs": np.array([[[2.0], [-0.8], [0.0]]]), "targets": np.array([[0.8]])}
    parameters = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.array([[weight]])}
    trainable = {"weight_ih_l0": np.zeros((1, 1)), "weight_hh_l0": np.ones((1, 1))}
    return structure, columns, parameters, trainable, arrays


def test_undamped_newton_walks_to_a_maximum() -> None:
    structure, columns, parameters, trainable, arrays = hilly(0.5)

    def loss(weight: float) -> float:
        there = parameters | {"weight_hh_l0": np.array([[weight]])}
        return float(networks.loss(structure, there, arrays["inputs"], arrays["targets"]))

    def end(**changes: float) -> float:
        got = stepwise.train_one_run(structure, columns | changes, KEY, STREAM, parameters, trainable, arrays)
        return float(got["parameters"]["weight_hh_l0"].item())

    top = end()
    assert loss(top) > loss(0.5)
    assert loss(top) > max(loss(top - 0.1), loss(top + 0.1))
    network = Network(structure, parameters | {"weight_hh_l0": np.array([[top]])}, trainable, arrays)
    sequence = tasks.draw(structure, columns, KEY, STREAM, 0, arrays=arrays)
    assert abs(network.flat(network.gradient(sequence).gradient).item()) < 1e-14
    assert curvature.hessian(network, [sequence]).item() < 0
    # Damping of more than the negative curvature, and the same walk goes down.
    assert loss(end(damping=2.0)) < loss(0.5)


def test_newtons_largest_step() -> None:
    structure, columns, parameters, trainable, arrays = hilly(0.5)
    structure["max_presentations"] = 1
    free, held = (
        stepwise.train_one_run(
            structure, columns | {"largest_step": largest}, KEY, STREAM, parameters, trainable, arrays
        )["parameters"]["weight_hh_l0"].item()
        - 0.5
        for largest in (np.inf, 0.01)
    )
    assert abs(free) > 0.01
    assert held == pytest.approx(np.sign(free) * 0.01)


def test_a_singular_matrix_ends_the_run() -> None:
    """A network of zeros has no second derivatives by its recurrent weights."""
    structure, columns = make_run("Newton", damping=0.0)
    parameters = {name: np.zeros(shape) for name, shape in networks.parameter_shapes(structure).items()}
    got = train(structure, columns, parameters)
    assert (got["outcome"], got["presentations"]) == (stepwise.DIVERGED, 1)
    assert not got["parameters"]["weight_hh_l0"].any()


# Discrete error propagation.


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
