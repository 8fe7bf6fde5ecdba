"""What the backend needs to run, told before anything heavy is imported."""

from __future__ import annotations

import importlib.util
import json
import os

from explorer.backend.weights import keras_home
from explorer.errors import BackendMissing
from explorer.locale import _


def check() -> None:
    """Raise BackendMissing, in one line, where TensorFlow is missing or Keras is set to another backend."""
    chosen = os.environ.get("KERAS_BACKEND") or _configured_backend()
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


def _configured_backend() -> str:
    """Return the backend that keras.json names; Keras writes that file itself when it is first imported."""
    try:
        return str(json.loads((keras_home() / "keras.json").read_text()).get("backend", "tensorflow"))
    except (OSError, ValueError, AttributeError):
        return "tensorflow"
