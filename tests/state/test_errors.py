import pytest
from fakes import FakeBackend

from explorer.errors import ExplorerError
from explorer.state.errors import Errors
from explorer.state.model_files import ModelFiles
from explorer.state.session import Session
from explorer.worker.queue import InlineWorker


@pytest.fixture
def errors():
    errors = Errors()
    errors.report(ExplorerError("No such network."), "network")
    errors.report(ExplorerError("No picture."), "example")
    return errors


def test_the_newest_that_still_stands_is_shown(errors):
    assert errors.message == "No picture."
    errors.clear("example")
    assert errors.message == "No such network."
    errors.report(ExplorerError("No such file."), "network")
    errors.clear("example", "layer")
    assert errors.message == "No such file."
    errors.clear("network")
    assert errors.message == ""


def test_reported_again_it_is_the_newest(errors):
    assert errors.report(ExplorerError("No such network."), "network") == errors.message == "No such network."


def test_a_person_puts_away_what_is_shown_and_sees_what_stood_behind_it(errors):
    errors.report(ExplorerError("No picture."), "feature maps")
    errors.dismiss()
    assert errors.message == "No such network.", "said twice, it is put away once"
    errors.dismiss()
    errors.dismiss()
    assert errors.message == ""


# On a page


@pytest.fixture
def backend():
    return FakeBackend(missing=("VGG16",))


@pytest.fixture
def session(backend):
    return Session(worker=InlineWorker(lambda: backend))


@pytest.fixture
def files(session):
    return ModelFiles(session)


UNRELATED = {
    "a sample": lambda session, files: session.show_sample("digit_3.png"),
    "a file": lambda session, files: session.show(b"good", "mine.png"),
    "a layer": lambda session, files: session.select(1),
    "more predictions": lambda session, files: setattr(session, "top", 2),
    "a file of the model": lambda session, files: files.take("json"),
    "an evaluation": lambda session, files: files.evaluate(b"data", "data.npz"),
    "a look for weights": lambda session, files: session.loader.look_for_weights(),
}


@pytest.mark.parametrize("do", UNRELATED.values(), ids=UNRELATED)
def test_what_a_network_was_refused_for_stands_whatever_else_is_done(session, files, do):
    session.open("VGG16")
    do(session, files)
    assert session.error_message == "The weights are not here."
    session.open("ResNet50")
    assert session.error_message == ""


CAUSES = {
    "an example": (lambda session, files: session.show(b"bad", "notes.jpg"), lambda session, files: session.show(b"good", "mine.png")),
    "a sample": (lambda session, files: session.show_sample("nobody.png"), lambda session, files: session.show_sample("digit_3.png")),
    "a layer": (lambda session, files: session.select("nowhere"), lambda session, files: session.select("block1_conv")),
    "predictions": (lambda session, files: setattr(session, "top", 9), lambda session, files: setattr(session, "top", 2)),
    "an evaluation": (
        lambda session, files: files.evaluate(b"bad", "data.npz"),
        lambda session, files: files.evaluate(b"data", "data.npz"),
    ),
}


SAME = {"an example", "a sample", "predictions"}  # an example is predicted when it is shown


@pytest.mark.parametrize("cause", CAUSES)
def test_what_went_wrong_stands_until_the_same_is_done_rightly(session, files, cause):
    wrong, right = CAUSES[cause]
    wrong(session, files)
    assert (said := session.error_message)
    for other, (_wrong, unrelated) in CAUSES.items():
        if cause != other and {cause, other} not in (
            {"an example", "a sample"},
            {"predictions", "an example"},
            {"predictions", "a sample"},
        ):
            unrelated(session, files)
            assert session.error_message == said, other
    right(session, files)
    assert session.error_message == ""


def test_two_sentences_stand_beside_each_other(session):
    session.open("VGG16")
    session.show(b"bad", "notes.jpg")
    assert session.error_message == "notes.jpg is not a picture."
    session.show(b"good", "mine.png")
    assert session.error_message == "The weights are not here."
