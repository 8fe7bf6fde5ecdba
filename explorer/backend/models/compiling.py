"""What a model was compiled with, as files hold it: put as Keras 3 reads it, without what isn't at hand."""

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
_SHORT = {  # these names Keras can't read back from an .h5 file, not even from one that Keras 3 wrote
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
}
MOST_THRESHOLDS = 100_000  # Keras takes 200 where nobody says how many
_OF_COMPILE = ("accuracy", "acc", "crossentropy", "ce")  # metrics that Keras chooses by the loss


class Opened(NamedTuple):
    """A model from a file, and sentences on what of the file was left aside."""

    model: Any
    notes: tuple[str, ...] = ()


def modernise_training(config: Any) -> Any:
    """Return what a model was compiled with as Keras 3 reads it: `training_config` of an .h5, `compile_config` of a .keras."""
    if isinstance(config, str):
        return _SHORT.get(config, config)
    if isinstance(config, list):  # [None] stands for an output without metrics
        return [modernise_training(one) for one in config] if any(one is not None for one in config) else []
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
    home = {"module": config["module"].removesuffix(".legacy")} if isinstance(config.get("module"), str) else {}
    return {**config, **home, "class_name": config["class_name"].removeprefix("Custom>"), "config": arguments}


def _modern_arguments(arguments: Any) -> Any:
    """Return the arguments of an optimizer, a loss or a metric without those that Keras 3 takes no longer."""
    if not isinstance(arguments, dict):
        return arguments or {}
    kept = {key: value for key, value in arguments.items() if key not in ("jit_compile", "is_legacy_optimizer", "fn", "lr")}
    if "lr" in arguments:
        kept.setdefault("learning_rate", arguments["lr"])
    if kept.get("reduction") == "auto":
        kept["reduction"] = "sum_over_batch_size"
    return kept


def what_is_available(training: Any, custom_objects: Custom) -> tuple[Any, tuple[str, ...]]:
    """Return what a model was compiled with as far as it is at hand, and sentences on what was left out.

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
            _("It was compiled with {names}, which is not at hand, and is opened as it was before: not compiled.").format(
                names=", ".join(missing)
            ),
        )
    kept, left_out = dict(training), []
    for key in ("metrics", "weighted_metrics"):
        left_out += _missing(training.get(key), "metrics", custom_objects)
        kept[key] = _without(training.get(key), custom_objects)
    if not _is_harmless(kept, custom_objects):
        return None, (_("What it was compiled with might do harm, and it is opened as it was before: not compiled."),)
    if not left_out:
        return training, ()
    return kept, (_("It was compiled with {names}, which is not at hand and left out.").format(names=", ".join(dict.fromkeys(left_out))),)


def _missing(value: Any, kind: str, custom_objects: Custom) -> list[str]:
    """Return the names of what is not at hand in a loss, an optimizer or metrics: one of them, a list or a dict of them by output."""
    if isinstance(value, list) or (isinstance(value, dict) and "class_name" not in value):
        inner = value if isinstance(value, list) else value.values()
        return [name for one in inner for name in _missing(one, kind, custom_objects)]
    return [] if _is_at_hand(value, kind, custom_objects) else [_name(value)]


def _without(value: Any, custom_objects: Custom) -> Any:
    """Return metrics without those that are not at hand."""
    if isinstance(value, list):
        return [_without(one, custom_objects) for one in value if not _is_leaf(one) or _is_at_hand(one, "metrics", custom_objects)]
    if _is_leaf(value):
        return value if _is_at_hand(value, "metrics", custom_objects) else None
    return {key: _without(one, custom_objects) for key, one in value.items()}


def _is_leaf(value: Any) -> bool:
    return not isinstance(value, list | dict) or "class_name" in value


def _is_harmless(training: Any, custom_objects: Custom) -> bool:
    try:
        check_config(training, custom_objects, "")
    except UnreadableModel:
        return False
    return True


def _is_at_hand(one: Any, kind: str, custom_objects: Custom) -> bool:
    if one is None or (isinstance(one, str) and (one in custom_objects or (kind == "metrics" and one in _OF_COMPILE))):
        return True
    if kind == "metrics" and _thresholds(one) > MOST_THRESHOLDS:
        return False
    with suppress(Exception), keras.saving.custom_object_scope(custom_objects), within_budget(""):  # Keras raises whatever its classes do
        check_config(one, custom_objects, "")
        getattr(keras, kind).get(deepcopy(one))  # Keras writes into what it reads
        return True
    return False


def _thresholds(metric: Any) -> float:
    """Return how many thresholds a metric such as AUC compares with; it lists them in Python, however many they are."""
    arguments = metric.get("config") if isinstance(metric, dict) else None
    number = arguments.get("num_thresholds") if isinstance(arguments, dict) else None
    return number if isinstance(number, int | float) else 0


def _name(one: Any) -> str:
    if isinstance(one, dict):
        one = one["config"] if one["class_name"] == "function" else one["class_name"]
    return one if isinstance(one, str) else _("what has no name")


def opened(load: Callable[[bool], Any], training: Any, notes: tuple[str, ...]) -> Opened:
    """Return the model that `load` reads, compiled where Keras can: `load` is told whether to compile it."""
    if training:
        with suppress(Exception):  # the model itself is of use without it
            return Opened(load(True), notes)
        notes = (*notes, _("It was compiled in a way that Keras 3 can't read, and is opened as it was before: not compiled."))
    return Opened(load(False), notes)
