"""Sound on the dashboard, as a person uses it: heard, looked into, recorded; under Voila in Chromium."""

import io
import re

import numpy as np
import pytest
from pages import bytes_of, drop, first_answer, go_to, idle, load, refused, tab

import explorer
from explorer.catalog import BUNDLED

soundfile = pytest.importorskip("soundfile")
pytestmark = pytest.mark.browser
MELODY = BUNDLED / "samples" / "melody.ogg"


@pytest.fixture
def page(visit):
    """The page on `timbres` with the melody."""
    page = visit.page()
    load(page, "timbres")
    go_to(page, "block1_relu")
    page.get_by_role("button", name="Sample melody").click()
    page.locator(".explorer.sound-view .caption", has_text="melody.ogg").wait_for()
    idle(page)
    yield page
    assert page.errors == []
    assert page.beyond == [], "nothing is asked of another server"
    assert page.failed == [], "nothing is missing"


def wav(samples, rate, **options):
    out = io.BytesIO()
    soundfile.write(out, samples, rate, format="WAV", **options)
    return out.getvalue()


def song(seconds=20, rate=44_100):
    """A stereo tone that rises, so that each stretch of it differs: int16 (n, 2)."""
    time = np.arange(round(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * time * (200 + 40 * time))
    return np.stack([12_000 * tone, 9_000 * tone[::-1]], axis=1).astype(np.int16)


def played(page):
    """Return the bytes of the sound that the player holds."""
    return bytes_of(page.locator(".explorer.sound-view audio"))


def facts(page):
    """Return a locator of what is said about the chosen cell."""
    return page.locator(".explorer.feature-maps .facts")


def choose_cell(page, across, down):
    one = page.locator(".explorer .one img")
    size = one.bounding_box()
    one.click(position={"x": size["width"] * across, "y": size["height"] * down})


def test_the_page_opens_on_a_melody_with_its_axes(page):
    view = page.locator(".explorer.sound-view")
    assert "melody.ogg, 32.0 s, 16 kHz, mono" in view.locator(".caption").inner_text()
    assert view.locator(".spectrum img").get_attribute("alt")
    texts = view.inner_text()
    for tick in ("0 s", "30 s", "1k", "5k", "Hz"):
        assert tick in texts, tick
    assert re.search(r"the network hears 0:15\.0 to 0:17\.0", texts)
    assert page.locator(".explorer.answers li").count() == 6  # five classes, and what the others hold


def test_a_chosen_cell_plays_the_stretch_that_it_sees_sample_for_sample(page):
    samples = song()
    drop(page, wav(samples, 44_100), "song.wav")
    page.locator(".explorer.sound-view .caption", has_text="song.wav, 20.0 s, 44.1 kHz, stereo").wait_for()
    go_to(page, "block3_relu")
    page.locator(".explorer .about", has_text="block3_relu").wait_for()
    idle(page)
    choose_cell(page, 0.5, 0.5)
    facts(page).filter(has_text=re.compile(r" s to .* s")).wait_for()
    page.locator(".explorer.sound-view .again").wait_for()
    page.wait_for_function("document.querySelector('.explorer.sound-view audio').src.startsWith('blob:')")
    said = facts(page).inner_text()
    start, stop = map(float, re.search(r"([\d.]+) s to ([\d.]+) s", said).groups())
    heard, rate = soundfile.read(io.BytesIO(played(page)), dtype="int16")
    assert rate == 44_100
    assert heard.shape == (pytest.approx((stop - start) * 44_100, abs=900), 2)  # the text says hundredths
    first = int(np.argmax((np.lib.stride_tricks.sliding_window_view(samples[:, 0], 64) == heard[:64, 0]).all(axis=1)))
    assert first / 44_100 == pytest.approx(start, abs=0.01)
    assert np.array_equal(samples[first : first + len(heard)], heard)
    assert page.locator(".explorer.sound-view .spectrum .mark").is_visible()
    assert page.locator(".explorer.sound-view .bracket").is_visible()


def test_the_whole_piece_plays_with_a_cursor_over_both_pictures_and_stops(page):
    view = page.locator(".explorer.sound-view")
    view.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("document.querySelector('.explorer.sound-view').dataset.playing === 'whole'")
    assert played(page) == MELODY.read_bytes()
    cursor = view.locator(".wave .cursor")
    before = cursor.evaluate("(cursor) => cursor.style.left")
    page.wait_for_function("(left) => document.querySelector('.explorer.sound-view .wave .cursor').style.left !== left", arg=before)
    view.locator(".seek").focus()
    for _second in range(15):  # to where the network hears
        if view.locator(".spectrum .cursor").is_visible():
            break
        page.keyboard.press("ArrowRight")
    view.locator(".spectrum .cursor").wait_for()
    view.get_by_role("button", name="Stop", exact=True).click()
    page.wait_for_function("document.querySelector('.explorer.sound-view').dataset.playing === ''")


def test_tags_over_time_follow_the_melody_and_a_column_lets_the_network_hear_from_there(page):
    view = tab(page, "Over time")
    view.locator(".about", has_text="79 of 79 windows").wait_for()
    labels = view.locator(".labels li").all_inner_texts()
    assert set(labels) == set(explorer.architectures["timbres"].labels)
    picture = view.locator(".map img")
    size = picture.bounding_box()
    for share, instrument in ((0.06, "plucked string"), (0.42, "bowed string")):
        picture.click(position={"x": size["width"] * share, "y": size["height"] * 0.5})
        first_answer(page, instrument).wait_for()
        assert "the network hears 0:15.0" not in page.locator(".explorer.sound-view").inner_text()


def test_a_recurrent_layer_is_drawn_as_time_by_units(page):
    go_to(page, "gru")
    page.locator(".explorer .about", has_text="16 × 32").wait_for()
    choose_cell(page, 0.99, 0.02)
    facts(page).filter(has_text="step 15, unit 0").wait_for()
    assert re.search(r"sees\s+14\.9\d s to 17\.0\d s", facts(page).inner_text())


def test_a_recording_is_answered(page):
    page.get_by_role("button", name="Record").click()
    page.get_by_role("button", name=re.compile("Stop, 0:01")).click()
    page.locator(".explorer.sound-view .caption", has_text="recording.wav").wait_for()
    page.locator(".explorer.answers li.first").wait_for()


UNHEARD = [
    (b"dear diary", "diary.wav", "diary.wav is not a sound that can be read"),
    (b"", "nothing.mp3", "nothing.mp3 is empty (0 bytes)."),
    (b"\x89PNG\r\n\x1a\n" + bytes(64), "cat.png", "cat.png is a picture"),
    (wav(np.full(16_000, np.nan), 16_000, subtype="FLOAT"), "nan.wav", "nan.wav holds samples that are NaN"),
    (wav(np.zeros(100), 16_000), "short.wav", "a sound must last 0.1 s or more"),
    (b"\0\0\0\x18ftypmp42" + bytes(400), "film.mp4", "film.mp4 can't be decoded by this browser"),
]


def test_what_can_not_be_heard_is_said_and_the_sound_before_stays(page):
    for data, name, sentence in UNHEARD:
        drop(page, data, name, "video/mp4" if name.endswith("mp4") else "")
        refused(page, sentence)
        assert "melody.ogg" in page.locator(".explorer.sound-view .caption").inner_text(), name
        first_answer(page, "").wait_for()


def test_silence_is_answered_and_said(page):
    drop(page, wav(np.zeros(3 * 16_000), 16_000), "silence.wav")
    page.locator(".explorer.sound-view .notes", has_text="There is nothing to hear").wait_for()
    idle(page)
    shares = page.locator(".explorer.answers li .number").all_inner_texts()
    assert "nan" not in " ".join(shares).lower()


def test_from_sound_to_pictures_and_back_each_finds_its_last_example(page):
    drop(page, wav(song(3), 44_100), "song.wav")
    page.locator(".explorer.sound-view .caption", has_text="song.wav").wait_for()
    idle(page)
    load(page, "digits")
    page.locator(".explorer .frame img").wait_for()
    assert not page.locator(".explorer.sound-view .caption").is_visible()
    assert not page.get_by_role("tab", name="Over time").is_visible()
    load(page, "timbres")
    page.locator(".explorer.sound-view .caption", has_text="song.wav").wait_for()
    page.get_by_role("tab", name="Over time").wait_for()


def test_the_music_tagger_names_jazz(page, test_data):
    load(page, "MusicTaggerCRNN")
    drop(page, (test_data / "music_tagger" / "bensound-cute.mp3").read_bytes(), "bensound-cute.mp3")
    page.locator(".explorer.sound-view .caption", has_text="bensound-cute.mp3").wait_for()
    first_answer(page, "jazz").filter(has_text="51.1 %").wait_for()
    page.locator(".explorer.answers", has_text="Each score stands for itself").wait_for()
