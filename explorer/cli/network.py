"""The network of a command: the options to load it, the progress line on the terminal, and writing arrays to files."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from explorer import disk
from explorer.backend.weights.cache import use_pack
from explorer.catalog.options import CONVENTIONS, DATA_FORMATS, DEFAULTS, POOLINGS, checked_labels, spec_of
from explorer.cli import input_files
from explorer.cli.printing import complain, cut, visible
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.rendering import feature_maps
from explorer.values import NetworkSpec, Progress, ReportProgress

SOURCE = _("a name that `explorer architectures` lists, or the file of a Keras model")


def add_options(command: argparse.ArgumentParser, pools: bool = False) -> None:
    """Add the options of `explorer.load` to a command.

    pools: whether the command itself pools the output of a network.
    """
    command.add_argument("source", metavar="NETWORK", help=SOURCE)
    add_network_options(command, pools)


def add_network_options(command: argparse.ArgumentParser, pools: bool = False) -> None:
    """Add the same options, without the positional one, to a command that takes its network by another argument."""
    command.set_defaults(pools=pools)
    command.add_argument(
        "--weights",
        default=argparse.SUPPRESS,  # `explorer` has it too
        help=_("a pretrained set's name, none for random ones, a file, or a folder such as a classroom pack"),
    )
    command.add_argument("--no-top", dest="include_top", action="store_false", help=_("without the classification head"))
    command.add_argument("--input-shape", type=_shape, metavar="HxWxC", help=_("size of the input, such as 160x160x3"))
    command.add_argument("--pooling", choices=POOLINGS, help=_("with --no-top: a vector instead of maps"))
    command.add_argument("--classes", type=int, help=_("with random weights: how many classes"))
    command.add_argument("--alpha", type=float, default=1.0, help=_("width multiplier of MobileNet, MobileNetV2 and MobileNetV3"))
    command.add_argument("--depth-multiplier", type=int, default=1, help=_("of MobileNet's depthwise convolutions"))
    command.add_argument("--dropout", type=float, help=_("of MobileNet's top"))
    command.add_argument("--data-format", choices=DATA_FORMATS, help=_("order of axes (default: as set in keras.json)"))
    command.add_argument("--preprocess", choices=CONVENTIONS, help=_("for a model of your own: how pixels are preprocessed"))
    command.add_argument("--labels", type=Path, metavar="FILE", help=_("for a model of your own: the names of its classes, one a line"))


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(_("give it as 160x160x3, not {text}").format(text=text)) from None


def load(options: argparse.Namespace, reads: bool = True) -> Any:
    """Load the network that the options of a command name.

    reads: whether the command feeds examples to the network, so that assumptions about its input are printed on stderr.
    """
    given = {name: getattr(options, name) for name in DEFAULTS} | {"weights": _weights(options.weights)}
    if options.pools and options.include_top:
        given["pooling"] = None
    labels = input_files.lines(options.labels) if options.labels else ()
    network_spec = spec_of(options.source, **{name: value for name, value in given.items() if value != DEFAULTS[name]})
    if isinstance(network_spec, NetworkSpec) and options.preprocess:
        raise ExplorerError(_("--preprocess is for models of your own."))
    from explorer.backend import loading

    with terminal() as report_progress:
        if isinstance(network_spec, NetworkSpec):
            network = loading.build(network_spec, report_progress=report_progress, labels=labels)
        else:  # with all options in the spec: a training process has nothing else
            network = loading.read(
                replace(network_spec, preprocess=options.preprocess, labels=checked_labels(labels)), report_progress=report_progress
            )
    for sentence in network.input_spec.assumed if reads else ():
        complain(sentence)
    return network


@contextmanager
def terminal() -> Iterator[ReportProgress]:
    """Yield a callback that shows progress in one line of the terminal, or does nothing if stderr isn't a terminal."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _progress: None
        return

    def report_progress(progress: Progress) -> None:
        text = cut(visible(progress.text, sys.stderr), shutil.get_terminal_size().columns - 1)
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    try:
        yield report_progress
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def check_output(path: Path | None, *endings: str) -> None:
    """Raise ExplorerError if a result can't be written to this path; to be called before it is computed."""
    if path is None:
        return
    if path.suffix not in endings:
        raise ExplorerError(_("{path} should end in {endings}.").format(path=path, endings=_(" or ").join(endings)))
    if not path.parent.is_dir():
        raise ExplorerError(_("There is no folder {folder}.").format(folder=path.parent))


def write(path: Path, arrays: Mapping[str, Any], planes: Any = None) -> None:
    """Write arrays to a .npz file, a single one to .npy, or its `planes` (rows, columns, channels) as a mosaic to .png.

    Raises ExplorerError if the file can't be written, or if there are no maps to draw.
    """
    if path.suffix == ".png" and planes is None:
        raise ExplorerError(_("{layer} outputs a vector, not maps: write it to .npy.").format(layer=next(iter(arrays))))
    try:
        with disk.writing(path) as part:
            if path.suffix == ".npz":
                np.savez(part, **arrays)
            elif path.suffix == ".npy":
                np.save(part, next(iter(arrays.values())))
            else:
                part.write_bytes(feature_maps.mosaic(planes).png)
    except OSError as error:
        raise ExplorerError(_("{path} can't be written: {why}.").format(path=path, why=disk.why_not(error))) from error


def _weights(text: str | None) -> str | None:
    """Return the weights option of a network; a folder becomes the pack that is searched first for pretrained weights."""
    if text is None:
        return "pretrained"
    if os.path.isdir(os.path.expanduser(text)):
        use_pack(text)
        return "pretrained"
    return None if text.lower() == "none" else text
