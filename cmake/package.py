"""Builds the source distribution and from it a wheel for the Python that runs this, looks at both, and tries the wheel.

``nox -s package`` runs it for every Python that is to be found. What is to be published is left in ``dist/``; everything else
is in ``build/wheels/``: a first call needs the network for the packages of others, what is built is built without.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NEEDED = [*PROJECT["build-system"]["requires"], "cmake", "ninja"]
"""By the build; for CMake and Ninja its backend asks where the system has none."""
LARGEST = 8_000_000
"""Bytes of a wheel."""
IN_EVERY_WHEEL = (
    "/LICENSE",
    "/MPL-2.0.txt",
    "/NOTICE-Eigen.txt",
    "/py.typed",
    "/_core.pyi",
    "/_cpu.pyi",
    "/_cpu.cpython",
)
LEVELS = ("x86_64_v2", "x86_64_v3", "x86_64_v4")


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run a command, which is shown; the first that fails ends everything."""
    print("$", *command, flush=True)
    subprocess.run(command, cwd=cwd, env=env, check=True)


def refuse(what: str) -> None:
    """End with a sentence about what is not as it must be."""
    raise SystemExit(f"package.py: {what}")


def same(one: Path, other: Path, how: str) -> None:
    """Two builds of the same must be the same bytes."""
    if one.read_bytes() != other.read_bytes():
        refuse(f"{one} and {other}, {how}, differ")
    print(f"{one.name} is the same, byte for byte, {how}")


def without_network() -> list[str]:
    """What a command starts with to see no network: of Linux, and where namespaces are allowed."""
    prefix = ["unshare", "--map-root-user", "--net"]
    if shutil.which(prefix[0]) and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0:
        return prefix
    print("unshare cannot be used here: the build could reach the network, though pip is told not to")
    return []


def environment(directory: Path, *install: str | Path) -> Path:
    """Make a virtual environment with what follows, and nothing else; give its Python."""
    shutil.rmtree(directory, ignore_errors=True)
    run(sys.executable, "-m", "venv", directory)
    python = directory / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *install)
    return python


def build_sdist(work: Path) -> Path:
    """Build the source distribution, and again from what is in it."""

    def build(sources: Path, directory: Path) -> Path:
        shutil.rmtree(directory, ignore_errors=True)
        run(sys.executable, "-m", "build", "--sdist", "--outdir", directory, sources)
        return next(directory.glob("*.tar.gz"))

    sdist = build(ROOT, work / "sdist")
    again = build(unpack(sdist, work / "unpacked"), work / "sdist-again")
    same(sdist, again, "built from a checkout and from what is in it")
    return sdist


