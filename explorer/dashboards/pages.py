"""The dashboards: pages that put views together over one session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import ipywidgets
from traitlets import link

from explorer.locale import _
from explorer.state.dataset_builder import DatasetBuilder
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_comparison import RunComparison
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.widgets.audio.audio import AudioView
from explorer.widgets.audio.over_time import OverTimeView
from explorer.widgets.explore.accuracy_chart import AccuracyChart
from explorer.widgets.explore.architecture_picker import ArchitecturePicker
from explorer.widgets.explore.feature_maps import FeatureMapsView
from explorer.widgets.explore.input import InputView
from explorer.widgets.explore.layer_strip import LayerStrip
from explorer.widgets.explore.model_tools import ModelToolsView
from explorer.widgets.explore.network_options import NetworkOptionsView
from explorer.widgets.explore.predictions import PredictionsView
from explorer.widgets.explore.status import StatusView
from explorer.widgets.fine_tuning.before_after import BeforeAfterView
from explorer.widgets.fine_tuning.dataset import DatasetView
from explorer.widgets.fine_tuning.freeze_plan import FreezePlanView
from explorer.widgets.fine_tuning.recipe import RecipeView
from explorer.widgets.fine_tuning.results import ResultsView
from explorer.widgets.fine_tuning.runs import RunsView
from explorer.widgets.fine_tuning.training import TrainingView

OVER_TIME, FINE_TUNE = 1, 3  # the places of these tabs; theme.css knows that of the first too


class FineTuningPanel:
    """The views of fine-tuning over one state, made when they are first looked at: a page that never fine-tunes pays nothing.

    session: the shared state of the page.
    """

    def __init__(self, session: Session) -> None:
        self.fine_tuning = FineTuningState(session)
        self._session = session
        self._states: list[Any] = []  # RunComparison, RunList, DatasetBuilder, once they exist

    def show(self, left: ipywidgets.Box, panel: ipywidgets.Box) -> None:
        """Put the data in front of what is in `left`, and all else into `panel`."""
        self.fine_tuning.shown = True
        if self._states:
            self._states[0].shown = True
            return
        session, fine_tuning = self._session, self.fine_tuning
        dataset_builder, run_list = DatasetBuilder(session, fine_tuning), RunList(session, fine_tuning)
        run_comparison = RunComparison(session, run_list)
        run_comparison.shown = True
        run_list.observe(lambda change: dataset_builder.restore(change["new"].data), "returned")
        self._states = [run_comparison, run_list, dataset_builder]
        left.children = (DatasetView(session, fine_tuning, dataset_builder), *left.children)
        panel.children = (
            FreezePlanView(session, fine_tuning),
            _box("cards", RecipeView(session, fine_tuning), TrainingView(session, fine_tuning, run_list)),
            RunsView(session, fine_tuning, run_list),
            ResultsView(session, run_comparison),
            BeforeAfterView(session, run_comparison),
        )

    def hide(self) -> None:
        """Ask for nothing while something else is looked at."""
        self.fine_tuning.shown = False
        if self._states:
            self._states[0].shown = False

    def close(self) -> None:
        """Let go of the session; trainings that go on are left to themselves."""
        for state in (*self._states, self.fine_tuning):
            state.close()


class Page(ipywidgets.Box):  # type: ignore[misc]  # ipywidgets is untyped
    """Views over one session, put together.

    source, preprocess, labels, session, options: as `Explorer` takes them.
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
        self._alone = session is None
        self._fine_tuning_panel = FineTuningPanel(self.session)
        super().__init__([_box("layout", *self._parts())], **options)
        self.add_class("explorer").add_class("page")
        self._begin()

    def close(self) -> None:
        """Remove the page and its views; networks that no other page shares are let go, a training goes on by itself."""
        with suppress(AttributeError):  # refused before it had a session
            self._fine_tuning_panel.close()
            _close_inside(self)
            if self._alone:
                self.session.close()
        super().close()

    def _parts(self) -> tuple[ipywidgets.Widget, ...]:
        """Make the views, in the boxes of the page's layout."""
        raise NotImplementedError

    def _begin(self) -> None:
        """Do what is to be done once the views are there."""
        raise NotImplementedError


