"""Training in minibatches in PyTorch (CPU): a loop by hand without autograd, its steps compiled, and autograd.

By hand it is the method of `minibatch_numpy.py` with ``out=`` everywhere. Compiled, some steps forward and some steps back are a
kernel each, which `torch.compile` turns into C++ (left out where it finds no compiler). By autograd, all pre-activations and
states are asked for their gradients, and Omega is an expression of its own with the weights in it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from minibatch_work import CLASSES, CLIP, NEGLIGIBLE, OMEGA, RATE, SYMBOLS, Array, Arrays, MinibatchWork, Plan

# without its types: they come and go with its version, and the package is optional
torch: Any = import_module("torch")

STEPS_A_KERNEL = 20


def drawn(work: MinibatchWork, generator: Any) -> tuple[Any, Any]:
    """Symbols (time, batch) and classes (batch) of a fresh minibatch."""
    symbols = torch.randint(2, SYMBOLS, (work.length, work.batch), generator=generator)
    told = torch.randint(0, 2, (2, work.batch), generator=generator)
    for value, (first, last) in zip(told, work.windows, strict=True):
        at = torch.randint(first, last + 1, (1, work.batch), generator=generator)
        symbols.scatter_(0, at, value[None])
    return symbols, told[0] + 2 * told[1]


class ByHand:
    """One network in training without autograd; holds the memory for it."""

    def __init__(self, work: MinibatchWork) -> None:
        self.work, steps = work, work.length
        dtype, shape = getattr(torch, work.precision), (steps, work.batch, work.hidden)
        self.p = {name: torch.from_numpy(value) for name, value in work.parameters().items()}
        self.h, self.g = (torch.zeros((steps + 1, *shape[1:]), dtype=dtype) for _ in range(2))
        self.delta, self.left = (torch.empty(shape, dtype=dtype) for _ in range(2))
        self.drive, self.forward = torch.empty(shape, dtype=dtype), torch.empty_like(self.p["weight_hh_l0"])
        self.unit, self.of_class = torch.eye(SYMBOLS, dtype=dtype), torch.eye(CLASSES, dtype=dtype)
        # views taken once
        h, g, delta = self.h.unbind(), self.g.unbind(), self.delta.unbind()
        self.steps = list(zip(h[:-1], h[1:], self.drive.unbind(), strict=True))
        self.back = list(zip(g[:-1], g[1:], delta, strict=True))[::-1]

    def walk(self) -> None:
        """All states, from the inputs' sums."""
        for before, after, drive in self.steps:
            torch.addmm(drive, before, self.forward, out=after).tanh_()

    def walk_back(self) -> None:
        """All errors, from that at the last state."""
        h, delta, w = self.h, self.delta, self.p["weight_hh_l0"]
        torch.mul(h[1:], h[1:], out=delta)
        torch.sub(1, delta, out=delta)
        for before, after, of_step in self.back:
            torch.mm(of_step.mul_(after), w, out=before)

    def update(self, symbols: Any, classes: Any) -> None:
        """One update on a minibatch."""
        p, h, g, work = self.p, self.h, self.g, self.work
        self.forward.copy_(p["weight_hh_l0"].T)
        flat = symbols.view(-1)
        of_symbol = p["weight_ih_l0"].T + p["bias_ih_l0"]
        torch.index_select(of_symbol, 0, flat, out=self.drive.view(-1, work.hidden))
        self.walk()
        y = torch.softmax(torch.addmm(p["bias_out"], h[-1], p["weight_out"].T), 1)
        y.sub_(self.of_class[classes]).div_(work.batch)
        torch.mm(y, p["weight_out"], out=g[-1])
        self.walk_back()

        size = torch.linalg.vector_norm(g, dim=2).square_()
        there = size[1:] >= NEGLIGIBLE
        after = torch.where(there, size[1:], 1)
        factor = (size[:-1] / after).sub_(1).mul_(there).div_(after).mul_(4 * OMEGA / max(int(there.sum()), 1))
        torch.addcmul(h[:-1], g[:-1], factor[..., None], out=self.left)
        rows = self.delta.view(-1, work.hidden)
        by_input = rows.T @ self.unit[flat]
        gradient = {
            "weight_ih_l0": by_input,
            "weight_hh_l0": rows.T @ self.left.view(rows.shape),
            "bias_ih_l0": by_input.sum(1),
            "weight_out": y.T @ h[-1],
            "bias_out": y.sum(0),
        }
        step(p, gradient)


def step(p: dict[str, Any], gradient: dict[str, Any]) -> None:
    """Clipping and a step."""
    norm = float(torch.linalg.vector_norm(torch.cat([value.reshape(-1) for value in gradient.values()])))
    rate = RATE * min(1, CLIP / norm)
    for name, value in gradient.items():
        p[name].sub_(value, alpha=rate)


