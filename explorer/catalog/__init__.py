"""The table of architectures: facts about each, no Keras.

`architecture` says what a row holds, `guides` and `beyond` hold the rows, `files` the files of weights, `backbones` by which layers
models built on them are known.
"""

from explorer.catalog.architecture import BUNDLED, DIGITS, PHOTOGRAPHS, SOUNDS, Architecture, Catalog, Paper, WeightsFile
from explorer.catalog.backbones import BACKBONES, Backbone
from explorer.catalog.beyond import ROWS as _BEYOND
from explorer.catalog.data_sets import DATA_SETS
from explorer.catalog.guides import ROWS as _GUIDES
from explorer.catalog.sounds import SPECTROGRAMS, TAGS, TIMBRES

__all__ = [
    "BACKBONES",
    "BUNDLED",
    "DATA_SETS",
    "DIGITS",
    "PHOTOGRAPHS",
    "SOUNDS",
    "SPECTROGRAMS",
    "TAGS",
    "TIMBRES",
    "Architecture",
    "Backbone",
    "Catalog",
    "Paper",
    "WeightsFile",
    "architectures",
]

architectures = Catalog((*_GUIDES, *_BEYOND))
