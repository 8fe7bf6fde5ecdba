import contextlib
import io
import os
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import soundfile
from sound_sources import FORMATS, WRITABLE, encoded, piece, without_length, written

from explorer.backend.inputs import audio_files
from explorer.backend.inputs.audio import read
from explorer.backend.inputs.audio_source import Source
from explorer.errors import UnreadableExample

RATE = 16_000


def whole(data, dtype="float32"):
    return soundfile.read(io.BytesIO(data), dtype=dtype, always_2d=True)[0]


def refusal(source):
    with pytest.raises(UnreadableExample) as refused:
        audio_files.sound_of(read(source))
    assert "\n" not in str(refused.value)
    return str(refused.value)


def patched(data, place, new):
    return data[:place] + new + data[place + len(new) :]


def with_size(wav, size):
    """Return a WAV file whose header says that its samples take this many bytes."""
    return patched(wav, wav.index(b"data") + 4, struct.pack("<I", size))


def with_total(flac, total):
    """Return a FLAC file whose header says that it has this many frames."""
    return patched(flac, 18, (int.from_bytes(flac[18:26], "big") >> 36 << 36 | total).to_bytes(8, "big"))


@pytest.fixture(scope="module")
def files():
    """Five seconds in every format, of two channels."""
    return {name: encoded(piece(5, RATE, 2), RATE, name) for name in FORMATS}


def test_what_is_in_a_file_is_what_libsndfile_says(files):
    sounds = {name: audio_files.sound_of(read(file)) for name, file in files.items()}
    assert {(sound.rate, sound.channels, sound.frames, sound.seconds) for sound in sounds.values()} == {(RATE, 2, 5 * RATE, 5.0)}
    assert {name: (sound.format, sound.subtype) for name, sound in sounds.items()} == {name: FORMATS[name][:2] for name in FORMATS}
    assert {sound.defects for sound in sounds.values()} == {()}


@pytest.mark.parametrize("name", FORMATS)
def test_a_part_is_the_same_part_of_the_whole(name, files):
    expected = whole(files[name]).mean(axis=1)
    slack = 1e-6 if FORMATS[name][0] == "MP3" else 0  # the order in which mpg123 adds
    for first, count in ((0, 100), (1, 5000), (40_123, 20_000), (79_999, 1), (70_000, 30_000), (80_000, 10), (90_000, 10)):
        part = audio_files.mono(read(files[name]), first, count)
        assert part.dtype == np.float32
        assert part.shape == (count,)
        there = expected[first : first + count]
        assert np.abs(part[: len(there)] - there).max(initial=0) <= slack
        assert not part[len(there) :].any()


