"""The layer table of a Keras model: index, name, kind, block, output shape, parameters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any

from explorer.values import Axis, Layer, Layers

# What Keras's classes do, by how their names end; the first that fits counts.
_KINDS = (
    (r"InputLayer", "input"),
    (r"DepthwiseConv\dD", "depthwise"),
    (r"Conv\dD(Transpose)?", "convolution"),
    (r"Normalization", "normalisation"),
    (r"Pooling\dD", "pooling"),
    (r"Activation|ReLU|ELU|Softmax|Swish", "activation"),
    (r"Add|Concatenate|Multiply|Average|Maximum|Minimum|Subtract|Dot", "merge"),
    (r"Dense|EinsumDense", "dense"),
    (r"LSTM|GRU|SimpleRNN|RNN|Bidirectional", "recurrent"),
)


def table(model: Any) -> Layers:
    """Return the layer table of a Keras model."""
    blocks = blocks_of([layer.name for layer in model.layers], [type(layer).__name__ for layer in model.layers])
    return Layers(
        Layer(
            index=index,
            name=layer.name,
            kind=kind_of(type(layer).__name__),
            class_name=type(layer).__name__,
            block=block,
            output_shape=tuple(layer.output.shape[1:]),
            parameters=layer.count_params(),
        )
        for index, (layer, block) in enumerate(zip(model.layers, blocks, strict=True))
    )


def kind_of(class_name: str) -> str:
    """Return what a layer of this Keras class does; "other" for what only reshapes or pads."""
    return next((kind for ending, kind in _KINDS if re.search(f"(?:{ending})$", class_name)), "other")


def blocks_of(names: Sequence[str], class_names: Sequence[str]) -> list[str]:
    """Return the block of each layer, read from how the layers are named.

    Names that Keras generates (`conv2d_94`) say nothing. What comes before the first block is the
    "stem", what comes after the last the "top"; what lies between two belongs to the one before.
    """
    found = [None if _generated(name, kind) else _numbered(name) for name, kind in zip(names, class_names, strict=True)]
    found = _with_shared_prefixes(names, found)
    known = [index for index, block in enumerate(found) if block]
    if not known:
        return ["" for _name in names]
    blocks = []
    for index, block in enumerate(found):
        if index < known[0]:
            blocks.append("stem")
        elif index > known[-1]:
            blocks.append("top")
        else:
            blocks.append(block or blocks[-1])
    return blocks


def _generated(name: str, class_name: str) -> bool:
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()
    return re.fullmatch(rf"{re.escape(snake)}(_\d+)?", name) is not None


def _numbered(name: str) -> str | None:
    """Return `block_13` of `block_13_expand`, `conv4_block2` of `conv4_block2_1_bn`, `conv_5` of `conv_pw_5_relu`."""
    if block := re.match(r".*?block_?\d+[a-z]?(?=_|$)", name):
        return block[0]
    if separable := re.match(r"([a-z]+)_[a-z]+_(\d+)(?=_|$)", name):
        return f"{separable[1]}_{separable[2]}"
    return None


def _with_shared_prefixes(names: Sequence[str], found: Sequence[str | None]) -> list[str | None]:
    """Fill in runs of three and more unnumbered layers that share their first two words (`expanded_conv_...`)."""
    shared: list[str | None] = []
    for prefix, run in groupby(range(len(names)), lambda index: found[index] or "_".join(names[index].split("_")[:2])):
        indices = list(run)
        shares = found[indices[0]] is not None or (len(indices) >= 3 and "_" in prefix)
        shared += [prefix if shares else None] * len(indices)
    return shared


def axes_of(layer: Layer, inputs: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Return the axes of a layer's output: rows and columns as stretches of the input, then channels; else units.

    An output of one single cell over the whole input (1, 1, channels) is a vector of units.
    """
    shape = tuple(size or 0 for size in layer.output_shape)
    spatial = tuple(axis for axis in inputs if axis.spatial)
    if len(shape) == len(spatial) + 1 and any(size > 1 for size in shape[:-1]):
        along = tuple(Axis(axis.name, size, axis.unit, axis.start, axis.stop) for axis, size in zip(spatial, shape, strict=False))
        return (*along, Axis("channel", shape[-1]))
    units = 1
    for size in shape:
        units *= size
    return (Axis("unit", units),)
