"""The cache of weights files: their paths, checks and downloads. No Keras, so that a page can use it before TensorFlow is loaded."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from explorer.backend.runtime.refusals import refusing
from explorer.backend.weights.checksum import find_damage
from explorer.backend.weights.download import download
from explorer.catalog import BUNDLED, Architecture, WeightsFile, architectures
from explorer.catalog.keras_home import keras_home
from explorer.catalog.option_rules import side_of
from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.locale import _
from explorer.values import AnySpec, ModelFile, NetworkSpec, ReportProgress

PACK = "EXPLORER_WEIGHTS"  # the environment variable for a folder of weights files (see packs), searched first and never written to
MIRROR = "EXPLORER_MIRROR"  # the environment variable for the URL of a folder on a server to download from instead of the publishers
CLASS_INDEX = WeightsFile(
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    md5="c2c37ea517e94d9795004a39431a14cb",
    size=35_363,
)

_known_whole: set[tuple[Path, int, int]] = set()


def cache() -> Path:
    """Return the folder in which Keras keeps downloaded weights, and explorer too."""
    return keras_home() / "models"


def pack() -> Path | None:
    """Return the folder of weights that EXPLORER_WEIGHTS names."""
    return Path(os.environ[PACK]).expanduser() if os.environ.get(PACK) else None


def use_pack(folder: str | os.PathLike[str]) -> None:
    """Search this folder for weights first, in this process and those it starts. Raises ExplorerError if there is no such folder."""
    if not Path(folder).expanduser().is_dir():
        raise ExplorerError(_("There is no folder {folder} with weights.").format(folder=folder))
    os.environ[PACK] = str(Path(folder).expanduser().resolve())


def published_file(spec: NetworkSpec) -> WeightsFile:
    """Return the file of pretrained weights for these options, chosen as Keras does."""
    row = architectures[spec.architecture]
    return row.file(spec.include_top, spec.alpha, side_of(row, spec))


def copies(file: WeightsFile, row: Architecture | None = None) -> list[Path]:
    """Return the paths of the local copies of a file, in the order of preference, whether complete or not.

    row: the architecture it belongs to; None for a file of no architecture, such as CLASS_INDEX.
    """
    return [path for folder in _folders(row) if (path := folder / file.name).is_file()]


def find(file: WeightsFile, row: Architecture | None = None) -> Path | None:
    """Return the first of the `copies` of the file, or of equivalent files; None if there is none."""
    return next((path for version in _versions(file, row) for path in copies(version, row)), None)


def path(spec: NetworkSpec) -> Path:
    """Return the path where the weights file of `spec` is or would be; for a file of the user's own, the user's path."""
    row = architectures[spec.architecture]
    if spec.weights is not None and spec.weights != row.weights:
        return Path(spec.weights)
    file = published_file(spec)
    return find(file, row) or _folders(row)[-1] / file.name


def file_size(spec: AnySpec) -> int:
    """Return the size in bytes of the file from which a network, or its weights, are loaded; 0 if there is none."""
    file = Path(spec.path) if isinstance(spec, ModelFile) else path(spec) if isinstance(spec, NetworkSpec) and spec.weights else None
    return file.stat().st_size if file is not None and file.is_file() else 0


def locally_available() -> frozenset[str]:
    """Return the names of the architectures whose default weights are on this machine."""
    return frozenset(name for name, row in architectures.items() if find(row.files[0], row))


def here(spec: NetworkSpec) -> bool:
    """Return whether `spec` can be built without a download: all files that it needs are on this machine, and complete."""
    row = architectures[spec.architecture]
    try:
        return all(whole(file, row) for file in _needed(spec))
    except ExplorerError:
        return False


def size_of(file: WeightsFile) -> str:
    """Return the size of a weights file as text: in whole MB, as in the Keras guides, or in kB for a small one."""
    if file.about is None:
        return _("size unknown")
    if file.about < 2**19:
        return _("{size} kB").format(size=round(file.about / 2**10))
    return _("{size} MB").format(size=round(file.about / 2**20))


def check(path: Path, file: WeightsFile) -> None:
    """Check that a file is complete, by its published hash, else by its format. A file that passed is read again only if it has changed.

    A file without a published hash may have been saved again, with another size: HDF5 itself detects a truncated file.
    Raises ExplorerError, saying what is wrong.
    """
    stat = path.stat()
    key = (path, stat.st_size, stat.st_mtime_ns)
    if key in _known_whole:
        return
    published = file.md5 or file.sha256
    by_format = published is None and path.suffix == ".h5"
    try:
        damage = find_damage(path, published, None if by_format else file.size)
    except OSError as error:
        raise ExplorerError(_("{path} can't be read: {reason}.").format(path=path, reason=error.strerror)) from error
    if damage:
        raise ExplorerError(
            _("{path} is damaged: {wrong}. Delete it, or download it again with `explorer weights download`.").format(
                path=path, wrong=damage
            )
        )
    _known_whole.add(key)


def fetch(spec: NetworkSpec, report_progress: ReportProgress) -> Path:
    """Return the path of the pretrained weights of `spec`, downloaded into Keras's cache if they are missing or damaged.

    For a network with the ImageNet classes at its top, the file of their names is downloaded too.
    Raises WeightsUnavailable if they can't be downloaded; an exception of `report_progress` (Cancelled) ends the download and propagates.
    """
    row = architectures[spec.architecture]
    file, *others = _needed(spec)
    try:
        path = _fetch(file, row, _("Downloading the weights of {name}").format(name=row.name), report_progress)
    except WeightsUnavailable as error:
        raise WeightsUnavailable(
            _("The weights of {name} ({size}) are not on this machine. {why} Or use weights=None for random weights.").format(
                name=row.name, size=size_of(file), why=error
            )
        ) from error
    if others:
        fetch_class_index(report_progress)
    return path


def fetch_class_index(report_progress: ReportProgress) -> Path:
    """Return the path of the file with the names of the ImageNet classes, downloaded if it is missing; raises as `fetch` does."""
    return _fetch(CLASS_INDEX, None, _("Downloading the names of the classes"), report_progress)


def classes() -> tuple[tuple[str, str], ...]:
    """Return (WordNet id, name) of each ImageNet class.

    Raises WeightsUnavailable if the file of the names isn't on this machine, ExplorerError if it is damaged.
    """
    path = whole(CLASS_INDEX, None)
    if path is None:
        raise WeightsUnavailable(
            _("{file} with the names of the classes is not in {folder}: put it there, or get it with `explorer weights download`.").format(
                file=CLASS_INDEX.name, folder=cache()
            )
        )
    damaged = _("{name} with the names of the classes is damaged: delete it, and get it with `explorer weights download`.")
    with refusing(ExplorerError, damaged, str(path)):
        entries = json.loads(path.read_bytes())
        return tuple((str(entries[str(index)][0]), str(entries[str(index)][1])) for index in range(len(entries)))


def classes_here() -> tuple[tuple[str, str], ...]:
    """Return the same as `classes`, or () if the file is missing or damaged."""
    try:
        return classes()
    except ExplorerError:
        return ()


def missing(spec: NetworkSpec) -> WeightsUnavailable:
    """Return the error for the first file that `spec` needs and that is missing or damaged, if it must not be downloaded now."""
    row = architectures[spec.architecture]
    try:
        file = next(file for file in _needed(spec) if whole(file, row) is None)
    except ExplorerError as damage:
        return WeightsUnavailable(str(damage))
    return WeightsUnavailable(
        _("{name} needs {file} ({size}), which is not in {folder}: get it with `{command}`, or use weights=None.").format(
            name=row.name,
            file=file.name,
            size=size_of(file),
            folder=_(" or ").join(map(str, _folders(row))),
            command=command(row, file),
        )
    )


def command(row: Architecture, file: WeightsFile) -> str:
    """Return the shell command that downloads a weights file."""
    words = ["explorer weights download", row.name]
    words += [] if file.include_top else ["--no-top"]
    words += [] if file.alpha == 1.0 else [f"--alpha {file.alpha:g}"]
    words += [] if file.side in (None, row.input_size[0]) else [f"--side {file.side}"]
    return " ".join(words)


def _needed(spec: NetworkSpec) -> list[WeightsFile]:
    """Return the published files that a network needs: its weights, and the names of its classes."""
    row = architectures[spec.architecture]
    if spec.weights != row.weights:
        return []
    return [published_file(spec), CLASS_INDEX] if row.weights == "imagenet" and spec.include_top else [published_file(spec)]


def _versions(file: WeightsFile, row: Architecture | None) -> tuple[WeightsFile, ...]:
    return (file,) if row is None else row.alike(file)


def _folders(row: Architecture | None) -> list[Path]:
    """Return the folders to search for files, in this order; downloads go into the last."""
    if row is not None and row.bundled:
        return [BUNDLED]
    folder = pack()
    return [cache()] if folder is None else [folder, folder / "models", cache()]


def whole(file: WeightsFile, row: Architecture | None) -> Path | None:
    """Return the first complete copy, None if there is no copy at all. Raises ExplorerError if all are damaged."""
    damage = None
    for path, published in [(path, version) for version in _versions(file, row) for path in copies(version, row)]:
        try:
            check(path, published)
        except ExplorerError as error:
            damage = damage or error
        else:
            return path
    if damage is not None:
        raise damage
    return None


def _fetch(file: WeightsFile, row: Architecture | None, title: str, report_progress: ReportProgress) -> Path:
    """Return a complete copy of the file, downloaded if there is none."""
    try:
        path = whole(file, row)
    except ExplorerError:
        if row is not None and row.bundled:
            raise
        path = None
    return path or _download(_versions(file, row), title, report_progress)


def _download(files: tuple[WeightsFile, ...], title: str, report_progress: ReportProgress) -> Path:
    """Download the first of these files that is available, and return its path. Raises the error of the first one if none is."""
    file, *others = files
    path = cache() / file.name
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    published = file.md5 or file.sha256
    size = file.size if published or not mirror else None  # a mirror may hold a file that was saved again, see `check`
    try:
        download(f"{mirror}/{file.name}" if mirror else file.url, path, size, published, report_progress, title)
    except WeightsUnavailable:
        if others:
            with suppress(WeightsUnavailable):
                return _download(tuple(others), title, report_progress)
        raise
    return path
