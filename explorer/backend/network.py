"""Network: a live network and what can be asked of it: answers, layers, feature maps, features."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from threading import RLock
from typing import Any, TypeAlias, overload

import numpy as np

from explorer.backend.graph import layer_table, receptive_fields
from explorer.backend.graph.feature_layer import feature_layer
from explorer.backend.inference import predictions
from explorer.backend.inference.activation_cache import Activations, Array
from explorer.backend.inference.layer_outputs import layer_outputs
from explorer.backend.inference.model_structure import ModelStructure, finalize_statistics, forget_compiled
from explorer.backend.inference.predictions import Scoring
from explorer.backend.inputs import arrays, audio, images, preprocessing
from explorer.backend.inputs.images import Source
from explorer.backend.models.finite import check_answers
from explorer.backend.network_audio import Hearing
from explorer.backend.network_model import WholeModel
from explorer.backend.runtime.refusals import within_memory
from explorer.errors import ExampleWarning, ExplorerError, UnreadableExample
from explorer.locale import _, megabytes
from explorer.values import (
    AnySpec,
    Axis,
    Example,
    FeatureMaps,
    InputSpec,
    LayerKey,
    Layers,
    NetworkSpec,
    NetworkSummary,
    Predictions,
    PreprocessedInput,
    Progress,
    TensorInfo,
)

ACTIVATION_MEMORY = 256 * 2**20
BATCH = 32
TOP = 5  # answers, where nobody says how many
KINDS = {"image": images, "audio": audio, "arrays": arrays}  # how examples of each kind are read, picked by that word

ReportProgress: TypeAlias = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Say nothing: the default where nobody listens."""


