"""A whole training run of the minimal task: sequences are shown one by one until the run stops.

All runs of a call are trained side by side, but each is on its own: what it draws depends on its stream alone, and
a run that has stopped is left as it is.

The arguments are the engine's. `structure`, the same for all runs:

    length T, prefix L, sequences_per_class (0: a fresh sequence every time), random_order, uniform_noise, train_w,
    batch_size, mean_gradient, measure (0 none, 1 cost, 2 error), window, max_presentations, record_every (0: nothing)

`columns`, one value for each run:

    w, initial_input, noise_std, target, learning_rate, momentum, clip_norm, l1, l2, threshold
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from reference import arithmetic, descent, latch
from reference.arithmetic import Array
from reference.latch import Fma, Tanh
from rnnlatch import random as draw

Structure = Mapping[str, Any]
Columns = Mapping[str, Array]

EXHAUSTED, CONVERGED, DIVERGED = 0, 1, 2


def number_of_sequences(structure: Structure) -> int:
    """S: how many different sequences there are. Fresh ones come as one of each class in turn."""
    return 2 * int(structure["sequences_per_class"]) or 2


def initial_inputs(structure: Structure, columns: Columns, key: Array, streams: Array) -> Array:
    """Trainable inputs at the start, (2 L, runs), class 0 first: uniform in +-initial_input."""
    prefix = structure["prefix"]
    u = draw.uniform53(key, streams, draw.Purpose.INITIAL, 0, 2 * prefix)
    return (2 * u - 1).T * columns["initial_input"]


def sequence_shown(structure: Structure, key: Array, streams: Array, p: int) -> Array:
    """The index i, 0 .. S-1, of the sequence of presentation p, for every run; its class is i mod 2."""
    sequences = number_of_sequences(structure)
    if structure["random_order"]:
        word = draw.words(key, streams, draw.Purpose.ORDER, p, 1)[:, 0].astype(np.uint64)
        return ((word * np.uint64(sequences)) >> np.uint64(32)).astype(int)
    return np.full(len(streams), p % sequences)


def noise(
    structure: Structure, columns: Columns, key: Array, streams: Array, purpose: int, presentation: Array | int
) -> Array:
    """The inputs after the prefix, (T - L, runs), with the standard deviation noise_std."""
    steps = structure["length"] - structure["prefix"]
    if structure["uniform_noise"]:
        u = draw.uniform_noise(key, streams, purpose, presentation, steps)
        return u.T * (columns["noise_std"] * np.sqrt(3.0))
    return draw.normal(key, streams, purpose, presentation, steps).T * columns["noise_std"]


def present(
    structure: Structure,
    columns: Columns,
    key: Array,
    streams: Array,
    p: int,
    theta: Array,
    gradient: Array,
    *,
    tanh: Tanh,
    fma: Fma,
) -> tuple[Array, Array, Array]:
    """Show presentation p to every run: the cost, whether the sign is wrong, and the gradient added to `gradient`."""
    prefix, runs = structure["prefix"], np.arange(len(streams))
    inputs, w = theta[:-1].reshape(2, prefix, -1), theta[-1]
    grad_inputs, grad_w = gradient[:-1].reshape(2, prefix, -1).copy(), gradient[-1]

    i = sequence_shown(structure, key, streams, p)
    shown_class = i % 2
    d = np.where(shown_class == 1, columns["target"], -columns["target"])
    # A sequence of a fixed set has the same noise whenever it is shown.
    place = i if structure["sequences_per_class"] else np.full_like(i, p)
    tail = noise(structure, columns, key, streams, draw.Purpose.NOISE, place)

    x = latch.forward(w, np.concatenate([inputs[shown_class, :, runs].T, tail]), tanh=tanh, fma=fma)
    of_class, grad_w = latch.backward(w, x, d, grad_inputs[shown_class, :, runs].T, grad_w, fma=fma)
    grad_inputs[shown_class, :, runs] = of_class.T
    gradient = np.concatenate([grad_inputs.reshape(2 * prefix, -1), grad_w[None]])
    return latch.cost(x[-1], d), latch.is_wrong(x[-1], d), gradient


@np.errstate(all="ignore")  # a run that diverges overflows on its way
def train(
    structure: Structure,
    columns: Columns,
    key: Array,
    streams: Array,
    *,
    initial: Array | None = None,
    tanh: Tanh = np.tanh,
    fma: Fma = arithmetic.fma,
) -> dict[str, Array]:
    """Train every run to its stop; returns what the engine's function returns.

    initial: (runs, 2 L) or None, the inputs to start from. tanh, fma: the two operations to compute with.
    """
    streams = np.asarray(streams, np.uint64)
    runs, prefix = len(streams), structure["prefix"]
    batch_size, window = structure["batch_size"], structure["window"]

    # theta: all parameters of all runs, (2 L + 1, runs); the last row is w, which may not be trained.
    inputs = initial_inputs(structure, columns, key, streams) if initial is None else initial.T
    theta = np.concatenate([inputs.reshape(2 * prefix, runs), columns["w"][None]])
    trained = slice(0, 2 * prefix + (1 if structure["train_w"] else 0))
    velocity, gradient = np.zeros_like(theta), np.zeros_like(theta)

    alive = np.ones(runs, bool)
    outcome = np.full(runs, EXHAUSTED, np.uint8)
    presentations = np.full(runs, structure["max_presentations"])
    loss, error = np.zeros(runs), np.zeros(runs)
    batch_cost, window_cost, window_wrong = np.zeros(runs), np.zeros(runs), np.zeros(runs)
    curves = Curves(structure, runs)

    def stop(which: Array, why: int, p: int) -> None:
        outcome[which] = why
        presentations[which] = p + 1
        alive[which] = False

    for p in range(structure["max_presentations"]):
        cost, wrong, gradient = present(structure, columns, key, streams, p, theta, gradient, tanh=tanh, fma=fma)
        batch_cost += cost
        window_cost += cost
        window_wrong += wrong

        # The end of a window, or of a run that ends before there was one: the figures that are reported.
        if (p + 1) % window == 0 or p < window:
            shown = p % window + 1
            loss = np.where(alive, window_cost / shown, loss)
            error = np.where(alive, window_wrong / shown, error)

        # The end of a batch: one update.
        if (p + 1) % batch_size == 0:
            if structure["mean_gradient"]:
                gradient *= 1.0 / batch_size
            norm = descent.norm(gradient[trained], fma=fma)
            curves.record(p, alive, batch_cost / batch_size, norm, theta)
            new, new_velocity = descent.step(theta[trained], velocity[trained], gradient[trained], columns, fma=fma)
            theta[trained] = np.where(alive, new, theta[trained])
            velocity[trained] = np.where(alive, new_velocity, velocity[trained])
            gradient[:] = 0
            batch_cost[:] = 0
            stop(alive & ~np.isfinite(theta).all(axis=0), DIVERGED, p)

        # The end of a window: is it good enough?
        if (p + 1) % window == 0:
            if structure["measure"] == 1:
                stop(alive & (loss < columns["threshold"]), CONVERGED, p)
            if structure["measure"] == 2:
                stop(alive & (error <= columns["threshold"]), CONVERGED, p)
            window_cost[:] = 0
            window_wrong[:] = 0

        if not alive.any():
            break

    result: dict[str, Array] = {
        "outcome": outcome,
        "presentations": presentations,
        "loss": loss,
        "error": error,
        "weight": theta[-1],
        "input": theta[:-1].T.reshape(runs, 2, prefix),
    }
    return result | curves.result()


class Curves:
    """What is recorded on the way: every m presentations, the batch that ends there, until the run stops."""

    def __init__(self, structure: Structure, runs: int) -> None:
        self.every, self.prefix = structure["record_every"], structure["prefix"]
        entries = structure["max_presentations"] // self.every if self.every else 0
        self.loss = np.full((runs, entries), np.nan)
        self.gradient_norm = np.full((runs, entries), np.nan)
        self.theta = np.full((runs, entries, 2 * self.prefix + 1), np.nan)

    def record(self, p: int, alive: Array, batch_loss: Array, norm: Array, theta: Array) -> None:
        """Loss and gradient norm of the batch that ends with presentation p, and the parameters they belong to."""
        if self.every and (p + 1) % self.every == 0:
            k = (p + 1) // self.every - 1
            self.loss[alive, k] = batch_loss[alive]
            self.gradient_norm[alive, k] = norm[alive]
            self.theta[alive, k] = theta.T[alive]

    def result(self) -> dict[str, Array]:
        if not self.every:
            return {}
        return {
            "record_loss": self.loss,
            "record_gradient_norm": self.gradient_norm,
            "record_weight": self.theta[..., -1],
            "record_input": self.theta[..., :-1].reshape(*self.loss.shape, 2, self.prefix),
        }
