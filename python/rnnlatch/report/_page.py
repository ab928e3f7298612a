"""The page: figures, claims and provenance of everything reproduced in a directory, in one HTML file."""

import os
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from rnnlatch import __version__
from rnnlatch._pages import render, safe, source
from rnnlatch.experiments.claims import Claim, describe
from rnnlatch.experiments.deviation_table import Deviation, deviations
from rnnlatch.report._interactive import Panel
from rnnlatch.report._packing import packed
from rnnlatch.report._results import Result, find, read

__all__ = ["Report", "make", "written"]

HEADING = "What was reproduced"
_KINDS = {True: "held", False: "failed", None: "open"}
_VERDICTS = {True: "held", False: "did not hold", None: "undecided at this scale"}


class Report(NamedTuple):
    """A page and what it is about.

    Parameters
    ----------
    html : str
        The page.
    names : tuple of str
        The experiments on it.
    left_out : tuple of str
        A sentence for each that is not, because its results are not whole or of another version.
    """

    html: str
    names: tuple[str, ...]
    left_out: tuple[str, ...]


def make(
    directory: str | os.PathLike[str],
    beside: Path | None = None,
    told: Callable[[str], None] = lambda _: None,
) -> Report:
    """Make a page, and say what is not on it.

    Parameters
    ----------
    directory : path
        As of `rnnlatch.report.page`.
    beside : Path, optional
        Where the page is to stand, for its links to files; `directory` if None.
    told : callable, optional
        It is called with the name of each experiment before it is drawn.

    Raises
    ------
    FileNotFoundError, ValueError
        As of `rnnlatch.report.page`.
    """
    results: list[Result] = []
    left_out: list[str] = []
    for name, where in find(directory):
        told(name)
        try:
            results.append(read(name, where))
        except ValueError as error:
            left_out.append(str(error))
    if not results:
        raise ValueError(" ".join(f"{each}." for each in left_out).removesuffix("."))
    html = written(results, left_out, Path(directory), Path(directory) if beside is None else beside)
    return Report(html, tuple(result.experiment.name for result in results), tuple(left_out))


def written(results: Sequence[Result], left_out: Sequence[str], directory: Path, stand: Path) -> str:
    """Write the page.

    Parameters
    ----------
    results : sequence of Result
        What is on it.
    left_out : sequence of str
        A sentence for each that is not.
    directory, stand : Path
        Where the results are, and the page.
    """
    shown = [_shown(result, directory, stand) for result in results]
    return render(
        "report.html.jinja",
        scripts=(_plotly(), source("colours.js"), source("report.js")),
        heading=HEADING,
        version=__version__,
        left_out=[_as_html(each) for each in left_out],
        experiments=shown,
        failed=[
            {"name": each["name"], "claims": [claim for claim in each["claims"] if claim["kind"] == "failed"]}
            for each in shown
            if each["failed"]
        ],
        panel_json=_panel_json,
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    script: str = get_plotlyjs()
    if "</script" in script:
        raise RuntimeError("Plotly's script cannot stand in a page")
    return script


def _panel_json(panel: Panel) -> str:
    from plotly.io.json import to_json_plotly

    text: str = to_json_plotly(packed({**(panel.figure or {}), "numeric": panel.numeric, "covered": panel.covered}))
    return safe(text)


def _shown(result: Result, directory: Path, stand: Path) -> dict[str, Any]:
    """Give what the template says about an experiment."""
    experiment, attrs = result.experiment, result.attrs
    name, scale, seed = experiment.name, str(attrs.get("scale", "unknown")), int(attrs.get("seed", 0))
    rows = {row.name: _row(name, row) for row in deviations(name)}
    claims = [_claim(name, number, claim, rows) for number, claim in enumerate(result.claims, start=1)]
    out = directory.resolve()
    out = out.parent if out == result.directory.resolve() else out
    command = shlex.join(
        ["rnnlatch", "reproduce", name, "--scale", scale, "--seed", str(seed), "--out", out.name or "results"]
    )
    files = sorted(path for path in result.directory.iterdir() if path.is_file() and not path.name.startswith("."))
    return {
        "name": name,
        "title": experiment.title,
        "paper": experiment.paper,
        "figure": experiment.figure,
        "shows": experiment.shows,
        "scale": scale,
        "held": sum(claim.held is True for claim in result.claims),
        "failed": sum(claim.held is False for claim in result.claims),
        "undecided": sum(claim.held is None for claim in result.claims),
        "claims": claims,
        "rest_on": [rows[row.name] for row in deviations(name) if row.all],
        "deviations": list(rows.values()),
        "drawing": result.drawing,
        "thinned": [
            {"count": f"{each.total:,}", "what": each.what, "drawn": f"{each.drawn:,}"}
            for panel in result.drawing.panels
            for each in panel.thinned
        ],
        "missing": [panel.missing for panel in result.drawing.panels if panel.missing],
        "provenance": _provenance(result, scale, seed),
        "command": command,
        "files": [(path.name, _address(path, stand)) for path in files if path.name != "report.html"],
    }


def _row(name: str, row: Deviation) -> dict[str, Markup]:
    """Give a row of the table of deviations, as HTML."""
    return {
        "anchor": Markup(f"{name}-{row.name}"),
        "left_out": _as_html(row.left_out),
        "chosen": _as_html(row.chosen),
        "differs": _as_html(row.differs),
    }


def _as_html(text: str) -> Markup:
    """Give code of Markdown as HTML, and of a link, which leads into the documentation, its words."""
    parts = re.split(r"`([^`]+)`", re.sub(r"\[([^]]+)\]\([^)]+\)", r"\1", text))
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if at % 2 else escape(part) for at, part in enumerate(parts)
    )


def _claim(name: str, number: int, claim: Claim, rows: dict[str, dict[str, Markup]]) -> dict[str, Any]:
    against = "" if claim.as_expected else ", against what we have found before"
    if claim.held is False and claim.as_expected:
        against = ", as we have found before"
    return {
        "anchor": f"{name}-claim-{number}",
        "statement": claim.statement,
        "kind": _KINDS[claim.held],
        "verdict": _VERDICTS[claim.held],
        "against": against,
        "measured": describe(claim.measured),
        "source": claim.source,
        "reason": claim.reason,
        # Results of before may name rows that are no more, and say nothing of those that are.
        "rests_on": [row for name, row in rows.items() if name in claim.deviations],
    }


def _provenance(result: Result, scale: str, seed: int) -> list[tuple[str, str]]:
    attrs = result.attrs
    size = result.experiment.scales.get(scale)  # type: ignore[call-overload]
    rows = [
        ("scale", scale if size is None else f"{scale}: {size.runs}"),
        ("takes", "" if size is None else f"{size.duration} on two cores"),
        ("seed", str(seed)),
        ("rnnlatch", f"{attrs.get('rnnlatch_version', 'unknown')}, numerics version {int(attrs['numerics_version'])}"),
        ("instruction set", str(attrs.get("isa", ""))),
        ("computed by", str(attrs.get("source", ""))),
        ("data.nc", f"SHA-256 {result.digest}"),
        (
            "works on",
            "" if result.experiment.takes is None else f"{result.experiment.takes}; with a file, --data FILE too",
        ),
    ]
    return [(name, value) for name, value in rows if value]


def _address(path: Path, stand: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), stand.resolve())
    except ValueError:  # on another drive
        return path.resolve().as_uri()
    return quote(Path(relative).as_posix())
