"""What becomes of each layer when weights are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

Shapes: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Mismatch:
    """A layer whose weights in the file do not fit: the shapes of its weights in the file and in the model."""

    layer: str
    in_file: Shapes
    in_model: Shapes


@dataclass(frozen=True)
class WeightsReport:
    """What became of each layer with weights, by name; a layer within a nested model is "model/layer".

    loaded: has its weights from the file.
    missing: is in the model, but not in the file; keeps its weights.
    unexpected: is in the file, but not in the model.
    mismatched: is in both with weights of other shapes; keeps its weights.
    unfit: has weights now that are no numbers (NaN) or infinite.
    """

    loaded: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[Mismatch, ...] = ()
    unfit: tuple[str, ...] = ()
