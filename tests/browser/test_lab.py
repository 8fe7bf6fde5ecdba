"""The same notebook in JupyterLab."""

import pytest
from pages import drop, first_answer, go_to, load, refused

from explorer.catalog import BUNDLED

pytestmark = pytest.mark.browser


def run_all(page):
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()  # what is run before the kernel is there is lost
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()


@pytest.fixture(scope="module")
def page(open_page, lab):
    page = open_page(f"{lab}/tree/explore.ipynb?reset")
    run_all(page)
    page.locator(".explorer.answers li.first").wait_for()
    return page


@pytest.mark.slow
def test_an_elephant_is_an_elephant_in_a_notebook_too(page, elephant, keras_home):
    load(page, "MobileNetV2")  # which the page opens with, where its weights are
    drop(page, elephant.read_bytes(), "elephant.jpg")
    first_answer(page, "African elephant").wait_for()


def test_the_page_works_in_a_notebook(page):
    load(page, "digits")
    drop(page, (BUNDLED / "samples" / "digit_7.png").read_bytes(), "seven.png", "image/png")
    page.locator(".explorer .caption", has_text="seven.png").wait_for()
    first_answer(page, "7").wait_for()

    cells = page.locator(".jp-Notebook .jp-Cell").count()
    go_to(page, "block1_relu")
    page.locator(".explorer .said", has_text="2 · block1_relu").wait_for()
    page.get_by_role("slider", name="Layers").focus()
    for key in ("a", "b", "d", "d", "ArrowRight"):  # in Lab: new cells above and below, delete
        page.keyboard.press(key)
    page.locator(".explorer .said", has_text="3 · block1_pool").wait_for()
    assert page.locator(".jp-Notebook .jp-Cell").count() == cells
    assert page.locator(".jp-OutputArea-output[data-mime-type*=stderr]").count() == 0, "nothing is printed into the notebook"

    drop(page, b"nothing to see", "note.jpg")
    refused(page, "note.jpg is not a picture")
    page.get_by_role("button", name="Sample digit 2").click()
    first_answer(page, "2").wait_for()


@pytest.mark.slow
def test_a_lesson_runs_between_its_paragraphs(open_page, lab):
    page = open_page("about:blank")
    page.set_viewport_size({"width": 1280, "height": 3000})  # Lab leaves out cells that are out of sight
    page.goto(f"{lab}/tree/lesson_predictions.ipynb?reset")
    run_all(page)
    first_answer(page, "8").wait_for()
    page.get_by_role("button", name="Sample digit 5").click()
    first_answer(page, "5").wait_for()
    assert page.locator(".explorer.layer-strip h2", has_text="14 layers").is_visible()
