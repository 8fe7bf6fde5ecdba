import math
from dataclasses import replace

import pytest

from explorer.catalog import BUNDLED, SPECTROGRAMS, Catalog, Paper, WeightsFile, architectures
from explorer.errors import ExplorerError, UnknownName

ALL = list(architectures)
# As the table of the newest guide, for Keras 2.2, prints them: size in MB, top-1, top-5, parameters, depth (its "-" is None).
GUIDE = {
    "MobileNetV2": (14, 0.713, 0.901, 3_538_984, 88),
    "MobileNet": (16, 0.704, 0.895, 4_253_864, 88),
    "VGG16": (528, 0.713, 0.901, 138_357_544, 23),
    "VGG19": (549, 0.713, 0.900, 143_667_240, 26),
    "ResNet50": (98, 0.749, 0.921, 25_636_712, None),
    "ResNet101": (171, 0.764, 0.928, 44_707_176, None),
    "ResNet152": (232, 0.766, 0.931, 60_419_944, None),
    "ResNet50V2": (98, 0.760, 0.930, 25_613_800, None),
    "ResNet101V2": (171, 0.772, 0.938, 44_675_560, None),
    "ResNet152V2": (232, 0.780, 0.942, 60_380_648, None),
    "ResNeXt50": (96, 0.777, 0.938, 25_097_128, None),
    "ResNeXt101": (170, 0.787, 0.943, 44_315_560, None),
    "InceptionV3": (92, 0.779, 0.937, 23_851_784, 159),
    "InceptionResNetV2": (215, 0.803, 0.953, 55_873_736, 572),
    "Xception": (88, 0.790, 0.945, 22_910_480, 126),
    "DenseNet121": (33, 0.750, 0.923, 8_062_504, 121),
    "DenseNet169": (57, 0.762, 0.932, 14_307_880, 169),
    "DenseNet201": (80, 0.773, 0.936, 20_242_984, 201),
    "NASNetMobile": (23, 0.744, 0.919, 5_326_716, None),
    "NASNetLarge": (343, 0.825, 0.960, 88_949_818, None),
}
# As keras.io/api/applications prints them, MobileNetV3's as its documentation in Keras does: top-1, top-5, depth.
BEYOND = {
    "MobileNetV3Small": (0.681, None, None),
    "MobileNetV3Large": (0.756, None, None),
    "EfficientNetB0": (0.771, 0.933, 132),
    "EfficientNetB1": (0.791, 0.944, 186),
    "EfficientNetB2": (0.801, 0.949, 186),
    "EfficientNetB3": (0.816, 0.957, 210),
    "EfficientNetB4": (0.829, 0.964, 258),
    "EfficientNetB5": (0.836, 0.967, 312),
    "EfficientNetB6": (0.840, 0.968, 360),
    "EfficientNetB7": (0.843, 0.970, 438),
    "EfficientNetV2B0": (0.787, 0.943, None),
    "EfficientNetV2B1": (0.798, 0.950, None),
    "EfficientNetV2B2": (0.805, 0.951, None),
    "EfficientNetV2B3": (0.820, 0.958, None),
    "EfficientNetV2S": (0.839, 0.967, None),
    "EfficientNetV2M": (0.853, 0.974, None),
    "EfficientNetV2L": (0.857, 0.975, None),
    "ConvNeXtTiny": (0.813, None, None),
    "ConvNeXtSmall": (0.823, None, None),
    "ConvNeXtBase": (0.853, None, None),
    "ConvNeXtLarge": (0.863, None, None),
    "ConvNeXtXLarge": (0.867, None, None),
}
SOUND = ["timbres", "MusicTaggerCRNN"]
BUNDLED_NETWORKS = ["digits", "timbres"]
DOWNLOADED = [*GUIDE, *BEYOND]


def test_the_rows_come_in_the_order_a_learner_meets_them():
    assert list(architectures) == ["digits", *SOUND, *GUIDE, *BEYOND]


def rows(names):
    return [architectures[name] for name in names]


def test_the_facts_are_those_of_the_guide():
    facts = {row.name: (round(row.size / 2**20), row.top1, row.top5, row.parameters, row.depth) for row in rows(GUIDE)}
    assert facts == GUIDE
    assert {row.measured_on for row in rows(GUIDE)} == {"ImageNet"}


def test_the_facts_beyond_the_guides_are_those_of_keras():
    assert {row.name: (row.top1, row.top5, row.depth) for row in rows(BEYOND)} == BEYOND


