"""The learning curves of a run in matrices: what its updates were like, a point every so many presentations."""

import numpy as np
from numpy.typing import NDArray

from rnnlatch._minibatch_state import State
from rnnlatch._variables import curves
from rnnlatch.run import Run

__all__ = ["Curves"]

EXPLODED = 1e10  # of the norm of a gradient, for the authors' guard


class Curves:
    """Takes what is seen of a run into its state, a point every `record` presentations; 0: none."""

    # What is summed up for the next point: sums over updates, in this order, the largest norm, and the last tests.
    _SUMS = ("record_loss", "record_error", "record_gradient_norm", "record_clipped", "record_omega")
    _LARGEST = len(_SUMS)
    _TESTS = ("record_test_error", "record_validation_loss")

    def __init__(self, run: Run, record: int) -> None:
        self._run, self._record = run, record
        self._names = tuple(curves(run)) if record else ()
        self._points = run.max_presentations // record if record else 0
        self._guarded = getattr(run.algorithm, "nonfinite", "stop") == "shrink"
        clip_norm = getattr(run.algorithm, "clip_norm", None)
        self._clip = np.inf if clip_norm is None else clip_norm

    def begin(self, state: State) -> None:
        """Put curves into the state of a run that has not begun."""
        state.curves = {name: np.full(self._points, np.nan) for name in self._names}
        state.partial = self._nothing()

    def filled(self, seen: int) -> int:
        """Give how many points there are after so many presentations."""
        return min(seen // self._record, self._points) if self._record else 0

    def take(self, state: State, cost: float, wrong: int, norm: float, omega: float) -> None:
        """Take an update: the mean cost of its batch, how many were wrong, the norm of its gradient, Omega."""
        if not self._record:
            return
        sums = state.partial
        clipped = norm > self._clip and not (self._guarded and not norm <= EXPLODED)
        state.partial_batches += 1
        for place, value in enumerate((cost, wrong / self._run.batch_size, norm, float(clipped), omega)):
            sums[place] += value
        if norm > sums[self._LARGEST] or norm != norm:
            sums[self._LARGEST] = norm
        if state.seen % self._record:
            return
        point = state.seen // self._record - 1
        found = dict(zip(self._SUMS, (sums[: len(self._SUMS)] / state.partial_batches).tolist(), strict=True))
        found["record_gradient_norm_max"] = sums[self._LARGEST]
        found |= zip(self._TESTS, sums[self._LARGEST + 1 :], strict=True)
        for name, curve in state.curves.items():
            curve[point] = found[name]
        state.partial, state.partial_batches = self._nothing(), 0

    def take_test(self, state: State, name: str, value: float) -> None:
        """Put what a test gave at the first point that is not before it."""
        if not self._record:
            return
        if state.seen % self._record:
            state.partial[self._LARGEST + 1 + self._TESTS.index(name)] = value
        else:
            state.curves[name][state.seen // self._record - 1] = value

    def _nothing(self) -> NDArray[np.float64]:
        nothing = np.zeros(self._LARGEST + 1 + len(self._TESTS))
        nothing[self._LARGEST + 1 :] = np.nan
        return nothing
