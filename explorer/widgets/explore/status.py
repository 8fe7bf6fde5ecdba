"""The status line: what is going on, how far it is, what has to be asked first, and what went wrong."""

from __future__ import annotations

from typing import Any

import traitlets

from explorer.catalog import architectures
from explorer.catalog.option_rules import side_of
from explorer.locale import _, megabytes
from explorer.rendering.run_status import training_in_words
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
        self.follow("training", by=self._draw)
        self.follow("status", "busy", by=self._draw, of=self.session.requests)
        self.follow("message", by=self._draw, of=self.session.errors)
        self.follow("loading_spec", by=self._draw, of=self.session.loader)
        self.follow("download_prompt", by=self._ask, of=self.session.loader)

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
        loader = self.session.loader
        if message.get("ping"):
            self.send({"pong": True})
        elif message.get("dismiss"):
            self.session.errors.dismiss()
        elif message.get("cancel"):
            loader.cancel()
        elif message.get("download"):
            loader.download()
        elif message.get("decline"):
            loader.decline()
        elif message.get("random"):
            loader.open_with_random_weights()

    def _draw(self) -> None:
        status, training = self.session.requests.status, self.session.training
        self.busy, self.error_message = self.session.busy, self.session.error_message
        told = None if self.busy else training
        self.training, self.silent = told is not None, told is not None and told.silent > 0
        self.text = status.text if told is None else training_in_words(told)
        self.fraction = -1.0 if status.fraction is None or not self.busy else status.fraction
        self.cancellable = status.cancellable and self.session.loader.loading_spec is not None

    def _ask(self) -> None:
        prompt = self.session.loader.download_prompt
        self.question = _question(prompt) if prompt else ""


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
