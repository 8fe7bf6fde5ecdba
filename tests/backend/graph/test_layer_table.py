from itertools import groupby

import numpy as np
import pytest

import explorer
from explorer.backend.graph import layer_table
from explorer.backend.graph.feature_layer import feature_layer
from explorer.backend.runtime.keras import keras
from explorer.catalog import architectures
from explorer.errors import ExplorerError, UnknownName
from explorer.values import Axis, Layer

PICTURE = (Axis("row", 90, "pixel", 0, 90), Axis("column", 150, "pixel", 0, 150), Axis("channel", 3))


def test_indices_and_names_are_those_of_keras(untrained):
    assert [layer.index for layer in untrained.layers] == list(range(len(untrained.model.layers)))
    assert [layer.name for layer in untrained.layers] == [layer.name for layer in untrained.model.layers]
    assert [layer.class_name for layer in untrained.layers] == [type(layer).__name__ for layer in untrained.model.layers]


def test_shapes_are_those_of_the_layers_outputs(untrained):
    for layer in untrained.layers:
        assert layer.output_shape == tuple(untrained.model.layers[layer.index].output.shape[1:])


def test_parameters_add_up_to_those_of_the_model_and_of_the_catalog(untrained):
    total = sum(layer.parameters for layer in untrained.layers)
    assert total == untrained.model.count_params() == untrained.summary().parameters
    assert total == architectures[untrained.spec.architecture].parameters


def test_every_layer_is_found_by_its_index_from_either_end_and_by_its_name(untrained):
    last = len(untrained.layers)
    for layer in untrained.layers:
        assert untrained.layers[layer.index] == untrained.layers[layer.index - last] == untrained.layers[layer.name] == layer


def test_an_index_beyond_the_last_layer_says_how_many_there_are(untrained):
    last = len(untrained.layers) - 1
    with pytest.raises(UnknownName, match=f"this network has layers 0 to {last}"):
        untrained.layers[last + 1]


def test_every_block_is_one_run_of_layers_from_stem_to_top(untrained):
    runs = [block for block, _run in groupby(layer.block for layer in untrained.layers)]
    assert len(set(runs)) == len(runs)
    assert (runs[0], runs[-1]) == ("stem", "top")
    assert untrained.layers[0].kind == "input"
    assert untrained.layers[-1].block == "top"


def test_the_blocks_are_those_that_the_papers_name(untrained):
    blocks = list(dict.fromkeys(layer.block for layer in untrained.layers))[1:-1]
    expected = {
        "digits": [f"block{number}" for number in (1, 2, 3)],
        "MobileNet": [f"conv_{number}" for number in range(1, 14)],
    }
    assert blocks == expected[untrained.spec.architecture]


def test_the_kinds_say_what_the_layers_do(untrained):
    kinds = {layer.class_name: layer.kind for layer in untrained.layers}
    known = {
        "InputLayer": "input",
        "Conv2D": "convolution",
        "DepthwiseConv2D": "depthwise",
        "BatchNormalization": "normalisation",
        "ReLU": "activation",
        "Activation": "activation",
        "Add": "merge",
        "MaxPooling2D": "pooling",
        "GlobalAveragePooling2D": "pooling",
        "Dense": "dense",
        "ZeroPadding2D": "other",
        "Flatten": "other",
        "Reshape": "other",
        "Dropout": "other",
    }
    assert kinds.items() <= known.items()


@pytest.mark.parametrize("untrained", ["MobileNetV2"], indirect=True)
def test_layer_116_of_mobilenet_v2_begins_block_13(untrained):
    assert untrained.layers[116].name == "block_13_expand"
    assert [untrained.layers[index].block for index in (115, 116, 117)] == ["block_12", "block_13", "block_13"]


@pytest.mark.parametrize(
    ("class_name", "kind"),
    [
        ("Conv1D", "convolution"),
        ("Conv2DTranspose", "convolution"),
        ("SeparableConv2D", "convolution"),
        ("DepthwiseConv1D", "depthwise"),
        ("LayerNormalization", "normalisation"),
        ("AveragePooling1D", "pooling"),
        ("LeakyReLU", "activation"),
        ("Softmax", "activation"),
        ("Average", "merge"),
        ("Concatenate", "merge"),
        ("GRU", "recurrent"),
        ("Bidirectional", "recurrent"),
        ("Permute", "other"),
        ("Rescaling", "other"),
        ("UpSampling2D", "other"),
    ],
)
def test_kinds_of_layers_that_other_networks_have(class_name, kind):
    assert layer_table.kind_of(class_name) == kind


@pytest.mark.parametrize("shape", [(3, 5, 8), (1, 5, 8), (3, 5, 1)])
def test_maps_lie_over_the_whole_input(shape):
    rows, columns, channels = shape
    axes = layer_table.axes_of(PICTURE, shape)
    assert axes == (Axis("row", rows, "pixel", 0, 90), Axis("column", columns, "pixel", 0, 150), Axis("channel", channels))


