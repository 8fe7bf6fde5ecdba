"""The dashboards: pages that put views together over one session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import ipywidgets
from traitlets import link

from explorer.locale import _
from explorer.session import Session
from explorer.widgets.accuracy_chart import AccuracyChart
from explorer.widgets.answers import AnswersView
from explorer.widgets.feature_maps import FeatureMapsView
from explorer.widgets.input import InputView
from explorer.widgets.layer_strip import LayerStrip
from explorer.widgets.model import ModelView
from explorer.widgets.options import OptionsView
from explorer.widgets.over_time import OverTimeView
from explorer.widgets.picker import ArchitecturePicker
from explorer.widgets.sound import SoundView
from explorer.widgets.status import StatusView

OVER_TIME = 1  # the place of that tab, which theme.css knows too


class Explorer(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """The whole page as one widget: pick an architecture, drop in a picture or a sound, see answers, layers and feature maps.

    source: what to begin with: a name in `explorer.architectures`, the path of a model's file, or a live
        Keras model of your own (`session.refresh()` copies it again). By default MobileNetV2 where its
        weights are on this machine, else `digits`.
    preprocess, labels: for a model of your own, as `explorer.load` describes them.
    session: a `Session` to share with other views; with it, the arguments before are the session's matter.
    options: those of `ipywidgets.Box`, such as `layout`.
    """

    def __init__(
        self,
        source: Any = None,
        preprocess: Any = None,
        labels: Sequence[str] = (),
        session: Session | None = None,
        **options: Any,
    ) -> None:
        self.session = session or Session(source, preprocess=preprocess, labels=labels)
        picker, chart = ArchitecturePicker(self.session), AccuracyChart(self.session, shown=False)
        link((chart, "shown"), (picker, "chart"))
        top = _box("top", picker, StatusView(self.session), chart, OptionsView(self.session))
        left = _box("column left", InputView(self.session), SoundView(self.session), AnswersView(self.session))
        views = {
            _("Inside"): FeatureMapsView(self.session),
            _("Over time"): OverTimeView(self.session),
            _("Model"): ModelView(self.session),
        }
        self._tabs = ipywidgets.Tab(list(views.values()), titles=list(views)).add_class("tabs")
        right = _box("column", LayerStrip(self.session), self._tabs)
        super().__init__([_box("layout", top, left, right)], **options)
        self.add_class("explorer").add_class("page")
        self.session.observe(self._suit, "network")
        self._suit()

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        with suppress(ValueError, AttributeError):  # closed before, or refused before it had a session
            self.session.unobserve(self._suit, "network")
        super().close()

    def _suit(self, _change: Any = None) -> None:
        """Show what suits the network: answers over time are a matter of sound, and the style sheet hides their tab without."""
        network = self.session.network
        sound = network is not None and network.reading.kind == "audio"
        (self.add_class if sound else self.remove_class)("sound")
        if not sound and self._tabs.selected_index == OVER_TIME:
            self._tabs.selected_index = 0


def _box(names: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    box = ipywidgets.Box(children)
    for name in names.split():
        box.add_class(name)
    return box
