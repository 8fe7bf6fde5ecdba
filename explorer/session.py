"""Session: the one shared state of a page. Views link to it; it knows no widgets and no Keras.

Wishes that can fail are methods (`open`, `show`, `select`); their results arrive as traits when the
worker has them, and nothing changes when they fail but `failure`. Choices that can't fail are traits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from traitlets import Bool, HasTraits, Instance, Int, Unicode, observe, validate

from explorer.catalog import BUNDLED, architectures, spec
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _
from explorer.values import Answers, Example, FeatureMaps, LayerKey, NetworkSpec, NetworkSummary, Progress, Region, SeenInput
from explorer.worker import AnyWorker, Wish, log, worker_here

SAMPLES = BUNDLED / "samples"
PREFERRED = "MobileNetV2"


class Session(HasTraits):
    """What is chosen and what is known: the network, the example, the answers, the layer and its feature maps.

    architecture: a name in `explorer.architectures`; by default MobileNetV2 where its weights are on
        this machine, else `digits`.
    sample: the name of a bundled sample to begin with.
    worker: who does the slow work; by default a thread in a notebook, the caller in a script.
    """

    network = Instance(NetworkSummary, allow_none=True, help="The network that is loaded.")
    opening = Instance(NetworkSpec, allow_none=True, help="The network that is being loaded.")
    example = Instance(Example, allow_none=True, help="The example that is shown and answered.")
    settled = Int(0, help="How many examples have been shown or refused so far.")
    seen = Instance(SeenInput, allow_none=True, help="The example as it came and as the network sees it.")
    top = Int(5, help="How many answers.")
    answers = Instance(Answers, allow_none=True, help="The top answers to the example.")
    layer = Int(0, help="Index of the selected layer.")
    feature_maps = Instance(FeatureMaps, allow_none=True, help="What the selected layer answers.")
    channel = Int(0, help="The chosen feature map or unit.")
    cell = Instance(tuple, allow_none=True, help="The chosen cell: row and column.")
    region = Instance(Region, allow_none=True, help="The part of the input that the chosen cell stands for.")
    at_hand = Instance(frozenset, args=(), help="The architectures whose weights are on this machine.")
    busy = Bool(False, help="Whether the worker is at it.")
    status = Instance(Progress, args=("",), help="What is going on.")
    failure = Unicode("", help="What went wrong last, in one sentence; empty when nothing did.")

    def __init__(self, architecture: str | None = None, sample: str | None = None, worker: AnyWorker | None = None) -> None:
        super().__init__()
        wanted = None if architecture is None else spec(architecture)
        if sample is not None and not any(sample in row.samples for row in architectures.values()):
            raise UnreadableExample(_("There is no sample {name!r}.").format(name=sample))
        self._sample = sample
        self._wished: Example | None = None  # on its way to being the example
        self._pending: set[str] = set()
        self._took = 0.0
        self._worker = worker or worker_here()
        self._ask("at hand", "at_hand", done=partial(self._begin, wanted))

    def open(self, architecture: str, weights: str | None = "pretrained") -> None:
        """Load a network; `network` changes when it is there. Unknown names end in `failure`."""
        self.failure = ""
        try:
            self._open(spec(architecture, weights))
        except ExplorerError as error:
            self.failure = str(error)

    def show(self, data: bytes, name: str) -> None:
        """Show and answer the picture in `data`; `example` changes when it could be read."""
        self.failure = ""
        # A name from a browser may hold a path; only its last part is shown, none of it is used.
        self._show(Example("image", data, Path(name.replace("\\", "/")).name or _("the picture")))

    def show_sample(self, name: str) -> None:
        """Show and answer a bundled sample; `samples` lists them."""
        if name not in self.samples:
            self.refuse(UnreadableExample(_("There is no sample {name!r}.").format(name=name)))
            return
        self.show((SAMPLES / name).read_bytes(), name)

    @property
    def samples(self) -> tuple[str, ...]:
        """The bundled samples that suit the network."""
        return architectures[self.network.spec.architecture].samples if self.network else ()

    def select(self, key: LayerKey) -> None:
        """Select a layer by index or name; one that is not there ends in `failure`."""
        self.failure = ""
        if self.network is None:
            return
        try:
            self.layer = self.network.layers.find(key).index
        except ExplorerError as error:
            self.refuse(error)

    def refuse(self, error: Exception) -> None:
        """Say what went wrong: the error's own sentence where it is meant for people."""
        if isinstance(error, ExplorerError):
            self.failure = str(error)
        else:
            self.failure = _("Something went wrong in explorer itself ({error}); the log has the details.").format(
                error=type(error).__name__
            )

    def close(self) -> None:
        """Stop the worker."""
        self._worker.close()

    def _begin(self, wanted: NetworkSpec | None, at_hand: frozenset[str]) -> None:
        self.at_hand = at_hand
        if self.network is None and self.opening is None:
            self._open(wanted or spec(PREFERRED if PREFERRED in at_hand else "digits"))

    def _open(self, wanted: NetworkSpec) -> None:
        self.opening = wanted
        self._ask("network", "open", wanted, done=self._opened, failed=self._not_opened)

    def _opened(self, network: NetworkSummary) -> None:
        self._drop("example", "answers", "feature maps")  # what is under way is about the network before
        self.answers = self.feature_maps = self.seen = None
        self.channel, self.cell, self.opening = 0, None, None
        self.top = max(1, min(self.top, network.classes))
        self.at_hand |= {network.spec.architecture} if network.spec.weights else set()
        self.network = network
        self.layer = first_to_look_at(network)
        samples = architectures[network.spec.architecture].samples
        example = self._wished or self.example
        if example is None or (_is_sample(example) and example.name not in samples):
            first = self._sample if self._sample in samples else samples[0]
            example = Example(network.input, (SAMPLES / first).read_bytes(), first)
        self._show(example)

    def _not_opened(self) -> None:
        self.opening = None
        if self.network is None:
            self._open(spec("digits"))  # it is always there, and the sentence says what happened

    def _show(self, example: Example) -> None:
        self._wished = example
        if self.network is None:
            return  # shown as soon as the network is there
        self._drop("answers", "feature maps")
        self._ask("example", "view", self.network.spec, example, done=partial(self._shown, example), failed=self._not_shown)

    def _shown(self, example: Example, seen: SeenInput) -> None:
        self.cell = self._wished = None
        self.example, self.seen = example, seen
        self.settled += 1
        self._predict()
        self._look_inside()

    def _not_shown(self) -> None:
        self._wished = None
        self.settled += 1
        if self.seen:  # the example before stays, and what was dropped for the new one is asked for again
            self._predict()
            self._look_inside()

    def _predict(self) -> None:
        if self.network and self.example and self.network.classes:
            self._ask("answers", "predict", self.network.spec, self.example, self.top, done=self._answered, failed=self._not_answered)

    def _answered(self, answers: Answers) -> None:
        self.answers = answers

    def _not_answered(self) -> None:
        if self.answers:
            self.top = len(self.answers.predictions)

    def _look_inside(self) -> None:
        if self.network and self.example:
            self._ask("feature maps", "feature_maps", self.network.spec, self.example, self.layer, done=self._looked_inside)

    def _looked_inside(self, feature_maps: FeatureMaps) -> None:
        if self.feature_maps is None or self.feature_maps.layer != feature_maps.layer:
            self.cell = None
            self.channel = 0 if feature_maps.spatial else int(feature_maps.values.argmax())
        self.feature_maps = feature_maps

    @validate("layer")
    def _known_layer(self, proposal: Any) -> int:
        return self.network.layers.find(proposal["value"]).index if self.network else int(proposal["value"])

    @validate("cell")
    def _cell_of_the_maps(self, proposal: Any) -> tuple[int, int] | None:
        cell, maps = proposal["value"], self.feature_maps
        if cell is None or maps is None or not maps.spatial:
            return None
        inside = all(0 <= place < axis.size for place, axis in zip(cell, maps.axes[:2], strict=True))
        return cell if inside else None

    @observe("top")
    def _other_top(self, _change: Any) -> None:
        if self.answers and len(self.answers.predictions) != self.top:
            self.failure = ""
            self._predict()

    @observe("layer")
    def _other_layer(self, _change: Any) -> None:
        self.cell = None
        if self.seen:
            self._look_inside()

    @observe("cell", "feature_maps")
    def _other_cell(self, _change: Any) -> None:
        maps = self.feature_maps
        if self.cell is None or maps is None or not maps.spatial:
            self.region = None
            return
        self.region = Region(tuple(axis.span(cell) for axis, cell in zip(maps.axes, self.cell, strict=False)))

    def _ask(
        self,
        slot: str,
        verb: str,
        *arguments: Any,
        done: Callable[[Any], None],
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        def finish(seconds: float = 0.0) -> None:
            self._pending.discard(slot)
            if verb == "predict":
                self._took = seconds
            if not self._pending:
                self.busy = False
                self.status = Progress(
                    _("Ready. Answered in {ms} ms").format(ms=max(1, round(self._took * 1000))) if self._took else _("Ready.")
                )

        def on_done(result: Any, seconds: float) -> None:
            try:
                done(result)
            except Exception as error:  # noqa: BLE001  # a view that can't draw it: nothing else would say so
                log().exception("showing the result of %s failed", verb)
                self.refuse(error)
            finish(seconds)

        def on_failed(error: Exception) -> None:
            self.refuse(error)
            failed()
            finish()

        self._pending.add(slot)
        self.busy = True
        self._worker.ask(Wish(slot, verb, arguments, on_done, on_failed, self._say))

    def _drop(self, *slots: str) -> None:
        self._worker.drop(*slots)
        self._pending.difference_update(slots)

    def _say(self, progress: Progress) -> None:
        self.status = progress


def first_to_look_at(network: NetworkSummary) -> int:
    """Return the layer whose maps are easiest to understand: the activation after the first convolution."""
    first = next((layer.index for layer in network.layers if layer.kind == "convolution"), 0)
    return next((layer.index for layer in network.layers[first : first + 4] if layer.kind == "activation"), first)


def _is_sample(example: Example) -> bool:
    return any(example.name in row.samples for row in architectures.values())
