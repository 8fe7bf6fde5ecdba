import asyncio

import numpy as np
import pytest
from fakes import LABELS, FakeBackend, HeldBackend, hum, network, network_of_sound, scores_over_time, until, wav

from explorer.errors import ExplorerError
from explorer.state.over_time import AT_ONCE, OverTime
from explorer.state.session import Session
from explorer.worker.queue import InlineWorker, Worker


class Model:
    name = "hum"


@pytest.fixture
def backend():
    return FakeBackend(networks={"hum": network_of_sound})


@pytest.fixture
def session(backend):
    return Session(worker=InlineWorker(lambda: backend))


@pytest.fixture
def over_time(session):
    return OverTime(session)


def asked(backend):
    return [one[2:] for one in backend.asked if one[0] == "over_time"]


def test_without_a_sound_there_are_no_answers_over_time(session, over_time, backend):
    assert session.network is not None
    assert (over_time.scores, over_time.growing, asked(backend)) == (None, False, [])


def test_the_answers_grow_part_by_part_until_all_windows_are_there(session, over_time, backend):
    sizes = []
    over_time.observe(lambda change: sizes.append(change["new"] and (len(change["new"].starts), over_time.growing)), "scores")
    session.register_live_model(Model())
    assert asked(backend) == [(0, AT_ONCE), (AT_ONCE, AT_ONCE), (2 * AT_ONCE, AT_ONCE)]
    assert sizes == [(8, True), (16, True), (17, False)]
    assert np.array_equal(over_time.scores.scores, scores_over_time())
    assert np.array_equal(over_time.scores.starts, np.arange(17) / 2)
    assert (over_time.scores.labels, over_time.scores.total) == (LABELS, 17)


def test_with_other_weights_the_answers_begin_anew(session, over_time, backend):
    session.register_live_model(Model())
    before = over_time.scores
    session.renew("mine.h5")
    assert len(asked(backend)) == 6
    assert over_time.scores is not before
    assert len(over_time.scores.starts) == 17


def test_the_same_sound_heard_from_another_place_has_the_same_answers(session, over_time, backend):
    session.register_live_model(Model())
    before = over_time.scores
    session.hear_from(1.0)
    session.select("hum_conv")
    assert over_time.scores is before
    assert len(asked(backend)) == 3


def test_another_sound_begins_anew(session, over_time, backend):
    session.register_live_model(Model())
    session.show(wav(hum(1, 3)), "short.wav")
    assert len(asked(backend)) == 6
    assert len(over_time.scores.starts) == 17


def test_a_sound_that_can_not_be_read_leaves_the_answers(session, over_time, backend):
    session.register_live_model(Model())
    before = over_time.scores
    session.show(b"bad", "bad.wav")
    assert session.error_message
    assert over_time.scores is before


def test_a_network_of_pictures_has_none_and_back_they_begin_anew(session, over_time, backend):
    session.register_live_model(Model())
    session.open("VGG16")
    assert (over_time.scores, over_time.growing) == (None, False)
    session.register_live_model(Model())
    assert (len(over_time.scores.starts), len(asked(backend))) == (17, 6)


def test_a_network_without_scores_is_not_slid(session, over_time, backend):
    backend.networks["hum"] = lambda spec: network(spec, network_of_sound(spec).input_spec, network_of_sound(spec).layers, classes=(0,))
    session.register_live_model(Model())
    assert (over_time.scores, asked(backend)) == (None, [])


def test_a_failure_in_the_middle_keeps_what_is_there_and_the_sound_heard_again_begins_anew(session, over_time, backend, monkeypatch):
    def fail(spec, example, first, count, report_progress):
        if first:
            raise ExplorerError("Too long.")
        return FakeBackend.over_time(backend, spec, example, first, count, report_progress)

    monkeypatch.setattr(backend, "over_time", fail)
    session.register_live_model(Model())
    assert (session.error_message, len(over_time.scores.starts), over_time.growing) == ("Too long.", AT_ONCE, False)
    monkeypatch.undo()
    session.hear_from(1.0)
    assert (session.error_message, len(over_time.scores.starts), over_time.growing) == ("", 17, False)


def test_once_closed_it_no_longer_follows(session, over_time, backend):
    over_time.close()
    over_time.close()
    session.register_live_model(Model())
    assert (over_time.scores, asked(backend)) == (None, [])


class Slow(HeldBackend):
    """Holds the second part of the answers back; over networks that are gone it fails."""

    gone = ()

    def over_time(self, spec, example, first, count, report_progress):
        if first == AT_ONCE:
            self._hold("over_time", example.name)
        if spec.name in self.gone:
            raise ExplorerError(f"{spec.name} is gone.")
        return super().over_time(spec, example, first, count, report_progress)


def slid_half_way(then, gone=(), **options):
    """Slide along a sound, do something in the middle, and wait for what comes of it."""
    backend = Slow(held=("hum.wav",), method="over_time", networks={"hum": network_of_sound}, **options)

    async def page():
        session = Session(worker=Worker(lambda: backend))
        over_time = OverTime(session)
        session.register_live_model(Model())
        await until(backend.holding.is_set)
        assert (len(over_time.scores.starts), over_time.growing) == (AT_ONCE, True)
        then(session, over_time)
        backend.gone = gone
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, over_time

    return *asyncio.run(page()), backend


def test_two_over_one_session_both_get_their_scores():
    def add_second(session, over_time):
        over_time.second = OverTime(session)

    session, over_time, _backend = slid_half_way(add_second)
    assert [len(one.scores.starts) for one in (over_time, over_time.second)] == [17, 17]
    assert (over_time.growing, over_time.second.growing, session.error_message) == (False, False, "")


def test_another_network_in_the_middle_ends_it():
    session, over_time, backend = slid_half_way(lambda session, _over_time: session.open("VGG16"))
    assert session.network.spec.name == "VGG16"
    assert (over_time.scores, over_time.growing, session.error_message) == (None, False, "")
    assert len(asked(backend)) == 2, "nothing more was asked of a network that has to make way"


def test_what_fails_when_nobody_wants_it_any_more_is_not_complained_of():
    session, over_time, _backend = slid_half_way(lambda session, _over_time: setattr(session, "preprocessed", None), gone=("hum",))
    assert (over_time.scores, over_time.growing, session.error_message) == (None, False, "")


def test_a_network_that_can_not_be_opened_in_the_middle_lets_it_go_on():
    session, over_time, backend = slid_half_way(lambda session, _over_time: session.open("VGG16"), missing=("VGG16",))
    assert (session.network.spec.name, session.error_message) == ("hum", "The weights are not here.")
    assert (len(over_time.scores.starts), over_time.growing, len(asked(backend))) == (17, False, 3)


def test_another_sound_in_the_middle_takes_its_place():
    session, over_time, backend = slid_half_way(lambda session, _over_time: session.show(wav(hum(1, 3)), "short.wav"))
    assert session.example.name == "short.wav"
    assert (len(over_time.scores.starts), over_time.growing, session.error_message) == (17, False, "")
    assert [first for first, _count in asked(backend)].count(0) == 2


def test_closed_in_the_middle_it_asks_for_nothing_more():
    _session, over_time, backend = slid_half_way(lambda _session, over_time: over_time.close())
    assert len(asked(backend)) == 2
    assert len(over_time.scores.starts) == AT_ONCE
