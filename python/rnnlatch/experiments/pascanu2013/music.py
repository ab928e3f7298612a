"""Table 1: how well networks predict music, frame by frame, and what clipping and the regulariser add."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.data import (
    PianoRoll,
    chorales,
    frame_nll,
    frame_nll_of,
    frame_prediction,
    read_scores,
    sample_roll,
    split_pieces,
    write_midi,
)
from rnnlatch.data.piano_rolls import PITCHES
from rnnlatch.early_stopping import EarlyStopping
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.pascanu2013 import PAPER, music_claims, music_plot
from rnnlatch.experiments.pascanu2013.natural_settings import MODELS, SETS, algorithm, ended, network
from rnnlatch.experiments.results import parameters_of, quantity
from rnnlatch.run import Run
from rnnlatch.tasks import DatasetTask
from rnnlatch.training import evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EXPERIMENT", "PRINTED"]

# Of the appendix of the second version on arXiv: Piano-midi.de and Nottingham. Minibatches of 10 and patience are ours.
LEARNING_RATE, CLIP, OMEGA = 1.0, 8.0, 0.5
LENGTH = 200
BATCH = 10
PATIENCE = 40  # epochs
SHARES = (0.7, 0.15, 0.15)

UNITS: dict[ScaleName, int] = {"quick": 12, "paper": 300, "large": 300}
EPOCHS: dict[ScaleName, int] = {"quick": 4, "paper": 500, "large": 1000}
RUNS: dict[ScaleName, int] = {"quick": 2, "paper": 5, "large": 20}
PIECES: dict[ScaleName, int | None] = {"quick": 30, "paper": None, "large": None}

SAMPLED, SAMPLED_FRAMES, PROMPT_FRAMES = ("SGD-CR", "GRU"), 128, 32
TEMPERATURE = 0.8  # of what they play

# Table 1 of the paper: negative log-likelihood in nats a frame, by corpus and set, of SGD, SGD-C and SGD-CR.
PRINTED: dict[str, dict[str, tuple[float, float, float]]] = {
    "Piano-midi.de": {"train": (6.87, 6.81, 7.01), "test": (7.56, 7.53, 7.46)},
    "Nottingham": {"train": (3.67, 3.21, 2.95), "test": (3.80, 3.48, 3.36)},
    "MuseData": {"train": (8.25, 6.54, 6.43), "test": (7.11, 7.00, 6.97)},
}


class Sets:
    """The pieces of an experiment, split, and what is trained and tested on."""

    def __init__(self, rolls: "Sequence[PianoRoll]", name: str) -> None:
        self.name = name
        self.rolls = dict(zip(SETS, split_pieces(rolls, SHARES, rng=0), strict=True))
        whole = frame_prediction(self.rolls["train"], LENGTH)
        self.batch = min(BATCH, whole.training_set or 1)
        self.training = _first(whole, (whole.training_set or 1) // self.batch * self.batch)
        self.epoch = self.training.training_set or 1
        self.tests = {which: frame_prediction(part, None) for which, part in self.rolls.items()}


def _first(task: DatasetTask, count: int) -> DatasetTask:
    """Give the first sequences, so that whole minibatches make an epoch, and every epoch shows the same sequences.

    Where epochs show other sequences their errors rise by chance, and the learning rate is halved without reason.
    """
    arrays: dict[str, Any] = {name: value[:count] for name, value in task.arrays().items()}
    if "mask" in arrays:  # the mean over the frames of these sequences
        frames = arrays["lengths"].sum() if "lengths" in arrays else arrays["mask"].size
        arrays["mask"] = np.full_like(arrays["mask"], count / frames)
    return DatasetTask(**arrays, loss=task.loss, at=task.at)


def sets(scale: ScaleName, data: Path | None) -> Sets:
    """Read the pieces: those of a file or a directory, or the chorales."""
    return _sets(PIECES[scale], data, None if data is None else data.stat().st_mtime_ns)


@lru_cache(maxsize=2)
def _sets(pieces: int | None, data: Path | None, changed: int | None) -> Sets:  # noqa: ARG001, a changed file is read again
    rolls = chorales() if data is None else read_scores(data)
    return Sets(rolls[:pieces], "chorales" if data is None else data.name)


def sweeps(scale: ScaleName, data: Path | None) -> tuple[SweepPlan, ...]:
    """Describe the sweep: every model, on the same pieces."""
    given = sets(scale, data)

    def study(model: str) -> Run:
        return run(scale, given, model)

    return (SweepPlan("sweep.sqlite", study, {"model": list(MODELS)}, ("model",), RUNS[scale]),)


def run(scale: ScaleName, given: Sets, model: str) -> Run:
    """Describe one training."""
    how = {"learning_rate": LEARNING_RATE, "clip_norm": CLIP, "omega": OMEGA}
    return Run(
        network(model, PITCHES, UNITS[scale]),
        given.training,
        algorithm(model, batch=given.batch, epoch=given.epoch, omega_reduce="mean", halves=True, **how),
        None,
        max_presentations=given.epoch * EPOCHS[scale],
        driver="matrices",
        precision="float32",
        early_stopping=EarlyStopping(task=given.tests["validation"], presentations=given.epoch, patience=PATIENCE),
    )


def analyse(material: Material) -> xr.Dataset:
    """Test the trained networks on all sets, beside what frequencies alone predict, and let some of them play.

    Returns
    -------
    Dataset
        Over (model, set, run): ``nll``, nats a frame. Over (model, run): ``epochs``, after how many the validation set was
        learned best. Over ``model``: ``runs``, and how they ended. Over (order, set): ``baseline_nll`` of frequencies of
        pitches (1), and of what follows (2). Over (corpus, printed_model, printed_set): ``printed_nll`` of the paper. Over
        (sampled_model, frame, pitch): ``played``; over (heard_frame, pitch): ``heard``, what was played to it before.
    """
    given = sets(material.scale, material.data)
    trained = material.stores["sweep.sqlite"].to_xarray()
    nll = np.empty((len(MODELS), len(SETS), trained.sizes["run"]))
    played = []
    prompt = given.rolls["test"][0]
    heard = PianoRoll(prompt.frames[:PROMPT_FRAMES], prompt.frames_per_quarter, prompt.name)
    for row, model in enumerate(MODELS):
        cell = network(model, PITCHES, UNITS[material.scale])
        params = parameters_of(trained.sel(model=model), cell)
        for column, which in enumerate(SETS):
            loss = evaluate(cell, params, given.tests[which], threads=material.threads)["loss"].values
            nll[row, column] = frame_nll_of(given.tests[which], loss)
        if model in SAMPLED:
            best = int(np.argmin(np.where(np.isfinite(nll[row, 1]), nll[row, 1], np.inf)))
            one = {name: value[best] for name, value in params.items()}
            roll = sample_roll(
                cell, one, SAMPLED_FRAMES, prompt=heard, temperature=TEMPERATURE, rng=[material.seed, row]
            )
            played.append(roll.frames)
    rolls = given.rolls
    baseline = [[frame_nll(rolls["train"], rolls[which], order) for which in SETS] for order in (1, 2)]
    printed = [[[by_set[which][k] for which in ("train", "test")] for k in range(3)] for by_set in PRINTED.values()]
    nats = "nats per frame"
    data = {
        "nll": quantity(("model", "set", "run"), nll, "negative log-likelihood", nats),
        "epochs": quantity(
            ("model", "run"),
            trained["validation_presentations"].values / given.epoch,
            "epochs until the validation set was learned best",
            "epochs",
        ),
        "baseline_nll": quantity(("order", "set"), baseline, "negative log-likelihood by frequencies alone", nats),
        "printed_nll": quantity(
            ("corpus", "printed_model", "printed_set"), printed, "negative log-likelihood, printed", nats
        ),
        "played": quantity(("sampled_model", "frame", "pitch"), _bits(played), "whether a network plays a pitch"),
        "heard": quantity(("heard_frame", "pitch"), heard.frames.astype(np.uint8), "whether a pitch sounds before"),
    }
    coords = {
        "model": quantity("model", list(MODELS), "model"),
        "set": quantity("set", list(SETS), "set of pieces"),
        "run": quantity("run", np.arange(trained.sizes["run"]), "trial", "1"),
        "order": quantity("order", [1, 2], "frames that a frequency is of", "frames"),
        "corpus": quantity("corpus", list(PRINTED), "corpus of the paper"),
        "printed_model": quantity("printed_model", list(MODELS[:3]), "model"),
        "printed_set": quantity("printed_set", ["train", "test"], "set of pieces"),
        "sampled_model": quantity("sampled_model", list(SAMPLED), "model"),
    }
    data |= ended(trained["outcome"].values, ("model",))
    attrs = dict(trained.attrs) | {
        "pieces": [len(rolls[which]) for which in SETS],
        "frames": [sum(map(len, rolls[which])) for which in SETS],
        "corpus": given.name,
        "units": UNITS[material.scale],
        "gated_units": [network(model, PITCHES, UNITS[material.scale]).hidden for model in MODELS[3:]],
        "most_epochs": EPOCHS[material.scale],
        "frames_per_quarter": heard.frames_per_quarter,
        "heard_name": heard.name,
    }
    return xr.Dataset(data, coords, attrs)


def _bits(rolls: list[NDArray[np.bool_]]) -> NDArray[np.uint8]:
    return np.stack(rolls).astype(np.uint8)


def write(data: xr.Dataset, directory: Path) -> tuple[Path, ...]:
    """Write what was played as MIDI files, each after what was heard before."""
    paths = []
    heard = data["heard"].values.astype(bool)
    for model in data["sampled_model"].values:
        frames = np.concatenate([heard, data["played"].sel(sampled_model=model).values.astype(bool)])
        path = directory / f"sample-{model}.mid"
        write_midi(PianoRoll(frames, int(data.attrs["frames_per_quarter"]), f"{model}"), path)
        paths.append(path)
    return tuple(paths)


EXPERIMENT = Experiment(
    name="pascanu2013-music",
    paper=PAPER,
    figure="Table 1",
    title="Predicting music, with clipping and the regulariser",
    shows="how well networks predict the next frame of Bach's chorales, or of your own scores, trained plainly, clipped, and "
    "regularised, beside an LSTM and a GRU; samples as MIDI files",
    scales={
        "quick": Scale("10 runs of at most 4 epochs, 12 units, 30 pieces", "about 20 s"),
        "paper": Scale("25 runs of at most 500 epochs, 300 units, 347 pieces", "about 1 h"),
        "large": Scale("100 runs of at most 1,000 epochs, 300 units, 347 pieces", "about 5 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=music_plot.plot,
    claims=music_claims.claims,
    takes="a score (MIDI, MusicXML, ABC) or a directory of scores; without it the chorales of J. S. Bach that music21 brings "
    "along (pip install 'rnnlatch[music]')",
    write=write,
)
