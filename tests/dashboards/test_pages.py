import ipywidgets
import pytest
from fake_fine_tuning import asked
from fake_runs import RunningBackend
from fakes import network_of_sound
from ipywidgets.widgets.widget import _instances  # the state of all widgets can not be had where other tests have left closed ones in a box

from explorer.dashboards.pages import FINE_TUNE, OVER_TIME, Explorer, FineTuner
from explorer.errors import UnknownName
from explorer.state.session import Session
from explorer.widgets.audio.audio import AudioView
from explorer.widgets.audio.over_time import OverTimeView
from explorer.widgets.explore.accuracy_chart import AccuracyChart
from explorer.widgets.explore.architecture_picker import ArchitecturePicker
from explorer.widgets.explore.input import InputView
from explorer.widgets.explore.layer_strip import LayerStrip
from explorer.widgets.explore.predictions import PredictionsView
from explorer.widgets.explore.status import StatusView
from explorer.widgets.fine_tuning.before_after import BeforeAfterView
from explorer.widgets.fine_tuning.dataset import DatasetView
from explorer.widgets.fine_tuning.freeze_plan import FreezePlanView
from explorer.widgets.fine_tuning.recipe import RecipeView
from explorer.widgets.fine_tuning.results import ResultsView
from explorer.widgets.fine_tuning.runs import RunsView
from explorer.widgets.fine_tuning.training import TrainingView

pytestmark = pytest.mark.usefixtures("worker_here", "alive")


class Model:
    def __init__(self, name):
        self.name = name


@pytest.fixture
def backend():
    return RunningBackend()


