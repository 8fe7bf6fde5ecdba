"""Which options of an architecture go together: its input's size, its top, and what its pretrained weights are for."""

from __future__ import annotations

from explorer.catalog import Architecture, architectures
from explorer.errors import ExplorerError
from explorer.locale import _
from explorer.values import NetworkSpec, shape_text


def check_together(row: Architecture, wanted: NetworkSpec) -> None:
    """Raise ExplorerError for options that don't go together, or not with this architecture."""
    if wanted.include_top and wanted.pooling is not None:
        raise ExplorerError(_("pooling only counts with include_top=False; with its top, {name} pools by itself.").format(name=row.name))
    if row.input == "audio" and wanted.pooling is not None:
        raise ExplorerError(_("{name} takes no pooling: without its top it ends in a vector of its own.").format(name=row.name))
    if not wanted.include_top and wanted.classes is not None:
        raise ExplorerError(_("classes only counts with include_top=True; without its top, {name} names no classes.").format(name=row.name))
    if not wanted.include_top and wanted.dropout is not None:
        raise ExplorerError(_("dropout is part of the top of {name}: it needs include_top=True.").format(name=row.name))
    if wanted.data_format == "channels_first" and row.input == "audio":
        raise ExplorerError(_("{name} is built with data_format='channels_last' only.").format(name=row.name))
    if wanted.data_format == "channels_first" and not row.channels_first:
        taking = sorted({other.family for other in architectures.values() if other.channels_first})
        raise ExplorerError(
            _("Today's Keras builds {name} with data_format='channels_last' only; channels_first is for {families}.").format(
                name=row.name, families=", ".join(taking)
            )
        )


def sizes(row: Architecture, wanted: NetworkSpec) -> tuple[int | None, int | None, int | None]:
    """Return (height, width, channels) of the input, whatever order the spec gives them in."""
    if wanted.input_shape is None:
        return row.input_size
    first, second, third = wanted.input_shape
    return (second, third, first) if wanted.data_format == "channels_first" else (first, second, third)


def check_size(row: Architecture, wanted: NetworkSpec) -> None:
    """Raise ExplorerError for an input that the architecture can't be built for."""
    height, width, channels = sizes(row, wanted)
    if row.input == "audio":
        if (height, width, channels) != row.input_size:
            raise ExplorerError(
                _("{name} reads spectrograms of {own} only, so input_shape is {shape}.").format(
                    name=row.name, own=shape_text(row.input_size), shape=row.input_size
                )
            )
        return
    if channels is None or (wanted.weights == row.weights and channels != row.input_size[2]):
        raise ExplorerError(
            _("{name} reads {channels} channels; input_shape says {given}.").format(
                name=row.name, channels=row.input_size[2], given=channels
            )
        )
    if any(side is not None and side < row.smallest for side in (height, width)):
        raise ExplorerError(
            _("The input of {name} must be at least {smallest} x {smallest} pixels; input_shape says {height} x {width}.").format(
                name=row.name, smallest=row.smallest, height=height, width=width
            )
        )
    if wanted.include_top and None in (height, width):
        raise ExplorerError(_("With include_top=True the input needs a size: give input_shape whole, such as (224, 224, 3)."))


def check_pretrained(row: Architecture, wanted: NetworkSpec) -> None:
    """Raise ExplorerError where there are no weights trained by others for these options."""
    height, width, _channels = sizes(row, wanted)
    sides = sorted({file.side for file in row.files if file.side is not None})
    if wanted.include_top and (height, width) != row.input_size[:2] and not (height == width and height in sides):
        allowed = sorted({row.input_size[0], *sides})
        raise ExplorerError(
            _(
                "With its top, {name} has {weights} weights for {allowed} pixels a side, not {height} x {width}; "
                "use include_top=False or weights=None for other sizes."
            ).format(name=row.name, weights=row.weights, allowed=", ".join(map(str, allowed)), height=height, width=width)
        )
    if wanted.depth_multiplier != 1:
        raise ExplorerError(
            _("{name} has {weights} weights for depth_multiplier=1 only; weights=None builds any.").format(
                name=row.name, weights=row.weights
            )
        )
    own = row.classes
    if wanted.classes not in (None, own):
        raise ExplorerError(
            _("The {weights} weights of {name} are for {own} classes; use weights=None to train it for {classes}.").format(
                weights=row.weights, name=row.name, own=own, classes=wanted.classes
            )
        )
    row.file(wanted.include_top, wanted.alpha, side_of(row, wanted))


def side_of(row: Architecture, wanted: NetworkSpec) -> int | None:
    """Return the side by which Keras picks among files for several input sizes; None where the input is not square."""
    height, width, _channels = sizes(row, wanted)
    return height if height == width else None
