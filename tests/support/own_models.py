"""Models such as users build themselves, of every kind, small; and what Keras itself says of their layers."""

import numpy as np

from explorer.backend.runtime.keras import keras
from explorer.backend.runtime.keras_private import inbound_nodes

layers = keras.layers


def sequential():
    return keras.Sequential(
        [
            keras.Input((8,), name="numbers"),
            layers.Dense(6, activation="relu", name="hidden"),
            layers.Dense(3, activation="softmax", name="top"),
        ],
        name="sequential",
    )


def ops_between():
    """Operations between layers, and a preprocessing inside."""
    picture = keras.Input((12, 16, 3), name="picture")
    x = layers.Conv2D(4, 3, padding="same", name="block1_conv")(picture / 127.5 - 1.0)
    x = keras.ops.relu(x)
    y = layers.Conv2D(4, 3, padding="same", name="block2_conv")(x)
    x = layers.MaxPooling2D(name="block2_pool")(keras.ops.concatenate([x, y * 2.0], axis=-1))
    return keras.Model(picture, layers.Dense(5, activation="softmax", name="top")(layers.Flatten(name="flat")(x)), name="ops_between")


def siamese():
    """Two inputs, two outputs, a shared recurrent layer."""
    first, second = keras.Input((5, 4), name="first"), keras.Input((5, 4), name="second")
    lstm = layers.LSTM(3, name="lstm")
    both = layers.Concatenate(name="both")([lstm(first), lstm(second)])
    same = layers.Dense(1, activation="sigmoid", name="same")(both)
    return keras.Model([first, second], [same, layers.Dense(4, name="language")(both)], name="siamese")


def backwards():
    """A shared layer whose uses run in another order than they were written in, inside a model that is used twice as well."""
    numbers = keras.Input((4,), name="inner_numbers")
    shared = layers.Dense(4, activation="tanh", name="shared")
    late = shared(numbers)
    early = shared(layers.Dense(4, name="before")(numbers))
    inner = keras.Model(numbers, layers.Subtract(name="difference")([early, late]), name="inner")
    first, second = keras.Input((4,), name="first"), keras.Input((4,), name="second")
    written_first, written_second = inner(first), inner(second)
    return keras.Model([first, second], layers.Subtract(name="last")([written_second, written_first]), name="backwards")


def nested():
    """A backbone and a head in a model, the backbone with a Sequential of its own in it."""
    picture = keras.Input((12, 16, 3), name="backbone_picture")
    x = layers.Rescaling(1 / 255, name="scale")(picture)
    x = keras.Sequential([keras.Input((12, 16, 3)), layers.Conv2D(4, 3, name="conv"), layers.BatchNormalization(name="bn")], name="stem")(x)
    x = layers.Add(name="add")([x, layers.Conv2D(4, 3, padding="same", name="side")(x)])
    backbone = keras.Model(picture, x, name="backbone")
    head = keras.Sequential(
        [keras.Input((10, 14, 4)), layers.GlobalAveragePooling2D(name="pool"), layers.Dense(2, activation="softmax", name="scores")],
        name="head",
    )
    outer = keras.Input((12, 16, 3), name="picture")
    return keras.Model(outer, head(backbone(outer)), name="nested")


def timed():
    """A layer and a model at each step of a film."""
    film = keras.Input((3, 8, 10, 2), name="film")
    small = keras.Sequential(
        [keras.Input((8, 10, 4)), layers.GlobalMaxPooling2D(name="pool"), layers.Dense(4, name="inside")], name="small"
    )
    x = layers.TimeDistributed(layers.Conv2D(4, 3, padding="same", name="conv"), name="frames")(film)
    x = layers.TimeDistributed(small, name="each")(x)
    return keras.Model(film, layers.Dense(3, activation="softmax", name="top")(layers.GRU(4, name="gru")(x)), name="timed")


def named_ends():
    """Inputs and outputs by name."""
    inputs = {"title": keras.Input((3,), name="title"), "body": keras.Input((6,), name="body")}
    both = layers.Concatenate(name="both")([inputs["title"], inputs["body"]])
    topic = layers.Dense(4, activation="softmax", name="dense_of_topic")(both)
    return keras.Model(
        inputs, {"urgent": layers.Dense(2, activation="sigmoid", name="dense_of_urgent")(both), "topic": topic}, name="named_ends"
    )


def open_sizes():
    """Pictures of any size."""
    picture = keras.Input((None, None, 3), name="picture")
    x = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(4, 3, strides=4, name="conv")(picture))
    return keras.Model(picture, layers.Dense(2, activation="softmax", name="top")(x), name="open_sizes")


def open_steps():
    """Any number of steps."""
    return keras.Sequential(
        [keras.Input((None, 4), name="steps"), layers.GRU(3, name="gru"), layers.Dense(2, name="top")], name="open_steps"
    )


def words():
    """Whole numbers into an embedding that two inputs share, one of them of the usual float dtype."""
    first, second = keras.Input((6,), dtype="int32", name="first"), keras.Input((6,), name="second")
    embedding = layers.Embedding(20, 4, name="embedding")
    x = layers.Average(name="mean")([embedding(first), embedding(second)])
    return keras.Model([first, second], layers.Dense(2, name="top")(layers.Flatten(name="flat")(x)), name="words")


