"""The command `explorer`: the dashboards, and the same answers in a shell, each also as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from explorer import __version__
from explorer.catalog import architectures, spec
from explorer.errors import ExplorerError
from explorer.locale import _, megabytes
from explorer.values import Layer, Prediction


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> Any:
        self.exit(2, f"{self.prog}: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, or 2 after one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ExplorerError as error:
        print(f"explorer: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("explorer", description=_("Look inside trained networks. Without a command: open the dashboards in a browser."))
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--port", type=int, help=_("port of the dashboards (default: 8866 or a free one)"))
    parser.add_argument("--no-browser", action="store_true", help=_("print the address only"))
    parser.add_argument("--theme", choices=("light", "dark"), default="light", help=_("of the dashboards"))
    parser.set_defaults(run=_serve)
    commands = parser.add_subparsers(title=_("commands"), metavar="COMMAND", parser_class=_Parser)

    predict = _command(commands, "predict", _predict, _("the top answers to pictures"))
    _network_options(predict)
    predict.add_argument("files", nargs="+", metavar="FILE")
    predict.add_argument("--top", type=int, default=5, metavar="K", help=_("how many answers (default: 5)"))

    layers = _command(commands, "layers", _layers, _("the layers: index, name, kind, block, shape, parameters"))
    _network_options(layers)

    _command(commands, "architectures", _architectures, _("the networks there are, with their facts"))
    return parser


def _command(commands: Any, name: str, run: Callable[[argparse.Namespace], None], about: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    command.add_argument("--json", action="store_true", help=_("print JSON"))
    command.set_defaults(run=run)
    return command


def _network_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("architecture", metavar="ARCHITECTURE", help=_("a name that `explorer architectures` lists"))
    command.add_argument("--weights", default="pretrained", help=_("a pretrained set's name, or none for random weights"))
    command.add_argument("--alpha", type=float, default=1.0, help=_("width multiplier of MobileNet and MobileNetV2"))


def _serve(options: argparse.Namespace) -> None:
    from explorer.backend.requirements import check

    check()  # better now than on the page
    from explorer.serving import serve

    serve(options.port, not options.no_browser, options.theme)


def _network(options: argparse.Namespace) -> Any:
    weights = None if options.weights.lower() == "none" else options.weights
    wanted = spec(options.architecture, weights, alpha=options.alpha)
    from explorer.backend.network import build

    return build(wanted, say=lambda progress: _note(progress.text))


def _note(text: str) -> None:
    if sys.stderr.isatty():
        print(text, file=sys.stderr)


def _predict(options: argparse.Namespace) -> None:
    from explorer.backend import images

    examples = [images.read(file) for file in options.files]  # a wrong name is better said before the network loads
    answers = _network(options).predict(examples, top=options.top)
    if options.json:
        _print_json(
            [
                {"file": file, "predictions": [dataclasses.asdict(one) for one in row]}
                for file, row in zip(options.files, answers, strict=True)
            ]
        )
        return
    for file, row in zip(options.files, answers, strict=True):
        if len(options.files) > 1:
            print(f"{file}:")
        _print_predictions(row)


def _print_predictions(predictions: Sequence[Prediction]) -> None:
    width = max(len(one.label) for one in predictions)
    for one in predictions:
        print(f"{one.score:7.1%}  {one.label:{width}}  {one.id}")


def _layers(options: argparse.Namespace) -> None:
    layers: Sequence[Layer] = _network(options).layers
    if options.json:
        _print_json([dataclasses.asdict(layer) for layer in layers])
        return
    rows = [(_("index"), _("name"), _("kind"), _("block"), _("output shape"), _("parameters"))]
    rows += [
        (
            str(one.index),
            one.name,
            one.kind,
            one.block,
            " x ".join("?" if size is None else str(size) for size in one.output_shape),
            f"{one.parameters:,}",
        )
        for one in layers
    ]
    _print_table(rows)


def _architectures(options: argparse.Namespace) -> None:
    from explorer.backend.weights import at_hand

    here = at_hand()
    if options.json:
        _print_json([dataclasses.asdict(row) | {"size": row.size, "here": row.name in here} for row in architectures.values()])
        return
    rows = [(_("name"), _("top-1"), _("parameters"), _("depth"), _("MB"), _("weights here"))]
    rows += [
        (
            row.name,
            f"{row.top1:.1%}",
            f"{row.parameters:,}",
            str(row.depth or "-"),
            megabytes(row.size),
            _("yes") if row.name in here else _("no"),
        )
        for row in architectures.values()
    ]
    _print_table(rows)


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(f"{text:{width}}" for text, width in zip(row, widths, strict=True)).rstrip())


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=2))
