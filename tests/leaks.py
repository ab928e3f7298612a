"""A plugin of pytest: after every file of tests LeakSanitizer, where it is in the process, looks for lost memory."""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Generator

import pytest

_check = getattr(ctypes.CDLL(None), "__lsan_do_recoverable_leak_check", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    yield
    if _check is None or (nextitem is not None and nextitem.path == item.path):
        return
    gc.collect()  # what is in cycles is not lost
    if _check():
        pytest.fail("memory was lost in this file: see LeakSanitizer's report on stderr", pytrace=False)