def test_the_size_is_that_of_its_weights():
    """They are float32, and a file holds the names of many layers."""
    assert {row.name: row.size for row in rows(DOWNLOADED)} == pytest.approx(
        {row.name: 4 * row.parameters for row in rows(DOWNLOADED)}, rel=0.15
    )


def test_the_bundled_networks_are_here():
    assert [name for name in ALL if architectures[name].bundled] == BUNDLED_NETWORKS
    assert [row.size for row in rows(BUNDLED_NETWORKS)] == [(BUNDLED / f"{name}.keras").stat().st_size for name in BUNDLED_NETWORKS]


def test_every_row_of_pictures_is_whole():
    for row in rows(["digits", *DOWNLOADED]):
        height, width, channels = row.input_size
        assert row.input == "image", row
        assert height == width >= row.smallest >= 8, row
        assert channels in (1, 3), row
        assert row.classes == (1000 if channels == 3 else 10), row
        assert row.convention in {"tf", "caffe", "torch", "none", "digit"}, row
        assert set(row.options) <= {"alpha", "depth_multiplier", "dropout"}, row
        assert 0 < row.top1 <= (row.top5 or 1) <= 1, row
        assert 1990 < row.year < 2100, row


def test_every_row_of_sound_is_whole():
    for row in rows(SOUND):
        assert row.input == "audio", row
        assert row.input_size == SPECTROGRAMS[row.convention].shape, row
        assert row.classes == len(row.labels) == len(set(row.labels)), row


def test_every_row_says_its_name_its_samples_and_whose_it_is():
    assert [row.name for row in architectures.values()] == ALL
    assert not [row.name for row in architectures.values() if not (row.samples and row.paper.title and row.licence)]


def test_the_music_tagger_is_the_one_that_its_author_published():
    row = architectures["MusicTaggerCRNN"]
    how = SPECTROGRAMS[row.convention]
    assert (how.rate, how.seconds, how.fft, how.hop, how.bands, how.frames) == (12_000, 29.12, 512, 256, 96, 1366)
    assert (row.parameters, row.auc, row.top1, row.classes, row.weights) == (400_562, 0.8662, None, 50, "msd")
    assert row.files[0].md5 == "097c32d15a2ed768d335c9b046ad94bf"
    assert {file.url.rpartition("/")[0] for file in row.files} == {
        "https://github.com/keunwoochoi/music-auto_tagging-keras/raw/master/data",
        "https://github.com/fchollet/deep-learning-models/releases/download/v0.3",
    }


@pytest.mark.parametrize("include_top", [True, False])
def test_the_release_of_the_guides_stands_in_for_the_authors_file(include_top):
    row = architectures["MusicTaggerCRNN"]
    first, *others = row.alike(row.file(include_top))
    assert first is row.file(include_top)
    assert [file.include_top for file in (first, *others)] == [include_top] * 2
    assert "release" in others[0].url


def test_a_file_that_is_published_once_has_nothing_alike():
    published = [(row, file) for row in rows(["digits", *DOWNLOADED]) for file in row.files]
    assert not [file.name for row, file in published if row.alike(file) != (file,)]


def test_each_family_prepares_pixels_in_one_way_and_is_under_one_licence():
    for field in ("convention", "licence", "smallest", "channels_first"):
        values = {}
        for row in architectures.values():
            values.setdefault((row.family, row.paper), set()).add(getattr(row, field))
        assert {family: facts for family, facts in values.items() if len(facts) > 1} == {}


def test_the_year_is_that_of_the_paper_on_arxiv():
    assert {row.name: row.year for row in rows(DOWNLOADED)} == {row.name: 2000 + int(row.paper.arxiv[:2]) for row in rows(DOWNLOADED)}


def test_a_paper_reads_as_a_reference():
    assert (
        str(architectures["VGG16"].paper)
        == "Very Deep Convolutional Networks for Large-Scale Image Recognition, Simonyan, Zisserman, arXiv 1409.1556"
    )
    assert str(Paper("Title", "Author")) == "Title, Author"
    assert str(Paper("Title")) == "Title"


def test_every_alpha_has_files_with_and_without_top():
    for row in rows(["digits", *DOWNLOADED]):
        files = [row.file(include_top, alpha) for alpha in row.alphas for include_top in (True, False)]
        assert len(set(files)) == len(files), row
        assert row.file() is files[0] is row.files[0], row
        assert row.alphas[0] == 1.0, row
        assert ("alpha" in row.options) == (len(row.alphas) > 1), row
        assert set(row.alphas) == {file.alpha for file in row.files}, row


