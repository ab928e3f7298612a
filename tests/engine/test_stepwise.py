"""The engine's stepwise algorithms against the plain NumPy reference: step for step, and whole runs."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from reference import curvature, networks, stepwise, tasks
from reference.arithmetic import Array
from reference.presentation import Network, present
from reference.stepwise_cases import make_run, parity_network
from reference.test_tasks import KEY
from rnnlatch._dispatch import core

pytestmark = pytest.mark.isa

Run = dict[str, Any]

STREAMS = np.array([5, 2**40 + 3, 17, 2**63, 1000, 1001, 1002, 1003, 1004, 7, 8], np.uint64)
"""More runs than fit into a row of lanes, and not a multiple."""

NETWORKS: dict[str, dict[str, Any]] = {
    "one unit read": {},
    "same step": {"same_step": True},
    "diagonal": {"diagonal": 1, "read_unit": -1},
    "readout, logistic": {"outputs": 1, "bias": 1, "bias_out": 1, "activation": "logistic", "learned": True},
    "biases, learned state": {"bias": 1, "learned": True},
    "both": {"bias": 1, "learned": True, "same_step": True},
}


def make(algorithm: str, network: dict[str, Any], seed: int = 0, **changes: Any) -> Run:
    """One set of arguments for many runs: parameters, and the columns that differ, have the run as the first axis."""
    network = dict(network)
    learned, same = network.pop("learned", False), network.pop("same_step", False)
    structure, columns = make_run(algorithm, **(network | changes))
    if structure["diagonal"]:
        structure["hidden"] = 1
    structure["features"] = structure["inputs"]
    rng, runs, hidden = np.random.default_rng(seed), len(STREAMS), structure["hidden"]
    shapes = networks.parameter_shapes(structure, learned)
    parameters = {name: rng.normal(0, 0.7, (runs, *shape)) for name, shape in shapes.items()}
    arrays = {"same_step": np.tril(np.ones((hidden, hidden), np.uint8), -1)} if same else {}
    return {
        "structure": structure,
        "columns": {name: np.full(runs, value) for name, value in columns.items()},
        "streams": STREAMS,
        "parameters": parameters,
        "trainable": {name: np.ones(shape, np.uint8) for name, shape in shapes.items()},
        "arrays": arrays,
    }


def engine(run: Run, threads: int = 1, **structure: Any) -> Run:
    arguments = (run["structure"] | structure, run["columns"], KEY, run["streams"], run["parameters"])
    found: Run = core.train_networks(*arguments, run["trainable"], run["arrays"], threads)
    return found


def reference(run: Run, i: int, **structure: Any) -> Run:
    return stepwise.train_one_run(
        run["structure"] | structure,
        {name: float(column[i]) for name, column in run["columns"].items()},
        KEY,
        int(run["streams"][i]),
        {name: value[i] for name, value in run["parameters"].items()},
        run["trainable"],
        run["arrays"],
    )


def check(run: Run, presentations: tuple[int, ...], runs: range | None = None, rtol: float = 1e-9) -> Run:
    """Compare what the runs have come to after so many presentations."""
    for most in presentations:
        found = engine(run, max_presentations=most)
        for i in range(len(STREAMS)) if runs is None else runs:
            expected = reference(run, i, max_presentations=most)
            where = f"run {i} after {most}"
            for name in ("outcome", "presentations", "presentations_computed", "error"):
                assert found[name][i] == expected[name], (name, where)
            np.testing.assert_allclose(found["loss"][i], expected["loss"], rtol=rtol, atol=1e-13, err_msg=where)
            for name, value in expected["parameters"].items():
                np.testing.assert_allclose(
                    found["parameters"][name][i], value, rtol=rtol, atol=rtol, err_msg=f"{name}, {where}"
                )
    return found


def check_determinism(run: Run, presentations: int) -> None:
    """A run's numbers depend on nothing but the run: not on threads, nor on its neighbours."""
    found = engine(run, max_presentations=presentations)
    again = engine(run, 2, max_presentations=presentations)
    picked = np.array([10, 3])
    some = run | {
        "columns": {name: value[picked] for name, value in run["columns"].items()},
        "streams": run["streams"][picked],
        "parameters": {name: value[picked] for name, value in run["parameters"].items()},
    }
    few = engine(some, max_presentations=presentations)
    flat = {name: value for name, value in found.items() if name != "parameters"} | found["parameters"]
    for name, value in flat.items():
        np.testing.assert_array_equal(value, (again | again["parameters"])[name], err_msg=name)
        np.testing.assert_array_equal(value[picked], (few | few["parameters"])[name], err_msg=name)


