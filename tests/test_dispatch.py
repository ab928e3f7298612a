"""Which build of the core is used, and what is said where one cannot be."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from rnnlatch import _cpu, _dispatch

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")
LANES = {"x86-64-v2": 2, "x86-64-v3": 4, "x86-64-v4": 8}


def run_python(code: str, isa: str | None) -> subprocess.CompletedProcess[str]:
    """Run a line in a new interpreter, with RNNLATCH_ISA set to a value or unset."""
    environment = {name: value for name, value in os.environ.items() if name != "RNNLATCH_ISA"}
    if isa is not None:
        environment["RNNLATCH_ISA"] = isa
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.isa
def test_the_module_in_use_is_of_the_instruction_set_that_is_reported() -> None:
    build = _dispatch.core.build_info()
    assert build["isa"] == _dispatch.isa
    if _dispatch.isa in LANES:
        assert build["lanes_per_register"] == LANES[_dispatch.isa]
        assert build["fma"] == (_dispatch.isa != "x86-64-v2")


def test_the_best_module_that_runs_here_is_used() -> None:
    found = run_python("from rnnlatch._dispatch import isa; print(isa)", None)
    assert found.stdout.strip() == _dispatch.levels_runnable()[-1]


@pytest.mark.parametrize("isa", [isa for isa in _dispatch.levels_runnable() if isa in LEVELS])
def test_the_environment_variable_forces_a_module(isa: str) -> None:
    found = run_python("from rnnlatch._dispatch import core, isa; print(isa, core.__name__)", isa)
    assert found.stdout.split() == [isa, "rnnlatch._core_" + isa.replace("-", "_")]


def test_an_empty_variable_is_an_unset_one() -> None:
    found = run_python("from rnnlatch._dispatch import isa; print(isa)", "")
    assert found.stdout.strip() == _dispatch.levels_runnable()[-1]


def test_an_unknown_value_gives_one_sentence() -> None:
    failed = run_python("import rnnlatch; rnnlatch.info()", "avx2")
    assert failed.returncode != 0
    assert failed.stderr.splitlines()[-1] == (
        "ImportError: RNNLATCH_ISA must be one of x86-64-v2, x86-64-v3, x86-64-v4, or unset, not 'avx2'."
    )


def test_a_level_that_the_machine_lacks_gives_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "levels_present", lambda: list(LEVELS))
    monkeypatch.setattr(_cpu, "levels", lambda: ["x86-64-v2", "x86-64-v3"])
    assert _dispatch._choose(None) == "x86-64-v3"
    with pytest.raises(ImportError) as failure:
        _dispatch._choose("x86-64-v4")
    assert str(failure.value) == (
        "RNNLATCH_ISA is 'x86-64-v4', but this machine cannot run it; it can be x86-64-v2, x86-64-v3, or unset."
    )


def test_a_module_that_is_not_installed_gives_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "levels_present", lambda: ["x86-64-v2"])
    monkeypatch.setattr(_cpu, "levels", lambda: list(LEVELS))
    assert _dispatch._choose(None) == "x86-64-v2"
    with pytest.raises(ImportError) as failure:
        _dispatch._choose("x86-64-v3")
    assert str(failure.value) == (
        "RNNLATCH_ISA is 'x86-64-v3', but no module of it is installed; it can be x86-64-v2, or unset."
    )


def test_a_single_build_has_nothing_to_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "levels_present", lambda: ["native"])
    monkeypatch.setattr(_cpu, "levels", list)
    assert _dispatch._choose(None) == "native"
    with pytest.raises(ImportError) as failure:
        _dispatch._choose("x86-64-v3")
    assert str(failure.value) == (
        "RNNLATCH_ISA is 'x86-64-v3', but no module of it is installed; this is a single build, leave it unset."
    )


def test_a_machine_older_than_every_module_is_told_how_to_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dispatch, "levels_present", lambda: list(LEVELS))
    monkeypatch.setattr(_cpu, "levels", list)
    with pytest.raises(ImportError, match="RNNLATCH_SINGLE_MODULE=ON"):
        _dispatch._choose(None)


@pytest.mark.parametrize("other", [None, "cpython-310-x86_64-linux-gnu.so"])
def test_sources_without_compiled_modules_say_what_is_missing(other: str | None, tmp_path: Path) -> None:
    package = tmp_path / "rnnlatch"
    package.mkdir()
    for name in ("__init__.py", "_dispatch.py"):
        shutil.copy(Path(_dispatch.__file__).with_name(name), package)
    if other:
        (package / f"_cpu.{other}").touch()
    # Without site, so that what is installed is not found.
    command = [sys.executable, "-S", "-c", "import rnnlatch._dispatch"]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    failed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    (message,) = re.findall("^ImportError: (.*)$", failed.stderr, re.MULTILINE)
    assert f"_cpu{sysconfig.get_config_var('EXT_SUFFIX')}" in message
    assert str(package) in message
    assert ("which has those for cpython-310" in message) == bool(other)
    assert message.endswith("pip install .")


def test_the_levels_of_the_processor_are_nested() -> None:
    levels = _cpu.levels()
    assert levels == list(LEVELS[: len(levels)])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="compares with /proc/cpuinfo")
def test_the_probe_agrees_with_the_kernel() -> None:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    needs = {
        "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
        "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
        "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
    }
    expected = []
    for level in LEVELS:
        if not needs[level] <= flags:
            break
        expected.append(level)
    assert _cpu.levels() == expected
