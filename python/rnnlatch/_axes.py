"""The axes of a sweep: which names and values they can have, and the grid points that they make."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from rnnlatch import validation
from rnnlatch._variables import RESERVED

__all__ = ["LARGEST_POINTS", "AxisValue", "axis_value", "check_axes", "kinds_of", "named", "point_values"]

AxisValue: TypeAlias = bool | int | float | str

LARGEST_POINTS = 10_000_000
"""Grid points of a sweep, and so the values of an axis."""


def check_axes(axes: Mapping[str, Any]) -> dict[str, tuple[AxisValue, ...]]:
    """Check the axes of a sweep, and give their values as plain Python values.

    Raises
    ------
    TypeError, ValueError
        If a name cannot be one, or values are none, of several kinds, not all different, or numbers without order.
    """
    if not isinstance(axes, Mapping):
        raise TypeError(f"axes is {validation.show(axes)}; it must be a dict from axis name to values")
    return {_axis_name(name): _axis_values(str(name), values) for name, values in axes.items()}


def _axis_name(name: object) -> str:
    allowed = "a name that study can take as a keyword"
    if not isinstance(name, str) or not name.isidentifier():
        raise ValueError(f"axes has the name {name!r}; it must be {allowed}")
    if name in RESERVED:
        raise ValueError(
            f"axes has the name {name!r}; it must not be one of the dataset's own: {', '.join(sorted(RESERVED))}"
        )
    return name


def _axis_values(name: str, given: Any) -> tuple[AxisValue, ...]:
    allowed = "a sequence of numbers, of texts or of booleans"
    if isinstance(given, str | bytes | Mapping) or (not isinstance(given, range) and np.ndim(given) != 1):
        raise TypeError(f"axis {name} is {validation.show(given)}; it must be {allowed}")
    if len(given) > LARGEST_POINTS:
        raise ValueError(f"axis {name} has {len(given)} values; it must have at most {LARGEST_POINTS}")
    values = tuple(axis_value(name, value) for value in given)
    if not values:
        raise ValueError(f"axis {name} is empty; it must be {allowed}, at least one")
    kinds = kinds_of(values)
    if len(kinds) > 1:
        raise TypeError(f"axis {name} is {validation.show(list(values))}; it must be {allowed}, not a mixture")
    seen: set[AxisValue] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"axis {name} has {value!r} twice; its values must differ")
        seen.add(value)
    if kinds == {"number"}:
        for three in zip(values, values[1:], values[2:], strict=False):
            if sorted(three)[1] != three[1]:
                raise ValueError(
                    f"axis {name} has {', '.join(map(repr, three))} one after the other; its numbers must be in ascending or "
                    "descending order"
                )
    return values


def kinds_of(values: Iterable[AxisValue]) -> set[str]:
    """Give what the values of an axis are, of which there may be one kind only."""
    return {"text" if isinstance(v, str) else "bool" if isinstance(v, bool) else "number" for v in values}


def axis_value(name: str, value: Any) -> AxisValue:
    """Check one value of an axis, and give it as a plain Python value."""
    plain = value.item() if isinstance(value, np.generic) or getattr(value, "ndim", None) == 0 else value
    if isinstance(plain, bool | str):
        return plain
    if isinstance(plain, int):
        return validation.integer(f"axis {name}", plain, at_least=-(2**63), at_most=2**63 - 1)
    if isinstance(plain, float):
        return validation.number(f"axis {name}", plain)
    raise TypeError(
        f"axis {name} has {validation.show(plain)} ({type(plain).__name__}); its values must be numbers, texts or booleans"
    )


def point_values(axes: Mapping[str, tuple[AxisValue, ...]], point: int) -> dict[str, AxisValue]:
    """Give the values of the grid point with this number."""
    values: dict[str, AxisValue] = {}
    for axis, allowed in reversed(list(axes.items())):
        point, index = divmod(point, len(allowed))
        values[axis] = allowed[index]
    return {axis: values[axis] for axis in axes}


def named(values: Mapping[str, AxisValue]) -> str:
    """Write the values of a grid point as the user reads them: ``length=20, w0=1.25``."""
    return ", ".join(f"{axis}={value!r}" for axis, value in values.items())
