"""The files of pictures: opened, looked at, decoded by Pillow and brought upright to RGB, or refused in a sentence."""

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
from explorer.backend.inputs.image_faults import point, unsupported, why_not_opened
from explorer.backend.inputs.image_formats import is_raw, kind_of, raw, what_it_is
from explorer.backend.inputs.pixel_chunks import boxes
from explorer.backend.runtime.native_stderr import silenced, unlogged
from explorer.backend.runtime.refusals import refusing
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _

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
WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
VIA_RGB = ("CMYK", "YCbCr", "LAB", "HSV")  # what Pillow gives no alpha to
# Only formats that Pillow decodes itself: no EPS, which would start Ghostscript.
Image.init()
FORMATS = tuple(one for one in ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "ICO", "AVIF") if one in Image.OPEN)
LIBTIFF = re.compile(  # how the lines begin that it prints: with the place in its code, or the name that Pillow gives a file
    rb"\s*$|(_?TIFF|Fax|LZ|ZIP|PackBits|ZSTD|O?JPEG|PixarLog|Log|SGI|LERC|WebP|Thunder|NeXT|Dump|Predictor|Estimate|MissingRequired"
    rb"|ChopUp|Read|allocChopped|gtStrip|gtTile)\w*: |(tempfile\.tif)?: "
)


def decoded(data: bytes, name: str, draft: bool = False, alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture in the bytes of a file upright, and what had to be assumed of it, in sentences.

    draft: only look whether it can be decoded, a JPEG at an eighth of its size; alpha: RGBA, with the transparency left where it is.
    Raises UnreadableExample.
    """
    with input_spec(name, data):
        return upright(_ready(data, name, draft), partial(_opened, data), alpha)


def is_deep(data: bytes, name: str) -> bool:
    """Whether the values of a picture have more than 8 bits. Raises UnreadableExample."""
    with input_spec(name, data):
        image_costs.check_icon(data, name)
        return bit_depth.is_deep(_opened(data))


def pixels(data: bytes, name: str) -> int:
    """Return how many pixels a picture has, which is not decoded. Raises UnreadableExample."""
    with input_spec(name, data):
        width, height = _looked_at(data, name).size
    return width * height


def is_picture(data: bytes) -> bool:
    """Whether the bytes of a file begin as those of a picture do; those of a TIFF only where Pillow has pictures with its values."""
    if kind_of(data) != "TIFF":
        return bool(kind_of(data))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _opened(data)
    except UnidentifiedImageError:
        return False
    except Exception:  # noqa: BLE001  # it is said when it is read
        return True
    return True


def upright(image: Image.Image, again: Callable[[], Image.Image], alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return a picture upright, as RGB of 8 bits, and what had to be assumed of deeper ones; `again` opens it once more.

    A picture that nobody else holds is let go as soon as the next one is made of it.
    """
    image, notes = _turned(image, again)
    return _coloured(image, alpha), notes


@contextmanager
def input_spec(name: str, data: bytes = b"", kind: str = "") -> Iterator[None]:
    """Turn what is raised on files that are no pictures, damaged, unsupported or too large into sentences, and keep libtiff quiet.

    data: the file; kind: its format, where there is none. Raises UnreadableExample.
    """
    kind = kind or kind_of(data)
    sentence = _("{name} is damaged or cut off; Pillow says: {why}. Save it again, or take another copy of it.")
    said: list[str] = []
    with refusing(UnreadableExample, sentence, name), unlogged("PIL.TiffImagePlugin"):  # the one that logs errors
        try:
            with warnings.catch_warnings(), silenced(LIBTIFF) if kind == "TIFF" else nullcontext(said) as said:
                warnings.simplefilter("ignore")  # what Pillow thinks of a camera's damaged notes
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                yield
        except ExplorerError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            raise UnreadableExample(
                _("{name} holds more than {limit} million pixels; save a smaller copy.").format(name=name, limit=MAX_PIXELS // 10**6)
            ) from None
        except FloatingPointError:
            gaps = _("{name} holds NaN or infinite values; save it with numbers in their place.")
            raise UnreadableExample(gaps.format(name=name)) from None
        except MemoryError:
            raise
        except Exception as error:
            if data and not kind:
                raise UnreadableExample(_("{name} is {what}.").format(name=name, what=what_it_is(data))) from error
            why = why_not_opened(data) if isinstance(error, UnidentifiedImageError) else error
            _refuse_unsupported(name, kind, unsupported(data, why, said))
            if said:  # of which Pillow makes "decoder error -2"
                raise OSError(point(said[-1])) from error
            if why is not error:
                raise why from error
            raise


def _refuse_unsupported(name: str, kind: str, form: str) -> None:
    if form:
        raise UnreadableExample(
            _("{name} is a {kind} picture of an unsupported form ({form}); save it as an ordinary PNG or JPEG.").format(
                name=name, kind=kind, form=form
            )
        )


def _opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data), formats=FORMATS)


