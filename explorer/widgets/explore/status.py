"""The status line: what is going on, how far it is, what has to be asked first, and what went wrong."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.catalog import architectures
from explorer.catalog.option_rules import side_of
from explorer.locale import _, megabytes
from explorer.state.session import Session
from explorer.values import NetworkSpec
from explorer.widgets.base.view import View


class StatusView(View):
    """Says what the worker does, asks before weights are downloaded, and shows the last failure until it is put away."""

    text = traitlets.Unicode().tag(sync=True)
    busy = traitlets.Bool().tag(sync=True)
    training = traitlets.Bool(help="Whether it says how far a training is, which changes all the time.").tag(sync=True)
    silent = traitlets.Bool(help="Whether that training gives no sign of life.").tag(sync=True)
    fraction = traitlets.Float(-1.0, help="How much is done, 0 to 1; -1 where nobody knows.").tag(sync=True)
    cancellable = traitlets.Bool(help="Whether what is going on can be given up.").tag(sync=True)
    question = traitlets.Unicode(help="What has to be asked before it goes on; empty for nothing.").tag(sync=True)
    error_message = traitlets.Unicode().tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.follow("status", "busy", "training", "training_silent", "error_message", "loading_spec", by=self._draw)
        self.follow("download_prompt", by=self._ask)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "dismiss": _("Dismiss"),
            "cancel": _("Cancel"),
            "download": _("Download"),
            "random": _("Random weights instead"),
            "decline": _("Not now"),
            "dark": _("Dark"),
            "progress": _("Progress"),
            "lost": _("The kernel of this page does not answer: load the page or run its cell again. A training is found again."),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Put the failure away, give up what is going on, or answer the question."""
        download_prompt = self.session.download_prompt
        if message.get("ping"):
            self.send({"pong": True})
        elif message.get("dismiss"):
            self.session.error_message = ""
        elif message.get("cancel"):
            self.session.cancel()
        elif message.get("download"):
            self.session.download()
        elif message.get("decline"):
            self.session.decline()
        elif message.get("random") and download_prompt is not None:
            self.session.open_with_random_weights()

    def _draw(self) -> None:
        status, self.busy, self.error_message = self.session.status, self.session.busy, self.session.error_message
        self.training = bool(self.session.training) and not self.busy
        self.silent = self.training and self.session.training_silent
        self.text = self.session.training if self.training else status.text
        self.fraction = -1.0 if status.fraction is None or not self.busy else status.fraction
        self.cancellable = status.cancellable and self.session.loading_spec is not None

    def _ask(self) -> None:
        self.question = _question(self.session.download_prompt) if self.session.download_prompt else ""


def _question(spec: NetworkSpec) -> str:
    row = architectures[spec.architecture]
    size = row.file(spec.include_top, spec.alpha, side_of(row, spec)).about
    if size is None:
        return _("The weights of {name} are not on this machine; they can be downloaded, once. Licence: {licence}.").format(
            name=row.name, licence=row.licence
        )
    return _("The weights of {name} are not on this machine: {size} MB to download, once. Licence: {licence}.").format(
        name=row.name, size=megabytes(size), licence=row.licence
    )
