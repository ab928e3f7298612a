"""One run in matrices: the engine is called for a few updates at a time, and between calls it is seen how well they went."""

import math
import time
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._dispatch import core
from rnnlatch._memory import available_memory, words
from rnnlatch._minibatch_curves import Curves
from rnnlatch._minibatch_state import GOING_ON, State
from rnnlatch._network_tests import evaluate_network
from rnnlatch._side_by_side import Flag
from rnnlatch.algorithms import Adam, GradientDescent, RMSprop
from rnnlatch.criterion import MOST_TESTS
from rnnlatch.outcomes import Outcome
from rnnlatch.run import Run

__all__ = ["MinibatchRun"]

SECONDS = 0.3
"""About what a call to the engine takes: so long a run may be behind what is kept of it."""

MOST_UPDATES = 100_000

_LITTLE = 2**26  # bytes: not worth asking the system
_SCHEDULES = ("learning_rate_schedule", "omega_schedule")


class MinibatchRun:
    """A run that goes on until it stops or is stopped, then or from what was kept of it.

    Parameters
    ----------
    run : Run
        What is run, in matrices.
    key, stream
        Its random numbers.
    record : int
        Keep a point of the learning curve every so many presentations; 0: none.
    kept : bytes, optional
        What `snapshot` gave.
    """

    def __init__(
        self, run: Run, key: NDArray[np.uint32], stream: int, record: int = 0, kept: bytes | None = None
    ) -> None:
        self.run, self.state = run, State({})
        self._key, self._stream, self._kept = key, stream, kept
        self._curves = Curves(run, record)
        self._begun = False
        self._lock = Lock()
        self._batch, self._window = run.batch_size, run.window
        self._seconds = 0.0  # that an update takes

    @property
    def finished(self) -> bool:
        """Whether it has come to its end, and has been tested there."""
        tested = bool(self.state.tested or not self.run.test_presentations)
        return self._stopped and tested and not self._validation_due

    @property
    def _stopped(self) -> bool:
        return self.state.outcome != GOING_ON

    def work(self, threads: int, cancelled: Flag) -> None:
        """Go on until the run stops or `cancelled` is set, with so many threads of the engine."""
        self.begin(threads)
        while not self.finished and not cancelled[0]:
            self.step(threads, cancelled)

    def step(self, threads: int, cancelled: Flag) -> None:
        """Call the engine once: for some updates, or for a test."""
        if self._validation_due:
            self._validate(threads, cancelled)
        elif self._stopped:
            self._test_at_end(threads, cancelled)
        elif self._tests_due():
            self._test(threads, cancelled)
        else:
            self._train(threads, cancelled)

    def begin(self, threads: int = 1) -> None:
        """Draw the initial parameters, or take up what was kept.

        Raises
        ------
        MemoryError
            If a network of this size cannot be trained here.
        ValueError
            If what was kept is damaged.
        """
        if self._begun:
            return
        run = self.run
        _check_memory(run, threads)
        algorithm = run.algorithm
        assert isinstance(algorithm, GradientDescent | Adam | RMSprop)
        self._structure, self._trainable, self._arrays = run.structure(), run.trainable(), run.arrays()
        self._columns = {name: np.array([value]) for name, value in run.columns().items()}
        self._settings = algorithm.minibatch_settings()
        self._rates = algorithm.learning_rate, algorithm.omega
        self._schedules = algorithm.learning_rate_schedule, algorithm.omega_schedule
        drawn = run.initial(self._key, np.array([self._stream], np.uint64))
        state = State(
            {name: np.ascontiguousarray(value[0], run.precision) for name, value in drawn.items()},
            memories={n: s.begin() for n, s in zip(_SCHEDULES, self._schedules, strict=True) if s is not None},
        )
        self._curves.begin(state)
        if run.early_stopping is not None:
            state.best = dict(state.parameters)
        with self._lock:
            self.state = state if self._kept is None else State.from_bytes(self._kept, state)
            self._kept, self._begun = None, True

    def snapshot(self) -> bytes | None:
        """Give what the run needs to go on from where it is, or None where it has not begun."""
        with self._lock:
            if not self._begun:
                return self._kept
            return self.state.to_bytes(self._curves.filled(self.state.seen))

    def result(self) -> dict[str, Any]:
        """Give what a dataset says of the run."""
        state = self.state
        return {
            "outcome": state.outcome,
            "presentations": state.seen,
            "presentations_computed": state.seen,
            "loss": state.loss,
            "error": state.error,
            **self._validated,
            **({"test_loss": state.test_loss, "test_error": state.test_error} if self.run.test_presentations else {}),
            **self._reported,
            **state.curves,
        }

    def describe(self) -> str:
        """Give in words how far it is."""
        return f"{self.state.seen:,} of {self.run.max_presentations:,} presentations"

    @property
    def _validated(self) -> dict[str, float]:
        """What was found with the validation set, if there is one."""
        if self.run.early_stopping is None:
            return {}
        return {"validation_loss": self.state.validation_loss, "validation_presentations": self.state.best_seen}

    @property
    def _reported(self) -> dict[str, NDArray[Any]]:
        """The network that comes out."""
        return self.state.best or self.state.parameters

    def _train(self, threads: int, cancelled: Flag) -> None:
        """Do some updates, all or none of them."""
        state, count = self.state, self._updates()
        begun = time.perf_counter()
        found = core.train_minibatches(
            self._structure,
            self._settings,
            self._columns,
            self._key,
            self._stream,
            state.parameters,
            state.optimiser,
            self._trainable,
            self._arrays,
            state.seen,
            self._rates_of(count),
            threads,
            cancelled,
        )
        if found["updates"] < count and (cancelled[0] or not found["diverged"]):
            return
        self._seconds = (time.perf_counter() - begun) / count
        with self._lock, np.errstate(all="ignore"):  # divergence is a result
            state.parameters, state.optimiser = found["parameters"], found["optimiser"]
            names = ("loss", "wrong", "gradient_norm", "omega")
            for each in zip(*(found[name].tolist() for name in names), strict=True):
                self._observe(*each)
            self._judge(found["diverged"])

    def _updates(self) -> int:
        """Give how many updates there may be before something has to be decided."""
        run, state = self.run, self.state
        limits = [run.max_presentations - state.seen]
        if run.criterion is not None:
            done = state.row if run.criterion.measure == "consecutive" else state.seen % self._window
            limits.append(self._window - done)
        if run.early_stopping is not None:
            limits.append(run.early_stopping.presentations - state.seen % run.early_stopping.presentations)
        limits += [left for s in self._schedules if s is not None and (left := s.left(state.seen)) is not None]
        quick = int(SECONDS / self._seconds) if self._seconds else 1
        return min(min(limits) // self._batch, max(1, quick), MOST_UPDATES)

    def _rates_of(self, count: int) -> NDArray[np.float64]:
        """Learning rate and weight of Omega of the next updates."""
        seen = self.state.seen + self._batch * np.arange(count)
        rates = np.empty((count, 2))
        for column, (name, rate, schedule) in enumerate(zip(_SCHEDULES, self._rates, self._schedules, strict=True)):
            factors = 1.0 if schedule is None else schedule.factors(self.state.memories[name], seen)
            rates[:, column] = rate * factors
        return rates

    def _observe(self, cost: float, wrong: float, norm: float, omega: float) -> None:
        """Count one update: the mean cost of its batch, how many were wrong, the norm of its gradient, Omega.

        Sums grow one batch after the other, so that it does not matter at which of them the engine came back.
        """
        state, batch, number = self.state, self._batch, int(wrong)
        state.seen += batch
        state.window_batches += 1
        state.window_cost += cost
        state.window_wrong += number
        if state.seen % self._window == 0:
            self._close_window()
        state.row = 0 if number else state.row + batch
        state.row_cost = 0.0 if number else state.row_cost + cost
        for name, schedule in zip(_SCHEDULES, self._schedules, strict=True):
            if schedule is not None:
                schedule.observe(state.memories[name], cost, state.seen)
        self._curves.take(state, cost, number, norm, omega)

    def _close_window(self) -> None:
        """Report the mean of what was shown since the last window, unless tests are reported."""
        state = self.state
        if not state.tests:
            state.loss = state.window_cost / state.window_batches
            state.error = state.window_wrong / (state.window_batches * self._batch)
            state.measured = 1
        state.window_batches = state.window_wrong = 0
        state.window_cost = 0.0

    def _judge(self, diverged: bool) -> None:
        """Decide whether the run stops after these updates."""
        run, state, criterion = self.run, self.state, self.run.criterion
        if diverged:
            state.outcome = Outcome.DIVERGED
        elif criterion is not None and criterion.measure == "consecutive":
            if state.row >= self._window:
                state.outcome = Outcome.CONVERGED
                state.loss, state.error = state.row_cost / (state.row // self._batch), 0.0
                state.measured = 1
        elif criterion is not None and state.seen % self._window == 0:
            if self._tests_due():
                return
            if criterion.met(state.loss, state.error):
                state.outcome = Outcome.CONVERGED
        if not self._stopped and state.seen >= run.max_presentations:
            state.outcome = Outcome.EXHAUSTED
        if self._stopped and not state.measured:
            self._close_window()

    def _tests_due(self) -> bool:
        """Whether the network has to be tested before it goes on."""
        criterion, state = self.run.criterion, self.state
        tested = criterion is not None and criterion.measure == "test_error"
        return tested and state.tests < state.seen // self._window

    def _test(self, threads: int, cancelled: Flag) -> None:
        """Test the network on sequences that no other test has, or not at all."""
        state, criterion = self.state, self.run.criterion
        assert criterion is not None
        start = state.tests * criterion.tests % MOST_TESTS
        before_end = min(criterion.tests, MOST_TESTS - start)
        loss, wrong = 0.0, 0
        for first, count in ((MOST_TESTS + start, before_end), (MOST_TESTS, criterion.tests - before_end)):
            if not count:
                continue
            found = core.evaluate_minibatches(
                self._structure,
                self._columns,
                self._key,
                self._stream,
                state.parameters,
                first,
                count,
                self._arrays,
                threads,
                cancelled,
            )
            if found["presentations"] < count:
                return
            loss += found["loss"] * count
            wrong += found["wrong"]
        with self._lock:
            state.tests += 1
            state.loss, state.error, state.measured = loss / criterion.tests, wrong / criterion.tests, 1
            self._curves.take_test(state, "record_test_error", state.error)
            self._judge(False)

    def _test_at_end(self, threads: int, cancelled: Flag) -> None:
        """Test the network as `rnnlatch.evaluate` does, or not at all."""
        run, params = self.run, {name: value.astype(np.float64) for name, value in self._reported.items()}
        found = evaluate_network(
            run.network.structure(run.task.loss, run.task.at) | run.task.structure(),
            run.test_presentations,
            self._key,
            self._stream,
            params,
            self._columns,
            self._arrays,
            threads,
            cancelled,
        )
        if found is not None:
            with self._lock:
                self.state.test_loss, self.state.test_error = found
                self.state.tested = 1

    @property
    def _validation_due(self) -> bool:
        """Whether the network has to be tested on the validation set before anything else."""
        stopping, state = self.run.early_stopping, self.state
        if stopping is None or state.validated == state.seen or state.outcome == Outcome.DIVERGED:
            return False
        return self._stopped or state.seen % stopping.presentations == 0

    def _validate(self, threads: int, cancelled: Flag) -> None:
        """Test the network on the validation set, or not at all."""
        state, stopping, network = self.state, self.run.early_stopping, self.run.network
        assert stopping is not None
        task, count = stopping.task, stopping.task.training_set or 0
        found = core.evaluate_minibatches(
            network.structure(task.loss, task.at) | task.structure() | {"precision": self.run.precision},
            {name: np.array([value]) for name, value in task.columns().items()},
            self._key,
            self._stream,
            state.parameters,
            0,
            count,
            task.arrays(),
            threads,
            cancelled,
        )
        if found["presentations"] < count:
            return
        with self._lock:
            state.validated = state.seen
            state.since_best += 1
            if not (state.validation_loss <= found["loss"] or math.isnan(found["loss"])):  # also where there was none
                state.best, state.best_seen = state.parameters, state.seen
                state.validation_loss, state.since_best = found["loss"], 0
            self._curves.take_test(state, "record_validation_loss", found["loss"])
            if not self._stopped and state.since_best == stopping.patience:
                state.outcome = Outcome.STOPPED_EARLY
                if not state.measured:
                    self._close_window()


def _check_memory(run: Run, threads: int) -> None:
    """Raise where training takes more memory than there is: states and derivatives of a minibatch, its sequences."""
    from rnnlatch.gradients.memory import needed_memory  # it needs more than the other engines do

    batch, steps, size = run.batch_size, run.task.length_range[1], np.dtype(run.precision).itemsize
    walk = needed_memory(run.network, batch=batch, time=steps, runs=1, itemsize=size, many=False, threads=threads)
    needed = walk + batch * steps * run.task.features * (8 + size)
    if needed > _LITTLE and needed > (there := available_memory()):
        raise MemoryError(
            f"training a network of {run.network.hidden} units on {batch} sequences of {steps} steps at once needs "
            f"{words(needed)}, and {words(there)} are available; use a smaller batch size or shorter sequences"
        )
