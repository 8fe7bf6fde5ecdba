"""Tags along a piece of four minutes: a spectrogram and a `predict` for each window against `network.over_time`.

Both are warm, use the same Keras model and the same samples. Run: python benchmarks/bench_over_time.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from measure import alternate, report

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import explorer

SECONDS = 240
ROUNDS = 3
GOAL = 0.35


def piece(rate: int) -> np.ndarray:
    """Return four minutes of chords that come and go, float32 (n,)."""
    random = np.random.default_rng(0)
    time = np.arange(SECONDS * rate) / rate
    notes = random.uniform((80, 3), (2000, 20), (12, 2))
    sound = np.sum([np.sin(2 * np.pi * pitch * time) * np.sin(np.pi * time / pause) ** 2 for pitch, pause in notes], axis=0)
    return (sound / np.abs(sound).max() * 0.7 + random.normal(0, 0.01, len(time))).astype(np.float32)


def recipe(model: Any, samples: np.ndarray, how: Any, starts: np.ndarray) -> np.ndarray:
    """Do what the Keras guide does, window by window."""
    from librosa import power_to_db
    from librosa.feature import melspectrogram

    scores = []
    for start in (starts * how.rate).round().astype(int):
        window = samples[start : start + how.samples]
        mel = melspectrogram(y=window, sr=how.rate, n_fft=how.fft, hop_length=how.hop, n_mels=how.bands)
        scores.append(model.predict(power_to_db(mel**how.exponent, ref=1.0)[np.newaxis, ..., np.newaxis], verbose=0)[0])
    return np.array(scores)


def main() -> None:
    folder = os.environ.get("EXPLORER_TEST_DATA")
    file = Path(folder) / "music_tagger" / "music_tagger_crnn_weights_tensorflow.h5" if folder else None
    print("Real weights." if file else "EXPLORER_TEST_DATA is not set: random weights.")
    network = explorer.load("MusicTaggerCRNN", weights=file)
    how = network.input_spec.sound
    samples = piece(how.rate)

    def ours() -> Any:
        return network.over_time((samples, how.rate))

    slid = ours()

    def theirs() -> Any:
        return recipe(network.model, samples, how, slid.starts)

    apart = float(np.abs(theirs() - slid.scores).max())
    print(
        f"{len(slid.starts)} windows of {slid.window:.2f} s, every {slid.hop:.2f} s; the scores are at most {apart:.1g} apart (goal: 1e-4)."
    )
    times = alternate({"theirs": theirs, "ours": ours}, ROUNDS)
    report(f"MusicTaggerCRNN along {SECONDS} s", times["ours"], times["theirs"], GOAL)


if __name__ == "__main__":
    main()
