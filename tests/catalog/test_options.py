"""Every option of the Keras guides, right and wrong; where Keras refuses, so do we, and the sentence says what would do."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

import explorer
from explorer.catalog import architectures, options
from explorer.catalog.options import spec, spec_of
from explorer.errors import ExplorerError, UnknownName
from explorer.values import ModelFile, NetworkSpec

OF_PICTURES = [name for name, row in architectures.items() if row.input == "image"]
OF_IMAGENET = [name for name, row in architectures.items() if row.weights == "imagenet"]
CHANNELS_FIRST = [name for name, row in architectures.items() if row.channels_first]


@pytest.fixture
def keras_json(tmp_path, monkeypatch):
    """Return a function that writes keras.json into a Keras home of its own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return (tmp_path / "keras.json").write_text


@pytest.fixture
def a_file(tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.write_bytes(b"weights")
    return file


def refused(*arguments, **given):
    """Return the sentence with which options are refused."""
    with pytest.raises(ExplorerError) as refusal:
        spec(*arguments, **given)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_the_defaults_are_those_of_the_guides():
    wanted = NetworkSpec("VGG16", "imagenet")
    assert (wanted.include_top, wanted.input_shape, wanted.pooling, wanted.classes) == (True, None, None, None)
    assert (wanted.alpha, wanted.depth_multiplier, wanted.dropout) == (1.0, 1, None)
    defaults = {name: NetworkSpec(name, row.weights) for name, row in architectures.items()}
    assert {name: spec(name) for name in architectures} == defaults
    assert {name: spec(name, **options.DEFAULTS) for name in architectures} == defaults


def test_the_defaults_of_load_are_those_of_the_options():
    given = explorer.load.__kwdefaults__
    assert {name: given[name] for name in options.DEFAULTS} == options.DEFAULTS
    assert set(given) == {*options.DEFAULTS, *options.OF_MODELS, "activation_memory"}


# weights


@pytest.mark.parametrize(("name", "own"), [("VGG16", "imagenet"), ("digits", "digits")])
def test_weights_are_a_sets_name_or_none(name, own):
    assert spec(name, own) == spec(name, "pretrained") == spec(name)
    assert spec(name).weights == own
    assert spec(name, None).weights is None


def test_weights_are_the_path_of_a_file(a_file, monkeypatch):
    wanted = spec("VGG16", a_file)
    assert wanted.weights == str(a_file)
    assert spec("VGG16", str(a_file)) == wanted
    monkeypatch.chdir(a_file.parent)
    assert spec("VGG16", a_file.name) == spec("VGG16", f"./{a_file.name}") == wanted
    monkeypatch.setenv("HOME", str(a_file.parent))
    assert spec("VGG16", f"~/{a_file.name}") == wanted


def test_a_file_that_has_changed_is_another_network(a_file):
    before = spec("VGG16", a_file)
    a_file.write_bytes(b"other weights")
    assert spec("VGG16", a_file) != before
    os.utime(a_file, ns=(1, 1))
    assert spec("VGG16", a_file) != before


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        ("noisy-student", "VGG16 has no weights 'noisy-student': use 'imagenet', the path of a file (.weights.h5, .h5, .keras), or None"),
        ("ImageNet", "no weights 'ImageNet'"),
        ("digits", "no weights 'digits'"),
        ("", "no weights ''"),
        (3, "no weights 3"),
        (True, "no weights True"),
        ("nowhere.h5", "There is no weights file nowhere.h5."),
        ("folder/nowhere", "There is no weights file folder/nowhere."),
        (Path("nowhere"), "There is no weights file nowhere."),
        ("~nobody-here/mine.h5", "There is no weights file ~nobody-here/mine.h5."),
        ("x" * 5000, "has no weights"),
        ("a\0b", "has no weights"),
    ],
)
def test_weights_that_there_are_not_are_refused(weights, says):
    assert says in refused("VGG16", weights)


def test_a_folder_is_no_file_of_weights(tmp_path):
    assert refused("VGG16", str(tmp_path)) == f"There is no weights file {tmp_path}."


# sizes


def test_without_its_top_an_architecture_takes_every_size_from_its_smallest():
    for name in OF_PICTURES:
        row = architectures[name]
        smallest = (row.smallest, row.smallest, row.input_size[2])
        for weights in (None, "pretrained"):
            assert spec(name, weights, include_top=False, input_shape=smallest).input_shape == smallest
            assert spec(name, weights, include_top=False, input_shape=(None, None, row.input_size[2])).input_shape[:2] == (None, None)
        for shape in ((row.smallest - 1, 500, row.input_size[2]), (500, row.smallest - 1, row.input_size[2])):
            says = refused(name, None, include_top=False, input_shape=shape)
            assert says.startswith(f"The input of {name} must be at least {row.smallest} x {row.smallest} pixels")
            assert says.endswith(f"input_shape says {shape[0]} x {shape[1]}.")


