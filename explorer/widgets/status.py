"""The status line: what is going on, and what went wrong."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.locale import _
from explorer.session import Session
from explorer.widgets.view import View


class StatusView(View):
    """Says what the worker does, and shows the last failure as one plain sentence until it is put away."""

    text = traitlets.Unicode().tag(sync=True)
    busy = traitlets.Bool().tag(sync=True)
    failure = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("status", "busy", "failure", by=self._draw)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {"dismiss": _("Dismiss")}

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Put the failure away."""
        if message.get("dismiss"):
            self.session.failure = ""

    def _draw(self) -> None:
        self.text, self.busy, self.failure = self.session.status.text, self.session.busy, self.session.failure
