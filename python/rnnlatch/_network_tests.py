"""Tests of networks on fresh sequences: large ones in matrices, one after the other, the others in lanes."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch._drivers import FEWEST_UNITS
from rnnlatch._side_by_side import Flag, side_by_side

__all__ = ["evaluate_network", "evaluate_networks"]

Arrays = Mapping[str, NDArray[Any]]
Structure = Mapping[str, int | str]


def evaluate_networks(
    structure: Structure,
    presentations: int,
    key: NDArray[np.uint32],
    streams: NDArray[np.uint64],
    params: Mapping[str, NDArray[np.float64]],
    columns: Mapping[str, NDArray[np.float64]],
    arrays: Arrays,
    threads: int,
) -> dict[str, NDArray[np.float64]]:
    """Test networks: ``loss``, ``error``; NaN for those with a parameter that is not finite."""
    broken = np.zeros(len(streams), bool)
    for value in params.values():
        broken |= ~np.isfinite(value).reshape(len(value), -1).all(axis=1)
    usable = {name: np.ascontiguousarray(np.where(np.isfinite(value), value, 0.0)) for name, value in params.items()}
    if not _in_matrices(structure, params, arrays):
        result = core.evaluate_networks(structure, columns, key, streams, usable, presentations, arrays, threads)
    else:
        result = {name: np.full(len(streams), np.nan) for name in ("loss", "error")}

        def tests() -> Iterator[_Test]:
            for number in np.flatnonzero(~broken).tolist():
                one = {name: np.ascontiguousarray(value[number]) for name, value in usable.items()}
                column = {name: value[number : number + 1] for name, value in columns.items()}
                stream = int(streams[number])
                test = partial(evaluate_network, structure, presentations, key, stream, one, column, arrays)
                yield _Test(number, test)

        def finished(test: _Test) -> None:
            assert test.found is not None
            result["loss"][test.number], result["error"][test.number] = test.found

        side_by_side(tests(), int((~broken).sum()), threads, finished=finished)
    result["loss"][broken] = np.nan
    result["error"][np.isnan(result["loss"])] = np.nan  # neither right nor wrong
    return result


def evaluate_network(
    structure: Structure,
    presentations: int,
    key: NDArray[np.uint32],
    stream: int,
    params: Mapping[str, NDArray[np.float64]],
    columns: Mapping[str, NDArray[np.float64]],
    arrays: Arrays,
    threads: int,
    cancelled: Flag,
) -> tuple[float, float] | None:
    """Test one network without the axis of networks: loss and error, or None where the work was cancelled."""
    if not _in_matrices(structure, params, arrays):
        many = {name: value[None] for name, value in params.items()}
        only = np.array([stream], np.uint64)
        found = core.evaluate_networks(structure, columns, key, only, many, presentations, arrays, threads)
        return float(found["loss"][0]), float(found["error"][0])
    given = dict(structure) | {"precision": "float64"}
    tested = core.evaluate_minibatches(
        given, columns, key, stream, params, 0, presentations, arrays, threads, cancelled
    )
    if tested["presentations"] < presentations:
        return None
    return tested["loss"], tested["wrong"] / presentations


def _in_matrices(structure: Structure, params: Arrays, arrays: Arrays) -> bool:
    """Whether networks are tested in matrices.

    That is large ones, whose units read the step before, and which start from 0; all where states are carried from sequence
    to sequence.
    """
    large = int(structure["hidden"]) >= FEWEST_UNITS and "same_step" not in arrays and "h_0" not in params
    return large or bool(structure.get("carry_state"))


class _Test:
    """The test of one of many networks."""

    def __init__(self, number: int, test: Callable[[int, Flag], tuple[float, float] | None]) -> None:
        self.number, self._test = number, test
        self.found: tuple[float, float] | None = None

    def work(self, threads: int, cancelled: Flag) -> None:
        """Do it."""
        self.found = self._test(threads, cancelled)
