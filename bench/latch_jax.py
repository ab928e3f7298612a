"""W1 in JAX, compiled as a whole: a loop over presentations, in it scans over the steps there and back, ``run`` last."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from workloads import FloatArray, LatchSweep

# without their types: what is traced is not what the types say
jax: Any = import_module("jax")
jax.config.update("jax_enable_x64", True)
jnp: Any = jax.numpy
lax: Any = jax.lax

UNROLL = (1, 5)
NORMALS = ("float32", "float64")  # precision in which noise is drawn; the engine's has that of float32


@partial(jax.jit, static_argnames=("work", "normals", "unroll"))
def _train(w: Any, inputs: Any, key: Any, presentations: Any, work: LatchSweep, normals: str, unroll: int) -> Any:
    def forward(x: Any, following: Any) -> Any:
        w, drive = following
        after = jnp.tanh(w * x + drive)
        return after, after

    def present(p: Any, state: Any) -> Any:
        w, inputs, key = state
        key, drawn = jax.random.split(key)
        noise = jax.random.normal(drawn, (work.length - work.prefix, work.runs), normals).astype(float)
        shown = inputs[p % 2]
        drives = jnp.concatenate([shown, work.noise_std * noise])
        last, x = lax.scan(lambda x, drive: forward(x, (w, drive)), jnp.zeros_like(w), drives, unroll=unroll)

        def backward(state: Any, of: Any) -> Any:
            g, dw = state
            after, before = of
            delta = g * (1.0 - after * after)
            return (delta * w, dw + delta * before), delta

        before = jnp.concatenate([jnp.zeros_like(w)[None], x[:-1]])
        error = last - jnp.where(p % 2 == 1, work.target, -work.target)
        (_, dw), delta = lax.scan(backward, (error, jnp.zeros_like(w)), (x, before), reverse=True, unroll=unroll)
        inputs = inputs.at[p % 2].set(shown - work.learning_rate * delta[: work.prefix])
        return w - work.learning_rate * dw, inputs, key

    return lax.fori_loop(0, presentations, present, (w, inputs, key))[0]


def run(work: LatchSweep, normals: str, unroll: int) -> FloatArray:
    """Final weights of all runs."""
    w, inputs = work.initial_parameters()
    # how many presentations there are is no part of what is compiled
    of = LatchSweep(**{**vars(work), "presentations": 0})
    found = _train(w, inputs, jax.random.key(0), work.presentations, of, normals, unroll)
    return np.asarray(jax.block_until_ready(found))
