import asyncio
from dataclasses import replace

import pytest
from fake_runs import RunningBackend, batch, begun, end, epoch, finish, outcome, tell, told
from fake_tuning import DATA, asked, looked_at
from fakes import until

from explorer import runs
from explorer.rendering.run_status import BATCHES
from explorer.state.fine_tuning import Tuning
from explorer.state.run_list import Trainings
from explorer.values import DataClass, Head, NetworkSpec, Recipe, TrainingStep

NOWHERE = "0" * 32


@pytest.fixture
def backend():
    return RunningBackend()


# Start


def test_a_training_takes_the_network_the_data_and_the_recipe_that_are_chosen(trainings, tuning, backend):
    tuning.freeze_at(4)
    trainings.train()
    assert asked(backend, "train") == [("digits", "patterns", tuning.recipe)]
    assert trainings.run.settings.recipe.freeze == 4
    assert (trainings.run.state, trainings.key, trainings.busy) == ("running", trainings.run.key, True)
    assert trainings.runs == (trainings.run,)


@pytest.mark.parametrize(
    ("data", "head", "said"),
    [
        (None, Head(), "Add data first"),
        (replace(DATA, kind="audio"), Head(), "does not read this kind of data"),
        (replace(DATA, multi_label=True), Head(), "several classes at once"),
        (replace(DATA, classes=(DataClass("dots", 3, 1),)), Head(), "only one class"),
    ],
)
def test_without_what_it_needs_none_begins_and_the_reason_is_said(trainings, tuning, session, backend, data, head, said):
    tuning.data = data
    tuning.recipe = replace(tuning.recipe, head=head)
    assert said in trainings.barred
    trainings.train()
    assert session.failure == trainings.barred
    assert asked(backend, "train") == []


def test_one_class_will_do_where_each_is_a_yes_or_no(trainings, tuning):
    tuning.data = replace(DATA, multi_label=True, classes=(DataClass("dots", 3, 1),))
    tuning.recipe = replace(tuning.recipe, head=Head(multi_label=True))
    assert trainings.barred == ""


def test_a_recipe_without_epochs_is_barred(trainings, tuning):
    tuning.recipe = replace(tuning.recipe, phases=tuple(replace(phase, epochs=0) for phase in tuning.recipe.phases))
    assert "All phases have 0 epochs" in trainings.barred


def test_what_is_wrong_in_the_plan_bars_until_it_is_mended(trainings, tuning, backend):
    tuning.problems = {"phases.0.learning_rate": "'oops' is no number."}
    assert trainings.barred == "Correct the plan first. 'oops' is no number."
    trainings.train()
    assert asked(backend, "train") == []
    tuning.problems = {}
    assert trainings.barred == ""


def test_a_second_click_is_no_failure(trainings, session, backend):
    trainings.train()
    trainings.train()
    assert (session.failure, len(asked(backend, "train"))) == ("", 1)


def test_only_one_goes_on_at_a_time(trainings, session, backend):
    trainings.train()
    trainings.train()
    trainings.rerun(trainings.key)
    trainings.go_on(trainings.key)
    assert "is running" in session.failure
    assert (len(asked(backend, "train")), asked(backend, "go_on")) == (1, [])


def test_one_that_can_not_be_started_leaves_all_as_it_was(trainings, tuning, session):
    tuning.data = replace(DATA, spec=replace(DATA.spec, path="bad"))
    trainings.train()
    assert session.failure == "The disk is full."
    assert (trainings.busy, trainings.run, trainings.runs) == (False, None, ())


# Follow


def test_it_follows_by_batch_and_by_epoch(trainings):
    trainings.train()
    told(trainings, TrainingStep("features", done=120, total=200))
    assert (trainings.step.what, trainings.step.done) == ("features", 120)
    told(trainings, batch(0, 0, 2), batch(0, 0, 5))
    assert [one.fraction for one in trainings.batches] == [0.2, 0.5]
    told(trainings, epoch(0, 0, held_out=0.75))
    assert (trainings.batches, [one.val_accuracy for one in trainings.history]) == ((), [0.75])
    assert trainings.runs[0].history == trainings.run.history == trainings.history
    told(trainings, batch(0, 1, 1))
    assert [(one.epoch, one.fraction) for one in trainings.batches] == [(1, 0.1)]