def every(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def one_of(page, kind):
    return next(widget for widget in every(page) if isinstance(widget, kind))


def test_a_page_begins_with_what_is_always_there():
    page = Explorer()
    assert page.session.network.spec.name == "digits"
    assert {"explorer", "page"} <= set(page._dom_classes)


def test_a_page_begins_with_an_architecture():
    assert Explorer("VGG16").session.network.spec.name == "VGG16"
    with pytest.raises(UnknownName, match="Did you mean VGG19 or VGG16"):
        Explorer("VGG17")


def test_a_page_begins_with_a_models_file(tmp_path):
    path = tmp_path / "mine.keras"
    path.write_bytes(b"model")
    for source in (path, str(path)):
        spec = Explorer(source, preprocess="tf", labels=["a", "b"]).session.network.spec
        assert (spec.path, spec.preprocess, spec.labels) == (str(path), "tf", ("a", "b"))


def test_a_page_begins_with_a_live_model_and_shows_it_as_it_is_now_when_asked(backend):
    model, prepare = Model("mine"), abs
    page = Explorer(model, preprocess=prepare)
    assert page.session.network.spec.name == "mine"
    page.session.refresh()
    handed_over = asked(backend, "register_live_model")
    assert [(spec.version, given, how) for spec, given, how in handed_over] == [(0, model, prepare), (1, model, prepare)]


def test_a_page_shares_the_session_that_it_is_given():
    session = Session("VGG16")
    page = Explorer(session=session)
    assert page.session is session
    assert one_of(page, ArchitecturePicker).session is session


def test_the_tabs_have_words_for_titles():
    tabs = one_of(Explorer(), ipywidgets.Tab)
    assert tabs.titles == ("Inside", "Over time", "Model", "Fine-tune")
    assert len(tabs.children) == 4


def hum(page, backend):
    """Turn the page to a network of sound."""
    backend.networks["hum"] = network_of_sound
    page.session.register_live_model(Model("hum"))


def test_a_network_of_sound_is_marked_for_the_style_sheet_which_shows_its_tab_and_a_wider_column(backend):
    page = Explorer()
    tabs = one_of(page, ipywidgets.Tab)
    assert isinstance(tabs.children[OVER_TIME], OverTimeView)
    assert "sound" not in page._dom_classes
    hum(page, backend)
    assert len(tabs.children[OVER_TIME].starts) == 17
    assert page._dom_classes.count("sound") == 1
    hum(page, backend)
    assert page._dom_classes.count("sound") == 1
    page.session.open("VGG16")
    assert "sound" not in page._dom_classes


@pytest.mark.parametrize("place", [0, 2], ids=["Inside", "Model"])
def test_the_open_tab_stays_open_when_the_network_changes(backend, place):
    page = Explorer()
    tabs = one_of(page, ipywidgets.Tab)
    tabs.selected_index = place
    hum(page, backend)
    assert tabs.selected_index == place
    page.session.open("VGG16")
    assert tabs.selected_index == place


def test_a_tab_that_is_gone_gives_way_to_the_first(backend):
    page = Explorer()
    tabs = one_of(page, ipywidgets.Tab)
    hum(page, backend)
    tabs.selected_index = OVER_TIME
    page.session.open("VGG16")
    assert tabs.selected_index == 0


def test_the_sound_lies_between_the_input_and_the_answers():
    page = Explorer()
    left = next(box for box in every(page) if any(isinstance(child, InputView) for child in getattr(box, "children", ())))
    assert all(map(isinstance, left.children, (InputView, AudioView, PredictionsView)))
    assert len(left.children) == 3


def test_a_closed_page_no_longer_follows_the_session(backend):
    page = Explorer()
    page.close()
    page.close()
    hum(page, backend)
    assert "sound" not in page._dom_classes


@pytest.mark.parametrize("kind", [Explorer, FineTuner])
def test_a_closed_page_leaves_no_widget_behind_and_lets_its_networks_go(kind, backend):
    layout = ipywidgets.Layout()
    before = set(_instances)
    page = kind(layout=layout)
    if kind is Explorer:
        one_of(page, ipywidgets.Tab).selected_index = FINE_TUNE
        one_of(page, AccuracyChart).shown = True
    page.close()
    assert set(_instances) == before
    assert backend.asked[-1] == ("close", "")


def test_a_session_that_others_share_goes_on_when_a_page_of_it_is_closed(backend):
    session = Session()
    Explorer(session=session).close()
    assert ("close", "") not in backend.asked
    alone = StatusView()
    StatusView(session).close()
    assert ("close", "") not in backend.asked
    alone.close()
    assert backend.asked[-1] == ("close", "")


def test_the_chart_shows_when_the_picker_asks_for_it():
    page = Explorer()
    picker, chart = one_of(page, ArchitecturePicker), one_of(page, AccuracyChart)
    assert (picker.chart, chart.shown) == (False, False)
    picker.chart = True
    assert chart.shown


def test_options_of_the_box_are_the_boxs_own():
    assert Explorer(layout={"border_top": "1px solid red"}).layout.border_top == "1px solid red"


def test_fine_tuning_is_made_when_its_tab_is_looked_at(backend):
    page = Explorer()
    tabs = one_of(page, ipywidgets.Tab)
    assert tabs.children[FINE_TUNE].children == ()
    assert asked(backend, "backbone") == []
    tabs.selected_index = FINE_TUNE
    assert "fine-tuning" in page._dom_classes
    views = (DatasetView, FreezePlanView, RecipeView, TrainingView, RunsView, ResultsView, BeforeAfterView)
    found = [one_of(page, view) for view in views]
    assert all(view.session is page.session for view in found)
    assert one_of(page, LayerStrip).fine_tuning_shown
    tabs.selected_index = 0
    assert "fine-tuning" not in page._dom_classes
    assert not one_of(page, LayerStrip).fine_tuning_shown
    tabs.selected_index = FINE_TUNE
    assert [one_of(page, view) for view in views] == found


def test_a_page_whose_address_names_a_run_turns_to_it():
    page = Explorer()
    one_of(page, LayerStrip).received({"run": True}, [])
    assert one_of(page, ipywidgets.Tab).selected_index == FINE_TUNE


def test_the_panel_stands_alone():
    panel = FineTuner("digits")
    assert panel.fine_tuning.plan.index == panel.fine_tuning.freeze > 0
    assert one_of(panel, LayerStrip).fine_tuning_shown
    assert one_of(panel, RecipeView).fine_tuning is one_of(panel, FreezePlanView).fine_tuning is panel.fine_tuning
    panel.close()
    with pytest.raises(UnknownName, match="VGG17"):
        FineTuner("VGG17")