# Gradients.


@pytest.mark.parametrize("algorithm", ["GradientDescent", "Adam", "RMSprop"])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_first_order(algorithm: str, network: dict[str, Any]) -> None:
    run = make(algorithm, network, batch_size=3, sequences=6, measure=1, threshold=0.05, window=5)
    run["columns"]["clip_norm"][::2] = 0.1
    check(run, (1, 3, 40), range(3))
    check_determinism(run, 40)


# The regulariser of the error's norm.

OMEGA: dict[str, dict[str, Any]] = {
    "one unit read": {},
    "diagonal, relu": {"diagonal": 1, "read_unit": -1, "activation": "relu"},
    "readout, logistic": {"outputs": 1, "bias": 1, "activation": "logistic", "learned": True},
}


@pytest.mark.parametrize("network", OMEGA.values(), ids=OMEGA)
def test_omega(network: dict[str, Any]) -> None:
    """A step is along the gradient of the loss and, so many times, the immediate gradient that Python computes."""
    run = make("GradientDescent", network, batch_size=3)
    run["columns"]["omega"] = np.append(0.0, np.geomspace(1e-3, 10, len(STREAMS) - 1))
    found = engine(run, max_presentations=3)["parameters"]
    without = engine(run | {"columns": run["columns"] | {"omega": np.zeros(len(STREAMS))}}, max_presentations=3)
    without = without["parameters"]
    structure = run["structure"]
    read = None if structure["outputs"] or structure["read_unit"] < 0 else structure["read_unit"]
    cell = (rl.cells.DiagonalRNN if structure["diagonal"] else rl.cells.VanillaRNN)(
        inputs=1,
        hidden=structure["hidden"],
        outputs=structure["outputs"] or None,
        read_unit=read,
        activation=structure["activation"],
        bias=bool(structure["bias"]),
        bias_out=False,
        initial_state="learned" if network.get("learned") else "zero",
    )
    steps = []
    for i, omega in enumerate(run["columns"]["omega"]):
        columns = {name: float(value[i]) for name, value in run["columns"].items()}
        shown = tasks.sample(structure, columns, KEY, int(STREAMS[i]), 3)
        p = {name: value[i] for name, value in run["parameters"].items()}
        immediate = [  # one by one: what is negligible is so in the loss of one sequence
            rl.gradients.omega(cell, p, inputs[None], target[None], lengths=length[None])["immediate_gradient"]
            for inputs, target, length in zip(shown["inputs"], shown["targets"], shown["lengths"], strict=True)
        ]
        step = -columns["learning_rate"] * omega * np.mean(immediate, axis=0)
        steps.append(np.abs(step).max())
        for name in found:
            if i == 0:  # a run without it does not see that others have it
                np.testing.assert_array_equal(found[name][i], without[name][i], err_msg=name)
            wanted = step if name == "weight_hh_l0" else 0.0
            np.testing.assert_allclose(found[name][i] - without[name][i], wanted, rtol=1e-7, atol=1e-13, err_msg=name)
    assert np.median(steps) > 1e-4
    check_determinism(run, 30)


def test_omega_is_of_plain_units() -> None:
    run = make("GradientDescent", {"cell": "GRU"})
    run["columns"]["omega"] = np.ones(len(STREAMS))
    with pytest.raises(ValueError, match="omega is for a VanillaRNN or DiagonalRNN without same_step"):
        engine(run)


# Pseudo-Newton.


