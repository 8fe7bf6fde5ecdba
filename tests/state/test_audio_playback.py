import asyncio
import io
import wave
from dataclasses import replace

import numpy as np
import pytest
from fakes import LONG, FakeBackend, HeldBackend, hum, network_of_sound, until, wav

from explorer.errors import ExplorerError
from explorer.state.audio_playback import AudioPlayback
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
    session.register_live_model(Model())
    return session


@pytest.fixture
def audio_playback(session):
    return AudioPlayback(session)


def asked(backend):
    return [one for one in backend.asked if one[0] == "clip"]


def samples(data):
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def test_a_chosen_cell_is_heard_as_the_stretch_that_it_sees(session, audio_playback):
    assert (audio_playback.clip, audio_playback.chosen) == (None, False)
    session.cell = (1, 2)
    span = session.region.spans[1]
    assert (audio_playback.clip.start, audio_playback.clip.stop) == (span.start, span.stop)
    assert np.array_equal(samples(audio_playback.clip.data), hum(span.start, span.stop))
    assert audio_playback.chosen


def test_of_each_choice_one_stretch_is_asked_for(session, audio_playback, backend):
    session.cell = (1, 2)
    session.cell = (1, 3)
    assert len(asked(backend)) == 2


def test_a_cell_that_sees_the_same_stretch_is_a_choice_too(session, audio_playback, backend):
    heard = []
    audio_playback.observe(lambda change: heard.append(change["new"]), "clip")
    session.cell = (1, 2)
    session.cell = (2, 2)  # other frequencies at the same time
    assert [one and one.start for one in heard] == [pytest.approx(4.55), None, pytest.approx(4.55)], "the one before ends first"
    assert audio_playback.chosen


def test_two_cells_whose_regions_are_the_same_are_two_choices(session, audio_playback, backend):
    maps = session.feature_maps
    everything = tuple(replace(axis, fields=((axis.start, axis.stop),) * axis.size) if axis.spatial else axis for axis in maps.axes)
    session.feature_maps = replace(maps, axes=everything)
    session.cell = (0, 0)
    region, first = session.region, audio_playback.clip
    session.cell = (3, 6)
    assert session.region == region
    assert audio_playback.clip is not first
    assert (len(asked(backend)), audio_playback.chosen) == (2, True)


def test_without_a_cell_nothing_is_heard(session, audio_playback):
    session.cell = (1, 2)
    session.cell = None
    assert audio_playback.clip is None
    session.cell = (1, 2)
    session.select("hum_conv")
    assert audio_playback.clip is None


def test_a_cell_that_sees_nothing_ends_the_stretch_before(session, audio_playback):
    session.cell = (1, 2)
    fields = (None, *((0.0, 1.0),) * 6)
    frequency, time, channel = session.feature_maps.axes
    session.feature_maps = replace(session.feature_maps, axes=(frequency, replace(time, fields=fields), channel))
    session.cell = (1, 0)
    assert (session.region, audio_playback.clip) == (None, None)


def test_the_same_cell_of_a_network_that_is_opened_again_is_heard_but_was_not_chosen(session, audio_playback):
    session.cell = (1, 2)
    first = audio_playback.clip
    session.refresh()
    assert session.cell == (1, 2)
    assert audio_playback.clip is not first
    assert (audio_playback.clip.start, audio_playback.chosen) == (first.start, False)


def test_looking_inside_again_asks_for_nothing_new(session, audio_playback, backend):
    session.cell = (1, 2)
    first = audio_playback.clip
    session.show_again()
    session.channel = 1
    assert audio_playback.clip is first
    assert len(asked(backend)) == 1


def test_what_is_chosen_when_listening_begins_was_not_chosen_just_now(session):
    session.cell = (1, 2)
    audio_playback = AudioPlayback(session)
    assert audio_playback.clip is not None
    assert not audio_playback.chosen


def test_another_sound_ends_it(session, audio_playback):
    session.cell = (1, 2)
    session.show(wav(hum()), "other.wav")
    assert (session.cell, audio_playback.clip) == (None, None)


def test_another_part_of_the_sound_ends_it(session, audio_playback):
    session.cell = (1, 2)
    session.hear_from(1.0)
    assert (session.cell, audio_playback.clip) == (None, None)


def test_a_network_of_pictures_is_not_heard(session, audio_playback, backend):
    session.cell = (1, 2)
    session.open("VGG16")
    assert audio_playback.clip is None
    session.cell = (1, 2)
    assert audio_playback.clip is None
    assert len(asked(backend)) == 1


def test_a_stretch_that_is_not_to_be_had_is_a_sentence(session, audio_playback, backend, monkeypatch):
    def fail(*_arguments):
        raise ExplorerError("hum.wav is gone.")

    session.cell = (1, 2)
    monkeypatch.setattr(backend, "clip", fail)
    session.cell = (1, 3)
    assert (audio_playback.clip, session.error_message) == (None, "hum.wav is gone.")
    taken = []
    audio_playback.take_heard(taken.append)
    assert taken == [None]


def test_the_part_that_the_network_hears_can_be_taken(session, audio_playback):
    taken = []
    session.hear_from(8.5)  # it ends in silence, which no file has
    audio_playback.take_heard(taken.append)
    assert [(one.start, one.stop) for one in taken] == [(8.5, LONG)]
    assert np.array_equal(samples(taken[0].data), hum(8.5, LONG))
    session.open("VGG16")
    audio_playback.take_heard(taken.append)
    assert len(taken) == 1


def test_once_closed_it_no_longer_follows(session, audio_playback):
    session.cell = (1, 2)
    first = audio_playback.clip
    audio_playback.close()
    audio_playback.close()
    session.cell = (1, 3)
    assert audio_playback.clip is first


class SlowEar(HeldBackend):
    """Holds the first stretch back; those that are gone can't be read."""

    gone = False

    def clip(self, spec, example, start, stop, report_progress):
        self._hold("clip", example.name)
        if self.gone:
            raise ExplorerError("The network is gone.")
        return super().clip(spec, example, start, stop, report_progress)


@pytest.mark.parametrize("gone", [False, True])
def test_what_comes_late_is_neither_heard_nor_complained_of(gone):
    backend = SlowEar(held=("hum.wav",), method="clip", networks={"hum": network_of_sound})
    backend.gone = gone
    taken = []

    async def page():
        session = Session(worker=Worker(lambda: backend))
        audio_playback = AudioPlayback(session)
        session.register_live_model(Model())
        await until(lambda: session.feature_maps and session.network.spec.name == "hum" and not session.busy)
        session.cell = (1, 2)
        audio_playback.take_heard(taken.append)
        await until(backend.holding.is_set)
        session.preprocessed = None  # as when another network takes over
        backend.let_go.set()
        await until(lambda: not session.busy)
        session.close()
        return session, audio_playback

    session, audio_playback = asyncio.run(page())
    assert (audio_playback.clip, session.error_message, taken) == (None, "", [])
