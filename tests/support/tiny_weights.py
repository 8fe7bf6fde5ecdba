"""A catalogue whose weights files are tiny, a server that has them, and a Keras home without any."""

import hashlib
import io
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import file_server
import h5py

from explorer.backend.weights import cache
from explorer.catalog import WeightsFile, architectures

CLASSES = {"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}


@dataclass
class Shop:
    """server: has every file; home: the Keras home; published: name -> bytes."""

    server: file_server.FileServer
    home: Path
    published: dict

    def put(self, name, data=None, folder=None):
        """Put a file where Keras keeps its own, or into another folder."""
        path = (folder or self.home / "models") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.published[name] if data is None else data)
        return path

    def here(self):
        folder = self.home / "models"
        return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def hdf5(text, size=5000):
    """Return the bytes of an HDF5 file that says `text`."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file.attrs["text"] = text
        file["zeros"] = [0.0] * (size // 8)
    return content.getvalue()


@contextmanager
def shop(monkeypatch, home):
    """Open the shop: VGG16 and ResNet50 with published hashes, MobileNet with none and files for two sides and alphas."""
    published = {}

    def file(name, hashed=True, **options):
        data = published[name] = hdf5(name, 5000 + 100 * len(published))
        md5 = hashlib.md5(data).hexdigest() if hashed else None
        return WeightsFile(name, f"http://127.0.0.1:9/{name}", md5, len(data), **options)

    files = {name: (file(f"{name.lower()}.h5"), file(f"{name.lower()}_notop.h5", include_top=False)) for name in ("VGG16", "ResNet50")} | {
        "MobileNet": tuple(
            file(f"mobilenet_{alpha:g}_{side}{'' if top else '_no_top'}.h5", hashed=False, alpha=alpha, side=side, include_top=top)
            for alpha in (1.0, 0.25)
            for side in (224, 128)
            for top in (True, False)
        )
    }
    rows = {"digits": architectures["digits"]} | {name: replace(architectures[name], files=own) for name, own in files.items()}
    monkeypatch.setattr(architectures, "_rows", rows)
    index = published[cache.CLASS_INDEX.name] = json.dumps(CLASSES).encode()
    tiny = replace(cache.CLASS_INDEX, md5=hashlib.md5(index).hexdigest(), size=len(index))
    monkeypatch.setattr(cache, "CLASS_INDEX", tiny)
    file_server.without_waiting(monkeypatch)
    with file_server.FileServer() as server:
        server.files = dict(published)
        monkeypatch.setenv("KERAS_HOME", str(home))
        monkeypatch.setenv("EXPLORER_MIRROR", server.url)
        monkeypatch.setenv("EXPLORER_WEIGHTS", "")
        yield Shop(server, home, published)
