"""Change one thing in the numeric sources and see whether a test fails: ``python fuzz/mutants.py python|cpp [--count N]``.

A mutant is one changed token: an operator, a number, a minimum for a maximum, a negation left out. They are drawn from a seed,
from one source after the other, so that each has as many. A mutant that no test sees has survived: either it computes the same,
or a test is missing. `mutants.toml` says which tests are asked about a source, and with which binding a header is compiled.

Works in a copy of the tree, which stays in ``build/mutants`` with the results, one for each mutant; what is there is not done
again. Needs Linux, the tests' requirements and, with the build requirements, Ninja; in C++ it needs x86-64-v3.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import os
import random
import re
import resource
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from mutable import cpp_tokens, python_tokens, replacements

ROOT = Path(__file__).parents[1]
SOURCES = {"python": ("python/rnnlatch", "*.py"), "cpp": ("cpp", "*.hpp")}
COPIED = ["python", "tests", "bench", "fuzz", "docs", "cpp", "cmake", "CMakeLists.txt", "pyproject.toml", "README.md"]


@dataclass(frozen=True)
class Mutant:
    path: str
    line: int
    start: int
    old: str
    new: str

    @property
    def name(self) -> str:
        return f"{self.path}:{self.line} [{self.start}] {self.old} -> {self.new or 'nothing'}"

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


def mutants(language: Literal["python", "cpp"], path: str, seed: int) -> list[Mutant]:
    """One mutant of each token of a source that has any, in an order that follows from the seed."""
    text = (ROOT / path).read_text()
    tokens = python_tokens(text) if language == "python" else cpp_tokens(text)
    draw, found = random.Random(f"{seed} {path}"), []
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        if new := replacements(text, before, token, after, language == "python"):
            line = text.count("\n", 0, token.start) + 1
            found.append(Mutant(path, line, token.start, token.text, draw.choice(new)))
    draw.shuffle(found)
    return found


def asked(language: Literal["python", "cpp"]) -> dict[str, list[str]]:
    """The sources of a language, each with what `mutants.toml` says of it."""
    wanted = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())[language]
    folder, pattern = SOURCES[language]
    found = {}
    for file in sorted((ROOT / folder).rglob(pattern)):
        begins = [b for b in wanted if file.relative_to(ROOT / folder).as_posix().startswith(b)]
        if begins and file.name != "__init__.py":
            found[file.relative_to(ROOT).as_posix()] = wanted[max(begins, key=len)]
    return found


def drawn(language: Literal["python", "cpp"], count: int, seed: int, only: str) -> Iterator[Mutant]:
    """`count` mutants: one of every source, another one of every source, and so on."""
    paths = [path for path in asked(language) if re.search(only, path)]
    random.Random(seed).shuffle(paths)
    of_paths = [mutants(language, path, seed) for path in paths]
    rounds = (of[k] for k in range(max(map(len, of_paths), default=0)) for of in of_paths if k < len(of))
    return (mutant for mutant, _ in zip(rounds, range(count), strict=False))


def run_tests(tree: Path, tests: list[str], seconds: int) -> tuple[int, float]:
    """The status of pytest, in a process of its own that has `seconds` of the processor, and how many it took."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            log = os.open(tree.parent / "tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(tree)
            os.environ["PYTHONPATH"] = str(tree / "python")
            sys.path.insert(0, str(tree / "python"))
            resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
            status = pytest.main(["-x", "-q", "-n0", "-p", "no:cacheprovider", *tests])
        finally:
            os._exit(status)
    _, ended, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(ended), round(used.ru_utime + used.ru_stime, 1)


