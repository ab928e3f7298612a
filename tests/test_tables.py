"""The tables of a store: whatever is inserted in whatever pieces, each run is there once."""

import sqlite3
from contextlib import closing

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rnnlatch import _tables
from rnnlatch._chunks import Segment
from rnnlatch._plan import Plan, make_plan
from rnnlatch.rng import normalise
from sweeps import study

POINTS, RUNS = 2, 12
PLAN: Plan = make_plan(study, {"length": [5, 6]}, (), RUNS, normalise(0))


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    start = draw(st.integers(0, RUNS - 1))
    return Segment(draw(st.integers(0, POINTS - 1)), start, draw(st.integers(1, RUNS - start)))


@given(st.lists(st.lists(segments(), min_size=1, max_size=3), max_size=6))
def test_every_run_is_stored_once(chunks: list[list[Segment]]) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _tables.create(connection, PLAN)
        expected = np.zeros((POINTS, RUNS), bool)
        for chunk in chunks:
            trials = np.concatenate([np.arange(s.start, s.start + s.count) + 100 * s.point for s in chunk])
            results = {
                name: np.broadcast_to(trials.reshape(-1, *(1,) * len(part.shape)), (trials.size, *part.shape))
                for name, part in PLAN.variables.items()
            }
            with _tables.transaction(connection):
                _tables.insert(connection, PLAN, chunk, results)
            for segment in chunk:
                expected[segment.point, segment.start : segment.start + segment.count] = True
        stored = np.zeros((POINTS, RUNS), int)
        for point, start, count, loss in connection.execute("SELECT point, start, count, loss FROM segment"):
            stored[point, start : start + count] += 1
            values = PLAN.variables["loss"].decode(loss, count)
            np.testing.assert_array_equal(values, np.arange(start, start + count) + 100 * point)
        np.testing.assert_array_equal(stored, expected)
        for segment in _tables.missing(connection, [RUNS] * POINTS):
            assert not expected[segment.point, segment.start : segment.start + segment.count].any()
            expected[segment.point, segment.start : segment.start + segment.count] = True
        assert expected.all()


def test_a_plan_comes_back_from_its_store() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _tables.create(connection, PLAN)
        meta = _tables.read_meta(connection)
        assert _tables.read_plan(connection, meta) == PLAN
        assert meta.identity() == PLAN.identity()
