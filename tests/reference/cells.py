"""Recurrent cells: one step of one network, and the way back.

`step` gives the pre-activations (slots, H) and the new state; `back` takes dE/d(new state), adds to the gradients of the
parameters, and gives dE/d(pre-activations) and dE/d(previous state). A state is (h,), for an LSTM (h, c).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reference.arithmetic import Array

Parameters = Mapping[str, Array]
State = tuple[Array, ...]


def logistic(a: Array) -> Array:
    """1 / (1 + exp(-a)), with an exponential that cannot overflow."""
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1, e) / (1 + e)


def activate(name: str, a: Array) -> Array:
    """The activation of a vanilla network."""
    if name == "tanh":
        return np.tanh(a)
    if name == "logistic":
        return logistic(a)
    if name == "relu":
        return np.where(a > 0, a, 0 * a)
    if name == "sign":
        return np.where(a >= 0, 1, -1).astype(a.dtype)
    assert name == "linear"
    return a


def slope(name: str, h: Array) -> Array:
    """The activation's derivative where its value is h; that of relu at 0 and of a hard threshold is taken as 0."""
    if name == "tanh":
        return 1 - h * h
    if name == "logistic":
        return h * (1 - h)
    if name == "relu":
        return (h > 0).astype(h.dtype)
    return np.full_like(h, name == "linear")


def biases(p: Parameters) -> tuple[Array, Array]:
    """b_ih and b_hh, zeros where there are none."""
    rows = len(p["weight_ih_l0"])
    none = np.zeros(rows, p["weight_ih_l0"].dtype)
    return p.get("bias_ih_l0", none), p.get("bias_hh_l0", none)


def add_gradients(gradient: dict[str, Array], d_input: Array, d_hidden: Array, u: Array, h: Array) -> None:
    """What one step adds, from dE/d(W_ih u + b_ih) and dE/d(W_hh h + b_hh)."""
    gradient["weight_ih_l0"] += np.outer(d_input, u)
    gradient["weight_hh_l0"] += np.outer(d_hidden, h)
    if "bias_ih_l0" in gradient:
        gradient["bias_ih_l0"] += d_input
        gradient["bias_hh_l0"] += d_hidden


@dataclass
class VanillaRNN:
    """a_t = W_ih u_t + W_hh h_{t-1} + b,  h_t = phi(a_t)."""

    activation: str = "tanh"
    same_step: Array | None = None

    def step(self, p: Parameters, u: Array, state: State) -> tuple[Array, State]:
        (h,) = state
        b_ih, b_hh = biases(p)
        if self.same_step is None:
            a = p["weight_ih_l0"] @ u + p["weight_hh_l0"] @ h + (b_ih + b_hh)
            return a[None], (activate(self.activation, a),)
        a, new = np.zeros_like(h), np.zeros_like(h)
        for i in range(len(h)):
            read = np.where(self.same_step[i], new, h)
            a[i] = p["weight_ih_l0"][i] @ u + p["weight_hh_l0"][i] @ read + (b_ih[i] + b_hh[i])
            new[i] = activate(self.activation, a[i])
        return a[None], (new,)

    def back(
        self, p: Parameters, u: Array, a: Array, old: State, new: State, g: State, gradient: dict[str, Array]
    ) -> tuple[Array, State]:
        del a
        (h_old,), (h_new,), (g_new,) = old, new, g
        if self.same_step is None:
            delta = g_new * slope(self.activation, h_new)
            add_gradients(gradient, delta, delta, u, h_old)
            return delta[None], (p["weight_hh_l0"].T @ delta,)
        g_new, g_old, delta = g_new.copy(), np.zeros_like(h_old), np.zeros_like(h_old)
        for i in reversed(range(len(h_old))):
            delta[i] = g_new[i] * slope(self.activation, h_new[i])
            g_new += np.where(self.same_step[i], p["weight_hh_l0"][i] * delta[i], 0)
            g_old += np.where(self.same_step[i], 0, p["weight_hh_l0"][i] * delta[i])
            gradient["weight_hh_l0"][i] += delta[i] * np.where(self.same_step[i], h_new, h_old)
        gradient["weight_ih_l0"] += np.outer(delta, u)
        if "bias_ih_l0" in gradient:
            gradient["bias_ih_l0"] += delta
            gradient["bias_hh_l0"] += delta
        return delta[None], (g_old,)


@dataclass
class LSTM:
    """c_t = f c_{t-1} + i g,  h_t = o tanh(c_t); i, f, o logistic, g tanh, in this order of rows: i, f, g, o."""

    def step(self, p: Parameters, u: Array, state: State) -> tuple[Array, State]:
        h, c = state
        b_ih, b_hh = biases(p)
        a = (p["weight_ih_l0"] @ u + p["weight_hh_l0"] @ h + (b_ih + b_hh)).reshape(4, -1)
        i, f, g, o = logistic(a[0]), logistic(a[1]), np.tanh(a[2]), logistic(a[3])
        c = f * c + i * g
        return a, (o * np.tanh(c), c)

    def back(
        self, p: Parameters, u: Array, a: Array, old: State, new: State, g: State, gradient: dict[str, Array]
    ) -> tuple[Array, State]:
        i, f, c_in, o = logistic(a[0]), logistic(a[1]), np.tanh(a[2]), logistic(a[3])
        squashed = np.tanh(new[1])
        g_h = g[0]
        g_c = g[1] + g_h * o * (1 - squashed**2)
        delta = np.stack(
            [
                g_c * c_in * i * (1 - i),
                g_c * old[1] * f * (1 - f),
                g_c * i * (1 - c_in**2),
                g_h * squashed * o * (1 - o),
            ]
        )
        add_gradients(gradient, delta.ravel(), delta.ravel(), u, old[0])
        return delta, (p["weight_hh_l0"].T @ delta.ravel(), g_c * f)


@dataclass
class GRU:
    """h_t = (1 - z) n + z h_{t-1},  n = tanh(a_in + r a_hn): PyTorch's form; rows r, z, n.

    The recurrent sum of n is gated and so stands apart: slots r, z, a_in, a_hn.
    """

    def step(self, p: Parameters, u: Array, state: State) -> tuple[Array, State]:
        (h,) = state
        b_ih, b_hh = biases(p)
        x = (p["weight_ih_l0"] @ u + b_ih).reshape(3, -1)
        y = (p["weight_hh_l0"] @ h + b_hh).reshape(3, -1)
        a = np.stack([x[0] + y[0], x[1] + y[1], x[2], y[2]])
        r, z = logistic(a[0]), logistic(a[1])
        n = np.tanh(a[2] + r * a[3])
        return a, ((1 - z) * n + z * h,)

    def back(
        self, p: Parameters, u: Array, a: Array, old: State, new: State, g: State, gradient: dict[str, Array]
    ) -> tuple[Array, State]:
        del new
        (h,), (g_h,) = old, g
        r, z = logistic(a[0]), logistic(a[1])
        n = np.tanh(a[2] + r * a[3])
        d_n = g_h * (1 - z) * (1 - n**2)
        d_r = d_n * a[3] * r * (1 - r)
        d_z = g_h * (h - n) * z * (1 - z)
        d_hidden = np.concatenate([d_r, d_z, d_n * r])
        add_gradients(gradient, np.concatenate([d_r, d_z, d_n]), d_hidden, u, h)
        return np.stack([d_r, d_z, d_n, d_n * r]), (p["weight_hh_l0"].T @ d_hidden + g_h * z,)


Cell = VanillaRNN | LSTM | GRU
