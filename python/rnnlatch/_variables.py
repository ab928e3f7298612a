"""The variables of a dataset of runs: names, dimensions, types, and their names in words."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from rnnlatch._config import __version__
from rnnlatch._numerics import NUMERICS_VERSION
from rnnlatch.cells import LatchNeuron, Parameter
from rnnlatch.outcomes import NOT_RUN, Outcome
from rnnlatch.run import Run

__all__ = [
    "COORDINATES",
    "PARAMETER_COORDINATES",
    "RESERVED",
    "Variable",
    "curves",
    "dataset",
    "described_by",
    "provenance",
    "quantity",
    "variables",
]


@dataclass(frozen=True)
class Variable:
    """One result of each run: `dims` and `shape` are those of a single run, `fill` stands for a run not done yet."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    fill: float
    attrs: dict[str, Any] = field(compare=False)

    def encode(self, values: NDArray[Any]) -> bytes:
        """Give the values of some runs as little-endian bytes."""
        return np.ascontiguousarray(values, dtype=self.dtype).tobytes()

    def decode(self, data: bytes, count: int) -> NDArray[Any]:
        """Give the values of so many runs that `encode` wrote."""
        return np.frombuffer(data, dtype=self.dtype).reshape(count, *self.shape)

    def empty(self, *leading: int) -> NDArray[Any]:
        """Give an array of runs that are not done yet."""
        return np.full((*leading, *self.shape), self.fill, self.dtype)


COORDINATES: dict[str, dict[str, Any]] = {
    "run": {"long_name": "trial: the number of the run among those with equal settings", "units": "1"},
    "class": {"long_name": "class of the sequence", "units": "1"},
    "step": {"long_name": "time step of the sequence, from 0", "units": "steps"},
    "presentation": {"long_name": "presentations seen", "units": "presentations"},
    "outcome_name": {"long_name": "outcome"},
}

PARAMETER_COORDINATES: dict[str, dict[str, Any]] = {
    "row": {"long_name": "row of a parameter: a unit, of gated cells a unit of a gate", "units": "1"},
    "hidden": {"long_name": "hidden unit", "units": "1"},
    "input": {"long_name": "number of the input", "units": "1"},
    "output": {"long_name": "number of the output", "units": "1"},
}
"""The dimensions of the parameters of networks, which only their datasets have."""

RESERVED = frozenset(COORDINATES) | {
    "outcome",
    "presentations",
    "presentations_computed",
    "loss",
    "error",
    "test_loss",
    "test_error",
    "validation_loss",
    "validation_presentations",
    "weight",
    "input",
    "runs",
}
"""Names that an axis cannot have, because datasets use them."""


def variables(run: Run, computed: bool | None = None) -> dict[str, Variable]:
    """Describe what the engine gives for each run.

    Parameters
    ----------
    run : Run
        The run.
    computed : bool, optional
        Whether ``presentations_computed`` is one of them. None: where it can differ from ``presentations``.
    """
    latch, tested = run.engine == "latch", run.criterion is not None and run.criterion.measure == "test_error"
    wrong = "fraction of sequences with the wrong sign" if latch else "fraction of wrong sequences"
    where = "at the point that is reported" if run.algorithm.searches else "in the last complete window"
    where = "in the last test" if tested else where
    described = {
        "outcome": Variable((), (), "u1", NOT_RUN, _outcome_attrs()),
        "presentations": Variable(
            (), (), "<i8", 0, {"long_name": "presentations until the run stopped", "units": "presentations"}
        ),
    }
    if not latch if computed is None else computed:
        words = {
            "long_name": "presentations that were computed, without those that were saved",
            "units": "presentations",
        }
        described["presentations_computed"] = Variable((), (), "<i8", 0, words)
    named = {"loss": f"mean cost {where}", "error": f"{wrong} {where}"}
    if run.test_presentations:
        named |= {"test_loss": "mean cost of fresh test sequences", "test_error": "fraction of wrong test sequences"}
    if run.early_stopping is not None:
        named["validation_loss"] = "lowest mean cost of the validation set"
        words = {"long_name": "presentations after which the validation set cost least", "units": "presentations"}
        described["validation_presentations"] = Variable((), (), "<i8", 0, words)
    for name, long_name in named.items():
        described[name] = Variable((), (), "<f8", np.nan, {"long_name": long_name, "units": "1"})
    for name, part in _parameters(run).items():
        described[name] = Variable(part.dims, part.shape, "<f8", np.nan, {"long_name": part.long_name, "units": "1"})
    return described


def described_by(run: Run) -> Hashable:
    """Give what `variables` of a run follow from: where it is equal, they are."""
    measure = None if run.criterion is None else run.criterion.measure
    tests = run.test_presentations > 0, run.early_stopping is not None
    return run.cell, run.prefix, run.engine == "latch", run.algorithm.searches, measure, *tests


