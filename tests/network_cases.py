"""Networks for tests: of every cell, with sequences and targets, and what the reference computes of them."""

from __future__ import annotations

from typing import Any

import numpy as np

import rnnlatch as rl
from reference import networks
from rnnlatch.cells import NetworkCell, Orthogonal

LOSSES = ("half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy")

Drawn = dict[str, Any]

KINDS: dict[str, tuple[type[NetworkCell], dict[str, Any]]] = {
    **{name: (rl.cells.VanillaRNN, {"activation": name}) for name in ("tanh", "logistic", "relu", "linear", "sign")},
    "diagonal": (rl.cells.DiagonalRNN, {}),
    "LSTM": (rl.cells.LSTM, {}),
    "GRU": (rl.cells.GRU, {}),
    "same_step": (rl.cells.VanillaRNN, {"same_step": "lower"}),
}


def make_cell(name: str, *, inputs: int = 3, hidden: int = 5, **settings: Any) -> NetworkCell:
    """A cell whose recurrent weights are orthogonal, so that rounding errors grow little."""
    kind, own = KINDS[name]
    if own.get("same_step") == "lower":
        own = {"same_step": np.eye(hidden, k=-1, dtype=int)}
    return kind(inputs=inputs, hidden=hidden, init_hh=Orthogonal(), **(own | settings))


def draw(
    cell: NetworkCell,
    *,
    loss: str = "half_squared_error",
    at: str = "last",
    batch: int = 4,
    time: int = 9,
    runs: int | None = None,
    dtype: Any = np.float64,
    seed: int = 0,
) -> Drawn:
    """Arguments of `loss_and_gradient`; many networks have inputs and targets of their own."""
    rng = np.random.default_rng(seed)
    lead = () if runs is None else (runs,)
    terms = (*lead, batch, time) if at == "every" else (*lead, batch)
    if loss == "softmax_cross_entropy":
        targets: Any = rng.integers(cell.read_size, size=terms)
    elif loss == "logistic_cross_entropy":
        targets = rng.uniform(size=(*terms, cell.read_size)).astype(dtype)
    else:
        targets = rng.normal(size=(*terms, cell.read_size)).astype(dtype)
    return {
        "params": cell.initial_parameters(seed, runs=runs, dtype=dtype),
        "inputs": rng.normal(size=(*lead, batch, time, cell.inputs)).astype(dtype),
        "targets": targets,
        "loss": loss,
        "at": at,
    }


def reference(cell: NetworkCell, given: Drawn) -> networks.Trace:
    """What the reference computes for one network, in double precision."""
    rest = dict(given)
    structure = cell.structure(rest.pop("loss"), rest.pop("at"))
    params = {name: np.asarray(value, np.float64) for name, value in rest.pop("params").items()}
    for name, mask in cell.masks.items():
        params[name] = params[name] * mask
    inputs, targets = np.asarray(rest.pop("inputs"), np.float64), rest.pop("targets")
    initial, truncate = rest.pop("initial_state", None), rest.pop("truncate", None)
    rest.pop("initial_gradient", None)
    same_step = getattr(cell, "same_step", None)
    return networks.gradient(
        structure,
        params,
        inputs,
        targets,
        initial=initial,
        truncate=truncate or 0,
        same_step=None if same_step is None else np.array(same_step),
        **rest,
    )


def one_of(given: Drawn, run: int) -> Drawn:
    """The arguments of one of many networks."""
    return given | {
        "params": {name: value[run] for name, value in given["params"].items()},
        "inputs": given["inputs"][run],
        "targets": given["targets"][run],
    }


def tolerance(cell: NetworkCell, time: int, dtype: Any = np.float64) -> float:
    """How far two ways to sum may differ, relative to the largest number of an array.

    A step adds hidden + inputs products and passes some ten elementary operations, each with an error of an ulp or a few;
    with recurrent weights of norm 1 and slopes of at most 1 the errors of all steps there and back add up.
    """
    return float(np.finfo(dtype).eps) * time * (cell.hidden + cell.inputs + 10)


def assert_close(got: Any, expected: Any, limit: float, what: str = "", terms: float = 0) -> None:
    """Compare arrays to within a part of the largest number, or of `terms`: those of sums that may cancel."""
    expected = np.asarray(expected)
    scale = max(float(np.abs(expected).max(initial=0)), terms)
    np.testing.assert_allclose(got, expected, rtol=0, atol=limit * scale, err_msg=what)
