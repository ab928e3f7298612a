"""How Sphinx builds the documentation: `nox -s docs`, or sphinx-build -W -n docs DIRECTORY."""

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
    "sphinx_gallery.gen_gallery",
    # Of this project, in _ext.
    "api_pages",
    "deviations_page",
    "example_pages",
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

# Scripts with their figures: each one is run, and one that fails ends the build.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "examples",
    "filename_pattern": r"\.py$",
    "subsection_order": [
        f"../examples/{section}" for section in ("training", "gradients", "networks")
    ],
    "within_subsection_order": "FileNameSortKey",
    # The pages of the API show which examples use a name.
    "doc_module": ("rnnlatch",),
    "backreferences_dir": "examples/used",
    "exclude_implicit_doc": {
        r"\.(Algorithm|Initialiser|NetworkCell|Task|(Data|Drawn|LongLag|TwoClass)Task)$"
    },
    "css": ("sg_gallery",),
    "capture_repr": (),  # what a script has to say, it prints
    "first_notebook_cell": "%matplotlib inline",
    "download_all_examples": False,
    # The same pages whenever they are built.
    "min_reported_time": 1e9,
    "write_computation_times": False,
    "show_signature": False,
}

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
    "header_links_before_dropdown": 8,
    "show_toc_level": 2,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
