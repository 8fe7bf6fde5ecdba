import gc
import weakref
from collections import Counter
from pathlib import Path

import numpy as np
import own_models
import pytest

from explorer.backend.inference.executor import ModelExecutor
from explorer.backend.inputs import image_files, images
from explorer.backend.service import Backend
from explorer.backend.service_networks import DEFAULT_MEMORY, MEMORY, memory_of_the_environment
from explorer.catalog.options import spec
from explorer.errors import DownloadNeeded, ExplorerError, UnknownName, UnreadableModel
from explorer.rendering import feature_maps
from explorer.values import AdoptedModel, Example

DIGITS = spec("digits")


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def said():
    return []


@pytest.fixture
def report_progress(said):
    return lambda progress: said.append(progress.text)


@pytest.fixture
def example(samples):
    return images.read(samples / "digit_3.png")


def variants(count):
    """Return the specs of networks that are quickly built and take nearly the same memory."""
    return [spec("digits", None, classes=10 + number) for number in range(count)]


def names(backend, report_progress):
    return [name for name, _size in backend.loaded_models(report_progress).networks]


def classes(backend, report_progress):
    """Return how many classes the networks have that are held, the one used last first: it tells them apart."""
    return [network.summary().classes[0] for network in reversed(backend.networks._networks.values())]


def test_what_is_at_hand_needs_no_network(backend, no_network, report_progress, said):
    assert backend.locally_available(report_progress) == {"digits", "timbres"}
    assert said == []


def test_opening_says_what_is_done_in_order_and_gives_a_summary(backend, report_progress, said):
    summary = backend.open(DIGITS, False, report_progress)
    assert said == ["Loading TensorFlow…", "Building digits…"]
    assert summary.spec == DIGITS
    assert summary.classes == (10,)
    assert [layer.name for layer in summary.layers[:2]] == ["image", "block1_conv"]


def test_weights_that_are_not_here_are_only_downloaded_when_asked_for(backend, no_network, report_progress, said):
    with pytest.raises(DownloadNeeded, match="MobileNetV2 needs mobilenet_v2_weights"):
        backend.open(spec("MobileNetV2"), False, report_progress)
    assert said == []
    with pytest.raises(ExplorerError, match="are not on this machine") as refused:
        backend.open(spec("MobileNetV2"), True, report_progress)
    assert not isinstance(refused.value, DownloadNeeded)
    assert any("Downloading the weights of MobileNetV2" in text for text in said)


def test_a_network_that_could_not_be_opened_is_not_held(backend, no_network, report_progress):
    backend.open(DIGITS, False, report_progress)
    for _again in range(2):
        with pytest.raises(DownloadNeeded):
            backend.open(spec("MobileNetV2"), False, report_progress)
    assert names(backend, report_progress) == ["digits"]


def test_what_needs_no_weights_is_opened_at_once(backend, no_network, report_progress):
    wanted = spec("MobileNet", None, alpha=0.25, include_top=False, input_shape=(32, 32, 3))
    assert backend.open(wanted, False, report_progress).spec == wanted


def test_predicting_opens_the_network_first_and_says_so(backend, example, report_progress, said):
    predictions = backend.predict(DIGITS, example, 3, 0, report_progress)
    assert said == ["Loading TensorFlow…", "Building digits…", "Computing the predictions…"]
    assert len(predictions.predictions) == 3
    assert predictions.predictions[0].id == "3"
    assert predictions.others == 7


def test_predicting_with_a_network_that_is_held_says_only_that(backend, example, report_progress, said):
    backend.open(DIGITS, False, report_progress)
    said.clear()
    backend.predict(DIGITS, example, 3, 0, report_progress)
    assert said == ["Computing the predictions…"]


def test_feature_maps_are_those_of_the_network(backend, digits, example, report_progress, said):
    maps = backend.feature_maps(DIGITS, example, "block1_conv", True, report_progress)
    assert said[-1] == "Computing the feature maps…"
    assert maps.layer.name == "block1_conv"
    assert np.allclose(maps.values, digits.feature_maps(example, 1), atol=1e-5)


