"""Real-time recurrent learning gives the gradient of back-propagation, without unrolling."""

from types import SimpleNamespace

import numpy as np
import pytest

from network_cases import KINDS, LOSSES, assert_close, draw, make_cell, tolerance
from rnnlatch._dispatch import core
from rnnlatch.gradients import loss_and_gradient, memory, realtime, rtrl


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("at", ["last", "every"])
def test_the_gradient_is_that_of_back_propagation(kind: str, loss: str, at: str) -> None:
    cell = make_cell(kind, outputs=2, initial_state="learned")
    drawn = draw(cell, loss=loss, at=at) | {"lengths": np.array([9, 3, 1, 6])}
    value, gradient = rtrl(cell, **drawn)
    expected, same = loss_and_gradient(cell, **drawn)
    limit = 4 * tolerance(cell, 9)
    np.testing.assert_allclose(value, expected, rtol=limit)
    assert gradient.keys() == same.keys()
    for name, part in same.items():
        assert gradient[name].shape == part.shape
        assert_close(gradient[name], part, limit, name)


@pytest.mark.parametrize("kind", ["tanh", "diagonal", "LSTM", "GRU"])
def test_many_networks(kind: str) -> None:
    cell = make_cell(kind, hidden=3, read_unit=1, mask_ih=[[1, 0, 1], [1, 1, 1], [0, 1, 0]], fixed=["bias_hh_l0"])
    drawn = draw(cell, runs=20, at="every")
    mask = np.random.default_rng(0).uniform(size=(4, 9))
    start = np.full((4, 3), 0.3)
    state = (start, start) if kind == "LSTM" else start
    values, gradients = rtrl(cell, **drawn, mask=mask, initial_state=state, threads=2)
    expected, same = loss_and_gradient(cell, **drawn, mask=mask, initial_state=state)
    np.testing.assert_allclose(values, expected, rtol=4 * tolerance(cell, 9))
    for name, part in same.items():
        assert_close(gradients[name], part, 4 * tolerance(cell, 9), name)


def test_a_diagonal_network_over_many_steps() -> None:
    cell = make_cell("diagonal", hidden=4)
    drawn = draw(cell, time=100_000, batch=1)
    value, gradient = rtrl(cell, **drawn)
    expected, same = loss_and_gradient(cell, **drawn)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    for name, part in same.items():
        assert_close(gradient[name], part, 1e-9, name)


@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_asked_for_first(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = make_cell(kind, hidden=40, initial_state="learned")
    drawn = draw(cell, time=2)
    one, two = (memory.influences_memory(cell, runs=100, threads=n, initial=False) for n in (1, 2))
    parameters = {name: value[None] for name, value in drawn["params"].items()}
    rest = (drawn["inputs"][None], drawn["targets"][None], None, None, None, 1, None)
    found = core.network_rtrl(cell.structure(), parameters, *rest)
    lanes = 2 * core.build_info()["lanes_per_register"]
    assert 8 * lanes * found["influences"] < one < 8 * lanes * (found["influences"] + 20 * cell.trainable_count)
    assert two == 2 * one
    monkeypatch.setattr(memory, "_LITTLE", 0)
    monkeypatch.setattr(memory, "available_memory", lambda: 1000)
    message = (
        r"rtrl of networks with 40 units needs [\d.]+ [kM]B besides its arguments, and 1 kB are available; use fewer"
    )
    with pytest.raises(
        MemoryError, match=message + " threads, or loss_and_gradient, whose memory grows with the steps"
    ):
        rtrl(cell, **drawn)


def test_a_limit_that_the_system_does_not_tell_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MemoryError("std::bad_alloc")

    monkeypatch.setattr(realtime, "core", SimpleNamespace(network_rtrl=refuse))
    cell = make_cell("tanh", hidden=40)
    with pytest.raises(
        MemoryError, match=r"rtrl of networks with 40 units needs .* besides its arguments, and did not get"
    ):
        rtrl(cell, **draw(cell))
