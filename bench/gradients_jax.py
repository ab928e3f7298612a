"""The workloads on gradients in JAX, compiled as a whole.

Every form is there with several unrollings of the scan, by JAX's own reverse mode and with the backward pass written by hand
(the gradient of the weights then is one product over all steps). Arrays are on the device beforehand, except for W2 with
``run`` first, where NumPy's arrays come in and the compiled function rearranges them.
"""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from gradient_work import Arrays, GradientWork, Peer, Plan, answer_of, run_last, time_first

# without their types: what is traced is not what the types say
jax: Any = import_module("jax")
jax.config.update("jax_enable_x64", True)
jnp: Any = jax.numpy
scan: Any = jax.lax.scan

UNROLL = (1, 5, 10)


def _plan(name: str, function: Any, *arguments: Any, names: Any = answer_of) -> Plan:
    compiled = jax.jit(function)
    return Plan(name, lambda: jax.block_until_ready(compiled(*arguments)), lambda found: names(*found))


# ---- one network ---------------------------------------------------------------------------------------------------


def _last_state(work: GradientWork, unroll: int, p: Any, x: Any) -> Any:
    """The last state of a network (or of all sequences of a minibatch), `x` ``(time, ..., features)``."""
    drives = x @ p["weight_ih_l0"].T + p["bias_ih_l0"]
    start = jnp.zeros((*x.shape[1:-1], work.hidden))
    w = p["weight_hh_l0"].T

    def vanilla(h: Any, drive: Any) -> Any:
        return jnp.tanh(h @ w + drive), None

    def lstm(state: Any, drive: Any) -> Any:
        h, c = state
        i, f, g, o = jnp.split(h @ w + drive, 4, axis=-1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    if work.kind == "lstm":
        return scan(lstm, (start, start), drives, unroll=unroll)[0][0]
    return scan(vanilla, start, drives, unroll=unroll)[0]


def _loss(work: GradientWork, unroll: int, p: Any, x: Any, d: Any) -> Any:
    y = _last_state(work, unroll, p, x) @ p["weight_out"].T + p["bias_out"]
    return 0.5 * jnp.sum((y - d) ** 2) / work.batch


def _by_hand(work: GradientWork, unroll: int, p: Any, x: Any, d: Any) -> Any:
    w = p["weight_hh_l0"]

    def forward(h: Any, drive: Any) -> Any:
        after = jnp.tanh(h @ w.T + drive)
        return after, after

    def backward(g: Any, h: Any) -> Any:
        delta = g * (1.0 - h * h)
        return delta @ w, delta

    drives = x @ p["weight_ih_l0"].T + p["bias_ih_l0"]
    last, h = scan(forward, jnp.zeros((work.batch, work.hidden)), drives, unroll=unroll)
    error = last @ p["weight_out"].T + p["bias_out"] - d
    scaled = error / work.batch
    _, delta = scan(backward, scaled @ p["weight_out"], h, reverse=True, unroll=unroll)
    gradient = {
        "weight_hh_l0": jnp.einsum("tbi,tbj->ij", delta[1:], h[:-1]),
        "weight_ih_l0": jnp.einsum("tbi,tbj->ij", delta, x),
        "bias_ih_l0": delta.sum((0, 1)),
        "weight_out": scaled.T @ last,
        "bias_out": scaled.sum(0),
    }
    return 0.5 * jnp.sum(error**2) / work.batch, gradient


def _parameters(work: GradientWork) -> Arrays:
    return {name: value for name, value in work.parameters().items() if name != "bias_hh_l0"}


def network(work: GradientWork) -> list[Peer]:
    """W3 and the LSTM."""
    inputs, targets = work.data()
    data = (jax.device_put(_parameters(work)), jnp.asarray(time_first(inputs)), jnp.asarray(targets))
    plans = []
    for u in UNROLL:
        plans.append(_plan(f"grad of the scan, unroll {u}", jax.value_and_grad(partial(_loss, work, u)), *data))
        if work.kind == "network":
            plans.append(_plan(f"backward by hand, unroll {u}", partial(_by_hand, work, u), *data))
    return [Peer("JAX, jit", plans)]


# ---- many networks -------------------------------------------------------------------------------------------------


def _each(work: GradientWork, unroll: int, p: Any, x: Any, d: Any) -> Any:
    return jax.vmap(jax.value_and_grad(partial(_loss, work, unroll)))(p, x, d)


def _runs_last(work: GradientWork, unroll: int, p: Any, x: Any, d: Any) -> Any:
    """Sum of all losses (their gradients do not mix), ``run`` last; the losses beside it."""
    w, u, b = p["weight_hh_l0"], p["weight_ih_l0"][:, 0], p["bias_ih_l0"]

    def step(h: Any, now: Any) -> Any:
        return jnp.tanh(jnp.sum(w * h, axis=1) + u * now + b), None

    h, _ = scan(step, jnp.zeros_like(u), x, unroll=unroll)
    loss = 0.5 * (jnp.sum(p["weight_out"][0] * h, axis=0) + p["bias_out"][0] - d) ** 2
    return jnp.sum(loss), loss


def _runs_last_by_hand(work: GradientWork, unroll: int, p: Any, x: Any, d: Any) -> Any:
    w, u, b, v = p["weight_hh_l0"], p["weight_ih_l0"][:, 0], p["bias_ih_l0"], p["weight_out"][0]

    def forward(h: Any, now: Any) -> Any:
        after = jnp.tanh(jnp.sum(w * h, axis=1) + u * now + b)
        return after, h

    def backward(state: Any, step: Any) -> Any:
        g, after, dw, du, db = state
        before, now = step
        delta = g * (1.0 - after * after)
        dw = dw + delta[:, None] * before
        return (jnp.sum(w * delta[:, None], axis=0), before, dw, du + delta * now, db + delta), None

    last, before = scan(forward, jnp.zeros_like(u), x, unroll=unroll)
    error = jnp.sum(v * last, axis=0) + p["bias_out"][0] - d
    start = (v * error, last, jnp.zeros_like(w), jnp.zeros_like(u), jnp.zeros_like(b))
    (_, _, dw, du, db), _ = scan(backward, start, (before, x), reverse=True, unroll=unroll)
    gradient = {"weight_hh_l0": dw, "weight_ih_l0": du[:, None], "bias_ih_l0": db}
    return 0.5 * error**2, gradient | {"weight_out": (error * last)[None], "bias_out": error[None]}


def networks(work: GradientWork) -> list[Peer]:
    """W2: network by network under vmap, and with ``run`` as the last axis."""
    parameters, (inputs, targets) = _parameters(work), work.data()
    mapped, last = Peer("JAX, jit(vmap(grad))"), Peer("JAX, jit, run last")
    for u in UNROLL:

        def by_network(p: Any, x: Any, d: Any, unroll: int = u) -> Any:
            return _each(work, unroll, p, x[:, 0, :, None, :], d)

        def by_grad(p: Any, x: Any, d: Any, unroll: int = u) -> Any:
            (_, loss), gradient = jax.value_and_grad(partial(_runs_last, work, unroll), has_aux=True)(p, x, d)
            return loss, gradient

        def by_hand(p: Any, x: Any, d: Any, unroll: int = u) -> Any:
            return _runs_last_by_hand(work, unroll, p, x, d)

        if work.run_first:
            mapped.plans.append(_plan(f"unroll {u}", by_network, parameters, inputs, targets))
        else:
            on_device = jax.device_put((parameters, inputs, targets))
            mapped.plans.append(_plan(f"unroll {u}", by_network, *on_device))
        for name, form in (("grad", by_grad), ("backward by hand", by_hand)):
            if work.run_first:

                def converted(p: Any, x: Any, d: Any, form: Any = form) -> Any:
                    there = {name: jnp.moveaxis(value, 0, -1) for name, value in p.items()}
                    return form(there, x[:, 0, :, 0].T, d[:, 0, 0])

                plan = _plan(f"{name}, unroll {u}", converted, parameters, inputs, targets, names=_run_first)
            else:
                there = jax.device_put({name: run_last(value) for name, value in parameters.items()})
                data = jax.device_put((run_last(inputs[:, 0, :, 0]), np.ascontiguousarray(targets[:, 0, 0])))
                plan = _plan(f"{name}, unroll {u}", form, there, *data, names=_run_first)
            last.plans.append(plan)
    return [mapped, last]


def _run_first(loss: Any, gradient: Any) -> Arrays:
    return answer_of(loss, {name: np.moveaxis(np.asarray(value), -1, 0) for name, value in gradient.items()})


# ---- products of Jacobians -----------------------------------------------------------------------------------------


def _norms(work: GradientWork, unroll: int, p: Any, inputs: Any) -> Any:
    w = p["weight_hh_l0"]

    def forward(h: Any, drive: Any) -> Any:
        after = jnp.tanh(h @ w.T + drive)
        return after, 1.0 - after * after

    def onwards(product: Any, slope: Any) -> Any:
        following = (product * slope) @ w
        return following, jnp.sum(following**2) if work.kind == "frobenius" else following

    def one(x: Any) -> Any:
        drives = x @ p["weight_ih_l0"].T + p["bias_ih_l0"]
        _, slopes = scan(forward, jnp.zeros(work.hidden), drives, unroll=unroll)
        start = jnp.eye(work.hidden)
        _, found = scan(onwards, start, slopes, reverse=True, unroll=unroll)
        found = found[::-1]
        if work.kind == "frobenius":
            return jnp.sqrt(jnp.concatenate([jnp.array([float(work.hidden)]), found]))
        products = jnp.concatenate([start[None], found])
        return jnp.linalg.svd(products, compute_uv=False)[:, 0]

    return (jax.vmap(one)(inputs),)


def jacobians(work: GradientWork) -> list[Peer]:
    """Norms of the products for every lag."""
    data = jax.device_put((_parameters(work), work.data()[0]))
    plans = []
    for u in UNROLL[:2]:
        plans.append(
            _plan(f"unroll {u}", partial(_norms, work, u), *data, names=lambda found: {work.kind: np.asarray(found)})
        )
    return [Peer("JAX, jit" if work.kind == "frobenius" else "JAX, SVD", plans)]


def peers(work: GradientWork, threads: int) -> list[Peer]:
    """What this library offers for a workload; its threads are set by the environment."""
    if work.kind == "networks":
        return networks(work)
    return jacobians(work) if work.kind in ("frobenius", "spectral") else network(work)
