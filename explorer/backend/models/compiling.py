"""The compile config in model files, converted to what Keras 3 reads, without the objects that aren't available."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from typing import Any, NamedTuple

from explorer.backend.models.build_costs import within_budget
from explorer.backend.models.security import Custom, check_config
from explorer.backend.runtime.keras import keras
from explorer.errors import UnreadableModel
from explorer.locale import _

_ACCURACIES = ("categorical_accuracy", "sparse_categorical_accuracy", "binary_accuracy")
_SHORT = {  # Keras can't read these names back from an .h5 file, not even from one that Keras 3 wrote
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
}
MOST_THRESHOLDS = 100_000  # Keras's default is 200
_OF_COMPILE = ("accuracy", "acc", "crossentropy", "ce")  # metrics that Keras chooses by the loss


class Opened(NamedTuple):
    """A model from a file, and sentences about the parts of the file that were left out."""

    model: Any
    notes: tuple[str, ...] = ()


def modernise_training(config: Any) -> Any:
    """Return the compile config of a model (`training_config` of an .h5, `compile_config` of a .keras) as Keras 3 reads it."""
    if isinstance(config, str):
        return _SHORT.get(config, config)
    if isinstance(config, list):  # [None] stands for an output without metrics
        return [modernise_training(entry) for entry in config] if any(entry is not None for entry in config) else []
    if not isinstance(config, dict):
        return config
    if "class_name" not in config:
        unset = {key for key in ("run_eagerly", "steps_per_execution", "jit_compile") if config.get(key) is None}
        return {key: modernise_training(value) for key, value in config.items() if key not in unset}
    if config["class_name"] == "function" and config.get("module") in (None, "builtins"):
        return modernise_training(config["config"])
    if config["class_name"] == "MeanMetricWrapper":  # "accuracy", "mae" and others, as the user wrote them
        function = modernise_training((config.get("config") or {}).get("fn"))
        return "accuracy" if function in _ACCURACIES else function
    arguments = _modern_arguments(config.get("config"))
    module = {"module": config["module"].removesuffix(".legacy")} if isinstance(config.get("module"), str) else {}
    return {**config, **module, "class_name": config["class_name"].removeprefix("Custom>"), "config": arguments}


def _modern_arguments(arguments: Any) -> Any:
    """Return the arguments of an optimizer, a loss or a metric without those that Keras 3 no longer accepts."""
    if not isinstance(arguments, dict):
        return arguments or {}
    kept = {key: value for key, value in arguments.items() if key not in ("jit_compile", "is_legacy_optimizer", "fn", "lr")}
    if "lr" in arguments:
        kept.setdefault("learning_rate", arguments["lr"])
    if kept.get("reduction") == "auto":
        kept["reduction"] = "sum_over_batch_size"
    return kept


def what_is_available(training: Any, custom_objects: Custom) -> tuple[Any, tuple[str, ...]]:
    """Return the available part of a compile config, and sentences about what was left out.

    Metrics can be left out one by one; without the loss or the optimizer nothing is left: None.
    """
    if not isinstance(training, dict) or not training:
        return None, ()
    missing = [
        name
        for key, kind in (("optimizer", "optimizers"), ("optimizer_config", "optimizers"), ("loss", "losses"))
        for name in _missing(training.get(key), kind, custom_objects)
    ]
    if missing:
        return None, (
            _("It was compiled with {names}, which is not available, and is opened without being compiled.").format(
                names=", ".join(missing)
            ),
        )
    kept, left_out = dict(training), []
    for key in ("metrics", "weighted_metrics"):
        left_out += _missing(training.get(key), "metrics", custom_objects)
        kept[key] = _without(training.get(key), custom_objects)
    if not _is_harmless(kept, custom_objects):
        return None, (_("What it was compiled with might do harm: it is opened without being compiled."),)
    if not left_out:
        return training, ()
    return kept, (
        _("It was compiled with {names}, which is not available and is left out.").format(names=", ".join(dict.fromkeys(left_out))),
    )


def _missing(value: Any, kind: str, custom_objects: Custom) -> list[str]:
    """Return the names of the losses, optimizers or metrics that aren't available; `value`: one of them, a list, or a dict by output."""
    if isinstance(value, list) or (isinstance(value, dict) and "class_name" not in value):
        inner = value if isinstance(value, list) else value.values()
        return [name for entry in inner for name in _missing(entry, kind, custom_objects)]
    return [] if _is_available(value, kind, custom_objects) else [_name(value)]


def _without(value: Any, custom_objects: Custom) -> Any:
    """Return metrics without those that aren't available."""
    if isinstance(value, list):
        return [
            _without(entry, custom_objects) for entry in value if not _is_leaf(entry) or _is_available(entry, "metrics", custom_objects)
        ]
    if _is_leaf(value):
        return value if _is_available(value, "metrics", custom_objects) else None
    return {key: _without(entry, custom_objects) for key, entry in value.items()}


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, list | dict) or "class_name" in value


def _is_harmless(training: Any, custom_objects: Custom) -> bool:
    try:
        check_config(training, custom_objects, "")
    except UnreadableModel:
        return False
    return True


def _is_available(entry: Any, kind: str, custom_objects: Custom) -> bool:
    if entry is None or (isinstance(entry, str) and (entry in custom_objects or (kind == "metrics" and entry in _OF_COMPILE))):
        return True
    if kind == "metrics" and _thresholds(entry) > MOST_THRESHOLDS:
        return False
    with suppress(Exception), keras.saving.custom_object_scope(custom_objects), within_budget(""):  # Keras's classes may raise anything
        check_config(entry, custom_objects, "")
        getattr(keras, kind).get(deepcopy(entry))  # Keras modifies its argument
        return True
    return False


def _thresholds(metric: Any) -> float:
    """Return the number of thresholds of a metric such as AUC, which makes a Python list of them."""
    arguments = metric.get("config") if isinstance(metric, dict) else None
    number = arguments.get("num_thresholds") if isinstance(arguments, dict) else None
    return number if isinstance(number, int | float) else 0


def _name(entry: Any) -> str:
    if isinstance(entry, dict):
        entry = entry["config"] if entry["class_name"] == "function" else entry["class_name"]
    return entry if isinstance(entry, str) else _("something without a name")


def opened(load: Callable[[bool], Any], training: Any, notes: tuple[str, ...]) -> Opened:
    """Return the model that `load` reads, compiled if Keras can; the argument of `load` is whether to compile it."""
    if training:
        with suppress(Exception):  # the model is useful without it
            return Opened(load(True), notes)
        notes = (*notes, _("It was compiled in a way that Keras 3 can't read: it is opened without being compiled."))
    return Opened(load(False), notes)
