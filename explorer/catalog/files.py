"""The files of pretrained weights: names, addresses, hashes and sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from explorer.catalog.architecture import WeightsFile

KERNELS = "_weights_tf_dim_ordering_tf_kernels"

KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"
EFFICIENTNET = "https://storage.googleapis.com/keras-applications"
MUSIC = "https://github.com/keunwoochoi/music-auto_tagging-keras/raw/master/data"
MUSIC_RELEASE = "https://github.com/fchollet/deep-learning-models/releases/download/v0.3"
RESNEXT = "https://github.com/keras-team/keras-applications/releases/download/resnet"

# Name without ".h5" -> (hash, bytes). The hashes are those in the sources of Keras 3.15; ResNeXt's, those of keras-applications 1.0.8.
# The bytes are those that logs of downloads print; None where none was found.
_KNOWN: dict[str, tuple[str | None, int | None]] = {
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_128_no_top": (None, 9_406_464),
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top": (None, 9_406_464),
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224": (None, 14_536_120),
    "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top": (None, 9_406_464),
    "mobilenet_1_0_224_tf": (None, 17_225_924),
    "mobilenet_1_0_224_tf_no_top": (None, 17_225_924),
    "vgg16_weights_tf_dim_ordering_tf_kernels": ("64373286793e3c8b2b4e3219cbf3544b", 553_467_096),
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop": ("6d6bbae143d832006294945121d1f1fc", 58_889_256),
    "vgg19_weights_tf_dim_ordering_tf_kernels": ("cbe5617147190e668d6c5d5026f83318", 574_710_816),
    "vgg19_weights_tf_dim_ordering_tf_kernels_notop": ("253f8cb515780f3b799900260a226db6", 80_134_624),
    "resnet50_weights_tf_dim_ordering_tf_kernels": ("2cb95161c43110f7111970584f804107", 102_967_424),
    "resnet50_weights_tf_dim_ordering_tf_kernels_notop": ("4d473c1dd8becc155b73f8504c6f6626", 94_765_736),
    "resnet101_weights_tf_dim_ordering_tf_kernels": ("f1aeb4b969a6efcfb50fad2f0c20cfc5", 179_648_224),
    "resnet101_weights_tf_dim_ordering_tf_kernels_notop": ("88cf7a10940856eca736dc7b7e228a21", 171_446_536),
    "resnet152_weights_tf_dim_ordering_tf_kernels": ("100835be76be38e30d865e96f2aaae62", None),
    "resnet152_weights_tf_dim_ordering_tf_kernels_notop": ("ee4c566cf9a93f14d82f913c2dc6dd0c", 234_698_864),
    "resnet50v2_weights_tf_dim_ordering_tf_kernels": ("3ef43a0b657b3be2300d5770ece849e0", None),
    "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop": ("fac2f116257151a9d068a22e544a4917", 94_668_760),
    "resnet101v2_weights_tf_dim_ordering_tf_kernels": ("6343647c601c52e1368623803854d971", None),
    "resnet101v2_weights_tf_dim_ordering_tf_kernels_notop": ("c0ed64b8031c3730f411d2eb4eea35b5", 171_317_808),
    "resnet152v2_weights_tf_dim_ordering_tf_kernels": ("a49b44d1979771252814e80f8ec446f9", None),
    "resnet152v2_weights_tf_dim_ordering_tf_kernels_notop": ("ed17cf2e0169df9d443503ef94b23b33", 234_545_216),
    "resnext50_weights_tf_dim_ordering_tf_kernels": ("67a5b30d522ed92f75a1f16eef299d1a", None),
    "resnext50_weights_tf_dim_ordering_tf_kernels_notop": ("62527c363bdd9ec598bed41947b379fc", None),
    "resnext101_weights_tf_dim_ordering_tf_kernels": ("34fb605428fcc7aa4d62f44404c11509", None),
    "resnext101_weights_tf_dim_ordering_tf_kernels_notop": ("0f678c91647380debd923963594981b3", None),
    "inception_v3_weights_tf_dim_ordering_tf_kernels": ("9a0d58056eeedaa3f26cb7ebd46da564", 96_112_376),
    "inception_v3_weights_tf_dim_ordering_tf_kernels_notop": ("bcbd6486424b2319ff4ef7d526e38f63", 87_910_968),
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels": ("e693bd0210a403b3192acc6073ad2e96", None),
    "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop": ("d19885ff4a710c122648d3b5c3b684e4", 219_055_592),
    "xception_weights_tf_dim_ordering_tf_kernels": ("0a58e3b7378bc2990ea3b43d5981f1f6", 91_884_032),
    "xception_weights_tf_dim_ordering_tf_kernels_notop": ("b0042744bf5b25fce3cb969f33bebb97", 83_683_744),
    "densenet121_weights_tf_dim_ordering_tf_kernels": ("9d60b8095a5708f2dcce2bca79d332c7", None),
    "densenet121_weights_tf_dim_ordering_tf_kernels_notop": ("30ee3e1110167f948a6b9946edeeb738", 29_084_464),
    "densenet169_weights_tf_dim_ordering_tf_kernels": ("d699b8f76981ab1b30698df4c175e90b", None),
    "densenet169_weights_tf_dim_ordering_tf_kernels_notop": ("b8c4d4c20dd625c148057b9ff1c1176b", 51_877_672),
    "densenet201_weights_tf_dim_ordering_tf_kernels": ("1ceb130c1ea1b78c3bf6114dbdfd8807", None),
    "densenet201_weights_tf_dim_ordering_tf_kernels_notop": ("c13680b51ded0fb44dff2d8f86ac8bb1", 74_836_368),
    "nasnet_mobile": ("020fb642bf7360b370c678b08e0adf61", 24_227_760),
    "nasnet_mobile_no_top": ("1ed92395b5b598bdda52abe5c0dbfd63", 19_993_432),
    "nasnet_large": ("11577c9a518f0070763c2b964a382f17", None),
    "nasnet_large_no_top": ("d81d89dc07e6e56530c4e77faddd61b5", 343_610_240),
    "weights_mobilenet_v3_small_224_1.0_float": ("8768d4c2e7dee89b9d02b2d03d65d862", None),
    "weights_mobilenet_v3_small_224_1.0_float_no_top_v2": ("d3e8ec802a04aa4fc771ee12a9a9b836", 4_334_752),
    "weights_mobilenet_v3_small_224_0.75_float": ("cb65d4e5be93758266aa0a7f2c6708b7", None),
    "weights_mobilenet_v3_small_224_0.75_float_no_top_v2": ("ebdb5cc8e0b497cd13a7c275d475c819", None),
    "weights_mobilenet_v3_large_224_1.0_float": ("59e551e166be033d707958cf9e29a6a7", None),
    "weights_mobilenet_v3_large_224_1.0_float_no_top_v2": ("07fb09a5933dd0c8eaafa16978110389", 12_683_000),
    "weights_mobilenet_v3_large_224_0.75_float": ("765b44a33ad4005b3ac83185abf1d0eb", None),
    "weights_mobilenet_v3_large_224_0.75_float_no_top_v2": ("40af19a13ebea4e2ee0c676887f69a2e", None),
    "efficientnetb0": ("902e53a9f72be733fc0bcb005b3ebbac", None),
    "efficientnetb0_notop": ("50bc09e76180e00e4465e1a485ddc09d", 16_705_208),
    "efficientnetb1": ("1d254153d4ab51201f1646940f018540", None),
    "efficientnetb1_notop": ("74c4e6b3e1f6a1eea24c589628592432", 27_018_416),
    "efficientnetb2": ("b15cce36ff4dcbd00b6dd88e7857a6ad", None),
    "efficientnetb2_notop": ("111f8e2ac8aa800a7a99e3239f7bfb39", 31_790_344),
    "efficientnetb3": ("ffd1fdc53d0ce67064dc6a9c7960ede0", None),
    "efficientnetb3_notop": ("af6d107764bb5b1abb91932881670226", 43_941_136),
    "efficientnetb4": ("18c95ad55216b8f92d7e70b3a046e2fc", None),
    "efficientnetb4_notop": ("ebc24e6d6c33eaebbd558eafbeedf1ba", 71_686_520),
    "efficientnetb5": ("ace28f2a6363774853a83a0b21b9421a", None),
    "efficientnetb5_notop": ("38879255a25d3c92d5e44e04ae6cec6f", 115_263_384),
    "efficientnetb6": ("165f6e37dce68623721b423839de8be5", None),
    "efficientnetb6_notop": ("9ecce42647a20130c1f39a5d4cb75743", 165_234_480),
    "efficientnetb7": ("8c03f828fec3ef71311cd463b6759d99", None),
    "efficientnetb7_notop": ("cbcfe4450ddf6f3ad90b1b398090fe4a", 258_076_736),
    "efficientnetv2-b0": ("21ecbf6da12460d5c40bb2f29ceb2188", None),
    "efficientnetv2-b0_notop": ("893217f2bb855e2983157299931e43ff", 24_274_472),
    "efficientnetv2-b1": ("069f0534ff22adf035c89e2d9547a9dc", None),
    "efficientnetv2-b1_notop": ("0e80663031ca32d657f9caa404b6ec37", 28_456_008),
    "efficientnetv2-b2": ("424e49f28180edbde1e94797771950a7", None),
    "efficientnetv2-b2_notop": ("1dfe2e7a5d45b6632553a8961ea609eb", 35_839_040),
    "efficientnetv2-b3": ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", None),
    "efficientnetv2-b3_notop": ("f6abf7b5849ac99a89b50dd3fd532856", 52_606_240),
    "efficientnetv2-s": ("e1d88a8495beba45748fedd0cecbe016", None),
    "efficientnetv2-s_notop": ("af0682fb74e8c54910f2d4393339c070", 82_420_632),
    "efficientnetv2-m": ("a3bf6aa3276309f4fc6a34aa114c95cd", None),
    "efficientnetv2-m_notop": ("1b8dc055df72dde80d614482840fe342", 214_201_816),
    "efficientnetv2-l": ("27e6d408b53c7ebc868fefa357689935", None),
    "efficientnetv2-l_notop": ("b0b66b5c863aef5b46e8608fe1711615", 473_176_280),
    "convnext_tiny": ("8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff", None),
    "convnext_tiny_notop": ("d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1", 111_650_432),
    "convnext_small": ("ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c", None),
    "convnext_small_notop": ("6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab", 198_551_472),
    "convnext_base": ("52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6", None),
    "convnext_base_notop": ("40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45", 350_926_856),
    "convnext_large": ("070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6", None),
    "convnext_large_notop": ("96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd", 785_596_384),
    "convnext_xlarge": ("c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee", None),
    "convnext_xlarge_notop": ("de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05", 1_393_257_616),
}


def pair(url: str, megabytes: int | None = None, no_top: str = "_notop", alpha: float = 1.0) -> tuple[WeightsFile, WeightsFile]:
    """Return the two files, with and without top, at this address, given without ".h5".

    megabytes: of the one with top, as for WeightsFile.
    no_top: how the name of the other one ends.
    """
    return _file(f"{url}.h5", alpha=alpha, megabytes=megabytes), _file(f"{url}{no_top}.h5", include_top=False, alpha=alpha)


def nasnet(kind: str, megabytes: int | None = None) -> tuple[WeightsFile, WeightsFile]:
    """Return the two files of a NASNet, which Keras keeps under other names than they are published by."""
    base = f"{KERAS}/nasnet/NASNet-{kind}"
    return (
        _file(f"{base}.h5", f"nasnet_{kind}.h5", megabytes=megabytes),
        _file(f"{base}-no-top.h5", f"nasnet_{kind}_no_top.h5", include_top=False),
    )


def by_width_and_side(path: str, widths: Mapping[float, tuple[str, Iterable[int]]]) -> tuple[WeightsFile, ...]:
    """Return the files of a MobileNet or MobileNetV2, those for the defaults first.

    path: below `KERAS`, with {alpha} and {side} to fill in.
    widths: alpha -> (how names write it, the sides it has weights for).
    """
    return tuple(
        _file(f"{KERAS}/{path.format(alpha=written, side=side)}{ending}.h5", include_top=not ending, alpha=alpha, side=side)
        for alpha, (written, sides) in widths.items()
        for side in sides
        for ending in ("", "_no_top")
    )


def _file(
    url: str,
    name: str = "",
    include_top: bool = True,
    alpha: float = 1.0,
    side: int | None = None,
    megabytes: int | None = None,
) -> WeightsFile:
    name = name or url.rpartition("/")[2]
    digest, size = _KNOWN.get(name.removesuffix(".h5"), (None, None))
    md5, sha256 = (None, digest) if digest and len(digest) == 64 else (digest, None)
    return WeightsFile(name, url, md5, size, include_top, alpha, side, megabytes, sha256)


# The author's file, and the one that the Keras guides downloaded: the same weights in another layout, of which no hash is published.
MUSIC_TAGGER = tuple(
    WeightsFile(name, f"{folder}/{name}", md5, size, include_top)
    for name, folder, md5, size in (
        ("music_tagger_crnn_weights_tensorflow.h5", MUSIC, "097c32d15a2ed768d335c9b046ad94bf", 1_649_464),
        ("music_tagger_crnn_weights_tf_kernels_tf_dim_ordering.h5", MUSIC_RELEASE, None, None),
    )
    for include_top in (True, False)
)
