"""The pictures of run_all: how speed scales with runs, steps, units and threads.

They are on white, with lines that differ in their markers too, and so are readable where the page around them is dark. Each has
the digest of the numbers that it draws among its metadata, by which a test sees that it belongs to the kept run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]
Lines = dict[str, list[tuple[float, float, float, float]]]  # x, median, lowest, highest

STYLES = {
    "rnnlatch": ("#0072B2", "o", "-"),
    "NumPy": ("#D55E00", "s", "--"),
    "JAX": ("#009E73", "^", "-."),
}
AXES = {
    "runs": "runs or networks, R",
    "steps": "steps of a sequence, T",
    "units": "units, N",
    "threads": "threads",
}
THREADS = (
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "v"),
    ("#E69F00", "D"),
    ("#56B4E9", "P"),
    ("#000000", "X"),
    ("#888888", "*"),
)


def file_name(name: str) -> str:
    """Of a picture."""
    return f"benchmarks-{name}.svg"


def panels(record: Record, name: str) -> dict[str, tuple[str, Lines]]:
    """What is drawn: for each panel the label of its y axis, and its lines; of each library its fastest row."""
    found: dict[str, tuple[str, Lines]] = {}
    for entry in record["entries"]:
        if entry["group"] != name or not entry["rows"]:
            continue
        if name == "threads":
            speeds = {row["threads"]: row["wall"] for row in entry["rows"]}
            if 1 not in speeds:
                continue
            one = speeds[1]["median"]
            points = [(n, *(each[of] / one for of in ("median", "low", "high"))) for n, each in sorted(speeds.items())]
            found.setdefault("the engine", ("times as fast as one thread", {}))[1][entry["title"]] = points
            continue
        lines = found.setdefault(entry["title"], (entry["scaled_unit"], {}))[1]
        for library in dict.fromkeys(row["library"] for row in entry["rows"]):
            rows = [row["wall"] for row in entry["rows"] if row["library"] == library]
            wall = max(rows, key=lambda each: float(each["median"]))
            speed = (wall[of] * entry["scale"] for of in ("median", "low", "high"))
            median, low, high = speed
            lines.setdefault(library, []).append((entry["x"], median, low, high))
    return found


def pictures(record: Record) -> Iterator[tuple[str, str]]:
    """Names of the pictures that there is something for, with the digest of what each draws."""
    peak = record["hardware"].get("fma", {}).get("median")
    for name in AXES:
        found = panels(record, name)
        if found:
            text = json.dumps([found, peak if name == "units" else None], sort_keys=True)
            yield name, hashlib.sha256(text.encode()).hexdigest()[:16]


def alternative(record: Record, name: str) -> str:
    """A picture in words."""
    lines = [line for _, lines in panels(record, name).values() for line in lines]
    return f"Speed over {AXES[name].rsplit(', ', 1)[0]}: {', '.join(dict.fromkeys(lines))}"


def draw(record: Record, directory: Path) -> None:
    """Draw all pictures."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.hashsalt": "rnnlatch",
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "figure.facecolor": "white",
        "axes.facecolor": "white",
    }
    with mpl.rc_context(settings):
        for name, digest in pictures(record):
            found = panels(record, name)
            figure = Figure(figsize=(4.6 * len(found) if len(found) > 1 else 7.0, 3.4), layout="constrained")
            axes = figure.subplots(1, len(found), squeeze=False)[0]
            for ax, (title, (label, lines)) in zip(axes, found.items(), strict=True):
                if name == "threads":
                    _draw_threads(ax, lines)
                else:
                    _draw_lines(ax, lines)
                    if name == "units" and "fma" in record["hardware"]:
                        peak = record["hardware"]["fma"]["median"]
                        ax.axhline(peak, color="#555555", linewidth=1)
                        ax.annotate(
                            "multiply-add peak",
                            (0.01, peak),
                            (0, 3),
                            xycoords=("axes fraction", "data"),
                            textcoords="offset points",
                            color="#555555",
                        )
                        ax.set_ylim(top=2 * peak)
                ax.set(title=title, xlabel=AXES[name], ylabel=label)
                ax.grid(visible=True, color="#dddddd", linewidth=0.6)
                ax.set_axisbelow(True)
                if name == "threads":
                    figure.legend(loc="outside right upper", frameon=False)
                else:
                    ax.legend(frameon=False)
            metadata: dict[str, Any] = {"Date": None, "Description": f"digest of the numbers: {digest}"}
            figure.savefig(directory / file_name(name), metadata=metadata)


def _draw_lines(ax: Any, lines: Lines) -> None:
    for library, points in lines.items():
        x, median, low, high = zip(*sorted(points), strict=True)
        colour, marker, style = STYLES[library]
        ax.plot(x, median, style, color=colour, marker=marker, markersize=4.5, label=library)
        ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    from matplotlib.ticker import EngFormatter, LogLocator, NullLocator

    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # some speeds keep within a decade
    ax.yaxis.set_major_formatter(EngFormatter())
    ax.yaxis.set_minor_locator(NullLocator())


def _draw_threads(ax: Any, lines: Lines) -> None:
    most = max(point[0] for points in lines.values() for point in points)
    ax.plot([1, most], [1, most], color="#555555", linewidth=1, label="as many times as threads")
    for k, (title, points) in enumerate(lines.items()):
        x, median, low, high = zip(*points, strict=True)
        colour, marker = THREADS[k % len(THREADS)]
        # side by side, where all lie on each other
        at = [value * (1 + 0.004 * (k - len(lines) / 2)) for value in x]
        error = [[m - v for m, v in zip(median, low, strict=True)], [v - m for m, v in zip(median, high, strict=True)]]
        ax.errorbar(at, median, error, color=colour, marker=marker, markersize=4.5, linewidth=1, capsize=2, label=title)
    ax.set_xticks(sorted({point[0] for points in lines.values() for point in points}))
