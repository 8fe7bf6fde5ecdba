import base64
import io

import numpy as np
import pytest
import soundfile
from fakes import FakeBackend
from in_browser import put, refusals, show, taken
from PIL import Image

from explorer.state.session import Session
from explorer.widgets.base.view import WIDGETS
from explorer.widgets.explore.input import InputView
from explorer.worker.queue import InlineWorker

pytestmark = pytest.mark.browser
SOUND = {"kind": "audio", "original": b"", "preprocessed": b"", "original_text": "", "preprocessed_text": "", "samples": []}
RELEASED = 'window.streams.length === 1 && window.streams[0].getTracks().every((track) => track.readyState === "ended")'
BEEP = """async (type) => {
  const context = new AudioContext(), output = context.createMediaStreamDestination(), tone = context.createOscillator();
  tone.frequency.value = 1000;
  tone.connect(output);
  tone.start();
  const recorder = new MediaRecorder(output.stream, { mimeType: type }), parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const ended = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, 800));
  recorder.stop();
  await ended;
  await context.close();
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return btoa(Array.from(bytes, (one) => String.fromCharCode(one)).join(""));
}"""
DROP = """([data, name, type]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(data), (one) => one.charCodeAt(0))], name, { type }));
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""


@pytest.fixture(scope="module")
def view():
    return InputView(Session(worker=InlineWorker(FakeBackend)))


def drop(page, data, name, kind=""):
    page.evaluate(DROP, [base64.b64encode(data).decode(), name, kind])


def begin(page):
    """Begin to record."""
    page.get_by_role("button", name="Record", pressed=False).click()
    page.get_by_role("button", name="Stop, 0:0", pressed=True).wait_for()


def pitch(samples, rate):
    """Return the frequency, in Hz, that is loudest."""
    return np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples)


def test_a_recording_is_sent_as_wav_and_the_microphone_let_go(page, view):
    show(page, view, **SOUND)
    begin(page)
    page.get_by_role("button", name="Stop, 0:01").wait_for()
    assert page.get_by_text("Escape throws it away").is_visible()
    page.get_by_role("button", name="Stop").click()
    name, data = taken(page)
    about = soundfile.info(io.BytesIO(data))
    assert (name, about.format, about.subtype, about.channels, about.samplerate) == ("recording.wav", "WAV", "PCM_16", 1, 44_100)
    assert np.abs(soundfile.read(io.BytesIO(data))[0]).max() > 0.01
    assert page.evaluate(RELEASED)
    page.get_by_role("button", name="Record", pressed=False).wait_for()
    assert refusals(page) == []


def test_escape_throws_a_recording_away(page, view):
    show(page, view, **SOUND)
    begin(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Record", pressed=False).wait_for()
    page.wait_for_function(RELEASED)
    assert page.evaluate("window.sent") == []


@pytest.mark.parametrize("end", ["window.stop()", 'window.model.set("kind", "image")'])
def test_a_recording_ends_with_its_view_or_its_network(page, view, end):
    show(page, view, **SOUND)
    begin(page)
    page.evaluate(end)
    page.wait_for_function(RELEASED)
    assert page.evaluate("window.sent") == []


def test_a_recording_ends_by_itself_after_ten_minutes(clocked_page, view):
    page = clocked_page
    show(page, view, **SOUND)
    begin(page)
    page.clock.run_for(599_000)
    page.get_by_role("button", name="Stop, 9:5", pressed=True).wait_for()
    page.clock.run_for(2_000)
    page.wait_for_function(RELEASED)
    assert taken(page)[0] == "recording.wav"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("NotAllowedError", "The browser doesn't let this page use the microphone; allow it, or drop a sound here."),
        ("NotFoundError", "There is no microphone; connect one, or drop a sound here."),
        ("NotReadableError", "The microphone can't be used: another program may be using it."),
    ],
)
def test_why_there_is_no_microphone_is_said(page, view, error, sentence):
    show(page, view, **SOUND)
    page.evaluate("(name) => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', name)); }", error)
    page.get_by_role("button", name="Record").click()
    page.wait_for_function("window.sent.length")
    assert refusals(page) == [sentence]
    assert page.get_by_role("button", name="Record", pressed=False).is_visible()


def test_a_page_that_browsers_lend_no_microphone_to_says_so(page, view):
    show(page, view, "http://example.test/", **SOUND)
    page.get_by_role("button", name="Record").click()
    assert refusals(page) == ["Browsers allow the microphone only on pages from localhost or over https."]


@pytest.mark.parametrize(("kind", "name"), [("audio/webm", "beep.webm"), ("audio/mp4", "beep.m4a")])
def test_what_only_the_browser_can_decode_is_sent_as_wav(page, view, kind, name):
    show(page, view, **SOUND)
    drop(page, base64.b64decode(page.evaluate(BEEP, kind)), name)
    called, data = taken(page)
    samples, rate = soundfile.read(io.BytesIO(data))
    assert (called, rate, samples.ndim) == (f"{name}.wav", 44_100, 1)
    assert pitch(samples, rate) == pytest.approx(1000, abs=20)


def test_a_sound_that_would_be_too_large_as_wav_is_refused(page, view):
    show(page, view, largest=40_000, **SOUND)
    drop(page, base64.b64decode(page.evaluate(BEEP, "audio/webm")), "long.webm")
    page.wait_for_function("window.sent.length")
    assert refusals(page) == ["long.webm would be larger than 200 MB as WAV; choose a shorter one."]


def test_what_the_browser_can_not_decode_is_refused(page, view):
    show(page, view, **SOUND)
    for name, kind in (("old.wma", ""), ("noise", "audio/x-unknown"), ("film.mp4", "video/mp4"), ("adts.aac", "audio/aac")):
        drop(page, b"\xff\xf1 no sound", name, kind)
        page.wait_for_function("window.sent.length")
        assert refusals(page) == [f"{name} can't be decoded by this browser; save it as WAV, FLAC, Ogg or MP3."]
        page.evaluate("window.sent = []")


@pytest.mark.parametrize(
    ("network", "files"),
    [
        (
            "audio",
            [
                (b"whatever", "Song.MP3", "audio/mpeg"),
                (b"whatever", "song.wav", "audio/wav"),
                (b"whatever", "song.oga", "audio/ogg"),
                (b"fLaC...", "song", "audio/flac"),
                (b"OggS...", "song.opus", "audio/ogg"),
                (b"RIFF\0\0\0\0WAVEfmt ", "song", "audio/x-wav"),
                (b"ID3...", "song.aac", "audio/mpeg"),
                (b"\xff\xfb\x90\0", "song", "audio/mpeg"),
                (b"a picture", "cat.jpg", "image/jpeg"),
                (b"a model", "mine.keras", ""),
                (b"anything", "notes", ""),
            ],
        ),
        ("image", [(b"a sound", "beep.webm", "audio/webm")]),
        ("arrays", [(b"a sound", "beep.webm", "audio/webm")]),
    ],
)
def test_all_else_is_sent_as_it_is(page, view, network, files):
    show(page, view, **SOUND | {"kind": network})
    for data, name, kind in files:
        drop(page, data, name, kind)
        assert taken(page) == (name, data)
        page.evaluate("window.sent = []")


@pytest.mark.parametrize(
    ("kind", "buttons", "hint"),
    [
        ("audio", ["Browse…", "Record"], "or drop a sound or a Keras model here"),
        ("image", ["Browse…", "Paste", "Draw"], "Drop a picture or a Keras model here"),
        ("", ["Browse…"], "Drop an example or a Keras model here"),
        ("arrays", ["Browse…", "Random values"], "or drop a .npy, .npz or .csv file, or a Keras model here"),
        ("mixed", ["Browse…", "Random values"], "or drop a picture, a .npy, .npz or .csv file, or a Keras model here"),
    ],
)
def test_what_can_be_done_depends_on_what_the_network_reads(page, view, kind, buttons, hint):
    show(page, view, **SOUND | ({"kind": "arrays", "mixed": True} if kind == "mixed" else {"kind": kind}))
    assert page.locator(".drop button").filter(visible=True).all_inner_texts() == buttons
    assert page.get_by_text(hint).is_visible()
    assert page.locator(".frame, .paper, .segments").filter(visible=True).count() == (1 if kind == "image" else 0)


@pytest.mark.parametrize(("size", "line"), [((1, 640), True), ((640, 1), True), ((30, 30_000), True), ((100, 640), False)])
def test_pictures_of_one_line_are_seen_and_others_keep_their_form(page, view, size, line):
    png = io.BytesIO()
    Image.new("RGB", size).save(png, "PNG")
    show(page, view, original=png.getvalue())
    page.wait_for_function("document.querySelector('.frame img').complete && document.querySelector('.frame').style.length")
    for width in (330, 900):
        page.set_viewport_size({"width": width, "height": 700})
        box = page.locator(".frame img").bounding_box()
        assert min(box["width"], box["height"]) >= 2, width
        assert box["height"] <= 600, width
        assert line or box["width"] / box["height"] == pytest.approx(size[0] / size[1], rel=0.05), width


def test_before_the_first_stroke_it_says_of_which_picture_the_answers_are(page, view):
    show(page, view, name="elephant.jpg", original_text="elephant.jpg, 9 × 8 pixels")
    said = page.get_by_text("the answers and maps are those of elephant.jpg")
    page.get_by_role("button", name="Draw").click()
    assert said.is_visible()
    assert page.locator(".undrawn").count() == 1
    paper = page.locator(".paper").bounding_box()
    page.mouse.move(paper["x"] + 50, paper["y"] + 50)
    page.mouse.down()
    page.mouse.move(paper["x"] + 90, paper["y"] + 90)
    page.mouse.up()
    taken(page)
    put(page, example_revision=view.example_revision + 1)
    assert said.count() == 0
    assert page.locator(".undrawn").count() == 0


def test_samples_of_sounds_are_buttons_with_their_names(page, view):
    show(page, view, **SOUND | {"samples": [{"name": "high_sweep.ogg", "picture": b""}]})
    assert page.locator(".samples img").count() == 0
    page.get_by_role("button", name="high sweep").click()
    assert page.evaluate("window.sent.map(({ content }) => content)") == [{"sample": "high_sweep.ogg"}]


def test_samples_are_encoded_as_wav_to_the_last_bit(page, view):
    show(page, view, **SOUND)
    script = (WIDGETS / "base" / "wav_encoder.js").read_text()
    text = page.evaluate(
        """async (script) => {
          const { mixed, wav } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
          const sound = new AudioBuffer({ numberOfChannels: 2, length: 6, sampleRate: 8000 });
          sound.copyToChannel(new Float32Array([0, 1, -1, 1, 3, -3]), 0);
          sound.copyToChannel(new Float32Array([0, 1, -1, 0, 1, -1]), 1);
          const bytes = new Uint8Array(await wav(mixed(sound), 8000).arrayBuffer());
          return btoa(String.fromCharCode(...bytes));
        }""",
        script,
    )
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(text)), dtype="int16")
    assert rate == 8000
    assert samples.tolist() == [0, 32_767, -32_767, 16_384, 32_767, -32_767]
