"""TIFFs of many bands, as satellites' pictures are kept; made here byte by byte, as Pillow writes none."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import explorer
from explorer.backend.inputs.tiff_bands import bands_in
from explorer.backend.runtime.keras import keras
from explorer.errors import UnreadableExample

layers = keras.layers
BANDS = np.random.default_rng(0).integers(0, 10_000, (6, 5, 13)).astype(np.uint16)
KINDS = {"u": 1, "i": 2, "f": 3}


def tiff(values, planar=1, deflate=False, predictor=1, order="<", rows=2, **changed):
    """Return a TIFF in strips of so many rows; changed: tags by their numbers, written as t259=5."""
    height, width, bands = values.shape
    values = values.astype(values.dtype.newbyteorder(order))
    if predictor == 2:
        values = np.diff(values, axis=1, prepend=np.zeros_like(values[:, :1]))
    parts = [values] if planar == 1 else [values[..., band : band + 1] for band in range(bands)]
    strips = [np.ascontiguousarray(part[start : start + rows]).tobytes() for part in parts for start in range(0, height, rows)]
    strips = [zlib.compress(one) for one in strips] if deflate else strips
    tags = {256: width, 257: height, 258: [8 * values.dtype.itemsize] * bands, 259: 8 if deflate else 1, 262: 1, 277: bands, 278: rows}
    tags |= {284: planar, 317: predictor, 339: [KINDS[values.dtype.kind]] * bands}
    offsets = 8 + np.cumsum([0, *map(len, strips)])
    tags |= {273: offsets[:-1].tolist(), 279: [len(one) for one in strips]}
    tags |= {int(name[1:]): value for name, value in changed.items()}
    start = int(offsets[-1])
    after = start + 2 + 12 * len(tags) + 4
    entries, further = b"", b""
    for tag, value in sorted(tags.items()):
        several = value if isinstance(value, list) else [value]
        packed = struct.pack(f"{order}{len(several)}I", *several)
        where = packed if len(several) == 1 else struct.pack(f"{order}I", after + len(further))
        further += packed if len(several) > 1 else b""
        entries += struct.pack(f"{order}HHI", tag, 4, len(several)) + where
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", start)
    return head + b"".join(strips) + struct.pack(f"{order}H", len(tags)) + entries + bytes(4) + further


@pytest.mark.parametrize(
    "options",
    [{}, {"planar": 2}, {"deflate": True}, {"deflate": True, "planar": 2, "predictor": 2}, {"order": ">"}, {"rows": 6, "predictor": 2}],
    ids=str,
)
@pytest.mark.parametrize("values", [BANDS, BANDS.astype(np.float32) / 7, (BANDS - 5000.0).astype(np.int16), (BANDS % 256).astype(np.uint8)])
def test_bands_are_read_as_they_are(values, options):
    if values.dtype.kind == "f":
        options = {name: one for name, one in options.items() if name != "predictor"}
    found = bands_in(tiff(values, **options), "sentinel.tif")
    np.testing.assert_array_equal(found, values)
    assert found.dtype == values.dtype


def test_the_bands_of_pages_come_behind_each_other():
    pages = [Image.fromarray(BANDS[..., band]) for band in range(13)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    np.testing.assert_array_equal(bands_in(out.getvalue(), "pages.tif"), BANDS)


def test_a_network_of_thirteen_bands_reads_them_and_refuses_fewer(tmp_path):
    picture = keras.Input((6, 5, 13), name="bands")
    network = explorer.load(keras.Model(picture, layers.Dense(3, activation="softmax")(layers.Flatten()(picture))))
    pages = [Image.fromarray(BANDS[..., band]) for band in range(13)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "bands.tif").write_bytes(tiff(BANDS))
    for source in (tmp_path / "pages.tif", tmp_path / "bands.tif", {"bands": tmp_path / "bands.tif"}, tiff(BANDS)):
        np.testing.assert_array_equal(network.inputs.to_batch(network.read(source))[0][0], BANDS)
    with pytest.raises(UnreadableExample, match="The input bands reads 6 × 5 × 13, one example at a time; the array is 6 × 5 × 4"):
        network.predict(tiff(BANDS[..., :4]))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (tiff(BANDS, t259=5), "is compressed by an unsupported method"),
        (tiff(BANDS, t317=3), "is compressed by an unsupported method"),
        (tiff(BANDS, t258=[12] * 13), "has values of an unusual size"),
        (tiff(BANDS, t256=200_000, t257=200_000), "takes more than 200 MB"),
        (tiff(BANDS, t257=7), "is not a readable TIFF"),
        (tiff(BANDS)[:-20], "is not a readable TIFF"),
        (b"II*\0" + bytes(20), "is not a readable TIFF"),
        (tiff(BANDS, deflate=True).replace(b"\x78\x9c", b"\0\0"), "is not a readable TIFF"),
    ],
)
def test_what_can_t_be_read_is_refused_in_a_sentence(data, says):
    with pytest.raises(UnreadableExample, match=says) as refused:
        bands_in(data, "sentinel.tif")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("planar", [1, 2])
@pytest.mark.parametrize("rows", [2, 6])
def test_a_wrong_check_sum_of_deflate_is_refused_in_whichever_strip(rows, planar):
    data = tiff(BANDS, planar=planar, deflate=True, rows=rows)
    for strip in (BANDS[-rows:], BANDS[:rows]):
        strip = strip if planar == 1 else np.ascontiguousarray(strip[..., 5])
        end = data.index(zlib.compress(strip.tobytes())) + len(zlib.compress(strip.tobytes()))
        with pytest.raises(UnreadableExample, match=r"sentinel\.tif is not a readable TIFF"):
            bands_in(data[: end - 2] + bytes([data[end - 2] ^ 4]) + data[end - 1 :], "sentinel.tif")
