"""Artists of flat axes as traces and annotations of Plotly, in the order in which matplotlib draws them."""

from collections.abc import Callable, Iterator
from typing import Any

from matplotlib.artist import Artist
from matplotlib.collections import LineCollection, PathCollection, PolyCollection, QuadMesh
from matplotlib.container import BarContainer, ErrorbarContainer
from matplotlib.contour import ContourSet
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.quiver import Quiver
from matplotlib.text import Annotation, Text

from rnnlatch.report._axes import Place
from rnnlatch.report._drawn import Drawn
from rnnlatch.report._images import image_traces, mesh_traces
from rnnlatch.report._lines import draw_error_bars, draw_line, draw_scatter, draw_segments
from rnnlatch.report._looks import Unknown, colour
from rnnlatch.report._shapes import draw_areas, draw_arrows, draw_bars, draw_contours, draw_patch
from rnnlatch.report._texts import annotation

__all__ = ["draw"]


def draw(place: Place, explained: dict[int, str]) -> Drawn:
    """Convert every artist of an axes, in the order in which they are drawn.

    Raises
    ------
    Unknown
        If there is one that is not known.
    """
    drawn = Drawn(place, explained)
    _containers(drawn)
    for artist in sorted(_children(place), key=lambda each: each.get_zorder()):
        if id(artist) in drawn.skipped or not artist.get_visible():
            continue
        for kind, convert in _CONVERTERS:
            if isinstance(artist, kind):
                convert(drawn, artist)
                break
        else:
            raise Unknown(f"a {type(artist).__name__}")
    return drawn


def _children(place: Place) -> Iterator[Artist]:
    axes: Any = place.axes
    frame = [axes.patch, axes.xaxis, axes.yaxis, axes.title, axes.get_legend(), *axes.spines.values(), *axes.child_axes]
    frame += [getattr(axes, "_left_title", None), getattr(axes, "_right_title", None)]
    known = {id(each) for each in frame if each is not None}
    for artist in axes.get_children():
        if id(artist) not in known and not (
            isinstance(artist, Text) and not isinstance(artist, Annotation) and not artist.get_text()
        ):
            yield artist


def _containers(drawn: Drawn) -> None:
    for container in drawn.place.axes.containers:
        if isinstance(container, BarContainer):
            draw_bars(drawn, container)
        elif isinstance(container, ErrorbarContainer):
            draw_error_bars(drawn, container)


def _image(drawn: Drawn, image: Any) -> None:
    traces, told = image_traces(drawn.place, image, drawn.explained.get(id(image)), _legend_colours(drawn))
    drawn.traces += traces
    drawn.thinned += told


def _mesh(drawn: Drawn, mesh: Any) -> None:
    traces, told = mesh_traces(drawn.place, mesh, drawn.explained.get(id(mesh)), _legend_colours(drawn))
    drawn.traces += traces
    drawn.thinned += told


def _legend_colours(drawn: Drawn) -> dict[str, str]:
    """Give what the colours of areas mean that are explained by a patch in the legend."""
    patches = [each for each in drawn.place.axes.patches if id(each) in drawn.names]
    return {colour(each.get_facecolor()): drawn.names[id(each)] for each in patches}


def _text(drawn: Drawn, text: Any) -> None:
    found = annotation(drawn.place, text)
    if found is not None:
        drawn.annotations.append(found)


_CONVERTERS: tuple[tuple[type, Callable[[Drawn, Any], None]], ...] = (
    (Line2D, draw_line),
    (Text, _text),
    (AxesImage, _image),
    (QuadMesh, _mesh),
    (ContourSet, draw_contours),
    (Quiver, draw_arrows),
    (LineCollection, draw_segments),
    (PathCollection, draw_scatter),
    (PolyCollection, draw_areas),
    (Patch, draw_patch),
)