def test_notices_are_of_the_run_and_no_step(trainings):
    trainings.train()
    told(trainings, batch(0, 0, 2), TrainingStep("notice", text="Two classes are alike."))
    assert (trainings.step.what, trainings.run.notices) == ("batch", ("Two classes are alike.",))
    assert trainings.batches


def test_of_many_batches_some_are_remembered_from_the_first_to_the_last(trainings):
    trainings.train()
    told(trainings, *(batch(0, 0, number, 1000) for number in range(1, 1001)))
    assert len(trainings.batches) <= BATCHES
    assert (trainings.batches[0].fraction, trainings.batches[-1].fraction) == (0.001, 1.0)


def test_at_its_end_it_tells_what_came_of_it(trainings, alive):
    trainings.train()
    told(trainings, epoch(0, 0), batch(0, 1, 3))
    finish(trainings, alive, "stopped", [epoch(0, 0)], kept=0, outcome=outcome(), notices=("The rate was too high.",))
    assert (trainings.run.state, trainings.run.kept, trainings.run.accuracy) == ("stopped", 0, 0.92)
    assert (trainings.run.notices, trainings.batches, trainings.busy) == (("The rate was too high.",), (), False)
    assert trainings.barred == ""


def test_one_whose_process_is_gone_is_lost(trainings, alive):
    trainings.train()
    told(trainings, epoch(0, 0))
    alive.clear()
    trainings.look()
    assert (trainings.run.state, trainings.run.resumable, len(trainings.history), trainings.busy) == ("lost", True, 1, False)


def test_one_that_was_deleted_elsewhere_is_said_and_forgotten(trainings, session):
    trainings.train()
    runs.delete(trainings.key)
    trainings.look()
    assert "no such run" in session.failure
    assert (trainings.run, trainings.key, trainings.runs, trainings.busy) == (None, "", (), False)


def test_others_that_go_on_are_looked_at_now_and_then(session, tuning, alive):
    other = begun(alive)
    trainings = Trainings(session, tuning)
    end(alive, other, "done", [epoch(0, 0)], outcome=outcome())
    assert trainings.runs[0].state == "running"
    for _look in range(8):
        trainings.look()
    assert trainings.runs[0].state == "done"


@pytest.mark.parametrize(("change", "planned"), [({}, {0: 5, 1: 5}), ({"freeze": 9}, {0: 5}), ({"mistakes": ("thaw",)}, {1: 5})])
def test_the_epochs_that_are_planned_are_of_the_phases_that_are_done(trainings, tuning, change, planned):
    tuning.recipe = replace(tuning.recipe, **change)
    assert trainings.planned() == {}
    trainings.train()
    assert trainings.planned() == planned


def let_time_go(trainings, seconds):
    """Let so many seconds go by, with a look at each."""
    silence, now = trainings._silence, [trainings._silence._looked]
    silence._clock = lambda: now[0]
    for _second in range(seconds):
        now[0] += 1
        trainings.look()


def test_no_sign_of_life_is_said_until_there_is_one(trainings, session):
    trainings.train()
    told(trainings, epoch(0, 0), batch(0, 1, 5, left=12.2))
    let_time_go(trainings, 29)
    assert (trainings.silent, trainings.progress[0]) == (0, "epoch 2 of 10, 12 s left")
    let_time_go(trainings, 7)
    assert (trainings.silent, trainings.progress[0]) == (35, "epoch 2 of 10")
    assert session.training == "Training: no sign of life for 35 s"
    told(trainings, batch(0, 1, 6, left=11.0))
    assert (trainings.silent, session.training) == (0, "Training: epoch 2 of 10, 11 s left")


def test_one_that_ends_or_is_shown_anew_is_not_silent(trainings, alive):
    trainings.train()
    trainings.look()
    let_time_go(trainings, 32)
    assert trainings.silent == 30
    trainings.show(trainings.key)
    assert trainings.silent == 0
    let_time_go(trainings, 32)
    finish(trainings, alive, "stopped")
    assert trainings.silent == 0


