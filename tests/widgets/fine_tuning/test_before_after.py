import json

import numpy as np
import pytest
from fake_fine_tuning import asked
from fake_run_comparison import ComparisonBackend, run, vector
from fakes import OF_SOUND, maps_of, sound_axes
from messages import palette, says

from explorer.values import FeatureMaps, Prediction, Predictions
from explorer.widgets.fine_tuning.before_after import BeforeAfterView


@pytest.fixture
def backend():
    return ComparisonBackend()


@pytest.fixture
def view(session, run_comparison):
    return BeforeAfterView(session, run_comparison)


def test_before_a_training_has_ended_there_is_nothing(view, fake_run_list):
    fake_run_list.run = run(state="running")
    assert (view.there, view.openable, view.predictions, view.mosaics, view.ones, view.note) == (False, False, [], [], [], "")


def test_answers_are_bars_on_both_sides(view, fake_run_list, session):
    session.top = 2
    fake_run_list.run = run()
    assert (view.there, view.example) == (True, session.example.name)
    before, after = view.predictions
    assert before["bars"] == [{"label": "red fox", "text": "50.0 %", "share": 0.5}, {"label": "owl", "text": "25.0 %", "share": 0.25}]
    assert before["others"] == "2 others together: 25.0 %"
    assert [one["label"] for one in after["bars"]] == ["red dots", "rings"]


def test_values_are_drawn_against_the_largest_and_what_is_no_number_gets_no_bar(view, run_comparison):
    predictions = [
        Predictions((Prediction("0", "a", score), Prediction("1", "b", -2.0)), 1, 0.0, "values") for score in (8.0, float("nan"))
    ]
    run_comparison.predictions = tuple(predictions)
    assert [[(one["text"], one["share"]) for one in side["bars"]] for side in view.predictions] == [
        [("8", 1.0), ("-2", 0.25)],
        [("nan", 0.0), ("-2", 1.0)],
    ]
    assert [side["others"] for side in view.predictions] == ["", ""]
    json.dumps(view.predictions, allow_nan=False)


def test_why_there_are_no_answers_is_said_in_their_place(view, run_comparison):
    run_comparison.predictions = ("It names no classes.", Predictions((Prediction("0", "a", 1.0),), 0, 0.0))
    assert view.predictions[0] == {"about": "It names no classes."}
    assert len(view.predictions[1]["bars"]) == 1


def test_maps_are_drawn_on_one_colour_scale(view, fake_run_list):
    fake_run_list.run = run()
    assert view.layer == "2 · block1_relu"
    assert view.ends == ["-1", "2.3"]
    before, after = (palette(mosaic) for mosaic in view.mosaics)
    assert before.shape == after.shape
    assert (before.min(), before[before < 255].max()) == (0, round(3 / 3.3 * 254))
    assert after[after < 255].max() == 254
    assert (view.grid["count"], view.grid["width"], view.grid["height"]) == (5, 24, 18)


def test_how_much_they_differ_is_said_in_words(view, fake_run_list):
    fake_run_list.run = run()
    assert view.note == "The values differ by 2.7 % of their range on average; map 2 differs most, by 10 %."
    assert view.furthest == 2


def test_maps_that_have_not_changed_are_said_to_be_alike(view, run_comparison, session):
    run_comparison.maps = (session.feature_maps, session.feature_maps)
    assert view.note.startswith("Both sides are identical")
    assert view.furthest == -1
    assert view.mosaics[0] == view.mosaics[1]


def test_differences_of_rounding_are_none_and_small_ones_are_said_to_be_small(view, run_comparison):
    before = np.array([0.0, 1.0, 0.5])
    run_comparison.maps = (vector(before), vector(before + 5e-7))
    assert (view.note.startswith("Both sides are identical"), view.furthest) == (True, -1)
    run_comparison.maps = (vector(before), vector(before + np.array([0, 0, 9e-6])))
    assert view.note.endswith("differ by less than 0.001 % of their range on average; unit 2 differs most, by less than 0.001 %.")
    assert view.furthest == 2


