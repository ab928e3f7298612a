"""Pictures as numbers, for the comparison with stored ones: drawn without letters, and blurred before they are compared.

A picture of this day and one of another matplotlib, or of another machine, differ in their letters, and in how the edges
of lines are smoothed. Neither says anything about a plot. So letters, ticks and legends are taken away, states of a map
are whole pixels, and both pictures are blurred over three pixels. What is left is measured twice: the root of the mean
square over all pixels, and the largest difference anywhere, which sees a single mark that is missing where the mean does not.

Colours go from 0 to 1. Between matplotlib 3.8.0 and 3.11.2 no picture differs anywhere by more than 0.005 (the relief
since 3.9, which made its axes a little smaller); one that is moved by a tenth of a pixel, or smoothed by half a pixel,
differs by up to 0.035 somewhere and 0.005 in the mean. A fixed point that is missing, or open instead of filled, is a
difference of 0.6, a wrong state of a basin map one of 0.3. test_images.py shows both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.image
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from rnnlatch import plotting

__all__ = ["BASELINES", "MEAN_TOLERANCE", "TOLERANCE", "alike", "baseline", "compare", "render", "write"]

Picture = NDArray[np.float64]

BASELINES = Path(__file__).parent / "baseline"
WIDTH, HEIGHT, MARGIN = 200, 160, 8  # pixels of the axes: whole ones for each of 40 states along a side
DPI = 100
BLUR = 1.5  # pixels
MEAN_TOLERANCE = 0.006
TOLERANCE = 0.06


def render(draw: Callable[[Axes], object], projection: str | None = None) -> Picture:
    """Draw into axes of a fixed size, and give the colours, from 0 to 1, shape (height, width, 3)."""
    with mpl.rc_context():
        mpl.rcdefaults()
        width, height = WIDTH + 2 * MARGIN, HEIGHT + 2 * MARGIN
        figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        canvas: Any = FigureCanvasAgg(figure)
        with plotting.style():
            axes = figure.add_axes(
                (MARGIN / width, MARGIN / height, WIDTH / width, HEIGHT / height), projection=projection
            )
            draw(axes)
        for each in figure.axes:
            _take_letters_away(each)
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3] / 255


def compare(one: Picture, other: Picture) -> tuple[float, float]:
    """Give the root of the mean square, and the largest difference, of two pictures after blurring; infinite for two sizes."""
    if one.shape != other.shape:
        return np.inf, np.inf
    difference = gaussian_filter(one - other, (BLUR, BLUR, 0))
    return float(np.sqrt((difference**2).mean())), float(np.abs(difference).max())


def alike(one: Picture, other: Picture) -> bool:
    """Say whether two pictures are the same, for all that matters."""
    mean, largest = compare(one, other)
    return mean <= MEAN_TOLERANCE and largest <= TOLERANCE


def baseline(name: str) -> Picture:
    """Give a stored picture."""
    return np.asarray(matplotlib.image.imread(BASELINES / f"{name}.png"), np.float64)[:, :, :3]


def write(path: Path, picture: Picture) -> None:
    """Store a picture; the same one gives the same file."""
    rounded = (255 * picture).round().astype(np.uint8)
    matplotlib.image.imsave(path, rounded, pil_kwargs={"optimize": True})


def _take_letters_away(axes: Axes) -> None:
    for axis in [getattr(axes, name) for name in ("xaxis", "yaxis", "zaxis") if hasattr(axes, name)]:
        axis.set_major_locator(NullLocator())
        axis.set_minor_locator(NullLocator())
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    for text in axes.findobj(Text):
        text.set_visible(False)
