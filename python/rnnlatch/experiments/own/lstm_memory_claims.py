"""What is said of gates, put to the test: that they keep the gradient, and that they do not keep it from exploding."""

import numpy as np
import xarray as xr

from rnnlatch.experiments.claims import Claim

__all__ = ["claims"]

ALIVE, VANISHED = -2.0, -6.0  # log10 of a lag's share
CLIFF, TOWERING = 3.0, 3.0  # log10 of the gradient on a cliff, and over that of short sequences
LECTURE = "lectures on recurrent networks: the LSTM deals with the vanishing gradient, not with the exploding one"


def claims(data: xr.Dataset) -> list[Claim]:
    """Test the claims on the dataset that `lstm_memory.analyse` made."""
    return [
        _vanishes(data),
        _alive(
            data,
            "vanilla, orthogonal",
            "Orthogonal recurrent weights are enough to keep it: at a lag of 99 a hundredth of the largest contribution is left "
            "(in the median network).",
            "common practice",
            expected=False,
            reason="An orthogonal matrix loses nothing by itself; tanh does, as soon as the inputs drive its units away from 0.",
        ),
        _alive(
            data,
            "LSTM, open forget gates",
            "An LSTM whose forget gates are open keeps the gradient: what the weights did 99 steps ago adds at least a hundredth "
            "of the largest contribution (in the median network).",
            LECTURE,
            expected=True,
            reason="A bias of 5 multiplies the cell state by 0.993 a step, which by itself leaves half of it after 100. The way "
            "through the outputs and the recurrent weights of the candidates adds to that: beyond the first few lags the share "
            "rises with the lag.",
        ),
        _alive(
            data,
            "GRU, open update gates",
            "A GRU whose update gates are held open keeps it as well.",
            "our control: the lectures speak of the LSTM alone",
            expected=True,
            reason="The same arithmetic: h is multiplied by z = 0.993.",
        ),
        _alive(
            data,
            "LSTM",
            "It is enough to be an LSTM: with PyTorch's initial weights, too, a hundredth is left at a lag of 99.",
            "a common reading of the above",
            expected=False,
            reason="With biases near 0 the forget gates are half open, and half of the cell state is forgotten at each step: the "
            "gradient vanishes nearly as fast as a vanilla network's.",
        ),
        _alive(
            data,
            "GRU",
            "Or to be a GRU: the same with PyTorch's initial weights and half-open update gates.",
            "a common reading of the above",
            expected=False,
            reason="As above: with z near a half, half of the state is replaced at each step.",
        ),
        _alive(
            data,
            "LSTM, forget bias 1",
            "A forget bias of 1, the usual recipe, is enough for 100 steps.",
            "common practice",
            expected=False,
            reason="logistic(1) = 0.73, and 0.73^99 is 3e-14. The way through the outputs and the recurrent weights adds to it, "
            "and not enough.",
        ),
        _explodes(data),
        _growth(data),
        _whatever_gate(data),
    ]


def _at_the_end(data: xr.Dataset, network: str) -> tuple[float, list[float]]:
    low, median, high = (float(data["log_share"].sel(network=network).isel(lag=-1, quantile=k)) for k in range(3))
    return median, [low, high]


def _vanishes(data: xr.Dataset) -> Claim:
    median, span = _at_the_end(data, "vanilla")
    return Claim(
        statement="The gradient of a vanilla network vanishes: at a lag of 99 less than a millionth of the largest contribution "
        "is left, with PyTorch's initial weights.",
        source=LECTURE,
        measured={
            "median of log10": median,
            "5 to 95 % of the networks": span,
            "networks": int(data.attrs["networks"]),
        },
        held=span[1] < VANISHED,
        expected=True,
        reason="These weights have a spectral radius of about 0.58.",
    )


def _alive(data: xr.Dataset, network: str, statement: str, source: str, *, expected: bool, reason: str) -> Claim:
    median, span = _at_the_end(data, network)
    halfway = float(data["log_share"].sel(network=network, lag=data.sizes["lag"] // 2, quantile=0.5))
    return Claim(
        statement=statement,
        source=source,
        measured={
            "median of log10": median,
            "5 to 95 % of the networks": span,
            "median at a lag of 50": halfway,
            "networks": int(data.attrs["networks"]),
        },
        held=median >= ALIVE,
        expected=expected,
        reason=reason,
    )


def _explodes(data: xr.Dataset) -> Claim:
    by_length = data["slice_gradient"].max("fine_bias")
    cliff, short = float(by_length.sel(length=50)), float(by_length.sel(length=10))
    typical = float(data["surface_gradient"].median())
    return Claim(
        statement="The LSTM still explodes: on the error surface of a single unit with an open forget gate there is a cliff (T = "
        "50), where the gradient is above 1000, more than 1000 times the largest at T = 10, and more than 10,000 times that of "
        "a typical point.",
        source=LECTURE,
        measured={
            "log10 of the gradient on the cliff, w = 1": cliff,
            "log10 of the largest at T = 10": short,
            "log10 of the median gradient on the surface": typical,
        },
        # The typical gradient has vanished: a ratio to it alone would be large where nothing explodes.
        held=cliff > CLIFF and cliff - short > TOWERING and cliff - typical > 4,
        expected=True,
        reason="A weight from its output to itself makes the unit a latch, and the cliff is the boundary of its two basins.",
    )


def _growth(data: xr.Dataset) -> Claim:
    factor = data["growth_factor"]
    theory = 1 / (1 + np.exp(-data["unit_forget_bias"])) + data["unit_weight"] / 4
    off = abs(factor / theory - 1)
    return Claim(
        statement="On the cliff the gradient grows exponentially with T, by f + w/4 a step for a forget gate f and a weight w "
        "from output to candidate.",
        source="derived",
        measured={
            "factor per step": [float(factor.min()), float(factor.max())],
            "f + w/4": [float(theory.min()), float(theory.max())],
            "largest relative difference": float(off.max()),
            "pairs of f and w": factor.size,
        },
        held=bool((off < 1e-3).all() and (theory > 1).all()),
        expected=True,
        reason="At rest the other two gates are half open: c_t = f c_{t-1} + tanh(w h) / 2 with h = tanh(c) / 2.",
    )


def _whatever_gate(data: xr.Dataset) -> Claim:
    line = data["cliff"].sel(forget_bias=0.0)
    closed = 10 ** (float(line.sel(length=100) - line.sel(length=50)) / 50)
    gradient = float(line.sel(length=100))
    return Claim(
        statement="The forget gate has no part in that: with the same weight and a half-open gate (bias 0) the gradient grows "
        "with T, too.",
        source="our control",
        measured={"factor per step, T = 50 to 100": closed, "log10 of the gradient at T = 100": gradient},
        held=closed > 1.001,
        expected=False,
        reason="f + w/4 is 0.75 then. What an open gate saves from vanishing it brings closer to exploding: the two are one "
        "number, on either side of 1.",
    )
