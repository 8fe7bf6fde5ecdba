"""View: the base of every widget of explorer: one anywidget over a shared session."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from explorer.session import Session

HERE = Path(__file__).parent


class View(anywidget.AnyWidget):
    """A widget that shows a part of a `Session` and hands wishes to it.

    A subclass in `name.py` draws itself with `name.js` and `name.css`. An ES module sent to the browser
    can't import a sibling file, so `shared.js` and `theme.css` are put in front of each.

    session: the shared state; without one the view makes its own.
    """

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
        super().__init__(words=self.translated())
        self.on_msg(self._received)

    def translated(self) -> dict[str, Any]:
        """Return the words for `words`; a subclass with words of its own overrides this."""
        return {}

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Handle a message of the view's JavaScript; a subclass that gets any overrides this."""

    def follow(self, *names: str, by: Callable[[], None]) -> None:
        """Call `by` now and whenever one of these traits of the session changes."""

        def changed(_change: Any) -> None:
            with self.hold_sync():
                by()

        self.session.observe(changed, list(names))
        self._followed.append((changed, list(names)))
        changed(None)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        for handler, names in self._followed:
            self.session.unobserve(handler, names)
        self._followed.clear()
        super().close()

    def _received(self, _widget: Any, message: dict[str, Any], buffers: list[memoryview]) -> None:
        try:
            self.received(message, buffers)
        except Exception as error:  # noqa: BLE001  # a notebook or dashboard would swallow it
            self.session.refuse(error)
