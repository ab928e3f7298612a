"""Searches in lanes: step for step as the reference, whatever is saved, and whoever is in the other lanes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from reference import networks, searches, tasks
from reference.arithmetic import Array
from reference.cases import KEY, make_streams
from reference.test_searches import ANNEALING, NUMBERS
from reference.test_tasks import make_columns as make_task_columns
from reference.test_tasks import make_structure as make_task
from rnnlatch import random
from rnnlatch._dispatch import core

pytestmark = pytest.mark.isa

EXHAUSTED, CONVERGED, DIVERGED, STUCK = range(4)
RUNS = 19  # more than two groups of lanes of any processor


@dataclass(frozen=True)
class Searches:
    """Runs of a search on networks, each with a start and a stream of its own."""

    structure: dict[str, Any]
    columns: dict[str, Array]
    parameters: dict[str, Array]
    trainable: dict[str, Array]
    streams: Array
    arrays: dict[str, Array] = field(default_factory=dict)

    def train(self, threads: int = 1, **changes: Any) -> dict[str, Any]:
        structure = self.structure | {"batch_size": 1, "window": 1, "features": self.structure["inputs"]} | changes
        return core.train_networks(
            structure,
            self.columns,
            KEY,
            self.streams,
            self.parameters,
            self.trainable,
            self.arrays,
            threads,
        )

    def part(self, which: list[int]) -> Searches:
        return replace(
            self,
            columns={name: value[which].copy() for name, value in self.columns.items()},
            parameters={name: value[which].copy() for name, value in self.parameters.items()},
            streams=self.streams[which].copy(),
        )

    def reference(self, run: int) -> dict[str, Any]:
        return searches.search_one_run(
            self.structure,
            {name: float(value[run]) for name, value in self.columns.items()},
            KEY,
            int(self.streams[run]),
            {name: value[run] for name, value in self.parameters.items()},
            self.trainable,
            self.arrays,
        )


def make_searches(
    algorithm: str,
    network: dict[str, Any] | None = None,
    arrays: dict[str, Array] | None = None,
    learned: bool = False,
    runs: int = RUNS,
    **changes: Any,
) -> Searches:
    structure = make_task(length_low=4, length_high=7, prefix_low=2, prefix_high=3, sequences=10)
    structure |= networks.make_structure(**({"inputs": 1, "hidden": 3, "read_unit": 0, "bias": 0} | (network or {})))
    structure |= ANNEALING | {"algorithm": algorithm, "measure": 3, "max_presentations": 10_000}
    values = make_task_columns() | {"threshold": 0.0} | NUMBERS[algorithm] | {"temperature": 0.1}
    for name, value in changes.items():
        (values if name in values else structure)[name] = value
    rng = np.random.default_rng(0)
    parameters = {
        name: rng.normal(0, 0.5, (runs, *shape))
        for name, shape in networks.parameter_shapes(structure, learned).items()
    }
    return Searches(
        structure,
        {name: np.full(runs, float(value)) for name, value in values.items()},
        parameters,
        {name: np.ones(value.shape[1:], np.uint8) for name, value in parameters.items()},
        make_streams(runs),
        arrays or {},
    )


READOUT = {"outputs": 1, "bias_out": 1, "bias": 1, "read_unit": -1}
ALGORITHMS = list(NUMBERS)


def dataset(at: str, loss: str = "half_squared_error") -> Any:
    """A set of 9 sequences of 5 steps, masked, of which some are shorter."""
    rng = np.random.default_rng(1)
    steps = (9, 5) if at == "every" else (9,)
    classes = loss == "softmax_cross_entropy"
    arrays = {
        "inputs": rng.normal(size=(9, 5, 2)),
        "targets": rng.integers(0, 2, steps) if classes else rng.choice([-1.0, 1.0], (*steps, 2)),
        "lengths": rng.integers(2, 6, 9),
        "mask": rng.integers(0, 2, steps) * rng.uniform(size=steps),
    }
    network = {"inputs": 2, "hidden": 2, "outputs": 2, "bias_out": 1, "read_unit": -1, "at": at, "loss": loss}
    structure = {"task": "DatasetTask", "length_low": 5, "length_high": 5, "sequences": 9, "at": at, "loss": loss}
    return network, arrays, structure


def case(algorithm: str, name: str, **changes: Any) -> Searches:
    if name == "units":
        return make_searches(algorithm, **changes)
    if name == "readout":
        return make_searches(algorithm, READOUT, **changes)
    if name == "lstm":
        return make_searches(algorithm, READOUT | {"cell": "LSTM", "hidden": 2}, learned=True, **changes)
    if name == "parity":
        same = np.array([[0, 0], [1, 0]], np.uint8)
        network = {"hidden": 2, "read_unit": 1, "bias": 1}
        return make_searches(algorithm, network, {"same_step": same}, task="Parity", **changes)
    if name == "latch":
        return make_searches(algorithm, {"inputs": 7, "hidden": 1}, task="MinimalLatch", prefix_low=3, **changes)
    network, arrays, structure = dataset(*name.split())
    return make_searches(algorithm, network, arrays, **(structure | changes))


CASES = [
    "units",
    "readout",
    "lstm",
    "parity",
    "latch",
    "last half_squared_error",
    "every half_squared_error",
    "last softmax_cross_entropy",
    "every logistic_cross_entropy",
]


def check_against_reference(problem: Searches, got: dict[str, Any], *, computed: bool = True) -> None:
    for run in range(len(problem.streams)):
        expected = problem.reference(run)
        assert (got["outcome"][run], got["presentations"][run]) == (expected["outcome"], expected["presentations"])
        np.testing.assert_allclose(got["loss"][run], expected["loss"], rtol=1e-10)
        np.testing.assert_allclose(got["error"][run], expected["error"], rtol=1e-15)
        for name, value in expected["parameters"].items():
            np.testing.assert_array_equal(got["parameters"][name][run], value)
        if computed:
            assert got["presentations_computed"][run] == expected["presentations_computed"]
        else:
            assert got["presentations_computed"][run] <= expected["presentations_computed"]


def check_equal(got: dict[str, Any], expected: dict[str, Any], *, computed: bool = True) -> None:
    for name in ("outcome", "presentations", "loss", "error") + computed * ("presentations_computed",):
        np.testing.assert_array_equal(got[name], expected[name])
    for name, value in expected["parameters"].items():
        np.testing.assert_array_equal(got["parameters"][name], value)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_step_for_step_as_the_reference(algorithm: str, name: str) -> None:
    """All moves, all decisions: the parameters are the same to the last bit."""
    most = {"sequences": 9} if "_" in name else {}
    count = most.get("sequences", 10)
    problem = case(algorithm, name, max_presentations=100 * count).part([0, 1, 2])
    cached = algorithm == "SimulatedAnnealing" and problem.structure["outputs"] and problem.structure["at"] == "last"
    check_against_reference(problem, problem.train(), computed=not cached)


@pytest.mark.parametrize("algorithm", ["SimulatedAnnealing", "MultigridRandomSearch"])
def test_stuck_as_the_reference(algorithm: str) -> None:
    problem = make_searches(
        algorithm, {"hidden": 1}, measure=0, stuck_tolerance=0.1, steps_per_cycle=3, cycles_per_temperature=2
    ).part([0, 2, 3])
    got = problem.train()
    assert (got["outcome"] == STUCK).all()
    check_against_reference(problem, got)


@pytest.mark.parametrize("measure", [0, 1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_criterion_as_the_reference(algorithm: str, measure: int) -> None:
    threshold = {0: 0.0, 1: 0.15, 2: 0.25}[measure]
    problem = make_searches(algorithm, measure=measure, threshold=threshold, max_presentations=1500).part([0, 1, 2, 3])
    got = problem.train()
    check_against_reference(problem, got)
    assert (got["outcome"] == CONVERGED).any() == (measure > 0)


@pytest.mark.parametrize("name", ["units", "readout", "every half_squared_error"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_saved_changes_no_result(algorithm: str, name: str) -> None:
    problem = case(algorithm, name, max_presentations=3000)
    saving, thorough = problem.train(), problem.train(early_rejection=0)
    check_equal(saving, thorough, computed=False)
    assert (saving["presentations_computed"] < saving["presentations"]).any()
    np.testing.assert_array_equal(thorough["presentations_computed"], thorough["presentations"])


@pytest.mark.parametrize("name", ["units", "readout", "last softmax_cross_entropy"])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_run_is_the_same_alone_or_among_others(algorithm: str, name: str) -> None:
    problem = case(algorithm, name, max_presentations=3000)
    together = problem.train()
    check_equal(problem.train(threads=2), together)
    for run in (0, 7, RUNS - 1):
        alone = problem.part([run]).train()
        for key, value in together.items():
            if key != "parameters":
                assert alone[key][0] == value[run]
        for key, value in together["parameters"].items():
            np.testing.assert_array_equal(alone["parameters"][key][0], value[run])


def test_what_is_not_trained_stays() -> None:
    problem = make_searches("SimulatedAnnealing", READOUT, max_presentations=1000)
    problem.trainable["weight_hh_l0"][1] = 0
    problem.trainable["bias_ih_l0"][:] = 0
    problem.trainable["weight_out"][0, 1] = 0
    got = problem.train()["parameters"]
    for name, value in problem.parameters.items():
        kept = np.broadcast_to(problem.trainable[name] == 0, value.shape)
        np.testing.assert_array_equal(got[name][kept], value[kept])
        assert (got[name] != value)[~kept].any() or kept.all()
    check_against_reference(problem.part([0, 1]), problem.part([0, 1]).train(), computed=False)


@pytest.mark.parametrize("early_rejection", [0, 1])
def test_only_the_readout_is_trained(early_rejection: int) -> None:
    """After the start no sequence is walked again."""
    problem = make_searches("SimulatedAnnealing", READOUT, max_presentations=1000, measure=0).part([0, 1, 2])
    for name, trained in problem.trainable.items():
        trained[...] = name in ("weight_out", "bias_out")
    got = problem.train(early_rejection=early_rejection)
    assert (got["presentations_computed"] == (10 if early_rejection else 1000)).all()
    check_against_reference(problem, got | {"presentations_computed": np.zeros(3)}, computed=False)


@pytest.mark.parametrize("name", ["units", "parity", "latch"])
def test_the_stored_set_is_what_the_task_samples(name: str) -> None:
    """The start's loss, over the sequences that the task hands out."""
    problem = case("MultigridRandomSearch", name, sequences=11, max_presentations=11, measure=0, noise_std=0.3)
    got = problem.train()
    np.testing.assert_array_equal(got["presentations"], 11)
    structure = problem.structure | {"features": problem.structure["inputs"]}
    for run, stream in enumerate(problem.streams):
        columns = {key: value[run : run + 1].copy() for key, value in problem.columns.items()}
        shown = core.sample_task(structure, columns, KEY, int(stream), 11, False, problem.arrays)
        parameters = {key: value[run] for key, value in problem.parameters.items()}
        same_step = problem.arrays.get("same_step")
        trace = networks.gradient(
            structure,
            parameters,
            shown["inputs"],
            shown["targets"][:, 0],
            lengths=shown["lengths"],
            same_step=same_step,
        )
        np.testing.assert_allclose(got["loss"][run], trace.loss, rtol=1e-12)


