"""The one builder, NetworkSpec -> Network, and the Network: predictions, layers, feature maps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any, TypeAlias, overload

import numpy as np

from explorer.backend import digits, images, layers, weights
from explorer.backend.activations import Activations, Array
from explorer.backend.images import Source
from explorer.backend.runtime import keras, tensorflow
from explorer.catalog import Architecture, architectures
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, megabytes
from explorer.values import Answers, Axis, Example, FeatureMaps, LayerKey, Layers, NetworkSpec, NetworkSummary, Prediction, Progress

ACTIVATION_MEMORY = 256 * 2**20
BATCH = 32

Say: TypeAlias = Callable[[Progress], None]


def silent(_progress: Progress) -> None:
    """Say nothing: the default where nobody listens."""


def build(spec: NetworkSpec, activation_memory: int = ACTIVATION_MEMORY, say: Say = silent) -> Network:
    """Build the network of `spec`; its weights are downloaded by Keras where they are not on this machine.

    Raises WeightsUnavailable where they can't be had, ExplorerError where the file is damaged.
    """
    row = architectures[spec.architecture]
    here = spec.weights is not None and weights.path(spec).is_file()  # afterwards a download may have changed that
    say(Progress(_under_way(spec, here)))
    try:
        with _quiet():
            model = _bundled(spec) if row.bundled else _of_the_guides(spec, row)
    except Exception as error:  # Keras, h5py and urllib raise bare Exceptions here
        raise weights.refusal(spec, here, error) from error
    try:
        with _quiet():
            labels = _labels(spec, row, model.output_shape[-1])
    except Exception as error:
        raise weights.classes_unavailable(row, error) from error
    return Network(model, spec, labels, activation_memory)


def _under_way(spec: NetworkSpec, here: bool) -> str:
    if spec.weights is None:
        return _("Building {name}…").format(name=spec.architecture)
    if here:
        return _("Reading the weights of {name}…").format(name=spec.architecture)
    file = architectures[spec.architecture].file(spec.include_top, spec.alpha)
    return _("Downloading the weights of {name} ({size})…").format(name=spec.architecture, size=weights.size_of(file))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Keras's download bars out of stdout: in a thread they are lost, and in the shell they would break JSON."""
    loud = keras.config.is_interactive_logging_enabled()
    keras.config.disable_interactive_logging()
    try:
        yield
    finally:
        if loud:
            keras.config.enable_interactive_logging()


def _bundled(spec: NetworkSpec) -> Any:
    model = digits.build() if spec.weights is None else keras.saving.load_model(weights.path(spec), compile=False)
    return model if spec.include_top else digits.without_top(model)


def _of_the_guides(spec: NetworkSpec, row: Architecture) -> Any:
    options = {"alpha": spec.alpha} if len(row.alphas) > 1 else {}
    make = getattr(keras.applications, row.name)
    return make(weights=spec.weights, include_top=spec.include_top, input_shape=row.input_size, **options)


def _labels(spec: NetworkSpec, row: Architecture, classes: int) -> tuple[tuple[str, str], ...]:
    """Return (id, label) of each class; without trained weights the classes mean nothing and have numbers."""
    if not spec.include_top:
        return ()
    if spec.weights is None:
        return tuple((str(index), _("class {index}").format(index=index)) for index in range(classes))
    if row.bundled:
        return tuple((str(index), str(index)) for index in range(classes))
    # Scores that fall with the index make Keras list its classes in their own order.
    falling = -np.arange(classes, dtype="float32")[None]
    rows = keras.applications.imagenet_utils.decode_predictions(falling, top=classes)[0]
    return tuple((identifier, label) for identifier, label, _score in rows)


