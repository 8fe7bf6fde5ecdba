"""Pictures of more than 8 bits a value come out as bright as the same picture of 8 bits, and it is said what was assumed."""

import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from explorer.backend.inputs import images
from explorer.errors import ExampleWarning, UnreadableExample
from explorer.values import Example, Reading, TensorInfo

RAMP = np.add.outer(np.arange(40), np.arange(60) * 2) / (39 + 118)  # 0 to 1
EIGHT_BITS = np.round(RAMP * 255)
COLOURS = Reading("image", (TensorInfo("picture", (40, 60, 3), "float32"),), size=(40, 60, 3))


def seen(data):
    """Return the pixels of a picture, and what is said of them."""
    example = Example("image", data, "a picture")
    return np.asarray(images.picture(example)).astype(int), images.defects(example, COLOURS)


def assumed(low, high, black, white):
    return (f"The picture's values go from {low} to {high}: {black} is taken for black, {white} for white.",)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_a_sensor_of_fewer_bits_in_a_picture_of_sixteen_is_as_bright_as_with_eight(bits, kind, encode):
    full = 2**bits - 1
    pixels, notes = seen(encode(np.round(RAMP * full).astype(np.uint16), kind))
    assert np.abs(pixels - EIGHT_BITS[..., None]).max() <= 1
    assert notes == (() if bits == 16 else assumed("0", f"{full:,}", "0", f"{full:,}"))


def test_the_scale_is_that_of_the_sensor_whatever_its_brightest_pixel_is(encode):
    pixels, notes = seen(encode(np.round(RAMP * 3000).astype(np.uint16), "PNG"))
    assert pixels.max() == round(3000 / 4095 * 255)
    assert notes == assumed("0", "3,000", "0", "4,095")


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (7000, 9000, np.uint16),
        (0, 100_000, np.int32),
        (-1000, 3000, np.int32),
        (0, 2, np.float32),
        (0, 100, np.float32),
        (0, 0.05, np.float32),
        (-1, 1, np.float32),
        (-1000, 3000, np.float32),
        (270.5, 300.25, np.float32),
    ],
)
def test_values_of_another_range_are_spread_from_black_to_white(low, high, dtype, encode):
    pixels, notes = seen(encode((low + RAMP * (high - low)).astype(dtype), "PNG" if dtype == np.uint16 else "TIFF"))
    assert np.abs(pixels - EIGHT_BITS[..., None]).max() <= 1
    low, high = (f"{one:,.0f}" if one == round(one) else f"{one:.3g}" for one in (low, high))
    assert notes == assumed(low, high, low, high)


def test_minus_one_to_one_keeps_its_middle_where_the_ends_are_not_reached(encode):
    pixels, _notes = seen(encode((RAMP * 1.7 - 0.9).astype(np.float32), "TIFF"))
    assert (pixels.min(), pixels.max()) == (round(0.05 * 255), round(0.9 * 255))


@pytest.mark.parametrize("full", [1, 255])
def test_floats_of_the_usual_ranges_are_what_they_were(full, encode):
    pixels, notes = seen(encode((RAMP * full).astype(np.float32), "TIFF"))
    assert np.abs(pixels - EIGHT_BITS[..., None]).max() <= 1
    assert notes == ()


@pytest.mark.parametrize(
    ("value", "dtype", "grey"),
    [(0, np.uint16, 0), (65_535, np.uint16, 255), (0, np.float32, 0), (0.5, np.float32, 128), (-3, np.float32, 0), (-3, np.int32, 0)],
)
def test_one_value_everywhere_gives_one_grey(value, dtype, grey, encode):
    pixels, _notes = seen(encode(np.full((3, 4), value, dtype), "PNG" if dtype == np.uint16 else "TIFF"))
    assert (pixels == grey).all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_gaps_are_refused_by_the_files_name(value, encode):
    array = RAMP.astype(np.float32)
    array[2, 3] = value
    with pytest.raises(UnreadableExample, match="a picture holds NaN or infinite values; save it with numbers in their place"):
        seen(encode(array, "TIFF"))


