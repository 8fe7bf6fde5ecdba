"""Audio bytes: ranges of a sound file's bytes, and which of them libsndfile decodes into which samples."""

from __future__ import annotations

from typing import Any, BinaryIO, NamedTuple, TypeAlias

import numpy as np

Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


class Run(NamedTuple):
    """A part of a sound that can be decoded on its own: frames `first` to `last`.

    begin, end: its bytes in the file, counted from the end of the leading tags.
    head: bytes that are put before them for libsndfile.
    skipped: decoded frames before `first`, which are not correct yet.
    """

    first: int
    last: int
    begin: int
    end: int
    head: bytes = b""
    skipped: int = 0


class Bytes:
    """Bytes with random access: `head`, followed by those of a file from `begin` to `end`."""

    def __init__(self, file: BinaryIO, begin: int, end: int, head: bytes = b"") -> None:
        self.file, self.begin, self.head = file, begin, head
        self.size = len(head) + max(0, end - begin)

    def read_at(self, offset: int, count: int) -> bytes:
        """Return `count` bytes from `offset` on, fewer only at the end."""
        count = max(0, min(count, self.size - offset))
        first = self.head[offset : offset + count]
        if len(first) == count:
            return first
        self.file.seek(self.begin + offset + len(first) - len(self.head))
        return first + self.file.read(count - len(first))
