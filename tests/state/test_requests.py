import asyncio
import gc
import threading
import weakref

import pytest
from fakes import until
from traitlets import TraitError

from explorer.errors import ExplorerError
from explorer.state import requests as module
from explorer.state.requests import Asking
from explorer.values import Progress
from explorer.worker.queue import InlineWorker, Worker


class Verbs:
    def close(self):
        pass

    def double(self, number, say):
        say(Progress(f"doubling {number}"))
        return 2 * number

    def predict(self, _say):
        return "an answer"

    def refuse(self, _say):
        raise ExplorerError("It can't be doubled.")

    def fail(self, _say):
        raise OSError("no such thing")


def asking():
    return Asking(InlineWorker(Verbs))


def test_a_result_arrives_and_what_goes_on_is_said_meanwhile():
    state, heard, said = asking(), [], []
    state.observe(lambda change: said.append((state.busy, change["new"].text)), "status")
    state.ask("number", "double", 4, done=heard.append)
    assert heard == [8]
    assert said == [(True, "doubling 4"), (False, "Ready.")]


def test_how_long_an_answer_took_is_said_until_one_fails():
    state = asking()
    state.ask("answers", "predict", done=lambda _answer: None)
    assert state.status.text.startswith("Ready. Answered in ")
    assert not state.busy


def test_a_failure_is_said_where_nobody_else_takes_it():
    state, taken = asking(), []
    state.ask("number", "refuse", done=taken.append, failed=taken.append)
    assert [str(one) for one in taken] == ["It can't be doubled."]
    assert state.failure == ""
    state.ask("number", "refuse", done=taken.append)
    assert state.failure == "It can't be doubled."
    assert not state.busy


def test_what_is_no_matter_of_the_users_is_a_plain_sentence_with_its_traceback_in_the_log(caplog):
    state = asking()
    state.ask("number", "fail", done=print)
    assert state.failure == "Something went wrong in explorer itself (OSError); the log has the details."
    assert any(record.exc_info and record.levelname == "ERROR" for record in caplog.records)


def test_what_can_not_show_a_result_is_said_and_holds_nothing_up():
    state = asking()

    def draw(_result):
        raise TraitError("no paper")

    state.ask("number", "double", 4, done=draw)
    assert "TraitError" in state.failure
    assert not state.busy
    state.ask("number", "refuse", done=draw, failed=draw)
    assert not state.busy


def test_it_stays_busy_where_a_result_asks_for_its_slot_anew():
    let_go, busy = threading.Event(), []

    class Slow(Verbs):
        def wait(self, number, _say):
            let_go.wait(120)
            return number

    async def page():
        state, heard = Asking(Worker(Slow)), []
        state.ask("number", "double", 4, done=lambda number: state.ask("number", "wait", number, done=heard.append))
        state.ask("other", "double", 1, done=lambda _number: busy.append(state.busy))
        await until(lambda: busy)
        busy.append(state.busy)
        let_go.set()
        await until(lambda: heard)
        state.close()
        return heard, state.busy

    assert asyncio.run(page()) == ([8], False)
    assert busy[-1] is True


@pytest.fixture
def made_in(monkeypatch):
    """Return a function that makes a state in a run of a notebook's cell."""
    monkeypatch.setattr(module, "worker_here", lambda: InlineWorker(Verbs))
    monkeypatch.setattr(module, "_made_by", {})

    def made_in(*cell_and_run):
        monkeypatch.setattr(module, "cell_here", lambda: cell_and_run or None)
        return Asking()

    return made_in


def test_what_a_cell_makes_anew_takes_the_place_of_the_one_before(made_in):
    first, beside, elsewhere, alone = made_in("a", "1"), made_in("a", "1"), made_in("b", "2"), made_in()
    again = made_in("a", "3")
    made_in()
    assert [one._closed for one in (first, beside, elsewhere, alone, again)] == [True, True, False, False, False]


def test_what_a_cell_has_made_is_not_kept_for_that(made_in):
    first = weakref.ref(made_in("a", "1"))
    gc.collect()
    assert first() is None
    assert not made_in("a", "2")._closed


def test_closed_it_is_busy_with_nothing_and_still_can_be_asked():
    verbs = threading.Event()

    class Slow(Verbs):
        def wait(self, _say):
            verbs.wait(120)

    async def page():
        state, heard = Asking(Worker(Slow)), []
        state.ask("number", "wait", done=heard.append)
        state.close()
        busy = state.busy
        verbs.set()
        state.ask("number", "double", 4, done=heard.append)
        await until(lambda: heard)
        state.close()
        return busy, heard

    assert asyncio.run(page()) == (False, [8])
