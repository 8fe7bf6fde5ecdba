"""The dashboard as a person uses it: explorer's own server, Voila, Chromium."""

import io
import re

import numpy as np
import pytest
from pages import bytes_of, choose, drop, first_answer, go_to, is_dark, load, loaded, refused, sticking_out, tab, turn
from PIL import Image

from explorer.catalog import BUNDLED

pytestmark = pytest.mark.browser
CAT = BUNDLED / "samples" / "cat.jpg"


@pytest.fixture
def page(visit):
    """The page on the digits network with a first sample."""
    page = visit.page()
    load(page, "digits")
    go_to(page, "block1_relu")
    page.locator(".explorer .sample").first.click()
    page.locator(".explorer .caption", has_text="digit_0.png").wait_for()
    first_answer(page, "0").wait_for()
    yield page
    assert page.errors == []
    assert page.beyond == [], "nothing is asked of another server"
    assert page.failed == [], "nothing is missing"


def test_a_picture_shows_as_it_came_and_as_the_network_sees_it(page):
    drop(page, CAT.read_bytes(), "cat.jpg")
    page.locator(".explorer .caption", has_text="cat.jpg, 451 × 300 pixels").wait_for()
    assert Image.open(io.BytesIO(bytes_of(page.locator(".explorer .frame img")))).size == (451, 300)
    page.get_by_role("button", name="as the network sees it").click()
    page.locator(".explorer .caption", has_text="32 × 32 pixels").wait_for()
    assert Image.open(io.BytesIO(bytes_of(page.locator(".explorer .frame img")))).size == (32, 32)


UNREADABLE = [
    (b"dear diary", "diary.jpg", "diary.jpg is not a picture that can be read"),
    (CAT.read_bytes()[:9000], "half.jpg", "half.jpg is damaged or cut off"),
    (b"", "nothing.png", "nothing.png is empty (0 bytes)."),
    (b"%PDF-1.7 ...", "../../sheet.pdf", "sheet.pdf is a PDF document"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "drawing.svg", "drawing.svg is an SVG drawing"),
]


def test_a_file_that_cannot_be_read_is_a_sentence_and_the_page_works_on(page):
    before = page.locator(".explorer.answers li.first").inner_text()
    for data, name, sentence in UNREADABLE:
        drop(page, data, name)
        refused(page, sentence)
        assert page.locator(".explorer.answers li.first").inner_text() == before, name
    page.locator(".explorer .sample").nth(2).click()
    first_answer(page, "2").wait_for()
    page.get_by_role("alert").wait_for(state="hidden")
    assert page.locator(".explorer.answers li.first").inner_text() != before


def test_wrong_wishes_are_sentences_too(page):
    go_to(page, "blok1_conv")
    page.get_by_role("status").filter(has_text="No layer or block is called “blok1_conv”.").wait_for()
    assert page.get_by_role("alert").count() == 0, "that pushes nothing down"
    page.get_by_role("spinbutton", name="How many answers").fill("11")
    page.keyboard.press("Tab")
    refused(page, "top must be a whole number from 1 to 10, not 11")
    page.get_by_role("spinbutton", name="How many answers").fill("2")
    page.keyboard.press("Tab")
    page.locator(".explorer.answers li").nth(2).filter(has_text="8 others together").wait_for()
    page.get_by_role("alert").wait_for(state="hidden")


def test_a_large_picture_comes_in_whole(page, tmp_path):
    path = tmp_path / "large.bmp"
    Image.new("RGB", (2600, 2400), "teal").save(path)
    assert path.stat().st_size > 15_000_000
    page.locator(".explorer.input-view input[type=file]").set_input_files(path)
    page.locator(".explorer .caption", has_text="large.bmp, 2600 × 2400 pixels").wait_for()


