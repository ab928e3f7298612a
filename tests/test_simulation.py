"""States of networks: against the reference, one and many."""

from typing import Any

import numpy as np
import pytest
import xarray as xr

import rnnlatch as rl
from network_cases import KINDS, assert_close, draw, make_cell, one_of, reference, tolerance


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 5])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_states(kind: str, runs: int | None, dtype: Any) -> None:
    cell = make_cell(kind)
    drawn = draw(cell, runs=runs, dtype=dtype)
    lengths = np.array([9, 1, 4, 6])
    start = tuple(np.full((4, 5), 0.1, dtype) for _ in cell.states)
    state = start if len(start) == 2 else start[0]
    got = rl.simulate(cell, drawn["params"], drawn["inputs"], lengths=lengths, initial_state=state)
    assert got.dtype == dtype
    assert got.shape == (*(() if runs is None else (runs,)), 4, 9, 5)
    one = drawn if runs is None else one_of(drawn, 3)
    expected = reference(cell, one | {"lengths": lengths, "initial_state": state}).h
    assert_close(got if runs is None else got[3], expected, tolerance(cell, 9, dtype))
    assert (got[..., 1, :8, :] == np.asarray(0.1, dtype)).all()


def test_shared_inputs() -> None:
    cell = make_cell("GRU")
    drawn = draw(cell, runs=3)
    got = rl.simulate(cell, drawn["params"], drawn["inputs"][0])
    np.testing.assert_array_equal(got[0], rl.simulate(cell, drawn["params"], drawn["inputs"])[0])
    one = {name: value[1] for name, value in drawn["params"].items()}
    np.testing.assert_array_equal(rl.simulate(cell, one, drawn["inputs"][:1]), got[1:2])


@pytest.mark.isa
@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU"])
def test_any_number_of_threads(kind: str) -> None:
    cell = make_cell(kind, hidden=30)
    for runs in (None, 70):
        drawn = draw(cell, runs=runs, batch=40)
        first, *others = (rl.simulate(cell, drawn["params"], drawn["inputs"], threads=n) for n in (1, 2, 3))
        for other in others:
            np.testing.assert_array_equal(other, first)


def test_a_latch_has_no_lengths() -> None:
    with pytest.raises(ValueError, match="lengths is given and the cell is a LatchNeuron; it must be None"):
        rl.simulate(rl.cells.LatchNeuron(), {"weight": 1.0}, np.ones((1, 5, 1)), lengths=[3])
    with pytest.raises(TypeError, match="cell is 'GRU'"):
        rl.simulate("GRU", {}, np.ones((1, 5, 1)))  # type: ignore[call-overload]
    with pytest.raises(ValueError, match="final_state is True and the cell is a LatchNeuron; it must be False"):
        rl.simulate(rl.cells.LatchNeuron(), {"weight": 1.0}, np.ones((1, 5, 1)), final_state=True)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="cell is LatchNeuron"):
        rl.predict(rl.cells.LatchNeuron(), {"weight": 1.0}, np.ones((1, 5, 1)))  # type: ignore[call-overload]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 5])
@pytest.mark.parametrize("read", [{"outputs": 2}, {"outputs": 2, "bias_out": False}, {"read_unit": 3}, {}])
def test_outputs(kind: str, runs: int | None, read: dict[str, Any]) -> None:
    cell = make_cell(kind, **read)
    drawn = draw(cell, runs=runs)
    lengths = np.array([9, 1, 4, 6])
    got = rl.predict(cell, drawn["params"], drawn["inputs"], lengths=lengths)
    assert got.shape == (*(() if runs is None else (runs,)), 4, 9, cell.read_size)
    one = drawn if runs is None else one_of(drawn, 3)
    expected = reference(cell, one | {"lengths": lengths}).output
    assert_close(got if runs is None else got[3], expected, tolerance(cell, 9))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 5])
def test_the_final_state_is_where_the_rest_starts(kind: str, runs: int | None) -> None:
    cell = make_cell(kind, outputs=2)
    drawn = draw(cell, runs=runs)
    params, inputs = drawn["params"], drawn["inputs"]
    lengths = np.array([5, 1, 4, 2])
    whole = rl.simulate(cell, params, inputs, lengths=lengths + 4)
    states, final = rl.simulate(cell, params, inputs[..., :5, :], lengths=lengths, final_state=True)
    assert isinstance(final, tuple) == (kind == "LSTM")
    np.testing.assert_array_equal(states[..., -1, :], final[0] if kind == "LSTM" else final)
    rest = rl.simulate(cell, params, inputs[..., 5:, :], initial_state=final)
    assert_close(np.concatenate([states, rest], axis=-2), whole, tolerance(cell, 9))
    outputs, same = rl.predict(cell, params, inputs[..., :5, :], lengths=lengths, final_state=True)
    np.testing.assert_array_equal(np.asarray(same), np.asarray(final))
    drawn |= {"inputs": inputs[..., 5:, :]}
    assert np.isfinite(rl.gradients.loss_and_gradient(cell, **drawn, initial_state=same)[0]).all()
    assert outputs.shape[-2:] == (5, 2)