def _looked_at(data: bytes, name: str) -> Image.Image:
    """Return a picture that may be decoded by what its header says, and is not yet, if its format allows it."""
    image_costs.check_icon(data, name)
    image = _opened(data)
    if is_raw(image):
        raise UnreadableExample(_("{name} is {what}.").format(name=name, what=raw()))
    image_costs.check(image, data, name)
    return image


def _ready(data: bytes, name: str, draft: bool) -> Image.Image:
    """Return a picture that is to be decoded."""
    image = _looked_at(data, name)
    tiff_deflate.check(data, getattr(image, "tag_v2", {}), name)
    if image.mode in ("1", "L", "RGB"):
        _mend_transparency(image)
    if draft:
        image.draft("L", (1, 1))
    return image


def _mend_transparency(image: Image.Image) -> None:
    """Scale the transparent grey of a PNG of 2 or 4 bits as its pixels are, which Pillow leaves as it is in the file."""
    grey, bits = image.info.get("transparency"), {"L;2": 2, "L;4": 4}.get(bit_depth.raw_mode(image))
    if bits and isinstance(grey, int):
        most = 2**bits - 1
        image.info["transparency"] = (grey & most) * 255 // most


def _turned(image: Image.Image, again: Callable[[], Image.Image]) -> tuple[Image.Image, tuple[str, ...]]:
    made, notes = bit_depth.to_eight_bits(image, again)
    image.load()
    turn = UPRIGHT.get(_orientation(image))
    return (made if turn is None else made.transpose(turn)), notes


def _coloured(image: Image.Image, alpha: bool) -> Image.Image:
    """Return a picture of 8 bits a value as RGB, what is transparent laid on white; or as RGBA."""
    if image.mode == "La":  # from which Pillow gets to LA alone
        image = image.convert("LA")
    if not alpha and (image.mode in WITH_ALPHA or "transparency" in image.info):
        return _on_white(image)
    if image.mode == "LAB":  # which Pillow doesn't convert without profiles
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = cast("Image.Image", ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB"))
    if alpha:
        return (image.convert("RGB") if image.mode in VIA_RGB else image).convert("RGBA")
    return image if image.mode == "RGB" else image.convert("RGB")  # convert() would copy it, and a photograph is large


def _on_white(image: Image.Image) -> Image.Image:
    made = Image.new("RGB", image.size)
    for box in boxes(image.size):
        piece = image.crop(box).convert("RGBA")
        made.paste(Image.alpha_composite(Image.new("RGBA", piece.size, "white"), piece).convert("RGB"), box)
    return made


def _orientation(image: Image.Image) -> int:
    """Return how the camera was held, by the picture's EXIF notes; 1 (upright) where they don't say it."""
    try:
        said = image.getexif().get(ORIENTATION, 1)
        return int(said[0] if isinstance(said, tuple | bytes) else said)
    except Exception:  # noqa: BLE001  # damaged notes raise what they like, and the picture is there all the same
        return 1
