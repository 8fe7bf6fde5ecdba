"""Pictures: whatever people have -> an `Example` -> the batch a network reads -> what that looks like."""

from __future__ import annotations

import io
import os
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from explorer.backend.example_files import bytes_of, read_bytes
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Axis, Example, FileOnDisk, Reading, SeenInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any] | Example"

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
ORIENTATION = 0x0112  # the EXIF tag
DIGIT_CELLS = 8  # the digits that the bundled network learnt from have 8 x 8 cells
SOUNDS = (b"fLaC", b"OggS", b"ID3")  # how FLAC, Ogg and MP3 files begin
PREVIEW = 1024  # the longest side, in pixels, of a picture shown as it came
# Only formats that Pillow decodes itself: no EPS, which would start Ghostscript.
Image.init()
FORMATS = tuple(one for one in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "AVIF") if one in Image.OPEN)


def read(source: Source) -> Example:
    """Return the example that `source` holds; the picture is only decoded later.

    source: a path, the bytes of an image file, a binary file object, a Pillow image, or an array
        (height, width, 3) of uint8.
    Raises UnreadableExample where it is none of these, or where the path leads nowhere.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, np.ndarray):
        return Example("image", _checked(source), _("the array"))
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise UnreadableExample(_("The picture has no pixels."))
        with _refusing(_("The picture")):
            return Example("image", np.array(_upright_rgb(source)), _("the picture"))
    if isinstance(source, bytes | bytearray | memoryview):
        return Example("image", bytes(source), _("the picture"))
    if isinstance(source, str | os.PathLike):
        return Example("image", read_bytes(Path(source)), Path(source).name)
    if hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise UnreadableExample(_("The file object must be opened in binary mode ('rb')."))
        return Example("image", data, Path(str(getattr(source, "name", _("the picture")))).name)
    raise UnreadableExample(
        _("An example is a path, bytes, a file object, a Pillow image or an array (height, width, 3) of uint8, not {type}.").format(
            type=type(source).__name__
        )
    )


def _checked(array: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return a copy of the array, refused unless it is (height, width, 3) of uint8."""
    if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
        raise UnreadableExample(_("The array holds NaN or infinite values; pixels are uint8, 0 to 255."))
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise UnreadableExample(_("The array has the shape {shape}; a picture is (height, width, 3).").format(shape=array.shape))
    if array.dtype != np.uint8:
        raise UnreadableExample(_("The array is {dtype}; a picture is uint8, 0 to 255.").format(dtype=array.dtype))
    kept = array.copy()
    kept.flags.writeable = False  # what is remembered of it goes by its content
    return cast("np.ndarray[Any, np.dtype[np.uint8]]", kept)


def picture(example: Example) -> Image.Image:
    """Return the picture upright, as RGB: alpha on white, the first frame of animations, 16 bits brought to 8.

    Raises UnreadableExample with the reason, also where its file is gone or has changed.
    """
    if isinstance(example.data, np.ndarray):
        return Image.fromarray(example.data)
    return _decoded(example)


def check(example: Example) -> None:
    """Raise UnreadableExample where `picture` would. A file is read to its end, a JPEG at an eighth of its size and in grey."""
    if not isinstance(example.data, np.ndarray):
        _decoded(example, draft=True)


def _decoded(example: Example, draft: bool = False) -> Image.Image:
    data = bytes_of(example.data, example.name) if isinstance(example.data, FileOnDisk) else example.data
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is no picture.").format(name=example.name))
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
    with _refusing(example.name, data):
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if draft:
            image.draft("L", (1, 1))
        return _upright_rgb(image)


