"""Pictures: whatever people have -> an `Example` -> the batch a network reads -> what that looks like."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from explorer.backend import depths, pixel_arrays
from explorer.backend.example_files import bytes_from, bytes_of, read_bytes, warn_of
from explorer.backend.picture_kinds import claims_too_much, is_raw, raw, what_it_is
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Axis, Example, FileOnDisk, Reading, SeenInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any] | Example"

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {  # by its values
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DIGIT_CELLS = 8  # the digits that the bundled network learnt from have 8 x 8 cells
LONGEST = 2048  # pixels of ink, from side to side, that are drawn on a square
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels
PREVIEW = 1024  # the longest side, in pixels, of a picture shown as it came
# Only formats that Pillow decodes itself: no EPS, which would start Ghostscript.
Image.init()
FORMATS = tuple(one for one in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "AVIF") if one in Image.OPEN)


def read(source: Source) -> Example:
    """Return the example that `source` holds; the picture is only decoded later.

    source: a path, the bytes of an image file, a binary file object, a Pillow image, or an array
        (height, width, 3) of uint8.
    Raises UnreadableExample where it is none of these, or where the path leads nowhere; warns (ExampleWarning) as `defects` tells.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, np.ndarray):
        return Example("image", pixel_arrays.kept(source), _("the array"))
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise UnreadableExample(_("The picture has no pixels."))
        with _refusing(_("The picture")):
            upright, notes = _upright_rgb(source, source.copy)
        warn_of(notes)
        return Example("image", np.array(upright), _("the picture"))
    if isinstance(source, bytes | bytearray | memoryview):
        return Example("image", bytes(source), _("the picture"))
    if isinstance(source, str | os.PathLike):
        return Example("image", read_bytes(Path(source)), Path(source).name)
    if hasattr(source, "read"):
        return Example("image", bytes_from(source), Path(str(getattr(source, "name", _("the picture")))).name)
    raise UnreadableExample(
        _("An example is a path, bytes, a file object, a Pillow image or an array (height, width, 3) of uint8, not {type}.").format(
            type=type(source).__name__
        )
    )


def picture(example: Example) -> Image.Image:
    """Return the picture upright, as RGB: alpha on white, the first frame of animations, more than 8 bits brought to 8.

    Raises UnreadableExample with the reason, also where its file is gone or has changed.
    """
    return _decoded(example)[0]


def is_picture(data: bytes) -> bool:
    """Whether the bytes of a file begin as those of a picture do."""
    try:
        with _refusing(""):
            _opened(data)
    except UnreadableExample as refused:
        return not isinstance(refused.__context__, UnidentifiedImageError)
    return True


def defects(example: Example, reading: Reading) -> tuple[str, ...]:
    """Return, in sentences, what had to be assumed of the values of an array, or of a picture of more than 8 bits.

    Raises UnreadableExample.
    """
    if pixel_arrays.array_of(example) is not None:
        return pixel_arrays.notes(example, reading)
    data = _bytes(example)
    with _refusing(example.name, data):
        deep = depths.is_deep(_opened(data))
    return _decoded(example)[1] if deep else ()


def check(example: Example) -> None:
    """Raise UnreadableExample where `picture` would. A file is read to its end, a JPEG at an eighth of its size and in grey."""
    _decoded(example, draft=True)


def _bytes(example: Example) -> bytes:
    data = bytes_of(example.data, example.name) if isinstance(example.data, FileOnDisk) else example.data
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is no picture.").format(name=example.name))
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
    return data


