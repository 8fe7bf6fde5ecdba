"""The chart without a browser: set what its JavaScript would set, look at plotly's figure."""

import asyncio
import gettext
import importlib
import random
import re
import subprocess
import sys
import threading
from unittest.mock import Mock

import pytest
from fakes import StillWorker, until
from javascript import code

import explorer.locale
from explorer.catalog import architectures
from explorer.rendering.accuracy_plot import STYLES, Box, Plot, _beside, label_positions, pareto_front
from explorer.state.session import Session
from explorer.values import NetworkSpec, NetworkSummary
from explorer.widgets.explore import accuracy_chart as module
from explorer.widgets.explore.accuracy_chart import AccuracyChart, ChartBar

ON_IMAGENET = [name for name, row in architectures.items() if row.measured_on == "ImageNet"]
CROWD = {f"Network{index}": (300 + 40 * random.Random(index).random(), 200 + 40 * random.Random(-index).random()) for index in range(30)}


class StillSession(Session):
    """A session without a worker: what is loaded is what a test sets, and what is opened is written down."""

    def __init__(self):
        super().__init__(worker=StillWorker(), run_worker=StillWorker())
        self.opened = []

    def open(self, source):
        self.opened.append(source)

    def has(self, name):
        network = Mock(NetworkSummary)
        network.spec = NetworkSpec(name)
        self.network = network


@pytest.fixture
def session():
    session = StillSession()
    session.has("MobileNetV2")
    return session


@pytest.fixture
def chart(session):
    """A chart that the browser has drawn."""
    chart = AccuracyChart(session)
    chart.bar.width = 1000
    chart.bar.drawn = True
    yield chart
    chart.close()


def points(chart):
    """Return every point of the figure: name -> (x, y)."""
    return {name: (x, y) for trace in chart.figure.data if trace.ids for name, x, y in zip(trace.ids, trace.x, trace.y, strict=True)}


def trace(chart, name):
    return next(trace for trace in chart.figure.data if trace.name == name)


def label_box(name, place, points):
    return dict(_beside(name, *points[name]))[place]


def click(chart, name):
    """Do what plotly's JavaScript does on a click."""
    index = next(index for index, trace in enumerate(chart.figure.data) if trace.ids and name in trace.ids)
    point = chart.figure.data[index].ids.index(name)
    chart.figure._js2py_pointsCallback = {
        "event_type": "plotly_click",
        "points": {"trace_indexes": [index], "point_indexes": [point], "xs": [1], "ys": [1]},
        "device_state": {"alt": False, "ctrl": False, "meta": False, "shift": False, "button": 0, "buttons": 1},
        "selector": None,
    }


def test_plotly_is_not_loaded_and_no_figure_made_until_the_chart_is_shown(session):
    code = "import sys, explorer; explorer.Explorer; import explorer.widgets.explore.accuracy_chart; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120).stdout == "False\n"
    chart = AccuracyChart(session, shown=False)
    assert (chart.figure, chart.layout.display) == (None, "none")
    chart.shown = True
    assert chart.layout.display is None
    assert chart.figure is None, "its width is not known yet"
    chart.bar.width = 800
    assert chart.children == (chart.bar, chart.figure)
    assert chart.figure.layout.width == 800


def test_a_chart_that_was_hidden_shows_the_same_figure_again_up_to_date(chart):
    before = chart.figure
    chart.shown = False
    assert chart.layout.display == "none"
    chart.session.has("VGG16")
    chart.shown = True
    assert chart.figure is before
    assert trace(chart, "loaded").y == (pytest.approx(71.3),)


def test_every_architecture_measured_on_imagenet_is_one_point(chart):
    drawn = points(chart)
    assert sorted(drawn) == sorted(ON_IMAGENET)
    for name, (x, y) in drawn.items():
        assert x == pytest.approx(architectures[name].parameters / 1e6)
        assert y == pytest.approx(architectures[name].top1 * 100)
    assert "digits" in chart.bar.texts["left_out"]


def test_the_size_can_run_across_instead(chart):
    chart.bar.across = "size"
    for name, (x, _y) in points(chart).items():
        assert x == pytest.approx(architectures[name].size / 2**20)
    assert chart.figure.layout.xaxis.title.text == "Size of the weights in MB"
    assert chart.figure.layout.xaxis.type == "log"


@pytest.mark.parametrize("across", ["parameters", "size"])
def test_all_points_lie_inside_the_axes(across):
    plot = Plot(across, 800)
    for name, (x, y) in plot.points().items():
        assert 0 < x < 800, name
        assert 0 < y < 400, name


def test_pointing_at_one_says_its_facts_and_whether_it_is_here(chart):
    def said(name):
        family = trace(chart, architectures[name].family)
        return family.hovertext[family.ids.index(name)]

    assert said("VGG16") == "<b>VGG16</b><br>top-1 71.3 %<br>138,357,544 parameters<br>528 MB to download"
    chart.session.loader.locally_available = frozenset({"VGG16"})
    assert said("VGG16").endswith("528 MB, on this machine")


def test_the_loaded_one_is_marked_and_named(chart):
    ring = trace(chart, "loaded")
    assert (ring.x[0], ring.y[0]) == pytest.approx(points(chart)["MobileNetV2"])
    assert "<b>MobileNetV2</b>" in trace(chart, "MobileNet").text
    chart.session.has("digits")
    assert len(trace(chart, "loaded").x) == 0, "it is not on the chart"
    assert "<b>MobileNetV2</b>" not in trace(chart, "MobileNet").text


