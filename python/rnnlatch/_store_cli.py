"""The commands of the command line that are about stores."""

import argparse
from pathlib import Path
from typing import Any

__all__ = ["add_commands"]

WHOLE, DAMAGED = 0, 1
MOST_PROBLEMS = 20

CHECK = """\
Say whether a store is whole, byte for byte: exit code 0 if it is, 1 if not, 2 if it is no store that can be read. It can
be asked while the sweep is running.
"""

EXPORT = """\
Write the runs of a store to a file that other programs read: NetCDF (.nc), in which runs that are missing are marked, or
Parquet (.parquet), one row for each finished run.
"""

MERGE = """\
Put the runs of several stores into a new one: of the same sweep on several machines, or of parts of its grid. Runs that
are in more than one must be equal bit for bit.
"""


def add_commands(commands: Any) -> None:
    """Add them to the parser."""
    raw = argparse.RawDescriptionHelpFormatter

    check = commands.add_parser("check", help="whether a store is whole", description=CHECK, formatter_class=raw)
    check.add_argument("store", metavar="STORE", help="a .sqlite file")
    check.add_argument("--drop", action="store_true", help="take out what is damaged; the sweep computes it again")
    check.set_defaults(command=_check)

    export = commands.add_parser("export", help="the runs of a store for other programs", description=EXPORT)
    export.add_argument("store", metavar="STORE", help="a .sqlite file")
    export.add_argument("file", metavar="FILE", help="what to write: .nc or .parquet")
    export.set_defaults(command=_export)

    merge = commands.add_parser("merge", help="one store from several", description=MERGE, formatter_class=raw)
    merge.add_argument("target", metavar="TARGET", help="the .sqlite file to make")
    merge.add_argument("stores", metavar="STORE", nargs="+", help="stores of one sweep, or of parts of its grid")
    merge.set_defaults(command=_merge)


def _check(options: argparse.Namespace) -> int:
    from rnnlatch._check import check_store

    found = check_store(options.store, drop=options.drop)
    if options.drop and not found.whole:
        _print_problems(found.problems)
        print(f"{found.path}: {found.dropped:,} runs were taken out; the same sweep computes them again")
        found = check_store(options.store)
    if found.whole:
        print(
            f"{found.path}: whole; {found.runs:,} of {found.total:,} runs are finished, in {found.segments:,} segments"
        )
        return WHOLE
    _print_problems(found.problems)
    return DAMAGED


def _export(options: argparse.Namespace) -> int:
    from rnnlatch.store import open_store

    store, target = open_store(options.store), Path(options.file)
    writers = {".nc": store.to_netcdf, ".parquet": store.to_parquet}
    if target.suffix not in writers:
        raise ValueError(f"FILE is {options.file!r}; it must end in {' or '.join(writers)}")
    writers[target.suffix](target)
    print(f"{target}: {store.finished:,} of {store.total:,} runs")
    return WHOLE


def _merge(options: argparse.Namespace) -> int:
    from rnnlatch._merge import merge_stores

    made = merge_stores(options.target, options.stores)
    print(f"{made.path}: {made.runs:,} of {made.total:,} runs are finished")
    if made.compared:
        print(f"  {made.compared:,} were in more than one store, and equal bit for bit")
    return WHOLE


def _print_problems(problems: tuple[str, ...]) -> None:
    for problem in problems[:MOST_PROBLEMS]:
        print(problem)
    if len(problems) > MOST_PROBLEMS:
        print(f"and {len(problems) - MOST_PROBLEMS:,} more")
