import gc
import sys
import weakref

import pytest

from explorer.backend.inputs import images
from explorer.backend.runtime import memory
from explorer.backend.runtime.keras import keras
from explorer.backend.service import Backend
from explorer.catalog.options import spec


class Knot:
    """Something that refers to itself, as Keras models do: only the collector frees it."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def collector():
    """Leave collecting to the tests."""
    gc.disable()
    yield
    gc.enable()


def test_for_tensorflow_all_variables_built_have_one_name_and_for_keras_their_own():
    with memory.while_building():
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="first"), keras.layers.Dense(2, name="second")])
    assert {variable.value.name for variable in model.weights} == {"variable:0"}
    assert [variable.path.split("/", 1)[1] for variable in model.weights] == ["first/kernel", "first/bias", "second/kernel", "second/bias"]


def test_variables_have_their_names_again_afterwards_also_when_building_failed():
    with pytest.raises(RuntimeError), memory.while_building():
        raise RuntimeError
    assert keras.Variable([1.0], name="mine").value.name == "mine:0"


def test_the_collector_looks_only_at_what_is_made_meanwhile():
    before = weakref.ref(Knot())
    with memory.brief_collections():
        meanwhile = weakref.ref(Knot())
        gc.collect()
        assert before() is not None
        assert meanwhile() is None
    gc.collect()
    assert before() is None


def test_the_collector_looks_at_everything_again_after_a_failure():
    knot = weakref.ref(Knot())
    with pytest.raises(RuntimeError), memory.brief_collections():
        raise RuntimeError
    gc.collect()
    assert knot() is None


@pytest.mark.parametrize("platform", [sys.platform, "win32"])
def test_giving_back_frees_what_nobody_holds_on_every_system(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    knot = weakref.ref(Knot())
    memory.give_back()
    assert knot() is None


def test_a_network_that_goes_is_freed(samples):
    backend, example = Backend(memory=1), images.read(samples / "digit_3.png")
    first, second = spec("digits"), spec("digits", None)
    summary = backend.open(first, False, print)
    backend.predict(first, example, 3, 0, print)
    backend.feature_maps(first, example, summary.layers[3].name, True, print)
    model = weakref.ref(backend.networks._networks[first].model)
    backend.open(second, False, print)
    assert model() is None
