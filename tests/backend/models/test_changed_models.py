"""Whatever can change a model reaches what explorer compiled from it and remembers of it."""

import numpy as np
import pytest

import explorer
from explorer.backend.fine_tuning import heads
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError

layers = keras.layers
X = np.linspace(-1, 1, 4, dtype=np.float32)
DATA = np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32)


def with_statistics(seed, adapted=True):
    """A model whose answers hang on the mean and variance of a Normalization, at the top and inside a nested model."""
    keras.utils.set_random_seed(seed)
    inner = keras.Sequential([keras.Input((4,)), layers.Normalization(name="inner_norm"), layers.Dense(4, name="mix")], name="inner")
    model = keras.Sequential([keras.Input((4,)), layers.Normalization(name="norm"), inner, layers.Dense(3, name="top")])
    if adapted:
        adapt(model, DATA + seed)
    return model


def adapt(model, data):
    model.get_layer("norm").adapt(data)
    model.get_layer("inner").get_layer("inner_norm").adapt(data * 2)


def scores(network, x=X):
    return [one.score for one in sorted(network.predict(x, top=3), key=lambda one: one.id)]


def by_keras(model, x=X):
    return np.asarray(model(x[None])).ravel()


def assert_follows(network, expected):
    np.testing.assert_allclose(scores(network), expected, atol=1e-5)
    np.testing.assert_allclose(network.feature_maps(X, "top"), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("ending", "by_name"),
    [(".weights.h5", False), (".weights.h5", True), (".h5", False), (".h5", True), ("-weights.h5", False), (".keras", False)],
)
def test_statistics_loaded_after_a_prediction_are_those_of_the_file(tmp_path, ending, by_name):
    source = with_statistics(1)
    path = tmp_path / f"source{ending}"
    explorer.load(source).save_weights(path) if "weights" in ending else source.save(path)
    network = explorer.load(with_statistics(2))
    assert_follows(network, by_keras(with_statistics(2)))
    data = {"x": DATA[:8], "y": by_keras(source, DATA[0]) * np.ones((8, 1), np.float32)}
    network.evaluate(**data)
    network.load_weights(path, by_name=by_name)
    assert_follows(network, by_keras(source))
    assert network.evaluate(**data) == pytest.approx(explorer.load(source).evaluate(**data), rel=1e-4)


def test_a_file_that_does_not_fit_changes_nothing(tmp_path):
    other = with_statistics(1)
    other.pop()
    other.add(layers.Dense(7, name="top"))
    other.save_weights(tmp_path / "other.weights.h5")
    with_statistics(2).save(tmp_path / "model.keras")
    network = explorer.load(tmp_path / "model.keras")
    with pytest.raises(ExplorerError, match="do not fit"):
        network.load_weights(tmp_path / "other.weights.h5")
    assert_follows(network, by_keras(with_statistics(2)))


def test_a_live_model_that_is_adapted_answers_with_its_new_statistics():
    model = with_statistics(1)
    network = explorer.load(model)
    before = scores(network)
    adapt(model, DATA * 3)
    assert np.abs(by_keras(model) - before).max() > 0.01
    assert_follows(network, by_keras(model))


def test_a_live_model_that_is_given_weights_answers_with_all_of_them():
    model, other = with_statistics(1), with_statistics(2)
    network = explorer.load(model)
    scores(network)
    model.set_weights(other.get_weights())
    assert_follows(network, by_keras(other))
    assert_follows(network, by_keras(model))


def test_a_live_model_that_is_trained_answers_with_its_new_weights():
    model = with_statistics(1)
    network = explorer.load(model)
    before = scores(network)
    model.compile("sgd", "mse")
    model.fit(DATA, np.ones((50, 3)), epochs=2, verbose=0)
    assert np.abs(by_keras(model) - before).max() > 0.001
    assert_follows(network, by_keras(model))


def test_the_model_of_a_network_that_was_loaded_may_be_changed_too(tmp_path):
    with_statistics(1).save(tmp_path / "model.keras")
    network = explorer.load(tmp_path / "model.keras")
    assert_follows(network, by_keras(with_statistics(1)))
    network.model.set_weights(with_statistics(2).get_weights())
    assert_follows(network, by_keras(with_statistics(2)))


def test_a_layer_swapped_in_is_listed_and_answers():
    model = with_statistics(1)
    network = explorer.load(model)
    scores(network)
    model.pop()
    model.add(layers.Dense(5, activation="softmax", name="new_top"))
    assert [row.name for row in network.layers][-1] == "new_top"
    assert network.summary().classes == (5,)
    found = network.predict(X, top=5)
    np.testing.assert_allclose([one.score for one in sorted(found, key=lambda one: one.id)], by_keras(model), atol=1e-6)


