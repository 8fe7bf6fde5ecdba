"""The store of runs: where their folders are, how one is created, and which files are kept in it."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import replace
from pathlib import Path

import platformdirs

from explorer import disk
from explorer.catalog.options import stamp_of
from explorer.errors import ExplorerError, UnknownName
from explorer.locale import _, megabytes
from explorer.runs import serialization as files
from explorer.values import AdoptedModel, DataSpec, ModelFile, RunSettings
from explorer.values.runs import DATA_FOLDER, RUN_KEY

HOME = "EXPLORER_RUNS"  # the environment variable that names the folder of all runs


def home() -> Path:
    """Return the folder of all runs: EXPLORER_RUNS, else one in the user's data folder."""
    given = os.environ.get(HOME)
    return Path(given).expanduser().absolute() if given else platformdirs.user_data_path("explorer", appauthor=False) / "runs"


def folder(key: str) -> Path:
    """Return the folder of a run. Raises UnknownName if there is none."""
    path = home() / key if isinstance(key, str) and RUN_KEY.fullmatch(key) else None
    if path is None or not path.is_dir() or path.is_symlink():
        raise UnknownName(_("There is no such run; it may have been deleted."))
    return path


def file(key: str, name: str) -> Path:
    """Return the path of a file in the folder of a run. Raises UnknownName if there is no file of that name."""
    path = folder(key) / Path(name).name
    if path.name != name or "\0" in name or path.is_symlink() or not path.is_file():
        raise UnknownName(_("The run has no file {name!r}.").format(name=name))
    return path


def create(settings: RunSettings, copy_network: bool = False, copy_data: bool = False) -> str:
    """Create the folder of a new run and return its key, which can't be guessed.

    copy_network, copy_data: whether to keep the files of the network and the data with the run, because they lie in a temporary folder.
    Raises ExplorerError if the folder can't be written, and for settings that aren't plain data.
    """
    if isinstance(settings.network, AdoptedModel):
        raise ExplorerError(_("{name} is a live model: save it, and train what is in the file.").format(name=settings.network.name))
    key = secrets.token_hex(16)
    path = home() / key
    try:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
        network = settings.network
        if copy_network and isinstance(network, ModelFile):
            network = _keep_network(path, network)
        data = keep_data(key, settings.data) if copy_data else settings.data
        files.write_settings(path, replace(settings, network=network, data=data))
    except OSError as error:
        shutil.rmtree(path, ignore_errors=True)
        raise ExplorerError(files.why_not_written(error, home())) from error
    except ExplorerError:
        shutil.rmtree(path, ignore_errors=True)
        raise
    return key


def find_key(beginning: str) -> str:
    """Return the key of the run whose key is, or begins with, `beginning`. Raises UnknownName for none, ExplorerError for several."""
    keys = [path.name for path in (home().iterdir() if home().is_dir() else ()) if RUN_KEY.fullmatch(path.name)]
    matches = [key for key in keys if beginning and key.startswith(beginning.lower())]
    if len(matches) > 1:
        raise ExplorerError(_("The names of {count} runs begin with {name}: give more of it.").format(count=len(matches), name=beginning))
    if not matches:
        raise UnknownName(_("There is no run {name!r} in {folder}; it may have been deleted.").format(name=beginning, folder=home()))
    return matches[0]


def check_room(size: int, where: Path | None = None) -> None:
    """Raise ExplorerError if less than `size` bytes are free on the disk of a folder, by default that of the runs."""
    requested = existing = where or home()
    while not existing.exists():
        existing = existing.parent
    free = shutil.disk_usage(existing).free
    if free < size:
        sentence = _("The disk of {folder} has {free} MB left, and this training takes up to {size} MB: free some space first.")
        raise ExplorerError(sentence.format(folder=requested, free=megabytes(free), size=megabytes(size)))


def is_on_same_disk(path: Path) -> bool:
    """Whether a folder lies on the same disk as the runs."""
    existing = home()
    while not existing.exists():
        existing = existing.parent
    return existing.stat().st_dev == path.stat().st_dev


def is_started_by_command(key: str) -> bool:
    """Whether the command started a run; it deletes the run once all its results are in the command's output folder."""
    return (folder(key) / files.COMMAND).exists()


def keep_data(key: str, spec: DataSpec) -> DataSpec:
    """Keep the files of a dataset with a run, as hard links or copies; return the spec of the kept files. Raises OSError.

    For a list of files (.csv), everything in its folder is kept.
    """
    target = folder(key) / DATA_FOLDER
    validation = spec.validation
    if isinstance(validation, str):
        validation = str(_keep(Path(validation), target / "validation")) if os.path.isabs(validation) else validation
    if spec.source == "built-in":
        return replace(spec, validation=validation)
    path = Path(spec.path)
    kept = _keep(path.parent, target / "training") / path.name if spec.source == "csv" else _keep(path, target / "training")
    return replace(spec, path=str(kept), validation=validation)


def _keep_network(folder: Path, spec: ModelFile) -> ModelFile:
    kept = _keep(Path(spec.path), folder / "network")
    return replace(spec, path=str(kept), stamp=stamp_of(kept))


def _keep(source: Path, into: Path) -> Path:
    """Keep a folder, or a file with its suffix, and return its new path: hard-linked if the file system can, else copied."""
    source = source.resolve()
    if not source.is_dir():
        into.parent.mkdir(parents=True, exist_ok=True)
        target = into.with_suffix(source.suffix)
        _link_or_copy(source, target)
        return target
    for parent, _folders, names in os.walk(source):
        target = into / Path(parent).relative_to(source)
        target.mkdir(parents=True)
        for name in names:
            if not os.path.islink(os.path.join(parent, name)):  # a link may lead anywhere
                _link_or_copy(Path(parent, name), target / name)
    return into


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except (OSError, NotImplementedError):
        with disk.writing(target, lasting=False) as part:
            shutil.copy2(source, part)
