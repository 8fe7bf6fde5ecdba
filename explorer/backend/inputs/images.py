"""Images: from a picture in any form to an `Example`, the batch that a network reads, and a view of it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from PIL import Image

from explorer.backend.inputs import image_costs, image_files, pixel_arrays
from explorer.backend.inputs.digit_ink import ink_of
from explorer.backend.inputs.files import bytes_from, bytes_of, read_bytes, warn_of
from explorer.backend.inputs.pixel_chunks import pixel_values
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Axis, Example, FileOnDisk, InputSpec, PreprocessedInput

Source: TypeAlias = "str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray[Any, Any] | Example"

Pixels: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels
PREVIEW = 1024  # the longest side, in pixels, of the original picture in a view


def read(source: Source) -> Example:
    """Return the example in `source`; the picture is decoded later.

    source: a path, the bytes of an image file, a binary file object, a Pillow image, or an array
        (height, width, 3) of uint8.
    Raises UnreadableExample for anything else, and where there is no such file; warns (ExampleWarning) of what `defects` returns.
    """
    if isinstance(source, Example):
        return source
    if isinstance(source, np.ndarray):
        return Example("image", pixel_arrays.read_only_pixels(source), _("the array"))
    if isinstance(source, Image.Image):
        if 0 in source.size:
            raise UnreadableExample(_("The picture has no pixels."))
        with image_files.image_errors(_("The picture"), format_name=source.format or ""):
            image_costs.check_budget(source, _("The picture"))
            image, notes = image_files.upright(source, source.copy)
            pixels = pixel_values(image)
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
    """Return the picture upright, as RGB: alpha on white, the first frame of an animation, more than 8 bits reduced to 8.

    Raises UnreadableExample with the reason, also where its file has been deleted or changed.
    """
    return decoded(example)[0]


def pixels(example: Example) -> int:
    """Return the number of pixels of a picture, from its header alone. Raises UnreadableExample."""
    array = pixel_arrays.array_of(example)
    if array is not None:
        return int(np.prod(pixel_arrays.pixels_of(array).shape[:2]))
    return image_files.pixels(_bytes(example), example.name)


def defects(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return, in sentences, what had to be assumed about the values of an array, or of a picture of more than 8 bits.

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
        raise UnreadableExample(_("{name} is not a picture.").format(name=example.name))
    if not data:
        raise UnreadableExample(_("{name} is empty (0 bytes).").format(name=example.name))
    return data


def decoded(example: Example, draft: bool = False, alpha: bool = False) -> tuple[Image.Image, tuple[str, ...]]:
    """Return the picture, and its `defects`; alpha: return RGBA, and keep the transparency."""
    array = pixel_arrays.array_of(example)
    if array is None:
        return image_files.decoded(_bytes(example), example.name, draft, alpha)
    pixels = Image.fromarray(pixel_arrays.pixels_of(array))
    return image_files.upright(pixels, pixels.copy, alpha)


def to_batch(example: Example, input_spec: InputSpec, image: Image.Image | None = None) -> tuple[Pixels]:
    """Return the pixels that a network reads, as a tuple of one array: 0 to 255, before its own preprocessing.

    float32 (1, height, width, channels), or (1, channels, height, width) where `input_spec` says channels_first.
    Pictures are resized by nearest neighbour, as `keras.utils.load_img(target_size=...)` does. For the
    "digit" mode the values are already preprocessed: ink on black, 0 to 1.
    image: the picture that `decoded` returned, if it has been called already.
    """
    example = pixel_arrays.channels_last(example, input_spec)
    if input_spec.preprocess_mode == "digit":
        pixels = ink_of((image or picture(example)).convert("L"), *input_spec.size[:2]).values[None]
    else:
        pixels = np.asarray(_resized(example, input_spec, image), np.float32).reshape(1, *input_spec.size)
    if len(input_spec.inputs[0].shape) < 3:  # grey pixels without an axis of channels, or flattened into a vector
        return (pixels.reshape(1, *input_spec.inputs[0].shape),)
    return (np.moveaxis(pixels, -1, 1) if input_spec.data_format == "channels_first" else pixels,)


def to_view(example: Example, input_spec: InputSpec, already: tuple[Image.Image, tuple[str, ...]] | None = None) -> PreprocessedInput:
    """Return the original picture (its longest side at most 1024 pixels) and the picture as the network sees it.

    already: what `decoded` returned for it, if it has been called already; the picture in it is reduced in place.
    """
    axes, assumed = axes_of(input_spec), pixel_arrays.notes(example, input_spec)
    if numbers := pixel_arrays.numbers(example, input_spec):
        network_view = pixel_arrays.to_picture(numbers.values, input_spec)
        return PreprocessedInput(network_view, network_view, (network_view.shape[1], network_view.shape[0]), axes, notes=assumed)
    example = pixel_arrays.channels_last(example, input_spec)
    image, depth_notes = already or decoded(example)
    size, notes = image.size, (*assumed, *depth_notes)
    if input_spec.preprocess_mode == "digit":
        ink = ink_of(image.convert("L"), *input_spec.size[:2])
        network_view = (ink.values[..., 0] * 255).round().astype(np.uint8)
        if ink.inverted:
            notes = (*notes, _("Dark ink on light paper: inverted, as the network was trained on light ink."))
    else:
        network_view = np.asarray(_resized(example, input_spec, image))
    image.thumbnail((PREVIEW, PREVIEW))  # in place, as a copy of a photograph is large
    return PreprocessedInput(np.asarray(image), network_view, size, axes, aligned=input_spec.preprocess_mode != "digit", notes=notes)


def blank(_input_spec: InputSpec) -> Example:
    """Return a black picture, which every network of pictures can read."""
    return Example("image", np.zeros((1, 1, 3), np.uint8), _("a black picture"))


def axes_of(input_spec: InputSpec, _example: Example | None = None) -> tuple[Axis, ...]:
    """Return the axes of the picture that the network reads: rows and columns in pixels, channels."""
    height, width, channels = input_spec.size
    return (Axis("row", height, "pixel", 0, height), Axis("column", width, "pixel", 0, width), Axis("channel", channels))


def _resized(example: Example, input_spec: InputSpec, image: Image.Image | None = None) -> Image.Image:
    """Return the picture in the size and with the channels that the network reads; image: the decoded picture, None to decode it."""
    height, width, channels = input_spec.size
    alpha = MODES[channels].endswith("A")
    if image is None or alpha:
        image, _notes = decoded(example, alpha=alpha)
    return image.resize((width, height), Image.Resampling.NEAREST).convert(MODES[channels])
