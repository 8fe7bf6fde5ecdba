"""The kinds of hostile input: for each a generator, and the reader that is fed."""

from dataclasses import dataclass
from typing import Any

import hostile_arrays
import hostile_models
import hostile_pictures
import hostile_sounds
import hostile_tables


@dataclass(frozen=True)
class Kind:
    """reader: a name in `readers.READERS`; generate: random.Random -> (name of the file, its bytes), one at a time."""

    reader: str
    generate: Any
    count: int = 60  # in the default suite


KINDS: dict[str, Kind] = {
    "models": Kind("model", hostile_models.whole, 50),
    "h5 models": Kind("model", hostile_models.old_whole, 50),
    "topologies": Kind("model", hostile_models.topology, 50),
    "weights": Kind("weights", hostile_models.weights, 50),
    "sounds": Kind("sound", hostile_sounds.sound, 80),
    "over_time": Kind("over time", hostile_sounds.sound, 25),
    "arrays": Kind("array", hostile_arrays.array),
    "pixels": Kind("picture", hostile_arrays.array),
    "tables": Kind("array", hostile_tables.table, 30),
    "evaluation": Kind("evaluation", hostile_arrays.vectors, 30),
    "training pairs": Kind("training pair", hostile_arrays.pixels, 30),
    "file lists": Kind("file list", hostile_tables.listed, 30),
    "class names": Kind("class names", hostile_tables.class_names, 30),
    "records": Kind("record", hostile_tables.record),
    "pictures": Kind("shown", hostile_pictures.picture, 60),
    "zips": Kind("training pair", hostile_pictures.pictures_in_zip, 30),
}