@pytest.mark.parametrize("time_weighted", [0, 1])
@pytest.mark.parametrize("mu_rule", [0, 1])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_pseudo_newton(time_weighted: int, mu_rule: int, network: dict[str, Any]) -> None:
    run = make("PseudoNewton", network, time_weighted=time_weighted, mu_rule=mu_rule, sequences=6)
    run["columns"]["mu"][:] = np.geomspace(1e-4, 10, len(STREAMS))
    check(run, (1, 2, 30), range(0, len(STREAMS), 5), rtol=1e-8)
    check_determinism(run, 30)


@pytest.mark.parametrize("mu_rule", [0, 1])
def test_pseudo_newton_where_mu_falls_and_rises_far(mu_rule: int) -> None:
    """Runs that are right already, after which the target moves: steps too small for every mu, then too large."""
    run = make("PseudoNewton", {}, time_weighted=0, mu_rule=mu_rule, sequences=4, max_presentations=300)
    run["columns"]["smallest_step"][:] = np.geomspace(1e-5, 0.2, len(STREAMS))
    run["columns"]["largest_step"][3:] = np.geomspace(0.3, 1e-3, len(STREAMS))[3:]
    run["columns"]["smallest_step"][3:] = run["columns"]["largest_step"][3:] / 2
    run["columns"]["noise_std"][:] = 0.0
    check(run, (20,), rtol=1e-7)


@pytest.mark.parametrize("time_weighted", [0, 1])
@pytest.mark.parametrize("mu_rule", [0, 1])
def test_presentations_without_a_gradient_change_nothing(time_weighted: int, mu_rule: int) -> None:
    """The first ones are of a network that is exactly right, or dead: mu must not fall there."""
    run = make("PseudoNewton", {"activation": "relu"}, time_weighted=time_weighted, mu_rule=mu_rule, sequences=2)
    run["parameters"]["weight_ih_l0"][:] = -np.abs(run["parameters"]["weight_ih_l0"])
    run["structure"]["given_prototypes"] = 1
    run["arrays"] = {"prototypes": np.array([[1.0] * 4, [-1.0] * 4])}
    run["columns"]["noise_std"][:] = 0.0
    found = check(run, (1, 2, 9), range(2))
    first = engine(run, max_presentations=1)["parameters"]["weight_hh_l0"]
    np.testing.assert_array_equal(first, run["parameters"]["weight_hh_l0"])
    assert (found["parameters"]["weight_ih_l0"] != run["parameters"]["weight_ih_l0"]).any()


@pytest.mark.parametrize("cell", ["LSTM", "GRU"])
@pytest.mark.parametrize("time_weighted", [0, 1])
def test_pseudo_newton_of_gated_cells(cell: str, time_weighted: int) -> None:
    """One step, from the engine's curvatures and from the reference's gradient by the slots of every step."""
    network = {"cell": cell, "outputs": 1, "bias": 1, "bias_out": 1, "learned": True}
    run = make("PseudoNewton", network, time_weighted=time_weighted)
    found = engine(run, max_presentations=1)["parameters"]
    structure = run["structure"]
    for i in range(3):
        parameters = {name: value[i] for name, value in run["parameters"].items()}
        columns = {name: float(value[i]) for name, value in run["columns"].items()}
        net = Network(structure, parameters, run["trainable"], run["arrays"])
        shown = present(net, columns, KEY, int(STREAMS[i]), 0)
        first, second = gated_by_step(structure, parameters, shown.sequence, shown.trace)
        first, second = net.flat(first), net.flat(second)
        form = stepwise.time_weighted_step if time_weighted else stepwise.plain_step

        step = partial(form, first, second, columns["learning_rate"])
        mu = stepwise.mu_within_bounds(step, columns["momentum"] * columns["mu"], columns)
        got = net.flat({name: value[i] for name, value in found.items()})
        np.testing.assert_allclose(got - net.theta, step(mu), rtol=1e-7, atol=1e-13)


