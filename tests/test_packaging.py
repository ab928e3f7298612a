"""What is installed: names, compiled modules, licences, and what the project's own files say about each other."""

import doctest
import importlib
import importlib.util
import os
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest

import rnnlatch
from rnnlatch import _cpu, _dispatch

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def file_of(module: str) -> str:
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return spec.origin


def compiled_modules() -> list[str]:
    return ["rnnlatch._cpu", *(_dispatch._module_name(isa) for isa in _dispatch.levels_present())]


def objdump(*arguments: str) -> str:
    program = shutil.which("objdump")
    if program is None:
        pytest.skip("objdump (binutils) is not installed")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


# ---- names ----------------------------------------------------------------------------------------------------------


def test_importing_the_package_loads_no_large_library() -> None:
    code = (
        "import sys, rnnlatch; large = {'dask', 'h5netcdf', 'matplotlib', 'numpy', 'pandas', 'scipy', 'xarray'};"
        "print(sorted(large & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", rnnlatch.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(rnnlatch, name)
    assert name in dir(rnnlatch)
    assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        rnnlatch.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_sweep_stays_the_function_when_its_module_is_imported() -> None:
    code = "import rnnlatch, rnnlatch.sweep; from rnnlatch.sweep import sweep; assert rnnlatch.sweep is sweep"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_info_describes_the_installation() -> None:
    info = rnnlatch.info()
    assert info["version"] == rnnlatch.__version__ == metadata.version("rnnlatch") == PROJECT["project"]["version"]
    assert info["isa"] in info["isas_runnable"]
    assert set(info["isas_runnable"]) <= set(info["isas"])
    assert info["threads"] >= 1
    assert tuple(int(part) for part in info["eigen"].split(".")[:2]) >= (3, 4)
    assert info["libraries"]["numpy"]


def python_modules() -> list[str]:
    names = [module.name for module in pkgutil.walk_packages(rnnlatch.__path__, "rnnlatch.")]
    return sorted({"rnnlatch", *names} - {"rnnlatch.__main__", *compiled_modules()})


@pytest.mark.parametrize("name", python_modules())
def test_the_examples_in_the_docstrings_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = doctest.testmod(
        importlib.import_module(name),
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE,
        extraglobs={"getfixture": request.getfixturevalue},  # as pytest --doctest-modules offers it
    )
    assert outcome.failed == 0


def test_every_public_function_and_class_has_an_example() -> None:
    public = [getattr(rnnlatch, name) for name in rnnlatch.__all__]
    modules = [rnnlatch, *(value for value in public if isinstance(value, ModuleType))]
    names = [(module, name) for module in modules for name in module.__all__ if callable(getattr(module, name))]
    assert len(names) > 150
    parser = doctest.DocTestParser()
    documented = [(f"{module.__name__}.{name}", getattr(module, name).__doc__ or "") for module, name in names]
    assert [name for name, text in documented if not parser.get_examples(text)] == []


@pytest.mark.parametrize("page", ["README.md", "docs/networks.md"])
def test_the_examples_of_a_page_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)


# ---- compiled modules -----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not _cpu.levels(), reason="the instruction sets are those of x86-64")
@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("rnnlatch._cpu", "[yz]mm"),
        ("rnnlatch._core_x86_64_v2", "[yz]mm"),
        ("rnnlatch._core_x86_64_v3", "zmm"),
    ],
)
def test_a_module_uses_no_register_above_its_level(module: str, forbidden: str) -> None:
    if module not in compiled_modules():
        pytest.skip("this is a single build")
    code = objdump("--disassemble", "--no-show-raw-insn", file_of(module))
    assert re.search(r"\bxmm\d", code.replace("%", ""))
    assert re.findall(rf".*%?\b{forbidden}\d+.*", code)[:5] == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads the symbols of an ELF file")
@pytest.mark.parametrize("module", compiled_modules())
def test_a_module_shares_no_code_of_ours_or_of_eigen(module: str) -> None:
    exported = [
        line for line in objdump("--dynamic-syms", "--demangle", file_of(module)).splitlines() if ".text" in line
    ]
    assert any("PyInit_" in line for line in exported)
    assert [line for line in exported if re.search(r"Eigen|rnnlatch::", line)] == []


@pytest.mark.parametrize("isa", [isa for isa in _dispatch.levels_runnable() if isa != _dispatch.isa])
def test_the_marked_subset_passes_on_the_other_modules(isa: str) -> None:
    command = [sys.executable, "-m", "pytest", "-m", "isa", "-q", "-x", "-p", "no:cacheprovider"]
    environment = {**os.environ, "RNNLATCH_ISA": isa}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


