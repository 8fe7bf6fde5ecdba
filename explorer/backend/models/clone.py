"""Copying a model: with its weights, sharing nothing with it."""

from __future__ import annotations

from typing import Any

from explorer.backend.graph.nodes import has_graph
from explorer.backend.models.security import quietly
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.keras_private import flat_layers


def copy(model: Any) -> Any:
    """Return a copy of a model with its weights, or None where it can't be copied. Raises MemoryError and ResourceExhaustedError."""
    layers = flat_layers(model) if isinstance(model, keras.Model) and has_graph(model) else []
    if not layers or any(hasattr(layer, "save_assets") for layer in layers):  # a subclassed one; the words of a StringLookup
        return None
    # Not Keras's own: the name of a layer such as Add may be that of an operation too.
    own = {type(layer).__name__: type(layer) for layer in layers if not type(layer).__module__.startswith("keras.")}
    try:
        config = keras.saving.serialize_keras_object(model)
        config.pop("compile_config", None)
        # As from a file, and not by clone_model: that numbers the uses of shared layers anew. It is the owner's own code that runs.
        with quietly():
            copied = keras.saving.deserialize_keras_object(config, custom_objects=own, safe_mode=False)
        for target, source in zip(flat_layers(copied), layers, strict=True):
            variables: dict[str, Any] = {}
            source.save_own_variables(variables)
            target.load_own_variables(variables)
    except (MemoryError, tensorflow.errors.ResourceExhaustedError):  # which a smaller network would not have met
        raise
    except Exception:  # noqa: BLE001  # a custom layer without a config, and whatever else Keras can't make twice
        return None
    return copied
