"""Keras on TensorFlow, or one line that says what to install. Every room of the backend takes `keras` from here."""

from __future__ import annotations

import os

from explorer.backend.requirements import check

check()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's notes on the processor are no news to a class

import keras  # noqa: E402  # only after the check
import tensorflow  # noqa: E402

__all__ = ["keras", "tensorflow"]
