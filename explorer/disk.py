"""The disk: files that are there as a whole or not at all, and in words why one can't be written."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from explorer.locale import _

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PART = ".part-"  # how the name of a file begins that is not whole yet
TAIL = 24  # characters of the name that it keeps: its ending says what it is, and whole names may be as long as names can be


@contextmanager
def writing(path: str | os.PathLike[str], lasting: bool = True, room: int = 0, before: Path | None = None) -> Iterator[Path]:
    """Give a path beside `path` to write to, which takes its place in the end if nothing was raised.

    Else what was there before is left. A link stays one: what it leads to is written. A device or a pipe is written to as it is.
    lasting: whether to wait until it lies on the disk, or a power cut could leave the name on half of it.
    room: bytes that must be free before anything is written.
    before: where to keep what was there, from when on the new one is whole.
    Raises OSError.
    """
    place = Path(os.path.realpath(path))
    if place.exists() and not place.is_file():  # a device or a pipe is no file that another could take the place of
        yield place
        return
    if room and shutil.disk_usage(place.parent).free < room:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    part = place.with_name(f"{PART}{secrets.token_hex(4)}-{place.name[-TAIL:]}")
    try:
        yield part
        put(part, place, lasting, before)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def put(part: Path, place: Path, lasting: bool = True, before: Path | None = None) -> None:
    """Let a file that is whole take the place of another, or be there for the first time; the arguments are those of `writing`."""
    if lasting:
        settle(part)
    if before and place.exists():
        os.replace(place, before)
    os.replace(part, place)


def write(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a file so that it is there as a whole or not at all; a text in UTF-8. Raises OSError, and what was there before is left."""
    with writing(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def settle(path: Path) -> None:
    """Wait until a file that was written lies on the disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def why_not(error: OSError) -> str:
    """Return why something can't be written or read, as the end of a sentence."""
    if error.errno == errno.EDQUOT:
        return _("the disk quota is used up")
    if error.errno == errno.EFBIG:
        return _("files may not be that large here")
    if error.errno in FULL:
        return _("the disk is full")
    if error.errno == errno.EROFS:
        return _("the disk is read-only")
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


def blamed(error: BaseException | None) -> OSError | None:
    """Return the error of a disk that can't be written behind another error, which h5py and Keras wrap; None where it is none."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        if isinstance(error, OSError) and error.errno in {*FULL, errno.EROFS}:
            return error
        seen.append(error)
        error = error.__cause__ or error.__context__
    return None
