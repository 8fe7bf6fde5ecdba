import asyncio
from dataclasses import replace

import pytest
from fake_fine_tuning import asked
from fake_run_comparison import BEFORE, OUTCOME, ComparisonBackend, FakeRunList, HeldAftermathBackend, picture, run, tuned_by
from fakes import until

from explorer.errors import ExplorerError, UnknownName
from explorer.state.run_comparison import RunComparison
from explorer.state.session import Session
from explorer.values import FeatureMaps, Predictions
from explorer.worker.queue import Worker


@pytest.fixture
def backend():
    return ComparisonBackend(outcomes={"nothing": None})


def labels(predictions):
    return [one.label for one in predictions.predictions]


@pytest.mark.parametrize("state", ["waiting", "running", "lost"])
def test_before_a_run_has_ended_nothing_is_asked(run_comparison, fake_run_list, backend, state):
    fake_run_list.run = run(state=state)
    assert (run_comparison.outcome, run_comparison.tuned, run_comparison.predictions, run_comparison.maps) == (None, None, (), ())
    assert asked(backend, "outcome", "tuned", "held_out") == []


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_what_a_run_has_come_to_is_asked_at_its_end(run_comparison, fake_run_list, backend, state):
    fake_run_list.run = run(state="running")
    fake_run_list.run = run(state=state)
    assert run_comparison.outcome is OUTCOME
    assert run_comparison.tuned == tuned_by("a")
    assert list(run_comparison.pictures) == [4, 17, 5], "the worst first"
    assert run_comparison.pictures[17] == picture(17)


def test_nothing_is_asked_before_it_is_looked_at(session, fake_run_list, backend):
    run_comparison = RunComparison(session, fake_run_list)
    fake_run_list.run = run()
    session.select("block1_conv")
    assert asked(backend, "outcome", "tuned", "held_out") == []
    run_comparison.shown = True
    assert run_comparison.outcome is OUTCOME
    assert len(run_comparison.maps) == 2


def test_the_example_is_answered_before_and_after(run_comparison, fake_run_list, session):
    session.top = 2
    fake_run_list.run = run()
    before, after = run_comparison.predictions
    assert (labels(before), labels(after)) == (["red_fox", "owl"], ["red_dots", "rings"])
    before, after = run_comparison.maps
    assert (before.layer.name, after.layer.name) == ("block1_relu", "block1_relu")
    assert (after.values > before.values).all()
    assert session.network.spec == BEFORE, "the network on screen stays"


def test_maps_to_compare_are_asked_for_without_the_mosaic_of_one_side(run_comparison, fake_run_list, session, backend):
    backend.asked.clear()
    fake_run_list.run = run()
    assert asked(backend, "feature_maps") == [(session.layer, False)] * 2


def test_it_is_asked_for_no_more_answers_than_there_are_classes(run_comparison, fake_run_list, session):
    session.top = 4
    fake_run_list.run = run()
    assert [len(side.predictions) for side in run_comparison.predictions] == [4, 3]


def test_another_example_another_layer_and_more_answers_are_followed(run_comparison, fake_run_list, session, backend):
    fake_run_list.run = run()
    backend.asked.clear()
    session.select("block1_conv")
    assert [side.layer.name for side in run_comparison.maps] == ["block1_conv"] * 2
    assert asked(backend, "predict") == [], "the answers are those to the same example"
    session.top = 1
    assert [len(side.predictions) for side in run_comparison.predictions] == [1, 1]
    maps = run_comparison.maps
    session.show(b"another", "another.png")
    assert maps is not run_comparison.maps
    assert asked(backend, "outcome", "tuned", "held_out") == []


def test_a_layer_that_the_tuned_network_lacks_is_said_in_a_sentence(run_comparison, fake_run_list, session):
    fake_run_list.run = run()
    session.select("predictions")
    before, after = run_comparison.maps
    assert isinstance(before, FeatureMaps)
    assert after.startswith("The tuned network has no layer predictions, as its head is new:")
    assert session.error_message == ""


def test_with_the_tuned_network_on_screen_the_one_before_still_answers_as_much(run_comparison, fake_run_list, session, backend, tmp_path):
    run_comparison.open_tuned()
    assert session.network.spec == BEFORE, "there is none yet"
    backend.folder = tmp_path
    session.top = 3
    fake_run_list.run = run()
    run_comparison.open_tuned()
    assert session.network.spec == run_comparison.tuned
    before, after = run_comparison.predictions
    assert (labels(before), labels(after)) == (["red_fox", "owl", "bear"], ["red_dots", "rings", "stripes"])


def test_a_network_that_was_never_on_screen_is_asked_for_its_best_answer(run_comparison, fake_run_list, session, backend):
    spec = replace(BEFORE, architecture="VGG16")
    backend.open(spec, False, lambda _progress: None)
    fake_run_list.run = run(spec=spec)
    assert [len(side.predictions) for side in run_comparison.predictions] == [1, 3]


