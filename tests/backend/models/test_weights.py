import h5py
import numpy as np
import pytest
import small_models as small

from explorer.backend.models.files import save_model
from explorer.backend.models.weights import Mismatch, WeightsReport, load_weights, save_weights
from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import flat_layers, own_trainable_variables
from explorer.errors import ExplorerError, UnreadableModel

layers = keras.layers
WAYS = ["weights.h5", ".weights.h5", ".keras", ".h5"]  # of Keras 2, of Keras 3, whole models


def write(model, path, way):
    """Save weights in one of the ways; return the file."""
    path = path / f"model{way}" if way.startswith(".") else path / way
    (save_weights if "weights" in way else save_model)(model, path)
    return path


def same(one, other):
    return all(np.array_equal(left, right) for left, right in zip(one.get_weights(), other.get_weights(), strict=True))


def network(classes=2, name="scores", units=3):
    x = keras.Input((4,), name="x")
    hidden = layers.BatchNormalization(name="norm")(layers.Dense(units, name="hidden")(x))
    return keras.Model(x, layers.Dense(classes, name=name)(hidden), name="network")


def nested(classes=3):
    return keras.Sequential([keras.Input((4,)), network(), layers.Dense(classes, name="mine")], name="outer")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", [small.sequential, small.functional, small.nested_at_the_end], ids=lambda kind: kind.__name__)
def test_weights_come_back(kind, way, tmp_path):
    model = small.moved(kind())
    path = write(model, tmp_path, way)
    for by_name in (False, True):
        other = kind()
        report = load_weights(other, path, by_name)
        assert same(model, other)
        assert report == WeightsReport(report.loaded)
        assert len(report.loaded) == len([layer for layer in flat_layers(model) if own_trainable_variables(layer)])


@pytest.mark.parametrize("way", [".weights.h5", "weights.h5"])
@pytest.mark.parametrize("kind", [small.timed, small.pictures, small.registered], ids=lambda kind: kind.__name__)
def test_layers_made_of_others_come_back_whole(kind, way, tmp_path):
    model = small.moved(kind())
    path = write(model, tmp_path, way)
    for by_name in (False, True):
        other = kind()
        report = load_weights(other, path, by_name)
        assert same(model, other)
        assert set(report.loaded) == {layer.name for layer in model.layers if layer.weights}


def test_the_report_names_layers_of_nested_models_by_their_paths(tmp_path):
    for way in WAYS:
        path = write(nested(), tmp_path, way)
        for by_name in (False, True):
            assert set(load_weights(nested(), path, by_name).loaded) == {"network/hidden", "network/norm", "network/scores", "mine"}


@pytest.mark.parametrize("way", WAYS)
def test_by_name_every_layer_that_fits_is_loaded_and_the_others_told(way, tmp_path):
    model, other = small.moved(network(2)), network(5)
    before = other.get_layer("scores").get_weights()
    report = load_weights(other, write(model, tmp_path, way), by_name=True)
    assert set(report.loaded) == {"hidden", "norm"}
    assert report.mismatched == (Mismatch("scores", ((3, 2), (2,)), ((3, 5), (5,))),)
    assert same(model.get_layer("hidden"), other.get_layer("hidden"))
    assert same(model.get_layer("norm"), other.get_layer("norm"))
    assert all(map(np.array_equal, before, other.get_layer("scores").get_weights()))


@pytest.mark.parametrize("way", WAYS)
def test_by_name_tells_what_only_one_side_has(way, tmp_path):
    report = load_weights(network(name="mine"), write(network(name="theirs"), tmp_path, way), by_name=True)
    assert set(report.loaded) == {"hidden", "norm"}
    assert (report.missing, report.unexpected, report.mismatched) == (("mine",), ("theirs",), ())


@pytest.mark.parametrize("way", WAYS)
def test_by_name_reaches_into_a_nested_model(way, tmp_path):
    model, other = small.moved(network()), nested()
    report = load_weights(other, write(model, tmp_path, way), by_name=True)
    assert same(model, other.get_layer("network"))
    assert (set(report.loaded), report.missing) == ({"network/hidden", "network/norm", "network/scores"}, ("mine",))


