"""Files of examples, whatever they hold: there and read whole, or refused in a sentence."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from explorer.errors import ExampleWarning, UnreadableExample
from explorer.locale import _
from explorer.options import stamp_of
from explorer.values import LARGEST, FileOnDisk


def existing(path: Path) -> Path:
    """Return the path of a file. Raises UnreadableExample where there is none."""
    try:
        there = path.exists()
    except OSError:  # a text that is too long to be a path
        there = False
    if not there:
        raise UnreadableExample(_("There is no file {path}.").format(path=path))
    if not path.is_file():
        raise UnreadableExample(_("{path} is not a file.").format(path=path))
    return path


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raises UnreadableExample where there is none, or it is larger than 200 MB."""
    if existing(path).stat().st_size > LARGEST:
        raise UnreadableExample(_("{name} is larger than 200 MB; save a smaller copy.").format(name=path.name))
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableExample(_("{path} can't be read: {why}.").format(path=path, why=error.strerror)) from error


def bytes_from(stream: Any) -> bytes:
    """Return what is left in a file object. Raises UnreadableExample where it can't be read, such as one that is closed, or holds text."""
    try:
        data = stream.read()
    except Exception as error:  # whatever a user's own object raises
        raise UnreadableExample(_("The file object can't be read: {why}.").format(why=error)) from error
    if not isinstance(data, bytes):
        raise UnreadableExample(_("The file object must be opened in binary mode ('rb')."))
    return data


def bytes_of(file: FileOnDisk, name: str) -> bytes:
    """Return the content of a file that was chosen before; `name` is what to call it.

    Raises UnreadableExample as `read_bytes` does, and where the file has changed since.
    """
    path = Path(file.path)
    if stamp_of(existing(path)) != file.stamp:
        raise UnreadableExample(_("{name} has changed since it was chosen; choose it again.").format(name=name))
    return read_bytes(path)


def warn_of(sentences: Iterable[str]) -> None:
    """Warn (ExampleWarning) of what is wrong with an example, or had to be assumed of it."""
    for one in sentences:
        warnings.warn(one, ExampleWarning, stacklevel=3)
