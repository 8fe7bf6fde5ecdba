import gc
import weakref
from pathlib import Path

import numpy as np
import own_models
import pytest

from explorer.backend.inputs import images
from explorer.backend.service import DEFAULT_MEMORY, MEMORY, Backend, memory_of_the_environment
from explorer.catalog.options import spec
from explorer.errors import DownloadNeeded, ExplorerError, UnknownName, UnreadableModel
from explorer.values import AdoptedModel

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


def variants(count):
    """Return the specs of networks that are quickly built and take nearly the same memory."""
    return [spec("digits", None, classes=10 + number) for number in range(count)]


def names(backend, say):
    return [name for name, _size in backend.held(say).networks]


def classes(backend, say):
    """Return how many classes the networks have that are held, the one used last first: it tells them apart."""
    return [network.summary().classes[0] for network in reversed(backend._networks.values())]


def test_what_is_at_hand_needs_no_network(backend, no_network, say, said):
    assert backend.at_hand(say) == {"digits", "timbres"}
    assert said == []


def test_opening_says_what_is_done_in_order_and_gives_a_summary(backend, say, said):
    summary = backend.open(DIGITS, False, say)
    assert said == ["Loading TensorFlow…", "Building digits…"]
    assert summary.spec == DIGITS
    assert summary.classes == (10,)
    assert [layer.name for layer in summary.layers[:2]] == ["image", "block1_conv"]


def test_weights_that_are_not_here_are_only_downloaded_when_asked_for(backend, no_network, say, said):
    with pytest.raises(DownloadNeeded, match="MobileNetV2 needs mobilenet_v2_weights"):
        backend.open(spec("MobileNetV2"), False, say)
    assert said == []
    with pytest.raises(ExplorerError, match="are not on this machine") as refused:
        backend.open(spec("MobileNetV2"), True, say)
    assert not isinstance(refused.value, DownloadNeeded)
    assert any("Downloading the weights of MobileNetV2" in text for text in said)


def test_a_network_that_could_not_be_opened_is_not_held(backend, no_network, say):
    backend.open(DIGITS, False, say)
    for _again in range(2):
        with pytest.raises(DownloadNeeded):
            backend.open(spec("MobileNetV2"), False, say)
    assert names(backend, say) == ["digits"]


def test_what_needs_no_weights_is_opened_at_once(backend, no_network, say):
    wanted = spec("MobileNet", None, alpha=0.25, include_top=False, input_shape=(32, 32, 3))
    assert backend.open(wanted, False, say).spec == wanted


def test_predicting_opens_the_network_first_and_says_so(backend, example, say, said):
    answers = backend.predict(DIGITS, example, 3, 0, say)
    assert said == ["Loading TensorFlow…", "Building digits…", "Computing the answers…"]
    assert len(answers.predictions) == 3
    assert answers.predictions[0].id == "3"
    assert answers.others == 7


def test_predicting_with_a_network_that_is_held_says_only_that(backend, example, say, said):
    backend.open(DIGITS, False, say)
    said.clear()
    backend.predict(DIGITS, example, 3, 0, say)
    assert said == ["Computing the answers…"]


def test_feature_maps_are_those_of_the_network(backend, digits, example, say, said):
    maps = backend.feature_maps(DIGITS, example, "block1_conv", say)
    assert said[-1] == "Computing the feature maps…"
    assert maps.layer.name == "block1_conv"
    assert np.allclose(maps.values, digits.feature_maps(example, 1), atol=1e-5)


def test_a_view_of_the_example_says_that_it_is_read(backend, example, say, said):
    backend.open(DIGITS, False, say)
    said.clear()
    seen = backend.view(DIGITS, example, say)
    assert said == ["Reading digit_3.png…"]
    assert seen.seen.shape == (32, 32)
    assert seen.came_size == (32, 32)


def test_an_unknown_layer_is_refused(backend, example, say):
    with pytest.raises(UnknownName, match="There is no layer 'nowhere'"):
        backend.feature_maps(DIGITS, example, "nowhere", say)


