import json
import os
import zipfile
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import small_models as small

from explorer.backend.models.files import load_model, save_model
from explorer.backend.models.metadata import ModelCard, read_card
from explorer.backend.models.weights import save_weights
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import home_of
from explorer.errors import ExplorerError, UnreadableModel

CARD = ModelCard("torch", ("cat", "dog"), "pets")
KINDS = [small.sequential, small.functional, small.nested_at_the_end, small.timed, small.pictures]


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves a small model under a name."""

    def save(name, model=None):
        save_model(model or small.sequential(), tmp_path / name)
        return tmp_path / name

    return save


@pytest.mark.parametrize(
    ("kind", "ending"), [(kind, ending) for kind in KINDS for ending in (".keras", ".h5")] + [(small.registered, ".keras")]
)
def test_a_model_that_was_saved_answers_as_before(kind, ending, saved):
    model = small.moved(kind())
    loaded = load_model(saved(f"model{ending}", model))
    assert type(loaded) is type(model)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    small.assert_same_answers(model, loaded)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_that_is_not_built_yet(ending, saved):
    loaded = load_model(saved(f"model{ending}", small.unbuilt()))
    assert not loaded.built
    assert [layer.name for layer in loaded.layers] == ["first", "last"]


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("loss", ["mse", "categorical_crossentropy", keras.losses.MeanAbsoluteError()], ids=["short", "full", "object"])
def test_a_model_stays_compiled(loss, ending, saved):
    model = small.sequential()
    model.compile("adam", loss, metrics=["accuracy"], run_eagerly=True)
    x, y = small.examples(model), np.eye(2, dtype="float32")
    model.fit(x, y, verbose=0)
    loaded = load_model(saved(f"model{ending}", model))
    assert loaded.compiled
    assert int(loaded.optimizer.iterations.numpy()) == 1
    assert loaded.evaluate(x, y, verbose=0) == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_a_model_is_not_compiled_where_its_loss_is_not_at_hand(ending, saved):
    def half(y, scores):
        return keras.ops.mean(keras.ops.abs(y - scores)) / 2

    model = small.moved(small.sequential())
    model.compile("adam", half)
    path = saved(f"model{ending}", model)
    loaded = load_model(path)
    assert not loaded.compiled
    small.assert_same_answers(model, loaded)
    assert load_model(path, {"half": half}).compiled


@pytest.mark.parametrize("text", ["to_json", "to_yaml"])
def test_a_topology_has_random_weights(text, tmp_path):
    from explorer.backend.models import topology

    model = small.moved(small.functional())
    path = tmp_path / f"model.{text[3:]}"
    path.write_text(getattr(topology, text)(model))
    loaded = load_model(path)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert not np.array_equal(loaded.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("ending", [".keras", ".h5", ".json"])
def test_an_object_of_the_users_own_is_asked_for_by_name(ending, tmp_path):
    model = keras.Sequential([keras.Input((4,)), small.Doubling(name="twice")])
    path = tmp_path / f"model{ending}"
    path.write_text(model.to_json()) if ending == ".json" else save_model(model, path)
    with pytest.raises(UnreadableModel, match=r"needs (small_models\.)?Doubling, .* custom_objects=\{'Doubling': Doubling\}"):
        load_model(path)
    small.assert_same_answers(model, load_model(path, {"Doubling": small.Doubling}))


def test_a_class_that_is_not_registered_here_may_be_passed_by_its_own_name(saved, monkeypatch):
    path = saved("model.keras", small.registered())
    monkeypatch.delitem(keras.saving.get_custom_objects(), "tests>Registered")
    with pytest.raises(UnreadableModel, match=r"custom_objects=\{'Registered': Registered\}"):
        load_model(path)
    assert isinstance(load_model(path, {"Registered": small.Registered}), small.Registered)


def test_a_model_of_a_class_that_keras_does_not_know(saved):
    model = small.Unregistered(name="own")
    model(np.zeros((1, 4), "float32"))
    path = saved("model.keras", model)
    with pytest.raises(UnreadableModel, match="Unregistered"):
        load_model(path)
    small.assert_same_answers(model, load_model(path, {"Unregistered": small.Unregistered}))


@pytest.mark.parametrize(("ending", "name"), [(".h5", "model.keras"), (".keras", "model.h5"), (".keras", "model.zip"), (".h5", "model")])
def test_what_a_file_holds_counts_and_not_its_name(ending, name, saved, tmp_path):
    model = small.moved(small.sequential())
    path = saved(f"right{ending}", model).rename(tmp_path / name)
    small.assert_same_answers(model, load_model(path))


def test_a_path_may_be_text_and_begin_at_home(saved, tmp_path, monkeypatch):
    saved("model.keras")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_model("~/model.keras").name == "stack"


# What is no model


def zipped(path, **members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)


def folder(path):
    path.mkdir()


def saved_model(path):
    path.mkdir()
    (path / "saved_model.pb").write_bytes(b"\x08\x01")


def plain_hdf5(path):
    with h5py.File(path, "w") as file:
        file["temperatures"] = [1.0, 2.0]


NO_MODELS = {
    "away.keras": (lambda path: None, "There is no file"),
    "pipe.keras": (getattr(os, "mkfifo", lambda path: path.symlink_to(os.devnull)), "is no file that a model could be in"),
    "folder.keras": (folder, "is a folder"),
    "saved": (saved_model, "is a SavedModel of TensorFlow.*save it as .keras"),
    "empty.keras": (lambda path: path.touch(), "is empty"),
    "empty.json": (lambda path: path.touch(), "is empty"),
    "page.keras": (lambda path: path.write_text("<!DOCTYPE html>"), "is no .keras file, whatever its name"),
    "page.h5": (lambda path: path.write_text("<!DOCTYPE html>"), "is no .h5 file, whatever its name"),
    "model.tflite": (lambda path: path.write_bytes(b"\x1c\0\0\0TFL3\0\0"), "is a model of TensorFlow Lite"),
    "renamed.h5": (lambda path: path.write_bytes(b"\x1c\0\0\0TFL3\0\0"), "is a model of TensorFlow Lite"),
    "model.pt": (lambda path: zipped(path, model__data_pkl=b"\x80\x02"), "is a file of PyTorch"),
    "old.pth": (lambda path: path.write_bytes(b"\x80\x02\x8a\n"), "is a file of PyTorch"),
    "model.onnx": (lambda path: path.write_bytes(b"\x08\x07\x12\x07pytorch"), "is an ONNX model"),
    "graph.pb": (lambda path: path.write_bytes(b"\x08\x01\x12\x05graph"), "is a graph of TensorFlow"),
    "download.zip": (lambda path: zipped(path, model_h5=b"", labels_txt=b""), "holds model.h5: unpack it"),
    "photos.zip": (lambda path: zipped(path, cat_jpg=b""), "none of Keras: there is no config.json"),
    "data.h5": (plain_hdf5, "is an HDF5 file, but holds no Keras model"),
    "notes.txt": (lambda path: path.write_text("notes"), "is no Keras model: .keras, .h5, .json and .yaml"),
    "list.json": (lambda path: path.write_text("[1, 2]"), "is no topology"),
    "settings.json": (lambda path: path.write_text('{"config": {}}'), "is no topology"),
    "cut.json": (lambda path: path.write_text('{"class_name": "Sequ'), "is no JSON"),
    "deep.json": (lambda path: path.write_text("[" * 100_000), "is no JSON"),
    "browser.json": (lambda path: path.write_text('{"modelTopology": {}}'), "is a model of TensorFlow.js"),
    "cut.yaml": (lambda path: path.write_text("class_name: [Sequ"), "is no YAML"),
    "list.keras": (lambda path: zipped(path, config_json="[]"), "its description is no JSON object"),
}


@pytest.mark.parametrize("name", NO_MODELS)
def test_what_is_no_model_is_refused_with_a_sentence(name, tmp_path):
    make, said = NO_MODELS[name]
    make(tmp_path / name)
    with pytest.raises(UnreadableModel, match=said) as refused:
        load_model(tmp_path / name)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("ending", [".keras", ".h5"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_file_that_was_cut_off(ending, share, saved):
    path = saved(f"model{ending}", small.functional())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(UnreadableModel, match=rf"model{ending}.*(damaged|incomplete)"):
        load_model(path)


def test_a_file_of_somebody_else(saved, monkeypatch):
    def refuse(*_arguments):
        raise PermissionError(13, "Permission denied")

    path = saved("model.keras")
    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UnreadableModel, match=r"You may not read model\.keras"):
        load_model(path)


@pytest.mark.parametrize("name", ["model.weights.h5", "weights.h5"])
def test_weights_alone_are_no_model(name, tmp_path):
    model = small.sequential()
    if name == "weights.h5":  # as Keras 2 wrote them
        save_model(model, tmp_path / "model.h5")
        with h5py.File(tmp_path / "model.h5") as whole, h5py.File(tmp_path / name, "w") as file:
            file.attrs.update(whole["model_weights"].attrs)
    else:
        model.save_weights(tmp_path / name)
    with pytest.raises(UnreadableModel, match=r"holds weights only.*build the network first.*load_weights"):
        load_model(tmp_path / name)


def test_convolutions_of_theano_are_refused(tmp_path):
    path = small.save_as_keras_2(small.pictures(), tmp_path / "old.h5")
    with h5py.File(path, "r+") as file:
        file.attrs["backend"] = b"theano"
    with pytest.raises(UnreadableModel, match="Theano"):
        load_model(path)


# Saving


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_model_carries_its_card(name, tmp_path):
    model = small.moved(small.sequential())
    save_model(model, tmp_path / name, CARD)
    assert read_card(tmp_path / name) == CARD
    small.assert_same_answers(model, load_model(tmp_path / name))
    small.assert_same_answers(model, keras.saving.load_model(tmp_path / name, compile=False))


def test_keras_leaves_the_card_out_when_it_saves(tmp_path):
    save_model(small.sequential(), tmp_path / "model.keras", CARD)
    keras.saving.load_model(tmp_path / "model.keras").save(tmp_path / "again.keras")
    assert read_card(tmp_path / "again.keras") is None


def test_a_model_read_from_a_file_with_a_card_can_be_of_keras_2(tmp_path):
    """What has to be rewritten for Keras is read whole, the card included."""
    save_model(small.moved(small.sequential()), tmp_path / "model.keras", CARD)
    with zipfile.ZipFile(tmp_path / "model.keras") as new, zipfile.ZipFile(tmp_path / "old.keras", "w") as old:
        for member in new.namelist():
            content = new.read(member)
            if member == "config.json":
                model = load_model(tmp_path / "model.keras")
                content = json.dumps({**small.json_of_keras_2(model), "module": "keras", "registered_name": None})
            elif member == "metadata.json":
                content = json.dumps({"keras_version": "2.15.0", "date_saved": "2024-01-01@00:00:00"})
            old.writestr(member, content)
    small.assert_same_answers(load_model(tmp_path / "model.keras"), load_model(tmp_path / "old.keras"))


@pytest.mark.parametrize("name", ["model", "model.pb", "model.weights.h5", "model.json"])
def test_a_model_is_saved_under_endings_that_are_read_again(name, tmp_path):
    with pytest.raises(ExplorerError, match=r"ends in .keras or .h5"):
        save_model(small.sequential(), tmp_path / name)


def test_there_must_be_a_folder_to_save_into(tmp_path):
    with pytest.raises(ExplorerError, match="There is no folder"):
        save_model(small.sequential(), tmp_path / "away" / "model.keras")


def test_a_file_stays_as_it_was_where_saving_fails(saved, tmp_path):
    path = saved("model.keras")
    before = path.read_bytes()
    model = small.Silent(np.ones(3))
    model(np.zeros((1, 4), "float32"))
    with pytest.raises(ExplorerError, match=r"model.keras can't be saved: .*get_config"):
        save_model(model, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_model_of_a_class_of_its_own_is_not_saved_where_it_could_not_be_read(tmp_path):
    with pytest.raises(ExplorerError, match=r"Registered is a class of its own.*use .keras"):
        save_model(small.registered(), tmp_path / "model.h5")


def test_saving_and_loading_warn_of_nothing(saved, recwarn, caplog):
    load_model(saved("model.h5", small.unbuilt()))
    assert not recwarn.list
    assert not caplog.records


def test_a_card_that_could_not_be_read_is_not_written(tmp_path):
    with pytest.raises(ExplorerError, match="preprocess is 'pytorch'"):
        save_model(small.sequential(), tmp_path / "model.keras", ModelCard("pytorch"))
    assert not list(tmp_path.iterdir())


# What is saved is opened again


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "float16", "mixed_float16"])
@pytest.mark.parametrize("ending", [".keras", ".h5"])
def test_models_of_few_bits(policy, ending, saved):
    parts = [keras.layers.Dense(3, dtype=policy, name="first"), keras.layers.BatchNormalization(dtype=policy)]
    model = small.moved(keras.Sequential([keras.Input((4,)), *parts]))
    path = saved(f"model{ending}", model)
    for loaded in (load_model(path), keras.saving.load_model(path, compile=False)):
        assert loaded.get_layer("first").dtype_policy.name == policy
        for one, other in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(one.astype("float32"), other.astype("float32"))


def test_an_h5_of_bfloat16_that_keras_wrote(tmp_path):
    model = small.moved(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, dtype="bfloat16")]))
    model.save(tmp_path / "model.h5")
    loaded = load_model(tmp_path / "model.h5")
    np.testing.assert_array_equal(model.get_weights()[0].astype("float32"), loaded.get_weights()[0].astype("float32"))


def with_operations():
    x = keras.Input((4, 4, 3), name="x")
    y = keras.layers.Conv2D(2, 1, name="conv")(1 - x[..., ::-1] / 255)
    return keras.Model(x, keras.ops.concatenate([keras.ops.mean(y, axis=(1, 2)), keras.ops.max(y, axis=(1, 2))], axis=-1))


@pytest.mark.parametrize("writer", ["explorer", "keras"])
@pytest.mark.parametrize("ending", [".keras", ".h5", ".json"])
def test_a_model_with_operations_between_its_layers(ending, writer, tmp_path):
    model, path = small.moved(with_operations()), tmp_path / f"model{ending}"
    if ending == ".json":
        path.write_text(model.to_json())
        loaded = load_model(path)
        loaded.set_weights(model.get_weights())
    else:
        save_model(model, path) if writer == "explorer" else model.save(path)
        loaded = load_model(path)
    small.assert_same_answers(model, loaded)
    assert [one.name for one in loaded.operations] == [one.name for one in model.operations]


def hidden():
    """One of each layer that Keras has for its own applications and for old files."""
    homes = keras_private_layers()
    x = keras.Input((4, 4, 3))
    y = homes["LayerScale"](0.5, 3)(homes["ThresholdedReLU"](theta=0.1)(x))
    y = homes["StochasticDepth"](0.1)(y)
    return keras.Model(x, homes["CustomScaleLayer"](0.2)([x, y]))


def keras_private_layers():
    from operator import attrgetter

    return {
        name: attrgetter(f"{home_of(name)}.{name}".removeprefix("keras."))(keras)
        for name in ("LayerScale", "StochasticDepth", "CustomScaleLayer", "ThresholdedReLU")
    }


@pytest.mark.parametrize("ending", [".keras", ".h5", ".json"])
def test_layers_that_keras_keeps_to_itself(ending, tmp_path):
    model, path = hidden(), tmp_path / f"model{ending}"
    path.write_text(model.to_json()) if ending == ".json" else model.save(path)
    small.assert_same_answers(model, load_model(path))


@pytest.mark.parametrize(("name", "save"), [("a.h5", save_model), ("a.weights.h5", save_weights), ("a.h5", save_weights)])
def test_a_disk_without_room_is_said_before_hdf5_begins(tmp_path, monkeypatch, name, save):
    monkeypatch.setattr("explorer.disk.shutil.disk_usage", lambda _folder: SimpleNamespace(free=10))
    with pytest.raises(ExplorerError, match=rf"^{name} can't be saved: the disk is full\.$"):
        save(small.sequential(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


QUICK = ("MobileNetV3Small", "ConvNeXtTiny", "MobileNet", "VGG16")
FAMILIES = ["EfficientNetV2B0", "EfficientNetB0", "InceptionResNetV2", "NASNetMobile", "ResNet50V2", "DenseNet121", "Xception"]
FAMILIES += ["InceptionV3", "MobileNetV2", "ResNet50"]


@pytest.mark.parametrize("name", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in FAMILIES)])
def test_the_topology_of_each_family_of_keras_is_opened_again(name, tmp_path):
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), classes=3)
        (tmp_path / "model.json").write_text(model.to_json())
        loaded = load_model(tmp_path / "model.json")
    assert loaded.to_json() == model.to_json()
    assert [one.shape for one in loaded.weights] == [one.shape for one in model.weights]


@pytest.mark.parametrize(
    "name", ["MobileNetV3Small", *(pytest.param(name, marks=pytest.mark.slow) for name in ("EfficientNetB0", "ConvNeXtTiny"))]
)
def test_a_family_with_layers_of_its_own_is_opened_again_with_its_weights(name, tmp_path):
    model = getattr(keras.applications, name)(weights=None, input_shape=(96, 96, 3), classes=3)
    for ending in (".keras", ".h5"):
        path = tmp_path / f"{name}{ending}"
        save_model(model, path)
        for one, other in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
        path.unlink()
