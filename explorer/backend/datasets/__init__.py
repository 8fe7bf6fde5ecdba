"""Data to train on: folders, zips, lists and arrays of examples with their classes, read, checked and split in two."""

from explorer.backend.datasets.loader import training_data
from explorer.backend.datasets.specs import data_spec
from explorer.backend.datasets.summary import summary
from explorer.backend.datasets.zip_archives import unpacked

__all__ = ["data_spec", "summary", "training_data", "unpacked"]
