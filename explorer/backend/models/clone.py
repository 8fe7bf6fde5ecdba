"""The clone of a model, with its weights, that shares nothing with the original."""

from __future__ import annotations

from typing import Any

from explorer.backend.graph.nodes import has_graph
from explorer.backend.models.security import quietly
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.keras_private import flat_layers


def copy(model: Any) -> Any:
    """Return a copy of a model with its weights, or None if it can't be copied. Raises MemoryError and ResourceExhaustedError."""
    layers = flat_layers(model) if isinstance(model, keras.Model) and has_graph(model) else []
    if not layers or any(hasattr(layer, "save_assets") for layer in layers):  # a subclassed model; the vocabulary of a StringLookup
        return None
    # Without Keras's classes: a layer such as Add may have the name of an operation.
    own_classes = {type(layer).__name__: type(layer) for layer in layers if not type(layer).__module__.startswith("keras.")}
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        # As from a file, not by clone_model, which renumbers the uses of shared layers. The code that runs is the user's own.
        with quietly():
            copied = keras.saving.deserialize_keras_object(config, custom_objects=own_classes, safe_mode=False)
        for target, source in zip(flat_layers(copied), layers, strict=True):
            variables: dict[str, Any] = {}
            source.save_own_variables(variables)
            target.load_own_variables(variables)
    except (MemoryError, tensorflow.errors.ResourceExhaustedError):  # a smaller network would not raise these
        raise
    except Exception:  # noqa: BLE001  # a custom layer without a config, and anything else that Keras can't rebuild
        return None
    return copied
