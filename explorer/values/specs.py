"""Which network: one of the table, a file, or a live model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class NetworkSpec:
    """Which network of the table to build: an architecture and its options, as `explorer.load` describes them.

    weights: the name of a pretrained set ("imagenet", "digits"), None for random initial weights, or the
        path of a file of weights; `stamp` tells versions of that file apart.
    input_shape: without the batch axis, in the order of `data_format`; None for the architecture's own.
    classes, dropout: None for the architecture's own.
    data_format: "channels_last" or "channels_first".
    """

    architecture: str
    weights: str | None = None
    include_top: bool = True
    input_shape: tuple[int | None, int | None, int | None] | None = None
    pooling: str | None = None
    classes: int | None = None
    alpha: float = 1.0
    depth_multiplier: int = 1
    dropout: float | None = None
    data_format: str = "channels_last"
    stamp: str = ""

    @property
    def name(self) -> str:
        """What to call the network in sentences."""
        return self.architecture


@dataclass(frozen=True)
class ModelFile:
    """A Keras model of the user's own, in a file; `stamp` tells versions of that file apart.

    preprocess: a named convention, or None for what the file says or a guess.
    labels: the names of the classes; empty for what the file says or plain numbers.
    """

    path: str
    stamp: str
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdoptedModel:
    """A live Keras model of the user's own, handed to a worker; `key` and `version` tell adoptions apart."""

    key: int
    version: int
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


AnySpec: TypeAlias = NetworkSpec | ModelFile | AdoptedModel
