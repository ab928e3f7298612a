"""Texts as tasks: which characters are predicted from which, what that costs, and who computes it."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlatch as rl
from reference import tasks as reference
from rnnlatch._dispatch import core
from rnnlatch.data import text as texts
from rnnlatch.rng import normalise, stream_base
from rnnlatch.tasks import CharacterPrediction

A = rl.algorithms

SPELL = "hocus pocus, three times round, abracadabra! " * 4
TEXT = rl.data.text_of(SPELL)
DESCENT = A.GradientDescent(learning_rate=0.1, batch_size=4, clip_norm=1)


def small(**given: Any) -> CharacterPrediction:
    return CharacterPrediction(TEXT, **({"length": 9, "streams": 4} | given))


def cell_for(task: CharacterPrediction, hidden: int = 5, **given: Any) -> rl.cells.VanillaRNN:
    return rl.cells.VanillaRNN(inputs=task.features, hidden=hidden, outputs=task.outputs, **given)


# ---- the rows -------------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 90), st.integers(1, 7), st.integers(1, 6), st.integers(1, 12), st.sampled_from(["sum", "mean"]))
def test_every_prediction_is_shown_once(more: int, streams: int, ahead: int, length: int, reduction: str) -> None:
    """All characters differ, so that each shows where it stands."""
    size = streams + ahead - 1 + more
    text = rl.data.text_of("".join(chr(0x1000 + k) for k in range(size)))
    task = CharacterPrediction(text, length=length, ahead=ahead, streams=streams, reduction=reduction)
    drawn = task.sample(task.training_set, rng=0)
    begun = np.asarray(drawn.mask) > 0
    np.testing.assert_array_equal(begun.sum(axis=1), drawn.lengths)
    shown = drawn.inputs.argmax(axis=2)
    assert task.predictions == streams * ((size - ahead) // streams)
    np.testing.assert_array_equal(np.sort(shown[begun]), np.arange(task.predictions))
    np.testing.assert_array_equal(drawn.targets[begun], shown[begun] + ahead)
    assert (drawn.lengths.min(), drawn.lengths.max()) == task.length_range
    # minibatch after minibatch, each stream goes on where it was
    for stream in range(streams):
        of = [shown[i][begun[i]] for i in range(stream, task.training_set, streams)]
        assert (np.diff(np.concatenate(of)) == 1).all()


@pytest.mark.parametrize("symbols", [20, 300, 70_000])
@pytest.mark.parametrize("test", [False, True])
def test_the_engine_shows_the_same(symbols: int, test: bool) -> None:
    """Symbols of one, two and four bytes; in the order that is drawn."""
    rng = np.random.default_rng(0)
    alphabet = rl.data.Alphabet("".join(map(chr, range(0x10000, 0x10000 + symbols))))
    text = rl.data.Text(rng.integers(0, symbols, 100).astype(alphabet.dtype), alphabet)
    task = CharacterPrediction(text, length=3, streams=2, ahead=2, order="random")
    cell = cell_for(task, 1)
    key, stream, count = normalise(0).key(), stream_base({}), 5 if symbols > 300 else 34
    structure = cell.structure(task.loss, task.at) | task.structure()
    columns = {name: np.array([value]) for name, value in task.columns().items()}
    found = core.sample_task(structure, columns, key, stream, count, test, task.arrays())
    for i in range(count):
        expected = reference.character_prediction(
            structure, task.columns(), key, stream, i, test=test, arrays=task.arrays()
        )
        np.testing.assert_array_equal(found["inputs"][i], expected.inputs)
        np.testing.assert_array_equal(found["targets"][i, :, 0], expected.target)
        np.testing.assert_array_equal(found["weights"][i], expected.mask)
        assert found["lengths"][i] == expected.length


# ---- what it costs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ["sum", "mean"])
@pytest.mark.parametrize(("ahead", "length"), [(1, 9), (5, 9), (1, 1000)])
def test_bits_are_those_of_a_count_by_hand(reduction: str, ahead: int, length: int) -> None:
    """A network that looks at nothing, with the frequencies of letters in its bias: their cross-entropy."""
    task = small(reduction=reduction, ahead=ahead, length=length)
    counts = np.bincount(TEXT.symbols, minlength=TEXT.alphabet.size)
    cell = cell_for(task)
    params = {name: np.zeros(shape) for name, shape in cell.parameter_shapes.items()}
    params["bias_out"] = np.log(counts)
    predicted = [
        SPELL[stream * (task.predictions // 4) + k + ahead] for stream in range(4) for k in range(task.predictions // 4)
    ]
    expected = -np.mean([np.log2(SPELL.count(character) / len(SPELL)) for character in predicted])
    assert task.bits(rl.evaluate(cell, params, task).loss.item()) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("hidden", [5, 40])  # in lanes, in matrices
@pytest.mark.parametrize("kind", [rl.cells.VanillaRNN, rl.cells.LSTM, rl.cells.GRU])
def test_losses_are_those_of_the_gradients(hidden: int, kind: Any) -> None:
    task = small(reduction="mean")
    cell = kind(inputs=task.features, hidden=hidden, outputs=task.outputs)
    params = cell.initial_parameters(0)
    drawn = task.sample(task.training_set, rng=0)
    keywords: dict[str, Any] = {"loss": task.loss, "at": task.at, "mask": drawn.mask, "lengths": drawn.lengths}
    expected, _ = rl.gradients.loss_and_gradient(cell, params, drawn.inputs, drawn.targets, **keywords)
    found = rl.evaluate(cell, params, task)
    # some 100 sums of as many terms, each with an error of some ulps
    assert found.loss.item() == pytest.approx(expected, rel=1e-13)
    outputs = rl.predict(cell, params, drawn.inputs, lengths=drawn.lengths)
    right = (outputs.argmax(axis=2) == drawn.targets) | (np.asarray(drawn.mask) == 0)
    assert found.error.item() == 1 - right.all(axis=1).mean()


def test_likelihoods_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch")
    task = small(ahead=2)
    cell = rl.cells.VanillaRNN(inputs=task.features, hidden=8, outputs=task.outputs)
    params = cell.initial_parameters(1)
    network = torch.nn.RNN(task.features, 8, batch_first=True, dtype=torch.float64)
    network.load_state_dict({name: torch.tensor(params[name]) for name in network.state_dict()})
    nats, size = 0.0, task.predictions // 4
    with torch.no_grad():
        for stream in range(4):
            for first in range(0, size, 9):
                at = stream * size + first + torch.arange(min(9, size - first))
                symbols = torch.tensor(TEXT.symbols.astype(np.int64))
                states, _ = network(torch.nn.functional.one_hot(symbols[at], task.features).double()[None])
                outputs = states[0] @ torch.tensor(params["weight_out"]).T + torch.tensor(params["bias_out"])
                nats += torch.nn.functional.cross_entropy(outputs, symbols[at + 2], reduction="sum").item()
    expected = nats / task.predictions / np.log(2)
    assert task.bits(rl.evaluate(cell, params, task).loss.item()) == pytest.approx(expected, rel=1e-12)


# ---- who computes it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["cyclic", "random"])
def test_both_engines_train_alike(order: str) -> None:
    task = small(order=order)
    given: dict[str, Any] = {"runs": 2, "max_presentations": 40, "criterion": None, "rng": 0}
    lanes, matrices = (
        rl.train(cell_for(task), task, DESCENT, driver=driver, **given) for driver in ("lanes", "matrices")
    )
    for name in cell_for(task).parameter_shapes:
        # ten updates; an update's error is that of nine steps of some 30 products
        np.testing.assert_allclose(lanes[name], matrices[name], rtol=0, atol=1e-13)
    single = rl.train(cell_for(task), task, DESCENT, precision="float32", **given)
    np.testing.assert_allclose(single.loss, matrices.loss, rtol=1e-4)
    assert (matrices.loss < task.length * np.log(task.features)).all()


def test_other_algorithms_take_texts_too() -> None:
    task = small(length=4, streams=2)
    for algorithm in (A.RandomGuessing(), A.PseudoNewton(learning_rate=0.01)):
        limit = 2 * task.training_set
        out = rl.train(cell_for(task, 2), task, algorithm, runs=2, max_presentations=limit, criterion=None, rng=0)
        assert np.isfinite(out.loss).all()


def test_a_text_in_a_file_gives_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "LARGE", 100)
    (tmp_path / "spell.txt").write_text(SPELL, encoding="utf-8")
    mapped = rl.data.read_text(tmp_path / "spell.txt", cache=tmp_path)
    assert isinstance(mapped.symbols, np.memmap)
    of_file = CharacterPrediction(mapped, length=9, streams=4)
    assert of_file.arrays()["symbols"] is mapped.symbols
    again = pickle.loads(pickle.dumps(of_file))
    assert of_file == small() == again
    given: dict[str, Any] = {"runs": 1, "max_presentations": 40, "criterion": None, "rng": 0, "driver": "matrices"}
    expected = rl.train(cell_for(small()), small(), DESCENT, **given)
    for task in (of_file, again):
        np.testing.assert_array_equal(
            rl.train(cell_for(task), task, DESCENT, **given).weight_hh_l0, expected.weight_hh_l0
        )


def test_a_store_keeps_the_hash(tmp_path: Path) -> None:
    def study(learning_rate: float, text: rl.data.Text = TEXT) -> rl.Run:
        task = CharacterPrediction(text, length=9, streams=4)
        descent = A.GradientDescent(learning_rate=learning_rate, batch_size=4)
        return rl.Run(cell_for(task), task, descent, None, max_presentations=40)

    given: dict[str, Any] = {"axes": {"learning_rate": [0.1, 0.2]}, "runs": 2, "rng": 0, "store": tmp_path / "s.sqlite"}
    out = rl.sweep(study, **given)
    rl.sweep(study, **given)  # nothing is missing
    plan = rl.open_store(given["store"]).plan
    assert len(given["store"].read_bytes()) < 200_000
    task = plan.points[0].task
    assert task == small()
    assert repr(task) == repr(small())
    with pytest.raises(ValueError, match=r"out of a store, which keeps of its text only the hash"):
        task.arrays()
    other = rl.data.text_of(SPELL[::-1])
    with pytest.raises(ValueError, match="sha256"):
        rl.sweep(lambda learning_rate: study(learning_rate, other), **given)
    replayed = rl.replay(study(0.2), {"learning_rate": 0.2}, 1, rng=0)
    np.testing.assert_array_equal(replayed.weight_hh_l0, out.weight_hh_l0.sel(learning_rate=0.2, run=1))


# ---- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: CharacterPrediction(), TypeError, "text is None; it must be a text as symbols"),
        (lambda: CharacterPrediction("abc"), TypeError, r"text is 'abc' \(str\)"),
        (lambda: small(length=0), ValueError, "length is 0"),
        (lambda: small(ahead=0), ValueError, "ahead is 0"),
        (lambda: small(streams=0), ValueError, "streams is 0"),
        (lambda: small(reduction="max"), ValueError, "reduction is 'max'"),
        (lambda: small(order="any"), ValueError, "order is 'any'"),
        (
            lambda: small(ahead=180),
            ValueError,
            "text has 180 characters; with streams=4 and ahead=180 it must have at least 184",
        ),
        (lambda: small(content=small().content), ValueError, "content is given together with the text"),
        (
            lambda: rl.evaluate(cell_for(small()), cell_for(small()).initial_parameters(0), small(), presentations=3),
            ValueError,
            "presentations is 3; it must be None for a CharacterPrediction",
        ),
        (
            lambda: rl.Run(cell_for(small()), small(), DESCENT, test_presentations=4, max_presentations=40),
            ValueError,
            "CharacterPrediction, which has no fresh sequences",
        ),
        (
            lambda: rl.Run(rl.cells.VanillaRNN(inputs=20, hidden=2, outputs=5), small(), DESCENT),
            ValueError,
            "CharacterPrediction",
        ),
    ],
)
def test_what_is_refused(call: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence):
        call()


def test_the_engine_checks_what_it_is_given() -> None:
    task = small()
    structure = cell_for(task).structure(task.loss, task.at) | task.structure()
    columns = {name: np.array([value]) for name, value in task.columns().items()}

    def sample(arrays: dict[str, Any], **changes: Any) -> None:
        core.sample_task(structure | changes, columns, normalise(0).key(), 0, 3, False, arrays)

    for arrays, changes, error, sentence in (
        ({"symbols": TEXT.symbols[:-4]}, {}, ValueError, "fewer symbols"),
        ({"symbols": TEXT.symbols.astype(np.int64)}, {}, TypeError, "dtype uint32"),
        (task.arrays(), {"sequences": 8}, ValueError, "sequences must be the rows"),
        (task.arrays(), {"at": "last"}, ValueError, "at every step"),
    ):
        with pytest.raises(error, match=sentence):
            sample(arrays, **changes)