def test_a_picture_can_be_pasted(page):
    page.evaluate(
        """async (address) => {
            const bytes = await (await fetch(address)).blob();
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "", { type: "image/png" }));
            document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        page.locator(".explorer .sample img").nth(4).get_attribute("src"),
    )
    page.locator(".explorer .caption", has_text="pasted.png, 32 × 32 pixels").wait_for()
    first_answer(page, "4").wait_for()


def test_a_digit_drawn_with_the_mouse_is_read(page):
    page.get_by_role("button", name="Draw").click()
    paper = page.locator(".explorer .paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()

    def stroke(*points):
        places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place, steps=10)
        page.mouse.up()

    stroke((0.35, 0.2), (0.32, 0.5), (0.7, 0.5))
    stroke((0.62, 0.2), (0.6, 0.8))
    first_answer(page, "4").wait_for()
    page.locator(".explorer .notes", has_text="Dark ink on light paper: inverted").wait_for()
    page.get_by_role("button", name="Wipe").click()
    stroke((0.4, 0.32), (0.52, 0.2), (0.52, 0.8))
    page.locator(".explorer.answers li.first:not(:has-text('4'))").wait_for()


def test_everything_can_be_reached_and_done_by_keyboard(page):
    page.locator(".explorer .pick").focus()
    page.keyboard.press("Enter")
    page.get_by_role("listbox", name="Architecture").wait_for()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.locator(".explorer .pick b", has_text="digits").wait_for()
    page.locator(".explorer .said", has_text="2 · block1_relu").wait_for()
    page.get_by_role("slider", name="Layers").focus()
    page.keyboard.press("PageUp")
    page.locator(".explorer .said", has_text="4 · block2_conv").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator(".explorer .about", has_text="5 · block2_relu").wait_for()
    page.get_by_role("slider", name="Feature maps").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.locator(".explorer .aside", has_text=re.compile(r"Map [2-9]")).wait_for()
    page.get_by_role("application", name="Enlarged feature map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.locator(".explorer .facts", has_text="row 1, column 0").wait_for()
    page.locator(".explorer .sample").nth(7).focus()
    page.keyboard.press("Enter")
    first_answer(page, "7").wait_for()


def test_a_click_on_the_maps_marks_what_the_cell_sees_of_the_input(page):
    page.get_by_role("button", name="as the network sees it").click()
    mosaic = page.locator(".explorer .mosaic img")
    size = mosaic.bounding_box()
    mosaic.click(position={"x": size["width"] * 0.9, "y": size["height"] * 0.9})
    page.locator(".explorer .aside", has_text="Map 7").wait_for()
    one = page.locator(".explorer .one img")
    size = one.bounding_box()
    one.click(position={"x": size["width"] * 0.51, "y": size["height"] * 0.26})
    page.locator(".explorer .facts", has_text="row 8, column 16").wait_for()
    mark = page.locator(".explorer .frame .mark")
    assert mark.evaluate("(mark) => [mark.style.left, mark.style.top, mark.style.width]") == ["46.875%", "21.875%", "9.375%"]


def test_a_screen_reader_finds_names_and_values(page):
    page.locator(".explorer .about", has_text="block1_relu").wait_for()
    page.locator(".explorer .status", has_text="Ready.").wait_for()
    tree = page.locator("body").aria_snapshot()
    for line in (
        'button "Architecture: digits',
        "status: Ready.",
        'button "Browse…"',
        'button "Sample digit 3"',
        'spinbutton "How many answers"',
        'list "Answers"',
        'slider "Layers"',
        'combobox "Go to index or name"',
        'slider "Feature maps"',
        'combobox "Colour scale"',
        'application "Enlarged feature map"',
    ):
        assert line in tree, line
    assert page.get_by_role("slider", name="Layers").get_attribute("aria-valuetext") == "2 · block1_relu, activation, 32 × 32 × 8"


def test_nothing_sticks_out_in_either_theme_at_any_width(page):
    page.locator(".explorer.options-view summary").click()
    found = {}
    for theme in ("dark", "light"):
        turn(page, theme)
        assert is_dark(page) == (theme == "dark")
        for name, view in (("Inside", "feature-maps"), ("Model", "model-view")):
            tab(page, name)
            found[theme, name] = sticking_out(page, f".explorer.{view} :is(button, dd, p)")
    page.locator(".explorer.options-view summary").click()
    assert {where: what for where, what in found.items() if what} == {}


def test_options_build_mobilenet_without_its_top_for_160_pixels(page):
    choose(page, "MobileNet")
    page.get_by_role("button", name="Random weights instead").click()
    loaded(page, "MobileNet")
    options = page.locator(".explorer.options-view")
    options.locator("summary").click()
    options.locator("[name=weights]").select_option("random")
    options.locator("[name=include_top]").select_option("without")
    options.locator("[name=pooling]").select_option("avg")
    for side in ("height", "width"):
        options.locator(f"[name={side}]").fill("160")
    options.locator("[name=classes]").fill("7")
    page.keyboard.press("Tab")
    options.get_by_role("alert").filter(has_text="classes only counts with include_top=True").wait_for()
    options.locator("[name=classes]").fill("1000")  # Build works without leaving the field first
    options.get_by_role("button", name="Build").click()
    options.get_by_text("MobileNet reads 160 × 160 × 3, answers 1024").wait_for()
    page.locator(".explorer.layer-strip h2", has_text="87 layers").wait_for()
    options.locator("summary").click()
    go_to(page, "conv1_relu")
    page.locator(".explorer .about", has_text="80 × 80 × 32").wait_for()


def test_a_refused_picture_that_the_browser_could_show_does_not_stay(page):
    shown = bytes_of(page.locator(".explorer .frame img"))
    drop(page, b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><rect width='9' height='9'/></svg>", "a.svg", "image/svg+xml")
    refused(page, "a.svg is an SVG drawing")
    assert bytes_of(page.locator(".explorer .frame img")) == shown
    page.locator(".explorer .sample").first.click()
    page.get_by_role("alert").wait_for(state="hidden")
    assert bytes_of(page.locator(".explorer .frame img")) == shown


def test_only_whole_numbers_count_as_top(page):
    top = page.get_by_role("spinbutton", name="How many answers")
    for typed, shows in (("1e9", "5"), ("1.5", "5"), ("1e0", "1"), ("5", "5")):
        for text in ("5", typed):
            top.fill(text)
            page.keyboard.press("Tab")
        assert top.input_value() == shows, typed


def test_focus_goes_somewhere_when_a_failure_is_dismissed(page):
    drop(page, b"nothing to see", "note.jpg")
    page.get_by_role("button", name="Dismiss").press("Enter")
    page.get_by_role("alert").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.className") == "status"


def test_a_very_tall_picture_leaves_the_answers_in_reach(page, encode):
    drop(page, encode(np.full((4000, 10, 3), 200, np.uint8)), "tall.png", "image/png")
    page.locator(".explorer .caption", has_text="10 × 4000 pixels").wait_for()
    assert page.locator(".explorer .frame").bounding_box()["height"] < 600
