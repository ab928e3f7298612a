"""Axes through the parameters: what their names mean, and what is refused."""

from typing import Any

import numpy as np
import pytest

from rnnlatch._parameter_axes import parse

PARAMS = {"weight_hh_l0": np.array([[1.0, 2.0], [3.0, 4.0]]), "bias_ih_l0": np.array([5.0, 6.0]), "weight": 7.0}


@pytest.mark.parametrize(
    ("axis", "label", "value"),
    [
        ("weight_hh_l0[0, 1]", "weight_hh_l0[0, 1]", 2.0),
        (" weight_hh_l0 [ 1,0 ] ", "weight_hh_l0[1, 0]", 3.0),
        ("weight_hh_l0[1 ,1,]", "weight_hh_l0[1, 1]", 4.0),
        ("bias_ih_l0[1]", "bias_ih_l0[1]", 6.0),
        ("bias_ih_l0[1,]", "bias_ih_l0[1]", 6.0),
        ("weight", "weight", 7.0),
    ],
)
def test_elements(axis: str, label: str, value: float) -> None:
    found = parse(axis, PARAMS)
    assert (found.label, found.value) == (label, value)
    moved = found.at(PARAMS, 0.1)
    assert found.element is not None
    name, place = found.element
    assert moved[name][place] == 0.1
    for key, given in PARAMS.items():
        changed = np.atleast_1d(moved[key] != given)
        assert changed.sum() == (key == name)
        np.testing.assert_array_equal(found.origin(PARAMS)[key] + value * found.direction[key], given)
    assert parse(axis, moved).value == 0.1


def test_many_values_have_an_axis_in_front() -> None:
    values = np.array([0.1, 0.2, 0.3])
    moved = parse("weight_hh_l0[0, 1]", PARAMS).at(PARAMS, values)
    assert moved["weight_hh_l0"].shape == (3, 2, 2)
    np.testing.assert_array_equal(moved["weight_hh_l0"][:, 0, 1], values)
    assert (moved["weight_hh_l0"][:, 1] == [3, 4]).all()
    assert moved["bias_ih_l0"].shape == (2,)
    np.testing.assert_array_equal(parse("weight", PARAMS).at(PARAMS, values)["weight"], values)


def test_directions() -> None:
    given = {"bias_ih_l0": [1, -1], "weight": 0.5}
    found = parse(given, PARAMS)
    assert (found.label, found.value) == ("direction in bias_ih_l0, weight", 0.0)
    assert found.element is None
    assert parse(given | {"weight_hh_l0": np.ones((2, 2))}, PARAMS).label == "direction in 3 parameters"
    np.testing.assert_array_equal(found.direction["weight_hh_l0"], np.zeros((2, 2)))
    moved = found.at(PARAMS, np.array([0.0, 2.0]))
    np.testing.assert_array_equal(moved["bias_ih_l0"], [[5, 6], [7, 4]])
    np.testing.assert_array_equal(moved["weight"], [7, 8])
    np.testing.assert_array_equal(found.at(PARAMS, 2.0)["bias_ih_l0"], [7, 4])
    np.testing.assert_array_equal(found.origin(PARAMS)["bias_ih_l0"], [5, 6])


@pytest.mark.parametrize(
    ("axis", "error", "message"),
    [
        ("weight_hh_l0[2, 0]", ValueError, r"has shape \(2, 2\), so indices go from \[0, 0\] to \[1, 1\]"),
        ("weight_hh_l0[-1, 0]", ValueError, r"so indices go from \[0, 0\]"),
        ("weight_hh_l0[0]", ValueError, r"so indices go from \[0, 0\]"),
        ("weight_hh_l0[]", ValueError, r"so indices go from \[0, 0\]"),
        ("weight_hh_l0[0, 1.0]", ValueError, r"so indices go from \[0, 0\]"),
        (f"bias_ih_l0[{'9' * 5000}]", ValueError, r"so indices go from \[0\] to \[1\]"),
        ("weight_hh_l0", ValueError, r"name one element, such as 'weight_hh_l0\[1, 1\]'"),
        ("weight[0]", ValueError, "weight is a single number, call it 'weight'"),
        ("bias_ih_l1[0]", ValueError, "the parameters are bias_ih_l0, weight, weight_hh_l0"),
        (
            "weight_hh_l0[0, 1",
            ValueError,
            r"must be the name of a parameter and a place in it, such as 'weight_hh_l0\[",
        ),
        ("", ValueError, "must be the name of a parameter and a place in it"),
        ("[0]", ValueError, "must be the name of a parameter and a place in it"),
        (3, TypeError, r"axis is 3 \(int\); it must be 'weight_hh_l0\[1, 1\]', or a dict of arrays: a direction"),
        (None, TypeError, "axis is None"),
        ({"bias": [1, 1]}, ValueError, "axis has bias; the parameters are"),
        ({3: [1, 1]}, ValueError, "axis has 3; the parameters are"),
        ({"bias_ih_l0": [1, 1, 1]}, ValueError, r"axis, bias_ih_l0, has shape \(3,\); it must be \(2,\)"),
        ({"bias_ih_l0": [1, np.nan]}, ValueError, r"axis, bias_ih_l0, is nan at \[1\]"),
        ({"bias_ih_l0": ["a", "b"]}, TypeError, "axis, bias_ih_l0, has dtype"),
        ({"bias_ih_l0": [0, 0]}, ValueError, "axis is a direction of zeros"),
        ({}, ValueError, "axis is a direction of zeros"),
    ],
)
def test_what_is_refused(axis: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        parse(axis, PARAMS)


def test_connections_that_are_not_there() -> None:
    masks = {"weight_hh_l0": np.array([[1, 0], [1, 1]])}
    assert parse("weight_hh_l0[1, 0]", PARAMS, masks=masks).value == 3
    with pytest.raises(ValueError, match=r"parameter is 'weight_hh_l0\[0, 1\]'; that connection is masked out"):
        parse("weight_hh_l0[0, 1]", PARAMS, masks=masks, name="parameter")
    with pytest.raises(ValueError, match="moves a connection that is masked out"):
        parse({"weight_hh_l0": np.ones((2, 2))}, PARAMS, masks=masks)
    parse({"weight_hh_l0": masks["weight_hh_l0"]}, PARAMS, masks=masks)
