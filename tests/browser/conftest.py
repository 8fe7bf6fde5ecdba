"""A real browser before real servers: Chromium by Playwright, the dashboards by Voila, the notebooks in JupyterLab."""

import os
import re
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import file_server
import nbformat
import pytest
from chromium import show_loop
from pages import opened, turn
from served import free_port, served, served_dashboards, wait_for, with_support, write_notebook

ROOT = Path(__file__).parents[2]
PATIENCE = 180_000  # milliseconds: a shared machine may be slow, and waiting for what comes costs nothing
SIZE = {"width": 1280, "height": 1000}
# What comes first in a kernel whose page is about the page only: nothing is computed, and TensorFlow is not loaded.
PLAYED = """
from explorer.state import requests
from explorer.worker.queue import InlineWorker
from fake_runs import RunningBackend

requests.worker_here = lambda: InlineWorker(RunningBackend)
"""
# A server that says of each connection when it has answered a ping, which it is sent often; twice a minute otherwise.
PINGS = """
from jupyter_server.base.websocket import WebSocketMixin

def on_pong(self, data, heard=WebSocketMixin.on_pong):
    heard(self, data)
    print("pong of", self.kernel_id, flush=True)

WebSocketMixin.ping_interval, WebSocketMixin.on_pong = 300, on_pong
"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Tell with a failure what its pages show, for a log is all that is left of a run elsewhere; the next test gets a page of its own."""
    report = yield
    if report.failed:
        opened = [item.funcargs[name] for name in ("open_page", "visit") if name in item.funcargs]
        for page in (page for one in opened for page in one.pages()):
            report.sections.append((f"{page.url} shows", shown(page)))
        if "visit" in item.funcargs:
            item.funcargs["visit"].spoilt = True
    return report


def shown(page):
    from playwright.sync_api import Error

    try:
        return page.inner_text("body", timeout=5000)
    except Error as error:  # closed, or busy for ever
        return str(error)


@contextmanager
def pages_of(chromium):
    """Yield a function that opens an address; no request beyond this machine gets through, and each is remembered."""
    contexts = []

    def open_page(address):
        context = chromium.new_context(viewport=SIZE)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.beyond, page.failed, page.errors = [], [], []

        def route(route):
            if re.match(r"(https?|wss?)://(localhost|127\.0\.0\.1)[:/]", route.request.url):
                return route.continue_()
            page.beyond.append(route.request.url)
            return route.abort()

        page.route(re.compile(r"^(http|ws)"), route)
        page.on("response", lambda response: page.failed.append(response.url) if response.status >= 400 else None)
        page.on("pageerror", lambda error: page.errors.append(f"{error}\n{error.stack}"))
        page.on("console", lambda message: page.errors.append(message.text) if "Content Security Policy" in message.text else None)
        page.goto(address, timeout=PATIENCE)
        return page

    open_page.pages = lambda: [page for context in contexts for page in context.pages]
    yield open_page
    show_loop(True)
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def open_page(chromium):
    """Return a function that opens an address."""
    with pages_of(chromium) as open_page:
        yield open_page


class Visit:
    """A page of the dashboards that the tests of a process share, as a class would use it: each loads a kernel, and TensorFlow there.

    spoilt: whether the next test is to have another, as it has after one that failed.
    """

    def __init__(self, open_page, address):
        self.pages, self.spoilt = open_page.pages, True
        self._open_page, self._address = open_page, address

    def page(self):
        """Return the page, in light colours and with nothing in front of its first tab."""
        if self.spoilt:
            for page in self.pages():
                page.close()
            self._page, self.spoilt = opened(self._open_page(self._address)), False
        page = self._page
        page.set_viewport_size(SIZE)
        turn(page, "light")
        page.keyboard.press("Escape")
        for name in ("Dismiss", "Done", "as it came", "Not now"):
            if (button := page.get_by_role("button", name=name, exact=True)).is_visible():
                button.click()
        page.get_by_role("tab", name="Inside").click()
        for told in (page.beyond, page.failed, page.errors):
            told.clear()
        return page


@pytest.fixture(scope="session")
def visit(chromium, dashboard):
    with pages_of(chromium) as open_page:
        yield Visit(open_page, dashboard)


@pytest.fixture(scope="session")
def mirror():
    """A server of weights, which the dashboards ask; it has none until a test puts them there."""
    with file_server.FileServer() as server:
        yield server


@pytest.fixture(scope="session")
def keras_home_of_server(tmp_path_factory):
    """Return a KERAS_HOME of the tests' own: without the weights of networks of pictures, so that pages open with a small one."""
    return home_with(tmp_path_factory.mktemp("keras_home"), "music_tagger/*.h5")


def home_with(home, *patterns):
    """Return this folder as a KERAS_HOME that has the real weights of these patterns, where there are any."""
    (home / "models").mkdir()
    if data := os.environ.get("EXPLORER_TEST_DATA"):
        for file in (file for pattern in patterns for file in Path(data).resolve().glob(pattern)):
            (home / "models" / file.name).symlink_to(file)
    return home


@pytest.fixture(scope="session")
def dashboard(keras_home_of_server, mirror):
    environment = {"KERAS_HOME": str(keras_home_of_server), "EXPLORER_MIRROR": mirror.url, "no_proxy": "127.0.0.1"}
    with served_dashboards(**environment) as server:
        yield server.address


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """The dashboards' server over the same notebooks, in kernels that load no TensorFlow."""
    folder = tmp_path_factory.mktemp("played")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        notebook.cells.insert(0, nbformat.v4.new_code_cell(PLAYED))
        nbformat.write(notebook, folder / path.name)
    with served_dashboards(folder, PINGS, **with_support()) as server:
        yield server


@pytest.fixture(scope="session")
def voila(tmp_path_factory, keras_home_of_server):
    """Return a function that serves a notebook of one code cell and returns its address; helpers of the tests can be imported."""
    folder, port = tmp_path_factory.mktemp("notebooks"), free_port()
    command = [sys.executable, "-m", "voila", str(folder), "--no-browser", f"--port={port}", "--template=explorer"]
    own = {"JUPYTER_PATH": str(ROOT / "explorer" / "bundled"), "LET_GO": str(folder / "let_go")}

    def serve(name, code):
        write_notebook(folder / f"{name}.ipynb", code)
        return f"{server.address.rstrip('/')}/voila/render/{name}.ipynb"

    with served(command, with_support(KERAS_HOME=str(keras_home_of_server), **own), r"(http://\S+)") as server:
        serve.let_go = folder / "let_go"
        yield serve


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lab")
    notebooks = shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyter", "lab", str(notebooks), "--no-browser", "--allow-root", f"--port={port}"),
        *("--IdentityProvider.token=", "--ServerApp.password="),
        "--LabApp.news_url=None",
    ]
    environment = {"KERAS_HOME": str(home_with(tmp_path_factory.mktemp("home_of_lab"), "keras_home/models/*"))} | {
        name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    with served(command, environment, r"(http://(?:localhost|127\.0\.0\.1):\d+)/") as server:
        wait_for(server, f"{server.address}/api")
        yield f"{server.address}/lab"
