"""How Sphinx builds these pages: `make docs`."""

import re
from typing import Any

import explorer

project = "explorer"
copyright = "the explorer developers"  # noqa: A001  # Sphinx's name for it
version = release = explorer.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
source_suffix = {".md": "markdown"}
default_role = "code"  # a name between single backticks in a docstring
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_class_signature = "mixed"
html_theme = "furo"
html_title = "explorer"
html_show_sourcelink = False
myst_heading_anchors = 3
# what lies beside docs/ is linked as it is in the repository
suppress_warnings = ["myst.xref_missing"]

FIELD = re.compile(r"([a-z_]\w*(?:, [a-z_]\w*)*): (.*)|(Returns|Raises) (.*)")


def with_fields(_app: Any, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """Write what a docstring tells of an argument, `name: text`, and of what comes back or is raised, as a field of its own."""
    told: list[str] = []
    for line in lines:
        field = FIELD.fullmatch(line)
        last = told[-1] if told else ""
        if field and last and not last.startswith((":", " ")):
            told.append("")
        if not field and line and not line.startswith(" ") and last.startswith((":", " ")):
            told.append("")
        told.append(f":{field[1] or field[3]}: {field[2] or field[4]}" if field else line)
    lines[:] = told


def setup(app: Any) -> None:
    """Let Sphinx call what this file defines."""
    app.connect("autodoc-process-docstring", with_fields)
