"""Session: the one shared state of a page. Views link to it; it knows no widgets and no Keras.

Requests that can fail are methods (`open`, `show`, `select`); their results arrive as traits when the
worker has them, and nothing changes when they fail but `error_message`. Choices that can't fail are traits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from traitlets import HasTraits, Instance, Int, Unicode, Union, observe, validate

from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.state.cells import replace_former
from explorer.state.errors import Errors
from explorer.state.example_loader import ExampleLoader, is_sample, sample_bytes
from explorer.state.network_loader import NetworkLoader, last_part
from explorer.state.requests import Requests
from explorer.values import Example, FeatureMaps, Layer, LayerKey, NetworkSummary, Predictions, PreprocessedInput, Region, RunProgress
from explorer.worker import providers
from explorer.worker.backend import Backend, RunStore
from explorer.worker.queue import AnyWorker, worker_here

OF_EXAMPLE = ("random", "example", "predictions", "feature maps")  # the keys of the requests about the example that is shown


class Session(HasTraits):
    """The state that the views of a page share: the network, the example, the predictions, the layer and its feature maps.

    Its parts: `requests` goes to the backend and `run_requests` to the runs on this machine; `errors` has the error messages; `loader`
    opens networks, and `examples` reads examples for the network that is open.

    When a cell of a notebook is run again, its new session replaces the former one, which is closed.

    source: the network to begin with: a name in `explorer.architectures`, the path of a model's file, or a live
        Keras model of your own, which is copied (`refresh` copies it again). By default MobileNetV2 where
        its weights are on this machine, else `digits`.
    sample: the name of a bundled sample to begin with.
    preprocess, labels: for a model of your own, as `explorer.load` describes them.
    worker: does the slow work; by default on a thread in a notebook, on the caller's in a script.
    run_worker: reads runs, which must not wait for that work; the default is the same.
    """

    network = Instance(NetworkSummary, allow_none=True, help="The network that is loaded.")
    training = Instance(RunProgress, allow_none=True, help="The progress of a training of this page; None if none is running.")
    example = Instance(Example, allow_none=True, help="The example that is shown and predicted.")
    example_revision = Int(0, help="How many examples have been shown or rejected so far.")
    preprocessed = Instance(PreprocessedInput, allow_none=True, help="The example before and after preprocessing.")
    weights_revision = Int(0, help="How many times other weights were loaded into the network that is shown.")
    weights_from = Unicode("", help="The file that they were loaded from; empty for its original weights.")
    top = Int(5, help="How many predictions: the k of top-k.")
    output = Int(0, help="Index of the output that predicts.")
    predictions = Instance(Predictions, allow_none=True, help="The top predictions for the example.")
    layer = Union([Unicode(), Int()], default_value="", help="The name of the selected layer; an index may be assigned too.")
    feature_maps = Instance(FeatureMaps, allow_none=True, help="The feature maps of the selected layer.")
    channel = Int(0, help="The chosen feature map or unit; for a layer that is newly selected, the strongest (`FeatureMaps.strongest`).")
    cell = Instance(tuple, allow_none=True, help="The chosen cell: row and column.")
    region = Instance(Region, allow_none=True, help="The receptive field of the chosen cell on the input; None if it is empty.")

    def __init__(
        self,
        source: Any = None,
        sample: str | None = None,
        worker: AnyWorker | None = None,
        preprocess: Any = None,
        labels: Sequence[str] = (),
        run_worker: AnyWorker | None = None,
    ) -> None:
        if sample is not None and not is_sample(sample):
            raise UnreadableExample(_("There is no sample {name!r}.").format(name=sample))
        super().__init__()
        self._predicted_example: Example | None = None
        self._channel_layer: Layer | None = None  # the layer that `channel` belongs to
        self.errors = Errors()
        self.requests = Requests[Backend](worker or worker_here(providers.backend), self.errors, lambda: self.loader.come_back())
        self.run_requests = Requests[RunStore](run_worker or worker_here(providers.run_store), self.errors)
        self.examples = ExampleLoader(self.requests, sample, self._read, self._refused)
        self.loader = NetworkLoader(self.requests, self._opened)
        self.loader.begin(source, preprocess, labels)
        if worker is None:
            replace_former(self)

    @property
    def busy(self) -> bool:
        """Whether a request to the backend is pending."""
        return self.requests.busy

    @property
    def error_message(self) -> str:
        """The newest current error message; empty for none."""
        return self.errors.message

    def report_error(self, error: Exception, key: str) -> None:
        """Report the error of a request under its key."""
        self.errors.report(error, key)

    def close(self) -> None:
        """Release the networks and the feature maps; a later request loads them again."""
        if not self.requests.closed:
            self.loader.leave()
        self.requests.close()
        self.run_requests.close()
        self.feature_maps = None

    def open(self, source: str, **options: Any) -> None:
        """Load an architecture with its options, or a model's file, as `explorer.load` takes them; `network` changes once it is loaded.

        If its weights have to be downloaded first, `loader.download_prompt` changes instead, and `loader.download` accepts it.
        """
        self.loader.open(source, **options)

    def register_live_model(self, model: Any, preprocess: Any = None, labels: Sequence[str] = ()) -> None:
        """Show a live Keras model of your own, as `explorer.load` takes it; it is copied."""
        self.loader.register_live_model(model, preprocess, labels)

    def refresh(self) -> None:
        """Copy the live model again, as it is now."""
        self.loader.refresh()

    def show(self, data: bytes, name: str) -> None:
        """Show the picture, the sound or the arrays in `data`, and predict; `example` changes if the data can be read."""
        self.examples.show(Example(self.network.input_spec.kind if self.network else "image", data, last_part(name)))

    def show_sample(self, name: str) -> None:
        """Show a bundled sample, and predict; `samples` lists the names."""
        if name not in self.samples:
            self.report_error(UnreadableExample(_("There is no sample {name!r}.").format(name=name)), "example")
            return
        self.show(sample_bytes(name), name)

    def show_random(self, seed: int = 0) -> None:
        """Show random values that fit the inputs of a network of arrays, and predict."""
        self.examples.show_random(seed)

    def hear_from(self, start: float | None) -> None:
        """Let the network hear the sound that is shown from another start.

        start: in seconds; None for the middle of the sound.
        """
        if self.example is not None and self.example.kind == "audio":
            self.examples.show(replace(self.example, start=start))

    def renew(self, weights_from: str) -> None:
        """Update predictions and feature maps, as the network has other weights now, from that file."""
        self.weights_revision += 1
        self.weights_from = weights_from
        self.show_again()

    def show_again(self) -> None:
        """Request the predictions and the feature maps of the example."""
        if self.preprocessed is not None:
            self._predict()
            self._request_maps()

    @property
    def samples(self) -> tuple[str, ...]:
        """The bundled samples that suit the network."""
        return self.network.samples if self.network else ()

    def select(self, key: LayerKey) -> None:
        """Select a layer by index or name; an unknown one is reported in `error_message`."""
        self.errors.clear("layer")
        if self.network is None:
            return
        try:
            self.layer = self.network.layers.find(key).name
        except ExplorerError as error:
            self.report_error(error, "layer")

    def _opened(self, network: NetworkSummary) -> None:
        self.requests.supersede(*OF_EXAMPLE)  # pending requests are about the former network
        self.predictions = self.feature_maps = self.preprocessed = None
        self.weights_from = ""
        if self.example is not None and self.example.kind != network.input_spec.kind:
            self.example = self.examples.last(network.input_spec.kind)
        if any(network.classes):
            self.top = max(1, min(self.top, max(network.classes)))
        same = self.network is not None and self.network.spec.name == network.spec.name
        self.output = min(self.output, len(network.outputs) - 1) if same else 0
        kept = same and self.layer in network.layers  # the same network with other options, or copied again
        if not kept:
            self.channel, self.cell, self._channel_layer = 0, None, None
        self.network = network
        if not kept:
            self.layer = first_to_look_at(network)
        self.examples.show_first(network, self.example)

    def _read(self, example: Example, preprocessed: PreprocessedInput) -> None:
        if example is not self.example:
            self.cell = None
        self.example, self.preprocessed = example, preprocessed
        self.example_revision += 1
        self.show_again()

    def _refused(self, otherwise: Callable[[], None] | None) -> None:
        self.example_revision += 1
        (otherwise or self.show_again)()

    def _predict(self) -> None:
        if self.network and self.example and self.network.classes[self.output]:
            asked = self.network.spec, self.example, self.top, self.output
            done, failed = partial(self._set_predictions, self.example), partial(self._predictions_failed, self.example)
            self.requests.submit("predictions", Backend.predict, *asked, on_success=done, on_error=failed, timed=True)

    def _set_predictions(self, example: Example, predictions: Predictions) -> None:
        self._predicted_example, self.predictions = example, predictions

    def _predictions_failed(self, example: Example, error: Exception) -> None:
        self.report_error(error, "predictions")
        if self.predictions and self._predicted_example is example:
            self.top = len(self.predictions.predictions)
        else:
            self.predictions = None  # they were for the former example

    def _request_maps(self) -> None:
        if self.network and self.example and self.layer:
            asked = self.network.spec, self.example, str(self.layer), True
            done, failed = self._set_maps, self._maps_failed
            self.requests.submit("feature maps", Backend.feature_maps, *asked, on_success=done, on_error=failed)

    def _set_maps(self, feature_maps: FeatureMaps) -> None:
        is_new = self._channel_layer != feature_maps.layer or self.channel >= feature_maps.count
        if is_new:
            self.cell = None
        self.feature_maps = feature_maps
        if is_new:
            self._channel_layer = feature_maps.layer
            self.channel = feature_maps.strongest

    def _maps_failed(self, error: Exception) -> None:
        self.report_error(error, "feature maps")
        self.feature_maps = None  # they were for the former layer or example

    @validate("layer")
    def _known_layer(self, proposal: Any) -> str | int:
        key: str | int = proposal["value"]
        return self.network.layers.find(key).name if self.network and self.network.layers.rows else key

    @validate("channel")
    def _channel_of_the_maps(self, proposal: Any) -> int:
        channel, maps = int(proposal["value"]), self.feature_maps
        return channel if 0 <= channel < (maps.count if maps else 1) else self.channel

    @validate("cell")
    def _cell_of_the_maps(self, proposal: Any) -> tuple[int, int] | None:
        cell, maps = proposal["value"], self.feature_maps
        if cell is None or maps is None or maps.planes is None:
            return None
        inside = len(cell) == 2 and all(0 <= index < size for index, size in zip(cell, maps.planes.shape, strict=False))
        return cell if inside else None

    @observe("top")
    def _other_top(self, _change: Any) -> None:
        if self.predictions and len(self.predictions.predictions) != self.top:
            self._predict()

    @validate("output")
    def _known_output(self, proposal: Any) -> int:
        return max(0, min(int(proposal["value"]), len(self.network.outputs) - 1)) if self.network else int(proposal["value"])

    @observe("output")
    def _other_output(self, _change: Any) -> None:
        if self.preprocessed:
            self.predictions = None
            self._predict()

    @observe("layer")
    def _other_layer(self, _change: Any) -> None:
        self.cell = None
        self.errors.clear("layer")
        if self.preprocessed:
            self._request_maps()

    @observe("cell", "feature_maps")
    def _other_cell(self, _change: Any) -> None:
        maps = self.feature_maps
        if self.cell is None or maps is None or not maps.spatial:
            self.region = None
            return
        fields = [axis.field(cell) for axis, cell in zip(maps.axes, self.cell, strict=False) if axis.spatial]
        known = tuple(field for field in fields if field is not None)
        self.region = Region(known) if len(known) == len(fields) else None  # a cell of zero padding sees nothing


def first_to_look_at(network: NetworkSummary) -> str:
    """Return the layer whose maps are easiest to understand: the activation after the first convolution; "" for no layers."""
    rows = [row for row in network.layers.rows if row.output_shapes] or network.layers.rows
    first = next((position for position, row in enumerate(rows) if row.kind == "convolution"), None)
    if first is None:
        return next((row.name for row in rows if row.kind != "input"), rows[0].name if rows else "")
    return next((row.name for row in rows[first : first + 4] if row.kind == "activation"), rows[first].name)
