"""explorer: look inside pretrained networks in a notebook, a browser or a shell.

Everything is imported on first use, so that `import explorer` costs nothing: Keras and TensorFlow are
loaded when the first network is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Any

from explorer.worker import providers

if TYPE_CHECKING:
    from explorer.backend.fine_tuning.fine_tune import fine_tune
    from explorer.backend.fine_tuning.trainer import Run
    from explorer.backend.network import Network
    from explorer.catalog import architectures
    from explorer.dashboards.pages import Explorer, FineTuner
    from explorer.errors import AssumptionWarning, ExplorerError
    from explorer.state.session import Session
    from explorer.values import (
        Augmentation,
        Epoch,
        Example,
        FeatureMaps,
        FreezePlan,
        Head,
        Layer,
        NetworkSpec,
        Phase,
        Prediction,
        Predictions,
        TrainingStep,
    )
    from explorer.widgets.audio.audio import AudioView
    from explorer.widgets.audio.over_time import OverTimeView
    from explorer.widgets.explore.accuracy_chart import AccuracyChart
    from explorer.widgets.explore.architecture_picker import ArchitecturePicker
    from explorer.widgets.explore.feature_maps import FeatureMapsView
    from explorer.widgets.explore.input import InputView
    from explorer.widgets.explore.layer_strip import LayerStrip
    from explorer.widgets.explore.model_tools import ModelToolsView
    from explorer.widgets.explore.network_options import NetworkOptionsView
    from explorer.widgets.explore.predictions import PredictionsView
    from explorer.widgets.explore.status import StatusView
    from explorer.widgets.fine_tuning.before_after import BeforeAfterView
    from explorer.widgets.fine_tuning.dataset import DatasetView
    from explorer.widgets.fine_tuning.freeze_plan import FreezePlanView
    from explorer.widgets.fine_tuning.recipe import RecipeView
    from explorer.widgets.fine_tuning.results import ResultsView
    from explorer.widgets.fine_tuning.runs import RunsView
    from explorer.widgets.fine_tuning.training import TrainingView
    from explorer.worker.backend import Backend, RunStore

__version__ = "0.1.0"

_HOMES = {
    "Network": "backend.network",
    "fine_tune": "backend.fine_tuning.fine_tune",
    "Run": "backend.fine_tuning.trainer",
    "architectures": "catalog",
    "Explorer": "dashboards.pages",
    "FineTuner": "dashboards.pages",
    "AssumptionWarning": "errors",
    "ExplorerError": "errors",
    "Session": "state.session",
    "Predictions": "values",
    "Augmentation": "values",
    "Epoch": "values",
    "Example": "values",
    "FeatureMaps": "values",
    "FreezePlan": "values",
    "Head": "values",
    "Layer": "values",
    "NetworkSpec": "values",
    "Phase": "values",
    "Prediction": "values",
    "TrainingStep": "values",
    "AccuracyChart": "widgets.explore.accuracy_chart",
    "PredictionsView": "widgets.explore.predictions",
    "FeatureMapsView": "widgets.explore.feature_maps",
    "InputView": "widgets.explore.input",
    "LayerStrip": "widgets.explore.layer_strip",
    "ModelToolsView": "widgets.explore.model_tools",
    "NetworkOptionsView": "widgets.explore.network_options",
    "OverTimeView": "widgets.audio.over_time",
    "ArchitecturePicker": "widgets.explore.architecture_picker",
    "AudioView": "widgets.audio.audio",
    "BeforeAfterView": "widgets.fine_tuning.before_after",
    "FreezePlanView": "widgets.fine_tuning.freeze_plan",
    "ResultsView": "widgets.fine_tuning.results",
    "RecipeView": "widgets.fine_tuning.recipe",
    "RunsView": "widgets.fine_tuning.runs",
    "DatasetView": "widgets.fine_tuning.dataset",
    "TrainingView": "widgets.fine_tuning.training",
    "StatusView": "widgets.explore.status",
}

__all__ = [
    "load",
    "fine_tune",
    "Network",
    "Run",
    "architectures",
    "Explorer",
    "FineTuner",
    "ExplorerError",
    "AssumptionWarning",
    "Session",
    "Predictions",
    "Augmentation",
    "Epoch",
    "Example",
    "FeatureMaps",
    "FreezePlan",
    "Head",
    "Layer",
    "NetworkSpec",
    "Phase",
    "Prediction",
    "TrainingStep",
    "AccuracyChart",
    "PredictionsView",
    "FeatureMapsView",
    "InputView",
    "LayerStrip",
    "ModelToolsView",
    "NetworkOptionsView",
    "OverTimeView",
    "ArchitecturePicker",
    "AudioView",
    "BeforeAfterView",
    "FreezePlanView",
    "ResultsView",
    "RecipeView",
    "RunsView",
    "DatasetView",
    "TrainingView",
    "StatusView",
]


def load(
    source: Any,
    *,
    include_top: bool = True,
    weights: Any = "pretrained",
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float | None = None,
    data_format: str | None = None,
    preprocess: Any = None,
    labels: Iterable[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
    activation_memory: int = 256 * 2**20,
    **others: Any,
) -> Network:
    """Build a network and return it, live.

    source: a name in `explorer.architectures`; the path of a model's file (.keras, .h5, .json, .yaml); or
        a Keras model that you built yourself, which is used as it is.

    For an architecture, as the Keras Applications guides give them (keras.io/api/applications):

    include_top: keep the classification head.
    weights: "pretrained" for the architecture's own set ("imagenet", for `digits` "digits"), that set's
        name, None for random initial weights, or the path of a file of weights (.weights.h5, .h5, .keras).
        Weights that are not on this machine are downloaded into Keras's cache (KERAS_HOME, else ~/.keras).
    input_tensor: a Keras tensor to build on: a `keras.Input`, or the output of another model or layer.
    input_shape: such as (160, 160, 3), in the order of `data_format`; with a pretrained top only the sizes
        that it was trained for, without a top also None for open sides.
    pooling: without a top, "avg" or "max" for a vector instead of maps, None for the maps.
    classes: with random weights, how many classes the top has.
    alpha: width multiplier of MobileNet, MobileNetV2 and MobileNetV3.
    depth_multiplier: of MobileNet's depthwise convolutions.
    dropout: of MobileNet's top, 0 or more and below 1.
    data_format: "channels_last" or "channels_first"; None for what keras.json says, where Keras can build it so.

    For a model of your own:

    preprocess: how pixels are prepared: "tf" (to -1..1), "caffe" (BGR, less the ImageNet mean), "torch"
        (to 0..1, less the ImageNet mean, over its standard deviation), "unit" (to 0..1), "none" (0..255), or
        a function of float32 in 0 to 255, shaped as the model reads it: (n, height, width, channels). By
        default what the file says, else a guess that `net.input_spec.assumed` states and an AssumptionWarning
        tells; to give what it names, such as preprocess="tf", confirms the guess and silences the warning.
    labels: the names of the classes; also for an architecture with weights of your own.
    custom_objects: name -> class or function, for a file that refers to code of your own.

    activation_memory: bytes of activations that the network may remember.
    Raises UnknownName, WeightsUnavailable, UnreadableModel, BackendMissing, or ExplorerError for options that don't fit.
    """
    options = {
        "include_top": include_top,
        "weights": weights,
        "input_shape": input_shape,
        "pooling": pooling,
        "classes": classes,
        "alpha": alpha,
        "depth_multiplier": depth_multiplier,
        "dropout": dropout,
        "data_format": data_format,
        **others,
    }
    from explorer.catalog.options import refuse_options, spec_of  # before TensorFlow: a wrong name is said at once

    if isinstance(source, str | PathLike):
        wanted = spec_of(source, **options)
    else:
        wanted = None
        refuse_options(options)
    from explorer.backend.loading import load as load_any
    from explorer.backend.loading import warn_of_assumptions
    from explorer.backend.runtime.refusals import within_memory

    with within_memory():
        network = load_any(source, wanted, activation_memory, input_tensor, preprocess, labels, custom_objects)
    return warn_of_assumptions(network, stacklevel=2)


def _backend() -> Backend:
    from explorer.backend import service

    return service.Backend()


def _run_store() -> RunStore:
    from explorer.runs.run_files import RunFiles

    return RunFiles()


providers.backend, providers.run_store = _backend, _run_store  # for every session that is given no worker of its own


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'explorer' has no attribute {name!r}")
    return getattr(import_module(f"explorer.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
