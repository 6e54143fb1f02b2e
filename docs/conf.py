"""The settings of the documentation: `make docs` builds it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import flax.linen as nn

from finjax.version import __version__

project = "finjax"
author = "The finjax authors"
copyright = "the finjax authors, Apache-2.0"
version = release = __version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode", "sphinx_copybutton"]
exclude_patterns = ["_build", "README.md"]
html_theme = "furo"
html_title = f"finjax {__version__}"
html_static_path = ["_static"]
html_css_files = ["finjax.css"]
html_show_sphinx = False
suppress_warnings = ["mystnb.unknown_mime_type"]

# Docstrings write code between single backquotes.
default_role = "code"
autodoc_default_options = {"members": True, "undoc-members": True, "member-order": "bysource"}
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True  # `least_probability=LEAST`, and not an object's address
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # "Attributes:" lists them; without it each would be described twice
napoleon_use_rtype = False
strip_signature_backslash = True  # keeps the underscore at the end of `classes_`

myst_enable_extensions = ["colon_fence"]  # no formulas: they take MathJax from the internet
myst_heading_anchors = 3
myst_links_external_new_tab = False

nb_execution_mode = "cache"  # a notebook runs again when its code has changed; `make clean` forgets what was run
nb_execution_timeout = 600
nb_execution_raise_on_error = True
nb_execution_in_temp = True  # runs go nowhere near the sources
nb_merge_streams = True
nb_output_stderr = "remove"  # progress bars

# The site is built without the internet, so that types of other packages have nothing to point at.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!finjax\b).*"),
    ("py:class", r"finjax\..*\._\w+"),
    ("py:class", r"finjax\.(\w+\.)*[A-Z]\w*T"),  # type variables
]

linkcheck_ignore = [r"https://doi\.org/.*"]  # refuses programs
linkcheck_timeout = 20


def skip(app, what, name, thing, skipping, options):
    """Leaves out what flax adds to each of its modules, and what a module takes from other packages."""
    if name in ("parent", "scope") or (name == "name" and getattr(thing, "__objclass__", None) is nn.Module):
        return True
    if name.endswith("_request"):  # of scikit-learn's routing of metadata
        return True
    if what == "module" and not str(getattr(thing, "__module__", "finjax")).startswith("finjax"):
        return True
    return None


def setup(app):
    """Registers what is above."""
    app.connect("autodoc-skip-member", skip)
