"""The compiled core refuses what its callers never pass: it must not rely on them for where it reads and writes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from network_cases import draw, make_cell
from rnnlatch import _dispatch

core: Any = _dispatch.core  # without its types, which these tests do not keep

NO_INPUTS = {"weight_ih_l0": np.zeros((1, 16, 0)), "weight_hh_l0": np.zeros((1, 16, 16))}


def captured(name: str, call: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the package passes to a function of the core, by place."""
    passed: list[Any] = []
    original = getattr(core, name)

    def keep(*arguments: Any, **named: Any) -> Any:
        passed.append(copy.deepcopy(list(arguments)))
        return original(*arguments, **named)

    monkeypatch.setattr(core, name, keep)
    call()
    monkeypatch.setattr(core, name, original)
    return list(passed[0])


TASK = rl.tasks.TwoSequence(length=4, prefix=2, noise_std=0.1)


@pytest.mark.parametrize("value", ["3", 3.5, None, 2**63, [3]])
def test_entries_of_a_wrong_type(value: object) -> None:
    cell = make_cell("tanh")
    given = draw(cell, runs=2)
    structure: dict[str, Any] = cell.structure("half_squared_error", "last") | {"hidden": value}
    with pytest.raises(TypeError, match=r"^hidden is of type \w+, allowed are integers of 64 bits$"):
        core.network_gradient(structure, given["params"], given["inputs"], given["targets"], None, None, None, 1)
    structure = cell.structure("half_squared_error", "last") | {"loss": 3}
    with pytest.raises(TypeError, match=r"^loss is of type int, allowed are texts$"):
        core.network_gradient(structure, given["params"], given["inputs"], given["targets"], None, None, None, 1)


def test_initial_states_that_are_no_dictionary() -> None:
    cell = make_cell("tanh")
    given = draw(cell, runs=2)
    structure = cell.structure("half_squared_error", "last")
    for wrong in (np.zeros(3), 3, "h_0"):
        with pytest.raises((TypeError, ValueError)):
            core.network_forward(structure, given["params"], given["inputs"], None, wrong, 1)


def test_masks_of_trained_numbers_have_the_parameters_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A longer one named numbers behind the parameters."""
    cell = rl.cells.VanillaRNN(inputs=1, hidden=3, outputs=1)
    given: dict[str, Any] = {"runs": 2, "max_presentations": 4, "criterion": None, "rng": 0}
    call = partial(rl.train, cell, TASK, rl.algorithms.GradientDescent(), **given)
    arguments = captured("train_networks", call, monkeypatch)
    (place,) = [i for i, each in enumerate(arguments) if isinstance(each, dict) and "weight_hh_l0" in each][1:]
    for wrong in (np.ones(10_000, np.uint8), np.ones((3, 4), np.uint8), np.broadcast_to(np.uint8(0), (2**31,))):
        masks = arguments[place] | {"weight_hh_l0": wrong}
        with pytest.raises((ValueError, TypeError), match="weight_hh_l0 of trainable"):
            core.train_networks(*arguments[:place], masks, *arguments[place + 1 :])
    # What the network does not have has no place either.
    core.train_networks(*arguments[:place], arguments[place] | {"c_0": np.ones(9, np.uint8)}, *arguments[place + 1 :])


def structure(**sizes: Any) -> dict[str, Any]:
    return rl.cells.VanillaRNN(inputs=1, hidden=16, bias=False).structure("half_squared_error", "last") | sizes


@pytest.mark.parametrize("length", [2**59 - 1, 2**59, 2**45])
def test_sizes_that_64_bits_do_not_hold(length: int) -> None:
    """Without inputs an array of any number of steps takes no memory, and the product of all sizes began again at 0."""
    empty, target = np.empty((1, 1, length, 0)), np.zeros((1, 1, 16))
    with pytest.raises(ValueError, match=r"2\^44"):
        core.network_gradient(structure(inputs=0), NO_INPUTS, empty, target, None, None, None, 1)
    with pytest.raises(ValueError, match=r"2\^44"):
        core.network_hessian_vector(structure(inputs=0), NO_INPUTS, NO_INPUTS, empty, target, None, None, None, 1)


def test_networks_that_no_memory_holds() -> None:
    shared = {
        "weight_ih_l0": np.broadcast_to(0.0, (1, 2**20, 1)),
        "weight_hh_l0": np.broadcast_to(0.0, (1, 2**20, 2**20)),
    }
    target = np.broadcast_to(0.0, (1, 1, 2**20))
    with pytest.raises(ValueError, match=r"2\^36 weights"):
        core.network_rtrl(structure(hidden=2**20), shared, np.zeros((1, 1, 3, 1)), target, None, None, None, 1)


def test_a_dictionary_that_contains_itself() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2)
    given = draw(cell, runs=2, dtype=np.float32)
    given["params"]["weight_ih_l0"] = given["params"]
    shape = cell.structure("half_squared_error", "last")
    with pytest.raises(TypeError, match="weight_ih_l0"):
        core.network_rtrl(shape, given["params"], given["inputs"], given["targets"], None, None, None, 1)


def test_streams_of_symbols_that_64_bits_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    given = captured("sample_task", lambda: TASK.sample(2, rng=0), monkeypatch)
    settings = {"task": "CharacterPrediction", "loss": "softmax_cross_entropy", "at": "every", "mean_over_steps": 0}
    sizes = {"streams": 2**24, "predictions": 2**40, "ahead": 1, "length_low": 1, "length_high": 1, "sequences": 0}
    given[0] |= settings | sizes
    given[6] = {"symbols": np.zeros(8, np.uint8)}
    with pytest.raises(ValueError, match=r"^predictions is"):
        core.sample_task(*given)


def test_sequences_beyond_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    given = captured("sample_task", lambda: TASK.sample(2, rng=0), monkeypatch)
    for count, first in ((-1, 0), (2, -1), (2, 2**63 - 1), (2**62, 0)):
        with pytest.raises(ValueError, match="count and first"):
            core.sample_task(*given[:4], count, False, given[6], first)


@pytest.mark.parametrize("count", ["steps", "transient"])
def test_as_many_steps_as_64_bits_count(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their sum was negative, so that the call seemed to be brief, and listened to no Ctrl-C."""
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2)
    call: Callable[..., Any] = partial(rl.dynamics.lyapunov_spectrum, cell, cell.initial_parameters(rng=0))
    given = captured("lyapunov", partial(call, steps=100, transient=100), monkeypatch)
    with pytest.raises(ValueError, match=rf"^{count} is 9223372036854775807; it must be an integer from"):
        call(**{"steps": 100, "transient": 100} | {count: 2**63 - 1})
    given[6 if count == "steps" else 5] = 2**63 - 1
    with pytest.raises(ValueError, match=r"^transient and steps must be at most 2\^53$"):
        core.lyapunov(*given)
