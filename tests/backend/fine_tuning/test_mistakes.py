import pytest

from explorer.backend.fine_tuning.mistakes import not_a_number, said
from explorer.values import Epoch, FreezePlan, Phase, Recipe

PLAN = FreezePlan(9, ("a",), 1, "", "", 10, 1234, 30, ("a",), ("a",), 4, 4, 100, 50)
PHASES = {0: Phase("head", "rmsprop", 0.5), 1: Phase("tail", "sgd", 0.001)}


def history(before, after):
    return [Epoch(0, 0, 1.0, 0.5, 0.9, 0.5, before), Epoch(1, 0, 1.0, 0.5, 0.9, 0.5, after)]


def told(mistake, before, after, norms=3, held_out=100):
    return said(Recipe(1, mistakes=(mistake,) if mistake else ()), PLAN, history(before, after), norms, held_out)


@pytest.mark.parametrize("mistake", ["rate", "batch_norm"])
def test_a_mistake_is_blamed_for_what_it_has_done_only(mistake):
    (fell,), (rose,) = told(mistake, 0.92, 0.5), told(mistake, 0.52, 0.72)
    assert "Accuracy fell from 92 % to 50 %." in fell
    assert "This time it did no harm: accuracy went from 52 % to 72 %." in rose


def test_without_batch_norms_nothing_is_said_of_them():
    (note,) = told("batch_norm", 0.9, 0.5, norms=0)
    assert "no batch norms" in note
    assert "%" not in note


def test_what_did_not_move_is_counted():
    (note,) = told("recompile", 0.9, 0.9)
    assert "1,234 thawed parameters" in note


def test_a_mistake_that_was_not_made_is_told():
    only_head = said(Recipe(1, mistakes=("rate",)), PLAN, history(0.9, 0.9)[:1], 3, 100)
    assert "the mistake had no effect" in only_head[0]


def test_a_fall_within_the_doubt_is_none():
    assert told("", 0.93, 0.92, held_out=60) == ()
    assert "Accuracy fell from 93 % to 60 %" in told("", 0.93, 0.6, held_out=60)[0]


def test_the_phase_that_led_to_no_number_is_named():
    wild = [Epoch(0, 0, 1.0, 3e9, 0.2), Epoch(0, 1, 1.0, 5e8, 0.2)]
    assert "in phase 1, with a learning rate of 0.5" in not_a_number(PHASES, wild)
    calm = [Epoch(0, place, 1.0, 1.2, 0.2) for place in range(5)]
    assert "in phase 2, with a learning rate of 0.001" in not_a_number(PHASES, calm)
    assert "in phase 1" in not_a_number(PHASES, [])
