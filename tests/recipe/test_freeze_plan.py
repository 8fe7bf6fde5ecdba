import pytest

from explorer.errors import ExplorerError, UnknownName
from explorer.recipe import freeze_plan
from explorer.recipe.keras_code import keras_lines
from explorer.values import Head, Layer, Layers, Recipe


def row(index, name, kind="convolution", block="", shape=(4, 6, 8), inputs=(), weights=10, **facts):
    return Layer(
        index, name, kind, facts.pop("class_name", "Conv2D"), block, shape, weights, inputs=inputs, output_shapes=(shape,), **facts,
        trainable_parameters=facts.pop("trained", weights) if "trained" in facts else weights,
    )  # fmt: skip


def norm(index, name, block, inputs):
    return Layer(index, name, "normalisation", "BatchNormalization", block, (4, 6, 8), 32, False, inputs, ((4, 6, 8),), ((4, 6, 8),), 16)


def chain():
    """An input, two blocks of a convolution, a batch norm and a ReLU each, then a convolution on its own."""
    rows = [row(0, "picture", "input", "stem", (8, 12, 3), weights=0, class_name="InputLayer")]
    for block in ("one", "two"):
        at, before = len(rows), rows[-1].name
        rows += [
            row(at, f"{block}_conv", block=block, inputs=(before,)),
            norm(at + 1, f"{block}_norm", block, (f"{block}_conv",)),
            row(at + 2, f"{block}_relu", "activation", block, inputs=(f"{block}_norm",), weights=0, class_name="ReLU"),
        ]
    return Layers([*rows, row(7, "last", block="top", shape=(2, 3, 5), inputs=("two_relu",))])


def planned(freeze, layers=None, classes=3, **settings):
    return freeze_plan.freeze_plan(layers or chain(), Recipe(freeze, **settings), classes)


def test_blocks_end_where_the_next_begins():
    assert [(end.block, end.layer, end.index) for end in freeze_plan.block_ends(chain())] == [
        ("stem", "picture", 1),
        ("one", "one_relu", 4),
        ("two", "two_relu", 7),
        ("top", "last", 8),
    ]


def test_layers_without_blocks_end_by_themselves():
    layers = Layers([row(0, "a"), row(1, "b", inputs=("a",))])
    assert [end.index for end in freeze_plan.block_ends(layers)] == [1, 2]


@pytest.mark.parametrize(("index", "expected"), [(0, 0), (1, 1), (2, 1), (3, 4), (5, 4), (6, 7), (8, 8)])
def test_a_line_snaps_to_the_nearest_end(index, expected):
    assert freeze_plan.snapped(chain(), index) == expected


@pytest.mark.parametrize(("given", "index"), [("two", 4), ("one_norm", 2), ("5", 5), (-1, 7), (" last ", 7)])
def test_training_begins_at_a_block_a_layer_or_an_index(given, index):
    assert freeze_plan.index_of(chain(), given) == index


def test_an_unknown_place_names_what_is_near():
    with pytest.raises(UnknownName, match=r"no block or layer 'one_cnv'.*one_conv"):
        freeze_plan.index_of(chain(), "one_cnv")


def test_the_line_tells_what_is_frozen_and_what_trains():
    found = planned(4)
    assert found.frozen == ("picture", "one_conv", "one_norm", "one_relu", "two_norm")  # the tail's batch norm stays in inference mode
    assert (found.layers, found.trained, found.index, found.end, found.note) == (8, 3, 4, "one", "")
    assert (found.frozen_parameters, found.trained_parameters) == (10 + 16 + 16, 20)
    assert found.boundary_tensors == ("one_relu",)
    assert found.cache_bytes == 4 * 6 * 8 * 4
    assert found.head_bytes == 5 * 4
    assert found.head_parameters == 6 * 1024 + 1025 * 3


def test_thawed_batch_norms_train_where_the_recipe_says_so():
    found = planned(4, batch_norm="train")
    assert "two_norm" not in found.frozen
    assert found.trained_parameters == 10 + 16 + 10


def test_a_line_inside_of_a_block_is_allowed_and_said():
    found = planned(2)
    assert (found.index, found.end) == (2, "")
    assert found.note == "2 cuts through a block; it ends with one_relu, index 3."
    assert found.boundary_tensors == ("one_relu",)  # what has no weights, or is frozen anyway, is computed once too


def test_names_freeze_just_those_layers():
    found = planned(("two_conv",), batch_norm="train")
    assert found.frozen == ("two_conv",)
    assert found.index is None
    assert found.boundary_tensors == ("picture",)


def test_all_or_nothing_can_be_frozen():
    everything, nothing = planned(8), planned(0, batch_norm="train")
    assert (everything.trained_parameters, everything.tail_work, everything.cache_bytes) == (0, 0, 20)
    assert (nothing.frozen, nothing.boundary_tensors, nothing.frozen_parameters) == ((), ("picture",), 0)
    assert nothing.tail_work == nothing.work > 0


