"""The result of loading weights, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Mismatch:
    """A layer whose weights in the file do not match: the shapes of its weights in the file and in the model."""

    layer: str
    in_file: Shapes
    in_model: Shapes


@dataclass(frozen=True)
class WeightsReport:
    """The names of the layers with weights, by result; a layer within a nested model is "model/layer".

    loaded: layers that have their weights from the file.
    missing: layers of the model that aren't in the file; their weights are unchanged.
    unexpected: layers of the file that aren't in the model.
    mismatched: layers that are in both with weights of different shapes; their weights are unchanged.
    unfit: layers whose weights now are not all finite.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    unfit: tuple[str, ...] = ()
