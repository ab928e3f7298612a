"""Whether memory stays flat: ``python bench/flat_memory.py [CALLS] [NAME...]``.

Each way into the engine is called so often, by default 10,000 times. Printed are the resident memory after a tenth of the
calls, and how much more there is after all of them: of resident memory, of bytes that the C library has given out, and of
objects of Python. Exits with 1 where the resident memory has grown by more than a MiB, as it would if each call kept an array
of 116 bytes, or where there is an object more for every tenth call.
"""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from allocated import allocated, resident
from engine_calls import CALLS
from sweeps import swept

LIMIT = 2**20


def sweep(folder: Path) -> Callable[[int], object]:
    """A sweep with a store."""

    def call(threads: int) -> None:
        path = folder / "sweep.sqlite"
        swept(store=path, threads=threads).load()
        path.unlink()

    return call


def counts() -> tuple[int, int, int]:
    """Bytes given out, resident bytes, objects of Python."""
    return allocated(), resident(), sys.getallocatedblocks()


def growth(call: Callable[[int], Any], calls: int) -> tuple[int, list[int]]:
    """Resident bytes after a tenth of the calls, and by how much each count has grown after all of them."""
    for number in range(calls // 10):
        call(1 + number % 2)
    before = counts()
    for number in range(calls // 10, calls):
        call(1 + number % 2)
    return before[1], [after - count for after, count in zip(counts(), before, strict=True)]


def main(calls: int = 10_000, names: tuple[str, ...] = ()) -> int:
    grown = False
    with tempfile.TemporaryDirectory() as folder:
        entries = CALLS | {"sweep with a store": sweep(Path(folder))}
        print(
            f"{'call':28} {'resident':>12} {'more':>10} {'given out':>12} {'objects':>8}   after {calls // 10} and {calls}"
        )
        for name in names or entries:
            before, (given_out, more, objects) = growth(entries[name], calls)
            grown |= more > LIMIT or objects > calls // 10
            print(
                f"{name:28} {before / 2**20:8.1f} MiB {more / 2**10:6.0f} KiB {given_out:10d} B {objects:8d}",
                flush=True,
            )
    return int(grown)


if __name__ == "__main__":
    number, *names = sys.argv[1:] or ["10000"]
    sys.exit(main(int(number), tuple(names)))
