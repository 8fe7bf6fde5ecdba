from dataclasses import replace

import pytest
from fake_tuning import TuningBackend
from in_browser import overflows, put, sent, show
from messages import says

from explorer.values import Augmentation, Phase
from explorer.widgets.fine_tuning.recipe import RecipeView

pytestmark = pytest.mark.browser


@pytest.fixture
def backend():
    return TuningBackend()


@pytest.fixture
def view(session, tuning):
    return RecipeView(session, tuning)


def test_fields_have_names_show_their_values_and_send_what_is_set(page, view):
    show(page, view)
    rate = page.get_by_label("learning rate, 2. tail")
    assert rate.input_value() == "0.0001"
    rate.fill("0.01")
    rate.press("Tab")
    page.get_by_label("optimizer, 1. head").select_option("adamw")
    assert sent(page) == [{"field": "phases.1.learning_rate", "value": "0.01"}, {"field": "phases.0.optimizer", "value": "adamw"}]


def test_a_wrong_number_stays_with_its_reason_and_the_next_value_takes_its_place(page, view):
    show(page, view)
    rate = page.get_by_label("learning rate, 1. head")
    rate.fill("quick")
    rate.press("Tab")
    put(page, problems={"phases.0.learning_rate": "'quick' is no number."})
    assert page.get_by_role("alert").filter(has_text="'quick' is no number.").is_visible()
    assert rate.input_value() == "quick"
    assert rate.get_attribute("aria-invalid") is not None
    put(page, problems={})
    assert rate.input_value() == "0.001"
    assert page.get_by_role("alert").filter(visible=True).count() == 0


def test_what_is_typed_stays_when_the_answer_to_another_field_comes(page, view):
    show(page, view)
    epochs = page.get_by_label("epochs, 2. tail")
    epochs.fill("500")
    put(page, values=view.values | {"phases.0.epochs": "500"})
    assert (page.get_by_label("epochs, 1. head").input_value(), epochs.input_value()) == ("500", "500")
    epochs.press("Enter")
    assert sent(page) == [{"field": "phases.1.epochs", "value": "500"}]
    put(page, values=view.values | {"phases.1.epochs": "400"})
    assert epochs.input_value() == "400"


def test_what_came_while_somebody_typed_is_shown_when_nothing_was_set(page, view):
    show(page, view)
    epochs = page.get_by_label("epochs, 2. tail")
    before = epochs.input_value()
    epochs.press_sequentially("7")
    put(page, values=view.values | {"phases.1.epochs": "400"})
    epochs.press("Backspace")
    assert epochs.input_value() == before
    epochs.press("Tab")
    assert epochs.input_value() == "400"
    assert sent(page) == []


def test_only_sgd_has_a_momentum(page, view):
    show(page, view)
    assert page.get_by_label("momentum, 2. tail").is_visible()
    assert not page.get_by_label("momentum, 1. head").is_visible()
    put(page, hidden=[*view.hidden, "phases.1.momentum"])
    assert page.get_by_role("rowheader", name="momentum").count() == 0


def test_a_preset_is_chosen_and_ones_own_is_called_so(page, view):
    show(page, view)
    preset = page.get_by_label("Preset")
    preset.select_option(label="as in the Keras guide")
    assert sent(page) == [{"preset": "guide"}]
    put(page, preset="")
    assert preset.locator("option:checked").inner_text() == "custom"


def test_callbacks_are_chips_and_those_that_are_on_have_numbers(page, view):
    show(page, view)
    assert not page.get_by_role("button", name="Write a CSV log").is_visible()
    page.get_by_role("button", name="more…").click()
    assert page.get_by_role("button", name="Write a CSV log").is_visible()
    page.get_by_role("button", name="Stop early").click()
    assert sent(page) == [{"field": "callbacks.EarlyStopping", "value": True}]
    assert not page.get_by_label("patience in epochs").first.is_visible()
    says(view, {"field": "callbacks.EarlyStopping", "value": True})
    put(page, values=view.values, hidden=view.hidden)
    assert page.get_by_role("button", name="Stop early", pressed=True).is_visible()
    patience = page.get_by_label("patience in epochs").first
    assert patience.input_value() == "3"
    page.get_by_role("button", name="Stop early").click()
    assert sent(page)[-1] == {"field": "callbacks.EarlyStopping", "value": False}


def test_a_callback_that_is_not_taken_says_why(page, view):
    show(page, view)
    put(page, problems={"callbacks.ReduceLROnPlateau": "The rate can't be lowered in two ways."})
    assert page.get_by_text("in two ways").is_visible()


def test_mistakes_are_folded_away_and_a_made_one_shows(page, view):
    show(page, view)
    box = page.get_by_label("100 times the learning rate for the tail")
    assert not box.is_visible()
    page.get_by_text("Make a classic mistake").click()
    box.check()
    assert sent(page) == [{"field": "mistakes.rate", "value": True}]
    assert page.get_by_text("Shows how steps that are too large destroy").is_visible()
    assert page.locator(".mistakes.made").count() == 0
    put(page, values=view.values | {"mistakes.rate": True})
    assert page.locator(".mistakes.made").count() == 1


def test_what_pictures_need_goes_with_them(page, view):
    view.tuning.recipe = replace(view.tuning.recipe, augmentation=Augmentation())
    show(page, view)
    page.get_by_text("Augmentation").click()
    assert page.get_by_label("copies").input_value() == "0"
    assert page.get_by_text("the whole network runs each time").is_visible()
    put(page, hidden=[*view.hidden, *(name for name in view.values if name.startswith("augmentation"))])
    assert not page.get_by_text("Augmentation").is_visible()


def test_as_many_columns_as_phases(page, view):
    show(page, view)
    view.tuning.recipe = replace(view.tuning.recipe, phases=(Phase("tail", "adam", 0.5), *view.tuning.recipe.phases))
    put(page, values=view.values, hidden=view.hidden, columns=view.columns)
    assert page.get_by_role("columnheader").all_inner_texts() == ["1. tail", "2. head", "3. tail"]
    assert page.get_by_label("learning rate, 1. tail").input_value() == "0.5"
    assert page.get_by_label("learning rate, 3. tail").input_value() == "0.0001"


def test_nothing_overflows(page, view):
    view.tuning.recipe = replace(view.tuning.recipe, augmentation=Augmentation())
    says(view, {"field": "callbacks.EarlyStopping", "value": True})
    show(page, view)
    for summary in page.locator("summary").all():
        summary.click()
    assert overflows(page, 330, 480, 800) == []
