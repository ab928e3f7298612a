"""The command line: parses, calls, prints."""

import argparse
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from rnnlatch import _report_cli, _reproduce_cli, _status_cli, _store_cli

__all__ = ["main"]

DONE, UNREAD, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
WIDTH = 100

DESCRIPTION = """\
Train many small recurrent networks and put the classic claims about long-term dependencies to a test.

start here:
  rnnlatch list                                   what there is to reproduce
  rnnlatch reproduce bengio1994-density           the first figure: picture, data and claims in results/
  rnnlatch report results                         one page of all that is in results/
  rnnlatch info                                   what runs on this machine
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands behind ``rnnlatch``; the process' own arguments by default.

    Returns
    -------
    int
        The exit code: 0; 1 if ``--check`` found a claim that is not as expected, ``check`` a damaged store, or ``report``
        results that it left out; 2 for bad input; 130 after Ctrl-C, 143 after SIGTERM.

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
            return UNREAD
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

    _reproduce_cli.add_command(commands)
    _report_cli.add_commands(commands)
    _add_diagnose(
        commands.add_parser(
            "diagnose",
            help="how far back your network remembers, and why it may not learn",
            description=DIAGNOSE,
            epilog=DIAGNOSE_EXAMPLES,
            formatter_class=raw,
        )
    )

    _status_cli.add_command(commands)
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
