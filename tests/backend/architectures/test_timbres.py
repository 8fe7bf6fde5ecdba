"""The network `timbres` as it is built: its layers, its options, and that the trained weights fit."""

import numpy as np
import pytest

from explorer.backend.architectures import digits, timbres
from explorer.backend.runtime.keras import keras
from explorer.catalog import BUNDLED, SPECTROGRAMS


@pytest.fixture(scope="module")
def trained():
    """Return the bundled network, opened by Keras alone."""
    return keras.saving.load_model(BUNDLED / "timbres.keras", compile=False)


@pytest.fixture(scope="module")
def built():
    """Return the network as the code builds it, with random weights."""
    keras.utils.set_random_seed(0)
    return timbres.build()


def shapes(model):
    return [(layer.name, type(layer).__name__, layer.output.shape) for layer in model.layers]


def test_it_reads_the_spectrogram_and_answers_with_the_classes(built):
    assert built.name == "timbres"
    assert built.input_shape == (None, *SPECTROGRAMS["timbres"].shape) == (None, 64, 128, 1)
    assert built.output_shape == (None, 8)
    assert built.layers[-1].name == "predictions"


def test_the_convolutions_end_in_a_sequence_that_the_recurrent_layers_read(built):
    assert built.get_layer("block3_pool").output.shape == (None, 1, 16, 32)
    assert built.get_layer("sequence").output.shape == (None, 16, 32)
    assert built.get_layer("gru").output.shape == (None, 16, 32)
    assert built.get_layer("gru_last").output.shape == (None, 32)


def test_the_sequence_keeps_the_order_of_time(built):
    steps = keras.Model(built.input, built.get_layer("sequence").output)
    silent = np.full((1, 64, 128, 1), -60, np.float32)
    loud = silent.copy()
    loud[:, :, 64:72] = 0  # frames of step 8
    changed = np.abs(steps.predict(loud, verbose=0) - steps.predict(silent, verbose=0)).max((0, 2))
    assert changed[8] > 0
    assert not changed[:7].any()
    assert not changed[10:].any()


def test_without_its_top_it_answers_with_what_the_last_recurrent_layer_keeps():
    model = timbres.build(include_top=False)
    assert (model.output_shape, model.layers[-1].name) == ((None, 32), "gru_last")


def test_it_is_built_for_other_classes_and_on_a_tensor_of_the_users_own():
    own = keras.Input((64, 128, 1), name="mine")
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        model = timbres.build(input_tensor=own, classes=3)
    assert model.input is own
    assert model.output_shape == (None, 3)


def test_it_is_built_on_the_output_of_other_layers():
    own = keras.Input((32, 64, 1))
    model = timbres.build(input_tensor=keras.layers.UpSampling2D()(own))
    assert model.input is own
    assert model.predict(np.zeros((1, 32, 64, 1), np.float32), verbose=0).shape == (1, 8)


def test_the_bundled_network_is_the_one_that_the_code_builds(trained, built):
    assert shapes(trained) == shapes(built)


@pytest.mark.parametrize("include_top", [True, False])
def test_the_trained_weights_fit_with_and_without_the_top(trained, include_top):
    model = timbres.build(include_top=include_top)
    digits.set_weights(model, trained)
    x = np.random.default_rng(0).uniform(-80, 0, (2, 64, 128, 1)).astype(np.float32)
    expected = keras.Model(trained.input, trained.layers[-1 if include_top else -3].output).predict(x, verbose=0)
    assert np.allclose(model.predict(x, verbose=0), expected, atol=1e-6)
