from dataclasses import replace

import pytest
from fake_fine_tuning import DATA, FineTuningBackend, asked
from messages import says

from explorer.state.fine_tuning import FineTuningState
from explorer.values import Progress
from explorer.widgets.fine_tuning.freeze_plan import FreezePlanView


@pytest.fixture
def backend():
    return FineTuningBackend()


@pytest.fixture
def view(session, fine_tuning):
    return FreezePlanView(session, fine_tuning)


def facts(view):
    return ["".join(fact[1:]) for fact in view.facts]


def test_it_says_what_is_frozen_what_trains_and_what_that_costs(view):
    assert view.there
    assert [fact[0] for fact in view.facts] == ["cold", "warm", "quiet", "quiet"]
    assert facts(view)[:3] == [
        "8 layers frozen, 7 to the end of block 2 and 1 batch norm after it",
        "1 layer and the head train, 730 + 16,389 parameters",
        "1 boundary tensor, 1 kB cached for each example",
    ]
    assert facts(view)[3].endswith("% of the computation is repeated in each epoch")


def test_it_follows_the_line(view, fine_tuning):
    fine_tuning.freeze_at(2)
    assert facts(view)[0] == "5 layers frozen, 2 before the line and 3 batch norms after it"
    assert view.note == "2 cuts through a block; it ends with block_1_relu, index 3."
    assert view.lines[0] == "for layer in model.layers[:2]:"
    fine_tuning.freeze_at(0)
    assert facts(view)[0] == "3 layers frozen, batch norms only"
    fine_tuning.freeze_at(9)
    assert facts(view)[:2] == ["9 layers frozen, to the end of block 3", "Only the head trains, 16,389 parameters"]
    assert facts(view)[3].startswith("0 %")
    assert view.note == ""


def test_as_in_the_guide_thawed_batch_norms_train(view, fine_tuning):
    fine_tuning.recipe = replace(fine_tuning.recipe, batch_norm="train")
    assert facts(view)[0] == "7 layers frozen, to the end of block 2"
    assert (view.first, view.further) == (7, [])
    assert view.lines[-1] == "    layer.trainable = True"


def test_layers_that_were_chosen_by_name_are_frozen_without_a_line(view, fine_tuning):
    fine_tuning.recipe = replace(fine_tuning.recipe, freeze=("image", "block_2_conv"), batch_norm="train")
    assert facts(view)[0] == "2 layers frozen, chosen by name"
    assert (view.first, view.further) == (1, [4])


def test_with_data_it_says_what_all_of_it_takes(view, fine_tuning):
    fine_tuning.data = DATA
    assert facts(view)[2] == "1 boundary tensor, 45 kB cached", "4 × 3 × 8 float32 of each of 120 examples"
    assert "16,389" not in facts(view)[1], "three classes, not five"


def test_it_prints_the_list_of_the_backbone(view):
    assert view.count == len(view.rows) == 9
    assert view.rows[4] == [4, "block_2_conv", "Conv2D", "4 × 3 × 8"]
    assert (view.first, view.further) == (7, [8])
    assert [index for index, _name in view.blocks] == [0, 1, 4, 7, 9]
    assert [view.blocks[place][1] for place in (0, 2, 4)] == ["nothing", "to the end of block 1", "all of the backbone"]


def test_a_number_a_name_and_the_switch_move_the_line(view, fine_tuning, session):
    view.freeze = 5
    assert (fine_tuning.freeze, fine_tuning.plan.index) == (5, 5)
    view.freeze = 99
    assert (fine_tuning.freeze, view.freeze) == (9, 9)
    says(view, {"go": "block_2_norm"})
    assert view.freeze == 5
    view.snap = False
    view.snap = True
    assert (fine_tuning.snap, view.freeze) == (True, 4)
    says(view, {"go": "nowhere"})
    assert "no block or layer 'nowhere'" in session.error_message
    assert view.freeze == 4


def test_a_layer_of_the_list_is_selected(view, session):
    says(view, {"select": "block_2_relu"})
    assert (session.layer, view.layer) == ("block_2_relu", "block_2_relu")


def test_advice_is_asked_of_data(view, fine_tuning, session):
    assert not view.advisable
    fine_tuning.data = DATA
    assert view.advisable
    says(view, {"advice": True})
    assert [probe.block for probe in fine_tuning.probes] == ["stem", "block_1", "block_2", "block_3"]
    fine_tuning.probing = True
    session.requests.status = Progress("Probing", 0.25)
    assert (view.probing, view.probed) == (True, 0.25)
    says(view, {"advice": False})
    assert (fine_tuning.probing, view.probing, view.probed) == (False, False, -1)


def test_by_itself_it_is_looked_at_and_lets_go_when_it_is_closed(session, backend):
    view = FreezePlanView(session)
    assert (view.there, view.freeze) == (True, 7)
    view.close()
    session.open("digits", weights=None)
    assert len(asked(backend, "backbone")) == 1


def test_before_fine_tuning_is_looked_at_there_is_no_plan(session):
    fine_tuning = FineTuningState(session)
    view = FreezePlanView(session, fine_tuning)
    view.freeze = 3
    assert (view.there, view.facts, view.lines, view.rows, view.freeze) == (False, [], [], [], 0)
    says(view, {"go": "3"})
    assert session.error_message == ""
    fine_tuning.shown = True
    assert view.there
