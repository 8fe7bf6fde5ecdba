"""Of which class each file in a folder is, and whether it is trained on or validated with: by the names of folders and files alone."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import PurePath

from explorer.dataset_layout.folders import Folder, Steps, core
from explorer.dataset_layout.splits import Parts, kind_of, parts, some
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.names import caseless, natural, plain, spelled_as

VARIANTS = re.compile(r"colou?r|gr[ae]y(scale)?|rgb|raw|originals?|segmented|segmentation|augmented|augmentation|cropped|resized|processed")
NUMBERED = re.compile(r"(?!class|cls|label|category|n\d{8})(\D*)\d+")
CLASS_AND_NUMBER = re.compile(r"([^\W\d](?:[^\d]*[^\W\d_])?)[ ._(-]+\d+\)?")
CAMERAS = (  # what names of files begin with that say nothing of a class
    *("img", "image", "images", "dsc", "dscf", "dscn", "dscim", "pic", "picture", "photo", "frame", "file", "sample", "test", "train"),
    *("val", "screenshot", "scan", "page", "mov", "vid", "video", "rec", "recording", "sound", "audio", "track", "part", "isic"),
)
TABLES = (".csv", ".tsv")


class NoClasses(ExplorerError):
    """A folder holds files, but no folders of classes."""


@dataclass(frozen=True)
class Member:
    """A file of a class: its path, and how it lies inside the class's own folder; what lies in a folder there is a group."""

    path: Steps
    label: str
    inside: Steps

    @property
    def name(self) -> str:
        """Return what to call it."""
        return plain("/".join((self.label, *self.inside)))

    @property
    def group(self) -> str:
        """Return the group that it is of; "" for none."""
        return plain(f"{self.label}/{self.inside[0]}") if len(self.inside) > 1 else ""