@pytest.mark.parametrize(("name", "rate"), [("mp3", 11_025), ("mp3", 44_100), ("mp3 of few bits", 8_000), ("mp3 of few bits", 48_000)])
def test_mp3_is_read_from_the_middle_as_from_the_start(name, rate):
    data = encoded(piece(8, rate), rate, name)
    expected = whole(data)[:, 0]
    for first in np.random.default_rng(1).integers(0, 7 * rate, 6).tolist():
        assert np.abs(audio_files.mono(read(data), first, rate // 2) - expected[first : first + rate // 2]).max() <= 1e-6


@pytest.mark.parametrize("name", ["mp3", "mp3 of few bits"])
def test_mp3_that_does_not_say_how_long_it_is_is_read_to_its_end(name):
    data = without_length(encoded(piece(8, RATE), RATE, name))
    sound = audio_files.sound_of(read(data))
    assert 8 <= sound.seconds <= 8.2
    assert sound.defects == ()
    assert np.abs(audio_files.mono(read(data), 7 * RATE, RATE)).max() > 0.1


def test_a_tag_with_a_large_cover_before_an_mp3_changes_nothing(files):
    tag = b"ID3\x03\0\0" + bytes([0, 6, 0, 0]) + b"\xff\xfb\x90" * 32_768
    example = read(tag + files["mp3"])
    assert audio_files.sound_of(example).frames == 5 * RATE
    assert np.array_equal(audio_files.mono(example, 30_000, 9_000), audio_files.mono(read(files["mp3"]), 30_000, 9_000))


@pytest.mark.parametrize("name", FORMATS)
def test_a_stretch_is_kept_as_libsndfile_decodes_it(name, files):
    deep = FORMATS[name][1] in audio_files.DEEP
    kept = io.BytesIO(audio_files.wav_of(read(files[name]), 20_001, 30_000))
    with soundfile.SoundFile(kept) as file:
        assert (file.samplerate, file.channels, file.frames) == (RATE, 2, 30_000)
        assert (file.format, file.subtype) == ("WAV", "FLOAT" if deep else "PCM_16")
        samples = file.read(dtype="float32" if deep else "int16")
    expected = whole(files[name], samples.dtype.name)[20_001:50_001]
    if FORMATS[name][0] == "MP3":
        assert np.abs(samples.astype(int) - expected).max() <= 1
        assert (samples != expected).mean() < 0.001
    else:
        assert np.array_equal(samples, expected)


@pytest.mark.parametrize("name", ["vorbis", "opus", "mp3"])
def test_what_is_louder_than_16_bits_can_say_is_cut_off_and_does_not_wrap_around(name):
    data = encoded(3 * piece(2, 48_000), 48_000, name)
    decoded = whole(data)
    samples = soundfile.read(io.BytesIO(audio_files.wav_of(read(data), 0, 96_000)), dtype="float32")[0]
    assert np.abs(decoded).max() > 1.2
    assert np.abs(samples - np.clip(decoded[:, 0], -1, 1)).max() < 1e-3


def test_a_stretch_of_more_than_200_mb_is_refused(monkeypatch, files):
    monkeypatch.setattr(audio_files, "LARGEST", 10_000)
    with pytest.raises(UnreadableExample, match="takes more than 200 MB; choose a shorter one"):
        audio_files.wav_of(read(files["wav"]), 0, 80_000)


def test_the_envelope_has_the_lowest_and_highest_sample_of_equal_stretches(monkeypatch):
    samples = piece(3, RATE, 2)
    data = encoded(samples, RATE, "wav of floats")
    edges = np.arange(1001) * len(samples) // 1000
    heard = samples.mean(axis=1)
    expected = [(heard[a:b].min(), heard[a:b].max()) for a, b in pairwise(edges)]
    for block in (2**18, 1000, 70):  # whatever is decoded at once
        monkeypatch.setattr("explorer.backend.inputs.audio_decoder.BLOCK", block)
        audio_files._remembered.clear()
        envelope = audio_files.envelope(read(data))
        assert envelope.dtype == np.float32
        assert np.array_equal(envelope, np.float32(expected))


def test_the_envelope_of_fewer_samples_than_stretches_has_one_for_each():
    samples = piece(0.3, 1000)
    envelope = audio_files.envelope(read((samples, 1000)))
    assert np.array_equal(envelope, np.repeat(samples, 2, axis=1))


@pytest.mark.parametrize("name", ["flac", "mp3"])
def test_the_envelope_of_a_long_sound_is_made_of_a_part_of_each_stretch(name, monkeypatch):
    monkeypatch.setattr(audio_files, "WHOLE", 20)
    monkeypatch.setattr(audio_files, "GLANCE", 100)
    waves = np.where(np.arange(24 * 8000) // 25 % 2, 1, -1)
    samples = (np.repeat((0.1, 0.8, 0.3), 8 * 8000) * waves)[:, None].astype(np.float32)
    envelope = audio_files.envelope(read(encoded(samples, 8000, name)))
    assert envelope.shape == (1000, 2)
    for first, last, loud in ((5, 325, 0.1), (340, 660, 0.8), (675, 990, 0.3)):
        assert np.median(envelope[first:last, 1]) == pytest.approx(loud, rel=0.4)
        assert np.median(envelope[first:last, 0]) == pytest.approx(-loud, rel=0.4)


def test_only_the_part_that_is_needed_of_a_long_file_is_read(tmp_path, monkeypatch):
    path = tmp_path / "hour.wav"
    header = encoded(np.zeros((0, 2), np.float32), 44_100)
    count = 3600 * 44_100
    with path.open("wb") as file:
        file.write(with_size(header, 4 * count)[: header.index(b"data") + 8])
        file.truncate(file.tell() + 4 * count)  # takes no room on the disk
    taken = []
    read_from = Source.read
    monkeypatch.setattr(Source, "read", lambda self, size: taken.append(size) or read_from(self, size))
    example = read(path)
    tracemalloc.start()
    audio_files.mono(example, count // 2, 44_100)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()
    assert audio_files.sound_of(example).seconds == 3600
    assert sum(taken) < 4 * 44_100 * 2


def test_what_is_asked_again_is_remembered_whatever_part_is_heard(files, monkeypatch):
    example = read(files["flac"])
    first = audio_files.sound_of(example), audio_files.envelope(example)
    monkeypatch.setattr("explorer.backend.inputs.audio_files.opened", None)  # to open it again would fail
    again = replace(read(bytes(bytearray(files["flac"]))), start=2.0)
    assert audio_files.sound_of(again) is first[0]
    assert audio_files.envelope(again) is first[1]


def test_little_is_remembered(files):
    for place in range(100):
        audio_files.sound_of(read((np.full(4000, place / 100, np.float32), 8000)))
    assert len(audio_files._remembered) <= 2 * audio_files.REMEMBERED


def test_a_file_that_changed_since_it_was_chosen_is_refused(tmp_path, files):
    path = tmp_path / "a.wav"
    path.write_bytes(files["wav"])
    example = read(path)
    path.write_bytes(files["wav"][:100_000])
    with pytest.raises(UnreadableExample, match=r"a.wav has changed since it was chosen; choose it again\."):
        audio_files.sound_of(example)
    path.unlink()
    with pytest.raises(UnreadableExample, match=r"a.wav can't be read: No such file"):
        audio_files.sound_of(example)


# Headers that don't say what is there.


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_a_wav_that_was_streamed_is_heard_to_its_end(size, files):
    sound = audio_files.sound_of(read(with_size(files["wav"], size)))
    assert (sound.frames, sound.defects) == (5 * RATE, ())


def test_a_wav_that_is_cut_off_is_heard_as_far_as_it_goes(tmp_path, files):
    path = tmp_path / "x.wav"
    path.write_bytes(files["wav"][: 44 + 4 * 2 * RATE])
    sound = audio_files.sound_of(read(path))
    assert sound.frames == 2 * RATE
    assert sound.defects == ("The header of x.wav promises 5.0 s; 2.0 s are there.",)


def test_a_wav_whose_header_promises_too_little_is_heard_as_far_as_it_promises(files):
    sound = audio_files.sound_of(read(with_size(files["wav"], 4 * RATE)))
    assert sound.frames == RATE
    assert sound.defects == ("The header of the sound promises 1.0 s; 0.2 more MB follow that are not heard.",)
    sentence = refusal(with_size(files["wav"], 0))
    assert "promises 0.0 s" in sentence
    assert "a sound must last 0.1 s or more" in sentence


def test_other_chunks_around_the_samples_of_a_wav_are_no_defect(files):
    wav = files["wav"]
    place = wav.index(b"data")
    chunk = b"LIST" + struct.pack("<I", 20_001) + bytes(20_002)
    for data in (wav[:place] + chunk + wav[place:], wav + chunk, wav + bytes(100)):
        sound = audio_files.sound_of(read(data))
        assert (sound.frames, sound.defects) == (5 * RATE, ())


def test_a_wav_of_64_bit_sizes_that_promises_10_gb_is_heard_as_far_as_it_goes():
    out = io.BytesIO()
    soundfile.write(out, piece(2, RATE), RATE, format="RF64", subtype="PCM_16")
    data = out.getvalue()
    data = patched(data, data.index(b"ds64") + 8, struct.pack("<QQ", 10**10 + 72, 10**10))
    sound = audio_files.sound_of(read(data))
    assert sound.frames == 2 * RATE
    assert sound.defects == ("The header of the sound promises 312500.0 s; 2.0 s are there.",)


@pytest.mark.parametrize(("total", "promised"), [(0, None), (2**36 - 1, "4294967.3"), (10 * RATE, "10.0")])
def test_a_flac_that_promises_anything_is_heard_as_far_as_it_goes(total, promised, files):
    sound = audio_files.sound_of(read(with_total(files["flac"], total)))
    assert sound.frames == 5 * RATE
    assert sound.defects == ((f"The header of the sound promises {promised} s; 5.0 s are there.",) if promised else ())


@pytest.mark.parametrize("name", ["flac", "mp3", "mp3 of few bits"])
def test_a_file_that_is_cut_off_is_heard_as_far_as_it_goes(name, files):
    data = files[name][: len(files[name]) // 2]
    sound = audio_files.sound_of(read(data))
    assert 1.5 < sound.seconds < 3.5
    assert sound.defects == (f"The header of the sound promises 5.0 s; {sound.seconds:.1f} s are there.",)
    assert np.array_equal(audio_files.mono(read(data), 8_000, 8_000), audio_files.mono(read(files[name]), 8_000, 8_000))
    assert np.abs(audio_files.mono(read(data), sound.frames - 500, 500)).max() > 0.01


def test_an_ogg_that_is_cut_off_says_so():
    data = encoded(piece(20), 44_100, "vorbis")
    sound = audio_files.sound_of(read(data[: len(data) // 2]))
    assert 5 < sound.seconds < 15
    assert sound.defects == (f"the sound is cut off; {sound.seconds:.1f} s are there.",)


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "vorbis"])
def test_what_is_left_of_a_file_must_last_a_tenth_of_a_second(name, files):
    head = {"wav": 44 + 4 * 1000, "flac": 10_000, "mp3": 500, "vorbis": 4_500}[name]
    assert refusal(files[name][:head])
    assert refusal((np.zeros(1599), RATE)) == "the sound lasts 0.10 s; a sound must last 0.1 s or more: give a longer one."
    assert audio_files.sound_of(read((np.zeros(1600), RATE))).seconds == 0.1


@pytest.mark.parametrize(
    ("place", "new", "says"),
    [
        (22, struct.pack("<H", 0), "is damaged or cut off"),
        (22, struct.pack("<H", 65), "has 65 channels; a sound has 1 to 64: save it again with fewer."),
        (24, struct.pack("<I", 0), "is damaged or cut off: its header makes no sense"),
        (24, struct.pack("<I", 999), "has 999 samples a second; a sound has 1,000 to 384,000: save it again with another rate."),
        (24, struct.pack("<I", 400_000), "has 400000 samples a second"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(place, new, says, files):
    assert says in refusal(patched(files["wav"], place, new))


def read_in_order(data):
    """Return the samples that libsndfile decodes when it is asked for one after the other, which it can in every coding."""
    file = soundfile.SoundFile(io.BytesIO(data))
    file.seekable = lambda: False
    with file:
        return file.read(10**6, dtype="float32", always_2d=True)


@pytest.mark.parametrize("kind", dict.fromkeys(kind for kind, _subtype in WRITABLE))
def test_whatever_libsndfile_writes_is_heard_whole_and_in_parts(kind):
    samples, count = piece(0.25), 0
    for subtype in [one for other, one in WRITABLE if other == kind]:
        with contextlib.suppress(soundfile.LibsndfileError):  # it lists some that it can't write
            heard_whole_and_in_parts(written(samples, 44_100, kind, subtype, FORMATS["mp3"][2] if kind == "MP3" else None))
            count += 1
    assert count


def heard_whole_and_in_parts(data):
    expected, example = read_in_order(data), read(data)
    assert audio_files.sound_of(example).frames == len(expected) >= 44_100 // 4  # the only rate of XI
    assert np.abs(expected).max() > 0.1
    for first, count in ((0, len(expected)), (0, 1000), (1, 50), (len(expected) // 2, 500), (len(expected) - 300, 300)):
        part = np.concatenate([*audio_files.blocks(example, first, count)])
        assert np.abs(part - expected[first : first + count]).max() <= 1e-6
    assert audio_files.envelope(example).max() > 0.1


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "GSM610"), ("AU", "G721_32"), ("WAV", "NMS_ADPCM_16"), ("PAF", "PCM_24")])
def test_the_envelope_of_a_long_sound_that_can_only_be_decoded_from_its_beginning_is_made_of_all_of_it(kind, subtype, monkeypatch):
    data = written(piece(3, 8000), 8000, kind, subtype)
    whole = audio_files.envelope(read(data))
    audio_files._remembered.clear()
    monkeypatch.setattr(audio_files, "WHOLE", 1)
    assert np.array_equal(audio_files.envelope(read(data)), whole)


def flipped_in_the_middle(data):
    return patched(data, len(data) // 2, bytes([data[len(data) // 2] ^ 16]))


def test_what_can_not_be_decoded_is_silence_and_the_rest_is_heard(files):
    expected = whole(files["flac"])
    lost = []
    heard = np.concatenate([*audio_files.blocks(read(flipped_in_the_middle(files["flac"])), 0, len(expected), lost)])
    assert heard.shape == expected.shape
    gone = np.zeros(len(expected), bool)
    for one in lost:
        gone[one.start : one.stop] = True
    assert 1000 <= gone.sum() <= 10_000
    assert not heard[gone].any()
    assert np.array_equal(heard[~gone], expected[~gone])


MP4 = bytes([0, 0, 0, 24]) + b"ftypM4A \0\0\2\0isomiso2"


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("nothing.wav", b"", "nothing.wav is empty (0 bytes)."),
        ("notes.wav", b"Dear all,\nthis is no sound.\n", "notes.wav is not a sound that can be read; use WAV, FLAC, Ogg or MP3."),
        ("zeros.mp3", bytes(5000), "zeros.mp3 is not a sound that can be read"),
        ("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(99), "photo.jpg is a picture; this network reads sounds: WAV, FLAC, Ogg or MP3."),
        ("photo.mp3", b"\x89PNG\r\n\x1a\n" + bytes(99), "photo.mp3 is a picture"),
        ("photo.webp", b"RIFF\x63\0\0\0WEBPVP8 " + bytes(99), "photo.webp is a picture"),
        ("photo.heic", b"\0\0\0\x18ftypheic" + bytes(99), "photo.heic is a picture"),
        ("song.m4a", MP4, "song.m4a is an MP4 or M4A file, which Python can't decode; save the sound as WAV, FLAC, Ogg or MP3"),
        ("song.mp3", MP4, "(the page decodes it in the browser)."),
        ("talk.webm", b"\x1a\x45\xdf\xa3" + bytes(99), "talk.webm is a WebM or Matroska file, which Python can't decode"),
        ("song.wma", b"\x30\x26\xb2\x75" + bytes(99), "song.wma is a WMA or WMV file"),
        ("film.avi", b"RIFF\x63\0\0\0AVI LIST" + bytes(99), "film.avi is a video in AVI"),
        ("song.aac", b"\xff\xf1\x50\x80" + bytes(99), "song.aac is a file of AAC sound"),
        ("song.mid", b"MThd\0\0\0\6" + bytes(99), "song.mid is a MIDI file, which holds notes and no sound"),
        ("head.flac", b"fLaC" + bytes(99), "head.flac is damaged or cut off; libsndfile says: "),
        ("song.raw", b"\1\2" * 99, "song.raw is not a sound that can be read"),
    ],
)
def test_a_file_that_is_no_sound_is_named_with_what_it_is(name, data, says, tmp_path):
    path = tmp_path / name
    path.write_bytes(data)
    assert says in refusal(path)
    assert says.removeprefix(name) in refusal(data)


def test_a_sound_is_read_whatever_its_file_is_called(tmp_path, files):
    for name in ("a.raw", "a.mp3", "a.jpg", "ä ü.vox", "nothing"):
        path = tmp_path / name
        path.write_bytes(files["wav"])
        assert audio_files.sound_of(read(path)).frames == 5 * RATE


@pytest.mark.parametrize(
    ("value", "says"), [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (32_000, "samples up to 32000; they must be -1 to 1")]
)
def test_samples_that_are_none_are_refused_where_they_are_heard(value, says):
    samples = np.zeros((RATE, 1), np.float32)
    samples[5000] = value
    example = read(audio_files.wav(samples, RATE))
    assert not audio_files.mono(example, 6000, 100).any()
    for hear in (lambda: audio_files.mono(example, 4000, 2000), lambda: audio_files.envelope(example)):
        with pytest.raises(UnreadableExample, match=says):
            hear()


@pytest.mark.parametrize("name", FORMATS)
def test_whatever_is_damaged_is_refused_with_a_sentence_or_heard(name):
    sound = encoded(piece(1, 8000, 2), 8000, name)
    random = np.random.default_rng(4)
    for turn in range(16):
        data = bytearray(sound[: random.integers(len(sound))] if turn % 4 == 0 else sound)
        for place in random.integers(0, min(len(data), 300) if turn % 4 == 1 else len(data), random.integers(1, 8)):
            data[place] = random.integers(0, 256)
        example = read(bytes(data))
        with contextlib.suppress(UnreadableExample):
            assert np.isfinite(audio_files.mono(example, 2000, 4000)).all()
            assert np.isfinite(audio_files.envelope(example)).all()
            assert audio_files.wav_of(example, 100, 200)


PRINTING = """
import os, sys
from explorer.backend.inputs import audio, audio_decoder, audio_files
data = sys.stdin.buffer.read()
for cut in (len(data), len(data) // 2):
    audio_files.envelope(audio.read(data[:cut]))
with audio_decoder._silenced(True):
    os.write(2, b"Note: Trying to resync...\\nsomebody else\\n")
"""


def test_what_mpg123_prints_is_kept_from_stderr_and_what_others_print_is_not():
    data = bytearray(encoded(piece(5), 44_100, "mp3 of few bits"))
    data[20_000:20_400] = bytes(400)
    printed = subprocess.run([sys.executable, "-c", PRINTING], input=bytes(data), capture_output=True, check=True, timeout=120)
    assert printed.stderr == b"somebody else" + os.linesep.encode()
    assert printed.stdout == b""
