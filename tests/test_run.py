"""The parts of a run: equal settings are equal, and travel as JSON."""

import json
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from own_algorithms import PlainDescent
from rnnlatch._network_runs import trained_count
from rnnlatch._record import Record, canonical_json
from rnnlatch.rng import normalise, stream_base, streams

CELL = rl.cells.LatchNeuron(w=1.25)
TASK = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2)
FIXED = rl.tasks.MinimalLatch(length=20, prefix=3, noise_std=0.2, sequences_per_class=5)
DESCENT = rl.algorithms.GradientDescent()
BATCH = rl.algorithms.GradientDescent(batch_size="all", clip_norm=1.0)

RECORDS: list[Record] = [
    CELL,
    rl.cells.LatchNeuron(w=2, train_w=True, input=[[-0.2], [0.2]]),
    TASK,
    rl.tasks.MinimalLatch(length=5, prefix=1, noise_variance=0.2, noise="uniform", order="random"),
    BATCH,
    rl.Criterion(measure="error", threshold=0, window=50),
    rl.Run(CELL, TASK, DESCENT),
    rl.Run(CELL, FIXED, BATCH, None, 300),
    rl.Criterion(measure="test_error", tests=50),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_settings_come_back_from_json(record: Record) -> None:
    again = type(record).from_dict(json.loads(canonical_json(record.to_dict())))
    assert again == record
    assert hash(again) == hash(record)
    assert repr(again) == repr(record)
    assert eval(repr(record), vars(rl.cells) | vars(rl.tasks) | vars(rl.algorithms) | vars(rl)) == record
    assert pickle.loads(pickle.dumps(record)) == record


def test_equal_settings_are_equal_however_they_were_given() -> None:
    numbers: dict[str, Any] = {
        "length": np.int64(20),
        "prefix": np.int8(3),
        "noise_std": np.float64(0.2),
        "target": np.array(0.8),
    }
    given = rl.tasks.MinimalLatch(**numbers)
    assert given == TASK
    assert repr(given) == repr(TASK)
    assert canonical_json(given.to_dict()) == canonical_json(TASK.to_dict())
    assert rl.cells.LatchNeuron(w=2) == rl.cells.LatchNeuron(w=2.0)
    assert rl.cells.LatchNeuron(input=np.zeros((2, 1))) == rl.cells.LatchNeuron(input=[[0], [-0.0]])


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        CELL.w = 2.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"type": "Nothing"}, "type is 'Nothing'"),
        ({}, "type is None"),
        ({"type": "MinimalLatch", "lenght": 3}, "MinimalLatch has no field 'lenght'"),
        ({"type": "MinimalLatch", "length": 0, "noise_std": 0.1}, "length is 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.tasks.MinimalLatch.from_dict(settings)
    assert message in str(caught.value)


def test_noise_is_given_in_exactly_one_way() -> None:
    assert rl.tasks.MinimalLatch(noise_variance=0.25).std == 0.5
    assert rl.tasks.MinimalLatch(noise_variance=0.25).columns() == rl.tasks.MinimalLatch(noise_std=0.5).columns()


def test_the_given_input_is_broadcast_over_classes_and_steps() -> None:
    one = rl.cells.LatchNeuron(input=0.3).starting_input(prefix=2)
    assert one is not None
    np.testing.assert_array_equal(one, np.full((2, 2), 0.3))
    assert rl.cells.LatchNeuron().starting_input(prefix=2) is None
    with pytest.raises(ValueError, match=r"input has shape \(2, 4\)"):
        rl.Run(rl.cells.LatchNeuron(input=np.zeros((2, 4))), TASK, DESCENT)


@pytest.mark.parametrize(
    ("task", "batch_size", "batch", "window"),
    [
        (TASK, 1, 1, 100),
        (TASK, 8, 8, 104),
        (FIXED, 1, 1, 10),
        (FIXED, "all", 10, 10),
        (FIXED, 4, 4, 12),
    ],
)
def test_batch_and_window_follow_from_the_task(
    task: rl.tasks.MinimalLatch, batch_size: Any, batch: int, window: int
) -> None:
    algorithm = rl.algorithms.GradientDescent(batch_size=batch_size)
    run = rl.Run(CELL, task, algorithm, max_presentations=1000 * batch)
    assert run.batch_size == batch
    assert run.window == window
    assert run.structure()["batch_size"] == batch
    assert run.structure()["window"] == window


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((CELL, TASK, BATCH), "batch_size is 'all', but the task draws fresh sequences"),
        (
            (CELL, FIXED, BATCH, None, 25),
            "max_presentations is 25; it must be a multiple of the batch size, which is 10",
        ),
        ((CELL, FIXED, BATCH, rl.Criterion(window=25)), "window is 25; it must be a multiple of the batch size"),
        ((CELL, TASK, DESCENT, rl.Criterion(window=200), 100), "window is 200; it must be at most max_presentations"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.Run(*arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize("position", range(4))
def test_a_part_of_another_kind_is_refused(position: int) -> None:
    arguments: list[Any] = [CELL, TASK, DESCENT, rl.Criterion()]
    arguments[position] = "nothing"
    with pytest.raises(TypeError, match=r"it must be an? "):
        rl.Run(*arguments)


def test_no_criterion_is_a_measure_of_its_own() -> None:
    structure = rl.Run(CELL, TASK, DESCENT, None).structure()
    assert structure["measure"] == 0
    assert rl.Run(CELL, TASK, DESCENT).structure() | {"measure": 0} == structure


def test_outcomes_say_what_they_mean() -> None:
    assert [int(outcome) for outcome in rl.Outcome] == [0, 1, 2, 3, 4]
    assert all(outcome.sentence.endswith(".") for outcome in rl.Outcome)


# ---- networks, other tasks, other algorithms ----------------------------------------------------------------------------

PARITY = rl.tasks.Parity(length=(3, 6), noise_std=0, sequences_per_class=4)
FRESH = rl.tasks.Parity(length=6, noise_std=0.1)
NET = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1)
SIGNS = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, activation="sign")
RANGE = rl.tasks.MinimalLatch(length=(10, 20), prefix=3, noise_std=0.2, sequences_per_class=4)
RIGHT = rl.Criterion(measure="consecutive")
ADAM = rl.algorithms.Adam()
GUESSING = rl.algorithms.RandomGuessing()
TESTED = rl.Criterion(measure="test_error", tests=50)
SCHEDULED = rl.algorithms.GradientDescent(
    batch_size=8,
    omega=0.5,
    omega_of="state",
    omega_schedule=rl.algorithms.InverseTime(presentations=20),
    learning_rate_schedule=rl.algorithms.HalveOnRise(presentations=40),
)


def wide(units: int, **others: Any) -> rl.cells.VanillaRNN:
    return rl.cells.VanillaRNN(inputs=1, hidden=units, read_unit=0, **others)


NETWORK_RUNS = [
    rl.Run(NET, PARITY, ADAM),
    rl.Run(SIGNS, PARITY, GUESSING, RIGHT, 800, 100),
    rl.Run(CELL, RANGE, DESCENT),
    rl.Run(CELL, FIXED, rl.algorithms.SimulatedAnnealing(), RIGHT),
    rl.Run(rl.cells.LSTM(inputs=7, hidden=2, outputs=1), RANGE, ADAM),
    rl.Run(NET, FRESH, SCHEDULED, TESTED, 800, driver="matrices", precision="float32"),
]


@pytest.mark.parametrize("run", NETWORK_RUNS, ids=lambda run: type(run.cell).__name__)
def test_runs_of_networks_come_back_from_json(run: rl.Run) -> None:
    again = rl.Run.from_dict(json.loads(canonical_json(run.to_dict())))
    assert again == run
    assert hash(again) == hash(run)
    assert pickle.loads(pickle.dumps(run)) == run
    assert again.group == run.group


@pytest.mark.parametrize(
    "run",
    [
        *NETWORK_RUNS,
        rl.Run(CELL, TASK, DESCENT),
        rl.Run(rl.cells.LatchNeuron(train_w=True), TASK, DESCENT),
        rl.Run(wide(3, fixed={"weight_hh_l0": np.eye(3)}, mask_ih=[[1], [0], [1]]), PARITY, ADAM),
    ],
)
def test_what_is_trained_is_counted(run: rl.Run) -> None:
    counted = trained_count(run.cell, run.network)
    assert counted == sum(int(mask.sum()) for mask in run.trainable().values())


def test_a_run_without_tests_is_written_as_before() -> None:
    assert "test_presentations" not in rl.Run(CELL, TASK, DESCENT).to_dict()
    assert rl.Run(CELL, TASK, DESCENT, test_presentations=3).to_dict()["test_presentations"] == 3
    whole = rl.Run(NET, FRESH, ADAM, rl.Criterion())
    later = {"test_presentations", "driver", "precision"}
    assert not later & whole.to_dict().keys()
    assert whole.to_dict()["criterion"].keys() == {"type", "measure", "threshold", "window"}
    assert whole.to_dict()["algorithm"] == {
        "type": "Adam",
        "learning_rate": 0.001,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
        "batch_size": 1,
        "reduction": "mean",
        "clip_norm": None,
    }


@pytest.mark.parametrize(
    ("run", "engine"),
    [
        (rl.Run(CELL, TASK, DESCENT), "latch"),
        (rl.Run(CELL, TASK, DESCENT, None, test_presentations=9), "latch"),
        (rl.Run(CELL, TASK, DESCENT, RIGHT), "networks"),
        (rl.Run(CELL, RANGE, DESCENT), "networks"),
        (rl.Run(CELL, rl.tasks.MinimalLatch(noise_std=0.1, tolerance=0.1), DESCENT), "networks"),
        (rl.Run(CELL, TASK, ADAM), "networks"),
        (rl.Run(NET, FRESH, DESCENT), "networks"),
        (rl.Run(NET, FRESH, PlainDescent()), "python"),
        (rl.Run(wide(32), FRESH, rl.algorithms.Adam(batch_size=8), None, 800), "matrices"),
        (rl.Run(wide(31), FRESH, rl.algorithms.Adam(batch_size=8), None, 800), "networks"),
        (rl.Run(wide(32), FRESH, rl.algorithms.Adam(batch_size=7), None, 700), "networks"),
        (rl.Run(wide(32), FRESH, rl.algorithms.Adam(batch_size=8), None, 800, driver="lanes"), "networks"),
        (rl.Run(wide(32), PARITY, rl.algorithms.RMSprop(batch_size="all"), None, 800), "matrices"),
        (rl.Run(wide(32), PARITY, rl.algorithms.SimulatedAnnealing(), None, 800), "networks"),
        (rl.Run(wide(32, initial_state="learned"), FRESH, rl.algorithms.Adam(batch_size=8), None, 800), "networks"),
        (rl.Run(wide(32), FRESH, PlainDescent(batch_size=8), None, 800), "python"),
        (rl.Run(NET, FRESH, DESCENT, driver="matrices"), "matrices"),
        (rl.Run(NET, FRESH, DESCENT, precision="float32"), "matrices"),
        (rl.Run(NET, FRESH, DESCENT, TESTED), "matrices"),
        (rl.Run(NET, FRESH, rl.algorithms.Adam(clip_value=1)), "matrices"),
        (rl.Run(NET, FRESH, rl.algorithms.GradientDescent(nonfinite="shrink")), "matrices"),
        (rl.Run(NET, FRESH, rl.algorithms.GradientDescent(omega=1)), "networks"),
        (rl.Run(NET, FRESH, rl.algorithms.GradientDescent(omega=1, omega_ratio="norm")), "matrices"),
        (rl.Run(NET, FRESH, SCHEDULED, None, 800), "matrices"),
        (rl.Run(CELL, TASK, DESCENT, driver="lanes"), "latch"),
    ],
)
def test_the_engine_follows_from_the_parts(run: rl.Run, engine: str) -> None:
    assert run.engine == engine


def test_a_latch_neuron_in_the_form_of_a_network() -> None:
    run = rl.Run(rl.cells.LatchNeuron(w=1.5, train_w=True), RANGE, DESCENT)
    assert run.network == rl.cells.VanillaRNN(
        inputs=7, hidden=1, read_unit=0, bias=False, init_hh=rl.cells.Constant(1.5)
    )
    trainable = run.trainable()
    assert trainable["weight_ih_l0"].tolist() == [[1, 1, 1, 1, 1, 1, 0]]
    assert trainable["weight_hh_l0"].tolist() == [[1]]
    assert rl.Run(CELL, RANGE, DESCENT).trainable()["weight_hh_l0"].tolist() == [[0]]
    start = run.initial(normalise(0).key(), streams(stream_base({}), 0, 3))
    alone = rl.train(run.cell, TASK, rl.algorithms.GradientDescent(learning_rate=0), runs=3, max_presentations=1, rng=0)
    np.testing.assert_array_equal(start["weight_ih_l0"][:, 0, :6].reshape(3, 2, 3), alone.input)
    assert (start["weight_ih_l0"][:, 0, 6] == 1).all()
    assert (start["weight_hh_l0"] == 1.5).all()
    given = rl.Run(rl.cells.LatchNeuron(input=[[-0.2], [0.2]]), RANGE, DESCENT)
    drawn = given.initial(normalise(0).key(), np.arange(2, dtype=np.uint64))
    assert drawn["weight_ih_l0"].tolist() == [[[-0.2] * 3 + [0.2] * 3 + [1]]] * 2


def test_runs_start_from_the_cells_initial_parameters() -> None:
    drawn = NET.initial_parameters(7, runs=5)
    start = rl.Run(NET, PARITY, ADAM).initial(normalise(7).key(), streams(stream_base({}), 2, 3))
    for name, value in drawn.items():
        np.testing.assert_array_equal(start[name], value[2:])


def test_what_is_trained_is_known_number_by_number() -> None:
    cell = rl.cells.GRU(inputs=1, hidden=2, outputs=1, mask_hh=[[0, 1], [1, 1]], fixed=["bias_ih_l0"])
    trainable = rl.Run(cell, PARITY, ADAM).trainable()
    assert sum(int(mask.sum()) for mask in trainable.values()) == cell.trainable_count
    assert not trainable["bias_ih_l0"].any()
    assert trainable["weight_hh_l0"].tolist() == [[0, 1], [1, 1]] * 3
    assert {mask.dtype for mask in trainable.values()} == {np.dtype(np.uint8)}


def test_the_engine_is_told_of_a_network_run() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, same_step=[[0, 0], [1, 0]])
    run = rl.Run(cell, PARITY, GUESSING, RIGHT, 800)
    structure = run.structure()
    assert (structure["cell"], structure["task"], structure["algorithm"]) == ("VanillaRNN", "Parity", "RandomGuessing")
    assert (structure["measure"], structure["batch_size"], structure["window"]) == (3, 8, 8)
    assert (structure["loss"], structure["at"]) == ("half_squared_error", "last")
    assert run.columns()["threshold"] == 0
    assert run.arrays()["same_step"].tolist() == [[0, 0], [1, 0]]
    for one in NETWORK_RUNS[:-1]:
        parts: list[Any] = [one.task.columns(), one.algorithm.columns(), {"threshold": 0}]
        assert len(one.columns()) == sum(map(len, parts)), "no two parts have a column of the same name"


