"""The command of the command line that reproduces experiments."""

import argparse
import shlex
import signal
import sys
import textwrap
import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from rnnlatch._log import LogLines

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from rnnlatch.experiments import Claim
    from rnnlatch.experiments.base import Experiment

__all__ = ["add_command"]

DONE, NOT_AS_EXPECTED, FAILED, INTERRUPTED, TERMINATED = 0, 1, 2, 130, 143
WIDTH = 100

REPRODUCE = """\
Run an experiment, draw its figure and test its claims.

DIR/NAME/ then holds
  sweep.sqlite    every run, its outcome and its trained parameters (experiments that train; some have more such files)
  data.nc         what the picture and the claims are made from: xarray.open_dataset("data.nc", engine="h5netcdf")
  figure.png      the picture
  claims.json     the paper's statements, what was measured, and whether they held

Ctrl-C keeps what is finished; the same command goes on from there. Numbers depend on the seed, not on threads or
interruptions; the last digits of some depend on the instruction set of the processor, see rnnlatch info.
"""

SCALE = "how much to run (paper); experiments whose paper took days have a subset too, what is published here"

REPRODUCE_EXAMPLES = """\
examples:
  rnnlatch reproduce bengio1994-density                           both panels take seconds at the scale of the paper
  rnnlatch reproduce bengio1994-length --scale large --out large  a million runs, minutes
  rnnlatch reproduce --all --scale quick --out quick --check      does everything still come out? (exit code 1 if not)
  rnnlatch reproduce bengio1994-density --seed 1 --out again      other random numbers, beside the first
"""


def add_command(commands: Any) -> None:
    """Add it to the parser."""
    run = commands.add_parser(
        "reproduce",
        help="run experiments, draw their figures, test their claims",
        description=REPRODUCE,
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    run.add_argument("names", nargs="*", metavar="NAME", help="experiments, as in `rnnlatch list`")
    run.add_argument("--all", action="store_true", help="all experiments")
    run.add_argument("--scale", choices=("quick", "subset", "paper", "large"), default="paper", help=SCALE)
    run.add_argument("--out", default="results", metavar="DIR", help="where to write (results)")
    run.add_argument("--seed", type=int, default=0, metavar="N", help="where the random numbers start (0)")
    run.add_argument("--threads", type=int, metavar="N", help="threads (all processors; with --scheduler 1)")
    run.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="the Dask scheduler of a cluster that computes the runs of sweeps, such as tcp://127.0.0.1:8786",
    )
    run.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="kind of picture (png)")
    run.add_argument("--data", metavar="FILE", help="your own text or music, for an experiment that takes it: see list")
    run.add_argument(
        "--check", action="store_true", help="exit with 1 if a claim held that we know not to, or the reverse"
    )
    run.add_argument(
        "-v", "--verbose", action="count", default=0, help="tell when sweeps begin and end; twice: each chunk"
    )
    run.set_defaults(command=_reproduce)


def _reproduce(options: argparse.Namespace) -> int:
    from rnnlatch import experiments, validation
    from rnnlatch._dask import connected
    from rnnlatch.experiments.reproduce import check_scale, writable_directory

    if bool(options.names) == options.all:
        raise ValueError(
            "NAME must be one or more experiments, or --all; rnnlatch list shows what there is"
            if not options.all
            else "NAME and --all exclude each other; give one of them"
        )
    names = experiments.names() if options.all else tuple(dict.fromkeys(options.names))
    chosen = [experiments.get(name) for name in names]
    for one in chosen:
        if not options.all:
            validation.choice(f"scale of {one.name}", options.scale, tuple(one.scales))
    chosen = [one for one in chosen if options.scale in one.scales]
    validation.integer("seed", options.seed, at_least=0)
    if options.threads is not None:
        validation.integer("threads", options.threads, at_least=1, at_most=1024)
    data = None if options.data is None else Path(options.data)
    if data is not None:
        if len(chosen) > 1:
            raise ValueError(
                f"data is {options.data!r}, and {len(chosen)} experiments are named; it is for one at a time"
            )
        chosen[0].check_data(data)
    for one in chosen:
        with suppress(ImportError):  # said when it is its turn
            check_scale(one, options.out, options.scale, one.plans(options.scale, data))
    for one in chosen:
        if one.takes is None:  # else what it works on is looked at first
            writable_directory(Path(options.out) / one.name)
    with ExitStack() as stack:
        executor = None if options.scheduler is None else stack.enter_context(connected(options.scheduler))
        stop = stack.enter_context(_Stop())
        lines = stack.enter_context(LogLines(options.verbose))
        return _reproduce_all(options, chosen, data, executor, stop, lines)


