import asyncio
import threading
from dataclasses import replace

import pytest
from fake_fine_tuning import DATA, HeldTuningBackend, asked, looked_at
from fake_runs import RunningBackend, batch, begun, end, epoch, finish, outcome, tell, told
from fakes import until

from explorer import runs
from explorer.rendering.run_status import progress_in_words, training_in_words
from explorer.runs.run_files import RunFiles
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_list import RunList
from explorer.values import DataClass, Head, NetworkSpec, Recipe, TrainingStep
from explorer.values.run_progress import BATCHES
from explorer.worker import providers

NOWHERE = "0" * 32


@pytest.fixture
def backend():
    return RunningBackend()


# Start


def test_a_training_takes_the_network_the_data_and_the_recipe_that_are_chosen(run_list, fine_tuning, backend):
    fine_tuning.freeze_at(4)
    run_list.train()
    assert asked(backend, "train") == [("digits", "patterns", fine_tuning.recipe)]
    assert run_list.run.settings.recipe.freeze == 4
    assert (run_list.run.state, run_list.key, run_list.busy) == ("running", run_list.run.key, True)
    assert run_list.runs == (run_list.run,)


@pytest.mark.parametrize(
    ("data", "head", "said"),
    [
        (None, Head(), "Add data first"),
        (replace(DATA, kind="audio"), Head(), "does not read this kind of data"),
        (replace(DATA, multi_label=True), Head(), "several classes at once"),
        (replace(DATA, classes=(DataClass("dots", 3, 1),)), Head(), "only one class"),
    ],
)
def test_without_what_it_needs_none_begins_and_the_reason_is_said(run_list, fine_tuning, session, backend, data, head, said):
    fine_tuning.data = data
    fine_tuning.recipe = replace(fine_tuning.recipe, head=head)
    assert said in run_list.barred
    run_list.train()
    assert session.error_message == run_list.barred
    assert asked(backend, "train") == []


def test_one_class_will_do_where_each_is_a_yes_or_no(run_list, fine_tuning):
    fine_tuning.data = replace(DATA, multi_label=True, classes=(DataClass("dots", 3, 1),))
    fine_tuning.recipe = replace(fine_tuning.recipe, head=Head(multi_label=True))
    assert run_list.barred == ""


def test_a_recipe_without_epochs_is_barred(run_list, fine_tuning):
    fine_tuning.recipe = replace(fine_tuning.recipe, phases=tuple(replace(phase, epochs=0) for phase in fine_tuning.recipe.phases))
    assert "All phases have 0 epochs" in run_list.barred


def test_what_is_wrong_in_the_plan_bars_until_it_is_mended(run_list, fine_tuning, backend):
    fine_tuning.problems = {"phases.0.learning_rate": "'oops' is no number."}
    assert run_list.barred == "Correct the plan first. 'oops' is no number."
    run_list.train()
    assert asked(backend, "train") == []
    fine_tuning.problems = {}
    assert run_list.barred == ""


def test_a_second_click_is_no_failure(run_list, session, backend):
    run_list.train()
    run_list.train()
    assert (session.error_message, len(asked(backend, "train"))) == ("", 1)


def test_only_one_goes_on_at_a_time(run_list, session, backend):
    run_list.train()
    run_list.train()
    run_list.rerun(run_list.key)
    run_list.resume(run_list.key)
    assert "is running" in session.error_message
    assert (len(asked(backend, "train")), asked(backend, "resume")) == (1, [])


def test_one_that_can_not_be_started_leaves_all_as_it_was(run_list, fine_tuning, session):
    fine_tuning.data = replace(DATA, spec=replace(DATA.spec, path="bad"))
    run_list.train()
    assert session.error_message == "The disk is full."
    assert (run_list.busy, run_list.run, run_list.runs) == (False, None, ())


# Follow


def test_it_follows_by_batch_and_by_epoch(run_list):
    run_list.train()
    told(run_list, TrainingStep("features", done=120, total=200))
    assert (run_list.step.what, run_list.step.done) == ("features", 120)
    told(run_list, batch(0, 0, 2), batch(0, 0, 5))
    assert [one.fraction for one in run_list.batches] == [0.2, 0.5]
    told(run_list, epoch(0, 0, held_out=0.75))
    assert (run_list.batches, [one.val_accuracy for one in run_list.history]) == ((), [0.75])
    assert run_list.runs[0].history == run_list.run.history == run_list.history
    told(run_list, batch(0, 1, 1))
    assert [(one.epoch, one.fraction) for one in run_list.batches] == [(1, 0.1)]


