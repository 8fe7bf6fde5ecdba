"""The accuracy chart: the choice of architectures drawn as accuracy over parameters or over size."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from explorer.catalog import architectures
from explorer.locale import _
from explorer.rendering.accuracy_plot import Plot
from explorer.state.session import Session
from explorer.values import NetworkSpec
from explorer.widgets.base.view import View

if TYPE_CHECKING:
    from plotly.graph_objects import FigureWidget


class ChartBar(View):
    """What stands above the chart: its title, the choice of what runs across, and how to use it."""

    across = traitlets.Enum(("parameters", "size"), "parameters", help="What runs across.").tag(sync=True)
    width = traitlets.Int(0, help="The width that the page has for the chart, in CSS pixels; 0 for not known.").tag(sync=True)
    drawn = traitlets.Bool(False, help="Whether the browser has read and drawn the figure.").tag(sync=True)
    step = traitlets.Unicode("", help="What is being done before the figure is drawn.").tag(sync=True)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Accuracy of the architectures"),
            "across": _("What runs across"),
            "parameters": _("Parameters"),
            "size": _("Size"),
            "hint": _("Click one to load it. Drag to enlarge a part, double-click for all. The list says the same as numbers."),
            "left_out": _("Not drawn, as they are not measured on ImageNet: {names}.").format(
                names=", ".join(name for name in architectures if name not in Plot().rows)
            ),
        }


class AccuracyChart(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets is untyped
    """Draws every architecture as a point: its top-1 accuracy on ImageNet over its parameters or its size; click one to load it.

    The plotly figure, 5 MB for the browser, is made when the chart is first shown, and kept.

    session: the shared state; without one the chart makes its own.
    shown: whether the chart shows.
    """

    shown = traitlets.Bool(help="Whether the chart shows.")

    def __init__(self, session: Session | None = None, shown: bool = True) -> None:
        self.figure: FigureWidget | None = None
        self._plot = Plot()
        self._loading: asyncio.Future[Any] | None = None
        self.bar = ChartBar(session)
        self.session = self.bar.session
        super().__init__(shown=shown, layout=ipywidgets.Layout(flex="1 0 100%", width="100%"))
        self.add_class("explorer").add_class("accuracy")
        self.bar.follow("network", by=self._draw)
        self.bar.follow("locally_available", by=self._draw, of=self.session.loader)
        self.bar.observe(self._draw, ["across", "width", "drawn"])
        self.observe(self._draw, "shown")

    def close(self) -> None:
        """Let go of the session and of the figure."""
        self.bar.close()
        if self._loading is not None:
            self._loading.remove_done_callback(self._draw)
        if self.figure:
            self.figure.close()
        super().close()

    def _draw(self, _change: Any = None) -> None:
        self.layout.display = None if self.shown else "none"
        if not self.shown:
            return
        plot = Plot(self.bar.across, self.bar.width)
        if self.figure is None and self.bar.width:
            if "plotly.graph_objects" not in sys.modules:
                self._load()
            else:
                self.bar.step = _("Sending the chart to the browser, 5 MB…")
                self.figure = self._make(plot)
        elif self.figure and self.bar.drawn:  # what is sent while the browser still reads the 5 MB is lost
            with self.figure.batch_update():
                for own, trace in zip(self.figure.data, self._traces(plot), strict=True):
                    own.update(trace)
                if plot != self._plot:  # or it would end an enlargement
                    self.figure.layout.update(plot.layout())
            self._plot = plot
        self.children = (self.bar, self.figure) if self.figure else (self.bar,)

    def _load(self) -> None:
        """Load plotly, which takes seconds, on a thread where an event loop runs, and draw then."""
        self.bar.step = _("Loading plotly…")
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            import_module("plotly.graph_objects")
            self._draw()
        else:
            if self._loading is None:
                self._loading = loop.run_in_executor(None, import_module, "plotly.graph_objects")
                self._loading.add_done_callback(self._draw)

    def _make(self, plot: Plot) -> FigureWidget:
        from plotly.graph_objects import FigureWidget  # only for who wants to see it

        figure = FigureWidget(self._traces(plot), plot.layout())
        figure._config = {"displayModeBar": False, "showTips": False, "doubleClick": "reset"}  # it has no other way in
        for trace in figure.data:
            trace.on_click(self._clicked)
        self._plot = plot
        return figure

    def _traces(self, plot: Plot) -> list[dict[str, Any]]:
        spec = self.session.network and self.session.network.spec
        return plot.traces(spec.architecture if isinstance(spec, NetworkSpec) else "", self.session.loader.locally_available)

    def _clicked(self, trace: Any, points: Any, _state: Any) -> None:
        for index in points.point_inds:
            self.session.open(trace.ids[index])
