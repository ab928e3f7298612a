"""Table 1: how well networks predict characters, one and five steps ahead, and what clipping and the regulariser add."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch._files import write_whole
from rnnlatch.data import character_bits, sample_text
from rnnlatch.early_stopping import EarlyStopping
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.pascanu2013 import PAPER, characters_claims, characters_plot
from rnnlatch.experiments.pascanu2013.characters_plot import text_of_points
from rnnlatch.experiments.pascanu2013.characters_settings import AHEAD, FEWEST, TRAINED, Parts, parts, trainer
from rnnlatch.experiments.pascanu2013.natural_settings import COMPARED, GATED, SETS, ended, network
from rnnlatch.experiments.results import parameters_of, quantity
from rnnlatch.run import Run
from rnnlatch.training import evaluate

__all__ = ["EXPERIMENT", "PRINTED"]

PATIENCE = 20  # epochs

UNITS: dict[ScaleName, int] = {"quick": 12, "subset": 100, "paper": 500, "large": 500}
EPOCHS: dict[ScaleName, int] = {"quick": 5, "subset": 150, "paper": 300, "large": 1000}
RUNS: dict[ScaleName, int] = {"quick": 2, "subset": 5, "paper": 5, "large": 20}
CHARACTERS: dict[ScaleName, int | None] = {"quick": 20_000, "subset": 400_000, "paper": None, "large": None}

SAMPLED, WRITTEN, READ = ("SGD-CR", "GRU"), 400, 100  # networks that write; how many characters, after reading so many

# Table 1 of the paper, Penn Treebank: bits per character, by steps ahead and set, of SGD, SGD-C and SGD-CR.
PRINTED: dict[int, dict[str, tuple[float, float, float]]] = {
    1: {"train": (1.46, 1.34, 1.36), "test": (1.50, 1.42, 1.41)},
    5: {"train": (np.nan, 3.76, 3.70), "test": (np.nan, 3.89, 3.74)},
}


def sweeps(scale: ScaleName, data: Path | None) -> tuple[SweepPlan, ...]:
    """Describe the sweep: every model, one and five characters ahead, on the same text."""
    given = parts(CHARACTERS[scale], data)

    def study(model: str, ahead: int) -> Run:
        return run(scale, given, model, ahead)

    axes: dict[str, Sequence[Any]] = {"model": TRAINED, "ahead": AHEAD}
    return (SweepPlan("sweep.sqlite", study, axes, ("model",), RUNS[scale]),)


def run(scale: ScaleName, given: Parts, model: str, ahead: int) -> Run:
    """Describe one training."""
    task = given.task("train", ahead)
    epoch = task.training_set
    return Run(
        network(model, task.features, UNITS[scale], bias=False),
        task,
        trainer(model, epoch),
        None,
        max_presentations=epoch * EPOCHS[scale],
        driver="matrices",
        precision="float32",
        early_stopping=EarlyStopping(task=given.task("validation", ahead), presentations=epoch, patience=PATIENCE),
    )


def analyse(material: Material) -> xr.Dataset:
    """Test the trained networks on all parts, beside what frequencies alone predict, and let some of them write.

    Returns
    -------
    Dataset
        Over (model, ahead, set, run): ``bits`` per character. Over (model, ahead, run): ``epochs``, after how many the
        validation set was learned best. Over (model, ahead): ``runs``, and how they ended. Over (order, ahead, set):
        ``baseline_bits`` of frequencies of characters (1), and of what comes so many steps after each (2). Over
        (printed_model, ahead, printed_set): ``printed_bits`` of the paper. Over (sampled_model, written_character):
        ``written``, and over ``read_character``: ``read``, what was shown before, as code points.
    """
    given = parts(CHARACTERS[material.scale], material.data)
    trained = material.stores["sweep.sqlite"].to_xarray()
    alphabet, symbols = given.text.alphabet, given.text.alphabet.size
    read = alphabet.decode(given.sets["test"].symbols[:READ])
    bits = np.empty((len(TRAINED), len(AHEAD), len(SETS), trained.sizes["run"]))
    written = []
    for row, model in enumerate(TRAINED):
        cell = network(model, symbols, UNITS[material.scale], bias=False)
        for column, ahead in enumerate(AHEAD):
            params = parameters_of(trained.sel(model=model, ahead=ahead), cell)
            for layer, which in enumerate(SETS):
                task = given.task(which, ahead)
                loss = evaluate(cell, params, task, threads=material.threads)["loss"].values
                bits[row, column, layer] = task.bits(loss)
            if ahead == 1 and model in SAMPLED:
                best = int(np.nanargmin(bits[row, column, 1]))
                one = {name: value[best] for name, value in params.items()}
                written.append(sample_text(cell, one, alphabet, WRITTEN, prompt=read, rng=[material.seed, row]))
    baseline = [
        [[character_bits(given.sets["train"], given.sets[which], order, ahead) for which in SETS] for ahead in AHEAD]
        for order in (1, 2)
    ]
    printed = [[[PRINTED[ahead][which][k] for which in ("train", "test")] for ahead in AHEAD] for k in range(3)]
    unit = "bits per character"
    data = {
        "bits": quantity(("model", "ahead", "set", "run"), bits, "entropy", unit),
        "epochs": quantity(
            ("model", "ahead", "run"),
            trained["validation_presentations"].values / _epochs(given),
            "epochs until the validation set was learned best",
            "epochs",
        ),
        "baseline_bits": quantity(("order", "ahead", "set"), baseline, "entropy by frequencies alone", unit),
        "printed_bits": quantity(("printed_model", "ahead", "printed_set"), printed, "entropy, printed", unit),
        "written": quantity(
            ("sampled_model", "written_character"), _points(written), "what a network writes, code points"
        ),
        "read": quantity("read_character", _points([read])[0], "what it reads before, code points"),
    }
    coords = {
        "model": quantity("model", list(TRAINED), "model"),
        "ahead": quantity("ahead", list(AHEAD), "characters ahead", "characters"),
        "set": quantity("set", list(SETS), "part of the text"),
        "run": quantity("run", np.arange(trained.sizes["run"]), "trial", "1"),
        "order": quantity("order", [1, 2], "characters that a frequency is of", "characters"),
        "printed_model": quantity("printed_model", list(COMPARED), "model"),
        "printed_set": quantity("printed_set", ["train", "test"], "part of the text"),
        "sampled_model": quantity("sampled_model", list(SAMPLED), "model"),
    }
    data |= ended(trained["outcome"].values, ("model", "ahead"))
    attrs = dict(trained.attrs) | {
        "text": given.name,
        "sha256": given.text.sha256,
        "characters": [len(part) for part in given.sets.values()],
        "alphabet": symbols,
        "fewest": FEWEST,
        "units": UNITS[material.scale],
        "gated_units": [network(model, symbols, UNITS[material.scale]).hidden for model in GATED],
        "most_epochs": EPOCHS[material.scale],
    }
    return xr.Dataset(data, coords, attrs)


def _epochs(given: Parts) -> NDArray[np.int64]:
    """Give the presentations of an epoch, over (ahead, run)."""
    return np.array([given.task("train", ahead).training_set for ahead in AHEAD])[:, None]


def _points(texts: list[str]) -> NDArray[np.uint32]:
    return np.array([[ord(character) for character in text] for text in texts], np.uint32)


def write(data: xr.Dataset, directory: Path) -> tuple[Path, ...]:
    """Write what the networks wrote as UTF-8 files, each after what was read before, from which a line divides it."""
    paths = []
    read = text_of_points(data["read"].values)
    for model in data["sampled_model"].values:
        written = text_of_points(data["written"].sel(sampled_model=model).values)
        paths.append(directory / f"sample-{model}.txt")
        write_whole(paths[-1], f"{read}\n\n---- above: read; below: written by {model} ----\n\n{written}\n".encode())
    return tuple(paths)


EXPERIMENT = Experiment(
    name="pascanu2013-characters",
    paper=PAPER,
    figure="Table 1",
    title="Predicting characters, with clipping and the regulariser",
    shows="how well networks predict the next character and the fifth of Python's language reference, or of your own text, "
    "trained plainly, clipped, and regularised, beside an LSTM and a GRU; samples as text files",
    scales={
        "quick": Scale("24 runs of at most 5 epochs, 12 units, 20,000 characters", "about 10 s"),
        "subset": Scale("60 runs of at most 150 epochs, 100 units, 400,000 characters at most", "about 1 h"),
        "paper": Scale("60 runs of at most 300 epochs, 500 units, the whole text", "about a day"),
        "large": Scale("240 runs of at most 1,000 epochs, 500 units, the whole text", "about 12 days"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=characters_plot.plot,
    claims=characters_claims.claims,
    takes="a text, a file of UTF-8 of at least 10,000 characters; without it the language reference that Python brings along, "
    "each version another one",
    write=write,
)
