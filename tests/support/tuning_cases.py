"""A small network and small data to train it on, for the tests of fine-tuning."""

import numpy as np

import explorer
from explorer.backend.runtime.keras import keras, tensorflow
from explorer.values import Example, Head, Labelled, Phase, Recipe, TrainingData

layers = keras.layers
CLASSES = ("red", "green", "blue")


def network(dropout=0.0):
    """Three blocks of a convolution, a batch norm and a ReLU, then a head, with moving statistics as after training."""
    keras.utils.set_random_seed(3)
    picture = keras.Input((12, 16, 3), name="picture")
    x = picture
    for block, filters in (("block_1", 4), ("block_2", 6), ("block_3", 5)):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{block}_conv")(x)
        x = layers.BatchNormalization(name=f"{block}_norm")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
        if dropout and block == "block_2":
            x = layers.Dropout(dropout, name="block_2_dropout")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    model = keras.Model(picture, layers.Dense(7, activation="softmax", name="scores")(x), name="small")
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_mean.assign(random.normal(0, 0.1, layer.moving_mean.shape))
            layer.moving_variance.assign(random.uniform(0.5, 1.5, layer.moving_variance.shape))
    return explorer.load(model, preprocess="unit")


def pictures(count, seed=0):
    """Return examples and their classes: which colour is bright."""
    random = np.random.default_rng(seed)
    found = []
    for place in range(count):
        pixels = random.integers(0, 60, (12, 16, 3)).astype(np.uint8)
        pixels[..., place % 3] += np.uint8(150)
        found.append(Labelled(Example("image", pixels, f"picture {place}"), (place % 3,)))
    return tuple(found)


def data(training=24, validation=9):
    return TrainingData("image", CLASSES, pictures(training), pictures(validation, seed=1))


def recipe(freeze=4, epochs=(2, 2), **settings):
    """Return a recipe whose batches do not divide the data evenly, with rates at which something happens."""
    phases = (
        Phase("head", "rmsprop", 0.01, epochs[0], batch_size=7),
        Phase("tail", "sgd", 0.02, epochs[1], batch_size=7, momentum=0.9),
    )
    return Recipe(freeze, settings.pop("head", Head(8)), settings.pop("phases", phases), **settings)


def arrays(network, examples):
    """Return what the network reads of the examples, (n, 12, 16, 3), and their classes (n,)."""
    return np.concatenate([network.to_batch(one.example)[0] for one in examples]), np.array([one.classes[0] for one in examples], np.int32)


def plainly(network, data, recipe, frozen):
    """Train as one would without explorer, in plain Keras: return the model and the losses and held-out losses of all epochs.

    frozen: the names of the layers of the backbone that the tail's phase freezes.
    """
    keras.utils.set_random_seed(recipe.seed)  # of what is random in the backbone
    model = keras.models.clone_model(network.model)
    model.set_weights(network.model.get_weights())
    base = keras.Model(model.input, model.get_layer("block_3_relu").output)
    keras.utils.set_random_seed(recipe.seed)
    x = layers.GlobalAveragePooling2D()(base.output)
    x = layers.Dense(recipe.head.units, activation="relu")(x)
    if recipe.head.dropout:
        x = layers.Dropout(recipe.head.dropout)(x)
    tuned = keras.Model(base.input, layers.Dense(3, activation="softmax")(x))
    (x, y), (held_out, answers) = arrays(network, data.training), arrays(network, data.validation)
    losses, held_out_losses = [], []
    for place, phase in enumerate(recipe.phases):
        for layer in base.layers:
            layer.trainable = phase.trains == "tail" and layer.name not in frozen
        optimizer = keras.optimizers.RMSprop(phase.learning_rate)
        if phase.optimizer == "sgd":
            optimizer = keras.optimizers.SGD(phase.learning_rate, momentum=phase.momentum)
        tuned.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
        keras.utils.set_random_seed(recipe.seed + 1 + place)
        batches = tensorflow.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed=recipe.seed).batch(phase.batch_size)
        history = tuned.fit(batches, validation_data=(held_out, answers), epochs=phase.epochs, shuffle=False, verbose=0).history
        losses += history["loss"]
        held_out_losses += history["val_loss"]
    return tuned, losses, held_out_losses
