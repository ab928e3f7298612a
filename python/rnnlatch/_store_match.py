"""Whether a store holds what is asked for, and whether this process may go on with it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rnnlatch import _sqlite, _tables
from rnnlatch._chunks import Segment
from rnnlatch._difference import differences
from rnnlatch._dispatch import instruction_set, levels_runnable
from rnnlatch._numerics import arithmetic_differs
from rnnlatch._plan import Plan
from rnnlatch._sqlite import StoreMismatchError

if TYPE_CHECKING:
    from rnnlatch.store import Store

__all__ = ["refuse_other", "refuse_other_arithmetic"]


def refuse_other(store: "Store", asked: Plan) -> None:
    """Raise the sentence that names the differences, if there are any."""
    with _sqlite.read(store.path) as connection:
        keys = _tables.read_keys(connection)
    # As a rule it is the same, and its settings need not be read.
    if store.identity() == asked.identity() and keys == [asked.key(point) for point in range(len(asked.points))]:
        return
    found = differences(store.plan, store.numerics_version, asked)
    if found:
        raise StoreMismatchError(
            f"store {str(store.path)!r} holds another sweep ({'; '.join(found)}); it is left as it was: give another file, "
            "or ask for what it holds"
        )


def refuse_other_arithmetic(store: "Store", plan: Plan, missing: Sequence[Segment]) -> None:
    """Raise where the runs that are missing would not be the same as if the store had been finished where it was begun."""
    begun = store.instruction_set
    engines = (plan.points[segment.point].engine for segment in missing)
    words = arithmetic_differs(engines, begun, instruction_set)
    if words is not None:
        way = f"set RNNLATCH_ISA={begun}" if begun in levels_runnable() else "go on where it was begun"
        raise StoreMismatchError(
            f"store {str(store.path)!r} was begun with {begun} and this process computes with {instruction_set}, whose last "
            f"bits differ{words}: {way}, or begin another store"
        )
