"""The commands `explorer weights ...`: list, download, verify and pack weights."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from explorer.backend.weights import cache, packs
from explorer.backend.weights.packs import Copy
from explorer.catalog import architectures
from explorer.catalog.options import spec
from explorer.cli.network import terminal
from explorer.cli.printing import remark, tell
from explorer.errors import ExplorerError
from explorer.locale import _, counted, megabytes, size_text
from explorer.values import NetworkSpec, ReportProgress

Command = Callable[[Any, str, Callable[[argparse.Namespace], None], str], argparse.ArgumentParser]
PrintTable = Callable[[Sequence[tuple[str, ...]]], None]
PrintJson = Callable[[Any], None]


def add_to(commands: Any, command: Command, print_table: PrintTable, print_json: PrintJson) -> None:
    """Add `weights` to the commands of a parser.

    command: adds a command with --json to a group: (group, name, run, about) -> parser.
    """
    about = _("the weights on this machine: list, download, verify, pack")
    group = commands.add_parser("weights", help=about, description=about).add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, verb: Callable[[argparse.Namespace], list[Copy]], about: str) -> argparse.ArgumentParser:
        def run(options: argparse.Namespace) -> None:
            if options.weights is not None:
                cache.use_pack(options.weights)
            copies = verb(options)
            print_json([_facts(copy) for copy in copies]) if options.json else print_table(_table(copies))
            options.conclude(options, copies)

        parser = command(group, name, run, about)
        about_pack = _("a folder with weights, such as a classroom pack, to search first")
        parser.add_argument("--weights", metavar="DIR", default=argparse.SUPPRESS, help=about_pack)  # `explorer` has it too
        parser.set_defaults(conclude=lambda _options, _copies: None)
        return parser

    add("list", lambda _options: list(packs.inventory()), _("the weights files: size, folder, whether they are complete"))

    download = add("download", _download, _("download weights into Keras's cache"))
    download.add_argument("names", nargs="+", metavar="NAME", help=_("a name that `explorer architectures` lists"))
    download.add_argument("--no-top", action="store_true", help=_("those without the classification head"))
    download.add_argument("--alpha", type=float, default=1.0, help=_("width multiplier of MobileNet and MobileNetV2"))
    download.add_argument("--side", type=int, help=_("of MobileNet and MobileNetV2: the input side in pixels that the weights are for"))

    verify = add("verify", _verify, _("read the local weights files and compare them with the published ones"))
    verify.add_argument("names", nargs="*", metavar="NAME", help=_("architectures (default: all on this machine)"))
    verify.set_defaults(conclude=_complain)

    pack = add("pack", _pack, _("copy weights into a folder for machines without network"))
    pack.add_argument("folder", type=Path, metavar="DIR")
    pack.add_argument("names", nargs="*", metavar="NAME", help=_("architectures, downloaded if missing (default: all on this machine)"))
    pack.set_defaults(conclude=_say_total)


def _download(options: argparse.Namespace) -> list[Copy]:
    shape = None if options.side is None else (options.side, options.side, 3)
    chosen = [spec(name, include_top=not options.no_top, alpha=options.alpha, input_shape=shape) for name in options.names]
    with terminal() as report_progress:
        return [_fetch(chosen_spec, report_progress) for chosen_spec in chosen]


def _fetch(network_spec: NetworkSpec, report_progress: ReportProgress) -> Copy:
    return Copy(network_spec.architecture, cache.published_file(network_spec), cache.fetch(network_spec, report_progress))


def _verify(options: argparse.Namespace) -> list[Copy]:
    copies = [copy for copy in packs.inventory(options.names) if copy.path is not None or copy.architecture in options.names]
    copies = [
        copy if copy.path else Copy(copy.architecture, copy.file, None, str(cache.missing(spec(copy.architecture)))) for copy in copies
    ]
    return copies + [copy for copy in packs.missing() if not options.names or copy.architecture in options.names]


def _complain(_options: argparse.Namespace, copies: Sequence[Copy]) -> None:
    """Raise ExplorerError with what is wrong with the first bad copy, and how many more there are."""
    wrong = [copy.wrong for copy in copies if copy.wrong]
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
        cache.fetch_class_index(report_progress)  # without it the predictions of a network have no names
        return packs.make(options.folder, _packable(options.names), report_progress)


def _packable(names: Sequence[str]) -> list[Copy]:
    """Return one complete copy of each file, without those that are bundled with explorer."""
    complete = [copy for copy in packs.inventory(names) if copy.path and not copy.wrong]
    downloaded = {
        copy.file.name: copy for copy in reversed(complete) if not copy.architecture or not architectures[copy.architecture].bundled
    }
    return [] if set(downloaded) <= {cache.CLASS_INDEX.name} else [*downloaded.values()][::-1]


def _fetch_missing(specs: Sequence[NetworkSpec], report_progress: ReportProgress) -> None:
    """Download missing weights, after printing the size of each file."""
    missing = [network_spec for network_spec in specs if not _is_whole(network_spec)]
    for network_spec in missing:
        file = cache.published_file(network_spec)
        remark(_("{file} ({size}) is downloaded.").format(file=file.name, size=cache.size_of(file)))
    for network_spec in missing:
        cache.fetch(network_spec, report_progress)


def _is_whole(network_spec: NetworkSpec) -> bool:
    try:
        return cache.whole(cache.published_file(network_spec), architectures[network_spec.architecture]) is not None
    except ExplorerError:
        return False


def _say_total(options: argparse.Namespace, copies: Sequence[Copy]) -> None:
    if not options.json:
        total = size_text(sum(copy.size or 0 for copy in copies))
        tell(_("{total} in {folder}, to be used with EXPLORER_WEIGHTS={folder}").format(total=total, folder=options.folder.resolve()))


def _table(copies: Sequence[Copy]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [(_("name"), _("file"), _("MB"), _("where"), _("state"))]
    for copy in copies:
        state = _("damaged") if copy.wrong and copy.path else _("missing") if copy.wrong else _("whole") if copy.path else ""
        where = _("not here") if copy.path is None else str(copy.path.parent)
        rows.append(
            (copy.architecture or _("class names"), copy.file.name, "?" if copy.size is None else megabytes(copy.size), where, state)
        )
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
