"""Losses and gradients of every cell against the reference and central differences, one network and many."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rnnlatch as rl
from network_cases import KINDS, LOSSES, Drawn, assert_close, draw, make_cell, one_of, reference, tolerance
from rnnlatch.cells import Constant, NetworkCell, Uniform
from rnnlatch.gradients import loss_and_gradient

ATS = ("last", "every")


def assert_matches_reference(cell: NetworkCell, given: Drawn, got: Any, slack: float = 1.0) -> None:
    """Compare the loss and gradient of one network."""
    loss, gradient = got
    expected = reference(cell, given)
    limit = slack * tolerance(cell, given["inputs"].shape[-2], given["inputs"].dtype)
    assert abs(loss - expected.loss) <= limit * abs(expected.loss)
    # Gradients are sums of derivatives times inputs or states, which are at most 1 or so; the terms may cancel.
    derivatives = max(np.abs(expected.delta).max(), np.abs(expected.state_gradient).max())
    terms = float(derivatives * max(1, np.abs(given["inputs"]).max()))
    names = set(gradient)
    for name in cell.parameter_shapes:
        assert gradient[name].dtype == given["inputs"].dtype
        assert gradient[name].shape == given["params"][name].shape
        assert_close(gradient[name], expected.gradient[name], limit, name, terms)
    for name in names - set(cell.parameter_shapes):
        assert_close(gradient[name], expected.initial_gradient[name], limit, name)


@pytest.mark.parametrize("at", ATS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_one_network(kind: str, loss: str, at: str) -> None:
    cell = make_cell(kind, outputs=3)
    drawn = draw(cell, loss=loss, at=at)
    assert_matches_reference(cell, drawn, loss_and_gradient(cell, **drawn))


@pytest.mark.parametrize("at", ATS)
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kind", KINDS)
def test_many_networks(kind: str, loss: str, at: str) -> None:
    cell = make_cell(kind, outputs=3)
    drawn = draw(cell, loss=loss, at=at, runs=19)
    losses, gradients = loss_and_gradient(cell, **drawn)
    assert losses.shape == (19,)
    for run in (0, 7, 18):
        got = losses[run], {name: value[run] for name, value in gradients.items()}
        assert_matches_reference(cell, one_of(drawn, run), got)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 3])
def test_single_precision(kind: str, runs: int | None) -> None:
    cell = make_cell(kind, outputs=2)
    drawn = draw(cell, at="every", runs=runs, dtype=np.float32)
    loss, gradient = loss_and_gradient(cell, **drawn)
    if runs is None:
        assert_matches_reference(cell, drawn, (loss, gradient))
    else:
        got = loss[1], {name: value[1] for name, value in gradient.items()}
        assert_matches_reference(cell, one_of(drawn, 1), got)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"sign"}))
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("at", ATS)
def test_central_differences(kind: str, loss: str, at: str) -> None:
    """Every parameter is moved in a network of its own.

    With a step h the differences of fourth order have an error of some h^4 + 2^-52 / h: 1e-12 for h = 3e-4, here times
    the derivatives of fifth order. A rectified unit has a kink and so is compared at a smaller step.
    """
    cell = make_cell(kind, hidden=3, outputs=2, initial_state="learned")
    drawn = draw(cell, loss=loss, at=at, time=5)
    _, gradient = loss_and_gradient(cell, **drawn)
    step = 1e-6 if kind == "relu" else 3e-4
    flat = np.concatenate([value.ravel() for value in drawn["params"].values()])
    moves = np.concatenate([steps * step * np.eye(flat.size) for steps in (1, -1, 2, -2)])
    moved = flat + moves
    many, start = {}, 0
    for name, value in drawn["params"].items():
        many[name] = moved[:, start : start + value.size].reshape(-1, *value.shape)
        start += value.size
    losses, _ = loss_and_gradient(cell, **(drawn | {"params": many}))
    ahead, behind, far, farther = losses.reshape(4, -1)
    expected = (8 * (ahead - behind) - (far - farther)) / (12 * step)
    got = np.concatenate([value.ravel() for value in gradient.values()])
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-8 if kind == "relu" else 1e-10)


@pytest.mark.parametrize("kind", ["tanh", "diagonal", "LSTM", "GRU", "same_step"])
@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("at", ATS)
def test_everything_at_once(kind: str, runs: int | None, at: str) -> None:
    """Masks of the loss, lengths, given initial states and truncation."""
    cell = make_cell(kind, bias=False)
    drawn = draw(cell, at=at, batch=5, time=11, runs=runs)
    rng = np.random.default_rng(1)
    drawn |= {
        "mask": rng.uniform(size=(5, 11) if at == "every" else 5),
        "lengths": np.array([11, 1, 4, 7, 8]),
        "initial_gradient": True,
        "truncate": 4,
    }
    start = tuple(rng.normal(0, 0.5, (5, 5)) for _ in cell.states)
    drawn["initial_state"] = start if len(start) == 2 else start[0]
    loss, gradient = loss_and_gradient(cell, **drawn)
    if runs is None:
        assert_matches_reference(cell, drawn, (loss, gradient))
        return
    for run in range(runs):
        got = loss[run], {name: value[run] for name, value in gradient.items()}
        assert_matches_reference(cell, one_of(drawn, run), got)


@pytest.mark.parametrize("kind", ["tanh", "diagonal", "LSTM", "GRU", "same_step"])
@pytest.mark.parametrize("runs", [None, 2])
@pytest.mark.parametrize("truncate", [None, 1, 3, 6, 100])
def test_learned_initial_states(kind: str, runs: int | None, truncate: int | None) -> None:
    cell = make_cell(kind, read_unit=2, initial_state="learned")
    drawn = draw(cell, at="every", time=6, runs=runs) | {"lengths": np.array([6, 2, 3, 1]), "truncate": truncate}
    rng = np.random.default_rng(1)
    for name in cell.states:
        drawn["params"][name] = rng.normal(0, 0.5, drawn["params"][name].shape)
    loss, gradient = loss_and_gradient(cell, **drawn)
    if runs is None:
        assert_matches_reference(cell, drawn, (loss, gradient))
    else:
        got = loss[1], {name: value[1] for name, value in gradient.items()}
        assert_matches_reference(cell, one_of(drawn, 1), got)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_shapes_and_lengths(data: st.DataObject) -> None:
    small = st.integers(1, 9)
    kind = data.draw(st.sampled_from(sorted(set(KINDS) - {"sign", "relu"})))
    outputs = data.draw(st.none() | small)
    hidden = data.draw(st.integers(1, 20))
    cell = make_cell(kind, inputs=data.draw(small), hidden=hidden, outputs=outputs, bias=data.draw(st.booleans()))
    batch, time = data.draw(st.integers(1, 30)), data.draw(small)
    runs = data.draw(st.none() | st.integers(1, 20))
    drawn = draw(
        cell,
        loss=data.draw(st.sampled_from(LOSSES)),
        at=data.draw(st.sampled_from(ATS)),
        batch=batch,
        time=time,
        runs=runs,
        seed=data.draw(st.integers(0, 99)),
    )
    if data.draw(st.booleans()):
        drawn["lengths"] = np.array(data.draw(st.lists(st.integers(1, time), min_size=batch, max_size=batch)))
    loss, gradient = loss_and_gradient(cell, **drawn)
    if runs is None:
        assert_matches_reference(cell, drawn, (loss, gradient), slack=2)
    else:
        run = data.draw(st.integers(0, runs - 1))
        got = loss[run], {name: value[run] for name, value in gradient.items()}
        assert_matches_reference(cell, one_of(drawn, run), got, slack=2)


@pytest.mark.parametrize("runs", [None, 3])
def test_a_hundred_thousand_steps(runs: int | None) -> None:
    """A linear unit without inputs: h_T = w^T h_0, and dE/dw = h_T T w^(T-1) h_0."""
    steps, w, start = 100_000, 1 - 2e-5, 0.75
    cell = rl.cells.VanillaRNN(
        inputs=1, hidden=1, activation="linear", bias=False, init_ih=Constant(0), init_hh=Constant(w)
    )
    loss, gradient = loss_and_gradient(
        cell,
        cell.initial_parameters(0, runs=runs),
        np.zeros((2, steps, 1)),
        np.zeros((2, 1)),
        initial_state=[start],
        initial_gradient=True,
    )
    last = start * np.exp(steps * np.log(w))
    limit = 4 * steps * np.finfo(float).eps
    np.testing.assert_allclose(loss, last**2 / 2, rtol=limit)
    np.testing.assert_allclose(gradient["weight_hh_l0"], last * steps * last / w, rtol=limit)
    np.testing.assert_allclose(gradient["h_0"], last * last / start / 2, rtol=limit)


@pytest.mark.parametrize("kind", ["tanh", "diagonal", "LSTM", "GRU"])
def test_one_step(kind: str) -> None:
    cell = make_cell(kind, inputs=1, hidden=1)
    drawn = draw(cell, batch=1, time=1)
    assert_matches_reference(cell, drawn, loss_and_gradient(cell, **drawn))


@pytest.mark.isa
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_depends_on_nothing_but_the_run(kind: str) -> None:
    """Bit for bit: other runs, their order, threads, strides."""
    cell = make_cell(kind, outputs=2, initial_state="learned")
    drawn = draw(cell, at="every", runs=37)
    losses, gradients = loss_and_gradient(cell, **drawn, threads=1)
    fastest = {name: np.asfortranarray(value) for name, value in drawn["params"].items()}
    order = np.random.default_rng(0).permutation(37)
    shuffled = drawn | {
        "params": {name: value[order] for name, value in drawn["params"].items()},
        "inputs": drawn["inputs"][order],
        "targets": drawn["targets"][order],
    }
    for changed, place in (
        (drawn | {"threads": 2}, slice(None)),
        (drawn | {"params": fastest, "inputs": np.asfortranarray(drawn["inputs"])}, slice(None)),
        (shuffled, order),
    ):
        again, others = loss_and_gradient(cell, **changed)
        np.testing.assert_array_equal(again, losses[place])
        for name, value in others.items():
            np.testing.assert_array_equal(value, gradients[name][place], err_msg=name)
    alone = {name: value[5:6] for name, value in drawn["params"].items()}
    one = drawn | {"params": alone, "inputs": drawn["inputs"][5:6], "targets": drawn["targets"][5:6]}
    loss, gradient = loss_and_gradient(cell, **one)
    assert loss[0] == losses[5]
    for name, value in gradient.items():
        np.testing.assert_array_equal(value[0], gradients[name][5], err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU", "diagonal"])
def test_one_network_has_the_same_bits_for_any_number_of_threads(kind: str) -> None:
    cell = make_cell(kind, hidden=21, outputs=2)
    drawn = draw(cell, at="every", batch=50)
    loss, gradient = loss_and_gradient(cell, **drawn, threads=1)
    for threads in (2, 3):
        again, other = loss_and_gradient(cell, **drawn, threads=threads)
        assert again == loss
        for name, value in gradient.items():
            np.testing.assert_array_equal(other[name], value, err_msg=name)


def test_what_is_not_trained_has_no_gradient() -> None:
    mask = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0]])
    for kind in (rl.cells.VanillaRNN, rl.cells.LSTM, rl.cells.GRU):
        cell = kind(inputs=2, hidden=3, outputs=2, mask_hh=mask, mask_out=[[1, 0, 1], [1, 1, 1]], fixed=["bias_ih_l0"])
        drawn = draw(cell, at="every")
        loss, gradient = loss_and_gradient(cell, **drawn)
        expected = reference(cell, drawn)
        np.testing.assert_allclose(loss, expected.loss, rtol=1e-13)
        np.testing.assert_allclose(gradient["bias_hh_l0"], expected.gradient["bias_hh_l0"], rtol=1e-11)
        for name, where in cell.masks.items():
            assert_close(gradient[name], expected.gradient[name] * where, tolerance(cell, 9), name)
            assert (gradient[name][where == 0] == 0).all()
        assert (gradient["bias_ih_l0"] == 0).all()


def test_the_networks_of_1994() -> None:
    cell = rl.cells.VanillaRNN(
        inputs=1,
        hidden=5,
        bias=False,
        read_unit=4,
        mask_ih=np.eye(5, 1, dtype=int),
        init_ih=Constant(1),
        init_hh=Uniform(0.5),
        fixed=["weight_ih_l0"],
    )
    drawn = draw(cell, runs=10)
    _, gradient = loss_and_gradient(cell, **drawn)
    assert sum(int((value != 0).any(axis=0).sum()) for value in gradient.values()) == 25
    parity = rl.cells.VanillaRNN(
        inputs=1, hidden=2, read_unit=1, mask_hh=[[0, 1], [1, 1]], same_step=[[0, 0], [1, 0]], fixed=["bias_hh_l0"]
    )
    drawn = draw(parity, runs=10)
    _, gradient = loss_and_gradient(parity, **drawn)
    assert sum(int((value != 0).any(axis=0).sum()) for value in gradient.values()) == 7
    assert_matches_reference_where_trained(parity, one_of(drawn, 3), {k: v[3] for k, v in gradient.items()})


def assert_matches_reference_where_trained(cell: NetworkCell, given: Drawn, gradient: dict[str, Any]) -> None:
    expected = reference(cell, given).gradient
    for name, value in gradient.items():
        if name not in cell.fixed:
            assert_close(value, expected[name] * cell.masks.get(name, 1), tolerance(cell, 9), name)


def test_a_dataset_of_networks_keeps_its_dimensions() -> None:
    import xarray as xr

    cell = make_cell("tanh")
    drawn = draw(cell, runs=6)
    parts = cell.parameters()
    data = {
        name: (("length", "run", *parts[name].dims), value.reshape(2, 3, *value.shape[1:]))
        for name, value in drawn["params"].items()
    }
    flat, _ = loss_and_gradient(cell, **drawn)
    losses, gradient = loss_and_gradient(cell, **(drawn | {"params": xr.Dataset(data)}))
    np.testing.assert_array_equal(losses, flat.reshape(2, 3))
    assert gradient["weight_hh_l0"].shape == (2, 3, 5, 5)


def test_a_diverging_network_is_a_result() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=2, activation="linear", init_hh=Constant(1e3))
    loss, gradient = loss_and_gradient(cell, **draw(cell, time=300))
    assert not np.isfinite(loss)
    assert not np.isfinite(gradient["weight_hh_l0"]).all()


def test_memory_is_asked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnlatch.gradients import _engine

    cell = make_cell("LSTM")
    monkeypatch.setattr(_engine, "available_memory", lambda: 100)
    monkeypatch.setattr(_engine, "_LITTLE", 0)
    for runs in (None, 3):
        with pytest.raises(
            MemoryError, match=r"through 9 steps of 4 sequences needs .* and 100 B are available; use fewer"
        ):
            loss_and_gradient(cell, **draw(cell, runs=runs))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"truncate": 0}, "truncate is 0; it must be an integer of at least 1"),
        ({"threads": 0}, "threads is 0"),
        ({"initial_gradient": True}, "initial_gradient is True and initial_state is None"),
        ({"loss": "squared"}, "loss is 'squared'"),
        ({"inputs": np.zeros((4, 0, 3))}, r"inputs has shape \(4, 0, 3\)"),
        ({"inputs": np.zeros((0, 9, 3))}, r"inputs has shape \(0, 9, 3\)"),
    ],
)
def test_bad_input(change: Drawn, message: str) -> None:
    cell = make_cell("tanh")
    with pytest.raises(ValueError, match=message):
        loss_and_gradient(cell, **(draw(cell) | change))
