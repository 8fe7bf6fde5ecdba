"""The picker and the chart in a browser: search, filters, order, keyboard, and a chart that comes when it is asked for."""

import re

import pytest

pytestmark = pytest.mark.browser

PAGE = """
import ipywidgets
from traitlets import HasTraits, link
from unittest.mock import Mock
from explorer.state.session import Session
from explorer.values import NetworkSpec, NetworkSummary
from explorer.widgets.explore.accuracy_chart import AccuracyChart
from explorer.widgets.explore.architecture_picker import ArchitecturePicker

class Prompt(Session):  # without a worker: whatever is opened is there at once
    def __init__(self):
        HasTraits.__init__(self)
        self.open("digits")
    def open(self, source):
        network = Mock(NetworkSummary)
        network.spec = NetworkSpec(source)
        self.network = network

session = Prompt()
picker, chart = ArchitecturePicker(session), AccuracyChart(session, shown=False)
link((chart, "shown"), (picker, "chart"))
ipywidgets.VBox([picker, chart]).add_class("explorer").add_class("page")
"""


@pytest.fixture(scope="module")
def opened(open_page, voila):
    page = open_page(voila("picker", PAGE))
    page.locator(".explorer .pick b", has_text="digits").wait_for()
    return page


@pytest.fixture
def page(opened):
    """A page whose picker has just been opened, with no filter set."""
    opened.locator(".explorer .pick").click()
    opened.get_by_role("listbox", name="Architecture").wait_for()
    yield opened
    if (reset := opened.get_by_role("button", name="Reset")).is_visible():
        reset.click()
    for order in ("Name", "Family"):  # a second click on one would turn it round
        opened.get_by_role("group", name="Sort by").get_by_role("button", name=order).click()
    opened.get_by_role("combobox", name=re.compile("^Search")).press("Escape")
    assert opened.errors == []
    assert opened.beyond == [], "nothing is asked of another server"


def names(page):
    return page.locator(".explorer.picker [role=option] > b").all_inner_texts()


def pointed_at(page):
    """Return what a screen reader says of the row that the keys are at."""
    search = page.get_by_role("combobox", name=re.compile("^Search"))
    return said(page.locator(f"#{search.get_attribute('aria-activedescendant')}"))


def said(option):
    return option.locator(".unseen").inner_text()


def numbers(page, column):
    texts = page.locator(f".explorer.picker [role=option] [data-by={column}]").all_inner_texts()
    return [float(re.sub("[^0-9.]", "", text)) for text in texts if text != "–"]


def test_typing_searches_names_families_titles_and_authors(page):
    page.keyboard.type("vgg")
    assert names(page) == ["VGG16", "VGG19"]
    search = page.get_by_role("combobox", name=re.compile("^Search"))
    search.fill("simonyan 19")
    assert names(page) == ["VGG19"]
    search.fill("residual recognition he")
    assert names(page)[0] == "ResNet50"
    search.fill("no such thing")
    assert names(page) == []
    page.get_by_text("No architecture is like that.").wait_for()
    page.get_by_role("button", name="Reset").click()
    assert len(names(page)) > 40


def test_enter_would_load_what_the_search_most_likely_means(page):
    search = page.get_by_role("combobox", name=re.compile("^Search"))
    meant = {"MobileNet": "MobileNet", "effi": "EfficientNetB0", "v2l": "EfficientNetV2L", "dollar": "ResNeXt50"}
    for typed in meant:
        search.fill(typed)
        assert pointed_at(page).startswith(f"{meant[typed]},"), typed


def test_filters_narrow_the_list_together(page):
    everything = len(names(page))
    page.get_by_role("checkbox", name="On this machine").check()
    assert names(page) == ["digits", "timbres"]
    page.get_by_role("checkbox", name="On this machine").uncheck()
    page.get_by_role("combobox", name="Only up to this size").select_option("At most 50 MB")
    assert 0 < len(names(page)) < everything
    assert max(numbers(page, "size")) <= 50
    page.get_by_role("combobox", name="Only this family").select_option("DenseNet")
    assert names(page) == ["DenseNet121"]
    page.get_by_role("combobox", name="Only up to this size").select_option("Any size")
    page.get_by_role("combobox", name="Only up to so many parameters").select_option("At most 10 M parameters")
    assert names(page) == ["DenseNet121"]
    page.get_by_role("status").filter(has_text=f"1 of {everything}").wait_for()


def test_only_those_of_the_guides(page):
    page.get_by_role("combobox", name="Only what this lists").select_option("In the Keras guides")
    assert len(names(page)) == 21


def test_any_column_sorts_both_ways_and_unknown_values_stay_last(page):
    sorting = page.get_by_role("group", name="Sort by")
    headings = page.locator(".explorer.picker [role=group] .family")
    assert headings.count() > 0
    for column in ("Top-1", "Parameters", "Size", "Depth", "Year", "Input"):
        button = sorting.get_by_role("button", name=column)
        by = button.get_attribute("data-by")
        for direction in ("falling", "rising") if column == "Top-1" else ("rising", "falling"):
            button.click()
            assert button.inner_text().endswith(direction)
            assert headings.count() == 0
            shown = page.locator(f".explorer.picker [role=option] [data-by={by}]").all_inner_texts()
            if by in ("depth", "year"):
                values = numbers(page, by)
                assert values == sorted(values, reverse=direction == "falling")
                assert set(shown[len(values) :]) <= {"–"}
        if by == "top1":
            assert set(names(page)[-3:]) == {"digits", "timbres", "MusicTaggerCRNN"}, "measured on other data"


