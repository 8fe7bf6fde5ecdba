import csv
import io
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import tuning_cases as cases
from PIL import Image

import explorer
from explorer import runs
from explorer.backend.fine_tuning import process_main
from explorer.backend.runtime.keras import keras
from explorer.backend.service import Backend
from explorer.catalog.options import spec
from explorer.errors import Cancelled, ExplorerError
from explorer.recipe.freeze_plan import start_of
from explorer.runs import serialization as files
from explorer.values import AdoptedModel, Head, ModelFile, Phase, Recipe

DIGITS = spec("digits")
RECIPE = Recipe(7, Head(8), (Phase("head", "rmsprop", 0.01, 1, 16), Phase("tail", "sgd", 0.001, 1, 16)))


def say(_progress):
    pass


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def started(monkeypatch, tmp_path):
    """Do not start processes; return the keys of the runs that would have been started."""
    monkeypatch.setenv(runs.HOME, str(tmp_path / "runs"))
    keys = []
    monkeypatch.setattr(runs, "start", keys.append)
    return keys


def chosen(backend, count=40):
    return backend.choose_data(DIGITS, "patterns", 0.25, 0, count, "", "", say)


def done(backend):
    """Return the key of a run that has been done here, not in a process of its own."""
    key = backend.train(DIGITS, chosen(backend).spec, replace(RECIPE, phases=(Phase("head", "rmsprop", 0.01, 2, 16),)), say)
    folder = runs.folder(key)
    files.write(folder / files.RESULT, files.as_json(process_main.work(folder)))
    return key


def test_the_backbone_ends_at_the_last_maps(backend):
    assert [row.name for row in backend.backbone(DIGITS, "", say)][-2:] == ["block3_relu", "block3_pool"]
    assert [row.name for row in backend.backbone(DIGITS, "block2_pool", say)][-1] == "block2_pool"


def test_data_is_summarised(backend):
    found = chosen(backend)
    assert (len(found.classes), sum(one.training + one.validation for one in found.classes)) == (10, 40)
    assert Image.open(io.BytesIO(found.classes[0].thumbnail)).size == (64, 64)
    with pytest.raises(ExplorerError):
        backend.choose_data(DIGITS, "timbres", 0.2, 0, 0, "", "", say)


def test_a_probe_tells_each_block_and_can_be_given_up(backend):
    data = chosen(backend).spec
    told = []
    probes = backend.probe(DIGITS, data, "", told.append)
    assert [one.block for one in probes] == ["block1", "block2", "block3"]
    assert told[-1].fraction == 1
    assert all(one.cancellable for one in told if one.fraction is not None)

    def give_up(progress):
        if progress.fraction is not None:
            raise Cancelled("probe")

    with pytest.raises(Cancelled):
        backend.probe(DIGITS, data, "", give_up)


def test_a_training_becomes_a_run_of_its_own(backend, started):
    data = chosen(backend).spec
    key = backend.train(DIGITS, data, RECIPE, say)
    assert started == [key]
    record = backend.run(key, say)
    assert (record.settings.network, record.settings.data, record.settings.recipe) == (DIGITS, data, RECIPE)
    assert record.settings.start == start_of(backend.backbone(DIGITS, "", say), RECIPE) is not None
    assert [one.key for one in backend.runs(say)] == [key]
    backend.delete_run(key, say)
    assert backend.runs(say) == ()


def test_a_live_model_is_trained_from_a_file_of_it(backend, started):
    model = cases.network().model
    adopted = AdoptedModel(7, 0, "mine", "unit")
    backend.adopt(adopted, model, None, say)
    key = backend.train(adopted, chosen(backend).spec, RECIPE, say)
    network = backend.run(key, say).settings.network
    assert isinstance(network, ModelFile)
    assert network.name == "mine"
    kept = explorer.load(network.path)
    assert kept.reading.convention == "unit"
    for one, other in zip(kept.model.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_weights_that_were_loaded_on_the_page_are_those_that_are_trained(backend, started, tmp_path):
    network = explorer.load("digits")
    network.model.layers[1].kernel.assign(keras.ops.zeros_like(network.model.layers[1].kernel))
    network.save_weights(tmp_path / "zeros.weights.h5")
    backend.load_weights(DIGITS, (tmp_path / "zeros.weights.h5").read_bytes(), "zeros.weights.h5", False, say)
    settings = backend.run(backend.train(DIGITS, chosen(backend).spec, RECIPE, say), say).settings
    assert not explorer.load(settings.network.path).model.layers[1].kernel.numpy().any()


def test_random_weights_are_trained_from_what_is_on_the_page(backend, started):
    random = spec("digits", weights=None)
    backend.open(random, False, say)
    settings = backend.run(backend.train(random, chosen(backend).spec, RECIPE, say), say).settings
    shown, kept = backend._network(random, say).model, explorer.load(settings.network.path).model
    for one, other in zip(shown.weights, kept.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_function_of_the_users_own_is_no_data(backend, started):
    adopted = AdoptedModel(8, 0, "mine")
    backend.adopt(adopted, cases.network().model, lambda pixels: pixels / 255, say)
    with pytest.raises(ExplorerError, match=r"train it with explorer\.fine_tune"):
        backend.train(adopted, chosen(backend).spec, RECIPE, say)
    assert started == []


def test_what_a_run_leaves_can_be_taken_away(backend, started):
    key = done(backend)
    record, outcome = backend.run(key, say), backend.outcome(key, say)
    assert (record.state, len(record.history)) == ("done", 2)
    assert outcome.confusion.sum() == 10
    assert Image.open(io.BytesIO(backend.held_out(key, outcome.worst[0].place, say))).size == (64, 64)
    with pytest.raises(ExplorerError, match="this example is gone"):
        backend.held_out(key, 10, say)
    tuned = backend.open(backend.tuned(key, say), False, say)
    assert tuned.labels == outcome.classes
    history = backend.take_run(key, "history", say)
    assert history.name == "digits-history.csv"
    assert len(list(csv.DictReader(history.data.decode().splitlines()))) == 2
    assert backend.take_run(key, "model", say).data[:2] == b"PK"
    script, notebook = (backend.take_run(key, what, say) for what in ("script", "notebook"))
    assert (script.name, notebook.name) == ("fine_tune.py", "fine_tune.ipynb")
    compile(script.data, "fine_tune.py", "exec")
    assert b"import explorer" not in script.data
    bundle = zipfile.ZipFile(io.BytesIO(backend.take_run(key, "bundle", say).data))
    assert {"fine_tune.py", "fine_tune.ipynb"} <= set(bundle.namelist())
    assert '"recipe"' in zipfile.ZipFile(io.BytesIO(backend.take_run(key, "model", say).data)).read("explorer.json").decode()


def test_a_run_that_has_not_ended_has_no_outcome(backend, started):
    key = backend.train(DIGITS, chosen(backend).spec, RECIPE, say)
    assert backend.outcome(key, say) is None
    with pytest.raises(ExplorerError):
        backend.tuned(key, say)
    with pytest.raises(ExplorerError):
        backend.take_run(key, "model", say)
