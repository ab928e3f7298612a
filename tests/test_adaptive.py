"""Sweeps whose runs follow from how those before them ended: the rule, its coverage, and its independence of who computes."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binomtest

import rnnlatch as rl
from rnnlatch.outcomes import NOT_RUN
from rnnlatch.store import StoreMismatchError
from rnnlatch.sweep import SweepInterrupted
from sweeps import swept

ADAPTIVE = rl.AdaptiveRuns(half_width=0.08, first=40, most=400)
AXES = {"length": [5, 12], "noise_std": [0.4, 0.8, 1.2]}
"""Where some grid points need many runs, and others few."""


def adapted(**given: Any) -> xr.Dataset:
    return swept(**({"runs": ADAPTIVE, "axes": AXES} | given))


def ended(runs: int, successes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One grid point."""
    return np.array([runs]), np.array([successes])


@given(
    half_width=st.floats(0.005, 0.3),
    confidence=st.floats(0.5, 0.999),
    runs=st.integers(1, 100_000),
    share=st.floats(0.0, 1.0),
)
def test_the_runs_that_are_added_are_enough_if_the_frequency_stays(
    half_width: float, confidence: float, runs: int, share: float
) -> None:
    rule = rl.AdaptiveRuns(half_width=half_width, confidence=confidence, first=1, most=10**9)
    successes = round(runs * share)
    width = rule.half_widths(*ended(runs, successes))[0]
    then = int(rule.next(*ended(runs, successes))[0])
    if width <= half_width:
        assert then == runs
        return
    assert math.ceil(runs * 1.1) <= then <= max(4 * runs, math.ceil(runs * 1.1))
    if math.ceil(runs * 1.1) < then < 4 * runs:
        # The interval of as many runs with the frequency at the centre of the one there is, Wilson's formula written out.
        z2 = float(ndtri(0.5 + confidence / 2)) ** 2
        centre = (successes + z2 / 2) / (runs + z2)
        wide = math.sqrt(z2 * (centre * (1 - centre) * then + z2 / 4)) / (then + z2)
        one_less = math.sqrt(z2 * (centre * (1 - centre) * (then - 1) + z2 / 4)) / (then - 1 + z2)
        assert wide <= half_width * (1 + 1e-9)
        assert one_less >= half_width * (1 - 1e-9)


@pytest.mark.parametrize(("runs", "successes"), [(40, 0), (40, 13), (1000, 999)])
def test_half_widths_are_those_of_scipys_intervals(runs: int, successes: int) -> None:
    interval = binomtest(successes, runs).proportion_ci(0.9, method="wilson")
    width = rl.AdaptiveRuns(confidence=0.9).half_widths(*ended(runs, successes))
    np.testing.assert_allclose(width, (interval.high - interval.low) / 2, rtol=1e-12)


def test_intervals_hold_the_frequency_as_often_as_they_say() -> None:
    """Of 2,000 grid points for each frequency; 0.93 lies four standard deviations below 0.95: false alarms, 4e-4 in all."""
    rule, rng, points = rl.AdaptiveRuns(), np.random.default_rng(1), 2_000
    for frequency in (0.0, 0.01, 0.05, 0.1, 0.3, 0.5, 0.8, 0.95, 1.0):
        outcomes = np.cumsum(rng.random((points, 3_000), np.float32) < frequency, axis=1, dtype=np.int64)
        runs = rule.begin(points)
        while True:
            successes = outcomes[np.arange(points), runs - 1]
            then = rule.next(runs, successes)
            if (then == runs).all():
                break
            runs = then
        assert (rule.half_widths(runs, successes) <= 0.02).all()
        low, high = rl.statistics.wilson_interval(successes, runs)
        assert ((low <= frequency) & (frequency <= high)).mean() >= 0.93


def test_a_budget_goes_to_the_widest_intervals_first_and_is_spent() -> None:
    rule = rl.AdaptiveRuns(half_width=0.01, first=100, budget=700)
    runs, successes = np.array([100, 100, 100, 100]), np.array([50, 0, 90, 50])
    widths = rule.half_widths(runs, successes)
    assert widths[0] == widths[3] > widths[2] > widths[1] > 0.01
    assert rule.next(runs, successes).tolist() == [400, 100, 100, 100]
    larger = rl.AdaptiveRuns(half_width=0.01, first=100, budget=1_050)
    assert larger.next(runs, successes).tolist() == [400, 100, 150, 400]
    assert larger.next(np.array([400, 100, 150, 400]), successes).tolist() == [400, 100, 150, 400]


def test_the_dataset_has_as_many_runs_as_each_grid_point_needs() -> None:
    found = adapted()
    rate = rl.statistics.success_rate(found)
    assert rate.runs.min() == 40
    assert 40 < rate.runs.max() < 400
    assert found.sizes["run"] == rate.runs.max()
    assert ((rate.high - rate.low) / 2 <= 0.08).all()
    uniform = adapted(runs=found.sizes["run"])
    there = found.outcome != NOT_RUN
    xr.testing.assert_equal(found.outcome.where(there), uniform.outcome.where(there))
    xr.testing.assert_equal(found.loss.where(there), uniform.loss.where(there))
    assert found.loss.where(~there).isnull().all()
    assert found.attrs["runs"] != ""