def test_the_chosen_map_is_the_sessions_and_enlarged_on_both_sides(view, fake_run_list, session):
    fake_run_list.run = run()
    view.channel = 2
    assert session.channel == 2
    assert view.cells == [6, 8]
    assert [palette(one).shape for one in view.ones] == [(6, 8), (6, 8)]
    assert view.one.startswith("Map 2: values from ")
    session.channel = 4
    assert (view.channel, view.one[:5]) == (4, "Map 4")
    view.channel = 99
    assert (view.channel, session.channel) == (4, 4)


def test_another_layer_is_followed_and_one_that_is_not_there_is_said(view, fake_run_list, session):
    fake_run_list.run = run()
    session.select("block1_conv")
    assert view.layer == "1 · block1_conv"
    session.select("predictions")
    assert (view.layer, view.mosaics, view.ones, view.one, view.grid) == ("3 · predictions", [], [], "", {})
    assert view.note.startswith("The tuned network has no layer predictions,")


def test_a_layer_of_another_shape_can_not_be_compared(view, run_comparison):
    run_comparison.maps = (vector([1, 2, 3]), vector([1, 2]))
    assert view.mosaics == []
    assert view.note == "The layer has another shape in the tuned network; select another one to compare."


def test_units_are_squares_and_the_chosen_one_is_told(view, run_comparison, session):
    session.channel = 0
    run_comparison.maps = (vector([0.0, 1.0, 0.5]), vector([0.25, 1.0, 0.5]))
    assert (view.grid["count"], view.grid["width"], view.grid["height"]) == (3, 28, 28)
    assert view.note == "The values differ by 8.3 % of their range on average; unit 0 differs most, by 25 %."
    assert (view.one, view.ones) == ("Unit 0: 0 before, 0.25 after", [])


def test_maps_of_a_sound_lie_as_they_are_heard(view, run_comparison):
    row = OF_SOUND.find("hum_relu")
    values = np.zeros_like(maps_of(row))
    values[0] = 1.0
    maps = FeatureMaps(row, values, sound_axes(0, values.shape))
    run_comparison.maps = (maps, maps)
    assert palette(view.ones[0])[-1].tolist() == [254] * values.shape[1], "the lowest band at the bottom"


def test_large_maps_are_thinned_out_and_slim_ones_can_be_seen(view, run_comparison, session):
    row = session.network.layers["block1_relu"]
    for shape, size in (((300, 200, 2), (50, 34)), ((1, 60, 3), (8, 30)), ((12, 1366, 2), (24, 55)), ((2, 3, 4), (18, 27))):
        maps = FeatureMaps(row, np.zeros(shape, np.float32), session.feature_maps.axes)
        run_comparison.maps = (maps, maps)
        assert (view.grid["height"], view.grid["width"]) == size


def test_what_is_no_number_is_left_out(view, run_comparison):
    run_comparison.maps = (vector([0.0, np.nan, np.inf]), vector([1.0, 2.0, 3.0]))
    assert view.ends == ["0", "3"]
    assert view.note.startswith("The values differ by 11 %")
    assert json.dumps([view.one, view.ends], allow_nan=False)


def test_the_tuned_network_is_opened_when_it_is_wished_and_not_before(view, fake_run_list, session, backend, tmp_path):
    backend.folder = tmp_path
    fake_run_list.run = run()
    assert view.openable
    says(view, {"something": "else"})
    assert session.network.spec.name == "digits"
    says(view, {"open": True})
    assert session.network.spec.path == str(tmp_path / "a.keras")
    assert (view.there, view.openable) == (True, False)


def test_by_itself_it_is_looked_at_and_lets_go_when_it_is_closed(session, backend):
    view = BeforeAfterView(session)
    assert (view.there, view.run_comparison.shown) == (False, True)
    view.close()
    view.run_comparison.run_list.run = run()
    assert asked(backend, "outcome") == []
