import io
import json

import numpy as np
import pytest
import small_models
import yaml

import explorer
from explorer.backend.network import silent
from explorer.backend.network_model import TAKEN
from explorer.backend.runtime.keras import keras
from explorer.backend.service import Backend
from explorer.catalog.options import model_file
from explorer.errors import ExplorerError, UnreadableModel
from explorer.values import AdoptedModel, ModelFile

KINDS = {"stack": small_models.sequential, "two_sides": small_models.functional, "film": small_models.timed}


@pytest.fixture(scope="module", params=KINDS)
def net(request):
    return explorer.load(small_models.moved(KINDS[request.param]()))


def taken(net, what, folder):
    """Take a file away, as the page does, and put it where the browser would save it."""
    file = net.take(what)
    path = folder / file.name
    path.write_bytes(file.data)
    return path


def same(net, model):
    small_models.assert_same_answers(net.model, model)


def of_its_own_class():
    model = small_models.Silent(table=[1])
    model(np.zeros((1, 4), "float32"))
    return model


@pytest.mark.parametrize("what", ["keras", "h5"])
def test_plain_keras_opens_the_whole_model_that_was_taken_away(net, what, tmp_path):
    path = taken(net, what, tmp_path)
    assert path.name == f"{net.model.name}.{what}"
    same(net, keras.saving.load_model(path))


@pytest.mark.parametrize(("what", "ending"), [("weights", ".weights.h5"), ("weights_h5", "-weights.h5")])
def test_plain_keras_loads_the_weights_that_were_taken_away(net, what, ending, tmp_path):
    path = taken(net, what, tmp_path)
    assert path.name == f"{net.model.name}{ending}"
    fresh = KINDS[net.model.name]()
    fresh.load_weights(path)
    same(net, fresh)


@pytest.mark.parametrize(("what", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_plain_keras_builds_the_topology_that_was_taken_away(net, what, read, tmp_path):
    topology = read(taken(net, what, tmp_path).read_text(encoding="utf-8"))
    fresh = keras.models.model_from_json(json.dumps(topology))
    fresh.set_weights(net.model.get_weights())
    same(net, fresh)


def test_plain_keras_builds_the_config_that_was_taken_away(net, tmp_path):
    config = json.loads(taken(net, "config", tmp_path).read_text(encoding="utf-8"))
    fresh = type(net.model).from_config(config)
    fresh.set_weights(net.model.get_weights())
    same(net, fresh)


def test_the_summary_names_every_layer(net, tmp_path):
    text = taken(net, "summary", tmp_path).read_text(encoding="utf-8")
    assert all(layer.name in text for layer in net.layers)
    assert f"{net.model.count_params():,}" in text


def test_what_cannot_be_taken_away_is_said_with_what_can():
    net = explorer.load(small_models.sequential())
    with pytest.raises(ExplorerError, match=r"There is no soul to take away; there are .*keras"):
        net.take("soul")


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (ModelFile("/home/me/flowers.v2.keras", "1", "flowers.v2.keras"), "flowers.v2.keras"),
        (ModelFile("/home/me/old.H5", "1", "old.H5"), "old.keras"),
        (AdoptedModel(1, 0, "my/model: a\n"), "my_model_a_.keras"),
        (AdoptedModel(1, 0, "网" * 300), "网" * 50 + ".keras"),
        (AdoptedModel(1, 0, ""), "model.keras"),
    ],
)
def test_a_file_is_called_what_the_model_is_called(spec, name):
    net = explorer.load(small_models.sequential())
    net.spec = spec
    assert net.take("keras").name == name


def test_how_pictures_are_read_and_labels_go_with_the_model(tmp_path):
    net = explorer.load(small_models.pictures(), preprocess="tf", labels=["rose", "tulip", "daisy"])
    for what in ("keras", "h5"):
        again = explorer.load(taken(net, what, tmp_path))
        assert (again.reading.convention, again.reading.assumed) == ("tf", ())
        assert [label for _id, label in again.labels] == ["rose", "tulip", "daisy"]
        keras.saving.load_model(tmp_path / f"pictures.{what}")


