import copy
import dataclasses
import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from explorer.errors import UnknownName
from explorer.values import AdoptedModel, Axis, Example, FeatureMaps, Layer, Layers, ModelFile, NetworkSpec, Span, joined, shape_text
from explorer.values.runs import is_kept_with_run

NAMES = ("image", "block1_conv", "block1_relu", "block2_conv", "predictions")


@pytest.fixture
def layers():
    return Layers(Layer(index, name, "other", "Layer", "", (4, 6, 2), index) for index, name in enumerate(NAMES))


@pytest.mark.parametrize("key", [3, -2, np.int64(3), np.uint8(3), "block2_conv", " block2_conv ", "3", "-2", " 3 "])
def test_a_layer_is_found_by_index_from_either_end_name_or_index_as_text(layers, key):
    assert layers[key].name == "block2_conv"
    assert layers.find(key) is layers[3]


def test_a_row_of_the_table_finds_itself(layers):
    assert layers.find(layers[2]) is layers[2]


def test_layers_are_sliced_counted_and_iterated_like_a_tuple(layers):
    assert [layer.name for layer in layers[1:3]] == ["block1_conv", "block1_relu"]
    assert [layer.index for layer in layers[::-2]] == [4, 2, 0]
    assert len(layers) == 5
    assert [layer.name for layer in layers] == list(NAMES)
    assert [layer.index for layer in reversed(layers)] == [4, 3, 2, 1, 0]


def test_a_name_that_is_a_number_wins_over_the_index():
    rows = Layers(Layer(index, name, "other", "Layer", "", (1,), 0) for index, name in enumerate(("a", "b", "0")))
    assert rows["0"].index == 2


def test_an_unknown_layer_name_suggests_near_ones(layers):
    with pytest.raises(UnknownName, match=r"There is no layer 'block2_con'\. Did you mean block2_conv or block1_conv\?"):
        layers["block2_con"]


def test_an_unknown_layer_name_without_near_ones_is_just_unknown(layers):
    with pytest.raises(UnknownName, match=r"^There is no layer 'zzz'\.$"):
        layers["zzz"]


@pytest.mark.parametrize("key", [5, -6, "5", "-6", 10**30, np.int64(5)])
def test_an_index_out_of_range_says_the_range(layers, key):
    with pytest.raises(UnknownName, match=rf"There is no layer {int(key)}: this network has layers 0 to 4\."):
        layers[key]


@pytest.mark.parametrize("key", [1.0, None, np.float64(1), (1,)])
def test_what_is_neither_index_nor_name_is_refused(layers, key):
    with pytest.raises(UnknownName, match=rf"A layer is an index or a name, not {type(key).__name__}"):
        layers.find(key)


def test_an_empty_text_is_no_layer(layers):
    with pytest.raises(UnknownName, match="There is no layer ''"):
        layers[""]


@pytest.mark.parametrize("key", [True, False, b"image", slice(1), np.bool_(True)])
def test_what_only_looks_like_an_index_or_a_name_is_refused(key, layers):
    with pytest.raises(UnknownName, match=rf"A layer is an index or a name, not {type(key).__name__}"):
        layers.find(key)


@pytest.fixture
def nested():
    """A network with a nested one, used twice."""
    rows = [("picture", 0), ("backbone", 1), ("backbone/conv", 0), ("backbone:1", 1), ("backbone:1/conv", 0), ("top", 2)]
    return Layers(Layer(index, name, "other", "Layer", "", (4,), 0, is_nested_or_reused="/" in name or ":" in name) for name, index in rows)


def test_further_rows_are_found_by_their_address_only(nested):
    assert [layer.name for layer in nested] == ["picture", "backbone", "top"]
    assert len(nested) == 3
    assert len(nested.rows) == 6
    for row in nested.rows:
        assert nested[row.name] is nested.find(row) is row
        assert row in nested
        assert row.name in nested
    assert nested[1].name == "backbone"
    assert nested[-1].name == "top"
    assert "backbone/nowhere" not in nested
    with pytest.raises(UnknownName, match="Did you mean backbone/conv"):
        nested["backbone/con"]
    with pytest.raises(UnknownName, match="layers 0 to 2"):
        nested[3]


def test_layers_travel_whole(nested):
    for twin in (pickle.loads(pickle.dumps(nested)), copy.deepcopy(nested), copy.copy(nested)):
        assert twin == nested
        assert twin.rows == nested.rows
        assert twin["backbone:1/conv"] == nested["backbone:1/conv"]


def test_a_layer_says_what_to_call_it_and_how_to_get_at_it(nested):
    assert [(row.title, row.code) for row in nested.rows] == [
        ("0 · picture", "model.layers[0]"),
        ("1 · backbone", "model.layers[1]"),
        ("backbone/conv", "model.get_layer('backbone').get_layer('conv')"),
        ("backbone:1", "model.get_layer('backbone')"),
        ("backbone:1/conv", "model.get_layer('backbone').get_layer('conv')"),
        ("2 · top", "model.layers[2]"),
    ]


@pytest.mark.parametrize(("shape", "text"), [((28, 28, 192), "28 × 28 × 192"), ((None, 4), "? × 4"), ((7,), "7"), ((), "")])
def test_a_shape_reads_as_a_product(shape, text):
    assert shape_text(shape) == text


def test_a_cell_spans_its_stretch_of_the_input():
    axis = Axis("row", 4, "pixel", 0, 224)
    assert axis.spatial
    assert axis.span(0) == Span("row", "pixel", 0, 56)
    assert axis.span(3) == Span("row", "pixel", 168, 224)


