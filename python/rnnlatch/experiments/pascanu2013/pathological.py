"""Section 4.1.2: addition, multiplication, three symbols in order, random permutation, and noiseless memorization."""

from functools import partial

import numpy as np
import xarray as xr

from rnnlatch.cells import VanillaRNN
from rnnlatch.experiments.base import Experiment, Material, Scale, ScaleName, SweepPlan
from rnnlatch.experiments.pascanu2013 import PAPER, pathological_claims, pathological_plot
from rnnlatch.experiments.pascanu2013.pathological_settings import (
    MIXED,
    PERMUTATION,
    PRINTED,
    TASKS,
    Setting,
)
from rnnlatch.experiments.pascanu2013.training_settings import BATCH, algorithm, counted, errors, training
from rnnlatch.experiments.results import quantity
from rnnlatch.run import Run
from rnnlatch.tasks import Task

__all__ = ["EXPERIMENT"]

ALONE = ("SGD", "SGD-C")
"""What the regulariser is compared with."""

LONG = (50, 100, 150, 200)
LENGTHS: dict[ScaleName, tuple[int, ...]] = {"quick": (10, 30), "subset": (20, 50, 100), "paper": LONG, "large": LONG}
COMPARED_LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (30,),
    "subset": (20, 50),
    "paper": (20, *LONG),
    "large": (20, *LONG),
}
COMPARED: dict[ScaleName, tuple[str, ...]] = {
    "quick": (PERMUTATION,),
    "subset": tuple(TASKS),
    "paper": tuple(TASKS),
    "large": tuple(TASKS),
}
PRINTED_LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (10,),
    "subset": (20, 50),
    "paper": (20, *LONG),
    "large": (20, *LONG),
}
RANGES: dict[ScaleName, tuple[int, int]] = {
    "quick": (10, 30),
    "subset": (20, 50),
    "paper": (50, 200),
    "large": (50, 200),
}
FURTHER = (50, 100, 150, 200, 250, 300, 400, 500)
TEST_LENGTHS: dict[ScaleName, tuple[int, ...]] = {
    "quick": (10, 30, 75),
    "subset": (20, 35, 50, 75, 125, 200, 500),
    "paper": FURTHER,
    "large": FURTHER,
}
RUNS: dict[ScaleName, int] = {"quick": 2, "subset": 3, "paper": 5, "large": 20}
TESTED: dict[ScaleName, int] = {"quick": 500, "subset": 10_000, "paper": 10_000, "large": 10_000}
EVERY: dict[ScaleName, int] = {"quick": 250, "subset": 1000, "paper": 2000, "large": 2000}

# Fewer where a task is learned sooner or its steps cost more, so that all have about the same time.
UPDATES: dict[ScaleName, dict[str, int]] = {
    "quick": dict(zip(TASKS, (2000, 500, 1000, 750, 1500, 250), strict=True)),
    "subset": dict(zip(TASKS, (30_000, 30_000, 30_000, 10_000, 20_000, 15_000), strict=True)),
    "paper": dict.fromkeys(TASKS, 5_000_000),
    "large": dict.fromkeys(TASKS, 5_000_000),
}
MIXED_UPDATES: dict[ScaleName, dict[str, int]] = {
    "quick": dict(zip(MIXED, (250, 250, 500, 500), strict=True)),
    "subset": dict(zip(MIXED, (40_000, 40_000, 40_000, 15_000), strict=True)),
    "paper": dict.fromkeys(MIXED, 5_000_000),
    "large": dict.fromkeys(MIXED, 5_000_000),
}


def run(scale: ScaleName, setting: Setting, name: str, length: int | tuple[int, int], updates: int) -> Run:
    """Describe one training."""
    network, task = _of_length(setting, length)
    descent = algorithm(name, learning_rate=setting.learning_rate, clip_norm=setting.clip_norm, omega=setting.omega)
    return training(network, task, descent, updates=updates, every=EVERY[scale], tested=TESTED[scale])


def _of_length(setting: Setting, length: int | tuple[int, int]) -> tuple[VanillaRNN, Task]:
    task = setting.task(length)
    return setting.cell(task), task


def sweeps(scale: ScaleName) -> tuple[SweepPlan, ...]:
    """Describe the sweeps: all three remedies, what they are compared with, one model for many lengths, printed settings."""
    runs = RUNS[scale]

    def by_length(task: str, length: int) -> Run:
        return run(scale, TASKS[task], "SGD-CR", length, UPDATES[scale][task])

    def compared(task: str, algorithm: str, length: int) -> Run:
        return run(scale, TASKS[task], algorithm, length, UPDATES[scale][task])

    def mixed(task: str) -> Run:
        return run(scale, TASKS[task], "SGD-CR", RANGES[scale], MIXED_UPDATES[scale][task])

    def printed(task: str, length: int) -> Run:
        return run(scale, PRINTED[task], "SGD-CR", length, UPDATES[scale][task])

    alone = {"task": list(COMPARED[scale]), "algorithm": list(ALONE), "length": COMPARED_LENGTHS[scale]}
    return (
        SweepPlan("sweep.sqlite", by_length, {"task": list(TASKS), "length": LENGTHS[scale]}, (), runs),
        SweepPlan("compared.sqlite", compared, alone, ("algorithm",), runs),
        SweepPlan("mixed.sqlite", mixed, {"task": list(MIXED)}, (), runs),
        SweepPlan("printed.sqlite", printed, {"task": list(PRINTED), "length": PRINTED_LENGTHS[scale]}, (), runs),
    )


