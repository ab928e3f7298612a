"""Texts and arrows as Plotly's annotations."""

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.patches import ArrowStyle
from matplotlib.text import Annotation, Text

from rnnlatch.report._looks import CLEAR, Unknown, colour, pixels
from rnnlatch.report._words import as_html

if TYPE_CHECKING:
    from rnnlatch.report._axes import Place

__all__ = ["annotation"]

_ACROSS = {"left": "left", "center": "center", "right": "right"}
_UP = {"top": "top", "center": "middle", "center_baseline": "middle", "bottom": "bottom", "baseline": "bottom"}


def annotation(place: "Place", text: Text) -> dict[str, Any] | None:
    """Convert a text, or an annotation with or without an arrow; None for one that shows nothing.

    Raises
    ------
    Unknown
        If its arrow has another kind of head than Plotly's.
    """
    words, arrow = text.get_text(), None
    if isinstance(text, Annotation):
        canvas: Any = place.axes.figure.canvas
        text.update_positions(canvas.get_renderer())
        arrow = text.arrow_patch
    if not words and arrow is None:
        return None
    found: dict[str, Any] = {
        "text": as_html(words),
        "showarrow": False,
        "font": {"size": pixels(float(text.get_fontsize())), "color": colour(text.get_color(), text.get_alpha())},
        "xanchor": _ACROSS[text.get_horizontalalignment()],
        "yanchor": _UP[text.get_verticalalignment()],
        "align": _ACROSS[text.get_horizontalalignment()],
        "textangle": -float(text.get_rotation()),
        "borderpad": 0,
    }
    if found["textangle"]:
        # matplotlib aligns what is turned, Plotly what is not: both agree about the middle.
        found |= {"xanchor": "center", "yanchor": "middle"}
    box = text.get_bbox_patch()
    if box is not None:
        found |= {"bgcolor": colour(box.get_facecolor()), "bordercolor": colour(box.get_edgecolor()), "borderpad": 2}
    start = text.get_transform().transform(text.get_position())
    if isinstance(text, Annotation) and arrow is not None:
        return found | _arrow(place, text, arrow, start)
    if found["textangle"]:
        box_of_text = text.get_window_extent()
        start = np.array([(box_of_text.x0 + box_of_text.x1) / 2, (box_of_text.y0 + box_of_text.y1) / 2])
    if isinstance(text, Annotation) and not isinstance(text.xycoords, str):
        raise Unknown("an annotation at such coordinates")
    if isinstance(text, Annotation) and text.xycoords == "data":
        # At its point, and from there so many pixels.
        end = place.axes.transData.transform(text.xy)
        x, y = text.xy
        shift = (start - end) * 100 / place.axes.figure.dpi
        found |= {"x": place.x.anchor(x), "y": place.y.anchor(y), "xref": place.name("x"), "yref": place.name("y")}
        return found | {"xshift": float(shift[0]), "yshift": float(shift[1])}
    if found["textangle"]:
        return found | _at(place, start)
    point, along = place.reach([text.get_position()], text.get_transform())
    for column, (letter, direction) in enumerate((("x", place.x), ("y", place.y))):
        value = float(point[0, column])
        found[letter] = direction.anchor(value) if along[column] else value
        found[f"{letter}ref"] = place.name(letter) + ("" if along[column] else " domain")  # type: ignore[arg-type]
    return found


def _at(place: "Place", pixel: Any) -> dict[str, Any]:
    """Give a pixel of the picture in the coordinates of the axes."""
    x, y = place.axes.transData.inverted().transform(pixel)
    return {"x": place.x.anchor(x), "y": place.y.anchor(y), "xref": place.name("x"), "yref": place.name("y")}


def _arrow(place: "Place", text: Annotation, arrow: Any, start: Any) -> dict[str, Any]:
    """Give where the arrow begins and ends, of which Plotly makes one with the text at its beginning."""
    style = arrow.get_arrowstyle()
    heads = {ArrowStyle.get_styles()[name]: head for name, head in (("-", 0), ("->", 1), ("-|>", 2))}
    if type(style) not in heads:
        raise Unknown(f"an arrow with the style {type(style).__name__}")
    scale = arrow.get_mutation_scale() / 72 * 100
    width = max(pixels(arrow.get_linewidth()), 1)
    end = place.axes.transData.transform(text.xy) if text.xycoords == "data" else None
    if end is None:
        raise Unknown("an arrow to such coordinates")
    x, y = text.xy
    if text.anncoords == "data":
        tail: dict[str, Any] = {"ax": place.x.anchor(text.xyann[0]), "ay": place.y.anchor(text.xyann[1])}
        tail |= {"axref": place.name("x"), "ayref": place.name("y")}
    else:
        shift = (np.asarray(start) - end) * 100 / place.axes.figure.dpi
        tail = {"ax": float(shift[0]), "ay": -float(shift[1])}
    return {
        **tail,
        "showarrow": True,
        "x": place.x.anchor(x),
        "y": place.y.anchor(y),
        "xref": place.name("x"),
        "yref": place.name("y"),
        "arrowhead": heads[type(style)],
        # A head of size 1 is about three times as long as the line is wide.
        "arrowsize": max(round(0.4 * scale / (3 * width), 2), 0.3),
        "arrowwidth": width,
        "arrowcolor": colour(arrow.get_edgecolor()) if arrow.get_edgecolor()[3] else CLEAR,
        "standoff": pixels(float(arrow.shrinkB)),
        "startstandoff": pixels(float(arrow.shrinkA)),
    }
