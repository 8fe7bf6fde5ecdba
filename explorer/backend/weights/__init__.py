"""Weights: found, downloaded, checked and kept in the cache of Keras."""
