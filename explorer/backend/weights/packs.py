"""Which weights files are on this machine, and packs: folders of them with a manifest, for a class without network.

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
from explorer.backend.weights.download import ReportProgress
from explorer.catalog import Architecture, WeightsFile, architectures
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import Progress

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Copy:
    """A file of the table and where it is.

    architecture: the name of what it belongs to; empty for the names of the classes.
    path: None where it isn't here.
    wrong: what is wrong with it, in a sentence; empty where it is whole or not here.
    """

    architecture: str
    file: WeightsFile
    path: Path | None
    wrong: str = ""

    @property
    def size(self) -> int | None:
        """Bytes: of the file that is here, else of the published one, right to the MB, where that is known."""
        return self.file.about if self.path is None else self.path.stat().st_size


def inventory(names: Iterable[str] = ()) -> Iterator[Copy]:
    """Yield every copy of every file that is here, checked, and the default files that are not.

    names: of architectures; none for all of them.
    """
    for name in names or architectures:
        row = architectures[name]
        for file in _files(row):
            found = cache.copies(file, row)
            yield from (_checked(name, file, path) for path in found)
            if not found and file == row.files[0]:
                yield Copy(name, file, None)
    yield from (_checked("", cache.CLASS_INDEX, path) for path in cache.copies(cache.CLASS_INDEX))


def missing() -> Iterator[Copy]:
    """Yield what the manifest of the pack in use lists and the pack doesn't hold."""
    for name, entry in _manifest_in_use().items():
        file = WeightsFile(name, url="", md5=entry["md5"], size=entry["size"])
        if not any(_in_pack(path) for path in cache.copies(file)):
            wrong = _("{file} is missing in {folder}, though its manifest lists it.").format(file=name, folder=cache.pack())
            yield Copy(entry["architecture"] or "", file, None, wrong)


def make(folder: Path, copies: Iterable[Copy], report_progress: ReportProgress) -> list[Copy]:
    """Copy the files that are here into a pack, made where there is none; return what is there then of them.

    Files that the pack had before stay. Raises ExplorerError where the folder can't be written.
    """
    models = folder / "models"
    try:
        models.mkdir(parents=True, exist_ok=True)
        entries = {name: entry for name, entry in read_manifest(folder).items() if (models / name).is_file()}
        made = []
        for copy in copies:
            if copy.path is None:
                continue
            report_progress(Progress(_("Packing {file}…").format(file=copy.file.name)))
            target = models / copy.file.name
            md5 = _put(copy.path, target)
            made.append(replace(copy, path=target))
            entries[target.name] = {"architecture": copy.architecture or None, "size": target.stat().st_size, "md5": md5}
        _write_manifest(folder, entries)
    except OSError as error:
        raise ExplorerError(_("{folder} can't be written ({reason}).").format(folder=folder, reason=disk.why_not(error))) from error
    return made


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the entries of a pack's manifest by their files' names; none where it has no manifest.

    Raises ExplorerError where that is something else.
    """
    path = folder / MANIFEST
    if not path.exists():
        return {}
    said = _("{name} is no manifest of a pack of weights, or damaged: make the pack anew with `explorer weights pack`.")
    with refusing(ExplorerError, said, str(path)):
        return dict(map(_entry, json.loads(path.read_bytes())["files"]))


def _entry(said: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the name of a file and what the manifest says of it; whatever is wrong with that is raised."""
    name, architecture = said["file"], said["architecture"]
    if not name or Path(name).name != name or not isinstance(architecture, str | None):
        raise ValueError(name)
    return name, {"architecture": architecture, "size": int(said["size"]), "md5": str(said["md5"])}


def _write_manifest(folder: Path, entries: dict[str, Any]) -> None:
    content = {"files": [{"file": name} | entries[name] for name in sorted(entries)]}
    disk.write(folder / MANIFEST, json.dumps(content, indent=2) + "\n")


def _put(source: Path, target: Path) -> str:
    """Copy a file where it isn't already; return its hash."""
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
    """Return the files of an architecture, each once: the same one may serve with and without top."""
    first: dict[str, WeightsFile] = {}
    for file in row.files:
        first.setdefault(file.name, file)
    return first.values()


def _checked(architecture: str, file: WeightsFile, path: Path) -> Copy:
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
