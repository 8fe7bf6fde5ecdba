"""A backbone and its new head: a copy of a network up to its features, and what is put on them, flat."""

from __future__ import annotations

from types import MethodType
from typing import Any

from explorer.backend.fine_tuning.head_names import POOLS, head_names
from explorer.backend.graph import layer_table
from explorer.backend.graph.feature_layer import feature_layer
from explorer.backend.graph.nodes import node_of, outputs_by_address
from explorer.backend.loading import data_format
from explorer.backend.models.clone import copy
from explorer.backend.network import Network
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.backend.runtime.keras_private import flat_layers
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Head, Layers, NetworkSpec, shape_text


def backbone_table(network: Network, head_at: str = "") -> Layers:
    """Return the layer table of the network up to its features, nested models opened. Raises as `features_of` does."""
    return layer_table.table(_up_to(network.state.model, features_of(network, head_at)), opened=True)


def features_of(network: Network, head_at: str = "") -> Any:
    """Return the tensor of the network that a new head is put on.

    head_at: the layer that gives it; "" for the last feature maps of an architecture of the table (without any, what its last
        dense layer reads), and for the user's own model what its last dense layer reads.
    Raises ExplorerError for a network without a graph, for one that ends otherwise, and for a layer of several outputs.
    """
    if not network.graph:
        raise ExplorerError(
            _(
                "{name} has no graph that could be cut: Keras knows how the layers of a subclassed model are joined only while it runs."
            ).format(name=network.spec.name)
        )
    name, tensors = _features(network, head_at)
    if len(tensors) > 1 or len(tensors[0].shape) not in (2, 3, 4):
        raise ExplorerError(
            _("{layer} answers with {shape}; a head needs one vector, one sequence or one stack of maps.").format(
                layer=name, shape=" + ".join(shape_text(one.shape[1:]) for one in tensors)
            )
        )
    return tensors[0]


def backbone(network: Network, head_at: str = "") -> Any:
    """Return a copy of the network up to its features, with its weights; it shares nothing with the network."""
    with data_format(network.input_spec.data_format):
        copied = copy(_up_to(network.state.model, features_of(network, head_at)))
    if copied is None:
        raise ExplorerError(_("Keras can't copy {name}, so that it can't be trained without changing it.").format(name=network.spec.name))
    for layer in flat_layers(copied):
        if getattr(layer, "groups", 1) > 1 and isinstance(layer, keras.layers.Conv2D):
            layer.convolution_op = MethodType(_grouped, layer)
    return copied


def with_head(base: Any, head: Head, classes: int, order: str, seed: int) -> Any:
    """Return the backbone with a new head on its features, flat: layers of the backbone keep their names and indices.

    order: the data format of the backbone's maps.
    seed: decides the first weights of the head.
    """
    keras.utils.set_random_seed(seed)
    x, names = base.outputs[0], head_names([layer.name for layer in base.layers])
    if len(x.shape) > 2:
        pool = getattr(keras.layers, f"{POOLS[head.pooling]}{len(x.shape) - 2}D")
        x = pool(data_format=order if len(x.shape) == 4 else "channels_last", name=names.pooling)(x)
    if head.units:
        x = keras.layers.Dense(head.units, activation="relu", name=names.dense)(x)
    if head.dropout:
        x = keras.layers.Dropout(head.dropout, name=names.dropout)(x)
    x = keras.layers.Dense(classes, activation="sigmoid" if head.multi_label else "softmax", name=names.predictions)(x)
    return keras.Model(base.inputs, x, name=f"{base.name}_tuned")


def _features(network: Network, head_at: str) -> tuple[str, list[Any]]:
    """Return the tensors that a head is put on, and the layer that they come from."""
    outputs = outputs_by_address(network.state.model)
    if head_at:
        row = network.layers.find(head_at)
        if "/" in row.name:
            raise ExplorerError(
                _("{layer} lies inside a nested model; a head can only be put on a layer of the model itself.").format(layer=row.name)
            )
        return row.name, outputs[row.name]
    dense = [] if isinstance(network.spec, NetworkSpec) else [row.name for row in network.layers if row.kind == "dense"]
    if dense:
        read = node_of(outputs[dense[-1]][0]).input_tensors
        return dense[-1], list(read)
    last = feature_layer(network.layers, network.state.headless)
    return last.name, outputs[last.name]


def _up_to(model: Any, features: Any) -> Any:
    return keras.Model(model.inputs, features, name=model.name)


def _grouped(layer: Any, inputs: Any, kernel: Any) -> Any:
    """Do a grouped convolution as TensorFlow does: Keras sends it through XLA, whose gradient takes seconds on a CPU."""
    channels_first = layer.data_format == "channels_first"
    strides, dilations = list(layer.strides), list(layer.dilation_rate)
    return tensorflow.nn.conv2d(
        inputs,
        kernel,
        strides=[1, 1, *strides] if channels_first else [1, *strides, 1],
        padding=layer.padding.upper(),
        data_format="NCHW" if channels_first else "NHWC",
        dilations=[1, 1, *dilations] if channels_first else [1, *dilations, 1],
    )
