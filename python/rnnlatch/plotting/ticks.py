"""Where ticks stand: no more of them than their labels have room for."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis, XAxis
from matplotlib.ticker import FuncFormatter, Locator, MaxNLocator
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import isotonic_regression

__all__ = ["CountLocator", "SignedDecadeLocator", "SpreadLocator", "decade_axis", "spread"]

Floats = NDArray[np.float64]


class CountLocator(MaxNLocator):
    """Whole numbers.

    matplotlib's own choice leaves room for three digits, so that 17500 and 20000 run into each other.
    """

    def __init__(self) -> None:
        super().__init__(integer=True, steps=[1, 2, 2.5, 5, 10])

    def __call__(self) -> Sequence[float]:
        """Return the ticks of the axis as it is now."""
        axis = _axis_of(self)
        digits = len(f"{np.abs(axis.get_view_interval()).max():.0f}")
        letters = 3 * axis.get_tick_space()  # counted in labels that are as wide as the letters are high, thrice
        self.set_params(nbins=int(np.clip(letters / (0.6 * digits + 0.8), 1, 9)))
        return super().__call__()


class SignedDecadeLocator(Locator):
    """0 and powers of ten of both signs, for matplotlib's scale "symlog" with its defaults.

    Parameters
    ----------
    threshold : float
        Up to where the scale is linear. Powers that stand too near to the 0 are left out.
    """

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self) -> Sequence[float]:
        """Return the ticks of the axis as it is now."""
        return self.tick_values(*sorted(_axis_of(self).get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the ticks between two values."""
        room = max(_axis_of(self).get_tick_space(), 2)
        start = math.log10(self.threshold)
        linear = 10 / 9  # decades from 0 to the threshold
        length = sum(linear + max(math.log10(max(abs(v), self.threshold)) - start, 0) for v in (vmin, vmax) if v)
        stride = max(1, math.ceil(length / room))
        nearest = math.ceil((start + 0.75 * stride - linear) / stride - 1e-9)
        furthest = math.floor(math.log10(max(abs(vmin), abs(vmax), self.threshold)) / stride + 1e-9)
        powers = [10.0 ** (stride * k) for k in range(nearest, furthest + 1)]
        ticks = [*(-power for power in reversed(powers)), 0.0, *powers]
        return [tick for tick in ticks if vmin <= tick <= vmax]


class SpreadLocator(Locator):
    """Labels beside the places they belong to, moved apart where they would overprint.

    It is for axes without tick marks. All places keep their label, in their order.

    Parameters
    ----------
    places : array_like
        In ascending order.
    size : float
        What a label takes along the axis, as a multiple of the size of its font.
    """

    def __init__(self, places: ArrayLike, size: float) -> None:
        self.places = np.asarray(places, np.float64)
        self.size = size

    def __call__(self) -> Sequence[float]:
        """Return the places of the labels on the axis as it is now."""
        return self.tick_values(*sorted(_axis_of(self).get_view_interval()))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return the places of the labels where the axis shows what lies between two values."""
        axis = _axis_of(self)
        box = axis.axes.bbox
        points = (box.width if isinstance(axis, XAxis) else box.height) * 72 / axis.axes.figure.dpi
        font = float(axis.get_major_ticks(1)[0].label1.get_fontsize())
        gap = self.size * font * (vmax - vmin) / max(points, 1)
        return [float(place) for place in spread(self.places, gap, vmin, vmax)]


def spread(places: ArrayLike, gap: float, low: float, high: float) -> Floats:
    """Move ascending places until they are `gap` apart, as little as that takes.

    Parameters
    ----------
    places : array_like
        Where labels belong.
    gap : float
        The least distance; less where not all fit between `low` and `high`.
    low, high : float
        Between these they stay.

    Examples
    --------
    >>> spread([0.0, 5.0, 6.0, 20.0], 3.0, 0.0, 20.0)
    array([ 0.,  4.,  7., 20.])
    """
    wanted = np.asarray(places, np.float64)
    gap = min(gap, (high - low) / max(wanted.size - 1, 1))
    # What is left when the gaps are taken out must ascend.
    steps = gap * np.arange(wanted.size)
    moved = isotonic_regression(wanted - steps).x
    return np.asarray(moved.clip(low, high - gap * (wanted.size - 1)) + steps)


def decade_axis(axes: Axes, label: str) -> None:
    """Write the exponents on the vertical axis as powers of ten."""
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"$10^{{{x:g}}}$"))
    axes.set_ylabel(label)


def _axis_of(locator: Locator) -> Axis:
    assert isinstance(locator.axis, Axis), "a locator is asked after it was given to an axis"
    return locator.axis
