"""The views without a kernel: set a trait of the session, look at the view; send what JavaScript sends, look at the session."""

import gettext
import io
import re

import numpy as np
import pytest
from fakes import LABELS, LAYERS, FakeBackend, maps_of
from PIL import Image

import explorer.locale
from explorer import rendering
from explorer.dashboards import Explorer
from explorer.session import Session
from explorer.widgets.answers import AnswersView
from explorer.widgets.feature_maps import FeatureMapsView
from explorer.widgets.input import InputView
from explorer.widgets.layer_strip import LayerStrip
from explorer.widgets.picker import ArchitecturePicker
from explorer.widgets.status import StatusView
from explorer.worker import InlineWorker

VIEWS = [AnswersView, ArchitecturePicker, FeatureMapsView, InputView, LayerStrip, StatusView]


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def session(backend):
    return Session(worker=InlineWorker(lambda: backend))


def says(view, message, *buffers):
    """Send what the view's JavaScript would send."""
    view._handle_custom_msg(message, [memoryview(buffer) for buffer in buffers])


def sent(view):
    """Return the list that the view's messages to JavaScript are put into."""
    messages = []
    view.send = lambda content, buffers=None: messages.append(content)
    return messages


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_stands_alone_and_brings_its_own_javascript_and_style(view, session):
    one = view(session)
    assert "export default { render }" in one._esm
    assert one._esm.startswith("// Put in front of every view's own module")
    assert ".explorer" in one._css
    assert not re.search(r"^import ", one._esm, re.MULTILINE)


@pytest.mark.parametrize("view", VIEWS)
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
    for name, word in view(session).words.items():
        if name != "kinds":
            assert word.startswith("⟦"), name


@pytest.mark.parametrize("view", VIEWS)
def test_javascript_holds_no_words_and_uses_only_those_it_is_given(view, session):
    one = view(session)
    code = re.sub(r"^\s*//.*$", "", one._esm, flags=re.MULTILINE)
    assert set(re.findall(r"words\.(\w+)", code)) <= set(one.words)
    for text in re.findall(r'make\("[^"]+", \{[^}]*\}, "([^"]*)"', code):
        assert not re.search(r"[A-Za-z]{2}", text), text


@pytest.mark.parametrize("view", VIEWS)
def test_a_closed_view_no_longer_follows_the_session(view, session):
    one = view(session)
    before = one.get_state()
    one.close()
    session.failure = "something"
    session.top = 1
    assert one.comm is None or one.get_state() == before


def test_a_failure_in_a_view_is_said_on_the_page(session):
    says(ArchitecturePicker(session), {"nonsense": 1})
    assert "KeyError" in session.failure


def test_status_shows_what_goes_on_and_a_failure_until_it_is_dismissed(session):
    view = StatusView(session)
    assert view.text.startswith("Ready. Answered in")
    session.failure = "It broke."
    assert view.failure == "It broke."
    says(view, {"dismiss": True})
    assert (view.failure, session.failure) == ("", "")


def test_the_picker_says_what_each_row_means_and_opens_what_is_chosen(session):
    view = ArchitecturePicker(session)
    rows = {row["name"]: row for row in view.rows}
    assert view.chosen == "digits"
    assert rows["digits"]["weights"].endswith("comes with explorer")
    assert rows["VGG16"]["weights"] == "528 MB to download"
    assert (rows["VGG16"]["accuracy"], rows["VGG16"]["parameters"], rows["VGG16"]["depth"]) == ("71.3 % on ImageNet", "138.4 M", "23")
    assert rows["ResNet50"]["depth"] == "–", "the guide gives none"
    says(view, {"open": "VGG16"})
    assert (view.chosen, view.opening) == ("VGG16", "")
    rows = {row["name"]: row for row in view.rows}
    assert rows["VGG16"]["weights"] == "528 MB, on this machine"


