"""The workloads on gradients in NumPy, as fast as we can write them.

W2 is vectorised over the networks, in chunks that stay in the cache; the sums over units are written in three forms, the
gradient of the weights in two, and the fastest of all combinations counts. W3 and the LSTM keep all states and
derivatives, so that the gradients of the weights are one product over all steps; the products of a step go to BLAS with
``out=``, and a large minibatch may be cut into slices. Two threads are two threads over chunks in W2, and BLAS's own elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np

from gradient_work import Arrays, GradientWork, Peer, Plan, run_last, time_first
from workloads import FloatArray

CHUNKS = (256, 512, 1024, 2048, 4096)
Sums = Literal["einsum", "columns", "reduce"]
Gathering = Literal["every step", "at the end"]
SUMS: tuple[Sums, ...] = ("einsum", "columns", "reduce")
GATHERING: tuple[Gathering, ...] = ("every step", "at the end")


# ---- W2 ------------------------------------------------------------------------------------------------------------


@dataclass
class Chunk:
    """Some networks with ``run`` last: weights from j to i, their transpose, and so on."""

    w: FloatArray
    w_by_source: FloatArray
    u: FloatArray
    b: FloatArray
    v: FloatArray
    c: FloatArray
    x: FloatArray
    d: FloatArray


def chunk(parameters: Arrays, inputs: FloatArray, targets: FloatArray, part: slice) -> Chunk:
    """Take some networks out of ordinary arrays."""
    w = parameters["weight_hh_l0"][part]
    return Chunk(
        w=run_last(w),
        w_by_source=run_last(w.swapaxes(1, 2)),
        u=run_last(parameters["weight_ih_l0"][part, :, 0]),
        b=run_last(parameters["bias_ih_l0"][part]),
        v=run_last(parameters["weight_out"][part, 0]),
        c=np.ascontiguousarray(parameters["bias_out"][part, 0]),
        x=run_last(inputs[part, 0, :, 0]),
        d=np.ascontiguousarray(targets[part, 0, 0]),
    )


class Networks:
    """Loss and gradient of chunks of `n` networks; holds the memory for them."""

    def __init__(self, work: GradientWork, n: int, sums: Sums, gathering: Gathering) -> None:
        steps, units = work.length, work.hidden
        self.h, self.delta = np.zeros((steps + 1, units, n)), np.empty((steps, units, n))
        self.drive = np.empty((steps, units, n))
        self.square, self.row, self.g = np.empty((units, units, n)), np.empty((units, n)), np.empty((units, n))
        self.slope = np.empty((units, n))
        self.sums, self.gathering = sums, gathering

    def product(self, w: FloatArray, w_by_source: FloatArray, x: FloatArray, out: FloatArray) -> None:
        """``out[i] = sum over j of w[i, j] x[j]``."""
        if self.sums == "einsum":
            np.einsum("ijn,jn->in", w, x, out=out)
        elif self.sums == "reduce":
            np.multiply(w, x, self.square)
            np.add.reduce(self.square, axis=1, out=out)
        else:
            np.multiply(w_by_source[0], x[0], out)
            for column, value in zip(w_by_source[1:], x[1:], strict=True):
                np.multiply(column, value, self.row)
                np.add(out, self.row, out)

    def gradient(self, chunk: Chunk) -> Arrays:
        """Loss and gradient, ``run`` last."""
        h, delta, slope, g = self.h, self.delta, self.slope, self.g
        np.multiply(chunk.x[:, None, :], chunk.u, self.drive)
        np.add(self.drive, chunk.b, self.drive)
        for t, drive in enumerate(self.drive):
            after = h[t + 1]
            self.product(chunk.w, chunk.w_by_source, h[t], after)
            np.add(after, drive, after)
            np.tanh(after, after)
        error = np.einsum("in,in->n", chunk.v, h[-1]) + chunk.c - chunk.d
        np.multiply(chunk.v, error, g)
        dw = np.zeros_like(chunk.w)
        for t in range(len(delta) - 1, -1, -1):
            np.multiply(h[t + 1], h[t + 1], slope)
            np.subtract(1.0, slope, slope)
            np.multiply(g, slope, delta[t])
            if t:
                if self.gathering == "every step":
                    np.multiply(delta[t][:, None], h[t], self.square)
                    np.add(dw, self.square, dw)
                self.product(chunk.w_by_source, chunk.w, delta[t], g)
        if self.gathering == "at the end":
            np.einsum("tin,tjn->ijn", delta, h[:-1], out=dw)
        return {
            "loss": 0.5 * error * error,
            "weight_hh_l0": dw,
            "weight_ih_l0": np.einsum("tin,tn->in", delta, chunk.x)[:, None],
            "bias_ih_l0": np.add.reduce(delta, axis=0),
            "weight_out": (error * h[-1])[None],
            "bias_out": error[None],
        }


def networks(work: GradientWork, threads: int) -> Peer:
    """W2: every combination of chunk size and form."""
    parameters, data = work.parameters(), work.data()
    pool = ThreadPoolExecutor(threads)
    plans = []
    for size in [size for size in CHUNKS if size * threads <= work.runs] or [work.runs]:
        parts = [slice(start, start + size) for start in range(0, work.runs, size)]
        convert = partial(chunk, parameters, *data)
        ready = None if work.run_first else [convert(part) for part in parts]
        for sums in SUMS:
            for gathering in GATHERING:
                memory = [Networks(work, size, sums, gathering) for _ in range(threads)]
                run = partial(_all_chunks, memory, parts, ready, convert, pool)
                plans.append(Plan(f"{sums}, dW {gathering}, chunk {size}", run, _joined))
    return Peer("NumPy", plans)


def _all_chunks(
    memory: list[Networks],
    parts: list[slice],
    ready: list[Chunk] | None,
    convert: Callable[[slice], Chunk],
    pool: ThreadPoolExecutor,
) -> list[Arrays]:
    def share(k: int) -> list[Arrays]:
        mine = range(k, len(parts), len(memory))
        return [memory[k].gradient(ready[i] if ready else convert(parts[i])) for i in mine]

    if len(memory) == 1:
        return share(0)
    shares = [job.result() for job in [pool.submit(share, k) for k in range(len(memory))]]
    return [shares[i % len(memory)][i // len(memory)] for i in range(len(parts))]


def _joined(found: list[Arrays]) -> Arrays:
    return {name: np.moveaxis(np.concatenate([each[name] for each in found], axis=-1), -1, 0) for name in found[0]}


# ---- W3 ------------------------------------------------------------------------------------------------------------


class Network:
    """W3 for a slice of the minibatch: rows are sequences."""

    def __init__(self, work: GradientWork, size: int) -> None:
        shape = (work.length, size, work.hidden)
        self.h, self.delta = np.zeros((work.length + 1, *shape[1:])), np.empty(shape)
        self.drive, self.g = np.empty(shape), np.empty(shape[1:])

    def gradient(self, p: Arrays, x: FloatArray, d: FloatArray, scale: float) -> Arrays:
        """Loss and gradient of the sum over the slice, times `scale`; `x` ``(time, batch, features)``."""
        h, delta, g, w = self.h, self.delta, self.g, p["weight_hh_l0"]
        forward = np.ascontiguousarray(w.T)  # BLAS is up to 1.4 times as fast without a transposed operand
        np.matmul(x, p["weight_ih_l0"].T, out=self.drive)
        np.add(self.drive, p["bias_ih_l0"], self.drive)
        for t, drive in enumerate(self.drive):
            after = h[t + 1]
            np.matmul(h[t], forward, out=after)
            np.add(after, drive, after)
            np.tanh(after, after)
        error = h[-1] @ p["weight_out"].T + p["bias_out"] - d
        np.matmul(scale * error, p["weight_out"], out=g)
        np.multiply(h[1:], h[1:], delta)
        np.subtract(1.0, delta, delta)
        for t in range(len(delta) - 1, -1, -1):
            np.multiply(delta[t], g, delta[t])
            if t:
                np.matmul(delta[t], w, out=g)
        rows = delta.reshape(-1, w.shape[0])
        return {
            "loss": np.asarray(0.5 * scale * np.vdot(error, error)),
            "weight_hh_l0": rows.T @ h[:-1].reshape(rows.shape),
            "weight_ih_l0": rows.T @ x.reshape(len(rows), -1),
            "bias_ih_l0": np.add.reduce(rows, axis=0),
            "weight_out": scale * (error.T @ h[-1]),
            "bias_out": scale * np.add.reduce(error, axis=0),
        }


class Lstm:
    """The LSTM for a slice of the minibatch; gates in PyTorch's order: input, forget, cell, output."""

    def __init__(self, work: GradientWork, size: int) -> None:
        steps, n = work.length, work.hidden
        self.h, self.c = np.zeros((2, steps + 1, size, n))
        self.gates, self.delta = np.empty((2, steps, size, 4 * n))
        self.tanh_c, self.n = np.empty((steps, size, n)), n
        # views taken once: input, forget, cell, output at every step
        self.by_gate = [[gate[:, k * n : (k + 1) * n] for k in range(4)] for gate in self.gates]
        self.delta_by_gate = [[delta[:, k * n : (k + 1) * n] for k in range(4)] for delta in self.delta]

    def gradient(self, p: Arrays, x: FloatArray, d: FloatArray, scale: float) -> Arrays:
        """Loss and gradient of the sum over the slice, times `scale`; `x` ``(time, batch, features)``."""
        n, h, c, gates, delta = self.n, self.h, self.c, self.gates, self.delta
        w, forward = p["weight_hh_l0"], np.ascontiguousarray(p["weight_hh_l0"].T)
        np.matmul(x, p["weight_ih_l0"].T, out=delta)
        np.add(delta, p["bias_ih_l0"], delta)
        candidate = slice(2 * n, 3 * n)
        half = np.full(4 * n, 0.5)
        half[candidate] = 1.0  # logistic(a) = (1 + tanh(a / 2)) / 2, all gates by one tanh
        for t, drive in enumerate(delta):
            gate = gates[t]
            np.matmul(h[t], forward, out=gate)
            np.add(gate, drive, gate)
            np.multiply(gate, half, gate)
            np.tanh(gate, gate)
            np.multiply(gate, half, gate)
            np.add(gate, 1.0 - half, gate)
            i, f, g, o = self.by_gate[t]
            np.multiply(f, c[t], c[t + 1])
            np.add(c[t + 1], i * g, c[t + 1])
            np.tanh(c[t + 1], self.tanh_c[t])
            np.multiply(o, self.tanh_c[t], h[t + 1])
        error = h[-1] @ p["weight_out"].T + p["bias_out"] - d
        dh = (scale * error) @ p["weight_out"]
        dc = np.zeros_like(dh)
        np.subtract(1.0, gates, delta)
        np.multiply(delta, gates, delta)
        np.subtract(1.0, gates[:, :, candidate] ** 2, delta[:, :, candidate])
        slope_c = 1.0 - self.tanh_c**2
        for t in range(len(delta) - 1, -1, -1):
            i, f, g, o = self.by_gate[t]
            dc += dh * o * slope_c[t]
            factors = (dc * g, dc * c[t], dc * i, dh * self.tanh_c[t])
            for part, factor in zip(self.delta_by_gate[t], factors, strict=True):
                np.multiply(part, factor, part)
            dc *= f
            if t:
                np.matmul(delta[t], w, out=dh)
        rows = delta.reshape(-1, 4 * n)
        return {
            "loss": np.asarray(0.5 * scale * np.vdot(error, error)),
            "weight_hh_l0": rows.T @ h[:-1].reshape(len(rows), n),
            "weight_ih_l0": rows.T @ x.reshape(len(rows), -1),
            "bias_ih_l0": np.add.reduce(rows, axis=0),
            "weight_out": scale * (error.T @ h[-1]),
            "bias_out": scale * np.add.reduce(error, axis=0),
        }


