"""The memory of networks: all of it is returned to the system when one is deleted, and garbage collection doesn't delay the page."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from explorer.backend.runtime.keras import tensorflow


@contextmanager
def while_building() -> Iterator[None]:
    """Build networks within this context. All their variables have one name for TensorFlow, which would leak 35 kB for each name."""

    def create_nameless(create: Any, **options: Any) -> Any:
        return create(**options | {"name": "variable/"})  # with the slash the names of the layers are not prepended

    with tensorflow.variable_creator_scope(create_nameless), brief_collections():
        yield


@contextmanager
def brief_collections() -> Iterator[None]:
    """Limit garbage collection to objects created within this context; with those of TensorFlow it blocks all threads for 0.2 s."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def give_back() -> None:
    """Free unreferenced objects, and return their memory to the system."""
    gc.collect()  # Keras models contain reference cycles
    return_freed()


def return_freed() -> None:
    """Return freed memory to the system if the C library can do that (glibc)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim:
        trim(0)