def test_answers_are_bars_with_what_the_others_hold(session):
    view = AnswersView(session)
    view.top = 2
    assert session.top == 2
    assert view.answers == [{"label": "red fox", "score": 0.5}, {"label": "owl", "score": 0.25}]
    assert view.others == {"label": "2 others together", "score": 0.25}
    view.top = 3
    assert view.others["label"] == "1 other"
    view.top = 4
    assert view.others is None
    view.top = 5
    assert view.top == 4
    assert "top must be from 1 to 4" in session.failure


def test_independent_scores_get_no_bar_for_the_others(session, backend):
    whole = backend.predict

    def tags(*arguments):
        answers = whole(*arguments)
        return type(answers)(answers.predictions, answers.others, answers.others_score, sums_to_one=False)

    backend.predict = tags
    view = AnswersView(session)
    view.top = 2
    assert view.others is None


def test_the_strip_lists_the_layers_and_selects_both_ways(session):
    view = LayerStrip(session)
    assert view.title == "4 layers"
    assert view.layers[1] == ["block1_conv", "convolution", "block1", "convolution, 6 × 8 × 5", 140]
    view.layer = 1
    assert session.layer == 1
    session.layer = 3
    assert view.layer == 3
    says(view, {"select": "block1_relu"})
    assert view.layer == 2
    says(view, {"select": "blok"})
    assert "There is no layer 'blok'" in session.failure
    assert view.layer == 2


def palette(png):
    image = Image.open(io.BytesIO(png))
    assert image.mode == "P"
    return np.asarray(image)


def level(values):
    low, high = values.min(), values.max()
    return np.round((values - low) / (high - low) * (rendering.LEVELS - 1))