def test_a_network_opened_twice_is_the_same(backend, say, said):
    first = backend.open(DIGITS, False, say)
    said.clear()
    assert backend.open(DIGITS, False, say).layers is first.layers
    assert said == []


# what is held


def test_what_is_held_is_said_with_its_size_the_last_used_first(say):
    backend = Backend(memory=10**9)
    sizes = {}
    for wanted in (DIGITS, spec("digits", None, include_top=False)):
        sizes[wanted] = backend.open(wanted, False, say).memory
    backend.open(DIGITS, False, say)
    held = backend.held(say)
    assert held.networks == (("digits", sizes[DIGITS]), ("digits", sizes[spec("digits", None, include_top=False)]))
    assert held.bound == 10**9


def test_the_networks_used_longest_ago_go_when_the_memory_is_full(example, say):
    first, second, third, fourth = variants(4)
    size = Backend().open(fourth, False, say).memory
    backend = Backend(memory=3 * size)
    for wanted in (first, second, third):
        backend.open(wanted, False, say)
    assert classes(backend, say) == [12, 11, 10]
    backend.predict(first, example, 1, 0, say)
    backend.open(fourth, False, say)
    assert classes(backend, say) == [13, 10, 12]
    assert sum(size for _name, size in backend.held(say).networks) <= backend.held(say).bound


def test_as_many_go_as_a_large_one_needs(say):
    small = variants(3)
    large = spec("digits", None, classes=4000)
    backend = Backend(memory=Backend().open(large, False, say).memory + 1000)
    for wanted in (*small, large):
        backend.open(wanted, False, say)
    assert classes(backend, say) == [4000]


def test_the_newest_stays_even_where_it_alone_is_too_large(say, example):
    backend = Backend(memory=1)
    first, second = variants(2)
    for wanted in (first, second):
        backend.open(wanted, False, say)
        assert len(backend.predict(wanted, example, 1, 0, say).predictions) == 1
        assert len(names(backend, say)) == 1
    assert classes(backend, say) == [11]


def test_a_network_that_has_gone_leaves_nothing_behind(say):
    backend = Backend(memory=1)
    first, second = variants(2)
    backend.open(first, False, say)
    gone = weakref.ref(backend._networks[first].model)
    backend.open(second, False, say)
    gc.collect()
    assert gone() is None


def test_only_the_network_looked_into_remembers_activations(backend, example, say):
    first, second = variants(2)
    assert backend.feature_maps(first, example, "block1_conv", say).remembered > 0
    backend.feature_maps(second, example, "block1_conv", say)
    assert backend._networks[first].activations.size == 0
    assert backend._networks[second].activations.size > 0
    backend.predict(first, example, 1, 0, say)
    assert backend._networks[second].activations.size == 0


def test_the_memory_for_activations_is_the_one_given(example, say):
    backend = Backend(activation_memory=50_000)
    maps = backend.feature_maps(DIGITS, example, "block1_conv", say)
    assert maps.bound == 50_000
    assert maps.remembered <= 50_000
    assert Backend().feature_maps(DIGITS, example, "block1_conv", say).bound == 256 * 2**20


def test_the_memory_for_weights_is_a_setting(monkeypatch):
    monkeypatch.delenv(MEMORY, raising=False)
    assert memory_of_the_environment() == Backend().held(print).bound == DEFAULT_MEMORY == 2**30
    monkeypatch.setenv(MEMORY, "300")
    assert Backend().held(print).bound == 300 * 2**20
    assert Backend(memory=7).held(print).bound == 7


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "1 GB", "²"])
def test_a_memory_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv(MEMORY, text)
    with pytest.raises(ExplorerError, match=f"EXPLORER_MEMORY must be a whole number of MB, not '{text}'"):
        Backend()


# models of the user's own


