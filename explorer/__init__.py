"""explorer: look inside pretrained networks in a notebook, a browser or a shell.

Everything is imported on first use, so that `import explorer` costs nothing: Keras and TensorFlow are
loaded when the first network is.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.backend.network import Network
    from explorer.catalog import architectures
    from explorer.dashboards import Explorer
    from explorer.errors import ExplorerError
    from explorer.session import Session
    from explorer.values import Answers, Example, FeatureMaps, Layer, NetworkSpec, Prediction
    from explorer.widgets.answers import AnswersView
    from explorer.widgets.feature_maps import FeatureMapsView
    from explorer.widgets.input import InputView
    from explorer.widgets.layer_strip import LayerStrip
    from explorer.widgets.picker import ArchitecturePicker
    from explorer.widgets.status import StatusView

__version__ = "0.1.0"

_HOMES = {
    "Network": "backend.network",
    "architectures": "catalog",
    "Explorer": "dashboards",
    "ExplorerError": "errors",
    "Session": "session",
    "Answers": "values",
    "Example": "values",
    "FeatureMaps": "values",
    "Layer": "values",
    "NetworkSpec": "values",
    "Prediction": "values",
    "AnswersView": "widgets.answers",
    "FeatureMapsView": "widgets.feature_maps",
    "InputView": "widgets.input",
    "LayerStrip": "widgets.layer_strip",
    "ArchitecturePicker": "widgets.picker",
    "StatusView": "widgets.status",
}

__all__ = [
    "load",
    "Network",
    "architectures",
    "Explorer",
    "ExplorerError",
    "Session",
    "Answers",
    "Example",
    "FeatureMaps",
    "Layer",
    "NetworkSpec",
    "Prediction",
    "AnswersView",
    "FeatureMapsView",
    "InputView",
    "LayerStrip",
    "ArchitecturePicker",
    "StatusView",
]


def load(
    architecture: str,
    weights: str | None = "pretrained",
    include_top: bool = True,
    alpha: float = 1.0,
    activation_memory: int = 256 * 2**20,
) -> Network:
    """Build a network of `explorer.architectures` and return it, live.

    weights: "pretrained" for the architecture's own set ("imagenet", for `digits` "digits"), that set's
        name, or None for random initial weights. Weights that are not on this machine are downloaded
        by Keras into its cache (KERAS_HOME, else ~/.keras).
    include_top: keep the classification head.
    alpha: width multiplier of MobileNet and MobileNetV2.
    activation_memory: bytes of activations that the network may remember.
    Raises UnknownName, WeightsUnavailable, BackendMissing, or ExplorerError for options that don't fit.
    """
    from explorer.catalog import spec

    wanted = spec(architecture, weights, include_top, alpha)
    from explorer.backend.network import build

    return build(wanted, activation_memory)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")
    return getattr(import_module(f"explorer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
