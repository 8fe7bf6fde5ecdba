"""A backbone inside of a model is frozen, planned, cut and trained as in the flat model of the same layers."""

from dataclasses import asdict

import exported
import numpy as np
import pytest

import explorer
from explorer.backend.fine_tuning import linear_probes
from explorer.backend.fine_tuning.fine_tune import fine_tune
from explorer.backend.fine_tuning.heads import backbone_table
from explorer.backend.runtime.keras import keras
from explorer.errors import ExplorerError, UnknownName
from explorer.recipe.freeze_plan import freeze_plan, index_of
from explorer.recipe.keras_code import keras_lines
from explorer.values import Recipe

layers = keras.layers
SIZE = (12, 16, 3)
SETTINGS = {"head": explorer.Head(units=8), "phases": exported.PHASES}
TAIL = {**SETTINGS, "phases": [explorer.Phase("tail", "sgd", 0.01, epochs=1, batch_size=8)]}
UNTRAINED = {**TAIL, "stop": lambda: True}  # where the plan is looked at


def blocks(x):
    for block, filters in (("block_1", 4), ("block_2", 6), ("block_3", 5)):
        x = layers.Conv2D(filters, 3, padding="same", name=f"{block}_conv")(x)
        x = layers.BatchNormalization(name=f"{block}_norm")(x)
        x = layers.ReLU(name=f"{block}_relu")(x)
    return x


def backbone(name="net_1.00"):
    inside = keras.Input(SIZE, name="inside")
    return keras.Model(inside, blocks(inside), name=name)


def scaled(picture):
    return layers.Rescaling(1 / 255, name="scale")(picture)


def classified(picture, x):
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="scores")(x))


def flat():
    picture = keras.Input(SIZE, name="picture")
    return classified(picture, blocks(scaled(picture)))


def sequential():
    top = [layers.GlobalAveragePooling2D(name="pool"), layers.Dense(3, activation="softmax", name="scores")]
    return keras.Sequential([keras.Input(SIZE, name="picture"), layers.Rescaling(1 / 255, name="scale"), backbone(), *top])


def functional():
    picture = keras.Input(SIZE, name="picture")
    return classified(picture, backbone()(scaled(picture), training=False))


def twofold():
    """A backbone in a backbone."""
    outer = keras.Input(SIZE, name="outer")
    middle = keras.Model(outer, backbone()(scaled(outer)), name="middle")
    picture = keras.Input(SIZE, name="picture")
    return classified(picture, middle(picture))


def pair():
    """Two backbones whose layers are called the same."""
    picture = keras.Input(SIZE, name="picture")
    x = scaled(picture)
    return classified(picture, layers.Concatenate(name="both")([backbone("left")(x), backbone("right")(x)]))


def shared():
    """One backbone that is used twice, the second time on what is drawn at random."""
    picture, network = keras.Input(SIZE, name="picture"), backbone("net")
    x = scaled(picture)
    return classified(picture, layers.Subtract(name="difference")([network(x), network(layers.RandomFlip(name="flip")(x))]))


def over_time():
    picture = keras.Input(SIZE, name="picture")
    x = layers.TimeDistributed(backbone(), name="each")(layers.Reshape((1, *SIZE), name="film")(layers.Conv2D(3, 1, name="first")(picture)))
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="scores")(layers.Flatten(name="flat")(x)))


class Doubled(keras.Model):
    """A model that does more than its graph says."""

    def call(self, x, training=None):
        return 2 * super().call(x, training=training)


def custom():
    inside, picture = keras.Input(SIZE, name="inside"), keras.Input(SIZE, name="picture")
    return classified(picture, Doubled(inside, blocks(inside), name="doubled")(scaled(picture)))


def several_outputs():
    inside, picture = keras.Input(SIZE, name="inside"), keras.Input(SIZE, name="picture")
    x = blocks(inside)
    maps, most = keras.Model(inside, [x, layers.GlobalMaxPooling2D(name="most")(x)], name="two")(scaled(picture))
    x = layers.Concatenate(name="both")([layers.GlobalAveragePooling2D(name="mean")(maps), most])
    return keras.Model(picture, layers.Dense(3, activation="softmax", name="scores")(x))


NESTED = {sequential: "net_1.00/", functional: "net_1.00/", twofold: "middle/net_1.00/"}


