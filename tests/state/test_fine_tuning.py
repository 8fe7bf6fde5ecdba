import asyncio
from dataclasses import replace

import pytest
from fake_fine_tuning import BACKBONE, DATA, SPEC, FineTuningBackend, HeldTuningBackend, asked, looked_at
from fakes import until

from explorer.state.fine_tuning import FineTuningState
from explorer.values import Epoch, Head, RunRecord, RunSettings


@pytest.fixture
def backend():
    return FineTuningBackend()


def test_nothing_is_asked_before_it_is_looked_at(session, backend):
    fine_tuning = FineTuningState(session)
    session.open("digits", weights=None)
    fine_tuning.freeze_at(3)
    fine_tuning.go_to("block_2")
    assert (fine_tuning.backbone, fine_tuning.plan, fine_tuning.freeze, asked(backend, "backbone")) == (None, None, 0, [])
    fine_tuning.shown = True
    assert fine_tuning.backbone == BACKBONE
    fine_tuning.shown = False
    fine_tuning.shown = True
    assert asked(backend, "backbone") == [("digits", "")]


def test_it_begins_at_the_block_end_nearest_to_seven_ninths(fine_tuning):
    assert (fine_tuning.freeze, fine_tuning.recipe.freeze) == (7, 7)
    assert (fine_tuning.plan.index, fine_tuning.plan.end) == (7, "block_2")


def test_the_plan_follows_the_line_the_recipe_and_the_classes(fine_tuning):
    fine_tuning.freeze_at(4)
    assert (fine_tuning.recipe.freeze, fine_tuning.plan.index, fine_tuning.plan.end) == (4, 4, "block_1")
    fine_tuning.recipe = replace(fine_tuning.recipe, freeze=7, head=Head(units=0))
    assert (fine_tuning.freeze, fine_tuning.plan.end, fine_tuning.plan.head_parameters) == (7, "block_2", 11 * 5)
    fine_tuning.classes = 3
    assert fine_tuning.plan.head_parameters == 11 * 3
    fine_tuning.freeze_at(2)
    assert (fine_tuning.freeze, fine_tuning.plan.end) == (2, "")
    assert "2 cuts through a block" in fine_tuning.plan.note


def test_the_line_stays_within_the_backbone(fine_tuning):
    fine_tuning.freeze_at(99)
    assert (fine_tuning.freeze, fine_tuning.plan.trained) == (9, 0)
    fine_tuning.freeze_at(-5)
    assert (fine_tuning.freeze, fine_tuning.plan.index) == (0, 0)


def test_a_recipe_that_can_not_be_followed_is_said_and_leaves_the_plan(fine_tuning, session):
    before = fine_tuning.plan
    fine_tuning.recipe = replace(fine_tuning.recipe, freeze=99)
    assert "The backbone has 9 layers" in session.error_message
    assert (fine_tuning.plan, fine_tuning.freeze) == (before, 7)


def test_single_layers_are_frozen_by_name_until_the_line_is_moved(fine_tuning):
    fine_tuning.recipe = replace(fine_tuning.recipe, freeze=("block_2_conv",), batch_norm="train")
    assert (fine_tuning.plan.index, fine_tuning.plan.frozen) == (None, ("block_2_conv",))
    fine_tuning.snap = False
    fine_tuning.snap = True
    assert fine_tuning.plan.index is None
    fine_tuning.freeze_at(7)
    assert fine_tuning.plan.index == 7


@pytest.mark.parametrize(("typed", "index"), [("4", 4), ("-1", 8), (" block_2_norm ", 5), ("block_2", 4), ("block 3", 7)])
def test_a_person_types_what_trains_first(fine_tuning, typed, index):
    fine_tuning.go_to(typed)
    assert fine_tuning.freeze == index


def test_what_is_not_there_is_said_and_moves_nothing(fine_tuning, session):
    fine_tuning.go_to("blok_2")
    assert "Did you mean block_2" in session.error_message
    fine_tuning.go_to("172")
    assert "layers 0 to 8" in session.error_message
    assert fine_tuning.freeze == 7
    fine_tuning.go_to("block_2")
    assert session.error_message == ""


def test_the_line_snaps_when_it_is_told_to(fine_tuning):
    fine_tuning.snap = False
    fine_tuning.freeze_at(5)
    assert fine_tuning.freeze == 5
    fine_tuning.snap = True
    assert fine_tuning.freeze == 4


def test_another_network_has_another_backbone_and_begins_anew(fine_tuning, session, backend):
    fine_tuning.freeze_at(4)
    fine_tuning.data = DATA
    fine_tuning.request_probes()
    session.open("digits", weights=None)
    assert (fine_tuning.freeze, fine_tuning.probes) == (7, ())
    assert len(asked(backend, "backbone")) == 2


