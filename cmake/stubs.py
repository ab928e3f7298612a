"""Writes the stub of a compiled module: python cmake/stubs.py [MODULE.so STUB.pyi [STUB_OTHERWISE.pyi]].

pybind11-stubgen reads the signatures that pybind11 has written into the module; what this adds makes the result independent
of the versions of both: names are imported, lines have 120 characters, and where pybind11 says that it converts all that has
``__int__`` or ``__float__`` (and takes back that it takes floats for integers), the stub says ``int`` and ``float``.

The third argument is a stub to take where pybind11-stubgen is not installed or the module cannot be loaded, since it was
built for another machine. Without arguments the stubs of the sources are written, from the modules that Python imports.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LINE = 120
NUMBER = re.compile(r"typing\.Supports(Int|Float)(?: \| typing\.SupportsIndex)?")
NAME = re.compile(r"\b(collections\.abc|numpy\.typing|typing)\.(\w+)")


def generated(module: Path) -> str:
    """What pybind11-stubgen makes of a module."""
    with tempfile.TemporaryDirectory() as folder:
        # A copy of the module alone: the modules beside it may be called `random` or `io`.
        shutil.copy(module, folder)
        name = module.name.split(".")[0]
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", "pybind11_stubgen", name, "--output-dir", folder, "--exit-code"]
        command += ["--ignore-unresolved-names", r"numpy\."]  # NumPy is not there in a build
        done = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"no stub of {module.name} (exit status {done.returncode}): {done.stderr.strip()}")
        return Path(folder, f"{name}.pyi").read_text()


class Module:
    """A module of functions on its way to a stub."""

    def __init__(self, text: str) -> None:
        tree = ast.parse(text)
        self.imports: dict[str, set[str]] = {}
        self.summary = ast.get_docstring(tree) or ""
        self.functions = [self.function(node) for node in tree.body if isinstance(node, ast.FunctionDef)]
        known = (ast.FunctionDef, ast.Import, ast.ImportFrom, ast.AnnAssign, ast.Expr)  # __all__ is annotated
        strange = [node for node in tree.body if not isinstance(node, known)]
        if strange:
            raise RuntimeError(f"the modules export functions only, not {ast.unparse(strange[0])!r}")

    def named(self, node: ast.expr | None) -> str:
        """Source of a type, after its names have been put among the imports."""
        if node is None:
            raise RuntimeError("a parameter or a result has no type")
        text = NUMBER.sub(lambda match: match[1].lower(), ast.unparse(node))

        def imported(match: re.Match[str]) -> str:
            self.imports.setdefault(match[1], set()).add(match[2])
            return match[2]

        text = NAME.sub(imported, text)
        if "numpy." in text:
            self.imports.setdefault("numpy", set())
        return text.replace("numpy.", "np.").replace("'", '"')

    def function(self, node: ast.FunctionDef) -> str:
        """One function, on one line where it has room."""
        arguments = node.args
        if arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg or node.decorator_list:
            raise RuntimeError(f"{node.name} has parameters that this script does not know")
        defaults = [None] * (len(arguments.args) - len(arguments.defaults)) + list(arguments.defaults)
        parameters = []
        for parameter, default in zip(arguments.args, defaults, strict=True):
            text = f"{parameter.arg}: {self.named(parameter.annotation)}"
            parameters.append(text if default is None else f"{text} = {ast.unparse(default)}")
        result = self.named(node.returns)
        summary = ast.get_docstring(node)
        rest = f'\n    """{summary}"""\n' if summary else " ..."
        text = f"def {node.name}({', '.join(parameters)}) -> {result}:"
        if len(text + rest.split("\n")[0]) > LINE:
            lines = "".join(f"    {parameter},\n" for parameter in parameters)
            text = f"def {node.name}(\n{lines}) -> {result}:"
        return text + rest

    def source(self) -> str:
        """The stub."""
        lines = [f'"""{self.summary}"""', "", "# Written by cmake/stubs.py from the signatures in C++.", ""]
        imports = []
        for module, names in sorted(self.imports.items()):
            imports.append(f"from {module} import {', '.join(sorted(names))}" if names else "import numpy as np")
        standard = [line for line in imports if "nump" not in line]
        numpy = sorted((line for line in imports if "nump" in line), key=lambda line: line.startswith("from"))
        for group in (standard, numpy):
            lines += [*group, ""] if group else []
        return "\n".join([*lines, *self.functions]).rstrip("\n") + "\n"


def main(module: Path, stub: Path, otherwise: Path | None = None) -> None:
    """Write the stub of a module."""
    try:
        text = Module(generated(module)).source()
    except RuntimeError as error:
        if otherwise is None:
            raise
        print(f"{otherwise} is taken as it is: {error}", file=sys.stderr)
        text = otherwise.read_text()
    stub.write_text(text)


def refresh() -> None:
    """Write the stubs of the sources."""
    from rnnlatch import _cpu, _dispatch

    sources = Path(__file__).parents[1] / "python" / "rnnlatch"
    for module, stub in ((_dispatch.core, "_core.pyi"), (_cpu, "_cpu.pyi")):
        main(Path(str(module.__file__)), sources / stub)


if __name__ == "__main__":
    paths = [Path(argument) for argument in sys.argv[1:]]
    main(*paths) if paths else refresh()
