"""Data to train on: folders, zips, lists and arrays of examples with their classes, read, checked and split in two."""

from explorer.backend.data.datasets import training_data
from explorer.backend.data.sources import data_spec
from explorer.backend.data.summaries import summary
from explorer.backend.data.zips import unpacked

__all__ = ["data_spec", "summary", "training_data", "unpacked"]
