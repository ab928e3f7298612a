"""Whole runs of the reference's stepwise algorithms, and Adam and RMSprop in closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from reference import cases, networks, stepwise, tasks, trainer
from reference.arithmetic import Array, plain_multiply_add
from reference.presentation import Network, evaluate, present
from reference.stepwise_cases import all_of, draw_parameters, make_run, parity_network, train
from reference.test_tasks import KEY, STREAM
from reference.test_tasks import make_columns as make_task_columns


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
