"""Images and meshes as heat maps."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import to_rgba
from numpy.typing import NDArray

from rnnlatch.report._looks import Unknown, colour, colour_scale
from rnnlatch.report._thinning import Thinned

if TYPE_CHECKING:
    from rnnlatch.report._axes import Place

__all__ = ["image_traces", "mesh_traces", "top_of"]

Floats = NDArray[np.float64]
Trace = dict[str, Any]

_CELLS = 600  # along each side that are drawn, of more
_COLOURS = 256


def image_traces(
    place: "Place", image: Any, label: str | None, named: dict[str, str]
) -> tuple[list[Trace], list[Thinned]]:
    """Convert what `imshow` has drawn.

    Parameters
    ----------
    place : Place
        Where it goes.
    image : AxesImage
        On axes in whose coordinates it lies.
    label : str or None
        What its values are, as its colour bar says; None: it has none.
    named : dict of str to str
        What colours mean.
    """
    if image.get_transform() != place.axes.transData or "linear" not in (place.x.kind, place.y.kind):
        raise Unknown("an image that does not lie along linear axes")
    left, right, bottom, top = (float(each) for each in np.ravel(image.get_extent()))
    values = np.ma.asarray(image.get_array())
    rows, columns = values.shape[:2]
    x = np.linspace(left, right, columns + 1)
    y = np.linspace(bottom, top, rows + 1)
    if image.origin == "upper":
        y = y[::-1]
    return _heat_map(place, image, x, y, values, label, named)


def mesh_traces(
    place: "Place", mesh: Any, label: str | None, named: dict[str, str]
) -> tuple[list[Trace], list[Thinned]]:
    """Convert what `pcolormesh` has drawn, as `image_traces` does."""
    corners = np.asarray(mesh.get_coordinates(), np.float64)
    x, y = corners[0, :, 0], corners[:, 0, 1]
    values = np.ma.asarray(mesh.get_array())
    straight = np.array_equal(corners[..., 0], np.broadcast_to(x, corners.shape[:2])) and np.array_equal(
        corners[..., 1], np.broadcast_to(y[:, None], corners.shape[:2])
    )
    if not straight or values.shape[:2] != (len(y) - 1, len(x) - 1):
        raise Unknown("a mesh whose cells are no rectangles of one colour")
    return _heat_map(place, mesh, x, y, values, label, named)


def top_of(mappable: ScalarMappable) -> float:
    """Give what a norm gives its largest value: norms give shares, or numbers of colours."""
    largest = np.asarray(mappable.norm(np.array([mappable.norm.vmax])))
    return 1.0 if largest.dtype.kind == "f" else float(mappable.get_cmap().N - 1)


def _heat_map(
    place: "Place",
    image: Any,
    x: Floats,
    y: Floats,
    values: Any,
    label: str | None,
    named: dict[str, str],
) -> tuple[list[Trace], list[Thinned]]:
    told = []
    rows, columns = values.shape[:2]
    down, across = -(-rows // _CELLS), -(-columns // _CELLS)
    if down > 1 or across > 1:
        # Each cell that is kept becomes as large as those it stands for.
        values = values[down // 2 :: down, across // 2 :: across]
        y = np.append(y[:-1:down][: values.shape[0]], y[-1])
        x = np.append(x[:-1:across][: values.shape[1]], x[-1])
        told = [Thinned(values.shape[0] * values.shape[1], rows * columns, "cells of a map")]
    if values.ndim == 3:
        return [_painted(place, image, x, y, np.ma.getdata(values), named)], told
    numbers = np.ma.filled(np.ma.asarray(values, np.float64), np.nan)
    shares = np.ma.filled(np.ma.asarray(image.norm(numbers), np.float64), np.nan) / top_of(image)
    shares = np.where(np.isfinite(numbers), np.clip(shares, 0, 1), np.nan)
    cmap = image.get_cmap()
    strength = image.get_alpha()
    if strength is not None and np.ndim(strength):
        raise Unknown("an image of several strengths")
    shades = cmap(np.arange(cmap.N))
    if strength is not None:
        shades[:, 3] *= strength
    scale = colour_scale(shades) if cmap.N > 12 else _steps(shades)
    trace = _trace(place, x, y, shares, scale)
    shades_of = [colour(shade) for shade in shades]
    if label is None and set(shades_of) & set(named):
        numbers_of = np.clip(np.nan_to_num(shares) * cmap.N, 0, cmap.N - 1).astype(int)
        _name(trace, place, np.array([named.get(each, "") for each in shades_of])[numbers_of])
    else:
        trace["customdata"] = _small(numbers)
        trace["hovertemplate"] = f"{_where(place)}<br>{label or 'value'}: %{{customdata:.4~g}}<extra></extra>"
    traces = [trace]
    bad = cmap(np.ma.masked_invalid([np.nan]))[0]
    if np.isnan(shares).any() and bad[3] > 0 and bad[3] * (strength or 1) > 0:
        blank = _trace(place, x, y, np.where(np.isnan(shares), 0.0, np.nan), [[0, colour(bad)], [1, colour(bad)]])
        traces.append(blank | {"hoverinfo": "skip"})
    return traces, told


def _painted(place: "Place", image: Any, x: Floats, y: Floats, values: Any, named: dict[str, str]) -> Trace:
    """Convert a picture of few colours: each is a number."""
    flat = values.reshape(-1, values.shape[2])
    if flat.dtype.kind in "ui":
        flat = flat / 255
    shades, numbers = np.unique(np.round(flat, 4), axis=0, return_inverse=True)
    if len(shades) > _COLOURS:
        raise Unknown(f"an image of {len(shades)} colours")
    strength = image.get_alpha()
    palette = [to_rgba(tuple(shade), strength) for shade in shades]
    shares = (numbers.reshape(values.shape[:2]) + 0.5) / len(shades)
    shares = np.where(np.array([each[3] for each in palette])[numbers].reshape(values.shape[:2]) > 0, shares, np.nan)
    trace = _trace(place, x, y, shares, _steps(np.array(palette)))
    words = np.array([named.get(colour(shade), "") for shade in palette])
    _name(trace, place, words[numbers].reshape(values.shape[:2]))
    return trace


def _trace(place: "Place", x: Floats, y: Floats, shares: Floats, scale: list[list[Any]]) -> Trace:
    return {
        "type": "heatmap",
        "x": place.x.drawn(x),
        "y": place.y.drawn(y),
        "z": _small(shares),
        "zmin": 0,
        "zmax": 1,
        "colorscale": scale,
        "showscale": False,
        "zsmooth": False,
        "hoverongaps": False,
        **place.trace_axes((True, True)),
    }


def _name(trace: Trace, place: "Place", words: Any) -> None:
    """Say what a cell is, in words, where there are some."""
    there = bool((words != "").any())
    if there:
        trace["text"] = words.tolist()
    trace["hovertemplate"] = _where(place) + ("<br>%{text}" if there else "") + "<extra></extra>"


def _where(place: "Place") -> str:
    if place.x.kind == "other" or place.y.kind == "other":
        raise Unknown("a map on such a scale")
    return f"{place.x.label or 'x'}: %{{x:.4~g}}<br>{place.y.label or 'y'}: %{{y:.4~g}}"


def _steps(shades: Any) -> list[list[Any]]:
    """Give a scale of as many equal parts as there are colours."""
    count = len(shades)
    return [[edge / count, colour(shade)] for at, shade in enumerate(shades) for edge in (at, at + 1)]


def _small(values: Floats) -> Any:
    """Give numbers in half the room, where that makes no difference that can be seen."""
    if values.size < 4096:
        return values
    return values.astype(np.float32)
