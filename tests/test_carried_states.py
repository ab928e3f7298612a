"""States that are carried from row to row of a text: truncated back-propagation through time, and what keeps them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from minibatch_training import assert_same_runs
from reference import networks
from reference.arithmetic import Array
from rnnlatch import _minibatch_runs
from rnnlatch._minibatch_runs import MinibatchRun
from rnnlatch.cells import GRU, LSTM, VanillaRNN
from rnnlatch.rng import normalise, stream_base
from rnnlatch.tasks import CharacterPrediction

# without its types: dicts of arrays go in and come out
core: Any = import_module("rnnlatch._dispatch").core

A = rl.algorithms

STREAMS, LENGTH, RATE, CLIP = 4, 9, 0.3, 0.5
TEXT = rl.data.text_of("hocus pocus, three times round, abracadabra! " * 4)
CELLS = [VanillaRNN, LSTM, GRU]
DESCENT = A.GradientDescent(learning_rate=RATE, batch_size=STREAMS, clip_norm=CLIP)


def carrying(**given: Any) -> CharacterPrediction:
    return CharacterPrediction(TEXT, **({"length": LENGTH, "streams": STREAMS, "carry_state": True} | given))


ROWS = carrying().training_set // STREAMS  # the last of them is shorter


def cell_for(kind: Any = VanillaRNN, hidden: int = 6) -> Any:
    return kind(inputs=TEXT.alphabet.size, hidden=hidden, outputs=TEXT.alphabet.size)


def trained(kind: Any = VanillaRNN, updates: int = ROWS, **given: Any) -> Any:
    settings: dict[str, Any] = {"cell": cell_for(kind), "task": carrying(), "algorithm": DESCENT, "runs": 1}
    settings |= {"max_presentations": updates * STREAMS, "criterion": None, "rng": 0, "record": STREAMS, "threads": 1}
    return rl.train(**(settings | given))


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("hidden", [6, 40])
def test_a_text_in_rows_costs_what_it_costs_as_a_whole(kind: Any, hidden: int) -> None:
    cell = cell_for(kind, hidden)
    params = cell.initial_parameters(0)
    whole = carrying(length=1000, carry_state=False)
    expected = whole.bits(rl.evaluate(cell, params, whole).loss.item())
    cut = carrying(carry_state=False)
    for task in (carrying(), carrying(reduction="mean"), carrying(length=1), carrying(length=44)):
        found = task.bits(rl.evaluate(cell, params, task).loss.item())
        assert found == pytest.approx(expected, rel=1e-12)  # the same sums in another order
    assert abs(cut.bits(rl.evaluate(cell, params, cut).loss.item()) - expected) > 1e-4


@pytest.mark.parametrize("kind", CELLS)
def test_updates_are_those_of_the_reference(kind: Any) -> None:
    """Each begins in the states of the one before, as constants; after the last row of a text in 0."""
    cell, task = cell_for(kind), carrying()
    structure = networks.make_structure(**cell.structure(task.loss, task.at))
    out = trained(kind, ROWS + 2)
    start = cell.initial_parameters(0)
    drawn = rl.Run(cell, task, DESCENT, None, STREAMS).initial(
        normalise(0).key(), np.array([stream_base({})], np.uint64)
    )
    params: dict[str, Array] = {name: drawn[name][0] for name in start}
    rows = task.sample((ROWS + 2) * STREAMS, rng=0)
    mask = np.asarray(rows.mask)
    states: Any = None
    for row in range(ROWS + 2):
        at = slice(row * STREAMS, (row + 1) * STREAMS)
        trace = networks.gradient(
            structure,
            params,
            rows.inputs[at],
            rows.targets[at],
            mask[at],
            rows.lengths[at],
            None if row == ROWS else states,
        )
        states = (trace.h[:, -1], trace.c[:, -1]) if kind is LSTM else trace.h[:, -1]
        np.testing.assert_allclose(out.record_loss.values[0, row], trace.loss, rtol=1e-12)
        norm = np.sqrt(sum((value**2).sum() for value in trace.gradient.values()))
        np.testing.assert_allclose(out.record_gradient_norm.values[0, row], norm, rtol=1e-10)
        params = {name: value - RATE * min(1, CLIP / norm) * trace.gradient[name] for name, value in params.items()}
    for name, value in params.items():
        np.testing.assert_allclose(out[name].values[0], value, rtol=0, atol=1e-12)


def test_training_is_that_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    cell, task, updates = cell_for(), carrying(length=11), 7
    out = trained(updates=updates, task=task)
    drawn = rl.Run(cell, task, DESCENT, None, STREAMS).initial(
        normalise(0).key(), np.array([stream_base({})], np.uint64)
    )
    network = torch.nn.RNN(cell.inputs, 6, batch_first=True, dtype=torch.float64)
    network.load_state_dict({name: torch.tensor(drawn[name][0]) for name in network.state_dict()})
    readout = torch.nn.Linear(6, cell.outputs, dtype=torch.float64)
    readout.load_state_dict({name: torch.tensor(drawn[f"{name}_out"][0]) for name in ("weight", "bias")})
    every = [*network.parameters(), *readout.parameters()]
    size = task.predictions // STREAMS
    symbols = torch.tensor(TEXT.symbols.astype(np.int64))
    streams = torch.stack([symbols[k * size : (k + 1) * size + 1] for k in range(STREAMS)])
    state, first = None, 0
    for _ in range(updates):
        if first >= size:
            state, first = None, 0
        shown = streams[:, first : min(first + 11, size) + 1]
        first += 11
        one_hot = torch.nn.functional.one_hot(shown[:, :-1], cell.inputs).double()
        states, last = network(one_hot, state)
        state = last.detach()
        loss = torch.nn.functional.cross_entropy(readout(states).flatten(0, 1), shown[:, 1:].flatten(), reduction="sum")
        gradient = torch.autograd.grad(loss / STREAMS, every)
        # clip_grad_norm_ of PyTorch adds 1e-6 to the norm that it divides by
        norm = torch.linalg.vector_norm(torch.cat([each.flatten() for each in gradient])).item()
        with torch.no_grad():
            for each, by_each in zip(every, gradient, strict=True):
                each -= RATE * min(1.0, CLIP / norm) * by_each
    assert first < updates * 11  # it has begun again
    found = dict(network.named_parameters()) | {f"{name}_out": value for name, value in readout.named_parameters()}
    for name, value in found.items():
        np.testing.assert_allclose(out[name].values[0], value.detach().numpy(), rtol=0, atol=1e-12)


def test_a_pass_begins_with_nothing() -> None:
    """Without learning every pass costs the same, to the last bit, and the first row what it costs alone."""
    still = A.GradientDescent(learning_rate=1e-300, batch_size=STREAMS)
    out = trained(updates=3 * ROWS, algorithm=still)
    costs = out.record_loss.values.reshape(3, ROWS)
    np.testing.assert_array_equal(costs[1:], costs[:-1])
    without = trained(updates=ROWS, algorithm=still, task=carrying(carry_state=False), driver="matrices")
    assert costs[0, 0] == without.record_loss.values[0, 0]
    assert (costs[0, 1:] != without.record_loss.values[0, 1:]).all()


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_run_goes_on_bit_for_bit(kind: Any, precision: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of it includes the states, whatever the number of updates of a call to the engine, and of threads."""
    updates = 2 * ROWS + 2
    whole = trained(kind, updates, precision=precision)
    assert_same_runs(trained(kind, updates, precision=precision, threads=2), whole)
    monkeypatch.setattr(_minibatch_runs, "MOST_UPDATES", 3)
    run = rl.Run(cell_for(kind), carrying(), DESCENT, None, updates * STREAMS, precision=precision)
    assert run.engine == "matrices"
    kept: bytes | None = None
    while True:
        job = MinibatchRun(run, normalise(0).key(), int(stream_base({})), STREAMS, kept)
        job.begin()
        if job.finished:
            break
        job.step(1, np.zeros(1, np.uint8))
        kept = job.snapshot()
    for name, value in job.result().items():
        np.testing.assert_array_equal(value, whole[name].values[0], err_msg=name)
    carried = job.state.optimiser["carried"]
    assert carried.shape == ((2 if kind is LSTM else 1) * STREAMS * 6,)
    assert carried.dtype == precision


