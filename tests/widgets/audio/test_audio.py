import io
import json
import wave
from dataclasses import replace

import numpy as np
import pytest
from fakes import EDGES, LONG, MEL, hum, network_of_sound, wav
from messages import palette, says

from explorer.errors import ExplorerError
from explorer.rendering import feature_maps
from explorer.rendering.feature_maps import clock
from explorer.values import Axis, Example, FileOnDisk, Region, Span
from explorer.widgets.audio.audio import AudioView
from explorer.widgets.base import view as module

CHUNK = module.CHUNK


@pytest.fixture
def session(page_of):
    return page_of(network_of_sound)


@pytest.fixture
def view(session):
    """A view that remembers what it sends."""
    view = AudioView(session)
    view.messages = []
    view.send = lambda content, buffers=(): view.messages.append((content, *map(bytes, buffers)))
    return view


def heard_as(session, **facts):
    """Show another sound; facts: those of its Heard."""
    session.preprocessed = replace(session.preprocessed, sound=replace(session.preprocessed.sound, **facts))


def ask(view, what, of=None):
    """Ask to play a sound as the JavaScript does; return what comes, acknowledged to the end: what is said of it, and its bytes."""
    view.messages.clear()
    says(view, {"play": what, "of": view.versions.get(what, 0) if of is None else of})
    data, place = b"", 0
    while place < len(view.messages):
        message, part = view.messages[place]
        says(view, {"given": message["download"], "part": message["part"]})
        data, place = data + part, place + 1
    return (view.messages[0][0], data) if view.messages else (None, b"")


