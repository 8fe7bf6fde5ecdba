"""Session: the one shared state of a page. Views link to it; it knows no widgets and no Keras.

Wishes that can fail are methods (`open`, `show`, `select`); their results arrive as traits when the
worker has them, and nothing changes when they fail but `error_message`. Choices that can't fail are traits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from traitlets import Instance, Int, Unicode, Union, observe, validate

from explorer.catalog import BUNDLED, architectures
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.state.network_loader import NetworkLoader, last_part
from explorer.values import Example, FeatureMaps, Layer, LayerKey, NetworkSummary, Predictions, PreprocessedInput, Region
from explorer.worker.queue import AnyWorker

SAMPLES = BUNDLED / "samples"


class Session(NetworkLoader):
    """What is chosen and what is known: the network, the example, the answers, the layer and its feature maps.

    source: what to begin with: a name in `explorer.architectures`, the path of a model's file, or a live
        Keras model of your own, which is copied (`refresh` copies it again). By default MobileNetV2 where
        its weights are on this machine, else `digits`.
    sample: the name of a bundled sample to begin with.
    preprocess, labels: for a model of your own, as `explorer.load` describes them.
    worker: who does the slow work; by default a thread in a notebook, the caller in a script.
    """

    example = Instance(Example, allow_none=True, help="The example that is shown and answered.")
    example_revision = Int(0, help="How many examples have been shown or refused so far.")
    preprocessed = Instance(PreprocessedInput, allow_none=True, help="The example as it came and as the network sees it.")
    weights_revision = Int(0, help="How many times the network that is shown was given other weights.")
    weights_from = Unicode("", help="The file that the network that is shown was given them from; empty for its own.")
    top = Int(5, help="How many answers.")
    output = Int(0, help="Index of the output that is answered with.")
    predictions = Instance(Predictions, allow_none=True, help="The top answers to the example.")
    layer = Union([Unicode(), Int()], default_value="", help="The name of the selected layer; an index may be assigned too.")
    feature_maps = Instance(FeatureMaps, allow_none=True, help="What the selected layer answers.")
    channel = Int(0, help="The chosen feature map or unit: of a layer that is looked into first, the strongest (`FeatureMaps.strongest`).")
    cell = Instance(tuple, allow_none=True, help="The chosen cell: row and column.")
    region = Instance(Region, allow_none=True, help="The part of the input that the chosen cell sees; None for nothing.")

    def __init__(
        self,
        source: Any = None,
        sample: str | None = None,
        worker: AnyWorker | None = None,
        preprocess: Any = None,
        labels: Sequence[str] = (),
    ) -> None:
        if sample is not None and not _is_sample(sample):
            raise UnreadableExample(_("There is no sample {name!r}.").format(name=sample))
        self._sample = sample
        self._pending_example: Example | None = None  # on its way to being the example
        self._answered_to: Example | None = None
        self._chosen_in: Layer | None = None  # the layer that `channel` is of
        self._last: dict[str, Example] = {}  # the example shown last, by its kind
        super().__init__(source, preprocess, labels, worker)

    def close(self) -> None:
        """Let go of the networks and of the feature maps; where something is asked later on, they are brought back."""
        super().close()
        self.feature_maps = None

    def show(self, data: bytes, name: str) -> None:
        """Show and answer the picture, the sound or the arrays in `data`; `example` changes when it could be read."""
        self.error_message = ""
        self._show(Example(self.network.input_spec.kind if self.network else "image", data, last_part(name)))

    def show_sample(self, name: str) -> None:
        """Show and answer a bundled sample; `samples` lists them."""
        if name not in self.samples:
            self.report_error(UnreadableExample(_("There is no sample {name!r}.").format(name=name)))
            return
        self.show((SAMPLES / name).read_bytes(), name)

    def show_random(self, seed: int = 0) -> None:
        """Show and answer random values that fit the inputs of a network of arrays."""
        self.error_message = ""
        self._show_random(seed, self._show)

    def hear_from(self, start: float | None) -> None:
        """Let the network hear the sound that is shown from another place.

        start: seconds into the sound; None for the middle.
        """
        if self.example is not None and self.example.kind == "audio":
            self.error_message = ""
            self._show(replace(self.example, start=start))

    def renew(self, weights_from: str) -> None:
        """Answer the example anew, and look into the layer anew, as the network has other weights now, from that file."""
        self.weights_revision += 1
        self.weights_from = weights_from
        self.show_again()

    def show_again(self) -> None:
        """Answer the example, and look into the layer."""
        if self.preprocessed is not None:
            self._predict()
            self._look_inside()

    @property
    def samples(self) -> tuple[str, ...]:
        """The bundled samples that suit the network."""
        return self.network.samples if self.network else ()

    def select(self, key: LayerKey) -> None:
        """Select a layer by index or name; one that is not there ends in `error_message`."""
        self.error_message = ""
        if self.network is None:
            return
        try:
            self.layer = self.network.layers.find(key).name
        except ExplorerError as error:
            self.report_error(error)

    def _opened(self, network: NetworkSummary) -> None:
        self._cancel("random", "example", "predictions", "feature maps")  # what is under way is about the network before
        self.predictions = self.feature_maps = self.preprocessed = None
        self.weights_from = ""
        if self.example is not None and self.example.kind != network.input_spec.kind:
            self.example = self._last.get(network.input_spec.kind)
        if any(network.classes):
            self.top = max(1, min(self.top, max(network.classes)))
        same = self.network is not None and self.network.spec.name == network.spec.name
        self.output = min(self.output, len(network.outputs) - 1) if same else 0
        kept = same and self.layer in network.layers  # a network built anew, with other options or as it is now
        if not kept:
            self.channel, self.cell, self._chosen_in = 0, None, None
        super()._opened(network)
        if not kept:
            self.layer = first_to_look_at(network)
        self._show_first(network)

    def _show_first(self, network: NetworkSummary) -> None:
        """Show the example that is there, where it may suit the network, else the first of its own."""
        example = self._pending_example or self.example
        if self._pending_example and isinstance(self._pending_example.data, bytes):
            example = replace(self._pending_example, kind=network.input_spec.kind)  # it was dropped before the network was there
        self._pending_example = None
        if example is None or example.kind != network.input_spec.kind or (_is_of_samples(example) and example.name not in network.samples):
            self._show_own(network)
        else:
            self._show(example, otherwise=partial(self._show_own, network))

    def _show_own(self, network: NetworkSummary) -> None:
        """Show the first of the network's own samples, or random values."""
        show = partial(self._show, otherwise=lambda: None)
        if network.samples:
            name = self._sample if self._sample in network.samples else network.samples[0]
            show(Example(network.input_spec.kind, (SAMPLES / name).read_bytes(), name))
        else:
            self._show_random(0, show)

    def _show_random(self, seed: int, show: Callable[[Example], None]) -> None:
        if self.network is not None:
            self.submit("random", "random_example", self.network.spec, seed, done=show)

    def _show(self, example: Example, otherwise: Callable[[], None] | None = None) -> None:
        """Show the example; where it can't be read, the one before stays, or `otherwise` is done."""
        self._pending_example = example
        if self.network is None:
            return  # shown as soon as the network is there
        self._cancel("random", "predictions", "feature maps")
        done, failed = partial(self._shown, example), partial(self._not_shown, example, otherwise or self.show_again)
        self.submit("example", "view", self.network.spec, example, done=done, failed=failed)

    def _shown(self, example: Example, preprocessed: PreprocessedInput) -> None:
        if example is not self.example:
            self.cell = None
        self._pending_example = None
        self.example, self.preprocessed = example, preprocessed
        self._last[example.kind] = example
        self.example_revision += 1
        self.show_again()

    def _not_shown(self, example: Example, otherwise: Callable[[], None], error: Exception) -> None:
        if isinstance(example.data, bytes):  # nobody asked for random values of the network before
            self.report_error(error)
        self._pending_example = None
        self.example_revision += 1
        otherwise()

    def _predict(self) -> None:
        if self.network and self.example and self.network.classes[self.output]:
            asked = self.network.spec, self.example, self.top, self.output
            done, failed = partial(self._answered, self.example), partial(self._not_answered, self.example)
            self.submit("predictions", "predict", *asked, done=done, failed=failed)

    def _answered(self, example: Example, predictions: Predictions) -> None:
        self._answered_to, self.predictions = example, predictions

    def _not_answered(self, example: Example, error: Exception) -> None:
        self.report_error(error)
        if self.predictions and self._answered_to is example:
            self.top = len(self.predictions.predictions)
        else:
            self.predictions = None  # those to the example before

    def _look_inside(self) -> None:
        if self.network and self.example and self.layer:
            asked = self.network.spec, self.example, self.layer
            self.submit("feature maps", "feature_maps", *asked, done=self._looked_inside, failed=self._not_looked_inside)

    def _looked_inside(self, feature_maps: FeatureMaps) -> None:
        anew = self._chosen_in != feature_maps.layer or self.channel >= feature_maps.count
        if anew:
            self.cell = None
        self.feature_maps = feature_maps
        if anew:
            self._chosen_in = feature_maps.layer
            self.channel = feature_maps.strongest

    def _not_looked_inside(self, error: Exception) -> None:
        self.report_error(error)
        self.feature_maps = None  # those of the layer or the example before

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
        inside = len(cell) == 2 and all(0 <= place < size for place, size in zip(cell, maps.planes.shape, strict=False))
        return cell if inside else None

    @observe("top")
    def _other_top(self, _change: Any) -> None:
        if self.predictions and len(self.predictions.predictions) != self.top:
            self.error_message = ""
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
        if self.preprocessed:
            self._look_inside()

    @observe("cell", "feature_maps")
    def _other_cell(self, _change: Any) -> None:
        maps = self.feature_maps
        if self.cell is None or maps is None or not maps.spatial:
            self.region = None
            return
        fields = [axis.field(cell) for axis, cell in zip(maps.axes, self.cell, strict=False) if axis.spatial]
        preprocessed = tuple(field for field in fields if field is not None)
        self.region = Region(preprocessed) if len(preprocessed) == len(fields) else None  # a cell of zero padding sees nothing


def first_to_look_at(network: NetworkSummary) -> str:
    """Return the layer whose maps are easiest to understand: the activation after the first convolution; "" where there is no layer."""
    rows = [row for row in network.layers.rows if row.output_shapes] or network.layers.rows
    first = next((place for place, row in enumerate(rows) if row.kind == "convolution"), None)
    if first is None:
        return next((row.name for row in rows if row.kind != "input"), rows[0].name if rows else "")
    return next((row.name for row in rows[first : first + 4] if row.kind == "activation"), rows[first].name)


def _is_sample(name: str) -> bool:
    return any(name in row.samples for row in architectures.values())


def _is_of_samples(example: Example) -> bool:
    """Whether the example is a bundled sample, and not a file of the user's own with the name of one."""
    return _is_sample(example.name) and example.data == (SAMPLES / example.name).read_bytes()
