"""The input: drop, paste, browse, samples or draw; the picture as it came and as the network sees it."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer import rendering
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.session import SAMPLES, Session
from explorer.values import LARGEST
from explorer.widgets.view import View


class InputView(View):
    """Takes in a picture and shows it, with the part that a chosen cell stands for marked."""

    came = traitlets.Bytes(help="The picture as it came, PNG or JPEG.").tag(sync=True)
    seen = traitlets.Bytes(help="The picture as the network sees it, PNG.").tag(sync=True)
    came_text = traitlets.Unicode().tag(sync=True)
    seen_text = traitlets.Unicode().tag(sync=True)
    aligned = traitlets.Bool(True, help="Whether both pictures show the same frame.").tag(sync=True)
    notes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    samples: traitlets.List[dict[str, Any]] = traitlets.List(help="One dict a sample: name, and its picture as bytes.").tag(sync=True)
    mark = traitlets.Dict(help="Left, top, width and height of the region, as parts of the picture; empty for none.").tag(sync=True)
    settled = traitlets.Int(0, help="How many examples have been shown or refused so far.").tag(sync=True)
    largest = traitlets.Int(LARGEST).tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        self._upload = ""
        self._parts: list[bytes] = []
        super().__init__(session)
        self.follow("seen", by=self._draw)
        self.follow("settled", by=self._settle)
        self.follow("network", by=self._offer)
        self.follow("region", by=self._mark)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Input"),
            "came": _("as it came"),
            "seen": _("as the network sees it"),
            "browse": _("Browse…"),
            "paste": _("Paste"),
            "draw": _("Draw"),
            "drop": _("or drop a picture here"),
            "drop_first": _("Drop a picture here"),
            "samples": _("Samples"),
            "sample": _("Sample {name}"),
            "wipe": _("Wipe"),
            "done": _("Done"),
            "canvas": _("Draw here with the mouse or a finger"),
            "sending": _("Sending {name}, {percent} %"),
            "too_large": _("{name} is larger than 200 MB; choose a smaller one."),
            "no_picture": _("There is no picture to paste. Copy one first, then press Ctrl-V."),
            "drawing": _("drawing.png"),
            "pasted": _("pasted.png"),
            "no_file": _("What was dropped is no file; save the picture first."),
        }

    def received(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        """Take in a part of an upload, a sample's name, or a sentence about what can't be taken in."""
        if "upload" in message:
            self._take(message, buffers)
        elif "sample" in message:
            self._upload, self._parts = "", []
            self.session.show_sample(str(message["sample"]))
        elif "refuse" in message:
            self.session.refuse(UnreadableExample(str(message["refuse"])))

    def _take(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        upload, part = str(message["upload"]), int(message["part"])
        if part == 0:
            self._upload, self._parts = upload, []
        answer = {"upload": upload, "part": part}
        if upload != self._upload or part != len(self._parts):
            self.send(answer | {"error": "overtaken"})
            return
        self._parts.append(bytes(buffers[0]) if buffers else b"")
        if sum(map(len, self._parts)) > LARGEST:
            self._parts = []
            self.send(answer | {"error": "too large"})
            self.session.refuse(UnreadableExample(self.words["too_large"].format(name=message["name"])))
            return
        self.send(answer)
        if len(self._parts) == int(message["count"]):
            data, self._parts = b"".join(self._parts), []
            self.session.show(data, str(message["name"]))

    def _draw(self) -> None:
        seen = self.session.seen
        if seen is None:
            return  # what was shown stays until the next picture is there
        example = self.session.example
        self.came, self.seen = rendering.picture(seen.came), rendering.picture(seen.seen)
        width, height = seen.came_size
        self.came_text = _("{name}, {width} × {height} pixels").format(name=example.name if example else "", width=width, height=height)
        self.seen_text = _("{width} × {height} pixels").format(width=seen.seen.shape[1], height=seen.seen.shape[0])
        self.aligned, self.notes = seen.aligned, list(seen.notes)
        self._mark()

    def _settle(self) -> None:
        self.settled = self.session.settled

    def _offer(self) -> None:
        self.samples = [{"name": name, "picture": (SAMPLES / name).read_bytes()} for name in self.session.samples]

    def _mark(self) -> None:
        seen, region = self.session.seen, self.session.region
        if seen is None or region is None:
            self.mark = {}
            return
        sides = {"row": ("top", "height"), "column": ("left", "width")}
        extents = {axis.name: axis.stop - axis.start for axis in seen.axes if axis.spatial}
        mark = {}
        for span in region.spans:
            start, size = sides[span.axis]
            mark[start], mark[size] = span.start / extents[span.axis], (span.stop - span.start) / extents[span.axis]
        self.mark = mark
