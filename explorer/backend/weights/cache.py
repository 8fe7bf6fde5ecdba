"""Where weights files are, whether they are whole, and how they get here; no Keras, so that a page can ask before TensorFlow is loaded."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from explorer.backend.runtime.refusals import refusing
from explorer.backend.weights.checksum import wrong_with
from explorer.backend.weights.download import ReportProgress, download
from explorer.catalog import BUNDLED, Architecture, WeightsFile, architectures
from explorer.catalog.keras_home import keras_home
from explorer.catalog.option_rules import side_of
from explorer.errors import ExplorerError, WeightsUnavailable
from explorer.locale import _
from explorer.values import AnySpec, ModelFile, NetworkSpec

PACK = "EXPLORER_WEIGHTS"  # the variable that names a folder of weights files (see packs), looked into first and never written to
MIRROR = "EXPLORER_MIRROR"  # the variable with the address of a server that has the files, all in one folder, instead of their publishers
CLASS_INDEX = WeightsFile(
    "imagenet_class_index.json",
    "https://storage.googleapis.com/download.tensorflow.org/data/imagenet_class_index.json",
    md5="c2c37ea517e94d9795004a39431a14cb",
    size=35_363,
)

_known_whole: set[tuple[Path, int, int]] = set()


def cache() -> Path:
    """Return the folder in which Keras keeps the weights that were downloaded, and explorer too."""
    return keras_home() / "models"


def pack() -> Path | None:
    """Return the folder of weights that EXPLORER_WEIGHTS names."""
    return Path(os.environ[PACK]).expanduser() if os.environ.get(PACK) else None


def use_pack(folder: str | os.PathLike[str]) -> None:
    """Look for weights in this folder first, here and in the processes started from here. Raises ExplorerError where there is none."""
    if not Path(folder).expanduser().is_dir():
        raise ExplorerError(_("There is no folder {folder} with weights.").format(folder=folder))
    os.environ[PACK] = str(Path(folder).expanduser().resolve())


def wanted(spec: NetworkSpec) -> WeightsFile:
    """Return the file of pretrained weights for these options, picked as Keras does."""
    row = architectures[spec.architecture]
    return row.file(spec.include_top, spec.alpha, side_of(row, spec))


def copies(file: WeightsFile, row: Architecture | None = None) -> list[Path]:
    """Return the files of that name that are here, in the order in which they count; whole or not.

    row: the architecture it belongs to; None for a file that is no architecture's, such as CLASS_INDEX.
    """
    return [path for folder in _folders(row) if (path := folder / file.name).is_file()]


def find(file: WeightsFile, row: Architecture | None = None) -> Path | None:
    """Return the first of the `copies` of the file, or of those that are alike; None where there is none."""
    return next((path for one in _alike(file, row) for path in copies(one, row)), None)


def path(spec: NetworkSpec) -> Path:
    """Return where the weights file of `spec` is or would be; a file of the user's own is where the user says."""
    row = architectures[spec.architecture]
    if spec.weights is not None and spec.weights != row.weights:
        return Path(spec.weights)
    file = wanted(spec)
    return find(file, row) or _folders(row)[-1] / file.name


def file_size(spec: AnySpec) -> int:
    """Return how many bytes the file has that a network's weights, or all of it, come from; 0 where there is none."""
    file = Path(spec.path) if isinstance(spec, ModelFile) else path(spec) if isinstance(spec, NetworkSpec) and spec.weights else None
    return file.stat().st_size if file is not None and file.is_file() else 0


def locally_available() -> frozenset[str]:
    """Return the names of the architectures whose default weights are on this machine."""
    return frozenset(name for name, row in architectures.items() if find(row.files[0], row))


def here(spec: NetworkSpec) -> bool:
    """Return whether `spec` can be built without a download: all that it needs is on this machine, and whole."""
    row = architectures[spec.architecture]
    try:
        return all(whole(file, row) for file in _needed(spec))
    except ExplorerError:
        return False


def size_of(file: WeightsFile) -> str:
    """Return the size of a weights file in words: whole MB, as the Keras guides print it, or kB where it is small."""
    if file.about is None:
        return _("size unknown")
    if file.about < 2**19:
        return _("{size} kB").format(size=round(file.about / 2**10))
    return _("{size} MB").format(size=round(file.about / 2**20))