@pytest.fixture(scope="module")
def weights():
    keras.utils.set_random_seed(0)
    return [array + np.random.default_rng(0).uniform(0, 0.1, array.shape) for array in flat().get_weights()]


@pytest.fixture(scope="module")
def data():
    return exported.coloured()


def opened(make, weights=None):
    model = make()
    if weights:
        model.set_weights(weights)
    return explorer.load(model, preprocess="none")


def bare(names, path):
    """Return the names without the way to the backbone; what is outside of it stands as it is."""
    return tuple(name.removeprefix(path).removeprefix("middle/") for name in names)


@pytest.fixture(scope="module")
def expected(weights, data):
    return fine_tune(opened(flat, weights), data, train_from="block_2", batch_norm="train", **SETTINGS)


@pytest.mark.parametrize("make", NESTED)
def test_the_plan_is_that_of_the_flat_model(make):
    found, flatly = backbone_table(opened(make)), backbone_table(opened(flat))
    for recipe in (Recipe(5), Recipe(6, batch_norm="train"), Recipe(len(flatly)), Recipe(0)):
        plan, expected = (asdict(freeze_plan(table, recipe, 3)) for table in (found, flatly))
        for names in ("frozen", "cached", "crossing"):
            plan[names] = bare(plan[names], NESTED[make])
        for each in (plan, expected):
            each.pop("line")
            each["end"] = each["end"] if "block" in each["end"] else ""  # what is outside of the nested model is no stem and no top
            each["note"] = each["note"].replace(NESTED[make], "")
        assert plan == expected


@pytest.mark.parametrize("make", NESTED)
def test_a_block_or_a_layer_inside_is_found_by_its_name_alone_or_with_the_models_that_it_lies_in(make):
    table, path = backbone_table(opened(make)), NESTED[make]
    for name in ("block_2", "block 2", "block_2_conv", f"{path}block_2", f"{path}block_2_conv", "net_1.00/block_2", "net/block_2_conv"):
        assert index_of(table, name) == 5, name


@pytest.mark.parametrize("make", NESTED)
def test_it_trains_as_the_flat_model(make, weights, data, expected):
    network = opened(make, weights)
    run = fine_tune(network, data, train_from="block_2", batch_norm="train", **SETTINGS)
    assert [one.loss for one in run.history] == pytest.approx([one.loss for one in expected.history], rel=1e-4)
    assert [one.val_loss for one in run.history] == pytest.approx([one.val_loss for one in expected.history], rel=1e-4)
    assert bare(run.trainable, NESTED[make]) == expected.trainable
    assert len(run.network.model.trainable_weights) == len(expected.network.model.trainable_weights)
    assert [block for block, _far in run.outcome.moved] == [block for block, _far in expected.outcome.moved]
    assert [far for _block, far in run.outcome.moved] == pytest.approx([far for _block, far in expected.outcome.moved], rel=1e-3)
    inner = run.network.model
    for name in NESTED[make].split("/")[:-1]:
        inner = inner.get_layer(name)
    assert [layer.name for layer in inner.layers if not layer.trainable] == ["block_1_conv", "block_1_norm", "block_1_relu"]
    assert all(
        np.array_equal(one, other)
        for one, other in zip(network.model.get_weights(), opened(make, weights).model.get_weights(), strict=True)
    )


def test_the_line_is_said_for_each_model_that_it_runs_through():
    table = backbone_table(opened(twofold))
    recipe = Recipe(index_of(table, "block_2"), batch_norm="train")
    path = "model.get_layer('middle')"
    assert keras_lines(freeze_plan(table, recipe, 3), recipe) == (
        "for layer in model.layers[:1]:",
        "    layer.trainable = False",
        "for layer in model.layers[1:]:",
        "    layer.trainable = True",
        f"for layer in {path}.layers[:2]:",
        "    layer.trainable = False",
        f"for layer in {path}.layers[2:]:",
        "    layer.trainable = True",
        f"for layer in {path}.get_layer('net_1.00').layers[:4]:",
        "    layer.trainable = False",
        f"for layer in {path}.get_layer('net_1.00').layers[4:]:",
        "    layer.trainable = True",
    )


@pytest.mark.parametrize(("make", "index"), [(flat, 2), (functional, 2), (sequential, 1), (sequential, -2)])
def test_an_index_is_keras_s_own_in_which_a_nested_model_is_one_layer(make, index, data):
    """In the Sequential model the input is no layer, and of the backbone with its pooling the last two are left to train."""
    run = fine_tune(opened(make), data, index, **UNTRAINED)
    assert bare(run.plan.frozen, NESTED.get(make, ""))[:2] == ("picture", "scale")
    assert (run.plan.index, run.plan.trained) == (2, 7)


