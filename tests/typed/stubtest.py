"""The stubtest of mypy, which compares the parameters of compiled functions too: python tests/typed/stubtest.py MODULE...

It asks `inspect.signature`, which does not know functions of pybind11; they have theirs in the first line of their docstring.
"""

import inspect
import sys
from collections.abc import Callable
from typing import Any

from mypy import stubtest

of_python = inspect.signature


def signature(obj: Callable[..., Any], **options: Any) -> inspect.Signature:
    """Give the signature of a function, be it compiled."""
    try:
        return of_python(obj, **options)
    except ValueError:
        first = (obj.__doc__ or "").split("\n")[0]
        if not first.startswith(f"{obj.__name__}("):
            raise
        names: dict[str, Any] = {}
        exec(f"from __future__ import annotations\ndef {first}: ...", names)
        return of_python(names[obj.__name__])


if __name__ == "__main__":
    inspect.signature = signature
    sys.exit(stubtest.main())
