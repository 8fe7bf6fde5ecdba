"""Hostile files, fed to one process for all: what comes of them, and what pictures take at most."""

import io
import random
import struct
import zlib

import numpy as np
import pytest
from hostile_pictures import chunk
from kinds import KINDS
from PIL import Image

SEED = 12
MOST = 300 * 2**20  # bytes for a picture of few bytes


@pytest.mark.parametrize("name", KINDS)
def test_hostile_input_is_answered_or_refused_in_a_sentence(name, feeder, tmp_path):
    kind, source = KINDS[name], random.Random(f"{SEED} {name}")
    faults = []
    for place in range(kind.count):
        file, data = kind.generate(source)
        path = tmp_path / f"{place}_{file}"
        path.write_bytes(data)
        told = feeder.feed(kind.reader, path)
        faults += [f"{path.name}: {told.fault}"] if told.fault else []
        path.unlink()
    assert not faults, "\n".join(faults)


# What pictures take: thin and long ones, and ones of more than 8 bits a value.


def line(width, height):
    """Return a PNG of few bytes that is black with a grey stroke from side to side."""
    third, pack = height // 3, zlib.compressobj(1)
    rows = (pack.compress(bytes([0, *[grey] * min(width, 1)]).ljust(1 + width, bytes([grey])) * third) for grey in (0, 200, 0))
    data = b"".join(rows) + pack.compress(bytes((1 + width) * (height - 3 * third))) + pack.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 1_000_000), (1_000_000, 1), (1_000, 20_000)], ids=str)
def test_a_thin_or_long_picture_is_answered_within_300_mb(size, feeder, tmp_path):
    path = tmp_path / "line.png"
    path.write_bytes(line(*size))
    told = feeder.feed("shown", path)
    assert not told.fault
    assert told.outcome == "answered"
    assert told.memory < MOST


DEEP = {
    "PNG": lambda ramp: Image.fromarray(ramp.astype(np.uint16)),
    "TIFF": lambda ramp: Image.fromarray(ramp.astype(np.int32)),
    "floats": lambda ramp: Image.fromarray((ramp / 65_535).astype(np.float32)),
}


@pytest.mark.parametrize("kind", DEEP)
def test_a_picture_of_16_or_32_bits_takes_six_bytes_a_pixel_at_most(kind, feeder, tmp_path):
    """Beside what comes with any picture: its file, and the network."""
    ramp, out = np.add.outer(np.arange(3000) * 8, np.arange(4000) * 10) % 65_536, io.BytesIO()
    options = {"compress_level": 1} if kind == "PNG" else {"compression": "raw"}
    DEEP[kind](ramp).save(out, "PNG" if kind == "PNG" else "TIFF", **options)
    path = tmp_path / "deep.bin"
    path.write_bytes(out.getvalue())
    feeder.feed("picture", path)
    told = feeder.feed("picture", path)
    assert (told.fault, told.outcome) == ("", "answered")
    assert told.memory - path.stat().st_size < 6 * ramp.size + 30 * 2**20
