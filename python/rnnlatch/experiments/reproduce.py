"""Run an experiment, keep its sweeps, and leave its data, its picture and its claims behind."""

import math
import os
import tempfile
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from rnnlatch import validation
from rnnlatch._files import write_all, write_netcdf
from rnnlatch.experiments.base import Experiment, Material, ScaleName, SweepPlan
from rnnlatch.experiments.claims import Claim, write_claims
from rnnlatch.plotting.style import FORMATS, save
from rnnlatch.store import open_store
from rnnlatch.sweep import Progress, sweep

__all__ = ["Reproduction", "kept_runs", "reproduce", "writable_directory"]


@dataclass(frozen=True)
class Reproduction:
    """What an experiment left behind.

    Parameters
    ----------
    directory : Path
        Where everything is.
    files : tuple of Path
        The stores, where there are sweeps, ``data.nc``, the figure, ``claims.json``, and what else the experiment writes.
    claims : tuple of Claim
        As in ``claims.json``.
    """

    directory: Path
    files: tuple[Path, ...]
    claims: tuple[Claim, ...]


def reproduce(
    experiment: Experiment,
    out: str | os.PathLike[str],
    *,
    scale: ScaleName = "paper",
    seed: int = 0,
    threads: int | None = None,
    executor: Executor | None = None,
    format: str = "png",
    data: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> Reproduction:
    """Run an experiment, or what is missing of its sweeps, and write everything to ``out/NAME/``.

    Parameters
    ----------
    experiment : Experiment
        What to run; see `rnnlatch.experiments.get`.
    out : path
        A directory; it is made if it is not there.
    scale : {"quick", "subset", "paper", "large"}
        How much to run; ``"subset"`` is there where the paper's size takes days.
    seed : int
        Where the random numbers start; not negative.
    threads : int, optional
        Threads of the engine; None: all processors, or, with an executor, 1 for each chunk. The result does not depend on it.
    executor : concurrent.futures.Executor, optional
        Who computes the runs of sweeps; None: the engine's own threads. See `rnnlatch.sweep`.
    format : {"png", "svg", "pdf"}
        The kind of picture.
    data : path, optional
        What an experiment works on that takes a file; see `Experiment.takes`.
    progress : callable, optional
        Called with runs done and runs in all, over all sweeps of the experiment; see `rnnlatch.sweep.Progress`.

    Returns
    -------
    Reproduction
        What was written.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above, the directory cannot be written, or it holds the store of another sweep.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> from rnnlatch import experiments
    >>> from rnnlatch.experiments.reproduce import reproduce
    >>> found = reproduce(experiments.get("bengio1994-density"), getfixture("tmp_path"), scale="quick")
    >>> [path.name for path in found.files]
    ['sweep.sqlite', 'data.nc', 'figure.png', 'claims.json']
    """
    validation.choice("scale", scale, tuple(experiment.scales))
    validation.choice("format", format, FORMATS)
    seed = validation.integer("seed", seed, at_least=0)
    given = None if data is None else Path(data)
    plans = experiment.plans(scale, given)
    directory = writable_directory(Path(out) / experiment.name)
    files = []
    for plan in plans:
        files.append(directory / plan.file)
        sweep(
            plan.study,
            plan.axes,
            common=plan.common,
            runs=plan.runs,
            rng=seed,
            store=files[-1],
            threads=threads,
            executor=executor,
            progress=None if progress is None else _shifted(progress, plans, plans.index(plan)),
            experiment=f"{experiment.name}, scale {scale}",
        )
    stores = {plan.file: open_store(directory / plan.file) for plan in plans}
    found = experiment.analyse(Material(scale, stores, seed, threads, given))
    found.attrs |= {
        "title": f"{experiment.paper}, {experiment.figure}: {experiment.title}",
        "experiment": experiment.name,
        "scale": scale,
        "seed": seed,
    }
    claims = tuple(experiment.claims(found))
    figure = experiment.plot(found)
    files += [directory / "data.nc", directory / f"figure.{format}", directory / "claims.json"]
    write_all({files[-3]: lambda part: write_netcdf(found, part)})
    save(figure, files[-2])
    write_claims(files[-1], claims)
    if experiment.write is not None:
        files += experiment.write(found, directory)
    return Reproduction(directory, tuple(files), claims)


def kept_runs(
    experiment: Experiment, out: str | os.PathLike[str], scale: ScaleName, data: Path | None = None
) -> tuple[int, int]:
    """Return how many runs of an experiment are finished and kept in its stores, and how many there are in all."""
    plans = experiment.plans(scale, data)
    stores = [Path(out) / experiment.name / plan.file for plan in plans]
    kept = sum(open_store(path).finished for path in stores if path.exists())
    return kept, sum(map(total_runs, plans))


def total_runs(plan: SweepPlan) -> int:
    """Return the number of runs of a sweep."""
    return plan.runs * math.prod(len(values) for values in plan.axes.values())


def writable_directory(path: Path) -> Path:
    """Make a directory if it is not there, and make sure that files can be written to it.

    Raises
    ------
    ValueError
        If that cannot be done.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise ValueError(f"out is {str(path.parent)!r}, and {path} cannot be written: {why}") from None
    return path


def _shifted(progress: Progress, plans: tuple[SweepPlan, ...], index: int) -> Progress:
    """Count the runs of one sweep among those of all."""
    before = sum(map(total_runs, plans[:index]))
    total = sum(map(total_runs, plans))

    def shifted(done_runs: int, total_runs: int, detail: str) -> object:  # noqa: ARG001, the name is the protocol's
        return progress(before + done_runs, total, detail)

    return shifted
