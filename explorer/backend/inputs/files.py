"""Files: reads the files of examples of any kind, or refuses them with a sentence."""

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

NOT_FOUND = {errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG}  # no such file, and invalid paths


def unreadable(path: Path, error: OSError) -> UnreadableExample:
    """Return the exception for a file that the operating system doesn't let us read."""
    return UnreadableExample(_("{path} can't be read: {why}.").format(path=path, why=error.strerror or type(error).__name__))


def existing(path: Path) -> Path:
    """Return the path of an existing file. Raises UnreadableExample where there is none, or no permission."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:  # a ValueError for a path with a null character
        if isinstance(error, OSError) and error.errno not in NOT_FOUND:
            raise unreadable(path, error) from error
        raise UnreadableExample(_("There is no file {path}.").format(path=path)) from error
    if not stat.S_ISREG(mode):
        raise UnreadableExample(_("{path} is not a file.").format(path=path))
    return path


def read_bytes(path: Path) -> bytes:
    """Return the content of a file. Raises UnreadableExample where it doesn't exist, or is larger than 200 MB."""
    try:
        if existing(path).stat().st_size > LARGEST:
            raise _too_large(path.name)
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def bytes_from(stream: Any) -> bytes:
    """Return the remaining bytes of a file object, 200 MB at most.

    Raises UnreadableExample where there are more, and where it can't be read, as when it is closed or in text mode.
    """
    name, remaining, chunks = _("The file object"), LARGEST, list[bytes]()
    with refusing(UnreadableExample, _("{name} can't be read: {why}. Open it again in binary mode ('rb')."), name):
        while (chunk := stream.read(remaining + 1)) != b"":
            if not isinstance(chunk, bytes):
                raise UnreadableExample(_("The file object must be opened in binary mode ('rb')."))
            chunks.append(chunk)
            remaining -= len(chunk)
            if remaining < 0:
                raise _too_large(name)
    return b"".join(chunks)


def bytes_of(file: FileOnDisk, name: str) -> bytes:
    """Return the content of a file that was chosen before; name: its name in messages.

    Raises UnreadableExample as `read_bytes` does, and where the file has changed since.
    """
    path = Path(file.path)
    if stamp_of(existing(path)) != file.stamp:
        raise UnreadableExample(_("{name} has changed since it was chosen; choose it again.").format(name=name))
    return read_bytes(path)


def warn_of(sentences: Iterable[str]) -> None:
    """Issue an ExampleWarning for each sentence about a defect of an example, or an assumption about it."""
    for sentence in sentences:
        warnings.warn(sentence, ExampleWarning, stacklevel=3)


def _too_large(name: str) -> UnreadableExample:
    return UnreadableExample(_("{name} is larger than 200 MB; save a smaller copy.").format(name=name))
