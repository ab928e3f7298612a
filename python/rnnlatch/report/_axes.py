"""Axes of matplotlib as axes of Plotly: scale, limits, ticks, labels, and where an artist's coordinates lead."""

import re
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, YAxis
from matplotlib.transforms import Transform
from numpy.typing import ArrayLike, NDArray

from rnnlatch.report._looks import Unknown, colour, pixels
from rnnlatch.report._words import as_html

__all__ = ["Direction", "Place"]

Floats = NDArray[np.float64]
Letter = Literal["x", "y"]

_NUMBER = re.compile(r"10<sup>(.*?)</sup>")


class Direction:
    """One axis: how values along it become Plotly's.

    Parameters
    ----------
    axis : Axis
        Of matplotlib, as it was last drawn.
    siblings : sequence of Axis
        Axes that share its limits, whose words are used where it has none.

    Attributes
    ----------
    kind : {"linear", "log", "other"}
        Plotly has the first two. Of another scale positions are given, and the values beside them for who points there.
    """

    def __init__(self, axis: Axis, siblings: "list[Axis]") -> None:
        self.axis = axis
        self._forward = axis.get_transform()
        scale = axis.get_scale()  # of a logarithmic one the base matters to its ticks only, and they are given
        self.kind = scale if scale in ("linear", "log") else "other"
        self._clips = getattr(self._forward, "_clip", True)
        low, high = sorted(axis.get_view_interval())
        self._view = low, high
        label = axis.get_label_text() or next((each.get_label_text() for each in siblings if each.get_label_text()), "")
        self.label = as_html(label)

    def drawn(self, values: ArrayLike) -> Floats:
        """Give values as Plotly takes them."""
        numbers = np.asarray(values, np.float64)
        if self.kind == "linear":
            return numbers
        if self.kind == "log":
            if not self._clips:
                return np.where(numbers > 0, numbers, np.nan)
            # What a logarithm has no place for is drawn far below the picture.
            low, high = self._view
            return np.where(numbers <= 0, low * (low / high) ** 3, numbers)
        return np.asarray(self._forward.transform(numbers.ravel()), np.float64).reshape(numbers.shape)

    def moved(self, values: ArrayLike) -> bool:
        """Tell whether values are drawn elsewhere than Plotly would write beside them."""
        numbers = np.asarray(values, np.float64)
        return self.kind == "other" or (self.kind == "log" and bool((numbers <= 0).any()))

    def anchor(self, value: float) -> float:
        """Give a value as annotations and limits take it: of a logarithmic axis, its exponent."""
        placed = float(self.drawn(value))
        return float(np.log10(placed)) if self.kind == "log" else placed

    def layout(self) -> dict[str, Any]:
        """Give the axis as Plotly describes it."""
        axis, axes = self.axis, self.axis.axes
        ends = axis.get_view_interval()
        places, words = self._ticks()
        minor = [each for each in axis.get_minorticklocs() if self._view[0] <= each <= self._view[1]]
        first = axis.get_major_ticks(1)[0]
        side: Any = axis.get_label_position()
        spine, other = ("left", "right") if isinstance(axis, YAxis) else ("bottom", "top")
        if side in ("right", "top"):
            spine, other = other, spine
        border = axes.spines[spine]
        found: dict[str, Any] = {
            "type": "log" if self.kind == "log" else "linear",
            "range": [self.anchor(float(end)) for end in ends],
            "autorange": False,
            "tickmode": "array",
            "tickvals": [float(self.drawn(place)) for place in places],
            "ticktext": words,
            "ticks": "outside" if places else "",
            "ticklen": 4,
            "side": side,
            "title": {"text": self.label, "standoff": 6},
            "showline": bool(border.get_visible()),
            "mirror": bool(border.get_visible() and axes.spines[other].get_visible()),
            "linecolor": colour(border.get_edgecolor()),
            "linewidth": pixels(border.get_linewidth()),
            "showgrid": bool(first.gridline.get_visible()),
            "zeroline": False,
        }
        if minor:
            found["minor"] = {
                "tickmode": "array",
                "tickvals": [float(self.drawn(place)) for place in minor],
                "ticks": "outside",
                "ticklen": 2,
            }
        return found

    def ticks_only(self) -> dict[str, Any]:
        """Give limits and ticks, for an axis of a scene."""
        places, words = self._ticks()
        ends = [float(end) for end in self.axis.get_view_interval()]
        return {"range": ends, "tickmode": "array", "tickvals": places, "ticktext": words}

    def numeric(self) -> bool:
        """Tell whether the words at the ticks are their numbers, so that other numbers may take their place."""
        if self.kind == "other":
            return False
        places, words = self._ticks()
        pairs = [(place, word) for place, word in zip(places, words, strict=True) if word]
        return bool(pairs) and all(_says(word, place) for place, word in pairs)

    def offset(self) -> str:
        """Give what all numbers at the ticks are to be multiplied with or added to, if anything."""
        self._ticks()
        return as_html(self.axis.get_major_formatter().get_offset())

    def _ticks(self) -> tuple[list[float], list[str]]:
        low, high = self._view
        every = [float(place) for place in self.axis.get_majorticklocs()]
        # All of them, for what is written at one tick can depend on the others.
        words = self.axis.get_major_formatter().format_ticks(every)
        slack = 1e-9 * (high - low)
        there = [(place, as_html(word)) for place, word in zip(every, words, strict=True)]
        there = [(place, word) for place, word in there if low - slack <= place <= high + slack]
        return [place for place, _ in there], [word for _, word in there]


