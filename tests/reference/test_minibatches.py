"""The reference's minibatches: Omega against differences and the authors' form, updates against what defines them."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from reference import minibatches, networks, stepwise
from reference.arithmetic import Array
from reference.differences import central_differences
from reference.minibatches import make_settings, regulariser
from reference.presentation import Network
from reference.stepwise_cases import OF_ALGORITHMS, draw_parameters
from reference.test_tasks import KEY, STREAM
from reference.test_tasks import make_columns as make_task_columns
from reference.test_tasks import make_structure as make_task

READINGS = list(product((0, 1), repeat=3))


def make(**changes: Any) -> tuple[Network, dict[str, float]]:
    """A network on short sequences, everything of it trained, and the task's columns; changes of either by name."""
    structure = make_task(length_low=5, length_high=7) | networks.make_structure(inputs=1, outputs=1, bias_out=1)
    structure |= minibatches.make_structure()
    columns = make_task_columns()
    size, masks = changes.pop("size", 0.7), changes.pop("masks", {})
    for name, value in changes.items():
        assert name in structure or name in columns
        (columns if name in columns else structure)[name] = value
    parameters = draw_parameters(structure, size=size)
    trainable = {name: np.ones(value.shape, np.uint8) for name, value in parameters.items()} | masks
    return Network(structure, parameters, trainable), columns


def rates(updates: int, rate: float = 0.1, omega: float = 0.0) -> Array:
    return np.tile([rate, omega], (updates, 1))


# The regulariser.


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize(
    "network", [{}, {"activation": "logistic", "at": "every"}, {"activation": "relu", "diagonal": 1}]
)
def test_the_immediate_gradient_is_that_of_differences(network: dict[str, Any], reading: tuple[int, int, int]) -> None:
    """Only the weights of the expression move: errors and slopes stay what they are."""
    squared, mean, state = reading
    net, columns = make(omega_squared=squared, omega_mean=mean, omega_state=state, **(network | {"at": "last"}))
    net.structure = dict(net.structure) | network
    batch = minibatches.minibatch(net, columns, KEY, STREAM, 0)
    if net.structure["at"] == "every":
        batch.targets = np.random.default_rng(0).normal(size=(*batch.inputs.shape[:2], 1))
    trace = minibatches.back_propagate(net, batch)
    weight = net.parameters["weight_hh_l0"]

    def value(moved: dict[str, Array]) -> Array:
        return regulariser(net.structure, moved["w"], trace, batch.first)[0]

    found, immediate = regulariser(net.structure, weight, trace, batch.first)
    assert found > 0
    assert len(set(batch.first)) > 1
    expected = central_differences(value, {"w": weight})["w"]
    np.testing.assert_allclose(immediate, expected, rtol=1e-8, atol=1e-10 * np.abs(expected).max())


def authors_form(weight: Array, trace: networks.Trace, first: Array) -> float:
    """Omega as the authors' Theano code has it, with its arrays in the order (time, batch, hidden).

    Ratios of squared norms of the error at h_k, back through one step, to that at h_{k+1}; where the latter's is
    negligible the ratio is 1; the mean over the batch is summed over time, and divided by the sum over time of the share of
    the batch that is not negligible. Before a sequence begins there is no error, and so no term.
    """
    error = trace.state_gradient[:, :, 0].swapaxes(0, 1)
    slopes = (1 - trace.h**2).swapaxes(0, 1)
    begun = np.arange(len(error))[:, None] >= first
    numerator = (((error * slopes) @ weight) ** 2).sum(axis=2)
    denominator = (error**2).sum(axis=2)
    there = (denominator >= 1e-20) & begun
    ratio = np.where(there, numerator / np.where(there, denominator, 1), 1)
    cost = ((ratio - 1) ** 2).mean(axis=1)
    return float(cost.sum() / there.mean(axis=1).sum())


