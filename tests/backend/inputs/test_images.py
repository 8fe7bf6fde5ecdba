import contextlib
import io
import re
import struct
import warnings
import zipfile
import zlib
from itertools import product

import numpy as np
import pytest
from PIL import Image

from explorer.backend.inputs import digit_ink, image_files, images, pixel_arrays
from explorer.catalog import architectures
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.values import Example, FileOnDisk, Reading, TensorInfo


def reading_of(size, convention, data_format="channels_last"):
    height, width, channels = size
    shape = (channels, height, width) if data_format == "channels_first" else size
    return Reading("image", (TensorInfo("image", shape, "float32"),), convention, data_format, size)


SIZES = sorted({row.input_size for row in architectures.values() if row.input == "image" and row.convention != "digit"})
PHOTO, DIGITS = reading_of((224, 224, 3), "caffe"), reading_of((32, 32, 1), "digit")
STORED = {  # EXIF orientation: how a camera held that way stores the picture
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def rgb(source):
    """Return the pixels of a source as explorer decodes them."""
    return np.asarray(images.picture(images.read(source)))


def refusal(source):
    """Return the sentence with which a source is refused, here or when it is decoded."""
    with pytest.raises(UnreadableExample) as refused:
        images.picture(images.read(source))
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.fixture
def path(tmp_path, photo, encode):
    file = tmp_path / "a photo.png"
    file.write_bytes(encode(photo))
    return file


@pytest.mark.parametrize(
    "give",
    [
        str,
        lambda path: path,
        lambda path: path.read_bytes(),
        lambda path: bytearray(path.read_bytes()),
        lambda path: memoryview(path.read_bytes()),
        lambda path: io.BytesIO(path.read_bytes()),
        lambda path: Image.open(io.BytesIO(path.read_bytes())),
        lambda path: np.asarray(Image.open(path)),
        lambda path: np.asfortranarray(Image.open(path)),
        images.read,
    ],
    ids=["str", "Path", "bytes", "bytearray", "memoryview", "BytesIO", "Pillow", "array", "array in Fortran order", "Example"],
)
@pytest.mark.parametrize("reading", [DIGITS, PHOTO], ids=["digit", "photograph"])
def test_every_kind_of_source_gives_the_same_batch(give, reading, path):
    (expected,) = images.to_batch(Example("image", path.read_bytes(), "a"), reading)
    assert np.array_equal(images.to_batch(images.read(give(path)), reading)[0], expected)


def test_an_open_file_is_read_and_keeps_its_name(path):
    with path.open("rb") as file:
        example = images.read(file)
    assert example.name == "a photo.png"
    assert example.data == path.read_bytes()


def test_a_path_gives_the_name_without_its_folder(path):
    assert images.read(str(path)).name == "a photo.png"


def test_an_array_given_is_copied(photo):
    mine = photo.copy()
    example = images.read(mine)
    mine[:] = 0
    assert np.array_equal(example.data, photo)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP"])
def test_a_batch_is_what_keras_loads_from_the_file(kind, photo, encode, tmp_path):
    from explorer.backend.runtime.keras import keras

    file = tmp_path / f"photo.{kind.lower()}"
    file.write_bytes(encode(photo, kind))
    for size in [*SIZES, (64, 160, 3)]:
        expected = keras.utils.img_to_array(keras.utils.load_img(file, target_size=size[:2]))
        (batch,) = images.to_batch(images.read(file), reading_of(size, "tf"))
        assert batch.dtype == np.float32
        assert batch.shape == (1, *size)
        assert np.array_equal(batch[0], expected), size
        (first,) = images.to_batch(images.read(file), reading_of(size, "tf", "channels_first"))
        assert np.array_equal(first[0], expected.transpose(2, 0, 1)), size


def test_a_network_of_grey_pictures_gets_the_grey_that_keras_would_load(photo, encode, tmp_path):
    from explorer.backend.runtime.keras import keras

    file = tmp_path / "photo.png"
    file.write_bytes(encode(photo))
    expected = keras.utils.img_to_array(keras.utils.load_img(file, color_mode="grayscale", target_size=(48, 64)))
    (batch,) = images.to_batch(images.read(file), reading_of((48, 64, 1), "unit"))
    assert batch.shape == (1, 48, 64, 1)
    assert np.abs(batch[0] - expected).max() <= 1
    assert images.to_view(images.read(file), reading_of((48, 64, 1), "unit")).seen.shape == (48, 64)


def test_a_blank_picture_is_read_by_every_network():
    for reading in (PHOTO, DIGITS, reading_of((64, 160, 3), "torch", "channels_first")):
        (batch,) = images.to_batch(images.blank(reading), reading)
        assert batch.shape == (1, *reading.inputs[0].shape)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_a_picture_comes_out_upright_whichever_way_the_camera_was_held(kind, photo, encode):
    exif = Image.Exif()
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    for orientation, turn in STORED.items():
        exif[image_files.ORIENTATION] = orientation
        stored = encode(Image.fromarray(photo).transpose(turn), kind, exif=exif, **options)
        for source in (stored, Image.open(io.BytesIO(stored))):
            upright = rgb(source)
            assert upright.shape == photo.shape, orientation
            assert np.abs(upright.astype(int) - photo).max() <= (8 if kind == "JPEG" else 0), orientation


NUMBERS = {  # how cameras, and programs that have no idea, write that the orientation is 6: (TIFF's type, count, bytes)
    "short": (3, 1, b"\6\0"),
    "long": (4, 1, b"\6\0\0\0"),
    "byte": (1, 1, b"\6"),
    "text": (2, 2, b"6\0"),
    "two of them": (3, 2, b"\6\0\6\0"),
    "float": (11, 1, struct.pack("<f", 6)),
    "anything": (7, 1, b"\6"),
}
PLACES = {  # entries of the GPS notes that are not as they should be
    "a text for the altitude's reference": (5, 2, 2, b"0\0"),
    "a number for the hemisphere": (3, 3, 1, b"\1\0"),
    "fractions over zero": (2, 5, 3, bytes(24)),
    "too few bytes": (2, 5, 3, b"\1" * 8),
    "a type that does not exist": (2, 99, 3, b"\1" * 8),
    "more than the file has": (2, 5, 2**31, b"\1" * 4),
}


def notes_of_a_camera(orientation, place):
    """Return EXIF with an orientation and GPS notes of one entry."""
    kind, count, data = orientation
    gps = 8 + 2 + 2 * 12 + 4
    entries = struct.pack("<HHI4s", 0x0112, kind, count, data) + struct.pack("<HHII", 0x8825, 4, 1, gps)
    tag, kind, count, data = place
    lies = data if len(data) <= 4 else struct.pack("<I", gps + 2 + 12 + 4)
    notes = struct.pack("<H", 1) + struct.pack("<HHI4s", tag, kind, count, lies) + bytes(4) + data
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + notes


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # as the picture is written
def test_a_picture_comes_out_upright_however_odd_the_cameras_notes_are(kind, photo, encode):
    small = photo[:30, :50]
    turned = Image.fromarray(small).transpose(STORED[6])
    for (number, written), (place, pointer) in product(NUMBERS.items(), PLACES.items()):
        stored = encode(turned, kind, exif=notes_of_a_camera(written, pointer))
        for source in (stored, Image.open(io.BytesIO(stored))):
            assert rgb(source).shape == small.shape, (number, place)


def test_notes_of_the_camera_that_are_cut_off_do_not_hide_the_picture(photo, encode):
    notes = notes_of_a_camera(NUMBERS["short"], PLACES["fractions over zero"])
    for count in range(6, len(notes)):
        assert sorted(rgb(encode(photo, "JPEG", exif=notes[:count])).shape) == sorted(photo.shape)


@pytest.mark.parametrize("orientation", [0, 9, 77, 65_535])
def test_an_orientation_that_is_none_is_upright(orientation, photo, encode):
    data = encode(photo, "JPEG", exif=notes_of_a_camera((3, 1, struct.pack("<H", orientation)), PLACES["too few bytes"]))
    assert rgb(data).shape == photo.shape


def on_white(grey, alpha):
    return grey * (alpha / 255) + 255 * (1 - alpha / 255)


@pytest.mark.parametrize(("mode", "pixel"), [("RGBA", (200, 100, 50)), ("LA", (90,))])
def test_alpha_is_laid_on_white(mode, pixel, encode):
    for alpha in (0, 77, 128, 255):
        pixels = rgb(encode(Image.new(mode, (5, 3), (*pixel, alpha))))
        assert pixels.shape == (3, 5, 3)
        expected = [on_white(value, alpha) for value in (pixel if len(pixel) == 3 else pixel * 3)]
        assert np.abs(pixels - expected).max() <= (0 if alpha in (0, 255) else 1)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_laid_on_white(kind, encode):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((0, 0), 0)
    pixels = rgb(encode(image, kind, transparency=0))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 3].tolist() == [200, 100, 50]


