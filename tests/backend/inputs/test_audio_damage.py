"""Damaged sounds: what is whole of them is heard as it was, what is lost is said, and what is no sound isn't taken for one."""

import io
import random
import struct
import warnings

import numpy as np
import pytest
import soundfile
from sound_sources import encoded, piece, written

import explorer
from explorer.backend.inputs import audio, audio_damage, audio_files, audio_headers, mp3_frames
from explorer.backend.inputs.audio import read
from explorer.catalog import SPECTROGRAMS
from explorer.errors import ExampleWarning, UnreadableExample
from explorer.values import Reading

CUT = ("AIFF", "AU", "CAF", "W64", "SVX", "MAT4", "MAT5", "AVR", "NIST", "MPC2K", "VOC")
RATE = 16_000
SECONDS = 6


@pytest.fixture(scope="module")
def files():
    return {name: encoded(piece(SECONDS, RATE, 2), RATE, name) for name in ("flac", "flac of 24 bits", "vorbis", "opus", "mp3")}


@pytest.fixture(scope="module")
def timbres():
    return explorer.load("timbres")


def heard(data):
    """Return what a file says of itself, its samples, and which of them are lost."""
    lost = []
    sound = audio_files.sound_of(read(bytes(data)))
    samples = np.concatenate([*audio_files.blocks(read(bytes(data)), 0, sound.frames, lost)])
    gone = np.zeros(sound.frames, bool)
    for one in lost:
        gone[one.start : one.stop] = True
    return sound, samples, gone


def whole(data):
    return soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)[0]


def flip(data, source):
    data[source.randrange(100, len(data))] ^= 1 << source.randrange(8)


def flips(data, source):
    for _number in range(4):
        flip(data, source)


