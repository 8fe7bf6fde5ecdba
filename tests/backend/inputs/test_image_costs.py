"""What a picture may cost is told from its header: what is more than one input may take, or can't be true, is never decoded."""

import io
import re
import struct
import zlib

import numpy as np
import pytest
from data_sets import PICTURES, pictures
from PIL import Image

from explorer.backend.datasets.loader import training_data
from explorer.backend.inputs import images
from explorer.errors import UnreadableExample
from explorer.values import Example


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    """One input may take 1 MB."""
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "1")


def refusal(data, name="a picture"):
    with pytest.raises(UnreadableExample) as refused:
        images.picture(Example("image", data, name))
    with pytest.raises(UnreadableExample) as found:
        images.check(Example("image", data, name))
    assert str(found.value) == str(refused.value)
    return str(refused.value)


@pytest.fixture
def undecoded(monkeypatch):
    """Return what lets a test fail from then on where a picture is decoded."""

    def forbid():
        for name in ("Image.Image", "ImageFile.ImageFile", "TiffImagePlugin.TiffImageFile", "WebPImagePlugin.WebPImageFile"):
            monkeypatch.setattr(f"PIL.{name}.load", lambda _self: pytest.fail("it was decoded"))

    return forbid


LARGE = {
    "PNG": {},
    "JPEG": {},
    "BMP": {},
    "GIF": {},
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "WEBP": {"lossless": True},
    "PPM": {},
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_picture_that_takes_more_than_one_input_may_is_refused_before_it_is_decoded(kind, encode, undecoded):
    random = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)
    data = encode(Image.fromarray(random).resize((400, 300)).convert("L" if kind == "GIF" else "RGB"), kind, **LARGE[kind])
    undecoded()
    said = re.fullmatch(
        r"a picture would take ([\d.]+) MB of memory, and one input may take 1\.0 MB here\. "
        r"Save a smaller copy of it, or a part\. EXPLORER_INPUT_MEMORY sets the limit in MB\.",
        refusal(data),
    )
    assert 400 * 300 * 8 <= float(said[1]) * 2**20 <= 400 * 300 * 30


@pytest.mark.parametrize(("inside", "sides"), [("png", struct.pack(">II", 1500, 1000)), ("bmp", struct.pack("<II", 1500, 2000))])
def test_the_picture_inside_an_icon_counts_whatever_the_icon_says(inside, sides, encode, undecoded):
    data = encode(Image.effect_noise((64, 64), 50).convert("RGBA"), "ICO", sizes=[(64, 64)], bitmap_format=inside)
    place = int.from_bytes(data[18:22], "little") + (16 if inside == "png" else 4)
    undecoded()
    assert "would take" in refusal(data[:place] + sides + data[place + 8 :])
    huge = struct.pack(">II" if inside == "png" else "<II", 30_000, 30_000)
    assert "claims to hold 30,000 x " in refusal(data[:place] + huge + data[place + 8 :])


def test_a_tile_counts_that_is_larger_than_its_picture(undecoded):
    undecoded()
    tags = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 4096, 323: 4096, 324: 200, 325: 99_000}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    assert "would take" in refusal(struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(100_000))


def test_a_progressive_jpeg_that_goes_over_its_pixels_without_end_is_refused(encode):
    data = encode(Image.new("RGB", (64, 64), "red"), "JPEG", progressive=True)
    images.picture(Example("image", data, "a picture"))
    last = data.rfind(b"\xff\xda")
    assert "is a progressive JPEG of 5,00" in refusal(data[:last] + data[last:-2] * 5000 + data[-2:])


def test_a_pillow_image_counts_too():
    with pytest.raises(UnreadableExample, match="The picture would take"):
        images.read(Image.new("RGB", (1000, 1000)))


def test_in_a_folder_the_one_that_is_too_large_is_named_and_left_out(tmp_path):
    folder = pictures(tmp_path / "pictures", cat=3, dog=3)
    Image.new("RGB", (1000, 1000)).save(folder / "cat" / "large.png")
    data = training_data(folder, PICTURES)
    assert len(data.training + data.validation) == 6
    ((name, why),) = data.left_out
    assert name == "cat/large.png"
    assert why.startswith("cat/large.png would take ")


def line(width, height):
    """Return a PNG of few bytes of a line, drawn with a stroke in it."""
    rows = (
        b"\0" * (1 + width) * (height // 3) + (b"\0" + b"\xc8" * width) * (height // 3) + b"\0" * (1 + width) * (height - height // 3 * 2)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_rows_without_pixels_to_speak_of_cost_something_too(undecoded):
    undecoded()
    assert "would take" in refusal(line(1, 100_000))
    assert io.BytesIO(line(1, 100_000)).getbuffer().nbytes < 500
