"""The dashboards: pages that put views together over one session."""

from __future__ import annotations

from collections.abc import Sequence
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
from explorer.widgets.picker import ArchitecturePicker
from explorer.widgets.status import StatusView


class Explorer(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """The whole page as one widget: pick an architecture, drop in a picture, see answers, layers and feature maps.

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
        left = _box("column left", InputView(self.session), AnswersView(self.session))
        tabs = _tabs({_("Inside"): FeatureMapsView(self.session), _("Model"): ModelView(self.session)})
        right = _box("column", LayerStrip(self.session), tabs)
        super().__init__([_box("layout", top, left, right)], **options)
        self.add_class("explorer").add_class("page")


def _tabs(views: dict[str, ipywidgets.Widget]) -> ipywidgets.Tab:
    tabs = ipywidgets.Tab(list(views.values()), titles=list(views))
    tabs.add_class("tabs")
    return tabs


def _box(names: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    box = ipywidgets.Box(children)
    for name in names.split():
        box.add_class(name)
    return box
