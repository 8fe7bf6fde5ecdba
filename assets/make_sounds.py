"""Write the sample sounds into `explorer/bundled/samples/`: four short pieces, played by `explorer/backend/datasets/synthesis.py`.

    python assets/make_sounds.py [--output DIR]

The tunes are in the public domain: the melody is the "Ode to Joy" (L. van Beethoven, 1824), the chords are those of the
Canon in D (J. Pachelbel, about 1690). Takes a few seconds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile

from explorer.backend.datasets.synthesis import RATE, add, note
from explorer.catalog import BUNDLED

BEAT = 0.5  # seconds
HELD = 0.96  # of its time a note sounds
SEED = 2  # the character of all instruments
PEAK = 0.8
# Decibels of the peaks: a steady tone is louder than one that dies away.
LOUDNESS = {"plucked string": 0.0, "bell": -6.0, "flute": -9.0, "bowed string": -7.0, "organ": -9.0, "brass": -9.0}

# Instruments take turns, two bars each: (instrument, ((MIDI number, beats), ...)).
A1 = ((66, 1), (66, 1), (67, 1), (69, 1), (69, 1), (67, 1), (66, 1), (64, 1))
A2 = ((62, 1), (62, 1), (64, 1), (66, 1), (66, 1.5), (64, 0.5), (64, 2))
A3 = ((62, 1), (62, 1), (64, 1), (66, 1), (64, 1.5), (62, 0.5), (62, 2))
B1 = ((64, 1), (64, 1), (66, 1), (62, 1), (64, 1), (66, 0.5), (67, 0.5), (66, 1), (62, 1))
B2 = ((64, 1), (66, 0.5), (67, 0.5), (66, 1), (64, 1), (62, 1), (64, 1), (57, 2))
MELODY = (
    *(("plucked string", A1), ("flute", A2), ("brass", A1), ("bowed string", A3)),
    *(("organ", B1), ("bell", B2), ("flute", A1), ("brass", A3)),
)
CANON = (
    *((50, 57, 62, 66), (45, 57, 61, 64), (47, 54, 62, 66), (42, 57, 61, 66)),
    *((43, 55, 59, 62), (38, 54, 57, 62), (43, 55, 59, 62), (45, 57, 61, 64)),
)
CHORDS = ("organ", "bowed string", "brass")  # each plays the eight chords, two beats a chord
BASS, SNARE, HAT, TOMS = 50, 200, 800, (160, 130, 105, 85)  # pitches of drums, Hz
BARS = 8
SWEEP = (12.0, 100.0, 6000.0)  # seconds, Hz


def pitch(number: int) -> float:
    """Return the frequency of a MIDI note number in Hz; 69 is 440 Hz."""
    return 440 * 2 ** ((number - 69) / 12)


def play(piece: np.ndarray, timbre: str, frequency: float, beat: float, beats: float, loudness: float = 0.0) -> None:
    """Add a note to a piece, in place."""
    sound = note(timbre, frequency, beats * BEAT * HELD, RATE, loudness + LOUDNESS.get(timbre, 0), np.random.default_rng(SEED))
    add(piece, sound, round(beat * BEAT * RATE))


def silence(beats: float) -> np.ndarray:
    """Return a piece with nothing in it yet: float32 (n,)."""
    return np.zeros(round(beats * BEAT * RATE), np.float32)


def melody() -> np.ndarray:
    """Return the tune, 32 s; every four seconds another instrument plays."""
    piece, beat = silence(sum(beats for _, notes in MELODY for _, beats in notes)), 0.0
    for timbre, notes in MELODY:
        for number, beats in notes:
            play(piece, timbre, pitch(number), beat, beats)
            beat += beats
    return piece


def chords() -> np.ndarray:
    """Return the chords, 24 s, by each instrument in turn."""
    piece = silence(2 * len(CHORDS) * len(CANON))
    for turn, timbre in enumerate(CHORDS):
        for place, chord in enumerate(CANON):
            for number in chord:
                play(piece, timbre, pitch(number), 2 * (turn * len(CANON) + place), 2)
    return piece


def drums() -> np.ndarray:
    """Return eight bars of a beat, 16 s; the last one ends on the toms."""
    piece = silence(4 * BARS)
    for bar in range(BARS):
        last = bar == BARS - 1
        for beat in range(4):
            play(piece, "drum", SNARE if beat % 2 else BASS, 4 * bar + beat, 1, -3)
        for half in range(4 if last else 8):
            play(piece, "drum", HAT, 4 * bar + half / 2, 0.5, -15)
        if bar % 2:
            play(piece, "drum", BASS, 4 * bar + 2.5, 1, -6)
        for place, frequency in enumerate(TOMS if last else ()):
            play(piece, "drum", frequency, 4 * bar + 2 + place / 2, 1, -4)
    return piece


def sweep() -> np.ndarray:
    """Return noise whose band rises from the lowest to the highest pitch and falls again: one noise, its bands faded one into the next."""
    seconds, lowest, highest = SWEEP
    bands = 25
    centres = np.geomspace(lowest, highest, bands)
    place = (bands - 1) * (1 - np.abs(np.linspace(-1, 1, round(seconds * RATE))))
    piece = silence(seconds / BEAT)
    for band, centre in enumerate(centres):
        sound = note("noise", float(centre), seconds, RATE, -3, np.random.default_rng(SEED))
        piece += (sound * np.clip(1 - np.abs(place - band), 0, 1)).astype(np.float32)
    return piece


PIECES = {"melody": melody, "chords": chords, "drums": drums, "sweep": sweep}


def write(path: Path, piece: np.ndarray) -> None:
    """Write a piece as Ogg Vorbis, a second at a time: libsndfile's encoder overflows its stack on long writes."""
    piece = piece * (PEAK / np.abs(piece).max())
    with soundfile.SoundFile(path, "w", RATE, 1, format="OGG", subtype="VORBIS") as file:
        for start in range(0, len(piece), RATE):
            file.write(piece[start : start + RATE])


def main() -> None:
    """Play the pieces and write them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=BUNDLED / "samples")
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    for name, play_it in PIECES.items():
        piece = play_it()
        path = output / f"{name}.ogg"
        write(path, piece)
        print(f"{path.name}: {len(piece) / RATE:.1f} s, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
