"""The one builder: a spec, or a live model, becomes a `Network`."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from explorer.backend.architectures.factory import build_model
from explorer.backend.graph.nodes import has_graph
from explorer.backend.graph.recognition import recognised
from explorer.backend.inference import predictions
from explorer.backend.inputs.input_spec import of_architecture, of_model, outputs_of
from explorer.backend.models import files as model_files
from explorer.backend.models.clone import copy
from explorer.backend.models.finite import nonfinite_notes
from explorer.backend.models.metadata import ModelCard, read_card
from explorer.backend.models.security import refusing
from explorer.backend.network import ACTIVATION_MEMORY, Network, silent
from explorer.backend.runtime.keras import keras
from explorer.backend.weights import cache
from explorer.catalog import DIGITS, PHOTOGRAPHS, SOUNDS, Architecture, architectures
from explorer.catalog.options import checked_labels, preprocess_mode
from explorer.errors import AssumptionWarning, ExplorerError
from explorer.locale import _
from explorer.values import AdoptedModel, AnySpec, InputSpec, ModelFile, NetworkSpec, Progress, ReportProgress, shape_text

_format_lock = threading.RLock()

Labels: TypeAlias = tuple[tuple[str, str], ...]
Prepare: TypeAlias = Callable[[Any], Any]


def load(
    source: Any,
    spec: NetworkSpec | ModelFile | None,
    activation_memory: int = ACTIVATION_MEMORY,
    input_tensor: Any = None,
    preprocess: str | Prepare | None = None,
    labels: Iterable[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Network:
    """Do what `explorer.load` promises, once its options are a spec: None for a live model.

    Raises ExplorerError for options that only make sense for another kind of source.
    """
    table = isinstance(spec, NetworkSpec)
    misplaced = {
        "input_tensor": input_tensor is not None and not table,
        "preprocess": preprocess is not None and table,
        "custom_objects": custom_objects is not None and not isinstance(spec, ModelFile),
    }
    for name, wrong in misplaced.items():
        if wrong:
            raise ExplorerError(_("{name} makes no sense for {source}.").format(name=name, source=getattr(source, "name", source)))
    if isinstance(spec, NetworkSpec):
        return build(spec, activation_memory, input_tensor=input_tensor, labels=labels)
    if spec is None:
        return wrap(source, None, activation_memory, preprocess, labels, live=True)
    return read(spec, activation_memory, preprocess=preprocess, labels=labels, custom_objects=custom_objects)


def warn_of_assumptions(network: Network, stacklevel: int) -> Network:
    """Warn (AssumptionWarning) of all that had to be guessed about a network, and return it.

    stacklevel: as for `warnings.warn`, counted from the caller.
    """
    for sentence in network.input_spec.assumed:
        warnings.warn(f"{network.spec.name}: {sentence}", AssumptionWarning, stacklevel=stacklevel + 1)
    return network


def build(
    spec: NetworkSpec,
    activation_memory: int = ACTIVATION_MEMORY,
    report_progress: ReportProgress = silent,
    input_tensor: Any = None,
    labels: Iterable[str] | None = None,
) -> Network:
    """Build the network of `spec`; weights that are not on this machine are downloaded.

    input_tensor: a Keras tensor to build on instead of an input of its own.
    Raises WeightsUnavailable where they can't be had, ExplorerError where the file is damaged or does not fit.
    """
    row = architectures[spec.architecture]
    if input_tensor is not None:
        spec = _on(input_tensor, spec, row)
    file = _weights_file(spec, report_progress)
    report_progress(Progress(_("Building {name}…").format(name=spec.name)))
    with data_format(spec.data_format):
        model = build_model(row, spec, input_tensor, file)
    input_spec = of_architecture(row, model, spec.data_format, own_input=input_tensor is not None)
    samples = row.samples if input_spec.kind == row.input else ()
    network = Network(model, spec, input_spec, _numbered(labels) or _labels_of_table(spec, row), activation_memory, samples=samples)
    own = spec.weights not in (None, row.weights)
    return _noting(network, *(nonfinite_notes(model) if own else ()))


def read(
    spec: ModelFile,
    activation_memory: int = ACTIVATION_MEMORY,
    report_progress: ReportProgress = silent,
    preprocess: str | Prepare | None = None,
    labels: Iterable[str] | None = None,
    custom_objects: Mapping[str, Any] | None = None,
) -> Network:
    """Build the network that a model's file holds; what is not given is taken from its card.

    Raises UnreadableModel where the file is none, or holds code that is not trusted.
    """
    report_progress(Progress(_("Reading {name}…").format(name=spec.name)))
    with refusing(spec.name):
        model, notes = model_files.open_model(Path(spec.path), custom_objects)
        own = checked_labels(labels) or spec.labels
        network = _carded(model, spec, activation_memory, preprocess or spec.preprocess, own, read_card(Path(spec.path)) or ModelCard())
        return _noting(network, *notes, *nonfinite_notes(model))


def _carded(
    model: Any, spec: ModelFile, activation_memory: int, preprocess: str | Prepare | None, labels: tuple[str, ...], card: ModelCard
) -> Network:
    """Return the network of a model from a file; what is not given its card says. A card that does not fit is left aside."""
    notes = (card.note,) if card.note else ()
    try:
        network = wrap(model, spec, activation_memory, preprocess or card.preprocess, labels or card.labels)
        network.files.run = card.run
    except ExplorerError as error:
        if (preprocess or not card.preprocess) and (labels or not card.labels):
            raise
        network = wrap(model, spec, activation_memory, preprocess, labels)
        notes = (_("The labels and the preprocessing in {name} do not fit it and are left aside: {why}").format(name=spec.name, why=error),)
    return _noting(network, *notes)


def from_spec(spec: AnySpec, report_progress: ReportProgress = silent) -> Network:
    """Return the network of a spec that is data. Raises as `build` and `read` do, and ExplorerError for a live model."""
    if isinstance(spec, NetworkSpec):
        return build(spec, report_progress=report_progress)
    if isinstance(spec, ModelFile):
        return read(spec, report_progress=report_progress)
    raise ExplorerError(_("{name} is a live model: save it, and train what is in the file.").format(name=spec.name))


def wrap(
    model: Any,
    spec: AnySpec | None = None,
    activation_memory: int = ACTIVATION_MEMORY,
    preprocess: str | Prepare | None = None,
    labels: Iterable[str] | None = None,
    live: bool = False,
) -> Network:
    """Return the network around a Keras model of the user's own; it is used as it is.

    preprocess: a named preprocess_mode, or a function that takes pixels, float32 (n, height, width, channels)
        in 0 to 255, and returns what the model reads; None to guess.
    labels: the names of the classes.
    live: whether others may change its weights.
    Raises ExplorerError where the model can't be looked into.
    """
    if not isinstance(model, keras.Model):
        raise ExplorerError(_("{type} is no Keras model.").format(type=type(model).__name__))
    named = "custom" if callable(preprocess) else preprocess_mode(preprocess)
    input_spec = of_model(model, named)
    own = _numbered(labels)
    found = None if own else recognised(model)
    guessed = _labels_of(model, found.row) if found else ()
    network = Network(
        model,
        spec or AdoptedModel(id(model), 0, model.name),
        input_spec,
        own or guessed,
        activation_memory,
        prepare=preprocess if callable(preprocess) else None,
        samples=_samples(input_spec),
        live=live,
    )
    for sentence in predictions.assumed(network.outputs, network.state.current().scorings, network.labels):
        network = _noting(network, sentence)
    if found is None or not guessed:
        return network
    what = "ImageNet" if found.row.weights == "imagenet" else found.row.name
    if found.by_layers:
        return _noting(
            network, _("Its classes are taken for those of {what}, by its layers and their number. labels= names them.").format(what=what)
        )
    return _noting(network, _("Its classes are taken for those of {what}, by the model's name. labels= names them.").format(what=what))


def _samples(input_spec: InputSpec) -> tuple[str, ...]:
    """Return the bundled samples that suit a model of the user's own."""
    if input_spec.kind == "image":
        return DIGITS if input_spec.size[2] == 1 else PHOTOGRAPHS
    return SOUNDS if input_spec.kind == "audio" else ()


