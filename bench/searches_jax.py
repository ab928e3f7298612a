"""Annealing in JAX, the whole chain compiled: a loop of evaluations, each a scan over the steps."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

from search_work import BOX, STEP, TEMPERATURE, UNITS, Contestant, Result, SearchWork

# without their types: what is traced is not what the types say
jax: Any = import_module("jax")
jax.config.update("jax_enable_x64", True)
jnp: Any = jax.numpy
lax: Any = jax.lax


def _evaluate(x: Any, inputs: Any, targets: Any, unroll: int) -> Any:
    w_in, w, b = x[:UNITS], x[UNITS:30].reshape(UNITS, UNITS), x[30:35]

    def step(h: Any, u: Any) -> Any:
        # written out: XLA fuses it into one loop over the sequences, which a product of 5 x 5 is not
        return tuple(
            jnp.tanh(b[i] + w_in[i] * u + sum(w[i, j] * h[j] for j in range(UNITS))) for i in range(UNITS)
        ), None

    h, _ = lax.scan(step, tuple(jnp.zeros_like(targets) for _ in range(UNITS)), inputs, unroll=unroll)
    off = sum(x[35 + i] * h[i] for i in range(UNITS)) + x[40] - targets
    return 0.5 * jnp.mean(off * off)


@partial(jax.jit, static_argnames=("most", "unroll"))
def _chain(x: Any, inputs: Any, targets: Any, most: int, unroll: int) -> Any:
    def move(e: Any, state: Any) -> Any:
        x, f, key = state
        key, drawn = jax.random.split(key)
        u = jax.random.uniform(drawn, (3,), jnp.float64)
        i = e % x.size
        there = x[i] + (2 * u[0] - 1) * STEP
        proposed = x.at[i].set(jnp.where(jnp.abs(there) > BOX, -BOX + 2 * BOX * u[1], there))
        new = _evaluate(proposed, inputs, targets, unroll)
        accepted = (new <= f) | (u[2] < jnp.exp((f - new) / TEMPERATURE))
        return jnp.where(accepted, proposed, x), jnp.where(accepted, new, f), key

    f = _evaluate(x, inputs, targets, unroll)
    return lax.fori_loop(1, most, move, (x, f, jax.random.key(0)))


def contestants(work: SearchWork, threads: int) -> list[Contestant]:
    """The chain with its scan as it is, and with a few steps at a time."""
    if work.unit != "evaluations/s":
        return []
    inputs, targets = (jnp.asarray(array) for array in work.data())
    few = 2000

    def run(most: int, unroll: int) -> Result:
        count = 0
        x, f = jnp.asarray(work.start()), None
        while count < most:  # what is compiled makes so many moves
            x, f, _ = _chain(x, inputs, targets, few, unroll)
            count += few
        return Result(count, jax.device_get(x), float(f) if f is not None else None)

    return [Contestant(f"JAX, unrolled {unroll}", partial(run, unroll=unroll), few) for unroll in (1, 5)]
