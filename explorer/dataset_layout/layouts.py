"""Layouts: the class of each file in a folder, and its part of the split, from the names of folders and files alone."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import PurePath

from explorer.dataset_layout.folders import Folder, PathParts, core
from explorer.dataset_layout.splits import Parts, kind_of, names_text, parts
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values.names import caseless, natural, plain, spelled_as

VARIANTS = re.compile(r"colou?r|gr[ae]y(scale)?|rgb|raw|originals?|segmented|segmentation|augmented|augmentation|cropped|resized|processed")
NUMBERED = re.compile(r"(?!class|cls|label|category|n\d{8})(\D*)\d+")
CLASS_AND_NUMBER = re.compile(r"([^\W\d](?:[^\d]*[^\W\d_])?)[ ._(-]+\d+\)?")
CAMERAS = (  # prefixes of file names that are no class
    *("img", "image", "images", "dsc", "dscf", "dscn", "dscim", "pic", "picture", "photo", "frame", "file", "sample", "test", "train"),
    *("val", "screenshot", "scan", "page", "mov", "vid", "video", "rec", "recording", "sound", "audio", "track", "part", "isic"),
)
TABLES = (".csv", ".tsv")


class NoClasses(ExplorerError):
    """A folder holds files, but no class folders."""


@dataclass(frozen=True)
class Member:
    """A file of a class: its path, and `inside`, its path relative to the class folder; the files of a folder inside that are a group."""

    path: PathParts
    label: str
    inside: PathParts

    @property
    def name(self) -> str:
        """Return its name for people."""
        return plain("/".join((self.label, *self.inside)))

    @property
    def group(self) -> str:
        """Return the group that it belongs to; "" for none."""
        return plain(f"{self.label}/{self.inside[0]}") if len(self.inside) > 1 else ""


@dataclass(frozen=True)
class Side:
    """The files and classes of one part of a split; classes may be empty."""

    members: tuple[Member, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Layout:
    """How a folder is laid out.

    validation: None where the data is not split yet; split: a sentence about how it is split, else "".
    left_out: (name, reason) of files without a class; notes: what was recognised, in sentences.
    """

    training: Side
    validation: Side | None = None
    split: str = ""
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def both(self) -> Side:
        """Return all files of both parts, as a page collects them and takes a share of all for validation."""
        if self.validation is None:
            return self.training
        spelled = spelled_as(self.training.classes, self.validation.classes)
        members = tuple(replace(member, label=spelled[member.label]) for member in self.validation.members)
        return _joined([self.training, Side(members, tuple(spelled.values()))])


def layout(top: Folder, name: str) -> Layout:
    """Return how a folder is laid out that holds a folder for each class, or a folder for each part of a split with those inside.

    Folders that hold only one folder are passed over, with the files beside it. name: the folder's name in messages.
    Raises NoClasses where there are only files, ExplorerError where it isn't clear which folders are the classes.
    """
    root, beside = core(top)
    split = _without_copies(root, name) or _classes_with_parts(root) or _inner_split(root, name) or _parts_layout(root, name)
    result = split or _class_folders(root, name)
    return replace(result, left_out=(*_left_out(beside), *result.left_out))


def layout_or_class(top: Folder, name: str) -> Layout:
    """Return how a folder is laid out; a folder that holds only files is a class with the folder's name."""
    try:
        return layout(top, name)
    except NoClasses:
        return Layout(Side(tuple(Member(path, name, path[-1:]) for path in top.walk()), (name,)))


def classes_in(folder: Folder, names: Mapping[str, str] | None = None) -> Layout:
    """Return a layout where each folder is a class; names: folder name to class name, where they differ."""
    names = names or {}
    labelled = sorted(((names.get(key, plain(key)), inner) for key, inner in folder.folders.items()), key=lambda pair: natural(pair[0]))
    members = tuple(Member(path, label, path[len(inner.path) :]) for label, inner in labelled for path in inner.walk())
    return Layout(Side(members, tuple(dict.fromkeys(label for label, _folder in labelled))), left_out=_left_out(folder.files))