@pytest.mark.parametrize("name", [name for name, row in architectures.items() if row.input == "audio"])
def test_an_architecture_of_sound_has_one_size_and_no_pooling(name):
    row = architectures[name]
    assert spec(name, input_shape=row.input_size).input_shape == row.input_size
    assert refused(name, input_shape=(96, 500, 1)).startswith(f"{name} reads spectrograms of ")
    assert refused(name, include_top=False, pooling="avg") == f"{name} takes no pooling: without its top it ends in a vector of its own."
    assert "channels_last" in refused(name, data_format="channels_first")
    assert spec(name, None, classes=7).classes == 7
    assert "use weights=None" in refused(name, classes=7)


def test_a_pretrained_top_is_for_one_size_only():
    for name in [name for name in OF_IMAGENET if not architectures[name].files[0].side]:
        side = architectures[name].input_size[0]
        assert spec(name, input_shape=(side, side, 3)).input_shape == (side, side, 3)
        for shape in ((side + 1, side, 3), (side, side + 1, 3), (side + 1, side + 1, 3)):
            says = refused(name, input_shape=shape)
            assert f"{name} has imagenet weights for {side} pixels a side, not {shape[0]} x {shape[1]}" in says
            assert "include_top=False or weights=None" in says
            assert spec(name, include_top=False, input_shape=shape).input_shape == shape
            assert spec(name, None, input_shape=shape).input_shape == shape


@pytest.mark.parametrize(("name", "sides"), [("MobileNet", (128, 160, 192, 224)), ("MobileNetV2", (96, 128, 160, 192, 224))])
def test_a_pretrained_mobilenet_is_for_the_sizes_that_it_has_weights_for(name, sides):
    for side in sides:
        assert spec(name, input_shape=(side, side, 3)).input_shape == (side, side, 3)
    said = ", ".join(map(str, sides))
    assert f"for {said} pixels a side, not 200 x 200" in refused(name, input_shape=(200, 200, 3))
    assert f"for {said} pixels a side, not 128 x 160" in refused(name, input_shape=(128, 160, 3))


def test_the_widest_mobilenets_have_weights_for_one_size():
    assert spec("MobileNetV2", alpha=1.4).alpha == 1.4
    assert "of alpha=1.4 for an input of 224 pixels a side, not 96" in refused("MobileNetV2", alpha=1.4, input_shape=(96, 96, 3))


def test_pretrained_weights_are_for_three_channels_others_for_any(a_file):
    for include_top in (True, False):
        assert refused("VGG16", include_top=include_top, input_shape=(224, 224, 1)) == "VGG16 reads 3 channels; input_shape says 1."
    assert refused("digits", input_shape=(32, 32, 3)) == "digits reads 1 channels; input_shape says 3."
    assert spec("VGG16", None, input_shape=(224, 224, 1)).input_shape == (224, 224, 1)
    assert spec("VGG16", a_file, input_shape=(224, 224, 1)).input_shape == (224, 224, 1)
    assert "VGG16 reads 3 channels; input_shape says None." in refused("VGG16", None, input_shape=(224, 224, None))


def test_a_top_needs_a_size():
    for shape in ((None, None, 3), (224, None, 3), (None, 224, 3)):
        assert refused("VGG16", None, input_shape=shape).startswith("With include_top=True the input needs a size")


@pytest.mark.parametrize(
    "shape", [(224, 224), (1, 224, 224, 3), (224.0, 224, 3), ("224", 224, 3), (True, 224, 3), (0, 224, 3), (-5, 224, 3), (), 224, "224", {}]
)
def test_an_input_shape_that_is_none_is_refused(shape):
    assert refused("VGG16", None, input_shape=shape) == (f"input_shape must be three whole numbers, such as (160, 160, 3), not {shape!r}.")


def test_an_input_shape_is_a_tuple_or_list_of_any_whole_numbers():
    wanted = spec("VGG16", None, input_shape=[64, np.int64(48), np.uint8(3)])
    assert wanted.input_shape == (64, 48, 3)
    assert [type(size) for size in wanted.input_shape] == [int] * 3
    assert hash(wanted) == hash(spec("VGG16", None, input_shape=(64, 48, 3)))


# top, pooling, classes


