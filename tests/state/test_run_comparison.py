import asyncio
from dataclasses import replace

import pytest
from fake_aftermath import BEFORE, OUTCOME, AftermathBackend, FakeTrainings, HeldAftermathBackend, picture, run, tuned_by
from fake_tuning import asked
from fakes import until

from explorer.errors import ExplorerError, UnknownName
from explorer.state.run_comparison import Aftermath
from explorer.state.session import Session
from explorer.values import Answers, FeatureMaps
from explorer.worker.queue import Worker


@pytest.fixture
def backend():
    return AftermathBackend(outcomes={"nothing": None})


def labels(answers):
    return [one.label for one in answers.predictions]


@pytest.mark.parametrize("state", ["waiting", "running", "lost"])
def test_before_a_run_has_ended_nothing_is_asked(aftermath, fake_trainings, backend, state):
    fake_trainings.run = run(state=state)
    assert (aftermath.outcome, aftermath.tuned, aftermath.answers, aftermath.maps) == (None, None, (), ())
    assert asked(backend, "outcome", "tuned", "held_out") == []


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_what_a_run_has_come_to_is_asked_at_its_end(aftermath, fake_trainings, backend, state):
    fake_trainings.run = run(state="running")
    fake_trainings.run = run(state=state)
    assert aftermath.outcome is OUTCOME
    assert aftermath.tuned == tuned_by("a")
    assert list(aftermath.pictures) == [4, 17, 5], "the worst first"
    assert aftermath.pictures[17] == picture(17)


def test_nothing_is_asked_before_it_is_looked_at(session, fake_trainings, backend):
    aftermath = Aftermath(session, fake_trainings)
    fake_trainings.run = run()
    session.select("block1_conv")
    assert asked(backend, "outcome", "tuned", "held_out") == []
    aftermath.shown = True
    assert aftermath.outcome is OUTCOME
    assert len(aftermath.maps) == 2


def test_the_example_is_answered_before_and_after(aftermath, fake_trainings, session):
    session.top = 2
    fake_trainings.run = run()
    before, after = aftermath.answers
    assert (labels(before), labels(after)) == (["red_fox", "owl"], ["red_dots", "rings"])
    before, after = aftermath.maps
    assert (before.layer.name, after.layer.name) == ("block1_relu", "block1_relu")
    assert (after.values > before.values).all()
    assert session.network.spec == BEFORE, "the network on screen stays"


def test_it_is_asked_for_no_more_answers_than_there_are_classes(aftermath, fake_trainings, session):
    session.top = 4
    fake_trainings.run = run()
    assert [len(side.predictions) for side in aftermath.answers] == [4, 3]


def test_another_example_another_layer_and_more_answers_are_followed(aftermath, fake_trainings, session, backend):
    fake_trainings.run = run()
    backend.asked.clear()
    session.select("block1_conv")
    assert [side.layer.name for side in aftermath.maps] == ["block1_conv"] * 2
    assert asked(backend, "predict") == [], "the answers are those to the same example"
    session.top = 1
    assert [len(side.predictions) for side in aftermath.answers] == [1, 1]
    maps = aftermath.maps
    session.show(b"another", "another.png")
    assert maps is not aftermath.maps
    assert asked(backend, "outcome", "tuned", "held_out") == []


def test_a_layer_that_the_tuned_network_lacks_is_said_in_a_sentence(aftermath, fake_trainings, session):
    fake_trainings.run = run()
    session.select("predictions")
    before, after = aftermath.maps
    assert isinstance(before, FeatureMaps)
    assert after.startswith("The tuned network has no layer predictions, as its head is new:")
    assert session.failure == ""


def test_with_the_tuned_network_on_screen_the_one_before_still_answers_as_much(aftermath, fake_trainings, session, backend, tmp_path):
    aftermath.open_tuned()
    assert session.network.spec == BEFORE, "there is none yet"
    backend.folder = tmp_path
    session.top = 3
    fake_trainings.run = run()
    aftermath.open_tuned()
    assert session.network.spec == aftermath.tuned
    before, after = aftermath.answers
    assert (labels(before), labels(after)) == (["red_fox", "owl", "bear"], ["red_dots", "rings", "stripes"])


def test_a_network_that_was_never_on_screen_is_asked_for_its_best_answer(aftermath, fake_trainings, session, backend):
    spec = replace(BEFORE, architecture="VGG16")
    backend.open(spec, False, lambda _progress: None)
    fake_trainings.run = run(spec=spec)
    assert [len(side.predictions) for side in aftermath.answers] == [1, 3]


