import json
import re

import numpy as np
import pytest
import small_models as small

from explorer.backend.models import topology
from explorer.backend.models.topology import from_json, from_yaml, summary, to_json, to_yaml
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError, UnreadableModel

KINDS = [small.sequential, small.functional, small.nested_at_the_end, small.timed, small.pictures, small.registered]


@pytest.fixture
def silent():
    model = small.Silent(np.ones(3))
    model(np.zeros((1, 4), "float32"))
    return model


@pytest.mark.parametrize(("write", "read"), [(to_json, from_json), (to_yaml, from_yaml)], ids=["json", "yaml"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_topology_comes_back_from_text(kind, write, read):
    model = kind()
    again = read(write(model))
    again.set_weights(model.get_weights())
    small.assert_same_answers(model, again)
    assert write(again) == write(model)


def test_the_topology_is_keras_own():
    model = small.functional()
    assert json.loads(to_json(model)) == json.loads(model.to_json())


@pytest.mark.parametrize(("write", "read"), [(to_json, from_json), (to_yaml, from_yaml)], ids=["json", "yaml"])
def test_a_topology_says_what_the_model_was_compiled_with(write, read):
    model = small.sequential()
    model.compile("adam", "mse")
    assert read(write(model)).compiled


def test_a_topology_whose_loss_is_not_at_hand_is_not_compiled():
    model = small.sequential()
    model.compile("adam", small.Doubling())
    assert not from_json(to_json(model)).compiled


def test_an_unknown_layer_is_asked_for():
    text = to_yaml(keras.Sequential([keras.Input((4,)), small.Doubling(name="twice")]))
    with pytest.raises(UnreadableModel, match=r"The YAML text needs .*Doubling"):
        from_yaml(text)
    assert from_yaml(text, {"Doubling": small.Doubling}).layers[0].name == "twice"


def test_a_topology_that_can_not_be_built_says_why():
    config = json.loads(to_json(small.sequential()))
    config["config"]["layers"][1]["config"]["units"] = -3
    with pytest.raises(UnreadableModel, match=r"The JSON text can't be opened: .*units") as refused:
        from_json(json.dumps(config))
    assert len(str(refused.value)) < 300


def test_the_config_is_keras_own():
    model = small.functional()
    assert topology.config(model) == model.get_config()
    assert json.loads(topology.as_text(topology.config(model)))["name"] == "two_sides"


@pytest.mark.parametrize("ask", [to_json, to_yaml, topology.config])
def test_a_model_whose_class_does_not_say_how_it_was_made(ask, silent):
    with pytest.raises(ExplorerError, match=r"silent is of a class of its own, Silent, without get_config\(\).*only its weights"):
        ask(silent)


def test_a_config_that_breaks_says_why():
    class Broken(small.Silent):
        def get_config(self):
            raise KeyError("table")

    with pytest.raises(ExplorerError, match="can't be described: 'table'"):
        topology.config(Broken(np.ones(2)))


@pytest.mark.parametrize("kind", [*KINDS, small.unbuilt], ids=lambda kind: kind.__name__)
def test_the_summary_names_every_layer_in_plain_text(kind):
    model = kind()
    text = summary(model)
    assert "\x1b" not in text
    assert "…" not in text
    for layer in model.layers:
        assert f"{layer.name} ({type(layer).__name__})" in text
    assert "Total params" in text


def test_the_summary_has_room_for_long_names(silent, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    long = "a_name_that_takes_more_room_than_the_table_of_keras_gives_to_its_first_column_by_far"
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name=long)], name="wide")
    lines = summary(model).splitlines()
    assert any(f"{long} (Dense)" in line for line in lines)
    assert len({len(line) for line in lines if re.match(r"[┃│├┡┏└]", line)}) == 1
    assert summary(silent).startswith('Model: "silent"')


def test_the_summary_leaves_the_environment_as_it_was(monkeypatch):
    import os

    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("JUPYTER_COLUMNS", raising=False)
    summary(small.sequential())
    assert os.environ["COLUMNS"] == "40"
    assert "JUPYTER_COLUMNS" not in os.environ
