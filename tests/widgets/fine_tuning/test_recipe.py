from dataclasses import replace

import pytest
from fake_fine_tuning import DATA, FineTuningBackend
from messages import says

from explorer.values import Augmentation, Head, NetworkSpec, Phase
from explorer.widgets.fine_tuning.recipe import RecipeView


@pytest.fixture
def backend():
    return FineTuningBackend()


@pytest.fixture
def view(session, fine_tuning):
    return RecipeView(session, fine_tuning)


def put(view, field, value):
    says(view, {"field": field, "value": value})


def fields(words):
    """Return every field that the form has, by name."""
    grouped = [field for _title, some in words["groups"] for field in some]
    options = [field for callback in words["callbacks"] for field in callback["fields"]]
    return {field["name"]: field for field in [*grouped, *options, *words["mistake"]]}


def test_it_shows_the_phases_with_what_each_trains(view, fine_tuning):
    assert view.columns == [["1. head", "the new head"], ["2. tail", "from block 3"]]
    assert [view.values[f"phases.{place}.learning_rate"] for place in (0, 1)] == ["0.001", "0.0001"]
    fine_tuning.freeze_at(5)
    assert view.columns[1][1] == "from block_2_norm"
    fine_tuning.freeze_at(9)
    assert view.columns[1][1] == "nothing: all is frozen"
    fine_tuning.recipe = replace(fine_tuning.recipe, freeze=("image",), phases=(Phase("tail", "adam", 0.1),))
    assert view.columns == [["1. tail", "all layers but those named"]]


def test_what_is_set_goes_into_the_recipe_at_once(view, fine_tuning):
    put(view, "phases.1.learning_rate", "0.01")
    put(view, "phases.0.optimizer", "adamw")
    put(view, "head.units", "none")
    assert (fine_tuning.recipe.phases[1].learning_rate, fine_tuning.recipe.phases[0].optimizer, fine_tuning.recipe.head.units) == (
        0.01,
        "adamw",
        0,
    )
    assert (view.values["phases.1.learning_rate"], view.values["head.units"], view.preset) == ("0.01", "none", "")


def test_a_wrong_number_is_said_at_its_field_and_changes_nothing(view, fine_tuning, session):
    before = fine_tuning.recipe
    put(view, "phases.1.learning_rate", "0")
    put(view, "phases.0.epochs", "many")
    assert fine_tuning.recipe == before
    assert view.problems == {
        "phases.1.learning_rate": "With a learning rate of 0 nothing is learnt: it must be above 0.",
        "phases.0.epochs": "'many' is not a number.",
    }
    assert session.error_message == ""
    put(view, "phases.1.learning_rate", "0.0001")
    assert list(view.problems) == ["phases.0.epochs"]
    says(view, {"preset": "calm"})
    assert view.problems == {}


def test_a_preset_is_taken_and_known(view, fine_tuning):
    assert view.preset == "calm"
    says(view, {"preset": "guide"})
    assert (view.preset, fine_tuning.recipe.batch_norm, fine_tuning.recipe.freeze) == ("guide", "train", 7)
    says(view, {"preset": "head"})
    assert [phase.epochs for phase in fine_tuning.recipe.phases] == [5, 0]
    fine_tuning.freeze_at(4)
    assert view.preset == "head"


def test_the_guide_freezes_inception_where_it_does(view, fine_tuning, session):
    fine_tuning.backbone = None  # one of 311 layers is not at hand
    session.network = replace(session.network, spec=NetworkSpec("InceptionV3", None))
    says(view, {"preset": "guide"})
    assert fine_tuning.recipe.freeze == 249


def test_fields_that_do_not_matter_are_hidden(view, fine_tuning):
    assert "phases.0.momentum" in view.hidden
    assert "phases.1.momentum" not in view.hidden
    assert {"augmentation.copies", "callbacks.EarlyStopping.patience"} <= set(view.hidden)
    put(view, "augmentation", True)
    put(view, "callbacks.EarlyStopping", True)
    assert not {"augmentation.copies", "callbacks.EarlyStopping.patience"} & set(view.hidden)


def test_only_pictures_are_changed(view, session):
    session.network = replace(session.network, input_spec=replace(session.network.input_spec, kind="audio"))
    assert "augmentation" in view.hidden


def test_it_says_what_changing_the_pictures_costs(view, fine_tuning):
    assert view.cost == ""
    put(view, "augmentation", True)
    assert "the whole network runs each time" in view.cost
    assert "times as much work" in view.cost
    fine_tuning.data = DATA
    fine_tuning.recipe = replace(fine_tuning.recipe, augmentation=Augmentation(copies=4))
    assert (
        view.cost
        == "4 augmented copies of each picture are computed once: the wait before the first epoch is 4 times as long. They take 0.1 MB."
    )


def test_callbacks_watch_the_training_loss_where_nothing_is_held_out(view, fine_tuning):
    fine_tuning.data = replace(DATA, classes=tuple(replace(one, validation=0) for one in DATA.classes))
    put(view, "callbacks.ReduceLROnPlateau", True)
    assert dict(fine_tuning.recipe.callbacks[0].options)["monitor"] == "loss"


def test_every_field_has_a_label_and_every_mistake_a_line_that_says_what_it_shows(view):
    words = view.texts
    assert set(fields(words)) <= set(view.values)
    assert all(field["label"] for field in [*fields(words).values(), *words["rows"]])
    assert [field["name"] for field in words["mistake"]] == [f"mistakes.{name}" for name in ("recompile", "batch_norm", "rate", "thaw")]
    assert all(field["about"].startswith("Shows ") and field["kind"] == "switch" for field in words["mistake"])


def test_what_was_set_in_python_is_shown(view, fine_tuning):
    fine_tuning.recipe = replace(fine_tuning.recipe, head=Head(64, 0.5, "max"), seed=7, mistakes=("thaw",))
    shown = [view.values[name] for name in ("head.units", "head.dropout", "head.pooling", "seed", "mistakes.thaw", "mistakes.rate")]
    assert shown == ["64", "0.5", "max", "7", True, False]


def test_by_itself_it_is_looked_at_and_lets_go_when_it_is_closed(session, backend):
    view = RecipeView(session)
    assert view.columns[1][1] == "from block 3"
    view.close()
    session.open("digits", weights=None)
    assert sum(one[0] == "backbone" for one in backend.asked) == 1
