"""What is asked for is added up before Keras takes memory for it."""

import json
import threading
import zipfile

import numpy as np
import pytest
import small_models as small

import explorer
from explorer.backend.models import build_costs
from explorer.backend.models.build_costs import within_budget
from explorer.backend.models.files import load_model, save_model
from explorer.backend.models.topology import from_json, to_json
from explorer.backend.runtime import budget
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError, UnreadableModel

layers = keras.layers


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setenv(budget.VARIABLE, "100")


def layer(kind, **settings):
    return {"module": "keras.layers", "class_name": kind, "config": settings, "registered_name": None}


def text(*added, shape=(None, 4)):
    """Return a topology with these layers behind an input; none of them is ever built."""
    config = json.loads(to_json(small.sequential()))
    config["config"]["layers"] = [
        layer("InputLayer", batch_shape=list(shape), name="x"),
        *(layer(kind, **settings) for kind, settings in added),
    ]
    return json.dumps(config)


TOO_LARGE = {
    "dense": text(("Dense", {"units": 2 * 10**9})),
    "a great many": text(*[("Dense", {"units": 3000, "name": f"d{place}"}) for place in range(9)]),
    "embedding": text(("Embedding", {"input_dim": 10**9, "output_dim": 64})),
    "within a wrapper": text(("Bidirectional", {"layer": layer("LSTM", units=10**5)}), shape=(None, 3, 4)),
    "input": text(("Flatten", {}), shape=(None, 10**6, 10**6)),
    "batch": text(("Dense", {"units": 1}), shape=(10**9, 4)),
    "upsampling": text(("UpSampling2D", {"size": [10**5, 10**5]}), shape=(None, 8, 8, 1)),
    "padding": text(("ZeroPadding1D", {"padding": 10**9}), shape=(None, 8, 1)),
    "repetition": text(("RepeatVector", {"n": 10**10})),
    "beyond 64 bits": text(("Dense", {"units": 10**30})),
}


@pytest.mark.parametrize("kind", TOO_LARGE)
def test_a_topology_that_asks_for_too_much_is_refused_with_the_figure(kind):
    with pytest.raises(UnreadableModel, match=r"JSON text would take .*[GT]B|MB of memory, and one input may take 100 MB.*Ask for fewer"):
        from_json(TOO_LARGE[kind])


def test_what_fits_is_built():
    assert from_json(text(("Dense", {"units": 1000}))).count_params() == 5000


def test_each_variable_is_counted_once_and_exactly(monkeypatch):
    asked = []
    monkeypatch.setattr(budget, "check", lambda cost, *_others: asked.append(cost))
    with within_budget("net"):
        model = small.functional()
    weights = 4 * sum(int(np.prod(one.shape)) for one in model.weights)
    assert weights in asked
    assert max(one for one in asked if one <= weights) == weights


def test_a_file_may_ask_for_no_more_than_it_holds(monkeypatch, tmp_path):
    monkeypatch.setattr(build_costs, "SLACK", 0)
    for name in ("model.keras", "model.h5"):
        save_model(small.functional(), tmp_path / name)
        load_model(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "model.keras") as good, zipfile.ZipFile(tmp_path / "forged.keras", "w") as bad:
        for member in good.namelist():
            content = good.read(member)
            bad.writestr(member, content.replace(b'"units": 4', b'"units": 40000') if member == "config.json" else content)
    with pytest.raises(UnreadableModel, match=r"forged.keras asks for .* of weights or more and holds \d+ kB: it is damaged or forged"):
        load_model(tmp_path / "forged.keras")


def test_weights_that_a_file_holds_may_take_what_is_free(monkeypatch):
    monkeypatch.delenv(budget.VARIABLE)
    monkeypatch.setattr(budget, "_free", lambda: 3 * 2**30)
    assert budget.limit() == 1.5 * 2**30
    assert budget.limit(at_least=2 * 2**30) == 2 * 2**30
    assert budget.limit(at_least=8 * 2**30) == 3 * 2**30


@pytest.mark.parametrize("options", [{"classes": 10**9}, {"include_top": False, "input_shape": (10**5, 10**5, 3)}])
def test_options_of_the_table_are_held_to_the_budget(options):
    with pytest.raises(ExplorerError, match=r"MobileNetV2 would take .* of memory"):
        explorer.load("MobileNetV2", weights=None, **options)


def test_a_network_that_is_published_so_is_built_whatever_the_limit(monkeypatch):
    monkeypatch.delenv(budget.VARIABLE)
    monkeypatch.setattr(budget, "MOST", 2**20 * 9)  # MobileNet has 17 MB of weights
    monkeypatch.setattr(budget, "_free", lambda: 2**31)
    assert explorer.load("MobileNet", weights=None, alpha=0.25, include_top=False, input_shape=(32, 32, 3)).layers


def test_recurrent_layers_whose_random_weights_take_minutes_are_refused(monkeypatch):
    monkeypatch.setattr(build_costs, "MOST_WORK", 10**4)
    with pytest.raises(UnreadableModel, match=r"random weights of shape \(20, 80\) that take minutes"):
        from_json(text(("LSTM", {"units": 20}), shape=(None, 3, 4)))


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_weights_from_a_file_take_the_place_of_orthogonal_ones(name, tmp_path):
    model = keras.Sequential([keras.Input((3, 4)), layers.LSTM(5)])
    save_model(model, tmp_path / name)
    small.assert_same_answers(model, load_model(tmp_path / name))


def test_what_is_cut_into_a_great_many_parts_is_refused(monkeypatch):
    monkeypatch.setattr(build_costs, "MOST_TENSORS", 100)
    x = keras.Input((1000,))
    model = keras.Model(x, keras.ops.split(x, 1000, axis=1)[0])
    with pytest.raises(UnreadableModel, match="is cut into more than 100 tensors"):
        from_json(to_json(model))


def test_keras_is_as_it_was_afterwards():
    before = keras.Variable.__init__, keras.KerasTensor.__init__, keras.config.is_traceback_filtering_enabled()
    with pytest.raises(UnreadableModel):
        from_json(TOO_LARGE["dense"])
    assert (keras.Variable.__init__, keras.KerasTensor.__init__, keras.config.is_traceback_filtering_enabled()) == before


def test_what_other_threads_build_does_not_count():
    made = []
    with within_budget("net"):
        thread = threading.Thread(target=lambda: made.append(keras.KerasTensor((10**9, 10**9))))
        thread.start()
        thread.join()
    assert made


def test_two_threads_that_build_at_a_time_each_count_their_own(monkeypatch):
    asked = {}
    monkeypatch.setattr(budget, "check", lambda cost, name, *_others: asked.setdefault(name, []).append(cost))
    before = keras.Variable.__init__, keras.KerasTensor.__init__
    started, ended = threading.Event(), threading.Event()

    def build():
        with within_budget("other"):
            keras.Variable(np.zeros(3, np.float32), shape=(3,))
            started.set()
            ended.wait(60)
            keras.Variable(np.zeros(5, np.float32), shape=(5,))

    with within_budget("net"):
        thread = threading.Thread(target=build)
        thread.start()
        assert started.wait(60)
        keras.Variable(np.zeros(7, np.float32), shape=(7,))
    assert keras.Variable.__init__ is not before[0]
    ended.set()
    thread.join()
    assert asked == {"net": [28], "other": [12, 32]}
    assert (keras.Variable.__init__, keras.KerasTensor.__init__) == before
