"""Of which class each file is that was dropped on a page, alone or in folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.dataset_layout.folders import Steps, folder_of
from explorer.dataset_layout.layouts import Layout, layout_or_class
from explorer.dataset_layout.splits import kind_of
from explorer.locale import _
from explorer.values.names import plain


@dataclass(frozen=True)
class Drop:
    """What was dropped.

    files: for each file its class, its name and its group; no class for one that lies in no folder, None for one that is left aside.
    left_out: (name, why) of those; notes: what was recognised, in sentences.
    """

    files: tuple[tuple[str, str, str] | None, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def sorted_drop(paths: Sequence[Steps]) -> Drop:
    """Return of which class each file is, by the folders that it lies in.

    Raises ExplorerError where it can't be told which folders are the classes.
    """
    tops: dict[str, list[Steps]] = {}
    for path in paths:
        if len(path) > 1:
            tops.setdefault(path[0], []).append(path)
    classes: dict[Steps, tuple[str, str, str]] = {path: ("", path[0], "") for path in paths if len(path) == 1}
    left_out: list[tuple[str, str]] = []
    notes: list[str] = []
    if len(tops) > 1 and all(map(kind_of, tops)):  # parts of one set of data, dropped together
        layouts: dict[Steps, Layout] = {(): layout_or_class(folder_of(path for own in tops.values() for path in own), _("The data"))}
    else:
        layouts = {(name,): layout_or_class(folder_of(path[1:] for path in own), plain(name)) for name, own in tops.items()}
    for top, found in layouts.items():
        classes |= {(*top, *one.path): (one.label, one.path[-1], one.group) for one in found.both.members}
        left_out += found.left_out
        notes += on_page(plain("".join(top)) or _("The data"), found)
    return Drop(tuple(classes.get(path) for path in paths), tuple(left_out), tuple(notes))


def on_page(name: str, found: Layout) -> tuple[str, ...]:
    """Return what a page says of a folder or zip that was dropped on it: there its validation part is put together with the others."""
    said = _(
        "{name} is split already; here its parts are put together, and a share of all is used for validation: "
        "give its path to keep its split."
    )
    return (*((said.format(name=name),) if found.validation else ()), *found.notes)
