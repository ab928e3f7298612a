"""The workloads on gradients in Numba.

W2 three times: one network after the other, shared out by ``prange``; lanes of networks with NumPy's tanh and all fast-math
licences; and the same lanes with the branch-free tanh of `peer_numba`, which is the engine's own method ported by hand. W3 and
the Jacobians call BLAS from compiled code, with the pointwise parts in one loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import peer_numba
from gradient_work import Arrays, GradientWork, Peer, Plan, time_first
from workloads import FloatArray

if not peer_numba.AVAILABLE:
    raise ImportError(peer_numba.REASON)

Kernel = Callable[..., Any]
nb: Any = peer_numba.nb
Decorator = peer_numba.Decorator
inline: Decorator = nb.njit(inline="always")
serial: Decorator = nb.njit(fastmath={"contract"}, error_model="numpy", boundscheck=False)
parallel: Decorator = nb.njit(parallel=True, fastmath=True, error_model="numpy")
UNITS = 5  # a constant for the compiler, which unrolls the sums
LANES = (16, 32, 64, 128)


@inline
def _library_tanh(x: Any) -> Any:
    return np.tanh(x)


# ---- W2 ------------------------------------------------------------------------------------------------------------


@parallel
def _by_network(w: Any, u: Any, b: Any, v: Any, c: Any, x: Any, d: Any) -> Any:
    """Ordinary arrays, ``run`` first."""
    runs, steps = x.shape
    loss, dc = np.empty(runs), np.empty(runs)
    dw, du, db, dv = np.zeros(w.shape), np.zeros(u.shape), np.zeros(b.shape), np.empty(v.shape)
    for r in nb.prange(runs):
        h = np.zeros((steps + 1, UNITS))
        g, delta = np.empty(UNITS), np.empty(UNITS)
        for t in range(steps):
            for i in range(UNITS):
                a = b[r, i] + u[r, i] * x[r, t]
                for j in range(UNITS):
                    a += w[r, i, j] * h[t, j]
                h[t + 1, i] = np.tanh(a)
        error = c[r] - d[r]
        for i in range(UNITS):
            error += v[r, i] * h[steps, i]
        loss[r], dc[r] = 0.5 * error * error, error
        for i in range(UNITS):
            dv[r, i] = error * h[steps, i]
            g[i] = error * v[r, i]
        for t in range(steps - 1, -1, -1):
            for i in range(UNITS):
                delta[i] = g[i] * (1.0 - h[t + 1, i] * h[t + 1, i])
                db[r, i] += delta[i]
                du[r, i] += delta[i] * x[r, t]
                g[i] = 0.0
            for i in range(UNITS):
                for j in range(UNITS):
                    dw[r, i, j] += delta[i] * h[t, j]
                    g[j] += w[r, i, j] * delta[i]
    return loss, dw, du, db, dv, dc


def _lane_kernel(tanh: Kernel, fastmath: Any) -> Kernel:
    """Compile the kernel over blocks of lanes, arrays ``(block, ..., lane)``, with this tanh."""

    lanes_kernel: Decorator = nb.njit(fastmath=fastmath, error_model="numpy", boundscheck=False)

    @lanes_kernel
    def block(w: Any, u: Any, b: Any, v: Any, c: Any, x: Any, d: Any, out: Any, loss: Any) -> None:
        steps, lanes = x.shape
        h = np.zeros((steps + 1, UNITS, lanes))
        g, delta = np.empty((UNITS, lanes)), np.empty((UNITS, lanes))
        dw, du, db, dv, dc = out[0:25], out[25:30], out[30:35], out[35:40], out[40]
        for t in range(steps):
            before, after, now = h[t], h[t + 1], x[t]
            for i in range(UNITS):
                for k in range(lanes):
                    a = b[i, k] + u[i, k] * now[k]
                    for j in range(UNITS):
                        a += w[i, j, k] * before[j, k]
                    after[i, k] = tanh(a)
        for k in range(lanes):
            error = c[k] - d[k]
            for i in range(UNITS):
                error += v[i, k] * h[steps, i, k]
            loss[k] = 0.5 * error * error
            dc[k] = error
        for i in range(UNITS):
            for k in range(lanes):
                dv[i, k] = dc[k] * h[steps, i, k]
                g[i, k] = dc[k] * v[i, k]
        for t in range(steps - 1, -1, -1):
            before, after, now = h[t], h[t + 1], x[t]
            for i in range(UNITS):
                for k in range(lanes):
                    e = g[i, k] * (1.0 - after[i, k] * after[i, k])
                    delta[i, k] = e
                    db[i, k] += e
                    du[i, k] += e * now[k]
                    for j in range(UNITS):
                        dw[i * UNITS + j, k] += e * before[j, k]
            for j in range(UNITS):
                for k in range(lanes):
                    s = 0.0
                    for i in range(UNITS):
                        s += w[i, j, k] * delta[i, k]
                    g[j, k] = s

    @parallel
    def blocks(w: Any, u: Any, b: Any, v: Any, c: Any, x: Any, d: Any) -> Any:
        out = np.zeros((x.shape[0], UNITS * UNITS + 3 * UNITS + 1, x.shape[2]))
        loss = np.empty((x.shape[0], x.shape[2]))
        for k in nb.prange(x.shape[0]):
            block(w[k], u[k], b[k], v[k], c[k], x[k], d[k], out[k], loss[k])
        return loss, out

    compiled: Kernel = blocks
    return compiled


def _in_blocks(array: FloatArray, lanes: int) -> FloatArray:
    """``(run, ...)`` as ``(block, ..., lane)``."""
    return np.ascontiguousarray(np.moveaxis(array.reshape(-1, lanes, *array.shape[1:]), 1, -1))


def _from_blocks(found: tuple[FloatArray, FloatArray]) -> Arrays:
    loss, out = found[0].reshape(-1), np.moveaxis(found[1], -1, 1).reshape(found[0].size, -1)
    cuts = {
        "weight_hh_l0": (0, 25, (5, 5)),
        "weight_ih_l0": (25, 30, (5, 1)),
        "bias_ih_l0": (30, 35, (5,)),
        "weight_out": (35, 40, (1, 5)),
        "bias_out": (40, 41, (1,)),
    }
    return {"loss": loss} | {
        name: out[:, start:stop].reshape(-1, *shape) for name, (start, stop, shape) in cuts.items()
    }


def _from_networks(found: tuple[FloatArray, ...]) -> Arrays:
    loss, dw, du, db, dv, dc = found
    one = {"weight_ih_l0": du[:, :, None], "weight_out": dv[:, None], "bias_out": dc[:, None]}
    return {"loss": loss, "weight_hh_l0": dw, "bias_ih_l0": db} | one


def networks(work: GradientWork) -> list[Peer]:
    """W2 in its three forms."""
    p, (inputs, targets) = work.parameters(), work.data()
    names = ("weight_hh_l0", "weight_ih_l0", "bias_ih_l0", "weight_out", "bias_out")
    w, u, b, v, c = (p[name] for name in names)
    arrays = (w, u[:, :, 0], b, v[:, 0], c[:, 0], inputs[:, 0, :, 0], targets[:, 0, 0])
    plain = [np.ascontiguousarray(array) for array in arrays]
    found = [Peer("Numba, network by network", [Plan("prange", partial(_by_network, *plain), _from_networks)])]
    forms = (("Numba, lanes", _library_tanh, True), ("Numba, lanes and an own tanh", peer_numba._tanh, {"contract"}))
    for name, tanh, fastmath in forms:
        kernel = _lane_kernel(tanh, fastmath)
        peer = Peer(name, expert=tanh is not _library_tanh)
        for lanes in LANES:
            if work.run_first:

                def run(kernel: Any = kernel, lanes: int = lanes) -> Any:
                    return kernel(*(_in_blocks(array, lanes) for array in arrays))

            else:
                run = partial(kernel, *(_in_blocks(array, lanes) for array in arrays))
            peer.plans.append(Plan(f"blocks of {lanes}", run, _from_blocks))
        found.append(peer)
    return found


# ---- W3 and the Jacobians ------------------------------------------------------------------------------------------


def _network_kernel(tanh: Kernel) -> Kernel:
    @serial
    def gradient(w: Any, u: Any, b: Any, v: Any, c: Any, x: Any, d: Any, h: Any, delta: Any, drive: Any, g: Any) -> Any:
        """Rows are sequences; `h` ``(time + 1, batch, hidden)``, `delta` and `drive` ``(time, batch, hidden)``."""
        steps, batch, units = delta.shape
        forward = np.ascontiguousarray(w.T)
        np.dot(x.reshape(steps * batch, -1), np.ascontiguousarray(u.T), drive.reshape(steps * batch, units))
        for t in range(steps):
            np.dot(h[t], forward, g)
            after, given = h[t + 1], drive[t]
            for k in range(batch):
                for i in range(units):
                    after[k, i] = tanh(g[k, i] + given[k, i] + b[i])
        last = h[steps]
        error = np.dot(last, np.ascontiguousarray(v.T)) + c - d
        scaled = error / batch
        np.dot(scaled, v, g)
        for t in range(steps - 1, -1, -1):
            after, this = h[t + 1], delta[t]
            for k in range(batch):
                for i in range(units):
                    this[k, i] = g[k, i] * (1.0 - after[k, i] * after[k, i])
            if t:
                np.dot(this, w, g)
        rows = delta.reshape(steps * batch, units)
        dw = np.dot(rows.T, h[:steps].reshape(steps * batch, units))
        du = np.dot(rows.T, x.reshape(steps * batch, -1))
        db = np.sum(rows, axis=0)
        return 0.5 * np.sum(error * error) / batch, dw, du, db, np.dot(scaled.T, last), np.sum(scaled, axis=0)

    compiled: Kernel = gradient
    return compiled


def network(work: GradientWork) -> list[Peer]:
    """W3 with products by BLAS, and the tanh of the library or the own one."""
    p, (inputs, targets) = work.parameters(), work.data()
    names = ("weight_hh_l0", "weight_ih_l0", "bias_ih_l0", "weight_out", "bias_out")
    arrays = [p[name] for name in names]
    shape = (work.length, work.batch, work.hidden)
    memory = (np.zeros((work.length + 1, *shape[1:])), np.empty(shape), np.empty(shape), np.empty(shape[1:]))

    def answer(found: tuple[Any, ...]) -> Arrays:
        return {"loss": np.asarray(found[0])} | dict(zip(names, found[1:], strict=True))

    found = []
    for name, tanh in (("Numba, BLAS", _library_tanh), ("Numba, BLAS and an own tanh", peer_numba._tanh)):
        run = partial(_network_kernel(tanh), *arrays, time_first(inputs), targets, *memory)
        found.append(Peer(name, [Plan("rows are sequences", run, answer)], expert=tanh is not _library_tanh))
    return found


@serial
def _chain_norms(w: Any, u: Any, b: Any, x: Any) -> Any:
    steps, units = x.shape[0], w.shape[0]
    slopes = np.empty((steps, units))
    h = np.zeros(units)
    for t in range(steps):
        h = np.tanh(np.dot(w, h) + np.dot(u, x[t]) + b)
        slopes[t] = 1.0 - h * h
    product, scaled = np.eye(units), np.empty((units, units))
    norms = np.empty(steps + 1)
    norms[0] = np.sqrt(units)
    for lag in range(steps):
        slope = slopes[steps - 1 - lag]
        for i in range(units):
            for j in range(units):
                scaled[i, j] = product[i, j] * slope[j]
        np.dot(scaled, w, product)
        flat = product.reshape(units * units)
        norms[lag + 1] = np.sqrt(np.dot(flat, flat))
    return norms


def jacobians(work: GradientWork) -> list[Peer]:
    """Frobenius norms of the products for every lag."""
    p, (inputs, _) = work.parameters(), work.data()
    arrays = [p[name] for name in ("weight_hh_l0", "weight_ih_l0", "bias_ih_l0")]

    def run() -> FloatArray:
        return np.stack([_chain_norms(*arrays, x) for x in inputs])

    return [Peer("Numba, BLAS", [Plan("one chain after the other", run, lambda found: {work.kind: found})])]


def peers(work: GradientWork, threads: int) -> list[Peer]:
    """What this library offers for a workload."""
    nb.set_num_threads(min(threads, nb.config.NUMBA_NUM_THREADS))
    if work.kind == "networks":
        return networks(work)
    if work.kind == "network":
        return network(work)
    return jacobians(work) if work.kind == "frobenius" else []