def test_pooling_is_for_networks_without_their_top():
    for pooling in ("avg", "max", None):
        assert spec("VGG16", include_top=False, pooling=pooling).pooling == pooling
    assert refused("VGG16", pooling="avg") == "pooling only counts with include_top=False; with its top, VGG16 pools by itself."


@pytest.mark.parametrize("pooling", ["mean", "AVG", "", 1, True, ("avg",)])
def test_another_pooling_is_refused(pooling):
    assert refused("VGG16", include_top=False, pooling=pooling) == f"pooling must be 'avg', 'max' or None, not {pooling!r}."


def test_classes_are_for_random_weights_and_a_top(a_file):
    assert spec("VGG16", None, classes=7).classes == 7
    assert spec("VGG16", a_file, classes=np.int64(7)).classes == 7
    assert spec("VGG16", classes=1000).classes == 1000
    assert spec("digits", classes=10).classes == 10
    assert refused("VGG16", classes=7) == ("The imagenet weights of VGG16 are for 1000 classes; use weights=None to train it for 7.")
    assert refused("VGG16", None, include_top=False, classes=7) == (
        "classes only counts with include_top=True; without its top, VGG16 names no classes."
    )


@pytest.mark.parametrize("classes", [0, -1, 2.0, "10", True, [10]])
def test_a_number_of_classes_that_is_none_is_refused(classes):
    assert refused("VGG16", None, classes=classes) == f"classes must be a whole number of 1 or more, not {classes!r}."


@pytest.mark.parametrize("include_top", [1, 0, "yes", None, "False"])
def test_include_top_is_true_or_false(include_top):
    assert refused("VGG16", include_top=include_top) == f"include_top must be True or False, not {include_top!r}."


# alpha, depth_multiplier, dropout


@pytest.mark.parametrize(
    ("name", "alphas"),
    [
        ("MobileNet", (0.25, 0.5, 0.75, 1.0)),
        ("MobileNetV2", (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)),
        ("MobileNetV3Small", (0.75, 1.0)),
        ("MobileNetV3Large", (0.75, 1.0)),
    ],
)
def test_alpha_is_one_that_has_weights_or_any_without(name, alphas):
    for alpha in alphas:
        assert spec(name, alpha=alpha).alpha == alpha
    assert spec(name, alpha=1) == spec(name)
    says = refused(name, alpha=0.33)
    assert f"{name} has no imagenet weights for alpha=0.33; it has them for {', '.join(f'{alpha:g}' for alpha in alphas)}" in says
    assert spec(name, None, alpha=0.33).alpha == 0.33
    assert spec(name, None, alpha=np.float32(0.5)).alpha == 0.5


@pytest.mark.parametrize("alpha", [0, -1, 10, float("nan"), float("inf"), "1", None, True, (1,)])
def test_an_alpha_that_is_no_width_is_refused(alpha):
    assert refused("MobileNet", None, alpha=alpha) == f"alpha must be a number, above 0 and below 10, not {alpha!r}."


def test_a_depth_multiplier_is_for_mobilenet_without_weights():
    assert spec("MobileNet", None, depth_multiplier=2).depth_multiplier == 2
    assert spec("MobileNet", depth_multiplier=1) == spec("MobileNet")
    assert refused("MobileNet", depth_multiplier=2) == (
        "MobileNet has imagenet weights for depth_multiplier=1 only; weights=None builds any."
    )
    for wrong in (0, 1.5, "2"):
        assert "depth_multiplier must be a whole number of 1 or more" in refused("MobileNet", None, depth_multiplier=wrong)


def test_dropout_is_for_the_top_of_mobilenet():
    for dropout in (0, 0.5, 0.999, 1e-3):
        assert spec("MobileNet", dropout=dropout).dropout == dropout
        assert spec("MobileNet", None, dropout=dropout).dropout == dropout
    for wrong in (1, 1.5, -0.1, float("nan"), "0.5"):
        assert refused("MobileNet", dropout=wrong) == f"dropout must be a number, 0 or more and below 1, not {wrong!r}."
    assert refused("MobileNet", include_top=False, dropout=0.5) == "dropout is part of the top of MobileNet: it needs include_top=True."


@pytest.mark.parametrize(("option", "value"), [("alpha", 0.5), ("depth_multiplier", 2), ("dropout", 0.5)])
@pytest.mark.parametrize("name", ["VGG16", "MobileNetV2", "MobileNetV3Small"])
def test_what_only_some_architectures_take_is_refused_with_those_that_do(option, value, name):
    if option in architectures[name].options:
        assert getattr(spec(name, None, **{option: value}), option) == value
        return
    says = refused(name, None, **{option: value})
    if (name, option) == ("MobileNetV2", "depth_multiplier"):
        assert says == "Today's Keras no longer takes depth_multiplier for MobileNetV2; alpha sets its width."
    else:
        assert says.startswith(f"{name} takes no {option}; that is for MobileNet")
    assert getattr(spec(name, None, **{option: options.DEFAULTS[option]}), option) == options.DEFAULTS[option]