def test_feature_maps_are_drawn_where_that_is_asked_for_and_a_vector_never(backend, example, report_progress):
    maps = backend.feature_maps(DIGITS, example, "block1_conv", True, report_progress)
    assert maps.mosaic == feature_maps.mosaic(maps.planes)
    assert backend.feature_maps(DIGITS, example, "block1_conv", False, report_progress).mosaic is None
    assert backend.feature_maps(DIGITS, example, "predictions", True, report_progress).mosaic is None


def test_a_view_of_the_example_says_that_it_is_read(backend, example, report_progress, said):
    backend.open(DIGITS, False, report_progress)
    said.clear()
    seen = backend.view(DIGITS, example, report_progress)
    assert said == ["Reading digit_3.png…"]
    assert seen.preprocessed.shape == (32, 32)
    assert seen.original_size == (32, 32)


def test_an_unknown_layer_is_refused(backend, example, report_progress):
    with pytest.raises(UnknownName, match="There is no layer 'nowhere'"):
        backend.feature_maps(DIGITS, example, "nowhere", True, report_progress)


def test_a_network_opened_twice_is_the_same(backend, report_progress, said):
    first = backend.open(DIGITS, False, report_progress)
    said.clear()
    assert backend.open(DIGITS, False, report_progress).layers is first.layers
    assert said == []


# what is held


def test_what_is_held_is_said_with_its_size_the_last_used_first(report_progress):
    backend = Backend(memory=10**9)
    sizes = {}
    for wanted in (DIGITS, spec("digits", None, include_top=False)):
        sizes[wanted] = backend.open(wanted, False, report_progress).memory
    backend.open(DIGITS, False, report_progress)
    held = backend.loaded_models(report_progress)
    assert held.networks == (("digits", sizes[DIGITS]), ("digits", sizes[spec("digits", None, include_top=False)]))
    assert held.bound == 10**9


def test_the_networks_used_longest_ago_go_when_the_memory_is_full(example, report_progress):
    first, second, third, fourth = variants(4)
    size = Backend().open(fourth, False, report_progress).memory
    backend = Backend(memory=3 * size)
    for wanted in (first, second, third):
        backend.open(wanted, False, report_progress)
    assert classes(backend, report_progress) == [12, 11, 10]
    backend.predict(first, example, 1, 0, report_progress)
    backend.open(fourth, False, report_progress)
    assert classes(backend, report_progress) == [13, 10, 12]
    assert sum(size for _name, size in backend.loaded_models(report_progress).networks) <= backend.loaded_models(report_progress).bound


def test_as_many_go_as_a_large_one_needs(report_progress):
    small = variants(3)
    large = spec("digits", None, classes=4000)
    backend = Backend(memory=Backend().open(large, False, report_progress).memory + 1000)
    for wanted in (*small, large):
        backend.open(wanted, False, report_progress)
    assert classes(backend, report_progress) == [4000]


def test_the_newest_stays_even_where_it_alone_is_too_large(report_progress, example):
    backend = Backend(memory=1)
    first, second = variants(2)
    for wanted in (first, second):
        backend.open(wanted, False, report_progress)
        assert len(backend.predict(wanted, example, 1, 0, report_progress).predictions) == 1
        assert len(names(backend, report_progress)) == 1
    assert classes(backend, report_progress) == [11]


def test_a_network_that_has_gone_leaves_nothing_behind(report_progress):
    backend = Backend(memory=1)
    first, second = variants(2)
    backend.open(first, False, report_progress)
    gone = weakref.ref(backend.networks._networks[first].model)
    backend.open(second, False, report_progress)
    gc.collect()
    assert gone() is None


