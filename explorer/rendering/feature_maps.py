"""Feature maps as PNG bytes: mosaics, single maps, pictures; and values as short texts. No widgets, no Keras, no pyplot."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from explorer.values import FeatureMaps, Mosaic

COLOUR_MAP = "viridis"
LEVELS = 255  # palette entries 0 to 254 are the colour map's, the last one is transparent
GAP_ENTRY = 255
GAP = 2  # pixels between maps
LARGEST = 112  # pixels of a map's longest side in a mosaic
SMALLEST = 28  # pixels; smaller maps are enlarged, each cell a square of pixels
LOSSLESS = 400 * 400  # pixels up to which a picture is encoded as PNG
FRAMES = 720  # of a spectrogram to draw at most; more would be narrower than a pixel
WIDE = 4 / 3  # the aspect ratio (width / height) to aim at for a mosaic
SLIM = 4  # the largest aspect ratio of a map in a mosaic; slimmer maps are stretched
ACROSS = ("time", "column")  # axes drawn from left to right, whatever their order in the values


class Face:
    """The orientation in which the maps of a layer are drawn.

    down, across: the axis that runs down the picture (up if it is `upward`), and the axis that runs from left to right.
    """

    def __init__(self, maps: FeatureMaps) -> None:
        first, second = maps.axes[:2]
        self._swapped = first.name in ACROSS
        self.down, self.across = (second, first) if self._swapped else (first, second)

    def drawn(self, planes: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return maps (first axis, second axis, channels) as they are drawn: rows from top to bottom, columns, channels."""
        turned = planes.swapaxes(0, 1) if self._swapped else planes
        return turned[::-1] if self.down.upward else turned

    def position(self, cell: Sequence[int]) -> tuple[int, int]:
        """Return the row and the column at which a cell is drawn."""
        row, column = reversed(cell) if self._swapped else cell
        return self._flipped(row), column

    def cell(self, position: Sequence[int]) -> tuple[int, int]:
        """Return the cell that is drawn at this row and column: the inverse of `position`."""
        row, column = self._flipped(position[0]), position[1]
        return (column, row) if self._swapped else (row, column)

    def _flipped(self, row: int) -> int:
        return self.down.size - 1 - row if self.down.upward else row


def with_mosaic(maps: FeatureMaps) -> FeatureMaps:
    """Return feature maps with their mosaic, each map on its own colour scale; a vector stays as it is."""
    return maps if maps.planes is None else replace(maps, mosaic=mosaic(Face(maps).drawn(maps.planes)))