def network(work: GradientWork, threads: int) -> Peer:
    """W3 and the LSTM: the minibatch whole and in slices."""
    parameters, (inputs, targets) = work.parameters(), work.data()
    kind = Lstm if work.kind == "lstm" else Network
    plans: list[Plan] = []
    for size in (work.batch, 50, 25):
        if size > work.batch or (size == work.batch and plans):
            continue
        memory = kind(work, size)
        cuts = range(0, work.batch, size)
        slices = [(time_first(inputs[cut : cut + size]), targets[cut : cut + size]) for cut in cuts]

        def run(memory: Network | Lstm = memory, slices: list[tuple[FloatArray, FloatArray]] = slices) -> Arrays:
            total = memory.gradient(parameters, *slices[0], 1.0 / work.batch)
            for x, d in slices[1:]:
                for name, value in memory.gradient(parameters, x, d, 1.0 / work.batch).items():
                    total[name] = total[name] + value
            return total

        plans.append(Plan(f"slices of {size}", run, dict))
    return Peer("NumPy", plans)


# ---- products of Jacobians -----------------------------------------------------------------------------------------


def slopes_of(work: GradientWork, p: Arrays, x: FloatArray) -> FloatArray:
    """Derivatives of tanh at every step, `x` ``(time, features)``."""
    w = p["weight_hh_l0"]
    h = np.zeros(work.hidden)
    slopes = x @ p["weight_ih_l0"].T + p["bias_ih_l0"]
    for slope in slopes:
        np.tanh(w @ h + slope, h)
        np.subtract(1.0, h * h, slope)
    return slopes


