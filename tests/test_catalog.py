import pytest

from explorer.catalog import BUNDLED, architectures, spec
from explorer.errors import ExplorerError, UnknownName
from explorer.values import NetworkSpec

ALL = list(architectures)
# As the table of the Keras Applications guide prints them: size in MB, top-1, top-5, parameters in millions, depth (its "-" is None).
GUIDE = {
    "MobileNetV2": (14, 0.713, 0.901, 3.5, 88),
    "MobileNet": (16, 0.704, 0.895, 4.3, 88),
    "ResNet50": (98, 0.749, 0.921, 25.6, None),
    "VGG16": (528, 0.713, 0.901, 138.4, 23),
}


@pytest.mark.parametrize("name", GUIDE)
def test_the_facts_are_those_of_the_guide(name):
    row = architectures[name]
    megabytes, top1, top5, millions, depth = GUIDE[name]
    assert round(row.size / 2**20) == megabytes
    assert (row.top1, row.top5) == (top1, top5)
    assert round(row.parameters / 1e6, 1) == millions
    assert row.depth == depth
    assert row.measured_on == "ImageNet"


def test_the_bundled_network_comes_first_and_is_the_only_one():
    assert [name for name in ALL if architectures[name].bundled] == [ALL[0]] == ["digits"]
    assert architectures["digits"].size == (BUNDLED / "digits.keras").stat().st_size


@pytest.mark.parametrize("name", ALL)
def test_every_row_is_whole(name):
    row = architectures[name]
    height, width, channels = row.input_size
    assert row.name == name
    assert row.input == "image"
    assert height > 0
    assert width > 0
    assert channels in (1, 3)
    assert row.convention in {"tf", "caffe", "digit"}
    assert 0 < row.top1 <= (row.top5 or 1) <= 1
    assert row.samples
    assert 1990 < row.year < 2100
    assert row.paper


@pytest.mark.parametrize("name", ALL)
def test_every_alpha_has_its_own_file_with_and_without_top(name):
    row = architectures[name]
    files = [row.file(include_top, alpha) for alpha in row.alphas for include_top in (True, False)]
    assert len(set(files)) == len(files) == len(row.files)
    assert row.file() is row.files[0]
    if not row.bundled:
        assert len({file.name for file in files}) == len(files)


def test_the_catalog_reads_like_a_dict():
    assert len(architectures) == len(ALL)
    assert "VGG16" in architectures
    assert "VGG17" not in architectures
    assert architectures.get("VGG17") is None
    assert repr(architectures) == f"Catalog({', '.join(ALL)})"


@pytest.mark.parametrize(
    ("wrong", "right"), [("mobilenetv2", "MobileNetV2"), ("VGG-16", "VGG16"), ("resnet 50", "ResNet50"), ("digit", "digits")]
)
def test_an_unknown_architecture_suggests_near_ones(wrong, right):
    with pytest.raises(UnknownName, match=rf"There is no architecture '{wrong}'\. Did you mean .*{right}"):
        architectures[wrong]


@pytest.mark.parametrize("wrong", ["zzz", "", None, 7])
def test_an_unknown_architecture_without_near_ones_is_just_unknown(wrong):
    with pytest.raises(UnknownName, match="There is no architecture") as refusal:
        spec(wrong)
    assert "Did you mean" not in str(refusal.value)


@pytest.mark.parametrize("name", ALL)
def test_pretrained_stands_for_the_own_set(name):
    row = architectures[name]
    assert spec(name) == spec(name, row.weights) == NetworkSpec(name, row.weights, True, 1.0)
    assert spec(name, None, include_top=False) == NetworkSpec(name, None, False, 1.0)


def test_an_alpha_that_is_a_whole_number_is_the_same_spec():
    assert spec("MobileNet", alpha=1) == spec("MobileNet")


@pytest.mark.parametrize("name", ALL)
def test_other_weights_are_refused_with_what_there_is(name):
    with pytest.raises(ExplorerError, match=rf"{name} has no weights 'elsewhere': use '{architectures[name].weights}', or None"):
        spec(name, "elsewhere")


@pytest.mark.parametrize("name", [name for name in ALL if len(architectures[name].alphas) == 1])
def test_an_alpha_where_there_is_none_is_refused(name):
    with pytest.raises(ExplorerError, match=rf"{name} takes no alpha; MobileNet and MobileNetV2 do"):
        spec(name, None, alpha=0.5)


@pytest.mark.parametrize("name", [name for name in ALL if len(architectures[name].alphas) > 1])
def test_an_alpha_without_weights_is_refused_and_named_with_those_that_have_some(name):
    with pytest.raises(
        ExplorerError, match=rf"{name} has no imagenet weights for alpha=0.6; it has them for .*0\.5, 0\.75, 1.*weights=None"
    ):
        spec(name, alpha=0.6)
    assert spec(name, None, alpha=0.6).alpha == 0.6


@pytest.mark.parametrize("alpha", [0, -1, 10, float("nan"), float("inf"), True, "1", None])
def test_an_alpha_that_is_no_sensible_number_is_refused(alpha):
    with pytest.raises(ExplorerError, match="alpha must be a number"):
        spec("MobileNet", None, alpha=alpha)
