import librosa
import numpy as np
import pytest

from explorer.rendering.axis_ticks import ticks, ticks_and_ends
from explorer.values import Axis


def time(start, stop):
    return Axis("time", 100, "s", start, stop)


def mel(bands, top):
    edges = librosa.mel_to_hz(np.linspace(0, librosa.hz_to_mel(top), bands + 1))
    return Axis("frequency", bands, "Hz", 0, top, tuple(edges), upward=True)


def named(value):
    return f"{value.name} {value.start} to {value.stop}" if isinstance(value, Axis) else str(value)


def texts(found):
    return [text for _part, text in found]


@pytest.mark.parametrize(
    ("axis", "most", "expected"),
    [
        (time(0, 10), 6, ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]),
        (time(0.94, 30.06), 6, ["5 s", "10 s", "15 s", "20 s", "25 s", "30 s"]),
        (time(-0.01, 2.03), 6, ["0.0 s", "0.5 s", "1.0 s", "1.5 s", "2.0 s"]),
        (time(0, 0.1), 3, ["0.00 s", "0.05 s", "0.10 s"]),
        (time(100, 130), 4, ["1:40", "1:50", "2:00", "2:10"]),
        (time(300, 302), 3, ["5:00", "5:01", "5:02"]),
        (time(300.1, 300.9), 4, ["300.2 s", "300.4 s", "300.6 s", "300.8 s"]),
        (time(0, 7200), 5, ["0:00", "30:00", "60:00", "90:00", "120:00"]),
        (time(0, 1e6), 2, ["0:00", "16666:40"]),
        (mel(96, 6000), 6, ["500", "1k", "2k", "5k"]),
        (mel(64, 8000), 12, ["200", "500", "1k", "2k", "5k"]),
        (mel(64, 22_050), 4, ["1k", "5k", "20k"]),
        (Axis("frequency", 10, "Hz", 0, 6000), 4, ["0", "2k", "4k", "6k"]),
        (Axis("frequency", 10, "Hz", 0, 4000), 9, ["0", "500", "1k", "1.5k", "2k", "2.5k", "3k", "3.5k", "4k"]),
    ],
    ids=named,
)
def test_ticks_are_round_and_written_shortly(axis, most, expected):
    assert texts(ticks(axis, most)) == expected


@pytest.mark.parametrize("most", [1, 2, 3, 5, 10, 50])
@pytest.mark.parametrize("axis", [time(0, 0.003), time(1.7, 31.2), time(0, 3000), mel(96, 6000), mel(8, 500)], ids=named)
def test_ticks_lie_where_their_values_are_one_after_the_other_and_never_too_many(axis, most):
    found = ticks(axis, most)
    parts = [part for part, _text in found]
    assert 1 <= len(found) <= most
    assert parts == sorted(set(parts))
    assert parts[0] >= 0
    assert parts[-1] <= 1
    for part, text in found:
        if axis.unit == "Hz":
            assert axis.at(part) == pytest.approx(float(text.replace("k", "")) * (1000 if "k" in text else 1))


def test_the_ends_stay_free_where_a_margin_is_asked_for():
    assert texts(ticks(time(0, 10), 3, margin=0.25)) == ["4 s", "6 s"]
    assert texts(ticks(mel(96, 6000), 9, margin=0.25)) == ["1k", "2k"]


@pytest.mark.parametrize(
    ("axis", "expected"),
    [
        (time(0.94, 30.06), ["1 s", "10 s", "20 s", "30 s"]),
        (time(-0.01, 2.03), ["0.0 s", "1.0 s", "2.0 s"]),
        (time(0, 0.4), ["0.00 s", "0.20 s", "0.40 s"]),
        (time(0, 900), ["0:00", "5:00", "10:00", "15:00"]),
        (time(0, 0.0), []),
        (Axis("unit", 128), []),
        (Axis("row", 224, "pixel", 0, 224), []),
    ],
    ids=named,
)
def test_start_and_stop_are_told_with_round_values_between(axis, expected):
    found = ticks_and_ends(axis, 2)
    assert texts(found) == expected
    assert not found or (found[0][0], found[-1][0]) == (0, 1)


@pytest.mark.parametrize("axis", [Axis("unit", 128), Axis("row", 224, "pixel", 0, 224), time(1, 1), Axis("step", 9)], ids=named)
def test_what_counts_neither_seconds_nor_hz_has_no_ticks(axis):
    assert ticks(axis, 5) == []


def test_where_there_is_no_room_there_are_no_ticks():
    assert ticks(time(0, 10), 0) == ticks(mel(96, 6000), 0) == []