def test_a_sweep_of_networks_goes_on_from_its_final_state() -> None:
    cell = make_cell("GRU", outputs=3)
    flat = cell.initial_parameters(0, runs=6)
    dims = {name: ("w", "run", *part.dims) for name, part in cell.parameters().items()}
    params = xr.Dataset({name: (dims[name], value.reshape(2, 3, *value.shape[1:])) for name, value in flat.items()})
    inputs = np.random.default_rng(0).normal(size=(4, 9, 3))
    outputs, state = rl.predict(cell, params, inputs, steps=2, final_state=True)
    assert outputs.shape == (2, 3, 4, 11, 3)
    assert state.shape == (6, 4, 5)
    np.testing.assert_array_equal(outputs.reshape(6, 4, 11, 3), rl.predict(cell, flat, inputs, steps=2))
    later = rl.predict(cell, params, outputs[:, :, :, -1:].reshape(6, 4, 1, 3), initial_state=state)
    longer = rl.predict(cell, params, inputs, steps=3)
    assert_close(later[..., 0, :], longer[..., -1, :], tolerance(cell, 11))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runs", [None, 5])
@pytest.mark.parametrize("start", ["zero", "learned"])
def test_outputs_that_are_the_next_inputs(kind: str, runs: int | None, start: str) -> None:
    """The closed loop is what the network says where its own outputs are given as inputs."""
    cell = make_cell(kind, outputs=3, initial_state=start)
    drawn = draw(cell, runs=runs, time=4)
    for name in cell.states if start == "learned" else ():
        drawn["params"][name] = drawn["params"][name] + 0.3
    lengths = np.array([4, 1, 3, 2])
    got = rl.predict(cell, drawn["params"], drawn["inputs"], steps=6, lengths=lengths)
    assert got.shape == (*(() if runs is None else (runs,)), 4, 10, 3)
    fed = np.concatenate([drawn["inputs"], got[..., 3:-1, :]], axis=-2)
    one = drawn | {"inputs": fed}
    if runs is not None:
        one, got = one_of(one, 3), got[3]
    targets = one | {"lengths": lengths + 6}
    assert_close(got, reference(cell, targets).output, tolerance(cell, 10))


def test_a_loop_that_diverges_is_a_result() -> None:
    cell = rl.cells.VanillaRNN(inputs=1, hidden=1, activation="linear", bias=False)
    got = rl.predict(cell, {"weight_ih_l0": [[4.0]], "weight_hh_l0": [[0.0]]}, np.ones((1, 1, 1)), steps=600)
    np.testing.assert_array_equal(got[0, :500, 0], 4.0 ** np.arange(1, 501))
    assert not np.isfinite(got[0, -1, 0])


def test_a_network_that_was_taught_with_other_inputs_runs_freely_step_by_step() -> None:
    cell = make_cell("LSTM", inputs=3, outputs=2)
    rng = np.random.default_rng(0)
    drive, targets = rng.normal(size=(4, 6, 1)), rng.normal(size=(4, 6, 2))
    params = cell.initial_parameters(0)
    shown = rl.gradients.teacher_forcing(drive[:, :3], targets[:, :3])
    outputs, state = rl.predict(cell, params, shown, final_state=True)
    for t in range(3, 6):
        beside = np.concatenate([drive[:, t : t + 1], outputs[:, -1:]], axis=-1)
        more, state = rl.predict(cell, params, beside, initial_state=state, final_state=True)
        outputs = np.concatenate([outputs, more], axis=1)
    fed = rl.gradients.teacher_forcing(drive, np.concatenate([targets[:, :2], outputs[:, 2:]], axis=1))
    assert_close(outputs, rl.predict(cell, params, fed), tolerance(cell, 6))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"steps": 0}, ValueError, "steps is 0; it must be an integer of at least 1"),
        ({"steps": 2.0}, TypeError, r"steps is 2.0 \(float\)"),
        (
            {"steps": 5},
            ValueError,
            "steps is 5 and the cell has 3 inputs and 2 outputs; to be the next inputs, they must",
        ),
        ({"final_state": 1}, TypeError, r"final_state is 1 \(int\); it must be True or False"),
    ],
)
def test_bad_input_of_predict(change: dict[str, Any], error: type[Exception], message: str) -> None:
    cell = make_cell("GRU", outputs=2)
    with pytest.raises(error, match=message):
        rl.predict(cell, cell.initial_parameters(0), np.ones((1, 4, 3)), **change)


def as_pair(state: Any) -> tuple[Any, ...]:
    """The state of an LSTM, h and c, and of other networks h alone."""
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("kind", ["tanh", "LSTM", "GRU"])
def test_outputs_and_the_loop_of_pytorch(kind: str) -> None:
    torch = pytest.importorskip("torch")
    cell = make_cell(kind, outputs=3)
    drawn = draw(cell)
    layer = getattr(torch.nn, "RNN" if kind == "tanh" else kind)(3, 5, batch_first=True, dtype=torch.float64)
    own = {name: torch.from_numpy(value) for name, value in drawn["params"].items()}
    weight, bias = own.pop("weight_out"), own.pop("bias_out")
    layer.load_state_dict(own)
    outputs, final = rl.predict(cell, drawn["params"], drawn["inputs"], steps=5, final_state=True)
    with torch.no_grad():
        h, state = layer(torch.from_numpy(drawn["inputs"]))
        expected = [h @ weight.T + bias]
        _, stopped = rl.simulate(cell, drawn["params"], drawn["inputs"], final_state=True)
        for got, part in zip(as_pair(stopped), as_pair(state), strict=True):
            assert_close(got, part.numpy()[0], tolerance(cell, 9))
        for _ in range(5):
            h, state = layer(expected[-1][:, -1:], state)
            expected.append(h @ weight.T + bias)
    assert_close(outputs, torch.cat(expected, dim=1).numpy(), tolerance(cell, 14))
    for got, part in zip(as_pair(final), as_pair(state), strict=True):
        assert_close(got, part.numpy()[0], tolerance(cell, 14))
