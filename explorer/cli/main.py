"""The command `explorer`: the dashboards, and the same answers in a shell, each also as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from explorer import __version__, runs
from explorer.backend.runtime import temporary_files
from explorer.backend.service_networks import MEMORY, memory_of_the_environment
from explorer.backend.weights.cache import use_pack
from explorer.catalog import architectures
from explorer.cli import fine_tune, network_commands, streams, weights
from explorer.cli.printing import complain, print_json, print_table, visible
from explorer.disk import why_not
from explorer.errors import ExplorerError, is_out_of_memory, out_of_memory
from explorer.locale import _, megabytes


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {visible(message, sys.stderr)}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after a line on stderr for each thing that failed."""
    streams.open_closed()
    temporary_files.clear()
    with streams.any_text(), temporary_files.everything():
        options = _parser().parse_args(arguments)
        try:
            whole = _run(options)
            if sys.stdout is not None:
                sys.stdout.flush()
        except ExplorerError as error:
            complain(str(error))
            return 2
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:  # `explorer layers VGG16 | head`: Python would flush once more when it ends
            streams.give_up_stdout()
            return 1
        except OSError as error:
            if error.filename is None:  # stdout itself, such as a file on a full disk
                streams.give_up_stdout()
            where = f"{error.filename}: " if error.filename else ""
            complain(f"{where}{why_not(error)}")
            return 2
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            complain(out_of_memory())
            return 2
    return 0 if whole else 2


def _run(options: argparse.Namespace) -> bool:
    """Run what was asked for, and return whether all of it could be done."""
    reads = options.run in network_commands.ALL
    if reads and sys.stdout is None:
        raise ExplorerError(_("The answer has nowhere to go: stdout is closed."))
    with streams.ended_by_ctrl_c(reads):
        return options.run(options) is not False


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("explorer", description=_("Look inside trained networks. Without a command: open the dashboards in a browser."))
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--port", type=int, help=_("port of the dashboards (default: 8866 or a free one)"))
    parser.add_argument("--no-browser", action="store_true", help=_("print the address only"))
    about_hosts = _("a name besides localhost that the dashboards are asked for by, such as a proxy's; may be repeated")
    parser.add_argument("--host", action="append", default=[], metavar="NAME", help=about_hosts)
    parser.add_argument("--theme", choices=("light", "dark"), help=_("of the dashboards (default: as the browser prefers)"))
    parser.add_argument("--weights", metavar="DIR", help=_("a folder with weights, such as a classroom pack, to look into first"))
    parser.add_argument("--memory", type=int, metavar="MB", help=_("how many MB of weights each page holds (default: 1024)"))
    parser.add_argument("--all-runs", action="store_true", help=_("each page lists the trainings of all pages, not only its own"))
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title=_("commands"), metavar="COMMAND", parser_class=_Parser)

    network_commands.add_to(commands, _command)
    _command(commands, "architectures", _architectures, _("the networks there are, with their facts"))
    fine_tune.add_to(commands, _command, print_json)
    weights.add_to(commands, _command, print_table, print_json)
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], bool | None], about: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help=_("print JSON"))
    command.set_defaults(run=run)
    return command


def _serve(options: argparse.Namespace) -> None:
    from explorer.backend.runtime.requirements import check

    check()  # better now than on the page
    _use_pack(options)
    if options.memory is not None:
        os.environ[MEMORY] = str(options.memory)
        memory_of_the_environment()  # a wrong number too
    if options.all_runs:
        os.environ[runs.ALL_RUNS] = "1"
    from explorer.dashboards.launch import serve

    serve(options.port, not options.no_browser, options.theme, options.host)


def _use_pack(options: argparse.Namespace) -> None:
    if options.weights is not None:
        use_pack(options.weights)


def _architectures(options: argparse.Namespace) -> None:
    from explorer.backend.weights.cache import locally_available

    _use_pack(options)
    here = locally_available()
    if options.json:
        print_json([dataclasses.asdict(row) | {"size": row.size, "here": row.name in here} for row in architectures.values()])
        return
    rows = [(_("name"), _("top-1"), _("parameters"), _("depth"), _("MB"), _("weights here"))]
    rows += [
        (
            row.name,
            "-" if row.top1 is None else f"{row.top1:.1%}",
            f"{row.parameters:,}",
            str(row.depth or "-"),
            megabytes(row.size),
            _("yes") if row.name in here else _("no"),
        )
        for row in architectures.values()
    ]
    print_table(rows)
