"""The command line: parses, calls, prints."""

import argparse
import os
import shlex
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rnnlatch import _store_cli

if TYPE_CHECKING:
    from rnnlatch.experiments import Claim

__all__ = ["main"]

DONE, NOT_AS_EXPECTED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
WIDTH = 100

DESCRIPTION = """\
Train many small recurrent networks and put the classic claims about long-term dependencies to a test.

start here:
  rnnlatch list                                   what there is to reproduce
  rnnlatch reproduce bengio1994-density           the first figure: picture, data and claims in results/
  rnnlatch info                                   what runs on this machine
"""

REPRODUCE = """\
Run an experiment, draw its figure and test its claims.

DIR/NAME/ then holds
  sweep.sqlite    every run, its outcome and its trained parameters (experiments that train; some have more such files)
  data.nc         what the picture and the claims are made from: xarray.open_dataset("data.nc", engine="h5netcdf")
  figure.png      the picture
  claims.json     the paper's statements, what was measured, and whether they held

Ctrl-C keeps what is finished; the same command goes on from there. What is trained depends on the seed and on nothing
else: not on threads, interruptions or the processor; of the other numbers the last digits may depend on the processor.
"""

SCALE = "how much to run (paper); experiments whose paper took days have a subset too, what is published here"

REPRODUCE_EXAMPLES = """\
examples:
  rnnlatch reproduce bengio1994-density                           both panels take seconds at the scale of the paper
  rnnlatch reproduce bengio1994-length --scale large              a million runs, minutes
  rnnlatch reproduce --all --scale quick --check                  does everything still come out? (exit code 1 if not)
  rnnlatch reproduce bengio1994-density --seed 1 --out again      other random numbers, beside the first
"""

DIAGNOSE = """\
Say how far back a recurrent network remembers, why it may not learn, and what to try.

FILE holds the weights of a one-layer nn.RNN, nn.LSTM or nn.GRU, alone or in a model (.safetensors, .npz). Without
--inputs, Gaussian noise runs through it. DIR/ then holds
  report.html     findings, pictures and numbers in one page that needs nothing else
  diagnosis.json  the same for programs
  data.nc         everything that was measured: xarray.open_dataset("data.nc", engine="h5netcdf")
"""

DIAGNOSE_EXAMPLES = """\
examples:
  rnnlatch diagnose lstm.safetensors                                 on noise
  rnnlatch diagnose lstm.safetensors --inputs data.npy               on your own sequences, (batch, time, inputs)
  rnnlatch diagnose rnn.npz --activation tanh                        a plain RNN: its weights do not tell tanh from relu
  rnnlatch diagnose model.safetensors --prefix encoder --readout fc  one layer of a model, and what reads it
"""

STATUS = """\
Say how far the sweep in a store is. It can be asked while the sweep is running.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``rnnlatch``; the process' own arguments by default.

    Returns
    -------
    int
        The exit code: 0; 1 if ``--check`` found a claim that is not as expected, or ``check`` a damaged store; 2 for bad
        input; 130 after Ctrl-C.

    Examples
    --------
    >>> main(["reproduce", "nothing"])
    2
    """
    try:
        parser = _parser()
        options = parser.parse_args(arguments)
        command: Callable[[argparse.Namespace], int] | None = options.command
        if command is None:
            parser.print_help()
            return BAD_INPUT
        code = command(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("rnnlatch: stopped", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, TypeError, ImportError, OSError, MemoryError) as error:
        if isinstance(error, BrokenPipeError):
            # Whoever read our output has gone; nothing more can be said, at exit neither.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return NOT_AS_EXPECTED
        words = str(error)
        if isinstance(error, OSError) and error.filename and error.strerror:  # without the system's number
            words = f"{error.filename}: {error.strerror}"
        print(f"rnnlatch: {' '.join(words.split())}", file=sys.stderr)
        return BAD_INPUT
    except SystemExit as stop:
        return int(stop.code or 0)


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD_INPUT, f"rnnlatch: {message}; see {self.prog} --help\n")