def _parameters(run: Run) -> dict[str, Parameter]:
    """The parameters at the end of a run."""
    if isinstance(run.cell, LatchNeuron):
        return run.cell.parameters(run.prefix)
    found = run.cell.parameters().items()
    return {name: part._replace(long_name=f"{part.long_name} at the end of the run") for name, part in found}


def curves(run: Run) -> dict[str, Variable]:
    """Describe what the engine gives besides, for each run and each recorded presentation."""
    if run.engine == "matrices":
        return _minibatch_curves(run)
    described = {
        "record_loss": Variable((), (), "<f8", np.nan, {"long_name": "mean cost of the batch", "units": "1"}),
        "record_gradient_norm": Variable(
            (), (), "<f8", np.nan, {"long_name": "Euclidean norm of the batch's gradient, unclipped", "units": "1"}
        ),
    }
    for name, part in _parameters(run).items():
        attrs = {"long_name": f"{name} at which the batch was measured", "units": "1"}
        described[f"record_{name}"] = Variable(part.dims, part.shape, "<f8", np.nan, attrs)
    return {
        name: Variable(("presentation", *part.dims), part.shape, part.dtype, part.fill, part.attrs)
        for name, part in described.items()
    }


def _minibatch_curves(run: Run) -> dict[str, Variable]:
    since = "since the presentation recorded before"
    words = {
        "record_loss": f"mean training cost {since}",
        "record_error": f"fraction of wrong training sequences {since}",
        "record_gradient_norm": f"mean Euclidean norm of the batches' gradients {since}, unclipped",
        "record_gradient_norm_max": f"largest Euclidean norm of a batch's gradient {since}, unclipped",
        "record_clipped": f"fraction of updates {since} whose gradient was longer than clip_norm",
    }
    if getattr(run.algorithm, "omega", 0.0) > 0:
        words["record_omega"] = f"mean regulariser Omega {since}"
    if run.criterion is not None and run.criterion.measure == "test_error":
        words["record_test_error"] = f"fraction of wrong test sequences in the last test {since}"
    if run.early_stopping is not None:
        words["record_validation_loss"] = f"mean cost of the validation set in the last test {since}"
    return {
        name: Variable(("presentation",), (), "<f8", np.nan, {"long_name": long_name, "units": "1"})
        for name, long_name in words.items()
    }


def dataset(
    described: Mapping[str, Variable],
    arrays: Mapping[str, Any],
    leading: tuple[str, ...],
    coordinates: Mapping[str, Any],
    attrs: Mapping[str, Any],
) -> xr.Dataset:
    """Put arrays together as a dataset: `leading` dimensions first, then those of each variable.

    Parameters
    ----------
    described : mapping
        The variables.
    arrays : mapping
        An array, or a lazy array of xarray, for each of them.
    leading : tuple of str
        The dimensions that all have.
    coordinates : mapping
        Values, or (values, attrs), for dimensions other than those of the parameters.
    attrs : mapping
        Attributes of the dataset.
    """
    words = COORDINATES | PARAMETER_COORDINATES
    coords: dict[str, Any] = {}
    for name, given in coordinates.items():
        values, extra = given if isinstance(given, tuple) else (given, {})
        dims = (name,) if np.ndim(values) else ()
        coords[name] = xr.Variable(dims, values, words.get(name, {}) | extra)
    for part in described.values():
        for name, size in zip(part.dims[len(part.dims) - len(part.shape) :], part.shape, strict=True):
            coords.setdefault(name, xr.Variable((name,), np.arange(size), words.get(name, {})))
    data = {
        name: xr.Variable((*leading, *part.dims), arrays[name], dict(part.attrs)) for name, part in described.items()
    }
    return xr.Dataset(data, coords, dict(attrs))


def quantity(dims: str | Iterable[Hashable], values: ArrayLike, long_name: str, units: str = "1") -> xr.Variable:
    """Return values with their dimensions and their name in words.

    Examples
    --------
    >>> quantity("step", [1.0, 0.5], "state").attrs
    {'long_name': 'state', 'units': '1'}
    """
    return xr.Variable(dims, np.asarray(values), {"long_name": long_name, "units": units})


def provenance(source: str, rng: str) -> dict[str, Any]:
    """Give the attributes that every dataset has."""
    return {
        "source": source,
        "rnnlatch_version": __version__,
        "numerics_version": NUMERICS_VERSION,
        "rng": rng,
    }


def _outcome_attrs() -> dict[str, Any]:
    values: NDArray[np.uint8] = np.array([*Outcome, NOT_RUN], dtype=np.uint8)
    names = [outcome.name.lower() for outcome in Outcome]
    return {
        "long_name": "how the run ended",
        "flag_values": values,
        "flag_meanings": " ".join([*names, "not_run"]),
    }