def test_only_the_network_looked_into_remembers_activations(backend, example, report_progress):
    first, second = variants(2)
    assert backend.feature_maps(first, example, "block1_conv", True, report_progress).remembered > 0
    backend.feature_maps(second, example, "block1_conv", True, report_progress)
    assert backend.networks._networks[first].activations.size == 0
    assert backend.networks._networks[second].activations.size > 0
    backend.predict(first, example, 1, 0, report_progress)
    assert backend.networks._networks[second].activations.size == 0


def test_the_memory_for_activations_is_the_one_given(example, report_progress):
    backend = Backend(activation_memory=50_000)
    maps = backend.feature_maps(DIGITS, example, "block1_conv", True, report_progress)
    assert maps.bound == 50_000
    assert maps.remembered <= 50_000
    assert Backend().feature_maps(DIGITS, example, "block1_conv", True, report_progress).bound == 256 * 2**20


def test_the_memory_for_weights_is_a_setting(monkeypatch):
    monkeypatch.delenv(MEMORY, raising=False)
    assert memory_of_the_environment() == Backend().loaded_models(print).bound == DEFAULT_MEMORY == 2**30
    monkeypatch.setenv(MEMORY, "300")
    assert Backend().loaded_models(print).bound == 300 * 2**20
    assert Backend(memory=7).loaded_models(print).bound == 7


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "1 GB", "²"])
def test_a_memory_that_is_no_number_is_refused(text, monkeypatch):
    monkeypatch.setenv(MEMORY, text)
    with pytest.raises(ExplorerError, match=f"EXPLORER_MEMORY must be a whole number of MB, not '{text}'"):
        Backend()


# models of the user's own


def test_an_adopted_model_is_shown_as_it_was_until_it_is_adopted_again(backend, report_progress):
    model = own_models.shaken(own_models.sequential)
    first = backend.register_live_model(AdoptedModel(1, 0, "mine"), model, None, report_progress)
    assert backend.open(first, False, report_progress).spec == first
    example = backend.random_example(first, 0, report_progress)
    before = backend.predict(first, example, 3, 0, report_progress)
    maps = backend.feature_maps(first, example, "hidden", True, report_progress)
    model.set_weights([0 * array for array in model.get_weights()])
    assert backend.predict(first, example, 3, 0, report_progress) == before
    second = backend.register_live_model(AdoptedModel(1, 1, "mine"), model, None, report_progress)
    after = backend.predict(second, example, 3, 0, report_progress)
    assert [one.score for one in after.predictions] == pytest.approx([1 / 3] * 3)
    assert backend.feature_maps(second, example, "hidden", True, report_progress).values.max() == 0 < maps.values.max()
    assert names(backend, report_progress) == ["mine"]


def test_two_adopted_models_are_held_side_by_side(backend, report_progress):
    for key, make in enumerate((own_models.sequential, own_models.siamese)):
        backend.open(
            backend.register_live_model(AdoptedModel(key, 0, make.__name__), make(), None, report_progress), False, report_progress
        )
    assert names(backend, report_progress) == ["siamese", "sequential"]


def test_an_adopted_model_may_bring_its_preprocessing_and_labels(backend, report_progress, example):
    from explorer.backend.runtime.keras import keras

    pixels = keras.Input((20, 24, 3))
    model = keras.Model(pixels, keras.layers.Dense(2)(keras.layers.Flatten()(pixels)))
    named = backend.register_live_model(AdoptedModel(1, 0, "mine", "tf", ("a", "b")), model, None, report_progress)
    assert backend.open(named, False, report_progress).input_spec.preprocess_mode == "tf"
    assert {one.label for one in backend.predict(named, example, 2, 0, report_progress).predictions} == {"a", "b"}
    custom = backend.register_live_model(AdoptedModel(2, 0, "mine"), model, lambda pixels: pixels, report_progress)
    assert backend.open(custom, False, report_progress).input_spec.preprocess_mode == "custom"


def test_a_model_that_was_never_adopted_is_refused(backend, report_progress):
    with pytest.raises(ExplorerError, match="mine is not here any more; open it again"):
        backend.open(AdoptedModel(5, 0, "mine"), False, report_progress)


