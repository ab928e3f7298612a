"""The house style, and figures that live outside pyplot."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from io import BytesIO
from pathlib import Path
from typing import Literal

import matplotlib as mpl
import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnnlatch._files import write_all
from rnnlatch.plotting.checks import drawing

__all__ = ["FORMATS", "legend_below", "new_axes", "new_figure", "own_legend", "picture", "save", "style"]

FORMATS = ("png", "svg", "pdf")

_OWN = "legend-of-the-plot"  # marks a legend that may be drawn anew
_LABELS_HEIGHT = 32.0  # points, of an axis' numbers and label


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style inside this context, and leave matplotlib's settings as they were.

    For a whole script there is ``matplotlib.pyplot.style.use("rnnlatch.plotting.rnnlatch")``.

    Examples
    --------
    >>> import matplotlib
    >>> before = matplotlib.rcParams["axes.spines.top"]
    >>> with style():
    ...     matplotlib.rcParams["axes.spines.top"]
    False
    >>> matplotlib.rcParams["axes.spines.top"] == before
    True
    """
    with (
        as_file(files("rnnlatch.plotting") / "rnnlatch.mplstyle") as path,
        mpl.style.context(path),
    ):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with automatic layout.

    Parameters
    ----------
    width, height : float
        In inches.

    Examples
    --------
    >>> new_figure(4, 3).get_size_inches()
    array([4., 3.])
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


@drawing
def new_axes(ax: Axes | None, width: float = 4.0) -> Axes:
    """Return `ax`, or the axes of a new figure, so many inches wide, where it is None.

    Examples
    --------
    >>> ax = new_axes(None)
    >>> new_axes(ax) is ax
    True
    """
    if ax is not None:
        return ax
    axes: Axes = new_figure(width, 3.0).subplots()
    return axes


@drawing
def legend_below(ax: Axes, columns: int = 2) -> None:
    """Put the legend under the axes, where it covers no data.

    Parameters
    ----------
    ax : Axes
        Whose labelled artists are named.
    columns : int
        Entries side by side.

    Examples
    --------
    >>> ax = new_axes(None)
    >>> line = ax.plot([0, 1], label="a line")
    >>> legend_below(ax)
    >>> len(ax.get_legend().get_texts())
    1
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    # Room for the numbers at the axis and its label, which are as high whatever the height of the axes is.
    below = ax.transAxes + ScaledTranslation(0, -_LABELS_HEIGHT / 72, figure.dpi_scale_trans)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=below,
        borderaxespad=0,
        ncols=columns,
        columnspacing=1.2,
        handlelength=1.8,
    )


def own_legend(axes: Axes, ax: Axes | None, *, loc: Literal["best", "lower left", "outside"] = "best") -> None:
    """Name what is drawn in axes that a plot has made itself; whoever gives axes puts the legend where it suits.

    Parameters
    ----------
    axes : Axes
        Where a plot has drawn.
    ax : Axes or None
        What the plot was given. A later plot into the axes of an earlier one joins that one's legend.
    loc : {"best", "lower left", "outside"}
        Where in the axes, or beside them where all of them is a picture.
    """
    legend = axes.get_legend()
    beside = [each for each in axes.figure.legends if each.get_gid() == _OWN]
    if ax is not None and not beside and (legend is None or legend.get_gid() != _OWN):
        return
    named: dict[str, Artist] = {}  # bounds of several networks have one name
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
        named.setdefault(str(label), handle)
    if not named:
        return
    if beside or loc == "outside":
        for each in beside:
            each.remove()
        legend = axes.figure.legend(list(named.values()), list(named), loc="outside right upper")
    else:
        legend = axes.legend(list(named.values()), list(named), loc=loc, frameon=True, edgecolor="none")
    legend.set_gid(_OWN)


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    figure : Figure
        What to write.
    path : path-like
        Its suffix names the format: one of `FORMATS`.

    Raises
    ------
    ValueError
        If the suffix is another.

    Examples
    --------
    >>> save(new_figure(4, 3), getfixture("tmp_path") / "empty.png")
    """
    target = Path(path)
    write_all({target: picture(figure, target.suffix.lstrip("."))})


def picture(figure: Figure, kind: str) -> bytes:
    """Give what `save` writes: the bytes of a figure in one of `FORMATS`."""
    if kind not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}; got {kind!r}")
    dates = {"png": {}, "svg": {"Date": None}, "pdf": {"CreationDate": None}}[kind]
    content = BytesIO()
    with style():
        figure.savefig(content, format=kind, metadata=dates)
    return content.getvalue()
