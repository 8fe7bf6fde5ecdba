"""The checks for what Keras 2 had and Keras 3 no longer has: calls of TensorFlow functions, and removed layers."""

from __future__ import annotations

from typing import Any

from explorer.backend.models.tensorflow_functions import known
from explorer.errors import UnreadableModel
from explorer.locale import _

# The classes that Keras 2 wrote for operations between layers, and `TensorFlowFunction`, which replaces the known ones here.
_CALLS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowFunction")
_GONE = ("LocallyConnected1D", "LocallyConnected2D", "DenseFeatures", "SequenceFeatures", "RandomFourierFeatures", "MaxoutDense", "Highway")


def refuse_old(entry: dict[str, Any], layer: str, name: str) -> None:
    """Raise UnreadableModel for a TensorFlow function that isn't on the list of harmless ones, and for layers that Keras 3 has removed.

    entry: an object of a config, which belongs to `layer`; name: of the file, for the sentences.
    """
    kind, inner = entry["class_name"], entry.get("config")
    if kind in _CALLS:
        inner = inner if isinstance(inner, dict) else {}
        function = ".".join(str(inner[key]) for key in ("cls_symbol", "method_name", "attr_name", "function") if key in inner)
        if kind != "TensorFlowFunction" or known(function) is None:
            raise UnreadableModel(
                _(
                    "{name} calls {function} in its layer {layer!r}, which is not among the functions of TensorFlow that are known to be "
                    "harmless: it is not opened. In the Keras 2 that made it, put a layer of Keras in its place and save it again."
                ).format(name=name, function=f"tf.{function}", layer=layer)
            )
    if kind in _GONE:
        raise UnreadableModel(
            _(
                "{name} has the layer {layer!r}, a {kind}, which Keras 3 no longer has: it is not opened. "
                "In the Keras 2 that made it, put another layer in its place, train it again and save it."
            ).format(name=name, kind=kind, layer=layer)
        )
