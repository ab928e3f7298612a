"""Bounds of networks over boxes of states: F and its Jacobian, in the order of operations of cpp/cells."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rnnlatch.dynamics import intervals
from rnnlatch.dynamics.intervals import Interval

if TYPE_CHECKING:
    from rnnlatch.dynamics.systems import NetworkSystem

__all__ = ["cell_state_bounds", "enclose", "gate"]

Floats = NDArray[np.float64]

_ACTIVATIONS = {
    "tanh": (intervals.tanh, intervals.tanh_slope),
    "logistic": (intervals.logistic, intervals.logistic_slope),
    "relu": (intervals.relu, intervals.relu_slope),
}


def enclose(system: "NetworkSystem", states: Interval) -> tuple[Interval, Interval]:
    """Bound F, shape (boxes, dimension), and its Jacobian, shape (boxes, dimension, dimension), over boxes."""
    if system.cell.kind == "LSTM":
        return _lstm(system, states)
    if system.cell.kind == "GRU":
        return _gru(system, states)
    return _vanilla(system, states)


def _vanilla(system: "NetworkSystem", states: Interval) -> tuple[Interval, Interval]:
    weight = system.params["weight_hh_l0"]
    if system.variable == "pre_activation":
        h, slope = _activate(system, states)
        found = gate(system, h, 0)
        rows = slope * weight if system.cell.diagonal else slope[:, None, :] * weight
    else:
        found, slope = _activate(system, gate(system, states, 0))
        rows = slope * weight if system.cell.diagonal else slope[:, :, None] * weight
    return found, _diagonal(rows) if system.cell.diagonal else rows


def _lstm(system: "NetworkSystem", states: Interval) -> tuple[Interval, Interval]:
    hidden = system.cell.hidden
    h, c = states[:, :hidden], states[:, hidden:]
    sums = [gate(system, h, number) for number in range(4)]
    i, f, o = (intervals.logistic(sums[number]) for number in (0, 1, 3))
    g = intervals.tanh(sums[2])
    new = f * c + i * g
    squashed = intervals.tanh(new)
    by_c = o * intervals.tanh_slope(new)
    new_by = [
        g * intervals.logistic_slope(sums[0]),
        c * intervals.logistic_slope(sums[1]),
        i * intervals.tanh_slope(sums[2]),
    ]
    weights = [_rows(system.params["weight_hh_l0"], number, hidden) for number in range(4)]
    c_rows = [slope[:, :, None] * weight for slope, weight in zip(new_by, weights, strict=False)]
    # h through c as one factor: what is common to the gates is counted once.
    c_by_h = c_rows[0] + c_rows[1] + c_rows[2]
    h_by_h = by_c[:, :, None] * c_by_h + (squashed * intervals.logistic_slope(sums[3]))[:, :, None] * weights[3]
    rows = _blocks([[h_by_h, _diagonal(by_c * f)], [c_by_h, _diagonal(f)]])
    found = Interval(*(np.concatenate(pair, axis=1) for pair in zip(_ends(o * squashed), _ends(new), strict=True)))
    return found, rows


def _gru(system: "NetworkSystem", h: Interval) -> tuple[Interval, Interval]:
    hidden = system.cell.hidden
    a_r, a_z, a_hn = gate(system, h, 0), gate(system, h, 1), gate(system, h, 2, "hh")
    a_in = gate(system, None, 2, "ih")
    r, z, kept = intervals.logistic(a_r), intervals.logistic(a_z), intervals.logistic(-a_z)
    total = r * a_hn + a_in
    n = intervals.tanh(total)
    # z h + (1 - z) n lies between h and n: linear in z, and rising in both.
    ends = [Interval.of(end) for end in _ends(z)]
    mixes = [end * (h - n) + n for end in ends]
    found = mixes[0].hull(mixes[1])
    lowest = [end * h.low + (1.0 - end) * n.low for end in ends]
    highest = [end * h.high + (1.0 - end) * n.high for end in ends]
    slack = 2.0**-50 * (h.magnitude + n.magnitude)
    between = Interval(
        np.minimum(lowest[0].low, lowest[1].low) - slack, np.maximum(highest[0].high, highest[1].high) + slack
    )
    found = found.intersect(between)
    by_n = kept * intervals.tanh_slope(total)
    by_slot = [
        (by_n * a_hn) * intervals.logistic_slope(a_r),
        (h - n) * intervals.logistic_slope(a_z),
        by_n * r,
    ]
    rows = _diagonal(z)
    for number, slope in enumerate(by_slot):
        rows = rows + slope[:, :, None] * _rows(system.params["weight_hh_l0"], number, hidden)
    return found, rows


def cell_state_bounds(system: "NetworkSystem") -> Floats:
    """Bound the cell states that an LSTM can come to, shape (hidden, 2).

    c = f c + i g, where f is at most its value for the largest sum: in the end |c| <= max |i g| / (1 - f).
    """
    hidden = system.cell.hidden
    h = Interval(np.full((1, hidden), -1.0), np.full((1, hidden), 1.0))
    sums = [gate(system, h, number) for number in range(3)]
    added = (intervals.logistic(sums[0]) * intervals.tanh(sums[2])).magnitude
    bound = Interval.of(added) * (intervals.exp(sums[1]) + 1.0)  # 1 / (1 - f) = 1 + exp(a)
    return np.stack([-bound.high[0], bound.high[0]], axis=1)


def gate(system: "NetworkSystem", h: Interval | None, number: int, only: str = "") -> Interval:
    """Bound the pre-activations of a gate: W h + U u + b, or what comes from the state or from the input only."""
    params, hidden = system.params, system.cell.hidden
    terms, one = [], np.ones(1)
    if only != "hh":
        terms.append((_rows(params["weight_ih_l0"], number, hidden), system.input))
    for name in ("bias_ih_l0", "bias_hh_l0"):
        if name in params and only in ("", name[5:7]):
            terms.append((_rows(params[name], number, hidden)[:, None], one))
    if h is None:
        nothing = Interval.of(np.zeros((1, hidden)))
        return intervals.affine(np.zeros(hidden), nothing, terms)
    weight = params["weight_hh_l0"]
    return intervals.affine(weight if system.cell.diagonal else _rows(weight, number, hidden), h, terms)


def _activate(system: "NetworkSystem", a: Interval) -> tuple[Interval, Interval]:
    if system.activation == "linear":
        return a, Interval.of(np.ones(a.shape))
    value, slope = _ACTIVATIONS[system.activation]
    return value(a), slope(a)


def _rows(array: Floats, gate: int, hidden: int) -> Floats:
    return array[gate * hidden : (gate + 1) * hidden]


def _ends(x: Interval) -> tuple[Floats, Floats]:
    return x.low, x.high


def _diagonal(x: Interval) -> Interval:
    def whole(values: Floats) -> Floats:
        found = np.zeros((*values.shape, values.shape[-1]))
        units = np.arange(values.shape[-1])
        found[..., units, units] = values
        return found

    return Interval(whole(x.low), whole(x.high))


def _blocks(parts: list[list[Interval]]) -> Interval:
    return Interval(
        np.block([[part.low for part in row] for row in parts]),
        np.block([[part.high for part in row] for row in parts]),
    )
