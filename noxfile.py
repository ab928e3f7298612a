#!/usr/bin/env -S uv run --script

# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5"]
# ///

"""Longer checks than the test suite; `nox --list` shows them."""

import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.11", "3.12", "3.13"]
PROJECT = nox.project.load_toml("pyproject.toml")


@nox.session
def lint(session: nox.Session) -> None:
    """Run every pre-commit hook."""
    session.install("pre-commit>=4")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Build, install and run the tests."""
    session.install(".[test]")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def single_module(session: nox.Session) -> None:
    """Run the tests on the build with one module, which other machines than x86-64 get."""
    session.install(".[test]", "--config-settings=cmake.define.RNNLATCH_SINGLE_MODULE=ON")
    session.run("pytest", *session.posargs)


@nox.session(default=False)
def system_eigen(session: nox.Session) -> None:
    """Run the tests on a build against the Eigen of the system."""
    session.install(".[test]", "--config-settings=cmake.define.RNNLATCH_SYSTEM_EIGEN=ON")
    session.run("pytest", *session.posargs)


@nox.session
def package(session: nox.Session) -> None:
    """Build the source distribution and a wheel from it, and look at what is in the wheel."""
    session.install("build", "twine")
    out = Path(session.create_tmp())
    session.run("python", "-m", "build", "--outdir", str(out))
    session.run("twine", "check", "--strict", *map(str, out.iterdir()))
    (wheel,) = out.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for part in ("/LICENSE", "/MPL-2.0.txt", "/NOTICE-Eigen.txt", "/py.typed", "/_core.pyi", "/_cpu."):
        if not any(part in name for name in names):
            session.error(f"the wheel has no file {part}")
    stray = [name for name in names if not name.startswith(("rnnlatch/", "rnnlatch-"))]
    if stray:
        session.error(f"the wheel has files outside the package: {stray[:5]}")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; every warning is an error."""
    session.install(".[music]", *nox.project.dependency_groups(PROJECT, "docs"))
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-b", "html", "docs", "docs/_build/html", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run the benchmarks; quiet machines only."""
    session.install(".[test]", *nox.project.dependency_groups(PROJECT, "bench"))
    session.run("pytest", "bench", *session.posargs)


if __name__ == "__main__":
    nox.main()
