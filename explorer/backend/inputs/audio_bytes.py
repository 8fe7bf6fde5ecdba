"""The bytes of a sound file, which of them libsndfile is shown, and the samples that it makes of them."""

from __future__ import annotations

from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


class Run(NamedTuple):
    """A stretch of a sound that can be decoded on its own: frames `first` to `last`.

    begin, end: the bytes of the file that hold it, counted from behind its tags.
    head: what libsndfile is shown before them.
    skipped: frames that come out of them before `first`, and are not right yet.
    """

    first: int
    last: int
    begin: int
    end: int
    head: bytes = b""
    skipped: int = 0


class Bytes:
    """Bytes that are read from any place on: `head`, and those of a file from `begin` to `end`."""

    def __init__(self, file: BinaryIO, begin: int, end: int, head: bytes = b"") -> None:
        self.file, self.begin, self.head = file, begin, head
        self.size = len(head) + max(0, end - begin)

    def read_at(self, place: int, count: int) -> bytes:
        """Return bytes from `place` on, fewer only at the end."""
        count = max(0, min(count, self.size - place))
        first = self.head[place : place + count]
        if len(first) == count:
            return first
        self.file.seek(self.begin + place + len(first) - len(self.head))
        return first + self.file.read(count - len(first))
