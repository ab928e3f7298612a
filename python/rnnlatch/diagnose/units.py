"""What the units do along the sequences: saturation, gates, silence, growth."""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from rnnlatch.diagnose.driven import Driven, logistic
from rnnlatch.dynamics._results import counted, quantity
from rnnlatch.gradients._analysis import Floats

__all__ = ["FLAT", "SHUT", "unit_activity"]

FLAT = 0.05  # a unit is saturated where its slope is below this share of the largest
SHUT = 0.05  # a gate is shut below this, and wide open above 1 minus this
_BINS = 20

_KEEPING = {"LSTM": "f", "GRU": "z"}  # the gate that says how much of its own state a unit keeps


def unit_activity(driven: Driven) -> dict[str, xr.Variable]:
    """Count where units are saturated, shut, open or silent.

    Returns
    -------
    dict of Variable
        ``largest_state`` over (sequence, step). Over (curve, unit): ``saturated``, the share of steps at which a unit's slope
        is below 5 % of the largest; curves are the activation, for an LSTM the candidate g and the output's tanh(c), for a
        GRU the candidate n. Of a relu network ``silent`` over ``unit``, the share of steps at which its pre-activation is
        not above 0. Of gated cells over (gate, unit): ``gate_mean``, ``gate_shut`` and ``gate_open``, shares of steps at
        which it is below 0.05 and above 0.95; over (gate, bin) ``gate_histogram``; over ``unit`` ``time_constant``, after how
        many steps a unit's own memory has fallen to 1/e, from the mean logarithm of what its gate keeps.
    """
    cell, a = driven.cell, driven.pre_activations
    state = driven.partials.state[0]
    found = {
        "largest_state": quantity(
            ("sequence", "step"), np.abs(state[:, 1:]).max(axis=(2, 3)), "largest number of the state"
        ),
        "step": quantity("step", np.arange(1, driven.time + 1), "step", "steps"),
        **counted("unit", cell.hidden, "hidden unit"),
        **counted("sequence", driven.batch, "sequence"),
    }
    curves: dict[str, Floats] = {}
    if cell.kind == "VanillaRNN":
        activation = str(getattr(cell, "activation", "tanh"))
        if activation in ("tanh", "logistic"):
            curves[activation] = _share(_slope(activation, a[""]) < FLAT)
        if activation == "relu":
            found["silent"] = quantity("unit", _share(a[""] <= 0), "share of steps at which the unit gives 0")
    elif cell.kind == "LSTM":
        curves = {"g": _share(_slope("tanh", a["g"]) < FLAT), "tanh(c)": _share(_slope("tanh", state[:, 1:, 1]) < FLAT)}
    else:
        curves = {"n": _share(_slope("tanh", a["n"]) < FLAT)}
    if curves:
        words = f"share of steps at which the slope is below {FLAT:g} of the largest"
        found["saturated"] = quantity(("curve", "unit"), np.array(list(curves.values())), words)
        found["curve"] = quantity("curve", list(curves), "where a unit can saturate")
    return found | (_gates(driven) if cell.kind in _KEEPING else {})


def _gates(driven: Driven) -> dict[str, xr.Variable]:
    cell, a = driven.cell, driven.pre_activations
    names = [gate for gate in cell.gates if gate not in ("g", "n")]
    value = {name: logistic(a[name]) for name in names}
    edges = np.linspace(0, 1, _BINS + 1)
    histogram = np.array([np.histogram(value[name], edges)[0] / value[name].size for name in names])
    # log f = -log(1 + exp(-a)): right for a gate that is as good as open, or as shut, too.
    kept = -np.logaddexp(0.0, -a[_KEEPING[cell.kind]]).mean(axis=(0, 1))
    with np.errstate(divide="ignore"):
        constant = -1.0 / kept
    both = ("gate", "unit")
    return {
        "gate": quantity("gate", names, "gate"),
        "gate_mean": quantity(both, np.array([value[n].mean(axis=(0, 1)) for n in names]), "mean value of the gate"),
        "gate_shut": quantity(
            both,
            np.array([_share(value[n] < SHUT) for n in names]),
            f"share of steps at which the gate is below {SHUT:g}",
        ),
        "gate_open": quantity(
            both,
            np.array([_share(value[n] > 1 - SHUT) for n in names]),
            f"share of steps at which the gate is above {1 - SHUT:g}",
        ),
        "bin": quantity("bin", (edges[:-1] + edges[1:]) / 2, "middle of the interval of gate values"),
        "gate_histogram": quantity(("gate", "bin"), histogram, "share of the gate's values in the interval"),
        "time_constant": quantity("unit", constant, "time constant of what the unit keeps of its own state", "steps"),
    }


def _slope(activation: str, a: Floats) -> Floats:
    """The slope at a, as a share of the largest."""
    if activation == "tanh":
        return np.asarray(1 - np.tanh(a) ** 2)
    value = logistic(a)
    return np.asarray(4 * value * (1 - value))


def _share(flags: NDArray[np.bool_]) -> Floats:
    """The share of sequences and steps, for each unit."""
    return np.asarray(flags.mean(axis=(0, 1)))
