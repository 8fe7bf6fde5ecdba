"""EfficientNetB0 to B7 with their published weights, which go with one layer more than Keras builds without them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.backend.runtime.keras_private import efficientnets_that_find


def build(name: str, file: Path, **options: Any) -> Any:
    """Return the network as Keras builds it with weights="imagenet", its weights read from a file.

    Keras then scales what its Normalization answers by 1 / sqrt(standard deviation), as the authors' code did, and only then.
    It would look for the file itself, in one place; so it is told where it is. Not to be called by two threads at once.
    """
    with efficientnets_that_find(file) as builders:
        return getattr(builders, name)(weights="imagenet", **options)
