"""Image files: opened, checked, decoded by Pillow and converted to upright RGB, or refused with a sentence."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import cast

from PIL import Image, ImageCms, UnidentifiedImageError

from explorer.backend.inputs import bit_depth, image_costs, tiff_deflate
from explorer.backend.inputs.image_faults import error_of_reader, libtiff_message, unsupported_form
from explorer.backend.inputs.image_formats import description, is_raw, kind_of, raw_description
from explorer.backend.inputs.pixel_chunks import boxes
from explorer.backend.runtime.native_stderr import silenced, unlogged
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _

MAX_PIXELS = Image.MAX_IMAGE_PIXELS or 89_478_485
ORIENTATION = 0x0112  # the EXIF tag
UPRIGHT = {  # the transpose for each of its values
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
WITHOUT_ALPHA = ("CMYK", "YCbCr", "LAB", "HSV")  # modes that Pillow can't convert to RGBA directly
# Only formats that Pillow decodes itself: no EPS, which would start Ghostscript.
Image.init()
FORMATS = tuple(name for name in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "AVIF") if name in Image.OPEN)
LIBTIFF = re.compile(  # the beginnings of the lines that it prints: a place in its code, or the file name that Pillow gives it
    rb"\s*$|(_?TIFF|Fax|LZ|ZIP|PackBits|ZSTD|O?JPEG|PixarLog|Log|SGI|LERC|WebP|Thunder|NeXT|Dump|Predictor|Estimate|MissingRequired"
    rb"|ChopUp|Read|allocChopped|gtStrip|gtTile)\w*: |(tempfile\.tif)?: "
)


def decoded(data: bytes, name: str, draft: bool = False, alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture in the bytes of a file, upright, and what had to be assumed about it, in sentences.

    draft: only check that it can be decoded, a JPEG at an eighth of its size; alpha: return RGBA, and keep the transparency.
    Raises UnreadableExample.
    """
    with image_errors(name, data):
        return upright(_opened_to_decode(data, name, draft), partial(_opened, data), alpha)


def is_deep(data: bytes, name: str) -> bool:
    """Whether the values of a picture have more than 8 bits. Raises UnreadableExample."""
    with image_errors(name, data):
        image_costs.check_icon(data, name)
        return bit_depth.is_deep(_opened(data))


def pixels(data: bytes, name: str) -> int:
    """Return the number of pixels of a picture, without decoding it. Raises UnreadableExample."""
    with image_errors(name, data):
        width, height = _checked(data, name).size
    return width * height