def test_the_head_can_be_put_elsewhere(fine_tuning, session):
    fine_tuning.freeze_at(9)
    fine_tuning.recipe = replace(fine_tuning.recipe, head_at="block_2_relu")
    assert (len(fine_tuning.backbone), fine_tuning.freeze, fine_tuning.plan.layers) == (7, 7, 7)
    fine_tuning.recipe = replace(fine_tuning.recipe, head_at="nowhere")
    assert session.error_message == "There is no layer 'nowhere'."
    assert len(fine_tuning.backbone) == 7


def test_probes_come_with_data_and_go_with_it(fine_tuning, session, backend):
    fine_tuning.request_probes()
    assert asked(backend, "probe") == []
    fine_tuning.data = DATA
    assert fine_tuning.classes == 3
    fine_tuning.request_probes()
    assert asked(backend, "probe") == [("digits", "patterns")]
    assert [(probe.block, probe.index) for probe in fine_tuning.probes] == [("stem", 1), ("block_1", 4), ("block_2", 7), ("block_3", 9)]
    assert not fine_tuning.probing
    fine_tuning.data = replace(DATA, spec=replace(SPEC, path="bad"))
    assert fine_tuning.probes == ()
    fine_tuning.request_probes()
    assert (session.error_message, fine_tuning.probing) == ("One class can't be told from others.", False)
    fine_tuning.data = None
    assert fine_tuning.classes == 5


def test_less_work_trains_the_later_the_line(fine_tuning):
    shares = [fine_tuning.work_from(index) for index in range(10)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert fine_tuning.freeze == 7


def test_advice_that_is_given_up_never_comes():
    backend = HeldTuningBackend(held=("digits",), method="probe")

    async def stopped():
        with looked_at(backend) as (session, fine_tuning):
            await until(lambda: fine_tuning.plan and not session.busy)
            fine_tuning.data = DATA
            fine_tuning.request_probes()
            await until(backend.holding.is_set)
            assert fine_tuning.probing
            fine_tuning.cancel_probes()
            assert (fine_tuning.probing, session.busy) == (False, False)
            backend.let_go.set()
            session.select(1)
            await until(lambda: not session.busy)
        return fine_tuning.probes, session.error_message

    assert asyncio.run(stopped()) == ((), "")


def test_a_backbone_that_comes_after_it_was_closed_is_left():
    backend = HeldTuningBackend(held=("digits",), method="backbone")

    async def closed():
        with looked_at(backend) as (session, fine_tuning):
            await until(backend.holding.is_set)
            fine_tuning.close()
            backend.let_go.set()
            await until(lambda: not session.busy)
        return fine_tuning.backbone, fine_tuning.plan, session.error_message

    assert asyncio.run(closed()) == (None, None, "")


def test_closed_it_follows_no_more(fine_tuning, session, backend):
    fine_tuning.close()
    fine_tuning.close()
    session.open("digits", weights=None)
    assert len(asked(backend, "backbone")) == 1


def test_a_head_suits_data_of_several_classes_at_once(fine_tuning):
    fine_tuning.data = replace(DATA, multi_label=True)
    assert fine_tuning.recipe.head.multi_label
    fine_tuning.data = DATA
    assert not fine_tuning.recipe.head.multi_label


def record_of(session, fine_tuning, seconds):
    """Return a run by what is chosen; each of its epochs is the phase and how many seconds it took."""
    history = tuple(Epoch(phase, 0, one, 1.0, 0.5) for phase, one in seconds)
    return RunRecord("0" * 32, RunSettings(session.network.spec, DATA.spec, fine_tuning.recipe), "done", 0.0, 9.0, history)


def test_a_run_tells_how_long_an_epoch_takes_from_each_place(session, fine_tuning):
    fine_tuning.data = DATA
    assert fine_tuning.epoch_seconds is None
    fine_tuning.freeze_at(4)
    fine_tuning.learn(record_of(session, fine_tuning, [(0, 0.1), (0, 0.1), (1, 9.0), (1, 2.0), (1, 4.0)]))
    assert fine_tuning.epoch_seconds == pytest.approx(3.0)
    work = fine_tuning.plan.tail_work
    fine_tuning.freeze_at(7)
    assert fine_tuning.epoch_seconds == pytest.approx(3.0 * fine_tuning.plan.tail_work / work)
    fine_tuning.freeze_at(len(BACKBONE))
    assert fine_tuning.epoch_seconds is None


def test_a_run_of_other_data_or_with_no_second_epoch_tells_nothing(session, fine_tuning):
    fine_tuning.data = DATA
    other = record_of(session, fine_tuning, [(1, 9.0), (1, 2.0)])
    fine_tuning.learn(replace(other, settings=replace(other.settings, data=replace(DATA.spec, seed=7))))
    fine_tuning.learn(record_of(session, fine_tuning, [(0, 0.1), (0, 0.1), (1, 9.0)]))
    assert fine_tuning.epoch_seconds is None
