"""The commands `explorer weights ...`: which weights are here, get them, check them, pack them for a class."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.backend.weights import cache, packs
from explorer.backend.weights.download import ReportProgress
from explorer.backend.weights.packs import Copy
from explorer.catalog import architectures
from explorer.catalog.options import spec
from explorer.cli.network import terminal
from explorer.cli.printing import remark, tell
from explorer.errors import ExplorerError
from explorer.locale import _, counted, megabytes, size_text
from explorer.values import NetworkSpec

Command = Callable[[Any, str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]
PrintTable = Callable[[Sequence[tuple[str, ...]]], None]
PrintJson = Callable[[Any], None]


def add_to(commands: Any, command: Command, print_table: PrintTable, print_json: PrintJson) -> None:
    """Add `weights` to the commands of a parser.

    command: adds one command with --json to a group: (group, name, run, about) -> parser.
    """
    about = _("the weights on this machine: list, download, verify, pack")
    group = commands.add_parser("weights", help=about, description=about).add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, verb: Callable[[argparse.Namespace], list[Copy]], about: str) -> argparse.ArgumentParser:
        def run(options: argparse.Namespace) -> None:
            if options.weights is not None:
                cache.use_pack(options.weights)
            copies = verb(options)
            print_json([_facts(one) for one in copies]) if options.json else print_table(_table(copies))
            options.conclude(options, copies)

        parser = command(group, name, run, about)
        about_pack = _("a folder with weights, such as a classroom pack, to look into first")
        parser.add_argument("--weights", metavar="DIR", default=argparse.SUPPRESS, help=about_pack)  # `explorer` takes it too
        parser.set_defaults(conclude=lambda _options, _copies: None)
        return parser

    add("list", lambda _options: list(packs.inventory()), _("the weights files: size, where they are, whether they are whole"))

    download = add("download", _download, _("download weights into Keras's cache"))
    download.add_argument("names", nargs="+", metavar="NAME", help=_("a name that `explorer architectures` lists"))
    download.add_argument("--no-top", action="store_true", help=_("those without the classification head"))
    download.add_argument("--alpha", type=float, default=1.0, help=_("width multiplier of MobileNet and MobileNetV2"))
    download.add_argument("--side", type=int, help=_("input side in pixels that they are for, of MobileNet and MobileNetV2"))

    verify = add("verify", _verify, _("read the weights files that are here and compare them with the published ones"))
    verify.add_argument("names", nargs="*", metavar="NAME", help=_("architectures (default: all that are here)"))
    verify.set_defaults(conclude=_complain)

    pack = add("pack", _pack, _("copy weights into a folder for machines without network"))
    pack.add_argument("folder", type=Path, metavar="DIR")
    pack.add_argument("names", nargs="*", metavar="NAME", help=_("architectures, downloaded where missing (default: all that are here)"))
    pack.set_defaults(conclude=_say_total)


def _download(options: argparse.Namespace) -> list[Copy]:
    shape = None if options.side is None else (options.side, options.side, 3)
    chosen = [spec(name, include_top=not options.no_top, alpha=options.alpha, input_shape=shape) for name in options.names]
    with terminal() as report_progress:
        return [_fetched(one, report_progress) for one in chosen]


def _fetched(wanted: NetworkSpec, report_progress: ReportProgress) -> Copy:
    return Copy(wanted.architecture, cache.wanted(wanted), cache.fetch(wanted, report_progress))


def _verify(options: argparse.Namespace) -> list[Copy]:
    copies = [one for one in packs.inventory(options.names) if one.path is not None or one.architecture in options.names]
    copies = [one if one.path else Copy(one.architecture, one.file, None, str(cache.missing(spec(one.architecture)))) for one in copies]
    return copies + [one for one in packs.missing() if not options.names or one.architecture in options.names]


def _complain(_options: argparse.Namespace, copies: Sequence[Copy]) -> None:
    """Raise ExplorerError with what is wrong with the first copy, and how many more are."""
    wrong = [one.wrong for one in copies if one.wrong]
    if wrong:
        more = counted("One more file is damaged or missing.", "{number} more files are damaged or missing.", len(wrong) - 1)
        raise ExplorerError(f"{wrong[0]} {more}" if len(wrong) > 1 else wrong[0])


def _pack(options: argparse.Namespace) -> list[Copy]:
    with terminal() as report_progress:
        _fetch_missing([spec(name) for name in options.names], report_progress)
        if not _packable(options.names):
            raise ExplorerError(
                _("There are no weights here to pack: name some, as in `explorer weights pack {folder} MobileNetV2`.").format(
                    folder=options.folder
                )
            )
        cache.fetch_class_index(report_progress)  # without it the answers of a network have no names
        return packs.make(options.folder, _packable(options.names), report_progress)


def _packable(names: Sequence[str]) -> list[Copy]:
    """Return one whole copy of each file, without those that come with explorer."""
    here = [one for one in packs.inventory(names) if one.path and not one.wrong]
    downloaded = {one.file.name: one for one in reversed(here) if not one.architecture or not architectures[one.architecture].bundled}
    return [] if set(downloaded) <= {cache.CLASS_INDEX.name} else [*downloaded.values()][::-1]


def _fetch_missing(specs: Sequence[NetworkSpec], report_progress: ReportProgress) -> None:
    """Download what isn't here, after saying how much that is."""
    missing = [one for one in specs if not _is_whole(one)]
    for one in missing:
        file = cache.wanted(one)
        remark(_("{file} ({size}) is downloaded.").format(file=file.name, size=cache.size_of(file)))
    for one in missing:
        cache.fetch(one, report_progress)


def _is_whole(wanted: NetworkSpec) -> bool:
    try:
        return cache.whole(cache.wanted(wanted), architectures[wanted.architecture]) is not None
    except ExplorerError:
        return False


def _say_total(options: argparse.Namespace, copies: Sequence[Copy]) -> None:
    if not options.json:
        total = size_text(sum(one.size or 0 for one in copies))
        tell(_("{total} in {folder}, to be used with EXPLORER_WEIGHTS={folder}").format(total=total, folder=options.folder.resolve()))


def _table(copies: Sequence[Copy]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(_("name"), _("file"), _("MB"), _("where"), _("state"))]
    for one in copies:
        state = _("damaged") if one.wrong and one.path else _("missing") if one.wrong else _("whole") if one.path else ""
        where = _("not here") if one.path is None else str(one.path.parent)
        rows.append((one.architecture or _("class names"), one.file.name, "?" if one.size is None else megabytes(one.size), where, state))
    return rows


def _facts(copy: Copy) -> dict[str, Any]:
    return {
        "name": copy.architecture or None,
        "file": copy.file.name,
        "size": copy.size,
        "path": None if copy.path is None else str(copy.path),
        "whole": None if copy.path is None else not copy.wrong,
        "wrong": copy.wrong or None,
    }