def test_notices_are_of_the_run_and_no_step(run_list):
    run_list.train()
    told(run_list, batch(0, 0, 2), TrainingStep("notice", text="Two classes are alike."))
    assert (run_list.step.what, run_list.run.notices) == ("batch", ("Two classes are alike.",))
    assert run_list.batches


def test_of_many_batches_some_are_remembered_from_the_first_to_the_last(run_list):
    run_list.train()
    told(run_list, *(batch(0, 0, number, 1000) for number in range(1, 1001)))
    assert len(run_list.batches) <= BATCHES
    assert (run_list.batches[0].fraction, run_list.batches[-1].fraction) == (0.001, 1.0)


def test_at_its_end_it_tells_what_came_of_it(run_list, alive):
    run_list.train()
    told(run_list, epoch(0, 0), batch(0, 1, 3))
    finish(run_list, alive, "stopped", [epoch(0, 0)], best_epoch=0, outcome=outcome(), notices=("The rate was too high.",))
    assert (run_list.run.state, run_list.run.best_epoch, run_list.run.accuracy) == ("stopped", 0, 0.92)
    assert (run_list.run.notices, run_list.batches, run_list.busy) == (("The rate was too high.",), (), False)
    assert run_list.barred == ""


def test_one_whose_process_is_gone_is_lost(run_list, alive):
    run_list.train()
    told(run_list, epoch(0, 0))
    alive.clear()
    run_list.look()
    assert (run_list.run.state, run_list.run.resumable, len(run_list.history), run_list.busy) == ("lost", True, 1, False)


def test_one_that_was_deleted_elsewhere_is_said_and_forgotten(run_list, session):
    run_list.train()
    runs.delete(run_list.key)
    run_list.look()
    assert "no such run" in session.error_message
    assert (run_list.run, run_list.key, run_list.runs, run_list.busy) == (None, "", (), False)


def test_others_that_go_on_are_looked_at_now_and_then(session, fine_tuning, alive):
    other = begun(alive)
    run_list = RunList(session, fine_tuning)
    end(alive, other, "done", [epoch(0, 0)], outcome=outcome())
    assert run_list.runs[0].state == "running"
    for _look in range(8):
        run_list.look()
    assert run_list.runs[0].state == "done"


@pytest.mark.parametrize(("change", "planned"), [({}, {0: 5, 1: 5}), ({"freeze": 9}, {0: 5}), ({"mistakes": ("thaw",)}, {1: 5})])
def test_the_epochs_that_are_planned_are_of_the_phases_that_are_done(run_list, fine_tuning, change, planned):
    fine_tuning.recipe = replace(fine_tuning.recipe, **change)
    assert run_list.planned() == {}
    run_list.train()
    assert run_list.planned() == planned


def let_time_go(run_list, seconds):
    """Let so many seconds go by, with a look at each."""
    silence = run_list._follower._silence
    now = [silence._looked]
    silence._clock = lambda: now[0]
    for _second in range(seconds):
        now[0] += 1
        run_list.look()


def test_no_sign_of_life_is_said_until_there_is_one(run_list, session):
    run_list.train()
    told(run_list, epoch(0, 0), batch(0, 1, 5, left=12.2))
    let_time_go(run_list, 29)
    assert (run_list.silent, progress_in_words(run_list.progress)[0]) == (0, "epoch 2 of 10, 12 s left")
    let_time_go(run_list, 7)
    assert (run_list.silent, progress_in_words(run_list.progress)[0]) == (35, "epoch 2 of 10")
    assert training_in_words(session.training) == "Training: no sign of life for 35 s"
    told(run_list, batch(0, 1, 6, left=11.0))
    assert (run_list.silent, training_in_words(session.training)) == (0, "Training: epoch 2 of 10, 11 s left")


def test_one_that_ends_or_is_shown_anew_is_not_silent(run_list, alive):
    run_list.train()
    run_list.look()
    let_time_go(run_list, 32)
    assert run_list.silent == 30
    run_list.show(run_list.key)
    assert run_list.silent == 0
    let_time_go(run_list, 32)
    finish(run_list, alive, "stopped")
    assert run_list.silent == 0


def test_one_that_hangs_is_ended_and_can_go_on(run_list, alive):
    run_list.kill()
    run_list.train()
    told(run_list, epoch(0, 0))
    run_list.kill()
    assert (run_list.run.state, run_list.run.resumable, run_list.busy) == ("lost", True, False)
    run_list.kill()


# Stop, go on, run again, delete


