"""Pictures: whatever people have -> an `Example` -> the batch a network reads -> what that looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from explorer.backend.inputs import image_costs, image_files, pixel_arrays
from explorer.backend.inputs.digit_ink import ink_of
from explorer.backend.inputs.files import bytes_from, bytes_of, read_bytes, warn_of
from explorer.backend.inputs.pixel_chunks import whole
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Axis, Example, FileOnDisk, InputSpec, PreprocessedInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any] | Example"

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels
PREVIEW = 1024  # the longest side, in pixels, of a picture shown as it came


def read(source: Source) -> Example:
    """Return the example that `source` holds; the picture is only decoded later.

    source: a path, the bytes of an image file, a binary file object, a Pillow image, or an array
        (height, width, 3) of uint8.
    Raises UnreadableExample where it is none of these, or where the path leads nowhere; warns (ExampleWarning) as `defects` tells.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, np.ndarray):
        return Example("image", pixel_arrays.kept(source), _("the array"))
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise UnreadableExample(_("The picture has no pixels."))
        with image_files.input_spec(_("The picture"), kind=source.format or ""):
            image_costs.check_budget(source, _("The picture"))
            image, notes = image_files.upright(source, source.copy)
            pixels = whole(image)
        warn_of(notes)
        return Example("image", pixels, _("the picture"))
    if isinstance(source, bytes | bytearray | memoryview):
        return Example("image", bytes(source), _("the picture"))
    if isinstance(source, str | os.PathLike):
        return Example("image", read_bytes(Path(source)), Path(source).name)
    if hasattr(source, "read"):
        return Example("image", bytes_from(source), Path(str(getattr(source, "name", _("the picture")))).name)
    raise UnreadableExample(
        _("An example is a path, bytes, a file object, a Pillow image or an array (height, width, 3) of uint8, not {type}.").format(
            type=type(source).__name__
        )
    )


def picture(example: Example) -> Image.Image:
    """Return the picture upright, as RGB: alpha on white, the first frame of animations, more than 8 bits brought to 8.

    Raises UnreadableExample with the reason, also where its file is gone or has changed.
    """
    return decoded(example)[0]


def pixels(example: Example) -> int:
    """Return how many pixels a picture has, by its header alone. Raises UnreadableExample."""
    array = pixel_arrays.array_of(example)
    if array is not None:
        return int(np.prod(pixel_arrays.pixels_of(array).shape[:2]))
    return image_files.pixels(_bytes(example), example.name)


def defects(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return, in sentences, what had to be assumed of the values of an array, or of a picture of more than 8 bits.

    Raises UnreadableExample.
    """
    if pixel_arrays.array_of(example) is not None:
        return pixel_arrays.notes(example, input_spec)
    deep = image_files.is_deep(_bytes(example), example.name)
    return decoded(example)[1] if deep else ()


def check(example: Example) -> None:
    """Raise UnreadableExample where `picture` would. A file is read to its end, a JPEG at an eighth of its size and in grey."""
    decoded(example, draft=True)


def _bytes(example: Example) -> bytes:
    data = bytes_of(example.data, example.name) if isinstance(example.data, FileOnDisk) else example.data
    if not isinstance(data, bytes):
        raise UnreadableExample(_("{name} is no picture.").format(name=example.name))
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
    return data


def decoded(example: Example, draft: bool = False, alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture, and what `defects` tells of it; alpha: RGBA, with the transparency left where it is."""
    array = pixel_arrays.array_of(example)
    if array is None:
        return image_files.decoded(_bytes(example), example.name, draft, alpha)
    pixels = Image.fromarray(pixel_arrays.pixels_of(array))
    return image_files.upright(pixels, pixels.copy, alpha)


def to_batch(example: Example, input_spec: InputSpec, image: Image.Image | None = None) -> tuple[Pixels]:
    """Return the pixels a network reads, in a tuple of one: 0 to 255, before its own scaling.

    float32 (1, height, width, channels), or (1, channels, height, width) where `input_spec` says channels_first.
    Pictures are resized by nearest neighbour, as `keras.utils.load_img(target_size=...)` does. For the
    "digit" convention the values are ready to use: ink on black, 0 to 1.
    image: the decoded picture, where it is at hand.
    """
    example = pixel_arrays.plain(example, input_spec)
    if input_spec.preprocess_mode == "digit":
        pixels = ink_of((image or picture(example)).convert("L"), *input_spec.size[:2]).values[None]
    else:
        pixels = np.asarray(_fitted(example, input_spec, image), np.float32).reshape(1, *input_spec.size)
    if len(input_spec.inputs[0].shape) < 3:  # grey pixels without an axis of channels, or laid out in a vector
        return (pixels.reshape(1, *input_spec.inputs[0].shape),)
    return (np.moveaxis(pixels, -1, 1) if input_spec.data_format == "channels_first" else pixels,)


def to_view(example: Example, input_spec: InputSpec, at_hand: tuple[Image.Image, tuple[str, ...]] | None = None) -> PreprocessedInput:
    """Return the picture as it came (its longest side at most 1024 pixels) and as the network sees it.

    at_hand: what `decoded` returned of it, where it was called before; the picture in it is made smaller.
    """
    axes, assumed = axes_of(input_spec), pixel_arrays.notes(example, input_spec)
    if numbers := pixel_arrays.numbers(example, input_spec):
        seen = pixel_arrays.shown(numbers.values, input_spec)
        return PreprocessedInput(seen, seen, (seen.shape[1], seen.shape[0]), axes, notes=assumed)
    example = pixel_arrays.plain(example, input_spec)
    image, deep = at_hand or decoded(example)
    size, notes = image.size, (*assumed, *deep)
    if input_spec.preprocess_mode == "digit":
        ink = ink_of(image.convert("L"), *input_spec.size[:2])
        seen = (ink.values[..., 0] * 255).round().astype(np.uint8)
        if ink.inverted:
            notes = (*notes, _("Dark ink on light paper: inverted, as the network was trained on light ink."))
    else:
        seen = np.asarray(_fitted(example, input_spec, image))
    image.thumbnail((PREVIEW, PREVIEW))  # in its place: a copy of a photograph is large
    return PreprocessedInput(np.asarray(image), seen, size, axes, aligned=input_spec.preprocess_mode != "digit", notes=notes)


def blank(_input_spec: InputSpec) -> Example:
    """Return an example that every network of pictures can read: a black one."""
    return Example("image", np.zeros((1, 1, 3), np.uint8), _("a black picture"))


def axes_of(input_spec: InputSpec, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the picture that is read: rows and columns in pixels, channels."""
    height, width, channels = input_spec.size
    return (Axis("row", height, "pixel", 0, height), Axis("column", width, "pixel", 0, width), Axis("channel", channels))


def _fitted(example: Example, input_spec: InputSpec, image: Image.Image | None = None) -> Image.Image:
    """Return the picture in the size and with the channels that are read; `image` is the decoded one, where it is at hand."""
    height, width, channels = input_spec.size
    alpha = MODES[channels].endswith("A")
    if image is None or alpha:
        image, _notes = decoded(example, alpha=alpha)
    return image.resize((width, height), Image.Resampling.NEAREST).convert(MODES[channels])
