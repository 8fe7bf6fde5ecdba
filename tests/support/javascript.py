"""The JavaScript that a view's bundle is made of."""

import inspect
import re
from pathlib import Path

IMPORT = re.compile(r'^import .* from "(\.[^"]*)";$', re.MULTILINE)


def sources(view):
    """Return the files of a view's own JavaScript and of all that it imports."""
    files, waiting = set(), [Path(inspect.getfile(view)).with_suffix(".js")]
    while waiting:
        file = waiting.pop()
        if file not in files:
            files.add(file)
            waiting += [(file.parent / name).resolve() for name in IMPORT.findall(file.read_text(encoding="utf-8"))]
    return files


def code(view):
    """Return the JavaScript of a view and of what it imports, without its comments."""
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted(sources(view)))
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
