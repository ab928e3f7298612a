"""The reference's Newton: two ways to the Hessian, and where its steps lead."""

from __future__ import annotations

import numpy as np
import pytest

from reference import curvature, networks, stepwise, tasks
from reference.arithmetic import Array
from reference.differences import EXTENDED
from reference.presentation import Network
from reference.stepwise_cases import Run, draw_parameters, make_network, make_run, train
from reference.test_tasks import KEY, STREAM


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