def frobenius(work: GradientWork, p: Arrays, x: FloatArray) -> FloatArray:
    """Norms one by one, in the memory of two products."""
    w = p["weight_hh_l0"]
    product, scaled = np.eye(work.hidden), np.empty((work.hidden, work.hidden))
    flat = product.reshape(-1)
    squares = np.empty(work.length + 1)
    squares[0] = work.hidden
    for lag, slope in enumerate(slopes_of(work, p, x)[::-1], 1):
        np.multiply(product, slope, scaled)
        np.dot(scaled, w, product)
        squares[lag] = np.dot(flat, flat)
    return np.sqrt(squares)


def chain(work: GradientWork, p: Arrays, x: FloatArray) -> FloatArray:
    """dh_T/dh_{T - lag} for all lags."""
    products = np.empty((work.length + 1, work.hidden, work.hidden))
    products[0] = np.eye(work.hidden)
    for lag, slope in enumerate(slopes_of(work, p, x)[::-1]):
        np.matmul(products[lag] * slope, p["weight_hh_l0"], out=products[lag + 1])
    return products


def by_svd(work: GradientWork, p: Arrays, x: FloatArray) -> FloatArray:
    """Largest singular values from LAPACK's batched SVD."""
    return np.asarray(np.linalg.svd(chain(work, p, x), compute_uv=False)[:, 0])


