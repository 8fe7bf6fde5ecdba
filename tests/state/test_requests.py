import asyncio
import threading

from fakes import until
from traitlets import TraitError

from explorer.errors import ExplorerError
from explorer.state.errors import Errors
from explorer.state.requests import Requests, own_keys
from explorer.values import Progress
from explorer.worker.queue import InlineWorker, Worker


class Verbs:
    def close(self):
        pass

    def double(self, number, report_progress):
        report_progress(Progress(f"doubling {number}"))
        return 2 * number

    def predict(self, _report_progress):
        return "an answer"

    def refuse(self, _report_progress):
        raise ExplorerError("It can't be doubled.")

    def fail(self, _report_progress):
        raise OSError("no such thing")


def asking():
    return Requests(InlineWorker(Verbs), Errors())


def test_a_result_arrives_and_what_goes_on_is_said_meanwhile():
    state, heard, said = asking(), [], []
    state.observe(lambda change: said.append((state.busy, change["new"].text)), "status")
    state.submit("number", Verbs.double, 4, on_success=heard.append)
    assert heard == [8]
    assert said == [(True, "doubling 4"), (False, "Ready.")]


def test_how_long_an_answer_took_is_said_until_one_fails():
    state = asking()
    state.submit("predictions", Verbs.predict, on_success=lambda _answer: None, timed=True)
    assert state.status.text.startswith("Ready. Answered in ")
    assert not state.busy


def test_a_failure_is_said_where_nobody_else_takes_it():
    state, taken = asking(), []
    state.submit("number", Verbs.refuse, on_success=taken.append, on_error=taken.append)
    assert [str(one) for one in taken] == ["It can't be doubled."]
    assert state.errors.message == ""
    state.submit("number", Verbs.refuse, on_success=taken.append)
    assert state.errors.message == "It can't be doubled."
    assert not state.busy


def test_what_is_no_matter_of_the_users_is_a_plain_sentence_with_its_traceback_in_the_log(caplog):
    state = asking()
    state.submit("number", Verbs.fail, on_success=print)
    assert state.errors.message == "Something went wrong in explorer itself (OSError); the log has the details."
    assert any(record.exc_info and record.levelname == "ERROR" for record in caplog.records)


def test_what_can_not_show_a_result_is_said_and_holds_nothing_up():
    state = asking()

    def draw(_result):
        raise TraitError("no paper")

    state.submit("number", Verbs.double, 4, on_success=draw)
    assert "TraitError" in state.errors.message
    assert not state.busy
    state.submit("number", Verbs.refuse, on_success=draw, on_error=draw)
    assert not state.busy


def test_it_stays_busy_where_a_result_asks_for_its_slot_anew():
    let_go, busy = threading.Event(), []

    class Slow(Verbs):
        def wait(self, number, _report_progress):
            let_go.wait(120)
            return number

    async def page():
        state, heard = Requests(Worker(Slow), Errors()), []

        def again(number):
            state.submit("number", Slow.wait, number, on_success=heard.append)

        state.submit("number", Verbs.double, 4, on_success=again)
        state.submit("other", Verbs.double, 1, on_success=lambda _number: busy.append(state.busy))
        await until(lambda: busy)
        busy.append(state.busy)
        let_go.set()
        await until(lambda: heard)
        state.close()
        return heard, state.busy

    assert asyncio.run(page()) == ([8], False)
    assert busy[-1] is True


def test_closed_it_is_busy_with_nothing_and_still_can_be_asked():
    verbs = threading.Event()

    class Slow(Verbs):
        def wait(self, _report_progress):
            verbs.wait(120)

    async def page():
        state, heard = Requests(Worker(Slow), Errors()), []
        state.submit("number", Slow.wait, on_success=heard.append)
        state.close()
        busy = state.busy
        verbs.set()
        state.submit("number", Verbs.double, 4, on_success=heard.append)
        await until(lambda: heard)
        state.close()
        return busy, heard

    assert asyncio.run(page()) == (False, [8])


def test_what_comes_too_late_is_dropped_be_it_a_result_or_an_error():
    state, heard, still = asking(), [], [True]
    for wanted in (True, False):
        still[0] = wanted
        state.submit("number", Verbs.double, 4, on_success=heard.append, still=lambda: still[0])
        state.submit("other", Verbs.refuse, on_success=print, on_error=heard.append, still=lambda: still[0])
    assert ([type(one) for one in heard], state.busy) == ([int, ExplorerError], False)
    state.submit("other", Verbs.refuse, on_success=print, still=lambda: False)
    assert state.errors.message == ""


def test_a_key_is_the_instances_own_and_the_same_for_the_same_name():
    first, second = own_keys(), own_keys()
    assert first("clip") == first("clip") != second("clip")
    assert first("clip") != first("weights")


def test_several_that_are_about_one_thing_put_away_what_went_wrong_with_it():
    state = asking()
    state.submit("take h5", Verbs.refuse, on_success=print, about="take")
    state.submit("number", Verbs.double, 4, on_success=print)
    assert state.errors.message == "It can't be doubled."
    state.submit("take keras", Verbs.double, 4, on_success=print, about="take")
    assert state.errors.message == ""
