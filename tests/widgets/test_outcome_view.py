import json
from dataclasses import replace

import pytest
from fake_aftermath import NOTHING_HELD_OUT, OF_SEVERAL, OUTCOME, AftermathBackend, picture, run
from fake_tuning import asked

from explorer.aftermath import Aftermath
from explorer.values import Missed
from explorer.widgets.outcome import OutcomeView


@pytest.fixture
def backend():
    return AftermathBackend(outcomes={"several": OF_SEVERAL, "untested": NOTHING_HELD_OUT, "nothing": None})


@pytest.fixture
def view(session, aftermath):
    return OutcomeView(session, aftermath)


def test_it_says_how_many_are_right_and_what_is_taken_for_what(view, fake_trainings):
    fake_trainings.run = run()
    assert view.there
    assert view.about == "27 of 30 held-out examples are answered rightly: 90 %; 95 % interval 74 to 96 %."
    assert view.table["rows"] == view.table["columns"] == ["red dots", "rings", "stripes"]
    assert view.table["cells"] == [[8, 2, 0], [1, 9, 0], [0, 0, 10]]
    assert (view.table["good"], view.table["several"]) == ([[0], [1], [2]], False)


def test_the_worst_examples_know_their_cell_and_get_their_pictures(view, fake_trainings):
    fake_trainings.run = run()
    assert view.worst[0] == {"name": "dots_4.png", "truth": "red dots", "answer": "rings", "score": "93 %", "cells": [[0, 1]]}
    assert [one["cells"] for one in view.worst] == [[[0, 1]], [[1, 0]], [[0, 1]]]
    assert view.pictures == [picture(4), picture(17), picture(5)]


def test_blocks_are_bars_in_their_order_and_frozen_ones_stay_at_0(view, fake_trainings):
    fake_trainings.run = run()
    assert [(one["label"], one["text"]) for one in view.moved] == [
        ("stem", "0"),
        ("block 1", "0"),
        ("block 2", "0.4 %"),
        ("block 3", "2 %"),
    ]
    assert [one["share"] for one in view.moved] == pytest.approx([0, 0, 0.2, 1])


@pytest.mark.parametrize(
    ("far", "text"), [(1e-7, "under 0.001 %"), (0.00074, "0.074 %"), (12.0, "1,200 %"), (float("nan"), "nan"), (float("inf"), "inf")]
)
def test_however_far_weights_have_moved_it_can_be_written(view, fake_trainings, backend, far, text):
    backend.outcomes["far"] = replace(OUTCOME, moved=(("stem", far),))
    fake_trainings.run = run("far")
    assert view.moved[0]["text"] == text
    json.dumps(view.moved, allow_nan=False)


def test_shares_that_are_nearly_all_or_nothing_are_not_rounded_to_that(view, fake_trainings, backend):
    backend.outcomes["nearly"] = replace(
        OUTCOME, accuracy=0.9975, low=0.002, high=1.0, worst=(Missed(0, "a.png", "rings", "stripes", 0.9996, 3.0),)
    )
    fake_trainings.run = run("nearly")
    assert "99.8 %; 95 % interval 0.2 to 100 %" in view.about
    assert view.worst[0]["score"] == "99.9 %"


def test_with_any_number_of_classes_each_has_its_four_numbers(view, fake_trainings):
    fake_trainings.run = run("several")
    assert view.about == "88 % of all single answers to 12 held-out examples are right; 95 % interval 60 to 97 %."
    assert view.table["columns"] == ["rightly named", "missed", "wrongly named", "rightly not named"]
    assert view.table["cells"] == [[4, 2, 1, 5], [6, 0, 0, 6]]
    assert (view.table["good"], view.table["several"]) == ([[0, 3], [0, 3]], True)
    assert [one["cells"] for one in view.worst] == [[[0, 1], [1, 0]], [[0, 2], [1, 3]]]


def test_a_class_whose_name_is_part_of_another_is_not_mistaken(view, fake_trainings, backend):
    worst = (Missed(0, "a.png", "red dots, big", "red", 0.5, 1.0),)
    backend.outcomes["alike"] = replace(OF_SEVERAL, classes=("red", "red dots, big"), worst=worst)
    fake_trainings.run = run("alike")
    assert view.worst[0]["cells"] == [[0, 2], [1, 1]]


def test_without_held_out_examples_that_is_said(view, fake_trainings):
    fake_trainings.run = run("untested")
    assert view.about == "No examples were held out, so nobody knows how well the network does."
    assert (view.worst, len(view.moved)) == ([], 4)


def test_another_run_takes_its_place_and_nothing_stays_chosen(view, fake_trainings):
    fake_trainings.run = run()
    view.chosen = [0, 1]
    fake_trainings.run = run("several")
    assert (view.chosen, len(view.worst), len(view.pictures)) == ([], 2, 2)
    fake_trainings.run = run("nothing", "failed")
    assert (view.there, view.about, view.table, view.worst, view.pictures, view.moved) == (False, "", {}, [], [], [])


def test_by_itself_it_is_looked_at_and_lets_go_when_it_is_closed(session, backend):
    view = OutcomeView(session)
    assert (view.there, view.aftermath.shown) == (False, True)
    view.close()
    view.aftermath.trainings.run = run()
    assert asked(backend, "outcome") == []


def test_one_of_a_page_is_not_looked_at_before_the_page_says_so(session, fake_trainings):
    view = OutcomeView(session, Aftermath(session, fake_trainings))
    fake_trainings.run = run()
    assert not view.there
    view.aftermath.shown = True
    assert view.there
