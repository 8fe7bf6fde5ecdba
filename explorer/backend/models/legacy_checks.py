"""What Keras 2 had and Keras 3 has not, refused by a sentence that says so: calls of TensorFlow, layers that are gone."""

from __future__ import annotations

from typing import Any

from explorer.backend.models.tensorflow_functions import known
from explorer.errors import UnreadableModel
from explorer.locale import _

# How Keras 2 wrote what was computed between layers, and what that becomes here where it is known.
_CALLS = ("TFOpLambda", "SlicingOpLambda", "TensorFlowOpLayer", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowFunction")
_GONE = ("LocallyConnected1D", "LocallyConnected2D", "DenseFeatures", "SequenceFeatures", "RandomFourierFeatures", "MaxoutDense", "Highway")


def refuse_old(entry: dict[str, Any], layer: str, name: str) -> None:
    """Raise UnreadableModel for a call of TensorFlow that isn't in the list of harmless ones, and for layers that Keras has no longer.

    entry: an object of a config, which belongs to `layer`; name: what to call the file.
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
                "{name} has the layer {layer!r}, a {kind}, which Keras 3 has no longer: it is not opened. "
                "In the Keras 2 that made it, put another layer in its place, train it again and save it."
            ).format(name=name, kind=kind, layer=layer)
        )
