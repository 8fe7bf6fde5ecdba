import asyncio

import pytest
from fakes import FakeBackend, HeldBackend, until

from explorer.catalog.options import spec
from explorer.state.model_files import ModelFiles
from explorer.state.session import Session
from explorer.values import WeightsReport
from explorer.worker.queue import InlineWorker, Worker

REPORT = WeightsReport(("predictions",))


@pytest.fixture
def backend():
    backend = FakeBackend()
    backend.report = REPORT
    return backend


@pytest.fixture
def session(backend):
    return Session(worker=InlineWorker(lambda: backend))


@pytest.fixture
def model_files(session):
    return ModelFiles(session)


def test_a_file_that_is_asked_for_arrives(model_files):
    model_files.take("keras")
    assert (model_files.taken.name, model_files.taken.data) == ("digits.keras", b"keras")
    first = model_files.taken
    model_files.take("keras")
    assert model_files.taken is not first, "asked for again, it comes again"


def test_a_file_that_is_not_to_be_had_is_a_sentence(model_files, session):
    model_files.take("json")
    model_files.take("h5")
    assert session.error_message == "digits can't be saved."
    assert model_files.taken.name == "digits.json"
    model_files.take("yaml")
    assert session.error_message == ""


def test_weights_are_loaded_reported_and_answered_with(model_files, session, backend):
    model_files.evaluate(b"data", "data.npz")
    for _again in range(2):  # the second report is equal to the first
        backend.asked.clear()
        model_files.load_weights(b"weights", "best.weights.h5", by_name=True)
        assert backend.asked[0] == ("load_weights", "best.weights.h5", True)
        assert {one[0] for one in backend.asked[1:]} == {"predict", "feature_maps"}
    assert model_files.report is REPORT
    assert model_files.evaluation == {}, "the weights are others now"


def test_weights_that_cannot_be_read_leave_the_answers(model_files, session, backend):
    backend.asked.clear()
    model_files.load_weights(b"bad", "diary.h5")
    assert session.error_message == "diary.h5 holds no weights."
    assert model_files.report is None
    assert backend.asked == [("load_weights", "diary.h5", False)]


def test_scores_arrive_and_go_when_others_are_asked_for_in_vain(model_files, session):
    model_files.evaluate(b"data", "data.npz")
    assert model_files.evaluation == {"loss": 0.25, "accuracy": 0.5}
    model_files.evaluate(b"bad", "other.npz")
    assert (model_files.evaluation, session.error_message) == ({}, "other.npz holds no x.")


def test_another_network_begins_anew(model_files, session):
    model_files.evaluate(b"data", "data.npz")
    model_files.load_weights(b"weights", "best.weights.h5")
    session.open("VGG16")
    assert (model_files.report, model_files.evaluation, model_files.taken) == (None, {}, None)


def test_the_same_network_opened_again_begins_anew_too(model_files, session):
    model_files.load_weights(b"weights", "best.weights.h5")
    session.open("digits")
    assert model_files.report is None


def test_a_network_that_cannot_be_opened_changes_nothing(model_files, session, backend):
    backend.missing = ("VGG16",)
    model_files.load_weights(b"weights", "best.weights.h5")
    session.open("VGG16")
    assert session.network.spec.name == "digits"
    assert model_files.report is REPORT


def test_a_closed_workbench_no_longer_follows_the_session(model_files, session):
    model_files.load_weights(b"weights", "best.weights.h5")
    model_files.close()
    session.open("VGG16")
    assert model_files.report is REPORT


def test_several_files_can_be_asked_for_at_once():
    original = []

    async def page():
        session = Session(worker=Worker(FakeBackend))
        model_files = ModelFiles(session)
        model_files.observe(lambda change: original.append(change["new"].name), "taken")
        await until(lambda: session.network and not session.busy)
        for what in ("summary", "config", "keras"):
            model_files.take(what)
        await until(lambda: not session.busy)
        session.close()

    asyncio.run(page())
    assert original == ["digits.summary", "digits.config", "digits.keras"]


def test_of_what_comes_late_a_file_arrives_but_scores_never_show_beside_another_network():
    class Slow(HeldBackend):
        def evaluate(self, spec, data, name, report_progress):
            self._hold("evaluate", name)
            return super().evaluate(spec, data, name, report_progress)

    backend = Slow(held=("data.npz",), method="evaluate")

    async def page():
        session = Session(worker=Worker(lambda: backend))
        model_files = ModelFiles(session)
        await until(lambda: session.network and not session.busy)
        model_files.evaluate(b"data", "data.npz")
        model_files.take("keras")
        await until(backend.holding.is_set)
        session.network = backend.open(spec("VGG16"), True, lambda _progress: None)  # it was there just before
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return model_files

    model_files = asyncio.run(page())
    assert ("evaluate", "data.npz") in backend.asked
    assert (model_files.evaluation, model_files.taken.name) == ({}, "digits.keras")