def noise(data, source):
    place = source.randrange(len(data) // 4, len(data) // 2)
    data[place : place + 5000] = source.randbytes(5000)


def missing(data, source):
    place = source.randrange(len(data) // 4, len(data) // 2)
    del data[place : place + 3000]


def more(data, source):
    place = source.randrange(len(data) // 4, len(data) // 2)
    data[place:place] = bytes(3000)


@pytest.mark.parametrize("damage", [flip, flips, noise, missing, more])
@pytest.mark.parametrize("name", ["flac", "flac of 24 bits"])
def test_flac_is_exact_outside_of_the_damaged_frames(name, damage, files):
    expected = whole(files[name])
    for seed in range(2):
        data = bytearray(files[name])
        damage(data, random.Random(seed))
        sound, samples, gone = heard(data)
        assert sound.frames == len(expected)
        assert 0 < gone.sum() < 6 * 4096 + 8000
        assert np.array_equal(samples[~gone], expected[~gone])
        assert not samples[gone].any()


@pytest.mark.parametrize("bit", [1, 16])
def test_a_flipped_bit_in_the_header_of_a_flac_changes_no_sample(bit):
    intact = encoded(piece(1, RATE, 2), RATE, "flac")
    expected, changed = whole(intact), []
    for place in range(8, 42):
        data = bytearray(intact)
        data[place] ^= bit
        sound, samples, gone = heard(data)
        alike = (sound.rate, sound.channels, sound.frames) == (RATE, 2, RATE) and np.array_equal(samples, expected) and not gone.any()
        changed += [] if alike else [place]
    assert not changed


def test_what_the_header_of_a_flac_says_otherwise_than_its_frames_is_said(files):
    data = bytearray(files["flac"])
    data[18] ^= 16  # its rate
    sound = audio_files.sound_of(read(bytes(data)))
    assert sound.defects == ("The header of the sound is damaged; rate, channels and bits are taken from what follows it.",)


def with_metadata(flac, sizes):
    """Return a FLAC file with blocks of metadata before its frames."""
    frames = flac[flac.index(b"\xff\xf8") :]
    blocks = b"".join(bytes([3]) + size.to_bytes(3, "big") + bytes(min(size, 100)) for size in sizes)
    return flac[:4] + b"\0" + flac[5:42] + blocks + b"\x84" + (8).to_bytes(3, "big") + bytes(8) + frames


@pytest.mark.parametrize("sizes", [(100,), (100, 36), (2**24 - 1,), (50, 100)])
def test_metadata_of_wrong_sizes_before_the_frames_changes_nothing(sizes, files):
    _sound, samples, gone = heard(with_metadata(files["flac"], sizes))
    assert np.array_equal(samples, whole(files["flac"]))
    assert not gone.any()


@pytest.mark.parametrize("damage", [flip, noise, missing, more])
def test_vorbis_is_exact_outside_of_the_damaged_pages(damage):
    intact = encoded(piece(12, RATE, 2), RATE, "vorbis")
    expected = whole(intact)
    for seed in range(2):
        data = bytearray(intact)
        source = random.Random(seed)
        if damage is flip:
            data[source.randrange(10_000, len(data) - 10_000)] ^= 1
        else:
            damage(data, source)
        sound, samples, gone = heard(data)
        assert sound.frames == len(expected)
        assert 0 < gone.sum() < 8 * RATE
        assert np.array_equal(samples[~gone], expected[~gone])


def test_opus_comes_right_again_behind_damaged_pages(files):
    expected = whole(files["opus"])
    data = bytearray(files["opus"])
    data[len(data) // 2] ^= 1
    _sound, samples, gone = heard(data)
    assert 0 < gone.sum() < 2 * RATE
    assert np.abs(samples - expected)[~gone].mean() < 1e-3


@pytest.mark.parametrize("filled", [bytes(3000), random.Random(0).randbytes(3000), None])
def test_mp3_goes_on_at_the_right_place_behind_what_is_lost(filled, files):
    expected = np.concatenate([*audio_files.blocks(read(files["mp3"]), 0, SECONDS * RATE)])
    place = len(files["mp3"]) // 2
    data = files["mp3"][:place] + (b"" if filled is None else filled) + files["mp3"][place + 3000 :]
    sound, samples, gone = heard(data)
    assert sound.frames == len(expected)
    assert RATE // 10 < gone.sum() < 2 * RATE
    assert np.abs(samples - expected)[~gone].max() < 1e-4


def test_an_mp3_behind_another_one_with_its_own_tag_is_no_damage(files):
    tag = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
    sound, _samples, gone = heard(files["mp3"] + tag + files["mp3"])
    assert sound.defects == ()
    assert not gone.any()


@pytest.mark.parametrize(
    ("kind", "subtype"),
    [("WVE", "ALAW"), ("CAF", "ALAC_16"), *((kind, "PCM_16") for kind in CUT)],
    ids=str,
)
def test_a_file_that_is_cut_off_says_so_in_every_format(kind, subtype):
    rate = 8_000 if kind == "WVE" else 44_100
    data = written(piece(1, rate), rate, kind, subtype)
    expected = whole(data) if subtype != "ALAC_16" else None
    sound, samples, _gone = heard(data[: len(data) * 2 // 3])
    assert rate // 2 < sound.frames < rate * 0.8
    (said,) = sound.defects
    assert "are there." in said
    assert expected is None or np.array_equal(samples[:1000], expected[:1000])


def test_a_dump_of_samples_is_never_filled_up_with_silence(capfd):
    data = written(piece(0.5, 44_100), 44_100, "SDS", "PCM_16")
    with pytest.raises(UnreadableExample, match="its blocks don't follow each other"):
        heard(data[:3000] + bytes(400) + data[3400:])
    sound, samples, _gone = heard(data[: len(data) // 2 - 50])
    assert sound.defects == ("The header of the sound promises 0.5 s; 0.3 s are there.",)
    assert samples[-100:].any()
    assert capfd.readouterr() == ("", "")


# What is heard of a damaged sound.


def without_frames(flac, first, last):
    """Return a FLAC file without the bytes between two parts of it."""
    return flac[: int(len(flac) * first)] + bytes(int(len(flac) * (last - first))) + flac[int(len(flac) * last) :]


def test_what_is_mostly_lost_is_refused_with_what_can_be_heard(files, timbres):
    data = without_frames(files["flac"], 0.3, 0.7)
    with pytest.raises(UnreadableExample, match=r"2\.\d\d s of the 2\.03 s that would be heard .* hear it from 0 s on \(start=0\)\.$"):
        timbres.predict(data)
    with pytest.raises(UnreadableExample, match="can't be decoded"):
        timbres.view(timbres.read(data))


def test_a_part_that_is_whole_is_heard_without_a_word(files, timbres):
    from dataclasses import replace

    data = without_frames(files["flac"], 0.5, 0.9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert timbres.predict(replace(timbres.read(data), start=0.0), top=8) == timbres.predict(
            replace(timbres.read(files["flac"]), start=0.0), top=8
        )


def test_over_time_says_what_is_lost_once_and_where(files, timbres):
    data = without_frames(files["flac"], 0.4, 0.5)
    with pytest.warns(ExampleWarning, match="is damaged") as warned:
        slid = timbres.over_time(data, hop=0.5)
    assert len(warned) == 1
    ((start, stop),) = slid.gaps
    assert 2 < start < 2.5 < stop < 3.5
    with pytest.raises(UnreadableExample, match="of what would be heard can't be decoded"):
        timbres.over_time(without_frames(files["flac"], 0.2, 0.9))


def test_several_places_are_said_in_one_sentence():
    assert audio_damage.in_words("a.flac", ((1.0, 1.5), (3.0, 3.25))) == (
        "a.flac is damaged: 0.75 s in 2 places from 1.00 s to 3.25 s can't be decoded and are heard as silence. Use a whole copy.",
    )


def test_an_endless_header_of_a_flac_costs_nothing(files):
    data = bytearray(files["flac"])
    data[21] |= 15
    data[22:26] = b"\xff" * 4
    assert audio_files.sound_of(read(bytes(data))).frames == SECONDS * RATE


# What is no sound.


@pytest.mark.parametrize(
    "data",
    [
        "Some words.".encode("utf-16") * 1000,
        b"\xff\xfe" + random.Random(1).randbytes(100_000),
        b"\xff\xfb\x90\x00" + random.Random(2).randbytes(100_000),
        b"\xff" * 100_000,
        b"\xff\xd8\xff\xe0" + random.Random(3).randbytes(100_000),
        b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + b"a text" * 9000,
    ],
    ids=["UTF-16", "BOM", "one header", "ones", "JPEG", "tag"],
)
def test_what_only_begins_like_an_mp3_is_none(data, capfd):
    assert not audio_headers.is_mp3(data)
    with pytest.raises(UnreadableExample, match=r"not a sound that can be read|is a picture"):
        audio_files.sound_of(read(data))
    assert capfd.readouterr() == ("", "")


def test_an_mp3_is_known_by_frames_that_follow_each_other(files):
    assert audio_headers.is_mp3(files["mp3"][:4096])
    assert audio_headers.is_mp3(b"ID3\x03\0\0\0\0\0\x0a" + bytes(10) + files["mp3"][:4096])


# What a file costs.


def test_windows_that_lie_far_apart_take_no_room_for_what_is_between_them(timbres, tmp_path, monkeypatch):
    path = tmp_path / "day.wav"
    header = encoded(np.zeros((0, 1), np.float32), 1000)
    count = 24 * 3600 * 1000
    with path.open("wb") as file:
        file.write(header[: header.index(b"data") + 4] + struct.pack("<I", 2 * count))
        file.truncate(44 + 2 * count)  # takes no room on the disk
    most = []
    resampled = audio.resampled
    monkeypatch.setattr(audio, "resampled", lambda *given: most.append(given[3]) or resampled(*given))
    assert len(timbres.slid(timbres.read(path), count=3).starts) == 3
    assert max(most) == SPECTROGRAMS["timbres"].samples


def test_more_windows_than_there_is_room_for_are_refused(timbres, monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "1")
    with pytest.raises(UnreadableExample, match=r"of memory, and one input may take 1\.0 MB here\. Give a longer hop"):
        timbres.over_time((np.zeros(RATE * 100, np.float32), RATE), hop=0.016)


def test_ragged_samples_and_a_closed_file_are_refused():
    file = io.BytesIO(b"")
    file.close()
    for source, says in ((([[1.0, 2.0], [3.0]], 8000), "rows of different lengths"), (file, "can't be read")):
        with pytest.raises(UnreadableExample, match=says):
            read(source)


def test_whatever_is_raised_on_the_way_is_refused(files, monkeypatch):
    def broken(*_given):
        raise RuntimeError("inner life")

    monkeypatch.setattr("explorer.backend.inputs.audio_info.opened", broken)
    audio_files._remembered.clear()
    reading = Reading("audio", (), sound=SPECTROGRAMS["timbres"])
    with pytest.raises(UnreadableExample, match="the sound can't be read as a sound"):
        audio.to_batch(read(files["mp3"]), reading)


# What is lost is said wherever a damaged sound is used.


@pytest.fixture
def folder(tmp_path, files):
    """Two classes of two sounds each; in one of them some are lost, of another nearly all."""
    for kind in ("low", "high"):
        (tmp_path / kind).mkdir()
        for place in range(3):
            samples = (0.5 + 0.1 * place) * piece(SECONDS, RATE, 1)
            (tmp_path / kind / f"{place}.flac").write_bytes(encoded(samples, RATE, "flac"))
    middle = tmp_path / "low" / "0.flac"
    middle.write_bytes(without_frames(middle.read_bytes(), 0.48, 0.5))
    gone = tmp_path / "high" / "0.flac"
    gone.write_bytes(without_frames(gone.read_bytes(), 0.1, 0.9))
    return tmp_path


def test_a_damaged_sound_is_trained_on_with_a_note_or_left_out_by_its_name(folder):
    from explorer.backend.datasets import loader
    from explorer.values import TensorInfo

    how = SPECTROGRAMS["timbres"]
    reading = Reading("audio", (TensorInfo("spectrogram", how.shape, "float32"),), "timbres", size=how.shape, sound=how)
    data = loader.training_data(folder, reading)
    assert any("low/0.flac is damaged: " in note or "0.flac is damaged: " in note for note in data.notes)
    ((name, why),) = data.left_out
    assert name.endswith("0.flac")
    assert "most of what would be heard can't be decoded" in why


def test_the_shell_says_it_in_one_line_and_in_json(folder, capsys):
    import json

    from explorer.cli import main

    damaged, intact = str(folder / "low" / "0.flac"), str(folder / "low" / "1.flac")
    for command in (
        ["predict", "timbres", damaged, intact],
        ["over-time", "timbres", damaged],
        ["feature-maps", "timbres", damaged, "gru"],
    ):
        assert main.main([*command, "--json"]) == 0
        out, err = capsys.readouterr()
        (line,) = err.splitlines()
        assert line.startswith("0.flac is damaged: ")
        told = json.loads(out)
        first = told[0] if isinstance(told, list) else told
        assert line in first["assumed"]
    assert main.main(["predict", "timbres", str(folder / "high" / "0.flac")]) == 2
    assert "Use a whole copy" in capsys.readouterr().err


def mp3_frames_of(data):
    """Return where the frames of an MP3 begin, without the first one, which holds no sound."""
    places, at = [], 0
    while length := mp3_frames.frame(bytes(data[at : at + 4]))[0]:
        places.append(at)
        at += length
    return places[1:]


def longest_part(data, place):
    """Say of a frame of an MP3 (16 kHz, stereo) that what it holds is longer than anything can be."""
    data[place + 5] |= 0x3F  # 12 bits behind the 8 of the reservoir and 2 that are private
    data[place + 6] |= 0xFC


def loudest(data, place):
    """Set the gain of both channels of a frame of an MP3 (16 kHz, stereo) to the largest there is."""
    bits = int.from_bytes(data[place + 4 : place + 21], "big")
    for channel in range(2):
        first = 10 + 63 * channel + 12 + 9  # behind the length of what it holds, and how many values are large
        bits |= 0xFF << (17 * 8 - first - 8)
    data[place + 4 : place + 21] = bits.to_bytes(17, "big")


@pytest.mark.parametrize("damage", [longest_part, loudest])
def test_a_damaged_frame_of_mp3_whose_header_is_whole_is_silence_and_is_said(damage, files, capfd):
    expected, data = whole(files["mp3"]), bytearray(files["mp3"])
    damage(data, mp3_frames_of(data)[60])
    _sound, samples, gone = heard(data)
    assert np.flatnonzero(gone)[0] < 60 * 576 + 576 < np.flatnonzero(gone)[-1]
    assert 576 < gone.sum() < 10 * 576
    assert not samples[gone].any()
    assert np.abs(samples[~gone] - expected[~gone]).max() <= 1e-6  # mpg123 leaves out a step, and adds in another order from there on
    assert np.abs(whole(bytes(data)) - expected).max() > 0.05  # what libsndfile makes of it
    capfd.readouterr()
    first, last = np.flatnonzero(gone)[[0, -1]]
    for start in (0, first - 5000, first - 1, (first + last) // 2, last, last + 1):  # wherever reading begins
        lost = []
        part = np.concatenate([*audio_files.blocks(read(bytes(data)), int(start), 8000, lost)])
        assert np.abs(part - samples[start : start + 8000]).max() <= 1e-6
        assert sum(map(len, lost)) >= gone[start : start + 8000].sum()
    assert capfd.readouterr().err == ""


def test_a_damaged_frame_of_mp3_is_said_with_the_answer(files, timbres):
    data = bytearray(files["mp3"])
    for place in mp3_frames_of(data)[20::20]:
        longest_part(data, place)
    with pytest.warns(ExampleWarning, match=r"is damaged: 0\.\d\d s in \d places from \d\.\d\d s to \d\.\d\d s can't be decoded"):
        timbres.predict(bytes(data))


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_whole_mp3s_are_not_taken_for_damaged_however_loud_or_cut(rate):
    source = np.random.default_rng(0)
    for samples in (np.sign(source.standard_normal((rate, 2))), np.clip(3 * source.standard_normal((rate, 1)), -1, 1)):
        for level in (0.1, 0.5, 0.95):
            file = io.BytesIO()
            soundfile.write(file, samples, rate, format="MP3", compression_level=level, bitrate_mode="VARIABLE")
            data = file.getvalue()
            tagged = b"ID3\3\0\0\0\0\0\x20" + bytes(32) + data + b"TAG" + bytes(125)
            for one in (data, tagged, data + source.bytes(300), data[mp3_frames_of(data)[7] :]):
                _sound, _samples, gone = heard(one)
                assert not gone.any()
            assert np.array_equal(heard(data)[1], whole(data))


@pytest.mark.parametrize("place", [3, 30, 60])
@pytest.mark.parametrize("name", ["vorbis", "opus"])
def test_ogg_that_can_t_be_opened_is_refused_with_what_to_do(name, place, files):
    data = bytearray(files[name])
    data[place] ^= 255
    with pytest.raises(UnreadableExample, match=r"^the sound is .*(Use a whole copy|; use WAV, FLAC, Ogg or MP3)\.$"):
        audio_files.sound_of(read(bytes(data)))
