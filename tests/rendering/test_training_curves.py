import pytest
from fake_runs import epoch, records

from explorer.rendering.training_curves import BLUE, GREY, Curves

PLANNED = {0: 5, 1: 5}


def curves(history=(), batches=(), planned=PLANNED, kept=None, width=600):
    return Curves(history, batches, planned, {1}, kept, width)


def test_phases_are_marked_where_the_tail_thaws():
    assert curves().thaws() == 5
    early = records(epoch(0, 0), epoch(0, 1), epoch(1, 0))
    assert curves(early).thaws() == 2
    assert curves(early[:2]).thaws() == 5
    assert [shape["x0"] for shape in curves(early).layout()["shapes"]] == [2, 2]
    assert "tail thaws" in {one["text"] for one in curves(early).layout()["annotations"]}
    assert curves(planned={1: 5}).thaws() is None
    assert curves(planned={0: 5}).layout()["shapes"] == []


def test_all_epochs_that_are_planned_have_room():
    assert curves().layout()["xaxis"]["range"][1] >= 10
    early = records(epoch(0, 0), epoch(1, 0))
    assert curves(early).total == 6
    assert curves(early, planned={}).total == 2


@pytest.mark.parametrize(("through", "seen"), [(0, 20), (19, 20), (20, 40), (45, 80), (999, 1000)])
def test_of_a_long_training_as_much_is_drawn_as_there_is_to_see(through, seen):
    long = curves(records(*(epoch(0, number) for number in range(through))), planned={0: 1000})
    axis = long.layout()["xaxis"]
    assert (long.seen, axis["range"]) == (seen, [0, seen + 0.15])
    assert 1 <= len(axis["tickvals"]) <= 8


def test_the_plots_stand_beside_each_other_where_there_is_room():
    wide, narrow = curves(width=600).layout(), curves(width=300).layout()
    assert wide["xaxis"]["domain"][1] < wide["xaxis2"]["domain"][0]
    assert narrow["xaxis"]["domain"] == narrow["xaxis2"]["domain"] == [0, 1]
    assert narrow["yaxis2"]["domain"][1] < narrow["yaxis"]["domain"][0]
    assert (wide["width"], narrow["width"]) == (600, 300)
    assert narrow["height"] > wide["height"]


def test_training_and_held_out_differ_by_more_than_their_colour():
    training, _under_way, held_out, *_others = curves(records(epoch(0, 0))).traces()
    assert (training["line"]["color"], held_out["line"]["color"]) == (GREY, BLUE)
    assert training["marker"]["symbol"] == "square"
    assert "symbol" not in held_out["marker"]
    assert training["line"]["width"] < held_out["line"]["width"]


def test_accuracies_have_an_axis_that_shows_them_all():
    low = curves(records(epoch(0, 0, 0.55, 0.63))).layout()["yaxis"]["range"]
    assert low[0] <= 50
    assert low[1] >= 100
    assert curves(records(epoch(0, 0, 0.02, 0.01))).layout()["yaxis"]["range"][0] == 0