LINUX_OF_TODAY = {
    "CMAKE_CXX_BYTE_ORDER": "LITTLE_ENDIAN",
    "CMAKE_CXX_COMPILER": "/usr/bin/c++",
    "CMAKE_CXX_COMPILER_ID": "GNU",
    "CMAKE_CXX_COMPILER_VERSION": "11.1.0",
    "CMAKE_SIZEOF_VOID_P": "8",
    "CMAKE_SYSTEM_PROCESSOR": "x86_64",
}


@pytest.mark.parametrize(
    ("machine", "sentence"),
    [
        ({}, ""),
        ({"CMAKE_CXX_COMPILER_ID": "Clang", "CMAKE_CXX_COMPILER_VERSION": "14.0.6"}, ""),
        ({"MSVC": "1"}, "MSVC is not supported."),
        ({"CMAKE_CXX_COMPILER_VERSION": "10.2.1"}, "but /usr/bin/c++ is GNU 10.2.1;"),
        ({"CMAKE_CXX_COMPILER_ID": "Clang", "CMAKE_CXX_COMPILER_VERSION": "13.0.1"}, "/usr/bin/c++ is Clang 13.0.1;"),
        ({"CMAKE_SIZEOF_VOID_P": "4"}, "the compiler builds for 32 bits."),
        ({"CMAKE_CXX_BYTE_ORDER": "BIG_ENDIAN", "CMAKE_SYSTEM_PROCESSOR": "s390x"}, "s390x, which is big-endian."),
    ],
)
def test_a_machine_that_cannot_build_the_core_is_told_so(machine: dict[str, str], sentence: str) -> None:
    program = shutil.which("cmake")
    if program is None:
        pytest.skip("CMake is not installed")
    variables = [f"-D{name}={value}" for name, value in (LINUX_OF_TODAY | machine).items()]
    command = [program, *variables, "-P", str(ROOT / "cmake" / "SupportedPlatforms.cmake")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (sentence == "")
    assert sentence in " ".join(done.stderr.split())


# ---- licences -------------------------------------------------------------------------------------------------------


def test_the_licences_are_installed() -> None:
    files = metadata.files("rnnlatch") or []
    texts = {file.name: file.locate() for file in files if "licenses" in file.parts}
    assert {"LICENSE", "MPL-2.0.txt", "NOTICE-Eigen.txt"} <= set(texts)
    assert "Mozilla Public License" in Path(str(texts["MPL-2.0.txt"])).read_text()


# ---- what the project's files say about each other ------------------------------------------------------------------


def setup_lines() -> list[str]:
    return re.findall(r"^python3 -m venv .*$", (ROOT / "README.md").read_text(), re.MULTILINE)


def test_the_readme_has_two_lines_to_set_up() -> None:
    run, test = setup_lines()
    assert "rnnlatch reproduce bengio1994-density" in run
    assert test.endswith("pytest")


def test_ci_runs_the_test_line_of_the_readme() -> None:
    line = setup_lines()[1].replace(".venv", '"$venv"')
    assert line in [command.strip() for command in (ROOT / ".ci" / "run").read_text().splitlines()]


def test_the_hooks_use_the_versions_of_the_lint_group() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    groups = PROJECT["dependency-groups"]
    tools = [tool for tool in groups["lint"] + groups["types"] if isinstance(tool, str)]
    pinned = [tool for tool in tools if tool.split("==")[0] in hooks]
    assert len(pinned) >= 3
    assert [tool for tool in pinned if tool not in hooks] == []


def test_the_hook_of_mypy_has_what_the_package_imports() -> None:
    hook = (ROOT / ".pre-commit-config.yaml").read_text().partition("- id: mypy")[2].partition("- id:")[0]
    without_types = [module.removesuffix(".*") for module in PROJECT["tool"]["mypy"]["overrides"][0]["module"]]
    needed = {requirement.partition(">=")[0] for requirement in PROJECT["project"]["dependencies"]}
    # h5netcdf brings h5py, and scipy-stubs are what is read of SciPy.
    assert needed - {"h5py", "scipy", *without_types} <= set(re.findall(r"^ +- (\w+)$", hook, re.MULTILINE))


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", *(f"docs/{p.name}" for p in sorted((ROOT / "docs").glob("*.md")))]
)
def test_the_links_between_pages_lead_somewhere(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_the_version_is_the_same_everywhere() -> None:
    version = PROJECT["project"]["version"]
    heading = "Unreleased" if version.endswith(".dev0") else version
    assert f"## {heading}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
