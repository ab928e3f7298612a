"""What the dataclasses that describe a run have in common: they travel as JSON and come back equal."""

import dataclasses
import importlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

__all__ = ["Record", "canonical_json", "fields_of"]

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode

_fields: dict[type, tuple[dataclasses.Field[Any], ...]] = {}


def canonical_json(value: Any) -> str:
    """Write JSON in its one canonical form: sorted keys, no spaces, floats by repr, no NaN."""
    return _encode(value)


def fields_of(kind: type) -> tuple[dataclasses.Field[Any], ...]:
    """Give the fields of a dataclass; a sweep asks for them at each of its grid points."""
    if kind not in _fields:
        _fields[kind] = dataclasses.fields(kind)
    return _fields[kind]


class Record:
    """Base of the frozen dataclasses: `to_dict` and `from_dict`.

    A field that was added to a class later, ``metadata={"later": True}``, is only written where it is not at its
    default: what was written before it was there stays the same, and stores stay valid.
    """

    _kinds: ClassVar[dict[str, type["Record"]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Record._kinds[cls.type_name()] = cls

    @classmethod
    def type_name(cls) -> str:
        """Give what records call the class."""
        return cls.__name__

    def to_dict(self) -> dict[str, Any]:
        """Give the settings as a dict that JSON can hold.

        Returns
        -------
        dict
            ``type``, the name of the class, and one entry for each field; fields that were added later only where they
            are not at their default.

        Examples
        --------
        >>> from rnnlatch.criterion import Criterion
        >>> Criterion(threshold=0.15).to_dict()
        {'type': 'Criterion', 'measure': 'cost', 'threshold': 0.15, 'window': None}
        """
        return {"type": self.type_name()} | {f.name: _plain(getattr(self, f.name)) for f in self._written()}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Make the object that `to_dict` described.

        Parameters
        ----------
        settings : mapping
            What `to_dict` returned, possibly after a round trip through JSON.

        Returns
        -------
        object
            Equal to the object that was written.

        Raises
        ------
        ValueError
            If the type or a field is unknown, or a value is not allowed.

        Examples
        --------
        >>> from rnnlatch.criterion import Criterion
        >>> Criterion.from_dict({"type": "Criterion", "threshold": 0.15})
        Criterion(measure='cost', threshold=0.15, window=None)
        """
        name = settings.get("type")
        module = str(name).partition(":")[0]
        if module.startswith("rnnlatch.") and name not in Record._kinds:  # the package's own, not of the user's
            importlib.import_module(module)
        kind = Record._kinds.get(str(name))
        if kind is None or not issubclass(kind, cls):
            raise ValueError(f"type is {name!r}; it must be the name of a kind of {cls.__name__}")
        known = {f.name for f in fields_of(kind)}
        unknown = set(settings) - known - {"type"}
        if unknown:
            raise ValueError(f"{name} has no field {min(unknown)!r}; its fields are {', '.join(sorted(known))}")
        values = {
            key: Record.from_dict(value) if isinstance(value, Mapping) else value
            for key, value in settings.items()
            if key != "type"
        }
        made = kind(**values)
        assert isinstance(made, cls)
        return made

    def _written(self) -> list[dataclasses.Field[Any]]:
        """The fields that `to_dict` writes."""
        return [f for f in fields_of(type(self)) if not f.metadata.get("later") or getattr(self, f.name) != f.default]

    def _given(self) -> list[dataclasses.Field[Any]]:
        """The fields that are not at their default."""
        return [f for f in fields_of(type(self)) if getattr(self, f.name) != f.default]

    def _described(self, fields: Iterable[dataclasses.Field[Any]]) -> str:
        """A repr with some of the fields."""
        return f"{type(self).__name__}({', '.join(f'{f.name}={getattr(self, f.name)!r}' for f in fields)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value