def some_steps(h: Any, drives: Any, w: Any) -> Any:
    """States after each of some steps."""
    found = []
    for drive in drives.unbind():
        h = torch.tanh(h @ w + drive)
        found.append(h)
    return torch.stack(found)


def some_steps_back(g: Any, h: Any, w: Any) -> Any:
    """Errors at the sums and at the states before each of some steps, `h` the states after them."""
    delta, before = [], []
    for state in reversed(h.unbind()):
        delta.append(g * (1 - state * state))
        g = delta[-1] @ w
        before.append(g)
    return torch.stack(delta[::-1]), torch.stack(before[::-1])


_compiled: dict[str, Any] = {}


class Compiled(ByHand):
    """The same with kernels of so many steps."""

    def __init__(self, work: MinibatchWork, steps: int) -> None:
        super().__init__(work)
        if not _compiled:
            import_module("torch._dynamo").config.recompile_limit = 64
            _compiled["there"] = torch.compile(some_steps, dynamic=False)
            _compiled["back"] = torch.compile(some_steps_back, dynamic=False)
        self.starts = range(0, work.length, steps)
        self.steps_a_kernel = steps

    def walk(self) -> None:
        """All states, from the inputs' sums."""
        n = self.steps_a_kernel
        for t in self.starts:
            self.h[t + 1 : t + n + 1] = _compiled["there"](self.h[t], self.drive[t : t + n], self.forward)

    def walk_back(self) -> None:
        """All errors, from that at the last state."""
        n = self.steps_a_kernel
        for t in reversed(self.starts):
            found = _compiled["back"](self.g[t + n], self.h[t + 1 : t + n + 1], self.p["weight_hh_l0"])
            self.delta[t : t + n], self.g[t : t + n] = found


class Autograd:
    """One network in training by autograd."""

    def __init__(self, work: MinibatchWork) -> None:
        self.work = work
        self.p = {name: torch.from_numpy(value).requires_grad_() for name, value in work.parameters().items()}
        self.start = torch.zeros((work.batch, work.hidden), dtype=getattr(torch, work.precision))

    @torch.enable_grad()  # type: ignore[untyped-decorator,unused-ignore]
    def update(self, symbols: Any, classes: Any) -> None:
        """One update on a minibatch."""
        p, h = self.p, self.start
        drives = torch.nn.functional.embedding(symbols, p["weight_ih_l0"].T + p["bias_ih_l0"])
        w, before, after = p["weight_hh_l0"].T, [], []
        for drive in drives.unbind():
            before.append(torch.addmm(drive, h, w))
            h = torch.tanh(before[-1])
            after.append(h)
        y = torch.addmm(p["bias_out"], h, p["weight_out"].T)
        loss = torch.nn.functional.cross_entropy(y, classes)
        found = torch.autograd.grad(loss, [*p.values(), *before, *after])
        count = len(before)
        delta, g = torch.stack(found[-2 * count : -count]), torch.stack(found[-count:])
        weight = p["weight_hh_l0"].detach().requires_grad_()
        size = (g * g).sum(2)
        there = size >= NEGLIGIBLE
        ratio = (delta @ weight).square().sum(2) / torch.where(there, size, 1)
        omega = torch.where(there, (ratio - 1).square(), 0).sum() / there.sum().clamp(min=1)
        gradient = dict(zip(p, found, strict=False))
        gradient["weight_hh_l0"] = torch.add(
            gradient["weight_hh_l0"], torch.autograd.grad(omega, weight)[0], alpha=OMEGA
        )
        with torch.no_grad():
            step(p, gradient)


Make = Callable[[MinibatchWork], Any]


def run(work: MinibatchWork, make: Make, updates: int) -> object:
    """Train on fresh sequences."""
    training, generator = make(work), torch.Generator()
    generator.manual_seed(0)
    with torch.no_grad():
        for _ in range(updates):
            training.update(*drawn(work, generator))
    return training


def answer(work: MinibatchWork, make: Make, symbols: Array, classes: Array) -> Arrays:
    """Train on the given sequences."""
    training = make(work)
    with torch.no_grad():
        for each, of_each in zip(symbols, classes, strict=True):
            training.update(torch.from_numpy(each), torch.from_numpy(of_each))
    return {name: value.detach().numpy() for name, value in training.p.items()}


def plans(work: MinibatchWork, threads: int) -> list[Plan]:
    """By hand; the others, which are slower, for one small network on one thread."""
    torch.set_num_threads(threads)
    makes: list[tuple[str, str, Make]] = [("PyTorch, by hand", "no autograd", ByHand)]
    if threads == 1 and work.hidden <= 100:
        if work.length == 100:
            compiled = partial(Compiled, steps=STEPS_A_KERNEL)
            makes.append(("PyTorch, torch.compile", f"{STEPS_A_KERNEL} steps a kernel", compiled))
        makes.append(("PyTorch, autograd", "a step at a time", Autograd))
    return [Plan(peer, name, partial(run, work, make), partial(answer, work, make)) for peer, name, make in makes]
