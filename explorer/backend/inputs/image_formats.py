"""What a file is that is dropped as a picture and can't be read as one, from its first bytes, and what to do."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from explorer.backend.inputs.mp3_frames import is_mp3
from explorer.locale import _

SOUNDS = (b"fLaC", b"OggS", b"ID3")  # how FLAC, Ogg and MP3 files begin
ZIPS = (b"PK\3\4", b"PK\5\6")  # how a zip begins, and an empty one
LARGE = 2**32 - 1  # what the record at a zip's end says where another one, of large zips, has it
CANON = b"CR\2"  # at the ninth byte of the TIFF that a raw file of theirs is
ICON = b"\0\0\1\0"
# How the files of the formats begin that are read here; those of BMP and PPM are looked at further.
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
TEXT = 512  # bytes of a file in which a text says what it is

Sentence = Callable[[], str]


def _picture(kind: str) -> str:
    return _("{kind}, which explorer can't read; save or export it as JPEG or PNG").format(kind=kind)


def _film(kind: str) -> str:
    return _("{kind}; save one frame of it as JPEG or PNG").format(kind=kind)


def _heic() -> str:
    return _("a HEIC picture, as iPhones take them, which explorer can't read; save it as JPEG, or set the camera to Most Compatible")


SIGNATURES: tuple[tuple[int, bytes, Sentence], ...] = (
    (0, b"%PDF", lambda: _("a PDF document; export the page as PNG or JPEG")),
    (0, b"%!PS", lambda: _("a PostScript file; export it as PNG")),
    (0, b"8BPS", lambda: _picture(_("a Photoshop document"))),
    (0, b"gimp xcf", lambda: _picture(_("a GIMP document"))),
    (0, b"\0\0\0\x0cJXL ", lambda: _picture(_("a JPEG XL picture"))),
    (0, b"\xff\x0a", lambda: _picture(_("a JPEG XL picture"))),
    (0, b"\0\0\0\x0cjP  ", lambda: _picture(_("a JPEG 2000 picture"))),
    (0, b"\xff\x4f\xff\x51", lambda: _picture(_("a JPEG 2000 picture"))),
    (0, b"II\xbc\x01", lambda: _picture(_("a JPEG XR picture"))),
    (0, b"v/1\x01", lambda: _picture(_("an OpenEXR picture"))),
    (0, b"#?RADIANCE", lambda: _picture(_("a Radiance HDR picture"))),
    (0, b"qoif", lambda: _picture(_("a QOI picture"))),
    (0, b"DDS ", lambda: _picture(_("a DirectDraw surface"))),
    (0, b"icns", lambda: _picture(_("an Apple icon"))),
    (0, b"P7\n", lambda: _picture(_("a PAM picture"))),
    (0, b"PF\n", lambda: _picture(_("a PFM picture in colour"))),
    (0, b"SIMPLE  =", lambda: _picture(_("a FITS picture"))),
    (128, b"DICM", lambda: _picture(_("a DICOM picture"))),
    (0, b"FUJIFILMCCD-RAW", lambda: raw()),
    (8, CANON, lambda: raw()),
    (6, b"HEAPCCDR", lambda: raw()),
    (0, b"IIRO", lambda: raw()),
    (0, b"IIRS", lambda: raw()),
    (0, b"IIU\0", lambda: raw()),
    (0, b"FOVb", lambda: raw()),
    (0, b"\x1a\x45\xdf\xa3", lambda: _film(_("a WebM or Matroska video"))),
    (0, b"\x30\x26\xb2\x75", lambda: _film(_("a WMV video"))),
    (0, b"FLV\1", lambda: _film(_("a Flash video"))),
    (0, b"\0\0\1\xba", lambda: _film(_("an MPEG video"))),
    (0, b"\0\0\1\xb3", lambda: _film(_("an MPEG video"))),
    (8, b"AVI ", lambda: _film(_("an AVI video"))),
    (8, b"WAVE", lambda: _sound()),
    (8, b"AIFF", lambda: _sound()),
    (8, b"AIFC", lambda: _sound()),
    (0, b"RIFF", lambda: _("not a WebP picture though it begins like one")),
    (0, b"\x93NUMPY", lambda: _arrays()),
    (0, b"\x89HDF\r\n\x1a\n", lambda: _model()),
    (0, b"version https://git-lfs", lambda: _("no picture but what Git LFS keeps in its place; run git lfs pull")),
)
TEXTS: tuple[tuple[bytes, Sentence], ...] = (
    (b"<svg", lambda: _("an SVG drawing, which has no pixels yet; export it as PNG")),
    (b"<!doctype html", lambda: _("a web page; save the picture itself")),
    (b"<html", lambda: _("a web page; save the picture itself")),
    (b"<?xml", lambda: _("an XML or SVG file; export the drawing as PNG")),
)


def kind_of(data: bytes) -> str:
    """Return the format, as Pillow names it, as whose a file begins; "" where it is none that is read here."""
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


def raw() -> str:
    """Return what the raw file of a camera is, and what to do."""
    return _picture(_("a camera's raw file"))


def _sound() -> str:
    return _("a sound; choose a network that hears, such as timbres")


def _arrays() -> str:
    return _("a file of arrays, and no picture; to train on arrays, give the path of an .npz of x and y")


def _model() -> str:
    return _("a file of Keras, a model or its weights, and no picture; open it as a model")


def _zip(data: bytes) -> str:
    """Return what a zip is, by the names in it; nothing of it is unpacked."""
    if not _has_list(data):
        return _("a damaged or cut-off zip; take another copy of it")
    if b".npy" in data:
        return _arrays()
    if b"config.json" in data and b".weights.h5" in data:
        return _model()
    return _("a zip; unpack it and choose a picture in it")


def _has_list(data: bytes) -> bool:
    """Whether a zip ends with the list of what is in it, where the record at its end says that it is."""
    if not zipfile.is_zipfile(BytesIO(data)):
        return False
    end = data.rfind(b"PK\5\6")
    length, start = (int.from_bytes(data[place : place + 4], "little") for place in (end + 12, end + 16))
    return length == LARGE or start == LARGE or data[max(0, end - length) :].startswith(b"PK\1\2") or not length


def what_it_is(data: bytes) -> str:
    """Return what a file is, and what to do, from its first bytes; the end of a sentence that begins with its name."""
    if data[4:8] == b"ftyp":
        return _of_brand(data[8:12], data[8 : max(8, int.from_bytes(data[:4], "big"))])
    for place, signature, report_progress in SIGNATURES:
        if data[place : place + len(signature)] == signature:
            return report_progress()
    if data.startswith(ZIPS):
        return _zip(data)
    if data.startswith(SOUNDS) or is_mp3(data):
        return _sound()
    start = data[:TEXT].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, report_progress in TEXTS:
        if start.startswith(beginning):
            return report_progress()
    return _("not a picture that can be read; use JPEG, PNG, GIF, BMP, TIFF or WebP")


def _of_brand(brand: bytes, brands: bytes) -> str:
    """Return what a file is by its brand, and by the others that it names (ISO/IEC 14496-12)."""
    if brand in AVIF or (brand not in HEIC[:6] and any(one in brands for one in AVIF)):
        return _("an AVIF picture that can't be decoded here; save it as JPEG or PNG")
    if brand in HEIC:
        return _heic()
    if brand == b"crx ":
        return raw()
    return _film(_("an MP4, MOV or similar video"))


def is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is the raw file of a camera, of which Pillow would show a small copy."""
    tags = getattr(image, "tag_v2", {})
    return DNG_VERSION in tags or (SUB_IFDS in tags and tags.get(SUBFILE) == REDUCED)
