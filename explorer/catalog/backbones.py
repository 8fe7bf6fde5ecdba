"""By which layers the backbone of an architecture is known when a model has lost its name: data, no Keras.

A layer is told in one line, in lower case: `block1_conv1 conv2d 3x3/1 3>64 bias` is its name, kind, kernel and stride, channels
that each filter reads, and filters (`depthwiseconv2d` has none); of other layers it is the name and the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """The layers that architectures of one kind share, by the patterns of the lines that tell them.

    rows: their names in the table, smallest first; each after the first with a pattern that no smaller one has.
    stem: the layer that reads the pixels.
    others: of the layers after it. In a name, what other people put before or behind it doesn't count.
    least: how many of these patterns a network must have layers of beside the stem, so that it is no small one of somebody's own.
    bare: how pixels are prepared where the network was built without the layers that scale them; "" for the row's own preprocess_mode.
    anonymous: whether Keras numbers its layers (`conv2d_94`), so that their names say nothing.
    """

    rows: Mapping[str, str]
    stem: str
    others: tuple[str, ...]
    least: int
    bare: str = ""
    anonymous: bool = False


def _residual(first: str, second: str, third: str) -> tuple[str, ...]:
    """Return the patterns of bottlenecks: kernels 1, 3, 1 and the shortcut, named since Keras 2.2.5 and before."""
    return (
        rf"conv[2-5]_block\d+_1_conv conv2d 1x1/\d {first}",
        rf"conv[2-5]_block\d+_2_conv conv2d 3x3/\d {second}",
        rf"conv[2-5]_block\d+_[03]_conv conv2d 1x1/\d {third}",
    )


_WIDE = r"\d+>(256|512|1024|2048)"
_OLD_RESIDUAL = (
    r"res[2-5][a-z]\d*_branch2a conv2d 1x1/\d \d+>(64|128|256|512) bias",
    r"res[2-5][a-z]\d*_branch2b conv2d 3x3/1 \d+>(64|128|256|512) bias",
    rf"res[2-5][a-z]\d*_branch(1|2c) conv2d 1x1/\d {_WIDE} bias",
)
_DEPTHS = {"50": "", "101": r"conv4_block(7|23)_", "152": r"conv3_block[5-8]_|conv4_block(24|36)_"}
_EFFICIENT = (
    r"block\d[a-z]_expand_conv conv2d 1x1/1 \d+>\d+",
    r"block\d[a-z]_dwconv depthwiseconv2d [35]x[35]/[12] ",
    r"block\d[a-z]_se_(reduce|expand) conv2d 1x1/1 \d+>\d+ bias",
    r"block\d[a-z]_project_conv conv2d 1x1/1 \d+>\d+",
)
_MOBILE_V3 = (
    r"expanded_conv(_\d+)?_expand conv2d 1x1/1 \d+>\d+",
    r"expanded_conv_\d+_depthwise depthwiseconv2d [35]x[35]/[12] ",
    r"expanded_conv(_\d+)?_squeeze_excite_conv(_1)? conv2d 1x1/1 \d+>\d+ bias",
    r"expanded_conv(_\d+)?_project conv2d 1x1/1 \d+>\d+",
)
_INCEPTION = (r"\S+ conv2d 3x3/1 32>32", r"\S+ conv2d 3x3/1 32>64", r"\S+ conv2d 1x1/1 64>80", r"\S+ conv2d 3x3/1 80>192")
_FACTORED = (r"\S+ conv2d 5x5/1 48>64", r"\S+ conv2d (1x7|7x1|1x3|3x1)/1 \d+>\d+")

BACKBONES = (
    Backbone(
        {"MobileNetV2": ""},
        r"conv1 conv2d 3x3/2 \d+>\d+",
        (
            r"expanded_conv_depthwise depthwiseconv2d 3x3/1 ",
            r"block_\d+_depthwise depthwiseconv2d 3x3/[12] ",
            r"(expanded_conv|block_\d+)_project conv2d 1x1/1 \d+>\d+",
            r"block_\d+_expand conv2d 1x1/1 \d+>\d+",
        ),
        least=2,
    ),
    Backbone(
        {"MobileNet": ""},
        r"conv1 conv2d 3x3/2 \d+>\d+",
        (r"conv_dw_\d+ depthwiseconv2d 3x3/[12] ", r"conv_pw_\d+ conv2d 1x1/1 \d+>\d+"),
        least=2,
    ),
    Backbone(
        {"MobileNetV3Small": ""},
        r"conv conv2d 3x3/2 \d+>16",
        (r"expanded_conv_depthwise depthwiseconv2d 3x3/2 ", *_MOBILE_V3),
        least=3,
        bare="tf",
    ),
    Backbone(
        {"MobileNetV3Large": ""},
        r"conv conv2d 3x3/2 \d+>16",
        (r"expanded_conv_depthwise depthwiseconv2d 3x3/1 ", *_MOBILE_V3),
        least=3,
        bare="tf",
    ),
    Backbone(
        {"VGG16": "", "VGG19": r"block[345]_conv4 "},
        r"block1_conv1 conv2d 3x3/1 \d+>64 bias",
        (
            r"block1_conv2 conv2d 3x3/1 64>64 bias",
            r"block2_conv[12] conv2d 3x3/1 \d+>128 bias",
            r"block3_conv[1-4] conv2d 3x3/1 \d+>256 bias",
            r"block[45]_conv[1-4] conv2d 3x3/1 \d+>512 bias",
        ),
        least=3,
    ),
    Backbone(
        {f"ResNet{depth}": pattern for depth, pattern in _DEPTHS.items()},
        r"conv1(_conv)? conv2d 7x7/2 \d+>64 bias",
        (*_residual(r"\d+>(64|128|256|512) bias", r"\d+>(64|128|256|512) bias", f"{_WIDE} bias"), *_OLD_RESIDUAL),
        least=3,
    ),
    Backbone(
        {f"ResNet{depth}V2": pattern for depth, pattern in _DEPTHS.items()},
        r"conv1_conv conv2d 7x7/2 \d+>64 bias",
        _residual(r"\d+>(64|128|256|512)", r"\d+>(64|128|256|512)", f"{_WIDE} bias"),
        least=3,
    ),
    Backbone(
        {"ResNeXt50": "", "ResNeXt101": _DEPTHS["101"]},
        r"conv1_conv conv2d 7x7/2 \d+>64",
        _residual(r"\d+>(128|256|512|1024)", r"(4|8|16|32)>(128|256|512|1024)", _WIDE),
        least=3,
    ),
    Backbone(
        {
            "DenseNet121": "",
            "DenseNet169": r"conv4_block25_|conv5_block17_",
            "DenseNet201": r"conv4_block33_",
        },
        r"conv1_conv conv2d 7x7/2 \d+>64",
        (
            r"conv[2-5]_block\d+_1_conv conv2d 1x1/1 \d+>128",
            r"conv[2-5]_block\d+_2_conv conv2d 3x3/1 128>32",
            r"pool[234]_conv conv2d 1x1/1 \d+>\d+",
        ),
        least=2,
    ),
    Backbone(
        {"InceptionV3": ""},
        r"\S+ conv2d 3x3/2 \d+>32",
        (*_INCEPTION, r"\S+ conv2d 1x1/1 192>(64|48|32)", *_FACTORED),
        least=4,
        anonymous=True,
    ),
    Backbone(
        {"InceptionResNetV2": ""},
        r"\S+ conv2d 3x3/2 \d+>32",
        (
            *_INCEPTION,
            r"\S+ conv2d 1x1/1 192>(96|64|48)",
            *_FACTORED,
            r"\S+ conv2d 1x1/1 (128|384|448)>(320|1088|2080) bias",
        ),
        least=4,
        anonymous=True,
    ),
    Backbone(
        {"Xception": ""},
        r"block1_conv1 conv2d 3x3/2 \d+>32",
        (r"block1_conv2 conv2d 3x3/1 32>64", r"block\d+_sepconv[123] separableconv2d 3x3/1 \d+>(128|256|728|1024|1536|2048)"),
        least=2,
    ),
    Backbone(
        {"NASNetMobile": "", "NASNetLarge": r"stem_conv1 conv2d 3x3/2 \d+>96"},
        r"stem_conv1 conv2d 3x3/2 \d+>(32|96)",
        (
            r"(reduction|normal|adjust)_conv_\S+ conv2d 1x1/1 \d+>\d+",
            r"separable_conv_[12]_(normal|reduction)_(left|right)\d_\S+ separableconv2d [357]x[357]/[12] \d+>\d+",
        ),
        least=2,
    ),
    Backbone(
        {
            "EfficientNetB0": "",
            "EfficientNetB1": r"block1b_",
            "EfficientNetB2": r"block[34]a_project_conv \S+ \S+ \d+>(48|88)",
            "EfficientNetB3": r"stem_conv \S+ \S+ \d+>40",
            "EfficientNetB4": r"stem_conv \S+ \S+ \d+>48",
            "EfficientNetB5": r"block1c_project_conv \S+ \S+ \d+>24",
            "EfficientNetB6": r"stem_conv \S+ \S+ \d+>56",
            "EfficientNetB7": r"stem_conv \S+ \S+ \d+>64",
        },
        r"stem_conv conv2d 3x3/2 \d+>(32|40|48|56|64)",
        (r"block1a_dwconv depthwiseconv2d 3x3/1 ", *_EFFICIENT),
        least=3,
        bare="torch",
    ),
    Backbone(
        {
            "EfficientNetV2B0": "",
            "EfficientNetV2B1": r"block1b_",
            "EfficientNetV2B2": r"block3a_project_conv \S+ \S+ \d+>56",
            "EfficientNetV2B3": r"stem_conv \S+ \S+ \d+>40",
            "EfficientNetV2S": r"stem_conv \S+ \S+ \d+>24",
            "EfficientNetV2M": r"block1c_project_conv \S+ \S+ \d+>24",
            "EfficientNetV2L": r"block1d_",
        },
        r"stem_conv conv2d 3x3/2 \d+>(32|40|24)",
        (
            r"block1[a-z]_project_conv conv2d 3x3/1 \d+>\d+",
            r"block[23][a-z]_expand_conv conv2d 3x3/[12] \d+>\d+",
            r"block\d[a-z]_dwconv2 depthwiseconv2d 3x3/[12] ",
            *_EFFICIENT,
        ),
        least=3,
        bare="tf",
    ),
    Backbone(
        {
            "ConvNeXtTiny": "",
            "ConvNeXtSmall": r"stage_2_block_9_",
            "ConvNeXtBase": r"stem_conv \S+ \S+ \d+>128",
            "ConvNeXtLarge": r"stem_conv \S+ \S+ \d+>192",
            "ConvNeXtXLarge": r"stem_conv \S+ \S+ \d+>256",
        },
        r"stem_conv conv2d 4x4/4 \d+>(96|128|192|256) bias",
        (r"stage_\d_block_\d+_depthwise_conv conv2d 7x7/1 1>\d+ bias", r"downsampling_conv_\d conv2d 2x2/2 \d+>\d+ bias"),
        least=1,
        bare="torch",
    ),
    Backbone(
        {"digits": ""},
        r"block1_conv conv2d 3x3/1 1>8 bias",
        (r"block2_conv conv2d 3x3/1 8>16 bias", r"block3_conv conv2d 3x3/1 16>32 bias"),
        least=2,
    ),
    Backbone(
        {"timbres": ""},
        r"block1_conv conv2d 3x3/1 1>8 bias",
        (r"block2_conv conv2d 3x3/1 8>16 bias", r"block3_conv conv2d 3x3/1 16>32 bias", r"gru gru"),
        least=3,
    ),
    Backbone(
        {"MusicTaggerCRNN": ""},
        r"conv1 conv2d 3x3/1 1>64 bias",
        (r"conv2 conv2d 3x3/1 64>128 bias", r"conv[34] conv2d 3x3/1 128>128 bias", r"gru[12] gru"),
        least=2,
    ),
)