@pytest.mark.parametrize("size", [0.02, 0.7, 2.0])
def test_the_form_of_the_authors(size: float) -> None:
    """In small weights the error vanishes on its way: the terms that are left are those of the last steps."""
    net, columns = make(omega_mean=1, omega_state=1, size=size, length_low=12, length_high=20, hidden=5)
    batch = minibatches.minibatch(net, columns, KEY, STREAM, 3)
    trace, weight = minibatches.back_propagate(net, batch), net.parameters["weight_hh_l0"]
    error = (trace.state_gradient[:, :, 0] ** 2).sum(axis=2)
    assert size > 0.1 or ((error > 0) & (error < minibatches.NEGLIGIBLE)).any()
    found, _ = regulariser(net.structure, weight, trace, batch.first)
    assert found == pytest.approx(authors_form(weight, trace, batch.first), rel=1e-12)


@pytest.mark.parametrize("reading", READINGS)
def test_a_rotation_costs_nothing(reading: tuple[int, int, int]) -> None:
    squared, mean, state = reading
    net, columns = make(hidden=2, activation="linear", omega_squared=squared, omega_mean=mean, omega_state=state)
    net.parameters["weight_hh_l0"] = np.array([[0.0, -1.0], [1.0, 0.0]])
    batch = minibatches.minibatch(net, columns, KEY, STREAM, 0)
    trace, shares = minibatches.back_propagate(net, batch), batch.lengths.sum() - (0 if state else len(batch.first))
    for scale in (1.0, 0.5):
        value, gradient = regulariser(net.structure, scale * net.parameters["weight_hh_l0"], trace, batch.first)
        each = ((scale**2 if squared else scale) - 1) ** 2
        assert value == pytest.approx(each if mean else each * shares / len(batch.first), abs=1e-15)
        assert gradient.any() == (scale < 1) or np.abs(gradient).max() < 1e-14


# Updates.


@pytest.mark.parametrize("mean_gradient", [0, 1])
@pytest.mark.parametrize("algorithm", ["GradientDescent", "Adam", "RMSprop"])
@pytest.mark.parametrize("cell", [{}, {"cell": "LSTM"}, {"cell": "GRU"}, {"diagonal": 1}])
def test_without_anything_new_it_is_what_the_stepwise_reference_does(
    cell: dict[str, Any], algorithm: str, mean_gradient: int
) -> None:
    given = {name: value for name, value in OF_ALGORITHMS[algorithm].items() if name != "learning_rate"}
    given |= {"clip_norm": 0.1}
    given |= {"momentum": 0.5, "l1": 0.01, "l2": 0.1} if algorithm == "GradientDescent" else {}
    rows = {"LSTM": 12, "GRU": 9}.get(cell.get("cell", ""), 3)
    masks = {"weight_ih_l0": np.zeros((rows, 1), np.uint8)}
    net, columns = make(algorithm=algorithm, mean_gradient=mean_gradient, masks=masks, batch_size=3, **cell)
    whole = dict(net.structure) | {"window": 3, "max_presentations": 15, "measure": 0}
    numbers = columns | given | {"threshold": 0.0, "learning_rate": 0.1}
    expected = stepwise.train_one_run(whole, numbers, KEY, STREAM, net.parameters, net.trainable)
    done = minibatches.train(net, columns, KEY, STREAM, make_settings(algorithm, **given), rates(5))
    for name, value in expected["parameters"].items():
        np.testing.assert_allclose(net.parameters[name], value, rtol=1e-11, atol=1e-13, err_msg=name)
    assert done[-1].loss == pytest.approx(expected["loss"], rel=1e-11)
    assert done[-1].wrong / 3 == expected["error"]
    assert done[-1].gradient_norm > 0.1


def one_update(
    net: Network, columns: Any, settings: Any, omega: float = 0.0, rate: float = 1.0
) -> tuple[Array, minibatches.Updated]:
    """What an update subtracts from the trainable numbers."""
    before = net.theta
    (done,) = minibatches.train(net, columns, KEY, STREAM, settings, rates(1, rate, omega))
    return before - net.theta, done


