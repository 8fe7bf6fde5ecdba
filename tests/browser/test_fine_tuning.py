"""The whole of fine-tuning on the dashboard: data, evidence, the freeze line, a training, what came of it, and the way back to it."""

import base64
import io
import re
import zipfile

import numpy as np
import pytest
from pages import at, load, loaded, opened
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


@pytest.fixture
def page(open_page, dashboard):
    page = opened(open_page(dashboard))
    load(page, "digits")
    page.get_by_role("tab", name="Fine-tune").click()
    return page


def choose_patterns(page):
    data = page.locator(".explorer.training-data")
    data.locator("summary", has_text="Built-in data").click()
    data.get_by_role("button", name=re.compile("patterns")).click()
    page.locator(".training-bar button.main:enabled").wait_for()


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


def test_patterns_are_told_apart_from_where_the_line_says(page, tmp_path):
    line = page.get_by_role("slider", name="Freeze line")
    line.wait_for()
    assert page.locator(".explorer.answers").is_hidden()
    choose_patterns(page)
    page.get_by_role("button", name="Probe the blocks").click()
    page.get_by_text(re.compile("probe accuracy")).first.wait_for()
    line.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.get_by_text(re.compile(r"layers frozen")).wait_for()
    frozen = int(line.get_attribute("aria-valuenow"))
    assert 0 < frozen < 10
    set_epochs(page, 2)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile(r"Done in .* Validation accuracy")).wait_for(timeout=120_000)
    page.get_by_text(re.compile(r"of 80 validation examples are predicted correctly")).wait_for()
    page.locator(".explorer.before-after li").first.wait_for()
    with page.expect_download() as download:
        page.get_by_role("button", name="Everything as .zip").click()
    download.value.save_as(tmp_path / "all.zip")
    assert f"model.layers[:{frozen}]" in zipfile.ZipFile(tmp_path / "all.zip").read("fine_tune.py").decode()

    page.reload()
    page.get_by_text(re.compile(r"Done in .* Validation accuracy")).wait_for(timeout=120_000)
    assert page.get_by_role("tab", name="Fine-tune").get_attribute("aria-selected") == "true"
    loaded(page, "digits")
    page.get_by_text("400 pictures, 80 for validation").wait_for()
    expect(page.get_by_label("epochs, 2. tail")).to_have_value("2")
    page.get_by_role("tab", name="Inside").click()
    page.locator(".explorer.answers").wait_for()
    assert page.beyond == page.errors == []


@pytest.mark.slow
def test_five_classes_are_dropped_picture_by_picture_and_their_training_is_stopped_found_again_and_gone_on_with(page):
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
    set_epochs(page, 300)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile(r"^epoch ([2-9]|\d\d+) of 600")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile(r"Stopped. The weights of epoch \d+")).wait_for()

    page.reload()
    page.get_by_text(re.compile(r"Stopped. The weights of epoch \d+")).wait_for()
    loaded(page, "digits")
    data.get_by_text("40 pictures, 10 for validation").wait_for()
    assert data.locator(".class b").all_inner_texts() == sorted(FIVE)
    expect(page.get_by_label("epochs, 1. head")).to_have_value("300")
    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"Done in .* Validation accuracy")).wait_for(timeout=300_000)
    page.get_by_text(re.compile(r"of 10 validation examples are predicted correctly")).wait_for()
    assert page.beyond == page.errors == []


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_nothing_of_the_panel_sticks_out_at_any_width(open_page, dashboard, theme):
    page = opened(open_page(at(dashboard, theme=theme)))
    page.get_by_role("tab", name="Fine-tune").click()
    choose_patterns(page)
    frame = page.locator(".explorer.page")
    for width in (1280, 800, 480):
        page.set_viewport_size({"width": width, "height": 1000})
        assert frame.evaluate("(page) => page.scrollWidth <= page.clientWidth + 1"), width
        cut = "(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        assert page.locator(".panel button:visible, .panel dd:visible, .panel p:visible").evaluate_all(cut) == [], width