@pytest.mark.parametrize(("shape", "units"), [((10,), 10), ((1, 1, 1024), 1024), ((1, 1, 1), 1), ((), 1)])
@pytest.mark.parametrize("inputs", [PICTURE, ()])
def test_what_is_no_map_is_a_vector_of_units(shape, units, inputs):
    assert layer_table.axes_of(inputs, shape) == (Axis("unit", units),)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((7, 5), (Axis("step", 7), Axis("unit", 5))),
        ((4, 6, 3), (Axis("row", 4), Axis("column", 6), Axis("channel", 3))),
        ((9, 4, 6, 3), (Axis("row", 4), Axis("column", 6), Axis("channel", 27))),
        ((2, 9, 4, 6, 3), (Axis("row", 4), Axis("column", 6), Axis("channel", 54))),
    ],
)
def test_of_arrays_nothing_says_where_the_cells_lie(shape, axes):
    assert layer_table.axes_of((), shape) == axes


def test_vectors_after_each_other_are_no_maps_of_a_picture():
    assert layer_table.axes_of(PICTURE, (7, 5)) == (Axis("step", 7), Axis("unit", 5))


def row(index, name, kind, shape, inputs=(), class_name="Layer"):
    weights = kind in ("convolution", "dense", "recurrent", "model", "normalisation")
    return Layer(index, name, kind, class_name, "", shape, int(weights), inputs=inputs)


@pytest.mark.parametrize(
    ("rows", "headless", "name"),
    [
        ([row(0, "conv", "convolution", (4, 4, 8)), row(1, "pool", "pooling", (8,)), row(2, "top", "dense", (3,))], False, "conv"),
        ([row(0, "conv", "convolution", (4, 4, 8)), row(1, "pool", "pooling", (8,))], True, "pool"),
        ([row(0, "conv", "convolution", (4, 4, 8)), row(1, "as_map", "other", (1, 1, 8)), row(2, "top", "dense", (3,))], False, "conv"),
        ([row(0, "in", "input", (9,)), row(1, "hidden", "dense", (8,)), row(2, "top", "dense", (3,), ("hidden",))], False, "hidden"),
        ([row(0, "hidden", "dense", (8,)), row(1, "top", "dense", (3,))], False, "hidden"),
        ([row(0, "only", "recurrent", (5, 8))], False, "only"),
        (
            [
                row(0, "scale", "other", (32, 32, 3)),
                row(1, "backbone", "model", (1, 1, 9)),
                row(2, "pool", "pooling", (9,), ("backbone",), "GlobalAveragePooling2D"),
                row(3, "top", "dense", (3,), ("pool",)),
            ],
            *(False, "backbone"),
        ),
        (
            [
                row(0, "conv", "convolution", (8, 8, 9)),
                row(1, "squeeze", "pooling", (9,), ("conv",), "GlobalAveragePooling2D"),
                row(2, "excite", "merge", (8, 8, 9), ("conv", "squeeze")),
                row(3, "top", "dense", (3,), ("excite",)),
            ],
            *(False, "excite"),
        ),
    ],
)
def test_the_features_are_what_comes_before_the_head(rows, headless, name):
    assert feature_layer(layer_table.Layers(rows), headless).name == name


def transformer(cls_token=False):
    """A small vision transformer: patches, attention, and a head on the mean of the sequence or its first vector."""
    picture = keras.Input((16, 16, 3))
    scaled = keras.layers.Resizing(8, 8, name="resized")(picture)
    patches = keras.layers.Conv2D(6, 4, strides=4, name="patches")(scaled)
    x = keras.layers.Reshape((4, 6), name="sequence")(patches)
    attended = keras.layers.MultiHeadAttention(1, 6, name="attention")(x, x)
    x = keras.layers.LayerNormalization(name="norm")(keras.layers.Add(name="sum")([x, attended]))
    x = x[:, 0] if cls_token else keras.layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(picture, keras.layers.Dense(3, activation="softmax", name="head")(x), name="vit")


def pooled_backbone():
    inside = [keras.layers.Conv2D(4, 3), keras.layers.GlobalAveragePooling2D()]
    return keras.Sequential([keras.Input((16, 16, 3)), *inside], name="backbone")


def of_pictures(*stack):
    return keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255, name="scale"), *stack])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (transformer, "mean"),
        (lambda: transformer(cls_token=True), "first"),
        (lambda: of_pictures(transformer(), keras.layers.Dense(2)), "vit"),
        (lambda: of_pictures(keras.layers.Flatten(), keras.layers.Dense(5, name="hidden"), keras.layers.Dense(2)), "hidden"),
        (lambda: of_pictures(pooled_backbone(), keras.layers.Dense(2)), "backbone"),
    ],
    ids=["mean", "first", "nested", "mlp", "pooled_backbone"],
)
def test_the_features_are_never_the_input(model, name):
    network = explorer.load(model(), preprocess="none")
    if name == "first":  # an operation, of a name that Keras makes
        name = next(row.name for row in network.layers.rows if row.operation)
    photo = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_array_equal(network.features(photo), network.feature_maps(photo, name))
    if network.features(photo).ndim == 2:
        np.testing.assert_allclose(network.features(photo, pooling="avg"), network.features(photo).mean(axis=0), rtol=1e-5)
        np.testing.assert_array_equal(network.features([photo], pooling="max")[0], network.features(photo).max(axis=0))


def test_a_network_whose_head_reads_the_input_has_no_features():
    network = explorer.load(of_pictures(keras.layers.Flatten(), keras.layers.Dense(2)), preprocess="none")
    with pytest.raises(ExplorerError, match="The head of this network reads its input itself"):
        network.features(np.zeros((16, 16, 3), np.uint8))
