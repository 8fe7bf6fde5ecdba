"""Sounds for tests: made up, and written in every format."""

import io

import numpy as np
import soundfile

FORMATS = {  # name: (format, subtype, options)
    "wav": ("WAV", "PCM_16", {}),
    "wav of 24 bits": ("WAV", "PCM_24", {}),
    "wav of floats": ("WAV", "FLOAT", {}),
    "wav of 8 bits": ("WAV", "PCM_U8", {}),
    "aiff": ("AIFF", "PCM_16", {}),
    "au": ("AU", "PCM_16", {}),
    "flac": ("FLAC", "PCM_16", {}),
    "flac of 24 bits": ("FLAC", "PCM_24", {}),
    "vorbis": ("OGG", "VORBIS", {}),
    "opus": ("OGG", "OPUS", {}),
    "mp3": ("MP3", "MPEG_LAYER_III", {"compression_level": 0.5}),
    "mp3 of few bits": ("MP3", "MPEG_LAYER_III", {"compression_level": 0.99, "bitrate_mode": "VARIABLE"}),
}


HEADERLESS = ("RAW", "SD2")  # formats whose files don't say what is in them
WRITABLE = [
    (kind, subtype)
    for kind in soundfile.available_formats()
    for subtype in soundfile.available_subtypes(kind)
    if kind not in HEADERLESS and soundfile.check_format(kind, subtype)
]


def piece(seconds, rate=44_100, channels=1):
    """Return float32 (n, channels): notes that change, and noise."""
    time = np.arange(round(seconds * rate)) / rate
    notes = sum(part * np.sin(2 * np.pi * pitch * time * (1 + 0.01 * np.sin(time))) for pitch, part in ((220, 0.3), (330, 0.2)))
    notes = notes + 0.05 * np.random.default_rng(0).standard_normal(time.size)
    return np.stack([notes * (0.8 - 0.3 * channel) for channel in range(channels)], axis=1).astype(np.float32)


def encoded(samples, rate, name="wav"):
    """Return the bytes of a sound file."""
    kind, subtype, options = FORMATS[name]
    return written(samples, rate, kind, subtype, options)


def written(samples, rate, kind, subtype, options=None):
    """Return the bytes of a sound file in any format that libsndfile writes."""
    out = io.BytesIO()
    with soundfile.SoundFile(out, "w", rate, samples.shape[1], subtype, format=kind, **(options or {})) as file:
        for first in range(0, len(samples), 4096):  # libsndfile 1.2.2 crashes on Vorbis that is written in one go
            file.write(samples[first : first + 4096])
    return out.getvalue()


def without_length(mp3):
    """Return an MP3 without the first frame, which says how long it is."""
    place = max(mp3.find(b"Xing", 0, 64), mp3.find(b"Info", 0, 64))
    assert place > 0
    return mp3[mp3.index(mp3[:2], place) :]