def is_picture(data: bytes) -> bool:
    """Whether the bytes of a file begin like a picture's; those of a TIFF only where Pillow has an image mode for its values."""
    if kind_of(data) != "TIFF":
        return bool(kind_of(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _opened(data)
    except UnidentifiedImageError:
        return False
    except Exception:  # noqa: BLE001  # reading it later reports the error
        return True
    return True


def upright(image: Image.Image, reopen: Callable[[], Image.Image], alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture upright, as RGB of 8 bits, and what had to be assumed about a deeper one; reopen: opens it once more.

    Each intermediate picture is released as soon as the next one has been made of it.
    """
    image, notes = _rotated(image, reopen)
    return _as_rgb(image, alpha), notes


@contextmanager
def image_errors(name: str, data: bytes = b"", format_name: str = "") -> Iterator[None]:
    """Turn exceptions from files that are no pictures, damaged, unsupported or too large into sentences, and silence libtiff.

    data: the file; format_name: its format, where there is no file. Raises UnreadableExample.
    """
    format_name = format_name or kind_of(data)
    sentence = _("{name} is damaged or cut off; Pillow says: {why}. Save it again, or use another copy of it.")
    messages: list[str] = []
    with refusing(UnreadableExample, sentence, name), unlogged("PIL.TiffImagePlugin"):  # which logs errors
        try:
            with warnings.catch_warnings(), silenced(LIBTIFF) if format_name == "TIFF" else nullcontext(messages) as messages:
                warnings.simplefilter("ignore")  # about damaged EXIF data
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                yield
        except ExplorerError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UnreadableExample(
                _("{name} holds more than {limit} million pixels; save a smaller copy.").format(name=name, limit=MAX_PIXELS // 10**6)
            ) from None
        except FloatingPointError:
            message = _("{name} holds NaN or infinite values; save it with numbers in their place.")
            raise UnreadableExample(message.format(name=name)) from None
        except MemoryError:
            raise
        except Exception as error:
            if data and not format_name:
                raise UnreadableExample(_("{name} is {what}.").format(name=name, what=description(data))) from error
            why = error_of_reader(data) if isinstance(error, UnidentifiedImageError) else error
            _check_form(name, format_name, unsupported_form(data, why, messages))
            if messages:  # which Pillow reports only as "decoder error -2"
                raise OSError(libtiff_message(messages[-1])) from error
            if why is not error:
                raise why from error
            raise


def _check_form(name: str, format_name: str, form: str) -> None:
    if form:
        raise UnreadableExample(
            _("{name} is a {kind} picture of an unsupported form ({form}); save it as an ordinary PNG or JPEG.").format(
                name=name, kind=format_name, form=form
            )
        )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _checked(data: bytes, name: str) -> Image.Image:
    """Return a picture whose header was checked, not decoded yet where its format allows that. Raises UnreadableExample."""
    image_costs.check_icon(data, name)
    image = _opened(data)
    if is_raw(image):
        raise UnreadableExample(_("{name} is {what}.").format(name=name, what=raw_description()))
    image_costs.check(image, data, name)
    return image


def _opened_to_decode(data: bytes, name: str, draft: bool) -> Image.Image:
    """Return a checked picture, prepared for decoding."""
    image = _checked(data, name)
    tiff_deflate.check(data, getattr(image, "tag_v2", {}), name)
    if image.mode in ("1", "L", "RGB"):
        _scale_transparency(image)
    if draft:
        image.draft("L", (1, 1))
    return image


def _scale_transparency(image: Image.Image) -> None:
    """Scale the transparent grey of a PNG of 2 or 4 bits like its pixels, which Pillow leaves at its value in the file."""
    grey, bits = image.info.get("transparency"), {"L;2": 2, "L;4": 4}.get(bit_depth.raw_mode(image))
    if bits and isinstance(grey, int):
        most = 2**bits - 1
        image.info["transparency"] = (grey & most) * 255 // most


def _rotated(image: Image.Image, reopen: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    image_8_bit, notes = bit_depth.to_eight_bits(image, reopen)
    image.load()
    rotation = UPRIGHT.get(_orientation(image))
    return (image_8_bit if rotation is None else image_8_bit.transpose(rotation)), notes


def _as_rgb(image: Image.Image, alpha: bool) -> Image.Image:
    """Return a picture of 8 bits a value as RGB, with transparent parts on white, or as RGBA."""
    if image.mode == "La":  # which Pillow converts to LA only
        image = image.convert("LA")
    if not alpha and (image.mode in WITH_ALPHA or "transparency" in image.info):
        return _on_white(image)
    if image.mode == "LAB":  # which Pillow doesn't convert without profiles
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = cast("Image.Image", ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB"))
    if alpha:
        return (image.convert("RGB") if image.mode in WITHOUT_ALPHA else image).convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")  # convert() would copy it, and photographs are large


def _on_white(image: Image.Image) -> Image.Image:
    result = Image.new("RGB", image.size)
    for box in boxes(image.size):
        chunk = image.crop(box).convert("RGBA")
        result.paste(Image.alpha_composite(Image.new("RGBA", chunk.size, "white"), chunk).convert("RGB"), box)
    return result


def _orientation(image: Image.Image) -> int:
    """Return the orientation in the picture's EXIF data, 1 (upright) to 8; 1 where there is none."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
        return int(value[0] if isinstance(value, tuple | bytes) else value)
    except Exception:  # noqa: BLE001  # damaged EXIF data raises various exceptions, and the picture is still readable
        return 1