def test_the_mosaic_shows_every_map_on_its_own_scale_or_all_on_one(session):
    view = FeatureMapsView(session)
    maps, grid = maps_of(2), view.grid
    assert view.title == "5 feature maps"
    assert "2 · block1_relu, 6 × 8 × 5, values -1 to 2" in view.about
    assert view.memory == "3.0 of 256 MB of activations remembered"
    for alike in (False, True):
        view.alike = alike
        shown = palette(view.mosaic)
        for index in range(grid["count"]):
            row, column = divmod(index, grid["columns"])
            top, left = row * (grid["height"] + grid["gap"]), column * (grid["width"] + grid["gap"])
            tile = shown[top : top + grid["height"] : grid["height"] // 6, left : left + grid["width"] : grid["width"] // 8]
            expected = (level(maps) if alike else np.stack([level(maps[..., one]) for one in range(5)], -1))[..., index]
            assert np.abs(tile.astype(int) - expected).max() <= 1
    assert view.ends == ["-1", "2"]


def test_a_chosen_map_is_enlarged_and_a_chosen_cell_is_read_off(session):
    view = FeatureMapsView(session)
    view.channel = 3
    assert session.channel == 3
    assert (view.one_title, view.cells) == ("Map 3", [6, 8])
    assert np.abs(palette(view.one).astype(int) - level(maps_of(2)[..., 3])).max() <= 1
    view.cell = [4, 6]
    assert session.cell == (4, 6)
    facts = dict(view.facts)
    assert facts["cell"] == "row 4, column 6"
    assert float(facts["value"]) == pytest.approx(maps_of(2)[4, 6, 3], abs=0.01)
    assert (facts["input rows"], facts["input columns"]) == ("8 to 10", "12 to 14")
    view.cell = []
    assert session.cell is None
    assert view.facts == []


def test_a_dense_layer_is_drawn_as_units_with_the_class_each_stands_for(session):
    view = FeatureMapsView(session)
    session.select("predictions")
    assert (view.title, view.mosaic, view.grid) == ("4 units", b"", {})
    assert (np.frombuffer(view.values, np.float32) == maps_of(3)).all()
    assert dict(view.facts)["class"] == LABELS[3]
    view.channel = 0
    assert dict(view.facts)["class"] == "red fox"


def test_the_input_shows_both_pictures_and_marks_the_region(session):
    view = InputView(session)
    assert Image.open(io.BytesIO(view.came)).size == (24, 12)
    assert Image.open(io.BytesIO(view.seen)).size == (16, 12)
    assert view.came_text == "digit_0.png, 24 × 12 pixels"
    session.cell = (1, 7)
    assert view.mark == {"top": 2 / 12, "height": 2 / 12, "left": 14 / 16, "width": 2 / 16}
    session.cell = None
    assert view.mark == {}


def test_an_upload_comes_in_parts_each_one_acknowledged(session):
    view = InputView(session)
    answers = sent(view)
    parts = [b"a" * 1000, b"b" * 1000, b"c"]
    for part, chunk in enumerate(parts):
        says(view, {"upload": "u", "part": part, "count": 3, "size": 2001, "name": "big.jpg"}, chunk)
    assert answers == [{"upload": "u", "part": part} for part in range(3)]
    assert session.example.data == b"".join(parts)
    assert session.example.name == "big.jpg"


def test_a_later_upload_overtakes_the_one_under_way(session):
    view = InputView(session)
    answers = sent(view)
    says(view, {"upload": "first", "part": 0, "count": 2, "size": 2, "name": "first.jpg"}, b"1")
    says(view, {"upload": "second", "part": 0, "count": 1, "size": 1, "name": "second.jpg"}, b"2")
    says(view, {"upload": "first", "part": 1, "count": 2, "size": 2, "name": "first.jpg"}, b"1")
    assert answers[-1]["error"] == "overtaken"
    assert session.example.name == "second.jpg"


def test_an_upload_that_is_too_large_is_refused_and_the_page_works_on(session, monkeypatch):
    monkeypatch.setattr("explorer.widgets.input.LARGEST", 10)
    view = InputView(session)
    answers = sent(view)
    says(view, {"upload": "u", "part": 0, "count": 1, "size": 11, "name": "huge.jpg"}, b"x" * 11)
    assert answers[-1]["error"] == "too large"
    assert session.failure.startswith("huge.jpg is larger than")
    says(view, {"sample": "digit_3.png"})
    assert (session.example.name, session.failure) == ("digit_3.png", "")


def test_what_the_browser_refuses_is_said_in_its_words(session):
    says(InputView(session), {"refuse": "There is no picture to paste."})
    assert session.failure == "There is no picture to paste."


def test_the_page_puts_six_views_over_one_session():
    session = Session(worker=InlineWorker(FakeBackend))
    page = Explorer(session=session)

    def below(widget):
        for child in widget.children:
            yield from below(child) if hasattr(child, "children") else [child]

    views = list(below(page))
    assert sorted(type(view).__name__ for view in views) == [view.__name__ for view in VIEWS]
    assert all(view.session is session for view in views)
    assert len(LAYERS) == len(next(view for view in views if isinstance(view, LayerStrip)).layers)


def test_a_click_that_comes_late_changes_nothing(session):
    maps, strip = FeatureMapsView(session), LayerStrip(session)
    maps.channel = 191  # of the network before
    assert (maps.channel, session.channel) == (0, 0)
    assert maps.one_title == "Map 0"
    maps.cell = [106, 107]
    assert (maps.cell, session.cell) == ([], None)
    strip.layer = 151
    assert (strip.layer, session.layer, session.failure) == (2, 2, "")


def test_a_sample_chosen_during_an_upload_ends_it(session):
    view = InputView(session)
    answers = sent(view)
    says(view, {"upload": "u", "part": 0, "count": 2, "size": 2, "name": "slow.jpg"}, b"1")
    says(view, {"sample": "digit_5.png"})
    says(view, {"upload": "u", "part": 1, "count": 2, "size": 2, "name": "slow.jpg"}, b"2")
    assert answers[-1]["error"] == "overtaken"
    assert session.example.name == "digit_5.png"
