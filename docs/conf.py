"""How Sphinx builds the documentation: `nox -s docs`, or sphinx-build -W -n docs docs/_build/html."""

import sys
from pathlib import Path

import rnnlatch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "rnnlatch"
author = project_copyright = "rnnlatch developers"
version = release = rnnlatch.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    # Of this project, in _ext.
    "api_pages",
    "deviations_page",
    "gallery",
    "links_inside",
    "mathml",
    "repository_files",
    "self_contained",
    "short_names",
]
exclude_patterns = ["_build", "_ext", "figures"]
templates_path = ["_templates"]
default_role = "py:obj"
nitpicky = True

# The pages are those of the forge, too: its rules for anchors, and formulas between dollars.
myst_enable_extensions = ["attrs_inline", "colon_fence", "dollarmath"]
myst_heading_anchors = 4

# Types are told in the docstrings, with shapes and units.
autodoc_typehints = "none"
autodoc_preserve_defaults = True
numpydoc_show_class_members = False
toc_object_entries_show_parents = "hide"

html_theme = "pydata_sphinx_theme"
html_title = "rnnlatch"
html_static_path = ["_static"]
html_css_files = ["rnnlatch.css"]
html_context = {"default_mode": "auto"}
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_sidebars = {"index": [], "start": [], "story": []}
html_theme_options = {
    "logo": {"text": "rnnlatch"},
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 7,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