def test_the_cells_of_an_axis_cover_the_input_without_gaps():
    axis = Axis("column", 7, "second", 1.5, 30.0)
    spans = [axis.span(cell) for cell in range(7)]
    assert spans[0].start == 1.5
    assert spans[-1].stop == pytest.approx(30.0)
    assert all(one.stop == pytest.approx(following.start) for one, following in pairwise(spans))


def test_channels_and_units_are_no_stretch_of_the_input():
    assert not Axis("channel", 3).spatial


@pytest.mark.parametrize(
    ("axes", "spatial"),
    [((Axis("row", 2, "pixel", 0, 8), Axis("column", 3, "pixel", 0, 9), Axis("channel", 4)), True), ((Axis("unit", 24),), False)],
)
def test_feature_maps_know_whether_they_are_maps(axes, spatial):
    layer = Layer(0, "a", "other", "Layer", "", (2, 3, 4), 0)
    assert FeatureMaps(layer, np.zeros([axis.size for axis in axes], np.float32), axes).spatial is spatial


@pytest.mark.parametrize(("shape", "planes"), [((5,), None), ((3, 5), (3, 5, 1)), ((2, 3, 4), (2, 3, 4))])
def test_feature_maps_are_shown_as_planes_where_they_have_any(shape, planes):
    layer = Layer(0, "a", "other", "Layer", "", shape, 0)
    maps = FeatureMaps(layer, np.zeros(shape, np.float32), tuple(Axis("x", size) for size in shape))
    assert (None if maps.planes is None else maps.planes.shape) == planes


def test_equal_content_has_an_equal_digest_whatever_its_name():
    assert Example("image", b"abc", "one.png").digest == Example("image", b"abc", "two.jpg").digest
    assert Example("image", b"abc", "one.png").digest != Example("image", b"abd", "one.png").digest


def test_the_digest_of_an_array_counts_its_values_and_its_shape_not_its_memory():
    wide = np.arange(36, dtype=np.uint8).reshape(2, 6, 3)
    digest = Example("image", wide, "a").digest
    assert Example("image", np.asfortranarray(wide), "b").digest == digest
    assert Example("image", wide.reshape(6, 2, 3), "a").digest != digest
    assert Example("image", wide + 1, "a").digest != digest


def test_the_digest_of_several_arrays_counts_their_names_and_dtypes():
    one, two = np.arange(4.0), np.arange(4.0) + 1
    digest = Example("arrays", (("a", one), ("b", two)), "x").digest
    assert Example("arrays", (("a", one.copy()), ("b", two[::1])), "y").digest == digest
    for other in ((("b", one), ("a", two)), (("a", two), ("b", one)), (("a", one),), (("a", one), ("b", two.astype("f4")))):
        assert Example("arrays", other, "x").digest != digest
    assert Example("arrays", (("a", two[::2]),), "x").digest == Example("arrays", (("a", two[::2].copy()),), "x").digest


def test_every_kind_of_spec_has_a_name():
    assert NetworkSpec("VGG16").name == "VGG16"
    assert ModelFile("/a/mine.keras", "1", "mine.keras").name == "mine.keras"
    assert AdoptedModel(1, 0, "mine").name == "mine"
    assert AdoptedModel(1, 0, "mine") != AdoptedModel(1, 1, "mine")


def test_what_a_run_keeps_lies_in_the_data_folder_of_its_own():
    assert is_kept_with_run(Path(f"/home/me/runs/{'0a' * 16}/data/training"))
    assert not is_kept_with_run(Path(f"/home/me/runs/{'0a' * 16}/network.keras"))
    assert not is_kept_with_run(Path("/home/me/data/flowers"))


def test_values_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NetworkSpec("digits").alpha = 2.0
    assert NetworkSpec("VGG16") == NetworkSpec("VGG16", None, True, alpha=1.0)
    assert len({NetworkSpec("VGG16"), NetworkSpec("VGG16"), NetworkSpec("VGG16", "imagenet")}) == 2


def maps(*planes):
    values = np.stack([np.asarray(one, np.float32) for one in planes], -1)
    return FeatureMaps(Layer(0, "odd", "other", "Odd", "", values.shape, 0), values, ())


def test_the_strongest_map_is_the_one_whose_values_differ_most():
    dead, even, weak, strong = np.zeros((2, 2)), np.full((2, 2), 900), [[0, 1], [0, 1]], [[-5, 5], [0, 0]]
    assert maps(dead, even, weak, strong).strongest == 3
    assert maps(strong, weak, strong).strongest == 0, "the first of those that are as good"
    assert maps(dead, dead).strongest == 0
    assert maps(np.add(strong, 1e-7), strong).strongest == 0, "what the processor rounds otherwise decides nothing"
    assert maps(dead, [[np.nan, np.inf], [1, 2]], [[np.nan] * 2] * 2).strongest == 1


def test_the_strongest_unit_is_the_highest():
    assert maps(*[0.5, np.nan, 3, -7, np.inf]).strongest == 2
    assert maps(-2.0, -1.0).strongest == 1


def test_stretches_that_overlap_or_touch_are_one_and_all_are_in_order():
    assert joined([(4.0, 5.0), (0.0, 1.0), (4.5, 4.7), (5.0, 6.0), (0.5, 2.0)]) == ((0.0, 2.0), (4.0, 6.0))
    assert joined([]) == ()
