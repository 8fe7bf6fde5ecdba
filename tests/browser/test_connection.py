"""The connection between a page and its kernel."""

import psutil
import pytest
from pages import idle, opened
from served import served_dashboards

from explorer.dashboards.kernels import INWARD

pytestmark = pytest.mark.browser

NO_PROTOCOL = "window.WebSocket = class extends WebSocket { constructor(address) { super(address); } };"


@pytest.mark.slow
def test_it_stays_open_on_a_page_that_nobody_touches(open_page, dashboard):
    page = open_page("about:blank")
    closed = []
    page.on("websocket", lambda socket: socket.on("close", lambda one: closed.append(one.url)))
    page.goto(dashboard)
    opened(page)
    page.wait_for_timeout(65_000)  # two pings
    assert closed == []


@pytest.mark.slow
def test_a_page_that_speaks_the_older_protocol_is_answered_too(open_page, dashboard):
    page = open_page("about:blank")
    page.add_init_script(NO_PROTOCOL)
    page.goto(dashboard)
    opened(page)
    page.get_by_role("tab", name="Inside").wait_for()
    assert page.locator(".explorer.feature-maps img, .explorer.feature-maps canvas").first.is_visible()
    idle(page)
    assert page.errors == []


@pytest.mark.slow
def test_the_kernel_of_a_page_that_goes_away_is_stopped(open_page, dashboard):
    page = opened(open_page(dashboard))
    kernel = page.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    alive = "async (id) => (await fetch(`/api/kernels/${id}`)).status"
    assert page.evaluate(alive, kernel) == 200
    with page.expect_request(lambda request: kernel in request.url and "shutdown" in request.url) as stopping:
        page.reload()
    opened(page)
    assert stopping.value.method == "POST"
    for _again in range(100):
        if page.evaluate(alive, kernel) == 404:
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail("the kernel lives on")


def kill_kernels():
    """Kill all kernels of the servers that were started here, that which waits for its page too."""
    kernels = [one for one in psutil.Process().children(recursive=True) if INWARD in one.cmdline()]
    assert kernels
    for one in kernels:
        one.kill()
    psutil.wait_procs(kernels)


@pytest.mark.slow
def test_a_page_whose_kernel_was_killed_is_loaded_again_and_works_and_once_only(open_page, keras_home_of_server):
    with served_dashboards(KERAS_HOME=keras_home_of_server) as address:
        page = opened(open_page(address))
        with page.expect_event("load"):
            kill_kernels()
        opened(page)
        assert page.get_by_text("Error displaying widget").count() == 0
        kill_kernels()
        again = page.get_by_role("button", name="Load the page again")
        again.wait_for()
        again.click()
        again.wait_for(state="detached")
        opened(page)
