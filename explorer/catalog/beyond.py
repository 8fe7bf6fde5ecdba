"""The rows of what Keras has come to build since the guides.

Accuracies and depths are those of keras.io/api/applications, MobileNetV3's those of its documentation in Keras; keras.io
counts the layers that have weights. Parameters are those of the networks as Keras builds them, sizes those of the files.
"""

from __future__ import annotations

from explorer.catalog.architecture import Architecture, Paper, WeightsFile
from explorer.catalog.files import EFFICIENTNET, KERAS, pair
from explorer.catalog.guides import of_imagenet

_MOBILENET_V3 = {
    "family": "MobileNet",
    "year": 2019,
    "paper": Paper("Searching for MobileNetV3", "Howard, Sandler, Chu et al.", "1905.02244"),
    "licence": "Apache 2.0",
    "preprocess_mode": "none",
    "options": ("alpha",),
}
_EFFICIENTNET = {
    "family": "EfficientNet",
    "year": 2019,
    "paper": Paper("EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", "Tan, Le", "1905.11946"),
    "licence": "Apache 2.0",
    "preprocess_mode": "none",
}
_EFFICIENTNET_V2 = {
    "family": "EfficientNetV2",
    "year": 2021,
    "paper": Paper("EfficientNetV2: Smaller Models and Faster Training", "Tan, Le", "2104.00298"),
    "licence": "Apache 2.0",
    "preprocess_mode": "none",
}
_CONVNEXT = {
    "family": "ConvNeXt",
    "year": 2022,
    "paper": Paper("A ConvNet for the 2020s", "Liu, Mao, Wu et al.", "2201.03545"),
    "licence": "MIT",
    "preprocess_mode": "none",
    "channels_first": False,
}


def _mobilenet_v3(kind: str, megabytes: int) -> tuple[WeightsFile, ...]:
    stem = f"{KERAS}/mobilenet_v3/weights_mobilenet_v3_{kind}_224"
    return (
        *pair(f"{stem}_1.0_float", megabytes, no_top="_no_top_v2"),
        *pair(f"{stem}_0.75_float", no_top="_no_top_v2", alpha=0.75),
    )


def _efficientnet(kind: str, megabytes: int, side: int, parameters: int, top1: float, top5: float, depth: int) -> Architecture:
    files = pair(f"{EFFICIENTNET}/efficientnet{kind.lower()}", megabytes)
    return of_imagenet(f"EfficientNet{kind}", _EFFICIENTNET, files, parameters, top1, top5, depth, side)


def _efficientnet_v2(kind: str, megabytes: int, side: int, parameters: int, top1: float, top5: float) -> Architecture:
    files = pair(f"{KERAS}/efficientnet_v2/efficientnetv2-{kind.lower()}", megabytes)
    return of_imagenet(f"EfficientNetV2{kind}", _EFFICIENTNET_V2, files, parameters, top1, top5, None, side)


def _convnext(kind: str, megabytes: int, parameters: int, top1: float) -> Architecture:
    files = pair(f"{KERAS}/convnext/convnext_{kind.lower()}", megabytes)
    return of_imagenet(f"ConvNeXt{kind}", _CONVNEXT, files, parameters, top1, None)


ROWS = (
    of_imagenet("MobileNetV3Small", _MOBILENET_V3, _mobilenet_v3("small", 10), 2_554_968, 0.681, None),
    of_imagenet("MobileNetV3Large", _MOBILENET_V3, _mobilenet_v3("large", 22), 5_507_432, 0.756, None),
    _efficientnet("B0", 21, 224, 5_330_571, 0.771, 0.933, 132),
    _efficientnet("B1", 31, 240, 7_856_239, 0.791, 0.944, 186),
    _efficientnet("B2", 36, 260, 9_177_569, 0.801, 0.949, 186),
    _efficientnet("B3", 48, 300, 12_320_535, 0.816, 0.957, 210),
    _efficientnet("B4", 75, 380, 19_466_823, 0.829, 0.964, 258),
    _efficientnet("B5", 118, 456, 30_562_527, 0.836, 0.967, 312),
    _efficientnet("B6", 166, 528, 43_265_143, 0.840, 0.968, 360),
    _efficientnet("B7", 256, 600, 66_658_687, 0.843, 0.970, 438),
    _efficientnet_v2("B0", 28, 224, 7_200_312, 0.787, 0.943),
    _efficientnet_v2("B1", 32, 240, 8_212_124, 0.798, 0.950),
    _efficientnet_v2("B2", 40, 260, 10_178_374, 0.805, 0.951),
    _efficientnet_v2("B3", 56, 300, 14_467_622, 0.820, 0.958),
    _efficientnet_v2("S", 83, 384, 21_612_360, 0.839, 0.967),
    _efficientnet_v2("M", 209, 480, 54_431_388, 0.853, 0.974),
    _efficientnet_v2("L", 456, 480, 119_027_848, 0.857, 0.975),
    _convnext("Tiny", 109, 28_589_128, 0.813),
    _convnext("Small", 192, 50_223_688, 0.823),
    _convnext("Base", 339, 88_591_464, 0.853),
    _convnext("Large", 755, 197_767_336, 0.863),
    _convnext("XLarge", 1337, 350_196_968, 0.867),
)
