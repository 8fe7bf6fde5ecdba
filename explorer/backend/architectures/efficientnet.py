"""EfficientNetB0 to B7 with their published weights, for which Keras builds one more layer than without weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from explorer.backend.runtime.keras_private import efficientnets_with_weights


def build(name: str, file: Path, **options: Any) -> Any:
    """Return the network as Keras builds it with weights="imagenet", with weights read from a file.

    Only then does Keras scale the output of its Normalization by 1 / sqrt(standard deviation), as the authors' code did.
    Keras would search for the file in its cache only, so its search is replaced. Must not be called by two threads at once.
    """
    with efficientnets_with_weights(file) as builders:
        return getattr(builders, name)(weights="imagenet", **options)
