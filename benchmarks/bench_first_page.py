"""Voila, from the request until the controls are on the page: notebooks/explore.ipynb against a page that imports TensorFlow first.

The other page has two cells: `import tensorflow`, then a bare ipywidgets button. One server, with the settings of the
command `explorer`, serves both; every visit begins with an empty browser cache. That server keeps one kernel ready
for the dashboard ("waiting"); a copy of it gets a new one ("new kernel"), as its other dashboards and the other
page always do. Needs Playwright and Chromium.
Run: python benchmarks/bench_first_page.py
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import IO

import nbformat
from measure import alternate, in_words, report, test_data
from playwright.sync_api import Browser, sync_playwright

from explorer.dashboards.launch import START, notebooks

ROUNDS = 3
COPY = "copy.ipynb"
CHROMIUM = Path("/usr/bin/chromium")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
PICK, FIRST, BUTTON = ".explorer.picker button.pick", ".explorer.answers li.first", ".jupyter-button"
PATIENCE = 120  # seconds
REFILL = 9  # seconds until the next kernel waits with TensorFlow loaded
SERVE = """
import sys
from pathlib import Path
from explorer.dashboards import launch
launch.notebooks = lambda: Path(sys.argv[1])
launch.serve(0, browse=False)
"""


@contextmanager
def server() -> Iterator[str]:
    """Serve the notebooks; give the address of the first, with its key."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        for name in (START, COPY):
            shutil.copy(notebooks() / START, Path(folder) / name)
        cells = ["import tensorflow", "import ipywidgets\n\nipywidgets.Button(description='Run')"]
        theirs = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
        theirs.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(theirs, Path(folder) / "theirs.ipynb")
        process = subprocess.Popen([sys.executable, "-c", SERVE, folder], stdout=log, stderr=log)
        try:
            yield address_in(log, process)
        finally:
            process.terminate()
            process.wait(30)


def address_in(log: IO[str], process: subprocess.Popen) -> str:
    """Wait until the server says its address."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        log.seek(0)
        if found := re.search(r"http://\S+", log.read()):
            return found[0]
        time.sleep(0.1)
    log.seek(0)
    raise RuntimeError(f"Voila did not start:\n{log.read()}")


def visit(browser: Browser, address: str, *locators: str) -> list[float]:
    """Open a page; return the seconds after which each thing was to be seen."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    times = []
    for locator in locators:
        page.locator(locator).first.wait_for(state="visible")
        times.append(time.perf_counter() - start)
    page.close(run_before_unload=True)  # Voila's page stops its kernel when it is left
    time.sleep(REFILL)
    return times


def main() -> None:
    test_data()
    answered: dict[str, list[float]] = {"waiting": [], "new kernel": []}
    with sync_playwright() as playwright, server() as address:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=QUIET.split())

        def ours(kernel: str, notebook: str) -> float:
            controls, first = visit(browser, address.replace(START, notebook), PICK, FIRST)
            answered[kernel].append(first)
            return controls

        def theirs() -> float:
            return visit(browser, address.replace(START, "theirs.ipynb"), BUTTON)[0]

        time.sleep(REFILL)
        sides = {"theirs": theirs, "waiting": lambda: ours("waiting", START), "new kernel": lambda: ours("new kernel", COPY)}
        times = alternate(sides, ROUNDS, timer=lambda side: side())
        browser.close()
    for kernel, seconds in answered.items():
        report(f"Controls on the page, {kernel}", times[kernel], times["theirs"], goal=1 / 3, other="TensorFlow first")
        print(f"First answer on the page, {kernel}: explorer {in_words(median(seconds))}")


if __name__ == "__main__":
    main()
