"""The state of a run in matrices between two calls to the engine, and how it is written down."""

import io
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import _npz

__all__ = ["GOING_ON", "State"]

Arrays = dict[str, NDArray[Any]]

GOING_ON = -1


@dataclass
class State:
    """All that a run needs to go on, bit for bit, as if nothing had been between.

    Parameters
    ----------
    parameters, optimiser : dict of ndarray
        The network, and what the engine keeps from update to update.
    memories : dict of ndarray
        What the schedules remember, by the name of the field.
    curves : dict of ndarray
        What is recorded, NaN where the run has not been yet.
    best : dict of ndarray
        The network when the validation set was learned best.
    partial : ndarray
        Sums of what belongs to the next point of the curves.
    """

    parameters: Arrays
    optimiser: Arrays = field(default_factory=dict)
    memories: Arrays = field(default_factory=dict)
    curves: Arrays = field(default_factory=dict)
    best: Arrays = field(default_factory=dict)
    partial: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    seen: int = 0
    outcome: int = GOING_ON
    tests: int = 0
    window_batches: int = 0
    window_wrong: int = 0
    row: int = 0  # presentations in a row that were right, at the end of a batch
    partial_batches: int = 0
    measured: int = 0  # whether loss and error are those of a window or a test
    tested: int = 0  # whether it has been tested at its end
    validated: int = 0  # presentations after which it was tested on the validation set last
    best_seen: int = 0
    since_best: int = 0  # tests on the validation set
    window_cost: float = 0.0  # sums of the batches' mean costs
    row_cost: float = 0.0
    loss: float = np.nan
    error: float = np.nan
    test_loss: float = np.nan
    test_error: float = np.nan
    validation_loss: float = np.nan  # of the best test

    def to_bytes(self, recorded: int) -> bytes:
        """Write it down, of the curves so many points."""
        arrays: Arrays = {"partial": self.partial}
        for kind in (int, float):
            arrays[kind.__name__] = np.array([kind(getattr(self, name)) for name in _names(kind)])
        for group in ("parameters", "optimiser", "memories", "curves", "best"):
            stop = slice(recorded if group == "curves" else None)
            arrays |= {f"{group}/{name}": value[stop] for name, value in getattr(self, group).items()}
        file = io.BytesIO()
        _npz.write(file, arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes, like: "State") -> "State":
        """Read what `to_bytes` has written.

        Parameters
        ----------
        data : bytes
            What was written.
        like : State
            That of the same run at its beginning.

        Raises
        ------
        ValueError
            If it is damaged, or of another run.
        """
        arrays = _npz.read(io.BytesIO(data), widen=False)
        try:
            state = cls(dict(like.parameters), memories=dict(like.memories), curves=like.curves, best=dict(like.best))
            state.partial = _like(arrays.pop("partial"), like.partial)
            for kind in (int, float):
                for name, value in zip(_names(kind), arrays.pop(kind.__name__).tolist(), strict=True):
                    setattr(state, name, value)
            missing = {f"{group}/{name}" for group in ("parameters", "best") for name in getattr(like, group)}
            missing -= arrays.keys()
            if missing:
                raise ValueError(f"it has no {min(missing)}")
            for path, value in arrays.items():
                group, _, name = path.partition("/")
                if group == "optimiser":
                    state.optimiser[name] = np.array(value)
                elif group == "curves":
                    state.curves[name][: len(value)] = value
                else:
                    getattr(state, group)[name] = _like(value, getattr(like, group)[name])
        except (KeyError, AttributeError, TypeError) as error:
            raise ValueError(f"it is not the state of this run: {error!r}") from None
        return state


def _names(kind: type) -> list[str]:
    return [each.name for each in fields(State) if each.type is kind]


def _like(value: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """A copy of an array that must have the type and the shape of another one."""
    if value.dtype != other.dtype or value.shape != other.shape:
        raise ValueError(
            f"it is not the state of this run: {value.dtype} {value.shape}, not {other.dtype} {other.shape}"
        )
    return np.array(value, order="C")
