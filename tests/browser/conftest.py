"""A real browser before real servers: Chromium by Playwright, the dashboards by Voila, the notebooks in JupyterLab."""

import json
import os
import re
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from served import free_port, served, served_dashboards, wait_for

ROOT = Path(__file__).parents[2]
PATIENCE = 90_000  # milliseconds: a shared machine may be slow, and waiting for what comes costs nothing


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """Tell with a failure what its pages show: a log is all that is left of a run elsewhere."""
    report = yield
    if report.failed and "open_page" in item.funcargs:
        for page in item.funcargs["open_page"].pages():
            report.sections.append((f"{page.url} shows", shown(page)))
    return report


def shown(page):
    from playwright.sync_api import Error

    try:
        return page.inner_text("body", timeout=5000)
    except Error as error:  # closed, or busy for ever
        return str(error)


@pytest.fixture(scope="module")
def open_page(chromium):
    """Return a function that opens an address; no request beyond this machine gets through, and each is remembered."""
    contexts = []

    def open_page(address, width=1280, height=1000):
        context = chromium.new_context(viewport={"width": width, "height": height})
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
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def keras_home_of_server(tmp_path_factory):
    """Return a KERAS_HOME of the tests' own: with real weights where there are any."""
    home, data = tmp_path_factory.mktemp("keras_home"), os.environ.get("EXPLORER_TEST_DATA")
    (home / "models").mkdir()
    files = [*Path(data).resolve().glob("keras_home/models/*"), *Path(data).resolve().glob("music_tagger/*.h5")] if data else []
    for file in files:
        (home / "models" / file.name).symlink_to(file)
    return str(home)


@pytest.fixture(scope="session")
def dashboard(keras_home_of_server):
    with served_dashboards(KERAS_HOME=keras_home_of_server) as address:
        yield address


@pytest.fixture(scope="module")
def dashboard_without_weights(tmp_path_factory):
    """Return a function that serves the dashboards with an empty KERAS_HOME and a mirror; it returns the address and the home."""
    with ExitStack() as servers:

        def serve(mirror):
            home = tmp_path_factory.mktemp("empty_home")
            environment = {"KERAS_HOME": str(home), "EXPLORER_MIRROR": mirror, "no_proxy": "127.0.0.1"}
            return servers.enter_context(served_dashboards(**environment)), home

        yield serve


@pytest.fixture(scope="session")
def voila(tmp_path_factory, keras_home_of_server):
    """Return a function that serves a notebook of one code cell and returns its address; helpers of the tests can be imported."""
    folder, port = tmp_path_factory.mktemp("notebooks"), free_port()
    command = [sys.executable, "-m", "voila", str(folder), "--no-browser", f"--port={port}", "--template=explorer"]
    environment = {
        "KERAS_HOME": keras_home_of_server,
        "PYTHONPATH": str(ROOT / "tests" / "support"),
        "JUPYTER_PATH": str(ROOT / "explorer" / "bundled"),
        "LET_GO": str(folder / "let_go"),
    }

    def serve(name, code):
        cell = {"cell_type": "code", "id": "cell", "metadata": {}, "source": code, "execution_count": None, "outputs": []}
        kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
        notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook))
        return f"{address.rstrip('/')}/voila/render/{name}.ipynb"

    with served(command, environment, r"(http://\S+)") as address:
        serve.let_go = folder / "let_go"
        yield serve


@pytest.fixture(scope="session")
def lab(tmp_path_factory, keras_home_of_server):
    folder = tmp_path_factory.mktemp("lab")
    notebooks = shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    port = free_port()
    command = [
        *(sys.executable, "-m", "jupyter", "lab", str(notebooks), "--no-browser", "--allow-root", f"--port={port}"),
        *("--IdentityProvider.token=", "--ServerApp.password="),
        "--LabApp.news_url=None",
    ]
    environment = {"KERAS_HOME": keras_home_of_server} | {
        name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    }
    with served(command, environment, r"(http://(?:localhost|127\.0\.0\.1):\d+/\S*)"):
        wait_for(f"http://localhost:{port}/api")
        yield f"http://localhost:{port}/lab"
