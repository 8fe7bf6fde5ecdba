"""A page whose kernel is gone, in a real browser over a server that is played: the script of the page's template."""

import json
import re

import pytest

from explorer.catalog import BUNDLED
from explorer.dashboards.launch import _gone

pytestmark = pytest.mark.browser

TEMPLATE = BUNDLED / "voila" / "templates" / "explorer" / "index.html.j2"
DENIED = "Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('denied'); } });"
ADDRESS = "http://localhost:8866/voila/render/explore.ipynb?run=0123456789abcdef"


class Server:
    """Answers with the page, and with `status` where the page asks after its kernel; 0 is no answer. One that `heals` has a kernel for
    a page that is loaded again.
    """

    def __init__(self, page):
        scripts = re.findall(r"<script>.*?</script>", TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)
        script = next(one for one in scripts if "resources.gone" in one)
        self.style = re.search(r"<style>.*?</style>", TEMPLATE.read_text(encoding="utf-8"), re.DOTALL)[0]
        self.script = script.replace("{{ (resources.gone or {}) | tojson }}", json.dumps(_gone()))
        self.status, self.loaded, self.asked, self.heals = 200, 0, [], False
        page.route("**/*", self.answer)

    def answer(self, route):
        if "/api/kernels/" in route.request.url:
            self.asked.append(route.request.url)
            route.fulfill(status=self.status, body="{}") if self.status else route.abort()
        elif "/voila/" in route.request.url:
            self.loaded += 1
            self.status = 200 if self.heals else self.status
            config = json.dumps({"baseUrl": "/", "kernelId": f"kernel-{self.loaded}"})
            body = "<main><div class='explorer'><div class='failure lost'>The kernel does not answer</div></div></main>"
            body += f"<script id='jupyter-config-data' type='application/json'>{config}</script>"
            route.fulfill(body=f"<!doctype html><head>{self.style}{self.script}</head><body>{body}</body>", content_type="text/html")
        else:
            route.fulfill(body="")


@pytest.fixture(scope="module")
def one_page(chromium):
    context = chromium.new_context()
    page = context.new_page()
    page.clock.install()
    yield page
    context.close()


@pytest.fixture
def page(one_page):
    """A page of a browser that has kept nothing yet."""
    one_page.unroute_all()
    one_page.route("**/*", lambda route: route.fulfill(body="", content_type="text/html"))
    one_page.goto(ADDRESS)
    one_page.evaluate("sessionStorage.clear()")
    one_page.unroute_all()
    return one_page


@pytest.fixture
def server(page):
    server = Server(page)
    page.goto(ADDRESS)
    let_look(page, server)
    return server


def let_look(page, server, looks=1):
    """Let the time go by until the page has asked after its kernel."""
    for _look in range(looks):
        before = len(server.asked)
        for _step in range(200):
            page.clock.run_for(3000)
            page.wait_for_timeout(10)
            if len(server.asked) > before:
                break
        assert len(server.asked) > before


def reloaded(page, server, times):
    for _step in range(200):
        if server.loaded == times:
            return
        page.wait_for_timeout(10)
    pytest.fail(f"loaded {server.loaded} times")


def test_a_page_whose_kernel_lives_is_left_alone(page, server):
    let_look(page, server, 3)
    assert (server.loaded, page.get_by_role("alert").count()) == (1, 0)


def test_one_whose_kernel_is_gone_is_loaded_again_once_and_then_asks(page, server):
    server.status = 404
    page.clock.run_for(3000)
    reloaded(page, server, 2)
    assert page.url == ADDRESS
    alert = page.get_by_role("alert").filter(has_text="kernel of this page has ended again")
    alert.wait_for()
    page.clock.run_for(600_000)
    assert server.loaded == 2
    server.status = 200
    page.get_by_role("button", name="Load the page again").click()
    reloaded(page, server, 3)
    let_look(page, server)
    assert alert.count() == 0


def test_one_that_has_data_of_its_own_is_not_loaded_again_before_somebody_wants_it(page, server):
    page.evaluate("document.documentElement.toggleAttribute('data-collected', true)")
    server.status = 403
    let_look(page, server)
    page.get_by_role("alert").filter(has_text="collected here for training is lost").wait_for()
    server.status, server.heals = 404, True
    page.clock.run_for(3000)
    alert = page.get_by_role("alert").filter(
        has_text="The kernel of this page has ended. A training is found again. What was collected here"
    )
    alert.wait_for()
    page.clock.run_for(600_000)
    assert server.loaded == 1
    page.get_by_role("button", name="Load the page again").click()
    reloaded(page, server, 2)
    let_look(page, server)
    assert alert.count() == 0


def test_one_that_went_well_for_long_is_loaded_again_by_itself(page, server):
    server.heals = True
    for loaded in (2, 3):
        server.status = 404
        page.clock.run_for(3000)
        reloaded(page, server, loaded)
        let_look(page, server)
        page.clock.run_for(60_000)


def test_a_server_that_is_started_anew_says_what_to_open_and_lets_it_in(page, server):
    server.status = 0
    let_look(page, server)
    assert (server.loaded, page.get_by_role("alert").count()) == (1, 0)
    let_look(page, server, 2)
    ended = page.get_by_role("alert").filter(has_text="The command explorer has ended or does not answer. Start it again")
    ended.wait_for()
    server.status = 200
    let_look(page, server, 2)
    assert page.get_by_role("alert").count() == 0
    server.status = 403
    let_look(page, server, 2)
    page.get_by_role("alert").filter(has_text="started anew, with another key").wait_for()
    server.status = 404  # the new address was opened beside it
    page.clock.run_for(3000)
    reloaded(page, server, 2)


def test_the_page_says_nothing_of_its_connection_beside_the_bar(page, server):
    lost = page.get_by_text("The kernel does not answer")
    assert lost.is_visible()
    for status in (0, 403):
        server.status = status
        let_look(page, server, 3)
        page.get_by_role("alert").wait_for()
        assert lost.is_hidden()
    server.status = 200
    let_look(page, server, 2)
    assert lost.is_visible()


def test_a_browser_that_keeps_nothing_is_never_loaded_again_by_itself(page):
    server = Server(page)
    server.script = f"<script>{DENIED}</script>{server.script}"
    server.status = 404
    page.goto(ADDRESS)
    page.get_by_role("button", name="Load the page again").wait_for()
    assert server.loaded == 1
