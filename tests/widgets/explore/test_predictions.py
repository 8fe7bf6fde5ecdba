import json
from dataclasses import replace

import pytest
from fakes import LABELS, network, network_of_arrays

from explorer.values import Prediction, Predictions, TensorInfo
from explorer.widgets.explore.predictions import PredictionsView

TWO_OUTPUTS = (TensorInfo("kind", (4,), "float32"), TensorInfo("mask", (6, None, 2), "float32"), TensorInfo("size", (2,), "float32"))


@pytest.fixture
def view(session):
    return PredictionsView(session)


def answered(scores, scale, others=0, **facts):
    rows = tuple(Prediction(str(index), f"a_{index}", score) for index, score in enumerate(scores))
    return Predictions(rows, others, facts.pop("others_score", 0.0), scale, **facts)


def test_answers_are_bars_with_what_the_others_hold(view, session):
    view.top = 2
    assert session.top == 2
    assert view.predictions == [{"label": "red fox", "text": "50.0 %", "share": 0.5}, {"label": "owl", "text": "25.0 %", "share": 0.25}]
    assert view.others == {"label": "2 others together", "text": "25.0 %", "share": 0.25}
    assert view.about == ""
    view.top = 3
    assert view.others["label"] == "1 other"
    view.top = 4
    assert view.others is None
    view.top = 5
    assert view.top == 4
    assert "top must be from 1 to 4" in session.error_message
    assert view.classes == 4


def test_independent_scores_get_no_bar_for_the_others(view, session):
    session.predictions = answered([0.9, 0.8], "independent", others=2, others_score=0.7)
    assert view.others is None
    assert view.about == "Each score stands for itself, from 0 to 100\u00a0%."
    assert view.predictions[1] == {"label": "a 1", "text": "80.0 %", "share": 0.8}


def test_values_are_drawn_against_the_largest_of_them_and_are_no_percentages(view, session):
    session.predictions = answered([12.34, 3.085, 0.0, -6.17], "values", others=3)
    assert [one["text"] for one in view.predictions] == ["12.3", "3.08", "0", "-6.17"]
    assert [one["share"] for one in view.predictions] == pytest.approx([1, 0.25, 0, 0.5])
    assert [one["below"] for one in view.predictions] == [False, False, False, True]
    assert view.others is None
    assert "no shares of a whole" in view.about
    session.predictions = answered([0.0, 0.0], "values")
    assert [one["share"] for one in view.predictions] == [0, 0]


@pytest.mark.parametrize("scale", ["shares", "independent", "values"])
def test_what_is_no_number_gets_no_bar_and_reaches_the_browser(view, session, scale):
    session.predictions = answered([float("nan"), float("inf"), 0.5], scale, others=1, others_score=float("nan"))
    assert [one["text"] for one in view.predictions][:2] == ["nan", "inf"]
    assert [one["share"] for one in view.predictions][:2] == [0, 0]
    assert view.predictions[2]["share"] == (1 if scale == "values" else 0.5)
    json.dumps({name: value for name, value in view.get_state().items() if name in ("predictions", "others")}, allow_nan=False)


def test_before_there_are_answers_that_is_said(view, session):
    session.predictions = None
    assert (view.predictions, view.others, view.about) == ([], None, "No answers yet.")


def test_one_of_several_outputs_is_chosen(view, page_of):
    session = page_of(lambda spec: network(spec, outputs=TWO_OUTPUTS))
    assert (view.outputs, view.output, view.classes) == (["kind", "mask", "size"], 0, 4)
    view.output = 2
    assert (session.output, view.classes, len(view.predictions)) == (2, 2, 2)
    view.output = 1
    assert (view.predictions, view.classes) == ([], 0)
    assert view.about == "This network answers with 6 × ? × 2 values; select its last layer to see them."
    session.output = 0
    assert (view.output, [one["label"] for one in view.predictions]) == (0, [label.replace("_", " ") for label in LABELS])


def test_a_choice_of_output_that_comes_late_changes_nothing(view, session):
    view.output = 2
    assert (view.output, session.output, view.outputs) == (0, 0, [])
    view.output = -1
    assert (view.output, len(view.predictions)) == (0, 4)


def test_from_several_outputs_to_one_there_is_nothing_left_to_choose(view, page_of):
    session = page_of(lambda spec: network(spec, outputs=TWO_OUTPUTS))
    session.output = 2
    session.open("VGG16")
    assert (view.outputs, view.output, view.classes) == ([], 0, 4)
    assert session.error_message == ""


def test_a_network_without_scores_says_what_it_answers_instead(view, page_of):
    page_of(lambda spec: network(spec, outputs=(TensorInfo("block1_relu", (6, 8, 5), "float32"),)))
    assert (view.predictions, view.classes) == ([], 0)
    assert view.about == "This network answers with 6 × 8 × 5 values; select its last layer to see them."


def test_a_network_of_arrays_answers_like_any_other(view, page_of):
    session = page_of(network_of_arrays)
    assert len(view.predictions) == 4
    session.predictions = replace(session.predictions, scale="values")
    assert view.predictions[0]["text"] == "0.5"