def check(path: Path, file: WeightsFile) -> None:
    """Check that a file is whole: by its published hash, else by its format. One found whole is read again only when it has changed.

    A file without published hash may have been saved anew, with another size: HDF5 itself says when one is cut off.
    Raises ExplorerError, saying what is wrong.
    """
    facts = path.stat()
    key = (path, facts.st_size, facts.st_mtime_ns)
    if key in _known_whole:
        return
    published = file.md5 or file.sha256
    by_format = published is None and path.suffix == ".h5"
    try:
        wrong = wrong_with(path, published, None if by_format else file.size)
    except OSError as error:
        raise ExplorerError(_("{path} can't be read: {reason}.").format(path=path, reason=error.strerror)) from error
    if wrong:
        raise ExplorerError(
            _("{path} is damaged: {wrong}. Delete it, or get it anew with `explorer weights download`.").format(path=path, wrong=wrong)
        )
    _known_whole.add(key)


def fetch(spec: NetworkSpec, report_progress: ReportProgress) -> Path:
    """Return the file of the pretrained weights that `spec` names, whole: downloaded into Keras's cache where it isn't here or is damaged.

    With ImageNet's classes at the top, the file of their names is brought along.
    Raises WeightsUnavailable where they can't be had; what `report_progress` raises (Cancelled) ends the download and passes through.
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
    """Return the file with the names of the ImageNet classes, downloaded where it isn't here; raises as `fetch` does."""
    return _fetch(CLASS_INDEX, None, _("Downloading the names of the classes"), report_progress)


def classes() -> tuple[tuple[str, str], ...]:
    """Return (WordNet id, name) of each ImageNet class.

    Raises WeightsUnavailable where the file of the names isn't here, ExplorerError where it is damaged.
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
        index = json.loads(path.read_bytes())
        return tuple((str(index[str(place)][0]), str(index[str(place)][1])) for place in range(len(index)))


def classes_here() -> tuple[tuple[str, str], ...]:
    """Return what `classes` does, or () where the file isn't here or is damaged."""
    try:
        return classes()
    except ExplorerError:
        return ()


def missing(spec: NetworkSpec) -> WeightsUnavailable:
    """Return the error for what `spec` needs and is not here, or is damaged, where it is not to be downloaded now."""
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
    """Return the files of the table that a network needs: its weights, and the names of the classes at its top."""
    row = architectures[spec.architecture]
    if spec.weights != row.weights:
        return []
    return [wanted(spec), CLASS_INDEX] if row.weights == "imagenet" and spec.include_top else [wanted(spec)]


def _alike(file: WeightsFile, row: Architecture | None) -> tuple[WeightsFile, ...]:
    return (file,) if row is None else row.alike(file)


def _folders(row: Architecture | None) -> list[Path]:
    """Return where to look for files, in this order; downloads go into the last."""
    if row is not None and row.bundled:
        return [BUNDLED]
    given = pack()
    return [cache()] if given is None else [given, given / "models", cache()]


def whole(file: WeightsFile, row: Architecture | None) -> Path | None:
    """Return the first whole copy, None where there is none at all. Raises ExplorerError where all are damaged."""
    damage = None
    for path, published in [(path, one) for one in _alike(file, row) for path in copies(one, row)]:
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
    """Return a whole copy of the file, downloaded where there is none."""
    try:
        path = whole(file, row)
    except ExplorerError:
        if row is not None and row.bundled:
            raise
        path = None
    return path or _download(_alike(file, row), title, report_progress)


def _download(files: tuple[WeightsFile, ...], title: str, report_progress: ReportProgress) -> Path:
    """Return the first of these files that can be had, downloaded. Raises what the first one raises where none can be."""
    file, *others = files
    path = cache() / file.name
    mirror = os.environ.get(MIRROR, "").rstrip("/")
    published = file.md5 or file.sha256
    size = file.size if published or not mirror else None  # a mirror may hold a file that was saved anew, see `check`
    try:
        download(f"{mirror}/{file.name}" if mirror else file.url, path, size, published, report_progress, title)
    except WeightsUnavailable:
        if others:
            with suppress(WeightsUnavailable):
                return _download(tuple(others), title, report_progress)
        raise
    return path
