"""The recognition of the architecture that a user's model is built on, by its layers, else by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from explorer.backend.runtime.keras import keras
from explorer.catalog import BACKBONES, Architecture, Backbone, architectures

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
AROUND = "(?:.*[^a-z0-9])?(?:{name})(?:[^a-z0-9].*)?"  # a name with any prefix and suffix


@dataclass(frozen=True)
class Recognised:
    """The row of the architecture table that a model is built on.

    preprocess_mode: how to preprocess its pixels if no layer of the model does.
    by_layers: whether it was recognised by its layers, or only by its name.
    """

    row: Architecture
    preprocess_mode: str
    by_layers: bool


def recognised(model: Any) -> Recognised | None:
    """Return what the model, or one nested in it, is built on; None for an unknown architecture."""
    lines = [_line(layer) for layer in _weighted(model)]
    named = _by_name(model)
    hits, backbone = max(((_hits(lines, candidate), candidate) for candidate in BACKBONES), key=lambda pair: pair[0])
    if not hits:
        return Recognised(named, named.preprocess_mode, by_layers=False) if named else None
    row = named if named and named.name in backbone.rows else architectures[_row(lines, backbone)]
    return Recognised(row, backbone.bare or row.preprocess_mode, by_layers=True)


def _by_name(model: Any) -> Architecture | None:
    """Return the architecture of the model, or of one nested in it, by its name: `mobilenetv2_1.00_224`."""
    for name in (model.name, *(layer.name for layer in model.layers if isinstance(layer, keras.Model))):
        spelled = re.sub(r"[^a-z0-9]", "", name.lower())
        rows = [row for row in architectures.values() if spelled.startswith(row.name.lower()) and row.name != "digits"]
        if rows:
            return max(rows, key=lambda row: len(row.name))
    return None


def _weighted(model: Any) -> Iterator[Any]:
    """Yield the layers that have weights, including those of nested models, in the order of `model.layers`."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _weighted(layer)
        elif layer.weights:
            yield layer


def _line(layer: Any) -> str:
    """Return the line that identifies a layer, in the format of `catalog.backbones`."""
    name = layer.name.lower().replace("/", "_").replace(" ", "_")
    kind = next((layer_class for layer_class in CONVOLUTIONS if isinstance(layer, layer_class)), None)
    if kind is None:
        return f"{name} {type(layer).__name__.lower()}"
    height, width, channels, _filters = (layer.depthwise_kernel if kind is keras.layers.SeparableConv2D else layer.kernel).shape
    filters = "" if kind is keras.layers.DepthwiseConv2D else f"{channels}>{layer.filters}"
    bias = " bias" if layer.use_bias else ""
    return f"{name} {kind.__name__.lower()} {height}x{width}/{layer.strides[0]} {filters}{bias}"


def _matches(pattern: str, line: str, anonymous: bool) -> bool:
    name, rest = pattern.split(" ", 1)
    layer_name, _space, facts = line.partition(" ")
    return re.fullmatch(rest, facts) is not None and (anonymous or re.fullmatch(AROUND.format(name=name), layer_name) is not None)


def _hits(lines: list[str], backbone: Backbone) -> int:
    """Return how many layers match those of a backbone; 0 if its stem is missing, or too few kinds of its layers are there."""
    if not any(_matches(backbone.stem, line, backbone.anonymous) for line in lines):
        return 0
    matches = {pattern: {line for line in lines if _matches(pattern, line, backbone.anonymous)} for pattern in backbone.others}
    return len(set().union(*matches.values())) if sum(map(bool, matches.values())) >= backbone.least else 0


def _row(lines: list[str], backbone: Backbone) -> str:
    """Return the name of the largest row that the layers match."""
    return [name for name, only in backbone.rows.items() if not only or any(re.search(only, line) for line in lines)][-1]