@contextmanager
def _refusing(name: str, data: bytes = b"") -> Iterator[None]:
    """Turn what Pillow raises on files that are none, damaged or too large into sentences."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow thinks of a camera's damaged notes
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableExample(
            _("{name} holds more than {limit} million pixels; save a smaller copy.").format(name=name, limit=MAX_PIXELS // 10**6)
        ) from None
    except UnidentifiedImageError:
        raise UnreadableExample(_("{name} is {what}.").format(name=name, what=_what_it_is(data))) from None
    except (OSError, SyntaxError, ValueError, RuntimeError, struct.error, MemoryError) as error:
        raise UnreadableExample(_("{name} is damaged or cut off; Pillow says: {why}.").format(name=name, why=error)) from error


def _what_it_is(data: bytes) -> str:
    known = {
        b"%PDF": _("a PDF document; export the page as PNG or JPEG"),
        b"<svg": _("an SVG drawing, which has no pixels yet; export it as PNG"),
        b"<?xml": _("an XML or SVG file; export the drawing as PNG"),
        b"%!PS": _("a PostScript file; export it as PNG"),
        b"RIFF": _("not a WebP picture though it begins like one"),
    }
    if data.startswith(SOUNDS) or data[8:12] == b"WAVE" or (data[:1] == b"\xff" and data[1:2] >= b"\xe0"):  # the last one: MP3
        return _("a sound; choose a network that hears, such as timbres")
    start = data[:512].lstrip()
    otherwise = _("not a picture that can be read; use JPEG, PNG, GIF, BMP, TIFF or WebP")
    return next((what for magic, what in known.items() if start.startswith(magic)), otherwise)


def _upright_rgb(image: Image.Image) -> Image.Image:
    if image.getexif().get(ORIENTATION, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bit(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    if image.mode != "RGB":
        return image.convert("RGB")
    image.load()  # convert() would copy it, and a photograph is large
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Return a 16-bit, 32-bit or float picture as 8-bit grey: integers by their range, floats by 0..1 or 0..255."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("it holds NaN or infinite values")
    top = values.max(initial=0.0)
    scales = (1.0, 255.0) if image.mode == "F" else (65_535.0, 2.0**31 - 1)
    full = scales[0] if top <= scales[0] else scales[1]
    return Image.fromarray(np.clip(values / full * 255, 0, 255).round().astype(np.uint8))


def to_batch(example: Example, reading: Reading) -> tuple[Pixels]:
    """Return the pixels a network reads, in a tuple of one: 0 to 255, before its own scaling.

    float32 (1, height, width, channels), or (1, channels, height, width) where `reading` says channels_first.
    Pictures are resized by nearest neighbour, as `keras.utils.load_img(target_size=...)` does. For the
    "digit" convention the values are ready to use: ink on black, 0 to 1.
    """
    if reading.convention == "digit":
        pixels = _digit(picture(example), reading)[0][None]
    else:
        pixels = np.asarray(_fitted(picture(example), reading), np.float32).reshape(1, *reading.size)
    return (np.moveaxis(pixels, -1, 1) if reading.data_format == "channels_first" else pixels,)


def to_view(example: Example, reading: Reading) -> SeenInput:
    """Return the picture as it came (its longest side at most 1024 pixels) and as the network sees it."""
    image = picture(example)
    came = image.copy()
    came.thumbnail((PREVIEW, PREVIEW))
    axes = axes_of(reading)
    if reading.convention == "digit":
        values, inverted = _digit(image, reading)
        seen = (values[..., 0] * 255).round().astype(np.uint8)
        notes = (_("Dark ink on light paper: inverted, as the network was trained on light ink."),) if inverted else ()
        return SeenInput(np.asarray(came), seen, image.size, axes, aligned=False, notes=notes)
    return SeenInput(np.asarray(came), np.asarray(_fitted(image, reading)), image.size, axes)


def blank(_reading: Reading) -> Example:
    """Return an example that every network of pictures can read: a black one."""
    return Example("image", np.zeros((1, 1, 3), np.uint8), _("a black picture"))


def axes_of(reading: Reading, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the picture that is read: rows and columns in pixels, channels."""
    height, width, channels = reading.size
    return (Axis("row", height, "pixel", 0, height), Axis("column", width, "pixel", 0, width), Axis("channel", channels))


def _fitted(image: Image.Image, reading: Reading) -> Image.Image:
    height, width, channels = reading.size
    fitted = image.resize((width, height), Image.Resampling.NEAREST)
    return fitted.convert("L") if channels == 1 else fitted


def _digit(image: Image.Image, reading: Reading) -> tuple[np.ndarray[Any, np.dtype[np.float32]], bool]:
    """Return ink as float32 (height, width, 1) in 0 to 1, and whether dark ink was inverted.

    The ink is cut out, stretched to its full contrast, put in the middle of a square and made as coarse
    as the digits that the network was trained on.
    """
    height, width, _channels = reading.size
    ink = np.asarray(image.convert("L"), np.float32) / 255
    border = np.concatenate((ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    inverted = bool(np.median(border) > 0.5)
    if inverted:
        ink = 1 - ink
    ink = np.clip(ink - np.median(1 - border if inverted else border), 0, None)
    if ink.max(initial=0) > 0:
        ink = ink / ink.max()
    rows, columns = np.nonzero(ink > 0.25)
    if rows.size:
        ink = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    side = max(ink.shape)
    square = Image.new("F", (side, side))
    square.paste(Image.fromarray(ink), ((side - ink.shape[1]) // 2, (side - ink.shape[0]) // 2))
    coarse = square.resize((DIGIT_CELLS, DIGIT_CELLS), Image.Resampling.BOX)
    fitted = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return np.clip(fitted / max(1.0, float(fitted.max())), 0, 1)[..., None], inverted
