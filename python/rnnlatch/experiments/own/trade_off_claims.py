"""The paper's "not both", put as statements on measured latches."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.stats import spearmanr

from rnnlatch.experiments.claims import Claim
from rnnlatch.experiments.own import OWN

__all__ = ["claims"]

SECTION_IV = "Bengio, Simard & Frasconi (1994), section IV; our measure of it"
FIRM = 0.2  # noise that a firm latch withstands
LITTLE = -4.0  # log10 of the gradient that it leaves at most
NEAR = 1.01  # weights up to which the law near w = 1 is fitted


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the trade-off of single units, of networks, and its law near the weight 1."""
    single, many = _pairs(data, ""), _pairs(data, "network_", data["latched"].values)
    above = many[1] - _frontier(single)(many[0])
    return [
        *_of_single_units(single),
        *_of_networks(data, many),
        Claim(
            statement="Five units can do no better than one: at equal noise withstood, no network leaves ten times the gradient "
            "that the best single unit leaves.",
            source="our control",
            measured={
                "share of networks that do": float((above > 1).mean()),
                "median gain in decades": float(np.median(above)),
            },
            held=bool((above <= 1).all()),
            expected=False,
            reason="More than half of the networks lie above the line of single units: the unit that is read holds the bit "
            "together with others, whose noise averages out, and a state of several numbers can turn slowly along "
            "one direction and be held firmly along the rest. The trade-off is there all the same, some decades up.",
        ),
        _law(data),
    ]


def _of_single_units(single: tuple[NDArray[Any], NDArray[Any]]) -> list[Claim]:
    withstood, left = single
    firm = withstood >= FIRM
    order = float(spearmanr(withstood, left).statistic)
    return [
        Claim(
            statement="Not both: of all trained single units that withstand noise of 0.2, none leaves a ten-thousandth of the "
            "gradient after 20 steps.",
            source=SECTION_IV,
            measured={
                "units that withstand it": int(firm.sum()),
                "largest log10 of the gradient": _largest(left[firm]),
            },
            held=bool((left[firm] < LITTLE).all()) if firm.any() else None,
            expected=True,
            reason="To withstand noise the unit must rest where tanh is flat; the slope there is what each step multiplies the "
            "gradient by.",
        ),
        Claim(
            statement="More noise withstood, less gradient: over the single units the rank correlation is below -0.99.",
            source=SECTION_IV,
            measured={"rank correlation": order, "units": int(withstood.size)},
            held=order < -0.99,
            expected=True,
            reason="One number, w, decides about both.",
        ),
    ]


def _of_networks(data: xr.Dataset, many: tuple[NDArray[Any], NDArray[Any]]) -> list[Claim]:
    withstood, left = many
    firm = withstood >= FIRM
    order = spearmanr(withstood, left)
    latched = data["latched"].values
    by_noise = [
        float(np.median(data["network_tolerance"].values[latched & (data["network_trained_noise"].values == level)]))
        for level in np.unique(data["network_trained_noise"])
    ]
    return [
        Claim(
            statement="Networks of five units, with noise on every unit, obey it too: the rank correlation is below -0.5.",
            source=SECTION_IV,
            measured={"rank correlation": float(order.statistic), "networks": int(withstood.size)},
            held=bool(order.statistic < -0.5),
            expected=True,
            reason="Weaker than for one unit: a network has many ways to hold a bit.",
        ),
        Claim(
            statement="No network that withstands noise of 0.2 leaves the whole gradient of its bit after 20 steps.",
            source=SECTION_IV,
            measured={
                "networks that withstand it": int(firm.sum()),
                "largest log10 of the gradient": _largest(left[firm]),
            },
            held=bool((left[firm] < 0).all()) if firm.any() else None,
            expected=True,
            reason="Some come near: the best of the networks keep a tenth. They withstand noise that is spread over all units; "
            "the theorems are about the worst direction.",
        ),
        Claim(
            statement="Noise in training makes firmer latches: networks trained with noise of 0.4 withstand more, in the median, "
            "than those trained without.",
            source="our control",
            measured={"median tolerance, least noise": by_noise[0], "median tolerance, most noise": by_noise[-1]},
            held=by_noise[-1] > by_noise[0],
            expected=True,
            reason="And leave less gradient: what they learned makes further learning over long lags harder.",
        ),
        Claim(
            statement="All networks that have learned the task latch: without noise their classes come to different sides, and "
            "stay there.",
            source="our control",
            measured={
                "share that latches": float(latched.mean()),
                "share that changes sides for ever": float(data["swings"].mean()),
                "networks": int(latched.size),
            },
            held=bool(latched.all()),
            expected=False,
            reason="Sequences of up to 20 steps can be told apart without any latch: by a state that fades slowly, or by the "
            "phase of one that goes to and fro.",
        ),
    ]


def _law(data: xr.Dataset) -> Claim:
    near = data["curve_weight"].values < NEAR
    threshold, lost = data["curve_threshold"].values[near], -data["curve_log_gradient"].values[near]
    exponent = float(np.polyfit(np.log(threshold), np.log(lost), 1)[0])
    return Claim(
        statement="Near w = 1 the logarithm of the gradient goes with the 2/3 power of h* (exponent within 0.02).",
        source=f"{OWN}: h* = (2/3) (w - 1)^(3/2) and the slope at rest 1 - 2 (w - 1), to leading order",
        measured={"exponent": exponent},
        held=abs(exponent - 2 / 3) < 0.02,
        expected=True,
        reason="A latch with a gradient that lasts exists, but it withstands next to nothing.",
    )


def _pairs(data: xr.Dataset, prefix: str, wanted: Any = True) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give noise withstood and log10 of the gradient left under half of it, where both are known."""
    x, y = data[f"{prefix}tolerance"].values, data[f"{prefix}log_gradient_noise"].values
    there = wanted & (x > 0) & np.isfinite(x) & np.isfinite(y)
    return x[there], y[there]


def _frontier(single: tuple[NDArray[Any], NDArray[Any]]) -> Any:
    """Give the gradient that single units leave, as a function of the noise that they withstand."""
    order = np.argsort(single[0])
    x, y = np.log(single[0][order]), single[1][order]
    return lambda withstood: np.interp(np.log(withstood), x, y)


def _largest(values: NDArray[Any]) -> float | None:
    return float(values.max()) if values.size else None