@pytest.mark.parametrize(("mode", "transparent", "drawn"), [("RGB", (1, 2, 3), (9, 8, 7)), ("L", 3, 100)])
def test_a_transparent_colour_is_laid_on_white(mode, transparent, drawn, encode):
    image = Image.new(mode, (4, 2), transparent)
    image.putpixel((3, 1), drawn)
    pixels = rgb(encode(image, "PNG", transparency=transparent))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[1, 3].tolist() == list(drawn if mode == "RGB" else (drawn,) * 3)


def test_a_palette_becomes_its_colours(encode):
    image = Image.new("P", (4, 2), 1)
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putpixel((3, 0), 0)
    pixels = rgb(encode(image))
    assert pixels[0, 3].tolist() == [10, 20, 30]
    assert pixels[1, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize(("kind", "slack"), [("TIFF", 0), ("JPEG", 4)])
@pytest.mark.parametrize(
    ("ink", "expected"), [((0, 255, 255, 0), (255, 0, 0)), ((0, 0, 0, 255), (0, 0, 0)), ((0, 0, 0, 0), (255, 255, 255))]
)
def test_inks_become_light(kind, slack, ink, expected, encode):
    pixels = rgb(encode(Image.new("CMYK", (16, 8), ink), kind, **({"quality": 100} if kind == "JPEG" else {})))
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels.astype(int) - expected).max() <= slack


