"""What claims rest on: every name is a row of the table, every row is used, and the page shows the table as it is."""

import ast
import inspect
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from rnnlatch import experiments
from rnnlatch.experiments import Claim, deviations
from rnnlatch.experiments.deviation_table import check_deviations

DOCS = Path(__file__).parents[2] / "docs"


def sources(experiment: str) -> list[ast.Module]:
    """The modules of an experiment that make claims: its own, and those of its package that this imports."""
    own = sys.modules[inspect.unwrap(experiments.get(experiment).claims).__module__]
    named = {
        value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", "")
        for value in vars(own).values()
    }
    near = {name for name in named if name and name.startswith(own.__name__.rpartition(".")[0] + ".")}
    trees = [ast.parse(inspect.getsource(sys.modules[name])) for name in sorted({own.__name__, *near})]
    return [tree for tree in trees if any(is_claim(node) for node in ast.walk(tree))]


def is_claim(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Claim"


def names(tree: ast.Module) -> Iterator[str]:
    """What stands in arguments `deviations`, and in tables of them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "deviations":
            yield from texts(node.value)
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id.endswith("_DEVIATIONS") for target in targets):
            assert isinstance(node, ast.Assign | ast.AnnAssign)
            assert isinstance(node.value, ast.Dict)
            for value in node.value.values:
                yield from texts(value)


def texts(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.Tuple):
        for each in node.elts:
            yield from texts(each)


@pytest.mark.parametrize("experiment", experiments.names())
def test_claims_and_rows_know_each_other(experiment: str) -> None:
    rows = deviations(experiment)
    assert rows
    named = {name for tree in sources(experiment) for name in names(tree)}
    assert named <= {row.name for row in rows}
    for row in rows:
        uses = [row.name in named, row.all, bool(row.apart)]
        assert sum(uses) == 1, f"{row.name}: claims name it, or all rest on it, or it says why none does"


def test_what_is_called_our_choice_names_it() -> None:
    found = 0
    for experiment in experiments.names():
        for node in (node for tree in sources(experiment) for node in ast.walk(tree)):
            if isinstance(node, ast.Call) and is_claim(node) and re.search(r"\bour choice\b", ast.unparse(node)):
                found += 1
                assert "deviations" in {keyword.arg for keyword in node.keywords}
    assert found > 0


def test_the_page_shows_the_table() -> None:
    tables = runpy.run_path(str(DOCS / "_ext" / "deviations_page.py"))["tables"]
    text = (DOCS / "deviations.md").read_text(encoding="utf-8")
    assert tables(text) == text, "`python docs/_ext/deviations_page.py` writes it anew"
    anchors = re.findall(r'<a id="([^"]+)">', text)
    assert sorted(anchors) == sorted(f"{name}-{row.name}" for name in experiments.names() for row in deviations(name))
    assert len(set(anchors)) == len(anchors)


def test_a_name_that_is_no_row() -> None:
    claim = Claim("A statement.", "", {}, True, True, "", deviations=("reading", "nothing"))
    with pytest.raises(
        ValueError, match=r"a claim of bengio1994-density names the deviations \['nothing'\]; there are "
    ):
        check_deviations("bengio1994-density", [claim])
    assert deviations("nothing") == ()
