"""Image formats: what a file is that was given as a picture, from its first bytes, and what to do where it can't be read."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from explorer.backend.inputs.mp3_frames import is_mp3
from explorer.locale import _

SOUNDS = (b"fLaC", b"OggS", b"ID3")  # how FLAC, Ogg and MP3 files begin
ZIPS = (b"PK\3\4", b"PK\5\6")  # how zips begin, and empty ones
LARGE = 2**32 - 1  # in the end record of a zip, where the ZIP64 record has the number instead
CANON = b"CR\2"  # at the ninth byte of a Canon raw file, which is a TIFF
ICON = b"\0\0\1\0"
# How files of the supported formats begin; those of BMP and PPM are checked further.
BEGINNINGS = {
    "PNG": (b"\x89PNG",),
    "JPEG": (b"\xff\xd8\xff",),
    "GIF": (b"GIF8",),
    "TIFF": (b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+"),
    "ICO": (ICON,),
}
BMP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes
PPM = re.compile(rb"P[1-6f][\s#]")
HEIC = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
AVIF = (b"avif", b"avis")
DNG_VERSION, SUBFILE, SUB_IFDS, REDUCED = 50706, 254, 330, 1  # a TIFF's tags; the first picture of most raw files is a small copy
TEXT = 512  # bytes at the start of a text file in which its kind is looked for

Describe = Callable[[], str]


def _picture_description(kind: str) -> str:
    return _("{kind}, which explorer can't read; save or export it as JPEG or PNG").format(kind=kind)


def _film_description(kind: str) -> str:
    return _("{kind}; save one frame of it as JPEG or PNG").format(kind=kind)


def _heic_description() -> str:
    return _("a HEIC picture, as iPhones take them, which explorer can't read; save it as JPEG, or set the camera to Most Compatible")


SIGNATURES: tuple[tuple[int, bytes, Describe], ...] = (
    (0, b"%PDF", lambda: _("a PDF document; export the page as PNG or JPEG")),
    (0, b"%!PS", lambda: _("a PostScript file; export it as PNG")),
    (0, b"8BPS", lambda: _picture_description(_("a Photoshop document"))),
    (0, b"gimp xcf", lambda: _picture_description(_("a GIMP document"))),
    (0, b"\0\0\0\x0cJXL ", lambda: _picture_description(_("a JPEG XL picture"))),
    (0, b"\xff\x0a", lambda: _picture_description(_("a JPEG XL picture"))),
    (0, b"\0\0\0\x0cjP  ", lambda: _picture_description(_("a JPEG 2000 picture"))),
    (0, b"\xff\x4f\xff\x51", lambda: _picture_description(_("a JPEG 2000 picture"))),
    (0, b"II\xbc\x01", lambda: _picture_description(_("a JPEG XR picture"))),
    (0, b"v/1\x01", lambda: _picture_description(_("an OpenEXR picture"))),
    (0, b"#?RADIANCE", lambda: _picture_description(_("a Radiance HDR picture"))),
    (0, b"qoif", lambda: _picture_description(_("a QOI picture"))),
    (0, b"DDS ", lambda: _picture_description(_("a DirectDraw surface"))),
    (0, b"icns", lambda: _picture_description(_("an Apple icon"))),
    (0, b"P7\n", lambda: _picture_description(_("a PAM picture"))),
    (0, b"PF\n", lambda: _picture_description(_("a PFM picture in colour"))),
    (0, b"SIMPLE  =", lambda: _picture_description(_("a FITS picture"))),
    (128, b"DICM", lambda: _picture_description(_("a DICOM picture"))),
    (0, b"FUJIFILMCCD-RAW", lambda: raw_description()),
    (8, CANON, lambda: raw_description()),
    (6, b"HEAPCCDR", lambda: raw_description()),
    (0, b"IIRO", lambda: raw_description()),
    (0, b"IIRS", lambda: raw_description()),
    (0, b"IIU\0", lambda: raw_description()),
    (0, b"FOVb", lambda: raw_description()),
    (0, b"\x1a\x45\xdf\xa3", lambda: _film_description(_("a WebM or Matroska video"))),
    (0, b"\x30\x26\xb2\x75", lambda: _film_description(_("a WMV video"))),
    (0, b"FLV\1", lambda: _film_description(_("a Flash video"))),
    (0, b"\0\0\1\xba", lambda: _film_description(_("an MPEG video"))),
    (0, b"\0\0\1\xb3", lambda: _film_description(_("an MPEG video"))),
    (8, b"AVI ", lambda: _film_description(_("an AVI video"))),
    (8, b"WAVE", lambda: _sound_description()),
    (8, b"AIFF", lambda: _sound_description()),
    (8, b"AIFC", lambda: _sound_description()),
    (0, b"RIFF", lambda: _("not a WebP picture though it begins like one")),
    (0, b"\x93NUMPY", lambda: _arrays_description()),
    (0, b"\x89HDF\r\n\x1a\n", lambda: _model_description()),
    (0, b"version https://git-lfs", lambda: _("no picture but a Git LFS pointer to it; run git lfs pull")),
)
TEXTS: tuple[tuple[bytes, Describe], ...] = (
    (b"<svg", lambda: _("an SVG drawing, which has no pixels yet; export it as PNG")),
    (b"<!doctype html", lambda: _("a web page; save the picture itself")),
    (b"<html", lambda: _("a web page; save the picture itself")),
    (b"<?xml", lambda: _("an XML or SVG file; export the drawing as PNG")),
)


def kind_of(data: bytes) -> str:
    """Return Pillow's name of the format that a file's first bytes indicate; "" for formats that aren't supported."""
    for kind, beginnings in BEGINNINGS.items():
        if data.startswith(beginnings) and data[8:11] != CANON:
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in AVIF:
        return "AVIF"
    if data[:2] == b"BM" and (data[6:10] == bytes(4) or int.from_bytes(data[14:18], "little") in BMP_HEADERS):
        return "BMP"
    return "PPM" if PPM.match(data) else ""


