"""The factory of Keras models: builds the catalog's architectures from specs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from explorer.backend.architectures import digits, efficientnet, music_tagger, resnext, timbres
from explorer.backend.graph.nodes import maker_of
from explorer.backend.models import weights
from explorer.backend.models.build_costs import within_budget
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.refusals import refusing
from explorer.catalog import Architecture
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import NetworkSpec

OWN_BUILDERS: Mapping[str, Any] = {
    "digits": digits,
    "timbres": timbres,
    "MusicTaggerCRNN": music_tagger,
}  # architectures that Keras doesn't have -> the modules that build them
BYTES = 4  # of a weight, float32


def build_model(row: Architecture, spec: NetworkSpec, input_tensor: Any, file: Path | None) -> Any:
    """Return the Keras model of a spec, with random weights or those of a file.

    If it is built on a tensor of the user's own, the layers before that tensor keep their weights.
    """
    if file is not None and row.family == "EfficientNet" and spec.weights == row.weights:
        return _build_efficientnet(row, spec, input_tensor, file)
    model = _build_random(row, spec, input_tensor)
    if file is None:
        return model
    if input_tensor is None or isinstance(maker_of(input_tensor), keras.layers.InputLayer):
        _load(row, spec, model, file)
        return model
    separate = _build_random(row, spec)
    _load(row, spec, separate, file)
    for target, source in zip(
        model.weights[-len(separate.weights) :], separate.weights, strict=True
    ):  # the weights of the user's layers come first
        target.assign(source)
    return model


@contextmanager
def _building(row: Architecture, spec: NetworkSpec) -> Iterator[None]:
    """Build a model within this context; ExplorerError is raised for options that Keras rejects, and for too large a model."""
    sentence = _("{name} can't be built with these options: choose others. Keras says: {why}.")
    with refusing(ExplorerError, sentence, spec.name), within_budget(spec.name, usual=BYTES * row.parameters, error_class=ExplorerError):
        yield


def _build_efficientnet(row: Architecture, spec: NetworkSpec, input_tensor: Any, file: Path) -> Any:
    if input_tensor is not None and not isinstance(maker_of(input_tensor), keras.layers.InputLayer):
        raise ExplorerError(
            _("{name} takes its published weights only with an input of its own: leave input_tensor out.").format(name=row.name)
        )
    with _building(row, spec):
        return efficientnet.build(row.name, file, **_options(row, spec, input_tensor))


def _build_random(row: Architecture, spec: NetworkSpec, input_tensor: Any = None) -> Any:
    """Return the architecture with random weights."""
    options = _options(row, spec, input_tensor)
    with _building(row, spec):
        if row.name in OWN_BUILDERS:
            return OWN_BUILDERS[row.name].build(**options)
        module = resnext if row.family == "ResNeXt" else keras.applications
        return getattr(module, row.name)(weights=None, **options)


def _options(row: Architecture, spec: NetworkSpec, input_tensor: Any) -> dict[str, Any]:
    """Return the keyword arguments for the builder of the architecture."""
    height, width, channels = row.input_size
    default_shape = (channels, height, width) if spec.data_format == "channels_first" else row.input_size
    options: dict[str, Any] = {"include_top": spec.include_top}
    if row.input == "image":
        options |= {"input_shape": spec.input_shape or default_shape, "pooling": spec.pooling}
    options |= {name: value for name in ("classes", *row.options) if (value := getattr(spec, name)) is not None}
    if input_tensor is not None:
        options["input_tensor"] = input_tensor
    return options


def _load(row: Architecture, spec: NetworkSpec, model: Any, file: Path) -> None:
    if row.bundled and spec.weights == row.weights:
        with _building(row, spec):  # which fails on a tensor of another size
            digits.set_weights(model, keras.saving.load_model(file, compile=False))
    elif row.family == "ResNeXt":
        resnext.load_weights(model, file)
    elif row.name == "MusicTaggerCRNN":
        music_tagger.load_weights(model, file)
    else:
        weights.load_weights(model, file)
