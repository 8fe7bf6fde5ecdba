"""The import of Keras on TensorFlow, or an error that says what to install. All of the backend imports `keras` from here."""

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
    """Discard what TensorFlow's C++ code prints on import; no setting silences its message about oneDNN."""
    try:
        stderr = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)


@contextmanager
def _no_collections() -> Iterator[None]:
    """Import without garbage collection: scanning TensorFlow's objects again and again would take one second of four."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()  # the imported objects are now in the oldest generation
        if enabled:
            gc.enable()


check()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # hides TensorFlow's messages about the processor
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # a page and its training share the memory of a GPU
# If TensorFlow uses oneDNN (a tenth faster with AVX-512), oneDNN's own allocator never frees memory: 2 GB after VGG16.
os.environ.setdefault("TF_ONEDNN_USE_SYSTEM_ALLOCATOR", "1")

with _no_stderr(), _no_collections():
    import keras
    import tensorflow

channels_first.enable(tensorflow)

__all__ = ["keras", "tensorflow"]