def test_every_file_can_be_told_from_the_others_and_fetched():
    files = [file for row in rows(DOWNLOADED) for file in row.files]
    assert len({file.name for file in files}) == len({file.url for file in files}) == len(files)
    for file in files:
        assert file.name.endswith(".h5"), file
        assert file.url.startswith("https://"), file
        assert file.url.endswith(".h5"), file
        assert file.md5 is None or len(file.md5) == 32, file
        assert file.sha256 is None or len(file.sha256) == 64, file
        assert None in (file.md5, file.sha256), file


def test_only_the_first_mobilenets_have_files_without_a_hash():
    assert {name for name in DOWNLOADED if any(not (file.md5 or file.sha256) for file in architectures[name].files)} == {
        "MobileNet",
        "MobileNetV2",
    }


def test_a_file_is_about_as_large_as_is_known():
    assert WeightsFile("a.h5", "", size=5).about == 5
    assert WeightsFile("a.h5", "", megabytes=3).about == 3 * 2**20
    assert WeightsFile("a.h5", "", size=5, megabytes=3).about == 3 * 2**20
    assert WeightsFile("a.h5", "").about is None


def test_sizes_in_bytes_and_in_mb_tell_the_same():
    sized = {file.name: file for row in architectures.values() for file in row.files if file.size is not None}
    assert sized
    assert {name: file.about for name, file in sized.items()} == pytest.approx({name: file.size for name, file in sized.items()}, abs=2**20)


@pytest.mark.parametrize("include_top", [True, False])
@pytest.mark.parametrize(("name", "sides"), [("MobileNet", (128, 160, 192, 224)), ("MobileNetV2", (96, 128, 160, 192, 224))])
def test_each_side_that_a_mobilenet_was_trained_for_has_its_own_file(name, sides, include_top):
    row = architectures[name]
    names = [row.file(include_top, side=side).name for side in sides]
    assert [f"_{side}" in name for name, side in zip(names, sides, strict=True)] == [True] * len(sides)
    assert row.file(include_top).side == 224


def test_without_its_top_a_network_takes_the_file_for_the_default_where_none_is_for_that_side():
    for side in (None, 96, 100, 300):
        assert architectures["MobileNet"].file(False, side=side).side == 224
    assert architectures["VGG16"].file(False, side=100) is architectures["VGG16"].files[1]


def test_a_side_without_weights_is_refused_with_those_that_have_some():
    with pytest.raises(ExplorerError, match=r"MobileNet has imagenet weights .* of 128, 160, 192, 224 pixels a side, not 96; weights=None"):
        architectures["MobileNet"].file(side=96)
    for include_top in (True, False):  # these weights are for 224 only, those of other alphas for 96 too
        with pytest.raises(ExplorerError, match=r"MobileNetV2 .* alpha=1\.4 .* of 224 pixels a side, not 96; weights=None"):
            architectures["MobileNetV2"].file(include_top, 1.4, 96)


@pytest.mark.parametrize("name", [name for name in ALL if len(architectures[name].alphas) > 1])
def test_an_alpha_without_weights_is_refused_and_named_with_those_that_have_some(name):
    with pytest.raises(ExplorerError, match=rf"{name} has no imagenet weights for alpha=0.6; it has them for .*0\.75, 1.*weights=None"):
        architectures[name].file(alpha=0.6)


def test_a_top_without_weights_is_refused():
    row = architectures["VGG16"]
    bare = replace(row, files=row.files[:1])
    assert bare.file() is row.files[0]
    with pytest.raises(ExplorerError, match="VGG16 has no imagenet weights for include_top=False; weights=None builds it"):
        bare.file(include_top=False)


def test_the_catalog_reads_like_a_dict():
    assert len(architectures) == len(ALL) == 45
    assert "VGG16" in architectures
    assert "VGG17" not in architectures
    assert architectures.get("VGG17") is None
    assert repr(Catalog([architectures["VGG16"], architectures["VGG19"]])) == "Catalog(VGG16, VGG19)"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("mobilenetv2", "MobileNetV2"),
        ("VGG-16", "VGG16"),
        ("resnet 50", "ResNet50"),
        ("digit", "digits"),
        ("efficientnet_b7", "EfficientNetB7"),
    ],
)
def test_an_unknown_architecture_suggests_near_ones(wrong, right):
    with pytest.raises(UnknownName, match=rf"There is no architecture '{wrong}'\. Did you mean .*{right}"):
        architectures[wrong]


@pytest.mark.parametrize("wrong", ["zzz", "", None, 7, math.nan])
def test_an_unknown_architecture_without_near_ones_is_just_unknown(wrong):
    with pytest.raises(UnknownName, match="There is no architecture") as refusal:
        architectures[wrong]
    assert "Did you mean" not in str(refusal.value)