def states():
    """A layer with several outputs, each an output of the model."""
    steps = keras.Input((5, 4), name="steps")
    return keras.Model(steps, layers.LSTM(3, return_sequences=True, return_state=True, name="lstm")(steps), name="states")


def fixed_batch():
    """A batch of two and no other."""
    steps = keras.Input(batch_shape=(2, 5, 4), name="steps")
    return keras.Model(
        steps, layers.Dense(3, activation="softmax", name="top")(layers.LSTM(4, stateful=True, name="lstm")(steps)), name="fixed"
    )


WITH_GRAPH = (sequential, ops_between, siamese, backwards, nested, timed, named_ends, open_sizes, open_steps, words, states)


class Block(layers.Layer):
    """A layer of the user's own, made of others."""

    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units
        self.dense, self.norm = layers.Dense(units, name="dense"), layers.LayerNormalization(name="norm")

    def call(self, x):
        return self.norm(self.dense(x)) + x

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Blocks(keras.Model):
    """A list of blocks, one of them used twice, one layer never."""

    def __init__(self):
        super().__init__(name="blocks")
        self.blocks = [Block(4, name=f"block_{number}") for number in range(3)]
        self.never = layers.Dense(2, name="never")
        self.never.build((None, 4))
        self.top = layers.Dense(3, activation="softmax", name="top")

    def call(self, x):
        for block in (*self.blocks, self.blocks[0]):
            x = block(x)
        return self.top(x)


class Reader(keras.Model):
    """An LSTM inside, and a model with a graph."""

    def __init__(self):
        super().__init__(name="reader")
        self.lstm = layers.LSTM(3, name="lstm")
        self.head = keras.Sequential([keras.Input((3,)), layers.Dense(4, name="hidden"), layers.Dense(2, name="scores")], name="head")

    def call(self, x, training=False):  # as many people write it
        return self.head(self.lstm(x))


class Branches(keras.Model):
    """Dicts in, dicts and tuples out."""

    def __init__(self):
        super().__init__(name="branches")
        self.dense, self.mask = layers.Dense(3, activation="softmax", name="dense"), layers.Dense(4, name="mask")

    def call(self, inputs):
        x = inputs["input_ids"] + inputs["other"]
        return {"classes": self.dense(x), "masks": (self.mask(x), self.mask(2 * x))}


class SameNames(keras.Model):
    """Two layers of one name."""

    def __init__(self):
        super().__init__(name="same_names")
        self.first, self.second = layers.Dense(4, name="dense"), layers.Dense(2, name="dense")

    def call(self, x):
        return self.second(self.first(x))


class Listed(keras.Model):
    """A list of tensors in."""

    def __init__(self):
        super().__init__(name="listed")
        self.dense = layers.Dense(3, name="dense")

    def call(self, tensors):
        first, second = tensors
        return self.dense(first) - self.dense(second)


class TwoArguments(keras.Model):
    def __init__(self):
        super().__init__(name="two_arguments")
        self.dense = layers.Dense(3, name="dense")

    def call(self, first, second):
        return self.dense(first) + self.dense(second)


def called(model, *inputs):
    """Return the model after its first call."""
    model(*inputs)
    return model


def blocks():
    return called(Blocks(), np.zeros((1, 4), np.float32))


def reader():
    return called(Reader(), np.zeros((1, 5, 4), np.float32))


def branches():
    return called(Branches(), {"input_ids": np.zeros((1, 4), np.float32), "other": np.zeros((1, 4), np.float32)})


def same_names():
    return called(SameNames(), np.zeros((1, 4), np.float32))


def listed():
    return called(Listed(), [np.zeros((1, 4), np.float32), np.zeros((1, 4), np.float32)])


WITHOUT_GRAPH = (blocks, reader, branches, same_names, listed)


def shaken(make):
    """Return a model with weights that differ in every place, biases and moving means too."""
    keras.utils.set_random_seed(7)
    model = make()
    model.set_weights([np.random.default_rng(place).uniform(0.1, 0.9, one.shape) for place, one in enumerate(model.get_weights())])
    return model


def found_in(model, name):
    """Return the layer of this name, or the operation."""
    layers_of = model.layers if isinstance(model, keras.Sequential) else model.operations
    return next(one for one in layers_of if one.name == name)


def by_keras(model, values, address):
    """Return what a layer of a model with a graph answers to `values`, a list of one batch an input, by Keras alone."""
    first, _slash, inside = address.partition("/")
    name, _colon, use = first.partition(":")
    layer = found_in(model, name)
    node = inbound_nodes(layer)[int(use or 0)]
    if node.is_input:
        return values[[tensor.name for tensor in model.inputs].index(node.output_tensors[0].name)]
    wanted = node.input_tensors if inside else node.output_tensors[:1]
    found = keras.Model(model.inputs, list(wanted))(values, training=False)
    return by_keras(layer, keras.tree.flatten(found), inside) if inside else np.asarray(keras.tree.flatten(found)[0])
