import ipywidgets
import pytest
from fakes import FakeBackend

from explorer.dashboards import Explorer
from explorer.errors import UnknownName
from explorer.session import Session
from explorer.widgets.accuracy_chart import AccuracyChart
from explorer.widgets.picker import ArchitecturePicker
from explorer.worker import InlineWorker


class Model:
    name = "mine"


@pytest.fixture
def backend(monkeypatch):
    backend = FakeBackend()
    monkeypatch.setattr("explorer.asking.worker_here", lambda: InlineWorker(lambda: backend))
    return backend


def every(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def one_of(page, kind):
    return next(widget for widget in every(page) if isinstance(widget, kind))


def test_a_page_begins_with_what_is_always_there(backend):
    page = Explorer()
    assert page.session.network.spec.name == "digits"
    assert {"explorer", "page"} <= set(page._dom_classes)


def test_a_page_begins_with_an_architecture(backend):
    assert Explorer("VGG16").session.network.spec.name == "VGG16"
    with pytest.raises(UnknownName, match="Did you mean VGG19 or VGG16"):
        Explorer("VGG17")


def test_a_page_begins_with_a_models_file(backend, tmp_path):
    path = tmp_path / "mine.keras"
    path.write_bytes(b"model")
    for source in (path, str(path)):
        spec = Explorer(source, preprocess="tf", labels=["a", "b"]).session.network.spec
        assert (spec.path, spec.preprocess, spec.labels) == (str(path), "tf", ("a", "b"))


def test_a_page_begins_with_a_live_model_and_shows_it_as_it_is_now_when_asked(backend):
    model, prepare = Model(), abs
    page = Explorer(model, preprocess=prepare)
    assert page.session.network.spec.name == "mine"
    page.session.refresh()
    handed_over = [asked for asked in backend.asked if asked[0] == "adopt"]
    assert [(spec.version, given, how) for _verb, spec, given, how in handed_over] == [(0, model, prepare), (1, model, prepare)]


def test_a_page_shares_the_session_that_it_is_given(backend):
    session = Session("VGG16")
    page = Explorer(session=session)
    assert page.session is session
    assert one_of(page, ArchitecturePicker).session is session


def test_the_tabs_have_words_for_titles(backend):
    tabs = one_of(Explorer(), ipywidgets.Tab)
    assert tabs.titles == ("Inside", "Model")
    assert len(tabs.children) == 2


def test_the_chart_shows_when_the_picker_asks_for_it(backend):
    page = Explorer()
    picker, chart = one_of(page, ArchitecturePicker), one_of(page, AccuracyChart)
    assert (picker.chart, chart.shown) == (False, False)
    picker.chart = True
    assert chart.shown


def test_options_of_the_box_are_the_boxs_own(backend):
    assert Explorer(layout={"border_top": "1px solid red"}).layout.border_top == "1px solid red"