def test_the_order_of_penalties_omega_and_the_two_ways_to_clip() -> None:
    net, columns = make(omega_mean=1, omega_state=1)
    batch = minibatches.minibatch(net, columns, KEY, STREAM, 0)
    trace = minibatches.back_propagate(net, batch)
    omega, immediate = regulariser(net.structure, net.parameters["weight_hh_l0"], trace, batch.first)
    penalty = {name: 0.1 * value + 0.01 * np.sign(value) for name, value in net.parameters.items()}
    whole = {name: value + penalty[name] for name, value in trace.gradient.items()}
    whole["weight_hh_l0"] = whole["weight_hh_l0"] + 4 * immediate
    g = net.flat(whole)
    largest = float(np.sort(np.abs(g))[-3])
    cut = np.clip(g, -largest, largest)
    clip_norm = 0.5 * float(np.linalg.norm(cut))
    settings = make_settings("GradientDescent", l2=0.1, l1=0.01, clip_norm=clip_norm, clip_value=largest)
    step, done = one_update(net, columns, settings, omega=4)
    np.testing.assert_allclose(step, 0.5 * cut, rtol=1e-9)
    assert done.omega == pytest.approx(float(omega))
    assert done.gradient_norm == pytest.approx(float(np.linalg.norm(g)))
    assert done.loss == pytest.approx(float(trace.loss))


@pytest.mark.parametrize("shrink", [0, 1])
def test_the_guard_of_the_authors(shrink: int) -> None:
    """A gradient beyond 1e10, or none at all, becomes 0.02 W for the recurrent weights alone, and is not clipped."""
    masks = {"weight_hh_l0": np.array([[1, 1, 0], [1, 1, 1], [1, 1, 1]], np.uint8)}
    for scale, finite in ((1.0, True), (40.0, True), (1e60, False)):
        net, columns = make(activation="linear", shrink=shrink, length_low=7, masks=masks)
        net.parameters["weight_hh_l0"] *= scale
        before = {name: value.copy() for name, value in net.parameters.items()}
        step, done = one_update(net, columns, make_settings("GradientDescent", clip_norm=1e-4), rate=0.1)
        assert np.isfinite(done.gradient_norm) == finite
        exploded = scale > 1
        assert (done.gradient_norm > 1e10) == exploded or not finite
        assert done.diverged == (not finite and not shrink)
        if shrink and exploded:
            wanted = {name: np.zeros_like(value) for name, value in before.items()}
            wanted["weight_hh_l0"] = 0.1 * 0.02 * before["weight_hh_l0"]
            np.testing.assert_allclose(step, net.flat(wanted), rtol=1e-10, atol=0)
        elif not done.diverged:
            assert np.linalg.norm(step) == pytest.approx(1e-5)
        else:
            assert not step.any()


def test_a_run_that_diverges_stops_with_what_it_had() -> None:
    net, columns = make(activation="linear", length_low=7)
    done = minibatches.train(net, columns, KEY, STREAM, make_settings("GradientDescent"), rates(50, 100.0))
    assert 1 < len(done) < 50
    assert done[-1].diverged
    assert all(np.isfinite(value).all() for value in net.parameters.values())
    assert max(np.abs(value).max() for value in net.parameters.values()) > 1e10


# Schedules.


def test_schedules() -> None:
    assert [minibatches.inverse_time(10, seen) for seen in (0, 9, 10, 20, 29)] == [1, 1, 1 / 2, 1 / 3, 1 / 3]
    costs = np.repeat([3.0, 2.0, 2.5, 2.5, 2.6, 1.0], 4)
    factors = minibatches.halve_on_rise(4, 0.5, costs)
    assert factors[::4] == [1, 1, 1, 0.5, 0.5, 0.25]
    assert factors == list(np.repeat(factors[::4], 4))