def gated_by_step(
    structure: Run, p: dict[str, Array], sequence: tasks.Sequence, trace: networks.Trace
) -> tuple[dict[str, Array], dict[str, Array]]:
    """First and second derivatives at every step, with one more before the first: that of the initial states."""
    gates = {"LSTM": [(0, 0), (1, 1), (2, 2), (3, 3)], "GRU": [(0, 0), (1, 1), (2, 3)]}[structure["cell"]]
    rows, hidden = trace.h.shape[1:]
    before = np.concatenate([p["h_0"][None], trace.h[0, :-1]])
    before[: sequence.start + 1] = p["h_0"]
    delta = trace.delta[0]
    into, across = (np.concatenate([delta[:, gate[side]] for gate in gates], axis=1) for side in (0, 1))
    first = {
        "weight_ih_l0": into[:, :, None] * sequence.inputs[:, None],
        "weight_hh_l0": across[:, :, None] * before[:, None],
        "bias_ih_l0": into,
        "bias_hh_l0": across,
    }
    output = np.zeros((rows, 1))
    output[-1] = trace.output[0, -1] - sequence.target
    first |= {"weight_out": output[:, :, None] * trace.h[0][:, None], "bias_out": output}
    call = ({name: value[None] for name, value in p.items()}, sequence.inputs[None, None], sequence.target[None, None])
    lengths = np.array([[sequence.length]], np.int64)
    found = core.network_curvature(structure, *call, None, lengths, None, 1, False)
    second = {name: value[0, 0] for name, value in found["curvature_by_step"].items()}
    for derivatives in (first, second):
        for name in derivatives:
            derivatives[name] = np.concatenate([np.zeros_like(derivatives[name][:1]), derivatives[name]])
    for name in ("h_0", "c_0"):
        if name not in p:
            continue
        for derivatives, whole in ((first, trace.gradient[name]), (second, found["curvature"][name][0])):
            derivatives[name] = np.zeros((rows + 1, hidden))
            derivatives[name][0] = whole
    return first, second


# Newton.


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_newton(network: dict[str, Any], batch_size: int) -> None:
    run = make("Newton", network, batch_size=batch_size, sequences=6)
    run["columns"]["damping"][:] = np.geomspace(0.1, 10, len(STREAMS))
    run["columns"]["largest_step"][::2] = 0.1
    check(run, (1, 3, 12), range(0, len(STREAMS), 5), rtol=1e-7)
    check_determinism(run, 12)


def test_newton_of_gated_cells_solves_with_the_hessian() -> None:
    run = make("Newton", {"cell": "GRU", "hidden": 2, "outputs": 1, "bias": 0}, damping=0.5)
    found = engine(run, max_presentations=1)["parameters"]
    structure = run["structure"]
    for i in range(2):
        parameters = {name: value[i] for name, value in run["parameters"].items()}
        columns = {name: float(value[i]) for name, value in run["columns"].items()}
        net = Network(structure, parameters, run["trainable"], run["arrays"])
        shown = present(net, columns, KEY, int(STREAMS[i]), 0)
        h = curvature.hessian(net, [shown.sequence])
        got = net.flat({name: value[i] for name, value in found.items()})
        expected = -np.linalg.solve(h + 0.5 * np.eye(len(h)), shown.gradient)
        np.testing.assert_allclose(got - net.theta, expected, rtol=1e-8, atol=1e-12)


def test_newton_ends_where_the_matrix_is_singular() -> None:
    """Both biases of a unit are the same number twice: without damping there is no step; the run keeps its parameters."""
    run = make("Newton", {"bias": 1})
    run["columns"]["damping"][::2] = 0.0
    found = check(run, (5,), range(2), rtol=1e-6)
    assert (found["outcome"][::2] == stepwise.DIVERGED).all()
    assert (found["presentations"][::2] == 1).all()
    np.testing.assert_array_equal(found["parameters"]["bias_ih_l0"][::2], run["parameters"]["bias_ih_l0"][::2])


