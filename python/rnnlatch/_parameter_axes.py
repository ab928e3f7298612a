"""Axes along which one number of a system changes: an element of a parameter, or a direction in all of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch._arrays import check_finite, floats
from rnnlatch._state_dict import listed
from rnnlatch.validation import show, shown_name

__all__ = ["Axis", "AxisLike", "parse"]

Floats = NDArray[np.float64]

AxisLike = str | Mapping[str, Any]
"""``"weight_hh_l0[0, 1]"``, the name alone of a parameter that is one number, or arrays by name: a direction."""

_NAMED = 2  # parameters in the label of a direction
_ELEMENT = re.compile(r"\s*([^\[\]]*?)\s*(?:\[([^\[\]]*)\]\s*)?")


@dataclass(frozen=True)
class Axis:
    """A line through the parameters of one system, and what its values mean.

    Parameters
    ----------
    label : str
        What it is called, spaced in one way: ``weight_hh_l0[0, 1]``, ``weight``, ``direction in bias_ih_l0``.
    value : float
        Where the parameters are: the value of the element; of a direction 0.
    direction : dict of ndarray of float64
        How the parameters change with the value: arrays named and shaped like them.
    element : tuple of str and tuple of int, or None
        The parameter and the place in it; None: a direction.
    """

    label: str
    value: float
    direction: dict[str, Floats]
    element: tuple[str, tuple[int, ...]] | None

    def at(self, params: Mapping[str, Any], value: Any) -> dict[str, Floats]:
        """Give the parameters at a value on the axis.

        Parameters
        ----------
        params : mapping of arrays
            Those that the axis was made for, or others of the same names and shapes.
        value : float, or ndarray of float64, shape (n,)
            The value; of an element what it becomes, to the last bit, and of a direction the step from `params`.

        Returns
        -------
        dict of ndarray
            New arrays for what changes, for many values with their axis in front; the others are passed on as they are.
        """
        values = np.asarray(value, np.float64)
        found = {name: np.asarray(array, np.float64) for name, array in params.items()}
        if self.element is None:
            for name, along in self.direction.items():
                if along.any():
                    found[name] = found[name] + values.reshape((*values.shape, *(1,) * along.ndim)) * along
            return found
        name, place = self.element
        moved = np.array(np.broadcast_to(found[name], (*values.shape, *found[name].shape)))
        index: tuple[Any, ...] = (..., *place)
        moved[index] = values
        found[name] = moved
        return found

    def origin(self, params: Mapping[str, Any]) -> dict[str, Floats]:
        """Give the parameters at the value 0: what is at a value is the origin plus the value times the direction."""
        return self.at(params, 0.0)


def parse(
    axis: AxisLike, params: Mapping[str, Any], *, masks: Mapping[str, NDArray[Any]] | None = None, name: str = "axis"
) -> Axis:
    """Find out what an axis means for some parameters.

    Parameters
    ----------
    axis : str, or mapping of arrays
        A parameter's element, such as ``"weight_hh_l0[0, 1]"`` with any spacing, or the name of a parameter that is a
        single number; then values on the axis are values of that number. Or arrays by name, shaped like the parameters:
        a direction, and values are steps along it.
    params : mapping of arrays
        The parameters of one system; an input that counts as one is among them.
    masks : mapping of arrays, optional
        0 where there is no connection, as `NetworkCell.masks` has it.
    name : str
        What the function's own parameter is called, for messages.

    Returns
    -------
    Axis

    Raises
    ------
    TypeError, ValueError
        If there is no such parameter or element, or a direction does not fit, is not finite or leads nowhere.

    Examples
    --------
    >>> found = parse("weight_hh_l0[0,1]", {"weight_hh_l0": [[1.0, 2.0], [3.0, 4.0]]})
    >>> found.label, found.value
    ('weight_hh_l0[0, 1]', 2.0)
    >>> found.at({"weight_hh_l0": [[1.0, 2.0], [3.0, 4.0]]}, 0.5)
    {'weight_hh_l0': array([[1. , 0.5],
           [3. , 4. ]])}
    >>> parse("weight_hh_l0[2, 0]", {"weight_hh_l0": [[1.0, 2.0], [3.0, 4.0]]})
    Traceback (most recent call last):
    ValueError: axis is 'weight_hh_l0[2, 0]'; weight_hh_l0 has shape (2, 2), so indices go from [0, 0] to [1, 1]
    """
    arrays = {key: np.asarray(value, np.float64) for key, value in params.items()}
    if isinstance(axis, str):
        return _element(axis, arrays, masks or {}, name)
    if isinstance(axis, Mapping):
        return _direction(axis, arrays, masks or {}, name)
    raise TypeError(
        f"{name} is {show(axis)} ({type(axis).__name__}); it must be {_example(arrays)}, or a dict of arrays: a direction"
    )


def _element(axis: str, params: dict[str, Floats], masks: Mapping[str, NDArray[Any]], name: str) -> Axis:
    given = f"{name} is {show(axis)}"
    parts = _ELEMENT.fullmatch(axis)
    if parts is None or not parts[1]:
        raise ValueError(f"{given}; it must be the name of a parameter and a place in it, such as {_example(params)}")
    parameter, inside = parts[1], parts[2]
    if parameter not in params:
        raise ValueError(f"{given}; the parameters are {listed(params)}")
    shape = params[parameter].shape
    if inside is None:
        if shape:
            raise ValueError(
                f"{given}; {parameter} has shape {shape}, name one element, such as {_example(params, parameter)}"
            )
        place: tuple[int, ...] = ()
    else:
        place = _place(inside, given, parameter, shape)
    if parameter in masks and masks[parameter][place] == 0:
        raise ValueError(f"{given}; that connection is masked out, and stays 0")
    direction = {key: np.zeros(value.shape) for key, value in params.items()}
    direction[parameter][place] = 1.0
    label = _label(parameter, place)
    return Axis(label, float(params[parameter][place]), direction, (parameter, place))


def _place(inside: str, given: str, parameter: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Read the indices between brackets."""
    if not shape:
        raise ValueError(f"{given}; {parameter} is a single number, call it {parameter!r}")
    words = [word.strip() for word in inside.split(",")]
    if len(words) > 1 and words[-1] == "":  # as Python writes a tuple of one
        words.pop()
    bounds = f"indices go from {[0] * len(shape)} to {[size - 1 for size in shape]}"
    if len(words) != len(shape) or not all(word.isascii() and word.isdigit() and len(word) < 16 for word in words):
        raise ValueError(f"{given}; {parameter} has shape {shape}, so {bounds}")
    place = tuple(int(word) for word in words)
    if any(index >= size for index, size in zip(place, shape, strict=True)):
        raise ValueError(f"{given}; {parameter} has shape {shape}, so {bounds}")
    return place


