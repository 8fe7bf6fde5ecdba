"""Sounds: a short tone in every format and coding that soundfile writes, damaged, and with forged headers; texts that begin like an MP3."""

import struct
import zlib
from functools import cache

import numpy as np
import soundfile
from mutating import EXTREMES, mutated
from sound_sources import WRITABLE, written

RATE = 44_100  # the only one of XI
COMPRESSED = [pair for pair in WRITABLE if pair[0] in ("FLAC", "OGG", "MP3")]
SIZES = (0, 1, 2**31 - 1, 2**32 - 1, 2**36 - 1, 999, 384_001)
MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@cache
def tone(kind, subtype, seconds):
    """Return the bytes of a tone; b"" where libsndfile can't write it."""
    time = np.arange(round(seconds * RATE)) / RATE
    samples = (0.4 * np.sin(2 * np.pi * 440 * time) + 0.1 * np.sin(2 * np.pi * 3000 * time * time))[:, None].astype(np.float32)
    try:
        return written(samples, RATE, kind, subtype, {"compression_level": 0.9} if kind == "MP3" else None)
    except soundfile.LibsndfileError:
        return b""


def sound(random):
    """Return the name and the bytes of a damaged or forged sound."""
    kind, subtype = random.choice(COMPRESSED if random.random() < 0.5 else WRITABLE)
    data = tone(kind, subtype, random.choice((0.3, 3))) or tone("WAV", "PCM_16", 0.3)
    damage = random.choice((mutated, mutated, forged, forged_flac, forged_ogg, twice, like_mp3))
    return f"{kind}-{subtype}.{kind.lower()}", damage(data, random)


def twice(data, random):
    return mutated(mutated(data, random), random)


def forged(data, random):
    """Put a number into the header where one may stand."""
    place, size = random.randrange(0, min(len(data) - 8, 120)), random.choice(SIZES)
    width, order = random.choice((2, 4, 8)), random.choice(("little", "big"))
    packed = (size % 256**width).to_bytes(width, order)
    return data[:place] + packed + data[place + len(packed) :]


def forged_flac(data, random):
    """Let a FLAC file say that it has any rate, number of channels, or of samples."""
    if not data.startswith(b"fLaC"):
        return forged(data, random)
    bits = int.from_bytes(data[18:26], "big")
    first, width = random.choice(((44, 20), (41, 3), (36, 5), (0, 36)))
    bits = bits & ~((2**width - 1) << first) | random.choice((0, 1, 2**width - 1, random.randrange(2**width))) << first
    return data[:18] + bits.to_bytes(8, "big") + data[26:]


def forged_ogg(data, random):
    """Let a page of an Ogg file lie anywhere in the sound, with a right check sum."""
    pages = [place for place in range(len(data)) if data.startswith(b"OggS", place)]
    if not pages:
        return forged(data, random)
    place = random.choice(pages)
    end = next((one for one in pages if one > place), len(data))
    position = random.choice((0, 1, -1, 2**40, 2**62, 2**63 - 1, -(2**63), random.randrange(2**20)))
    page = data[place : place + 6] + struct.pack("<q", position) + data[place + 14 : place + 22] + bytes(4) + data[place + 26 : end]
    crc = int(f"{zlib.crc32(page.translate(MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF:032b}"[::-1], 2)
    return data[:place] + page[:22] + struct.pack("<I", crc) + page[26:] + data[end:]


def like_mp3(_data, random):
    """Return what is no sound, though it begins like an MP3."""
    begin = random.choice(
        (b"\xff\xfe", b"\xff\xfb\x90\x00", b"\xff\xf3", b"ID3\x03\0\0\0\0\0\x0a", b"\xff\xd8\xff\xe0", b"\xff\xe3", EXTREMES[5])
    )
    rest = random.choice(
        (random.randbytes(5000), bytes(5000), "Some words, many times. ".encode("utf-16-le") * 200, b"\xff" * 5000, b"\xff\xfb" * 900)
    )
    return begin + rest
