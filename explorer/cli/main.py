"""The command `explorer`: the dashboards, and the same answers in a shell, each also as JSON."""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer import __version__, runs
from explorer.backend.runtime import temporary_files
from explorer.backend.service import MEMORY, memory_of_the_environment
from explorer.backend.weights.cache import use_pack
from explorer.catalog import architectures
from explorer.cli import fine_tune, input_files, streams, weights
from explorer.cli import network as cli_network
from explorer.cli.printing import complain, print_json, print_table, remark, tell, visible
from explorer.disk import why_not
from explorer.errors import ExplorerError, is_out_of_memory, out_of_memory
from explorer.locale import _, megabytes
from explorer.rendering import feature_maps
from explorer.values import Layer, Prediction


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
    reads = options.run in (_predict, _layers, _feature_maps, _features, _over_time)
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

    predict = _command(commands, "predict", _predict, _("the top answers to pictures or sounds"))
    cli_network.add_options(predict)
    predict.add_argument("files", nargs="+", metavar="FILE")
    predict.add_argument("--top", type=int, metavar="K", help=_("how many answers (default: 5)"))

    layers = _command(commands, "layers", _layers, _("the layers: index, name, kind, block, shape, parameters"))
    cli_network.add_options(layers)

    maps = _command(commands, "feature-maps", _feature_maps, _("what a layer answers to a picture or a sound"))
    cli_network.add_options(maps)
    maps.add_argument("file", metavar="FILE")
    maps.add_argument("layers", nargs="+", metavar="LAYER", help=_("an index or a name that `explorer layers` lists"))
    maps.add_argument("--output", type=Path, metavar="OUT", help=_("where to write the values (.npy, .npz), or one layer's maps (.png)"))

    features = _command(commands, "features", _features, _("what a network knows of pictures or sounds before its classification head"))
    cli_network.add_options(features, pools=True)
    features.add_argument("files", nargs="+", metavar="FILE")
    features.add_argument("--output", type=Path, metavar="OUT", help=_("where to write the values (.npy): one row a file"))

    slide = _command(commands, "over-time", _over_time, _("what a network of sound answers along a piece, window by window"))
    cli_network.add_options(slide)
    slide.add_argument("file", metavar="FILE")
    slide.add_argument("--hop", type=float, metavar="SECONDS", help=_("from one window to the next (default: a fifth of a window)"))
    slide.add_argument("--top", type=int, default=3, metavar="K", help=_("how many answers a window (default: 3)"))
    slide.add_argument("--output", type=Path, metavar="OUT", help=_("where to write starts and scores (.npz)"))

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


def _predict(options: argparse.Namespace) -> bool:
    network, asked = input_files.ask(
        options.files,
        lambda: cli_network.load(options),
        lambda network, examples: network.predict(examples, top=options.top),
    )
    answered = [one for one in asked if not one.error]
    if options.json:
        print_json([_entry(one, {"predictions": one.answer}) for one in asked])
        return len(answered) == len(asked)
    classes = network.summary().classes if answered else ()
    scales = [network.predictions(answered[0].example, 1, place).scale for place, count in enumerate(classes) if count]
    for one in answered:
        if len(asked) > 1:
            tell(f"{one.file}:")
        by_output = one.answer if isinstance(one.answer, dict) else {"": one.answer}
        for (name, predictions), scale in zip(by_output.items(), scales, strict=True):
            if name:
                tell(f"{name}:")
            _print_predictions(predictions, scale)
    return len(answered) == len(asked)