def _decoded(example: Example, draft: bool = False, alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture, and what `defects` tells of it; alpha: RGBA, with the transparency left where it is."""
    array = pixel_arrays.array_of(example)
    if array is not None:
        pixels = Image.fromarray(pixel_arrays.pixels_of(array))
        return _upright_rgb(pixels, pixels.copy, alpha)
    data = _bytes(example)
    with _refusing(example.name, data):
        image = _opened(data)
        if is_raw(image):
            raise UnreadableExample(_("{name} is {what}.").format(name=example.name, what=raw()))
        if claims_too_much(image, len(data)):
            raise UnreadableExample(
                _("{name} claims to hold {width} x {height} pixels, which can't be in its {size} bytes; save the picture again.").format(
                    name=example.name, width=f"{image.width:,}", height=f"{image.height:,}", size=f"{len(data):,}"
                )
            )
        if draft:
            image.draft("L", (1, 1))
        return _upright_rgb(image, partial(_opened, data), alpha)


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


@contextmanager
def _refusing(name: str, data: bytes = b"") -> Iterator[None]:
    """Turn what is raised on files that are no pictures, damaged or too large into sentences."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow thinks of a camera's damaged notes
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnreadableExample:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise UnreadableExample(
            _("{name} holds more than {limit} million pixels; save a smaller copy.").format(name=name, limit=MAX_PIXELS // 10**6)
        ) from None
    except UnidentifiedImageError:
        raise UnreadableExample(_("{name} is {what}.").format(name=name, what=what_it_is(data))) from None
    except FloatingPointError:
        raise UnreadableExample(_("{name} holds NaN or infinite values; save it with numbers in their place.").format(name=name)) from None
    except MemoryError as error:
        raise UnreadableExample(_("{name} takes more memory than there is; save a smaller copy.").format(name=name)) from error
    except Exception as error:  # Pillow's decoders raise what they like on damaged files
        why = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableExample(_("{name} is damaged or cut off; Pillow says: {why}.").format(name=name, why=why)) from error


def _upright_rgb(image: Image.Image, again: Callable[[], Image.Image], alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture upright, as RGB of 8 bits, and what had to be assumed of deeper ones; `again` opens it once more."""
    came = image
    image, notes = depths.to_eight_bits(image, again)
    came.load()
    turn = UPRIGHT.get(_orientation(came))
    if turn is not None:
        image = image.transpose(turn)
    if alpha:
        return image.convert("RGBA"), notes
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    if image.mode == "LAB":  # which Pillow doesn't convert without profiles
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = cast("Image.Image", ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB"))
    return (image if image.mode == "RGB" else image.convert("RGB")), notes  # convert() would copy it, and a photograph is large


def _orientation(image: Image.Image) -> int:
    """Return how the camera was held, by the picture's EXIF notes; 1 (upright) where they don't say it."""
    try:
        said = image.getexif().get(ORIENTATION, 1)
        return int(said[0] if isinstance(said, tuple | bytes) else said)
    except Exception:  # noqa: BLE001  # damaged notes raise what they like, and the picture is there all the same
        return 1


def to_batch(example: Example, reading: Reading) -> tuple[Pixels]:
    """Return the pixels a network reads, in a tuple of one: 0 to 255, before its own scaling.

    float32 (1, height, width, channels), or (1, channels, height, width) where `reading` says channels_first.
    Pictures are resized by nearest neighbour, as `keras.utils.load_img(target_size=...)` does. For the
    "digit" convention the values are ready to use: ink on black, 0 to 1.
    """
    example = pixel_arrays.plain(example, reading)
    if reading.convention == "digit":
        pixels = _digit(picture(example), reading)[0][None]
    else:
        pixels = np.asarray(_fitted(example, reading), np.float32).reshape(1, *reading.size)
    if len(reading.inputs[0].shape) < 3:  # grey pixels without an axis of channels, or laid out in a vector
        return (pixels.reshape(1, *reading.inputs[0].shape),)
    return (np.moveaxis(pixels, -1, 1) if reading.data_format == "channels_first" else pixels,)


def to_view(example: Example, reading: Reading) -> SeenInput:
    """Return the picture as it came (its longest side at most 1024 pixels) and as the network sees it."""
    axes, assumed = axes_of(reading), pixel_arrays.notes(example, reading)
    if numbers := pixel_arrays.numbers(example, reading):
        seen = pixel_arrays.shown(numbers.values, reading)
        return SeenInput(seen, seen, (seen.shape[1], seen.shape[0]), axes, notes=assumed)
    example = pixel_arrays.plain(example, reading)
    image, deep = _decoded(example)
    assumed = (*assumed, *deep)
    came = image.copy()
    came.thumbnail((PREVIEW, PREVIEW))
    if reading.convention == "digit":
        values, inverted = _digit(image, reading)
        seen = (values[..., 0] * 255).round().astype(np.uint8)
        dark = (_("Dark ink on light paper: inverted, as the network was trained on light ink."),) if inverted else ()
        return SeenInput(np.asarray(came), seen, image.size, axes, aligned=False, notes=(*assumed, *dark))
    return SeenInput(np.asarray(came), np.asarray(_fitted(example, reading)), image.size, axes, notes=assumed)


def blank(_reading: Reading) -> Example:
    """Return an example that every network of pictures can read: a black one."""
    return Example("image", np.zeros((1, 1, 3), np.uint8), _("a black picture"))


def axes_of(reading: Reading, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the picture that is read: rows and columns in pixels, channels."""
    height, width, channels = reading.size
    return (Axis("row", height, "pixel", 0, height), Axis("column", width, "pixel", 0, width), Axis("channel", channels))


def _fitted(example: Example, reading: Reading) -> Image.Image:
    """Return the picture in the size and with the channels that are read."""
    height, width, channels = reading.size
    image, _notes = _decoded(example, alpha=MODES[channels].endswith("A"))
    return image.resize((width, height), Image.Resampling.NEAREST).convert(MODES[channels])


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
    if max(ink.shape) > LONGEST:
        shape = [max(1, size * LONGEST // max(ink.shape)) for size in ink.shape[::-1]]
        ink = np.asarray(Image.fromarray(ink).resize(shape, Image.Resampling.BOX))
    side = max(ink.shape)
    square = Image.new("F", (side, side))
    square.paste(Image.fromarray(ink), ((side - ink.shape[1]) // 2, (side - ink.shape[0]) // 2))
    coarse = square.resize((DIGIT_CELLS, DIGIT_CELLS), Image.Resampling.BOX)
    fitted = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float32)
    return np.clip(fitted / max(1.0, float(fitted.max())), 0, 1)[..., None], inverted
