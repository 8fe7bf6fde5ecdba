"""Hostile pictures, and zips of them as data to train on: every format that Pillow writes, mutated, forged, packed oddly."""

import io
import stat
import struct
import zipfile
import zlib
from functools import cache

import numpy as np
from mutating import EXTREMES, mutated
from PIL import Image

HEIGHT, WIDTH = 24, 40
SIDES = (0, 1, 3, 300, 9_000, 16_383, 30_000, 65_535, 45_000, 1_000_000, 2**31 - 1, 2**32 - 1)
TIFFS = ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma", "group3", "group4", "tiff_ccitt")


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@cache
def seeds():
    """Return (ending, bytes) of small intact pictures."""
    ramp = np.add.outer(np.arange(HEIGHT) * 5, np.arange(WIDTH) * 3)
    grey, deep = Image.fromarray(ramp.astype(np.uint8)), Image.fromarray((ramp * 257).astype(np.uint16))
    colour = Image.merge("RGB", (grey, grey.transpose(Image.Transpose.ROTATE_180), grey.point(lambda value: 255 - value)))
    clear = colour.copy()
    clear.putalpha(grey)
    palette, bits = colour.quantize(16), grey.convert("1")
    floats, whole = Image.fromarray((ramp / 300).astype(np.float32)), Image.fromarray(ramp.astype(np.int32))
    exif = Image.Exif()
    exif[0x0112] = 6
    frames = {"save_all": True, "append_images": [colour.rotate(90)]}
    made = [("png", encoded(one, "PNG")) for one in (bits, grey, deep, grey.convert("LA"), palette, colour, clear)]
    made += [("png", encoded(palette, "PNG", transparency=3)), ("png", encoded(colour, "PNG", transparency=(1, 2, 3), exif=exif))]
    made += [("png", encoded(colour, "PNG", **frames)), ("png", png(2, 16, 3)), ("png", png(6, 16, 4)), ("png", png(0, 16, 1, b"\1\2"))]
    made += [("png", png(0, 4, 1, b"\0\3")), ("png", png(2, 16, 3, bytes(6)))]
    made += [("jpg", encoded(one, "JPEG", exif=exif)) for one in (grey, colour, colour.convert("CMYK"))]
    made += [("jpg", encoded(colour, "JPEG", progressive=True)), ("gif", encoded(palette, "GIF", **frames)), ("gif", encoded(grey, "GIF"))]
    made += [("bmp", encoded(one, "BMP")) for one in (bits, grey, palette, colour)]
    made += [("tif", encoded(one, "TIFF")) for one in (deep, floats, whole, clear, palette, colour.convert("LAB"), colour.convert("CMYK"))]
    made += [("tif", encoded(bits if one in TIFFS[-3:] else colour, "TIFF", compression=one)) for one in TIFFS]
    made += [("tif", encoded(deep, "TIFF", compression="tiff_lzw")), ("tif", encoded(colour, "TIFF", **frames))]
    made += [("tif", encoded(colour, "TIFF", compression="tiff_adobe_deflate", tiffinfo={322: 16, 323: 16}))]
    made += [
        ("webp", encoded(clear, "WEBP", lossless=True)),
        ("webp", encoded(colour, "WEBP", exif=exif)),
        ("webp", encoded(colour, "WEBP", **frames)),
    ]
    made += [("ppm", encoded(one, "PPM")) for one in (bits, grey, whole, colour)] + [("pfm", encoded(floats, "PPM"))]
    made += [("ppm", b"P3 2 2 255\n" + b"1 2 3 " * 4), ("ico", encoded(clear.resize((32, 32)), "ICO", sizes=[(16, 16), (32, 32)]))]
    made += [("ico", encoded(clear.resize((32, 32)), "ICO", sizes=[(32, 32)], bitmap_format="bmp"))]
    return made + ([("avif", encoded(colour, "AVIF", speed=10))] if "AVIF" in Image.SAVE else [])


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(kind, bits, channels, transparent=b""):
    """Return a PNG that Pillow doesn't write: in colours of 16 bits, grey of 4 bits, with a transparent colour."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, bits, kind, 0, 0, 0)
    row = b"\0" + bytes(place % 256 for place in range(WIDTH * channels * bits // 8))
    parts = [chunk(b"IHDR", header), chunk(b"tRNS", transparent) if transparent else b"", chunk(b"IDAT", zlib.compress(row * HEIGHT))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def forged_png(data, random):
    """Change a chunk so that its sum is right again: sizes, depths, palettes, what is packed."""
    at, chunks = 8, []
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    place = random.randrange(len(chunks))
    name, content = chunks[place]
    if place == 0 and random.random() < 0.7:
        content = struct.pack(">II", random.choice(SIDES), random.choice(SIDES)) + content[8:]
    else:
        content = mutated(content + b"\0\0", random)
    chunks[place] = name, content
    if random.random() < 0.2:
        chunks.insert(
            1, (random.choice((b"tRNS", b"PLTE", b"iCCP", b"zTXt", b"eXIf", b"acTL", b"fcTL")), random.randbytes(random.randrange(30)))
        )
    return data[:8] + b"".join(chunk(*one) for one in chunks)


def forged_tiff(data, random):
    """Give one tag of a TIFF another value, type or count."""
    start = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[start : start + 2], "little")
    entry = start + 2 + 12 * random.randrange(max(1, count))
    at, size = random.choice(((8, 4), (4, 4), (2, 2), (0, 2)))
    value = random.choice((*SIDES, 2, 4, 8, 16, 32, 64, 34_712, 50_000, 6, 7)) % 256**size
    return data[: entry + at] + value.to_bytes(size, "little") + data[entry + at + size :]


def forged_sides(data, random):
    """Claim other sides: in the headers of BMP, GIF, WebP, PPM, JPEG and the pictures in icons."""
    width, height = random.choice(SIDES), random.choice(SIDES)
    if data[:2] == b"BM":
        return data[:18] + struct.pack("<II", width, height) + data[26:]
    if data[:4] == b"GIF8":
        return data[:6] + struct.pack("<HH", width & 0xFFFF, height & 0xFFFF) + data[10:]
    if data[:1] == b"P":
        return data.replace(b"%d %d" % (WIDTH, HEIGHT), b"%d %d" % (width, height), 1)
    if data[:4] == b"\0\0\1\0":
        at = int.from_bytes(data[18:22], "little")
        if data[at : at + 4] == b"\x89PNG":
            header = b"IHDR" + struct.pack(">II", width, height) + data[at + 24 : at + 29]
            return data[: at + 12] + header + struct.pack(">I", zlib.crc32(header)) + data[at + 33 :]
        return data[: at + 4] + struct.pack("<II", width, height) + data[at + 12 :]
    if data[:4] == b"RIFF" and data[12:16] == b"VP8X":
        return data[:24] + struct.pack("<I", width)[:3] + struct.pack("<I", height)[:3] + data[30:]
    if data[:2] == b"\xff\xd8" and (at := data.find(b"\xff\xc0")) > 0:
        return data[: at + 5] + struct.pack(">HH", height & 0xFFFF, width & 0xFFFF) + data[at + 9 :]
    place = random.randrange(min(len(data), 64))
    return data[:place] + random.choice(EXTREMES) + data[place:]


def thin(random):
    """Return a PNG of few bytes and many pixels: a line, a scroll, one that fills the memory, one that has less than it claims."""
    width, height = random.choice(
        ((1, 45_000), (1, 1_000_000), (1_000_000, 1), (30, 30_000), (1_000, 20_000), (9_000, 9_000), (9_999, 9_999))
    )
    bits = random.choice((1, 8, 16)) if width * height < 2e6 else 1
    rows = bytes(1 + -(-width * bits // 8)) * (height if random.random() < 0.8 else 1)
    header = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b"")


def scans(random):
    """Return a progressive JPEG that goes over its pixels again and again."""
    _ending, data = next(one for one in seeds() if b"\xff\xc2" in one[1])
    first, last = data.find(b"\xff\xda"), data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * random.choice((2, 50, 5000)) + data[-2:] if first != last else data


def disguised(data, random):
    """Put the beginning of one format before the content of another."""
    other = random.choice(seeds())[1]
    place = random.randrange(1, 40)
    return other[:place] + data[place:]


def picture(random):
    """Return (name, bytes) of a hostile picture."""
    ending, data = random.choice(seeds())
    kinds = {".": mutated, "disguised": disguised, "sides": forged_sides}
    kinds |= {"png": {"header": forged_png}, "tif": {"header": forged_tiff}}.get(ending, {})
    what = random.choice((*kinds, "thin", "scans", "intact") if random.random() < 0.1 else tuple(kinds))
    if what in ("thin", "scans"):
        return f"{what}.png", {"thin": thin, "scans": scans}[what](random)
    return f"picture.{ending}", data if what == "intact" else kinds[what](data, random)


NAMES = (
    *(
        "../../x.png",
        "/etc/x.png",
        "C:\\x.png",
        "a/../../x.png",
        "cat/",
        "cat",
        "",
        ".",
        "cat/\n\x1b[31m.png",
        "ä" * 400,
        "x/" * 3000 + "x.png",
    ),
    *("cat/" + "y" * 300 + ".png", "__MACOSX/._x", "cat/.hidden", "cat/x\0y.png", "dog/1.png"),
)


def member(random):
    """Return how a member of a zip is called and what it is, as zipfile takes it."""
    info = zipfile.ZipInfo(
        random.choice(NAMES) if random.random() < 0.15 else f"{random.choice(('cat', 'dog'))}/{random.randrange(10**6)}.png"
    )
    info.compress_type = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    if random.random() < 0.05:
        info.create_system, info.external_attr = 3, random.choice((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK)) << 16
    data = bytes(random.choice((10, 3 * 2**20))) if random.random() < 0.05 else picture(random)[1] if random.random() < 0.4 else None
    return info, random.choice(seeds())[1] if data is None else data


def pictures_in_zip(random):
    """Return (name, bytes) of a zip of class folders with pictures, some hostile; the zip may be damaged itself."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for _ in range(random.randrange(2, 8)):
            archive.writestr(*member(random))
        archive.comment = random.randbytes(random.choice((0, 0, 30)))
    data, last = out.getvalue(), out.getvalue().rfind(b"PK\1\2")
    what = random.choice(("intact", "mutated", "mutated", "method", "encrypted", "list"))
    if what == "method" and last > 0:
        data = data[: last + 10] + random.choice((b"\x09\0", b"\x63\0", b"\xff\xff")) + data[last + 12 :]
    if what == "encrypted" and last > 0:
        data = data[: last + 8] + b"\1" + data[last + 9 :]
    if what == "list" and last > 0:  # its list says more than there is, or itself many times
        end = data.rfind(b"PK\5\6")
        entry, times = data[last:end], random.choice((3, 200_000 if random.random() < 0.1 else 300))
        data = data[:end] + entry * times + data[end : end + 12] + struct.pack("<I", len(entry) * (times + 1)) + data[end + 16 :]
    return "pictures.zip", mutated(data, random) if what == "mutated" else data
