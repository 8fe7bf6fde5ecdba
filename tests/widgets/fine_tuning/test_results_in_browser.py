from dataclasses import replace

import numpy as np
import pytest
from fake_aftermath import NOTHING_HELD_OUT, OF_SEVERAL, OUTCOME, AftermathBackend, run
from in_browser import overflows, put, sent, show, trait

from explorer.widgets.fine_tuning.results import OutcomeView

pytestmark = pytest.mark.browser

NAMES = tuple(f"a_class_with_a_name_of_{place:02}_letters" for place in range(30))
MANY = replace(OUTCOME, classes=NAMES, confusion=9 * np.eye(30, dtype=np.int64), worst=(), moved=OUTCOME.moved * 20)


@pytest.fixture
def backend():
    return AftermathBackend()


@pytest.fixture
def view(session, aftermath, fake_trainings):
    """The view of a run that has come to `OUTCOME`; what it has come to is changed in `aftermath.outcome`."""
    fake_trainings.run = run()
    return OutcomeView(session, aftermath)


def names(page, title="Most wrong"):
    return page.get_by_role("list", name=title).locator(".name").all_inner_texts()


def cell(page, row, column):
    return page.locator(f'[data-place="{row},{column}"]')


def test_the_matrix_is_a_grid_with_counts_and_shares(page, view):
    show(page, view)
    grid = page.get_by_role("grid", name="Confusion matrix")
    assert grid.get_by_role("columnheader").all_inner_texts() == ["true class", "red dots", "rings", "stripes", "correct"]
    assert grid.get_by_role("row").nth(1).locator("th, td").all_inner_texts() == ["red dots", "8\n80 %", "2\n20 %", "0", "80 %"]
    assert page.get_by_role("list", name="Most wrong").locator("img").count() == 3


def test_a_cell_shows_its_examples_and_the_worst_come_back(page, view):
    show(page, view)
    assert names(page) == ["dots_4.png", "rings_1.png", "dots_5.png"]
    cell(page, 0, 1).click()
    assert (trait(page, "chosen"), names(page, "Examples")) == ([0, 1], [])
    view.chosen = [0, 1]
    put(page, cell=view.cell, in_cell=view.in_cell)
    assert names(page, "Examples") == ["0_1_0.png", "0_1_1.png"]
    assert page.get_by_text("red dots, predicted as rings: 2 of 10, 20 %").first.is_visible()
    assert not page.get_by_role("button", name="Show more").is_visible()
    assert cell(page, 0, 1).get_attribute("aria-selected") == "true"
    page.get_by_role("button", name="Back to the most wrong").click()
    assert (trait(page, "chosen"), len(names(page))) == ([], 3)
    cell(page, 0, 1).click()
    cell(page, 0, 1).click()
    assert trait(page, "chosen") == []


def test_a_class_shows_examples_some_at_a_time(page, view):
    view.chosen = [1, -1]
    show(page, view)
    assert page.get_by_text("rings: 9 of 10 correct, 90 %").first.is_visible()
    assert len(names(page, "Examples")) == 24
    page.get_by_role("button", name="Show more").click()
    assert sent(page) == [{"further": True}]
    page.get_by_role("columnheader", name="rings").click()
    assert page.get_by_text("Predicted as rings: 11, of which 9 correct, 82 %").first.is_visible()


def test_cells_are_reached_by_keys(page, view):
    show(page, view)
    assert page.get_by_role("grid").locator('[tabindex="0"]').count() == 1
    cell(page, 0, 0).focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    assert trait(page, "chosen") == [0, 1]
    page.keyboard.press("Escape")
    assert trait(page, "chosen") == []
    for key in ("End", "ArrowRight", "ArrowUp", "ArrowUp", " "):
        page.keyboard.press(key)
    assert trait(page, "chosen") == [-1, 2]
    for key in ("Home", "ArrowLeft", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", " "):
        page.keyboard.press(key)
    assert trait(page, "chosen") == [0, -1], "the corner is nobody's"
    assert page.evaluate("document.activeElement.dataset.place") == "0,-1"


def test_each_of_several_classes_has_its_four_numbers(page, view, aftermath):
    aftermath.outcome = OF_SEVERAL
    show(page, view)
    grid = page.get_by_role("grid", name="Predictions for each class")
    assert grid.get_by_role("row").nth(1).locator("th, td").all_inner_texts() == ["red", "4\n33 %", "2\n17 %", "1\n8 %", "5\n42 %", "75 %"]
    cell(page, 0, 1).click()
    assert page.get_by_text("red, false negative: 2 of 12, 17 %").first.is_visible()


def test_without_wrong_answers_or_without_held_out_examples_that_is_said(page, view, aftermath):
    aftermath.outcome = replace(OUTCOME, confusion=np.diag([5, 5, 5]), worst=())
    show(page, view)
    assert page.get_by_text("All validation examples are predicted correctly.").is_visible()
    aftermath.outcome = NOTHING_HELD_OUT
    show(page, view)
    assert page.get_by_text("There was no validation data").is_visible()
    assert page.get_by_role("grid").count() == 0
    assert page.get_by_text("block 3").is_visible()


def test_an_example_without_a_picture_is_named(page, view, aftermath):
    aftermath.pictures = {4: b"", 17: b"", 5: b""}
    show(page, view)
    assert page.get_by_role("list", name="Most wrong").locator("img").filter(visible=True).count() == 0
    assert names(page) == ["dots_4.png", "rings_1.png", "dots_5.png"]


def test_frozen_blocks_are_quiet(page, view):
    show(page, view)
    bars = page.get_by_role("list", name="Change of the weights by block").get_by_role("listitem")
    assert bars.all_inner_texts() == ["stem\n0", "block 1\n0", "block 2\n0.4 %", "block 3\n2 %"]
    assert [bar.get_attribute("class") for bar in bars.all()] == ["quiet", "quiet", "", ""]


def test_before_there_is_anything_it_says_so(page, session, aftermath):
    show(page, OutcomeView(session, aftermath))
    assert page.get_by_text("Results appear here when training ends.").is_visible()
    assert page.get_by_role("grid").count() == 0
    put(page, missing="This run was ended before it came to its results.")
    assert page.get_by_text("Results appear here").count() == 0
    assert page.get_by_text("This run was ended before").is_visible()


def test_many_classes_with_long_names_scroll_in_their_own_box(page, view, aftermath):
    aftermath.outcome = MANY
    show(page, view)
    assert overflows(page, 480, 800, 1280) == []
    box = page.get_by_role("grid").locator("xpath=..")
    for width in (480, 800, 1280):
        page.set_viewport_size({"width": width, "height": 700})
        cell(page, 0, 0).focus()
        page.keyboard.press("End")
        assert box.evaluate("(box) => box.scrollHeight > box.clientHeight"), width
        assert box.evaluate("(box) => box.scrollLeft > 0") == (width < 1280), width
        assert page.get_by_role("rowheader").first.is_visible(), width
