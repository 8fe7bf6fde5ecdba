"""The requirements of the backend, checked before anything slow is imported."""

from __future__ import annotations

import importlib.util
import os

from explorer.catalog.keras_home import setting
from explorer.errors import BackendMissing
from explorer.locale import _


def check() -> None:
    """Raise BackendMissing, with one line, if TensorFlow is not installed or Keras is set to another backend."""
    chosen = os.environ.get("KERAS_BACKEND") or setting("backend", "tensorflow")
    if chosen != "tensorflow":
        raise BackendMissing(
            _("explorer runs Keras on TensorFlow; the backend {chosen!r} is not supported: set KERAS_BACKEND=tensorflow.").format(
                chosen=chosen
            )
        )
    if importlib.util.find_spec("tensorflow") is None:
        raise BackendMissing(
            _('TensorFlow is not installed: pip install "keras-explorer[cpu]", or "keras-explorer[gpu]" for an NVIDIA GPU.')
        )
