"""Example reader: one example of a dataset, from a file, which is checked now but read later, or from Python."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer.backend.inputs import arrays, audio, audio_damage, audio_files, images
from explorer.backend.inputs.files import existing, unreadable
from explorer.catalog.options import stamp_of
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, FileOnDisk, InputSpec, MelSpectrogram

IGNORED = ("thumbs.db", "desktop.ini", "__macosx")  # files that operating systems leave in folders
FLOATS = ("FLOAT", "DOUBLE")  # types of samples that may be NaN
MARGIN = 0.3  # seconds around a part of a sound that are read for it

_damaged: dict[tuple[str, MelSpectrogram | None], tuple[str, ...]] = {}  # stays small, as few sounds are damaged


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or left there by the operating system."""
    return name.startswith(".") or name.lower() in IGNORED


def from_file(path: Path, name: str, input_spec: InputSpec) -> Example:
    """Return the example in a file; pictures and sounds are read only when they are needed, but checked to be readable now.

    name: its name in the data. Raises UnreadableExample with the reason.
    """
    try:
        if input_spec.kind == "arrays":
            return checked(Example("arrays", arrays.read(path).data, name), input_spec)
        return _on_disk(FileOnDisk(os.path.abspath(existing(path)), stamp_of(path)), name, input_spec)
    except OSError as error:
        raise unreadable(path, error) from error


@lru_cache(maxsize=20_000)
def _on_disk(file: FileOnDisk, name: str, input_spec: InputSpec) -> Example:
    """Return the example in the file of a picture or a sound, which is checked only once."""
    return checked(Example(input_spec.kind, file, name), input_spec)


def from_python(source: Any, name: str, input_spec: InputSpec) -> Example:
    """Return the example in a source, which may be anything that `explorer.load(...).predict` takes. Raises UnreadableExample."""
    if isinstance(source, str | os.PathLike):
        return from_file(Path(os.path.expanduser(source)), Path(source).name, input_spec)
    example = {"image": images.read, "audio": audio.read, "arrays": arrays.read}[input_spec.kind](source)
    if example.kind != input_spec.kind:
        raise UnreadableExample(_("{name} is not an example that this network can read.").format(name=example.name))
    return checked(example if isinstance(source, Example) else Example(example.kind, example.data, name), input_spec)


def checked(example: Example, input_spec: InputSpec) -> Example:
    """Return the example unchanged. Raises UnreadableExample where a cheap check shows that it can't be read."""
    if input_spec.kind == "image":
        images.check(example)
    elif input_spec.kind == "audio":
        _check_sound(example, input_spec)
    else:
        arrays.to_batch(example, input_spec)
    return example


def damage_of(example: Example, input_spec: InputSpec) -> tuple[str, ...]:
    """Return a sentence about what can't be decoded of the part of a sound that is read, if the check found any; () for none."""
    return _damaged.get((example.digest, input_spec.sound), ()) if _damaged and input_spec.sound else ()


def _check_sound(example: Example, input_spec: InputSpec) -> None:
    """Read a moment of the part of a sound that is used; the whole part where samples may be NaN, or only decoding shows damage."""
    sound = audio_files.sound_of(example)
    if input_spec.sound is None:
        raise UnreadableExample(_("This network doesn't read sound."))
    start, stop = audio.part_of(example, input_spec.sound)
    stop = min(stop, sound.seconds)
    if sound.subtype not in FLOATS and sound.format != "FLAC" and not sound.runs:
        start = stop = (start + stop) / 2
    first = max(0, round((start - MARGIN) * sound.rate))
    undecoded: list[range] = []
    count = sum(map(len, audio_files.blocks(example, first, round((stop + MARGIN) * sound.rate) - first, undecoded)))
    gaps = audio_damage.gaps(example, undecoded)
    if count == sum(map(len, undecoded)) or audio_damage.is_mostly(gaps, start, stop):
        raise UnreadableExample(
            _("{name} is damaged or cut off: most of what would be heard can't be decoded. Use a whole copy.").format(name=example.name)
        )
    if gaps:
        _damaged[example.digest, input_spec.sound] = audio_damage.damage_notes(example.name, gaps)