def test_stop_asks_the_process_and_waits_for_it(run_list, alive):
    run_list.stop()
    run_list.train()
    run_list.stop()
    assert (runs.folder(run_list.key) / "stop").exists()
    assert (run_list.stopping, run_list.busy) == (True, True)
    finish(run_list, alive, "stopped", [epoch(0, 0)], best_epoch=0)
    assert (run_list.stopping, run_list.busy) == (False, False)


def test_one_that_is_lost_goes_on_and_epochs_done_again_count_once(run_list, backend, alive):
    run_list.train()
    key = run_list.key
    tell(key, epoch(0, 0, held_out=0.5), epoch(0, 1, held_out=0.6), batch(0, 2, 4))
    run_list.look()
    alive.clear()
    run_list.look()
    run_list.resume(key)
    assert (asked(backend, "resume"), run_list.run.state, run_list.busy) == ([(key,)], "running", True)
    tell(key, TrainingStep("preparing", text="Loading TensorFlow…"), epoch(0, 1, held_out=0.7))
    run_list.look()
    assert [one.val_accuracy for one in run_list.history] == [0.5, 0.7]
    assert run_list.batches == ()


def test_a_run_is_done_once_more_as_it_was(run_list, fine_tuning, backend, alive):
    run_list.train()
    first, recipe = run_list.key, fine_tuning.recipe
    finish(run_list, alive)
    fine_tuning.freeze_at(1)
    fine_tuning.data = None
    run_list.rerun(first)
    assert run_list.key != first
    assert asked(backend, "train")[1] == ("digits", "patterns", recipe)
    assert fine_tuning.recipe == recipe
    assert [record.key for record in run_list.runs] == [run_list.key, first]


def test_with_the_recipe_of_a_run_goes_what_was_wrong_in_the_one_before(run_list, fine_tuning, alive):
    run_list.train()
    key = run_list.key
    finish(run_list, alive, "done", [epoch(0, 0)])
    fine_tuning.problems = {"phases.0.momentum": "A momentum is 0 or more, and below 1."}
    run_list.rerun(key)
    assert fine_tuning.problems == {}


def test_the_recipe_of_another_network_stays_with_its_run(session, fine_tuning, alive):
    other = begun(alive, Recipe(200), NetworkSpec("MobileNetV2", None))
    end(alive, other)
    run_list = RunList(session, fine_tuning)
    before = fine_tuning.recipe
    run_list.rerun(other)
    assert fine_tuning.recipe == before
    assert run_list.run.settings.recipe.freeze == 200


def test_a_run_is_deleted_with_its_files(run_list, backend):
    run_list.train()
    key = run_list.key
    run_list.delete(key)
    assert not runs.home().joinpath(key).exists()
    assert (run_list.runs, run_list.run, run_list.key, run_list.busy) == ((), None, "", False)


def test_files_are_of_the_run_that_is_shown(run_list, backend):
    run_list.take("model")
    assert asked(backend, "take_run") == []
    run_list.train()
    run_list.take("script")
    assert run_list.taken.name == "run.script"


# Find again


def test_runs_are_listed_when_fine_tuning_is_looked_at(session, alive):
    older, newer = begun(alive), begun(alive)
    fine_tuning = FineTuningState(session)
    run_list = RunList(session, fine_tuning)
    assert run_list.runs == ()
    fine_tuning.shown = True
    assert [record.key for record in run_list.runs] == [newer, older]
    assert (run_list.run, run_list.busy) == (None, False)


def test_on_a_shared_server_only_ones_own_are_listed(session, fine_tuning, alive):
    other, own = begun(alive), begun(alive)
    run_list = RunList(session, fine_tuning, own_only=True)
    assert run_list.runs == ()
    run_list.show(own)
    assert [record.key for record in run_list.runs] == [own]
    assert other not in {record.key for record in run_list.runs}


def test_runs_that_the_browser_knows_are_listed_too_and_those_that_are_gone_are_told(session, fine_tuning, alive):
    known, ended, other = begun(alive), begun(alive), begun(alive)
    end(alive, ended)
    run_list = RunList(session, fine_tuning, own_only=True)
    gone = []
    run_list.know([known, NOWHERE, ended, "../x"], gone.append)
    assert gone == [NOWHERE, "../x"]
    assert {record.key for record in run_list.runs} == {known, ended}
    assert other not in {record.key for record in run_list.runs}
    assert not run_list.busy, "it goes on on another page"
    assert (run_list.run, session.error_message) == (None, "")
    run_list.show(known)
    told(run_list, epoch(0, 0))
    run_list.know([known])
    assert len(run_list.run.history) == len(run_list.history) == 1


def test_a_run_that_can_not_be_read_is_left_out(session, fine_tuning, alive):
    key = begun(alive)
    (runs.folder(key) / "settings.json").write_text("{")
    gone = []
    run_list = RunList(session, fine_tuning, own_only=True)
    run_list.know([key], gone.append)
    assert gone == []
    assert run_list.runs == ()