class _Stop:
    """Lets SIGTERM, with which batch systems end a job, do what Ctrl-C does."""

    code = INTERRUPTED

    def __enter__(self) -> Self:
        # Elsewhere than in the main thread nobody can be asked.
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGTERM, self._terminate)
        return self

    def __exit__(self, *_: object) -> None:
        if self._main:
            signal.signal(signal.SIGTERM, self._before)

    def _terminate(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002, as signal calls it
        self.code = TERMINATED
        raise KeyboardInterrupt


def _reproduce_all(
    options: argparse.Namespace,
    chosen: "Sequence[Experiment]",
    data: Path | None,
    executor: "Executor | None",
    stop: _Stop,
    lines: LogLines,
) -> int:
    from rnnlatch.experiments.reproduce import reproduce
    from rnnlatch.progress import ProgressBar
    from rnnlatch.store import StoreMismatchError
    from rnnlatch.sweep import SweepError

    as_expected = True
    for one in chosen:
        if "subset" in one.scales:  # whole, it takes days
            size = one.scales[options.scale]
            print(f"{one.name}, scale {options.scale}: {size.runs}; {size.duration} on two cores", file=sys.stderr)
        try:
            with ProgressBar(one.name) as bar, lines.above(bar):
                found = reproduce(
                    one,
                    options.out,
                    scale=options.scale,
                    seed=options.seed,
                    threads=options.threads,
                    executor=executor,
                    format=options.format,
                    data=data,
                    watch=bar.show,
                )
        except ImportError as error:
            if not options.all:
                raise
            print(f"rnnlatch: {one.name} is left out: {error}", file=sys.stderr)
            continue
        except StoreMismatchError as error:
            raise ValueError(f"{error}. Another --out keeps both") from None
        except SweepError as error:
            kept = _kept(options, one, data)
            print(
                f"rnnlatch: {' '.join(str(error).split())}; {kept}. To go on: {_same_command(options)}", file=sys.stderr
            )
            return FAILED
        except KeyboardInterrupt as interrupt:
            kept = _kept(options, one, data, getattr(interrupt, "begun_runs", 0))
            print(f"rnnlatch: stopped; {kept}. To go on: {_same_command(options)}", file=sys.stderr)
            return stop.code
        _print_claims(one.name, found.claims)
        for path in found.files:
            print(f"  {path}")
        print()
        as_expected = as_expected and all(claim.as_expected for claim in found.claims)
    if options.check and not as_expected:
        print("rnnlatch: a claim is not as expected, see above", file=sys.stderr)
        return NOT_AS_EXPECTED
    return DONE


def _kept(options: argparse.Namespace, one: "Experiment", data: Path | None, begun: int = 0) -> str:
    """Say what is there of an experiment that was not finished."""
    from rnnlatch.experiments.reproduce import kept_runs

    kept, total = kept_runs(one, options.out, options.scale, data)
    if not total:
        return f"{one.name} keeps nothing of an unfinished analysis"
    more = f", and how far {begun:,} more have come" if begun else ""
    return f"{kept:,} of {total:,} runs of {one.name} are kept in {Path(options.out) / one.name}{more}"


def _print_claims(name: str, claims: "Sequence[Claim]") -> None:
    from rnnlatch.experiments.claims import describe

    words = {True: "held", False: "DID NOT HOLD", None: "undecided at this scale"}
    held = sum(claim.held is True for claim in claims)
    failed = sum(claim.held is False for claim in claims)
    print(f"{name}: {held} claims held, {failed} did not, {len(claims) - held - failed} undecided\n")
    for claim in claims:
        mark = words[claim.held] + ("" if claim.as_expected else ", against what we have found before")
        print(textwrap.fill(f"{mark}: {claim.statement}", WIDTH, initial_indent="  ", subsequent_indent="    "))
        print(textwrap.fill(describe(claim.measured), WIDTH, initial_indent="      ", subsequent_indent="      "))
    print()


def _same_command(options: argparse.Namespace) -> str:
    words = ["rnnlatch", "reproduce", *(["--all"] if options.all else options.names)]
    words += ["--scale", options.scale, "--out", options.out, "--seed", str(options.seed)]
    if options.threads is not None:
        words += ["--threads", str(options.threads)]
    if options.scheduler is not None:
        words += ["--scheduler", options.scheduler]
    words += ["--format", options.format] + ["--check"] * options.check
    words += [] if options.data is None else ["--data", options.data]
    return shlex.join(words)