@pytest.mark.parametrize("way", WAYS)
def test_by_name_takes_a_model_out_of_a_nested_one(way, tmp_path):
    model, other = small.moved(nested()), network()
    report = load_weights(other, write(model, tmp_path, way), by_name=True)
    assert same(model.get_layer("network"), other)
    assert (report.missing, report.unexpected) == ((), ("mine",))


@pytest.mark.parametrize("way", WAYS)
def test_by_name_keeps_two_nested_models_with_the_same_layers_apart(way, tmp_path):
    def twins():
        x = keras.Input((4,))
        one, other = network(), network()
        other.name = "other"
        return keras.Model(x, layers.Add()([one(x), other(x)]))

    model, again = small.moved(twins()), twins()
    report = load_weights(again, write(model, tmp_path, way), by_name=True)
    assert same(model, again)
    assert len(report.loaded) == 6
    outside = load_weights(network(name="scores"), write(model, tmp_path, way), by_name=True)
    assert "hidden" in outside.missing  # which of the two is meant?


@pytest.mark.parametrize("way", WAYS)
def test_by_name_nothing_changes_where_nothing_fits(way, tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="elsewhere")])
    before = model.get_weights()
    report = load_weights(model, write(network(), tmp_path, way), by_name=True)
    assert not report.loaded
    assert report.missing == ("elsewhere",)
    assert set(report.unexpected) == {"hidden", "norm", "scores"}
    assert all(map(np.array_equal, before, model.get_weights()))


@pytest.mark.parametrize("way", WAYS)
def test_by_name_leaves_the_state_of_training_alone(way, tmp_path):
    path = write(network(), tmp_path, way)
    model = network()
    model.compile("adam", "mse", run_eagerly=True)
    model.fit(np.ones((2, 4)), np.ones((2, 2)), verbose=0)
    load_weights(model, path, by_name=True)
    assert model.compiled
    assert int(model.optimizer.iterations.numpy()) == 1


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda: network(5), r"scores has weights \(3, 2\) \(2,\) in the file and \(3, 5\) \(5,\) in the model"),
        (lambda: network(units=7), r"hidden has weights \(4, 3\) \(3,\) in the file and \(4, 7\) \(7,\) in the model"),
        (
            lambda: keras.Sequential([network(), layers.Dense(2, name="more")]),
            r"the model's (more|network/more|hidden|network/hidden) is not",
        ),
    ],
    ids=["classes", "units", "another layer"],
)
@pytest.mark.parametrize("way", WAYS)
def test_weights_that_do_not_fit_as_a_whole_change_nothing(other, said, way, tmp_path):
    path = write(small.moved(network()), tmp_path, way)
    model = other()
    model.build((None, 4))
    before = model.get_weights()
    with pytest.raises(ExplorerError, match=r"do not fit .*by_name=True") as refused:
        load_weights(model, path)
    if way in (".h5", "weights.h5") or "network" not in said:
        assert refused.match(said)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_layers_that_only_a_weights_h5_has_are_told(tmp_path):
    """Keras leaves them out without a word."""
    longer = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    save_weights(longer, tmp_path / "model.weights.h5")
    report = load_weights(keras.Sequential([keras.Input((4,)), layers.Dense(3, name="a")]), tmp_path / "model.weights.h5")
    assert (report.loaded, report.unexpected) == (("a",), ("b",))


@pytest.mark.parametrize(
    ("way", "name"),
    [("weights.h5", "renamed.weights.h5"), (".weights.h5", "renamed.h5"), (".keras", "renamed.h5"), (".h5", "renamed.keras")],
)
def test_what_a_file_holds_counts_and_not_its_name(way, name, tmp_path):
    model, other = small.moved(network()), network()
    path = write(model, tmp_path, way).rename(tmp_path / name)
    load_weights(other, path)
    assert same(model, other)


