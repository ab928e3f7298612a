"""A store as a Parquet file: one row for each finished run."""

import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnlatch import _sqlite, _tables
from rnnlatch._plan import Plan
from rnnlatch._variables import COORDINATES, Variable
from rnnlatch.outcomes import Outcome

__all__ = ["write_parquet"]

GROUP_ROWS = 2**17
GROUP_BYTES = 2**25
"""A row group, what is in memory at a time, is written when it has so many rows or bytes."""


def write_parquet(store: Path, plan: Plan, attrs: Mapping[str, Any], target: Path) -> None:
    """Write the runs that are finished, in the order of the grid points.

    Raises
    ------
    ImportError
        Without pyarrow.
    OSError
        If it cannot be written.
    """
    pa, parquet = _load("pyarrow"), _load("pyarrow.parquet")
    rows = _Rows(pa, plan)
    schema = pa.schema(rows.fields, metadata={b"rnnlatch": json.dumps(_plain(attrs)).encode()})
    with parquet.ParquetWriter(target, schema, compression="zstd") as writer:
        for group in _groups(store, plan):
            columns: list[list[Any]] = [[] for _ in schema]
            for point, start, count, blobs in group:
                for column, part in zip(columns, rows.columns(point, start, count, blobs), strict=True):
                    column.append(part)
            arrays = [pa.chunked_array(parts, field.type) for parts, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))


class _Rows:
    """How runs become columns."""

    def __init__(self, pa: Any, plan: Plan) -> None:
        self._pa, self._plan = pa, plan
        self._axes = {name: np.asarray(values) for name, (values, _) in plan.coordinates.items()}
        shapes: dict[str, set[tuple[int, ...]]] = {}
        for point in range(len(plan.points)):
            for name, described in plan.variables_at(point).items():
                shapes.setdefault(name, set()).add(described.shape)
        self._types = {name: self._type(plan.variables[name], len(found) == 1) for name, found in shapes.items()}
        self.fields = [
            *(self._field(name, self._axis(values, 0, 0).type, words) for name, values, words in self._labelled()),
            self._field("run", pa.int64(), COORDINATES["run"]),
            *(self._field(name, self._types[name], described.attrs) for name, described in plan.variables.items()),
        ]

    def _labelled(self) -> Iterator[tuple[str, NDArray[Any], Mapping[str, Any]]]:
        for name, (values, words) in self._plan.coordinates.items():
            yield name, np.asarray(values), words

    def _field(self, name: str, kind: Any, words: Mapping[str, Any]) -> Any:
        return self._pa.field(name, kind, metadata={key: words[key] for key in ("long_name", "units") if key in words})

    def _type(self, described: Variable, alike: bool) -> Any:
        """Numbers, or lists of lists of them; of fixed size where all grid points have the same shape."""
        if described.attrs.get("flag_values") is not None:
            return self._pa.dictionary(self._pa.int8(), self._pa.string())
        kind = self._pa.from_numpy_dtype(np.dtype(described.dtype))
        for size in reversed(described.shape):
            kind = self._pa.list_(kind, size if alike else -1)
        return kind

    def columns(self, point: int, start: int, count: int, blobs: Mapping[str, bytes]) -> Iterator[Any]:
        """Give the columns of some runs of a grid point."""
        pa = self._pa
        indices = np.unravel_index(point, self._plan.shape) if self._plan.axes else ()
        for values, index in zip(self._axes.values(), indices, strict=True):
            yield self._axis(values, int(index), count)
        yield pa.array(np.arange(start, start + count))
        described = self._plan.variables_at(point)
        for name, kind in ((name, self._types[name]) for name in self._plan.variables):
            if name not in described:
                yield pa.nulls(count, kind)
            else:
                yield self._values(described[name].decode(blobs[name], count), kind)

    def _axis(self, values: NDArray[Any], index: int, count: int) -> Any:
        if values.dtype.kind != "U":
            return self._pa.array(np.full(count, values[index]))
        return self._pa.DictionaryArray.from_arrays(self._pa.array(np.full(count, index, np.int32)), values.tolist())

    def _values(self, values: NDArray[Any], kind: Any) -> Any:
        pa = self._pa
        if pa.types.is_dictionary(kind):
            names = [outcome.name.lower() for outcome in Outcome]
            return pa.DictionaryArray.from_arrays(pa.array(values.astype(np.int8)), names)
        array = pa.array(np.ravel(values))
        kinds = [kind]
        while pa.types.is_list(kinds[-1]) or pa.types.is_fixed_size_list(kinds[-1]):
            kinds.append(kinds[-1].value_type)
        for each, size in zip(reversed(kinds[:-1]), reversed(values.shape[1:]), strict=True):
            if pa.types.is_fixed_size_list(each):
                array = pa.FixedSizeListArray.from_arrays(array, type=each)
            else:
                array = pa.ListArray.from_arrays(np.arange(0, len(array) + 1, size, dtype=np.int32), array, type=each)
        return array


def _groups(store: Path, plan: Plan) -> Iterator[list[tuple[int, int, int, dict[str, bytes]]]]:
    """Gather segments: as many as make a row group."""
    group: list[tuple[int, int, int, dict[str, bytes]]] = []
    rows = size = 0
    with _sqlite.read(store) as connection:
        for segment, blobs in _tables.stored(connection, plan):
            group.append((segment.point, segment.start, segment.count, blobs))
            rows += segment.count
            size += sum(map(len, blobs.values()))
            if rows >= GROUP_ROWS or size >= GROUP_BYTES:
                yield group
                group, rows, size = [], 0, 0
    if group:
        yield group


def _plain(attrs: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.generic | np.ndarray) else value for name, value in attrs.items()
    }


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ImportError(
            "Parquet files need the package pyarrow; install it with pip install 'rnnlatch[parquet]'"
        ) from None
