"""Runs of benchmarks that are kept, and the command of the reports: their tables, printed or put into a page."""

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def keep(record: dict[str, Any], name: str, isa: str, given: Path | None) -> None:
    """Write a record, with its machine, to the file that is given, or to the one of this benchmark, processor and build."""
    about = record["machine"]
    processor = str(about.get("family_model_stepping", about["architecture"])).replace("/", "-")
    out = given or RESULTS / f"{name}-{processor}-{isa}.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n")
    print(f"\nkept in {out}")


def print_or_put(markdown: Callable[[dict[str, Any]], Iterable[str]], report: str, bench: str) -> None:
    """Print the tables, or put them where they belong.

    Parameters
    ----------
    markdown : callable
        Gives the lines of a record.
    report, bench : str
        Names of the report, which the comments in the page have, and of the benchmark that keeps the records.
    """
    begin, end = f"<!-- begin: bench/{report} -->", f"<!-- end: bench/{report} -->"
    parser = argparse.ArgumentParser(description=f"A kept run of {bench} as Markdown.")
    parser.add_argument("record", type=Path, help="JSON file in bench/results")
    parser.add_argument("--into", type=Path, help="Markdown file with the comments between which the tables belong")
    options = parser.parse_args()
    tables = "\n".join(markdown(json.loads(options.record.read_text())))
    if options.into is None:
        print(tables)
        return
    before, _, rest = options.into.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        parser.error(f"{options.into} has no {begin} … {end}")
    options.into.write_text(f"{before}{begin}\n\n{tables}\n\n{end}{after}")
