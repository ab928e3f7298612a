"""The pages of the API: one for each public module, with all that its `__all__` names."""

import inspect
import pkgutil
from collections.abc import Iterable
from enum import EnumType
from pathlib import Path
from types import ModuleType
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

import rnnlatch

FOLDER = "api"
# What public functions take and give, in modules that are none of their own.
ALSO = {
    "rnnlatch": ("diagnose.Diagnosis", "store.Store", "store.StoreError", "rng.normalise"),
    "rnnlatch.experiments": ("reproduce.reproduce", "reproduce.Reproduction"),
}


def public_names() -> dict[str, list[str]]:
    """Give what is public, by module."""
    modules = [getattr(rnnlatch, name) for name in rnnlatch.__all__]
    modules = [rnnlatch, *(module for module in modules if isinstance(module, ModuleType))]
    return {module.__name__: names(module) for module in modules}


def names(module: ModuleType) -> list[str]:
    """Give the names of the functions and classes of a module."""
    own = [name for name in module.__all__ if callable(getattr(module, name))]
    return own + list(ALSO.get(module.__name__, ()))


def page(module: str, listed: list[str]) -> str:
    """Write the page of a module."""
    lines = [module, "=" * len(module), "", f".. automodule:: {module}", "   :no-members:", ""]
    lines += [f".. currentmodule:: {module}", "", ".. autosummary::", "   :toctree: names", "   :nosignatures:", ""]
    return "\n".join([*lines, *(f"   {name}" for name in listed), ""])


def overview(modules: Iterable[str]) -> str:
    """Write the table of the modules, each with what it is for."""
    return "\n".join([".. autosummary::", "", *(f"   {module}" for module in modules), ""])


def write_pages(app: Sphinx, config: Config) -> None:
    """Write the page of each module, and have autosummary write those of its names."""
    folder = Path(app.srcdir, FOLDER)
    folder.mkdir(exist_ok=True)
    modules = public_names()
    texts = {f"{module}.rst": page(module, listed) for module, listed in modules.items()}
    texts["modules.inc"] = overview(modules)
    for name, text in texts.items():
        path = folder / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    public = [f"{module}.{name}" for module, listed in modules.items() for name in listed]
    enums = [name for name in public if isinstance(pkgutil.resolve_name(name), EnumType)]
    config.autosummary_context = {"enums": enums}
    config.autosummary_generate = [f"{FOLDER}/{path.name}" for path in sorted(folder.glob("*.rst"))]


def skip_foreign(app: Sphinx, what: str, name: str, obj: Any, *_: Any) -> bool | None:  # noqa: ARG001
    """Leave out what a class has from classes of other libraries, such as the methods of integers."""
    home = inspect.unwrap(obj.fget) if isinstance(obj, property) and obj.fget else obj
    module = getattr(home, "__module__", None) or getattr(getattr(home, "__objclass__", None), "__module__", "")
    return None if str(module).startswith("rnnlatch") else True


def setup(app: Sphinx) -> dict[str, bool]:
    """Write the pages before Sphinx looks for them."""
    app.connect("config-inited", write_pages, priority=400)
    app.connect("autodoc-skip-member", skip_foreign)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