@pytest.mark.isa
@pytest.mark.parametrize("threads", [1, 3])
def test_who_computes_does_not_matter(threads: int, tmp_path: Path) -> None:
    whole = adapted()
    xr.testing.assert_identical(adapted(threads=threads, chunk_runs=7), whole)
    with ThreadPoolExecutor(threads) as executor:
        stored = adapted(executor=executor, chunk_runs=11, store=tmp_path / "sweep.sqlite")
    xr.testing.assert_identical(stored.drop_attrs().load(), whole.drop_attrs())


@pytest.mark.parametrize("stop", [1, 30, 240, 300, 470])
def test_a_sweep_that_was_stopped_in_any_round_ends_the_same(stop: int, tmp_path: Path) -> None:
    path = tmp_path / "sweep.sqlite"

    def progress(done: int, *_: object) -> None:
        if done >= stop:
            raise KeyboardInterrupt

    with pytest.raises(SweepInterrupted) as caught:
        adapted(store=path, chunk_runs=9, progress=progress)
    store = rl.open_store(path)
    assert caught.value.done_runs == store.finished >= stop
    assert caught.value.total_runs == store.total
    assert store.missing > 0
    stored = adapted(store=path)
    assert rl.open_store(path).missing == 0
    xr.testing.assert_identical(stored.drop_attrs().load(), adapted().drop_attrs())


def test_progress_counts_the_runs_of_the_rounds_so_far() -> None:
    calls: list[tuple[int, int]] = []
    found = adapted(progress=lambda done, total, _: calls.append((done, total)))
    assert calls == sorted(calls)
    assert {total for _, total in calls} >= {240}
    assert calls[-1][0] == calls[-1][1] == int((found.outcome != NOT_RUN).sum())


def test_another_precision_is_another_sweep(tmp_path: Path) -> None:
    adapted(store=tmp_path / "sweep.sqlite")
    for other in (40, rl.AdaptiveRuns(half_width=0.05, first=40, most=400)):
        with pytest.raises(StoreMismatchError, match="runs"):
            adapted(runs=other, store=tmp_path / "sweep.sqlite")


def test_the_summary_counts_the_runs_of_each_grid_point(tmp_path: Path) -> None:
    found = adapted(store=tmp_path / "sweep.sqlite")
    summary = rl.open_store(tmp_path / "sweep.sqlite").summary()
    np.testing.assert_array_equal(summary.runs, (found.outcome != NOT_RUN).sum("run"))
    np.testing.assert_array_equal(summary.converged, (found.outcome == rl.Outcome.CONVERGED).sum("run"))


@pytest.mark.parametrize(
    ("given_settings", "message"),
    [
        ({"half_width": 0.5}, "half_width is 0.5; it must be a finite number above 0.0 and below 0.5"),
        ({"half_width": 0.0}, "half_width is 0.0"),
        ({"confidence": 1.0}, "confidence is 1.0"),
        ({"outcome": 9}, "outcome is 9"),
        ({"first": 0}, "first is 0"),
        ({"first": 100, "most": 99}, "most is 99; it must be an integer from 100"),
        ({"budget": 0}, "budget is 0"),
    ],
)
def test_what_is_wrong_is_named(given_settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        rl.AdaptiveRuns(**given_settings)


def test_a_budget_that_is_too_small_is_named_before_work_starts() -> None:
    with pytest.raises(ValueError, match=r"budget is 599; it must be at least 600: first=100 runs of 6 grid points"):
        swept(runs=rl.AdaptiveRuns(budget=599))


def test_parts_of_the_grid_merge_into_the_whole(tmp_path: Path) -> None:
    parts = []
    for number, lengths in enumerate(([5], [12])):
        parts.append(tmp_path / f"{number}.sqlite")
        adapted(axes=AXES | {"length": lengths}, store=parts[-1])
    rl.merge_stores(tmp_path / "whole.sqlite", parts)
    merged = rl.open_store(tmp_path / "whole.sqlite")
    assert merged.missing == 0
    xr.testing.assert_identical(merged.to_xarray().drop_attrs().load(), adapted().drop_attrs())


def test_stores_with_a_budget_merge_only_if_they_have_the_same_axes(tmp_path: Path) -> None:
    limited = rl.AdaptiveRuns(half_width=0.08, first=40, most=400, budget=150)
    for name, lengths in (("a", [5]), ("b", [12]), ("c", [5])):
        adapted(runs=limited, axes=AXES | {"length": lengths}, store=tmp_path / name)
    with pytest.raises(StoreMismatchError, match="are of different sweeps"):
        rl.merge_stores(tmp_path / "whole", [tmp_path / "a", tmp_path / "b"])
    assert rl.merge_stores(tmp_path / "same", [tmp_path / "a", tmp_path / "c"]).compared > 0
