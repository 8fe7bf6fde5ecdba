"""The commands that ask a network: predict, layers, feature-maps, features and over-time."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from explorer.cli import input_files
from explorer.cli import network as cli_network
from explorer.cli.printing import print_json, print_table, remark, tell
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.rendering import feature_maps as rendered
from explorer.values import Layer, Prediction


def add_to(commands: Any, command: Callable[..., argparse.ArgumentParser]) -> None:
    """Add these commands; command: makes each of them."""
    predicting = command(commands, "predict", predict, _("the top answers to pictures or sounds"))
    cli_network.add_options(predicting)
    predicting.add_argument("files", nargs="+", metavar="FILE")
    predicting.add_argument("--top", type=int, metavar="K", help=_("how many answers (default: 5)"))

    table = command(commands, "layers", layers, _("the layers: index, name, kind, block, shape, parameters"))
    cli_network.add_options(table)

    maps = command(commands, "feature-maps", feature_maps, _("what a layer answers to a picture or a sound"))
    cli_network.add_options(maps)
    maps.add_argument("file", metavar="FILE")
    maps.add_argument("layers", nargs="+", metavar="LAYER", help=_("an index or a name that `explorer layers` lists"))
    maps.add_argument("--output", type=Path, metavar="OUT", help=_("where to write the values (.npy, .npz), or one layer's maps (.png)"))

    pooled = command(commands, "features", features, _("what a network knows of pictures or sounds before its classification head"))
    cli_network.add_options(pooled, pools=True)
    pooled.add_argument("files", nargs="+", metavar="FILE")
    pooled.add_argument("--output", type=Path, metavar="OUT", help=_("where to write the values (.npy): one row a file"))

    slide = command(commands, "over-time", over_time, _("what a network of sound answers along a piece, window by window"))
    cli_network.add_options(slide)
    slide.add_argument("file", metavar="FILE")
    slide.add_argument("--hop", type=float, metavar="SECONDS", help=_("from one window to the next (default: a fifth of a window)"))
    slide.add_argument("--top", type=int, default=3, metavar="K", help=_("how many answers a window (default: 3)"))
    slide.add_argument("--output", type=Path, metavar="OUT", help=_("where to write starts and scores (.npz)"))


def predict(options: argparse.Namespace) -> bool:
    """Print the predictions for each file; return whether all could be read."""
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
    scales = [network.scores.of_output(answered[0].example, 1, place).scale for place, count in enumerate(classes) if count]
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
    scores = [rendered.short(one.score) if scale == "values" else f"{one.score:.1%}" for one in predictions]
    print_table([(f"{score:>7}", one.label, one.id) for score, one in zip(scores, predictions, strict=True)])


def feature_maps(options: argparse.Namespace) -> None:
    """Print, or write, what layers answer to a file."""
    cli_network.check_output(options.output, *([".npy", ".npz", ".png"] if len(options.layers) == 1 else [".npz"]))
    file = input_files.single(options.file)
    network = cli_network.load(options)
    wanted = [network.layers.find(layer) for layer in options.layers]
    example = input_files.read(network, file)
    with input_files.said_of(file) as said:
        found = network.feature_maps(example, wanted)
    if options.output is not None:
        drawn = options.output.suffix == ".png"
        maps = network.inside.maps(example, wanted[0]) if drawn else None
        planes = None if maps is None or maps.planes is None else rendered.Face(maps).drawn(maps.planes)
        cli_network.write(options.output, found, planes)
    told = {"assumed": (*input_files.assumed(network, example), *said)}
    _print_arrays([{"layer": name} | _facts(values) | told for name, values in found.items()], options)


def features(options: argparse.Namespace) -> bool:
    """Print, or write, the features of each file; return whether all could be read."""
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


def over_time(options: argparse.Namespace) -> None:
    """Print, or write, what a network of sound answers along a piece."""
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
            *(rendered.short(row[one]) for one in ("low", "high", "mean")),
        )
        for row in rows
    ]
    print_table([head, *lines])


def layers(options: argparse.Namespace) -> None:
    """Print the layer table."""
    table: Sequence[Layer] = cli_network.load(options, reads=False).layers.rows
    if options.json:
        print_json(table)
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
        for one in table
    ]
    print_table(rows)


ALL = (predict, layers, feature_maps, features, over_time)
