"""The topology of models as text (JSON, YAML) and back, and the config and Keras's summary of a model."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import yaml

from explorer.backend.models import config_text
from explorer.backend.models.build_costs import within_budget
from explorer.backend.models.compiling import Opened, modernise_training, opened, what_is_available
from explorer.backend.models.legacy_config import is_old, modernise
from explorer.backend.models.security import Custom, check_config, quietly, refusing
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.refusals import reason
from explorer.errors import ExplorerError, UnreadableModel
from explorer.locale import _


def to_json(model: Any) -> str:
    """Return the topology of a model, including its compile config, as Keras's own JSON.

    Raises ExplorerError for a model whose class has no `get_config`.
    """
    with _describing(model), quietly():
        return str(model.to_json())


def to_yaml(model: Any) -> str:
    """Return the same as `to_json` in YAML."""
    return str(yaml.safe_dump(json.loads(to_json(model)), sort_keys=False, allow_unicode=True))


def config(model: Any) -> dict[str, Any]:
    """Return `model.get_config()`: the layers and how they are connected, as plain data.

    Raises ExplorerError for a model whose class has no `get_config`.
    """
    with _describing(model):
        return dict(model.get_config())


def as_text(config: dict[str, Any]) -> str:
    """Return a config as JSON; objects that aren't plain data are serialized as Keras does."""
    return json.dumps(config, indent=1, default=keras.saving.serialize_keras_object)


@contextmanager
def _describing(model: Any) -> Iterator[None]:
    try:
        yield
    except NotImplementedError as error:
        raise ExplorerError(
            _(
                "{name} is of a class of its own, {kind}, without get_config(), so Keras can't tell how it was made: there is "
                "neither a config nor a topology, and only its weights can be saved."
            ).format(name=model.name, kind=type(model).__name__)
        ) from error
    except Exception as error:  # get_config() of the user's layers may raise anything
        raise ExplorerError(_("{name} can't be described: {why}.").format(name=model.name, why=reason(error))) from error


def from_json(text: str | bytes, custom_objects: Custom | None = None) -> Any:
    """Return the model of a JSON topology, Keras 3's or older, with random weights.

    Raises UnreadableModel for a text that isn't a topology, holds code, or needs objects that aren't available.
    """
    return open_json(text, custom_objects, _("The JSON text")).model


def open_json(text: str | bytes, custom_objects: Custom | None, name: str) -> Opened:
    """Return the model as `from_json` does, and sentences about what was left out; `name`: of the text. Raises as `from_json`."""
    return _from_topology(config_text.from_json(text, name), custom_objects, name)


def from_yaml(text: str | bytes, custom_objects: Custom | None = None) -> Any:
    """Return the model of a YAML topology, as Keras 1 and 2 or `to_yaml` wrote it, with random weights.

    Raises UnreadableModel as `from_json` does, and for tags that would create Python objects.
    """
    return open_yaml(text, custom_objects, _("The YAML text")).model


def open_yaml(text: str | bytes, custom_objects: Custom | None, name: str) -> Opened:
    """Return the model as `from_yaml` does, and sentences about what was left out; `name`: of the text. Raises as `from_yaml`."""
    return _from_topology(config_text.from_yaml(text, name), custom_objects, name)


def _from_topology(content: Any, custom_objects: Custom | None, name: str) -> Opened:
    if isinstance(content, dict) and "modelTopology" in content:
        raise UnreadableModel(_("{name} is a model of TensorFlow.js: save it from Keras as .keras or .h5.").format(name=name))
    if not isinstance(content, dict) or not isinstance(content.get("config"), dict | list) or "class_name" not in content:
        raise UnreadableModel(_("{name} is not the topology of a Keras model.").format(name=name))
    with refusing(name), quietly():
        old = "module" not in content and is_old(content.get("keras_version"))
        training = content.pop("compile_config", None)
        content = modernise(content, old)
        known = check_config(content, custom_objects, name)
        training, notes = what_is_available(modernise_training(training) if old else training, known)

        def load(compiled: bool) -> Any:
            whole = {**content, "compile_config": training} if compiled else content
            with within_budget(name):
                return keras.models.model_from_json(json.dumps(whole), custom_objects=known)

        return opened(load, training, notes)


def summary(model: Any) -> str:
    """Return Keras's own summary as plain text, wide enough that no name is truncated."""
    lines: list[str] = []
    width = _width(model)
    with _columns(width):
        model.summary(line_length=width, print_fn=lambda text, **_options: lines.append(text))
    return "\n".join(lines).rstrip() + "\n"


def _width(model: Any) -> int:
    """Return the width in characters that Keras's table needs for the longest name: its first column takes 0.3 of the width."""
    longest = max((len(f"{layer.name} ({type(layer).__name__})") for layer in model.layers), default=0)
    return max(100, math.ceil((longest + 4) / 0.3))


@contextmanager
def _columns(width: int) -> Iterator[None]:
    """Set the width in the environment for Rich, which draws the table and otherwise assumes 80 columns for a pipe."""
    before = {name: os.environ.get(name) for name in ("COLUMNS", "JUPYTER_COLUMNS")}
    os.environ.update(dict.fromkeys(before, str(width)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
