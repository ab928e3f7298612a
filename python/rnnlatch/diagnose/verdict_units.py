"""What is said of the units: saturation, gates, silence."""

from collections.abc import Iterator

import numpy as np
import xarray as xr

from rnnlatch.diagnose.diagnosis import Evidence, Finding, Severity
from rnnlatch.diagnose.driven import Driven
from rnnlatch.diagnose.units import FLAT, SHUT
from rnnlatch.diagnose.wording import count, number, percent, steps

__all__ = ["about_units"]

SATURATED, MOSTLY_SATURATED = 0.25, 0.75  # shares of all values
ALWAYS = 0.9  # of the steps
BRIEF = 3.0  # steps: a median time constant below is short
LASTING = 100.0  # steps: a time constant above is long
STUCK = 0.5  # share of a gate's values that are shut, or open


def about_units(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    """Give what follows from what the units do along the sequences."""
    if "saturated" in data:
        for curve in data["curve"].values.tolist():
            yield from _saturated(driven, data, curve)
    if "silent" in data:
        yield from _dead(driven, data)
    if "time_constant" in data:
        yield from _time_constants(driven, data)
        yield from _stuck_gates(driven, data)


def _saturated(driven: Driven, data: xr.Dataset, curve: str) -> Iterator[Finding]:
    shares = data["saturated"].sel(curve=curve).values
    share, often = float(shares.mean()), int((shares > ALWAYS).sum())
    if share <= SATURATED:
        return
    severity: Severity = "problem" if share > MOSTLY_SATURATED and driven.own_data else "caution"
    what = {
        "g": "the candidates g of the cells are",
        "n": "the candidates n of the units are",
        "tanh(c)": "the outputs tanh(c) of the cells are",
    }.get(curve, "the values of the units are")
    advice = "Scale the inputs down or standardise them; smaller input weights and biases."
    if curve == "tanh(c)":
        advice = "Cells that add up without letting go end here: weight decay, or shorter sequences from a fresh state."
    if not driven.own_data:
        advice = f"First give real sequences (--inputs): noise may be larger than they are. Then: {advice[0].lower()}{advice[1:]}"
    yield Finding(
        "saturated" if curve not in ("g", "n", "tanh(c)") else f"saturated-{'c' if curve == 'tanh(c)' else curve}",
        severity,
        f"{percent(share)} of {what} saturated: the slope there is below {percent(FLAT)} of the largest, and little gradient "
        f"passes. {often} of {count(driven.cell.hidden, 'unit')} {'is' if often == 1 else 'are'} so at more than "
        f"{percent(ALWAYS)} of the steps.",
        (
            Evidence("share of saturated values", share, "1", f"saturated[curve={curve}]"),
            Evidence("units that are nearly always saturated", often, "1", f"saturated[curve={curve}]"),
        ),
        advice,
    )


def _dead(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    dead = int((data["silent"].values == 1).sum())
    if not dead:
        return
    of = driven.cell.hidden
    yield Finding(
        "dead-units",
        "problem" if dead >= of / 2 else "caution",
        f"{dead} of {count(of, 'relu unit')} {'gives' if dead == 1 else 'give'} 0 at every step of every sequence: "
        f"{'its' if dead == 1 else 'their'} weights get no gradient here.",
        (Evidence("units that are silent throughout", dead, "1", "silent"),),
        "A smaller learning rate, biases that start at a small positive number, or tanh units.",
    )


def _time_constants(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    constants = data["time_constant"].values
    middle, longest, lasting = float(np.median(constants)), float(constants.max()), int((constants > LASTING).sum())
    lstm = driven.cell.kind == "LSTM"
    units, gates = ("cells", "forget gates") if lstm else ("units", "update gates")
    evidence = (
        Evidence("time constant, median over the units", middle, "steps", "time_constant"),
        Evidence("time constant, longest", longest, "steps", "time_constant"),
    )
    if middle < BRIEF:
        yield Finding(
            "gates-let-go",
            "caution",
            f"The {gates} let go: half of the {units} keep less than 37 % of their state over {steps(middle)}.",
            evidence,
            "Raise the biases of the forget gates before training: rl.cells.LSTM(forget_bias=1), or about the logarithm of "
            "the longest lag; a bias of 0 keeps one half at each step."
            if lstm
            else "Raise the biases of the update gates z before training; a bias of 0 keeps one half at each step.",
        )
    if lasting:
        yield Finding(
            "gates-hold",
            "note",
            f"{lasting} of {driven.cell.hidden} {units} {'holds' if lasting == 1 else 'hold'} on to "
            f"{'its' if lasting == 1 else 'their'} state for more than {steps(LASTING)} by "
            f"{'itself' if lasting == 1 else 'themselves'}; the longest time constant is {steps(longest)}.",
            evidence,
        )


def _stuck_gates(driven: Driven, data: xr.Dataset) -> Iterator[Finding]:
    if driven.cell.kind == "LSTM":
        cases = [
            ("i", "gate_shut", "input-gates-shut", "input gates are shut", "what comes in hardly reaches the cells"),
            (
                "o",
                "gate_shut",
                "output-gates-shut",
                "output gates are shut",
                "what the cells hold is hardly seen outside",
            ),
        ]
    else:
        cases = [
            ("z", "gate_open", "update-gates-hold", "update gates hold on", "the units hardly take in anything new")
        ]
    for gate, variable, name, words, effect in cases:
        share = float(data[variable].sel(gate=gate).mean())
        if share <= STUCK:
            continue
        side = f"below {number(SHUT)}" if variable == "gate_shut" else f"above {number(1 - SHUT)}"
        yield Finding(
            name,
            "caution",
            f"The {words} ({side}) in {percent(share)} of all units and steps: {effect}.",
            (Evidence("share of the gate's values", share, "1", f"{variable}[gate={gate}]"),),
            "Biases of these gates nearer to 0, or inputs of another scale.",
        )