class Place:
    """Where a matplotlib axes' artists go in a Plotly figure.

    Parameters
    ----------
    axes : Axes
        Of matplotlib, as it was last drawn.
    number : int
        The how manieth pair of axes it is in the Plotly figure, from 1.
    """

    def __init__(self, axes: Axes, number: int) -> None:
        self.axes, self.number = axes, number
        self.x = Direction(axes.xaxis, [each.xaxis for each in axes.get_shared_x_axes().get_siblings(axes)])
        self.y = Direction(axes.yaxis, [each.yaxis for each in axes.get_shared_y_axes().get_siblings(axes)])
        self.fractions: set[Letter] = set()

    def name(self, letter: Letter, *, fraction: bool = False) -> str:
        """Give the name of an axis, or of the one beside it along which positions are shares of its length."""
        if fraction:
            self.fractions.add(letter)
        number = self.number + 50 * fraction
        return letter if number == 1 else f"{letter}{number}"

    def reach(self, points: ArrayLike, transform: Transform) -> tuple[Floats, tuple[bool, bool]]:
        """Give points in the coordinates of the axes.

        Parameters
        ----------
        points : array_like, (count, 2)
            In the coordinates of an artist.
        transform : Transform
            That artist's.

        Returns
        -------
        ndarray, (count, 2)
            Values along the axes, or shares of their lengths.
        tuple of bool
            Along which of the two they are values.
        """
        given = np.asarray(points, np.float64).reshape(-1, 2)
        data, along = self.axes.transData, self.values_along(transform)
        if transform == data:
            return given, along
        if all(along):
            return np.asarray((transform - data).transform(given), np.float64), along
        found = self.from_pixels(transform.transform(given), along)
        if any(along):
            letter = "xaxis" if along[0] else "yaxis"
            own = [getattr(self.axes, f"get_{letter}_transform")(which) for which in ("grid", "tick1", "tick2")]
            if transform in own:  # without what the way over pixels costs
                found = np.where(along, given, found)
        return found, along

    def reach_all(self, parts: Iterable[ArrayLike], transform: Transform) -> tuple[list[Floats], tuple[bool, bool]]:
        """Give the points of several parts of an artist in the coordinates of the axes, each as `reach` does."""
        return [self.reach(part, transform)[0] for part in parts], self.values_along(transform)

    def values_along(self, transform: Transform) -> tuple[bool, bool]:
        """Tell along which axes the coordinates of an artist are values."""
        if transform == self.axes.transData:
            return True, True
        x, y = transform.contains_branch_seperately(self.axes.transData)
        return bool(x), bool(y)

    def from_pixels(self, points: ArrayLike, along: tuple[bool, bool]) -> Floats:
        """Give points of the page in the coordinates of the axes: values, or shares of their lengths."""
        values = self.axes.transData.inverted().transform(points)
        shares = self.axes.transAxes.inverted().transform(points)
        return np.where(along, values, shares)

    def trace_axes(self, along: tuple[bool, bool]) -> dict[str, str]:
        """Give a trace's axes."""
        return {
            "xaxis": self.name("x", fraction=not along[0]),
            "yaxis": self.name("y", fraction=not along[1]),
        }

    def hover(
        self, points: Floats, along: tuple[bool, bool], name: str | None, more: Floats | None = None
    ) -> dict[str, Any]:
        """Say what is shown to who points at something.

        Parameters
        ----------
        points : ndarray, (count, 2)
            Values along the axes.
        along : tuple of bool
            Which of them are values of the axes.
        name : str or None
            Of the series, as HTML.
        more : ndarray, optional
            What is written instead of the values as they are drawn.
        """
        lines: list[str] = []
        custom: list[Floats] = []
        for column, (letter, direction) in enumerate((("x", self.x), ("y", self.y))):
            if not along[column]:
                continue
            shown = f"%{{{letter}:.4~g}}"
            if more is not None or direction.moved(points[:, column]):
                shown = f"%{{customdata[{len(custom)}]:.4~g}}"
                custom.append((points if more is None else more)[:, column])
            lines.append(f"{_safe(direction.label) or letter}: {shown}")
        found: dict[str, Any] = {"hovertemplate": "<br>".join(lines) + f"<extra>{_safe(name or '')}</extra>"}
        if custom:
            found["customdata"] = np.stack(custom, axis=-1)
        return found

    def layout(self) -> dict[str, Any]:
        """Give the axes, and those of shares that were asked for."""
        found = {}
        letters: tuple[tuple[Letter, Letter, Direction], ...] = (("x", "y", self.x), ("y", "x", self.y))
        for letter, other, direction in letters:
            axis = direction.layout()
            axis["anchor"] = self.name(other)
            offset = direction.offset()
            if offset:
                axis["title"]["text"] += f" ({offset})"
            if not self.axes.axison:
                axis |= {"visible": False}
            if self.number > 1:
                axis["overlaying"] = letter
                if letter == "x":
                    axis |= {"visible": False, "matches": "x"}
            found[f"{letter}axis{self.number if self.number > 1 else ''}"] = axis
        for letter, other, _ in letters:
            if letter in self.fractions:
                found[f"{letter}axis{self.number + 50}"] = {
                    "range": [0, 1],
                    "fixedrange": True,
                    "visible": False,
                    "anchor": self.name(other),
                    "overlaying": letter,
                }
        aspect: Any = self.axes.get_aspect()
        if aspect != "auto":
            if self.x.kind != "linear" or self.y.kind != "linear":
                raise Unknown("axes of one length that are not linear")
            found["yaxis" if self.number == 1 else f"yaxis{self.number}"] |= {
                "scaleanchor": self.name("x"),
                "scaleratio": float(aspect),
                "constrain": "domain",
            }
            found["xaxis" if self.number == 1 else f"xaxis{self.number}"] |= {"constrain": "domain"}
        return found


def _says(word: str, place: float) -> bool:
    text = _NUMBER.sub(r"1e\1", word).replace("−", "-").replace(",", "")
    try:
        return bool(np.isclose(float(text), place, rtol=0.06))
    except ValueError:
        return False


def _safe(text: str) -> str:
    return text.replace("%{", "% {").replace("<br>", " ")
