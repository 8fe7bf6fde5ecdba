import asyncio
import threading
import time

import pytest
from fakes import until
from traitlets.config import Application

from explorer.errors import ExplorerError
from explorer.values import Progress
from explorer.worker.queue import InlineWorker, Wish, Worker, cell_here, worker_here


class Verbs:
    """A backend whose verb can be held back."""

    def __init__(self):
        self.began, self.let_go, self.done = threading.Event(), threading.Event(), []
        self.closed = False

    def close(self):
        self.closed = True

    def double(self, number, say):
        say(Progress(f"doubling {number}"))
        self.done.append(number)
        return 2 * number

    def wait(self, number, _say):
        self.began.set()
        assert self.let_go.wait(120)
        self.done.append(number)
        return 2 * number

    def download(self, say):
        """Say its progress until nobody wants to hear it."""
        deadline = time.monotonic() + 120
        try:
            while time.monotonic() < deadline:
                self.began.set()
                say(Progress("downloading", 0.4, cancellable=True))
                time.sleep(0.005)
        finally:
            self.done.append("download")

    def fail(self, _say):
        raise OSError("no such thing")

    def thread(self, _say):
        return threading.current_thread()


def wish(slot, verb, *arguments, heard):
    return Wish(
        slot,
        verb,
        arguments,
        done=lambda result, seconds: heard.append(("done", result)),
        failed=lambda error: heard.append(("failed", error)),
        progress=lambda progress: heard.append(("progress", progress.text)),
    )


def test_result_and_progress_come_back_in_order_on_the_main_thread():
    async def page():
        heard, threads = [], []
        worker = Worker(Verbs)
        worker.ask(wish("a", "double", 4, heard=heard))
        worker.ask(Wish("b", "thread", (), lambda other, _s: threads.extend((other, threading.current_thread())), print, print))
        await until(lambda: threads)
        worker.close()
        return heard, threads

    heard, (working, calling) = asyncio.run(page())
    assert heard == [("progress", "doubling 4"), ("done", 8)]
    assert working is not calling
    assert calling is threading.main_thread()


def test_a_newer_wish_drops_the_waiting_one_and_silences_the_running_one():
    verbs = Verbs()

    async def page():
        heard = []
        worker = Worker(lambda: verbs)
        worker.ask(wish("answers", "wait", 1, heard=heard))
        await until(verbs.began.is_set)
        worker.ask(wish("answers", "double", 2, heard=heard))
        worker.ask(wish("answers", "double", 3, heard=heard))
        verbs.let_go.set()
        await until(lambda: ("done", 6) in heard)
        worker.close()
        return heard

    assert asyncio.run(page()) == [("progress", "doubling 3"), ("done", 6)]
    assert verbs.done == [1, 3]


@pytest.mark.parametrize("newer", [True, False], ids=["overtaken", "dropped"])
def test_what_nobody_wants_any_more_ends_where_it_next_says_its_progress(newer):
    verbs = Verbs()

    async def page():
        heard = []
        worker = Worker(lambda: verbs)
        worker.ask(wish("network", "download", heard=heard))
        await until(lambda: heard)
        if newer:
            worker.ask(wish("network", "double", 3, heard=heard))
        else:
            worker.drop("network")
        before = len(heard)
        worker.ask(wish("other", "double", 4, heard=heard))
        await until(lambda: ("done", 8) in heard)
        worker.close()
        return heard[before:]

    after = asyncio.run(page())
    assert after == [("progress", "doubling 3"), ("done", 6)] * newer + [("progress", "doubling 4"), ("done", 8)]
    assert verbs.done[0] == "download", "it ended, and its own clean-up was done"


def test_a_wish_dropped_before_its_turn_is_never_begun():
    verbs = Verbs()

    async def page():
        worker = Worker(lambda: verbs)
        worker.ask(wish("a", "wait", 1, heard=[]))
        await until(verbs.began.is_set)
        worker.ask(wish("b", "double", 2, heard=[]))
        worker.drop("b")
        worker.ask(wish("c", "double", 3, heard=[]))
        verbs.let_go.set()
        await until(lambda: 3 in verbs.done)
        worker.close()

    asyncio.run(page())
    assert verbs.done == [1, 3]


def test_a_backend_that_can_not_be_made_is_said_to_everyone_who_asks():
    def refuse():
        raise ExplorerError("EXPLORER_MEMORY must be a whole number of MB, not 'lots'.")

    async def page():
        heard = []
        worker = Worker(refuse)
        worker.ask(wish("a", "double", 1, heard=heard))
        worker.ask(wish("b", "double", 2, heard=heard))
        await until(lambda: len(heard) == 2)
        worker.close()
        return heard

    assert [(kind, str(error)[:15]) for kind, error in asyncio.run(page())] == [("failed", "EXPLORER_MEMORY")] * 2


def test_wishes_for_other_slots_are_not_overtaken():
    async def page():
        heard = []
        worker = Worker(Verbs)
        for number, slot in enumerate("abc"):
            worker.ask(wish(slot, "double", number, heard=heard))
        await until(lambda: ("done", 4) in heard)
        worker.close()
        return [event for event in heard if event[0] == "done"]

    assert asyncio.run(page()) == [("done", 0), ("done", 2), ("done", 4)]