def test_an_adopted_model_is_shown_as_it_was_until_it_is_adopted_again(backend, say):
    model = own_models.shaken(own_models.sequential)
    first = backend.adopt(AdoptedModel(1, 0, "mine"), model, None, say)
    assert backend.open(first, False, say).spec == first
    example = backend.random_example(first, 0, say)
    before = backend.predict(first, example, 3, 0, say)
    maps = backend.feature_maps(first, example, "hidden", say)
    model.set_weights([0 * array for array in model.get_weights()])
    assert backend.predict(first, example, 3, 0, say) == before
    second = backend.adopt(AdoptedModel(1, 1, "mine"), model, None, say)
    after = backend.predict(second, example, 3, 0, say)
    assert [one.score for one in after.predictions] == pytest.approx([1 / 3] * 3)
    assert backend.feature_maps(second, example, "hidden", say).values.max() == 0 < maps.values.max()
    assert names(backend, say) == ["mine"]


def test_two_adopted_models_are_held_side_by_side(backend, say):
    for key, make in enumerate((own_models.sequential, own_models.siamese)):
        backend.open(backend.adopt(AdoptedModel(key, 0, make.__name__), make(), None, say), False, say)
    assert names(backend, say) == ["siamese", "sequential"]


def test_an_adopted_model_may_bring_its_preprocessing_and_labels(backend, say, example):
    from explorer.backend.runtime.keras import keras

    pixels = keras.Input((20, 24, 3))
    model = keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(pixels)))
    named = backend.adopt(AdoptedModel(1, 0, "mine", "tf", ("a", "b")), model, None, say)
    assert backend.open(named, False, say).reading.convention == "tf"
    assert {one.label for one in backend.predict(named, example, 2, 0, say).predictions} == {"a", "b"}
    custom = backend.adopt(AdoptedModel(2, 0, "mine"), model, lambda pixels: pixels, say)
    assert backend.open(custom, False, say).reading.convention == "custom"


def test_a_model_that_was_never_adopted_is_refused(backend, say):
    with pytest.raises(ExplorerError, match="mine is not here any more; open it again"):
        backend.open(AdoptedModel(5, 0, "mine"), False, say)


def test_a_file_that_came_through_the_page_is_kept_while_the_backend_lives(backend, say, tmp_path):
    own_models.shaken(own_models.sequential).save(tmp_path / "mine.keras")
    data = (tmp_path / "mine.keras").read_bytes()
    received = backend.receive(data, "mine.keras", say)
    assert received.name == "mine.keras"
    summary = backend.open(received, False, say)
    assert [layer.name for layer in summary.layers] == ["hidden", "top"]
    assert backend.receive(data, "mine.keras", say) != received
    folder = Path(backend._folder)
    assert folder in Path(received.path).parents
    gone = Backend()
    folder = Path(gone.receive(data, "mine.keras", say).path).parents[1]
    assert folder.is_dir()
    del gone
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "/", "../../etc/mine.keras", "C:\\models\\mine.keras", "a\0b.keras", "x" * 5000 + ".keras", "ü" * 300 + ".keras", "~"],
)
def test_a_file_can_not_choose_where_it_is_kept(name, backend, say):
    received = backend.receive(b"no model", name, say)
    assert received.path.startswith(f"{backend._folder}/")
    assert received.path.count("/") == backend._folder.count("/") + 2
    assert received.name.endswith(".keras") == name.endswith(".keras")
    with pytest.raises(UnreadableModel):
        backend.open(received, False, say)
    assert names(backend, say) == []


def test_random_examples_are_for_networks_of_arrays(backend, say):
    with pytest.raises(ExplorerError, match="digits reads pictures; give it one"):
        backend.random_example(DIGITS, 0, say)
    mine = backend.adopt(AdoptedModel(1, 0, "mine"), own_models.siamese(), None, say)
    example = backend.random_example(mine, 3, say)
    assert backend.random_example(mine, 3, say).digest == example.digest
    seen = backend.view(mine, example, say)
    assert [name for name, _array in seen.arrays] == ["first", "second"]
    assert backend.predict(mine, example, 4, 1, say).output == 1
