"""View: the base of every widget of explorer: one anywidget over a shared session."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.session import Session
from explorer.values import LARGEST, TakenFile

HERE = Path(__file__).parent
CHUNK = 2**20  # bytes of a file in one message to the browser


class View(anywidget.AnyWidget):
    """A widget that shows a part of a `Session` and hands wishes to it.

    A subclass in `name.py` draws itself with `name.js` and `name.css`. An ES module sent to the browser
    can't import a sibling file, so `shared.js` and `theme.css` are put in front of each.

    session: the shared state; without one the view makes its own.
    """

    largest = traitlets.Int(LARGEST, help="Bytes of the largest file that is taken in.").tag(sync=True)
    words = traitlets.Dict(help="The words that the JavaScript shows, translated.").tag(sync=True)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "_esm"):
            return  # anywidget makes a class for each instance, to hold its traits
        own = Path(inspect.getfile(cls))
        cls._esm = (HERE / "shared.js").read_text() + own.with_suffix(".js").read_text()
        cls._css = (HERE / "theme.css").read_text() + own.with_suffix(".css").read_text()

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session()
        self._followed: list[tuple[Callable[[Any], None], list[str]]] = []
        self._upload, self._parts = "", list[bytes]()
        self._numbers = count(1)
        self._given = dict[int, tuple[TakenFile, int]]()  # downloads under way: the file and the part that was sent last
        super().__init__(words=self.translated())
        self.on_msg(self._received)

    def translated(self) -> dict[str, Any]:
        """Return the words for `words`; a subclass with words of its own overrides this."""
        return {}

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a message of the view's JavaScript; a subclass that gets any overrides this."""

    def follow(self, *names: str, by: Callable[[], None]) -> None:
        """Call `by` now and whenever one of these traits of the session changes; a failure is said on the page and stays the view's own."""

        def changed(_change: Any) -> None:
            try:
                with self.hold_sync():
                    by()
            except Exception as error:  # noqa: BLE001  # or else the session would stop half-way, and other views not be drawn
                self.session.refuse(error)

        self.session.observe(changed, list(names))
        self._followed.append((changed, list(names)))
        changed(None)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        for handler, names in self._followed:
            self.session.unobserve(handler, names)
        self._followed.clear()
        self._given.clear()
        super().close()

    def took(self, message: dict[str, Any], buffers: list[memoryview]) -> bytes | None:
        """Take in a part of a file that the view's JavaScript uploads; return the file when it is whole.

        Each part is acknowledged; a newer upload overtakes an older one.
        Raises UnreadableExample for a file that is too large.
        """
        upload, part = str(message["upload"]), int(message["part"])
        if part == 0:
            self._upload, self._parts = upload, []
        answer = {"upload": upload, "part": part}
        if upload != self._upload or part != len(self._parts):
            self.send(answer | {"error": "overtaken"})
            return None
        self._parts.append(bytes(buffers[0]) if buffers else b"")
        if sum(map(len, self._parts)) > LARGEST:
            self.forget_upload()
            self.send(answer | {"error": "too large"})
            raise UnreadableExample(_("{name} is larger than 200 MB; choose a smaller one.").format(name=message["name"]))
        self.send(answer)
        if len(self._parts) < int(message["count"]):
            return None
        whole = b"".join(self._parts)
        self.forget_upload()
        return whole

    def forget_upload(self) -> None:
        """Take in no more of the upload that is under way."""
        self._upload, self._parts = "", []

    def give(self, file: TakenFile) -> None:
        """Send a file to the browser, which saves it: in parts, each one sent when the one before is acknowledged."""
        self._give_part(next(self._numbers), file, 0)

    def _give_part(self, download: int, file: TakenFile, part: int) -> None:
        parts = max(1, -(-len(file.data) // CHUNK))
        if part < parts:
            self._given[download] = file, part
            chunk = file.data[part * CHUNK : (part + 1) * CHUNK]
            self.send({"file": file.name, "download": download, "part": part, "count": parts}, [chunk])
        else:
            del self._given[download]

    def _was_given(self, download: int, part: int) -> None:
        """Send the next part; an acknowledgement that comes twice, from two places that show the view, counts once."""
        file, sent = self._given.get(download, (None, 0))
        if file is not None and part == sent:
            self._give_part(download, file, part + 1)

    def _received(self, _widget: Any, message: dict[str, Any], buffers: list[memoryview]) -> None:
        try:
            if "given" in message:
                self._was_given(int(message["given"]), int(message["part"]))
            else:
                self.received(message, buffers)
        except Exception as error:  # noqa: BLE001  # a notebook or dashboard would swallow it
            self.session.refuse(error)
