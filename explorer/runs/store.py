"""The folders of runs: where they are, how one is made, and what is kept in it."""

from __future__ import annotations

import os
import re
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

HOME = "EXPLORER_RUNS"  # the variable that names the folder of all runs
KEY = re.compile(r"[0-9a-f]{32}")


def home() -> Path:
    """Return the folder of all runs: EXPLORER_RUNS, else one in the user's folder of data."""
    given = os.environ.get(HOME)
    return Path(given).expanduser().absolute() if given else platformdirs.user_data_path("explorer", appauthor=False) / "runs"


def folder(key: str) -> Path:
    """Return the folder of a run. Raises UnknownName where there is none."""
    place = home() / key if isinstance(key, str) and KEY.fullmatch(key) else None
    if place is None or not place.is_dir() or place.is_symlink():
        raise UnknownName(_("There is no such run; it may have been deleted."))
    return place


def file(key: str, name: str) -> Path:
    """Return a file in the folder of a run. Raises UnknownName where there is none of that name."""
    path = folder(key) / Path(name).name
    if path.name != name or "\0" in name or path.is_symlink() or not path.is_file():
        raise UnknownName(_("The run has no file {name!r}.").format(name=name))
    return path


def create(settings: RunSettings, copy_network: bool = False, copy_data: bool = False) -> str:
    """Make the folder of a new run and return its key, which nobody can guess.

    copy_network, copy_data: whether their files, which lie in a temporary folder, are to be kept with the run.
    Raises ExplorerError where the folder can't be written, and for settings that are no plain data.
    """
    if isinstance(settings.network, AdoptedModel):
        raise ExplorerError(_("{name} is a live model: save it, and train what is in the file.").format(name=settings.network.name))
    key = secrets.token_hex(16)
    place = home() / key
    try:
        home().mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        network = settings.network
        if copy_network and isinstance(network, ModelFile):
            network = _kept_network(place, network)
        data = keep_data(key, settings.data) if copy_data else settings.data
        files.write_settings(place, replace(settings, network=network, data=data))
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise ExplorerError(files.why_not_written(error, home())) from error
    except ExplorerError:
        shutil.rmtree(place, ignore_errors=True)
        raise
    return key


def named(beginning: str) -> str:
    """Return the key of the run that is named by it, or by its beginning. Raises UnknownName for none, ExplorerError for several."""
    found = [place.name for place in (home().iterdir() if home().is_dir() else ()) if KEY.fullmatch(place.name)]
    fitting = [key for key in found if beginning and key.startswith(beginning.lower())]
    if len(fitting) > 1:
        raise ExplorerError(_("The names of {count} runs begin with {name}: give more of it.").format(count=len(fitting), name=beginning))
    if not fitting:
        raise UnknownName(_("There is no run {name!r} in {folder}; it may have been deleted.").format(name=beginning, folder=home()))
    return fitting[0]


def check_room(size: int, where: Path | None = None) -> None:
    """Raise ExplorerError where less than `size` bytes are free for what a training leaves in a folder, by default that of the runs."""
    wanted = place = where or home()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    if free < size:
        said = _("The disk of {folder} has {free} MB left, and this training takes up to {size} MB: free some space first.")
        raise ExplorerError(said.format(folder=wanted, free=megabytes(free), size=megabytes(size)))


def on_one_disk(place: Path) -> bool:
    """Whether a folder lies on the disk of the runs."""
    own = home()
    while not own.exists():
        own = own.parent
    return own.stat().st_dev == place.stat().st_dev


def of_command(key: str) -> bool:
    """Whether a run was started by the command, which deletes it once all of it is where the command was told to write."""
    return (folder(key) / files.COMMAND).exists()


def keep_data(key: str, spec: DataSpec) -> DataSpec:
    """Keep the files of data with a run, as hard links or copies; return the spec of what is kept. Raises OSError.

    Of a list of files (.csv) all is kept that lies in its folder.
    """
    place = folder(key) / "data"
    validation = spec.validation
    if isinstance(validation, str):
        validation = str(_kept(Path(validation), place / "validation")) if os.path.isabs(validation) else validation
    if spec.source == "built-in":
        return replace(spec, validation=validation)
    path = Path(spec.path)
    kept = _kept(path.parent, place / "training") / path.name if spec.source == "csv" else _kept(path, place / "training")
    return replace(spec, path=str(kept), validation=validation)


def _kept_network(place: Path, spec: ModelFile) -> ModelFile:
    kept = _kept(Path(spec.path), place / "network")
    return replace(spec, path=str(kept), stamp=stamp_of(kept))


def _kept(source: Path, into: Path) -> Path:
    """Return where a folder, or a file under its own ending, is kept: linked where the file system can, else copied."""
    source = source.resolve()
    if not source.is_dir():
        into.parent.mkdir(parents=True, exist_ok=True)
        target = into.with_suffix(source.suffix)
        _link(source, target)
        return target
    for parent, _folders, names in os.walk(source):
        target = into / Path(parent).relative_to(source)
        target.mkdir(parents=True)
        for name in names:
            if not os.path.islink(os.path.join(parent, name)):  # which may lead anywhere
                _link(Path(parent, name), target / name)
    return into


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except (OSError, NotImplementedError):
        with disk.writing(target, lasting=False) as part:
            shutil.copy2(source, part)
