"""The packs of weights: folders of weights files with a manifest, for a class without network; and the inventory of local files.

A pack holds the files under models/, so that it can also be a KERAS_HOME, and manifest.json: for each file its name,
architecture (null for the names of the classes), size in bytes and MD5 hash. EXPLORER_WEIGHTS names the pack to use.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from explorer import disk
from explorer.backend.runtime.refusals import refusing
from explorer.backend.weights import cache
from explorer.backend.weights.checksum import hash_of
from explorer.catalog import Architecture, WeightsFile, architectures
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Progress, ReportProgress

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Copy:
    """A published file and its local copy.

    architecture: the name of the architecture it belongs to; empty for the file of the names of the classes.
    path: None if it isn't on this machine.
    wrong: a sentence about what is wrong with it; empty if it is complete or not on this machine.
    """

    architecture: str
    file: WeightsFile
    path: Path | None
    wrong: str = ""

    @property
    def size(self) -> int | None:
        """Bytes: of the local copy, else of the published file, exact to the MB, if known."""
        return self.file.about if self.path is None else self.path.stat().st_size


def inventory(names: Iterable[str] = ()) -> Iterator[Copy]:
    """Yield every local copy of every file, checked, and the default files that are missing.

    names: of architectures; empty for all of them.
    """
    for name in names or architectures:
        row = architectures[name]
        for file in _files(row):
            paths = cache.copies(file, row)
            yield from (_check(name, file, path) for path in paths)
            if not paths and file == row.files[0]:
                yield Copy(name, file, None)
    yield from (_check("", cache.CLASS_INDEX, path) for path in cache.copies(cache.CLASS_INDEX))


def missing() -> Iterator[Copy]:
    """Yield the files that the manifest of the pack in use lists but the pack doesn't hold."""
    for name, entry in _manifest_in_use().items():
        file = WeightsFile(name, url="", md5=entry["md5"], size=entry["size"])
        if not any(_in_pack(path) for path in cache.copies(file)):
            wrong = _("{file} is missing in {folder}, though its manifest lists it.").format(file=name, folder=cache.pack())
            yield Copy(entry["architecture"] or "", file, None, wrong)


def make(folder: Path, copies: Iterable[Copy], report_progress: ReportProgress) -> list[Copy]:
    """Copy files into a pack, which is created if it doesn't exist; return the copies in the pack.

    Existing files of the pack are kept. Raises ExplorerError if the folder can't be written.
    """
    models = folder / "models"
    try:
        models.mkdir(parents=True, exist_ok=True)
        entries = {name: entry for name, entry in read_manifest(folder).items() if (models / name).is_file()}
        packed = []
        for copy in copies:
            if copy.path is None:
                continue
            report_progress(Progress(_("Packing {file}…").format(file=copy.file.name)))
            target = models / copy.file.name
            md5 = _copy(copy.path, target)
            packed.append(replace(copy, path=target))
            entries[target.name] = {"architecture": copy.architecture or None, "size": target.stat().st_size, "md5": md5}
        _write_manifest(folder, entries)
    except OSError as error:
        raise ExplorerError(_("{folder} can't be written ({reason}).").format(folder=folder, reason=disk.why_not(error))) from error
    return packed


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the entries of a pack's manifest by the names of their files; empty if there is no manifest.

    Raises ExplorerError if it isn't a valid manifest.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    sentence = _("{name} is not the manifest of a pack of weights, or is damaged: make the pack again with `explorer weights pack`.")
    with refusing(ExplorerError, sentence, str(path)):
        return dict(map(_parse_entry, json.loads(path.read_bytes())["files"]))


def _parse_entry(entry: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the file name and the facts in an entry of a manifest. Raises an exception for an invalid entry."""
    name, architecture = entry["file"], entry["architecture"]
    if not name or Path(name).name != name or not isinstance(architecture, str | None):
        raise ValueError(name)
    return name, {"architecture": architecture, "size": int(entry["size"]), "md5": str(entry["md5"])}


def _write_manifest(folder: Path, entries: dict[str, Any]) -> None:
    content = {"files": [{"file": name} | entries[name] for name in sorted(entries)]}
    disk.write(folder / MANIFEST, json.dumps(content, indent=2) + "\n")


def _copy(source: Path, target: Path) -> str:
    """Copy a file unless the target is the same already; return its MD5 hash."""
    md5 = hash_of(source)
    if not target.is_file() or hash_of(target) != md5:
        with disk.writing(target) as part:
            shutil.copyfile(source, part)
            if hash_of(part) != md5:
                raise ExplorerError(
                    _("The copy of {file} in {folder} is damaged: is the disk in order?").format(file=target.name, folder=target.parent)
                )
    return md5


def _files(row: Architecture) -> Iterable[WeightsFile]:
    """Return the files of an architecture, each once: the same file may serve with and without the top."""
    first: dict[str, WeightsFile] = {}
    for file in row.files:
        first.setdefault(file.name, file)
    return first.values()


def _check(architecture: str, file: WeightsFile, path: Path) -> Copy:
    wrong = ""
    try:
        cache.check(path, file)
    except ExplorerError as error:
        wrong = str(error)
    else:
        entry = _manifest_in_use().get(file.name) if _in_pack(path) else None
        if entry and entry["md5"] != (file.md5 or hash_of(path)):
            wrong = _("{path} is damaged: it is not the file that the manifest lists.").format(path=path)
    return Copy(architecture, file, path, wrong)


def _manifest_in_use() -> dict[str, Any]:
    folder = cache.pack()
    return {} if folder is None else read_manifest(folder)


def _in_pack(path: Path) -> bool:
    folder = cache.pack()
    return folder is not None and folder in path.parents
