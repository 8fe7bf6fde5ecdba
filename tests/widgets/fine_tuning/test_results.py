import json
from dataclasses import replace

import pytest
from fake_fine_tuning import asked
from fake_run_comparison import NOTHING_HELD_OUT, OF_SEVERAL, OUTCOME, ComparisonBackend, picture, run
from messages import says

from explorer.state.run_comparison import RunComparison
from explorer.values import Misclassification
from explorer.widgets.fine_tuning.results import ResultsView


@pytest.fixture
def backend():
    return ComparisonBackend(outcomes={"several": OF_SEVERAL, "untested": NOTHING_HELD_OUT, "nothing": None})


@pytest.fixture
def view(session, run_comparison):
    return ResultsView(session, run_comparison)


def test_it_says_how_many_are_right_and_what_is_taken_for_what(view, fake_run_list):
    fake_run_list.run = run()
    assert view.there
    assert view.about == "27 of 30 validation examples are predicted correctly: 90 %; 95 % interval 74 to 96 %."
    assert view.table["rows"] == view.table["columns"] == ["red dots", "rings", "stripes"]
    assert view.table["cells"] == [[8, 2, 0], [1, 9, 0], [0, 0, 10]]
    assert (view.table["good"], view.table["several"]) == ([[0], [1], [2]], False)


def test_a_run_that_has_come_to_nothing_says_so(view, fake_run_list):
    fake_run_list.run = run(state="running")
    assert (view.there, view.missing) == (False, "")
    fake_run_list.run = replace(run(state="lost"), resumable=True)
    assert "resume it to get them" in view.missing
    fake_run_list.run = run("nothing", state="failed")
    assert "ended before its first epoch did" in view.missing
    fake_run_list.run = replace(run(), best_epoch=2)
    assert (view.there, view.missing) == (True, "")


def test_the_worst_examples_get_their_pictures(view, fake_run_list):
    fake_run_list.run = run()
    assert view.worst[0] == {"name": "dots_4.png", "truth": "red dots", "answer": "rings", "score": "93 %", "right": False}
    assert view.pictures == [picture(4), picture(17), picture(5)]


def test_a_cell_shows_all_its_examples(view, fake_run_list, backend):
    fake_run_list.run = run()
    view.chosen = [0, 0]
    assert (len(view.cell), view.in_cell) == (8, 8)
    assert view.cell[0] == {
        "name": "0_0_0.png",
        "truth": "red dots",
        "answer": "red dots",
        "score": "90 %",
        "right": True,
        "picture": picture(0),
    }
    view.chosen = [-1, 2]
    assert (len(view.cell), view.in_cell) == (24, 40)
    says(view, {"further": True})
    assert len(view.cell) == 40
    view.chosen = []
    assert (view.cell, view.in_cell) == ([], 0)
    assert asked(backend, "predicted") == [("a", 0, 0, 24), ("a", -1, 2, 24), ("a", -1, 2, 48)]


def test_data_that_is_gone_is_said(view, fake_run_list, session):
    fake_run_list.run = run("moved away")
    view.chosen = [0, 1]
    assert (view.cell, session.error_message) == ([], "The data is gone.")


def test_blocks_are_bars_in_their_order_and_frozen_ones_stay_at_0(view, fake_run_list):
    fake_run_list.run = run()
    assert [(one["label"], one["text"]) for one in view.weight_change] == [
        ("stem", "0"),
        ("block 1", "0"),
        ("block 2", "0.4 %"),
        ("block 3", "2 %"),
    ]
    assert [one["share"] for one in view.weight_change] == pytest.approx([0, 0, 0.2, 1])


@pytest.mark.parametrize(
    ("far", "text"), [(1e-7, "< 0.001 %"), (0.00074, "0.074 %"), (12.0, "1,200 %"), (float("nan"), "nan"), (float("inf"), "inf")]
)
def test_however_far_weights_have_moved_it_can_be_written(view, fake_run_list, backend, far, text):
    backend.outcomes["far"] = replace(OUTCOME, weight_change=(("stem", far),))
    fake_run_list.run = run("far")
    assert view.weight_change[0]["text"] == text
    json.dumps(view.weight_change, allow_nan=False)


def test_shares_that_are_nearly_all_or_nothing_are_not_rounded_to_that(view, fake_run_list, backend):
    backend.outcomes["nearly"] = replace(
        OUTCOME, accuracy=0.9975, low=0.002, high=1.0, worst=(Misclassification(0, "a.png", "rings", "stripes", 0.9996, 3.0),)
    )
    fake_run_list.run = run("nearly")
    assert "99.8 %; 95 % interval 0.2 to 100 %" in view.about
    assert view.worst[0]["score"] == "99.9 %"


def test_with_any_number_of_classes_each_has_its_four_numbers(view, fake_run_list):
    fake_run_list.run = run("several")
    assert view.about == "88 % of the yes-or-no predictions for 12 validation examples are correct; 95 % interval 60 to 97 %."
    assert view.table["columns"] == ["true positive", "false negative", "false positive", "true negative"]
    assert view.table["cells"] == [[4, 2, 1, 5], [6, 0, 0, 6]]
    assert (view.table["good"], view.table["several"]) == ([[0, 3], [0, 3]], True)


def test_without_held_out_examples_that_is_said(view, fake_run_list):
    fake_run_list.run = run("untested")
    assert view.about == "There was no validation data, so the accuracy on new examples is not known."
    assert (view.worst, len(view.weight_change)) == ([], 4)


def test_another_run_takes_its_place_and_nothing_stays_chosen(view, fake_run_list):
    fake_run_list.run = run()
    view.chosen = [0, 1]
    fake_run_list.run = run("several")
    assert (view.chosen, len(view.worst), len(view.pictures)) == ([], 2, 2)
    fake_run_list.run = run("nothing", "failed")
    assert (view.there, view.about, view.table, view.worst, view.pictures, view.weight_change) == (False, "", {}, [], [], [])


def test_by_itself_it_is_looked_at_and_lets_go_when_it_is_closed(session, backend):
    view = ResultsView(session)
    assert (view.there, view.run_comparison.shown) == (False, True)
    view.close()
    view.run_comparison.run_list.run = run()
    assert asked(backend, "outcome") == []


def test_one_of_a_page_is_not_looked_at_before_the_page_says_so(session, fake_run_list):
    view = ResultsView(session, RunComparison(session, fake_run_list))
    fake_run_list.run = run()
    assert not view.there
    view.run_comparison.shown = True
    assert view.there
