import asyncio
from dataclasses import replace

import pytest
from fake_tuning import BACKBONE, DATA, SPEC, HeldTuningBackend, TuningBackend, asked, looked_at
from fakes import until

from explorer.errors import UnknownName
from explorer.state.fine_tuning import Tuning
from explorer.values import Epoch, Head, RunRecord, RunSettings


@pytest.fixture
def backend():
    return TuningBackend()


def test_nothing_is_asked_before_it_is_looked_at(session, backend):
    tuning = Tuning(session)
    session.open("digits", weights=None)
    tuning.freeze_at(3)
    tuning.go_to("block_2")
    assert (tuning.backbone, tuning.plan, tuning.freeze, asked(backend, "backbone")) == (None, None, 0, [])
    tuning.shown = True
    assert tuning.backbone == BACKBONE
    tuning.shown = False
    tuning.shown = True
    assert asked(backend, "backbone") == [("digits", "")]


def test_it_begins_at_the_block_end_nearest_to_seven_ninths(tuning):
    assert (tuning.freeze, tuning.recipe.freeze) == (7, 7)
    assert (tuning.plan.index, tuning.plan.end) == (7, "block_2")


def test_the_plan_follows_the_line_the_recipe_and_the_classes(tuning):
    tuning.freeze = 4
    assert (tuning.recipe.freeze, tuning.plan.index, tuning.plan.end) == (4, 4, "block_1")
    tuning.recipe = replace(tuning.recipe, freeze=7, head=Head(units=0))
    assert (tuning.freeze, tuning.plan.end, tuning.plan.head_parameters) == (7, "block_2", 11 * 5)
    tuning.classes = 3
    assert tuning.plan.head_parameters == 11 * 3
    tuning.freeze_at(2)
    assert (tuning.freeze, tuning.plan.end) == (2, "")
    assert "2 cuts through a block" in tuning.plan.note


def test_the_line_stays_within_the_backbone(tuning):
    tuning.freeze_at(99)
    assert (tuning.freeze, tuning.plan.trained) == (9, 0)
    tuning.freeze = -5
    assert (tuning.freeze, tuning.plan.index) == (0, 0)


def test_a_recipe_that_can_not_be_followed_is_said_and_leaves_the_plan(tuning, session):
    before = tuning.plan
    tuning.recipe = replace(tuning.recipe, freeze=99)
    assert "The backbone has 9 layers" in session.failure
    assert (tuning.plan, tuning.freeze) == (before, 7)


def test_single_layers_are_frozen_by_name_until_the_line_is_moved(tuning):
    tuning.recipe = replace(tuning.recipe, freeze=("block_2_conv",), batch_norm="train")
    assert (tuning.plan.index, tuning.plan.frozen) == (None, ("block_2_conv",))
    tuning.snap = False
    tuning.snap = True
    assert tuning.plan.index is None
    tuning.freeze_at(7)
    assert tuning.plan.index == 7


@pytest.mark.parametrize(("typed", "index"), [("4", 4), ("-1", 8), (" block_2_norm ", 5), ("block_2", 4), ("block 3", 7)])
def test_a_person_types_what_trains_first(tuning, typed, index):
    tuning.go_to(typed)
    assert tuning.freeze == index


def test_what_is_not_there_is_said_and_moves_nothing(tuning, session):
    tuning.go_to("blok_2")
    assert "Did you mean block_2" in session.failure
    tuning.go_to("172")
    assert "layers 0 to 8" in session.failure
    assert tuning.freeze == 7
    tuning.go_to("block_2")
    assert session.failure == ""


def test_it_freezes_to_the_end_of_a_block(tuning):
    tuning.freeze_to_block("block_1")
    assert tuning.freeze == 4
    with pytest.raises(UnknownName):
        tuning.freeze_to_block("block_9")


def test_the_line_snaps_when_it_is_told_to(tuning):
    tuning.snap = False
    tuning.freeze_at(5)
    assert tuning.freeze == 5
    tuning.snap = True
    assert tuning.freeze == 4


def test_another_network_has_another_backbone_and_begins_anew(tuning, session, backend):
    tuning.freeze_at(4)
    tuning.data = DATA
    tuning.ask_advice()
    session.open("digits", weights=None)
    assert (tuning.freeze, tuning.probes) == (7, ())
    assert len(asked(backend, "backbone")) == 2


