"""Names between single backticks, as NumPy's docstrings have them: links where they are public, else plain code.

`LatchNeuron` leads to `rnnlatch.cells.LatchNeuron`; a parameter's name is code. What claims to be in the package and is not
there remains an error.
"""

import pkgutil

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode


def resolve(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, contnode: nodes.TextElement
) -> nodes.Element | None:
    """Resolve what Sphinx could not."""
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    name = node["reftarget"].lstrip("~.")
    if name.split(".")[-1][0].isupper():
        every = env.domains["py"].find_obj(env, None, None, name, "obj", 1)
        found = [(full, entry) for full, entry in every if not entry.aliased]
        if len(found) == 1:
            ((full, entry),) = found
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, full)
    if name.startswith("rnnlatch.") and not is_there(name):
        return None
    return contnode


def is_there(name: str) -> bool:
    """Whether a name of the package leads to something."""
    try:
        pkgutil.resolve_name(name)
    except (AttributeError, ImportError):
        return False
    return True


def setup(app: Sphinx) -> dict[str, bool]:
    """Resolve names when all pages have been read."""
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
