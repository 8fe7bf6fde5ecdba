import asyncio
import io
import wave
from dataclasses import replace

import numpy as np
import pytest
from fakes import LONG, FakeBackend, HeldBackend, hum, network_of_sound, until, wav

from explorer.errors import ExplorerError
from explorer.state.audio_playback import Listening
from explorer.state.session import Session
from explorer.worker.queue import InlineWorker, Worker


class Model:
    name = "hum"


@pytest.fixture
def backend():
    return FakeBackend(networks={"hum": network_of_sound})


@pytest.fixture
def session(backend):
    session = Session(worker=InlineWorker(lambda: backend))
    session.adopt(Model())
    return session


@pytest.fixture
def listening(session):
    return Listening(session)


def asked(backend):
    return [one for one in backend.asked if one[0] == "stretch"]


def samples(data):
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def test_a_chosen_cell_is_heard_as_the_stretch_that_it_sees(session, listening):
    assert (listening.stretch, listening.chosen) == (None, False)
    session.cell = (1, 2)
    span = session.region.spans[1]
    assert (listening.stretch.start, listening.stretch.stop) == (span.start, span.stop)
    assert np.array_equal(samples(listening.stretch.data), hum(span.start, span.stop))
    assert listening.chosen


def test_of_each_choice_one_stretch_is_asked_for(session, listening, backend):
    session.cell = (1, 2)
    session.cell = (1, 3)
    assert len(asked(backend)) == 2


def test_a_cell_that_sees_the_same_stretch_is_a_choice_too(session, listening, backend):
    heard = []
    listening.observe(lambda change: heard.append(change["new"]), "stretch")
    session.cell = (1, 2)
    session.cell = (2, 2)  # other frequencies at the same time
    assert [one and one.start for one in heard] == [pytest.approx(4.55), None, pytest.approx(4.55)], "the one before ends first"
    assert listening.chosen


def test_two_cells_whose_regions_are_the_same_are_two_choices(session, listening, backend):
    maps = session.feature_maps
    everything = tuple(replace(axis, fields=((axis.start, axis.stop),) * axis.size) if axis.spatial else axis for axis in maps.axes)
    session.feature_maps = replace(maps, axes=everything)
    session.cell = (0, 0)
    region, first = session.region, listening.stretch
    session.cell = (3, 6)
    assert session.region == region
    assert listening.stretch is not first
    assert (len(asked(backend)), listening.chosen) == (2, True)


def test_without_a_cell_nothing_is_heard(session, listening):
    session.cell = (1, 2)
    session.cell = None
    assert listening.stretch is None
    session.cell = (1, 2)
    session.select("hum_conv")
    assert listening.stretch is None


def test_a_cell_that_sees_nothing_ends_the_stretch_before(session, listening):
    session.cell = (1, 2)
    fields = (None, *((0.0, 1.0),) * 6)
    frequency, time, channel = session.feature_maps.axes
    session.feature_maps = replace(session.feature_maps, axes=(frequency, replace(time, fields=fields), channel))
    session.cell = (1, 0)
    assert (session.region, listening.stretch) == (None, None)


def test_the_same_cell_of_a_network_that_is_opened_again_is_heard_but_was_not_chosen(session, listening):
    session.cell = (1, 2)
    first = listening.stretch
    session.refresh()
    assert session.cell == (1, 2)
    assert listening.stretch is not first
    assert (listening.stretch.start, listening.chosen) == (first.start, False)


def test_looking_inside_again_asks_for_nothing_new(session, listening, backend):
    session.cell = (1, 2)
    first = listening.stretch
    session.show_again()
    session.channel = 1
    assert listening.stretch is first
    assert len(asked(backend)) == 1


def test_what_is_chosen_when_listening_begins_was_not_chosen_just_now(session):
    session.cell = (1, 2)
    listening = Listening(session)
    assert listening.stretch is not None
    assert not listening.chosen


def test_another_sound_ends_it(session, listening):
    session.cell = (1, 2)
    session.show(wav(hum()), "other.wav")
    assert (session.cell, listening.stretch) == (None, None)


def test_another_part_of_the_sound_ends_it(session, listening):
    session.cell = (1, 2)
    session.hear_from(1.0)
    assert (session.cell, listening.stretch) == (None, None)


def test_a_network_of_pictures_is_not_heard(session, listening, backend):
    session.cell = (1, 2)
    session.open("VGG16")
    assert listening.stretch is None
    session.cell = (1, 2)
    assert listening.stretch is None
    assert len(asked(backend)) == 1


def test_a_stretch_that_is_not_to_be_had_is_a_sentence(session, listening, backend, monkeypatch):
    def fail(*_arguments):
        raise ExplorerError("hum.wav is gone.")

    session.cell = (1, 2)
    monkeypatch.setattr(backend, "stretch", fail)
    session.cell = (1, 3)
    assert (listening.stretch, session.failure) == (None, "hum.wav is gone.")
    taken = []
    listening.take_heard(taken.append)
    assert taken == [None]


def test_the_part_that_the_network_hears_can_be_taken(session, listening):
    taken = []
    session.hear_from(8.5)  # it ends in silence, which no file has
    listening.take_heard(taken.append)
    assert [(one.start, one.stop) for one in taken] == [(8.5, LONG)]
    assert np.array_equal(samples(taken[0].data), hum(8.5, LONG))
    session.open("VGG16")
    listening.take_heard(taken.append)
    assert len(taken) == 1


def test_once_closed_it_no_longer_follows(session, listening):
    session.cell = (1, 2)
    first = listening.stretch
    listening.close()
    listening.close()
    session.cell = (1, 3)
    assert listening.stretch is first


class SlowEar(HeldBackend):
    """Holds the first stretch back; those that are gone can't be read."""

    gone = False

    def stretch(self, spec, example, start, stop, say):
        self._hold("stretch", example.name)
        if self.gone:
            raise ExplorerError("The network is gone.")
        return super().stretch(spec, example, start, stop, say)


@pytest.mark.parametrize("gone", [False, True])
def test_what_comes_late_is_neither_heard_nor_complained_of(gone):
    backend = SlowEar(held=("hum.wav",), verb="stretch", networks={"hum": network_of_sound})
    backend.gone = gone
    taken = []

    async def page():
        session = Session(worker=Worker(lambda: backend))
        listening = Listening(session)
        session.adopt(Model())
        await until(lambda: session.feature_maps and session.network.spec.name == "hum" and not session.busy)
        session.cell = (1, 2)
        listening.take_heard(taken.append)
        await until(backend.holding.is_set)
        session.seen = None  # as when another network takes over
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, listening

    session, listening = asyncio.run(page())
    assert (listening.stretch, session.failure, taken) == (None, "", [])
