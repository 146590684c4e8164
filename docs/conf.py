"""How Sphinx builds the pages: `make docs`."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

# TFRS trains with tf_keras; this has to be said before autodoc imports TensorFlow.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# They tell much at import, which is not about the pages.
for name in ("apache_beam", "absl"):
    logging.getLogger(name).setLevel(logging.WARNING)
sys.path.insert(0, str(Path(__file__).parents[1]))

from docs.generate import docstrings, fields  # noqa: E402
from lifelong.commands.quiet_start import load_tensorflow_quietly  # noqa: E402

load_tensorflow_quietly()

project = "lifelong"
author = "the authors of lifelong"
copyright = "the authors of lifelong, Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
# Files of the repository that are no pages (an example, a list of versions) can be downloaded.
exclude_patterns = ["generate"]

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# Which stand for more than fits into a line.
autodoc_type_aliases = {name: name for name in ("Values", "npt.ArrayLike", "ArrayLike", "CutLike")}
napoleon_numpy_docstring = False
napoleon_use_ivar = True
# What layers are called with, and what components write.
napoleon_custom_sections = [("Call", "params_style"), ("Outputs", "params_style")]
napoleon_use_rtype = False

html_theme = "furo"
html_title = "lifelong"
html_static_path = ["static"]
html_css_files = ["pages.css"]


def setup(app: Any) -> None:
    """Adds what is made when the pages are built."""
    docstrings.setup(app)
    fields.setup(app)
