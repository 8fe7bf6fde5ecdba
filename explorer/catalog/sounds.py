"""How the networks of sound hear: the spectrograms that they were trained on, by name."""

from collections.abc import Mapping

from explorer.values import MelSpectrogram

SPECTROGRAMS: Mapping[str, MelSpectrogram] = {
    "timbres": MelSpectrogram(rate=16_000, samples=127 * 256, fft=512, hop=256, bands=64),
    # 29.12 s, as Choi et al. 2016 (arXiv 1609.04243) and the Keras 1 guide have it; the power is squared before the decibels.
    "music_tagger": MelSpectrogram(rate=12_000, samples=349_440, fft=512, hop=256, bands=96, exponent=2),
}
