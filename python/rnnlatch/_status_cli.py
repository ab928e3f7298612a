"""The command of the command line that says how far a sweep is."""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

__all__ = ["add_command"]

DONE = 0
SECONDS = 1.0

STATUS = """\
Say how far the sweep in a store is, how its runs ended, who is working on it, and how long that will take. It can be asked
while the sweep is running, which it does not hold up.
"""


def add_command(commands: Any) -> None:
    """Add it to the parser."""
    status = commands.add_parser("status", help="how far a sweep is", description=STATUS)
    status.add_argument("store", metavar="STORE", help="a .sqlite file")
    status.add_argument("--watch", action="store_true", help="again every second, until the sweep ends or Ctrl-C")
    status.set_defaults(command=_status)


def _status(options: argparse.Namespace) -> int:
    from rnnlatch._status import StatusReader

    reader, screen = StatusReader(options.store), _Screen()
    try:
        while True:
            status = reader.read()
            screen.draw(reader.lines(status))
            if not options.watch or not status.going_on:
                return DONE
            time.sleep(SECONDS)
    except KeyboardInterrupt:
        if not options.watch:
            raise
        return DONE  # who watches ends that so


class _Screen:
    """Writes some lines again and again, on a terminal in the same place."""

    def __init__(self) -> None:
        self._height = 0

    def draw(self, lines: Sequence[str]) -> None:
        if not sys.stdout.isatty():
            sys.stdout.write(("\n" if self._height else "") + "".join(f"{line}\n" for line in lines))
        else:
            # What is wider than the terminal would take several lines there.
            width = shutil.get_terminal_size().columns - 1
            up = f"\x1b[{self._height}A" if self._height else ""
            sys.stdout.write(up + "".join(f"{line[:width]}\x1b[K\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._height = len(lines)