class Network:
    """A live network: its Keras `model`, its `spec`, and what can be asked of it.

    Use it on the thread that built it; a lock keeps calls from overlapping.
    """

    def __init__(self, model: Any, spec: NetworkSpec, labels: tuple[tuple[str, str], ...], activation_memory: int) -> None:
        self.model = model
        self.spec = spec
        self.labels = labels
        self.layers: Layers = layers.table(model)
        self.activations = Activations(activation_memory)
        self._row = architectures[spec.architecture]
        self._lock = RLock()
        self._signature = tensorflow.TensorSpec((None, *model.input_shape[1:]), "float32")
        self._forward = tensorflow.function(lambda batch: model(batch, training=False), input_signature=[self._signature])
        self._recorders: dict[tuple[int, ...], Any] = {}

    def __repr__(self) -> str:
        kept = _("{kept} of {bound} MB of activations remembered").format(
            kept=megabytes(self.activations.size), bound=megabytes(self.activations.bound)
        )
        return f"<Network {self.spec.architecture}, weights={self.spec.weights!r}, {len(self.layers)} layers, {kept}>"

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the input: rows and columns in pixels, channels."""
        return images.axes_of(self.model.input_shape[1:])

    def summary(self) -> NetworkSummary:
        """Return what a page needs to know of this network."""
        return NetworkSummary(self.spec, self._row.input, self.axes, self.layers, len(self.labels), self.model.count_params())

    @overload
    def predict(self, example: Source, top: int = 5) -> tuple[Prediction, ...]: ...
    @overload
    def predict(self, example: list[Source], top: int = 5) -> list[tuple[Prediction, ...]]: ...
    def predict(self, example: Source | list[Source], top: int = 5) -> tuple[Prediction, ...] | list[tuple[Prediction, ...]]:
        """Return the `top` best answers, best first: what the guides' recipe answers (keras.io/api/applications).

        example: a path, the bytes of an image file, a binary file object, a Pillow image or an array
            (height, width, 3) of uint8; a list of them gives a list.
        top: how many, 1 to the number of classes.
        Raises UnreadableExample, or ExplorerError for a `top` out of range or a network without its top.
        """
        if isinstance(example, list):
            examples = [images.read(one) for one in example]
            return [answers.predictions for answers in self._answers(examples, top)]
        return self.answers(images.read(example), top).predictions

    def answers(self, example: Example, top: int) -> Answers:
        """Return the `top` best answers and what the other classes hold."""
        return next(self._answers([example], top))

    def _answers(self, examples: list[Example], top: int) -> Iterator[Answers]:
        self._check_top(top)
        shares = _is_softmax(self.model.layers[-1])
        for start in range(0, len(examples), BATCH):
            with self._lock:
                batch = np.concatenate([self._batch(one) for one in examples[start : start + BATCH]])
                scores = self._forward(tensorflow.constant(batch)).numpy()
            for row in scores.astype(np.float64):
                best = np.argsort(-row, kind="stable")[:top]
                predictions = tuple(
                    Prediction(id=self.labels[index][0], label=self.labels[index][1], score=float(row[index])) for index in best
                )
                yield Answers(predictions, len(row) - top, max(0.0, float(row.sum() - row[best].sum())), shares)

    def _check_top(self, top: int) -> None:
        if not self.labels:
            raise ExplorerError(
                _("This network was built without its top (include_top=False), so it names no classes; ask for feature maps.")
            )
        if isinstance(top, bool) or not isinstance(top, int | np.integer) or not 1 <= top <= len(self.labels):
            raise ExplorerError(_("top must be a whole number from 1 to {classes}, not {top}.").format(classes=len(self.labels), top=top))

    @overload
    def feature_maps(self, example: Source, layer: LayerKey) -> Array: ...  # type: ignore[overload-overlap]  # a name is no list of names
    @overload
    def feature_maps(self, example: Source, layer: Iterable[LayerKey]) -> dict[str, Array]: ...
    @overload
    def feature_maps(self, example: list[Source], layer: Any) -> list[Any]: ...
    def feature_maps(self, example: Any, layer: Any) -> Any:
        """Return what a layer answers to an example: float32 (height, width, channels), or (units,) for a dense layer.

        example: as for `predict`; a list of them gives a list.
        layer: an index, a name or a row of `layers`; several of them give a mapping from name to array.
        The same numbers as `keras.Model(model.input, model.get_layer(name).output)`. One run of the
        network answers for all layers; further layers of an example still remembered run nothing.
        Raises UnknownName for a layer that is not there, UnreadableExample.
        """
        if isinstance(example, list):
            return [self.feature_maps(one, layer) for one in example]
        several = isinstance(layer, Iterable) and not isinstance(layer, str | bytes)
        wanted = [self.layers.find(one) for one in (layer if several else [layer])]
        arrays = self._activations(images.read(example), [one.index for one in wanted])
        if several:
            return {one.name: arrays[one.index].copy() for one in wanted}
        return arrays[wanted[0].index].copy()

    def maps(self, example: Example, layer: LayerKey) -> FeatureMaps:
        """Return one layer's feature maps with their axes; read-only, they may be remembered."""
        row = self.layers.find(layer)
        axes = layers.axes_of(row, self.axes)
        values = self._activations(example, [row.index])[row.index].reshape([axis.size for axis in axes])
        values.flags.writeable = False
        last = row.index == len(self.layers) - 1
        labels = tuple(label for _id, label in self.labels) if last else ()
        return FeatureMaps(row, values, axes, self.activations.size, self.activations.bound, labels)

    def _activations(self, example: Example, indices: list[int]) -> dict[int, Array]:
        with self._lock:
            found = self.activations.get(example.digest, indices)
            if found is None:
                recorded = tuple(self._recorded(indices))
                outputs = self._recorder(recorded)(tensorflow.constant(self._batch(example)))
                arrays = {index: output.numpy()[0].astype(np.float32, copy=False) for index, output in zip(recorded, outputs, strict=True)}
                self.activations.put(example.digest, arrays)
                found = {index: arrays[index] for index in indices}
            return found

    def _recorded(self, wanted: list[int]) -> Iterable[int]:
        """Return the layers to record in one run: all, when they fit into what may be remembered."""
        needed = sum(4 * math.prod(size or 0 for size in layer.output_shape) for layer in self.layers)
        return range(len(self.layers)) if needed <= self.activations.bound else sorted(set(wanted))

    def _recorder(self, indices: tuple[int, ...]) -> Any:
        """Return the compiled network that answers with the outputs of these layers."""
        if indices not in self._recorders:
            recording = keras.Model(self.model.inputs, [self.model.layers[index].output for index in indices])
            self._recorders.clear()  # one is enough: each holds a graph of the whole network
            self._recorders[indices] = tensorflow.function(
                lambda batch: keras.tree.flatten(recording(batch, training=False)), input_signature=[self._signature]
            )
        return self._recorders[indices]

    def _batch(self, example: Example) -> Array:
        if example.kind != self._row.input:
            raise UnreadableExample(_("{name} reads {kind} input.").format(name=self._row.name, kind=self._row.input))
        batch = images.to_batch(example, self._row)
        if self._row.convention == "digit":
            return batch
        prepared: Array = keras.applications.imagenet_utils.preprocess_input(batch, data_format="channels_last", mode=self._row.convention)
        return prepared


def _is_softmax(layer: Any) -> bool:
    return getattr(layer, "activation", None) is keras.activations.softmax or type(layer).__name__ == "Softmax"