def test_folders_without_names_can_not_be_loaded_by_name(tmp_path):
    save_weights(network(), tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5", "r+") as file:
        file.visititems(lambda place, one: one.attrs.clear() if isinstance(one, h5py.Group) else None)
    with pytest.raises(UnreadableModel, match="does not say which weights are whose"):
        load_weights(network(), tmp_path / "model.weights.h5", by_name=True)
    model = network()
    load_weights(model, tmp_path / "model.weights.h5")


def test_lists_of_names_that_hdf5_cut_into_pieces(tmp_path):
    path = write(small.moved(network()), tmp_path, "weights.h5")
    with h5py.File(path, "r+") as file:
        names = file.attrs["layer_names"]
        del file.attrs["layer_names"]
        file.attrs["layer_names0"], file.attrs["layer_names1"] = names[:2], names[2:]
    model = network()
    assert set(load_weights(model, path, by_name=True).loaded) == {"hidden", "norm", "scores"}
    assert set(load_weights(network(), path).loaded) == {"hidden", "norm", "scores"}


def test_bfloat16_weights_come_back_by_name(tmp_path):
    def half():
        return keras.Sequential([keras.Input((4,)), layers.Dense(2, name="d", dtype="bfloat16")])

    model, other = half(), half()
    save_weights(model, tmp_path / "model.weights.h5")
    assert load_weights(other, tmp_path / "model.weights.h5", by_name=True).loaded == ("d",)
    assert same(model, other)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("away.h5", None, "There is no file"),
        ("page.h5", b"<!DOCTYPE html>", "holds no weights of Keras"),
        ("empty.weights.h5", b"", "holds no weights of Keras"),
        ("archive.keras", b"PK\x05\x06" + bytes(18), "holds no weights of Keras"),
    ],
)
@pytest.mark.parametrize("by_name", [False, True])
def test_files_without_weights_are_refused(name, content, said, by_name, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableModel, match=said):
        load_weights(network(), tmp_path / name, by_name)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_name", [False, True])
def test_weights_that_were_cut_off_change_nothing(by_name, way, tmp_path):
    path = write(small.moved(network()), tmp_path, way)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    model = network()
    before = model.get_weights()
    with pytest.raises(UnreadableModel):
        load_weights(model, path, by_name)
    assert all(map(np.array_equal, before, model.get_weights()))


def test_a_model_that_is_not_built_has_no_weights(tmp_path):
    with pytest.raises(ExplorerError, match="stack has no weights yet"):
        save_weights(small.unbuilt(), tmp_path / "model.weights.h5")
    path = write(network(), tmp_path, ".weights.h5")
    with pytest.raises(ExplorerError, match="stack has no weights yet"):
        load_weights(small.unbuilt(), path)


@pytest.mark.parametrize("name", ["model.keras", "weights", "weights.npz"])
def test_weights_are_saved_under_endings_that_are_read_again(name, tmp_path):
    with pytest.raises(ExplorerError, match=r"ends in \.weights\.h5 or \.h5"):
        save_weights(network(), tmp_path / name)


def test_weights_of_keras_2_hold_no_model(tmp_path):
    path = write(network(), tmp_path, "weights.h5")
    with h5py.File(path) as file:
        assert "model_config" not in file.attrs
        assert [name.decode() if isinstance(name, bytes) else name for name in file.attrs["layer_names"]] == [
            "x",
            "hidden",
            "norm",
            "scores",
        ]
    model = network()
    model.load_weights(path)  # Keras reads them too
    assert list(tmp_path.iterdir()) == [path]


def test_convolutions_of_theano_are_refused_and_dense_layers_are_not(tmp_path):
    for model, refused in ((network(), False), (small.pictures(), True)):
        path = write(model, tmp_path, "weights.h5")
        with h5py.File(path, "r+") as file:
            file.attrs["backend"] = "theano"
        if refused:
            with pytest.raises(UnreadableModel, match="Theano"):
                load_weights(model, path)
        else:
            load_weights(model, path)


def test_the_files_of_the_image_networks(keras_home):
    def mobilenet(**options):
        return keras.applications.MobileNet(weights=None, alpha=0.25, **options)

    full, bare = (keras_home / "models" / f"mobilenet_2_5_224_tf{ending}.h5" for ending in ("", "_no_top"))
    model = mobilenet(include_top=False, input_shape=(224, 224, 3))
    assert len(load_weights(model, bare).loaded) == 54
    with pytest.raises(ExplorerError, match="the file's conv_preds is not in the model"):
        load_weights(model, full)
    mine = keras.Sequential([mobilenet(include_top=False, input_shape=(96, 96, 3)), layers.Flatten(), layers.Dense(2, name="mine")])
    report = load_weights(mine, full, by_name=True)
    assert (len(report.loaded), report.missing, report.unexpected) == (54, ("mine",), ("conv_preds",))
    assert same(mine.layers[0], model)
