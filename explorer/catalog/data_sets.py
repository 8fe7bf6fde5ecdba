"""The data sets that come with explorer: what their examples are, and how many there are where nobody says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class DataSet:
    """kind: of its examples, "image" or "audio"; count: how many there are where nobody says."""

    kind: str
    count: int


DATA_SETS: Mapping[str, DataSet] = {
    "digits": DataSet("image", 1797),
    "patterns": DataSet("image", 400),
    "timbres": DataSet("audio", 240),
}
