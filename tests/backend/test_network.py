import dataclasses
import re
import threading

import numpy as np
import pytest

import explorer
from explorer.backend.inputs import images
from explorer.catalog import architectures
from explorer.errors import ExplorerError, UnknownName, UnreadableExample
from explorer.values import Prediction

RECIPES = {"MobileNetV2": "mobilenet_v2", "MobileNet": "mobilenet"}  # modules of the guides
PRETRAINED = {"MobileNetV2": 1.0, "MobileNet": 0.25}  # architectures with real weights, and their alpha
FIRST = {
    "elephant.jpg": {"MobileNetV2": "African_elephant", "MobileNet": "African_elephant"},
    "burger.jpg": {"MobileNetV2": "cheeseburger", "MobileNet": "cheeseburger"},
    "sunflower.bmp": {"MobileNetV2": "daisy", "MobileNet": "daisy"},
    "sparrow.jpg": {"MobileNetV2": "junco", "MobileNet": "brambling"},
}


GUIDE = [("African_elephant", 0.771), ("tusker", 0.068), ("Indian_elephant", 0.034)]


def keras():
    from explorer.backend.runtime.keras import keras

    return keras


@pytest.fixture(scope="module", params=PRETRAINED)
def pretrained(request, test_data):
    return explorer.load(request.param, alpha=PRETRAINED[request.param])


@pytest.fixture
def photo_file(photo, encode, tmp_path):
    file = tmp_path / "photo.png"
    file.write_bytes(encode(photo))
    return file


@pytest.fixture
def runs(monkeypatch):
    """Return a function that begins to count how often a network runs to record activations."""

    def count(network):
        counted = []
        record = network._structure.runs.record
        monkeypatch.setattr(network._structure.runs, "record", lambda batch, names: counted.append(names) or record(batch, names))
        return counted

    return count


def by_the_guide(network, file):
    """Return what the guide's recipe feeds to the network: load_img, img_to_array, preprocess_input."""
    if network.spec.architecture == "digits":
        return images.to_batch(images.read(file), network.reading)[0]
    recipe = getattr(keras().applications, RECIPES[network.spec.architecture])
    picture = keras().utils.load_img(file, target_size=(224, 224))
    return recipe.preprocess_input(np.expand_dims(keras().utils.img_to_array(picture), axis=0))


def recorded_by_keras(network, file, layer):
    model = keras().Model(network.model.input, network.model.layers[layer].output)
    return model(by_the_guide(network, file), training=False).numpy()[0]


def assert_same_maps(maps, expected):
    assert maps.dtype == np.float32
    assert maps.shape == expected.shape
    assert np.abs(maps - expected).max() <= 1e-4 * max(np.ptp(expected), 1e-30)


@pytest.mark.parametrize("name", FIRST)
def test_answers_to_photographs_are_those_of_the_guides_recipe(name, pretrained, pictures):
    answers = pretrained.predict(pictures / name, top=5)
    scores = pretrained.model(by_the_guide(pretrained, pictures / name), training=False).numpy()
    recipe = getattr(keras().applications, RECIPES[pretrained.spec.architecture])
    expected = recipe.decode_predictions(scores, top=5)[0]
    assert [(one.id, one.label) for one in answers] == [(identifier, label) for identifier, label, _score in expected]
    assert [one.score for one in answers] == pytest.approx([float(score) for _id, _label, score in expected], abs=1e-4)
    assert answers[0].label == FIRST[name][pretrained.spec.architecture]
    if (name, pretrained.spec.architecture) == ("elephant.jpg", "MobileNetV2"):  # as the guide prints
        assert [(one.label, round(one.score, 3)) for one in answers[:3]] == GUIDE


def test_the_classes_of_pretrained_networks_are_those_of_imagenet_in_their_order(pretrained):
    assert len(pretrained.labels) == len(set(pretrained.labels)) == 1000
    assert pretrained.labels[386] == ("n02504458", "African_elephant")
    assert pretrained.labels[0] == ("n01440764", "tench")
    assert pretrained.labels[999] == ("n15075141", "toilet_tissue")


