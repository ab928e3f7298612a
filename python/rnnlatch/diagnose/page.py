"""The page: findings, pictures and numbers in one HTML file that needs nothing else."""

import base64
import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from rnnlatch._pages import render
from rnnlatch.diagnose.plots import PICTURES, Draw
from rnnlatch.diagnose.text import headline, shown
from rnnlatch.diagnose.wording import number
from rnnlatch.plotting.style import legend_below, new_figure, style

if TYPE_CHECKING:
    from rnnlatch.diagnose.diagnosis import Diagnosis

__all__ = ["Picture", "page", "pictures"]

_WORDS = {"problem": "Problem", "caution": "Caution", "note": "Note"}
_SIZE = (4.6, 3.2)  # inches
# On dark pages: black is what text and axes are, the rest are the colours of lines.
_DARKER = {
    b"#000000": b"#d8dde3",
    b"#0072b2": b"#56b4e9",
    b"#d55e00": b"#f08a4b",
    b"#009e73": b"#3ccb9b",
    b"#cc79a7": b"#e5a3c8",
}


@dataclass(frozen=True)
class Picture:
    """A picture in two forms, for light and for dark pages.

    Parameters
    ----------
    title, caption, alt : str
        Above it, below it, and for who does not see it.
    light, dark : str
        The address of the picture, which is the picture itself.
    """

    title: str
    caption: str
    alt: str
    light: str
    dark: str


def pictures(data: xr.Dataset) -> list[Picture]:
    """Draw whatever there are numbers for."""
    found = []
    for variable, title, caption, draw in PICTURES:
        if variable in data and np.isfinite(data[variable].values).any():
            told, light = _drawn(data, draw)
            dark = light
            for colour, other in _DARKER.items():
                dark = dark.replace(colour, other)
            found.append(Picture(title, caption, f"{title}. {told}", _address(light), _address(dark)))
    return found


def page(diagnosis: "Diagnosis") -> str:
    """Give the page as HTML."""
    return render(
        "diagnose.html.jinja",
        name=diagnosis.name,
        headline=headline(diagnosis),
        findings=diagnosis.findings,
        words=_WORDS,
        shown=shown,
        attrs=diagnosis.data.attrs,
        pictures=pictures(diagnosis.data),
        numbers=_numbers(diagnosis.data),
        settings=_settings(diagnosis.data),
    )


def _drawn(data: xr.Dataset, draw: Draw) -> tuple[str, bytes]:
    with style():
        figure = new_figure(*_SIZE)
        ax = figure.subplots()
        told = draw(data, ax)
        if ax.get_legend_handles_labels()[0]:
            legend_below(ax)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", transparent=True, dpi=150, metadata={"Date": None})
    svg = buffer.getvalue()
    # What has no colour is black, whatever the page is: named here, so that it can be another on dark ones.
    return told, svg[svg.index(b"<svg") :].replace(b"<svg ", b'<svg fill="#000000" ', 1)


def _address(svg: bytes) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"


def _numbers(data: xr.Dataset) -> list[tuple[str, str, str]]:
    """Give single numbers and short rows: name, name in words, value."""
    rows = []
    for name, values in data.data_vars.items():
        if values.size and values.size <= 8 and values.ndim <= 1:
            units = str(values.attrs.get("units", "1"))
            text = _row(data, values) + ("" if units == "1" else f" {units}")
            rows.append((str(name), str(values.attrs.get("long_name", "")), text))
    return rows


def _row(data: xr.Dataset, values: xr.DataArray) -> str:
    flat = [float(value) for value in np.atleast_1d(values.values)]
    said = [number(value) for value in flat]
    if values.name == "horizon":
        said = [
            f"more than {data.attrs['steps']}" if value == np.inf else text
            for value, text in zip(flat, said, strict=True)
        ]
    if not values.ndim:
        return said[0]
    if len(said) > 1 and len(set(said)) == 1:
        return f"{said[0]} each"
    labels = values[values.dims[0]].values.tolist()
    return "; ".join(f"{label}: {text}" for label, text in zip(labels, said, strict=True))


def _settings(data: xr.Dataset) -> list[tuple[str, Any]]:
    attrs = data.attrs
    seed = json.loads(attrs["rng"])
    return [
        ("network", attrs["cell"]),
        ("sequences", attrs["sequences"]),
        ("error that is followed back", attrs["error"]),
        ("left out, for time", attrs["left_out"] or "nothing"),
        ("seed", seed["entropy"]),
        ("rnnlatch", f"{attrs['rnnlatch_version']}, {attrs['isa']}"),
    ]
