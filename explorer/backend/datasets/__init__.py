"""Datasets to train on: folders, zips, lists and arrays of examples with their classes: read, checked and split in two."""