def test_a_whole_nested_model_and_layers_in_it_are_frozen_by_name(data):
    run = fine_tune(opened(functional), data, ["net_1.00"], **{**SETTINGS, "phases": exported.PHASES[:1]})
    assert (run.trainable, run.plan.trained_parameters) == (("head_dense", "head_predictions"), 0)
    run = fine_tune(opened(functional), data, ["block_3_conv", "net_1.00/block_1_conv"], batch_norm="train", **TAIL)
    frozen = [layer.name for layer in run.network.model.get_layer("net_1.00").layers if not layer.trainable]
    assert frozen == ["block_1_conv", "block_3_conv"]
    assert keras_lines(run.plan, run.recipe)[0] == "FROZEN = ['net_1.00/block_1_conv', 'net_1.00/block_3_conv']"


@pytest.mark.parametrize("place", ["block_2", "block_2_conv"])
def test_a_name_in_two_models_is_refused_with_both(place, data):
    with pytest.raises(UnknownName, match=rf"'{place}' may be left/{place} or right/{place}: say which\."):
        fine_tune(opened(pair), data, train_from=place)
    with pytest.raises(UnknownName, match=r"may be left/block_2_conv or right/block_2_conv"):
        fine_tune(opened(pair), data, ["block_2_conv"])


def test_of_two_models_with_the_same_names_the_one_that_is_meant_is_cut(data):
    run = fine_tune(opened(pair), data, train_from="right/block_2", **TAIL)
    assert run.trainable == ("right/block_2_conv", "right/block_3_conv", "head_dense", "head_predictions")
    assert (run.plan.end, run.plan.crossing) == ("right/block_1", ("left/block_3_relu", "right/block_1_relu"))
    assert [layer.name for layer in run.network.model.get_layer("left").layers] == [layer.name for layer in backbone().layers]
    tuned = explorer.load(run.network.model, preprocess="none")
    assert tuned.predict(data.validation[0].example, top=1)


def test_a_model_that_is_used_twice_is_cut_at_both_uses(data):
    run = fine_tune(opened(shared), data, train_from="block_3", **TAIL)
    assert (run.state, run.plan.crossing) == ("done", ("scale", "net/block_2_relu"))
    assert set(run.trainable) == {"net/block_3_conv", "net:1/block_3_conv", "head_dense", "head_predictions"}


@pytest.mark.parametrize(
    ("make", "place", "whole"),
    [
        (over_time, "block_2", r"block_2 lies inside each \(TimeDistributed\)"),
        (over_time, "net/block_2_conv", r"net/block_2_conv lies inside each \(TimeDistributed\)"),
        (custom, "block_2", r"doubled/block_2_conv lies inside doubled \(Doubled\)"),
        (custom, "doubled/block_2_conv", r"doubled/block_2_conv lies inside doubled \(Doubled\)"),
        (several_outputs, "block_2", r"two/block_2_conv lies inside two \(Functional\)"),
    ],
)
def test_what_can_not_be_cut_inside_says_so(make, place, whole, data):
    with pytest.raises(ExplorerError, match=whole + ", which is frozen or trained as a whole: name"):
        fine_tune(opened(make), data, train_from=place)


@pytest.mark.parametrize(("make", "place"), [(over_time, "each"), (custom, "doubled"), (several_outputs, "two")])
def test_what_can_not_be_cut_inside_trains_as_a_whole(make, place, data):
    run = fine_tune(opened(make), data, train_from=place, **TAIL)
    assert run.state == "done"
    assert run.plan.trained_parameters == sum(
        np.prod(one.shape) for one in run.network.model.trainable_weights
    ) - run.plan.head_parameters > 0  # fmt: skip


def test_each_block_inside_is_probed(data):
    found, flatly = (linear_probes.probe(opened(make), data) for make in (functional, flat))
    assert [one.index for one in found] == [one.index for one in flatly]
    assert [one.block for one in found][1:4] == ["block_1", "block_2", "block_3"]
    assert [one.layer for one in found][1:4] == ["net_1.00/block_1_relu", "net_1.00/block_2_relu", "net_1.00/block_3_relu"]
