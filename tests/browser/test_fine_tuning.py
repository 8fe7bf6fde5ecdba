"""The whole of fine-tuning on the dashboard: data, evidence, the freeze line, a training, what came of it, and the way back to it."""

import base64
import io
import re
import zipfile

import numpy as np
import pytest
from accessible import violations
from pages import idle, is_dark, load, loaded, refused, sticking_out, turn
from PIL import Image
from playwright.sync_api import expect

from explorer.backend.datasets.patterns import drawn

pytestmark = pytest.mark.browser

FIVE = ("ring", "star", "stripes", "checks", "dots")
DROP = """(row, [data, name]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name));
  row.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
DONE = re.compile(r"Done in .* Validation accuracy")
LONG = 600_000  # milliseconds for a whole training, which yields to every other process of the machine


@pytest.fixture
def page(visit):
    """A page that has just been opened; nobody else's afterwards, for its address names a run."""
    visit.spoilt = True
    page = visit.page()
    load(page, "digits")
    page.get_by_role("tab", name="Fine-tune").click()
    yield page
    visit.spoilt = True


def picture(name, rng):
    """Return the bytes of a picture of a pattern, for JavaScript."""
    file = io.BytesIO()
    Image.fromarray(drawn(name, 64, rng)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def set_epochs(page, number):
    for phase in ("1. head", "2. tail"):
        epochs = page.get_by_label(f"epochs, {phase}")
        epochs.fill(str(number))
        epochs.press("Enter")


def sticks_out(page):
    return sticking_out(page, ".panel button:visible, .panel dd:visible, .panel p:visible")


def test_patterns_are_told_apart_from_where_the_line_says_and_no_state_of_the_page_is_hard_to_use(page, tmp_path):
    wrong = {}
    line = page.get_by_role("slider", name="Freeze line")
    line.wait_for()
    assert page.locator(".explorer.answers").is_hidden()
    data = page.locator(".explorer.training-data")
    data.locator("summary", has_text="Built-in data").click()
    data.get_by_role("button", name=re.compile("patterns")).click()
    page.locator(".training-bar button.main:enabled").wait_for()
    page.get_by_role("button", name="Probe the blocks").click()
    page.get_by_text(re.compile("probe accuracy")).first.wait_for()
    line.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_text(re.compile(r"layers frozen")).wait_for()
    frozen = int(line.get_attribute("aria-valuenow"))
    assert 0 < frozen < 10
    set_epochs(page, 2)
    data.locator("button.pick").first.click()
    page.get_by_role("button", name="Pictures checks").click()
    page.locator(".cards-of-class li").first.wait_for()
    page.locator(".panel details:visible").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    wrong["data"] = violations(page) + sticks_out(page)

    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".explorer .status", has_text="Training: ").wait_for()
    wrong["training"] = violations(page)
    page.get_by_text(DONE).wait_for(timeout=LONG)
    page.get_by_text(re.compile(r"of 80 validation examples are predicted correctly")).wait_for()
    page.locator(".explorer.before-after li").first.wait_for()
    page.locator(".training .js-plotly-plot .scatterlayer").first.wait_for()
    page.locator("[data-place='0,0']").focus()
    page.keyboard.press("Enter")
    page.get_by_role("list", name="Examples", exact=True).get_by_role("listitem").first.wait_for()
    idle(page)
    wrong["done"] = violations(page)
    for theme in ("dark", "light"):
        turn(page, theme)
        assert is_dark(page) == (theme == "dark")
        wrong["done, " + theme] = sticks_out(page)
    assert {state: found for state, found in wrong.items() if found} == {}
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything as .zip").click()
    download.value.save_as(tmp_path / "all.zip")
    assert f"model.layers[:{frozen}]" in zipfile.ZipFile(tmp_path / "all.zip").read("fine_tune.py").decode()

    page.reload()
    page.get_by_text(DONE).wait_for()
    assert page.get_by_role("tab", name="Fine-tune").get_attribute("aria-selected") == "true"
    loaded(page, "digits")
    page.get_by_text("400 pictures, 80 for validation").wait_for()
    expect(page.get_by_label("epochs, 2. tail")).to_have_value("2")
    page.get_by_role("tab", name="Inside").click()
    page.locator(".explorer.answers").wait_for()
    assert page.beyond == page.errors == []


@pytest.mark.slow
def test_five_classes_are_dropped_picture_by_picture_and_their_training_is_drawn_stopped_found_again_gone_on_with_and_deleted(page):
    rng, data = np.random.default_rng(0), page.locator(".explorer.training-data")
    for name in FIVE:
        data.get_by_role("button", name="Add a class").click()
        data.get_by_label("Name of the class").fill(name)
        page.keyboard.press("Enter")
        data.get_by_role("button", name=f"{name}, 0 pictures").wait_for()
    for number in range(8):
        for name in FIVE:
            row = data.locator(".class", has=page.get_by_text(name, exact=True))
            row.evaluate(DROP, [picture(name, rng), f"{number}.png"])
    data.get_by_text("40 pictures, 10 for validation").wait_for()
    set_epochs(page, 1000)  # so many that they don't come to their end before the page is back
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_url(re.compile(r"[?&]run=[0-9a-f]{32}"))
    named = page.url
    page.get_by_text(re.compile(r"^epoch \d+ of 2000")).wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace .js-line").first.wait_for()
    assert page.locator("[aria-hidden='true'] .js-plotly-plot, .js-plotly-plot[aria-hidden='true']").count() == 1

    page.reload()
    page.get_by_text(re.compile(r"^epoch ([2-9]|\d\d+) of 2000")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile(r"Stopped. The weights of epoch \d+")).wait_for()
    assert page.get_by_role("table", name="Runs").get_by_text("stopped").is_visible()
    loaded(page, "digits")
    data.get_by_text("40 pictures, 10 for validation").wait_for()
    assert data.locator(".class b").all_inner_texts() == sorted(FIVE)
    expect(page.get_by_label("epochs, 1. head")).to_have_value("1000")
    with page.expect_download() as download:
        page.get_by_role("button", name="Model .keras").click()
    assert download.value.suggested_filename.endswith(".keras")

    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"^epoch \d+ of 2000")).wait_for()
    page.get_by_role("button", name="delete: ").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("button", name="End and delete").click()
    page.get_by_text("Each training is listed here").wait_for()
    assert "run=" not in page.url

    page.goto(named)
    refused(page, "There is no such run")
    page.wait_for_url(lambda address: "run=" not in address)
    assert page.beyond == page.errors == []