def test_what_the_guides_print_and_keras_no_longer_takes_is_refused():
    assert refused("DenseNet121", blocks=[6, 12, 24, 16]) == (
        "Today's Keras no longer takes blocks; DenseNet121, DenseNet169 and DenseNet201 are the three that the guides had."
    )


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("aplha", "There is no option aplha. Did you mean alpha"),
        ("Classes", "There is no option Classes. Did you mean classes"),
        ("input_size", "There is no option input_size. Did you mean input_shape"),
        ("lables", "There is no option lables. Did you mean labels"),
        ("zzz", "There is no option zzz."),
    ],
)
def test_a_misspelt_option_is_refused_with_the_right_one(option, says, tmp_path):
    assert refused("VGG16", **{option: 1}).startswith(says)
    with pytest.raises(ExplorerError, match=says):
        explorer.load("VGG16", **{option: 1})
    (tmp_path / "mine.keras").touch()
    with pytest.raises(ExplorerError, match=says):
        explorer.load(tmp_path / "mine.keras", **{option: 1})


# the order of axes


def test_channels_first_is_for_those_that_keras_builds_so():
    for name in CHANNELS_FIRST:
        wanted = spec(name, data_format="channels_first", include_top=False, input_shape=(3, 100, 90))
        assert wanted.data_format == "channels_first"
        assert options.sizes(architectures[name], wanted) == (100, 90, 3)
    for name in set(OF_PICTURES) - set(CHANNELS_FIRST):
        says = refused(name, data_format="channels_first")
        assert says.startswith(f"Today's Keras builds {name} with data_format='channels_last' only; channels_first is for ")
        families = says.partition("channels_first is for ")[2].rstrip(".").split(", ")
        assert "VGG" in families
        assert architectures[name].family not in families


def test_the_guides_families_take_channels_first():
    for name in (
        "VGG16",
        "MobileNet",
        "MobileNetV2",
        "ResNet50",
        "ResNet50V2",
        "ResNeXt50",
        "InceptionV3",
        "InceptionResNetV2",
        "Xception",
    ):
        assert name in CHANNELS_FIRST


def test_sizes_are_read_in_the_order_of_the_axes():
    assert refused("VGG16", None, data_format="channels_first", input_shape=(224, 224, 3)) == (
        "The input of VGG16 must be at least 32 x 32 pixels; input_shape says 224 x 3."
    )
    assert "VGG16 reads 3 channels; input_shape says 224." in refused("VGG16", input_shape=(3, 224, 224))
    assert spec("VGG16", data_format="channels_first", input_shape=(3, 224, 224)).input_shape == (3, 224, 224)


@pytest.mark.parametrize("data_format", ["NCHW", "channels_middle", "", 1])
def test_another_order_of_axes_is_refused(data_format):
    assert refused("VGG16", data_format=data_format) == (
        f"data_format must be 'channels_last', 'channels_first' or None, not {data_format!r}."
    )


def test_the_order_of_axes_is_that_of_keras_json_where_keras_can(keras_json):
    assert spec("VGG16").data_format == "channels_last"
    keras_json(json.dumps({"image_data_format": "channels_first"}))
    assert spec("VGG16").data_format == "channels_first"
    assert spec("VGG16", None, input_shape=(3, 64, 48)).input_shape == (3, 64, 48)
    assert spec("VGG16", data_format="channels_last").data_format == "channels_last"
    assert spec("DenseNet121").data_format == spec("digits").data_format == "channels_last"


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"image_data_format": 3}', '{"image_data_format": "NCHW"}', "{}"])
def test_a_damaged_keras_json_says_nothing(text, keras_json):
    keras_json(text)
    assert spec("VGG16").data_format == "channels_last"


