"""W1 in NumPy, vectorised over the runs: as fast as we can write it.

What makes it fast: the SFC64 generator, ``out=`` in every call, views taken once, a chunk of runs whose
size is measured, not guessed, and the better of two forms of the backward pass (step by step, or the
products of all steps as one ``multiply.accumulate``). The noise comes either from NumPy's own
``standard_normal`` (ziggurat, float64) or, like the engine's, from a float32 Box-Muller transform, written
with NumPy's vectorised logarithm, sine and cosine on raw words of the generator; both are timed. Two
threads are either two threads (NumPy releases the lock inside its loops) or two processes that were started
before the clock; the faster one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Literal

import numpy as np

from workloads import FloatArray, LatchSweep, median, timed

CHUNKS = (512, 1024, 2048, 4096, 8192)
Backward = Literal["steps", "accumulate"]
Normals = Literal["ziggurat", "box-muller"]
BACKWARDS: tuple[Backward, ...] = ("steps", "accumulate")
NORMALS: tuple[Normals, ...] = ("ziggurat", "box-muller")


def ziggurat(rng: np.random.Generator, noise: FloatArray, std: float) -> Callable[[], None]:
    """A function that refills `noise` ``(steps, n)`` with NumPy's own normals."""

    def fill() -> None:
        rng.standard_normal(out=noise)
        np.multiply(noise, std, noise)

    return fill


def box_muller(rng: np.random.Generator, buffer: FloatArray, std: float) -> Callable[[], None]:
    """A function that refills `buffer` ``(even number of steps, n)`` with float32 normals."""
    half, n = buffer.shape[0] // 2, buffer.shape[1]
    words = rng.bit_generator.random_raw
    first, second = buffer[:half], buffer[half:]
    sine = np.empty((half, n), np.float32)
    two, turn = np.float32(2), np.float32(2 * np.pi)
    scale = np.float32(-2 * std * std)

    def fill() -> None:
        # 23 bits of every word become the mantissa of a float32 in [1, 2)
        bits = words(half * n).view(np.uint32).reshape(2, half, n)
        np.right_shift(bits, 9, bits)
        np.bitwise_or(bits, 0x3F800000, bits)
        radius, angle = bits.view(np.float32)
        np.subtract(two, radius, radius)
        np.log(radius, radius)
        np.multiply(radius, scale, radius)
        np.sqrt(radius, radius)
        np.multiply(angle, turn, angle)
        np.sin(angle, sine)
        np.cos(angle, angle)
        np.multiply(angle, radius, first)
        np.multiply(sine, radius, second)

    return fill


def train_chunk(
    work: LatchSweep,
    weight: FloatArray,
    inputs: FloatArray,
    rng: np.random.Generator,
    backward: Backward = "steps",
    normals: Normals = "ziggurat",
) -> None:
    """Train one chunk of runs in place: `weight` ``(n,)``, `inputs` ``(2, prefix, n)``."""
    length, prefix, n = work.length, work.prefix, weight.size
    rate, noisy = work.learning_rate, work.length - work.prefix
    state = np.zeros((length + 1, n))
    slope, delta = np.empty((length, n)), np.empty((length, n))
    scratch, weight_gradient = np.empty(n), np.empty(n)
    if normals == "ziggurat":
        noise = np.empty((noisy, n))
        draw = ziggurat(rng, noise, work.noise_std)
    else:
        noise = np.empty((noisy + noisy % 2, n))
        draw = box_muller(rng, noise, work.noise_std)
    states, slopes, deltas = list(state), list(slope), list(delta)
    drives = [list(inputs[c]) + list(noise[:noisy]) for c in (0, 1)]
    multiply, add, subtract, tanh = np.multiply, np.add, np.subtract, np.tanh
    backwards_in_time = delta[::-1]
    for p in range(work.presentations):
        c = p & 1
        drive = drives[c]
        draw()
        tanh(drive[0], states[1])
        for t in range(1, length):
            following = states[t + 1]
            multiply(weight, states[t], following)
            add(following, drive[t], following)
            tanh(following, following)
        # slope[t] = 1 - x_{t+1}^2, times w but for the last; delta[t] = delta[t + 1] * slope[t]
        multiply(state[1:], state[1:], slope)
        subtract(1.0, slope, slope)
        subtract(states[length], work.target if c else -work.target, scratch)
        if backward == "accumulate":
            multiply(slope[:-1], weight, delta[:-1])
            multiply(scratch, slopes[-1], deltas[-1])
            np.multiply.accumulate(backwards_in_time, axis=0, out=backwards_in_time)
            multiply(delta[1:], state[1:length], slope[1:])
            np.add.reduce(slope[1:], axis=0, out=weight_gradient)
        else:
            multiply(slope[:-1], weight, slope[:-1])
            multiply(scratch, slopes[-1], deltas[-1])
            multiply(deltas[-1], states[length - 1], weight_gradient)
            for t in range(length - 2, -1, -1):
                multiply(deltas[t + 1], slopes[t], deltas[t])
                if t:
                    multiply(deltas[t], states[t], scratch)
                    add(weight_gradient, scratch, weight_gradient)
        multiply(weight_gradient, rate, weight_gradient)
        subtract(weight, weight_gradient, weight)
        gradient = delta[:prefix]
        multiply(gradient, rate, gradient)
        subtract(inputs[c], gradient, inputs[c])


