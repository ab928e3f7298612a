"""Splitting into parts by shares."""

import math
from collections.abc import Sequence

import numpy as np

from rnnlatch import validation

__all__ = ["end_of", "parts_of"]


def parts_of(shares: object, size: int) -> list[tuple[int, int]]:
    """Give where consecutive parts with these shares begin and end.

    Parameters
    ----------
    shares : sequence of float
        The share of each part, above 0; their sum is 1.
    size : int
        How much there is to be split. A part can come out empty.

    Returns
    -------
    list of (int, int)
        Part k ends at the number that is nearest to the sum of the first k shares times the size.

    Raises
    ------
    TypeError, ValueError
        If the shares are not as above.

    Examples
    --------
    >>> parts_of((0.5, 0.25, 0.25), 10)
    [(0, 5), (5, 8), (8, 10)]
    """
    allowed = "a sequence of at least two numbers above 0 whose sum is 1"
    if isinstance(shares, str) or not isinstance(shares, Sequence | np.ndarray):
        raise TypeError(f"shares is {validation.show(shares)} ({type(shares).__name__}); it must be {allowed}")
    checked = [validation.number("shares", share, above=0, at_most=1) for share in shares]
    if len(checked) < 2 or not math.isclose(sum(checked), 1, abs_tol=1e-9):
        raise validation.fail("shares", shares, allowed)
    ends = [end_of(min(sum(checked[: k + 1]), 1), size) for k in range(len(checked))]
    ends[-1] = size
    return list(zip([0, *ends[:-1]], ends, strict=True))


def end_of(share: float, size: int) -> int:
    """Give where a share of something ends."""
    return math.floor(share * size + 0.5)
