import importlib

import numpy as np
import pytest

from explorer.backend.inputs.preprocessing import preprocessed
from explorer.backend.runtime.keras import keras
from explorer.catalog import architectures
from explorer.errors import ExplorerError
from explorer.values import InputSpec, TensorInfo

MODULES = {
    "MobileNetV2": "mobilenet_v2",
    "MobileNet": "mobilenet",
    "VGG16": "vgg16",
    "VGG19": "vgg19",
    "ResNet50": "resnet",
    "ResNet50V2": "resnet_v2",
    "InceptionV3": "inception_v3",
    "InceptionResNetV2": "inception_resnet_v2",
    "Xception": "xception",
    "DenseNet121": "densenet",
    "NASNetMobile": "nasnet",
    "MobileNetV3Small": "mobilenet_v3",
    "EfficientNetB0": "efficientnet",
    "EfficientNetV2B0": "efficientnet_v2",
    "ConvNeXtTiny": "convnext",
}


def input_spec(preprocess_mode, data_format="channels_last", dtype="float32"):
    shape = (3, 4, 5) if data_format == "channels_first" else (4, 5, 3)
    return InputSpec("image", (TensorInfo("pixels", shape, dtype),), preprocess_mode, data_format, (4, 5, 3))


def pixels(data_format="channels_last"):
    values = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3)).astype(np.float32)
    return np.moveaxis(values, -1, 1) if data_format == "channels_first" else values


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", MODULES)
def test_pixels_are_prepared_as_the_guide_of_each_architecture_does(name, data_format):
    recipe = importlib.import_module(f"keras.applications.{MODULES[name]}").preprocess_input
    expected = recipe(pixels(data_format), data_format=data_format)
    found = preprocessed(pixels(data_format), input_spec(architectures[name].preprocess_mode, data_format), None)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_every_convention_of_the_table_is_tried_here():
    of_pictures = {row.preprocess_mode for row in architectures.values() if row.input == "image"}
    assert {architectures[name].preprocess_mode for name in MODULES} | {"digit"} == of_pictures


@pytest.mark.parametrize(("preprocess_mode", "scale"), [("none", 1), ("digit", 1), ("unit", 255)])
def test_pixels_are_left_or_brought_to_one(preprocess_mode, scale):
    np.testing.assert_array_equal(preprocessed(pixels(), input_spec(preprocess_mode), None), pixels() / np.float32(scale))


def test_a_function_is_used_and_its_numbers_brought_to_the_networks_dtype():
    found = preprocessed(pixels(), input_spec("custom", dtype="float16"), lambda values: values.astype(np.float64) / 2)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, pixels() / 2)
    found = preprocessed(pixels(), input_spec("custom"), lambda values: keras.ops.convert_to_tensor(values) / 2)
    np.testing.assert_allclose(found, pixels() / 2)


@pytest.mark.parametrize(
    "function", [lambda values: values[:, :2], lambda values: values.mean(), lambda values: [1, 2], lambda values: None]
)
def test_a_function_that_returns_another_shape_is_refused(function):
    with pytest.raises(ExplorerError, match="it must keep their shape"):
        preprocessed(pixels(), input_spec("custom"), function)


def test_what_a_function_raises_comes_through():
    def failing(_values):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        preprocessed(pixels(), input_spec("custom"), failing)
