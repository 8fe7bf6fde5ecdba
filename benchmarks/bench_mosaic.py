"""64 feature maps of 112 x 112 to one PNG: `rendering.mosaic` against 8 x 8 subplots of Matplotlib.

The subplots touch and take 112 x 112 pixels each, so that both pictures can be compared. Run: python benchmarks/bench_mosaic.py
"""

from __future__ import annotations

import io

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measure import alternate, report
from PIL import Image

from explorer.rendering.feature_maps import GAP, mosaic

SIDE, CELLS, DPI = 8, 112, 100
ROUNDS = 7


def subplots(values: np.ndarray) -> bytes:
    """Draw the maps as a notebook would, without pyplot's bookkeeping."""
    figure = Figure(figsize=(SIDE * CELLS / DPI, SIDE * CELLS / DPI), dpi=DPI)
    FigureCanvasAgg(figure)
    places = figure.subplots(SIDE, SIDE, gridspec_kw={"left": 0, "right": 1, "bottom": 0, "top": 1, "wspace": 0, "hspace": 0})
    for channel, place in enumerate(places.flat):
        place.imshow(values[..., channel], cmap="viridis")
        place.axis("off")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=DPI)
    return out.getvalue()


def cells(png: bytes, columns: int, step: int, count: int) -> np.ndarray:
    """Return the colours of the maps in a PNG: (count, 112, 112, 3)."""
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), np.int16)
    corners = [(step * (index // columns), step * (index % columns)) for index in range(count)]
    return np.stack([pixels[top : top + CELLS, left : left + CELLS] for top, left in corners])


def main() -> None:
    values = np.random.default_rng(0).gamma(1.0, size=(CELLS, CELLS, SIDE * SIDE)).astype(np.float32)
    drawn = mosaic(values)
    ours = cells(drawn.png, drawn.columns, CELLS + GAP, drawn.count)
    theirs = cells(subplots(values), SIDE, CELLS, SIDE * SIDE)
    # explorer keeps one palette entry for see-through cells, so its colours are 255 instead of 256.
    assert np.abs(ours - theirs).max() <= 6, "the pictures differ"
    times = alternate({"theirs": lambda: subplots(values), "ours": lambda: mosaic(values)}, ROUNDS)
    report("64 maps of 112 x 112 to PNG", times["ours"], times["theirs"], goal=1 / 15, other="Matplotlib")


if __name__ == "__main__":
    main()
