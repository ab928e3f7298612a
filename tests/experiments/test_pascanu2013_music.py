"""pascanu2013-music and what it shares with other natural data: its networks, epochs, claims, and the user's own scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from rnnlatch import data as music
from rnnlatch import experiments
from rnnlatch.cli import main
from rnnlatch.experiments.pascanu2013 import music as experiment
from rnnlatch.experiments.pascanu2013 import music_claims
from rnnlatch.experiments.pascanu2013.natural_settings import MODELS, SETS, algorithm, network
from rnnlatch.statistics import mean_interval

NAME = "pascanu2013-music"
EXPERIMENT = experiments.get(NAME)


def rolls(count: int, rng: int = 0) -> list[music.PianoRoll]:
    """Pieces of a scale up and down, begun anywhere."""
    random = np.random.default_rng(rng)
    pieces = []
    for number in range(count):
        steps = 30 + np.cumsum(random.choice([-2, -1, 1, 2], size=int(random.integers(20, 40)))) % 24
        pieces.append(music.PianoRoll(np.eye(88, dtype=bool)[steps], name=f"piece {number}"))
    return pieces


# ---- settings -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["LSTM", "GRU"])
@pytest.mark.parametrize(("symbols", "hidden"), [(88, 300), (50, 500), (88, 12)])
def test_gated_networks_have_about_as_many_weights(model: str, symbols: int, hidden: int) -> None:
    def weights(name: str) -> int:
        cell = network(name, symbols, hidden)
        return sum(int(np.prod(shape)) for key, shape in cell.parameter_shapes.items() if key.startswith("weight"))

    # Half a unit, at most, of all weights that a unit has.
    cell = network(model, symbols, hidden)
    gates = 4 if model == "LSTM" else 3
    assert abs(weights(model) - weights("SGD")) <= gates * (2 * cell.hidden + 1 + symbols) / 2 + symbols / 2


def test_the_algorithms_are_the_papers() -> None:
    how: dict[str, Any] = {
        "batch": 10,
        "epoch": 50,
        "learning_rate": 1.0,
        "clip_norm": 8.0,
        "omega": 0.5,
        "omega_reduce": "mean",
        "halves": True,
    }
    plain, clipped, both, gated = (algorithm(name, **how) for name in ("SGD", "SGD-C", "SGD-CR", "GRU"))
    assert (plain.clip_norm, plain.omega) == (None, 0)
    assert (clipped.clip_norm, clipped.omega) == (8, 0)
    assert (both.clip_norm, both.omega) == (8, 0.5)
    assert gated == clipped
    assert both.omega_schedule is not None
    # 1 / (2 t), t counting passes over the training set
    np.testing.assert_allclose(
        both.omega * both.omega_schedule.factors(both.omega_schedule.begin(), np.array([0, 49, 50, 150])),
        [0.5, 0.5, 0.25, 0.125],
    )
    assert plain.learning_rate_schedule is not None


def test_an_epoch_is_whole_minibatches_of_the_same_sequences() -> None:
    given = experiment.Sets(rolls(50), "test")
    assert [len(part) for part in given.rolls.values()] == [35, 8, 7]
    assert given.epoch == given.training.training_set == 30
    assert given.batch == 10
    # The cost stays the mean over the frames of those that are left.
    arrays = given.training.arrays()
    np.testing.assert_allclose(arrays["mask"][0, 0] * arrays["lengths"].sum() / 30, 1)
    names = [{piece.name for piece in part} for part in given.rolls.values()]
    assert not names[0] & names[1] | names[0] & names[2] | names[1] & names[2]
    assert experiment.Sets(rolls(8), "test").epoch == experiment.Sets(rolls(8), "test").batch == 6


def test_the_printed_numbers_are_in_order() -> None:
    """The paper's own claim of its table: on test sets SGD-CR is best, and SGD worst."""
    for by_set in experiment.PRINTED.values():
        assert sorted(by_set["test"], reverse=True) == list(by_set["test"])


