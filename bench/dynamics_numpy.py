"""NumPy on dynamics: everything in place, in chunks that stay in the cache; trajectories that are done are taken out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import dynamics_work as work
from workloads import FloatArray

Activate = Callable[[FloatArray, FloatArray], object]


def tanh(a: FloatArray, out: FloatArray) -> object:
    """NumPy's."""
    return np.tanh(a, out=out)


def tanh_by_exp(a: FloatArray, out: FloatArray) -> object:
    """1 - 2 / (1 + exp(2a)), which is the faster one where NumPy has no tanh for the processor's vectors; spoils a."""
    np.multiply(a, 2, out=a)
    np.exp(a, out=a)
    np.add(a, 1, out=a)
    np.divide(-2, a, out=out)
    return np.add(out, 1, out=out)


def basins(side: int, chunk: int, share: float, activate: Activate) -> work.Answer:
    """A chunk at a time; once fewer than `share` of it are under way, the others are taken out."""
    at, points = work.starts(side), work.attractors()
    (w_xx, w_xy), (w_yx, w_yy) = work.WEIGHT
    label, steps = np.full(len(at), -1, np.int32), np.full(len(at), work.MOST_STEPS, np.int32)
    for first in range(0, len(at), chunk):
        x, y = np.ascontiguousarray(at[first : first + chunk].T)
        run = np.arange(first, first + len(x))
        u, v, s = (np.empty(len(x)) for _ in range(3))
        near, also, done = (np.zeros(len(x), bool) for _ in range(3))
        going = len(x)
        for t in range(work.MOST_STEPS + 1):
            for number, (p_x, p_y) in enumerate(points):
                np.subtract(x, p_x, out=u)
                np.abs(u, out=u)
                np.less_equal(u, work.NEAR, out=near)
                if not near.any():
                    continue
                np.subtract(y, p_y, out=u)
                np.abs(u, out=u)
                np.less_equal(u, work.NEAR, out=also)
                near &= also
                np.greater(near, done, out=near)
                hit = np.flatnonzero(near)
                if len(hit):
                    done[hit] = True
                    label[run[hit]] = number
                    steps[run[hit]] = t
                    going -= len(hit)
            if going == 0 or t == work.MOST_STEPS:
                break
            if going < share * len(x):
                keep = ~done
                x, y, run = x[keep], y[keep], run[keep]
                u, v, s = u[:going], v[:going], s[:going]
                near, also, done = near[:going], also[:going], np.zeros(going, bool)
            np.multiply(x, w_xx, out=u)
            np.multiply(y, w_xy, out=s)
            u += s
            np.multiply(x, w_yx, out=v)
            np.multiply(y, w_yy, out=s)
            v += s
            activate(u, x)
            activate(v, y)
    return {"point": label, "steps": steps}


def surface(side: int, chunk: int) -> work.Answer:
    """Loss and gradient of a chunk of points at a time, derivatives carried along."""
    w_all, b_all = work.plane(side)
    loss, gradient = np.empty(len(w_all)), np.empty((len(w_all), 2))
    rows = np.empty((5, chunk))
    for first in range(0, len(w_all), chunk):
        w, b = w_all[first : first + chunk], b_all[first : first + chunk]
        h, by_w, by_b, a, slope = rows[:, : len(w)]
        h.fill(work.START)
        by_w.fill(0)
        by_b.fill(0)
        for _ in range(work.STEPS):
            by_w *= w
            by_w += h
            by_b *= w
            by_b += 1
            np.multiply(w, h, out=a)
            a += b
            np.negative(a, out=a)
            np.exp(a, out=a)
            a += 1
            np.divide(1, a, out=h)
            np.subtract(1, h, out=slope)
            slope *= h
            by_w *= slope
            by_b *= slope
        h -= work.TARGET
        here = slice(first, first + len(w))
        np.multiply(h, by_w, out=gradient[here, 0])
        np.multiply(h, by_b, out=gradient[here, 1])
        np.multiply(h, h, out=h)
        np.multiply(h, 0.5, out=loss[here])
    return {"loss": loss, "gradient": gradient}
