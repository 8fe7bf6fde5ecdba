"""Weights that are not on this machine: asked about, downloaded from a server of the tests, given up and taken up again."""

import threading

import file_server
import numpy as np
import pytest
from needs import skip_or_fail
from pages import choose, drop, first_answer, go_to, idle, levels, load, loaded, refused

import explorer
from explorer.rendering import feature_maps

pytestmark = pytest.mark.browser
FILE = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5"
CLASSES = "imagenet_class_index.json"


@pytest.fixture
def page(visit):
    """A page of a dashboard that has no weights of its own."""
    page = visit.page()
    load(page, "digits")
    yield page
    assert page.errors == []
    assert page.beyond == [], "nothing is asked of another server"


@pytest.fixture
def weights(test_data, mirror, keras_home_of_server):
    """Where MobileNetV2's weights come to, which the server has."""
    for name in (FILE, CLASSES):
        path = test_data / "keras_home" / "models" / name
        if not path.exists():
            skip_or_fail(f"EXPLORER_TEST_DATA has no {name}")
        mirror.files[name] = path.read_bytes()
    yield keras_home_of_server / "models" / FILE
    (keras_home_of_server / "models" / FILE).unlink(missing_ok=True)
    mirror.files.clear()


@pytest.fixture
def half():
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


def asked_for(page, name, size):
    """Choose an architecture whose weights are not here; return the question that is asked then."""
    choose(page, name)
    question = page.get_by_role("alertdialog")
    question.filter(has_text=f"The weights of {name} are not on this machine: {size} to download, once.").wait_for()
    return question


def test_weights_that_are_not_wanted_or_cannot_be_had_leave_the_network_that_was_there(page, mirror):
    before = len(mirror.names)
    question = asked_for(page, "ResNet50", "98 MB")
    question.get_by_role("button", name="Not now").click()
    question.wait_for(state="hidden")
    assert len(mirror.names) == before, "nothing is downloaded before somebody asks for it"
    asked_for(page, "ResNet50", "98 MB").get_by_role("button", name="Download").click()
    refused(page, "has no file resnet50_weights_tf_dim_ordering_tf_kernels.h5 (404)")
    assert page.locator(".explorer .pick b").inner_text() == "digits"
    assert page.locator(".explorer.answers li.first").is_visible()


def test_a_download_is_given_up_and_taken_up_again_and_the_network_then_knows_an_elephant(
    page, mirror, weights, half, elephant, keras_home
):
    mirror.plan, before = [half], len(mirror.names)
    asked_for(page, "MobileNetV2", "14 MB").get_by_role("button", name="Download").click()
    page.get_by_role("status").filter(has_text="Downloading the weights of MobileNetV2: 6.9 of 14 MB").wait_for()
    assert page.get_by_role("progressbar", name="Progress").evaluate("(bar) => bar.value") == pytest.approx(0.5, abs=0.01)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("status").filter(has_text="Ready").wait_for()
    assert page.locator(".explorer .pick b").inner_text() == "digits"
    assert page.locator(".explorer.answers li.first").is_visible()
    assert not weights.exists()

    asked_for(page, "MobileNetV2", "14 MB").get_by_role("button", name="Download").click()
    loaded(page, "MobileNetV2")
    page.locator(".explorer .pick", has_text="14 MB, on this machine").wait_for()
    assert weights.read_bytes() == mirror.files[FILE]
    asked = [start for name, start in zip(mirror.names[before:], mirror.asked[before:], strict=True) if name == FILE]
    assert asked[-1] == f"bytes={len(mirror.files[FILE]) // 2}-", "it went on where it had stopped"

    drop(page, elephant.read_bytes(), "elephant.jpg")
    first_answer(page, "African elephant").filter(has_text="77.1 %").wait_for()
    go_to(page, "block_6_expand_relu")
    page.locator(".explorer .about", has_text="56 · block_6_expand_relu, 28 × 28 × 192").wait_for()
    idle(page)
    maps = explorer.load("MobileNetV2").feature_maps(elephant, 56)
    shown, drawn = levels(page), feature_maps.mosaic(maps)
    assert (drawn.columns, drawn.rows) == (16, 12)
    for index in range(maps.shape[-1]):
        row, column = divmod(index, drawn.columns)
        tile = shown[row * (28 + feature_maps.GAP) :, column * (28 + feature_maps.GAP) :][:28, :28]
        values = maps[..., index]
        stretch = (feature_maps.LEVELS - 1) / (np.ptp(values) or 1)
        assert np.abs(tile - (values - values.min()) * stretch).max() <= 1.01, index