@dataclass(frozen=True)
class Plan:
    """How NumPy does W1: chunk size, backward pass, noise, and what its workers are."""

    chunk: int
    backward: Backward
    normals: Normals
    workers: str = "one thread"

    def __str__(self) -> str:
        return f"{self.normals}, {self.backward}, chunk {self.chunk}, {self.workers}"


def train_range(work: LatchSweep, start: int, stop: int, plan: Plan, seed: int = 0) -> FloatArray:
    """Final weights of the runs ``start .. stop``, worked off in chunks."""
    rng = np.random.Generator(np.random.SFC64([seed, start]))
    weights, inputs = work.initial_parameters(seed)
    weight = weights[start:stop].copy()
    for low in range(0, stop - start, plan.chunk):
        high = min(low + plan.chunk, stop - start)
        part = inputs[:, :, start + low : start + high].copy()
        train_chunk(work, weight[low:high], part, rng, plan.backward, plan.normals)
    return weight


class NumpyPeer:
    """W1 in NumPy on one or two threads: `tune` it, then call `run`."""

    def __init__(self, threads: int, normals: Normals) -> None:
        self.threads, self.normals = threads, normals
        self.pools: dict[str, Executor] = {}
        if threads > 1:
            self.pools["threads"] = ThreadPoolExecutor(threads)
            self.pools["processes"] = ProcessPoolExecutor(threads, mp_context=get_context("spawn"))
        self.plan = Plan(4096, "steps", normals, "one thread" if threads == 1 else "processes")

    def run(self, work: LatchSweep) -> FloatArray:
        """Final weights of all runs."""
        plan = self.plan
        if self.threads == 1:
            return train_range(work, 0, work.runs, plan)
        pool = self.pools[plan.workers]
        cuts = [work.runs * k // self.threads for k in range(self.threads + 1)]
        parts = [pool.submit(train_range, work, cuts[k], cuts[k + 1], plan) for k in range(self.threads)]
        return np.concatenate([part.result() for part in parts])

    def plans(self, runs: int) -> Sequence[Plan]:
        """Every way that is worth a try for this number of runs."""
        share = max(runs // self.threads, CHUNKS[0])
        return [
            Plan(chunk, backward, self.normals, workers)
            for chunk in CHUNKS
            if chunk <= share
            for backward in BACKWARDS
            for workers in (self.pools or ("one thread",))
        ]

    def tune(self, work: LatchSweep, presentations: int = 20, repeats: int = 3) -> dict[str, float]:
        """Measure every plan in turns and keep the fastest; returns cell-steps/s by plan."""
        trial = work.shorter(presentations)
        times: dict[Plan, list[float]] = {plan: [] for plan in self.plans(work.runs)}
        for _ in range(repeats):
            for plan, measured in times.items():
                self.plan = plan
                measured.append(timed(lambda: self.run(trial)).wall)
        self.plan = min(times, key=lambda plan: median(times[plan]))
        return {str(plan): trial.cell_steps / median(values) for plan, values in times.items()}

    def close(self) -> None:
        """Stop the workers."""
        for pool in self.pools.values():
            pool.shutdown()
