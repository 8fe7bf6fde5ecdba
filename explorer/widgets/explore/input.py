"""The input: drop, paste, browse, samples, draw or record; the picture as it came and as the network sees it."""

from __future__ import annotations

from typing import Any

import numpy as np
import traitlets

from explorer.catalog.options import MODEL_ENDINGS
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.rendering import feature_maps
from explorer.state.example_loader import EXAMPLE, sample_bytes
from explorer.state.session import Session
from explorer.values import shape_text
from explorer.widgets.base.view import View

SIDE = 256  # cells of an array drawn along each axis
PIXEL = 4  # numbers that a pixel has at most


class InputView(View):
    """Takes in what the network reads, and shows a picture with the part that a chosen cell stands for marked.

    Sounds are only taken in here; a `AudioView` shows them. WAV, FLAC, Ogg and MP3 come as they are, anything else
    that the browser can decode, its microphone among it, as WAV: one channel, 16 bits, 44.1 kHz.
    """

    original = traitlets.Bytes(help="The picture as it came, PNG or JPEG.").tag(sync=True)
    preprocessed = traitlets.Bytes(help="The picture as the network sees it, PNG.").tag(sync=True)
    original_text = traitlets.Unicode().tag(sync=True)
    name = traitlets.Unicode(help="What the example that is shown is called.").tag(sync=True)
    preprocessed_text = traitlets.Unicode().tag(sync=True)
    aligned = traitlets.Bool(True, help="Whether both pictures show the same frame.").tag(sync=True)
    notes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    samples: traitlets.List[dict[str, Any]] = traitlets.List(
        help="One dict a sample: name, and its picture as bytes, none for a sound."
    ).tag(sync=True)
    mark = traitlets.Dict(help="Left, top, width and height of the region, as parts of the picture; empty for none.").tag(sync=True)
    kind = traitlets.Unicode("", help='What the network reads: "image", "audio" or "arrays"; "" until it is there.').tag(sync=True)
    mixed = traitlets.Bool(False, help="Whether an input of a network of arrays also reads pictures.").tag(sync=True)
    arrays: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict an input: its text, and its values as PNG.").tag(sync=True)
    example_revision = traitlets.Int(0, help="How many examples have been shown or refused so far.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        self._seed = 0
        super().__init__(session)
        self.follow("network", by=self._offer)  # before what it was shown: another kind of network wipes that off
        self.follow("preprocessed", by=self._draw)
        self.follow("example_revision", by=self._settle)
        self.follow("region", by=self._mark)

    @property
    def about(self) -> str:
        """The key of what goes wrong with an example: showing another one puts it away."""
        return EXAMPLE

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Input"),
            "original": _("as it came"),
            "preprocessed": _("as the network sees it"),
            "browse": _("Browse…"),
            "paste": _("Paste"),
            "draw": _("Draw"),
            "drop": _("or drop a picture or a Keras model here"),
            "drop_any": _("Drop an example or a Keras model here"),
            "drop_first": _("Drop a picture or a Keras model here"),
            "drop_arrays": _("or drop a .npy, .npz or .csv file, or a Keras model here"),
            "drop_mixed": _("or drop a picture, a .npy, .npz or .csv file, or a Keras model here"),
            "drop_sound": _("or drop a sound or a Keras model here"),
            "random": _("Random values"),
            "record": _("Record"),
            "stop": _("Stop, {time}"),
            "cancel": _("Escape throws it away"),
            "models": MODEL_ENDINGS,
            "samples": _("Samples"),
            "sample": _("Sample {name}"),
            "wipe": _("Wipe"),
            "done": _("Done"),
            "undrawn": _("Nothing is drawn yet: the answers and maps are those of {name}."),
            "canvas": _("Draw here with the mouse or a finger"),
            "sending": _("Sending {name}, {percent} %"),
            "too_large": _("{name} is larger than 200 MB; choose a smaller one."),
            "model_too_large": _("{name} is larger than 200 MB; open it by its path, under Model."),
            "no_picture": _("There is no picture to paste. Copy one first, then press Ctrl-V."),
            "drawing": _("drawing.png"),
            "pasted": _("pasted.png"),
            "no_file": _("What was dropped is no file; save the picture first."),
            "no_sound_file": _("What was dropped is no file; save the sound first."),
            "recording": _("recording.wav"),
            "decoding": _("Decoding {name}"),
            "undecodable": _("{name} can't be decoded by this browser; save it as WAV, FLAC, Ogg or MP3."),
            "too_long": _("{name} would be larger than 200 MB as WAV; choose a shorter one."),
            "no_recording": _("The recording holds no sound; check the microphone and record again."),
            "not_allowed": _("The browser doesn't let this page use the microphone; allow it, or drop a sound here."),
            "no_microphone": _("There is no microphone; connect one, or drop a sound here."),
            "microphone_fails": _("The microphone can't be used: another program may be using it."),
            "insecure": _("Browsers allow the microphone only on pages from localhost or over https."),
        }

    def received(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        """Take in a part of an upload, a sample's name, or a sentence about what can't be taken in."""
        if "upload" in message:
            whole, name = self.receive_chunk(message, buffers), str(message["name"])
            if whole is not None:
                (self.session.loader.open_file if name.lower().endswith(MODEL_ENDINGS) else self.session.show)(whole, name)
        elif "sample" in message:
            self.forget_upload()
            self.session.show_sample(str(message["sample"]))
        elif "random" in message:
            self._seed += 1
            self.session.show_random(self._seed)
        elif "refuse" in message:
            self.session.report_error(UnreadableExample(str(message["refuse"])), self.error_key)

    def _draw(self) -> None:
        preprocessed = self.session.preprocessed
        if preprocessed is None:
            return  # what was shown stays until the next example is there
        example = self.session.example
        self.name = example.name if example else ""
        self.notes = [] if preprocessed.sound else list(preprocessed.notes)
        self.arrays = [_drawn(name, array) for name, array in preprocessed.arrays]
        if preprocessed.arrays or preprocessed.sound:
            self.original, self.preprocessed, self.preprocessed_text, self.mark = b"", b"", "", {}
            self.original_text = example.name if example and preprocessed.arrays else ""
            return
        self.original, self.preprocessed = feature_maps.picture(preprocessed.original), feature_maps.picture(preprocessed.preprocessed)
        width, height = preprocessed.original_size
        self.original_text = _("{name}, {width} × {height} pixels").format(name=example.name if example else "", width=width, height=height)
        self.preprocessed_text = _("{width} × {height} pixels").format(
            width=preprocessed.preprocessed.shape[1], height=preprocessed.preprocessed.shape[0]
        )
        self.aligned = preprocessed.aligned
        self._mark()

    def _settle(self) -> None:
        self.example_revision = self.session.example_revision

    def _offer(self) -> None:
        network, before = self.session.network, self.kind
        self.kind = network.input_spec.kind if network else before
        self.mixed = bool(network and network.input_spec.pictures)
        if self.kind != before:  # what was shown is nothing for this network
            self.original, self.preprocessed, self.arrays, self.notes, self.original_text, self.preprocessed_text = b"", b"", [], [], "", ""
        pictures = self.kind == "image"
        self.samples = [{"name": name, "picture": sample_bytes(name) if pictures else b""} for name in self.session.samples]

    def _mark(self) -> None:
        preprocessed, region = self.session.preprocessed, self.session.region
        sides = {"row": ("top", "height"), "column": ("left", "width")}
        if preprocessed is None or region is None or not all(span.axis in sides for span in region.spans):
            self.mark = {}
            return
        extents = {axis.name: axis.stop - axis.start for axis in preprocessed.axes if axis.spatial}
        mark = {"left": 0.0, "top": 0.0, "width": 1.0, "height": 1.0}  # along an axis that the cell sees all of
        for span in region.spans:
            start, size = sides[span.axis]
            mark[start], mark[size] = span.start / extents[span.axis], (span.stop - span.start) / extents[span.axis]
        self.mark = mark


def _drawn(name: str, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Return an array as text and as a picture, one row of pixels for a vector; further axes are laid below each other.

    Of pixels in grey or colour their mean over the channels is drawn.
    """
    low, high = feature_maps.finite_range(array)
    text = _("{name}: {shape}, {dtype}, {low} to {high}").format(
        name=name, shape=shape_text(array.shape) or "1", dtype=array.dtype, low=feature_maps.short(low), high=feature_maps.short(high)
    )
    if not array.size:
        return {"text": text, "picture": b""}
    if array.ndim == 3 and array.shape[-1] <= PIXEL:
        array = array.mean(axis=-1)
    flat = array.reshape(-1, array.shape[-1]) if array.ndim else array.reshape(1, 1)
    thin = [slice(None, None, -(-size // SIDE)) for size in flat.shape]
    return {"text": text, "picture": feature_maps.one_map(flat[tuple(thin)])}
