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
    count: int = 24  # in the suite; `make fuzz` goes on for as long as it may


KINDS: dict[str, Kind] = {
    "models": Kind("model", hostile_models.whole),
    "h5 models": Kind("model", hostile_models.old_whole),
    "topologies": Kind("model", hostile_models.topology),
    "weights": Kind("weights", hostile_models.weights),
    "sounds": Kind("sound", hostile_sounds.sound, 40),
    "over_time": Kind("over time", hostile_sounds.sound, 8),
    "arrays": Kind("array", hostile_arrays.array, 40),
    "pixels": Kind("picture", hostile_arrays.array),
    "tables": Kind("array", hostile_tables.table),
    "evaluation": Kind("evaluation", hostile_arrays.vectors),
    "training pairs": Kind("training pair", hostile_arrays.pixels),
    "file lists": Kind("file list", hostile_tables.listed),
    "class names": Kind("class names", hostile_tables.class_names),
    "records": Kind("record", hostile_tables.record, 40),
    "pictures": Kind("shown", hostile_pictures.picture, 40),
    "zips": Kind("training pair", hostile_pictures.pictures_in_zip),
}