class Network(WholeModel, Hearing):
    """A live network: its Keras `model`, its `spec`, and what can be asked of it.

    Use it on the thread that built it; a lock keeps calls from overlapping. `explorer.load` makes it.

    labels: (id, label) of each class; empty for plain numbers.
    prepare: a function of the user's own that prepares pixels, for the convention "custom".
    samples: the bundled samples that suit it.
    live: whether its owner may change the model at any time: each call looks whether it has changed, and no activations are
        remembered. So it is from the moment on when somebody takes `model`.
    """

    def __init__(
        self,
        model: Any,
        spec: AnySpec,
        input_spec: InputSpec,
        labels: tuple[tuple[str, str], ...] = (),
        activation_memory: int = ACTIVATION_MEMORY,
        prepare: Callable[[Any], Any] | None = None,
        samples: tuple[str, ...] = (),
        live: bool = False,
    ) -> None:
        self.unshared_model = model
        self.spec = spec
        self.input_spec = input_spec
        self.samples = samples
        self.activations = Activations(activation_memory)
        self._kind: Any = KINDS[input_spec.kind]
        self.prepare = prepare
        self._live = live
        self._lock = RLock()
        self._axis_mappings: dict[str, tuple[receptive_fields.AxisMapping | None, ...]] = {}
        self.labels = labels
        self._structure = self._read_structure()
        predictions.check_labels(labels, self._structure.scorings)

    def _read_structure(self) -> ModelStructure:
        def blank() -> tuple[Array, ...]:
            return self.to_batch(self._kind.blank(self.input_spec))

        return ModelStructure(self.unshared_model, self.input_spec.inputs, blank, len(self.labels), self.headless)

    @property
    def headless(self) -> bool:
        """Whether it was built without its classification head."""
        return isinstance(self.spec, NetworkSpec) and not self.spec.include_top

    def renew(self) -> None:
        """Compile and read the model anew: it is no longer what it was."""
        with self._lock:
            forget_compiled(self.unshared_model)
            self._axis_mappings.clear()
            self.activations.forget()
            self._structure = self._read_structure()

    def _current(self) -> ModelStructure:
        """Return what is known of the model as it stands now."""
        if self._live:
            with self._lock:
                finalize_statistics(self.unshared_model)
                if not self._structure.describes(self.unshared_model):
                    self.renew()
        return self._structure

    def __repr__(self) -> str:
        kept = _("{kept} of {bound} MB of activations remembered").format(
            kept=megabytes(self.activations.size), bound=megabytes(self.activations.bound)
        )
        weights = f", weights={self.spec.weights!r}" if isinstance(self.spec, NetworkSpec) else ""
        return f"<Network {self.spec.name}{weights}, {len(self.layers)} layers, {kept}>"

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the input: rows and columns in pixels, or Hz and seconds; channels; none for arrays."""
        axes: tuple[Axis, ...] = self._kind.axes_of(self.input_spec)
        return axes

    @property
    def memory(self) -> int:
        """Bytes that the weights take."""
        return sum(math.prod(one.shape) * np.dtype(one.dtype).itemsize for one in self.unshared_model.weights)

    @property
    def model(self) -> Any:
        """The Keras model. Whoever takes it may change it, so from then on what its layers returned is remembered no more.

        Code that leaves the model as it is takes `unshared_model`.
        """
        self._live = True
        return self.unshared_model

    @property
    def layers(self) -> Layers:
        """The layer table."""
        return self._current().layers

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs, by the names that the model gives them or the layers that make them."""
        return self._current().outputs

    @property
    def graph(self) -> bool:
        """Whether Keras knows how the layers are joined: not so for subclassed models."""
        return self._current().graph

    @property
    def scorings(self) -> tuple[Scoring, ...]:
        """How the numbers of each output are read."""
        return self._structure.scorings

    @property
    def classes(self) -> tuple[int, ...]:
        """How many classes each output names; 0 for one that is no vector of scores, and for features without a top."""
        return tuple(one.classes for one in self._current().scorings)

    def forget(self) -> None:
        """Forget the activations that are remembered."""
        with self._lock:
            self.activations.forget()

    def summary(self) -> NetworkSummary:
        """Return what a page needs to know of this network."""
        now = self._current()
        return NetworkSummary(
            self.spec,
            self.input_spec,
            self.axes,
            now.layers,
            now.outputs,
            self.classes,
            self.unshared_model.count_params(),
            self.memory,
            self.samples,
            now.graph,
            tuple(label for _id, label in self.labels),
            self.tuned_from,
        )

    def read(self, source: Any) -> Example:
        """Return the example that `source` holds, as `predict` takes it, to be read only once.

        Raises UnreadableExample where it is none; warns (ExampleWarning) of a sound that is cut off, and of what has to be assumed of
        the values of an array or of a picture of more than 8 bits, and of a picture among several inputs.
        """
        if isinstance(source, Example):
            return source
        with within_memory():
            example: Example = self._kind.read(source)
            defects = self.assumed_of(example)
        for defect in defects:
            warnings.warn(defect, ExampleWarning, stacklevel=3)
        return example

    def assumed_of(self, example: Example) -> tuple[str, ...]:
        """Return what has to be assumed of this example, or is wrong with it, beside `reading.assumed`. Raises UnreadableExample."""
        assumed: tuple[str, ...] = self._kind.defects(example, self.input_spec)
        return assumed

    @overload
    def predict(self, example: list[Source], top: int | None = None) -> list[Any]: ...
    @overload
    def predict(self, example: Source, top: int | None = None) -> Any: ...
    def predict(self, example: Any, top: int | None = None) -> Any:
        """Return the `top` best answers, best first: what the guides' recipe answers (keras.io/api/applications).

        example: a path, the bytes of an image file, a binary file object, a Pillow image or an array of uint8, (height,
            width), or (height, width, 1 to 4); an array of other numbers, or a .npy file of it, in the shape that the
            network reads goes in as it is, or as pixels where its values are such. For a network that reads arrays, an
            array, a mapping from its inputs' names to arrays, a tuple of them in order, or a .npy, .npz or .csv file; an
            input that reads pictures takes one there too, and alone, the others then get random values. For one that
            hears, a path, bytes or a binary file object of WAV, FLAC, Ogg or MP3, or a tuple of samples, (n,) or
            (n, channels) in -1 to 1, and their rate. A list of examples gives a list.
        top: how many, 1 to the number of classes; fewer where an output has fewer. None for 5, or all where
            there are fewer.
        Returns a tuple of `Prediction`; for a network with several outputs a dict of them by the output's name.
        Raises UnreadableExample, or ExplorerError for a `top` out of range, outputs that are no scores or no numbers (NaN), and what
        would take too much memory or time.
        """
        if isinstance(example, list):
            examples = [self.read(one) for one in example]
            return [self._named(predictions) for predictions in self._answers(examples, top)]
        return self._named(next(self._answers([self.read(example)], top)))

    def _named(self, predictions: list[Predictions]) -> Any:
        if len(self.outputs) == 1:
            return predictions[0].predictions
        return {self.outputs[one.output].name: one.predictions for one in predictions}

    def predictions(self, example: Example, top: int, output: int = 0) -> Predictions:
        """Return the `top` best answers of one output and what the other classes hold."""
        for one in next(self._answers([example], top)):
            if one.output == output:
                return one
        raise ExplorerError(_("The output {output} of {name} is no list of scores.").format(output=output, name=self.spec.name))

    def _answers(self, examples: list[Example], top: int | None) -> Iterator[list[Predictions]]:
        top = self.checked_top(top)
        size = BATCH if self.input_spec.size or not any(None in one.shape for one in self.input_spec.inputs) else 1  # lengths may differ
        for start in range(0, len(examples), size):
            with self._lock, within_memory():
                batches = [self.to_batch(one) for one in examples[start : start + size]]
                now = self._current()
                returned = now.executor.forward(np.concatenate(parts) for parts in zip(*batches, strict=True))
            for place in range(len(batches)):
                yield [
                    self._best(scoring, returned[output][place], top, output)
                    for output, scoring in enumerate(now.scorings)
                    if scoring.classes
                ]

    def _best(self, scoring: Scoring, values: Any, top: int, output: int) -> Predictions:
        check_answers(values, self.unshared_model)
        found = scoring.scores(values.astype(np.float64))
        return predictions.best(found, top, self.labels, scoring.scale(found), output)

    def checked_top(self, top: int | None) -> int:
        """Return how many answers to give. Raises ExplorerError where that is more than there are, or the network gives none."""
        if not any(self.classes):
            if isinstance(self.spec, NetworkSpec):
                raise ExplorerError(
                    _("This network was built without its top (include_top=False), so it names no classes; ask for feature maps.")
                )
            raise ExplorerError(_("The outputs of {name} are no lists of scores; ask for feature maps.").format(name=self.spec.name))
        if top is None:
            return min(TOP, max(self.classes))
        if isinstance(top, bool) or not isinstance(top, int | np.integer) or not 1 <= top <= max(self.classes):
            raise ExplorerError(_("top must be a whole number from 1 to {classes}, not {top}.").format(classes=max(self.classes), top=top))
        return int(top)

    @overload
    def feature_maps(self, example: Any, layer: LayerKey) -> Array: ...
    @overload
    def feature_maps(self, example: Any, layer: Iterable[LayerKey]) -> dict[str, Array]: ...
    def feature_maps(self, example: Any, layer: Any) -> Any:
        """Return what a layer answers to an example: float32 (height, width, channels), or (units,) for a dense layer.

        example: as for `predict`; a list of them gives a list.
        layer: an index, a name or a row of `layers`; several of them give a mapping from name to array.
        The same numbers as `keras.Model(model.input, model.get_layer(name).output)`, in the network's own
        order of axes; of a layer with several outputs the first. One run of the network answers for all
        layers; further layers of an example still remembered run nothing.
        Raises UnknownName for a layer that is not there, UnreadableExample.
        """
        if isinstance(example, list):
            return [self.feature_maps(one, layer) for one in example]
        several = isinstance(layer, Iterable) and not isinstance(layer, str | bytes)
        wanted = [self.layers.find(one) for one in (layer if several else [layer])]
        found = self._activations(self.read(example), [one.name for one in wanted])
        if several:
            return {one.name: found[one.name].copy() for one in wanted}
        return found[wanted[0].name].copy()

    def features(self, example: Any, pooling: str | None = None) -> Any:
        """Return what the network knows of an example before its classification head: the guides' feature extraction.

        example: as for `predict`; a list of them gives a list.
        pooling: None for the last feature maps, float32 (height, width, channels); "avg" or "max" for their
            mean or maximum over the picture, float32 (channels,). Where a network ends in a vector, or has no
            maps at all, the vector before its head, float32 (units,); where that is a sequence, as in a vision
            transformer, float32 (steps, units), or its mean or maximum over the steps, float32 (units,).
        Raises ExplorerError for another pooling, where the head reads the input itself, and for features that are no numbers (NaN);
        UnreadableExample.
        """
        if pooling not in (None, "avg", "max"):
            raise ExplorerError(_("pooling must be 'avg', 'max' or None, not {pooling!r}.").format(pooling=pooling))
        last = feature_layer(self.layers, self.headless)
        found = self.feature_maps(example, last.name)
        channels = 0 if self.input_spec.data_format == "channels_first" else -1

        def pooled(values: Array) -> Array:
            check_answers(values, self.unshared_model)
            if pooling is None or values.ndim not in (2, 3):
                return values
            by_channel = np.moveaxis(values, channels, -1) if values.ndim == 3 else values
            cells = by_channel.reshape(-1, by_channel.shape[-1])
            vector: Array = cells.mean(axis=0) if pooling == "avg" else cells.max(axis=0)
            return vector

        return [pooled(one) for one in found] if isinstance(found, list) else pooled(found)

    def view(self, example: Example) -> PreprocessedInput:
        """Return the example as it came and as the network sees it."""
        with within_memory():
            seen: PreprocessedInput = self._kind.to_view(example, self.input_spec)
        return seen

    def to_batch(self, example: Example) -> tuple[Array, ...]:
        """Return what the network reads of an example: one array (1, ...) an input. Raises UnreadableExample."""
        if example.kind != self.input_spec.kind:
            raise UnreadableExample(_("{name} reads {kind} input.").format(name=self.spec.name, kind=self.input_spec.kind))
        if self.input_spec.kind == "image":
            return (preprocessing.batch_of(example, self.input_spec, self.prepare),)
        batch: tuple[Array, ...] = self._kind.to_batch(example, self.input_spec)
        return batch

    def random_example(self, seed: int = 0) -> Example:
        """Return an example of random values, for a network that reads arrays.

        Raises ExplorerError for one that reads pictures.
        """
        if self.input_spec.kind != "arrays":
            raise ExplorerError(_("{name} reads pictures; give it one.").format(name=self.spec.name))
        return arrays.random(self.input_spec, seed)

    def maps(self, example: Example, layer: LayerKey) -> FeatureMaps:
        """Return one layer's feature maps with their axes, channels last; read-only, they may be remembered."""
        row = self.layers.find(layer)
        values = self._activations(example, [row.name])[row.name]
        if self.input_spec.data_format == "channels_first" and values.ndim == 3:
            values = np.moveaxis(values, 0, -1)
        places = self._places(row.name, values.shape)
        if values.ndim == 2 and len(places) == 2 and all(places):  # grey pixels without an axis of channels
            values, places = values[..., None], (*places, None)
        axes = layer_table.axes_of(self._kind.axes_of(self.input_spec, example), values.shape, places)
        if values.ndim > 3:  # such as (steps, rows, columns, channels): a map for each step and channel
            values = np.moveaxis(values, (-3, -2), (0, 1))
        values = values.reshape([axis.size for axis in axes])
        values.flags.writeable = False
        named = row.name in self._current().last and values.shape == (len(self.labels),)
        labels = tuple(label for _id, label in self.labels) if named else ()
        return FeatureMaps(row, values, axes, self.activations.size, self.activations.bound, labels)

    def _places(self, name: str, shape: tuple[int, ...]) -> tuple[receptive_fields.AxisMapping | None, ...]:
        """Return how each axis of a layer's output, brought to channels last, runs along the input; () where that isn't known."""
        if not self.input_spec.size:
            return ()
        if name not in self._axis_mappings:  # the same for every example, and through a thousand layers it takes 30 ms
            self._axis_mappings[name] = receptive_fields.axis_mappings(self.unshared_model, name, self.input_spec.data_format)
        places = self._axis_mappings[name]
        if self.input_spec.data_format == "channels_first" and len(places) == 3:
            places = (*places[1:], places[0])
        return places if len(places) == len(shape) else ()

    def _activations(self, example: Example, names: list[str]) -> dict[str, Array]:
        with self._lock, within_memory():
            now = self._current()
            if self._live:
                self.activations.forget()
            return layer_outputs(now, self.activations, example.digest, names, lambda: self.to_batch(example))
