"""The blocks of networks, by their layers' names and by their graphs."""

from itertools import groupby

import pytest

import explorer
from explorer.backend.graph.blocks import _generated, with_blocks
from explorer.backend.runtime.keras import keras
from explorer.values import Layer

STEPS = {"InputLayer": "input", "Conv2D": "convolution", "ReLU": "activation", "Add": "merge", "Concatenate": "merge", "Dense": "dense"}


def rows(*layers):
    """Return rows from (name, class) or (name, class, names of what it reads); by default the layer before."""
    made = []
    for index, (name, class_name, *inputs) in enumerate(layers):
        read = tuple(inputs[0]) if inputs else tuple(one.name for one in made[-1:])
        made.append(Layer(index, name, STEPS.get(class_name, "other"), class_name, "", (4,), 0, inputs=read))
    return made


def blocks(*layers):
    return [row.block for row in with_blocks(rows(*layers))]


def named(*names):
    return blocks(*((name, "Layer") for name in names))


def test_a_layer_with_a_generated_name_belongs_to_the_block_before_it():
    assert blocks(
        *(("input_layer_3", "InputLayer"), ("block1_conv", "Conv2D"), ("block1_norm", "LayerNormalization"), ("re_lu_4", "ReLU")),
        *(("block2_conv", "Conv2D"), ("block2_norm", "LayerNormalization"), ("block2_out", "Dense"), ("scores", "Dense")),
    ) == ["stem", "block1", "block1", "block1", "block2", "block2", "block2", "top"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["image", "conv4_block2_1_bn", "conv4_block2_out", "conv4_block3_out"], ["stem", "conv4_block2", "conv4_block2", "conv4_block3"]),
        (["block_1_expand", "block_13_expand", "block_13_project_BN"], ["block_1", "block_13", "block_13"]),
        (["block2a_expand_conv", "block2b_add"], ["block2a", "block2b"]),
        (["conv_dw_5", "conv_pw_5_relu", "conv_pw_6"], ["conv_5", "conv_5", "conv_6"]),
        (["block1", "block10_conv"], ["block1", "block10"]),
        (["block35_1_conv", "block35_1_mixed", "block35_2_conv"], ["block35_1", "block35_1", "block35_2"]),
        (["expanded_conv_2_add", "expanded_conv_10_add"], ["expanded_conv_2", "expanded_conv_10"]),
        (["stage_0_block_1_dw", "stage_0_block_2_dw"], ["stage_0_block_1", "stage_0_block_2"]),
        (["expanded_conv_depthwise", "expanded_conv_BN", "expanded_conv_project", "block_1_add"], ["expanded_conv"] * 3 + ["block_1"]),
        (["net_block_1_dw", "net_head_pool", "net_head_norm", "net_head_dense"], ["net_block_1", "top", "top", "top"]),
        (["a", "b", "c"], ["", "", ""]),
        ([], []),
    ],
)
def test_blocks_are_read_from_names(names, expected):
    assert named(*names) == expected


def test_where_names_say_nothing_a_block_ends_where_branches_meet():
    found = blocks(
        ("input_layer", "InputLayer"),
        ("conv2d", "Conv2D"),
        *(("conv2d_1", "Conv2D", ["conv2d"]), ("conv2d_2", "Conv2D", ["conv2d"]), ("mixed0", "Concatenate", ["conv2d_1", "conv2d_2"])),
        *(("conv2d_3", "Conv2D", ["mixed0"]), ("add", "Add", ["conv2d_3", "mixed0"]), ("re_lu", "ReLU", ["add"])),
        *(("conv2d_4", "Conv2D", ["re_lu"]), ("conv2d_5", "Conv2D", ["re_lu"]), ("last_add", "Add", ["conv2d_4", "conv2d_5"])),
        ("dense", "Dense"),
    )
    assert found == [*["stem"] * 2, *["mixed0"] * 3, *["block_1"] * 3, *["last"] * 3, "top"]


@pytest.mark.parametrize(
    ("class_name", "name"),
    [
        ("Conv2D", "conv2d_94"),
        ("ReLU", "re_lu"),
        ("LSTM", "lstm_2"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("LeakyReLU", "leaky_re_lu_1"),
    ],
)
def test_the_names_that_keras_makes_are_known(class_name, name):
    assert _generated(*rows((name, class_name)))
    assert not _generated(*rows((f"my_{name}", class_name)))


def test_a_chain_of_generated_names_has_no_blocks():
    assert blocks(("input_layer", "InputLayer"), ("conv2d", "Conv2D"), ("conv2d_1", "Conv2D"), ("dense", "Dense")) == [""] * 4


def test_the_rows_stay_as_they_are_but_for_their_blocks():
    before = rows(("image", "InputLayer"), ("block1_conv", "Conv2D"))
    after = with_blocks(before)
    assert [row.name for row in after] == [row.name for row in before]
    assert [row.block for row in before] == ["", ""]


def numbered(pattern, *counts):
    return [pattern.format(stage=stage, block=block) for stage, count in enumerate(counts, start=2) for block in range(1, count + 1)]


# Name -> what lies between stem and top.
OF_PAPERS = {
    "MobileNetV2": ["expanded_conv", *(f"block_{number}" for number in range(1, 17))],
    "VGG16": [f"block{number}" for number in range(1, 6)],
    "ResNet50": numbered("conv{stage}_block{block}", 3, 4, 6, 3),
    "InceptionV3": [f"mixed{number}" for number in range(11)],
    "Xception": [f"block{number}" for number in range(1, 15)],
    "NASNetMobile": [
        *("reduction_stem_1", "reduction_stem_2", *(f"normal_{cell}" for cell in range(4)), "reduction_reduce_4"),
        *(*(f"normal_{cell}" for cell in range(5, 9)), "reduction_reduce_8", *(f"normal_{cell}" for cell in range(9, 13))),
    ],
    "EfficientNetB0": [f"block{stage}{'abcd'[step]}" for stage, steps in enumerate((1, 2, 2, 3, 3, 4, 1), 1) for step in range(steps)],
    "MobileNetV3Small": ["expanded_conv", *(f"expanded_conv_{number}" for number in range(1, 11))],
    "ConvNeXtTiny": [
        name
        for stage, count in enumerate((3, 3, 9, 3))
        for name in (
            *([f"convnext_tiny_downsampling_block_{stage - 1}"] if stage else []),
            *(f"convnext_tiny_stage_{stage}_block_{block}" for block in range(count)),
        )
    ],
}


@pytest.mark.parametrize("name", OF_PAPERS)
def test_the_blocks_are_those_that_the_papers_name(name):
    with keras.StatelessScope(initialize_variables=False):  # without making weights
        network = explorer.load(name, weights=None, classes=10)
    runs = [block for block, _run in groupby(layer.block for layer in network.layers)]
    assert runs == ["stem", *OF_PAPERS[name], "top"]
