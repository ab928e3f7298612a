"""Training on text in PyTorch (CPU): its nn.RNN with autograd, as one would write it, and a loop by hand without autograd.

nn.RNN is given one-hot inputs, rows of an identity matrix. By hand inputs are looked up, all memory is there beforehand,
products go to ``out=``, and the gradient of the recurrent weights is one product over all steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from character_work import CLIP, RATE, ROWS, CharacterWork
from minibatch_work import Array, Arrays, Plan

# without its types: they come and go with its version, and the package is optional
torch: Any = import_module("torch")


class Rows:
    """The rows of the text, one of every stream at a time."""

    def __init__(self, work: CharacterWork) -> None:
        text = torch.from_numpy(work.text()).long()
        streams = [text[k * work.length * ROWS : (k + 1) * work.length * ROWS + 1] for k in range(work.batch)]
        self.streams, self.length, self.row = torch.stack(streams), work.length, 0

    def next(self) -> tuple[Any, Any]:
        """Characters and those after them, (batch, time)."""
        first = self.row % ROWS * self.length
        self.row += 1
        shown = self.streams[:, first : first + self.length + 1]
        return shown[:, :-1], shown[:, 1:]


class Module:
    """nn.RNN and nn.Linear."""

    def __init__(self, work: CharacterWork) -> None:
        dtype = getattr(torch, work.precision)
        self.work, self.rows, self.unit = work, Rows(work), torch.eye(work.symbols, dtype=dtype)
        self.rnn = torch.nn.RNN(work.symbols, work.hidden, batch_first=True, dtype=dtype)
        self.readout = torch.nn.Linear(work.hidden, work.symbols, dtype=dtype)
        start = {name: torch.from_numpy(value) for name, value in work.parameters().items()}
        with torch.no_grad():
            for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
                getattr(self.rnn, name).copy_(start[name])
            self.rnn.bias_hh_l0.zero_().requires_grad_(False)
            self.readout.weight.copy_(start["weight_out"])
            self.readout.bias.copy_(start["bias_out"])
        every = [*self.rnn.parameters(), *self.readout.parameters()]
        self.trained = [each for each in every if each.requires_grad]

    def update(self) -> None:
        """One update on the next rows."""
        shown, wanted = self.rows.next()
        states, _ = self.rnn(self.unit[shown])
        outputs = self.readout(states).flatten(0, 1)
        loss = torch.nn.functional.cross_entropy(outputs, wanted.flatten(), reduction="sum") / self.work.batch
        for each in self.trained:
            each.grad = None
        loss.backward()
        # Its norm has 1e-6 added to it, which no check notices.
        torch.nn.utils.clip_grad_norm_(self.trained, CLIP)
        with torch.no_grad():
            for each in self.trained:
                each.sub_(each.grad, alpha=RATE)

    def parameters(self) -> Arrays:
        """The network as it is."""
        rnn, readout = self.rnn, self.readout
        values = {name: getattr(rnn, name) for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0")}
        values |= {"weight_out": readout.weight, "bias_out": readout.bias}
        return {name: value.detach().numpy() for name, value in values.items()}


class ByHand:
    """One network in training without autograd; holds the memory for it."""

    def __init__(self, work: CharacterWork) -> None:
        steps, batch = work.length, work.batch
        dtype, shape = getattr(torch, work.precision), (steps, batch, work.hidden)
        self.work, self.rows = work, Rows(work)
        self.p = {name: torch.from_numpy(value) for name, value in work.parameters().items()}
        self.h = torch.zeros((steps + 1, *shape[1:]), dtype=dtype)
        self.drive, self.delta, self.g = (torch.empty(shape, dtype=dtype) for _ in range(3))
        self.y = torch.empty((steps * batch, work.symbols), dtype=dtype)
        self.unit, self.forward = torch.eye(work.symbols, dtype=dtype), torch.empty_like(self.p["weight_hh_l0"])
        # views taken once
        h = self.h.unbind()
        self.steps = list(zip(h[:-1], h[1:], self.drive.unbind(), strict=True))
        g, delta = self.g.unbind(), self.delta.unbind()
        self.back = list(zip(g[:-1], delta[1:], delta[:-1], strict=True))[::-1]

    def update(self) -> None:
        """One update on the next rows."""
        p, work = self.p, self.work
        shown, wanted = self.rows.next()
        flat, goal = shown.T.reshape(-1), wanted.T.reshape(-1, 1)
        self.forward.copy_(p["weight_hh_l0"].T)
        torch.index_select(p["weight_ih_l0"].T + p["bias_ih_l0"], 0, flat, out=self.drive.view(-1, work.hidden))
        for before, after, drive in self.steps:
            torch.addmm(drive, before, self.forward, out=after).tanh_()

        states = self.h[1:].view(-1, work.hidden)
        torch.addmm(p["bias_out"], states, p["weight_out"].T, out=self.y)
        y = torch.softmax(self.y, 1)
        y.scatter_add_(1, goal, torch.full_like(goal, -1, dtype=y.dtype)).div_(work.batch)
        torch.mm(y, p["weight_out"], out=self.g.view(-1, work.hidden))

        torch.mul(self.h[1:], self.h[1:], out=self.delta)
        torch.sub(1, self.delta, out=self.delta)
        self.delta[-1].mul_(self.g[-1])
        for of_step, later, delta in self.back:
            delta.mul_(of_step.addmm_(later, p["weight_hh_l0"]))

        rows = self.delta.view(-1, work.hidden)
        by_input = rows.T @ self.unit[flat]
        gradient = {
            "weight_ih_l0": by_input,
            "weight_hh_l0": rows.T @ self.h[:-1].view(rows.shape),
            "bias_ih_l0": by_input.sum(1),
            "weight_out": y.T @ states,
            "bias_out": y.sum(0),
        }
        norm = float(torch.linalg.vector_norm(torch.cat([value.reshape(-1) for value in gradient.values()])))
        for name, value in gradient.items():
            p[name].sub_(value, alpha=RATE * min(1, CLIP / norm))

    def parameters(self) -> Arrays:
        """The network as it is."""
        return {name: value.numpy() for name, value in self.p.items()}


Make = Callable[[CharacterWork], Any]


def run(work: CharacterWork, make: Make, updates: int) -> Any:
    """Train for so many updates."""
    training = make(work)
    with torch.set_grad_enabled(make is Module):
        for _ in range(updates):
            training.update()
    return training


def answer(work: CharacterWork, make: Make, updates: Array) -> Arrays:
    """Train from the common start."""
    found: Arrays = run(work, make, int(updates)).parameters()
    return found


def plans(work: CharacterWork, threads: int) -> list[Plan]:
    """Both ways."""
    torch.set_num_threads(threads)
    makes: list[tuple[str, Make]] = [("PyTorch, nn.RNN", Module), ("PyTorch, by hand", ByHand)]
    return [Plan(peer, "", partial(run, work, make), partial(answer, work, make)) for peer, make in makes]