def test_on_a_dashboard_a_page_lists_its_own_runs_only(session, fine_tuning, alive, monkeypatch):
    begun(alive)
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    assert RunList(session, fine_tuning).runs == ()
    monkeypatch.setenv(runs.ALL_RUNS, "1")
    assert len(RunList(session, fine_tuning).runs) == 1


def test_a_run_that_goes_on_is_found_again_with_all_that_it_has_told(session, fine_tuning, alive):
    key = begun(alive)
    tell(key, epoch(0, 0), epoch(0, 1), batch(0, 2, 3), batch(0, 2, 6))
    run_list = RunList(session, fine_tuning)
    run_list.show(key)
    assert (len(run_list.history), len(run_list.batches), run_list.step.done, run_list.busy) == (2, 2, 6, True)


def test_a_run_that_has_ended_is_found_again(session, fine_tuning, alive):
    key = begun(alive)
    end(alive, key, "done", [epoch(0, 0), epoch(1, 0)], outcome=outcome())
    run_list = RunList(session, fine_tuning)
    run_list.show(key)
    assert (run_list.run.state, len(run_list.history), run_list.busy) == ("done", 2, False)


@pytest.mark.parametrize("key", [NOWHERE, "", "../x", "<b>"])
def test_an_unknown_key_is_said_and_changes_nothing(run_list, session, key):
    run_list.train()
    before = run_list.run
    run_list.show(key)
    assert "no such run" in session.error_message
    assert run_list.run == before


def test_an_event_loop_follows_by_itself_until_it_is_closed(backend, alive):
    async def followed():
        with looked_at(backend) as (session, fine_tuning):
            closed, open_ = RunList(session, fine_tuning), RunList(session, fine_tuning)
            await until(lambda: fine_tuning.plan)
            fine_tuning.data = DATA
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


class HeldRunningBackend(RunningBackend, HeldTuningBackend):
    """`RunningBackend` that holds "probe" back."""


def watched(threads):
    """Return what reads runs and takes down on which threads."""

    class Watched(RunFiles):
        def __getattribute__(self, name):
            threads.add(threading.current_thread())
            return super().__getattribute__(name)

    return Watched


def test_a_run_is_followed_and_stopped_while_the_backend_is_at_something_long_and_never_on_the_event_loop(alive, monkeypatch):
    backend = HeldRunningBackend(held=("digits",), method="probe")
    backend.alive = alive
    threads = set()
    monkeypatch.setattr(providers, "run_store", watched(threads))

    async def stopped():
        with looked_at(backend) as (session, fine_tuning):
            run_list = RunList(session, fine_tuning)
            await until(lambda: fine_tuning.plan)
            fine_tuning.data = DATA
            run_list.train()
            await until(lambda: run_list.run)
            fine_tuning.request_probes()
            await until(backend.holding.is_set)
            tell(run_list.key, epoch(0, 0))
            await until(lambda: run_list.history)
            run_list.stop()
            await until(lambda: run_list.stopping)
            asked = (runs.folder(run_list.key) / "stop").exists()
            still = fine_tuning.probing
            backend.let_go.set()
            run_list.close()
        return asked, still

    assert asyncio.run(stopped()) == (True, True)
    assert threads
    assert threading.main_thread() not in threads


def test_a_training_that_is_being_started_bars_another_until_its_run_is_shown(backend, alive):
    async def started():
        barred = []
        with looked_at(backend) as (session, fine_tuning):
            run_list = RunList(session, fine_tuning)
            await until(lambda: fine_tuning.plan)
            fine_tuning.data = DATA
            run_list.observe(lambda change: barred.append(change["new"]), "busy")
            run_list.train()
            await until(lambda: run_list.run)
            run_list.close()
        return barred

    assert asyncio.run(started()) == [True]


def test_the_page_says_that_a_training_goes_on_and_how_far_it_is(run_list, session, alive):
    assert session.training is None
    run_list.train()
    assert training_in_words(session.training) == "Training: Preparing…"
    told(run_list, epoch(0, 0), batch(0, 1, 5, left=12.2))
    assert training_in_words(session.training) == "Training: epoch 2 of 10, 12 s left"
    going = run_list.key
    end(alive, other := begun(alive))
    run_list.show(other)
    assert training_in_words(session.training) == "A training is running"
    run_list.show(going)
    run_list.stop()
    assert training_in_words(session.training) == "Training: Stopping…"
    finish(run_list, alive, "stopped")
    assert session.training is None