def test_why_a_network_does_not_answer_is_said_in_its_place(aftermath, fake_trainings, session, backend, monkeypatch):
    def refuse(spec, example, top, output, say):
        raise ExplorerError("It names no classes.")

    monkeypatch.setattr(backend, "predict", refuse)
    fake_trainings.run = run()
    assert aftermath.answers == ("It names no classes.",) * 2
    assert all(isinstance(side, FeatureMaps) for side in aftermath.maps)


def test_a_run_that_has_come_to_nothing_has_no_tuned_network(aftermath, fake_trainings, backend):
    fake_trainings.run = run("nothing", "failed")
    assert (aftermath.outcome, aftermath.tuned, aftermath.answers) == (None, None, ())
    assert asked(backend, "tuned", "held_out") == []


def test_a_run_that_could_not_be_saved_says_so_itself(aftermath, fake_trainings, session, backend, monkeypatch):
    def tuned(key, _say):
        raise UnknownName("The run has no file tuned.keras.")

    monkeypatch.setattr(backend, "tuned", tuned)
    fake_trainings.run = run("full", "failed")
    assert (aftermath.outcome, aftermath.tuned, session.failure) == (OUTCOME, None, "")
    fake_trainings.run = run("gone", "done")
    assert "tuned.keras" in session.failure


def test_data_that_is_gone_leaves_the_rest_and_is_asked_for_once(aftermath, fake_trainings, session, backend):
    fake_trainings.run = run("moved away")
    assert (session.failure, aftermath.pictures) == ("The data is gone.", {})
    assert (aftermath.outcome, len(aftermath.answers)) == (OUTCOME, 2)
    assert len(asked(backend, "held_out")) == 1


def test_another_run_takes_its_place_and_none_empties_it(aftermath, fake_trainings):
    fake_trainings.run = run("a")
    fake_trainings.run = run("b")
    assert aftermath.tuned == tuned_by("b")
    fake_trainings.run = None
    assert (aftermath.outcome, aftermath.pictures, aftermath.tuned, aftermath.answers, aftermath.maps) == (None, {}, None, (), ())


def test_the_same_end_is_asked_about_once_and_a_run_that_went_on_anew(aftermath, fake_trainings, backend):
    fake_trainings.run = run()
    fake_trainings.run = replace(run(), notices=("A note.",))
    assert len(asked(backend, "outcome")) == 1
    fake_trainings.run = run(state="running")
    assert aftermath.outcome is None
    fake_trainings.run = run(seconds=5.0)
    assert len(asked(backend, "outcome")) == 2


def test_once_closed_it_no_longer_follows(aftermath, fake_trainings, session, backend):
    fake_trainings.run = run("a")
    aftermath.close()
    aftermath.close()
    backend.asked.clear()
    fake_trainings.run = run("b")
    session.select("block1_conv")
    assert asked(backend, "outcome") == []
    assert len(asked(backend, "feature_maps")) == 1, "the page's own"


def test_by_itself_it_makes_trainings_of_its_own(session):
    aftermath = Aftermath(session)
    aftermath.shown = True
    assert (aftermath.trainings.run, aftermath.outcome) == (None, None)
    aftermath.trainings.run = run()
    assert aftermath.outcome is OUTCOME
    aftermath.close()


def run_held(verb, held, then):
    """Show the run "a", do something while its backend is held, and wait for what comes of it."""
    backend = HeldAftermathBackend(held=(held,), verb=verb)

    async def page():
        session, trainings = Session("digits", worker=Worker(lambda: backend)), FakeTrainings()
        aftermath = Aftermath(session, trainings)
        aftermath.shown = True
        await until(lambda: not session.busy)
        trainings.run = run("a")
        await until(backend.holding.is_set)
        then(session, trainings, aftermath)
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, aftermath

    return *asyncio.run(page()), backend


def test_what_comes_late_for_another_run_is_dropped():
    def switch(_session, trainings, _aftermath):
        trainings.run = run("b")

    session, aftermath, backend = run_held("outcome", "a", switch)
    assert (aftermath.tuned, session.failure) == (tuned_by("b"), "")
    assert asked(backend, "tuned") == [("b",)]


def test_answers_to_an_example_that_is_gone_are_dropped():
    seen = []

    def show(session, _trainings, aftermath):
        aftermath.observe(lambda change: seen.append(change["new"]), "answers")
        session.top = 2

    session, aftermath, _backend = run_held("tuned predict", tuned_by("a").path, show)
    assert all(isinstance(side, Answers) and len(side.predictions) == 2 for side in aftermath.answers)
    assert (len(seen), session.failure) == (1, "")


def test_closed_in_the_middle_it_asks_for_nothing_more():
    _session, aftermath, backend = run_held("outcome", "a", lambda _session, _trainings, aftermath: aftermath.close())
    assert aftermath.outcome is None
    assert asked(backend, "tuned", "held_out") == []
