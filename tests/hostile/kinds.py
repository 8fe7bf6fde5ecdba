"""The kinds of hostile input: for each a generator, and the reader that is fed."""

from dataclasses import dataclass
from typing import Any

import hostile_models
import hostile_sounds


@dataclass(frozen=True)
class Kind:
    """reader: a name in `readers.READERS`; generate: random.Random -> (name of the file, its bytes), one at a time."""

    reader: str
    generate: Any
    count: int = 60  # in the default suite


KINDS: dict[str, Kind] = {
    "models": Kind("model", hostile_models.whole, 16),
    "h5 models": Kind("model", hostile_models.old_whole, 16),
    "topologies": Kind("model", hostile_models.topology, 16),
    "weights": Kind("weights", hostile_models.weights, 16),
    "sounds": Kind("sound", hostile_sounds.sound, 150),
    "over_time": Kind("over time", hostile_sounds.sound, 40),
}