GREY = np.array([[0, 1, 127], [128, 254, 255]], np.uint8)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.fromarray(GREY), "PNG"),
        (Image.fromarray(GREY.astype(np.uint16) * 257), "PNG"),
        (Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF"),
        (Image.fromarray((GREY / 255).astype(np.float32)), "TIFF"),
        (Image.fromarray(GREY.astype(np.float32)), "TIFF"),
    ],
    ids=["8 bits", "16 bits", "16 bits, TIFF", "floats to 1", "floats to 255"],
)
def test_every_depth_of_grey_becomes_the_same_eight_bits(image, kind, encode):
    for source in (encode(image, kind), image):
        assert np.array_equal(rgb(source), np.stack([GREY] * 3, -1))


def test_sixteen_bits_are_scaled_not_cut_off(encode):
    deep = np.array([[0, 200, 257, 300], [30_000, 40_000, 65_000, 65_535]], np.uint16)
    assert np.array_equal(rgb(encode(deep))[..., 0], np.round(deep / 65_535 * 255))


def test_one_bit_becomes_black_and_white(encode):
    bits = np.array([[True, False, True], [False, False, True]])
    assert np.array_equal(rgb(encode(Image.fromarray(bits)))[..., 1], bits * 255)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_frame_of_an_animation_counts(kind, encode):
    frames = [Image.new("RGB", (6, 4), colour) for colour in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = rgb(encode(frames[0], kind, save_all=True, append_images=frames[1:], **options))
    assert pixels.shape == (4, 6, 3)
    assert (pixels == (255, 0, 0)).all()


def test_every_format_that_is_offered_is_read(photo, encode):
    square = Image.fromarray(photo).resize((32, 32))
    shapes = {kind: rgb(encode(square, kind)).shape for kind in image_files.FORMATS}
    assert shapes == dict.fromkeys(image_files.FORMATS, (32, 32, 3))


def bomb(width, height):
    """Return a PNG of some hundred bytes that claims to be this large."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 9_000), (2**31 - 1, 1)])
def test_a_picture_that_would_fill_the_memory_is_refused_before_it_is_decoded(size, tmp_path):
    file = tmp_path / "bomb.png"
    file.write_bytes(bomb(*size))
    assert refusal(file).startswith("bomb.png holds more than 89 million pixels")


def boxes(brand, *others):
    """Return how a file of the family of MP4 begins that has this brand, and names others."""
    return struct.pack(">I", 16 + 4 * len(others)) + b"ftyp" + brand + bytes(4) + b"".join(others) + bytes(200)


def zipped(*names):
    """Return the bytes of a zip with files of these names."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("notes.jpg", b"Dear all,\nthis is no picture.\n", "notes.jpg is not a picture that can be read; use JPEG, PNG"),
        ("nothing.jpg", b"", "nothing.jpg is empty (0 bytes)"),
        ("drawing.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "drawing.svg is an SVG drawing"),
        ("drawing.svg", b'\n <?xml version="1.0"?><svg/>', "SVG"),
        ("paper.pdf", b"%PDF-1.7\n", "paper.pdf is a PDF document"),
        ("old.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "old.eps is a PostScript file"),
        ("sound.webp", b"RIFF\x10\0\0\0WAVEfmt ", "sound.webp is a sound; choose a network that hears"),
        ("film.webp", b"RIFF\x10\0\0\0AVI LIST", "film.webp is an AVI video; save one frame"),
        ("song.jpg", b"ID3\x03\0\0\0\0", "song.jpg is a sound"),
        ("zeros.png", bytes(1000), "zeros.png is not a picture that can be read"),
        ("IMG_1.jpg", boxes(b"heic", b"mif1", b"heic"), "IMG_1.jpg is a HEIC picture, as iPhones take them"),
        ("IMG_2.HEIF", boxes(b"mif1", b"mif1", b"heic"), "IMG_2.HEIF is a HEIC picture"),
        ("late.avif", boxes(b"mif1", b"mif1", b"avif"), "late.avif is an AVIF picture that can't be decoded here"),
        ("film.jpg", boxes(b"qt  "), "film.jpg is an MP4, MOV or similar video; save one frame of it as JPEG or PNG"),
        ("film.webm", b"\x1a\x45\xdf\xa3" + bytes(99), "film.webm is a WebM or Matroska video"),
        ("raw.cr3", boxes(b"crx "), "raw.cr3 is a camera's raw file, which explorer can't read; save or export it as JPEG or PNG"),
        ("raw.cr2", b"II*\0\x10\0\0\0CR\2\0" + bytes(99), "raw.cr2 is a camera's raw file"),
        ("layers.psd", b"8BPS\0\1" + bytes(99), "layers.psd is a Photoshop document"),
        ("scan.dcm", bytes(128) + b"DICM" + bytes(99), "scan.dcm is a DICOM picture"),
        ("new.jxl", b"\xff\x0a\xfa\x1f", "new.jxl is a JPEG XL picture"),
        ("old.jp2", b"\0\0\0\x0cjP  \r\n\x87\n", "old.jp2 is a JPEG 2000 picture"),
        ("page.jpg", b"<!DOCTYPE html><html>", "page.jpg is a web page; save the picture itself"),
        ("array.npy", b"\x93NUMPY\1\0", "array.npy can't be read: it is damaged or cut off, or no file of arrays"),
        ("some.jpg", zipped("picture.png"), "some.jpg is a zip; unpack it"),
        ("some.zip", zipped("picture.png")[:-30], "some.zip is a damaged or cut-off zip; take another copy"),
        ("list.zip", zipped("picture.png").replace(b"PK\1\2", b"PK\1\0"), "list.zip is a damaged or cut-off zip"),
        ("notzip.zip", b"PK\3\4" + bytes(99), "notzip.zip is a damaged or cut-off zip"),
        ("net.keras", zipped("config.json", "model.weights.h5"), "net.keras is a file of Keras, a model or its weights"),
        ("net.h5", b"\x89HDF\r\n\x1a\n" + bytes(99), "net.h5 is a file of Keras, a model or its weights"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_a_file_that_is_no_picture_is_named_with_what_it_is(name, data, says, tmp_path):
    file = tmp_path / name
    file.write_bytes(data)
    assert says in refusal(file)
    assert says.removeprefix(name) in refusal(data)


@pytest.mark.parametrize("tags", [{50_706: b"\1\4\0\0"}, {254: 1, 330: 8}], ids=["DNG", "NEF"])
def test_the_small_copy_in_a_cameras_raw_file_is_not_taken_for_the_picture(tags, encode):
    assert "is a camera's raw file" in refusal(encode(Image.new("RGB", (160, 120)), "TIFF", tiffinfo=tags))


def claiming(width, height, compression):
    """Return a TIFF of some hundred bytes that claims to be this large, of 8 bits a pixel."""
    tags = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: 150, 277: 1, 278: 12, 279: 300}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(404)


@pytest.mark.parametrize(
    "data", [claiming(16, 3_000_000, 1), claiming(1, 5_000_000, 5), claiming(8000, 8000, 8)], ids=["raw", "LZW", "deflate"]
)
def test_a_header_that_promises_more_than_the_file_can_hold_is_refused_before_it_is_decoded(data, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda _self: pytest.fail("it was decoded"))
    assert re.search(r"claims to hold [\d,]+ x [\d,]+ pixels, which can't be in its \d+ bytes; save the picture again", refusal(data))


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "1", {}),
        ("PNG", "RGB", {}),
        ("GIF", "L", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("TIFF", "L", {"compression": "tiff_lzw"}),
        ("TIFF", "L", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "1", {"compression": "group4"}),
    ],
)
def test_a_large_picture_of_one_colour_is_read(kind, mode, options, encode):
    assert not rgb(encode(Image.new(mode, (3000, 2000)), kind, **options)).any()


@pytest.mark.parametrize(
    "error", [TypeError, KeyError, IndexError, ZeroDivisionError, OverflowError, RecursionError, MemoryError, AttributeError, struct.error]
)
def test_whatever_a_decoder_raises_becomes_a_sentence(error, monkeypatch, photo, encode):
    def failing(_image):
        raise error

    data = encode(photo)
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load_end", failing)
    assert refusal(data).startswith("the picture ")


def test_a_picture_that_is_cut_off_is_refused_by_name(tmp_path, photo, encode):
    for kind, part in product(image_files.FORMATS, (0.5, 0.9)):
        data = encode(Image.fromarray(photo).resize((64, 64)), kind)
        file = tmp_path / f"half.{kind.lower()}"
        file.write_bytes(data[: int(part * len(data))])
        assert refusal(file).startswith(f"{file.name} is ")


def test_a_jpeg_that_is_cut_off_says_so(photo, encode):
    data = encode(photo, "JPEG")
    assert "is damaged or cut off; Pillow says: " in refusal(data[: len(data) // 2])


def test_a_pillow_image_that_is_cut_off_is_refused_too(photo, encode):
    data = encode(photo, "JPEG")
    assert "damaged or cut off" in refusal(Image.open(io.BytesIO(data[: len(data) // 2])))


def test_a_pillow_image_without_pixels_is_refused():
    refusal(Image.new("RGB", (0, 4)))


@pytest.mark.parametrize("kind", image_files.FORMATS)
def test_whatever_is_damaged_is_refused_with_a_sentence_or_read(kind, photo, encode):
    exif = Image.Exif()
    exif[image_files.ORIENTATION] = 6
    options = {"exif": exif} if kind in ("JPEG", "PNG", "WEBP", "AVIF") else {}
    sound = encode(Image.fromarray(photo).resize((40, 40)), kind, **options)
    random = np.random.default_rng(4)
    for _ in range(50):
        data = bytearray(sound)
        for place in random.integers(0, min(len(data), 300), random.integers(1, 6)):
            data[place] = random.integers(0, 256)
        with contextlib.suppress(UnreadableExample):
            assert rgb(bytes(data)).dtype == np.uint8


def test_damaged_notes_of_the_camera_neither_hide_the_picture_nor_warn(photo, encode):
    exif = Image.Exif()
    exif[0x010E] = "A description that is long enough to lie elsewhere."
    data = encode(photo, "JPEG", exif=exif)
    length = data.index(struct.pack(">HH", 0x010E, 2)) + 4  # of the entry for the description: tag, type, length, place
    damaged = data[:length] + struct.pack(">I", 99_999) + data[length + 4 :]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert np.array_equal(rgb(damaged), rgb(data))
    assert not warned


def test_a_path_that_leads_nowhere_is_named(tmp_path):
    assert refusal(tmp_path / "gone.jpg") == f"There is no file {tmp_path / 'gone.jpg'}."
    assert refusal(str(tmp_path / "gone.jpg")) == f"There is no file {tmp_path / 'gone.jpg'}."


@pytest.mark.parametrize("text", ["x" * 5000, "a\0b", "iVBORw0KGgo/" * 100], ids=["too long", "with a zero", "base64"])
def test_a_text_that_can_be_no_path_is_refused_as_one(text):
    assert refusal(text)


def test_a_folder_is_no_picture(tmp_path):
    assert refusal(tmp_path) == f"{tmp_path} is not a file."


def test_a_file_opened_as_text_is_refused(path):
    with path.open(encoding="latin-1") as file:
        assert "opened in binary mode" in refusal(file)


@pytest.mark.parametrize("source", [3.5, None, 7, {"a": 1}, ("a.jpg",)])
def test_other_objects_are_refused_with_what_would_do(source):
    sentence = refusal(source)
    assert sentence.startswith("An example is a path, bytes, a file object, a Pillow image or an array (height, width, 3) of uint8")
    assert sentence.endswith(f"not {type(source).__name__}.")


@pytest.mark.parametrize("shape", [(4, 5, 5), (1, 4, 5, 3), (3,), (0, 5, 3), (4, 0, 3), ()])
def test_an_array_of_another_shape_is_refused_with_its_shape(shape):
    sentence = refusal(np.zeros(shape, np.uint8))
    assert str(shape) in sentence
    assert "(height, width, 3)" in sentence


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint16", "bool", "complex64"])
def test_an_array_of_another_type_is_refused_with_its_type(dtype):
    sentence = refusal(np.zeros((4, 5, 3), dtype))
    assert dtype in sentence
    assert "uint8" in sentence


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_array_with_gaps_is_refused(value):
    array = np.zeros((4, 5, 3), np.float32)
    array[2, 3, 1] = value
    assert "NaN or infinite" in refusal(array)


def test_a_picture_of_floats_with_gaps_is_refused(encode):
    array = np.zeros((4, 5), np.float32)
    array[2, 3] = np.nan
    assert "NaN or infinite" in refusal(encode(array, "TIFF"))


def test_the_network_sees_the_resized_picture_in_the_same_frame(photo):
    seen = images.to_view(images.read(photo), PHOTO)
    assert np.array_equal(seen.came, photo)
    assert seen.came_size == (150, 90)
    assert np.array_equal(seen.seen, images.to_batch(images.read(photo), PHOTO)[0][0])
    assert seen.aligned
    assert not seen.notes
    assert [(axis.name, axis.size, axis.unit) for axis in seen.axes] == [
        ("row", 224, "pixel"),
        ("column", 224, "pixel"),
        ("channel", 3, ""),
    ]


def test_a_large_picture_is_shown_smaller_in_its_own_proportions():
    seen = images.to_view(images.read(np.zeros((300, 3000, 3), np.uint8)), PHOTO)
    assert seen.came.shape == (102, 1024, 3)
    assert seen.came_size == (3000, 300)


def digit(ink, paper):
    """Return a hook like a 7, off the centre of a wide sheet."""
    sheet = np.full((60, 90, 3), paper, np.uint8)
    sheet[10:14, 50:70] = ink
    sheet[10:40, 66:70] = ink
    return images.read(sheet)


def test_dark_ink_on_light_paper_is_inverted_and_the_note_says_so():
    dark, light = (images.to_view(digit(*colours), DIGITS) for colours in ((20, 235), (235, 20)))
    assert np.array_equal(dark.seen, light.seen)
    assert ["inverted" in note for note in dark.notes] == [True]
    assert light.notes == ()
    assert not dark.aligned


@pytest.mark.parametrize("colours", [(0, 255), (255, 0), (90, 140), (140, 90)])
def test_a_digit_is_cut_out_centred_and_brought_to_full_contrast(colours):
    (batch,) = images.to_batch(digit(*colours), DIGITS)
    assert batch.shape == (1, 32, 32, 1)
    assert batch.dtype == np.float32
    assert 0 <= batch.min() <= batch.max() <= 1
    assert batch.max() > 0.95
    rows, columns = np.nonzero(batch[0, ..., 0] > 0.5)
    assert (rows.min(), rows.max()) == (0, 31)
    assert abs((columns.min() + columns.max()) / 2 - 15.5) <= 1
    assert batch[0, 31, 0, 0] == 0  # below the bar and left of the stem there is no ink


@pytest.mark.parametrize("shape", [(1, 40_000), (20_000, 30)])
def test_a_long_thin_picture_is_not_drawn_on_a_square_of_its_length(shape, monkeypatch):
    squares = []
    monkeypatch.setattr(Image, "new", lambda mode, size, *colour, new=Image.new: squares.append(size) or new(mode, size, *colour))
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[:, :] = np.arange(shape[1])[:, None] % 200
    (batch,) = images.to_batch(images.read(pixels), DIGITS)
    assert max(width * height for width, height in squares) <= 2048**2
    assert batch.shape == (1, 32, 32, 1)
    assert batch.max() > 0


def ink_all_at_once(pixels):
    """Return the ink of grey pixels as it was first worked out: of all of them at once, as floats."""
    ink = pixels.astype(np.float32) / 255
    border = np.concatenate((ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    inverted = np.median(border) > 0.5
    ink = 1 - ink if inverted else ink
    ink = np.clip(ink - np.median(1 - border if inverted else border), 0, None)
    ink = ink / ink.max() if ink.max() > 0 else ink
    rows, columns = np.nonzero(ink > 0.25)
    if rows.size:
        ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    if max(ink.shape) > digit_ink.LONGEST:
        shape = [max(1, size * digit_ink.LONGEST // max(ink.shape)) for size in ink.shape[::-1]]
        ink = np.asarray(Image.fromarray(ink).resize(shape, Image.Resampling.BOX))
    side = max(ink.shape)
    square = Image.new("F", (side, side))
    square.paste(Image.fromarray(ink), ((side - ink.shape[1]) // 2, (side - ink.shape[0]) // 2))
    fitted = np.asarray(square.resize((8, 8), Image.Resampling.BOX).resize((32, 32), Image.Resampling.BICUBIC))
    return np.clip(fitted / max(1.0, float(fitted.max())), 0, 1)[..., None]


@pytest.mark.parametrize("longest", [20, 2048])
def test_ink_is_the_same_as_worked_out_of_all_pixels_at_once(longest, monkeypatch):
    monkeypatch.setattr(digit_ink, "LONGEST", longest)
    monkeypatch.setattr("explorer.backend.inputs.pixel_chunks.PIXELS", 50)
    random = np.random.default_rng(0)
    for kind in range(60):
        height, width = random.integers(1, 70, 2)
        pixels = random.integers(0, 256, (height, width)) if kind % 3 else np.full((height, width), kind)
        if kind % 2:  # a stroke on paper
            pixels[:] = random.integers(0, 256)
            pixels[height // 3 : height // 2 + 1, width // 3 : width // 2 + 1] = random.integers(0, 256, 2)[:1]
        pixels = pixels.astype(np.uint8)
        (batch,) = images.to_batch(images.read(pixels), DIGITS)
        assert np.array_equal(batch[0], ink_all_at_once(pixels))


MODES = {  # Pillow's, each with a pixel, and what it is on white
    "1": (1, (255, 255, 255)),
    "L": (90, (90, 90, 90)),
    "LA": ((90, 128), (172, 172, 172)),
    "La": ((90, 128), (217, 217, 217)),  # light that is left, on the half of white that is seen through
    "PA": ((0, 0), (255, 255, 255)),
    "RGB": ((1, 2, 3), (1, 2, 3)),
    "RGBA": ((0, 0, 0, 128), (127, 127, 127)),
    "RGBa": ((90, 50, 40, 128), (217, 177, 167)),
    "RGBX": ((1, 2, 3, 4), (1, 2, 3)),
    "CMYK": ((255, 0, 0, 0), (0, 255, 255)),
    "YCbCr": ((90, 128, 128), (90, 90, 90)),
    "HSV": ((0, 255, 255), (255, 0, 0)),
    "LAB": ((255, 128, 128), (255, 255, 255)),
    "I;16": (65_535, (255, 255, 255)),
    "I;16B": (65_535, (255, 255, 255)),
    "I": (2**31 - 1, (255, 255, 255)),
    "F": (1.0, (255, 255, 255)),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_pillow_image_of_any_mode_is_read_with_any_number_of_channels(mode):
    pixel, expected = MODES[mode]
    example = images.read(Image.new(mode, (5, 3), pixel))
    assert np.abs(np.asarray(images.picture(example))[0, 0].astype(int) - expected).max() <= 1
    for channels in (1, 2, 3, 4):
        (batch,) = images.to_batch(example, reading_of((3, 5, channels), "none"))
        assert batch.shape == (1, 3, 5, channels)


def test_looking_at_a_picture_leaves_the_array_that_it_is(photo):
    large = np.repeat(photo, 12, axis=1)
    example = images.read(large)
    images.to_view(example, PHOTO)
    assert np.array_equal(example.data, large)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_numbers_that_the_network_can_t_read_are_refused_from_a_file_too(value, tmp_path):
    array = np.zeros((8, 8, 3))
    array[2, 3, 1] = value
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UnreadableExample, match="holds NaN or infinite values"):
        pixel_arrays.numbers(images.read(tmp_path / "a.npy"), reading_of((8, 8, 3), "none"))


@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (1, 500)])
def test_a_blank_picture_gives_no_ink_and_no_gaps(shape):
    for grey in (0, 100, 128, 255):
        (batch,) = images.to_batch(images.read(np.full((*shape, 3), grey, np.uint8)), DIGITS)
        assert batch.shape == (1, 32, 32, 1)
        assert not batch.any()


def test_any_picture_is_brought_to_the_range_of_the_digit_network(photo):
    (batch,) = images.to_batch(images.read(photo), DIGITS)
    assert batch.shape == (1, 32, 32, 1)
    assert np.isfinite(batch).all()
    assert 0 <= batch.min() <= batch.max() <= 1


def on_disk(path):
    return Example("image", FileOnDisk(str(path), stamp_of(path)), "a photo")


def test_a_file_on_disk_is_read_when_it_is_needed(path, photo):
    example = on_disk(path)
    assert np.array_equal(images.picture(example), photo)
    path.write_bytes(b"something else")
    with pytest.raises(UnreadableExample, match="a photo has changed since it was chosen"):
        images.picture(example)
    path.unlink()
    with pytest.raises(UnreadableExample, match="There is no file"):
        images.picture(example)


def test_a_file_on_disk_that_is_too_large_is_refused(path, monkeypatch):
    monkeypatch.setattr("explorer.backend.inputs.files.LARGEST", 10)
    with pytest.raises(UnreadableExample, match="larger than 200 MB"):
        images.picture(on_disk(path))


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_checking_finds_a_jpeg_that_is_cut_off_wherever_decoding_does(mode, options, photo, encode):
    data = encode(Image.fromarray(photo).convert(mode), "JPEG", **options)
    images.check(Example("image", data, "a photo"))
    for share in (0.2, 0.5, 0.8, 0.97):
        cut = Example("image", data[: int(share * len(data))], "a photo")
        with pytest.raises(UnreadableExample) as refused:
            images.picture(cut)
        with pytest.raises(UnreadableExample) as found:
            images.check(cut)
        assert str(found.value)[:30] == str(refused.value)[:30]


def test_checking_a_picture_of_pixels_passes(photo):
    images.check(images.read(photo))