def _entry(one: input_files.Asked, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what JSON says of a file: the facts, or why there are none."""
    return {"file": one.file} | ({"error": one.error} if one.error else facts | {"assumed": one.assumed})


def _print_predictions(predictions: Sequence[Prediction], scale: str) -> None:
    scores = [feature_maps.short(one.score) if scale == "values" else f"{one.score:.1%}" for one in predictions]
    print_table([(f"{score:>7}", one.label, one.id) for score, one in zip(scores, predictions, strict=True)])


def _feature_maps(options: argparse.Namespace) -> None:
    cli_network.check_output(options.output, *([".npy", ".npz", ".png"] if len(options.layers) == 1 else [".npz"]))
    file = input_files.single(options.file)
    network = cli_network.load(options)
    layers = [network.layers.find(layer) for layer in options.layers]
    example = input_files.read(network, file)
    with input_files.said_of(file) as said:
        found = network.feature_maps(example, layers)
    if options.output is not None:
        drawn = options.output.suffix == ".png"
        maps = network.maps(example, layers[0]) if drawn else None
        planes = None if maps is None or maps.planes is None else feature_maps.Face(maps).drawn(maps.planes)
        cli_network.write(options.output, found, planes)
    told = {"assumed": (*input_files.assumed(network, example), *said)}
    _print_arrays([{"layer": name} | _facts(values) | told for name, values in found.items()], options)


def _features(options: argparse.Namespace) -> bool:
    cli_network.check_output(options.output, ".npy")
    _network, asked = input_files.ask(
        options.files,
        lambda: cli_network.load(options),
        lambda network, examples: network.features(examples, pooling=options.pooling),
    )
    found = [one for one in asked if not one.error]
    if options.output is not None and found:
        if len({one.answer.shape for one in found}) > 1:
            raise ExplorerError(_("The features of these files differ in shape: write them one file at a time."))
        cli_network.write(options.output, {"features": np.stack([one.answer for one in found])})
        if len(found) < len(asked):
            told = _("{path} has {count} rows, in the order of the files that could be read.")
            remark(told.format(path=options.output, count=len(found)))
    if options.json:
        print_json([_entry(one, _facts(one.answer) if not one.error else {}) for one in asked])
    elif found:
        _print_arrays([{"file": one.file} | _facts(one.answer) for one in found], options)
    return len(found) == len(asked)


def _over_time(options: argparse.Namespace) -> None:
    cli_network.check_output(options.output, ".npz")
    file = input_files.single(options.file)
    network = cli_network.load(options)
    example = input_files.read(network, file)
    with input_files.said_of(file) as said:
        slid = network.over_time(example, hop=options.hop)
    if options.output is not None:
        cli_network.write(options.output, {"starts": slid.starts, "scores": slid.scores, "labels": np.array(slid.labels)})
    if options.json:
        rows = [{"start": float(start), "scores": scores.tolist()} for start, scores in zip(slid.starts, slid.scores, strict=True)]
        told = {"window": slid.window, "hop": slid.hop, "labels": slid.labels, "windows": rows}
        print_json(told | {"gaps": slid.gaps, "assumed": (*input_files.assumed(network, example), *said)})
        return
    for start, scores in zip(slid.starts, slid.scores, strict=True):
        best = [f"{scores[place]:.1%} {slid.labels[place]}" for place in np.argsort(-scores, kind="stable")[: max(1, options.top)]]
        tell(f"{start:7.1f} s  {', '.join(best)}")


def _facts(values: Any) -> dict[str, Any]:
    return {"shape": list(values.shape), "low": float(values.min()), "high": float(values.max()), "mean": float(values.mean())}


def _print_arrays(rows: Sequence[dict[str, Any]], options: argparse.Namespace) -> None:
    if options.json:
        print_json(rows)
        return
    head = (_("layer") if "layer" in rows[0] else _("file"), _("shape"), _("lowest"), _("highest"), _("mean"))
    lines = [
        (
            next(iter(row.values())),
            " x ".join(map(str, row["shape"])) or "1",
            *(feature_maps.short(row[one]) for one in ("low", "high", "mean")),
        )
        for row in rows
    ]
    print_table([head, *lines])


def _layers(options: argparse.Namespace) -> None:
    layers: Sequence[Layer] = cli_network.load(options, reads=False).layers.rows
    if options.json:
        print_json(layers)
        return
    rows = [(_("index"), _("name"), _("kind"), _("block"), _("output shape"), _("parameters"))]
    rows += [
        (
            "" if one.is_nested_or_reused else str(one.index),
            one.name,
            one.kind,
            one.block,
            " x ".join("?" if size is None else str(size) for size in one.output_shape),
            f"{one.parameters:,}",
        )
        for one in layers
    ]
    print_table(rows)


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
