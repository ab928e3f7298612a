"""What a type checker sees: the stubs of the compiled modules, and the installed package in a user's program.

The needs are the dependency group ``types``: mypy, and pybind11-stubgen, which reads the signatures in a compiled module.
"""

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

import rnnlatch
from rnnlatch import _dispatch

ROOT = Path(__file__).parents[1]
TYPED = ROOT / "tests" / "typed"
PACKAGE = Path(rnnlatch.__file__).parent

STUBS = {"rnnlatch._cpu": "_cpu.pyi"}
"""The stub of each compiled module that this machine can load."""

STUBS |= {_dispatch._module_name(isa): "_core.pyi" for isa in _dispatch.levels_runnable()}


def file_of(module: str) -> Path:
    return Path(str(importlib.import_module(module).__file__))


def python(*arguments: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter where the package is found as it is installed, also by mypy."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **environment}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


# ---- stubs of the compiled modules ----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", STUBS)
def test_the_stub_of_the_sources_is_what_the_module_says(module: str, tmp_path: Path) -> None:
    pytest.importorskip("pybind11_stubgen")
    done = python(ROOT / "cmake" / "stubs.py", file_of(module), tmp_path / "stub.pyi", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    committed = ROOT / "python" / "rnnlatch" / STUBS[module]
    if (tmp_path / "stub.pyi").read_text() != committed.read_text():
        pytest.fail(f"{committed.name} is not what {module} says: run python cmake/stubs.py")


@pytest.mark.parametrize("module", STUBS)
def test_the_build_has_installed_the_same_stub(module: str) -> None:
    installed = file_of(module).with_name(STUBS[module])
    assert installed.read_text() == (ROOT / "python" / "rnnlatch" / STUBS[module]).read_text()


def stubtest(folder: Path, wrong: Mapping[str, str] = MappingProxyType({})) -> subprocess.CompletedProcess[str]:
    """Compare all modules with their stubs, here under the names of the modules, after changes of the text."""
    pytest.importorskip("mypy")
    (folder / "rnnlatch").mkdir()
    (folder / "rnnlatch" / "__init__.pyi").touch()
    for module, stub in STUBS.items():
        text = (ROOT / "python" / "rnnlatch" / stub).read_text()
        for old, new in wrong.items():
            text = text.replace(old, new)
        (folder / "rnnlatch" / f"{module.split('.')[1]}.pyi").write_text(text)
    return python(TYPED / "stubtest.py", *STUBS, "--concise", cwd=folder, MYPYPATH=str(folder))


def test_stubtest_finds_nothing(tmp_path: Path) -> None:
    done = stubtest(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stubtest_finds_what_is_wrong(tmp_path: Path) -> None:
    wrong = {
        "seed: NDArray[np.float64]": "sead: NDArray[np.float64]",
        "keep: bool = False": "keep: bool = True",
        "def logistic(": "def sigmoid(",
    }
    said = stubtest(tmp_path, wrong).stdout.splitlines()
    module = _dispatch._module_name(_dispatch.isa)
    found = {line.split()[0] for line in said if line.startswith(f"{module}.")}
    assert found == {f"{module}.{name}" for name in ("jacobian_norms", "matrix_gradient", "logistic", "sigmoid")}


# ---- the installed package ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What mypy has read of NumPy, xarray and the package, for the tests of this file."""
    pytest.importorskip("mypy")
    return tmp_path_factory.mktemp("mypy")


def mypy(program: Path, cache: Path) -> str:
    """Read a program as its author would, outside of the sources and without their settings."""
    options = ["--strict", "--config-file=", f"--cache-dir={cache}", f"--python-executable={sys.executable}"]
    done = python("-m", "mypy", *options, program, cwd=cache)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout


def test_the_types_of_the_public_interface_are_what_users_see(cache: Path) -> None:
    assert mypy(TYPED / "user_program.py", cache).startswith("Success")


@pytest.mark.parametrize("module", ["rnnlatch", "rnnlatch.data"])
def test_a_type_checker_knows_every_public_name_and_no_other(module: str, cache: Path, tmp_path: Path) -> None:
    names = importlib.import_module(module).__all__
    program = tmp_path / "program.py"
    lines = [f"import {module} as m", *(f"m.{name}" for name in names), "m.misspelt"]
    program.write_text("\n".join(lines) + "\n")
    said = re.findall(r"program.py:(\d+): error: (.*)", mypy(program, cache))
    assert [line for line, _ in said] == [str(len(lines))]
    assert '"misspelt"' in said[0][1]


@pytest.mark.parametrize("module", ["rnnlatch", "rnnlatch.data"])
def test_names_come_from_where_a_type_checker_looks(module: str) -> None:
    package = importlib.import_module(module)
    tree = ast.parse(Path(str(package.__file__)).read_text())
    (seen,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    homes = {
        name.name: node.module
        for node in seen.body
        if isinstance(node, ast.ImportFrom) and node.module != module
        for name in node.names
    }
    assert homes == {name: f"{module}.{home}" for name, home in package._HOMES.items()}
