"""Widgets in notebooks of a test's own, served by Voila: what is overtaken, and what is very large."""

import re
import urllib.parse

import pytest
from pages import drop, first_answer

pytestmark = pytest.mark.browser

HELD = """
import os, time
from pathlib import Path
import explorer
from explorer.worker.queue import Worker
from fakes import HeldBackend

class Held(explorer.Session):
    def show(self, data, name):
        super().show(data, name)
        Path(os.environ["LET_GO"]).with_name(f"asked for {name}").touch()

class Until:
    def set(self):
        Path(os.environ["LET_GO"]).with_name("holding").touch()
    def wait(self, _seconds):
        while not Path(os.environ["LET_GO"]).exists():
            time.sleep(0.01)

backend = HeldBackend(held=("slow.jpg",))
backend.holding = backend.let_go = Until()
explorer.Explorer(session=Held(worker=Worker(lambda: backend)))
"""

LARGE = """
import explorer
from explorer.values import Layers
from explorer.worker.queue import InlineWorker
from fakes import FakeBackend, layer, network

KINDS = ("convolution", "normalisation", "activation", "depthwise", "merge")
LAYERS = Layers(layer(i, f"layer_{i}", KINDS[i % 5], "Conv2D", f"cell_{i // 30}", (8, 6, 4), i * 997 % 90_000) for i in range(1041))

large = FakeBackend(networks={"digits": lambda spec: network(spec, layers=LAYERS)})
session = explorer.Session(worker=InlineWorker(lambda: large))
explorer.LayerStrip(session)
"""

ODD = """
import explorer, ipywidgets
from explorer.values import Layers
from explorer.worker.queue import InlineWorker
from fakes import LAYERS, FakeBackend, layer, network

flat = layer(4, "flat", "other", "Flatten", "top", (300_000,))
odd = FakeBackend(missing=("empty.h5",), networks={"digits": lambda spec: network(spec, layers=Layers([*LAYERS, flat]))})
session = explorer.Session(worker=InlineWorker(lambda: odd))
session.select("flat")
ipywidgets.VBox([explorer.InputView(session), explorer.FeatureMapsView(session), explorer.StatusView(session)])
"""

SCRIPT = '"><script>alert(1)</script>'
THREE_VIEWS = """
import explorer, ipywidgets
session = explorer.Session("digits", sample="digit_6.png")
ipywidgets.VBox([explorer.InputView(session), explorer.AnswersView(session), explorer.StatusView(session)])
"""


def come(page, path):
    """Wait until there is such a file."""
    for _again in range(3600):
        if path.exists():
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{path.name}: never")


def test_an_answer_held_back_and_overtaken_never_shows_on_the_page(open_page, voila):
    page = open_page(voila("held", HELD))
    first_answer(page, "digit 0.png red fox").wait_for()
    page.evaluate(
        """() => {
            window.seen = [];
            const look = () => window.seen.push(document.querySelector(".explorer.answers li.first")?.innerText ?? "");
            new MutationObserver(look).observe(document.querySelector(".explorer.answers"), { subtree: true, childList: true });
        }"""
    )
    drop(page, b"1", "slow.jpg")
    come(page, voila.let_go.with_name("holding"))
    drop(page, b"2", "quick.jpg")
    come(page, voila.let_go.with_name("asked for quick.jpg"))  # the first is still held
    voila.let_go.touch()
    first_answer(page, "quick.jpg").wait_for()
    assert not any("slow.jpg" in text for text in page.evaluate("window.seen"))


@pytest.mark.slow
def test_a_strip_of_1041_layers_zooms_and_finds(open_page, voila):
    page = open_page(voila("large", LARGE))
    page.locator(".explorer.layer-strip h2", has_text="1,041 layers").wait_for()
    strip = page.get_by_role("slider", name="Layers")
    assert strip.get_attribute("aria-valuemax") == "1040"
    strip.focus()
    page.keyboard.press("End")
    page.locator(".explorer .said", has_text="1040 · layer_1040").wait_for()
    page.get_by_role("combobox", name="Go to index or name").fill("layer_500")
    page.keyboard.press("Enter")
    page.locator(".explorer .said", has_text="500 · layer_500").wait_for()
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()

    def named_under(fraction):
        page.mouse.move(box["x"] + box["width"] * fraction, box["y"] + 60)
        return int(re.match(r"\d+", page.locator(".explorer .tip").inner_text())[0])

    whole = named_under(0.9) - named_under(0.1)
    for _press in range(4):
        page.get_by_role("button", name="Closer").click()
    near = named_under(0.9) - named_under(0.1)
    assert whole == pytest.approx(0.8 * 1041, abs=30)
    assert near == pytest.approx(whole / 16, abs=6)
    assert named_under(0.1) < 500 < named_under(0.9), "the selected layer stays in sight"
    page.get_by_role("button", name="All").click()
    assert named_under(0.9) - named_under(0.1) == whole
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + 60)
    page.locator(".explorer .said", has_text=re.compile(r"^5[12]\d · layer_5[12]\d")).wait_for()


def test_a_theme_that_is_none_gets_on_no_page_of_any_voila_server_and_what_is_odd_or_large_is_shown_there(open_page, voila):
    page = open_page("about:blank")
    with page.expect_response(lambda response: "odd.ipynb" in response.url) as opening:
        page.goto(f"{voila('odd', ODD)}?{urllib.parse.urlencode({'theme': SCRIPT})}")
    text = opening.value.text()
    assert "<script>alert(1)" not in text
    assert 'data-jp-theme-name="JupyterLab Light"' in text

    page.locator(".explorer.feature-maps h2", has_text="300,000 units").wait_for()
    bars = page.get_by_role("slider", name="Units")
    drawn = "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((one) => one)"
    assert bars.locator("canvas").evaluate(drawn)
    bars.focus()
    page.keyboard.press("Home")
    page.locator(".explorer.feature-maps .aside b", has_text="Unit 0").wait_for()

    caption = page.locator(".explorer.input-view .caption")
    caption.get_by_text("digit_0.png, 24 × 12 pixels").wait_for()
    drop(page, bytes(3_000_000), "empty.h5")
    page.get_by_role("alert").filter(has_text="The weights are not here.").wait_for()
    caption.get_by_text("digit_0.png, 24 × 12 pixels").wait_for()  # a large file that is no model leaves the example that was there
    assert page.errors == []


@pytest.mark.slow
def test_three_views_share_one_session_in_a_lesson(open_page, voila):
    page = open_page(voila("three", THREE_VIEWS))
    first_answer(page, "6").wait_for()
    page.get_by_role("button", name="Sample digit 3").click()
    first_answer(page, "3").wait_for()
    page.locator(".explorer .status", has_text="Ready. Answered in").wait_for()
    assert page.errors == []
