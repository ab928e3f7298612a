"""Runs the experiments at scale quick, or takes what an earlier build has left behind where nothing has changed since."""

import ast
import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from sphinx.util import logging

import rnnlatch
from rnnlatch import experiments
from rnnlatch.experiments.reproduce import reproduce

SCALE = "quick"
STAMP = "built-from.txt"
NEEDED = ("data.nc", "figure.png", "claims.json", STAMP)

logger = logging.getLogger(__name__)


def run_all(results: Path, execute: bool) -> list[str]:
    """Leave the results of every experiment in a directory, and give the names of those that are there.

    Parameters
    ----------
    results : Path
        The directory, as `rnnlatch reproduce --out` has it.
    execute : bool
        Whether to run what is missing or was computed by other code.
    """
    mpl.use("Agg")
    code = code_hash(Path(rnnlatch.__file__).parent)
    for name in experiments.names():
        directory = results / name
        if not execute or (is_there(directory) and (directory / STAMP).read_text(encoding="utf-8") == code):
            continue
        shutil.rmtree(directory, ignore_errors=True)
        start = time.perf_counter()
        reproduce(experiments.get(name), results, scale=SCALE)
        plt.close("all")
        (directory / STAMP).write_text(code, encoding="utf-8")
        logger.info("gallery: %s took %.0f s", name, time.perf_counter() - start)
    return [name for name in experiments.names() if is_there(results / name)]


def is_there(directory: Path) -> bool:
    """Whether an experiment has been finished in a directory."""
    return all((directory / file).is_file() for file in NEEDED)


def code_hash(package: Path) -> str:
    """Hash the package without its docstrings and comments, so that writing documentation runs nothing again."""
    digest = hashlib.sha256()
    for part in parts(package):
        digest.update(part)
    return digest.hexdigest()


def parts(package: Path) -> Iterator[bytes]:
    """Give what results can depend on: names, sources, compiled modules, files of numbers."""
    for path in sorted(package.rglob("*")):
        if path.suffix not in (".py", ".so", ".json"):
            continue
        yield str(path.relative_to(package)).encode()
        if path.suffix == ".py":
            yield without_docstrings(path.read_text(encoding="utf-8")).encode()
        else:
            yield path.read_bytes()


def without_docstrings(source: str) -> str:
    """Give the syntax of a module without what only describes it."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:]
    return ast.dump(tree)
