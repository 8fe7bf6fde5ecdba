import asyncio

import pytest
from fakes import FakeBackend, HeldBackend, until

from explorer.catalog.options import spec
from explorer.state.model_files import Workbench
from explorer.state.session import Session
from explorer.worker.queue import InlineWorker, Worker

REPORT = object()


@pytest.fixture
def backend():
    backend = FakeBackend()
    backend.report = REPORT
    return backend


@pytest.fixture
def session(backend):
    return Session(worker=InlineWorker(lambda: backend))


@pytest.fixture
def workbench(session):
    return Workbench(session)


def test_a_file_that_is_asked_for_arrives(workbench):
    workbench.take("keras")
    assert (workbench.taken.name, workbench.taken.data) == ("digits.keras", b"keras")
    first = workbench.taken
    workbench.take("keras")
    assert workbench.taken is not first, "asked for again, it comes again"


def test_a_file_that_is_not_to_be_had_is_a_sentence(workbench, session):
    workbench.take("json")
    workbench.take("h5")
    assert session.failure == "digits can't be saved."
    assert workbench.taken.name == "digits.json"
    workbench.take("yaml")
    assert session.failure == ""


def test_weights_are_loaded_reported_and_answered_with(workbench, session, backend):
    workbench.evaluate(b"data", "data.npz")
    for _again in range(2):  # the second report is equal to the first
        backend.asked.clear()
        workbench.load_weights(b"weights", "best.weights.h5", by_name=True)
        assert backend.asked[0] == ("load_weights", "best.weights.h5", True)
        assert {one[0] for one in backend.asked[1:]} == {"predict", "feature_maps"}
    assert workbench.report is REPORT
    assert workbench.evaluation == {}, "the weights are others now"


def test_weights_that_cannot_be_read_leave_the_answers(workbench, session, backend):
    backend.asked.clear()
    workbench.load_weights(b"bad", "diary.h5")
    assert session.failure == "diary.h5 holds no weights."
    assert workbench.report is None
    assert backend.asked == [("load_weights", "diary.h5", False)]


def test_scores_arrive_and_go_when_others_are_asked_for_in_vain(workbench, session):
    workbench.evaluate(b"data", "data.npz")
    assert workbench.evaluation == {"loss": 0.25, "accuracy": 0.5}
    workbench.evaluate(b"bad", "other.npz")
    assert (workbench.evaluation, session.failure) == ({}, "other.npz holds no x.")


def test_another_network_begins_anew(workbench, session):
    workbench.evaluate(b"data", "data.npz")
    workbench.load_weights(b"weights", "best.weights.h5")
    session.open("VGG16")
    assert (workbench.report, workbench.evaluation, workbench.taken) == (None, {}, None)


def test_the_same_network_opened_again_begins_anew_too(workbench, session):
    workbench.load_weights(b"weights", "best.weights.h5")
    session.open("digits")
    assert workbench.report is None


def test_a_network_that_cannot_be_opened_changes_nothing(workbench, session, backend):
    backend.missing = ("VGG16",)
    workbench.load_weights(b"weights", "best.weights.h5")
    session.open("VGG16")
    assert session.network.spec.name == "digits"
    assert workbench.report is REPORT


def test_a_closed_workbench_no_longer_follows_the_session(workbench, session):
    workbench.load_weights(b"weights", "best.weights.h5")
    workbench.close()
    session.open("VGG16")
    assert workbench.report is REPORT


def test_several_files_can_be_asked_for_at_once():
    came = []

    async def page():
        session = Session(worker=Worker(FakeBackend))
        workbench = Workbench(session)
        workbench.observe(lambda change: came.append(change["new"].name), "taken")
        await until(lambda: session.network and not session.busy)
        for what in ("summary", "config", "keras"):
            workbench.take(what)
        await until(lambda: not session.busy)
        session.close()

    asyncio.run(page())
    assert came == ["digits.summary", "digits.config", "digits.keras"]


def test_of_what_comes_late_a_file_arrives_but_scores_never_show_beside_another_network():
    class Slow(HeldBackend):
        def evaluate(self, spec, data, name, say):
            self._hold("evaluate", name)
            return super().evaluate(spec, data, name, say)

    backend = Slow(held=("data.npz",), verb="evaluate")

    async def page():
        session = Session(worker=Worker(lambda: backend))
        workbench = Workbench(session)
        await until(lambda: session.network and not session.busy)
        workbench.evaluate(b"data", "data.npz")
        workbench.take("keras")
        await until(backend.holding.is_set)
        session.network = backend.open(spec("VGG16"), True, lambda _progress: None)  # it was there just before
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return workbench

    workbench = asyncio.run(page())
    assert ("evaluate", "data.npz") in backend.asked
    assert (workbench.evaluation, workbench.taken.name) == ({}, "digits.keras")