def test_a_file_that_came_through_the_page_is_kept_while_the_backend_lives(backend, report_progress, tmp_path):
    own_models.shaken(own_models.sequential).save(tmp_path / "mine.keras")
    data = (tmp_path / "mine.keras").read_bytes()
    received = backend.receive(data, "mine.keras", report_progress)
    assert received.name == "mine.keras"
    summary = backend.open(received, False, report_progress)
    assert [layer.name for layer in summary.layers] == ["hidden", "top"]
    assert backend.receive(data, "mine.keras", report_progress) != received
    folder = Path(backend._folder)
    assert folder in Path(received.path).parents
    gone = Backend()
    folder = Path(gone.receive(data, "mine.keras", report_progress).path).parents[1]
    assert folder.is_dir()
    del gone
    gc.collect()
    assert not folder.exists()


@pytest.mark.parametrize(
    "name",
    ["..", ".", "", "/", "../../etc/mine.keras", "C:\\models\\mine.keras", "a\0b.keras", "x" * 5000 + ".keras", "ü" * 300 + ".keras", "~"],
)
def test_a_file_can_not_choose_where_it_is_kept(name, backend, report_progress):
    received = backend.receive(b"no model", name, report_progress)
    assert received.path.startswith(f"{backend._folder}/")
    assert received.path.count("/") == backend._folder.count("/") + 2
    assert received.name.endswith(".keras") == name.endswith(".keras")
    with pytest.raises(UnreadableModel):
        backend.open(received, False, report_progress)
    assert names(backend, report_progress) == []


def test_random_examples_are_for_networks_of_arrays(backend, report_progress):
    with pytest.raises(ExplorerError, match="digits reads pictures; give it one"):
        backend.random_example(DIGITS, 0, report_progress)
    mine = backend.register_live_model(AdoptedModel(1, 0, "mine"), own_models.siamese(), None, report_progress)
    example = backend.random_example(mine, 3, report_progress)
    assert backend.random_example(mine, 3, report_progress).digest == example.digest
    seen = backend.view(mine, example, report_progress)
    assert [name for name, _array in seen.arrays] == ["first", "second"]
    assert backend.predict(mine, example, 4, 1, report_progress).output == 1


@pytest.fixture
def work(monkeypatch):
    """Count how often a picture is decoded, and a network run."""
    counts = Counter()

    def counting(owner, name):
        plain = getattr(owner, name)
        monkeypatch.setattr(owner, name, lambda *given, **named: counts.update([name]) or plain(*given, **named))

    counting(image_files, "decoded")
    counting(ModelExecutor, "_run")
    return counts


@pytest.mark.parametrize("opened", [DIGITS, spec("MobileNet", weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 3))])
def test_a_dropped_picture_is_decoded_once_and_run_once(opened, backend, samples, report_progress, work):
    layer = backend.open(opened, False, report_progress).layers[1].name
    example = Example("image", (samples / "digit_3.png").read_bytes(), "dropped.png")
    backend.view(opened, example, report_progress)
    backend.feature_maps(opened, example, layer, True, report_progress)
    if opened == DIGITS:
        backend.predict(opened, example, 3, 0, report_progress)
    assert work == {"decoded": 1, "_run": 1}


def test_predictions_from_the_run_of_the_maps_are_those_of_a_run_of_their_own(backend, digits, samples, report_progress):
    for digit in range(10):
        example = images.read(samples / f"digit_{digit}.png")
        found = backend.predict(DIGITS, example, 10, 0, report_progress).predictions
        expected = digits.predict(example, top=10)
        assert [one.id for one in found] == [one.id for one in expected]
        assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-6)


def test_where_not_all_layers_can_be_remembered_predictions_have_a_run_of_their_own(example, report_progress, work):
    backend = Backend(activation_memory=50_000)
    backend.predict(DIGITS, example, 3, 0, report_progress)
    backend.feature_maps(DIGITS, example, "block1_conv", True, report_progress)
    assert work == {"decoded": 1, "_run": 2}