def test_a_group_has_one_structure_and_one_mask() -> None:
    base = rl.Run(NET, PARITY, ADAM)
    assert rl.Run(NET, PARITY, rl.algorithms.Adam(learning_rate=1)).group == base.group
    assert rl.Run(
        rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, init_hh=rl.cells.Uniform(3)), PARITY, ADAM
    ).group == (base.group)
    one = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, fixed=["bias_hh_l0"])
    two = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, mask_hh=[[0, 1], [1, 1]])
    three = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, same_step=[[0, 0], [1, 0]])
    others = {rl.Run(cell, PARITY, ADAM).group for cell in (one, two, three)}
    others |= {rl.Run(NET, PARITY, ADAM, test_presentations=9).group, rl.Run(NET, PARITY, DESCENT).group}
    assert len(others | {base.group}) == 6


TWO = rl.tasks.TwoSequence(length=5, noise_std=0)
DATA = rl.tasks.DatasetTask(inputs=np.zeros((4, 3, 2)), targets=np.arange(4) % 3, loss="softmax_cross_entropy")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            (CELL, TWO, DESCENT),
            (
                "cell is a LatchNeuron and the task a TwoSequence; the task must be a MinimalLatch, or the cell another, such "
                "as VanillaRNN(inputs=1, hidden=1, read_unit=0)"
            ),
        ),
        ((NET, TASK, DESCENT), "cell has inputs=1 and the MinimalLatch shows 7 numbers at each step; inputs must be 7"),
        (
            (rl.cells.VanillaRNN(inputs=1, hidden=2), TWO, DESCENT),
            (
                "cell has no read-out of its 2 hidden units and the TwoSequence compares 1 number with a target; outputs must "
                "be 1, or a read_unit given"
            ),
        ),
        (
            (rl.cells.GRU(inputs=1, hidden=2, outputs=3), TWO, DESCENT),
            "cell has outputs=3 and the TwoSequence compares 1",
        ),
        (
            (rl.cells.GRU(inputs=2, hidden=2, outputs=2), DATA, DESCENT),
            "cell has 2 outputs and the DatasetTask has 3 classes; outputs must be at least 3",
        ),
        (
            (SIGNS, PARITY, DESCENT),
            "algorithm is GradientDescent, which needs gradients, and the cell has activation='sign'",
        ),
        ((NET, PARITY, rl.algorithms.DiscreteErrorPropagation()), "it must be a VanillaRNN with activation='sign'"),
        ((CELL, TASK, rl.algorithms.DiscreteErrorPropagation()), "it must be a VanillaRNN with activation='sign'"),
        (
            (NET, FRESH, rl.algorithms.SimulatedAnnealing()),
            "which compares costs on one training set, and the task draws",
        ),
        (
            (NET, PARITY, GUESSING, None, 100),
            "max_presentations is 100; it must be a multiple of the size of the training",
        ),
        (
            (NET, PARITY, GUESSING, rl.Criterion(), 800),
            (
                "criterion has measure='cost', and RandomGuessing only looks at what is right or wrong; it must be "
                "Criterion(measure='error') or Criterion(measure='consecutive')"
            ),
        ),
        (
            (NET, PARITY, GUESSING, rl.Criterion(measure="error", window=4), 800),
            "window is 4; it must be None for RandomGuessing, which looks at the whole training set",
        ),
        (
            (rl.cells.VanillaRNN(inputs=1, hidden=40, read_unit=0), PARITY, rl.algorithms.Newton()),
            "algorithm is Newton and the cell has 1720 numbers that are trained",
        ),
        (
            (
                rl.cells.DiagonalRNN(
                    inputs=1, hidden=1, bias=False, read_unit=0, fixed=["weight_ih_l0", "weight_hh_l0"]
                ),
                PARITY,
                ADAM,
            ),
            "it has nothing that is trained, at least one number must be",
        ),
        (
            (rl.cells.GRU(inputs=2, hidden=2, outputs=3), DATA, ADAM, None, 100, 10),
            "test_presentations is 10 and the task a DatasetTask, which has no fresh sequences; it must be 0",
        ),
        ((NET, PARITY, ADAM, None, 100, -1), "test_presentations is -1"),
    ],
)
def test_what_does_not_go_together_is_refused_before_work(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.Run(*arguments)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


LEARNED = rl.cells.GRU(inputs=1, hidden=2, outputs=1, initial_state="learned")
STEPPED = rl.cells.VanillaRNN(inputs=1, hidden=2, read_unit=1, same_step=[[0, 0], [1, 0]])
SMALL = rl.cells.VanillaRNN(inputs=2, hidden=2, outputs=3)


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        ((NET, FRESH, ADAM), {"driver": "gpu"}, "driver is 'gpu'; it must be 'lanes' or 'matrices'"),
        ((NET, FRESH, ADAM), {"precision": "half"}, "precision is 'half'; it must be 'float64' or 'float32'"),
        (
            (NET, FRESH, ADAM),
            {"driver": "lanes", "precision": "float32"},
            "driver is 'lanes' and precision is 'float32', which only runs in matrices have; it must be 'matrices' or None",
        ),
        (
            (NET, FRESH, ADAM, TESTED),
            {"driver": "lanes"},
            "and the criterion has measure='test_error', which only runs",
        ),
        (
            (NET, FRESH, SCHEDULED, None, 800),
            {"driver": "lanes"},
            "driver is 'lanes' and omega_of is 'state', which only runs in matrices have",
        ),
        (
            (NET, PARITY, GUESSING, RIGHT, 800),
            {"driver": "matrices"},
            "driver is 'matrices' and the algorithm is RandomGuessing; it must be GradientDescent, Adam or RMSprop",
        ),
        (
            (NET, FRESH, rl.algorithms.Newton(), TESTED),
            {},
            "the criterion has measure='test_error', which only runs in matrices have, and the algorithm is Newton",
        ),
        (
            (CELL, TASK, DESCENT),
            {"driver": "matrices"},
            "driver is 'matrices' and the cell is a LatchNeuron; it must be a",
        ),
        (
            (CELL, TASK, rl.algorithms.GradientDescent(clip_value=0.5)),
            {},
            "clip_value is 0.5, which only runs in matrices have, and the cell is a LatchNeuron",
        ),
        ((LEARNED, FRESH, ADAM), {"driver": "matrices"}, "the cell has initial_state='learned'; it must be 'zero'"),
        ((STEPPED, FRESH, ADAM), {"precision": "float32"}, "and the cell has same_step; its units must read the step"),
        (
            (NET, FRESH, PlainDescent()),
            {"driver": "lanes"},
            "driver is 'lanes'; it must be None where the algorithm, PlainDescent, is written in Python",
        ),
        ((NET, FRESH, PlainDescent(), TESTED), {}, "and the algorithm is PlainDescent; it must be GradientDescent"),
        (
            (SMALL, DATA, ADAM, TESTED),
            {},
            "measure='test_error' and the task is a DatasetTask, which has no fresh sequences; it must be 'cost', 'error'",
        ),
        (
            (NET, FRESH, replace(SCHEDULED, batch_size=16), None, 1600),
            {},
            "presentations of learning_rate_schedule is 40; it must be a multiple of the batch size, which is 16",
        ),
    ],
)
def test_what_a_driver_cannot_do_is_refused(arguments: tuple[Any, ...], given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.Run(*arguments, **given)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("parts", "given", "message"),
    [
        (
            (NET, FRESH, ADAM),
            {"driver": "lanes"},
            "driver is 'lanes' and record is 10, which only runs in matrices have",
        ),
        (
            (NET, FRESH, rl.algorithms.PseudoNewton()),
            {},
            "record is 10, which only runs in matrices have, and the algorithm is PseudoNewton; it must be GradientDescent",
        ),
        (
            (NET, FRESH, PlainDescent()),
            {},
            "record is 10; it must be None, learning curves are only kept of runs in ",
        ),
        (
            (wide(32), FRESH, rl.algorithms.Adam(batch_size=20)),
            {},
            "record is 10; it must be a multiple of the batch size",
        ),
        (
            (wide(2), FRESH, rl.algorithms.Adam(batch_size=20)),
            {},
            "record is 10; it must be a multiple of the batch size",
        ),
    ],
)
def test_where_no_curve_can_be_kept_it_is_said(parts: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rl.train(*parts, runs=1, max_presentations=100, record=10, **given)
    assert message in str(caught.value)


def test_a_replay_of_a_run_in_lanes_keeps_no_curve() -> None:
    with pytest.raises(ValueError, match="record is 10; it must be None, learning curves are only kept of runs in "):
        rl.replay(rl.Run(NET, FRESH, ADAM, None, 100), rng=0, record=10)


def test_a_run_in_matrices_as_the_engine_sees_it() -> None:
    run = rl.Run(NET, FRESH, SCHEDULED, TESTED, 800, precision="float32")
    structure = run.structure()
    assert structure.items() >= NET.structure("half_squared_error", "last").items() | FRESH.structure().items()
    own = {"algorithm": "GradientDescent", "batch_size": 8, "mean_gradient": 1, "precision": "float32"}
    assert structure.items() >= own.items()
    assert (structure["omega_squared"], structure["omega_mean"], structure["omega_state"]) == (1, 0, 1)
    assert run.columns() == FRESH.columns()
    assert run.window == 800, "1000 batches are more than there are presentations"
    assert rl.Run(NET, FRESH, SCHEDULED, TESTED, 80_000).window == 8000


def test_the_axis_of_a_later_field_is_labelled_like_others() -> None:
    def study(precision: str) -> rl.Run:
        return rl.Run(NET, FRESH, rl.algorithms.Adam(learning_rate=0), None, 10, driver="matrices", precision=precision)  # type: ignore[arg-type]

    ds = rl.sweep(study, {"precision": ["float64", "float32"]}, runs=1, rng=0)
    assert ds.precision.attrs == {"long_name": "precision of training"}


@pytest.mark.parametrize(
    ("measure", "threshold", "expected"),
    [
        ("cost", None, 0.2),
        ("error", None, 0.2),
        ("consecutive", None, 0),
        ("consecutive", 0, 0),
        ("error", 0, 0),
        ("test_error", None, 0.01),
        ("test_error", 0, 0),
    ],
)
def test_a_criterion_knows_its_threshold(measure: str, threshold: Any, expected: float) -> None:
    assert rl.Criterion(measure=measure, threshold=threshold).threshold == expected
    if measure == "test_error":
        return
    assert rl.Criterion(measure=measure).structure() == {"measure": ["cost", "error", "consecutive"].index(measure) + 1}


def test_tests_are_for_the_error_on_fresh_sequences() -> None:
    assert TESTED.met(9.0, 0.0099)
    assert not TESTED.met(0.0, 0.01)
    assert rl.Criterion(measure="test_error", threshold=0).met(9.0, 0.0)
    assert not rl.Criterion(measure="test_error", threshold=0).met(0.0, 0.001)
    with pytest.raises(ValueError, match="tests is 5; it must be left out where the measure is 'error'"):
        rl.Criterion(measure="error", tests=5)
    with pytest.raises(ValueError, match="tests is 0; it must be an integer from 1 to 2147483648"):
        rl.Criterion(measure="test_error", tests=0)


def test_consecutive_answers_have_no_threshold() -> None:
    with pytest.raises(
        ValueError, match=r"threshold is 0.1; it must be 0, or left out, where the measure is 'consecutive'"
    ):
        rl.Criterion(measure="consecutive", threshold=0.1)


def test_targets_without_a_side_are_refused_where_they_are_judged() -> None:
    task = rl.tasks.DatasetTask(inputs=np.zeros((3, 2, 1)), targets=np.array([[-1.0], [0.0], [1.0]]))
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=1)
    rl.Run(cell, task, rl.algorithms.Adam(), max_presentations=30)
    with pytest.raises(
        ValueError, match=r"targets has 0\.0, halfway between the smallest and the largest one.*tolerance"
    ):
        rl.Run(cell, task, rl.algorithms.Adam(), rl.Criterion(measure="error"), 30)
    with pytest.raises(ValueError, match="halfway"):
        rl.Run(cell, task, rl.algorithms.RandomGuessing(), rl.Criterion(measure="consecutive"), 30)


def test_memory_is_asked_for_before_training() -> None:
    task = rl.tasks.TwoSequence(length=1_000_000, prefix=3, noise_std=0, sequences_per_class=500_000)
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, outputs=1)
    right = rl.Criterion(measure="consecutive")
    with pytest.raises(MemoryError, match=r"1000000 steps needs \d+ TB, and .* are available; use fewer threads"):
        rl.train(
            cell, task, rl.algorithms.SimulatedAnnealing(), runs=8, max_presentations=1_000_000, criterion=right, rng=0
        )