class Explorer(Page):
    """The whole page as one widget: pick an architecture, drop in a picture or a sound, see answers, layers and feature maps.

    source: what to begin with: a name in `explorer.architectures`, the path of a model's file, or a live
        Keras model of your own (`session.refresh()` copies it again). By default MobileNetV2 where its
        weights are on this machine, else `digits`.
    preprocess, labels: for a model of your own, as `explorer.load` describes them.
    session: a `Session` to share with other views; with it, the arguments before are the session's matter.
    options: those of `ipywidgets.Box`, such as `layout`.
    """

    def _parts(self) -> tuple[ipywidgets.Widget, ...]:
        picker, chart = ArchitecturePicker(self.session), AccuracyChart(self.session, shown=False)
        link((chart, "shown"), (picker, "chart"))
        self._left = _box("column left", InputView(self.session), AudioView(self.session), PredictionsView(self.session))
        views = {
            _("Inside"): FeatureMapsView(self.session),
            _("Over time"): OverTimeView(self.session),
            _("Model"): ModelToolsView(self.session),
            _("Fine-tune"): _box("panel"),
        }
        self._tabs = ipywidgets.Tab(list(views.values()), titles=list(views)).add_class("tabs")
        top = _box("top", picker, StatusView(self.session), chart, NetworkOptionsView(self.session))
        return top, self._left, _box("column", LayerStrip(self.session, self._fine_tuning_panel.fine_tuning), self._tabs)

    def _begin(self) -> None:
        self._tabs.observe(self._turned, "selected_index")
        self._fine_tuning_panel.fine_tuning.observe(self._go_to_the_run, "wanted")
        self.session.observe(self._suit, "network")
        self._suit()

    def close(self) -> None:
        """Remove the page and its views; networks that no other page shares are let go, a training goes on by itself."""
        with suppress(ValueError, AttributeError):  # closed before, or refused before it had a session
            self.session.unobserve(self._suit, "network")
        super().close()

    def _suit(self, _change: Any = None) -> None:
        """Show what suits the network: answers over time are a matter of sound, and the style sheet hides their tab without."""
        network = self.session.network
        sound = network is not None and network.input_spec.kind == "audio"
        _mark(self, "sound", sound)
        if not sound and self._tabs.selected_index == OVER_TIME:
            self._tabs.selected_index = 0

    def _turned(self, _change: Any) -> None:
        """Show what belongs to the tab that is looked at: while fine-tuning, the data on the left and the freeze line on the strip."""
        fine_tuning = self._tabs.selected_index == FINE_TUNE
        _mark(self, "fine-tuning", fine_tuning)
        if fine_tuning:
            self._fine_tuning_panel.show(self._left, self._tabs.children[FINE_TUNE])
        else:
            self._fine_tuning_panel.hide()

    def _go_to_the_run(self, _change: Any) -> None:
        self._tabs.selected_index = FINE_TUNE


class FineTuner(Page):
    """The freeze-layers fine-tuning panel as one widget: data, freeze line, plan, training, runs and what came of them.

    source, preprocess, labels, session, options: as `Explorer` takes them.
    """

    def _parts(self) -> tuple[ipywidgets.Widget, ...]:
        self._left, self._panel = _box("column left", InputView(self.session)), _box("panel")
        top = _box("top", ArchitecturePicker(self.session), StatusView(self.session))
        return top, self._left, _box("column", LayerStrip(self.session, self._fine_tuning_panel.fine_tuning), self._panel)

    def _begin(self) -> None:
        self.add_class("fine-tuning")
        self._fine_tuning_panel.show(self._left, self._panel)

    @property
    def fine_tuning(self) -> FineTuningState:
        """What is chosen and known of the fine-tuning."""
        return self._fine_tuning_panel.fine_tuning


def _close_inside(box: ipywidgets.Box) -> None:
    """Close all that is in a box, and the layout of each: ipywidgets keeps what isn't closed, and closes nothing with its box."""
    for widget in box.children:
        if isinstance(widget, ipywidgets.Box):
            _close_inside(widget)
        widget.close()
        if isinstance(widget.layout, ipywidgets.Layout):  # that of a plotly figure is none
            widget.layout.close()


def _mark(widget: ipywidgets.Widget, name: str, marked: bool) -> None:
    """Give the widget's element a class, or take it away."""
    (widget.add_class if marked else widget.remove_class)(name)


def _box(names: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
    box = ipywidgets.Box(children)
    for name in names.split():
        box.add_class(name)
    return box