def mosaic(values: np.ndarray[Any, Any], scale: tuple[float, float] | None = None, largest: int = LARGEST) -> Mosaic:
    """Draw all maps of one layer in one picture. Cells that are NaN or infinite are transparent.

    values: float (height, width, channels).
    scale: the lowest and the highest value of a colour scale that all maps share; None to give each map its own.
    largest: pixels of a map's longest side; of larger maps every n-th cell is shown.
    """
    longest = max(values.shape[:2])
    thin = max(1, math.ceil(longest / largest))
    least = math.ceil(longest / thin / SLIM)
    down, right = (max(1, min(thin, size // least)) for size in values.shape[:2])
    maps = np.moveaxis(values[::down, ::right], -1, 0)
    levels = _levels(maps, scale is not None, *(scale or ()))
    blow_up = max(1, SMALLEST // max(levels.shape[1:]))
    for axis in (1, 2):
        levels = levels.repeat(blow_up * max(1, math.ceil(least / levels.shape[axis])), axis)
    count, height, width = levels.shape
    columns = _columns(count, math.sqrt(count * WIDE * height / width))
    rows = math.ceil(count / columns)
    canvas = np.full((rows * columns, height + GAP, width + GAP), GAP_ENTRY, np.uint8)
    canvas[:count, :height, :width] = levels
    canvas = canvas.reshape(rows, columns, height + GAP, width + GAP).swapaxes(1, 2)
    flat = canvas.reshape(rows * (height + GAP), columns * (width + GAP))
    return Mosaic(_palette_png(flat[:-GAP, :-GAP]), count, columns, rows, width, height)


def grid_of(drawn: Mosaic) -> dict[str, int]:
    """Return the layout of a mosaic, as the JavaScript of a view takes it."""
    return {
        "count": drawn.count,
        "columns": drawn.columns,
        "rows": drawn.rows,
        "width": drawn.width,
        "height": drawn.height,
        "gap": GAP,
    }


def one_map(values: np.ndarray[Any, Any], low: float | None = None, high: float | None = None) -> bytes:
    """Draw one map, float (height, width), one pixel per cell; the colour scale is `low` to `high`, by default the map's own range."""
    return _palette_png(_levels(values[None], True, low, high)[0])


def spectrogram(values: np.ndarray[Any, Any]) -> bytes:
    """Draw a spectrogram, float (bands, frames), scaled to its own range: the lowest band at the bottom, time to the right.

    One pixel per cell; if there are more than `FRAMES` frames, every n-th is shown.
    """
    thin = max(1, math.ceil(values.shape[1] / FRAMES))
    return one_map(values[::-1, ::thin], *finite_range(values))


def picture(pixels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    """Encode a picture, uint8 (height, width, 3) or (height, width), as PNG, or as JPEG if the PNG would be large."""
    image = Image.fromarray(pixels)
    if image.width * image.height <= LOSSLESS:
        return _png(image)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


def colours(steps: int = LEVELS) -> list[tuple[int, int, int]]:
    """Return the colour map from low to high as `steps` colours, red, green and blue in 0 to 255."""
    table = _palette()[: LEVELS * 3]
    entries = (round(step * (LEVELS - 1) / (steps - 1)) for step in range(steps))
    return [(table[3 * entry], table[3 * entry + 1], table[3 * entry + 2]) for entry in entries]


def finite_range(values: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Return the lowest and highest finite value; (0, 0) if there is none."""
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def ranges(planes: np.ndarray[Any, Any]) -> list[tuple[float, float]]:
    """Return the lowest and highest finite value of each map of (height, width, channels), as `finite_range` does."""
    flat = planes.reshape(-1, planes.shape[-1])
    finite = np.isfinite(flat)
    nothing = ~finite.any(0)
    low = np.where(nothing, 0, np.where(finite, flat, np.inf).min(0))
    high = np.where(nothing, 0, np.where(finite, flat, -np.inf).max(0))
    return list(zip(low.tolist(), high.tolist(), strict=True))


def short(value: float) -> str:
    """Return a value as text with three significant digits; thousands as a whole number."""
    if 999.5 <= abs(value) < 10_000:
        return f"{value:.0f}"
    return f"{value:.3g}" if value == 0 or 0.001 <= abs(value) < 999.5 else f"{value:.2e}"


def clock(seconds: float) -> str:
    """Return a time as minutes, seconds and tenths: 0:10.2."""
    tenths = round(max(0.0, seconds) * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _columns(count: int, ideal: float) -> int:
    """Return a number of columns near `ideal` that leaves few empty cells in the last row."""
    candidates = range(max(1, min(count, math.ceil(0.75 * ideal))), min(count, math.ceil(1.4 * ideal)) + 1)
    return min(candidates, key=lambda columns: (-count % columns, abs(columns - ideal), -columns))


def _levels(maps: np.ndarray[Any, Any], alike: bool, low: Any = None, high: Any = None) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return palette entries for maps (n, height, width); a constant map gets the lowest entry."""
    maps = maps.astype(np.float64)  # the difference of two float32 may overflow a float32
    finite = np.isfinite(maps)
    whole = bool(finite.all())
    known = maps if whole else np.where(finite, maps, np.nan)
    axes = None if alike else (1, 2)
    if low is None or high is None:
        low = np.min(known, axis=axes, keepdims=True) if whole else _of_finite(np.nanmin, known, axes)
        high = np.max(known, axis=axes, keepdims=True) if whole else _of_finite(np.nanmax, known, axes)
    reach = np.asarray(high - low, np.float64)
    stretch = np.divide(LEVELS - 1, reach, out=np.zeros_like(reach), where=reach > 0)
    scaled = np.clip((np.where(finite, maps, low) - low) * stretch, 0, LEVELS - 1)
    levels: np.ndarray[Any, np.dtype[np.uint8]] = (scaled + 0.5).astype(np.uint8)
    if not whole:
        levels[~finite] = GAP_ENTRY
    return levels


def _of_finite(reduce: Any, maps: np.ndarray[Any, Any], axes: tuple[int, int] | None) -> np.ndarray[Any, Any]:
    """Return the reduction over the finite values; 0 for a map without any."""
    nothing = np.isnan(maps).all(axis=axes, keepdims=True)
    result: np.ndarray[Any, Any] = reduce(np.where(nothing, 0, maps), axis=axes, keepdims=True)
    return result


@lru_cache(maxsize=1)
def _palette() -> bytes:
    import matplotlib  # the import takes a third of a second: it waits until the first map is drawn

    table = matplotlib.colormaps[COLOUR_MAP].resampled(LEVELS)(np.arange(LEVELS), bytes=True)[:, :3]
    return bytes(table.tobytes() + b"\0\0\0")


def _palette_png(levels: np.ndarray[Any, np.dtype[np.uint8]]) -> bytes:
    image = Image.fromarray(levels)
    image.putpalette(_palette())
    return _png(image, transparency=GAP_ENTRY)


def _png(image: Image.Image, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1, **options)
    return out.getvalue()
