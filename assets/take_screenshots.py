"""Take the README's screenshots of the dashboards, light and dark, into `assets/screenshots/`.

    python assets/take_screenshots.py

Needs the `test` extra and Chromium; shows MobileNetV2 where its weights are in Keras's cache, else `digits`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parent / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
LAYER = "block_6_expand_relu"


def show(page: Page) -> None:
    """Bring the page into the state to show: a layer in the middle, a chosen map and cell."""
    page.locator(".explorer.answers li.first").wait_for(timeout=120_000)
    if page.locator(".explorer .pick b").inner_text() == "MobileNetV2":
        page.get_by_role("combobox", name="Go to index or name").fill(LAYER)
        page.keyboard.press("Enter")
        page.locator(".explorer .about", has_text=LAYER).wait_for()
    maps = page.get_by_role("slider", name="Feature maps")
    maps.focus()
    for _step in range(5):
        page.keyboard.press("ArrowRight")
    choose_cell(page)


def show_sound(page: Page) -> None:
    """Bring the page of sound into the state to show: a layer in the middle, and a chosen cell."""
    page.locator(".explorer.answers li.first").wait_for(timeout=120_000)
    page.get_by_role("combobox", name="Go to index or name").fill("block2_relu")
    page.keyboard.press("Enter")
    page.locator(".explorer .about", has_text="block2_relu").wait_for()
    choose_cell(page)


def show_tuning(page: Page) -> None:
    """Bring the panel into the state to show: data, evidence along the layers, and a training that is done."""
    page.locator(".explorer.training-data summary", has_text="Built-in data").click()
    page.locator(".explorer.training-data").get_by_role("button", name=re.compile("patterns")).click()
    page.locator(".training-bar button.main:enabled").wait_for(timeout=120_000)
    page.get_by_role("button", name="Ask the data").click()
    page.get_by_text(re.compile("a linear probe is right in")).first.wait_for(timeout=120_000)
    page.get_by_role("button", name="Train", exact=True).click()
    page.get_by_text(re.compile("Done in")).wait_for(timeout=300_000)
    page.locator(".explorer.before-after li").first.wait_for()
    page.mouse.move(0, 0)
    page.locator(".explorer .status:not(.busy)").wait_for()


def choose_cell(page: Page) -> None:
    """Choose a cell of the enlarged map, and wait until nothing is under way."""
    one = page.locator(".explorer .one img")
    size = one.bounding_box()
    one.click(position={"x": size["width"] * 0.4, "y": size["height"] * 0.45})
    page.locator(".explorer .facts dd").nth(3).wait_for()
    page.evaluate("document.activeElement.blur()")
    page.locator(".explorer .status:not(.busy)").wait_for()


def main() -> None:
    """Serve the dashboards, bring each into shape and save it in both themes."""
    FOLDER.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "explorer", "--no-browser"]
    with (
        tempfile.TemporaryDirectory() as runs,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"EXPLORER_RUNS": runs}) as server,
        sync_playwright() as playwright,
    ):
        address = server.stdout.readline().split()[-1]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for theme in ("light", "dark"):
            for notebook, (shown, height) in {"explore": (show, 930), "sound": (show_sound, 930), "fine_tune": (show_tuning, 1360)}.items():
                page = browser.new_page(viewport={"width": 1280, "height": height})
                page.goto(f"{address.replace('explore.ipynb', f'{notebook}.ipynb')}&theme={theme}")
                shown(page)
                page.screenshot(path=FOLDER / f"{notebook}-{theme}.png")
                page.close()
        browser.close()
        server.terminate()


if __name__ == "__main__":
    main()
