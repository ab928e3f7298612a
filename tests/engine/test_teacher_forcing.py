"""Teacher forcing in the engine, against a loop in NumPy and its finite differences."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import rnnlatch as rl

B, T, INPUTS, HIDDEN = 6, 5, 2, 4
RATE = 0.5
Params = dict[str, NDArray[np.float64]]


def sequences(read_unit: int | None) -> Any:
    rng = np.random.default_rng(3)
    outputs = HIDDEN if read_unit is None else 1
    mask = (rng.random((B, T)) < 0.7).astype(float)
    return rl.tasks.DatasetTask(
        inputs=rng.standard_normal((B, T, INPUTS)),
        targets=rng.uniform(-0.9, 0.9, (B, T, outputs)),
        at="every",
        mask=mask,
        lengths=np.array([T, T - 1, T, 2, T, 3]),
    )


def forced_loss(p: Params, task: Any, read_unit: int | None) -> float:
    """Step by step: what has a target hands the target on."""
    units = slice(None) if read_unit is None else slice(read_unit, read_unit + 1)
    lengths = np.full(B, T) if task.lengths is None else task.lengths
    total = 0.0
    for b in range(B):
        h = np.zeros(HIDDEN)
        for t in range(T - lengths[b], T):
            a = p["weight_ih_l0"] @ task.inputs[b, t] + p["bias_ih_l0"] + p["weight_hh_l0"] @ h + p["bias_hh_l0"]
            h = np.tanh(a)
            if task.mask[b, t] > 0:
                total += 0.5 * task.mask[b, t] * ((h[units] - task.targets[b, t]) ** 2).sum()
                h[units] = task.targets[b, t]
    return total / B


@pytest.mark.parametrize("read_unit", [None, 2])
def test_gradient_is_that_of_the_loss_with_targets_handed_on(read_unit: int | None) -> None:
    task = sequences(read_unit)
    cell = rl.cells.VanillaRNN(inputs=INPUTS, hidden=HIDDEN, read_unit=read_unit)
    algorithm = rl.algorithms.GradientDescent(learning_rate=RATE, batch_size=B, teacher_forcing=True)
    settings: dict[str, Any] = {"max_presentations": B, "criterion": None, "driver": "matrices"}
    run = rl.Run(cell, task, algorithm, **settings)
    seed = rl.rng.normalise(1)
    start = {k: v[0] for k, v in run.initial(seed.key(), rl.rng.streams(rl.rng.stream_base({}), 0, 1)).items()}
    out = rl.train(cell, task, algorithm, runs=1, rng=1, **settings)
    assert float(out.loss[0]) == pytest.approx(forced_loss(start, task, read_unit), rel=1e-14)
    step = 1e-5
    for name, value in start.items():
        for place in np.ndindex(value.shape):
            both = []
            for sign in (1, -1):
                moved = {k: v.copy() for k, v in start.items()}
                moved[name][place] += sign * step
                both.append(forced_loss(moved, task, read_unit))
            slope = (both[0] - both[1]) / (2 * step)
            taken = (value[place] - float(out[name].values[(0, *place)])) / RATE
            # third derivatives of order 1 times step^2, and rounding 1e-16 / step
            assert taken == pytest.approx(slope, abs=1e-9)


def test_tests_run_freely() -> None:
    task = sequences(None)
    cell = rl.cells.VanillaRNN(inputs=INPUTS, hidden=HIDDEN)
    algorithm = rl.algorithms.GradientDescent(learning_rate=0.0, batch_size=B, teacher_forcing=True)
    out = rl.train(cell, task, algorithm, runs=1, max_presentations=B, criterion=None, driver="matrices", rng=1)
    free = rl.evaluate(cell, out, task)
    params = {name: out[name].values[0] for name in cell.parameter_shapes}
    keywords: dict[str, Any] = {"at": "every", "mask": task.mask, "lengths": task.lengths}
    wanted, _ = rl.gradients.loss_and_gradient(cell, params, task.inputs, task.targets, **keywords)
    assert float(free.loss[0]) == pytest.approx(wanted, rel=1e-13)
    assert abs(float(out.loss[0]) - wanted) > 1e-3


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        (rl.cells.VanillaRNN(inputs=INPUTS, hidden=HIDDEN, outputs=1), "every"),
        (rl.cells.VanillaRNN(inputs=INPUTS, hidden=HIDDEN, read_unit=0), "last"),
    ],
)
def test_it_is_for_units_with_targets_at_every_step(cell: Any, at: str) -> None:
    targets = np.zeros((B, T, 1)) if at == "every" else np.zeros((B, 1))
    task = rl.tasks.DatasetTask(inputs=np.zeros((B, T, INPUTS)), targets=targets, at=at)
    with pytest.raises(
        ValueError, match="teacher_forcing is True; it must be False unless units themselves have targets"
    ):
        rl.Run(cell, task, rl.algorithms.Adam(teacher_forcing=True), max_presentations=10)
