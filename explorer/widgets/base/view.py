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
from explorer.rendering.axis_ticks import ticks
from explorer.state.requests import own_keys
from explorer.state.session import Session
from explorer.values import LARGEST, Axis, TakenFile

WIDGETS = Path(__file__).parents[1]
CHUNK = 2**20  # bytes of a file in one message to the browser
LEVELS = (2, 4, 6, 10, 16)  # ticks along an axis


class View(anywidget.AnyWidget):
    """A widget that shows a part of a `Session` and hands wishes to it.

    A subclass in `name.py` draws itself with `name.js` and `name.css`. An ES module sent to the browser can't import a sibling
    file, so the browser gets `bundles/name.js`, which `npm run build` makes of `name.js` and all that it imports; `base/theme.css`
    comes before `name.css`.

    session: the shared state; without one the view makes its own.
    """

    largest = traitlets.Int(LARGEST, help="Bytes of the largest file that is taken in.").tag(sync=True)
    texts = traitlets.Dict(help="The words that the JavaScript shows, translated.").tag(sync=True)

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if hasattr(cls, "_esm"):
            return  # anywidget makes a class for each instance, to hold its traits
        own = Path(inspect.getfile(cls))
        cls._esm = (WIDGETS / "bundles" / f"{own.stem}.js").read_text(encoding="utf-8")
        cls._css = "".join(path.read_text(encoding="utf-8") for path in (WIDGETS / "base" / "theme.css", own.with_suffix(".css")))

    def __init__(self, session: Session | None = None) -> None:
        self.session = session or Session()
        self._alone = session is None
        self.error_key = own_keys()(type(self).__name__)  # of what goes wrong with what a person asks of this view
        self._followed: list[tuple[traitlets.HasTraits, Callable[[Any], None], list[str]]] = []
        self._upload, self._parts = "", list[bytes]()
        self._numbers = count(1)
        self._given = dict[int, tuple[TakenFile, dict[str, Any], int]]()  # downloads under way: the file, what is said of it, the last part
        super().__init__(texts=self.translated())
        self.on_msg(self._received)

    def translated(self) -> dict[str, Any]:
        """Return the words for `texts`; a subclass with words of its own overrides this."""
        return {}

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a message of the view's JavaScript; a subclass that gets any overrides this."""

    def follow(self, *names: str, by: Callable[[], None], of: traitlets.HasTraits | None = None) -> None:
        """Call `by` now and whenever one of these traits changes; a failure is said on the page and stays the view's own.

        of: what has the traits; by default the session.
        """
        state = self.session if of is None else of
        key = f"{self.error_key}, {', '.join(names)}"

        def changed(_change: Any) -> None:
            try:
                with self.hold_sync():
                    by()
            except Exception as error:  # noqa: BLE001  # or else the session would stop half-way, and other views not be drawn
                self.session.report_error(error, key)
            else:
                self.session.errors.clear(key)

        state.observe(changed, list(names))
        self._followed.append((state, changed, list(names)))
        changed(None)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        for state, handler, names in self._followed:
            state.unobserve(handler, names)
        self._followed.clear()
        self._given.clear()
        if self._alone:
            self.session.close()
        super().close()

    def receive_chunk(self, message: dict[str, Any], buffers: list[memoryview]) -> bytes | None:
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

    def send_file(self, file: TakenFile, purpose: str = "save", **more: Any) -> None:
        """Send a file to the browser: in parts, each one sent when the one before is acknowledged.

        purpose: what the view's JavaScript receives it for; `saveFiles` saves it as the browser saves downloads.
        more: what else is said with each part.
        """
        self._give_part(next(self._numbers), file, {"purpose": purpose, **more}, 0)

    def _give_part(self, download: int, file: TakenFile, about: dict[str, Any], part: int) -> None:
        parts = max(1, -(-len(file.data) // CHUNK))
        if part < parts:
            self._given[download] = file, about, part
            chunk = file.data[part * CHUNK : (part + 1) * CHUNK]
            self.send(about | {"file": file.name, "download": download, "part": part, "count": parts}, [chunk])
        else:
            del self._given[download]

    def _was_given(self, download: int, part: int) -> None:
        """Send the next part; an acknowledgement that comes twice, from two places that show the view, counts once."""
        file, about, sent = self._given.get(download, (None, {}, 0))
        if file is not None and part == sent:
            self._give_part(download, file, about, part + 1)

    def _received(self, _widget: Any, message: dict[str, Any], buffers: list[memoryview]) -> None:
        try:
            if "given" in message:
                self._was_given(int(message["given"]), int(message["part"]))
            else:
                self.session.errors.clear(self.error_key)
                self.received(message, buffers)
        except Exception as error:  # noqa: BLE001  # a notebook or dashboard would swallow it
            self.session.report_error(error, self.error_key)


def levels(axis: Axis) -> list[list[list[Any]]]:
    """Return ticks along an axis, few to many, each one [how far along, text]: the JavaScript shows the most that find room."""
    return [[list(tick) for tick in ticks(axis, most)] for most in LEVELS]
