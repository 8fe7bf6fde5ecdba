import asyncio
from dataclasses import replace

import pytest
from fake_aftermath import BEFORE, OUTCOME, AftermathBackend, FakeTrainings, picture, run, tuned_by
from fakes import HeldBackend, until

from explorer.aftermath import Aftermath
from explorer.errors import ExplorerError
from explorer.session import Session
from explorer.values import Answers, FeatureMaps
from explorer.worker import InlineWorker, Worker


@pytest.fixture
def backend():
    return AftermathBackend(outcomes={"nothing": None})


@pytest.fixture
def session(backend):
    return Session("digits", worker=InlineWorker(lambda: backend))


@pytest.fixture
def trainings():
    return FakeTrainings()


@pytest.fixture
def aftermath(session, trainings):
    aftermath = Aftermath(session, trainings)
    aftermath.shown = True
    return aftermath


def asked(backend, *verbs):
    return [one for one in backend.asked if one[0] in verbs]


def labels(answers):
    return [one.label for one in answers.predictions]


@pytest.mark.parametrize("state", ["waiting", "running", "lost"])
def test_before_a_run_has_ended_nothing_is_asked(aftermath, trainings, backend, state):
    trainings.run = run(state=state)
    assert (aftermath.outcome, aftermath.tuned, aftermath.answers, aftermath.maps) == (None, None, (), ())
    assert asked(backend, "outcome", "tuned", "held_out") == []


@pytest.mark.parametrize("state", ["done", "stopped", "failed"])
def test_what_a_run_has_come_to_is_asked_at_its_end(aftermath, trainings, backend, state):
    trainings.run = run(state="running")
    trainings.run = run(state=state)
    assert aftermath.outcome is OUTCOME
    assert aftermath.tuned == tuned_by("a")
    assert list(aftermath.pictures) == [4, 17, 5], "the worst first"
    assert aftermath.pictures[17] == picture(17)


def test_nothing_is_asked_before_it_is_looked_at(session, trainings, backend):
    aftermath = Aftermath(session, trainings)
    trainings.run = run()
    session.select("block1_conv")
    assert asked(backend, "outcome", "tuned", "held_out") == []
    aftermath.shown = True
    assert aftermath.outcome is OUTCOME
    assert len(aftermath.maps) == 2


def test_the_example_is_answered_before_and_after(aftermath, trainings, session):
    session.top = 2
    trainings.run = run()
    before, after = aftermath.answers
    assert (labels(before), labels(after)) == (["red_fox", "owl"], ["red_dots", "rings"])
    before, after = aftermath.maps
    assert (before.layer.name, after.layer.name) == ("block1_relu", "block1_relu")
    assert (after.values > before.values).all()
    assert session.network.spec == BEFORE, "the network on screen stays"


def test_it_is_asked_for_no_more_answers_than_there_are_classes(aftermath, trainings, session):
    session.top = 4
    trainings.run = run()
    assert [len(side.predictions) for side in aftermath.answers] == [4, 3]


def test_another_example_another_layer_and_more_answers_are_followed(aftermath, trainings, session, backend):
    trainings.run = run()
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


def test_a_layer_that_the_tuned_network_lacks_is_said_in_a_sentence(aftermath, trainings, session):
    trainings.run = run()
    session.select("predictions")
    before, after = aftermath.maps
    assert isinstance(before, FeatureMaps)
    assert after.startswith("The tuned network has no layer predictions, for its head is a new one;")
    assert session.failure == ""


def test_with_the_tuned_network_on_screen_the_one_before_still_answers_as_much(aftermath, trainings, session, backend, tmp_path):
    aftermath.open_tuned()
    assert session.network.spec == BEFORE, "there is none yet"
    backend.folder = tmp_path
    session.top = 3
    trainings.run = run()
    aftermath.open_tuned()
    assert session.network.spec == aftermath.tuned
    before, after = aftermath.answers
    assert (labels(before), labels(after)) == (["red_fox", "owl", "bear"], ["red_dots", "rings", "stripes"])


def test_a_network_that_was_never_on_screen_is_asked_for_its_best_answer(aftermath, trainings, session, backend):
    spec = replace(BEFORE, architecture="VGG16")
    backend.open(spec, False, lambda _progress: None)
    trainings.run = run(spec=spec)
    assert [len(side.predictions) for side in aftermath.answers] == [1, 3]


def test_why_a_network_does_not_answer_is_said_in_its_place(aftermath, trainings, session, backend, monkeypatch):
    def refuse(spec, example, top, output, say):
        raise ExplorerError("It names no classes.")

    monkeypatch.setattr(backend, "predict", refuse)
    trainings.run = run()
    assert aftermath.answers == ("It names no classes.",) * 2
    assert all(isinstance(side, FeatureMaps) for side in aftermath.maps)


def test_a_run_that_has_come_to_nothing_has_no_tuned_network(aftermath, trainings, backend):
    trainings.run = run("nothing", "failed")
    assert (aftermath.outcome, aftermath.tuned, aftermath.answers) == (None, None, ())
    assert asked(backend, "tuned", "held_out") == []


def test_data_that_is_gone_leaves_the_rest_and_is_asked_for_once(aftermath, trainings, session, backend):
    trainings.run = run("moved away")
    assert (session.failure, aftermath.pictures) == ("The data is gone.", {})
    assert (aftermath.outcome, len(aftermath.answers)) == (OUTCOME, 2)
    assert len(asked(backend, "held_out")) == 1


def test_another_run_takes_its_place_and_none_empties_it(aftermath, trainings):
    trainings.run = run("a")
    trainings.run = run("b")
    assert aftermath.tuned == tuned_by("b")
    trainings.run = None
    assert (aftermath.outcome, aftermath.pictures, aftermath.tuned, aftermath.answers, aftermath.maps) == (None, {}, None, (), ())


def test_the_same_end_is_asked_about_once_and_a_run_that_went_on_anew(aftermath, trainings, backend):
    trainings.run = run()
    trainings.run = replace(run(), notices=("A note.",))
    assert len(asked(backend, "outcome")) == 1
    trainings.run = run(state="running")
    assert aftermath.outcome is None
    trainings.run = run(seconds=5.0)
    assert len(asked(backend, "outcome")) == 2


def test_once_closed_it_no_longer_follows(aftermath, trainings, session, backend):
    trainings.run = run("a")
    aftermath.close()
    aftermath.close()
    backend.asked.clear()
    trainings.run = run("b")
    session.select("block1_conv")
    assert asked(backend, "outcome") == []
    assert len(asked(backend, "feature_maps")) == 1, "the page's own"


def test_by_itself_it_makes_trainings_of_its_own(session):
    aftermath = Aftermath(session)
    aftermath.shown = True
    assert (aftermath.trainings.run, aftermath.outcome) == (None, None)
    aftermath.close()


class Slow(AftermathBackend, HeldBackend):
    """Holds what the run "a" has come to back, or a tuned network's answers."""

    def outcome(self, key, say):
        self._hold("outcome", key)
        return super().outcome(key, say)

    def predict(self, spec, example, top, output, say):
        self._hold("tuned predict", getattr(spec, "path", ""))
        return AftermathBackend.predict(self, spec, example, top, output, say)


def run_held(verb, held, then):
    """Show the run "a", do something while its backend is held, and wait for what comes of it."""
    backend = Slow(held=(held,), verb=verb)

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
    assert asked(backend, "tuned") == [("tuned", "b")]


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
