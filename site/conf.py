"""Sphinx' settings. The sources are put together by `python -m tools.site`, beside this file."""

from __future__ import annotations

import re

project = "mnistlab"
author = "the mnistlab authors"
copyright = "the mnistlab authors, MIT licence"
highlight_language = "text"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
templates_path: list[str] = []
exclude_patterns = ["src"]
html_theme = "furo"
html_title = "mnistlab"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/icon.svg"
html_copy_source = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"},
    "dark_css_variables": {"color-brand-primary": "#56b4e9", "color-brand-content": "#56b4e9"},
}

# Pages and docstrings are Markdown, as GitHub and `help()` show them.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
default_role = "code"
nb_execution_mode = "off"  # executed by `make tutorials`, outputs stored
nb_merge_streams = True
nb_execution_show_tb = True

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
toc_object_entries = False


MARKED = re.compile(r"([-*] |\d+\. |>>>|::|\.\. )")
"""How a paragraph begins that Sphinx knows: a list, a doctest, a directive."""


WRITTEN: dict[str, list[str]] = {}
"""Docstrings of constants and attributes, before napoleon takes a colon in them for a type."""


def _keep(app, what, name, obj, options, lines):  # type: ignore[no-untyped-def]
    if what in ("attribute", "data"):
        WRITTEN[name] = list(lines)


def _as_rst(app, what, name, obj, options, lines):  # type: ignore[no-untyped-def]
    """Bring to reStructuredText what a docstring has of Markdown, and a module's aligned lines."""
    lines[:] = WRITTEN.pop(name, lines)
    text = re.sub(r"^```\w*\n(.*?)\n```$", _literal, "\n".join(lines), flags=re.M | re.S)
    parts = [text] if "::\n\n" in text else text.split("\n\n")
    if what == "module":
        parts = [_aligned(part) for part in parts]
    pieces = re.split("(`[^`]*`)", "\n\n".join(parts))
    lines[:] = "".join(p if p[:1] == "`" else p.replace("|", "\\|") for p in pieces).split("\n")


def _literal(found):  # type: ignore[no-untyped-def]
    return "::\n\n" + re.sub("^", "    ", found[1], flags=re.M) + "\n"


def _aligned(part: str) -> str:
    """Keep a paragraph as it is typed if one of its lines is indented."""
    if MARKED.match(part.strip()) or not re.search("^ +", part, flags=re.M):
        return part
    return "::\n\n" + re.sub("^", "    ", part, flags=re.M)


def setup(app):  # type: ignore[no-untyped-def]
    """Connect what is above."""
    app.connect("autodoc-process-docstring", _keep, priority=1)
    app.connect("autodoc-process-docstring", _as_rst)
