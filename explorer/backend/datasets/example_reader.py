"""One example of a data set: from a file, of which only the name is kept, or from Python; checked, as it will be read much later."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.backend.inputs import arrays, audio, audio_damage, audio_files, images
from explorer.backend.inputs.files import existing, unread
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, FileOnDisk, InputSpec, MelSpectrogram

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # what systems leave in folders
FLOATS = ("FLOAT", "DOUBLE")  # samples that may be NaN
MARGIN = 0.3  # seconds around a part of a sound that are read for it

_damaged: dict[tuple[str, MelSpectrogram | None], tuple[str, ...]] = {}  # few sounds are, so that it stays small


def is_ignored(name: str) -> bool:
    """Whether a file or folder of that name is hidden, or left there by the system."""
    return name.startswith(".") or name.lower() in IGNORED


def from_file(path: Path, name: str, input_spec: InputSpec) -> Example:
    """Return the example in a file; pictures and sounds are only read when they are needed, but shown to be readable now.

    name: what to call it. Raises UnreadableExample with the reason.
    """
    try:
        if input_spec.kind == "arrays":
            return checked(Example("arrays", arrays.read(path).data, name), input_spec)
        return _on_disk(FileOnDisk(os.path.abspath(existing(path)), stamp_of(path)), name, input_spec)
    except OSError as error:
        raise unread(path, error) from error


@lru_cache(maxsize=20_000)
def _on_disk(file: FileOnDisk, name: str, input_spec: InputSpec) -> Example:
    """Return the example in a picture's or a sound's file, which is only looked at once."""
    return checked(Example(input_spec.kind, file, name), input_spec)


def from_python(source: Any, name: str, input_spec: InputSpec) -> Example:
    """Return the example that a source holds which `explorer.load(...).predict` would take. Raises UnreadableExample."""
    if isinstance(source, str | os.PathLike):
        return from_file(Path(os.path.expanduser(source)), Path(source).name, input_spec)
    example = {"image": images.read, "audio": audio.read, "arrays": arrays.read}[input_spec.kind](source)
    if example.kind != input_spec.kind:
        raise UnreadableExample(_("{name} is no example that this network reads.").format(name=example.name))
    return checked(example if isinstance(source, Example) else Example(example.kind, example.data, name), input_spec)


def checked(example: Example, input_spec: InputSpec) -> Example:
    """Return an example as it is. Raises UnreadableExample where it can't be read, as far as that can be told cheaply."""
    if input_spec.kind == "image":
        images.check(example)
    elif input_spec.kind == "audio":
        _check_sound(example, input_spec)
    else:
        arrays.to_batch(example, input_spec)
    return example


def damage_of(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Say what can't be decoded of the part of a sound that is heard, as far as it was found when the example was checked."""
    return _damaged.get((example.digest, input_spec.sound), ()) if _damaged and input_spec.sound else ()


def _check_sound(example: Example, input_spec: InputSpec) -> None:
    """Read a glimpse of what is heard of a sound; all of it where samples may be NaN, or where only decoding shows what is damaged."""
    sound = audio_files.sound_of(example)
    if input_spec.sound is None:
        raise UnreadableExample(_("This network reads no sound."))
    start, stop = audio.part_of(example, input_spec.sound)
    stop = min(stop, sound.seconds)
    if sound.subtype not in FLOATS and sound.format != "FLAC" and not sound.runs:
        start = stop = (start + stop) / 2
    first = max(0, round((start - MARGIN) * sound.rate))
    lost: list[range] = []
    count = sum(map(len, audio_files.blocks(example, first, round((stop + MARGIN) * sound.rate) - first, lost)))
    gone = audio_damage.gaps(example, lost)
    if count == sum(map(len, lost)) or audio_damage.is_mostly(gone, start, stop):
        raise UnreadableExample(
            _("{name} is damaged or cut off: most of what would be heard can't be decoded. Use a whole copy.").format(name=example.name)
        )
    if gone:
        _damaged[example.digest, input_spec.sound] = audio_damage.in_words(example.name, gone)