@pytest.mark.parametrize("layer", [0.02, 0.5, 0.97])
def test_feature_maps_of_photographs_are_those_that_keras_computes(layer, pretrained, elephant):
    index = int(layer * len(pretrained.layers))
    assert_same_maps(pretrained.feature_maps(elephant, index), recorded_by_keras(pretrained, elephant, index))


def test_a_pretrained_network_without_its_top_still_shows_its_feature_maps(pretrained, elephant):
    name = pretrained.spec.architecture
    backbone = explorer.load(name, alpha=PRETRAINED[name], include_top=False, activation_memory=0)
    last = backbone.layers[-1]
    assert last.output_shape[:2] == (7, 7)
    assert_same_maps(backbone.feature_maps(elephant, -1), pretrained.feature_maps(elephant, last.index))


def test_scores_are_those_of_the_model_best_first(untrained, photo_file):
    classes = untrained.model.output_shape[-1]
    expected = untrained.model(by_the_guide(untrained, photo_file), training=False).numpy()[0]
    answers = untrained.predict(photo_file, top=classes)
    scores = [one.score for one in answers]
    assert scores == sorted(scores, reverse=True)
    by_class = np.zeros(classes)
    by_class[[int(one.id) for one in answers]] = scores
    assert by_class == pytest.approx(expected, abs=1e-4)


def test_without_weights_the_classes_have_numbers_for_names(untrained, photo_file):
    assert untrained.labels == ()
    for one in untrained.predict(photo_file):
        assert one.label == f"class {one.id}"


@pytest.mark.parametrize("place", [0, 1, 0.5, -1])
def test_feature_maps_are_those_that_keras_computes(place, untrained, photo_file):
    index = int(place * len(untrained.layers)) if 0 < place < 1 else range(len(untrained.layers))[place]
    maps = untrained.feature_maps(photo_file, index)
    assert maps.shape == untrained.layers[index].output_shape
    assert_same_maps(maps, recorded_by_keras(untrained, photo_file, index))


def test_a_layer_is_asked_for_by_index_name_or_row(untrained, photo_file):
    row = untrained.layers[-2]
    expected = untrained.feature_maps(photo_file, row.index)
    for key in (row.name, row, row.index - len(untrained.layers), np.int64(row.index), str(row.index)):
        assert np.array_equal(untrained.feature_maps(photo_file, key), expected)


def test_several_layers_give_a_mapping_from_their_names(untrained, photo_file):
    names = [untrained.layers[index].name for index in (1, -1, 2)]
    maps = untrained.feature_maps(photo_file, [1, names[1], untrained.layers[2]])
    assert list(maps) == names
    for name in names:
        assert np.array_equal(maps[name], untrained.feature_maps(photo_file, name))


def test_an_unknown_layer_is_refused(untrained, photo_file):
    with pytest.raises(UnknownName, match=f"layers 0 to {len(untrained.layers) - 1}"):
        untrained.feature_maps(photo_file, len(untrained.layers))
    with pytest.raises(UnknownName, match="There is no layer 'nowhere'"):
        untrained.feature_maps(photo_file, ["nowhere", 1])


def test_the_summary_says_what_the_network_is(untrained):
    summary = untrained.summary()
    row = architectures[untrained.spec.architecture]
    assert summary.spec == untrained.spec
    assert tuple(axis.size for axis in summary.axes) == row.input_size
    assert summary.layers is untrained.layers
    assert summary.classes == (row.classes,)
    assert summary.reading == untrained.reading
    assert (summary.reading.kind, summary.reading.convention) == ("image", row.convention)
    assert summary.parameters == row.parameters
    assert summary.samples == row.samples
    assert summary.graph
    (output,) = summary.outputs
    assert (output.name, output.shape) == (untrained.layers[-1].name, (row.classes,))
    assert summary.memory == 4 * untrained.model.count_params()


