"""How the networks of sound hear: the spectrograms that they were trained on, by name."""

from collections.abc import Mapping

from explorer.values import MelSpectrogram

SPECTROGRAMS: Mapping[str, MelSpectrogram] = {
    "timbres": MelSpectrogram(rate=16_000, samples=127 * 256, fft=512, hop=256, bands=64),
    # 29.12 s, as Choi et al. 2016 (arXiv 1609.04243) and the Keras 1 guide have it; the power is squared before the decibels.
    "music_tagger": MelSpectrogram(rate=12_000, samples=349_440, fft=512, hop=256, bands=96, exponent=2),
}

# The classes of `timbres`, in the order of its output.
TIMBRES = ("plucked string", "bowed string", "flute", "organ", "bell", "brass", "drum", "noise")

# The tags of MusicTaggerCRNN in the order of its output, as its author lists them.
TAGS = (
    *("rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s", "alternative rock", "jazz"),
    *("beautiful", "metal", "chillout", "male vocalists", "classic rock", "soul", "indie rock", "Mellow", "electronica", "80s"),
    *("folk", "90s", "chill", "instrumental", "punk", "oldies", "blues", "hard rock", "ambient", "acoustic"),
    *("experimental", "female vocalist", "guitar", "Hip-Hop", "70s", "party", "country", "easy listening", "sexy", "catchy"),
    *("funk", "electro", "heavy metal", "Progressive rock", "60s", "rnb", "indie pop", "sad", "House", "happy"),
)
