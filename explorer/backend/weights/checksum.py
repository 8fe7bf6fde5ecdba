"""The checks that a file is complete: by its published hash, its size, or its format."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from explorer.locale import _

CHUNK = 2**20


def nothing() -> None:
    """Do nothing: the default for `tick`."""


def hash_of(path: Path, algorithm: str = "md5", tick: Callable[[], None] = nothing) -> str:
    """Return the hash of a file in hexadecimal, by MD5 or another algorithm of hashlib; `tick` is called every MB, and may raise."""
    content = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            content.update(chunk)
            tick()
    return content.hexdigest()


def find_damage(path: Path, published: str | None, size: int | None, tick: Callable[[], None] = nothing) -> str:
    """Return what is wrong with a file as a clause ("it is cut off after 5 of 9 bytes"); "" if it is complete.

    published: the expected hash: MD5 or, if it is 64 digits long, SHA-256, as Keras publishes them.
    size: the expected size in bytes; it decides only without a hash. Without a hash an HDF5 file must also open.
    Raises OSError if it can't be read.
    """
    actual_size = path.stat().st_size
    if published is not None and hash_of(path, "sha256" if len(published) == 64 else "md5", tick) == published:
        return ""
    if size is not None and actual_size < size:
        return _("it is cut off after {here} of {size} bytes").format(here=actual_size, size=size)
    if published is not None:
        return _("its hash is not the published one")
    if size is not None and actual_size != size:
        return _("it has {here} bytes instead of {size}").format(here=actual_size, size=size)
    if ".h5" in path.suffixes and not _is_hdf5(path):
        return _("it is not a complete HDF5 file")
    return ""


def _is_hdf5(path: Path) -> bool:
    """Return whether a file is a complete HDF5 file: HDF5 compares the size with that in the header when it opens one."""
    import h5py  # the import is slow

    try:
        with h5py.File(path, "r"):
            return True
    except OSError:
        return False