def test_the_head_can_be_put_elsewhere(tuning, session):
    tuning.freeze_at(9)
    tuning.recipe = replace(tuning.recipe, head_at="block_2_relu")
    assert (len(tuning.backbone), tuning.freeze, tuning.plan.layers) == (7, 7, 7)
    tuning.recipe = replace(tuning.recipe, head_at="nowhere")
    assert session.failure == "There is no layer 'nowhere'."
    assert len(tuning.backbone) == 7


def test_probes_come_with_data_and_go_with_it(tuning, session, backend):
    tuning.ask_advice()
    assert asked(backend, "probe") == []
    tuning.data = DATA
    assert tuning.classes == 3
    tuning.ask_advice()
    assert asked(backend, "probe") == [("digits", "patterns")]
    assert [(probe.block, probe.index) for probe in tuning.probes] == [("stem", 1), ("block_1", 4), ("block_2", 7), ("block_3", 9)]
    assert not tuning.probing
    tuning.data = replace(DATA, spec=replace(SPEC, path="bad"))
    assert tuning.probes == ()
    tuning.ask_advice()
    assert (session.failure, tuning.probing) == ("One class can't be told from others.", False)
    tuning.data = None
    assert tuning.classes == 5


def test_less_work_trains_the_later_the_line(tuning):
    shares = [tuning.work_from(index) for index in range(10)]
    assert shares[0] == 1
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0
    assert tuning.freeze == 7


def test_advice_that_is_given_up_never_comes():
    backend = HeldTuningBackend(held=("digits",), verb="probe")

    async def stopped():
        with looked_at(backend) as (session, tuning):
            await until(lambda: tuning.plan and not session.busy)
            tuning.data = DATA
            tuning.ask_advice()
            await until(backend.holding.is_set)
            assert tuning.probing
            tuning.stop_advice()
            assert (tuning.probing, session.busy) == (False, False)
            backend.let_go.set()
            session.select(1)
            await until(lambda: not session.busy)
        return tuning.probes, session.failure

    assert asyncio.run(stopped()) == ((), "")


def test_a_backbone_that_comes_after_it_was_closed_is_left():
    backend = HeldTuningBackend(held=("digits",), verb="backbone")

    async def closed():
        with looked_at(backend) as (session, tuning):
            await until(backend.holding.is_set)
            tuning.close()
            backend.let_go.set()
            await until(lambda: not session.busy)
        return tuning.backbone, tuning.plan, session.failure

    assert asyncio.run(closed()) == (None, None, "")


def test_closed_it_follows_no_more(tuning, session, backend):
    tuning.close()
    tuning.close()
    session.open("digits", weights=None)
    assert len(asked(backend, "backbone")) == 1


def test_a_head_suits_data_of_several_classes_at_once(tuning):
    tuning.data = replace(DATA, multi_label=True)
    assert tuning.recipe.head.multi_label
    tuning.data = DATA
    assert not tuning.recipe.head.multi_label


def record_of(session, tuning, seconds):
    """Return a run by what is chosen; each of its epochs is the phase and how many seconds it took."""
    history = tuple(Epoch(phase, 0, one, 1.0, 0.5) for phase, one in seconds)
    return RunRecord("0" * 32, RunSettings(session.network.spec, DATA.spec, tuning.recipe), "done", 0.0, 9.0, history)


def test_a_run_tells_how_long_an_epoch_takes_from_each_place(session, tuning):
    tuning.data = DATA
    assert tuning.epoch_seconds is None
    tuning.freeze_at(4)
    tuning.learn(record_of(session, tuning, [(0, 0.1), (0, 0.1), (1, 9.0), (1, 2.0), (1, 4.0)]))
    assert tuning.epoch_seconds == pytest.approx(3.0)
    work = tuning.plan.tail_work
    tuning.freeze_at(7)
    assert tuning.epoch_seconds == pytest.approx(3.0 * tuning.plan.tail_work / work)
    tuning.freeze_at(len(BACKBONE))
    assert tuning.epoch_seconds is None


def test_a_run_of_other_data_or_with_no_second_epoch_tells_nothing(session, tuning):
    tuning.data = DATA
    other = record_of(session, tuning, [(1, 9.0), (1, 2.0)])
    tuning.learn(replace(other, settings=replace(other.settings, data=replace(DATA.spec, seed=7))))
    tuning.learn(record_of(session, tuning, [(0, 0.1), (0, 0.1), (1, 9.0)]))
    assert tuning.epoch_seconds is None
