"""The choice of the compiled core.

On x86-64 the core is compiled three times, for the levels x86-64-v2, -v3 and -v4, and this module imports the best
one that processor and operating system can run. The environment variable ``RNNLATCH_ISA`` forces one of them.
Elsewhere there is one build.

Attributes
----------
core : module
    The extension module in use; see ``_core.pyi`` for its functions.
isa : str
    ``"x86-64-v2"``, ``"x86-64-v3"``, ``"x86-64-v4"``, or ``"native"`` where there is one build.
instruction_set : str
    The same, of a single build with what is known of it: ``"native arm64, 2 lanes, with FMA"``. What is computed in
    matrices is the same to the last bit only where it is the same.
"""

import importlib
import os
import platform
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

__all__ = ["core", "instruction_set", "isa", "levels_present", "levels_runnable"]

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")
VARIABLE = "RNNLATCH_ISA"
DIRECTORY = Path(__file__).parent


def _missing() -> ImportError:
    """Say that the compiled modules are not there: the sources alone, or an installation for another Python."""
    others = sorted(file.name.split(".", 1)[1] for file in DIRECTORY.glob("_cpu.*") if file.suffix in {".so", ".pyd"})
    return ImportError(
        f"the compiled modules of rnnlatch for this Python (_cpu{sysconfig.get_config_var('EXT_SUFFIX')} and others) are "
        f"not in {DIRECTORY}"
        + (f", which has those for {', '.join(others)}" if others else "")
        + "; pip install puts them there, in a clone: pip install ."
    )


if find_spec("rnnlatch._cpu") is None:
    raise _missing()

from rnnlatch import _cpu  # noqa: E402  # what is wrong with one that is there, the loader says


def _module_name(isa: str) -> str:
    return "rnnlatch._core" if isa == "native" else "rnnlatch._core_" + isa.replace("-", "_")


def levels_present() -> list[str]:
    """Give the instruction sets whose module is installed, lowest first; ``["native"]`` where there is one build."""
    return [isa for isa in (*LEVELS, "native") if find_spec(_module_name(isa)) is not None]


def levels_runnable() -> list[str]:
    """Give the instruction sets whose module is installed and runs on this machine, lowest first."""
    supported = {"native", *_cpu.levels()}
    return [isa for isa in levels_present() if isa in supported]


def _choose(forced: str | None) -> str:
    """Pick the instruction set, or say in one sentence why there is none."""
    runnable = levels_runnable()
    if not levels_present():
        raise _missing()
    if not forced:
        if not runnable:
            raise ImportError(
                f"rnnlatch was built for {', '.join(levels_present())}, but this machine runs "
                + (", ".join(_cpu.levels()) or "none of the x86-64 levels from v2 on")
                + "; build it here: pip install --no-binary rnnlatch "
                "--config-settings=cmake.define.RNNLATCH_SINGLE_MODULE=ON rnnlatch"
            )
        return runnable[-1]
    if forced not in LEVELS:
        raise ImportError(f"{VARIABLE} must be one of {', '.join(LEVELS)}, or unset, not {forced!r}.")
    if forced not in runnable:
        reason = "this machine cannot run it" if forced in levels_present() else "no module of it is installed"
        way_out = (
            "this is a single build, leave it unset"
            if runnable == ["native"]
            else f"it can be {', '.join(runnable)}, or unset"
        )
        raise ImportError(f"{VARIABLE} is {forced!r}, but {reason}; {way_out}.")
    return forced


isa = _choose(os.environ.get(VARIABLE))

if TYPE_CHECKING:
    from rnnlatch import _core as core
else:
    core = importlib.import_module(_module_name(isa))


def _described() -> str:
    if isa != "native":
        return isa
    build = core.build_info()
    fused = "with FMA" if build["fma"] else "without FMA"
    return f"native {platform.machine()}, {build['lanes_per_register']} lanes, {fused}"


instruction_set = _described()