@pytest.mark.parametrize("index", [-1, 9])
def test_a_line_past_the_end_is_refused(index):
    with pytest.raises(ExplorerError, match="8 layers: freeze 0 to 8"):
        planned(index)


def test_a_name_that_is_not_there_is_refused():
    with pytest.raises(UnknownName, match="no layer 'three'"):
        planned(("three",))


def test_nothing_random_is_computed_once():
    layers = Layers(
        [
            row(0, "vector", "input", shape=(5,), weights=0),
            row(1, "dense", "dense", shape=(5,), inputs=("vector",)),
            row(2, "dropout", "other", shape=(5,), inputs=("dense",), weights=0, random=True),
            row(3, "after", "dense", shape=(7,), inputs=("dropout",)),
        ]
    )
    found = planned(4, layers)
    assert found.cached == ("vector", "dense")
    assert (found.cache_bytes, found.head_bytes) == (20, 20)


def test_several_tensors_may_cross():
    layers = Layers(
        [
            row(0, "picture", "input", weights=0),
            row(1, "left", inputs=("picture",)),
            row(2, "right", inputs=("picture",)),
            row(3, "left_end", inputs=("left",)),
            row(4, "both", "merge", inputs=("left_end", "right"), weights=0),
        ]
    )
    assert planned(3, layers).boundary_tensors == ("left", "right")
    assert planned(2, layers).boundary_tensors == ("picture", "left")


def test_a_pooling_in_a_branch_is_not_kept_beside_its_input():
    layers = Layers(
        [
            row(0, "picture", "input", weights=0),
            row(1, "mixed", inputs=("picture",)),
            row(2, "pool", "pooling", inputs=("mixed",), weights=0),
            row(3, "conv", inputs=("mixed",)),
            row(4, "pool_conv", inputs=("pool",)),
            row(5, "both", "merge", inputs=("conv", "pool_conv"), weights=0),
        ]
    )
    assert planned(2, layers).boundary_tensors == ("mixed",)


def test_each_use_of_a_shared_layer_follows_the_first():
    layers = Layers(
        [
            row(0, "picture", "input", weights=0),
            row(1, "conv", inputs=("picture",)),
            row(1, "conv:1", inputs=("conv",), weights=0, is_nested_or_reused=True),
            row(2, "last", inputs=("conv:1",)),
        ]
    )
    assert planned(1, layers, batch_norm="train").cached == ("picture",)
    assert planned(2, layers).frozen == ("picture", "conv", "conv:1")
    assert planned(2, layers).boundary_tensors == ("conv:1",)


def test_a_nested_model_is_frozen_with_all_that_is_inside():
    layers = Layers(
        [
            row(0, "picture", "input", weights=0),
            row(1, "backbone", "model", inputs=("picture",), weights=20),
            row(1, "backbone/a", inputs=(), is_nested_or_reused=True),
            row(2, "backbone/b", inputs=("backbone/a",), is_nested_or_reused=True),
            row(2, "last", inputs=("backbone",)),
        ]
    )
    whole = planned(2, layers)
    assert whole.frozen == ("picture", "backbone", "backbone/a", "backbone/b")
    assert (whole.frozen_parameters, whole.trained_parameters, whole.boundary_tensors) == (20, 10, ("backbone",))
    half = planned(("backbone/a",), layers)
    assert (half.frozen_parameters, half.trained_parameters, half.boundary_tensors) == (10, 20, ("picture",))


def test_the_lines_of_keras_freeze_the_same():
    assert keras_lines(planned(4), Recipe(4)) == (
        "for layer in model.layers[:4]:",
        "    layer.trainable = False",
        "for layer in model.layers[4:]:",
        "    layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)",
    )
    assert keras_lines(planned(0, batch_norm="train"), Recipe(0, batch_norm="train")) == (
        "for layer in model.layers:",
        "    layer.trainable = True",
    )
    named = Recipe(("two_conv",), batch_norm="train")
    assert keras_lines(planned(("two_conv",), batch_norm="train"), named)[0] == "frozen = {'two_conv'}"


def test_a_plain_head_has_one_dense_layer():
    assert planned(8, head=Head(units=0)).head_parameters == 6 * 3


def test_a_shape_that_is_open_has_no_size():
    layers = Layers(
        [row(0, "picture", "input", shape=(None, None, 3), weights=0), row(1, "conv", shape=(None, None, 5), inputs=("picture",))]
    )
    found = planned(1, layers)
    assert (found.cache_bytes, found.head_bytes) == (None, 20)


def test_the_batch_norm_lesson_thaws_all_batch_norms():
    found = planned(4, mistakes=("batch_norm",))
    assert found.frozen == ("picture", "one_conv", "one_relu")
    assert found.boundary_tensors == ("one_conv",)