def test_walks_for_the_regulariser_carry_too() -> None:
    """Every slice has a walk of its own there; with next to no weight the costs are those of training without."""
    for omega_of in ("state", "pre_activation"):
        omega = A.GradientDescent(
            learning_rate=RATE, batch_size=STREAMS, clip_norm=CLIP, omega=1e-300, omega_of=omega_of
        )
        np.testing.assert_allclose(trained(algorithm=omega).record_loss, trained().record_loss, rtol=1e-10)


def test_early_stopping_tests_as_evaluate_does() -> None:
    part, rest = TEXT.split((0.6, 0.4))
    task, held_out = (CharacterPrediction(each, length=7, streams=STREAMS, carry_state=True) for each in (part, rest))
    stopping = rl.EarlyStopping(task=held_out, presentations=2 * STREAMS)
    out = trained(updates=4, task=task, early_stopping=stopping)
    assert float(out.validation_loss[0]) == pytest.approx(rl.evaluate(cell_for(), out, held_out).loss.item(), rel=1e-12)


def test_a_sweep_goes_on(tmp_path: Path) -> None:
    run = rl.Run(cell_for(), carrying(), DESCENT, None, 2 * ROWS * STREAMS)
    rl.sweep(lambda: run, {}, runs=2, rng=0, store=tmp_path / "s.sqlite")
    kept = rl.open_store(tmp_path / "s.sqlite").to_xarray()
    np.testing.assert_array_equal(kept.weight_hh_l0, trained(updates=2 * ROWS, runs=2, record=None).weight_hh_l0)
    settings = rl.Run.from_dict(run.to_dict())
    assert settings == run
    assert settings.task.carry_state


