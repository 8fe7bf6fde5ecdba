"""NaN among weights and answers is said."""

import warnings

import numpy as np
import pytest
import small_models as small

import explorer
from explorer.backend.models import finite
from explorer.backend.models.files import save_model
from explorer.backend.models.weights import save_weights
from explorer.backend.runtime.keras import keras
from explorer.errors import AssumptionWarning, ExplorerError

X = np.ones(4, np.float32)


def apply_mistakes(value=np.nan):
    model = small.sequential()
    kernel, bias = model.layers[1].get_weights()
    kernel[0, 0] = value
    model.layers[1].set_weights([kernel, bias])
    return model


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_layers_with_weights_that_are_no_numbers_are_found(value):
    assert finite.unfit_layers(apply_mistakes(value)) == ("last",)
    assert finite.unfit_layers(small.functional()) == ()


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_with_such_weights_is_opened_with_a_warning(name, tmp_path):
    save_model(apply_mistakes(), tmp_path / name)
    with pytest.warns(AssumptionWarning, match=r"Weights of last are not numbers \(NaN\) or infinite"):
        network = explorer.load(tmp_path / name)
    assert "Weights of last" in network.input_spec.assumed[-1]


def test_answers_that_are_no_numbers_are_refused_and_say_why():
    with pytest.raises(ExplorerError, match=r"The output of stack is not a number \(NaN\), or infinite. Weights of last"):
        explorer.load(apply_mistakes()).predict(X)


def test_features_that_are_no_numbers_are_refused_and_feature_maps_are_shown():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="first"), keras.layers.Dense(2)])
    model.layers[0].set_weights([np.full((4, 3), np.nan), np.zeros(3)])
    network = explorer.load(model)
    with pytest.raises(ExplorerError, match="Weights of first are not numbers"):
        network.features(X)
    assert np.isnan(network.feature_maps(X, "first")).all()


def test_numbers_that_overflow_are_said_to():
    model = small.sequential()
    model.set_weights([weight + 3e38 for weight in model.get_weights()])
    with pytest.raises(ExplorerError, match="Its weights are finite, so this comes up in between"):
        explorer.load(model).predict(X)


def test_loading_weights_that_are_no_numbers_warns(tmp_path):
    save_weights(apply_mistakes(), tmp_path / "spoilt.weights.h5")
    network = explorer.load(small.sequential())
    with pytest.warns(AssumptionWarning, match="Weights of last"):
        assert network.load_weights(tmp_path / "spoilt.weights.h5").unfit == ("last",)
    save_weights(small.sequential(), tmp_path / "good.weights.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert network.load_weights(tmp_path / "good.weights.h5").unfit == ()


def test_whole_numbers_and_small_floats_are_looked_at():
    assert finite.is_finite(np.arange(3))
    assert finite.is_finite(np.zeros(0, np.float32))
    bfloat16 = np.dtype("bfloat16")
    assert finite.is_finite(np.ones(3).astype(bfloat16))
    assert not finite.is_finite(np.array([1, np.nan]).astype(bfloat16))
