"""The workloads on gradients in PyTorch (CPU).

W2: batched products with autograd, and kernels of several steps, forward and backward written by hand with ``run`` last, that
``torch.compile`` turns into C++ (left out where it finds no compiler). W3: ``nn.RNN`` with autograd, and a loop by hand with
``out=`` and one product for the gradient of the weights. The LSTM: ``nn.LSTM`` with autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from gradient_work import Arrays, GradientWork, Peer, Plan, answer_of, run_last, time_first

# without its types: they come and go with its version, and the package is optional
torch: Any = import_module("torch")

STEPS_A_KERNEL = (1, 5)
CHUNKS = (1024, 4096)


def _tensors(arrays: Arrays) -> dict[str, Any]:
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}


def _parameters(work: GradientWork) -> Arrays:
    return {name: value for name, value in work.parameters().items() if name != "bias_hh_l0"}


def _with_autograd(p: dict[str, Any], loss: Callable[[], Any]) -> Any:
    names = list(p)
    total = loss()
    return total, dict(zip(names, torch.autograd.grad(total.sum(), [p[name] for name in names]), strict=True))


# ---- W2 ------------------------------------------------------------------------------------------------------------


def _bmm_loss(p: dict[str, Any], x: Any, d: Any) -> Any:
    """Losses of all networks; ordinary arrays, states ``(run, units, 1)``, inputs ``(time, run, 1, 1)``."""
    h = torch.zeros_like(p["bias_ih_l0"])[:, :, None]
    bias = p["bias_ih_l0"][:, :, None]
    for now in x:
        h = torch.tanh(torch.baddbmm(torch.addcmul(bias, p["weight_ih_l0"], now), p["weight_hh_l0"], h))
    error = torch.bmm(p["weight_out"], h)[:, 0, 0] + p["bias_out"][:, 0] - d
    return 0.5 * error * error


def _some_steps(h: Any, x: Any, w: Any, u: Any, b: Any, out: Any) -> None:
    """Write the states after each of some steps into `out`, ``run`` last."""
    for t in range(len(x)):
        h = torch.tanh((w * h).sum(1) + u * x[t] + b)
        out[t].copy_(h)


def _some_steps_back(g: Any, h: Any, x: Any, w: Any, dw: Any, du: Any, db: Any) -> Any:
    """The way back over some steps, `h` with the state before them; adds to the gradients."""
    for t in range(len(x) - 1, -1, -1):
        delta = g * (1.0 - h[t + 1] * h[t + 1])
        dw.add_(delta[:, None] * h[t])
        du.add_(delta * x[t])
        db.add_(delta)
        g = (w * delta[:, None]).sum(0)
    return g


class Compiled:
    """W2 by compiled kernels of `steps` steps, over chunks of `n` networks."""

    def __init__(self, work: GradientWork, steps: int, n: int) -> None:
        self.steps, self.length = steps, work.length
        self.forward = torch.compile(_some_steps, dynamic=False)
        self.backward = torch.compile(_some_steps_back, dynamic=False)
        self.h = torch.zeros((work.length + 1, work.hidden, n), dtype=torch.float64)

    def gradient(self, w: Any, u: Any, b: Any, v: Any, c: Any, x: Any, d: Any) -> Any:
        """Loss and gradient, ``run`` last."""
        h, steps = self.h, self.steps
        for t in range(0, self.length, steps):
            self.forward(h[t], x[t : t + steps], w, u, b, h[t + 1 : t + steps + 1])
        error = (v * h[-1]).sum(0) + c - d
        g = v * error
        sums = torch.zeros_like(w), torch.zeros_like(u), torch.zeros_like(b)
        for t in range(self.length - steps, -1, -steps):
            g = self.backward(g, h[t : t + steps + 1], x[t : t + steps], w, *sums)
        return 0.5 * error * error, *sums, error * h[-1], error


def _run_last_tensors(p: Arrays, x: Any, d: Any, part: slice) -> tuple[Any, ...]:
    arrays = (
        p["weight_hh_l0"][part],
        p["weight_ih_l0"][part, :, 0],
        p["bias_ih_l0"][part],
        p["weight_out"][part, 0],
        p["bias_out"][part, 0],
        x[part, 0, :, 0],
        d[part, 0, 0],
    )
    return tuple(torch.from_numpy(run_last(array)) for array in arrays)


def _joined(found: list[Any]) -> Arrays:
    arrays = (np.moveaxis(np.concatenate([each[k].numpy() for each in found], axis=-1), -1, 0) for k in range(6))
    loss, dw, du, db, dv, dc = arrays
    one = {"weight_ih_l0": du[:, :, None], "weight_out": dv[:, None], "bias_out": dc[:, None]}
    return {"loss": loss, "weight_hh_l0": dw, "bias_ih_l0": db} | one


def networks(work: GradientWork) -> list[Peer]:
    """W2 by autograd, and compiled."""
    parameters, (inputs, targets) = _parameters(work), work.data()

    def eager_data() -> Any:
        tensors = {name: each.requires_grad_() for name, each in _tensors(parameters).items()}
        x = torch.from_numpy(inputs[:, 0, :, 0]).T.contiguous()[:, :, None, None]
        return tensors, x, torch.from_numpy(targets[:, 0, 0])

    ready = None if work.run_first else eager_data()

    def eager() -> Any:
        p, x, d = ready or eager_data()
        return _with_autograd(p, partial(_bmm_loss, p, x, d))

    def eager_answer(found: Any) -> Arrays:
        loss, gradient = found
        return answer_of(loss.detach(), gradient)

    peers = [Peer("PyTorch, autograd", [Plan("bmm", eager, eager_answer)])]
    compiled = Peer("PyTorch, torch.compile, run last")
    for steps in STEPS_A_KERNEL:
        for n in CHUNKS:
            kernels = Compiled(work, steps, n)
            parts = [slice(start, start + n) for start in range(0, work.runs, n)]
            convert = partial(_run_last_tensors, parameters, inputs, targets)
            there = None if work.run_first else [convert(part) for part in parts]

            def run(kernels: Compiled = kernels, parts: Any = parts, there: Any = there, convert: Any = convert) -> Any:
                return [kernels.gradient(*each) for each in there or map(convert, parts)]

            compiled.plans.append(Plan(f"{steps} steps a kernel, chunk {n}", run, _joined))
    return [*peers, compiled]


# ---- W3 and the LSTM -----------------------------------------------------------------------------------------------


def module(work: GradientWork) -> Peer:
    """``nn.RNN`` or ``nn.LSTM`` with a linear readout, by autograd."""
    inputs, targets = work.data()
    kind = torch.nn.LSTM if work.kind == "lstm" else torch.nn.RNN
    layer = kind(work.inputs, work.hidden, dtype=torch.float64)
    p = {name: each.requires_grad_() for name, each in _tensors(work.parameters()).items()}
    with torch.no_grad():
        for name, value in layer.named_parameters():
            value.copy_(p[name])
    p |= dict(layer.named_parameters())
    x, d = torch.from_numpy(time_first(inputs)), torch.from_numpy(targets)

    def loss() -> Any:
        y = torch.nn.functional.linear(layer(x)[0][-1], p["weight_out"], p["bias_out"])
        return 0.5 * ((y - d) ** 2).sum() / work.batch

    def answer(found: Any) -> Arrays:
        return answer_of(found[0].detach(), {name: value for name, value in found[1].items() if name != "bias_hh_l0"})

    return Peer(f"PyTorch, nn.{kind.__name__}", [Plan("autograd", lambda: _with_autograd(p, loss), answer)])


def by_hand(work: GradientWork) -> Peer:
    """W3 without autograd."""
    inputs, targets = work.data()
    p = _tensors(_parameters(work))
    x, d = torch.from_numpy(time_first(inputs)), torch.from_numpy(targets)
    shape = (work.length, work.batch, work.hidden)
    h = torch.zeros((work.length + 1, *shape[1:]), dtype=torch.float64)
    delta, g = torch.empty(shape, dtype=torch.float64), torch.empty(shape[1:], dtype=torch.float64)
    w, forward = p["weight_hh_l0"], p["weight_hh_l0"].T.contiguous()
    states, deltas = h.unbind(), delta.unbind()

    def run() -> Any:
        drives = torch.nn.functional.linear(x, p["weight_ih_l0"], p["bias_ih_l0"]).unbind()
        for t, drive in enumerate(drives):
            torch.addmm(drive, states[t], forward, out=states[t + 1]).tanh_()
        error = torch.addmm(p["bias_out"], states[-1], p["weight_out"].T) - d
        scaled = error / work.batch
        torch.mm(scaled, p["weight_out"], out=g)
        torch.mul(h[1:], h[1:], out=delta)
        torch.sub(1.0, delta, out=delta)
        for t in range(work.length - 1, -1, -1):
            deltas[t].mul_(g)
            if t:
                torch.mm(deltas[t], w, out=g)
        rows = delta.view(-1, work.hidden)
        gradient = {
            "weight_hh_l0": rows.T @ h[:-1].view(-1, work.hidden),
            "weight_ih_l0": rows.T @ x.view(-1, work.inputs),
            "bias_ih_l0": rows.sum(0),
            "weight_out": scaled.T @ states[-1],
            "bias_out": scaled.sum(0),
        }
        return 0.5 * (error * error).sum() / work.batch, gradient

    return Peer("PyTorch, by hand", [Plan("no autograd", run, lambda found: answer_of(*found))])


# ---- products of Jacobians -----------------------------------------------------------------------------------------


def jacobians(work: GradientWork) -> Peer:
    """Norms of the products for every lag."""
    p, inputs = _tensors(_parameters(work)), torch.from_numpy(work.data()[0])
    w = p["weight_hh_l0"]
    products = torch.empty((work.length + 1, work.hidden, work.hidden), dtype=torch.float64)
    each = products.unbind()

    def one(x: Any) -> Any:
        h = torch.zeros(work.hidden, dtype=torch.float64)
        slopes = []
        for drive in torch.nn.functional.linear(x, p["weight_ih_l0"], p["bias_ih_l0"]):
            h = torch.addmv(drive, w, h).tanh_()
            slopes.append(1.0 - h * h)
        torch.eye(work.hidden, out=each[0])
        for lag, slope in enumerate(reversed(slopes)):
            torch.mm(each[lag] * slope, w, out=each[lag + 1])
        if work.kind == "frobenius":
            return torch.linalg.vector_norm(products.view(work.length + 1, -1), dim=1)
        return torch.linalg.svdvals(products)[:, 0]

    def run() -> Any:
        with torch.no_grad():
            return torch.stack([one(x) for x in inputs])

    name = "PyTorch" if work.kind == "frobenius" else "PyTorch, SVD"
    return Peer(name, [Plan("one chain after the other", run, lambda found: {work.kind: found.numpy()})])


def peers(work: GradientWork, threads: int) -> list[Peer]:
    """What this library offers for a workload."""
    torch.set_num_threads(threads)
    if work.kind == "networks":
        return networks(work)
    if work.kind in ("frobenius", "spectral"):
        return [jacobians(work)]
    return [module(work), by_hand(work)] if work.kind == "network" else [module(work)]
