"""The matrix driver: one network and a minibatch, against the reference, differences, and itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import networks
from rnnlatch._dispatch import core

CELLS: dict[str, dict[str, Any]] = {
    "tanh": {},
    "logistic": {"activation": "logistic"},
    "relu": {"activation": "relu"},
    "linear": {"activation": "linear"},
    "sign": {"activation": "sign"},
    "diagonal": {"diagonal": 1},
    "LSTM": {"cell": "LSTM"},
    "GRU": {"cell": "GRU"},
}
LOSSES = ["half_squared_error", "softmax_cross_entropy", "logistic_cross_entropy"]
TOLERANCE = 1e-12  # of numbers of order 1, after at most 12 steps of at most 20 units


def draw(
    structure: networks.Structure, *, batch: int = 3, steps: int = 5, learned: bool = False, seed: int = 0
) -> tuple[dict[str, Any], Any, Any]:
    """Parameters, inputs and targets."""
    rng = np.random.default_rng(seed)
    shapes = networks.parameter_shapes(structure, learned)
    parameters = {name: rng.normal(0, 1 / np.sqrt(1 + shape[-1]), shape) for name, shape in shapes.items()}
    inputs = rng.normal(size=(batch, steps, structure["inputs"]))
    outputs = structure["outputs"] or (structure["hidden"] if structure["read_unit"] < 0 else 1)
    terms = (batch, steps) if structure["at"] == "every" else (batch,)
    if structure["loss"] == "softmax_cross_entropy":
        return parameters, inputs, rng.integers(outputs, size=terms)
    return parameters, inputs, rng.uniform(size=(*terms, outputs))


def compare(structure: networks.Structure, parameters: Any, inputs: Any, targets: Any, **rest: Any) -> None:
    """All that the driver gives, with the reference."""
    initial = tuple(rest["initial"].values()) if "initial" in rest else (None,)
    in_reference = rest | {"initial": initial if len(initial) > 1 else initial[0]}
    want = networks.gradient(structure, parameters, inputs, targets, **in_reference)
    got = core.matrix_gradient(structure, parameters, inputs, targets, keep=True, **rest)

    def close(name: str, value: Any, expected: Any) -> None:
        np.testing.assert_allclose(value, expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)

    close("loss", got["loss"], want.loss)
    assert got["gradient"].keys() == parameters.keys()
    for name, value in got["gradient"].items():
        close(name, value, want.gradient[name])
    assert ("initial_gradient" in got) == (rest.get("initial") is not None)
    for name, value in got.get("initial_gradient", {}).items():
        close(name, value, want.initial_gradient[name])
    rest.pop("truncate", None)
    rest.pop("mask", None)
    there = core.matrix_forward(structure, parameters, inputs, **rest)
    for name in ("h", "pre_activation", *(["c"] if structure["cell"] == "LSTM" else [])):
        close(name, got[name], getattr(want, name))
        np.testing.assert_array_equal(there[name], got[name])
    close("output", there["output"], want.output)
    close("delta", got["delta"], want.delta)
    close("state_gradient", got["state_gradient"], want.state_gradient)


@pytest.mark.isa
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("cell", CELLS)
def test_everything_agrees_with_the_reference(cell: str, loss: str, at: str) -> None:
    for outputs, read_unit in ((2, -1), (0, -1), (0, 1)):
        structure = networks.make_structure(
            **CELLS[cell], loss=loss, at=at, outputs=outputs, read_unit=read_unit, bias_out=1
        )
        compare(structure, *draw(structure))


@pytest.mark.isa
@settings(deadline=None)
@given(data=st.data())
def test_any_sizes(data: st.DataObject) -> None:
    hidden, batch, steps = (data.draw(st.integers(1, most), label=label) for label, most in
                            (("hidden", 20), ("batch", 30), ("steps", 12)))  # fmt: skip
    outputs = data.draw(st.integers(0, 9), label="outputs")
    structure = networks.make_structure(
        **CELLS[data.draw(st.sampled_from(list(CELLS)), label="cell")],
        inputs=data.draw(st.integers(0, 9), label="inputs"),
        hidden=hidden,
        outputs=outputs,
        read_unit=-1 if outputs else data.draw(st.integers(-1, hidden - 1), label="read_unit"),
        bias=data.draw(st.integers(0, 1), label="bias"),
        bias_out=data.draw(st.integers(0, 1), label="bias_out"),
        loss=data.draw(st.sampled_from(LOSSES), label="loss"),
        at=data.draw(st.sampled_from(["last", "every"]), label="at"),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99), label="seed"))
    parameters, inputs, targets = draw(structure, batch=batch, steps=steps, learned=data.draw(st.booleans()))
    rest: dict[str, Any] = {"truncate": data.draw(st.integers(0, steps + 1), label="truncate")}
    if data.draw(st.booleans(), label="lengths"):
        rest["lengths"] = rng.integers(0, steps, batch, endpoint=True)
    if data.draw(st.booleans(), label="mask"):
        rest["mask"] = rng.uniform(size=targets.shape[: 1 + (structure["at"] == "every")])
    if data.draw(st.booleans(), label="initial"):
        names = ["h_0", "c_0"] if structure["cell"] == "LSTM" else ["h_0"]
        rest["initial"] = {name: rng.normal(size=(batch, hidden)) for name in names}
    compare(structure, parameters, inputs, targets, **rest)


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["tanh", "GRU"])
def test_columns_of_many_units(cell: str) -> None:
    """Columns of two kilobytes and more are copied before their outer products are summed up, 64 at a time."""
    structure = networks.make_structure(
        **CELLS[cell], inputs=7, hidden=261, outputs=5, at="every", loss="softmax_cross_entropy"
    )
    compare(structure, *draw(structure, batch=11, steps=13))


@pytest.mark.isa
@pytest.mark.parametrize("at", ["last", "every"])
@pytest.mark.parametrize("cell", CELLS)
def test_the_two_drivers_agree(cell: str, at: str) -> None:
    structure = networks.make_structure(**CELLS[cell], hidden=11, outputs=3, at=at, loss="softmax_cross_entropy")
    parameters, inputs, targets = draw(structure, batch=15, steps=20)
    lengths, mask = np.arange(1, 16), np.random.default_rng(2).uniform(size=targets.shape)
    run = {name: value[np.newaxis] for name, value in parameters.items()}
    lanes = core.network_gradient(
        structure, run, inputs[np.newaxis], targets[np.newaxis], mask[np.newaxis], lengths[np.newaxis], None, 1
    )
    matrix = core.matrix_gradient(structure, parameters, inputs, targets, mask, lengths)
    np.testing.assert_allclose(matrix["loss"], lanes["loss"][0], rtol=TOLERANCE)
    for name, value in matrix["gradient"].items():
        np.testing.assert_allclose(value, lanes["gradient"][name][0], rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell != "sign"])
def test_gradient_is_that_of_differences(cell: str) -> None:
    structure = networks.make_structure(**CELLS[cell], at="every", outputs=2, loss="softmax_cross_entropy", bias_out=1)
    parameters, inputs, targets = draw(structure, learned=True)

    def cost(moved: dict[str, Any]) -> Any:
        there = {name: np.ascontiguousarray(value, np.float64) for name, value in moved.items()}
        return core.matrix_gradient(structure, there, inputs, targets)["loss"]

    step = 2.0**-17
    for name, value in parameters.items():
        want = np.empty_like(value)
        for place in np.ndindex(value.shape):
            up, down = (parameters | {name: value.copy()} for _ in range(2))
            up[name][place] += step
            down[name][place] -= step
            want[place] = (cost(up) - cost(down)) / (2 * step)
        got = core.matrix_gradient(structure, parameters, inputs, targets)["gradient"][name]
        np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8, err_msg=name)


@pytest.mark.isa
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
def test_the_number_of_threads_changes_no_bit(cell: str, dtype: str) -> None:
    structure = networks.make_structure(**CELLS[cell], hidden=33, inputs=6, outputs=4, bias_out=1)
    parameters, inputs, targets = draw(structure, batch=100, steps=40)
    parameters = {name: value.astype(dtype) for name, value in parameters.items()}
    arguments = (structure, parameters, inputs.astype(dtype), targets.astype(dtype))
    first, *others = (core.matrix_gradient(*arguments, threads=threads) for threads in (1, 2, 3, 7))
    for other in others:
        assert other["loss"] == first["loss"]
        for name, value in first["gradient"].items():
            np.testing.assert_array_equal(other["gradient"][name], value)


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["tanh", "logistic", "relu", "linear", "diagonal", "LSTM", "GRU"])
def test_float32_is_near_float64(cell: str) -> None:
    """To some 50 units in the last place of the largest number: 30 steps whose errors do not grow."""
    structure = networks.make_structure(**CELLS[cell], hidden=20, inputs=3, outputs=2, bias_out=1, at="every")
    parameters, inputs, targets = draw(structure, batch=14, steps=30)
    wide = core.matrix_gradient(structure, parameters, inputs, targets)
    single = {name: value.astype(np.float32) for name, value in parameters.items()}
    got = core.matrix_gradient(structure, single, inputs.astype(np.float32), targets.astype(np.float32))
    assert got["loss"] == pytest.approx(wide["loss"], rel=1e-5)
    for name, value in wide["gradient"].items():
        assert got["gradient"][name].dtype == np.float32
        assert np.abs(got["gradient"][name] - value).max() <= 50 * np.finfo(np.float32).eps * np.abs(value).max()


@pytest.mark.isa
@pytest.mark.parametrize("cell", ["tanh", "LSTM", "GRU"])
def test_padding_is_never_read(cell: str) -> None:
    structure = networks.make_structure(**CELLS[cell], at="every", outputs=2, loss="softmax_cross_entropy")
    parameters, inputs, targets = draw(structure, batch=20, steps=6)
    lengths = np.arange(20) % 7
    padding = np.arange(6) < 6 - lengths[:, np.newaxis]
    first = core.matrix_gradient(structure, parameters, inputs, targets, lengths=lengths, keep=True)
    inputs[padding], targets[padding] = 1e300, -1
    second = core.matrix_gradient(structure, parameters, inputs, targets, lengths=lengths, keep=True)
    assert first["loss"] == second["loss"]
    for name in parameters:
        np.testing.assert_array_equal(first["gradient"][name], second["gradient"][name])
    for name in ("h", "pre_activation", "delta", "state_gradient"):
        np.testing.assert_array_equal(first[name], second[name])


def test_a_term_of_weight_0_is_left_out_even_where_its_output_overflowed() -> None:
    structure = networks.make_structure(activation="linear", hidden=2)
    parameters, inputs, targets = draw(structure)
    inputs[1] = 1e308
    mask = np.array([1.0, 0.0, 1.0])
    got = core.matrix_gradient(structure, parameters, inputs, targets, mask)
    assert np.isfinite(got["loss"])


def test_a_hundred_thousand_steps() -> None:
    structure = networks.make_structure(hidden=3, inputs=1, outputs=1)
    parameters, inputs, targets = draw(structure, batch=1, steps=100_000)
    whole = core.matrix_gradient(structure, parameters, inputs, targets)
    state = core.matrix_forward(structure, parameters, inputs[:, :-50])["h"][:, -1]
    end = core.matrix_gradient(structure, parameters, inputs[:, -50:], targets, initial={"h_0": state})
    assert whole["loss"] == end["loss"]
    for name, value in end["gradient"].items():  # these weights forget within the last 50 steps
        np.testing.assert_allclose(whole["gradient"][name], value, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.zeros((3, 5, 1))}, r"inputs has shape \(3, 5, 1\), allowed is \(n, n, 2\)"),
        ({"inputs": np.zeros((3, 0, 2))}, "inputs must have at least one sequence and one step"),
        ({"targets": np.zeros((3, 2))}, r"targets has shape \(3, 2\), allowed is \(3, 3\)"),
        ({"lengths": np.array([1, 2, 6])}, "lengths must be from 0 to 5"),
        ({"initial": {"h_0": np.zeros((2, 3))}}, r"h_0 has shape \(2, 3\), allowed is \(3, 3\)"),
        ({"threads": 0}, "threads is 0, allowed are integers from 1"),
        ({"truncate": -1}, "truncate is -1, allowed are integers from 0"),
        ({"mask": np.zeros((3, 5))}, r"mask has shape \(3, 5\), allowed is \(3,\)"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], message: str) -> None:
    structure = networks.make_structure()
    parameters, inputs, targets = draw(structure)
    arguments = {"inputs": inputs, "targets": targets} | changes
    with pytest.raises(ValueError, match=message):
        core.matrix_gradient(structure, parameters, **arguments)


def test_a_class_that_there_is_not_is_refused() -> None:
    structure = networks.make_structure(loss="softmax_cross_entropy")
    parameters, inputs, _ = draw(structure)
    with pytest.raises(ValueError, match="targets has class 3, allowed are integers from 0 to 2"):
        core.matrix_gradient(structure, parameters, inputs, np.array([0, 3, 1]))


def test_another_dtype_is_refused() -> None:
    structure = networks.make_structure()
    parameters, inputs, targets = draw(structure)
    with pytest.raises(TypeError, match="weight_ih_l0 must be a C-contiguous NumPy array of dtype float32"):
        core.matrix_gradient(structure, parameters, inputs.astype(np.float32), targets)
