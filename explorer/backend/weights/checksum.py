"""Whether a file is whole: by its published hash, its size, or what its format says of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from explorer.locale import _

CHUNK = 2**20


def nothing() -> None:
    """Do nothing: the default where nobody waits."""


def hash_of(path: Path, algorithm: str = "md5", tick: Callable[[], None] = nothing) -> str:
    """Return the hash of a file in hexadecimal, by MD5 or another algorithm of hashlib; `tick` is called every MB or so and may raise."""
    content = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            content.update(chunk)
            tick()
    return content.hexdigest()


def wrong_with(path: Path, published: str | None, size: int | None, tick: Callable[[], None] = nothing) -> str:
    """Return what is wrong with a file as a clause ("it is cut off after 5 of 9 bytes"), or an empty string.

    published: the hash it should have: MD5 or, where it is 64 digits long, SHA-256, as Keras publishes them.
    size: the bytes it should have; they only count without a hash. Without a hash an HDF5 file must also open.
    Raises OSError where it can't be read.
    """
    here = path.stat().st_size
    if published is not None and hash_of(path, "sha256" if len(published) == 64 else "md5", tick) == published:
        return ""
    if size is not None and here < size:
        return _("it is cut off after {here} of {size} bytes").format(here=here, size=size)
    if published is not None:
        return _("its hash is not the published one")
    if size is not None and here != size:
        return _("it has {here} bytes instead of {size}").format(here=here, size=size)
    if ".h5" in path.suffixes and not _opens(path):
        return _("it is no whole HDF5 file")
    return ""


def _opens(path: Path) -> bool:
    """Return whether it is an HDF5 file as long as it says itself: HDF5 checks that while it opens one."""
    import h5py  # takes a while: on first use

    try:
        with h5py.File(path, "r"):
            return True
    except OSError:
        return False
