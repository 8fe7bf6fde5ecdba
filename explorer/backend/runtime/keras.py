"""Keras on TensorFlow, or one line that says what to install. Every room of the backend takes `keras` from here."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from explorer.backend.runtime import channels_first
from explorer.backend.runtime.requirements import check


@contextmanager
def _no_stderr() -> Iterator[None]:
    """Send what TensorFlow's C++ prints while it is imported nowhere; no setting keeps its note on oneDNN quiet."""
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Import without Python's collector: looking through what TensorFlow brings, over and over, is one second of four."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # what came counts as old now
        if enabled:
            gc.enable()


check()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on the processor are no news to a class
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a page and its training share the memory of a GPU
# Where TensorFlow uses oneDNN, a tenth faster with AVX-512, oneDNN's own allocator keeps all that it ever took, 2 GB after VGG16.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

with _no_stderr(), _no_collections():
    import keras
    import tensorflow

channels_first.enable(tensorflow)

__all__ = ["keras", "tensorflow"]
