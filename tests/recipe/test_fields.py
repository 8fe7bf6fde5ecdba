from dataclasses import replace

import pytest
from fake_fine_tuning import DATA

from explorer.errors import ExplorerError
from explorer.recipe.fields import changed, monitor, preset, preset_of, values
from explorer.values import Augmentation, DataClass, Head, Phase, Recipe, Switch

RECIPE = Recipe(7)


def put(name, value, recipe=RECIPE):
    return changed(recipe, name, value, "val_loss")


# Presets


def test_as_in_the_guide_thawed_batch_norms_train_and_inception_is_frozen_at_249():
    assert preset("guide", RECIPE) == Recipe(7, batch_norm="train")
    assert preset("guide", RECIPE, "InceptionV3").freeze == 249
    assert preset("calm", RECIPE, "InceptionV3") == RECIPE


def test_with_the_head_only_the_tail_has_no_epochs():
    recipe = preset("head", RECIPE)
    assert [(phase.trains, phase.epochs) for phase in recipe.phases] == [("head", 5), ("tail", 0)]


@pytest.mark.parametrize("name", ["guide", "calm", "head"])
def test_a_preset_leaves_what_the_network_and_the_data_decide_and_is_known_again(name):
    before = Recipe(4, Head(units=0, multi_label=True), (), head_at="pool", seed=3, mistakes=("rate",), augmentation=Augmentation())
    recipe = preset(name, before)
    assert (recipe.freeze, recipe.head, recipe.head_at, recipe.seed) == (4, Head(multi_label=True), "pool", 3)
    assert (recipe.mistakes, recipe.augmentation) == ((), None)
    assert preset_of(recipe) == name
    assert preset_of(before) == ""


# Fields


@pytest.mark.parametrize(
    ("name", "typed", "taken"),
    [
        ("phases.1.learning_rate", " 0,01 ", 0.01),
        ("phases.0.learning_rate", "1e-5", 1e-5),
        ("phases.1.momentum", "0", 0.0),
        ("phases.0.optimizer", "adamw", "adamw"),
        ("phases.1.epochs", "0", 0),
        ("phases.0.batch_size", "8", 8),
        ("head.units", "none", 0),
        ("head.units", "", 0),
        ("head.units", "64", 64),
        ("head.dropout", "0.25", 0.25),
        ("head.multi_label", True, True),
        ("seed", "12", 12),
        ("precision", "float16", "float16"),
        ("batch_norm", "train", "train"),
    ],
)
def test_a_field_changes_its_own_value_and_nothing_else(name, typed, taken):
    recipe = put(name, typed)
    before, after = values(RECIPE), values(recipe)
    assert {one for one in after if after[one] != before[one]} <= {name}
    value = recipe
    for part in name.split("."):
        value = value[int(part)] if part.isdigit() else getattr(value, part)
    assert (value, type(value)) == (taken, type(taken))


@pytest.mark.parametrize(
    ("name", "typed", "said"),
    [
        ("phases.0.learning_rate", "0", "With a learning rate of 0 nothing is learnt: it must be above 0."),
        ("phases.0.learning_rate", "-0.1", "With a learning rate of -0.1 nothing is learnt: it must be above 0."),
        ("phases.0.learning_rate", "inf", "With a learning rate of inf"),
        ("phases.0.learning_rate", "nan", "With a learning rate of nan"),
        ("phases.1.learning_rate", "quick", "'quick' is not a number."),
        ("phases.1.momentum", "1", "A momentum is 0 or more, and below 1."),
        ("phases.0.epochs", "2.5", "Epochs are a whole number"),
        ("phases.0.epochs", "-1", "Epochs are a whole number"),
        ("phases.0.batch_size", "0", "The batch size is a whole number"),
        ("head.units", "-4", "Units are a whole number"),
        ("head.dropout", "1", "This is a share"),
        ("seed", str(2**31), "A seed is a whole number"),
        ("augmentation.rotation", "0.6", "at most 0.5"),
    ],
)
def test_what_can_not_be_followed_is_refused_with_a_reason(name, typed, said):
    with pytest.raises(ExplorerError, match=said):
        put(name, typed, replace(RECIPE, augmentation=Augmentation()))


def test_pictures_are_changed_with_numbers_of_their_own():
    recipe = put("augmentation", True)
    assert recipe.augmentation == Augmentation()
    recipe = put("augmentation.rotation", "0.5", put("augmentation.copies", "4", put("augmentation.flip", False, recipe)))
    assert recipe.augmentation == Augmentation(flip=False, rotation=0.5, copies=4)
    assert put("augmentation", False, recipe).augmentation is None


def test_callbacks_are_switched_on_with_what_is_usual_and_keep_what_was_set_in_python():
    recipe = put("callbacks.EarlyStopping", True)
    assert recipe.callbacks == (Switch("EarlyStopping", (("monitor", "val_loss"), ("patience", 3))),)
    recipe = put("callbacks.TerminateOnNaN", True, put("callbacks.EarlyStopping.patience", "5", recipe))
    assert [switch.name for switch in recipe.callbacks] == ["EarlyStopping", "TerminateOnNaN"]
    assert dict(recipe.callbacks[0].options)["patience"] == 5
    assert values(recipe)["callbacks.EarlyStopping.patience"] == "5"
    assert put("callbacks.EarlyStopping", False, recipe).callbacks == (Switch("TerminateOnNaN"),)
    own = replace(RECIPE, callbacks=(Switch("EarlyStopping", (("min_delta", 0.1), ("patience", 2))),))
    assert dict(put("callbacks.EarlyStopping.patience", "9", own).callbacks[0].options) == {"min_delta": 0.1, "patience": 9}


def test_callbacks_watch_what_there_is():
    assert monitor(None) == monitor(DATA) == "val_loss"
    assert monitor(replace(DATA, classes=(DataClass("dots", 3, 0),))) == "loss"
    assert dict(changed(RECIPE, "callbacks.ReduceLROnPlateau", True, "loss").callbacks[0].options)["monitor"] == "loss"


def test_the_rate_is_lowered_in_one_way_only():
    cosine = put("phases.1.schedule", "cosine")
    with pytest.raises(ExplorerError, match="in two ways"):
        put("callbacks.ReduceLROnPlateau", True, cosine)
    with pytest.raises(ExplorerError, match="in two ways"):
        put("phases.0.schedule", "halving", put("callbacks.LearningRateScheduler", True))
    assert put("callbacks.ReduceLROnPlateau", True, put("phases.1.epochs", "0", cosine)).callbacks


def test_mistakes_are_made_and_mended():
    recipe = put("mistakes.recompile", True, put("mistakes.rate", True))
    assert recipe.mistakes == ("recompile", "rate")
    assert put("mistakes.recompile", False, recipe).mistakes == ("rate",)


def test_fields_show_every_phase_that_there_is():
    recipe = replace(RECIPE, phases=(Phase("tail", "adam", 1e-7),))
    assert values(recipe)["phases.0.learning_rate"] == "1e-07"
    assert "phases.1.epochs" not in values(recipe)
    assert values(put("head.units", "0"))["head.units"] == "none"