def samples(data):
    with wave.open(io.BytesIO(data)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def test_there_is_nothing_to_see_without_a_sound(session):
    view = AudioView(session)
    assert view.shown
    session.open("VGG16")
    assert (view.shown, view.envelope, view.spectrogram, view.heard, view.notes) == (False, b"", b"", [], [])
    assert "part" not in view.versions


def test_the_caption_says_what_it_is(view, session):
    assert view.caption == "hum.wav, 10.0 s, 8 kHz, mono"
    heard_as(session, channels=2, rate=44_100, seconds=61.3)
    assert view.caption == "hum.wav, 61.3 s, 44.1 kHz, stereo"
    heard_as(session, channels=6, rate=11_025)
    assert view.caption.endswith("11.025 kHz, 6 channels")
    assert view.notes == ["Made louder."]
    assert view.heard_text == "the network hears 0:04.0 to 0:06.0"


def test_the_waveform_is_that_of_the_whole_sound(view, session):
    assert np.array_equal(np.frombuffer(view.envelope, np.float32).reshape(-1, 2), session.preprocessed.sound.envelope)
    assert view.seconds == LONG
    assert [5 / LONG, "5 s"] in view.times[1]
    assert view.heard == [4.0, 6.0]


def test_a_low_tone_is_at_the_bottom_and_time_runs_to_the_right(view):
    drawn = palette(view.spectrogram)
    assert drawn.shape == (MEL.bands, MEL.frames)
    tone = drawn[-2].astype(int)  # the second band from below
    assert (np.diff(tone) > 0).all()
    assert tone[-1] == feature_maps.LEVELS - 1
    assert not np.delete(drawn, -2, axis=0).any()
    assert view.ends == ["-40", "40 dB"]
    assert view.spectrogram_text == "Mel spectrogram of hum.wav, 0:04.0 to 0:06.0, 0 to 4000 Hz in 8 bands, -40 to 40 dB"


def test_a_long_spectrogram_is_thinned_out(view, session):
    frames = np.arange(3000, dtype=np.float32)
    heard_as(session, spectrogram=np.stack([frames, -frames]))
    drawn = palette(view.spectrogram)
    assert drawn.shape == (2, 600)
    assert drawn[1, 0] == drawn[0, 0] < drawn[1, -1]


def test_its_axes_are_in_seconds_and_hz(view, session):
    time = session.preprocessed.axes[1]
    assert view.across == [time.start, time.stop]
    for level in view.heard_times:
        for part, text in level:
            assert time.at(part) == pytest.approx(float(text.removesuffix(" s")))
    frequency = session.preprocessed.axes[0]
    assert view.pitches[-1][-1] == [pytest.approx(frequency.part(2000)), "2k"]
    assert [len(level) for level in view.pitches] == sorted(len(level) for level in view.pitches)


def test_a_chosen_cell_is_marked_where_it_lies(view, session):
    assert (view.mark, view.bracket) == ({}, [])
    session.cell = (0, 1)  # the lowest frequencies, a quarter of the axis; the second of seven columns
    assert view.mark == pytest.approx({"left": 1 / 7, "width": 1 / 7, "top": 0.75, "height": 0.25})
    assert view.bracket == pytest.approx([4.25, 4.55])
    session.cell = (3, 6)
    assert view.mark == pytest.approx({"left": 6 / 7, "width": 1 / 7, "top": 0, "height": 0.25})
    session.cell = None
    assert (view.mark, view.bracket) == ({}, [])


def test_a_region_on_frequencies_is_placed_on_the_mel_scale_and_stays_within(view, session):
    session.region = Region((Span("frequency", "Hz", EDGES[2], 9000), Span("time", "s", 3.0, 5.0)))
    assert view.mark == pytest.approx({"left": 0, "width": 0.5, "top": 0, "height": 0.75})
    assert view.bracket == [3.0, 5.0]


def test_a_region_of_time_alone_covers_every_frequency(view, session):
    session.region = Region((Span("time", "s", 5.0, 6.05),))
    assert view.mark == pytest.approx({"left": 0.5, "width": 0.5, "top": 0, "height": 1})


def test_the_whole_comes_as_it_is_only_when_it_is_asked_for(view, session):
    assert view.messages == []
    message, data = ask(view, "whole")
    assert data == session.example.data
    assert len(view.messages) == 1
    assert (message["purpose"], message["what"], message["of"], message["start"]) == ("play", "whole", view.versions["whole"], 0)


def test_a_large_sound_comes_in_parts_each_acknowledged(view, session):
    large = wav(np.tile(hum(), 15))
    session.show(large, "large.wav")
    message, data = ask(view, "whole")
    assert data == large
    assert len(view.messages) == message["count"] == -(-len(large) // CHUNK) > 1


def test_what_is_asked_for_too_late_does_not_come(view, session):
    old = view.versions["whole"]
    session.show(wav(hum(1, 3)), "other.wav")
    assert ask(view, "whole", of=old) == (None, b"")
    for what in ("clip", "nonsense"):
        assert ask(view, what) == (None, b"")
    assert session.error_message == ""


def test_the_same_sound_heard_from_another_place_stays_the_same_whole_but_is_another_part(view, session):
    before = dict(view.versions)
    session.hear_from(1.0)
    assert view.versions["whole"] == before["whole"]
    assert view.versions["part"] != before["part"]
    assert view.heard_text == "the network hears 0:01.0 to 0:03.0"
    session.show(wav(hum(1, 3)), "other.wav")
    assert view.versions["whole"] != before["whole"]


def test_of_a_file_on_disk_only_the_part_is_played_that_the_network_hears(view, session):
    session.examples.show(Example("audio", FileOnDisk("/music/long.wav", "1"), "long.wav"))
    assert "whole" not in view.versions
    assert ask(view, "whole") == (None, b"")
    message, data = ask(view, "part")
    assert (message["what"], message["start"]) == ("part", 4.0)
    assert np.array_equal(samples(data), hum(4, 6))


def test_a_part_that_is_not_to_be_had_is_a_sentence_and_no_longer_waited_for(view, session, backend, monkeypatch):
    def fail(*_arguments):
        raise ExplorerError("hum.wav is gone.")

    monkeypatch.setattr(backend, "clip", fail)
    before = view.versions["part"]
    assert ask(view, "part") == (None, b"")
    assert session.error_message == "hum.wav is gone."
    assert view.versions["part"] != before


def test_a_chosen_cell_is_played_at_once_and_can_be_played_again(view, session):
    assert (view.plays, view.clip) == (0, [])
    session.cell = (1, 2)
    assert view.plays == 1
    assert view.clip == pytest.approx([4.55, 4.85])
    for _again in range(2):
        message, data = ask(view, "clip")
        assert np.array_equal(samples(data), hum(4.55, 4.85))
        assert message["start"] == pytest.approx(4.55)
    before = view.versions["clip"]
    session.cell = (1, 3)
    assert view.plays == 2
    assert view.versions["clip"] != before
    session.cell = None
    assert (view.plays, view.clip, "clip" in view.versions) == (2, [], False)


def test_a_cell_that_was_chosen_before_is_not_played_with_the_page_or_another_look(view, session):
    session.cell = (1, 2)
    page = AudioView(session)
    assert (page.plays, page.clip) == (0, view.clip)
    session.refresh()
    assert (view.plays, page.plays) == (1, 0)
    assert view.clip == page.clip != []


def test_the_network_hears_from_where_it_is_told(view, session):
    says(view, {"hear": 2.5})
    assert (session.example.start, view.heard) == (2.5, [2.5, 4.5])
    for wish, start in ((-3, 0.0), (9.9, 8.0)):  # not past the ends
        says(view, {"hear": wish})
        assert session.example.start == start
    for nonsense in (float("nan"), float("inf")):
        says(view, {"hear": nonsense})
        assert session.example.start == 8.0
    session.open("VGG16")
    says(view, {"hear": 1.0})
    assert session.error_message == ""


def test_a_short_sound_is_heard_from_its_start(view, session):
    heard_as(session, seconds=1.0, start=0.0, stop=2.0)
    says(view, {"hear": 0.7})
    assert session.example.start == 0


def test_a_wish_that_can_not_be_met_is_settled_too(view, session, backend, monkeypatch):
    def fail(*_arguments):
        raise ExplorerError("hum.wav is gone.")

    monkeypatch.setattr(backend, "view", fail)
    before = view.example_revision
    says(view, {"hear": 1.0})
    assert (view.example_revision, view.heard, session.error_message) == (before + 1, [4.0, 6.0], "hum.wav is gone.")


def test_silence_is_drawn_and_said(view, session):
    flat = np.full((MEL.bands, MEL.frames), -100, np.float32)
    heard_as(session, envelope=np.zeros((100, 2), np.float32), spectrogram=flat)
    assert not palette(view.spectrogram).any()
    assert view.ends == ["-100", "-100 dB"]


def test_what_it_tells_the_browser_is_json(view, session):
    session.cell = (1, 2)
    json.dumps({name: value for name, value in view.get_state().items() if not isinstance(value, bytes | memoryview)}, allow_nan=False)


def test_a_closed_view_listens_no_more(view, session, backend):
    view.close()
    before = len(backend.asked)
    session.cell = (1, 2)
    assert not any(one[0] == "clip" for one in backend.asked[before:])


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00.0"), (10.24, "0:10.2"), (59.96, "1:00.0"), (725.5, "12:05.5"), (-0.01, "0:00.0")])
def test_times_are_minutes_seconds_and_tenths(seconds, text):
    assert clock(seconds) == text


def test_the_levels_of_an_axis_grow(view):
    counts = [len(level) for level in module.levels(Axis("time", 1, "s", 0, 10))]
    assert counts == sorted(counts)
    assert counts[0] <= 2 < counts[-1] <= module.LEVELS[-1]