def unpack(sdist: Path, to: Path) -> Path:
    """Unpack a source distribution, without the directory that bears its name."""
    shutil.rmtree(to, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as directory, tarfile.open(sdist) as archive:
        archive.extractall(directory, filter="data")
        (inner,) = Path(directory).iterdir()
        inner.rename(to)
    return to


def download_requirements(work: Path) -> Path:
    """Fetch what the build needs."""
    directory = work / "requirements"
    run(sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", directory, *NEEDED)
    return directory


def build_wheel(sdist: Path, work: Path, requirements: Path) -> Path:
    """Build a wheel from the source distribution with its build requirements alone, without a network."""
    # An environment of our own instead of pip's, whose path is another one every time: a compiler cache knows this one again.
    python = environment(work / "environment", "--no-index", "--find-links", requirements, *NEEDED)
    source, build, built = unpack(sdist, work / "source"), work / "build", work / "built"
    for directory in build, built:
        shutil.rmtree(directory, ignore_errors=True)
    search = os.environ | {"PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    pip = (python, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation")
    run(*without_network(), *pip, f"--config-settings=build-dir={build}", "--wheel-dir", built, source, env=search)
    if "march=native" in (build / "build.ninja").read_text():
        refuse("-march=native is among the flags: the wheel would run on some machines only")
    return repaired(next(built.glob("*.whl")), work)


def repaired(wheel: Path, work: Path) -> Path:
    """Give the wheel the tag of the oldest systems that it runs on (Linux)."""
    directory = work / "repaired"
    shutil.rmtree(directory, ignore_errors=True)
    if sys.platform != "linux":
        directory.mkdir()
        return Path(shutil.copy(wheel, directory))
    run(sys.executable, "-m", "auditwheel", "repair", "--wheel-dir", directory, wheel)
    return next(directory.glob("*.whl"))


def look_into(wheel: Path, work: Path) -> None:
    """Refuse a wheel that is large, lacks something, has something else, or knows where it was built."""
    if (size := wheel.stat().st_size) > LARGEST:
        refuse(f"{wheel.name} has {size / 1e6:.1f} MB, allowed are {LARGEST / 1e6:.0f}")
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    expected = list(IN_EVERY_WHEEL)
    if wheel.stem.endswith("x86_64"):
        expected += [f"/_core_{level}." for level in LEVELS]
    missing = [part for part in expected if not any(part in name for name in names)]
    if missing:
        refuse(f"{wheel.name} has no file {', '.join(missing)}")
    stray = [name for name in names if not name.startswith(("rnnlatch/", "rnnlatch-"))]
    if stray:
        refuse(f"{wheel.name} has files outside of the package: {stray[:5]}")
    modules = [name for name in names if name.endswith(".so")]
    for name in modules:
        if str(work).encode() in archive.read(name):
            refuse(f"{name} has the directory inside in which it was built")
    if sys.platform == "linux" and "manylinux" not in wheel.name:
        refuse(f"{wheel.name} runs on systems like this one only")
    print(f"{wheel.name}: {size / 1e6:.2f} MB, {len(names)} files, {len(modules)} of them compiled")


def try_out(wheel: Path, sdist: Path, work: Path) -> None:
    """Install the wheel where there is nothing else, and no compiler; run commands, and the tests of what depends on a build."""
    python = environment(work / "installed", "--only-binary", ":all:", f"rnnlatch[test] @ {wheel.as_uri()}")
    directory = work / "tests"
    shutil.rmtree(directory, ignore_errors=True)
    settings, sources = PROJECT["tool"]["cibuildwheel"], unpack(sdist, work / "unpacked")
    for name in settings["test-sources"]:
        directory.mkdir(exist_ok=True)
        (sources / name).rename(directory / name)
    # Nothing of the system, so that there is no compiler.
    alone = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "CC", "CXX"}}
    alone |= {"PATH": str(python.parent), "MPLBACKEND": "Agg"}
    program = python.with_name("rnnlatch")
    for arguments in "--help", "info", "reproduce bengio1994-density --scale quick --out results":
        run(program, *arguments.split(), cwd=directory, env=alone)
    run(python, "-m", *settings["test-command"].split(), cwd=directory, env=alone)


def main() -> None:
    """Build, look, try, and keep what may be published."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the distributions go (default: dist)")
    parser.add_argument(
        "--twice", action="store_true", help="build the wheel again in another directory: it must be the same"
    )
    options = parser.parse_args()
    # The time that archives give their files, and with it every byte of them, is that of the last commit.
    if "SOURCE_DATE_EPOCH" not in os.environ:
        command = ["git", "log", "-1", "--format=%ct"]
        os.environ["SOURCE_DATE_EPOCH"] = subprocess.check_output(command, cwd=ROOT, text=True).strip()

    work = ROOT / "build" / "wheels" / f"{sys.version_info.major}.{sys.version_info.minor}"
    work.mkdir(parents=True, exist_ok=True)
    sdist = build_sdist(work)
    requirements = download_requirements(work)
    wheel = build_wheel(sdist, work, requirements)
    look_into(wheel, work)
    if options.twice:
        again = work / "another" / "directory"
        again.mkdir(parents=True, exist_ok=True)
        same(wheel, build_wheel(sdist, again, requirements), "built in two directories")
    run(sys.executable, "-m", "twine", "check", "--strict", sdist, wheel)
    try_out(wheel, sdist, work)
    options.out.mkdir(parents=True, exist_ok=True)
    for file in sdist, wheel:
        shutil.copy(file, options.out)
    print(f"{sdist.name} and {wheel.name} are in {options.out}")


if __name__ == "__main__":
    main()