def test_a_function_that_prepares_pictures_is_no_data_and_stays_behind(tmp_path):
    net = explorer.load(small_models.pictures(), preprocess=lambda pixels: pixels / 7)
    again = explorer.load(taken(net, "keras", tmp_path))
    assert net.reading.convention == "custom"
    assert again.reading.convention != "custom"
    assert again.reading.assumed, "what was guessed instead is said"


def test_what_a_model_of_a_class_of_its_own_does_not_have_is_one_sentence():
    net = explorer.load(of_its_own_class())
    for what in set(TAKEN) - {"summary", "weights"}:
        with pytest.raises(ExplorerError, match=r"silent.*Silent") as refused:
            net.take(what)
        assert "\n" not in str(refused.value), what


def test_the_weights_of_a_model_of_a_class_of_its_own_can_be_taken_and_loaded(tmp_path):
    net = explorer.load(small_models.moved(of_its_own_class()))
    other = explorer.load(of_its_own_class())
    other.load_weights(taken(net, "weights", tmp_path))
    given = small_models.examples(net.model)
    np.testing.assert_allclose(other.model(given), net.model(given), rtol=1e-6)


def test_answers_and_maps_are_those_of_the_weights_loaded_last(tmp_path):
    net, other = (explorer.load(small_models.sequential()) for _net in range(2))
    x = np.float32([1, -2, 3, 0.5])
    wanted = other.predict(x, top=1), other.feature_maps(x, "first")
    net.predict(x, top=1), net.feature_maps(x, "first")
    report = net.load_weights(taken(other, "weights", tmp_path))
    assert report.loaded == ("first", "last")
    assert net.predict(x, top=1)[0].score == pytest.approx(wanted[0][0].score)
    np.testing.assert_allclose(net.feature_maps(x, "first"), wanted[1], rtol=1e-6)


def test_by_name_reaches_the_layers_of_the_same_name_and_says_which(tmp_path):
    net = explorer.load(small_models.sequential())
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(5, name="head")])
    before = net.model.get_weights()
    other.save_weights(tmp_path / "other.weights.h5")
    with pytest.raises(ExplorerError, match="do not fit"):
        net.load_weights(tmp_path / "other.weights.h5")
    assert all((one == old).all() for one, old in zip(net.model.get_weights(), before, strict=True))
    report = net.load_weights(tmp_path / "other.weights.h5", by_name=True)
    assert (report.loaded, report.missing, report.unexpected) == (("first",), ("last",), ("head",))
    np.testing.assert_array_equal(net.model.get_weights()[0], other.get_weights()[0])


def test_a_file_without_weights_is_refused(tmp_path):
    (tmp_path / "notes.h5").write_bytes(b"dear diary")
    with pytest.raises(UnreadableModel, match=r"notes\.h5 holds no weights"):
        explorer.load(small_models.sequential()).load_weights(tmp_path / "notes.h5")


def test_a_model_is_evaluated_on_arrays_and_on_a_file_of_them(tmp_path):
    net = explorer.load(small_models.sequential())
    x = small_models.examples(net.model, count=8)
    y = net.model(x).numpy().argmax(axis=-1)
    data = io.BytesIO()
    np.savez(data, x=x, y=y)
    (tmp_path / "data.npz").write_bytes(data.getvalue())
    scores = net.evaluate_file(tmp_path / "data.npz", batch_size=3)
    assert scores == net.evaluate(x, y, batch_size=3)
    assert scores["accuracy"] == 1
    assert net.evaluate(x, 1 - y)["accuracy"] == 0
    with pytest.raises(ExplorerError, match=r"has 8.*has 7"):
        net.evaluate(x, y[:7])


def test_opened_again_a_network_is_as_it_came(tmp_path):
    backend, path = Backend(), tmp_path / "stack.keras"
    small_models.sequential().save(path)
    other = taken(explorer.load(small_models.moved(small_models.sequential())), "weights", tmp_path).read_bytes()
    spec = backend.open(model_file(str(path)), False, silent).spec
    example = backend.random_example(spec, 0, silent)
    before = backend.predict(spec, example, 2, 0, silent)
    backend.load_weights(spec, other, "other.weights.h5", False, silent)
    assert backend.predict(spec, example, 2, 0, silent) != before
    backend.open(spec, False, silent)
    assert backend.predict(spec, example, 2, 0, silent) == before
