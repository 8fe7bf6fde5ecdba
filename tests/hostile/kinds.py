"""The kinds of hostile input: for each a generator, and the reader that is fed."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """reader: a name in `readers.READERS`; generate: random.Random -> (name of the file, its bytes), one at a time."""

    reader: str
    generate: Any
    count: int = 60  # in the default suite


KINDS: dict[str, Kind] = {}
