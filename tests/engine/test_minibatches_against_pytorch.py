"""Training with clipping and Omega, step for step, against a training loop in PyTorch with autograd.

The loop is written as one would write it there: the expression of Omega with the errors of the backward pass as constants
and the recurrent weights as what is differentiated, in the form of the code of Pascanu, Mikolov and Bengio (2013): ratios of
squared norms, averaged over the steps whose error is not negligible, of the errors at the states.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from minibatch_cases import Run, engine, tolerance
from reference import minibatches

torch = pytest.importorskip("torch")

BATCH, UPDATES, SEQUENCES = 20, 200, 400
RATE, CLIP, OMEGA = 0.01, 1.0, 4.0


def temporal_order(rng: np.random.Generator, count: int, longest: int) -> dict[str, Any]:
    """Six one-hot symbols; the class is which of the first two of them came early, and which came about the middle.

    Lengths differ, from two thirds of the longest; sequences end together.
    """
    lengths = rng.integers(2 * longest // 3, longest, count, endpoint=True)
    symbols = rng.integers(2, 6, (count, longest))
    start, each = longest - lengths, np.arange(count)
    told = rng.integers(0, 2, (2, count))
    for value, (low, high) in zip(told, ((0.1, 0.2), (0.5, 0.6)), strict=True):
        at = start + rng.integers((low * lengths).astype(int), np.ceil(high * lengths).astype(int))
        symbols[each, at] = value
    inputs = np.eye(6)[symbols] * (np.arange(longest) >= start[:, None])[..., None]
    return {"inputs": inputs, "targets": told[0] + 2 * told[1], "lengths": lengths}


def make_run(precision: str, longest: int = 30) -> Run:
    """50 tanh units, as the paper has them ("basic tanh", std 0.1), one bias."""
    rng = np.random.default_rng(0)
    cell = rl.cells.VanillaRNN(inputs=6, hidden=50, outputs=4)
    task = rl.tasks.DatasetTask(**temporal_order(rng, SEQUENCES, longest), loss="softmax_cross_entropy")
    parameters = {
        name: rng.normal(0, 0.1, shape) if name.startswith("weight") else np.zeros(shape)
        for name, shape in cell.parameter_shapes.items()
    }
    of_training = minibatches.make_structure(batch_size=BATCH, omega_mean=1, omega_state=1, precision=precision)
    return {
        "structure": cell.structure("softmax_cross_entropy", "last") | task.structure() | of_training,
        "settings": minibatches.make_settings("GradientDescent", clip_norm=CLIP),
        "columns": task.columns(),
        "arrays": task.arrays(),
        "parameters": {name: value.astype(precision) for name, value in parameters.items()},
        "trainable": {
            name: np.full(shape, name != "bias_hh_l0", np.uint8) for name, shape in cell.parameter_shapes.items()
        },
    }


class Training:
    """The network and its training in PyTorch."""

    def __init__(self, run: Run) -> None:
        given = {name: torch.from_numpy(value.copy()) for name, value in run["parameters"].items()}
        del given["bias_hh_l0"]  # 0 all along
        self.p: dict[str, Any] = {name: value.requires_grad_() for name, value in given.items()}
        dtype = getattr(torch, run["structure"]["precision"])
        self.inputs = torch.tensor(run["arrays"]["inputs"], dtype=dtype)
        self.targets = torch.tensor(run["arrays"]["targets"])
        steps = self.inputs.shape[1]
        lengths = torch.tensor(run["arrays"].get("lengths", np.full(SEQUENCES, steps)))
        self.begun = torch.arange(steps) >= steps - lengths[:, None]

    def update(self, i: int) -> list[float]:
        """Loss, norm of the gradient, Omega."""
        p = self.p
        shown = torch.arange(i * BATCH, (i + 1) * BATCH) % SEQUENCES
        drives = self.inputs[shown].swapaxes(0, 1) @ p["weight_ih_l0"].T + p["bias_ih_l0"]
        begun = self.begun[shown].T[..., None]
        before, after = [], [torch.zeros(BATCH, 50, dtype=drives.dtype, requires_grad=True)]
        for drive, there in zip(drives, begun, strict=True):
            before.append(after[-1] @ p["weight_hh_l0"].T + drive)
            after.append(torch.where(there, torch.tanh(before[-1]), after[-1]))
        y = after[-1] @ p["weight_out"].T + p["bias_out"]
        loss = torch.nn.functional.cross_entropy(y, self.targets[shown])
        found = torch.autograd.grad(loss, [*p.values(), *before, *after[1:]])
        gradient = dict(zip(p, found, strict=False))
        by_before, by_after = (torch.stack(part) for part in (found[len(p) : -len(before)], found[-len(before) :]))

        weight = p["weight_hh_l0"].detach().requires_grad_()
        size = (by_after**2).sum(dim=2)
        there = (size >= 1e-20) & begun[..., 0]
        ratio = ((by_before @ weight) ** 2).sum(dim=2) / torch.where(there, size, 1)
        omega = torch.where(there, (ratio - 1) ** 2, 0).sum() / there.sum()
        (immediate,) = torch.autograd.grad(omega, weight)
        gradient["weight_hh_l0"] = gradient["weight_hh_l0"] + OMEGA * immediate

        # torch.nn.utils.clip_grad_norm_ adds 1e-6 to the norm that it divides by.
        norm = torch.linalg.vector_norm(torch.cat([value.flatten() for value in gradient.values()]))
        with torch.no_grad():
            for name, value in p.items():
                value -= RATE * gradient[name] * (CLIP / norm if norm > CLIP else 1)
        return [loss.item(), norm.item(), omega.item()]


@pytest.fixture
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: it is slow, and not only itself, where others use its second processor."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def largest_difference(found: dict[str, Any], training: Training) -> float:
    """Between two networks, relative to the largest number of an array."""
    theirs = {name: value.detach().numpy() for name, value in training.p.items()}
    return max(float(np.abs(found[name] - value).max() / np.abs(value).max()) for name, value in theirs.items())


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_two_hundred_updates(precision: str) -> None:
    run = make_run(precision)
    found = engine(run, np.tile([RATE, OMEGA], (UPDATES, 1)))
    assert found["updates"] == UPDATES
    training = Training(run)
    trace = np.array([training.update(i) for i in range(UPDATES)])
    assert (trace[:, 1] > CLIP).any()
    # The errors of an update are small steps to the side, of a length that the learning rate and the clipping bound.
    limit = 4 * tolerance(run)
    drift = limit * RATE * CLIP * np.arange(1, UPDATES + 1)
    for name, column in zip(("loss", "gradient_norm", "omega"), trace.T, strict=True):
        off = np.abs(found[name] - column) / np.abs(column)
        assert (off <= limit + 10 * drift).all(), (name, off.max())
    assert largest_difference(found["parameters"], training) < 10 * drift[-1]
