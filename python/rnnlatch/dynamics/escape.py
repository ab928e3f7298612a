"""How long the latch takes to turn its bit, and from which input on: measured, beside the closed forms."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch import validation
from rnnlatch._arrays import check_finite, floats
from rnnlatch._dispatch import core, isa
from rnnlatch._record import canonical_json
from rnnlatch._variables import provenance
from rnnlatch.dynamics import latch
from rnnlatch.dynamics._results import quantity

__all__ = ["measure_escape"]

Floats = NDArray[np.float64]

ESCAPED, AT_REST, UNDECIDED = 1, 0, -1
_CHUNK = 500  # steps that are simulated at once
_NUMBERS = 2**22  # numbers of an array of states
_HALVINGS = 52


def measure_escape(w: ArrayLike, h: ArrayLike, *, relative: bool = False, max_steps: int = 10_000) -> xr.Dataset:
    """Simulate latches under constant inputs: which of them leave the lower attractor, and when.

    Parameters
    ----------
    w : array_like of float, shape (weight,) or ()
        Recurrent weights above 1.
    h : array_like of float, shape (input,) or ()
        Constant inputs, above 0.
    relative : bool
        Whether `h` counts in multiples of h*, which each weight has its own.
    max_steps : int
        Steps after which a unit is given up.

    Returns
    -------
    Dataset
        Over (weight, input): ``outcome``: 1, the unit came to a > 0; 0, it came to rest before; -1, neither within
        `max_steps`. ``steps``, at which it came to a > 0, else -1; beside it ``escape_time``, as
        `rnnlatch.dynamics.escape_time` gives it. Over ``weight``: ``threshold_low`` and ``threshold_high``, the largest
        input that was seen to come to rest and the smallest that was seen to escape, by bisection; beside them
        ``threshold``, h* in closed form. ``attrs["variable"]`` is ``pre_activation``.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as above.

    Notes
    -----
    The unit rises from -a-bar, and since its map rises too, it never rises again once it has not: then it is at rest.
    Near h* both take long: `max_steps` steps leave inputs within about pi^2 / (sqrt(1 - 1/w) max_steps^2) of h* undecided.
    Bengio, Simard and Frasconi 1994, section III.

    Examples
    --------
    >>> found = measure_escape(2.0, [0.9, 1.01, 2.0], relative=True)
    >>> found["steps"].values, found["escape_time"].values
    (array([[-1, 49,  3]]), array([[inf, 49.,  3.]]))
    >>> bool(found["threshold_low"][0] < found["threshold"][0] < found["threshold_high"][0])
    True
    """
    weight = np.atleast_1d(floats("w", w, "numbers above 1, shape (weight,)", np.dtype(np.float64)))
    given = np.atleast_1d(floats("h", h, "numbers above 0, shape (input,)", np.dtype(np.float64)))
    for name, array, least in (("w", weight, 1.0), ("h", given, 0.0)):
        if array.ndim != 1 or not array.size:
            raise ValueError(f"{name} has shape {array.shape}; it must be numbers above {least:g} along one axis")
        check_finite(name, array)
        if not (array > least).all():
            raise validation.fail(name, float(array.min()), f"above {least:g}")
    scaled = validation.flag("relative", relative)
    budget = validation.integer("max_steps", max_steps, at_least=1)
    threshold = np.asarray(latch.escape_threshold(weight))
    drive = given * threshold[:, None] if scaled else np.broadcast_to(given, (weight.size, given.size))
    outcome, steps = _simulated(np.repeat(weight, given.size), drive.ravel(), budget)
    low, high = _bracket(weight, budget)
    both = ("weight", "input")
    shape = (weight.size, given.size)
    words = "constant input h" + (" over h*" if scaled else "")
    flags = {
        "long_name": "how the simulation ended",
        "units": "1",
        "flag_values": np.array([UNDECIDED, AT_REST, ESCAPED]),
        "flag_meanings": "undecided at_rest escaped",
    }
    data = {
        "outcome": xr.Variable(both, outcome.reshape(shape), flags),
        "steps": quantity(both, steps.reshape(shape), "steps until a > 0, simulated", "steps"),
        "escape_time": quantity(both, latch.escape_time(weight[:, None], drive), "steps until a > 0", "steps"),
        "threshold": quantity("weight", threshold, "h*, closed form"),
        "threshold_low": quantity("weight", low, "largest input that came to rest"),
        "threshold_high": quantity("weight", high, "smallest input that escaped"),
    }
    coords = {"weight": quantity("weight", weight, "recurrent weight w"), "input": quantity("input", given, words)}
    attrs = provenance("rnnlatch.dynamics.measure_escape; Bengio, Simard and Frasconi 1994, section III", "none") | {
        "isa": isa,
        "system": "a = w tanh(a) + h",
        "variable": "pre_activation",
        "parameters": canonical_json({"relative": scaled, "max_steps": budget}),
    }
    return xr.Dataset(data, coords, attrs)


def _simulated(weight: Floats, drive: Floats, max_steps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Run each unit until it has escaped or is at rest; give `outcome` and `steps`."""
    outcome = np.full(weight.size, UNDECIDED)
    steps = np.full(weight.size, -1)
    state = -np.asarray(latch.attractor(weight))
    left = np.arange(weight.size)
    done = 0
    while left.size and done < max_steps:
        count = min(_CHUNK, max_steps - done)
        remaining = []
        rows = max(_NUMBERS // (count + 1), 1)
        for first in range(0, left.size, rows):
            some = left[first : first + rows]
            # From x = 0 the first input is the state itself.
            inputs = np.repeat(drive[some, None], count + 1, axis=1)
            inputs[:, 0] = state[some]
            x = core.simulate_latch(weight[some], inputs)
            out, rest = x[:, 1:] > 0, np.diff(x, axis=1) <= 0
            escaped, resting = out.any(axis=1), rest.any(axis=1)
            outcome[some[resting]] = AT_REST
            outcome[some[escaped]] = ESCAPED
            steps[some[escaped]] = done + 1 + out[escaped].argmax(axis=1)
            state[some] = weight[some] * x[:, -2] + drive[some]
            remaining.append(some[~(escaped | resting)])
        left = np.concatenate(remaining)
        done += count
    return outcome, steps


def _bracket(weight: Floats, max_steps: int) -> tuple[Floats, Floats]:
    """Bisect for the largest input that comes to rest, and for the smallest that escapes."""
    found: list[Any] = []
    for wanted in (AT_REST, ESCAPED):
        low, high = np.zeros_like(weight), np.array(weight)  # h* < w
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            outcome, _ = _simulated(weight, middle, max_steps)
            below = outcome == AT_REST if wanted == AT_REST else outcome != ESCAPED
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        found.append(low if wanted == AT_REST else high)
    return found[0], found[1]