def _parser() -> _Parser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="rnnlatch", description=DESCRIPTION, formatter_class=raw)
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    listing = commands.add_parser("list", help="the experiments: what they show, how long they take")
    listing.set_defaults(command=_list)

    run = commands.add_parser(
        "reproduce",
        help="run experiments, draw their figures, test their claims",
        description=REPRODUCE,
        epilog=REPRODUCE_EXAMPLES,
        formatter_class=raw,
    )
    run.add_argument("names", nargs="*", metavar="NAME", help="experiments, as in `rnnlatch list`")
    run.add_argument("--all", action="store_true", help="all experiments")
    run.add_argument("--scale", choices=("quick", "subset", "paper", "large"), default="paper", help=SCALE)
    run.add_argument("--out", default="results", metavar="DIR", help="where to write (results)")
    run.add_argument("--seed", type=int, default=0, metavar="N", help="where the random numbers start (0)")
    run.add_argument("--threads", type=int, metavar="N", help="threads (all processors)")
    run.add_argument("--format", choices=("png", "svg", "pdf"), default="png", help="kind of picture (png)")
    run.add_argument("--data", metavar="FILE", help="your own text or music, for an experiment that takes it: see list")
    run.add_argument(
        "--check", action="store_true", help="exit with 1 if a claim held that we know not to, or the reverse"
    )
    run.set_defaults(command=_reproduce)

    _add_diagnose(
        commands.add_parser(
            "diagnose",
            help="how far back your network remembers, and why it may not learn",
            description=DIAGNOSE,
            epilog=DIAGNOSE_EXAMPLES,
            formatter_class=raw,
        )
    )

    status = commands.add_parser("status", help="how far a sweep is", description=STATUS)
    status.add_argument("store", metavar="STORE", help="a .sqlite file")
    status.set_defaults(command=_status)

    _store_cli.add_commands(commands)

    about = commands.add_parser("info", help="version, instruction set, threads, libraries")
    about.set_defaults(command=_info)
    return parser


def _add_diagnose(parser: argparse.ArgumentParser) -> None:
    def add(name: str, metavar: str | None, words: str, **settings: Any) -> None:
        parser.add_argument(name, metavar=metavar, help=words, **settings)

    add("file", "FILE", "the weights: .safetensors or .npz")
    add("--inputs", "DATA", "sequences, (time, inputs) or (batch, time, inputs): .npy or .npz; else noise")
    add("--targets", "DATA", "targets of these sequences: .npy or .npz")
    losses = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")
    add("--loss", "LOSS", f"with targets: {', '.join(losses)} ({losses[0]})", choices=losses, default=losses[0])
    add(
        "--at",
        None,
        "whether there is a target for each sequence or for each step (last)",
        choices=("last", "every"),
        default="last",
    )
    add("--activation", "NAME", "of a plain RNN: tanh, relu, logistic, linear or sign")
    add("--prefix", "NAME", "which recurrent layer of a model, such as encoder.rnn")
    add("--readout", "NAME", "the linear layer that reads the hidden units, such as fc")
    add("--length", "N", "steps of noise, or the most of each sequence (500)", type=int)
    add("--sequences", "N", "sequences of noise, or the most of the data (8)", type=int)
    add("--noise-std", "S", "standard deviation of the noise (1)", type=float, default=1.0)
    add("--seed", "N", "where the random numbers start (0)", type=int, default=0)
    add("--threads", "N", "threads (all processors)", type=int)
    add("--out", "DIR", "where to write (diagnosis)", default="diagnosis")
    parser.set_defaults(command=_diagnose)


def _list(_: argparse.Namespace) -> int:
    from rnnlatch import experiments

    for name in experiments.names():
        one = experiments.get(name)
        print(f"{one.name}   {one.paper}, {one.figure}")
        print(textwrap.fill(f"{one.title}: {one.shows}.", WIDTH, initial_indent="  ", subsequent_indent="  "))
        if one.takes is not None:
            print(textwrap.fill(f"--data FILE: {one.takes}.", WIDTH, initial_indent="  ", subsequent_indent="  "))
        for scale, size in one.scales.items():
            print(f"    {scale:6}  {size.duration:12}  {size.runs}")
        print()
    print("rnnlatch reproduce NAME runs one of them.")
    return DONE