def _direction(
    axis: Mapping[str, Any], params: dict[str, Floats], masks: Mapping[str, NDArray[Any]], name: str
) -> Axis:
    direction = {key: np.zeros(value.shape) for key, value in params.items()}
    moved = []
    for key, value in axis.items():
        if key not in params:
            raise ValueError(f"{name} has {shown_name(key)}; the parameters are {listed(params)}")
        shape = params[key].shape
        array = floats(f"{name}, {key},", value, f"an array of real numbers, shape {shape}", np.dtype(np.float64))
        if array.shape != shape:
            raise ValueError(f"{name}, {key}, has shape {array.shape}; it must be {shape}")
        check_finite(f"{name}, {key},", array)
        if key in masks and (array[masks[key] == 0] != 0).any():
            raise ValueError(f"{name}, {key}, moves a connection that is masked out; it must be 0 there")
        direction[key] = np.array(array)
        if array.any():
            moved.append(key)
    if not moved:
        raise ValueError(f"{name} is a direction of zeros; at least one number must change along it")
    where = listed(moved) if len(moved) <= _NAMED else f"{len(moved)} parameters"
    return Axis(f"direction in {where}", 0.0, direction, None)


def _example(params: Mapping[str, Floats], parameter: str | None = None) -> str:
    chosen = parameter or next(
        (name for name, value in params.items() if value.ndim == 2), next(iter(params), "weight")
    )
    shape = params[chosen].shape if chosen in params else ()
    return repr(_label(chosen, tuple(size - 1 for size in shape)))


def _label(parameter: str, place: tuple[int, ...]) -> str:
    return f"{parameter}[{', '.join(map(str, place))}]" if place else parameter