def raw_description() -> str:
    """Return the description of a camera's raw file, and what to do."""
    return _picture_description(_("a camera's raw file"))


def _sound_description() -> str:
    return _("a sound; choose a network of sounds, such as timbres")


def _arrays_description() -> str:
    return _("a file of arrays, not a picture; to train on arrays, give the path of an .npz of x and y")


def _model_description() -> str:
    return _("a Keras file, a model or its weights, not a picture; open it as a model")


def _zip_description(data: bytes) -> str:
    """Return the description of a zip, from the names in it and without unpacking, and what to do."""
    if not _has_directory(data):
        return _("a damaged or cut-off zip; use another copy of it")
    if b".npy" in data:
        return _arrays_description()
    if b"config.json" in data and b".weights.h5" in data:
        return _model_description()
    return _("a zip; unpack it and choose a picture in it")


def _has_directory(data: bytes) -> bool:
    """Whether a zip has its central directory where its end record says that it is."""
    if not zipfile.is_zipfile(BytesIO(data)):
        return False
    end = data.rfind(b"PK\5\6")
    length, start = (int.from_bytes(data[offset : offset + 4], "little") for offset in (end + 12, end + 16))
    return length == LARGE or start == LARGE or data[max(0, end - length) :].startswith(b"PK\1\2") or not length


def description(data: bytes) -> str:
    """Return what a file is, from its first bytes, and what to do: the end of a sentence that begins with the file's name."""
    if data[4:8] == b"ftyp":
        return _brand_description(data[8:12], data[8 : max(8, int.from_bytes(data[:4], "big"))])
    for offset, signature, describe in SIGNATURES:
        if data[offset : offset + len(signature)] == signature:
            return describe()
    if data.startswith(ZIPS):
        return _zip_description(data)
    if data.startswith(SOUNDS) or is_mp3(data):
        return _sound_description()
    start = data[:TEXT].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, describe in TEXTS:
        if start.startswith(beginning):
            return describe()
    return _("not a picture that can be read; use JPEG, PNG, GIF, BMP, TIFF or WebP")


def _brand_description(brand: bytes, brands: bytes) -> str:
    """Return the description of a file by its major brand and its compatible ones (ISO/IEC 14496-12)."""
    if brand in AVIF or (brand not in HEIC[:6] and any(name in brands for name in AVIF)):
        return _("an AVIF picture that can't be decoded here; save it as JPEG or PNG")
    if brand in HEIC:
        return _heic_description()
    if brand == b"crx ":
        return raw_description()
    return _film_description(_("an MP4, MOV or similar video"))


def is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file, of which Pillow would read only the small preview."""
    tags = getattr(image, "tag_v2", {})
    return DNG_VERSION in tags or (SUB_IFDS in tags and tags.get(SUBFILE) == REDUCED)