def _reproduce(options: argparse.Namespace) -> int:
    from rnnlatch import experiments, validation
    from rnnlatch.experiments.reproduce import kept_runs, reproduce, writable_directory
    from rnnlatch.progress import ProgressBar
    from rnnlatch.store import StoreMismatchError

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
        if one.takes is None:  # else what it works on is looked at first
            writable_directory(Path(options.out) / one.name)
    as_expected = True
    for one in chosen:
        if "subset" in one.scales:  # whole, it takes days
            size = one.scales[options.scale]
            print(f"{one.name}, scale {options.scale}: {size.runs}; {size.duration} on two cores", file=sys.stderr)
        try:
            with ProgressBar(one.name) as bar:
                found = reproduce(
                    one,
                    options.out,
                    scale=options.scale,
                    seed=options.seed,
                    threads=options.threads,
                    format=options.format,
                    data=data,
                    progress=bar,
                )
        except ImportError as error:
            if not options.all:
                raise
            print(f"rnnlatch: {one.name} is left out: {error}", file=sys.stderr)
            continue
        except StoreMismatchError as error:
            raise ValueError(f"{error}. Another --out keeps both") from None
        except KeyboardInterrupt as stop:
            kept, total = kept_runs(one, options.out, options.scale, data)
            where = f"{kept:,} of {total:,} runs of {one.name} are kept in {Path(options.out) / one.name}"
            begun = getattr(stop, "begun_runs", 0)
            where += f", and how far {begun:,} more have come" if begun else ""
            if not total:
                where = f"{one.name} keeps nothing of an unfinished analysis"
            print(f"rnnlatch: stopped; {where}. To go on: {_same_command(options)}", file=sys.stderr)
            return INTERRUPTED
        _print_claims(one.name, found.claims)
        for path in found.files:
            print(f"  {path}")
        print()
        as_expected = as_expected and all(claim.as_expected for claim in found.claims)
    if options.check and not as_expected:
        print("rnnlatch: a claim is not as expected, see above", file=sys.stderr)
        return NOT_AS_EXPECTED
    return DONE


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
    words += ["--format", options.format] + ["--check"] * options.check
    words += [] if options.data is None else ["--data", options.data]
    return shlex.join(words)


def _diagnose(options: argparse.Namespace) -> int:
    from rnnlatch.diagnose.command import Request, run

    settings = {name: value for name, value in vars(options).items() if name != "command"}
    diagnosis, paths = run(Request(**settings))
    print(_printable(diagnosis.summary(WIDTH)))
    print()
    for path in paths:
        print(f"  {_printable(str(path))}")
    return DONE


def _printable(text: str) -> str:
    """Give a text that the terminal can take: names of files need not be texts at all."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _status(options: argparse.Namespace) -> int:
    from rnnlatch.store import open_store

    store = open_store(options.store)
    finished, total = store.finished, store.total
    print(f"{store.path}: {store.experiment or 'a sweep'}")
    begun = f"; {store.begun:,} more have begun, and go on from where they were kept" if store.begun else ""
    print(f"  {finished:,} of {total:,} runs are finished ({finished / total:.1%}){begun}")
    axes = ", ".join(f"{axis} ({len(values)})" for axis, values in store.plan.axes.items())
    print(f"  axes: {axes}; {store.plan.runs:,} runs each")
    return DONE


def _info(_: argparse.Namespace) -> int:
    from rnnlatch import info

    for key, value in info().items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {version or 'missing'}" for name, version in value.items())
        elif isinstance(value, list | tuple):
            value = ", ".join(map(str, value))
        print(f"{key.replace('_', ' '):20} {value}")
    return DONE


if __name__ == "__main__":
    sys.exit(main())