@pytest.mark.parametrize("mode", ["I", "I;16", "I;16B", "F"])
def test_a_pillow_image_is_read_alike(mode):
    dtypes = {"I": np.int32, "I;16": "<u2", "I;16B": ">u2", "F": np.float32}
    image = Image.fromarray(np.round(RAMP * 4095).astype(dtypes[mode]))
    assert image.mode == mode
    with pytest.warns(ExampleWarning, match=r"from 0 to 4,095: 0 is taken for black, 4,095 for white"):
        example = images.read(image)
    assert np.abs(images.picture(example) - EIGHT_BITS[..., None]).max() <= 1


def png_of(size, bits, colour_type, rows, transparent=()):
    """Return a PNG as Pillow can't write it; transparent: the value of each channel that is seen through."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", *size, bits, colour_type, 0, 0, 0)
    clear = chunk(b"tRNS", struct.pack(f">{len(transparent)}H", *transparent)) if transparent else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + clear + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def png_of_16_bits(values, colour_type, transparent=()):
    """Return a PNG of 16 bits a value: (rows, columns, channels)."""
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return png_of(values.shape[1::-1], 16, colour_type, rows, transparent)


def png_of_4_bits(values, transparent):
    """Return a PNG of one row of three grey values of 4 bits."""
    return png_of((3, 1), 4, 0, bytes([0, values[0] << 4 | values[1], values[2] << 4]), [transparent])


def tiff_of_16_bits(values, order, white_is_zero=False):
    """Return a TIFF of 16 bits a value, not compressed: (rows, columns, 1 or 3), in the order of bytes `<` or `>`."""
    data, channels = values.astype(f"{order}u2").tobytes(), values.shape[2]
    tags = {256: values.shape[1], 257: values.shape[0], 258: 16, 259: 1, 262: 0 if white_is_zero else 2 if channels == 3 else 1}
    tags |= {273: 0, 277: channels, 278: values.shape[0], 279: len(data)}
    behind = 8 + 2 + 12 * len(tags) + 4
    tags[273] = behind + 6
    entries = b""
    for tag, value in sorted(tags.items()):
        depths = tag == 258 and channels == 3  # three of them, which lie behind the entries
        entries += struct.pack(f"{order}HHII", tag, 3, 3, behind) if depths else struct.pack(f"{order}HHII", tag, 4, 1, value)
    start = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(tags))
    return start + entries + bytes(4) + struct.pack(f"{order}HHH", 16, 16, 16) + data


def coloured(full, channels):
    values = np.stack([RAMP, 1 - RAMP, RAMP / 2], axis=-1)
    values = values[..., :1] if channels < 3 else values
    alpha = np.ones((*RAMP.shape, 1)) if channels in (2, 4) else np.ones((*RAMP.shape, 0))
    return np.concatenate((np.round(values * full), alpha * 65_535), axis=-1)


@pytest.mark.parametrize(
    "write",
    [
        lambda full: png_of_16_bits(coloured(full, 3), 2),
        lambda full: png_of_16_bits(coloured(full, 4), 6),
        lambda full: png_of_16_bits(coloured(full, 2), 4),
        lambda full: tiff_of_16_bits(coloured(full, 3), "<"),
        lambda full: tiff_of_16_bits(coloured(full, 3), ">"),
    ],
    ids=["PNG", "PNG with alpha", "grey PNG with alpha", "TIFF", "TIFF of Motorola's order"],
)
def test_colours_are_as_bright_as_with_eight_bits(write):
    (full, none), (dark, notes) = seen(write(65_535)), seen(write(4095))
    assert none == ()
    assert np.abs(full[..., 0] - EIGHT_BITS).max() <= 1
    assert np.abs(full - dark).max() <= 1
    assert notes == assumed("0", "4,095", "0", "4,095")


@pytest.mark.parametrize(("kind", "bits"), [(0, 4), (0, 16), (2, 16)], ids=["grey of 4 bits", "grey of 16 bits", "colour of 16 bits"])
def test_a_transparent_colour_is_laid_on_white_whatever_its_depth(kind, bits):
    """The second pixel differs from it by the smallest step there is."""
    channels, most = 3 if kind == 2 else 1, 2**bits - 1
    values = [most * 2 // 5, most * 2 // 5 + 1, most]
    rows = np.repeat(np.array([values]).T, channels, axis=-1)[None]
    data = png_of_16_bits(rows, kind, [values[0]] * channels) if bits == 16 else png_of_4_bits(values, values[0])
    pixels, notes = seen(data)
    assert pixels[0, 0].tolist() == [255] * 3
    assert pixels[0, 1].tolist() == pytest.approx([values[1] / most * 255] * 3, abs=1)
    assert notes == ()
    clear = Reading("image", (TensorInfo("picture", (1, 3, 4), "float32"),), size=(1, 3, 4))
    (batch,) = images.to_batch(Example("image", data, "a picture"), clear)
    assert batch[0, 0, :, 3].tolist() == [0, 255, 255]


def test_a_transparent_value_of_a_dark_picture_does_not_count_for_its_range():
    values = np.round(RAMP * 4095)[..., None]
    values[:5] = 65_535
    pixels, notes = seen(png_of_16_bits(values, 0, [65_535]))
    assert (pixels[:5] == 255).all()
    assert np.abs(pixels[5:] - EIGHT_BITS[5:, :, None]).max() <= 1
    assert notes == assumed("130", "4,095", "0", "4,095")


def test_whole_numbers_of_32_bits_without_a_sign_are_none_with_one(encode):
    values = np.round(RAMP * (2**32 - 1)).astype(np.uint32)
    data = encode(Image.fromarray(values.view(np.int32)), "TIFF")
    sign = data.index(struct.pack("<HHI", 339, 3, 1)) + 8  # of the tag for the kind of numbers: 2 with a sign, 1 without
    pixels, notes = seen(data[:sign] + b"\1" + data[sign + 1 :])
    assert np.abs(pixels - EIGHT_BITS[..., None]).max() <= 1
    assert notes == ()


@pytest.mark.parametrize(("low", "high"), [(-3e38, 3e38), (0, 1e20), (1e-38, 3e-38)])
def test_floats_of_any_size_are_spread_and_told_in_few_digits(low, high, encode):
    pixels, notes = seen(encode((low * (1 - RAMP) + high * RAMP).astype(np.float32), "TIFF"))
    assert np.abs(pixels - EIGHT_BITS[..., None]).max() <= 1
    assert len(notes[0]) < 120


@pytest.mark.parametrize(
    "write",
    [
        lambda encode: encode(np.round(RAMP * 4095).astype(np.uint16), "PNG"),
        lambda encode: encode((RAMP * 3 - 1).astype(np.float32), "TIFF"),
        lambda encode: encode(np.round(RAMP * 1e6).astype(np.int32), "TIFF"),
        lambda _encode: png_of_16_bits(coloured(4095, 3), 2),
        lambda _encode: png_of_16_bits(coloured(4095, 4), 6),
        lambda _encode: png_of_16_bits(coloured(4095, 3), 2, [0, 4095, 0]),
        lambda encode: encode(Image.fromarray(EIGHT_BITS.astype(np.uint8)).convert("LA")),
    ],
)
def test_piece_by_piece_it_comes_out_as_all_at_once(write, encode, monkeypatch):
    data = write(encode)
    pixels, notes = seen(data)
    for size in (7, 60, 130):
        monkeypatch.setattr("explorer.backend.inputs.pixel_chunks.PIXELS", size)
        again, noted = seen(data)
        np.testing.assert_array_equal(again, pixels)
        assert noted == notes


def test_where_zero_is_white_it_is_white():
    pixels, notes = seen(tiff_of_16_bits(np.round(RAMP * 4095)[..., None], "<", white_is_zero=True))
    assert np.abs(255 - pixels - EIGHT_BITS[..., None]).max() <= 1
    assert notes == assumed("0", "4,095", "4,095", "0")


def test_python_warns_of_it_and_the_page_notes_it(digits, encode):
    data = encode(np.round(RAMP * 4095).astype(np.uint16), "PNG")
    with pytest.warns(ExampleWarning, match="is taken for black"):
        digits.predict(data)
    assert any("is taken for black" in note for note in digits.view(Example("image", data, "a picture")).notes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        digits.predict(encode(EIGHT_BITS.astype(np.uint8), "PNG"))
