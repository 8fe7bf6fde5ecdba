"""EfficientNetB0 to B7 with their published weights, which go with one layer more than Keras builds without them."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from explorer.backend.runtime import keras


def build(name: str, file: Path, **options: Any) -> Any:
    """Return the network as Keras builds it with weights="imagenet", its weights read from a file.

    Keras then scales what its Normalization answers by 1 / sqrt(standard deviation), as the authors' code did, and only then.
    It would look for the file itself, in one place; so it is told where it is. Not to be called by two threads at once.
    """
    home = keras.src.applications.efficientnet
    files = home.file_utils
    home.file_utils = SimpleNamespace(get_file=lambda *_wanted, **_options: str(file), exists=os.path.exists)
    try:
        return getattr(home, name)(weights="imagenet", **options)
    finally:
        home.file_utils = files