class Build:
    """The module of x86-64-v3, every binding compiled alone and with -O1: quick, and the numbers are the same."""

    def __init__(self, tree: Path) -> None:
        self._tree, self._directory = tree, tree.parent / "cmake"
        lists = tree / "CMakeLists.txt"
        lists.write_text(lists.read_text().replace(" -O3 ", " -O1 "))
        shutil.copystat(ROOT / "CMakeLists.txt", lists)
        pybind11 = importlib.import_module("pybind11").get_cmake_dir()
        options = [
            "CMAKE_UNITY_BUILD=OFF",
            "RNNLATCH_X86_64_LEVELS=3",
            "RNNLATCH_STUBS=OFF",
            f"pybind11_DIR={pybind11}",
            f"Python_EXECUTABLE={sys.executable}",
        ]
        define = [f"-D{option}" for option in options]
        subprocess.run(["cmake", "-S", tree, "-B", self._directory, "-G", "Ninja", "-Wno-dev", *define], check=True)
        subprocess.run(["ninja", "-j1"], cwd=self._directory, check=True)
        self.modules = sorted(self._directory.glob("*.so"))
        self._core = next(module for module in self.modules if module.name.startswith("_core"))

    def _command(self, target: str) -> list[str]:
        said = subprocess.run(
            ["ninja", "-t", "commands", target], cwd=self._directory, check=True, capture_output=True, text=True
        )
        return [word for word in shlex.split(said.stdout.splitlines()[-1]) if word not in (":", "&&")]

    def module(self, mutant: Mutant, text: str, binding: str) -> str:
        """Compile and link a mutant into the tree: what there is to say if it need not be tried."""
        changed = self._directory / "changed"
        shutil.rmtree(changed, ignore_errors=True)
        header = changed / Path(mutant.path).relative_to("cpp")
        header.parent.mkdir(parents=True)
        header.write_text(text)
        plain = f"CMakeFiles/{self._core.name.split('.')[0]}.dir/cpp/bindings/{binding}.cpp.o"
        compiler, *flags = self._command(plain)
        flags[flags.index("-o") + 1] = "changed.o"
        flags[flags.index("-MF") + 1] = "changed.d"
        done = subprocess.run([compiler, f"-I{changed}", *flags], cwd=self._directory, capture_output=True)
        if done.returncode:
            return "did not compile"
        if (self._directory / "changed.o").read_bytes() == (self._directory / plain).read_bytes():
            return "same code"
        # First among the objects, so that the functions which other bindings have too are taken from it.
        compiler, *link = [word for word in self._command(self._core.name) if word != plain]
        output = link.index("-o")
        link[output + 1] = str(self._tree / "python/rnnlatch" / self._core.name)
        subprocess.run(
            [compiler, *link[: output + 2], "changed.o", *link[output + 2 :]], cwd=self._directory, check=True
        )
        return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("language", choices=["python", "cpp"])
    parser.add_argument("--count", type=int, default=100, help="how many mutants (100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="PATTERN", help="a regular expression: sources to draw from")
    parser.add_argument("--limit", type=int, default=120, help="seconds of the processor, after which tests hang (120)")
    parser.add_argument("--kept", type=Path, default=ROOT / "build/mutants", help="where the copy and the results are")
    arguments = parser.parse_args()
    tree, file = arguments.kept.resolve() / "tree", arguments.kept.resolve() / f"{arguments.language}.json"
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    for name in COPIED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tree / name)
    build = Build(tree) if arguments.language == "cpp" else None
    for module in build.modules if build else []:
        shutil.copy2(module, tree / "python/rnnlatch")
    # Imported once, and not by every process that runs tests.
    for name in ("numpy", "scipy.linalg", "scipy.optimize", "scipy.special", "scipy.stats", "xarray", "h5netcdf"):
        importlib.import_module(name)

    said = asked(arguments.language)
    done: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    for number, mutant in enumerate(
        drawn(arguments.language, arguments.count, arguments.seed, arguments.only), start=1
    ):
        if mutant.name in done:
            continue
        old, tests = (ROOT / mutant.path).read_text(), said[mutant.path][1 if build else 0 :]
        new, outcome = mutant.applied(old), ""
        if build:
            outcome = build.module(mutant, new, said[mutant.path][0])
        else:
            (tree / mutant.path).write_text(new)
        status, seconds = (0, 0.0) if outcome else run_tests(tree, tests, arguments.limit)
        shutil.copy2(ROOT / mutant.path, tree / mutant.path)
        diff = difflib.unified_diff(old.splitlines(), new.splitlines(), mutant.path, mutant.path, n=1, lineterm="")
        outcome = outcome or ("killed" if status else "survived")
        done[mutant.name] = {
            "outcome": outcome,
            "status": status,
            "seconds": seconds,
            "tests": tests,
            "diff": "\n".join(diff),
        }
        keep(file, done)
        print(f"{number} of {arguments.count}: {mutant.name}: {outcome}", flush=True)

    # Tests that let a mutant survive pass; all others must pass too when nothing is changed.
    for module in build.modules if build else []:
        shutil.copy2(module, tree / "python/rnnlatch")
    passed = [what["tests"] for what in done.values() if what["outcome"] in ("survived", "unchanged")]
    for tests in [what["tests"] for what in done.values() if what["outcome"] == "killed"]:
        if tests not in passed:
            passed.append(tests)
            status, seconds = run_tests(tree, tests, arguments.limit)
            if status:
                sys.exit(f"{' '.join(tests)}: fail or take more than --limit as it is, see {tree.parent / 'tests.log'}")
            done[" ".join(tests)] = {"outcome": "unchanged", "seconds": seconds, "tests": tests}
            keep(file, done)
    for outcome in ("killed", "did not compile", "same code", "survived"):
        names = [name for name, what in done.items() if what["outcome"] == outcome]
        print(f"{outcome}: {len(names)}", *(names if outcome == "survived" else []), sep="\n  ")


def keep(file: Path, results: dict[str, dict[str, Any]]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(results, indent=1))
    part.replace(file)


if __name__ == "__main__":
    main()
