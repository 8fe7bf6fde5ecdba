"""What is damaged is called damaged, what is intact but not read here unsupported, and what is no picture by what it is."""

import io
import logging
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from explorer.backend.inputs import images
from explorer.backend.runtime.native_stderr import unlogged
from explorer.errors import UnreadableExample
from explorer.values import Example

COLOUR = Image.merge("RGB", [Image.linear_gradient("L").resize((40, 30))] * 3)


def refusal(data, name="a.bin"):
    with pytest.raises(UnreadableExample) as refused:
        images.picture(Example("image", data, name))
    assert "\n" not in str(refused.value)
    assert str(refused.value).endswith((".", "WebP."))
    return str(refused.value)


def encoded(kind, image=COLOUR, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(bits=8, colour=0, packed=0, filtered=0, interlaced=0, between=b""):
    header = struct.pack(">IIBBBBB", 4, 4, bits, colour, packed, filtered, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + between + chunk(b"IDAT", zlib.compress(bytes(20))) + chunk(b"IEND", b"")


def tiff(**tags):
    """Return a TIFF of 8 x 8 values that are there; tags by their names in Pillow."""
    plain = {"IMAGEWIDTH": 8, "IMAGELENGTH": 8, "BITSPERSAMPLE": 8, "COMPRESSION": 1, "PHOTOMETRIC_INTERPRETATION": 1}
    plain |= {"STRIPOFFSETS": 300, "SAMPLESPERPIXEL": 1, "ROWSPERSTRIP": 8, "STRIPBYTECOUNTS": 64}
    numbers = {getattr(TiffImagePlugin, name): value for name, value in {**plain, **tags}.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(numbers.items()))
    return (struct.pack("<2sHIH", b"II", 42, 8, len(numbers)) + entries).ljust(300, b"\0") + bytes(range(64))


def jpeg(marker=0xC0, bits=8):
    data = encoded("JPEG")
    at = data.index(b"\xff\xc0")
    return data[: at + 1] + bytes([marker]) + data[at + 2 : at + 4] + bytes([bits]) + data[at + 5 :]


UNSUPPORTED = {
    "TIFF as JPEG 2000": tiff(COMPRESSION=34_712),
    "TIFF with LERC": tiff(COMPRESSION=34_887),
    "TIFF of 24 bits": tiff(BITSPERSAMPLE=24),
    "TIFF of complex numbers": tiff(SAMPLEFORMAT=6, BITSPERSAMPLE=64),
    "PNG of 32 bits": png(bits=32),
    "PNG of another filter": png(filtered=1),
    "PNG of another packing of its profile": png(between=chunk(b"iCCP", b"x\0\1" + zlib.compress(b"y"))),
    "PNG with long notes": png(between=chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(2**21)))),
    "PNG of an iPhone's app": b"\x89PNG\r\n\x1a\n" + chunk(b"CgBI", bytes(4)) + png()[8:].replace(zlib.compress(bytes(20)), bytes(20)),
    "JPEG, lossless": jpeg(marker=0xC7),
    "JPEG, hierarchical": jpeg(marker=0xC5),
    "JPEG of 12 bits": jpeg(bits=12),
    "BMP of 2 bits": encoded("BMP")[:28] + b"\2\0" + encoded("BMP")[30:],
    "BMP as PNG": encoded("BMP")[:28] + b"\0\0\5\0\0\0" + encoded("BMP")[34:],
    "WebP of a newer version": encoded("WEBP", lossless=True)[:24] + b"\xf0" + encoded("WEBP", lossless=True)[25:],
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_intact_picture_of_a_form_that_is_not_read_is_called_unsupported(name):
    kind = {"WebP": "WEBP"}.get(name.split()[0], name.split()[0]).rstrip(",")
    said = refusal(UNSUPPORTED[name])
    assert said.startswith(f"a.bin is a {kind} picture of an unsupported form (")
    assert said.endswith("); save it as an ordinary PNG or JPEG.")


def flipped(data, place):
    return data[:place] + bytes([data[place] ^ 0x55]) + data[place + 1 :]


DAMAGED = {
    "a PNG's header": flipped(encoded("PNG"), 24),
    "a PNG's chunk": flipped(encoded("PNG"), 37),
    "a PNG sent as text": encoded("PNG").replace(b"\r\n", b"\n"),
    "a PNG's beginning alone": encoded("PNG")[:20],
    "a GIF's beginning alone": encoded("GIF")[:9],
    "a TIFF's beginning alone": encoded("TIFF")[:8],
    "a TIFF's bits": tiff(BITSPERSAMPLE=77),
    "a TIFF's colours": tiff(PHOTOMETRIC_INTERPRETATION=4711, BITSPERSAMPLE=24),
    "a TIFF's packing": tiff(COMPRESSION=4711),
    "a TIFF's strips": tiff(COMPRESSION=34_712, STRIPOFFSETS=2**31),
    "a JPEG's header": encoded("JPEG")[:30],
    "an icon's list": encoded("ICO", COLOUR.resize((32, 32)))[:9],
    "a WebP's beginning alone": encoded("WEBP")[:16],
    "a BMP's header": encoded("BMP")[:20],
    "a BMP's bits": encoded("BMP")[:28] + b"\x99\0" + encoded("BMP")[30:],
    "a PPM's header": b"P6 12 x",
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_picture_is_called_damaged_and_never_no_picture(name):
    said = refusal(DAMAGED[name])
    assert said.startswith("a.bin is damaged or cut off; Pillow says: ")
    assert said.endswith(". Save it again, or use another copy of it.")


@pytest.mark.parametrize(
    "data",
    [
        b"BMW is not the only make.",
        b"Python is a language.",
        b"GIFt",
        b"\xff\xfe" + "Dear all".encode("utf-16-le"),
        b"\xff\xfb\x90" + bytes(500),
    ],
    ids=["BM", "P", "GI", "text", "one frame"],
)
def test_what_only_begins_a_little_like_a_picture_or_a_sound_is_neither(data):
    assert refusal(data).startswith("a.bin is not a picture that can be read; use JPEG, PNG")


def test_a_sound_is_called_one_where_frames_follow_each_other():
    frame = b"\xff\xfb\x90\x00".ljust(417, b"\0")
    assert refusal(frame * 3).startswith("a.bin is a sound")
    assert refusal(b"FORM\0\0\1\0AIFFCOMM").startswith("a.bin is a sound")


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits", "tiff_adobe_deflate"])
def test_what_libtiff_prints_is_kept_for_the_sentence(compression, capfd):
    data = encoded("TIFF", compression=compression)
    end = int.from_bytes(data[4:8], "little")  # of the pixels, where the tags begin
    said = refusal(data[:8] + np.random.default_rng(3).bytes(end - 8) + data[end:])
    assert "decoder error" not in said
    told = capfd.readouterr()
    assert (told.out, told.err) == ("", "")


def test_what_others_print_meanwhile_is_passed_on(capfd, monkeypatch):
    import os

    load = TiffImagePlugin.TiffImageFile.load
    monkeypatch.setattr(TiffImagePlugin.TiffImageFile, "load", lambda image: (os.write(2, b"INFO: something else\n"), load(image))[1])
    images.picture(Example("image", encoded("TIFF"), "a.tif"))
    assert set(capfd.readouterr().err.splitlines()) == {"INFO: something else"}


def test_what_pillow_logs_is_not_printed(capfd):
    assert "damaged" in refusal(tiff(SAMPLESPERPIXEL=9000))
    assert capfd.readouterr().err == ""


def check_sums(data):
    """Return where the last byte of the strips of a TIFF lies."""
    tags = Image.open(io.BytesIO(data)).tag_v2
    return [start + size - 1 for start, size in zip(tags[273], tags[279], strict=True)]


@pytest.mark.parametrize("options", [{}, {"strip_size": 400}, {"tiffinfo": {317: 2}}, {"strip_size": 400, "big_tiff": True}], ids=str)
@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_adobe_deflate"])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "I;16", "F", "CMYK", "RGBA"])
def test_a_wrong_check_sum_of_a_tiff_is_damage(mode, compression, options):
    image = COLOUR.convert("F").convert(mode) if mode in ("F", "I;16") else COLOUR.convert(mode)
    options = options if mode not in ("F", "1") else {name: value for name, value in options.items() if name != "tiffinfo"}
    data = encoded("TIFF", image, compression=compression, **options)
    assert images.picture(Example("image", data, "a.tif")) is not None
    places = check_sums(data)
    for place in {places[0], places[len(places) // 2], places[-1]}:
        damaged = bytearray(data)
        damaged[place] ^= 4
        assert "a.tif is damaged" in refusal(bytes(damaged), "a.tif")


def tiled(tiles, **tags):
    """Return a grey TIFF of 20 x 20 pixels in four tiles of 16 x 16 that are packed with deflate."""
    written = TiffImagePlugin.ImageFileDirectory_v2()
    offsets = np.cumsum([8, *map(len, tiles)]).tolist()
    of_page = {256: 20, 257: 20, 258: 8, 259: 8, 262: 1, 277: 1, 322: 16, 323: 16, 324: tuple(offsets[:-1]), 325: tuple(map(len, tiles))}
    for tag, value in (of_page | {int(name[1:]): value for name, value in tags.items()}).items():
        written[tag] = value
    head = b"II*\0" + struct.pack("<I", offsets[-1] + offsets[-1] % 2) + b"".join(tiles) + bytes(offsets[-1] % 2)
    return head + written.tobytes(len(head))


def test_tiles_are_checked_too_and_longer_ones_are_read_as_libtiff_reads_them():
    tile = zlib.compress(bytes(range(256)))
    assert images.picture(Example("image", tiled([tile] * 4), "a.tif")) is not None
    for one in range(4):
        damaged = [tile[:-1] + b"\0" if place == one else tile for place in range(4)]
        assert "a.tif is damaged" in refusal(tiled(damaged), "a.tif")
    longer = zlib.compress(bytes(range(256)) * 3)
    for whole in ([longer] * 4, [tile + b"behind it"] * 4):
        assert images.picture(Example("image", tiled(whole), "a.tif")) is not None
    assert "Pillow" in refusal(tiled([tile] * 4, t323=0), "a.tif")


def test_what_pillow_logs_is_kept_to_itself_whoever_has_set_logging_up(caplog):
    with caplog.at_level(logging.DEBUG), unlogged("PIL.TiffImagePlugin"):
        logging.getLogger("PIL.TiffImagePlugin").error("More samples per pixel than can be decoded")
    assert not caplog.records
    logging.getLogger("PIL.TiffImagePlugin").error("afterwards")
    assert [one.message for one in caplog.records] == ["afterwards"]


def test_others_log_as_before_while_a_picture_is_read(caplog):
    log = logging.getLogger("PIL.TiffImagePlugin")
    with unlogged(log.name):
        thread = threading.Thread(target=log.error, args=("of another thread",))
        thread.start()
        thread.join()
    assert [one.message for one in caplog.records] == ["of another thread"]


def test_how_many_pixels_a_picture_has_is_told_by_its_header_alone():
    buffer = io.BytesIO()
    COLOUR.save(buffer, "TIFF", compression="tiff_adobe_deflate")
    data = bytearray(buffer.getvalue())
    (start,), (size,) = Image.open(buffer).tag_v2[273], Image.open(buffer).tag_v2[279]
    data[start + size - 1] ^= 1  # the last byte of its check sum
    example = Example("image", bytes(data), "a.tif")
    assert images.pixels(example) == 1200
    with pytest.raises(UnreadableExample, match="the checksum of its pixels is wrong"):
        images.picture(example)