@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_the_interval_of_a_mean_is_scipys(confidence: float) -> None:
    values = np.random.default_rng(0).normal(size=7)
    expected = stats.ttest_1samp(values, 0).confidence_interval(confidence)
    low, high = mean_interval(values, confidence)
    np.testing.assert_allclose(low, expected.low, rtol=1e-12)
    np.testing.assert_allclose(high, expected.high, rtol=1e-12)
    assert mean_interval([3.0]) == (-np.inf, np.inf)


# ---- claims -------------------------------------------------------------------------------------------------------------


def found(test: dict[str, list[float]], scale: str = "paper") -> xr.Dataset:
    """What an analysis could have found: the runs of each model, the same in all sets."""
    values = np.stack([np.stack([np.array(test[model])] * 3) for model in MODELS])
    return xr.Dataset(
        {"nll": (("model", "set", "run"), values), "baseline_nll": (("order", "set"), [[9.0] * 3, [8.0] * 3])},
        {"model": list(MODELS), "set": list(SETS), "order": [1, 2]},
        {"scale": scale},
    )


USUAL = {
    "SGD": [7.0, 7.1, 7.2],
    "SGD-C": [6.5, 6.61, 6.7],
    "SGD-CR": [6.4, 6.5, 6.61],
    "LSTM": [6, 6.1, 6.2],
    "GRU": [6, 6, 6.1],
}


def test_what_is_lower_in_all_pairs_of_runs_holds() -> None:
    claims = music_claims.claims(found(USUAL))
    assert [claim.held for claim in claims] == [True] * 10
    swapped = USUAL | {"SGD": USUAL["SGD-CR"], "SGD-CR": USUAL["SGD"]}
    assert [claim.held for claim in music_claims.claims(found(swapped))[5:]] == [False, False, False, True, True]


def test_what_differs_by_chance_is_not_decided() -> None:
    claims = music_claims.claims(found(USUAL | {"SGD-C": [6.9, 7.3, 7.1]}))
    assert [claim.held for claim in claims[5:7]] == [None, None]
    assert all(claim.held is None for claim in music_claims.claims(found(USUAL, "quick")))


def test_a_run_that_knows_no_more_than_frequencies_is_told() -> None:
    claims = music_claims.claims(found(USUAL | {"LSTM": [6.0, 8.5, 6.2]}))
    assert [claim.held for claim in claims[:5]] == [True, True, True, False, True]


# ---- the user's own scores ----------------------------------------------------------------------------------------------


def test_a_directory_of_scores(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = tmp_path / "scores"
    scores.mkdir()
    for piece in rolls(12):
        music.write_midi(piece, scores / f"{piece.name}.mid")
    command = ["reproduce", NAME, "--scale", "quick", "--out", str(tmp_path), "--threads", "1"]
    assert main([*command, "--data", str(scores)]) == 0
    printed = capsys.readouterr().out
    samples = [tmp_path / NAME / f"sample-{model}.mid" for model in experiment.SAMPLED]
    for sample in samples:
        assert str(sample) in printed
        piece = music.read_score(sample)
        assert 0 < len(piece) <= experiment.PROMPT_FRAMES + experiment.SAMPLED_FRAMES
    with xr.open_dataset(tmp_path / NAME / "data.nc", engine="h5netcdf") as data:
        assert data.attrs["corpus"] == "scores"
        assert np.isfinite(data["nll"]).all()
        np.testing.assert_array_equal(data["played"].dims, ["sampled_model", "frame", "pitch"])
    # Other scores are not those of the store.
    music.write_midi(rolls(1, rng=9)[0], scores / "piece 3.mid")
    assert main([*command, "--data", str(scores)]) == 2
    assert "sha256" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("nothing.mid", None, "there is no such file"),
        ("broken.mid", b"MThd\0\0\0\6\0", "broken.mid"),
        ("text.xml", b"<a>no music</a>", "text.xml"),
    ],
)
def test_what_is_no_music_leaves_nothing(
    name: str, content: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = tmp_path / name, tmp_path / "out"
    if content is not None:
        path.write_bytes(content)
    assert main(["reproduce", NAME, "--scale", "quick", "--out", str(out), "--data", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()