def test_maps_come_with_their_axes_and_what_is_remembered(untrained, photo_file):
    example = images.read(photo_file)
    height, width, _channels = architectures[untrained.spec.architecture].input_size
    first = untrained.maps(example, 1)
    assert [axis.name for axis in first.axes] == ["row", "column", "channel"]
    assert [(axis.start, axis.stop) for axis in first.axes[:2]] == [(0.5, height + 0.5), (0.5, width + 0.5)] or (
        [(axis.start, axis.stop) for axis in first.axes[:2]] == [(0, height), (0, width)]
    )  # MobileNet pads below and to the right
    assert [len(axis.fields) for axis in first.axes] == [*first.values.shape[:2], 0]
    assert first.axes[0].field(0).start == 0
    assert first.values.shape == tuple(axis.size for axis in first.axes)
    assert first.labels == ()
    assert 0 < first.remembered <= first.bound
    assert np.array_equal(first.values, untrained.feature_maps(photo_file, 1))
    last = untrained.maps(example, -1)
    assert not last.spatial


def test_the_maps_that_are_remembered_can_not_be_changed(digits, samples):
    maps = digits.maps(images.read(samples / "digit_2.png"), 1)
    with pytest.raises(ValueError, match="read-only"):
        maps.values[:] = 0


def test_the_digit_network_names_the_digits(digits, samples):
    assert digits.labels == tuple((str(digit), str(digit)) for digit in range(10))
    best = digits.predict(samples / "digit_7.png", top=1)
    assert [(one.id, one.label) for one in best] == [("7", "7")]
    assert isinstance(best[0], Prediction)


def test_a_list_of_examples_gives_a_list_of_answers(digits, samples):
    files = [samples / f"digit_{digit}.png" for digit in (3, 1, 8)]
    answers = digits.predict(files, top=2)
    assert [len(one) for one in answers] == [2, 2, 2]
    for one, file in zip(answers, files, strict=True):
        alone = digits.predict(file, top=2)
        assert [prediction.id for prediction in one] == [prediction.id for prediction in alone]
        assert [prediction.score for prediction in one] == pytest.approx([prediction.score for prediction in alone], abs=1e-5)
    assert digits.predict([], top=2) == []


def test_more_examples_than_one_batch_holds_are_answered_in_their_order(digits, samples):
    wanted = [digit for _round in range(7) for digit in range(10)]
    answers = digits.predict([samples / f"digit_{digit}.png" for digit in wanted], top=1)
    assert [int(one.id) for (one,) in answers] == wanted


def test_a_list_of_examples_gives_a_list_of_feature_maps(digits, samples):
    files = [samples / "digit_3.png", samples / "digit_1.png"]
    maps = digits.feature_maps(files, "block1_conv")
    assert [one.shape for one in maps] == [(32, 32, 8)] * 2
    assert np.array_equal(maps[1], digits.feature_maps(files[1], "block1_conv"))
    assert [list(one) for one in digits.feature_maps(files, [1, 2])] == [["block1_conv", "block1_relu"]] * 2


def test_no_layers_asked_for_are_no_feature_maps(samples):
    assert explorer.load("digits").feature_maps(samples / "digit_3.png", []) == {}


def test_every_kind_of_source_is_answered_alike(digits, samples):
    file = samples / "digit_5.png"
    expected = digits.predict(file)
    assert digits.predict(str(file)) == digits.predict(file.read_bytes()) == digits.predict(images.read(file)) == expected
    with file.open("rb") as opened:
        assert digits.predict(opened) == expected


@pytest.mark.parametrize("top", [0, 11, -1, True, 2.0, "3"])
def test_a_top_that_is_no_number_of_classes_is_refused(top, digits, samples):
    with pytest.raises(ExplorerError, match=rf"top must be a whole number from 1 to 10, not {top}\."):
        digits.predict(samples / "digit_5.png", top=top)


@pytest.mark.parametrize("top", [1, 10, np.int64(4)])
def test_as_many_answers_as_asked_for_are_given(top, digits, samples):
    assert len(digits.predict(samples / "digit_5.png", top=top)) == top


def test_five_answers_are_given_where_nobody_says_how_many(digits, samples):
    assert digits.predict(samples / "digit_5.png") == digits.predict(samples / "digit_5.png", top=5)
    few = explorer.load("digits", weights=None, classes=3)
    assert len(few.predict(samples / "digit_5.png")) == 3