def test_why_a_network_does_not_answer_is_said_in_its_place(run_comparison, fake_run_list, session, backend, monkeypatch):
    def refuse(spec, example, top, output, report_progress):
        raise ExplorerError("It names no classes.")

    monkeypatch.setattr(backend, "predict", refuse)
    fake_run_list.run = run()
    assert run_comparison.predictions == ("It names no classes.",) * 2
    assert all(isinstance(side, FeatureMaps) for side in run_comparison.maps)


def test_a_run_that_has_come_to_nothing_has_no_tuned_network(run_comparison, fake_run_list, backend):
    fake_run_list.run = run("nothing", "failed")
    assert (run_comparison.outcome, run_comparison.tuned, run_comparison.predictions) == (None, None, ())
    assert asked(backend, "tuned", "held_out") == []


def test_a_run_that_could_not_be_saved_says_so_itself(run_comparison, fake_run_list, session, backend, monkeypatch):
    def tuned(key, _report_progress):
        raise UnknownName("The run has no file tuned.keras.")

    monkeypatch.setattr(backend, "tuned", tuned)
    fake_run_list.run = run("full", "failed")
    assert (run_comparison.outcome, run_comparison.tuned, session.error_message) == (OUTCOME, None, "")
    fake_run_list.run = run("gone", "done")
    assert "tuned.keras" in session.error_message


def test_data_that_is_gone_leaves_the_rest_and_is_asked_for_once(run_comparison, fake_run_list, session, backend):
    fake_run_list.run = run("moved away")
    assert (session.error_message, run_comparison.pictures) == ("The data is gone.", {})
    assert (run_comparison.outcome, len(run_comparison.predictions)) == (OUTCOME, 2)
    assert len(asked(backend, "held_out")) == 1


def test_another_run_takes_its_place_and_none_empties_it(run_comparison, fake_run_list):
    fake_run_list.run = run("a")
    fake_run_list.run = run("b")
    assert run_comparison.tuned == tuned_by("b")
    fake_run_list.run = None
    assert (run_comparison.outcome, run_comparison.pictures, run_comparison.tuned, run_comparison.predictions, run_comparison.maps) == (
        None,
        {},
        None,
        (),
        (),
    )


def test_the_same_end_is_asked_about_once_and_a_run_that_went_on_anew(run_comparison, fake_run_list, backend):
    fake_run_list.run = run()
    fake_run_list.run = replace(run(), notices=("A note.",))
    assert len(asked(backend, "outcome")) == 1
    fake_run_list.run = run(state="running")
    assert run_comparison.outcome is None
    fake_run_list.run = run(seconds=5.0)
    assert len(asked(backend, "outcome")) == 2


def test_once_closed_it_no_longer_follows(run_comparison, fake_run_list, session, backend):
    fake_run_list.run = run("a")
    run_comparison.close()
    run_comparison.close()
    backend.asked.clear()
    fake_run_list.run = run("b")
    session.select("block1_conv")
    assert asked(backend, "outcome") == []
    assert len(asked(backend, "feature_maps")) == 1, "the page's own"


def test_by_itself_it_makes_trainings_of_its_own(session):
    run_comparison = RunComparison(session)
    run_comparison.shown = True
    assert (run_comparison.run_list.run, run_comparison.outcome) == (None, None)
    run_comparison.run_list.run = run()
    assert run_comparison.outcome is OUTCOME
    run_comparison.close()


def run_held(method, held, then):
    """Show the run "a", do something while its backend is held, and wait for what comes of it."""
    backend = HeldAftermathBackend(held=(held,), method=method)

    async def page():
        session, run_list = Session("digits", worker=Worker(lambda: backend)), FakeRunList()
        run_comparison = RunComparison(session, run_list)
        run_comparison.shown = True
        await until(lambda: not session.busy)
        run_list.run = run("a")
        await until(backend.holding.is_set)
        then(session, run_list, run_comparison)
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, run_comparison

    return *asyncio.run(page()), backend


def test_what_comes_late_for_another_run_is_dropped():
    def switch(_session, run_list, _run_comparison):
        run_list.run = run("b")

    session, run_comparison, backend = run_held("outcome", "a", switch)
    assert (run_comparison.tuned, session.error_message) == (tuned_by("b"), "")
    assert asked(backend, "tuned") == [("b",)]


def test_answers_to_an_example_that_is_gone_are_dropped():
    preprocessed = []

    def show(session, _run_list, run_comparison):
        run_comparison.observe(lambda change: preprocessed.append(change["new"]), "predictions")
        session.top = 2

    session, run_comparison, _backend = run_held("tuned predict", tuned_by("a").path, show)
    assert all(isinstance(side, Predictions) and len(side.predictions) == 2 for side in run_comparison.predictions)
    assert (len(preprocessed), session.error_message) == (1, "")


def test_closed_in_the_middle_it_asks_for_nothing_more():
    _session, run_comparison, backend = run_held("outcome", "a", lambda _session, _run_list, run_comparison: run_comparison.close())
    assert run_comparison.outcome is None
    assert asked(backend, "tuned", "held_out") == []
