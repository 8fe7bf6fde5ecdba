import json
from dataclasses import replace

import numpy as np
import pytest
from fakes import HOP, LONG, MEL, hum, network_of_sound, scores_over_time, wav
from messages import palette, says

from explorer.errors import ExplorerError
from explorer.rendering import feature_maps
from explorer.values import ScoresOverTime
from explorer.widgets.audio.over_time import OverTimeView, highest


@pytest.fixture
def session(page_of):
    return page_of(network_of_sound)


@pytest.fixture
def view(session):
    return OverTimeView(session)


def told(view):
    """Return the scores that the JavaScript is told, (tags, windows)."""
    return np.frombuffer(view.scores, np.float32).reshape(len(view.tags), len(view.starts))


def answered(view, scores, scale="independent", total=None, labels=None):
    scores = np.asarray(scores, np.float32)
    labels = labels or tuple(f"tag_{index}" for index in range(scores.shape[1]))
    view.over_time.scores = ScoresOverTime(np.arange(len(scores)) * 2.0, scores, labels, 3.0, 2.0, scale, total or len(scores))


def test_the_tags_that_are_highest_anywhere_come_first(view):
    assert view.tags == ["bear", "elk", "red fox", "owl"]
    order = [2, 3, 0, 1]
    assert np.allclose(told(view), scores_over_time()[:, order].T * 100)
    drawn = palette(view.picture)
    assert drawn.shape == (4, 17)
    expected = scores_over_time()[:, order].T / 0.9 * (feature_maps.LEVELS - 1)
    assert np.abs(drawn - expected).max() <= 1
    assert [row.argmax() for row in drawn] == [10, 14, 2, 6]


def test_the_colour_scale_runs_from_nothing_to_the_highest_score(view):
    assert view.ends == ["0", "90.0 %"]
    assert len(view.gradient) == 6
    answered(view, np.zeros((3, 2)))
    assert view.ends == ["0", "0.0 %"]
    assert not palette(view.picture).any()


def test_the_columns_lie_where_their_windows_do(view, session):
    assert view.starts == [HOP * index for index in range(17)]
    assert (view.window, view.hop, view.seconds) == (MEL.seconds, HOP, LONG)
    assert view.about == "window 2.0 s, every 0.5 s; 17 of 17 windows"
    assert [0.5, "5 s"] in view.times[1]
    assert view.heard == [4.0, 6.0]


def test_a_sound_that_is_shorter_than_a_window_gets_an_axis_as_long_as_one(view, session):
    session.preprocessed = replace(session.preprocessed, sound=replace(session.preprocessed.sound, seconds=1.0, start=0.0, stop=2.0))
    assert (view.seconds, view.heard) == (2.0, [0.0, 2.0])


def test_as_many_tags_are_shown_as_are_wanted_and_there(view):
    assert (view.top, view.classes) == (10, 4)
    view.top = 2
    assert view.tags == ["bear", "elk"]
    assert palette(view.picture).shape == (2, 17)
    view.top = 0
    assert (view.top, view.tags) == (1, ["bear"])
    view.top = 100
    assert len(view.tags) == 4


def test_it_says_how_far_it_is_while_it_grows(view):
    answered(view, np.full((3, 2), 0.5), total=12)
    view.over_time.growing = True
    assert (view.growing, view.total, len(view.starts)) == (True, 12, 3)
    assert view.about.endswith("3 of 12 windows")
    assert palette(view.picture).shape == (2, 3)
    view.over_time.growing = False
    assert not view.growing


def test_a_click_lets_the_network_hear_that_window(view, session):
    says(view, {"hear": view.starts[3]})
    assert session.example.start == 1.5
    assert view.heard == [1.5, 3.5]
    assert len(view.starts) == 17, "the answers stay"
    for wish, start in ((-1, 0), (float("nan"), 0), (99, LONG)):
        says(view, {"hear": wish})
        assert session.example.start == start


def test_without_a_sound_there_is_nothing(view, session):
    session.open("VGG16")
    assert (view.seconds, view.heard, view.times) == (0, [], [])
    assert (view.picture, view.scores, view.tags, view.starts, view.about, view.growing) == (b"", b"", [], [], "", False)
    says(view, {"hear": 1.0})
    assert session.error_message == ""
    assert view.texts["none"] == "Pick a network of sound to see its answers over time."


def test_another_sound_is_answered_anew(view, session, backend):
    session.show(wav(hum(1, 3)), "other.wav")
    assert len([one for one in backend.asked if one[0] == "over_time"]) == 6
    assert len(view.starts) == 17


def test_a_failure_keeps_what_is_there(session, backend, monkeypatch):
    def fail(spec, example, first, count, report_progress):
        if first:
            raise ExplorerError("Too long.")
        return type(backend).over_time(backend, spec, example, first, count, report_progress)

    monkeypatch.setattr(backend, "over_time", fail)
    view = OverTimeView(session)
    assert (len(view.starts), view.growing, session.error_message) == (8, False, "Too long.")


def test_shares_are_drawn_alike_and_values_are_no_percentages(view):
    answered(view, [[0.25, 0.75]], "shares", labels=("red_fox", "owl"))
    assert (view.tags, view.ends) == (["owl", "red fox"], ["0", "75.0 %"])
    assert told(view).tolist() == [[75], [25]]
    answered(view, [[2.5, -4.0]], "values")
    assert (view.ends, view.form) == (["0", "2.5"], "{number}")
    assert told(view).tolist() == [[2.5], [-4]]


def test_scores_that_are_no_numbers_come_last_and_reach_the_browser(view, session):
    answered(view, [[np.nan, 0.1, np.inf], [np.nan, 0.2, 0.5]])
    assert view.tags == ["tag 2", "tag 1", "tag 0"]
    assert view.ends == ["0", "50.0 %"]
    assert (palette(view.picture)[2] == feature_maps.GAP_ENTRY).all()
    assert session.error_message == ""
    json.dumps({name: value for name, value in view.get_state().items() if not isinstance(value, bytes | memoryview)}, allow_nan=False)


def test_of_equals_the_one_with_the_lower_index_comes_first():
    assert highest(np.array([[0.5, 0.5, 0.9], [0.1, 0.5, 0.0]]), 2) == [2, 0]


def test_a_closed_view_slides_no_further(view, session, backend):
    view.close()
    before = len(backend.asked)
    session.show(wav(hum(1, 3)), "other.wav")
    assert not any(one[0] == "over_time" for one in backend.asked[before:])
