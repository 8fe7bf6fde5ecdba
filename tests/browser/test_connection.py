"""The connection between a page and its kernel, and what a page keeps when it is loaded again."""

import psutil
import pytest
from pages import idle, is_dark, opened

from explorer.dashboards.kernels import INWARD

pytestmark = pytest.mark.browser

NO_PROTOCOL = "window.WebSocket = class extends WebSocket { constructor(address) { super(address); } };"
KERNEL = "JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId"


def test_light_or_dark_is_what_the_system_prefers_until_somebody_switches(open_page, played):
    page = open_page("about:blank")
    page.emulate_media(color_scheme="dark")
    page.goto(played.address)
    opened(page)
    page.wait_for_function('document.body.dataset.jpThemeLight === "false"')
    assert is_dark(page)
    page.emulate_media(color_scheme="light")
    page.wait_for_function('document.body.dataset.jpThemeLight === "true"')
    switch = page.get_by_role("button", name="Dark", exact=True)
    assert switch.get_attribute("aria-pressed") == "false"
    switch.focus()
    page.keyboard.press("Enter")
    assert switch.get_attribute("aria-pressed") == "true"
    page.wait_for_function('document.body.dataset.jpThemeLight === "false"')
    page.reload()
    opened(page).wait_for_function('document.body.dataset.jpThemeLight === "false"')  # the browser remembers
    assert is_dark(page)


def test_it_stays_open_on_a_page_that_nobody_touches(open_page, played):
    page = open_page("about:blank")
    closed = []
    page.on("websocket", lambda socket: socket.on("close", lambda one: closed.append(one.url)))
    page.goto(played.address)
    opened(page)
    kernel = page.evaluate(KERNEL)
    while played.said().count(f"pong of {kernel}") < 3:
        assert closed == []
        page.wait_for_timeout(50)
    assert closed == []


def test_a_page_that_speaks_the_older_protocol_is_answered_and_the_kernel_of_one_that_goes_away_is_stopped(open_page, played):
    page = open_page("about:blank")
    page.add_init_script(NO_PROTOCOL)
    page.goto(played.address)
    opened(page)
    page.get_by_role("tab", name="Inside").wait_for()
    assert page.locator(".explorer.feature-maps img, .explorer.feature-maps canvas").first.is_visible()
    idle(page)
    assert page.errors == []

    kernel = page.evaluate(KERNEL)
    alive = "async (id) => (await fetch(`/api/kernels/${id}`)).status"
    assert page.evaluate(alive, kernel) == 200
    with page.expect_request(lambda request: kernel in request.url and "shutdown" in request.url) as stopping:
        page.reload()
    opened(page)
    assert stopping.value.method == "POST"
    page.wait_for_function(f"async (id) => await ({alive})(id) === 404", arg=kernel)


def kill_kernels(server):
    """Kill all kernels of a server, that which waits for its page too."""
    kernels = [one for one in server.children() if INWARD in one.cmdline()]
    assert kernels
    for one in kernels:
        one.kill()
    psutil.wait_procs(kernels)


def test_a_page_whose_kernel_was_killed_is_loaded_again_and_works_and_once_only(open_page, played):
    page = opened(open_page(played.address))
    with page.expect_event("load"):
        kill_kernels(played)
    opened(page)
    assert page.get_by_text("Error displaying widget").count() == 0
    # However long that took: within a minute of the last time, it isn't loaded again by itself.
    page.evaluate("sessionStorage.setItem('explorer-loaded-again', Date.now() + 50_000)")
    kill_kernels(played)
    again = page.get_by_role("button", name="Load the page again")
    again.wait_for()
    again.click()
    again.wait_for(state="detached")
    opened(page)
