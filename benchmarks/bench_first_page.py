"""Voila, from the request until the controls are on the page: notebooks/explore.ipynb against a page that imports TensorFlow first.

The other page has two cells: `import tensorflow`, then a bare ipywidgets button. One server with one template serves
both; every visit gets a new kernel and an empty browser cache. Needs Playwright and Chromium.
Run: python benchmarks/bench_first_page.py
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import nbformat
from measure import alternate, in_words, report, test_data
from playwright.sync_api import Browser, sync_playwright

from explorer.catalog import BUNDLED
from explorer.serving import START, notebooks

ROUNDS = 3
CHROMIUM = Path("/usr/bin/chromium")
QUIET = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
PICK, FIRST, BUTTON = ".explorer.picker button.pick", ".explorer.answers li.first", ".jupyter-button"
PATIENCE = 120  # seconds


@contextmanager
def server() -> Iterator[str]:
    """Serve both notebooks; give the address that their names are added to."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        shutil.copy(notebooks() / START, Path(folder) / "ours.ipynb")
        cells = ["import tensorflow", "import ipywidgets\n\nipywidgets.Button(description='Run')"]
        theirs = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(one) for one in cells])
        theirs.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(theirs, Path(folder) / "theirs.ipynb")
        port = free_port()
        options = ["--no-browser", f"--port={port}", "--template=explorer", "--Voila.log_level=ERROR"]
        environment = os.environ | {"JUPYTER_PATH": str(BUNDLED)}
        process = subprocess.Popen([sys.executable, "-m", "voila", folder, *options], env=environment, stdout=log, stderr=log)
        try:
            if not listens(port, process):
                log.seek(0)
                raise RuntimeError(f"Voila did not start:\n{log.read()}")
            yield f"http://127.0.0.1:{port}/voila/render/"
        finally:
            process.terminate()
            process.wait(30)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int, process: subprocess.Popen) -> bool:
    """Wait for the server; return False when it gave up or takes too long."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return True
        time.sleep(0.1)
    return False


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
    time.sleep(2)  # until the kernel is gone
    return times


def main() -> None:
    test_data()
    answered: list[float] = []
    with sync_playwright() as playwright, server() as address:
        path = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=path, args=QUIET.split())

        def ours() -> float:
            controls, first = visit(browser, address + "ours.ipynb", PICK, FIRST)
            answered.append(first)
            return controls

        def theirs() -> float:
            return visit(browser, address + "theirs.ipynb", BUTTON)[0]

        times = alternate({"theirs": theirs, "ours": ours}, ROUNDS, timer=lambda side: side())
        browser.close()
    report("Controls on the page", times["ours"], times["theirs"], goal=1 / 3, other="TensorFlow first")
    print(f"First answer on the page: explorer {in_words(median(answered))}")


if __name__ == "__main__":
    main()