def test_a_click_on_a_point_loads_it(chart):
    click(chart, "VGG19")
    assert chart.session.opened == ["VGG19"]


def test_what_changes_while_the_browser_reads_the_figure_is_drawn_when_it_can_be(session):
    chart = AccuracyChart(session)
    chart.bar.width = 1000
    session.has("VGG16")
    assert trace(chart, "loaded").x[0] == pytest.approx(architectures["MobileNetV2"].parameters / 1e6), "it would be lost"
    chart.bar.drawn = True
    assert trace(chart, "loaded").x[0] == pytest.approx(architectures["VGG16"].parameters / 1e6)


def test_an_enlarged_part_stays_when_another_is_loaded(chart):
    chart.figure.layout.xaxis.range = (0, 1)
    chart.session.has("VGG16")
    assert chart.figure.layout.xaxis.range == (0, 1)
    chart.bar.across = "size"
    assert chart.figure.layout.xaxis.range == pytest.approx(Plot("size").ranges[0])


def test_families_differ_by_colour_and_marker():
    assert {architectures[name].family for name in ON_IMAGENET} <= set(STYLES)
    assert len(set(STYLES.values())) == len(STYLES)
    assert len({symbol for _colour, symbol in STYLES.values()}) == len(STYLES)


def luminance(colour):
    levels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


@pytest.mark.parametrize("family", STYLES)
@pytest.mark.parametrize("paper", ["#ffffff", "#212121"], ids=["light", "dark"])
def test_markers_stand_out_on_light_and_on_dark(family, paper):
    lighter, darker = sorted((luminance(STYLES[family][0]), luminance(paper)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3  # WCAG 2.2, 1.4.11


def test_the_front_are_those_that_no_smaller_one_reaches():
    plot = Plot()
    best = pareto_front(plot.x, plot.y)
    assert best == sorted(best, key=plot.x.get)
    for name in plot.rows:
        better = [other for other in plot.rows if plot.x[other] <= plot.x[name] and plot.y[other] >= plot.y[name]]
        beaten = any((plot.x[other], plot.y[other]) != (plot.x[name], plot.y[name]) for other in better)
        assert (name in best) == (not beaten), name


def test_of_equal_points_one_is_the_front():
    assert pareto_front({"a": 1, "b": 1, "c": 2}, {"a": 5, "b": 5, "c": 5}) == ["a"]


def test_names_cover_neither_each_other_nor_a_marker_nor_the_edge():
    places = label_positions(CROWD, [], 640, 400)
    boxes = [label_box(name, place, CROWD) for name, place in places.items()]
    assert 0 < len(boxes) < len(CROWD)
    for index, box in enumerate(boxes):
        assert box.inside(Box(0, 0, 640, 400))
        assert not box.meets_any(boxes[:index])
    for name, place in places.items():
        assert not any(label_box(name, place, CROWD).meets_any([Box(x, y, x, y)]) for other, (x, y) in CROWD.items() if other != name)


@pytest.mark.parametrize("name", ["Network7", "Network21"])
def test_the_first_name_is_written_even_in_a_crowd(name):
    assert name in label_positions(CROWD, [name], 640, 400)


@pytest.mark.parametrize("width", [900, 1240])
def test_the_loaded_one_and_the_front_have_their_names_where_there_is_room(width):
    plot = Plot("parameters", width)
    traces = plot.traces("VGG19", ())
    named = {text.removeprefix("<b>").removesuffix("</b>") for trace in traces for text in trace.get("text", ())}
    assert named >= {"VGG19", *pareto_front(plot.x, plot.y)}


def test_every_word_goes_through_gettext_and_javascript_has_none_of_its_own(session, monkeypatch):
    class Marked(gettext.NullTranslations):
        def gettext(self, message):
            return f"⟦{message}⟧"

    monkeypatch.setattr(explorer.locale, "_catalogue", Marked())
    bar = ChartBar(session)
    assert all(word.startswith("⟦") for word in bar.texts.values())
    assert set(re.findall(r"\btexts\.(\w+)", code(ChartBar))) <= set(bar.texts)
    for text in (Plot().layout()["xaxis"]["title"]["text"], Plot().traces("", ())[0]["name"]):
        assert text.startswith("⟦")


def test_a_closed_chart_no_longer_follows_the_session(chart):
    figure, before = chart.figure, [trace.to_plotly_json() for trace in chart.figure.data]
    chart.close()
    chart.session.has("VGG16")
    assert [trace.to_plotly_json() for trace in figure.data] == before


def test_while_plotly_is_loaded_the_page_goes_on_and_says_so(session, monkeypatch):
    let_go = threading.Event()

    def held_back(name):
        let_go.wait(120)
        return importlib.import_module(name)

    monkeypatch.setattr(module, "import_module", held_back)
    for name in [name for name in sys.modules if name.startswith("plotly.graph_objects")]:
        monkeypatch.delitem(sys.modules, name)

    async def opened():
        chart = AccuracyChart(session)
        chart.bar.width = 1000
        chart.bar.across = "size"
        during = chart.bar.step, chart.figure
        let_go.set()
        await until(lambda: chart.figure)
        return during, chart.bar.step, chart.children == (chart.bar, chart.figure)

    assert asyncio.run(opened()) == (("Loading plotly…", None), "Sending the chart to the browser, 5 MB…", True)
