"""Keras's own folder of settings and files, read without Keras."""

from __future__ import annotations

import json
import os
from pathlib import Path


def keras_home() -> Path:
    """Return the folder of Keras's settings and files: KERAS_HOME, else ~/.keras."""
    return Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser()


def setting(name: str, otherwise: str) -> str:
    """Return what keras.json says, or `otherwise` where it is missing, damaged or silent; Keras writes it when it is first imported."""
    try:
        return str(json.loads((keras_home() / "keras.json").read_bytes()).get(name, otherwise))
    except (OSError, ValueError, AttributeError, RuntimeError):
        return otherwise
