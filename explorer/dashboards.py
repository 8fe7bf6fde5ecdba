"""The dashboards: pages that put views together over one session."""

from __future__ import annotations

from typing import Any

import ipywidgets

from explorer.session import Session
from explorer.widgets.answers import AnswersView
from explorer.widgets.feature_maps import FeatureMapsView
from explorer.widgets.input import InputView
from explorer.widgets.layer_strip import LayerStrip
from explorer.widgets.picker import ArchitecturePicker
from explorer.widgets.status import StatusView


class Explorer(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """The whole page as one widget: pick an architecture, drop in a picture, see answers, layers and feature maps.

    architecture: a name in `explorer.architectures` to begin with; by default MobileNetV2 where its
        weights are on this machine, else `digits`.
    session: a `Session` to share with other views; with it, `architecture` is the session's matter.
    options: those of `ipywidgets.Box`, such as `layout`.
    """

    def __init__(self, architecture: str | None = None, session: Session | None = None, **options: Any) -> None:
        self.session = session or Session(architecture)
        top = _box("top", ArchitecturePicker(self.session), StatusView(self.session))
        left = _box("column left", InputView(self.session), AnswersView(self.session))
        right = _box("column", LayerStrip(self.session), FeatureMapsView(self.session))
        super().__init__([_box("layout", top, left, right)], **options)
        self.add_class("explorer").add_class("page")


def _box(names: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    box = ipywidgets.Box(children)
    for name in names.split():
        box.add_class(name)
    return box
