"""How two sweeps, or two trainings, differ, in words."""

from collections.abc import Iterator
from typing import Any

from rnnlatch import validation
from rnnlatch._plan import Plan

__all__ = ["between_settings", "differences"]

MOST = 5


def differences(stored: Plan, stored_version: int, asked: Plan) -> list[str]:
    """Compare the plan in a store with the one asked for.

    Parameters
    ----------
    stored, asked : Plan
        The plans.
    stored_version : int
        The ``numerics_version`` of the store.

    Returns
    -------
    list of str
        One entry for each difference, ``noise_std: stored 0.2, asked 0.3``; empty if they are the same sweep.
    """
    one = stored.identity() | {"numerics_version": stored_version}
    found = [_words(*change) for change in _compare("", one, asked.identity())]
    if stored.axes == asked.axes:
        found += _between_points(stored, asked)
    return _shortened(found)


def between_settings(
    one: dict[str, Any], other: dict[str, Any], labels: tuple[str, str] = ("stored", "asked")
) -> list[str]:
    """Compare settings as nested dicts; one entry for each difference, with what each of the two is called.

    Examples
    --------
    >>> between_settings({"runs": 3, "task": {"length": 20}}, {"runs": 3, "task": {"length": 50}})
    ['task.length: stored 20, asked 50']
    """
    return _shortened([_words(*change, labels) for change in _compare("", one, other)])


def _shortened(found: list[str]) -> list[str]:
    return found if len(found) <= MOST else [*found[:MOST], f"and {len(found) - MOST} more"]


def _between_points(stored: Plan, asked: Plan) -> list[str]:
    """Compare what is run at each grid point; a difference that is the same everywhere is named once."""
    places: dict[str, list[int]] = {}
    for number, (one, other) in enumerate(zip(stored.points, asked.points, strict=True)):
        if one != other:
            for change in _compare("", one.to_dict(), other.to_dict()):
                places.setdefault(_words(*change), []).append(number)
    found = []
    for words, numbers in places.items():
        if len(numbers) == len(stored.points) or not stored.axes:
            found.append(words)
        else:
            others = len(numbers) - 1
            more = f" and {others} other grid point{'s' if others > 1 else ''}" if others else ""
            found.append(f"{words} at {stored.name(numbers[0])}{more}")
    return found


def _compare(path: str, stored: Any, asked: Any) -> Iterator[tuple[str, Any, Any]]:
    """Go through two nested dicts and give what differs: where, and both values."""
    same_kind = isinstance(stored, dict) and isinstance(asked, dict) and stored.get("type") == asked.get("type")
    if same_kind:
        for key in [*stored, *(key for key in asked if key not in stored)]:
            yield from _compare(f"{path}.{key}" if path else key, stored.get(key), asked.get(key))
    elif stored != asked:
        yield path, stored, asked


def _words(path: str, one: Any, other: Any, labels: tuple[str, str] = ("stored", "asked")) -> str:
    return f"{path}: {labels[0]} {_show(one)}, {labels[1]} {_show(other)}"


def _show(value: Any) -> str:
    if isinstance(value, dict) and "type" in value:
        return str(value["type"])
    return "nothing" if value is None else validation.show(value)
