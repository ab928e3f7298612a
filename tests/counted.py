"""A plugin of pytest: a module that counts its lines writes the counts at the end; pytest-xdist ends its workers without."""

from __future__ import annotations

from rnnlatch._dispatch import core


def pytest_unconfigure() -> None:
    write = getattr(core, "_write_counts", None)
    if write is not None:
        write()
