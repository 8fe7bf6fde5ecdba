import numpy as np
import pytest

from explorer.backend import images
from explorer.backend.service import HELD, Backend
from explorer.catalog import spec
from explorer.errors import ExplorerError, UnknownName

DIGITS = spec("digits")


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def said():
    return []


@pytest.fixture
def say(said):
    return lambda progress: said.append(progress.text)


@pytest.fixture
def example(samples):
    return images.read(samples / "digit_3.png")


def small(number):
    """Return the specs of networks that are quickly built."""
    return [spec("digits"), spec("digits", None), spec("digits", include_top=False), spec("digits", None, include_top=False)][number]


def test_what_is_at_hand_needs_no_network(backend, no_network, say, said):
    assert backend.at_hand(say) == {"digits"}
    assert said == []


def test_opening_says_what_is_done_in_order_and_gives_a_summary(backend, say, said):
    summary = backend.open(DIGITS, say)
    assert said == ["Loading TensorFlow…", "Reading the weights of digits…"]
    assert summary.spec == DIGITS
    assert summary.classes == 10
    assert [layer.name for layer in summary.layers[:2]] == ["image", "block1_conv"]


def test_a_network_without_weights_is_said_to_be_built(backend, say, said):
    backend.open(spec("digits", None), say)
    assert said == ["Loading TensorFlow…", "Building digits…"]


def test_a_download_is_announced_with_its_size(backend, no_network, say, said):
    with pytest.raises(ExplorerError, match="could not be downloaded"):
        backend.open(spec("MobileNetV2"), say)
    assert said == ["Loading TensorFlow…", "Downloading the weights of MobileNetV2 (14 MB)…"]


def test_a_network_that_could_not_be_opened_is_not_held(backend, no_network, say):
    for _again in range(2):
        with pytest.raises(ExplorerError, match="could not be downloaded"):
            backend.open(spec("MobileNetV2"), say)


def test_predicting_opens_the_network_first_and_says_so(backend, example, say, said):
    answers = backend.predict(DIGITS, example, 3, say)
    assert said == ["Loading TensorFlow…", "Reading the weights of digits…", "Computing the answers…"]
    assert len(answers.predictions) == 3
    assert answers.predictions[0].id == "3"
    assert answers.others == 7


def test_predicting_with_a_network_that_is_held_says_only_that(backend, example, say, said):
    backend.open(DIGITS, say)
    said.clear()
    backend.predict(DIGITS, example, 3, say)
    assert said == ["Computing the answers…"]


def test_feature_maps_are_those_of_the_network(backend, digits, example, say, said):
    maps = backend.feature_maps(DIGITS, example, 1, say)
    assert said[-1] == "Computing the feature maps…"
    assert maps.layer.name == "block1_conv"
    assert np.allclose(maps.values, digits.feature_maps(example, 1), atol=1e-5)


def test_a_view_of_the_example_needs_no_network(backend, example, say, said):
    seen = backend.view(DIGITS, example, say)
    assert said == ["Reading digit_3.png…"]
    assert seen.seen.shape == (32, 32)
    assert seen.came_size == (32, 32)


def test_an_unknown_layer_is_refused(backend, example, say):
    with pytest.raises(UnknownName, match="layers 0 to 13"):
        backend.feature_maps(DIGITS, example, 99, say)


def test_a_network_opened_twice_is_the_same(backend, say, said):
    first = backend.open(DIGITS, say)
    said.clear()
    assert backend.open(DIGITS, say).layers is first.layers
    assert said == []


def test_only_the_networks_used_last_are_held(backend, example, say, said):
    for number in range(HELD):
        backend.open(small(number), say)
    backend.predict(small(0), example, 1, say)
    backend.open(small(HELD), say)
    said.clear()
    for number in (0, 2, 3):
        backend.open(small(number), say)
    assert said == []
    backend.open(small(1), say)
    assert said == ["Loading TensorFlow…", "Building digits…"]


def test_the_memory_for_activations_is_the_one_given(example, say):
    backend = Backend(activation_memory=50_000)
    maps = backend.feature_maps(DIGITS, example, 1, say)
    assert maps.bound == 50_000
    assert maps.remembered <= 50_000
    assert Backend().feature_maps(DIGITS, example, 1, say).bound == 256 * 2**20