def replace_activation(model):
    model.get_layer("top").activation = keras.activations.tanh


def replace_kernel_of_an_inner_layer(model):
    model.get_layer("inner").get_layer("mix").kernel.assign(np.eye(4))


def replace_the_rate(model):
    model.get_layer("scale").scale = 5.0


@pytest.mark.parametrize("change", [replace_activation, replace_kernel_of_an_inner_layer, replace_the_rate])
def test_an_attribute_of_a_layer_that_is_replaced_counts(change):
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="mix")], name="inner")
    model = keras.Sequential([keras.Input((4,)), layers.Rescaling(2.0, name="scale"), inner, layers.Dense(3, name="top")])
    network = explorer.load(model)
    before = scores(network)
    change(model)
    assert np.abs(by_keras(model) - before).max() > 1e-3
    assert_follows(network, by_keras(model))


class Stack(layers.Layer):
    """A layer of the user's own with layers in a list."""

    def __init__(self, **options):
        super().__init__(**options)
        self.steps = [layers.Dense(4), layers.Dense(4)]

    def build(self, _shape):
        for step in self.steps:
            step.build((None, 4))

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x


def test_a_layer_inside_a_layer_of_the_users_own_that_is_swapped_counts():
    model = keras.Sequential([keras.Input((4,)), Stack(name="stack"), layers.Dense(3, name="top")])
    network = explorer.load(model)
    before = scores(network)
    swapped = layers.Dense(4, activation="relu")
    swapped.build((None, 4))
    model.get_layer("stack").steps[1] = swapped
    assert np.abs(by_keras(model) - before).max() > 1e-3
    assert_follows(network, by_keras(model))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__(name="subclassed")
        self.body, self.head, self.spare = layers.Dense(4, name="body"), layers.Dense(3, name="top"), layers.Dense(6, name="new_top")

    def build(self, shape):
        self.body.build(shape)
        self.head.build((None, 4))
        self.spare.build((None, 4))

    def call(self, x):
        return self.head(self.body(x))


def test_the_head_of_a_subclassed_model_that_is_swapped_counts():
    model = Subclassed()
    model(X[None])
    network = explorer.load(model)
    scores(network)
    model.head = model.spare
    assert len(network.predict(X, top=6)) == 6
    assert network.layers["new_top"].output_shape == (6,)
    np.testing.assert_allclose(network.feature_maps(X, "new_top"), by_keras(model), atol=1e-6)


def test_a_model_that_does_not_change_is_compiled_once(monkeypatch):
    model = with_statistics(1)
    network = explorer.load(model)
    scores(network)
    made = []
    monkeypatch.setattr(network, "renew", lambda: made.append(1))
    for _time in range(3):
        scores(network)
        network.feature_maps(X, "top")
    assert made == []


def test_nobody_who_only_looks_makes_a_network_forget(samples):
    network = explorer.load("digits")
    network.feature_maps(samples / "digit_3.png", "block2_relu")
    network.summary()
    network.describe()
    network.predict(samples / "digit_3.png")
    heads.backbone(network)
    assert network.activations.size > 0


def statistics(model):
    """Return the layer that holds the mean and the variance of a model's input."""
    return next(layer for layer in model.layers if isinstance(layer, layers.Normalization))


def test_an_architecture_with_statistics_takes_those_of_weights_whether_given_to_it_or_loaded_later(tmp_path):
    build = {"include_top": False, "input_shape": (32, 32, 3), "pooling": "avg"}
    source = keras.applications.EfficientNetB0(weights=None, **build)
    statistics(source).adapt(np.random.default_rng(0).normal(120, 60, (20, 32, 32, 3)))
    path = tmp_path / "source.weights.h5"
    source.save_weights(path)
    later = explorer.load("EfficientNetB0", weights=None, **build)
    later.load_weights(path)
    doubled = layers.Rescaling(2.0)(keras.Input((32, 32, 3)))
    given = explorer.load("EfficientNetB0", input_tensor=doubled, weights=str(path), include_top=False, pooling="avg")
    for network in (later, given):
        found, expected = ([norm.mean, norm.variance] for norm in map(statistics, (network.model, source)))
        np.testing.assert_array_equal(found, expected)  # what it computes with, made of its weights
        for one, other in zip(network.model.get_weights(), source.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)