@pytest.mark.parametrize("top", [1, 5, 10])
def test_the_other_classes_hold_the_rest(top, digits, samples):
    for digit in range(10):
        answers = digits.answers(images.read(samples / f"digit_{digit}.png"), top)
        assert answers.others == 10 - top
        assert answers.others_score >= 0
        assert answers.others_score + sum(one.score for one in answers.predictions) == pytest.approx(1, abs=1e-5)
        assert answers.scale == "shares"


def test_a_network_without_its_top_names_no_classes_but_shows_feature_maps(photo_file):
    network = explorer.load("digits", include_top=False)
    with pytest.raises(ExplorerError, match="built without its top"):
        network.predict(photo_file)
    assert network.layers[-1].kind != "dense"
    assert network.feature_maps(photo_file, -1).shape == network.layers[-1].output_shape
    assert network.summary().classes == (0,)


def test_an_example_of_another_kind_is_refused(digits, samples):
    sound = dataclasses.replace(images.read(samples / "digit_5.png"), kind="sound")
    with pytest.raises(UnreadableExample, match="digits reads image input"):
        digits.predict(sound)


def test_a_second_layer_of_an_example_runs_nothing(runs, samples):
    network = explorer.load("digits")
    counted = runs(network)
    network.feature_maps(samples / "digit_1.png", 1)
    network.feature_maps(samples / "digit_1.png", ["block3_pool", "predictions", 0])
    network.feature_maps((samples / "digit_1.png").read_bytes(), -2)
    assert len(counted) == 1
    network.feature_maps(samples / "digit_2.png", 1)
    assert len(counted) == 2
    network.feature_maps(samples / "digit_1.png", 4)
    assert len(counted) == 2


def test_what_is_returned_may_be_changed(samples):
    network = explorer.load("digits")
    for layer in (2, [2]):
        maps = network.feature_maps(samples / "digit_1.png", layer)
        mine = maps[network.layers[2].name] if isinstance(maps, dict) else maps
        before = mine.copy()
        mine[:] = -1
        assert np.array_equal(network.feature_maps(samples / "digit_1.png", 2), before)


@pytest.mark.parametrize("memory", [0, 20_000, 250_000])
def test_only_what_fits_is_remembered_and_the_maps_are_right_all_the_same(memory, digits, samples):
    network = explorer.load("digits", activation_memory=memory)
    assert network.activations.bound == memory
    for _again in range(2):
        for digit in (4, 7):
            for layer in (1, 9, 3):
                maps = network.feature_maps(samples / f"digit_{digit}.png", layer)
                assert network.activations.size <= memory
                assert_same_maps(maps, digits.feature_maps(samples / f"digit_{digit}.png", layer))


def test_with_little_memory_the_layer_asked_for_last_is_what_is_remembered(runs, samples):
    network = explorer.load("digits", activation_memory=9_000)
    counted = runs(network)
    for layer in (3, 3, 9, 9, 3):  # block1_pool takes 8 KB, block3_pool 2 KB
        network.feature_maps(samples / "digit_4.png", layer)
    assert counted == [("block1_pool",), ("block3_pool",), ("block1_pool",)]


def test_its_repr_says_what_it_is_and_how_much_is_remembered(untrained, photo_file):
    untrained.feature_maps(photo_file, 1)
    said = re.fullmatch(r"<Network (\w+), weights=None, (\d+) layers, ([\d.]+) of ([\d.]+) MB of activations remembered>", repr(untrained))
    assert said[1] == untrained.spec.architecture
    assert int(said[2]) == len(untrained.layers)
    assert float(said[3]) == pytest.approx(untrained.activations.size / 2**20, abs=0.51)
    assert float(said[4]) == 256


def test_calls_from_several_threads_do_not_mix_up_their_examples(samples):
    network = explorer.load("digits", activation_memory=100_000)
    wrong = []

    def ask(digit):
        for _again in range(5):
            best = network.predict(samples / f"digit_{digit}.png", top=1)[0]
            scores = network.feature_maps(samples / f"digit_{digit}.png", -1)
            if best.id != str(digit) or scores.argmax() != digit:
                wrong.append((digit, best, scores))

    threads = [threading.Thread(target=ask, args=(digit,)) for digit in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