def test_one_that_hangs_is_ended_and_can_go_on(trainings, alive):
    trainings.kill()
    trainings.train()
    told(trainings, epoch(0, 0))
    trainings.kill()
    assert (trainings.run.state, trainings.run.resumable, trainings.busy) == ("lost", True, False)
    trainings.kill()


# Stop, go on, run again, delete


def test_stop_asks_the_process_and_waits_for_it(trainings, alive):
    trainings.stop()
    trainings.train()
    trainings.stop()
    assert (runs.folder(trainings.key) / "stop").exists()
    assert (trainings.stopping, trainings.busy) == (True, True)
    finish(trainings, alive, "stopped", [epoch(0, 0)], kept=0)
    assert (trainings.stopping, trainings.busy) == (False, False)


def test_one_that_is_lost_goes_on_and_epochs_done_again_count_once(trainings, backend, alive):
    trainings.train()
    key = trainings.key
    tell(key, epoch(0, 0, held_out=0.5), epoch(0, 1, held_out=0.6), batch(0, 2, 4))
    trainings.look()
    alive.clear()
    trainings.look()
    trainings.go_on(key)
    assert (asked(backend, "go_on"), trainings.run.state, trainings.busy) == ([(key,)], "running", True)
    tell(key, TrainingStep("preparing", text="Loading TensorFlow…"), epoch(0, 1, held_out=0.7))
    trainings.look()
    assert [one.val_accuracy for one in trainings.history] == [0.5, 0.7]
    assert trainings.batches == ()


def test_a_run_is_done_once_more_as_it_was(trainings, tuning, backend, alive):
    trainings.train()
    first, recipe = trainings.key, tuning.recipe
    finish(trainings, alive)
    tuning.freeze_at(1)
    tuning.data = None
    trainings.rerun(first)
    assert trainings.key != first
    assert asked(backend, "train")[1] == ("digits", "patterns", recipe)
    assert tuning.recipe == recipe
    assert [record.key for record in trainings.runs] == [trainings.key, first]


def test_with_the_recipe_of_a_run_goes_what_was_wrong_in_the_one_before(trainings, tuning, alive):
    trainings.train()
    key = trainings.key
    finish(trainings, alive, "done", [epoch(0, 0)])
    tuning.problems = {"phases.0.momentum": "A momentum is 0 or more, and below 1."}
    trainings.rerun(key)
    assert tuning.problems == {}


def test_the_recipe_of_another_network_stays_with_its_run(session, tuning, alive):
    other = begun(alive, Recipe(200), NetworkSpec("MobileNetV2", None))
    end(alive, other)
    trainings = Trainings(session, tuning)
    before = tuning.recipe
    trainings.rerun(other)
    assert tuning.recipe == before
    assert trainings.run.settings.recipe.freeze == 200


def test_a_run_is_deleted_with_its_files(trainings, backend):
    trainings.train()
    key = trainings.key
    trainings.delete(key)
    assert not runs.home().joinpath(key).exists()
    assert (trainings.runs, trainings.run, trainings.key, trainings.busy) == ((), None, "", False)


def test_files_are_of_the_run_that_is_shown(trainings, backend):
    trainings.take("model")
    assert asked(backend, "take_run") == []
    trainings.train()
    trainings.take("script")
    assert trainings.taken.name == "run.script"


# Find again


def test_runs_are_listed_when_fine_tuning_is_looked_at(session, alive):
    older, newer = begun(alive), begun(alive)
    tuning = Tuning(session)
    trainings = Trainings(session, tuning)
    assert trainings.runs == ()
    tuning.shown = True
    assert [record.key for record in trainings.runs] == [newer, older]
    assert (trainings.run, trainings.busy) == (None, False)


def test_on_a_shared_server_only_ones_own_are_listed(session, tuning, alive):
    other, own = begun(alive), begun(alive)
    trainings = Trainings(session, tuning, own_only=True)
    assert trainings.runs == ()
    trainings.show(own)
    assert [record.key for record in trainings.runs] == [own]
    assert other not in {record.key for record in trainings.runs}