# against Keras itself


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("VGG16", {"weights": "nowhere"}),
        ("VGG16", {"classes": 7}),
        ("VGG16", {"input_shape": (200, 200, 3)}),
        ("VGG16", {"include_top": False, "input_shape": (31, 32, 3)}),
        ("VGG16", {"include_top": False, "input_shape": (64, 64, 1)}),
        ("VGG16", {"include_top": False, "input_shape": (64, 64)}),
        ("VGG16", {"weights": None, "input_shape": (None, None, 3)}),
        ("InceptionV3", {"include_top": False, "input_shape": (74, 74, 3)}),
        ("Xception", {"include_top": False, "input_shape": (70, 71, 3)}),
        ("ResNet50", {"classes": 7}),
        ("MobileNet", {"alpha": 0.33}),
        ("MobileNet", {"depth_multiplier": 2}),
        ("MobileNetV2", {"alpha": 0.33}),
        ("MobileNetV2", {"input_shape": (200, 200, 3)}),
        ("DenseNet121", {"blocks": [6, 12, 24, 16]}),
        ("MobileNetV2", {"depth_multiplier": 2}),
        ("VGG16", {"alpha": 0.5}),
        ("NASNetMobile", {"input_shape": (200, 200, 3)}),
    ],
    ids=str,
)
def test_what_keras_refuses_is_refused(name, given):
    from explorer.backend.runtime.keras import keras

    refused(name, **given)
    with pytest.raises((ValueError, TypeError)):
        getattr(keras.applications, name)(**given)


# names and files


def test_a_name_of_the_table_wins_over_a_file_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "VGG16").touch()
    assert spec_of("VGG16") == spec("VGG16")
    assert isinstance(spec_of(Path("VGG16")), ModelFile)
    assert isinstance(spec_of("./VGG16"), ModelFile)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("mobilenetv2", r"There is neither an architecture nor a file 'mobilenetv2'\. Did you mean MobileNetV2"),
        ("zzz", r"There is neither an architecture nor a file 'zzz'\. explorer\.architectures lists them all\."),
        ("", "neither an architecture nor a file ''"),
        ("  ", "neither an architecture nor a file"),
        ("x" * 5000, "neither an architecture nor a file"),
        ("a\0b", "neither an architecture nor a file"),
        ("~nobody-here", "neither an architecture nor a file"),
        ("nowhere.keras", r"There is no model file nowhere\.keras\."),
        ("NOWHERE.H5", r"There is no model file NOWHERE\.H5\."),
        (Path("VGG17"), r"There is no model file VGG17\."),
    ],
)
def test_what_is_neither_a_name_nor_a_file_is_refused(source, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match=says):
        spec_of(source)


def test_a_file_is_known_by_where_it_is_and_when_it_changed(tmp_path, monkeypatch):
    file = tmp_path / "mine.keras"
    file.write_bytes(b"model")
    monkeypatch.chdir(tmp_path)
    wanted = spec_of("mine.keras")
    assert wanted == spec_of(file) == spec_of("./mine.keras")
    assert (wanted.path, wanted.name, wanted.preprocess, wanted.labels) == (str(file), "mine.keras", None, ())
    file.write_bytes(b"another model")
    assert spec_of(file) != wanted


def test_a_file_takes_a_convention_and_labels(a_file):
    wanted = options.model_file(str(a_file), preprocess="tf", labels=np.array(["cat", "dog"]))
    assert (wanted.preprocess, wanted.labels) == ("tf", ("cat", "dog"))
    assert hash(wanted)
    known = "'tf', 'caffe', 'torch', 'unit', 'none', 'digit', 'timbres', 'music_tagger'"
    with pytest.raises(ExplorerError, match=f"preprocess must be {known} or None, not 'TF'"):
        options.model_file(str(a_file), preprocess="TF")


@pytest.mark.parametrize("labels", [None, (), [], iter(())])
def test_no_labels_are_none(labels):
    assert options.checked_labels(labels) == ()


@pytest.mark.parametrize("labels", [["a", "b"], ("a", "b"), {"a": 0, "b": 1}, {"b": 1, "a": 0}, np.array(["a", "b"]), iter("ab")])
def test_labels_are_any_texts_in_order(labels):
    assert options.checked_labels(labels) == ("a", "b")


@pytest.mark.parametrize("labels", ["cat", [1, 2], ["a", None], 5, [b"a"], {"out": ["a", "b"]}, {"a": 0, "b": 2}, {"a", "b"}])
def test_labels_that_are_no_texts_are_refused(labels):
    with pytest.raises(ExplorerError, match="labels must be a list of texts, one a class"):
        options.checked_labels(labels)


@pytest.mark.parametrize(
    ("option", "value"), [("include_top", False), ("weights", None), ("classes", 3), ("alpha", 0.5), ("data_format", "channels_first")]
)
def test_an_option_of_the_architectures_is_refused_for_a_file(option, value, a_file):
    with pytest.raises(ExplorerError, match=f"^{option} is for the architectures of the table; a model of your own is taken as it is"):
        spec_of(a_file, **{option: value})
    assert spec_of(a_file, **options.DEFAULTS) == spec_of(a_file)
