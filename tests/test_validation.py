"""Every parameter out of range: one sentence that names the parameter, the value and what is allowed."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import rnnlatch as rl
from rnnlatch import validation

CELL = rl.cells.LatchNeuron()
TASK = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.1)
FIXED = rl.tasks.MinimalLatch(length=10, prefix=3, noise_std=0.1, sequences_per_class=5)
DESCENT = rl.algorithms.GradientDescent()
BATCH = rl.algorithms.GradientDescent(batch_size="all")


def task(**given: Any) -> rl.tasks.MinimalLatch:
    return rl.tasks.MinimalLatch(**({"length": 10, "prefix": 3, "noise_std": 0.1} | given))


def train(**given: Any) -> Any:
    return rl.train(CELL, TASK, DESCENT, **({"runs": 2, "max_presentations": 10, "rng": 0} | given))


def evaluate(**given: Any) -> Any:
    params = given.pop("params", {"weight": 1.0, "input": np.zeros((2, 3))})
    return rl.evaluate(CELL, params, given.pop("task", TASK), **given)


def simulate(inputs: Any, weight: Any = 1.0) -> Any:
    return rl.simulate(CELL, {"weight": weight}, inputs)


# what is called, the keyword, a value, the error, and what the message says besides name and value
WRONG: list[tuple[Callable[..., object], str, object, type[Exception], str]] = [
    (rl.cells.LatchNeuron, "w", math.nan, ValueError, "finite number"),
    (rl.cells.LatchNeuron, "w", math.inf, ValueError, "finite number"),
    (rl.cells.LatchNeuron, "w", 10**400, ValueError, "finite number"),
    (rl.cells.LatchNeuron, "w", "1.25", TypeError, "finite number"),
    (rl.cells.LatchNeuron, "w", True, TypeError, "finite number"),
    (rl.cells.LatchNeuron, "w", None, TypeError, "finite number"),
    (rl.cells.LatchNeuron, "w", 1j, TypeError, "finite number"),
    (rl.cells.LatchNeuron, "w", np.array([1.0, 2.0]), TypeError, "finite number"),
    (rl.cells.LatchNeuron, "train_w", 1, TypeError, "True or False"),
    (rl.cells.LatchNeuron, "initial_input", -0.1, ValueError, "at least 0"),
    (rl.cells.LatchNeuron, "input", [1.0, math.nan], ValueError, "finite numbers"),
    (rl.cells.LatchNeuron, "input", ["a"], TypeError, "finite numbers"),
    (rl.cells.LatchNeuron, "input", [True], TypeError, "finite numbers"),
    (rl.cells.LatchNeuron, "input", [[1.0], [1.0, 2.0]], ValueError, "finite numbers"),
    (rl.cells.LatchNeuron, "input", [], ValueError, "finite numbers"),
    (rl.cells.LatchNeuron, "input", np.zeros((1, 2, 3)), ValueError, "finite numbers"),
    (task, "length", 0, ValueError, "from 1 to 1000000"),
    (task, "length", 20.0, TypeError, "integer"),
    (task, "length", True, TypeError, "integer"),
    (task, "length", 2**40, ValueError, "from 1 to 1000000"),
    (task, "prefix", 0, ValueError, "at least 1"),
    (task, "prefix", 11, ValueError, "at most the length, which is 10"),
    (task, "noise_std", -0.2, ValueError, "at least 0"),
    (task, "noise_std", math.nan, ValueError, "at least 0"),
    (task, "noise_std", None, ValueError, "exactly one"),
    (task, "noise_variance", 0.04, ValueError, "exactly one"),
    (task, "noise", "laplace", ValueError, "'gaussian' or 'uniform'"),
    (task, "noise", 3, TypeError, "'gaussian' or 'uniform'"),
    (task, "sequences_per_class", 0, ValueError, "from 1 to"),
    (task, "order", "sorted", ValueError, "'cyclic' or 'random'"),
    (task, "target", 0, ValueError, "above 0"),
    (task, "target", -0.8, ValueError, "above 0"),
    (rl.algorithms.GradientDescent, "learning_rate", -0.1, ValueError, "at least 0"),
    (rl.algorithms.GradientDescent, "learning_rate", math.inf, ValueError, "at least 0"),
    (rl.algorithms.GradientDescent, "momentum", 1.0, ValueError, "below 1"),
    (rl.algorithms.GradientDescent, "batch_size", 0, ValueError, "from 1 to"),
    (rl.algorithms.GradientDescent, "batch_size", "some", ValueError, "'all'"),
    (rl.algorithms.GradientDescent, "batch_size", 1.5, TypeError, "integer"),
    (rl.algorithms.GradientDescent, "reduction", "max", ValueError, "'mean' or 'sum'"),
    (rl.algorithms.GradientDescent, "clip_norm", 0.0, ValueError, "above 0"),
    (rl.algorithms.GradientDescent, "l1", -1, ValueError, "at least 0"),
    (rl.algorithms.GradientDescent, "l2", math.nan, ValueError, "at least 0"),
    (rl.Criterion, "measure", "loss", ValueError, "'cost' or 'error'"),
    (rl.Criterion, "threshold", 0.0, ValueError, "above 0"),
    (rl.Criterion, "window", 0, ValueError, "from 1 to"),
    (train, "runs", 0, ValueError, "from 1 to"),
    (train, "runs", 1.0, TypeError, "integer"),
    (train, "max_presentations", 0, ValueError, "from 1 to"),
    (train, "max_presentations", 2**32, ValueError, "from 1 to"),
    (train, "criterion", "cost", TypeError, "rnnlatch.Criterion"),
    (train, "record", 0, ValueError, "at least 1"),
    (train, "record", 11, ValueError, "at most max_presentations, which is 10"),
    (train, "threads", 0, ValueError, "from 1 to"),
    (train, "threads", "all", TypeError, "integer"),
    (train, "rng", -1, ValueError, "non-negative integer"),
    (train, "rng", 1.5, TypeError, "non-negative integer"),
    (train, "rng", True, TypeError, "non-negative integer"),
    (train, "rng", "seed", ValueError, "non-negative integer"),
    (train, "rng", [], ValueError, "non-negative integer"),
    (evaluate, "presentations", 0, ValueError, "from 1 to"),
    (evaluate, "task", 3, TypeError, "MinimalLatch"),
]


def ids(value: object) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("call", "name", "value", "kind", "allowed"), WRONG, ids=ids)
def test_a_wrong_value_is_named(
    call: Callable[..., object], name: str, value: object, kind: type[Exception], allowed: str
) -> None:
    with pytest.raises(kind) as caught:
        call(**{name: value})
    message = str(caught.value)
    assert "\n" not in message
    assert name in message
    assert allowed in message
    assert validation.show(value) in message or isinstance(value, np.ndarray)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weight": 1.0}, "params has weight; it must have weight and input"),
        ({}, "params has nothing; it must have weight and input"),
        (
            {"weight": 1.0, "input": np.zeros((2, 4))},
            "input has shape (2, 4); it must be an array of real numbers, shape (2, 3)",
        ),
        ({"weight": [1.0, 2.0], "input": np.zeros((3, 2, 3))}, "2 networks in weight and 3 networks in input"),
        ({"weight": np.ones((2, 2)), "input": np.zeros((2, 3))}, "2 axes of networks"),
        ({"weight": [], "input": np.zeros((2, 3))}, "weight has shape (0,)"),
        ({"weight": [[1.0], [1.0, 2.0]], "input": np.zeros((2, 3))}, "weight is not an array"),
    ],
)
def test_wrong_parameters_are_named(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        evaluate(params=params)
    assert message in str(caught.value)


@pytest.mark.parametrize("params", [{"weight": "a", "input": 0}, {"weight": 1j, "input": 0}, [1.0]])
def test_parameters_of_a_wrong_kind_are_refused(params: Any) -> None:
    with pytest.raises(TypeError):
        evaluate(params=params)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (np.zeros((4, 5)), "inputs has shape (4, 5); it must be (batch, time, 1) or (run, batch, time, 1)"),
        (np.zeros((4, 5, 2)), "inputs has shape (4, 5, 2)"),
        (np.zeros((0, 5, 1)), "inputs has shape (0, 5, 1)"),
        (np.full((1, 5, 1), math.nan), "NaN or infinite"),
        (np.zeros((3, 1, 5, 1)), "inputs has 3 runs and weight has 2"),
    ],
)
def test_wrong_inputs_are_named(inputs: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        simulate(inputs, weight=[1.0, 2.0])
    assert message in str(caught.value)


def test_inputs_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(TypeError, match="inputs has dtype"):
        simulate(np.array([[["a"]]]))


@pytest.mark.parametrize("value", [np.float64(0.5), np.float32(0.5), np.array(0.5), 0.5])
def test_numbers_of_any_kind_become_equal(value: object) -> None:
    checked = validation.number("x", value)
    assert type(checked) is float
    assert checked == 0.5


@pytest.mark.parametrize("value", [np.int32(7), np.uint8(7), np.array(7), 7])
def test_integers_of_any_kind_become_equal(value: object) -> None:
    checked = validation.integer("x", value)
    assert type(checked) is int
    assert checked == 7


def test_a_negative_zero_becomes_zero() -> None:
    assert math.copysign(1, validation.number("x", -0.0)) == 1


def test_long_values_are_shortened() -> None:
    with pytest.raises(ValueError) as caught:
        validation.choice("x", "y" * 10_000, ("a", "b"))
    assert len(str(caught.value)) < 200


def test_values_are_shown_in_one_short_line() -> None:
    for value in (10**5000, [10**5000], np.eye(100), "y\n" * 1000, np.dtype([("x", float)] * 1)):
        assert len(validation.show(value)) < 100
        assert "\n" not in validation.show(value)
    assert validation.shown_name("rnn.weight_ih_l0") == "rnn.weight_ih_l0"
    assert validation.shown_name("a\nb") == r"'a\nb'"
    assert len(validation.shown_name("a" * 10**6)) < 100


@pytest.mark.parametrize("value", ["float32", np.float32, np.dtype("f4"), "f4"])
def test_types_in_any_form(value: object) -> None:
    assert validation.float_type("dtype", value) == np.dtype(np.float32)


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        ("abc", ValueError, "'abc'"),
        ("float16", ValueError, "float16"),
        (">f8", ValueError, ">f8"),
        (int, ValueError, "int64"),
        ("f8,f8", ValueError, "[('f0'"),
        (None, TypeError, "None"),
        (5, TypeError, "5 (int)"),
        ([1], TypeError, "[1] (list)"),
    ],
)
def test_other_types_are_refused(value: object, error: type[Exception], shown: str) -> None:
    with pytest.raises(error) as caught:
        validation.float_type("dtype", value)
    assert str(caught.value).startswith(f"dtype is {shown}")
    assert str(caught.value).endswith("; it must be float64 or float32")