def from_live_model(model: Any, spec: AdoptedModel, activation_memory: int, prepare: Prepare | None) -> Network:
    """Return the network of a live model that a page was given: of a copy, so that its owner may go on training it.

    A model that can't be copied is used as it is, and `reading.assumed` says so.
    """
    copied = copy(model)
    shown = model if copied is None else copied
    network = wrap(shown, spec, activation_memory, spec.preprocess or prepare, spec.labels, live=copied is None)
    if copied is not None:
        return network
    return _noting(network, _("Keras can't copy this model, so the page shows it live, as it is at each moment."))


def _noting(network: Network, *assumed: str) -> Network:
    """Add sentences to what the page says was assumed."""
    network.inputs.assume(*assumed)
    return network


@contextmanager
def data_format(wanted: str) -> Iterator[None]:
    """Build with this order of axes; Keras keeps it as one setting for all threads, so it is put back under a lock."""
    with _format_lock:
        before = keras.config.image_data_format()
        keras.config.set_image_data_format(wanted)
        try:
            yield
        finally:
            keras.config.set_image_data_format(before)


def _on(tensor: Any, spec: NetworkSpec, row: Architecture) -> NetworkSpec:
    """Return the spec of a network on a tensor of the user's own, whose size is then taken as it is, as Keras does."""
    if not keras.utils.is_keras_tensor(tensor) or len(tensor.shape) != 4:
        raise ExplorerError(
            _(
                "input_tensor must be a symbolic tensor of pictures or spectrograms, such as keras.Input({shape}) or a layer's output, "
                "not {what}."
            ).format(shape=row.input_size, what=f"{type(tensor).__name__} {tuple(getattr(tensor, 'shape', ()))}")
        )
    shape = tuple(tensor.shape[1:])
    if spec.input_shape not in (None, shape):
        raise ExplorerError(
            _("input_shape says {given}, but input_tensor has {own}; leave input_shape out.").format(given=spec.input_shape, own=shape)
        )
    if row.input == "audio" and shape != row.input_size:
        raise ExplorerError(
            _("{name} reads spectrograms of {own} only; input_tensor has {given}.").format(
                name=row.name, own=shape_text(row.input_size), given=shape_text(shape)
            )
        )
    return replace(spec, input_shape=shape)


