"""Dropped files: the class of each file that was dropped on a page, alone or in folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.dataset_layout.folders import PathParts, folder_of
from explorer.dataset_layout.layouts import Layout, layout_or_class
from explorer.dataset_layout.splits import kind_of
from explorer.locale import _
from explorer.values.names import plain


@dataclass(frozen=True)
class Drop:
    """The files that were dropped.

    files: for each file its class, its name and its group; the class is "" for a file outside any folder; None for a file that is left out.
    left_out: (name, reason) of each file that is left out; notes: what was recognised, in sentences.
    """

    files: tuple[tuple[str, str, str] | None, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def sorted_drop(paths: Sequence[PathParts]) -> Drop:
    """Return the class of each file, from the folders that it lies in.

    Raises ExplorerError where it isn't clear which folders are the classes.
    """
    tops: dict[str, list[PathParts]] = {}
    for path in paths:
        if len(path) > 1:
            tops.setdefault(path[0], []).append(path)
    classes: dict[PathParts, tuple[str, str, str]] = {path: ("", path[0], "") for path in paths if len(path) == 1}
    left_out: list[tuple[str, str]] = []
    notes: list[str] = []
    if len(tops) > 1 and all(map(kind_of, tops)):  # parts of the same dataset, dropped together
        layouts: dict[PathParts, Layout] = {
            (): layout_or_class(folder_of(path for inner_paths in tops.values() for path in inner_paths), _("The data"))
        }
    else:
        layouts = {(name,): layout_or_class(folder_of(path[1:] for path in inner_paths), plain(name)) for name, inner_paths in tops.items()}
    for top, layout in layouts.items():
        classes |= {(*top, *member.path): (member.label, member.path[-1], member.group) for member in layout.both.members}
        left_out += layout.left_out
        notes += notes_on_page(plain("".join(top)) or _("The data"), layout)
    return Drop(tuple(classes.get(path) for path in paths), tuple(left_out), tuple(notes))


def notes_on_page(name: str, layout: Layout) -> tuple[str, ...]:
    """Return the notes for a folder or zip that was dropped on a page, where its validation part is merged with the others."""
    merged = _(
        "{name} is already split; here its parts are merged, and a share of all examples is used for validation: "
        "give its path to keep its split."
    )
    return (*((merged.format(name=name),) if layout.validation else ()), *layout.notes)
