from dataclasses import replace

import pytest
from fake_runs import epoch
from fakes import FakeBackend
from messages import says, sent

from explorer.catalog import architectures
from explorer.catalog.options import spec
from explorer.errors import ExplorerError
from explorer.state.session import Session
from explorer.values import Progress, RunProgress
from explorer.widgets.explore.status import StatusView
from explorer.worker.queue import InlineWorker


@pytest.fixture
def session():
    return Session(worker=InlineWorker(lambda: FakeBackend(to_download=("VGG16",))))


@pytest.fixture
def view(session):
    return StatusView(session)


def test_it_shows_what_goes_on_and_a_failure_until_it_is_dismissed(view, session):
    assert view.text.startswith("Ready. Answered in")
    session.report_error(ExplorerError("It broke."), "network")
    assert view.error_message == "It broke."
    says(view, {"dismiss": True})
    assert (view.error_message, session.error_message) == ("", "")


def test_it_gives_a_sign_of_life_when_asked(view):
    messages = sent(view)
    says(view, {"ping": True})
    assert messages == [{"pong": True}]


def test_how_far_something_is_shows_while_it_goes_on(view, session):
    assert view.fraction == -1
    session.requests.busy, session.requests.status = True, Progress("Downloading: 40 of 100 MB", 0.4, cancellable=True)
    assert (view.text, view.fraction, view.busy) == ("Downloading: 40 of 100 MB", 0.4, True)
    session.requests.status = Progress("Building VGG16…")
    assert view.fraction == -1, "nobody knows how far"
    session.requests.status, session.requests.busy = Progress("Downloading: all", 1.0), False
    assert view.fraction == -1, "it is over"


def test_only_a_network_on_its_way_that_says_so_can_be_given_up(view, session):
    session.requests.busy, session.requests.status = True, Progress("Downloading", 0.4, cancellable=True)
    assert not view.cancellable, "no network is on its way"
    session.loader.loading_spec = spec("VGG16")
    assert view.cancellable
    session.requests.status = Progress("Building")
    assert not view.cancellable
    session.requests.status = Progress("Downloading", 0.5, cancellable=True)
    says(view, {"cancel": True})
    assert (view.cancellable, session.loader.loading_spec) == (False, None)


def test_before_a_download_it_asks_with_size_and_licence(view, session):
    assert view.question == ""
    session.open("VGG16")
    assert view.question == (
        f"The weights of VGG16 are not on this machine: 528 MB to download, once. Licence: {architectures['VGG16'].licence}."
    )
    assert view.error_message == ""
    session.open("VGG16", include_top=False)
    assert "56 MB to download" in view.question


def test_a_size_that_nobody_knows_is_not_guessed(view, session):
    unknown = next((name, file) for name, row in architectures.items() for file in row.files if file.about is None and row.input == "image")
    name, file = unknown
    session.loader.download_prompt = spec(
        name, include_top=file.include_top, alpha=file.alpha, input_shape=(file.side, file.side, 3) if file.side else None
    )
    assert f"The weights of {name} are not on this machine" in view.question
    assert "MB" not in view.question


@pytest.mark.parametrize(
    ("answer", "loaded"),
    [("download", spec("VGG16")), ("random", spec("VGG16", None)), ("decline", spec("digits"))],
    ids=["download", "random", "decline"],
)
def test_the_question_goes_when_it_is_answered(view, session, answer, loaded):
    session.open("VGG16")
    says(view, {answer: True})
    assert (view.question, session.loader.download_prompt, session.network.spec) == ("", None, loaded)


@pytest.mark.parametrize("answer", ["download", "random", "decline", "cancel", "dismiss"])
def test_an_answer_that_comes_late_does_nothing(view, session, answer):
    before = session.network
    says(view, {answer: True})
    assert (session.network, session.error_message, session.busy) == (before, "", False)


def test_while_a_training_goes_on_it_says_so_unless_the_worker_is_at_something(view, session):
    session.training = RunProgress(epoch(0, 2), {0: 10})
    assert (view.text, view.training, view.busy) == ("Training: epoch 3 of 10", True, False)
    session.requests.busy, session.requests.status = True, Progress("Answering…")
    assert (view.text, view.training) == ("Answering…", False)
    session.requests.busy = False
    assert view.text == "Training: epoch 3 of 10"
    session.training = replace(session.training, silent=35)
    assert (view.text, view.silent) == ("Training: no sign of life for 35 s", True)
    session.training = replace(session.training, shown=False)
    assert view.text == "A training is running"
    session.training, session.requests.status = None, Progress("Ready.")
    assert (view.text, view.silent) == ("Ready.", False)
