import pytest
from fake_aftermath import AftermathBackend, run, vector
from in_browser import overflows, put, sent, show, trait

from explorer.widgets.fine_tuning.before_after import BeforeAfterView

pytestmark = pytest.mark.browser


@pytest.fixture
def backend():
    return AftermathBackend()


@pytest.fixture
def view(session, aftermath, fake_trainings):
    fake_trainings.run = run()
    return BeforeAfterView(session, aftermath)


def test_both_sides_stand_beside_each_other(page, view):
    show(page, view)
    for one, other in (("Answers before", "Answers after"), ("Feature maps before", "Feature maps after")):
        left, right = (
            page.get_by_label(name, exact=True).or_(page.get_by_alt_text(name, exact=True)).bounding_box() for name in (one, other)
        )
        assert left["x"] + left["width"] <= right["x"]
        assert left["y"] == right["y"]
    assert page.get_by_role("list", name="Answers after").get_by_role("listitem").first.inner_text() == "red dots\n75.0 %"
    assert page.get_by_text("map 2 differs most").is_visible()


def test_a_map_is_chosen_by_pointer_by_keys_and_as_the_one_that_differs_most(page, view):
    show(page, view)
    mosaic = page.get_by_alt_text("Feature maps after")
    size = mosaic.bounding_box()
    mosaic.click(position={"x": size["width"] * 0.75, "y": size["height"] * 0.25})
    assert trait(page, "channel") == 1
    page.get_by_role("slider", name="Feature maps before and after").focus()
    for key, expected in (("ArrowDown", 3), ("ArrowRight", 4), ("ArrowUp", 2), ("Home", 0), ("ArrowLeft", 0), ("End", 4)):
        page.keyboard.press(key)
        assert trait(page, "channel") == expected
    page.get_by_role("button", name="Show the largest change").click()
    assert trait(page, "channel") == 2
    assert page.get_by_role("button", name="Show the largest change").count() == 0


def test_the_empty_place_of_a_mosaic_chooses_nothing(page, view):
    show(page, view)
    mosaic = page.get_by_alt_text("Feature maps before", exact=True)
    size = mosaic.bounding_box()
    mosaic.click(position={"x": size["width"] - 5, "y": size["height"] - 5})
    assert trait(page, "channel") == 0


def test_the_tuned_network_is_opened_by_a_button(page, view):
    show(page, view)
    page.get_by_role("button", name="Open the tuned network").click()
    assert sent(page) == [{"open": True}]
    put(page, openable=False)
    assert page.get_by_role("button", name="Open the tuned network").count() == 0


def test_units_are_squares_with_their_values_in_words(page, view):
    view.aftermath.maps = (vector([0.0, 1.0, 0.5]), vector([0.25, 1.0, 0.5]))
    show(page, view)
    assert page.get_by_text("Unit 0: 0 before, 0.25 after").is_visible()
    assert page.get_by_alt_text("The chosen map before").count() == 1
    assert not page.get_by_alt_text("The chosen map before").is_visible()


def test_without_maps_there_is_the_sentence_that_says_why(page, view):
    view.session.select("predictions")
    show(page, view)
    assert page.get_by_role("status").filter(has_text="The tuned network has no layer predictions").is_visible()
    assert page.get_by_role("slider").count() == 0


def test_before_there_is_anything_it_says_so(page, session, aftermath):
    show(page, BeforeAfterView(session, aftermath))
    assert page.get_by_text("appear here when training ends").is_visible()
    assert page.get_by_role("button").count() == 0


def test_nothing_overflows(page, view):
    bars = [{"bars": [{"label": "a_name_of_thirty_letters_" * 2, "text": "50.0 %", "share": 0.5}], "others": "", "about": ""}] * 2
    show(page, view, answers=bars)
    assert overflows(page, 480, 800, 1280) == []
