"""Small models of every kind, and files as Keras 2 wrote them, for the tests of what is saved and loaded."""

import json
import shutil

import h5py
import numpy as np

from explorer.backend.runtime.keras import keras

layers = keras.layers


@keras.saving.register_keras_serializable("tests")
class Registered(keras.Model):
    """A model written as a class that says how it was made."""

    def __init__(self, units=3, **options):
        super().__init__(**options)
        self.units = units
        self.dense = layers.Dense(units, name="inside")

    def call(self, x):
        return self.dense(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Unregistered(Registered):
    """The same, but Keras does not know the class."""


class Silent(keras.Model):
    """A model written as a class that does not say how it was made."""

    def __init__(self, table):
        super().__init__(name="silent")
        self.table = table
        self.dense = layers.Dense(2, name="inside")

    def call(self, x):
        return self.dense(x)


class Doubling(layers.Layer):
    """A layer of the user's own, which Keras does not know."""

    def call(self, x):
        return 2 * x


def sequential():
    return keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, activation="relu", name="first"), layers.Dense(2, activation="softmax", name="last")],
        name="stack",
    )


def unbuilt():
    return keras.Sequential([layers.Dense(3, name="first"), layers.Dense(2, name="last")], name="stack")


def functional():
    """Two inputs, a shared layer, a nested model of each kind, two outputs."""
    left, right = keras.Input((4,), name="left"), keras.Input((4,), name="right")
    shared = layers.Dense(3, name="shared")
    stack = keras.Sequential([keras.Input((6,)), layers.Dense(5, name="deep"), layers.BatchNormalization(name="norm")], name="stack")
    entry = keras.Input((5,))
    graph = keras.Model(entry, layers.Dense(4, activation="relu", name="deeper")(entry), name="graph")
    x = graph(stack(layers.Concatenate(name="both")([shared(left), shared(right)])))
    outputs = [layers.Dense(2, activation="softmax", name="kind")(x), layers.Dense(1, name="size")(x)]
    return keras.Model([left, right], outputs, name="two_sides")


def nested_at_the_end():
    stack = keras.Sequential([keras.Input((4,)), layers.Dense(2, name="deep")], name="stack")
    x = keras.Input((4,), name="x")
    return keras.Model(x, stack(layers.Dense(4, name="before")(x)), name="outer")


def timed():
    frames = keras.Input((3, 6, 6, 1), name="frames")
    x = layers.TimeDistributed(layers.Conv2D(2, 3, name="look"), name="each")(frames)
    x = layers.LSTM(3, name="memory")(layers.TimeDistributed(layers.Flatten(), name="flat")(x))
    return keras.Model(frames, layers.Bidirectional(layers.GRU(2), name="ways")(layers.Reshape((3, 1))(x)), name="film")


def pictures():
    """What the image networks of Keras 2 are made of."""
    x = picture = keras.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(4, 3, padding="same", name="conv")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Activation("relu6", name="relu")(x)
    x = layers.DepthwiseConv2D(3, name="depthwise")(x)
    x = layers.SeparableConv2D(3, 3, name="separable")(x)
    x = layers.Conv2DTranspose(2, 3, name="wider")(x)
    x = layers.SpatialDropout2D(0.1, name="drop")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="scores")(x), name="pictures")


def registered():
    model = Registered(name="own")
    model(np.zeros((1, 4), "float32"))
    return model


def examples(model, count=2, shape=(4,)):
    """Return random input for a model; `shape` of one example where Keras does not know it."""
    random = np.random.default_rng(0)
    shapes = [tuple(tensor.shape)[1:] for tensor in getattr(model, "inputs", None) or []] or [shape]
    arrays = [random.random((count, *one), "float32") for one in shapes]
    return arrays if len(arrays) > 1 else arrays[0]


def predictions(model, given):
    return [np.asarray(one) for one in keras.tree.flatten(model(given, training=False))]


def assert_same_answers(one, other):
    given = examples(one)
    for expected, got in zip(predictions(one, given), predictions(other, given), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def moved(model):
    """Give a model other weights than its initial ones, the moving means of normalisations too."""
    random = np.random.default_rng(1)
    model.set_weights([random.random(weight.shape).astype(weight.dtype) for weight in model.get_weights()])
    return model


# Keras 2


WRITTEN = {  # what Keras 2 wrote for these layers beside what Keras 3 writes
    "DepthwiseConv2D": {"groups": 1},
    "SeparableConv2D": {"groups": 1, "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}}},
    "Conv2DTranspose": {"groups": 1},
    "SpatialDropout2D": {"trainable": True, "noise_shape": None},
    "LSTM": {"time_major": False},
    "GRU": {"time_major": False},
}


def as_keras_2(config):
    """Return the config of a model of Keras 3 as Keras 2.4 to 2.15 wrote it."""
    if isinstance(config, list):
        return [as_keras_2(one) for one in config]
    if not isinstance(config, dict):
        return config
    entry = {key: as_keras_2(value) for key, value in config.items() if key not in ("module", "registered_name", "build_config")}
    name, arguments = entry.get("class_name"), entry.get("config")
    if name == "DTypePolicy":
        return arguments["name"]
    if name and isinstance(arguments, dict):
        arguments |= WRITTEN.get(name, {})
        for argument in ("quantization_config", "optional"):
            arguments.pop(argument, None)
        if "batch_shape" in arguments:
            arguments["batch_input_shape"] = arguments.pop("batch_shape")
        if name == "BatchNormalization":
            arguments["axis"] = [arguments["axis"]]
        if "input_layers" in arguments:
            _graph_as_keras_2(arguments)
    return entry


def _graph_as_keras_2(arguments):
    nested = {layer["name"] for layer in arguments["layers"] if "layers" in layer["config"]}

    def called(name, node, tensor):
        return [name, node + (name in nested), tensor]

    for layer in arguments["layers"]:
        nodes = []
        for node in layer["inbound_nodes"]:
            tensors = node["args"][0] if isinstance(node["args"][0], list) else node["args"]
            nodes.append([[*called(*tensor["config"]["keras_history"]), node["kwargs"]] for tensor in tensors])
        layer["inbound_nodes"] = nodes
    for key in ("input_layers", "output_layers"):
        tensors = arguments[key] if isinstance(arguments[key][0], list) else [arguments[key]]
        arguments[key] = [called(*tensor) for tensor in tensors]


def json_of_keras_2(model, version="2.4.0"):
    config = {key: value for key, value in json.loads(model.to_json()).items() if key in ("class_name", "config")}
    return {**as_keras_2(config), "keras_version": version, "backend": "tensorflow"}


def save_as_keras_2(model, path, config=None, training=None, version="2.4.0"):
    """Write a whole-model .h5 as Keras 2 did: Keras 3's own, with the JSON that Keras 2 wrote."""
    fresh = path.with_name(f"fresh-{path.stem}.h5")
    keras.saving.save_model(model, fresh)
    shutil.move(fresh, path)
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = json.dumps(config or {**json_of_keras_2(model), "keras_version": None})
        file.attrs["keras_version"] = version
        if training:
            file.attrs["training_config"] = json.dumps(training)
    return path
