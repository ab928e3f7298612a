"""What this installation of rnnlatch is made of."""

import os
import platform
import sys
from importlib import metadata
from typing import Any

__all__ = ["__version__", "info"]

__version__ = metadata.version("rnnlatch")

LIBRARIES = ("numpy", "scipy", "xarray", "h5netcdf", "matplotlib", "dask")


def _version_of(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def info() -> dict[str, Any]:
    """Describe the installation: version, instruction set, compiler, threads, libraries.

    Returns
    -------
    dict
        ``version``; ``isa``, the instruction set in use, ``isas``, those whose module is installed, and
        ``isas_runnable``, those of them that this machine can run; ``compiler``, ``flags``, ``eigen``,
        ``lanes_per_register`` (doubles) and ``assertions`` of the module in use; ``threads``, the number that is used
        when none is given; ``python``, ``platform``; ``libraries``, a dict from name to version, None where one is
        missing.

    Raises
    ------
    ImportError
        If ``RNNLATCH_ISA`` names no instruction set, or one that cannot be used here.

    Examples
    --------
    >>> import rnnlatch as rl
    >>> rl.info()["isa"] in rl.info()["isas_runnable"]
    True
    """
    from rnnlatch import _dispatch

    build = _dispatch.core.build_info()
    return {
        "version": __version__,
        "isa": _dispatch.isa,
        "isas": _dispatch.levels_present(),
        "isas_runnable": _dispatch.levels_runnable(),
        "lanes_per_register": build["lanes_per_register"],
        "compiler": build["compiler"],
        "flags": build["flags"],
        "eigen": build["eigen_version"],
        "assertions": build["assertions"],
        "threads": available_threads(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {library: _version_of(library) for library in LIBRARIES},
    }


def available_threads() -> int:
    """Count the processors that this process may use, which a cluster or a container may have limited.

    Returns
    -------
    int
        At least 1.

    Examples
    --------
    >>> available_threads() >= 1
    True
    """
    count: int | None
    if sys.version_info >= (3, 13):
        count = os.process_cpu_count()
    elif hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    return count or 1
