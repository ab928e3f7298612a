"""Training in minibatches in JAX: many updates are one compiled function, with the drawing of their sequences.

A scan over updates holds two scans over time. The backward pass is written by hand, as in `minibatch_numpy.py`, or is JAX's own:
then zeros are added to all pre-activations and states, whose gradients are the errors that Omega needs.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from minibatch_work import CLIP, NEGLIGIBLE, OMEGA, RATE, SYMBOLS, Array, Arrays, MinibatchWork, Plan

# without its types: what is traced is not what the types say
jax: Any = import_module("jax")
jax.config.update("jax_enable_x64", True)
jnp: Any = jax.numpy
scan: Any = jax.lax.scan


def drawn(work: MinibatchWork, key: Any) -> Any:
    """Symbols (time, batch) and classes (batch) of a fresh minibatch, out of one draw of random words."""
    steps, batch = work.length, work.batch
    packed = -(-steps * batch // 16)  # two bits a symbol
    words = jax.random.bits(key, (packed + 4 * batch,), "uint32")
    symbols = (words[:packed, None] >> (2 * jnp.arange(16, dtype="uint32"))) & 3
    symbols = symbols.reshape(-1)[: steps * batch].reshape(steps, batch).astype("int32") + 2
    of_window, step, classes = words[packed:].reshape(4, batch), jnp.arange(steps)[:, None], 0
    for k, (first, last) in enumerate(work.windows):
        told = (of_window[2 * k] >> 31).astype("int32")
        at = first + (((of_window[2 * k + 1] >> 16) * (last + 1 - first)) >> 16).astype("int32")
        symbols = jnp.where(step == at, told, symbols)
        classes = classes + (told << k)
    return symbols, classes


def softmax_error(p: Any, last: Any, classes: Any) -> Any:
    """Derivative of the mean loss by the outputs."""
    y = last @ p["weight_out"].T + p["bias_out"]
    return (jax.nn.softmax(y) - jax.nn.one_hot(classes, y.shape[1], dtype=y.dtype)) / len(y)


def by_hand(work: MinibatchWork, unroll: int, p: Any, symbols: Any, classes: Any) -> Any:
    """Gradient with Omega's part; the errors at states are those of the states after, so they are the ratios of neighbours."""
    w, start = p["weight_hh_l0"], jnp.zeros((work.batch, work.hidden), work.precision)
    w_transposed = jax.lax.optimization_barrier(w.T.copy())  # copied once, not read with strides at every step

    def forward(h: Any, drive: Any) -> Any:
        after = jnp.tanh(h @ w_transposed + drive)
        return after, after

    def backward(g: Any, h: Any) -> Any:
        delta = g * (1 - h * h)
        before = delta @ w
        return before, (delta, before)

    drives = (p["weight_ih_l0"].T + p["bias_ih_l0"])[symbols]
    last, h = scan(forward, start, drives, unroll=unroll)
    y = softmax_error(p, last, classes)
    at_end = y @ p["weight_out"]
    _, (delta, before) = scan(backward, at_end, h, reverse=True, unroll=unroll)

    size = jnp.sum(jnp.concatenate([before, at_end[None]]) ** 2, axis=2)
    there = size[1:] >= NEGLIGIBLE
    after = jnp.where(there, size[1:], 1)
    factor = jnp.where(there, size[:-1] / after - 1, 0) / after * (4 * OMEGA / jnp.maximum(there.sum(), 1))
    left = jnp.concatenate([start[None], h[:-1]]) + factor.astype(h.dtype)[..., None] * before
    rows, n = delta.reshape(-1, work.hidden), work.hidden
    shown = jax.nn.one_hot(symbols.reshape(-1), SYMBOLS, dtype=h.dtype)
    by_input = rows.T @ shown
    return {
        "weight_ih_l0": by_input,
        "weight_hh_l0": rows.T @ left.reshape(-1, n),
        "bias_ih_l0": by_input.sum(1),
        "weight_out": y.T @ last,
        "bias_out": y.sum(0),
    }


def by_grad(work: MinibatchWork, unroll: int, p: Any, symbols: Any, classes: Any) -> Any:
    """The same by JAX's reverse mode."""
    zeros = jnp.zeros((work.length, work.batch, work.hidden), work.precision)

    def loss(p: Any, to_sum: Any, to_state: Any) -> Any:
        def step(h: Any, now: Any) -> Any:
            drive, of_sum, of_state = now
            return jnp.tanh(h @ p["weight_hh_l0"].T + drive + of_sum) + of_state, None

        drives = (p["weight_ih_l0"].T + p["bias_ih_l0"])[symbols]
        last, _ = scan(step, zeros[0], (drives, to_sum, to_state), unroll=unroll)
        y = last @ p["weight_out"].T + p["bias_out"]
        return -jnp.mean(jax.nn.log_softmax(y)[jnp.arange(work.batch), classes])

    def omega(w: Any, delta: Any, g: Any) -> Any:
        size = jnp.sum(g**2, axis=2)
        there = size >= NEGLIGIBLE
        ratio = jnp.sum((delta @ w) ** 2, axis=2) / jnp.where(there, size, 1)
        return jnp.sum(jnp.where(there, (ratio - 1) ** 2, 0)) / jnp.maximum(there.sum(), 1)

    gradient, delta, g = jax.grad(loss, (0, 1, 2))(p, zeros, zeros)
    immediate = jax.grad(omega)(p["weight_hh_l0"], delta, g).astype(delta.dtype)
    return gradient | {"weight_hh_l0": gradient["weight_hh_l0"] + OMEGA * immediate}


def stepped(p: Any, gradient: Any) -> Any:
    """Clipping and a step."""
    norm = jnp.sqrt(sum(jnp.sum(value**2) for value in gradient.values()))
    rate = RATE * jnp.where(norm > CLIP, CLIP / norm, 1)
    return {name: value - (rate * gradient[name]).astype(value.dtype) for name, value in p.items()}


def plans(work: MinibatchWork, threads: int) -> list[Plan]:
    """Both ways back; threads are set by the environment."""
    del threads
    start = jax.device_put(work.parameters())
    together = 50 if work.hidden <= 100 else 5
    found = []
    for name, gradient, unrollings in (("backward by hand", by_hand, (1, 4)), ("reverse mode", by_grad, (1,))):
        for unroll in unrollings:
            of = partial(gradient, work, unroll)

            def fresh(p: Any, keys: Any, of: Any = of) -> Any:
                return scan(lambda p, key: (stepped(p, of(p, *drawn(work, key))), None), p, keys)[0]

            def given(p: Any, symbols: Any, classes: Any, of: Any = of) -> Any:
                return scan(lambda p, shown: (stepped(p, of(p, *shown)), None), p, (symbols, classes))[0]

            compiled = jax.jit(fresh)

            def run(updates: int, compiled: Any = compiled) -> object:
                p = start
                for call in range(updates // together):
                    p = compiled(p, jax.random.split(jax.random.key(call), together))
                return jax.block_until_ready(p)

            def answer(symbols: Array, classes: Array, given: Any = given) -> Arrays:
                return {name: np.asarray(value) for name, value in jax.jit(given)(start, symbols, classes).items()}

            found.append(Plan("JAX, jit", f"{name}, unroll {unroll}", run, answer, together))
    return found