def test_newton_without_damping_is_at_a_quadratic_s_minimum_at_once() -> None:
    """Of one linear unit over one step the cost is quadratic in the input weight."""
    changes: Run = {
        "length_low": 1,
        "length_high": 1,
        "prefix_low": 1,
        "prefix_high": 1,
        "damping": 0.0,
        "noise_std": 0.0,
    }
    run = make("Newton", {"activation": "linear", "hidden": 1}, sequences=2, batch_size=2, **changes)
    run["trainable"]["weight_hh_l0"][:] = 0
    run["structure"]["given_prototypes"] = 1
    run["arrays"] = {"prototypes": np.array([[-0.5], [0.5]])}
    found = engine(run, max_presentations=4)
    np.testing.assert_allclose(found["parameters"]["weight_ih_l0"].ravel(), 1.6, rtol=1e-14)
    np.testing.assert_array_equal(found["parameters"]["weight_hh_l0"], run["parameters"]["weight_hh_l0"])


# Threshold units.


def make_parity(algorithm: str, **changes: Any) -> Run:
    parity: Run = {"task": "Parity", "length_low": 3, "length_high": 6, "sequences": 10, "noise_std": 0.0}
    run = make(algorithm, {}, **(parity | changes), target_low=-1.0, target_high=1.0)
    network, same_step = parity_network()
    run["structure"] |= network
    rng = np.random.default_rng(1)
    run["trainable"] = {
        "weight_ih_l0": np.ones((2, 1), np.uint8),
        "weight_hh_l0": np.array([[0, 1], [1, 1]], np.uint8),
        "bias_ih_l0": np.ones(2, np.uint8),
        "bias_hh_l0": np.zeros(2, np.uint8),
    }
    runs = len(STREAMS)
    run["parameters"] = {
        name: rng.uniform(-0.5, 0.5, (runs, *mask.shape)) * mask for name, mask in run["trainable"].items()
    }
    run["arrays"] = {"same_step": same_step}
    return run


def test_discrete_error_propagation_on_parity() -> None:
    run = make_parity("DiscreteErrorPropagation", measure=3, window=10)
    run["columns"]["epsilon"][:] = np.linspace(0.5, 2, len(STREAMS))
    run["columns"]["bound"][:] = np.linspace(0.5, 4, len(STREAMS))
    run["columns"]["learning_rate"][:] = np.geomspace(0.01, 1, len(STREAMS))
    check(run, (1, 2, 100), range(0, len(STREAMS), 2))
    check_determinism(run, 100)


@pytest.mark.parametrize("read_unit", [2, -1])
def test_discrete_error_propagation_of_other_networks(read_unit: int) -> None:
    """Delayed connections and ones of the same step, noise, sequences that begin late; all units of one read, or one of more."""
    network = {"activation": "sign", "read_unit": read_unit, "hidden": 3 if read_unit >= 0 else 1, "bias": 1}
    run = make("DiscreteErrorPropagation", network | {"same_step": True}, target_low=-1.0, target_high=1.0)
    run["structure"]["hidden"] = network["hidden"]
    check(run, (1, 2, 25), range(0, len(STREAMS), 2))  # roundings grow a thousandfold every 25 presentations


def test_redraw_after_error() -> None:
    run = make_parity("RedrawAfterError", measure=3, window=10)
    run["columns"]["std"][:] = np.linspace(0.5, 2, len(STREAMS))
    check(run, (1, 2, 100), range(0, len(STREAMS), 2), rtol=1e-15)
    check_determinism(run, 100)


def test_redraw_after_error_of_more_numbers_than_a_block_has() -> None:
    run = make("RedrawAfterError", {"outputs": 1, "bias": 1})
    check(run, (1, 10), range(2), rtol=1e-15)


# What is refused.


@pytest.mark.parametrize("algorithm", ["PseudoNewton", "RedrawAfterError", "DiscreteErrorPropagation"])
def test_online_algorithms_have_batches_of_one(algorithm: str) -> None:
    with pytest.raises(ValueError, match=f"batch_size must be 1 for {algorithm}"):
        engine(make(algorithm, {"activation": "sign"}, batch_size=2))


@pytest.mark.parametrize("network", [{"activation": "tanh"}, {"outputs": 1}, {"learned": True}, {"diagonal": 1}])
def test_discrete_error_propagation_wants_threshold_units(network: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="DiscreteErrorPropagation is for a VanillaRNN of sign units"):
        engine(make("DiscreteErrorPropagation", {"activation": "sign"} | network))
