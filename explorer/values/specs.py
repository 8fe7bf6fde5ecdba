"""The specs of networks: an architecture of the table, a model file, or a live model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class NetworkSpec:
    """A network of the table: an architecture and its options, as `explorer.load` describes them.

    weights: the name of a pretrained set ("imagenet", "digits"), None for random initial weights, or the
        path of a weights file; `stamp` identifies the version of that file.
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
        """The name of the network for sentences."""
        return self.architecture


@dataclass(frozen=True)
class ModelFile:
    """A Keras model of the user's own, in a file; `stamp` identifies the version of that file.

    preprocess: a named preprocess mode, or None for the one in the file or a guess.
    labels: the names of the classes; empty for those in the file or plain numbers.
    """

    path: str
    stamp: str
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class AdoptedModel:
    """A live Keras model of the user's own that is registered with a worker; `key` and `version` identify the registration."""

    key: int
    version: int
    name: str
    preprocess: str | None = None
    labels: tuple[str, ...] = ()


AnySpec: TypeAlias = NetworkSpec | ModelFile | AdoptedModel
