"""The rows of the Keras Applications guides, and of the bundled networks.

Sizes, accuracies, parameters, depths and licences are those that the newest guide, for Keras 2.2, gives.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from explorer.catalog.architecture import BUNDLED, DIGITS, SOUNDS, Architecture, Paper, WeightsFile
from explorer.catalog.files import KERAS, KERNELS, MUSIC_TAGGER, RESNEXT, by_width_and_side, nasnet, pair
from explorer.catalog.sounds import SPECTROGRAMS, TAGS, TIMBRES
from explorer.locale import _


def of_imagenet(
    name: str,
    family: Mapping[str, Any],
    files: tuple[WeightsFile, ...],
    parameters: int,
    top1: float,
    top5: float | None,
    depth: int | None = None,
    side: int = 224,
) -> Architecture:
    """Return a row with weights for ImageNet; `family` holds what all of its family share, `side` is of the default input."""
    common = {"smallest": 32, "channels_first": True, "options": (), **family}
    return Architecture(
        name,
        input="image",
        input_size=(side, side, 3),
        weights="imagenet",
        files=files,
        parameters=parameters,
        top1=top1,
        top5=top5,
        depth=depth,
        alphas=tuple(dict.fromkeys(one.alpha for one in files)),
        **common,
    )


def _bundled(name: str, **facts: Any) -> Architecture:
    """Return the row of a bundled network; its measured facts are written by the script that trains it."""
    measured = json.loads((BUNDLED / f"{name}.json").read_text())
    return Architecture(
        name,
        year=2026,
        paper=Paper(f"assets/train_{name}.py", "explorer"),
        licence="Apache 2.0",
        weights=name,
        files=tuple(WeightsFile(f"{name}.keras", "", size=measured["size"], include_top=include_top) for include_top in (True, False)),
        parameters=measured["parameters"],
        top1=measured["accuracy"],
        top5=None,
        depth=measured["depth"],
        options=(),
        alphas=(1.0,),
        channels_first=False,
        bundled=True,
        **facts,
    )


def _digits() -> Architecture:
    return _bundled(
        "digits",
        family="digits",
        input="image",
        input_size=(32, 32, 1),
        smallest=8,
        preprocess_mode="digit",
        classes=10,
        measured_on=_("validation digits"),
        samples=DIGITS,
        labels=tuple(map(str, range(10))),
    )


def _timbres() -> Architecture:
    return _bundled(
        "timbres",
        family="Sound",
        input="audio",
        input_size=SPECTROGRAMS["timbres"].shape,
        smallest=0,
        preprocess_mode="timbres",
        classes=len(TIMBRES),
        measured_on=_("validation sounds"),
        samples=SOUNDS,
        labels=TIMBRES,
    )


def _music_tagger() -> Architecture:
    return Architecture(
        "MusicTaggerCRNN",
        family="Sound",
        year=2016,
        paper=Paper("Convolutional Recurrent Neural Networks for Music Classification", "Choi, Fazekas, Sandler et al.", "1609.04243"),
        licence="MIT",
        input="audio",
        input_size=SPECTROGRAMS["music_tagger"].shape,
        smallest=0,
        preprocess_mode="music_tagger",
        weights="msd",
        files=MUSIC_TAGGER,
        parameters=400_562,
        top1=None,
        top5=None,
        auc=0.8662,
        depth=None,
        options=(),
        alphas=(1.0,),
        channels_first=False,
        classes=len(TAGS),
        measured_on=_("the Million Song Dataset"),
        samples=SOUNDS,
        labels=TAGS,
    )


_MOBILENET_V2 = {
    "family": "MobileNet",
    "year": 2018,
    "paper": Paper("MobileNetV2: Inverted Residuals and Linear Bottlenecks", "Sandler, Howard, Zhu et al.", "1801.04381"),
    "licence": "Apache 2.0",
    "preprocess_mode": "tf",
    "options": ("alpha",),
}
_MOBILENET = {
    "family": "MobileNet",
    "year": 2017,
    "paper": Paper(
        "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications", "Howard, Zhu, Chen et al.", "1704.04861"
    ),
    "licence": "Apache 2.0",
    "preprocess_mode": "tf",
    "options": ("alpha", "depth_multiplier", "dropout"),
}
_VGG = {
    "family": "VGG",
    "year": 2014,
    "paper": Paper("Very Deep Convolutional Networks for Large-Scale Image Recognition", "Simonyan, Zisserman", "1409.1556"),
    "licence": "CC BY 4.0",
    "preprocess_mode": "caffe",
}
_RESNET = {
    "family": "ResNet",
    "year": 2015,
    "paper": Paper("Deep Residual Learning for Image Recognition", "He, Zhang, Ren et al.", "1512.03385"),
    "licence": "MIT",
    "preprocess_mode": "caffe",
}
_RESNET_V2 = {
    "family": "ResNetV2",
    "year": 2016,
    "paper": Paper("Identity Mappings in Deep Residual Networks", "He, Zhang, Ren et al.", "1603.05027"),
    "licence": "BSD",
    "preprocess_mode": "tf",
}
_RESNEXT = {
    "family": "ResNeXt",
    "year": 2016,
    "paper": Paper("Aggregated Residual Transformations for Deep Neural Networks", "Xie, Girshick, Dollár et al.", "1611.05431"),
    "licence": "BSD",
    "preprocess_mode": "torch",
}
_INCEPTION_V3 = {
    "family": "Inception",
    "year": 2015,
    "paper": Paper("Rethinking the Inception Architecture for Computer Vision", "Szegedy, Vanhoucke, Ioffe et al.", "1512.00567"),
    "licence": "Apache 2.0",
    "preprocess_mode": "tf",
    "smallest": 75,
}
_INCEPTION_RESNET_V2 = {
    "family": "Inception",
    "year": 2016,
    "paper": Paper(
        "Inception-v4, Inception-ResNet and the Impact of Residual Connections on Learning",
        "Szegedy, Ioffe, Vanhoucke et al.",
        "1602.07261",
    ),
    "licence": "Apache 2.0",
    "preprocess_mode": "tf",
    "smallest": 75,
}
_XCEPTION = {
    "family": "Xception",
    "year": 2016,
    "paper": Paper("Xception: Deep Learning with Depthwise Separable Convolutions", "Chollet", "1610.02357"),
    "licence": "MIT",
    "preprocess_mode": "tf",
    "smallest": 71,
}
_DENSENET = {
    "family": "DenseNet",
    "year": 2016,
    "paper": Paper("Densely Connected Convolutional Networks", "Huang, Liu, van der Maaten et al.", "1608.06993"),
    "licence": "BSD 3-Clause",
    "preprocess_mode": "torch",
    "channels_first": False,
}
_NASNET = {
    "family": "NASNet",
    "year": 2017,
    "paper": Paper("Learning Transferable Architectures for Scalable Image Recognition", "Zoph, Vasudevan, Shlens et al.", "1707.07012"),
    "licence": "Apache 2.0",
    "preprocess_mode": "tf",
    "channels_first": False,
}


def _published(path: str, megabytes: int | None = None) -> tuple[WeightsFile, WeightsFile]:
    return pair(f"{KERAS}/{path}{KERNELS}", megabytes)


def _of_resnext(stem: str, megabytes: int) -> tuple[WeightsFile, WeightsFile]:
    return pair(f"{RESNEXT}/{stem}{KERNELS}", megabytes)


_SIDES = (224, 192, 160, 128)
_MOBILENET_V2_FILES = by_width_and_side(
    f"mobilenet_v2/mobilenet_v2{KERNELS}_{{alpha}}_{{side}}",
    {alpha: (str(alpha), (*_SIDES, 96)) for alpha in (1.0, 0.35, 0.5, 0.75)} | {alpha: (str(alpha), (224,)) for alpha in (1.3, 1.4)},
)
_MOBILENET_FILES = by_width_and_side(
    "mobilenet/mobilenet_{alpha}_{side}_tf",
    {alpha: (written, _SIDES) for alpha, written in ((1.0, "1_0"), (0.25, "2_5"), (0.5, "5_0"), (0.75, "7_5"))},
)

ROWS = (
    _digits(),
    _timbres(),
    _music_tagger(),
    of_imagenet("MobileNetV2", _MOBILENET_V2, _MOBILENET_V2_FILES, 3_538_984, 0.713, 0.901, 88),
    of_imagenet("MobileNet", _MOBILENET, _MOBILENET_FILES, 4_253_864, 0.704, 0.895, 88),
    of_imagenet("VGG16", _VGG, _published("vgg16/vgg16"), 138_357_544, 0.713, 0.901, 23),
    of_imagenet("VGG19", _VGG, _published("vgg19/vgg19", 549), 143_667_240, 0.713, 0.900, 26),
    of_imagenet("ResNet50", _RESNET, _published("resnet/resnet50"), 25_636_712, 0.749, 0.921),
    of_imagenet("ResNet101", _RESNET, _published("resnet/resnet101"), 44_707_176, 0.764, 0.928),
    of_imagenet("ResNet152", _RESNET, _published("resnet/resnet152", 232), 60_419_944, 0.766, 0.931),
    of_imagenet("ResNet50V2", _RESNET_V2, _published("resnet/resnet50v2", 98), 25_613_800, 0.760, 0.930),
    of_imagenet("ResNet101V2", _RESNET_V2, _published("resnet/resnet101v2", 171), 44_675_560, 0.772, 0.938),
    of_imagenet("ResNet152V2", _RESNET_V2, _published("resnet/resnet152v2", 232), 60_380_648, 0.780, 0.942),
    of_imagenet("ResNeXt50", _RESNEXT, _of_resnext("resnext50", 96), 25_097_128, 0.777, 0.938),
    of_imagenet("ResNeXt101", _RESNEXT, _of_resnext("resnext101", 170), 44_315_560, 0.787, 0.943),
    of_imagenet("InceptionV3", _INCEPTION_V3, _published("inception_v3/inception_v3"), 23_851_784, 0.779, 0.937, 159, 299),
    of_imagenet(
        "InceptionResNetV2",
        _INCEPTION_RESNET_V2,
        _published("inception_resnet_v2/inception_resnet_v2", 215),
        *(55_873_736, 0.803, 0.953, 572, 299),
    ),
    of_imagenet("Xception", _XCEPTION, _published("xception/xception"), 22_910_480, 0.790, 0.945, 126, 299),
    of_imagenet("DenseNet121", _DENSENET, _published("densenet/densenet121", 33), 8_062_504, 0.750, 0.923, 121),
    of_imagenet("DenseNet169", _DENSENET, _published("densenet/densenet169", 57), 14_307_880, 0.762, 0.932, 169),
    of_imagenet("DenseNet201", _DENSENET, _published("densenet/densenet201", 80), 20_242_984, 0.773, 0.936, 201),
    of_imagenet("NASNetMobile", _NASNET, nasnet("mobile"), 5_326_716, 0.744, 0.919),
    of_imagenet("NASNetLarge", _NASNET, nasnet("large", 343), 88_949_818, 0.825, 0.960, None, 331),
)