def _weights_file(spec: NetworkSpec, report_progress: ReportProgress) -> Path | None:
    """Return the file to load weights from; downloaded where it is one of the table and not here."""
    if spec.weights is None:
        return None
    row = architectures[spec.architecture]
    return cache.fetch(spec, report_progress) if spec.weights == row.weights else Path(spec.weights)


def _numbered(labels: Iterable[str] | None) -> Labels:
    return tuple((str(place), label) for place, label in enumerate(checked_labels(labels)))


def _labels_of_table(spec: NetworkSpec, row: Architecture) -> Labels:
    """Return (id, label) of each class; classes without trained weights mean nothing, and have numbers for names."""
    if not spec.include_top or spec.weights is None:
        return ()
    if spec.weights == row.weights:
        return _numbered(row.labels) or cache.classes()
    published = spec.classes in (None, row.classes) and Path(spec.weights).name in {file.name for file in row.files}
    return (_numbered(row.labels) or cache.classes_here()) if published else ()


def _labels_of(model: Any, row: Architecture) -> Labels:
    """Return the classes of the architecture that a model is built on, where they fit and are on this machine."""
    outputs = outputs_of(model) if has_graph(model) else ()
    fits = len(outputs) == 1 and outputs[0].shape == (row.classes,)
    return (_numbered(row.labels) or cache.classes_here()) if fits else ()
