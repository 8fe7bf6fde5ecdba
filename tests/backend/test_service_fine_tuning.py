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


def report_progress(_progress):
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
    return backend.choose_data(DIGITS, "patterns", 0.25, 0, count, "", "", report_progress)


def done(backend):
    """Return the key of a run that has been done here, not in a process of its own."""
    key = backend.train(DIGITS, chosen(backend).spec, replace(RECIPE, phases=(Phase("head", "rmsprop", 0.01, 2, 16),)), report_progress)
    folder = runs.folder(key)
    files.write(folder / files.RESULT, files.as_json(process_main.work(folder)))
    return key


def test_the_backbone_ends_at_the_last_maps(backend):
    assert [row.name for row in backend.backbone(DIGITS, "", report_progress)][-2:] == ["block3_relu", "block3_pool"]
    assert [row.name for row in backend.backbone(DIGITS, "block2_pool", report_progress)][-1] == "block2_pool"


def test_data_is_summarised(backend):
    found = chosen(backend)
    assert (len(found.classes), sum(one.training + one.validation for one in found.classes)) == (10, 40)
    assert Image.open(io.BytesIO(found.classes[0].thumbnail)).size == (64, 64)
    with pytest.raises(ExplorerError):
        backend.choose_data(DIGITS, "timbres", 0.2, 0, 0, "", "", report_progress)


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
    key = backend.train(DIGITS, data, RECIPE, report_progress)
    assert started == [key]
    record = runs.record(key)
    assert (record.settings.network, record.settings.data, record.settings.recipe) == (DIGITS, data, RECIPE)
    assert record.settings.start == start_of(backend.backbone(DIGITS, "", report_progress), RECIPE) is not None
    assert [one.key for one in runs.records()] == [key]
    backend.delete_run(key, report_progress)
    assert runs.records() == ()


def test_a_live_model_is_trained_from_a_file_of_it(backend, started):
    model = cases.network().model
    adopted = AdoptedModel(7, 0, "mine", "unit")
    backend.register_live_model(adopted, model, None, report_progress)
    key = backend.train(adopted, chosen(backend).spec, RECIPE, report_progress)
    network = runs.record(key).settings.network
    assert isinstance(network, ModelFile)
    assert network.name == "mine"
    kept = explorer.load(network.path)
    assert kept.input_spec.preprocess_mode == "unit"
    for one, other in zip(kept.model.weights, model.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_weights_that_were_loaded_on_the_page_are_those_that_are_trained(backend, started, tmp_path):
    network = explorer.load("digits")
    network.model.layers[1].kernel.assign(keras.ops.zeros_like(network.model.layers[1].kernel))
    network.save_weights(tmp_path / "zeros.weights.h5")
    backend.load_weights(DIGITS, (tmp_path / "zeros.weights.h5").read_bytes(), "zeros.weights.h5", False, report_progress)
    settings = runs.record(backend.train(DIGITS, chosen(backend).spec, RECIPE, report_progress)).settings
    assert not explorer.load(settings.network.path).model.layers[1].kernel.numpy().any()


def test_random_weights_are_trained_from_what_is_on_the_page(backend, started):
    random = spec("digits", weights=None)
    backend.open(random, False, report_progress)
    settings = runs.record(backend.train(random, chosen(backend).spec, RECIPE, report_progress)).settings
    shown, kept = backend.networks.network(random, report_progress).model, explorer.load(settings.network.path).model
    for one, other in zip(shown.weights, kept.weights, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())


def test_a_function_of_the_users_own_is_no_data(backend, started):
    adopted = AdoptedModel(8, 0, "mine")
    backend.register_live_model(adopted, cases.network().model, lambda pixels: pixels / 255, report_progress)
    with pytest.raises(ExplorerError, match=r"train it with explorer\.fine_tune"):
        backend.train(adopted, chosen(backend).spec, RECIPE, report_progress)
    assert started == []


def test_what_a_run_leaves_can_be_taken_away(backend, started):
    key = done(backend)
    record, outcome = runs.record(key), backend.outcome(key, report_progress)
    assert (record.state, len(record.history)) == ("done", 2)
    assert outcome.confusion.sum() == 10
    assert Image.open(io.BytesIO(backend.held_out(key, outcome.worst[0].place, report_progress))).size == (64, 64)
    with pytest.raises(ExplorerError, match="this example is gone"):
        backend.held_out(key, 10, report_progress)
    tuned = backend.open(backend.tuned(key, report_progress), False, report_progress)
    assert tuned.labels == outcome.classes
    history = backend.take_run(key, "history", report_progress)
    assert history.name == "digits-history.csv"
    assert len(list(csv.DictReader(history.data.decode().splitlines()))) == 2
    assert backend.take_run(key, "model", report_progress).data[:2] == b"PK"
    script, notebook = (backend.take_run(key, what, report_progress) for what in ("script", "notebook"))
    assert (script.name, notebook.name) == ("fine_tune.py", "fine_tune.ipynb")
    compile(script.data, "fine_tune.py", "exec")
    assert b"import explorer" not in script.data
    bundle = zipfile.ZipFile(io.BytesIO(backend.take_run(key, "bundle", report_progress).data))
    assert {"fine_tune.py", "fine_tune.ipynb"} <= set(bundle.namelist())
    assert '"recipe"' in zipfile.ZipFile(io.BytesIO(backend.take_run(key, "model", report_progress).data)).read("explorer.json").decode()


def test_a_run_that_has_not_ended_has_no_outcome(backend, started):
    key = backend.train(DIGITS, chosen(backend).spec, RECIPE, report_progress)
    assert backend.outcome(key, report_progress) is None
    with pytest.raises(ExplorerError):
        backend.tuned(key, report_progress)
    with pytest.raises(ExplorerError):
        backend.take_run(key, "model", report_progress)