def test_by_name_numbers_count_as_numbers(page):
    page.get_by_role("group", name="Sort by").get_by_role("button", name="Name").click()
    shown = names(page)
    assert shown.index("ResNet50") < shown.index("ResNet101")
    assert shown.index("DenseNet121") < shown.index("EfficientNetB0") < shown.index("VGG16")


def test_families_are_groups_of_options_with_headings(page):
    vgg = page.get_by_role("group", name="VGG", exact=True)
    assert vgg.get_by_role("option").count() == 2
    option = page.get_by_role("option", name=re.compile("^VGG16"))
    assert said(option).startswith("VGG16, Top-1 71.3 %, Top-5 90.1 %, Parameters 138.4 M, Size 528 MB")
    assert said(option).endswith("to download")
    assert page.get_by_role("listbox").get_by_role("option", selected=True).get_attribute("data-name") == "digits"


def test_keys_move_and_details_follow(page):
    assert pointed_at(page).startswith("digits")
    page.keyboard.press("End")
    assert pointed_at(page).startswith(names(page)[-1])
    active, box = page.locator(".explorer.picker .row.active"), page.locator(".explorer.picker .table")
    inside = active.bounding_box()["y"] + active.bounding_box()["height"] <= box.bounding_box()["y"] + box.bounding_box()["height"] + 1
    assert inside, "the row is in sight"
    page.keyboard.press("Home")
    page.keyboard.type("vgg1")
    page.keyboard.press("ArrowDown")
    assert pointed_at(page).startswith("VGG19")
    about = page.get_by_role("region", name="Details")
    assert "Very Deep Convolutional Networks" in about.inner_text()
    assert about.get_by_role("link").get_attribute("href") == "https://arxiv.org/abs/1409.1556"


def test_enter_loads_and_escape_does_not(page):
    page.keyboard.type("vgg")
    page.keyboard.press("Escape")
    page.get_by_role("listbox", name="Architecture").wait_for(state="hidden")
    assert page.locator(".explorer .pick b").inner_text() == "digits"
    assert page.evaluate("document.activeElement.classList.contains('pick')")
    for name in ("VGG19", "digits"):
        page.keyboard.press("Enter")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        page.locator(".explorer .pick b", has_text=name).wait_for()
        page.get_by_role("listbox", name="Architecture").wait_for(state="hidden")
    page.keyboard.press("Enter")


def test_the_list_stays_on_the_page(page):
    for width in (1280, 800, 480):
        page.set_viewport_size({"width": width, "height": 1000})
        inside = "(list, width) => { const box = list.getBoundingClientRect(); return box.left >= 0 && box.right <= width; }"
        page.wait_for_function(f"(width) => ({inside})(document.querySelector('.explorer.picker .list'), width)", arg=width)
        cut = "(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)"
        assert page.locator(".explorer.picker [role=option] > :not(.unseen)").evaluate_all(cut) == [], width


def test_the_chart_comes_when_it_is_asked_for_and_a_click_on_a_point_loads_it(opened):
    page = opened
    toggle = page.get_by_role("button", name="Chart", exact=True)
    assert page.locator(".explorer .js-plotly-plot").count() == 0
    toggle.click()
    page.locator(".explorer .js-plotly-plot .scatterlayer .point").first.wait_for()
    page.get_by_text("The chart is on its way").wait_for(state="hidden")
    picked = page.locator(".explorer .pick b")
    picked.filter(has_text="digits").wait_for()
    label = page.locator(".explorer .js-plotly-plot .textpoint", has_text="VGG19")
    label.wait_for()
    box = page.locator(".explorer .js-plotly-plot .scatterlayer .trace", has_text="VGG19").locator(".point").nth(1).bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    picked.filter(has_text="VGG19").wait_for()
    label.locator("[style*='bold'], tspan").first.wait_for()
    page.get_by_role("button", name="Size", exact=True).click()
    page.locator(".explorer .js-plotly-plot .xtitle", has_text="Size of the weights in MB").wait_for()
    for width in (800, 480, 1280):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_function("document.querySelector('.explorer .js-plotly-plot .main-svg').clientWidth < innerWidth")
        assert page.locator(".explorer.page").evaluate("(page) => page.scrollWidth <= page.clientWidth + 1"), width
    toggle.click()
    page.locator(".explorer .js-plotly-plot").wait_for(state="hidden")
    page.locator(".explorer .pick").click()
    page.keyboard.type("digits")
    page.keyboard.press("Enter")
    picked.filter(has_text="digits").wait_for()
    assert page.errors == []
    assert page.beyond == [], "nothing is asked of another server"
