"""Where ticks and labels stand."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from rnnlatch.plotting.ticks import CountLocator, SignedDecadeLocator, spread


def test_labels_are_moved_as_little_as_it_takes() -> None:
    np.testing.assert_allclose(spread([3.0, 10.0, 20.0], 5.0, 0.0, 21.0), [3.0, 10.0, 20.0])
    np.testing.assert_allclose(spread([10.0, 11.0], 3.0, 0.0, 21.0), [9.0, 12.0])
    np.testing.assert_allclose(spread([10.0, 20.0, 20.5], 3.0, 0.0, 21.0), [10.0, 18.0, 21.0])
    np.testing.assert_allclose(spread([0.0], 3.0, 0.0, 1.0), [0.0])


def test_labels_that_do_not_fit_are_spread_evenly() -> None:
    np.testing.assert_allclose(spread([0.1, 0.2, 9.0], 20.0, 0.0, 10.0), [0.0, 5.0, 10.0])


@pytest.mark.parametrize("last", [2, 7, 40, 999, 20_000, 3_000_000])
def test_counts_are_whole(last: int) -> None:
    ax = Figure(figsize=(4, 3)).subplots()
    ax.set_xlim(0, last)
    ax.xaxis.set_major_locator(CountLocator())
    ticks = [tick for tick in ax.get_xticks() if 0 <= tick <= last]
    assert len(ticks) >= 2
    assert ticks == [round(tick) for tick in ticks]


def test_decades_of_both_signs() -> None:
    ax = Figure(figsize=(4, 3)).subplots()
    ax.set_yscale("symlog", linthresh=1e-6)
    ax.set_ylim(-1e-2, 1e2)
    ax.yaxis.set_major_locator(SignedDecadeLocator(1e-6))
    ticks = list(ax.get_yticks())
    assert ticks == sorted(ticks)
    assert 0 in ticks
    assert any(tick < 0 for tick in ticks)
    assert all(1e-6 < abs(tick) <= 1e2 for tick in ticks if tick)
    assert {-tick for tick in ticks if tick < 0} <= set(ticks)