@dataclass(frozen=True)
class Side:
    """Files by class; classes may be empty."""

    members: tuple[Member, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a folder is laid out.

    validation: None where the data is not split already; `split` says how it is.
    left_out: (name, why) of what is of no class; notes: what was recognised, in sentences.
    """

    training: Side
    validation: Side | None = None
    split: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def both(self) -> Side:
        """Return all files, as they are collected on a page, where a share of all is held out."""
        if self.validation is None:
            return self.training
        spelled = spelled_as(self.training.classes, self.validation.classes)
        members = tuple(replace(one, label=spelled[one.label]) for one in self.validation.members)
        return _joined([self.training, Side(members, tuple(spelled.values()))])


def layout(top: Folder, name: str) -> Layout:
    """Return how a folder is laid out that holds a folder for each class, also for each part of the data that is split already.

    Folders that hold nothing but one folder are passed over, with the files beside it. name: what to call the folder.
    Raises NoClasses where there are files only, ExplorerError where it can't be told which folders are the classes.
    """
    root, beside = core(top)
    found = _without_copies(root, name) or _swapped(root) or _split_inside(root, name) or _by_parts(root, name) or _by_class(root, name)
    return replace(found, left_out=(*_stray(beside), *found.left_out))


def layout_or_class(top: Folder, name: str) -> Layout:
    """Return how a folder is laid out; one that holds files only is a class, called as it is."""
    try:
        return layout(top, name)
    except NoClasses:
        return Layout(Side(tuple(Member(path, name, path[-1:]) for path in top.walk()), (name,)))


def classes_in(folder: Folder, names: Mapping[str, str] | None = None) -> Layout:
    """Return a layout where each folder is a class; names: of those that are called otherwise than their folders."""
    names = names or {}
    labelled = sorted(((names.get(one.name, plain(one.name)), one) for one in folder.folders.values()), key=lambda pair: natural(pair[0]))
    members = tuple(Member(path, label, path[len(one.path) :]) for label, one in labelled for path in one.walk())
    return Layout(Side(members, tuple(dict.fromkeys(label for label, _one in labelled))), left_out=_stray(folder.files))


def _stray(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    sorted_names = sorted(map(plain, names), key=natural)
    return tuple((name, _("{name} lies in no class's folder.").format(name=name)) for name in sorted_names)


def _aside(names: Sequence[str], why: str) -> tuple[str, ...]:
    return (why.format(names=", ".join(map(plain, names))),) if names else ()


def _without_copies(root: Folder, name: str) -> Layout | None:
    """Return the layout where a folder holds folders of the same names as those beside it: a copy of them, packed twice."""
    names = root.inner_names
    copies = [one for one in root.folders.values() if len(own := core(one)[0].inner_names) > 1 and own <= names - {caseless(one.name)}]
    if not copies:
        return None
    rest = Folder(root.path, root.files, {key: one for key, one in root.folders.items() if one not in copies})
    found = layout(rest, name)
    said = _aside([one.name for one in copies], _("Left aside, as it holds the same folders as lie beside it: {names}."))
    return replace(found, notes=(*found.notes, *said))


def _swapped(root: Folder) -> Layout | None:
    """Return the layout where each class has its parts: cats/train, cats/test."""
    inside = {name for one in root.folders.values() for name in one.folders}
    flat = all(one.folders and not any(part.folders for part in one.folders.values()) for one in root.folders.values())
    found = parts(inside) if flat and len(root.folders) > 1 and all(map(kind_of, inside)) and not any(map(kind_of, root.folders)) else None
    if not found or not found.validation:
        return None

    def side(names: Sequence[str]) -> Side:
        kept = {
            key: Folder(one.path, [], {name: one.folders[name] for name in names if name in one.folders})
            for key, one in root.folders.items()
        }
        both = classes_in(Folder(root.path, [], kept)).training
        return replace(both, members=tuple(replace(one, inside=one.inside[1:]) for one in both.members))

    return Layout(
        side(found.training), side(found.validation), found.note, _stray(root.files), _aside(found.spare, _("Left aside: {names}."))
    )


def _split_inside(root: Folder, name: str) -> Layout | None:
    """Return the layout of the one folder in it that is split, or of the first of several folds that each are."""
    inside = [one for one in root.folders.values() if _is_split(core(one)[0])]
    if not inside:
        return None
    folds = all(kind_of(one.name) == "fold" for one in inside)
    if len(inside) > 1 and not folds:
        raise ExplorerError(
            _("{names} are each split for training and validation: give one of them, such as {path}.").format(
                names=some([plain(one.name) for one in inside]), path="/".join((name, *inside[0].path[len(root.path) :]))
            )
        )
    found = layout(inside[0], name)
    said = _aside([one.name for one in root.folders.values() if one is not inside[0]], _("Left aside: {names}."))
    return replace(found, left_out=(*_stray(root.files), *found.left_out), notes=(*found.notes, *said))


def _is_split(folder: Folder) -> bool:
    """Whether it holds a part to train on and another one, each of class folders."""
    found = parts(folder.folders)
    if found is None or not found.validation:
        return False
    return all(core(folder.folders[name])[0].folders for name in (*found.training, *found.validation))


def _by_parts(root: Folder, name: str) -> Layout | None:
    """Return the layout where folders are parts: by their names, and as they hold the same classes."""
    cores = {key: core(one) for key, one in root.folders.items()}
    found = parts(cores)
    if found is None:
        return None
    kinds = {kind_of(key) for key in cores}
    own = {label for key in found.training for label in cores[key][0].inner_names}
    others = [key for key in cores if key not in found.training]
    alike = [key for key in others if own & cores[key][0].inner_names]
    named = bool(found.validation) or ("" not in kinds and len(kinds) > 1)
    if not own:
        return _flat(root, found, name) if named else None
    if not (named or alike):
        return None
    unfit = [key for key in others if key not in alike and len(cores[key][0].folders) < 2]
    found = parts([key for key in cores if key not in unfit]) or found
    notes = (
        *_aside([key for key in found.spare if key not in unfit], _("Left aside: {names}.")),
        *_aside(unfit, _("Left aside, as it holds no folders of the classes: {names}.")),
    )
    sides, left_out = [], _stray(root.files)
    for names in (found.training, found.validation):
        layouts = [classes_in(cores[key][0]) for key in names]
        left_out += _stray(stray for key in names for stray in cores[key][1]) + sum((one.left_out for one in layouts), ())
        sides.append(_joined([one.training for one in layouts]))
    return Layout(sides[0], sides[1] if found.validation else None, found.note, left_out, notes)


def _joined(sides: Sequence[Side]) -> Side:
    members = sorted((one for side in sides for one in side.members), key=lambda one: natural(one.label))
    return Side(tuple(members), tuple(sorted({label for side in sides for label in side.classes}, key=natural)))


def _flat(root: Folder, found: Parts, name: str) -> Layout:
    """Return the layout where the parts hold files whose names say their classes. Raises ExplorerError for other files."""
    sides = {key: _named(core(root.folders[key])[0]) for key in root.folders}
    own = [sides[key] for key in found.training]
    if not all(own):
        said = _("The parts of {folder} ({names}) hold files, but no folders of the classes: put the files of each class into a folder.")
        raise ExplorerError(said.format(folder=name, names=some([plain(key) for key in root.folders])) + _list_beside(root))
    training = _joined([side for side in own if side])
    held = [side for key in found.validation if (side := sides[key]) and set(side.classes) <= set(training.classes)]
    spare = [key for key in root.folders if key not in found.training and not (held and key in found.validation)]
    notes = (_said_of_names(training), *_aside(spare, _("Left aside, as the names of its files tell no class: {names}.")))
    return Layout(training, _joined(held) if held else None, found.note if held else "", _stray(root.files), notes)


def _by_class(root: Folder, name: str) -> Layout:
    """Return the layout where each folder is a class, or the names of the files say it."""
    if not root.folders:
        named = _named(root)
        if named is None:
            said = _("{folder} holds no folders: put the files of each class into a folder that is named after it.")
            raise NoClasses(said.format(folder=name) + _list_beside(root))
        return Layout(named, notes=(_said_of_names(named),))
    _refuse_mixed(root, name)
    return replace(classes_in(root), notes=_said_of_groups(root, name))


def _refuse_mixed(root: Folder, name: str) -> None:
    """Raise ExplorerError where one folder holds folders, which may be the classes, and those beside it are parts that hold files."""
    nested = [one for one in root.folders.values() if one.folders]
    flat = [key for key, one in root.folders.items() if not one.folders]
    if len(nested) == 1 and flat and all(map(kind_of, flat)):
        said = _(
            "{folder} holds {other}, a folder of folders, beside folders of files ({names}): give {path} if its folders are the classes."
        )
        path = "/".join((name, *nested[0].path))
        raise ExplorerError(said.format(folder=name, other=plain(nested[0].name), names=some([plain(key) for key in flat]), path=path))


def _named(folder: Folder) -> Side | None:
    """Return the classes that all names of files begin with, before a number, as in cat.0.jpg; None where they tell none."""
    files = (
        []
        if folder.folders
        else [name for name in folder.files if (mimetypes.guess_type(name, strict=False)[0] or "")[:5] in ("image", "audio")]
    )
    found = {name: CLASS_AND_NUMBER.fullmatch(PurePath(name).stem) for name in files}
    labels = {name: match[1] for name, match in found.items() if match}
    classes = tuple(sorted(set(map(plain, labels.values())), key=natural))
    if len(labels) < len(files) or not 1 < len(classes) <= len(files) / 2 or any(caseless(one) in CAMERAS for one in classes):
        return None
    members = tuple(Member((*folder.path, name), plain(label), (name,)) for name, label in labels.items())
    return _joined([Side(members, classes)])


def _said_of_names(side: Side) -> str:
    return _("The classes are what the names of the files begin with: {names}.").format(names=some(side.classes))


def _list_beside(folder: Folder) -> str:
    """Return what to do where a list of files lies in a folder."""
    lists = [plain(name) for name in folder.files if name.lower().endswith(TABLES)]
    return " " + _("If {file} lists them, give that.").format(file=lists[0]) if lists else ""


def _said_of_groups(root: Folder, name: str) -> tuple[str, ...]:
    """Say where folders in several classes have the same names. Raises ExplorerError where these may be the classes themselves."""
    cores = {key: core(one)[0] for key, one in root.folders.items()}
    pairs = [
        (one, other, shared)
        for one, other in combinations(cores, 2)
        if len(shared := cores[one].inner_names & cores[other].inner_names) > 1
        and 2 * len(shared) >= min(len(cores[one].folders), len(cores[other].folders))
    ]
    if not pairs:
        return ()
    same = list(dict.fromkeys(key for one, other, _shared in pairs for key in (one, other)))
    inside = [plain(one) for one in cores[same[0]].folders if any(caseless(one) in shared for _one, _other, shared in pairs)]
    numbered = {match[1] if (match := NUMBERED.fullmatch(caseless(one))) else None for one in inside}
    if len(numbered) == 1 and None not in numbered and not any(VARIANTS.search(key.lower()) for key in same):
        return (_("The folders in each class, such as {name}, are groups: each stays on one side of the split.").format(name=inside[0]),)
    raise ExplorerError(
        _(
            "{names} hold folders of the same names. If {inside} are the classes, give one folder that holds them, such as {path}; "
            "if they are groups inside the classes, number them: group 1, group 2."
        ).format(names=some([plain(key) for key in same]), inside=some(inside), path="/".join((name, *cores[same[0]].path)))
    )
