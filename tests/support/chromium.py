"""One Chromium for all the tests of a process, driven by Playwright."""

import asyncio
import shutil
from contextlib import contextmanager

from needs import skip_or_fail

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",  # and that every page may use
]
_loops = []


@contextmanager
def browser():
    """Run Chromium until the block ends."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        skip_or_fail("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        _loops.append(asyncio.get_running_loop())
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        show_loop(True)
        chromium.close()
    _loops.clear()


def show_loop(shown):
    """Let Playwright's event loop count as running, as it does from its start on, or hide it from tests that run a loop of their own."""
    asyncio._set_running_loop(_loops[0] if shown and _loops else None)
