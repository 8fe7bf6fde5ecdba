import threading

import numpy as np
import own_models
import pytest

from explorer.backend.graph.nodes import running_order
from explorer.backend.inference.activation_capture import capture_activations
from explorer.backend.runtime.keras import keras, tensorflow

layers = keras.layers
TYPES = (keras.layers.Layer, keras.Operation, keras.layers.Dense, keras.Model)
CALLS = [(one.__call__, one.call) for one in TYPES]


@pytest.fixture(autouse=True)
def the_types_are_as_they_were():
    yield
    assert [(one.__call__, one.call) for one in TYPES] == CALLS


def ones(*shape):
    return np.ones((1, *shape), np.float32)


def recorded(model, given, **options):
    """Return what is recorded during one call: address -> array."""
    with capture_activations(model, **options) as record:
        model(given, training=False)
    return {address: np.asarray(keras.tree.flatten(returned)[0]) for address, (_layer, returned) in record.items()}


def test_each_layer_is_recorded_under_its_address_in_the_order_of_the_calls():
    model = own_models.shaken(own_models.nested)
    found = recorded(model, ones(12, 16, 3))
    assert list(found) == [
        *("backbone", "backbone/scale", "backbone/stem", "backbone/stem/conv", "backbone/stem/bn", "backbone/side", "backbone/add"),
        *("head", "head/pool", "head/scores"),
    ]
    np.testing.assert_allclose(found["head"], model(ones(12, 16, 3)), rtol=1e-5)
    np.testing.assert_array_equal(found["head"], found["head/scores"])


def test_further_uses_are_counted_as_they_run_or_as_they_were_written():
    model = own_models.shaken(own_models.backwards)
    given = [ones(4), 2 * ones(4)]
    as_they_run = recorded(model, given)
    as_written = recorded(model, given, order=running_order(model))
    assert set(as_they_run) == set(as_written)
    np.testing.assert_array_equal(as_they_run["inner"], as_written["inner:1"])
    np.testing.assert_array_equal(as_they_run["inner/shared"], as_written["inner:1/shared:1"])
    np.testing.assert_allclose(as_written["inner"], model.get_layer("inner")(ones(4)), rtol=1e-5)


def test_only_the_model_that_was_asked_for_is_recorded():
    model, other = own_models.sequential(), own_models.sequential()
    with capture_activations(model) as record:
        other(ones(8))
        assert not record
        layers.Dense(2)(ones(8))
        assert not record
        model(ones(8))
    assert list(record) == ["hidden", "top"]


def test_calls_of_another_thread_do_not_count():
    model = own_models.sequential()
    with capture_activations(model) as record:
        thread = threading.Thread(target=model, args=(ones(8),))
        thread.start()
        thread.join()
        assert not record


def test_other_threads_do_not_notice_a_capture():
    model, other = own_models.shaken(own_models.nested), own_models.shaken(own_models.sequential)
    expected = np.asarray(model(ones(12, 16, 3)))
    seen = {}

    def look():
        seen["types"] = [(one.__call__, one.call) for one in TYPES]
        seen["other"] = [vars(layer).get("call") for layer in (other, *other.layers)]
        seen["same"] = np.asarray(model(ones(12, 16, 3)))

    class Looking(layers.Layer):
        def call(self, x):
            thread = threading.Thread(target=look)
            thread.start()
            thread.join()
            return x

    whole = keras.Sequential([keras.Input((12, 16, 3)), Looking(name="looking"), model])
    seen.clear()
    with capture_activations(whole) as record:
        whole(ones(12, 16, 3))
    assert seen["types"] == CALLS
    assert seen["other"] == [None] * 3
    np.testing.assert_array_equal(seen["same"], expected)
    assert [name for name in record if ":" in name] == []


def test_layers_that_keras_does_not_track_are_recorded():
    hidden = (layers.Dense(3, name="hidden"),)

    class Model(keras.Model):
        def call(self, x):
            return layers.Rescaling(2.0, name="made")(hidden[0](x))

    found = recorded(own_models.called(Model(), ones(4)), ones(4))
    assert list(found) == ["hidden", "made"]
    np.testing.assert_array_equal(found["made"], 2 * found["hidden"])
    assert "call" not in vars(hidden[0])


def test_what_a_layer_calls_by_its_own_call_is_part_of_it():
    model = keras.Sequential([keras.Input((5, 4)), layers.TimeDistributed(layers.Dense(3, name="inner"), name="each")])
    assert list(recorded(model, ones(5, 4))) == ["each"]


def test_two_threads_record_each_their_own():
    models = [own_models.shaken(own_models.sequential), own_models.shaken(own_models.siamese)]
    given = [ones(8), [ones(5, 4), ones(5, 4)]]
    for model, values in zip(models, given, strict=True):
        model(values)
    found = {}

    def record(place):
        for _again in range(5):
            found.setdefault(place, []).append(list(recorded(models[place], given[place])))

    threads = [threading.Thread(target=record, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(names == ["hidden", "top"] for names in found[0])
    assert all({name for name in names if "/" not in name} == {"lstm", "lstm:1", "both", "same", "language"} for names in found[1])
    assert len(found[0]) == len(found[1]) == 5


def test_a_failure_leaves_the_layers_as_they_were():
    class Failing(layers.Layer):
        def call(self, _x):
            raise RuntimeError("stop")

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.failing = layers.Dense(2, name="dense"), Failing(name="failing")

        def call(self, x):
            return self.failing(self.dense(x))

    model = Model()
    with pytest.raises(RuntimeError, match="stop"), capture_activations(model):
        model(ones(4))
    assert "call" not in vars(model) | vars(model.dense) | vars(model.failing)
    assert list(recorded(own_models.sequential(), ones(8))) == ["hidden", "top"]


def test_a_call_that_failed_does_not_shift_what_comes_after():
    class Trying(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner, self.dense = own_models.sequential(), layers.Dense(2, name="dense")

        def call(self, x):
            try:
                self.inner(x)
            except ValueError:
                return self.dense(x)
            raise AssertionError

    model = Trying()
    with capture_activations(model) as record:
        model(ones(4))
    assert record["dense"][1].shape == (1, 2)
    assert record["sequential"][1] is None


def test_recordings_within_each_other_record_both():
    outer, inner = own_models.sequential(), own_models.sequential()
    with capture_activations(outer) as first, capture_activations(inner) as second:
        outer(ones(8))
        inner(ones(8))
    assert list(first) == list(second) == ["hidden", "top"]


def test_a_layer_whose_call_has_an_argument_named_layer_is_recorded():
    class Odd(layers.Layer):
        def call(self, x, layer=1.0):
            return x * layer

    class Model(keras.Model):
        def __init__(self):
            super().__init__()
            self.odd = Odd(name="odd")

        def call(self, x):
            return self.odd(x, layer=3.0)

    np.testing.assert_array_equal(recorded(own_models.called(Model(), ones(4)), ones(4))["odd"], 3 * ones(4))


def test_inside_a_compiled_function_what_is_recorded_is_symbolic():
    model = own_models.shaken(own_models.sequential)
    kept = {}

    @tensorflow.function
    def run(batch):
        with capture_activations(model) as record:
            model(batch)
        kept.update(record)
        return record["hidden"][1]

    assert run(tensorflow.constant(ones(8))).shape == (1, 6)
    assert not hasattr(kept["hidden"][1], "numpy")
