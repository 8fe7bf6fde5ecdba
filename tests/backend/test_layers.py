from itertools import groupby

import pytest

from explorer.backend import layers
from explorer.catalog import architectures
from explorer.errors import UnknownName
from explorer.values import Axis, Layer

PICTURE = (Axis("row", 90, "pixel", 0, 90), Axis("column", 150, "pixel", 0, 150), Axis("channel", 3))


def blocks_of(names, class_name="Layer"):
    return layers.blocks_of(names, [class_name] * len(names))


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
        "MobileNetV2": ["expanded_conv"] + [f"block_{number}" for number in range(1, 17)],
        "MobileNet": [f"conv_{number}" for number in range(1, 14)],
        "ResNet50": [f"conv{stage}_block{block}" for stage, count in ((2, 3), (3, 4), (4, 6), (5, 3)) for block in range(1, count + 1)],
        "VGG16": [f"block{number}" for number in range(1, 6)],
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
    assert layers.kind_of(class_name) == kind


def test_names_that_keras_generates_say_nothing():
    names = ["input_layer", "conv2d", "batch_normalization", "conv2d_1", "re_lu_7", "global_average_pooling2d", "dense_2"]
    classes = ["InputLayer", "Conv2D", "BatchNormalization", "Conv2D", "ReLU", "GlobalAveragePooling2D", "Dense"]
    assert layers.blocks_of(names, classes) == [""] * 7


def test_a_layer_with_a_generated_name_belongs_to_the_block_before_it():
    names = ["input_layer_3", "block1_conv", "re_lu_4", "block2_conv", "dense_9"]
    classes = ["InputLayer", "Conv2D", "ReLU", "Conv2D", "Dense"]
    assert layers.blocks_of(names, classes) == ["stem", "block1", "block1", "block2", "top"]


@pytest.mark.parametrize(
    ("names", "blocks"),
    [
        (["image", "conv4_block2_1_bn", "conv4_block2_out", "conv4_block3_out"], ["stem", "conv4_block2", "conv4_block2", "conv4_block3"]),
        (["block_1_expand", "block_13_expand", "block_13_project_BN"], ["block_1", "block_13", "block_13"]),
        (["block2a_expand_conv", "block2b_add"], ["block2a", "block2b"]),
        (["conv_dw_5", "conv_pw_5_relu", "conv_pw_6"], ["conv_5", "conv_5", "conv_6"]),
        (["block1", "block10_conv"], ["block1", "block10"]),
    ],
)
def test_blocks_are_read_from_names(names, blocks):
    assert blocks_of(names) == blocks


def test_no_layers_have_no_blocks():
    assert layers.blocks_of([], []) == []


def rows(*shape):
    return Layer(0, "a", "other", "Layer", "", shape, 0)


def test_maps_lie_over_the_whole_input():
    axes = layers.axes_of(rows(3, 5, 8), PICTURE)
    assert axes == (Axis("row", 3, "pixel", 0, 90), Axis("column", 5, "pixel", 0, 150), Axis("channel", 8))


@pytest.mark.parametrize(("shape", "units"), [((10,), 10), ((1, 1, 1024), 1024), ((7, 5), 35)])
def test_what_is_no_map_is_a_vector_of_units(shape, units):
    assert layers.axes_of(rows(*shape), PICTURE) == (Axis("unit", units),)


def test_a_single_row_of_cells_is_still_maps():
    assert [axis.size for axis in layers.axes_of(rows(1, 5, 8), PICTURE)] == [1, 5, 8]