def by_eigenvalues(work: GradientWork, p: Arrays, x: FloatArray) -> FloatArray:
    """Largest singular values as roots of the largest eigenvalues of ``P P^T``: the largest one loses no digits by it."""
    products = chain(work, p, x)
    return np.asarray(np.sqrt(np.linalg.eigvalsh(products @ products.swapaxes(1, 2))[:, -1]))


def jacobians(work: GradientWork, name: str, norms: Callable[[GradientWork, Arrays, FloatArray], FloatArray]) -> Peer:
    """Norms of the products for every lag."""
    parameters, (inputs, _) = work.parameters(), work.data()

    def run() -> FloatArray:
        return np.stack([norms(work, parameters, x) for x in inputs])

    return Peer(name, [Plan("one chain after the other", run, lambda found: {work.kind: found})])


def peers(work: GradientWork, threads: int) -> list[Peer]:
    """What this library offers for a workload."""
    if work.kind == "networks":
        return [networks(work, threads)]
    if work.kind == "frobenius":
        return [jacobians(work, "NumPy", frobenius)]
    if work.kind == "spectral":
        return [jacobians(work, "NumPy, SVD", by_svd), jacobians(work, "NumPy, eigenvalues of PPᵀ", by_eigenvalues)]
    return [network(work, threads)]
