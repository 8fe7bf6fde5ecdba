"""What holds for every view, without a kernel: set a trait of the session, look at the view; send what JavaScript sends."""

import asyncio
import gettext
import re

import pytest
from fakes import OF_SOUND, FakeBackend, network_of_sound, until
from javascript import code
from messages import says, sent

import explorer.locale
from explorer.dashboards.pages import Explorer
from explorer.errors import ExplorerError
from explorer.state.session import Session
from explorer.widgets.audio.audio import AudioView
from explorer.widgets.audio.over_time import OverTimeView
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
from explorer.worker.queue import Worker

VIEWS = [
    *(PredictionsView, ArchitecturePicker, FeatureMapsView, InputView, LayerStrip, ModelToolsView),
    *(NetworkOptionsView, OverTimeView, AudioView, StatusView),
]
# On a page once fine-tuning is looked at; they stand alone too.
TUNING = [BeforeAfterView, FreezePlanView, ResultsView, RecipeView, RunsView, DatasetView]
LISTS = ("kinds", "models", "takes", "preprocess_modes")  # they hold keys and endings of files too


@pytest.mark.parametrize("view", VIEWS + TUNING)
def test_each_view_stands_alone_and_brings_its_own_javascript_and_style(view, session):
    one = view(session)
    assert re.search(r"export ?\{[\w$]+ as default\}", one._esm)
    assert not re.search(r"""\bimport\s*[{"'(*]""", one._esm)
    assert ".explorer" in one._css


@pytest.mark.parametrize("view", VIEWS + TUNING)
def test_every_css_rule_is_under_the_root_class(view, session):
    rules = re.sub(r"/\*.*?\*/|@keyframes[^{]*\{[^}]*\{[^}]*\}\s*\}", "", view(session)._css, flags=re.DOTALL)
    selectors = [one.strip() for one in re.findall(r"([^{}]+)\{[^{}]*\}", rules)]
    assert selectors
    for selector in selectors:
        for part in re.sub(r":is\([^)]*\)", "", selector.split("{")[-1]).split(","):
            assert ".explorer" in part, part


@pytest.mark.parametrize("view", VIEWS)
def test_every_word_of_a_view_goes_through_gettext(view, session, monkeypatch):
    class Marked(gettext.NullTranslations):
        def gettext(self, message):
            return f"⟦{message}⟧"

    monkeypatch.setattr(explorer.locale, "_catalogue", Marked())
    for name, word in view(session).texts.items():
        if name not in LISTS:
            assert word.startswith("⟦"), name


@pytest.mark.parametrize("view", VIEWS + TUNING)
def test_javascript_holds_no_words_and_uses_only_those_it_is_given(view, session):
    script = code(view)
    assert set(re.findall(r"\btexts\.(\w+)", script)) <= set(view(session).texts)
    for text in re.findall(r'make\("[^"]+", \{[^}]*\}, "([^"]*)"', script):
        assert not re.search(r"[A-Za-z]{2}", text), text


@pytest.mark.parametrize("view", VIEWS + TUNING)
def test_a_closed_view_no_longer_follows_the_session(view, session, backend):
    backend.networks["VGG16"] = network_of_sound
    closed, twin = view(session), view(session)
    before = closed.get_state(), twin.get_state()
    closed.close()
    session.top = 1
    session.open("VGG16")
    session.report_error(ExplorerError("something"), "network")
    assert closed.get_state() == before[0]
    assert view in TUNING or twin.get_state() != before[1], "one that isn't does; those of fine-tuning have a state of their own"


@pytest.mark.parametrize("view", [view for view in VIEWS if view not in (LayerStrip, ArchitecturePicker)])  # theirs are all choices
def test_a_message_that_no_view_knows_is_no_failure(view, session):
    one = view(session)
    before = one.get_state()
    says(one, {"nonsense": 1})
    assert (session.error_message, one.get_state()) == ("", before)


def test_a_failure_in_a_view_is_said_on_the_page_and_in_the_log(session, caplog):
    says(ArchitecturePicker(session), {"nonsense": 1})
    assert "KeyError" in session.error_message
    assert any(record.exc_info for record in caplog.records)


def test_a_view_that_can_not_draw_stops_neither_the_page_nor_other_views(session, monkeypatch):
    def fail(_self):
        raise ZeroDivisionError

    predictions, strip = PredictionsView(session), LayerStrip(session)
    monkeypatch.setattr(PredictionsView, "_draw", fail)
    broken = PredictionsView(session)
    session.open("VGG16")
    assert "ZeroDivisionError" in session.error_message
    assert (session.network.spec.name, session.example.name, session.layer) == ("VGG16", "cat.jpg", "block1_relu")
    assert (len(predictions.predictions), strip.layer, broken.predictions) == (4, 2, [])


def test_an_upload_comes_in_parts_each_one_acknowledged(session):
    view = InputView(session)
    predictions = sent(view)
    parts = [b"a" * 1000, b"b" * 1000, b"c"]
    for part, chunk in enumerate(parts):
        says(view, {"upload": "u", "part": part, "count": 3, "size": 2001, "name": "big.jpg"}, chunk)
    assert predictions == [{"upload": "u", "part": part} for part in range(3)]
    assert session.example.data == b"".join(parts)
    assert session.example.name == "big.jpg"


def test_a_later_upload_overtakes_the_one_under_way(session):
    view = InputView(session)
    predictions = sent(view)
    says(view, {"upload": "first", "part": 0, "count": 2, "size": 2, "name": "first.jpg"}, b"1")
    says(view, {"upload": "second", "part": 0, "count": 1, "size": 1, "name": "second.jpg"}, b"2")
    says(view, {"upload": "first", "part": 1, "count": 2, "size": 2, "name": "first.jpg"}, b"1")
    assert predictions[-1]["error"] == "overtaken"
    assert session.example.name == "second.jpg"


def test_an_upload_that_is_too_large_is_refused_and_the_page_works_on(session, monkeypatch):
    monkeypatch.setattr("explorer.widgets.base.view.LARGEST", 10)
    view = InputView(session)
    predictions = sent(view)
    says(view, {"upload": "u", "part": 0, "count": 1, "size": 11, "name": "huge.jpg"}, b"x" * 11)
    assert predictions[-1]["error"] == "too large"
    assert session.error_message.startswith("huge.jpg is larger than")
    says(view, {"sample": "digit_3.png"})
    assert (session.example.name, session.error_message) == ("digit_3.png", "")


def test_the_page_puts_every_view_over_one_session(page_of):
    session = page_of(network_of_sound)

    def below(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from below(child)

    views = [one for one in below(Explorer(session=session)) if isinstance(one, tuple(VIEWS))]
    assert sorted(type(view).__name__ for view in views) == sorted(view.__name__ for view in VIEWS)
    assert all(view.session is session for view in views)
    assert len(OF_SOUND) == len(next(view for view in views if isinstance(view, LayerStrip)).layers)


def test_what_is_drawn_while_another_network_takes_over_leaves_the_failure_that_led_to_it():
    backend = FakeBackend(missing=("VGG16",))

    async def opened():
        session = Session("VGG16", worker=Worker(lambda: backend))
        views = {view: view(session) for view in VIEWS}
        await until(lambda: session.feature_maps and not session.busy)
        session.close()
        return session, views

    session, views = asyncio.run(opened())
    assert session.network.spec.name == "digits"
    assert (session.error_message, views[StatusView].error_message) == ("The weights are not here.",) * 2
    assert (session.layer, views[LayerStrip].layer) == ("block1_relu", 2)