def test_a_failure_comes_back_and_the_worker_goes_on():
    async def page():
        heard = []
        worker = Worker(Verbs)
        worker.ask(wish("a", "fail", heard=heard))
        worker.ask(wish("b", "double", 1, heard=heard))
        await until(lambda: ("done", 2) in heard)
        worker.close()
        return heard

    (kind, error), *_rest = asyncio.run(page())
    assert kind == "failed"
    assert str(error) == "no such thing"


def test_nothing_starts_before_the_cell_that_asked_has_run():
    verbs = Verbs()

    async def page():
        worker = Worker(lambda: verbs)
        worker.ask(wish("a", "double", 1, heard=[]))
        before = list(verbs.done)
        await until(lambda: verbs.done)
        worker.close()
        return before

    assert asyncio.run(page()) == []


def test_close_stops_the_thread_and_silences_what_is_under_way():
    verbs = Verbs()

    async def page():
        heard = []
        worker = Worker(lambda: verbs)
        worker.ask(wish("a", "wait", 1, heard=heard))
        worker.ask(wish("b", "double", 5, heard=heard))
        await until(verbs.began.is_set)
        worker.close()
        verbs.let_go.set()
        await until(lambda: not any(thread.name == "explorer" for thread in threading.enumerate()))
        await asyncio.sleep(0)
        return heard

    assert asyncio.run(page()) == []
    assert verbs.done == [1]
    assert verbs.closed, "it lets go of what it holds"


def test_what_is_asked_of_a_worker_that_was_closed_begins_anew():
    made = []

    def make():
        made.append(Verbs())
        return made[-1]

    async def page():
        heard = []
        worker = Worker(make)
        for number in (1, 2):
            worker.ask(wish("a", "double", number, heard=heard))
            await until(lambda number=number: ("done", 2 * number) in heard)
            worker.close()
        await until(lambda: not any(thread.name == "explorer" for thread in threading.enumerate()))

    asyncio.run(page())
    assert [(verbs.done, verbs.closed) for verbs in made] == [([1], True), ([2], True)]


def test_a_worker_that_was_never_asked_has_no_thread_to_leave_behind():
    async def page():
        Worker(Verbs).close()
        await asyncio.sleep(0)
        return [thread for thread in threading.enumerate() if thread.name == "explorer"]

    assert asyncio.run(page()) == []


class Kernel:
    def __init__(self, kind="execute_request", code="explorer.Explorer()", **metadata):
        self.request = {"header": {"msg_type": kind, "msg_id": "7"}, "metadata": metadata, "content": {"code": code}}

    def get_parent(self, _channel):
        return self.request


@pytest.fixture
def run_in(monkeypatch):
    """Return a function that lets code run as in a kernel."""

    def run_in(kernel):
        application = Application()
        application.kernel = kernel
        monkeypatch.setattr(Application, "_instance", application)

    return run_in


def test_a_cell_is_known_by_its_id_or_by_its_code_and_each_of_its_runs_apart(run_in):
    run_in(Kernel(cellId="abc"))
    assert cell_here() == ("abc", "7")
    run_in(Kernel(code="explorer.Session()"))
    assert cell_here() == ("explorer.Session()", "7")


def test_outside_a_cell_there_is_none(run_in, monkeypatch):
    assert cell_here() is None
    run_in(Kernel("comm_msg"))
    assert cell_here() is None, "a button was pressed"
    run_in(Kernel())
    monkeypatch.setenv("VOILA_BASE_URL", "/")
    assert cell_here() is None, "Voila shows all cells, and runs each once"


def test_a_loop_that_is_gone_ends_the_worker_quietly():
    verbs = Verbs()

    async def page():
        worker = Worker(lambda: verbs)
        worker.ask(wish("a", "wait", 1, heard=[]))
        await until(verbs.began.is_set)
        return worker

    asyncio.run(page())
    threads = [thread for thread in threading.enumerate() if thread.name == "explorer"]
    verbs.let_go.set()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()


def test_the_inline_twin_answers_before_it_returns():
    heard = []
    worker = InlineWorker(Verbs)
    worker.ask(wish("a", "double", 4, heard=heard))
    worker.ask(wish("a", "fail", heard=heard))
    worker.close()
    assert worker._backend.closed
    assert heard[:2] == [("progress", "doubling 4"), ("done", 8)]
    assert heard[2][0] == "failed"


def test_the_inline_twin_ends_what_is_given_up_meanwhile():
    verbs, heard = Verbs(), []
    worker = InlineWorker(lambda: verbs)

    def give_up(progress):
        heard.append(progress)
        worker.drop("network")

    worker.ask(Wish("network", "download", (), lambda *result: heard.append(result), heard.append, give_up))
    assert heard == [Progress("downloading", 0.4, cancellable=True)]
    assert verbs.done == ["download"]


def test_without_an_event_loop_work_is_done_inline():
    assert isinstance(worker_here(Verbs), InlineWorker)
    with pytest.raises(RuntimeError):
        Worker(Verbs)