def analyse(material: Material) -> xr.Dataset:
    """Count what was learned, and test the models for many lengths on longer sequences.

    Returns
    -------
    Dataset
        Over (task, length): ``runs``, ``converged``, ``diverged`` of gradient descent with clipping and the regulariser, and
        ``updates``, the median of the updates of those that converged; over (task, length, run) ``error``, the fraction of
        wrong sequences in the last test. ``compared_…``, over (compared_task, algorithm, compared_length): the same without
        the regulariser; ``printed_…``, over (printed_task, printed_length): the same with the settings of the second
        version. Over (mixed_task, run): ``mixed_outcome``, ``mixed_updates`` of the models for many lengths; over
        (mixed_task, run, test_length): ``mixed_error``. Over ``task``: ``chance`` and ``most_updates``.
    """
    scale = material.scale
    main = material.stores["sweep.sqlite"].to_xarray()
    data = _counted(main, ("task", "length"), "")
    compared = material.stores["compared.sqlite"].to_xarray()
    data |= _counted(compared, ("compared_task", "algorithm", "compared_length"), "compared_")
    printed = material.stores["printed.sqlite"].to_xarray()
    data |= _counted(printed, ("printed_task", "printed_length"), "printed_")
    mixed = material.stores["mixed.sqlite"].to_xarray()
    over = ("mixed_task", "run")
    data["mixed_outcome"] = quantity(over, mixed["outcome"].values, "outcome of the models for many lengths", "1")
    updates = mixed["presentations"].values / BATCH
    data["mixed_updates"] = quantity(over, updates, "updates until they stopped", "updates")
    wrong = [
        errors(mixed.sel(task=name), partial(_of_length, TASKS[name]), TEST_LENGTHS[scale], TESTED[scale], material)
        for name in MIXED
    ]
    data["mixed_error"] = quantity((*over, "test_length"), np.stack(wrong), "fraction of wrong fresh sequences", "1")
    chance = [setting.chance for setting in TASKS.values()]
    data["chance"] = quantity("task", chance, "fraction of wrong sequences without a memory", "1")
    data["most_updates"] = quantity("task", list(UPDATES[scale].values()), "most updates of a run", "updates")
    attrs = dict(main.attrs) | {
        "mixed_lengths": list(RANGES[scale]),
        "mixed_most_updates": list(MIXED_UPDATES[scale].values()),
        "tested": TESTED[scale],
    }
    return xr.Dataset(data, _coordinates(scale), attrs)


def _coordinates(scale: ScaleName) -> dict[str, xr.Variable]:
    steps = {
        "length": LENGTHS[scale],
        "compared_length": COMPARED_LENGTHS[scale],
        "printed_length": PRINTED_LENGTHS[scale],
        "test_length": TEST_LENGTHS[scale],
    }
    tasks = {"task": TASKS, "compared_task": COMPARED[scale], "mixed_task": MIXED, "printed_task": PRINTED}
    return {
        **{name: quantity(name, list(values), "length of the sequences", "steps") for name, values in steps.items()},
        **{name: quantity(name, list(values), "task") for name, values in tasks.items()},
        "algorithm": quantity("algorithm", list(ALONE), "algorithm"),
        "run": quantity("run", np.arange(RUNS[scale]), "trial", "1"),
    }


def _counted(sweep: xr.Dataset, dims: tuple[str, ...], prefix: str) -> dict[str, xr.Variable]:
    """Count outcomes, and give what each run came to."""
    found = {f"{prefix}{name}": part for name, part in counted(sweep, dims).items()}
    words = "fraction of wrong sequences in the last test"
    return found | {f"{prefix}error": quantity((*dims, "run"), sweep["error"].values, words, "1")}


EXPERIMENT = Experiment(
    name="pascanu2013-pathological",
    paper=PAPER,
    figure="section 4.1.2",
    title="The other pathological tasks",
    shows="which of six tasks of long time lags are learned with clipping and the regulariser, and which without, and how far "
    "a model for many lengths generalises",
    scales={
        "quick": Scale("40 runs of at most 2,000 updates, lengths 10 and 30", "about 10 s"),
        "subset": Scale("150 runs of at most 40,000 updates, lengths 20 to 100", "about 15 min"),
        "paper": Scale("490 runs of at most 5,000,000 updates, lengths 20 to 200", "about 400 h"),
        "large": Scale("1,960 runs of at most 5,000,000 updates, lengths 20 to 200", "about 1,600 h"),
    },
    sweeps=sweeps,
    analyse=analyse,
    plot=pathological_plot.plot,
    claims=pathological_claims.claims,
)
