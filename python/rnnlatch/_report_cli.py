"""The commands of the command line that write pages."""

import argparse
import sys
from pathlib import Path
from typing import Any

__all__ = ["add_commands"]

DONE, LEFT_OUT = 0, 1

REPORT = """\
Write one HTML page of everything that rnnlatch reproduce left in DIR.

The page needs nothing else, no network either: figures that can be zoomed and pointed at, drawn anew from each data.nc,
the claims with what was measured, where everything comes from, and the commands that repeat it. Results that are not
whole or of another version are left out; the page and standard error say which, and the exit code is 1.
"""

REPORT_EXAMPLES = """\
examples:
  rnnlatch report results                       results/report.html, of all that is there
  rnnlatch report results/unit-weight           of one experiment
  rnnlatch report results --out paper.html      elsewhere
"""

EXPLORE = """\
Write a page with live sliders for the latch: recurrent weight, input, noise and length.

It shows the map with its fixed points and basins, the input h* up to which a bit is kept, a noisy trajectory, and what
is left of the gradient along it. The page needs nothing else; its address keeps the settings.
"""


def add_commands(commands: Any) -> None:
    """Add them to the parser."""
    report = commands.add_parser(
        "report",
        help="one HTML page of everything that was reproduced",
        description=REPORT,
        epilog=REPORT_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    report.add_argument(
        "directory", metavar="DIR", help="what was given to reproduce as --out, or one experiment in it"
    )
    report.add_argument("--out", metavar="FILE", help="where to write (DIR/report.html)")
    report.set_defaults(command=_report)

    explore = commands.add_parser(
        "explore",
        help="a page with live sliders for the latch",
        description=EXPLORE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    explore.add_argument("--out", metavar="FILE", help="where to write (latch.html)", default="latch.html")
    explore.set_defaults(command=_explore)


def _explore(options: argparse.Namespace) -> int:
    from rnnlatch._files import checked_path, write_whole
    from rnnlatch.report._explore import explore

    target = checked_path(options.out, "an HTML file to write")
    _check(target)
    write_whole(target, explore().encode())
    print(target)
    return DONE


def _report(options: argparse.Namespace) -> int:
    from rnnlatch._files import checked_path, write_whole
    from rnnlatch.report._page import make

    directory = Path(options.directory)
    target = directory / "report.html" if options.out is None else checked_path(options.out, "an HTML file to write")
    if options.out is not None:
        _check(target)
    report = make(directory, target.parent, _Progress().told)
    write_whole(target, report.html.encode())
    for each in report.left_out:
        print(f"rnnlatch: left out: {each}", file=sys.stderr)
    count = len(report.names)
    print(f"{target}: {count} {'experiment' if count == 1 else 'experiments'}")
    return LEFT_OUT if report.left_out else DONE


class _Progress:
    """Tells a terminal what is drawn."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()

    def told(self, name: str) -> None:
        if self._shown:
            print(f"drawing {name}", file=sys.stderr)


def _check(target: Path) -> None:
    """Raise where no file can be written, before anything is drawn."""
    if target.is_dir():
        raise ValueError(f"out is {str(target)!r}, which is a directory; it must be a file to write")
    if not target.parent.is_dir():
        raise ValueError(f"out is {str(target)!r}, and there is no directory {target.parent}; it must be there")
