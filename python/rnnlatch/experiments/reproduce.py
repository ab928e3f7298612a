"""Run an experiment, keep its sweeps, and leave its data, its picture and its claims behind."""

import math
import os
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from rnnlatch import validation
from rnnlatch._files import write_all, write_netcdf
from rnnlatch._rate import Rate
from rnnlatch.experiments.base import Experiment, Material, ScaleName, SweepPlan
from rnnlatch.experiments.claims import Claim, json_of
from rnnlatch.experiments.deviation_table import check_deviations
from rnnlatch.outcomes import Outcome
from rnnlatch.plotting.style import FORMATS, picture
from rnnlatch.progress import check_progress, check_watch, listeners
from rnnlatch.store import StoreMismatchError, open_store
from rnnlatch.sweep import Progress, Watch, sweep
from rnnlatch.watching import SweepState

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
    progress: Progress | bool | None = None,
    watch: Watch | None = None,
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
    progress : callable or bool, optional
        As of `rnnlatch.sweep`, with runs done and runs in all over all sweeps of the experiment.
    watch : callable, optional
        As of `rnnlatch.sweep`, over all sweeps of the experiment.

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
    check_scale(experiment, out, scale, plans)
    directory = writable_directory(Path(out) / experiment.name)
    check_progress(progress)
    check_watch(watch)
    files = []
    with listeners(progress, watch, experiment.name) as (called, watching):
        together = _Together(plans, called, watching)
        for number, plan in enumerate(plans):
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
                progress=together.progress(number),
                watch=together.watch(number),
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
    check_deviations(experiment.name, claims)
    figure = experiment.plot(found)
    results: dict[Path, bytes | Callable[[Path], object]] = {
        directory / "data.nc": lambda part: write_netcdf(found, part),
        directory / f"figure.{format}": picture(figure, format),
        directory / "claims.json": json_of(claims),
    }
    write_all(results)
    files += results
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


def check_scale(
    experiment: Experiment, out: str | os.PathLike[str], scale: ScaleName, plans: Sequence[SweepPlan]
) -> None:
    """Make sure that no store of an experiment's sweeps is of another scale.

    Raises
    ------
    StoreMismatchError
        If one is: its runs are others.
    """
    begin = f"{experiment.name}, scale "
    for plan in plans:
        path = Path(out) / experiment.name / plan.file
        stored = open_store(path).experiment if path.exists() else ""
        if stored.startswith(begin) and stored != begin + scale:
            of = stored.removeprefix(begin)
            raise StoreMismatchError(f"scale is {scale!r}, and {path} is of scale {of!r}; another out keeps both")


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


class _Together:
    """Counts the runs of one sweep among those of all.

    Parameters
    ----------
    plans : sequence of SweepPlan
        The sweeps, which come one after the other.
    progress : callable, optional
        Who is told how many runs are done.
    watch : sequence of callable
        Who is told everything.
    """

    def __init__(self, plans: Sequence[SweepPlan], progress: Progress | None, watch: Sequence[Watch]) -> None:
        self._totals = [total_runs(plan) for plan in plans]
        self._progress, self._watch = progress, watch
        self._first: list[SweepState] = []
        self._last: list[SweepState] = []
        self._rate = Rate()

    def progress(self, number: int) -> Progress | None:
        """Give who is told how many runs of this sweep are done."""
        told, before, total = self._progress, sum(self._totals[:number]), sum(self._totals)
        if told is None:
            return None
        return lambda done_runs, _, detail: told(before + done_runs, total, detail)

    def watch(self, number: int) -> Watch | None:
        """Give who is told everything of this sweep."""
        if not self._watch:
            return None

        def tell(state: SweepState) -> None:
            if number == len(self._last):
                self._first.append(state)
                self._last.append(state)
            self._last[number], states = state, self._last
            done = sum(each.done_runs for each in states)
            self._rate.take(done - sum(each.done_runs for each in self._first))
            left, rate = sum(self._totals) - done, self._rate.value()
            outcomes = sum((Counter(each.outcomes) for each in states), Counter[Outcome]())
            together = replace(
                state,
                done_runs=done,
                total_runs=sum(self._totals),
                chunks=sum(each.chunks for each in states),
                outcomes=dict(outcomes),
                seconds=sum(each.seconds for each in states),
                runs_per_second=rate,
                seconds_left=left / rate if rate else None if left else 0.0,
            )
            for watch in self._watch:
                watch(together)

        return tell
