"""Teacher forcing: what the network is shown."""

from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch.gradients import teacher_forcing

INPUTS, TARGETS = np.arange(12.0).reshape(2, 3, 2), np.arange(6.0).reshape(2, 3, 1)


def test_targets_come_one_step_late() -> None:
    shown = teacher_forcing(INPUTS, TARGETS, first=-1)
    np.testing.assert_array_equal(shown[..., :2], INPUTS)
    np.testing.assert_array_equal(shown[..., 2], [[-1, 0, 1], [-1, 3, 4]])
    many = teacher_forcing(np.stack([INPUTS] * 4), np.stack([TARGETS] * 4), first=[-1])
    np.testing.assert_array_equal(many[3], shown)


@pytest.mark.parametrize("lengths", [[3, 1], [2, 2]])
def test_padding_does_not_leak_into_the_first_step(lengths: list[int]) -> None:
    shown = teacher_forcing(INPUTS, TARGETS, first=-1, lengths=lengths)
    for b, length in enumerate(lengths):
        alone = teacher_forcing(INPUTS[b : b + 1, -length:], TARGETS[b : b + 1, -length:], first=-1)
        np.testing.assert_array_equal(shown[b, -length:], alone[0])
        assert (shown[b, : 3 - length, 2] == -1).all()
    changed = TARGETS.copy()
    changed[1, : 3 - lengths[1]] = 99
    np.testing.assert_array_equal(teacher_forcing(INPUTS, changed, first=-1, lengths=lengths), shown)
    many = teacher_forcing(np.stack([INPUTS] * 4), np.stack([TARGETS] * 4), first=-1, lengths=lengths)
    np.testing.assert_array_equal(many[3], shown)


def test_single_precision_stays() -> None:
    shown = teacher_forcing(INPUTS.astype("f4"), TARGETS.astype("f4"), first=0.1, lengths=[1, 2])
    assert shown.dtype == np.float32


def test_a_network_that_copies_its_teacher() -> None:
    """With forcing the loss of the identity is that of the last change; freely it would have to remember."""
    cell = rl.cells.VanillaRNN(inputs=2, hidden=1, activation="linear", bias=False)
    params = {"weight_ih_l0": np.array([[0.0, 1.0]]), "weight_hh_l0": np.zeros((1, 1))}
    shown = teacher_forcing(INPUTS[..., :1], TARGETS)
    loss, _ = rl.gradients.loss_and_gradient(cell, params, shown, TARGETS, at="every")
    assert loss == (0 + 1 + 1 + 9 + 1 + 1) / 2 / 2


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"inputs": np.ones((3, 2))}, r"inputs has shape \(3, 2\)"),
        ({"inputs": np.ones((2, 0, 2))}, r"inputs has shape \(2, 0, 2\)"),
        ({"targets": np.ones((2, 4, 1))}, r"targets has shape \(2, 4, 1\); it must be \(2, 3\) and outputs"),
        ({"targets": np.full((2, 3, 1), np.nan)}, "targets is nan"),
        (
            {"targets": np.ones((2, 3, 0))},
            r"targets has shape \(2, 3, 0\); it must be \(2, 3\) and outputs, at least one",
        ),
        ({"first": [1, 2]}, r"first has shape \(2,\); it must be \(\) or \(1,\)"),
        ({"first": np.nan}, "first is nan.*; all its numbers must be finite"),
        ({"first": [np.inf]}, r"first is inf at \[0\]"),
        ({"first": 1e300, "targets": TARGETS.astype("f4")}, r"first is 1e\+300; targets are of float32"),
        ({"lengths": [0, 1]}, r"lengths has 0; it must be integers from 1 to 3, shape \(batch,\) = \(2,\)"),
        ({"lengths": [3, 4]}, "lengths has 4"),
        ({"lengths": [3]}, r"lengths has shape \(1,\)"),
    ],
)
def test_bad_input(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        teacher_forcing(**({"inputs": INPUTS, "targets": TARGETS} | given))
