"""Network: a live network and its public methods; its parts do the work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, overload

from explorer.backend.evaluation import data as evaluation_data
from explorer.backend.evaluation import evaluate
from explorer.backend.inference.activation_cache import Activations, Array
from explorer.backend.inputs.images import Source
from explorer.backend.models.weights import WeightsReport
from explorer.backend.network_audio import NetworkAudio
from explorer.backend.network_files import NetworkFiles
from explorer.backend.network_inputs import NetworkInputs
from explorer.backend.network_layers import NetworkLayers
from explorer.backend.network_predictions import NetworkPredictions
from explorer.backend.network_state import ModelState
from explorer.locale import _, megabytes
from explorer.values import (
    AnySpec,
    AudioClip,
    Example,
    InputSpec,
    LayerKey,
    Layers,
    NetworkSpec,
    NetworkSummary,
    Progress,
    ScoresOverTime,
    TensorInfo,
)

ACTIVATION_MEMORY = 256 * 2**20


def silent(_progress: Progress) -> None:
    """Report no progress: the default."""


class Network:
    """A live network: its Keras `model`, its `spec`, and the methods that use it.

    Use it on the thread that built it; a lock keeps calls from overlapping. `explorer.load` creates it.

    labels: (id, label) of each class; empty for plain numbers.
    prepare: a function of the user's own that prepares pixels, for the preprocess_mode "custom".
    samples: the bundled samples that suit it.
    live: whether its owner may change the model at any time: then each call checks for changes, and no activations are
        cached. Reading the attribute `model` makes the network live.

    Its parts: `inputs` reads examples, `scores` predicts, `inside` looks at layers, `audio` is about sound, `files` about what
    Keras saves and loads; `state` is the model that they share.
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
        self.samples = samples
        self.inputs = NetworkInputs(input_spec, spec.name, prepare)
        self.state = ModelState(model, spec, self.inputs, labels, live)
        self.inside = NetworkLayers(self.state, self.inputs, activation_memory)
        self.scores = NetworkPredictions(self.state, self.inputs, self.inside)
        self.audio = NetworkAudio(self.state, self.inputs, self.scores)
        self.files = NetworkFiles(self.state, self.inputs)

    def __repr__(self) -> str:
        kept = _("{kept} of {bound} MB of activations remembered").format(
            kept=megabytes(self.activations.size), bound=megabytes(self.activations.bound)
        )
        weights = f", weights={self.spec.weights!r}" if isinstance(self.spec, NetworkSpec) else ""
        return f"<Network {self.spec.name}{weights}, {len(self.layers)} layers, {kept}>"

    @property
    def spec(self) -> AnySpec:
        """What it was built from."""
        return self.state.spec

    @property
    def model(self) -> Any:
        """The Keras model. The caller may change it, so activations are not cached any more after that.

        Code that does not change the model uses `state.model`.
        """
        self.state.live = True
        return self.state.model

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """(id, label) of each class; empty for plain numbers."""
        return self.state.labels

    @property
    def input_spec(self) -> InputSpec:
        """How it reads and preprocesses examples."""
        return self.inputs.input_spec

    @property
    def memory(self) -> int:
        """The size of the weights in bytes."""
        return self.state.memory

    @property
    def activations(self) -> Activations:
        """The cached activations."""
        return self.inside.activations

    @property
    def layers(self) -> Layers:
        """The layer table."""
        return self.state.current().layers

    @property
    def outputs(self) -> tuple[TensorInfo, ...]:
        """The outputs, named by the model or by the layers that return them."""
        return self.state.current().outputs

    @property
    def graph(self) -> bool:
        """Whether Keras knows how the layers are connected: it does not for subclassed models."""
        return self.state.current().graph

    @property
    def classes(self) -> tuple[int, ...]:
        """The number of classes of each output; 0 for an output that is no vector of scores, and for features without a top."""
        return tuple(one.classes for one in self.state.current().scorings)

    def forget(self) -> None:
        """Clear the cached activations."""
        self.inside.forget()

    def summary(self) -> NetworkSummary:
        """Return what a page needs to know of this network."""
        now = self.state.current()
        return NetworkSummary(
            self.spec,
            self.input_spec,
            self.inputs.axes(),
            now.layers,
            now.outputs,
            self.classes,
            self.state.model.count_params(),
            self.memory,
            self.samples,
            now.graph,
            tuple(label for _id, label in self.labels),
            self.files.tuned_from,
        )

    def read(self, source: Any) -> Example:
        """Return the example that `source` holds, as `predict` takes it, so that it is read only once.

        Raises UnreadableExample if it holds none; warns (ExampleWarning) of a sound that is cut off, and of assumptions about
        the values of an array or of a picture of more than 8 bits, and of a picture among several inputs.
        """
        return self.inputs.read(source)

    @overload
    def predict(self, example: list[Source], top: int | None = None) -> list[Any]: ...
    @overload
    def predict(self, example: Source, top: int | None = None) -> Any: ...
    def predict(self, example: Any, top: int | None = None) -> Any:
        """Return the top-k predictions, best first: the same as those of the Keras guides (keras.io/api/applications).

        example: a path, the bytes of an image file, a binary file object, a Pillow image or an array of uint8, (height,
            width), or (height, width, 1 to 4); an array of other numbers, or a .npy file of it, in the shape that the
            network reads goes in as it is, or as pixels where its values are such. For a network that reads arrays, an
            array, a mapping from its inputs' names to arrays, a tuple of them in order, or a .npy, .npz or .csv file; an
            input that reads pictures takes one there too, and alone, the others then get random values. For one that
            hears, a path, bytes or a binary file object of WAV, FLAC, Ogg or MP3, or a tuple of samples, (n,) or
            (n, channels) in -1 to 1, and their rate. A list of examples gives a list.
        top: how many, 1 to the number of classes; fewer if an output has fewer. None for 5, or all if
            there are fewer.
        Returns a tuple of `Prediction`; for a network with several outputs a dict of them by the output's name.
        Raises UnreadableExample, or ExplorerError for a `top` out of range, outputs that are no scores or no numbers (NaN), and what
        would take too much memory or time.
        """
        several = isinstance(example, list)
        examples = list(map(self.read, example if several else [example]))
        outputs = self.outputs
        found = [
            {outputs[one.output].name: one.predictions for one in by_output} if len(outputs) > 1 else by_output[0].predictions
            for by_output in self.scores.of(examples, top)
        ]
        return found if several else found[0]

    @overload
    def feature_maps(self, example: Any, layer: LayerKey) -> Array: ...
    @overload
    def feature_maps(self, example: Any, layer: Iterable[LayerKey]) -> dict[str, Array]: ...
    def feature_maps(self, example: Any, layer: Any) -> Any:
        """Return the feature maps of a layer for an example: float32 (height, width, channels), or (units,) for a dense layer.

        example: as for `predict`; a list of them gives a list.
        layer: an index, a name or a row of `layers`; several of them give a mapping from name to array.
        The same numbers as `keras.Model(model.input, model.get_layer(name).output)`, in the network's own
        order of axes; of a layer with several outputs the first. One run of the network computes all
        layers; further layers of a cached example need no run.
        Raises UnknownName for an unknown layer, UnreadableExample.
        """
        if isinstance(example, list):
            return [self.inside.feature_maps(self.read(one), layer) for one in example]
        return self.inside.feature_maps(self.read(example), layer)

    def features(self, example: Any, pooling: str | None = None) -> Any:
        """Return the features of an example before the classification head, as in the feature extraction of the Keras guides.

        example: as for `predict`; a list of them gives a list.
        pooling: None for the last feature maps, float32 (height, width, channels); "avg" or "max" for their
            mean or maximum over the picture, float32 (channels,). Where a network ends in a vector, or has no
            maps at all, the vector before its head, float32 (units,); where that is a sequence, as in a vision
            transformer, float32 (steps, units), or its mean or maximum over the steps, float32 (units,).
        Raises ExplorerError for another pooling, where the head reads the input itself, and for features that are no numbers (NaN);
        UnreadableExample.
        """
        if isinstance(example, list):
            return [self.inside.features(self.read(one), pooling) for one in example]
        return self.inside.features(self.read(example), pooling)

    def over_time(self, example: Any, hop: float | None = None) -> ScoresOverTime:
        """Return the predictions of a network of sound over time: the scores of a window that slides along the sound.

        example: as for `predict`.
        hop: seconds from one window to the next, brought to a whole number of frames; None for a fifth of a window, more on long pieces.
        The scores of each window are those that `predict` would give to its samples alone, to 1e-4.
        Raises ExplorerError for a network that reads no sound, names no classes or returns NaN; UnreadableExample, also where more than
        half of what is heard can't be decoded; warns (ExampleWarning) of less.
        """
        return self.audio.over_time(self.read(example), hop)

    def clip(self, example: Any, start: float, stop: float) -> AudioClip:
        """Return a part of a sound without preprocessing, sample for sample, clipped to its length; `start` and `stop` are in seconds.

        Raises UnreadableExample for what can't be read as a sound, and for an empty part; ExplorerError for a network that reads no sound.
        """
        self.audio.check()  # before the example is read, which then would be no sound
        return self.audio.clip(self.read(example), start, stop)

    def describe(self) -> str:
        """Return `model.summary()` as text."""
        return self.files.describe()

    def config(self) -> dict[str, Any]:
        """Return `model.get_config()`. Raises ExplorerError for a model whose class does not say how it was made."""
        return self.files.config()

    def to_json(self) -> str:
        """Return the model's topology as JSON, which `explorer.load` and Keras read. Raises as `config` does."""
        return self.files.to_json()

    def to_yaml(self) -> str:
        """Return the model's topology as YAML, which `explorer.load` reads. Raises as `config` does."""
        return self.files.to_yaml()

    def save(self, path: str | Path) -> None:
        """Save the whole model as .keras or .h5, with its preprocessing and its labels; Keras opens it as any other.

        A `preprocess` that is a function is left out: it is code, not data.
        Raises ExplorerError if it can't be saved.
        """
        self.files.save(path)

    def save_weights(self, path: str | Path) -> None:
        """Save the weights as .weights.h5, or as .h5 in the layout of Keras 2."""
        self.files.save_weights(path)

    def load_weights(self, path: str | Path, by_name: bool = False) -> WeightsReport:
        """Load weights from a .weights.h5, .h5 or .keras file and return which layers got weights.

        by_name: load only into layers that have the same name in the file; else the file must fit as a whole.
        Warns (AssumptionWarning) of weights that are no numbers.
        Raises ExplorerError if the file does not fit; then nothing has changed.
        """
        return self.files.load_weights(path, by_name)

    def evaluate(self, x: Any, y: Any, batch_size: int = 32) -> dict[str, float]:
        """Return loss and metrics on data as the model reads it: arrays, or dicts of them by input and output.

        The model's own compiled loss and metrics count; without them they are chosen by its last activation.
        Raises ExplorerError for data that does not fit the model.
        """
        self.state.current()
        return evaluate.evaluate(self.state.model, x, y, batch_size)

    def evaluate_file(self, path: str | Path, batch_size: int = 32) -> dict[str, float]:
        """Return what `evaluate` does for the arrays of an .npz file: x and y, or x_<input> and y_<output>."""
        return self.evaluate(*evaluation_data.read_data(path), batch_size)
