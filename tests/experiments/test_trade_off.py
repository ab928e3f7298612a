from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from rnnlatch import dynamics
from rnnlatch.experiments.own import trade_off, trade_off_claims


@cache
def measured() -> xr.Dataset:
    """A dataset as `analyse` gives it, of units and networks that obey the trade-off, all but a few of the networks."""
    w = np.linspace(1.1, 2.4, 40)
    curve = 1 + np.geomspace(1e-3, 1.5, 50)
    slope = dynamics.latch_slope(w, dynamics.attractor(w))
    tolerance = 0.6 * (w - 1)
    firm = np.linspace(0.05, 0.5, 30)
    return xr.Dataset(
        {
            "weight": ("latch", w),
            "tolerance": ("latch", tolerance),
            "log_gradient_noise": ("latch", 20 * np.log10(slope)),
            "network_tolerance": ("network", firm),
            "network_log_gradient_noise": ("network", -15 * firm),
            "network_trained_noise": ("network", np.repeat([0.0, 0.4], 15)),
            "latched": ("network", np.arange(30) != 7),
            "swings": ("network", np.arange(30) == 7),
            "curve_weight": ("curve", curve),
            "curve_threshold": ("curve", dynamics.escape_threshold(curve)),
            "curve_log_gradient": (
                "curve",
                20 * np.log10(dynamics.latch_slope(curve, dynamics.attractor(curve))),
            ),
        }
    )


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("Not both", {"log_gradient_noise": lambda x: x / 10}),
        ("More noise withstood, less gradient", {"tolerance": lambda x: x[::-1]}),
        ("with noise on every unit", {"network_tolerance": lambda x: x[::-1]}),
        ("No network that withstands", {"network_log_gradient_noise": lambda x: x + 10}),
        ("Noise in training", {"network_trained_noise": lambda x: x[::-1]}),
        ("All networks that have learned", {"latched": lambda x: x | True}),
        ("Five units can do no better", {"network_log_gradient_noise": lambda x: x - 30}),
        ("2/3 power", {"curve_log_gradient": lambda x: -(x**2)}),
    ],
)
def test_claims_can_turn(words: str, changes: dict[str, Callable[[xr.DataArray], Any]]) -> None:
    data = measured()
    other = data.copy(deep=True)
    for name, change in changes.items():
        other[name] = (data[name].dims, np.asarray(change(data[name])))

    def held(of: xr.Dataset) -> bool | None:
        (claim,) = (claim for claim in trade_off_claims.claims(of) if words in claim.statement)
        return claim.held

    assert held(data) is not None
    assert held(other) is (not held(data))


def test_what_is_withstood_against_a_loop() -> None:
    weight = np.array([1.4, 2.0, 0.9])
    noise = np.random.default_rng(0).standard_normal((100, trade_off.HOLD))
    tolerance, at_rest, noisy = trade_off._latches(weight, noise)
    assert tolerance[2] == 0
    assert np.isnan(noisy[2])
    for i in range(2):
        w = weight[i]
        rest = brentq(lambda a, w=w: w * np.tanh(a) - a, 0.1, w, xtol=1e-14)

        def run(level: float, w: float = w, rest: float = rest) -> tuple[Any, Any]:
            x, log = np.full(100, np.tanh(rest)), np.zeros((100, trade_off.HOLD))
            kept = np.ones(100, bool)
            for t in range(trade_off.HOLD):
                x = np.tanh(w * x + level * noise[:, t])
                kept &= x > 0
                log[:, t] = np.log10(w * (1 - x**2))
            return kept, log

        # The tolerance lies between the last level of the grid that at most 5 % lose and the first that more lose.
        level = np.searchsorted(trade_off.LEVELS, tolerance[i])
        assert (
            1 - run(trade_off.LEVELS[level - 1])[0].mean()
            <= trade_off.LOST
            < 1 - run(trade_off.LEVELS[level])[0].mean()
        )
        kept, log = run(tolerance[i] / 2)
        np.testing.assert_allclose(noisy[i], np.median(log[kept, -trade_off.LAG :].sum(1)), rtol=1e-9)
        np.testing.assert_allclose(at_rest[i], trade_off.LAG * np.log10(w * (1 - np.tanh(rest) ** 2)), rtol=1e-12)


def test_networks_with_one_working_unit_are_single_units() -> None:
    # Four units are silent, and the fifth is a latch that the keys set: what it withstands is what a latch withstands.
    w = 1.6
    last = trade_off.UNITS - 1
    recurrent, given = np.zeros((1, trade_off.UNITS, trade_off.UNITS)), np.zeros((1, trade_off.UNITS, 1))
    recurrent[0, last, last], given[0, last, 0] = w, 2.0
    noise = np.random.default_rng(1).standard_normal((200, trade_off.HOLD, trade_off.UNITS))
    found = trade_off._networks({"weight_ih_l0": given, "weight_hh_l0": recurrent}, noise, 1)
    alone = trade_off._latches(np.array([w]), noise[:, :, last] * np.where(np.arange(200) % 2, 1.0, -1.0)[:, None])
    assert found[3].all()
    np.testing.assert_allclose(found[0], alone[0], rtol=1e-12)
    np.testing.assert_allclose(found[1], alone[1], rtol=1e-9)
    np.testing.assert_allclose(found[2], alone[2], rtol=1e-6)
    assert not found[4].any()


@pytest.mark.parametrize(("w", "swings"), [(-1.6, True), (0.9, False)])
def test_what_swings_or_fades_is_no_latch(w: float, swings: bool) -> None:
    last = trade_off.UNITS - 1
    recurrent, given = np.zeros((1, trade_off.UNITS, trade_off.UNITS)), np.zeros((1, trade_off.UNITS, 1))
    recurrent[0, last, last], given[0, last, 0] = w, 2.0
    noise = np.random.default_rng(1).standard_normal((10, trade_off.HOLD, trade_off.UNITS))
    tolerance, _, noisy, latched, swinging = trade_off._networks(
        {"weight_ih_l0": given, "weight_hh_l0": recurrent}, noise, 1
    )
    assert (tolerance.item(), latched.item(), swinging.item()) == (0, False, swings)
    assert np.isnan(noisy).all()


def test_levels_below_and_beyond() -> None:
    lost = np.zeros((2, trade_off.LEVELS.size))
    lost[0] = 1
    np.testing.assert_array_equal(trade_off._crossing(lost), [0, np.inf])