def test_runs_that_the_browser_knows_are_listed_too_and_those_that_are_gone_are_told(session, tuning, alive):
    known, ended, other = begun(alive), begun(alive), begun(alive)
    end(alive, ended)
    trainings = Trainings(session, tuning, own_only=True)
    assert trainings.know([known, NOWHERE, ended, "../x"]) == (NOWHERE, "../x")
    assert {record.key for record in trainings.runs} == {known, ended}
    assert other not in {record.key for record in trainings.runs}
    assert not trainings.busy, "it goes on on another page"
    assert (trainings.run, session.failure) == (None, "")
    trainings.show(known)
    told(trainings, epoch(0, 0))
    trainings.know([known])
    assert len(trainings.run.history) == len(trainings.history) == 1


def test_a_run_that_can_not_be_read_is_left_out(session, tuning, alive):
    key = begun(alive)
    (runs.folder(key) / "settings.json").write_text("{")
    trainings = Trainings(session, tuning, own_only=True)
    assert trainings.know([key]) == ()
    assert trainings.runs == ()


def test_on_a_dashboard_a_page_lists_its_own_runs_only(session, tuning, alive, monkeypatch):
    begun(alive)
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    assert Trainings(session, tuning).runs == ()
    monkeypatch.setenv(runs.ALL_RUNS, "1")
    assert len(Trainings(session, tuning).runs) == 1


def test_a_run_that_goes_on_is_found_again_with_all_that_it_has_told(session, tuning, alive):
    key = begun(alive)
    tell(key, epoch(0, 0), epoch(0, 1), batch(0, 2, 3), batch(0, 2, 6))
    trainings = Trainings(session, tuning)
    trainings.show(key)
    assert (len(trainings.history), len(trainings.batches), trainings.step.done, trainings.busy) == (2, 2, 6, True)


def test_a_run_that_has_ended_is_found_again(session, tuning, alive):
    key = begun(alive)
    end(alive, key, "done", [epoch(0, 0), epoch(1, 0)], outcome=outcome())
    trainings = Trainings(session, tuning)
    trainings.show(key)
    assert (trainings.run.state, len(trainings.history), trainings.busy) == ("done", 2, False)


@pytest.mark.parametrize("key", [NOWHERE, "", "../x", "<b>"])
def test_an_unknown_key_is_said_and_changes_nothing(trainings, session, key):
    trainings.train()
    before = trainings.run
    trainings.show(key)
    assert "no such run" in session.failure
    assert trainings.run == before


def test_an_event_loop_follows_by_itself_until_it_is_closed(backend, alive):
    async def followed():
        with looked_at(backend) as (session, tuning):
            closed, open_ = Trainings(session, tuning), Trainings(session, tuning)
            await until(lambda: tuning.plan)
            tuning.data = DATA
            closed.train()
            await until(lambda: closed.run)
            open_.show(closed.key)
            tell(closed.key, epoch(0, 0))
            await until(lambda: closed.history)
            closed.close()
            closed.close()
            end(alive, closed.key, "done", [epoch(0, 0), epoch(0, 1)])
            await until(lambda: not open_.busy)
        return closed, open_

    closed, open_ = asyncio.run(followed())
    assert (closed.run.state, len(closed.history)) == ("running", 1)
    assert (open_.run.state, len(open_.history)) == ("done", 2)


def test_the_page_says_that_a_training_goes_on_and_how_far_it_is(trainings, session, alive):
    assert session.training == ""
    trainings.train()
    assert session.training == "Training: Preparing…"
    told(trainings, epoch(0, 0), batch(0, 1, 5, left=12.2))
    assert session.training == "Training: epoch 2 of 10, 12 s left"
    going = trainings.key
    end(alive, other := begun(alive))
    trainings.show(other)
    assert session.training == "A training is running"
    trainings.show(going)
    trainings.stop()
    assert session.training == "Training: Stopping…"
    finish(trainings, alive, "stopped")
    assert session.training == ""
