"""Write the sample photographs into `explorer/bundled/samples/`: public-domain pictures that scikit-image carries.

    python assets/make_samples.py

Needs scikit-image (any version whose package holds these files); nothing is downloaded.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PIL import Image

from explorer.catalog import BUNDLED

PHOTOGRAPHS = {"cat": "chelsea.png", "coffee": "coffee.png", "rocket": "rocket.jpg", "astronaut": "astronaut.png"}
LONGEST_SIDE = 512


def main() -> None:
    """Shrink each photograph and save it as a small JPEG without metadata."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise SystemExit("scikit-image is not installed: pip install scikit-image")
    for name, file in PHOTOGRAPHS.items():
        with Image.open(Path(package.origin).parent / "data" / file) as photograph:
            small = photograph.convert("RGB")
        small.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        path = BUNDLED / "samples" / f"{name}.jpg"
        small.save(path, quality=85, optimize=True)
        print(f"{path.name}: {small.width} x {small.height}, {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
