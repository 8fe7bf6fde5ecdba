"""Files of examples, whatever they hold: there and read whole, or refused in a sentence."""

from __future__ import annotations

import errno
import stat
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from explorer.backend.runtime.refusals import refusing
from explorer.catalog.options import stamp_of
from explorer.errors import ExampleWarning, UnreadableExample
from explorer.locale import _
from explorer.values import LARGEST, FileOnDisk

NOWHERE = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}  # no such file, and what is no path


def unread(path: Path, error: OSError) -> UnreadableExample:
    """Return what to raise where the system doesn't let a file be read."""
    return UnreadableExample(_("{path} can't be read: {why}.").format(path=path, why=error.strerror or type(error).__name__))


def existing(path: Path) -> Path:
    """Return the path of a file. Raises UnreadableExample where there is none, or nobody may look."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # a ValueError where the text holds a zero
        if isinstance(error, OSError) and error.errno not in NOWHERE:
            raise unread(path, error) from error
        raise UnreadableExample(_("There is no file {path}.").format(path=path)) from error
    if not stat.S_ISREG(mode):
        raise UnreadableExample(_("{path} is not a file.").format(path=path))
    return path


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raises UnreadableExample where there is none, or it is larger than 200 MB."""
    try:
        if existing(path).stat().st_size > LARGEST:
            raise _too_large(path.name)
        return path.read_bytes()
    except OSError as error:
        raise unread(path, error) from error


def bytes_from(stream: Any) -> bytes:
    """Return what is left in a file object, 200 MB at most.

    Raises UnreadableExample where there is more, and where it can't be read, such as one that is closed, or holds text.
    """
    name, room, pieces = _("The file object"), LARGEST, list[bytes]()
    with refusing(UnreadableExample, _("{name} can't be read: {why}. Open it anew in binary mode ('rb')."), name):
        while (piece := stream.read(room + 1)) != b"":
            if not isinstance(piece, bytes):
                raise UnreadableExample(_("The file object must be opened in binary mode ('rb')."))
            pieces.append(piece)
            room -= len(piece)
            if room < 0:
                raise _too_large(name)
    return b"".join(pieces)


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


def _too_large(name: str) -> UnreadableExample:
    return UnreadableExample(_("{name} is larger than 200 MB; save a smaller copy.").format(name=name))
