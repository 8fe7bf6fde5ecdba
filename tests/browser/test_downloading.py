"""Weights that are not on this machine: asked about, downloaded from a server of the tests, given up and taken up again."""

import threading

import file_server
import pytest
from needs import skip_or_fail
from pages import choose, first_answer, loaded, opened, refused

pytestmark = pytest.mark.browser
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
CLASSES = "imagenet_class_index.json"


@pytest.fixture(scope="module")
def server(test_data):
    """A server that has MobileNetV2's weights."""
    files = {name: test_data / "keras_home" / "models" / name for name in (FILE, CLASSES)}
    if not all(path.exists() for path in files.values()):
        skip_or_fail(f"EXPLORER_TEST_DATA has no {FILE}")
    with file_server.FileServer() as server:
        server.files = {name: path.read_bytes() for name, path in files.items()}
        yield server


@pytest.fixture(scope="module")
def page(open_page, server, dashboard_without_weights):
    """A page of a dashboard that has no weights of its own."""
    address, home = dashboard_without_weights(server.url)
    page = opened(open_page(address))
    page.weights = home / "models" / FILE
    return page


@pytest.fixture
def half(server):
    """A step of the server: half of the file comes, and then nothing until the test is over."""
    over = threading.Event()

    def step(server, request):
        body = server.files[request.path.lstrip("/")]
        file_server.answer(request, 200, Content_Length=len(body), ETag=f'"{hash(body)}"')
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        over.wait()

    yield step
    over.set()


def ask_for(page, name):
    choose(page, name)
    question = page.get_by_role("alertdialog")
    question.filter(has_text=f"The weights of {name} are not on this machine: 14 MB to download, once.").wait_for()
    assert not page.weights.exists(), "nothing is downloaded before somebody asks for it"
    question.get_by_role("button", name="Download").click()


def test_a_server_without_the_file_leaves_the_network_that_was_there(page, server):
    server.plan = [file_server.status(404)]
    ask_for(page, "MobileNetV2")
    refused(page, f"has no file {FILE} (404)")
    assert page.locator(".explorer .pick b").inner_text() == "digits"
    page.get_by_role("button", name="Dismiss").click()


def test_a_download_shows_how_far_it_is_and_can_be_given_up_and_taken_up_again(page, server, half):
    server.plan = [half]
    ask_for(page, "MobileNetV2")
    page.get_by_role("status").filter(has_text="Downloading the weights of MobileNetV2: 6.9 of 14 MB").wait_for()
    assert page.get_by_role("progressbar", name="Progress").evaluate("(bar) => bar.value") == pytest.approx(0.5, abs=0.01)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    assert page.locator(".explorer .pick b").inner_text() == "digits"
    assert page.locator(".explorer.answers li.first").is_visible()

    ask_for(page, "MobileNetV2")
    loaded(page, "MobileNetV2")
    first_answer(page, "Egyptian cat").wait_for()
    page.locator(".explorer .pick", has_text="14 MB, on this machine").wait_for()
    assert page.weights.read_bytes() == server.files[FILE]
    asked = [start for name, start in zip(server.names, server.asked, strict=True) if name == FILE]
    assert asked[-1] == f"bytes={len(server.files[FILE]) // 2}-", "it went on where it had stopped"
    assert page.errors == []
    assert page.beyond == []