def _left_out(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    sorted_names = sorted(map(plain, names), key=natural)
    return tuple((name, _("{name} is not in the folder of a class.").format(name=name)) for name in sorted_names)


def _left_out_note(names: Sequence[str], sentence: str) -> tuple[str, ...]:
    return (sentence.format(names=", ".join(map(plain, names))),) if names else ()


def _without_copies(root: Folder, name: str) -> Layout | None:
    """Return the layout where a folder is a copy of what lies beside it: its folders have the same names."""
    names = root.inner_names
    inner_names = {key: core(folder)[0].inner_names for key, folder in root.folders.items()}
    copies = [key for key, inner in inner_names.items() if len(inner) > 1 and inner <= names - {caseless(key)}]
    if not copies:
        return None
    rest = Folder(root.path, root.files, {key: folder for key, folder in root.folders.items() if key not in copies})
    result = layout(rest, name)
    note = _left_out_note(copies, _("Left out, as it holds the same folders as those beside it: {names}."))
    return replace(result, notes=(*result.notes, *note))


def _classes_with_parts(root: Folder) -> Layout | None:
    """Return the layout where each class folder holds the parts of the split: cats/train, cats/test."""
    part_names = {name for folder in root.folders.values() for name in folder.folders}
    flat = all(folder.folders and not any(part.folders for part in folder.folders.values()) for folder in root.folders.values())
    named = all(map(kind_of, part_names)) and not any(map(kind_of, root.folders))
    split = parts(part_names) if flat and named and len(root.folders) > 1 else None
    if not split or not split.validation:
        return None

    def side(names: Sequence[str]) -> Side:
        folders = {
            key: Folder(folder.path, [], {name: folder.folders[name] for name in names if name in folder.folders})
            for key, folder in root.folders.items()
        }
        files = classes_in(Folder(root.path, [], folders)).training
        return replace(files, members=tuple(replace(member, inside=member.inside[1:]) for member in files.members))

    notes = _left_out_note(split.spare, _("Left out: {names}."))
    return Layout(side(split.training), side(split.validation), split.note, _left_out(root.files), notes)


def _inner_split(root: Folder, name: str) -> Layout | None:
    """Return the layout of the only folder in it that is split, or of the first of several folds that are each split."""
    split_folders = [folder for folder in root.folders.values() if _is_split(core(folder)[0])]
    if not split_folders:
        return None
    first, folds = split_folders[0], all(kind_of(folder.name) == "fold" for folder in split_folders)
    if len(split_folders) > 1 and not folds:
        raise ExplorerError(
            _("{names} are each split for training and validation: give one of them, such as {path}.").format(
                names=names_text([plain(folder.name) for folder in split_folders]), path="/".join((name, *first.path[len(root.path) :]))
            )
        )
    result = layout(first, name)
    note = _left_out_note([folder.name for folder in root.folders.values() if folder is not first], _("Left out: {names}."))
    return replace(result, left_out=(*_left_out(root.files), *result.left_out), notes=(*result.notes, *note))


def _is_split(folder: Folder) -> bool:
    """Whether it holds a training and a validation part, each with class folders."""
    split = parts(folder.folders)
    if split is None or not split.validation:
        return False
    return all(core(folder.folders[name])[0].folders for name in (*split.training, *split.validation))


def _parts_layout(root: Folder, name: str) -> Layout | None:
    """Return the layout where folders are parts, by their names and because they hold the same classes."""
    cores = {key: core(folder) for key, folder in root.folders.items()}
    split = parts(cores)
    if split is None:
        return None
    kinds = {kind_of(key) for key in cores}
    class_names = {label for key in split.training for label in cores[key][0].inner_names}
    others = [key for key in cores if key not in split.training]
    alike = [key for key in others if class_names & cores[key][0].inner_names]
    named = bool(split.validation) or ("" not in kinds and len(kinds) > 1)
    if not class_names:
        return _parts_of_files(root, split, name) if named else None
    if not (named or alike):
        return None
    unfit = [key for key in others if key not in alike and len(cores[key][0].folders) < 2]
    split = parts([key for key in cores if key not in unfit]) or split
    notes = (
        *_left_out_note([key for key in split.spare if key not in unfit], _("Left out: {names}.")),
        *_left_out_note(unfit, _("Left out, as it holds no class folders: {names}.")),
    )
    sides, left_out = [], _left_out(root.files)
    for names in (split.training, split.validation):
        layouts = [classes_in(cores[key][0]) for key in names]
        left_out += _left_out(stray for key in names for stray in cores[key][1]) + sum((part.left_out for part in layouts), ())
        sides.append(_joined([part.training for part in layouts]))
    return Layout(sides[0], sides[1] if split.validation else None, split.note, left_out, notes)


def _joined(sides: Sequence[Side]) -> Side:
    members = sorted((member for side in sides for member in side.members), key=lambda member: natural(member.label))
    return Side(tuple(members), tuple(sorted({label for side in sides for label in side.classes}, key=natural)))


def _parts_of_files(root: Folder, split: Parts, name: str) -> Layout:
    """Return the layout where the parts hold files named after their classes. Raises ExplorerError for other files."""
    sides = {key: _classes_of_names(core(root.folders[key])[0]) for key in root.folders}
    training_sides = [sides[key] for key in split.training]
    if not all(training_sides):
        message = _("The parts of {folder} ({names}) hold files, but no class folders: put the files of each class into a folder.")
        raise ExplorerError(message.format(folder=name, names=names_text([plain(key) for key in root.folders])) + _list_advice(root))
    training = _joined([side for side in training_sides if side])
    validation = [side for key in split.validation if (side := sides[key]) and set(side.classes) <= set(training.classes)]
    spare = [key for key in root.folders if key not in split.training and not (validation and key in split.validation)]
    notes = (_names_note(training), *_left_out_note(spare, _("Left out, as the names of its files don't begin with a class: {names}.")))
    return Layout(training, _joined(validation) if validation else None, split.note if validation else "", _left_out(root.files), notes)


def _class_folders(root: Folder, name: str) -> Layout:
    """Return the layout where each folder is a class, or the names of the files begin with their class."""
    if not root.folders:
        side = _classes_of_names(root)
        if side is None:
            message = _("{folder} holds no folders: put the files of each class into a folder that is named after it.")
            raise NoClasses(message.format(folder=name) + _list_advice(root))
        return Layout(side, notes=(_names_note(side),))
    _check_not_mixed(root, name)
    return replace(classes_in(root), notes=_group_notes(root, name))


def _check_not_mixed(root: Folder, name: str) -> None:
    """Raise ExplorerError where one folder holds folders, which may be the classes, and the folders beside it are parts with files."""
    nested = [folder for folder in root.folders.values() if folder.folders]
    flat = [key for key, folder in root.folders.items() if not folder.folders]
    if len(nested) == 1 and flat and all(map(kind_of, flat)):
        message = _(
            "{folder} holds {other}, a folder of folders, beside folders of files ({names}): give {path} if its folders are the classes."
        )
        path = "/".join((name, *nested[0].path))
        names = names_text([plain(key) for key in flat])
        raise ExplorerError(message.format(folder=name, other=plain(nested[0].name), names=names, path=path))


def _classes_of_names(folder: Folder) -> Side | None:
    """Return the classes that all file names begin with, before a number, as in cat.0.jpg; None where they don't."""
    files = (
        []
        if folder.folders
        else [name for name in folder.files if (mimetypes.guess_type(name, strict=False)[0] or "")[:5] in ("image", "audio")]
    )
    matches = {name: CLASS_AND_NUMBER.fullmatch(PurePath(name).stem) for name in files}
    labels = {name: match[1] for name, match in matches.items() if match}
    classes = tuple(sorted(set(map(plain, labels.values())), key=natural))
    if len(labels) < len(files) or not 1 < len(classes) <= len(files) / 2 or any(caseless(name) in CAMERAS for name in classes):
        return None
    members = tuple(Member((*folder.path, name), plain(label), (name,)) for name, label in labels.items())
    return _joined([Side(members, classes)])


def _names_note(side: Side) -> str:
    return _("The classes are what the names of the files begin with: {names}.").format(names=names_text(side.classes))


def _list_advice(folder: Folder) -> str:
    """Return the advice to give the list of files where one lies in the folder, after a space; "" for none."""
    lists = [plain(name) for name in folder.files if name.lower().endswith(TABLES)]
    return " " + _("If {file} lists them, give that.").format(file=lists[0]) if lists else ""


def _group_notes(root: Folder, name: str) -> tuple[str, ...]:
    """Return a note where folders in several classes are groups. Raises ExplorerError where these may be the classes themselves."""
    cores = {key: core(folder)[0] for key, folder in root.folders.items()}
    pairs = [
        (key, other, shared)
        for key, other in combinations(cores, 2)
        if len(shared := cores[key].inner_names & cores[other].inner_names) > 1
        and 2 * len(shared) >= min(len(cores[key].folders), len(cores[other].folders))
    ]
    if not pairs:
        return ()
    same = list(dict.fromkeys(key for key, other, _shared in pairs for key in (key, other)))
    inside = [plain(key) for key in cores[same[0]].folders if any(caseless(key) in shared for *_keys, shared in pairs)]
    numbered = {match[1] if (match := NUMBERED.fullmatch(caseless(key))) else None for key in inside}
    if len(numbered) == 1 and None not in numbered and not any(VARIANTS.search(key.lower()) for key in same):
        return (_("The folders in each class, such as {name}, are groups: each stays on one side of the split.").format(name=inside[0]),)
    raise ExplorerError(
        _(
            "{names} hold folders of the same names. If {inside} are the classes, give one folder that holds them, such as {path}; "
            "if they are groups inside the classes, number them: group 1, group 2."
        ).format(names=names_text([plain(key) for key in same]), inside=names_text(inside), path="/".join((name, *cores[same[0]].path)))
    )