def test_a_start_without_a_cost_diverges() -> None:
    for algorithm in ("SimulatedAnnealing", "MultigridRandomSearch"):
        problem = make_searches(algorithm, {"activation": "linear"}, max_presentations=200)
        problem.parameters["weight_hh_l0"][3] = 1e200
        got = problem.train()
        assert (got["outcome"] == DIVERGED).nonzero()[0].tolist() == [3]
        assert got["presentations"][3] == 10
        assert not np.isfinite(got["loss"][3])


@pytest.mark.parametrize("algorithm", ["MultigridRandomSearch", "RandomGuessing"])
def test_a_proposal_without_a_cost_is_refused(algorithm: str) -> None:
    far: dict[str, Any] = (
        {"half_side": 1e200} if algorithm == "MultigridRandomSearch" else {"low": -1e200, "high": 1e200}
    )
    problem = make_searches(algorithm, {"activation": "linear"}, measure=1, max_presentations=200, **far)
    got = problem.train()
    assert (got["outcome"] == EXHAUSTED).all()
    check_against_reference(problem.part([0, 1]), problem.part([0, 1]).train())


def test_the_number_of_guesses_does_not_depend_on_the_start() -> None:
    problem = make_searches("RandomGuessing", low=-10, high=10)
    moved = replace(problem, parameters={name: value + 1 for name, value in problem.parameters.items()})
    check_equal(moved.train(), problem.train())


def test_guesses_are_the_numbers_of_the_twin() -> None:
    problem = make_searches("RandomGuessing", measure=1, threshold=1e9)
    got = problem.train()["parameters"]
    drawn = -10 + 20 * random.uniform53(KEY, problem.streams, tasks.PROPOSAL, 0, 12)
    np.testing.assert_array_equal(got["weight_ih_l0"][..., 0], drawn[:, :3])
    np.testing.assert_array_equal(got["weight_hh_l0"].reshape(RUNS, 9), drawn[:, 3:])


def test_a_search_needs_a_training_set() -> None:
    with pytest.raises(ValueError, match="sequences is 0"):
        make_searches("RandomGuessing", sequences=0).train()
