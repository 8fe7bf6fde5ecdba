"""The table of architectures: facts about each, no Keras.

`architecture` says what a row holds, `guides` and `beyond` hold the rows, `files` the files of weights.
"""

from explorer.catalog.architecture import BUNDLED, DIGITS, PHOTOGRAPHS, Architecture, Catalog, Paper, WeightsFile
from explorer.catalog.beyond import ROWS as _BEYOND
from explorer.catalog.guides import ROWS as _GUIDES
from explorer.catalog.sounds import SPECTROGRAMS

__all__ = ["BUNDLED", "DIGITS", "PHOTOGRAPHS", "SPECTROGRAMS", "Architecture", "Catalog", "Paper", "WeightsFile", "architectures"]

architectures = Catalog((*_GUIDES, *_BEYOND))
