import asyncio

import numpy as np
import pytest
from fakes import LABELS, FakeBackend, HeldBackend, hum, network, network_of_sound, scores_over_time, until, wav

from explorer.errors import ExplorerError
from explorer.state.over_time import AT_ONCE, Sliding
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
def sliding(session):
    return Sliding(session)


def asked(backend):
    return [one[2:] for one in backend.asked if one[0] == "over_time"]


def test_without_a_sound_there_are_no_answers_over_time(session, sliding, backend):
    assert session.network is not None
    assert (sliding.scores, sliding.growing, asked(backend)) == (None, False, [])


def test_the_answers_grow_part_by_part_until_all_windows_are_there(session, sliding, backend):
    sizes = []
    sliding.observe(lambda change: sizes.append(change["new"] and (len(change["new"].starts), sliding.growing)), "scores")
    session.adopt(Model())
    assert asked(backend) == [(0, AT_ONCE), (AT_ONCE, AT_ONCE), (2 * AT_ONCE, AT_ONCE)]
    assert sizes == [(8, True), (16, True), (17, False)]
    assert np.array_equal(sliding.scores.scores, scores_over_time())
    assert np.array_equal(sliding.scores.starts, np.arange(17) / 2)
    assert (sliding.scores.labels, sliding.scores.total) == (LABELS, 17)


def test_with_other_weights_the_answers_begin_anew(session, sliding, backend):
    session.adopt(Model())
    before = sliding.scores
    session.renew("mine.h5")
    assert len(asked(backend)) == 6
    assert sliding.scores is not before
    assert len(sliding.scores.starts) == 17


def test_the_same_sound_heard_from_another_place_has_the_same_answers(session, sliding, backend):
    session.adopt(Model())
    before = sliding.scores
    session.hear_from(1.0)
    session.select("hum_conv")
    assert sliding.scores is before
    assert len(asked(backend)) == 3


def test_another_sound_begins_anew(session, sliding, backend):
    session.adopt(Model())
    session.show(wav(hum(1, 3)), "short.wav")
    assert len(asked(backend)) == 6
    assert len(sliding.scores.starts) == 17


def test_a_sound_that_can_not_be_read_leaves_the_answers(session, sliding, backend):
    session.adopt(Model())
    before = sliding.scores
    session.show(b"bad", "bad.wav")
    assert session.failure
    assert sliding.scores is before


def test_a_network_of_pictures_has_none_and_back_they_begin_anew(session, sliding, backend):
    session.adopt(Model())
    session.open("VGG16")
    assert (sliding.scores, sliding.growing) == (None, False)
    session.adopt(Model())
    assert (len(sliding.scores.starts), len(asked(backend))) == (17, 6)


def test_a_network_without_scores_is_not_slid(session, sliding, backend):
    backend.networks["hum"] = lambda spec: network(spec, network_of_sound(spec).reading, network_of_sound(spec).layers, classes=(0,))
    session.adopt(Model())
    assert (sliding.scores, asked(backend)) == (None, [])


def test_a_failure_in_the_middle_keeps_what_is_there_and_the_sound_heard_again_begins_anew(session, sliding, backend, monkeypatch):
    def fail(spec, example, first, count, say):
        if first:
            raise ExplorerError("Too long.")
        return FakeBackend.over_time(backend, spec, example, first, count, say)

    monkeypatch.setattr(backend, "over_time", fail)
    session.adopt(Model())
    assert (session.failure, len(sliding.scores.starts), sliding.growing) == ("Too long.", AT_ONCE, False)
    monkeypatch.undo()
    session.hear_from(1.0)
    assert (session.failure, len(sliding.scores.starts), sliding.growing) == ("", 17, False)


def test_once_closed_it_no_longer_follows(session, sliding, backend):
    sliding.close()
    sliding.close()
    session.adopt(Model())
    assert (sliding.scores, asked(backend)) == (None, [])


class Slow(HeldBackend):
    """Holds the second part of the answers back; over networks that are gone it fails."""

    gone = ()

    def over_time(self, spec, example, first, count, say):
        if first == AT_ONCE:
            self._hold("over_time", example.name)
        if spec.name in self.gone:
            raise ExplorerError(f"{spec.name} is gone.")
        return super().over_time(spec, example, first, count, say)


def slid_half_way(then, gone=(), **options):
    """Slide along a sound, do something in the middle, and wait for what comes of it."""
    backend = Slow(held=("hum.wav",), verb="over_time", networks={"hum": network_of_sound}, **options)

    async def page():
        session = Session(worker=Worker(lambda: backend))
        sliding = Sliding(session)
        session.adopt(Model())
        await until(backend.holding.is_set)
        assert (len(sliding.scores.starts), sliding.growing) == (AT_ONCE, True)
        then(session, sliding)
        backend.gone = gone
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, sliding

    return *asyncio.run(page()), backend


def test_another_network_in_the_middle_ends_it():
    session, sliding, backend = slid_half_way(lambda session, _sliding: session.open("VGG16"))
    assert session.network.spec.name == "VGG16"
    assert (sliding.scores, sliding.growing, session.failure) == (None, False, "")
    assert len(asked(backend)) == 2, "nothing more was asked of a network that has to make way"


def test_what_fails_when_nobody_wants_it_any_more_is_not_complained_of():
    session, sliding, _backend = slid_half_way(lambda session, _sliding: setattr(session, "seen", None), gone=("hum",))
    assert (sliding.scores, sliding.growing, session.failure) == (None, False, "")


def test_a_network_that_can_not_be_opened_in_the_middle_lets_it_go_on():
    session, sliding, backend = slid_half_way(lambda session, _sliding: session.open("VGG16"), missing=("VGG16",))
    assert (session.network.spec.name, session.failure) == ("hum", "The weights are not here.")
    assert (len(sliding.scores.starts), sliding.growing, len(asked(backend))) == (17, False, 3)


def test_another_sound_in_the_middle_takes_its_place():
    session, sliding, backend = slid_half_way(lambda session, _sliding: session.show(wav(hum(1, 3)), "short.wav"))
    assert session.example.name == "short.wav"
    assert (len(sliding.scores.starts), sliding.growing, session.failure) == (17, False, "")
    assert [first for first, _count in asked(backend)].count(0) == 2


def test_closed_in_the_middle_it_asks_for_nothing_more():
    _session, sliding, backend = slid_half_way(lambda _session, sliding: sliding.close())
    assert len(asked(backend)) == 2
    assert len(sliding.scores.starts) == AT_ONCE
