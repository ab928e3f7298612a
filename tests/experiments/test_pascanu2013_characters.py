"""pascanu2013-characters: its text and parts, its settings, claims, and the user's own text."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr

from rnnlatch import experiments
from rnnlatch.algorithms import GradientDescent
from rnnlatch.cli import main
from rnnlatch.data import character_bits
from rnnlatch.experiments.pascanu2013 import characters as experiment
from rnnlatch.experiments.pascanu2013 import characters_claims, characters_settings
from rnnlatch.experiments.pascanu2013.characters_settings import CONTROL, TRAINED, Parts, language_reference, parts
from rnnlatch.experiments.pascanu2013.natural_settings import SETS

NAME = "pascanu2013-characters"
EXPERIMENT = experiments.get(NAME)


def words(count: int, rng: int = 0) -> str:
    """Text of at least so many characters: a few words in any order."""
    known = ["the", "cat", "dogs", "were", "full,", "grass", "of\n", "naïve", "$"]
    return " ".join(np.random.default_rng(rng).choice(known, size=count // 3))[:count]


# ---- the text -----------------------------------------------------------------------------------------------------------


def test_the_language_reference_comes_in_order_and_every_paragraph_once(monkeypatch: pytest.MonkeyPatch) -> None:
    topics = {"while": "While.\n\nLoops.\n", "if": "If.\n\n   Branches.\n\nLoops.\n", "for": "For.\n\n    Branches.\n"}
    monkeypatch.setitem(sys.modules, characters_settings.TOPICS, SimpleNamespace(topics=topics))
    assert language_reference() == "For.\n\n    Branches.\n\n\nIf.\n\nLoops.\n\n\nWhile."


def test_parts_follow_each_other_and_training_makes_the_alphabet() -> None:
    # "x" is only in the test part, "y" is rare in training.
    text = "ab" * 6000 + "y" * 4 + "ab" * 2000 + "x" * 200
    given = Parts(characters_settings.encoded(text, "text"), "text")
    assert given.text.alphabet.characters == "ab"
    assert [len(part) for part in given.sets.values()] == [12963, 1621, 1620]
    decoded = "".join(given.text.alphabet.decode(part.symbols) for part in given.sets.values())
    assert decoded == text.replace("x", "\N{REPLACEMENT CHARACTER}").replace("y", "\N{REPLACEMENT CHARACTER}")


def test_a_file_is_cut_as_a_text_of_as_many_characters_is(tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(words(30_000), encoding="utf-8", newline="")
    whole, begun = parts(None, path), parts(20_000, path)
    assert whole.text.sha256 == characters_settings.encoded(words(30_000), "").sha256
    assert begun.text.sha256 == characters_settings.encoded(words(30_000)[:20_000], "").sha256
    assert whole.name == begun.name == "words.txt"
    # A changed file is read again.
    path.write_text(words(30_000, rng=1), encoding="utf-8", newline="")
    assert parts(None, path).text.sha256 != whole.text.sha256


# ---- settings -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given() -> Parts:
    return Parts(characters_settings.encoded(words(20_000), "words"), "words")


@pytest.mark.parametrize("ahead", [1, 5])
def test_runs_are_the_papers(given: Parts, ahead: int) -> None:
    runs: dict[str, Any] = {model: experiment.run("paper", given, model, ahead) for model in TRAINED}
    for run in runs.values():
        expected = {"length": 200, "ahead": ahead, "streams": 20, "reduction": "sum", "carry_state": True}
        assert {name: getattr(run.task, name) for name in expected} == expected
        assert run.batch_size == 20
        assert run.early_stopping.presentations == run.task.training_set == 80
        assert run.early_stopping.task.text is given.sets["validation"]
        assert run.early_stopping.task.ahead == ahead
        assert run.algorithm.learning_rate_schedule is None
    cell = runs["SGD"].cell
    assert cell.hidden == 500
    assert cell.activation == "logistic"
    assert not [name for name in cell.parameter_shapes if "bias" in name]
    how: dict[str, Any] = {model: _settings(run.algorithm) for model, run in runs.items()}
    assert how["SGD"] == (0.001, None, 0)
    assert how["SGD-C"] == how["LSTM"] == how["GRU"] == (0.01, 45, 0)
    assert how[CONTROL] == (0.05, 45, 0)
    assert how["SGD-CR"] == (0.05, 45, characters_settings.OMEGA)
    # The regulariser is summed over the steps, as the cost is.
    assert runs["SGD-CR"].algorithm.omega_reduce == "sum"
    assert runs[CONTROL].cell == runs["SGD-CR"].cell == cell


def _settings(algorithm: GradientDescent) -> tuple[float, float | None, float]:
    return algorithm.learning_rate, algorithm.clip_norm, algorithm.omega


def test_the_printed_numbers_are_in_the_order_that_is_claimed() -> None:
    """Each claim whose source is the table is true of the table."""
    place = {"SGD": 0, "SGD-C": 1, "SGD-CR": 2}
    claimed = [key for key, (source, _, _) in characters_claims.TESTED.items() if source == characters_claims.TABLE]
    assert len(claimed) == 5
    for (first, second), ahead, which in claimed:
        row = experiment.PRINTED[ahead][which]
        assert row[place[second]] < row[place[first]]


# ---- claims -------------------------------------------------------------------------------------------------------------

USUAL = {
    "SGD": [3.4, 3.5, 3.6],
    "SGD-C": [3.0, 3.11, 3.2],
    "SGD-CR": [2.5, 2.6, 2.71],
    "LSTM": [2.4, 2.5, 2.6],
    "GRU": [2.4, 2.4, 2.5],
    CONTROL: [2.4, 2.52, 2.6],
}


def found(bits: dict[str, list[float]], scale: str = "paper") -> xr.Dataset:
    """What an analysis could have found: the runs of each model, in all sets and one and five steps ahead the same."""
    values = np.array([[[bits[model]] * 3] * 2 for model in TRAINED])
    baseline = np.array([[[4.7] * 3] * 2, [[4.0] * 3] * 2])
    return xr.Dataset(
        {"bits": (("model", "ahead", "set", "run"), values), "baseline_bits": (("order", "ahead", "set"), baseline)},
        {"model": list(TRAINED), "ahead": [1, 5], "set": list(SETS), "order": [1, 2]},
        {"scale": scale},
    )


def held(data: xr.Dataset) -> dict[str, bool | None]:
    return {claim.statement: claim.held for claim in characters_claims.claims(data)}


def test_what_is_lower_in_all_pairs_of_runs_holds() -> None:
    alone = [
        f"The regulariser lowers the entropy of the test part, {far} ahead, below that of clipping with its learning rate."
        for far in ("one character", "five characters")
    ]
    usual = held(found(USUAL))
    assert len(usual) == 10 + 9 + 4
    assert [what for what, value in usual.items() if value is not True] == alone
    assert set(held(found(USUAL, "quick")).values()) == {None}


def test_claims_look_at_their_own_steps_ahead() -> None:
    data = found(USUAL)
    data["bits"].loc[{"model": "SGD-C", "ahead": 5}] += 0.9
    before, after = held(found(USUAL)), held(data)
    changed = [what for what, value in after.items() if value != before[what]]
    assert len(changed) == 3
    assert "trained by SGD-C predicts the test part, five characters ahead" in changed[0]
    assert all(what.startswith("Clipping") and "five characters ahead" in what for what in changed[1:])


# ---- the user's own text ------------------------------------------------------------------------------------------------


def test_a_text_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "own.txt"
    # Of the test part: characters that training has not seen, one of which no font has.
    path.write_text(words(12_000) + "\N{SNOWMAN}\ue000" * 20, encoding="utf-8", newline="")
    command = ["reproduce", NAME, "--scale", "quick", "--out", str(tmp_path), "--threads", "1"]
    assert main([*command, "--data", str(path)]) == 0
    printed = capsys.readouterr().out
    with xr.open_dataset(tmp_path / NAME / "data.nc", engine="h5netcdf") as data:
        data.load()
    given = parts(experiment.CHARACTERS["quick"], path)
    assert (data.attrs["text"], data.attrs["sha256"]) == ("own.txt", given.text.sha256)
    assert np.isfinite(data["bits"]).all()
    assert (data["epochs"] <= experiment.EPOCHS["quick"]).all()
    expected = character_bits(given.sets["train"], given.sets["test"], order=2, ahead=5)
    assert data["baseline_bits"].sel(order=2, ahead=5, set="test").item() == expected
    for model in experiment.SAMPLED:
        sample = tmp_path / NAME / f"sample-{model}.txt"
        assert str(sample) in printed
        before, after = sample.read_text(encoding="utf-8").split(
            f"\n\n---- above: read; below: written by {model} ----\n\n"
        )
        assert before == words(12_000)[-len(given.sets["test"]) + 40 :][: experiment.READ]
        assert len(after) == experiment.WRITTEN + 1
    # Another text is not that of the store.
    path.write_text(words(12_000, rng=1), encoding="utf-8", newline="")
    assert main([*command, "--data", str(path)]) == 2
    assert "sha256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.txt", None, "there is no such file"),
        ("directory", "directory", "a directory"),
        ("empty.txt", b"", "'{path}' is empty; it must have at least one character"),
        ("latin.txt", "naïve".encode("latin-1") * 5000, "is not UTF-8: the byte 0xef at offset 2"),
        (
            "short.txt",
            b"abc " * 2000,
            "the text 'short.txt' has 8000 characters, and its part 2 of 3 would have 800; each must have at least 1000",
        ),
        ("rare.txt", "".join(map(chr, range(0x4E00, 0x9E00))).encode(), "no character that occurs 5 times or more"),
    ],
)
def test_what_is_no_text_leaves_nothing(
    name: str, content: bytes | str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        path.mkdir()
    for scale in ("quick", "paper"):
        assert main(["reproduce", NAME, "--scale", scale, "--out", str(out), "--data", str(path)]) == 2
        error = capsys.readouterr().err
        assert message.format(path=path) in error
    assert not out.exists()


def test_a_python_without_its_language_reference_asks_for_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, characters_settings.TOPICS, None)
    characters_settings._parts.cache_clear()
    assert main(["reproduce", NAME, "--scale", "quick", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert "--data FILE" in error
    assert not (tmp_path / "out").exists()