LEARNED = VanillaRNN(inputs=18, hidden=3, outputs=18, initial_state="learned")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: carrying(order="random"), "order is 'random' and carry_state True"),
        (lambda: carrying(carry_state=1), "carry_state is 1"),
        (lambda: trained(driver="lanes"), "driver is 'lanes' and the task has carry_state=True"),
        (
            lambda: trained(algorithm=A.GradientDescent(batch_size=2)),
            "batch_size is 2 and the task has carry_state=True with streams=4; they must be equal",
        ),
        (lambda: trained(algorithm=A.RandomGuessing()), "carry_state=True, which only runs in matrices have"),
        (
            lambda: rl.evaluate(LEARNED, LEARNED.initial_parameters(0), carrying()),
            "cell has initial_state='learned' and the CharacterPrediction carry_state=True",
        ),
    ],
)
def test_what_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()


def test_the_engine_checks_what_it_is_given() -> None:
    run = rl.Run(cell_for(), carrying(), DESCENT, None, STREAMS)
    columns = {name: np.array([value]) for name, value in run.columns().items()}
    key, stream = normalise(0).key(), int(stream_base({}))
    params = {name: value[0] for name, value in run.initial(key, np.array([stream], np.uint64)).items()}

    def train(optimiser: dict[str, Any], seen: int = 0, **changes: Any) -> None:
        structure, flag = run.structure() | changes, np.zeros(1, np.uint8)
        settings, rates = DESCENT.minibatch_settings(), np.array([[0.1, 0.0]])
        fixed = [key, stream, params, optimiser, run.trainable(), run.arrays(), seen, rates, 1, flag]
        core.train_minibatches(structure, settings, columns, *fixed)

    for optimiser, seen, changes, sentence in (
        ({"carried": np.zeros(5)}, 0, {}, "carried has shape"),
        ({}, 2, {}, "one sequence of each stream"),
        ({}, 0, {"batch_size": 2}, "one sequence of each stream"),
        ({}, 0, {"random_order": 1}, "cyclic order"),
    ):
        with pytest.raises(ValueError, match=sentence):
            train(optimiser, seen, **changes)
