"""Audio damage: what is lost of a damaged sound, in sentences: where, how much, and which part can be heard instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from explorer.backend.inputs import audio_files
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, joined

Gaps: TypeAlias = tuple[tuple[float, float], ...]  # start and stop in seconds, none touching the next

MOSTLY = 0.5  # the share of the part that is read above which a sound is refused


def gaps(example: Example, lost: Sequence[range]) -> Gaps:
    """Return the gaps, in seconds, of the frames that can't be decoded."""
    rate = audio_files.sound_of(example).rate if lost else 1
    return tuple((start / rate, stop / rate) for start, stop in joined((frames.start, frames.stop) for frames in lost))


def seconds_of(lost: Gaps, start: float, stop: float) -> float:
    """Return the number of seconds that are lost from `start` to `stop`."""
    return sum(max(0.0, min(stop, last) - max(start, first)) for first, last in lost)


def is_mostly(lost: Gaps, start: float, stop: float) -> bool:
    """Whether more than half is lost from `start` to `stop`."""
    return seconds_of(lost, start, stop) > MOSTLY * (stop - start)


def damage_notes(name: str, lost: Gaps) -> tuple[str, ...]:
    """Return a sentence about what is lost; () where nothing is."""
    if not lost:
        return ()
    seconds = sum(stop - start for start, stop in lost)
    if len(lost) == 1:
        message = _("{name} is damaged: {seconds:.2f} s from {start:.2f} s on can't be decoded and are heard as silence. Use a whole copy.")
    else:
        message = _(
            "{name} is damaged: {seconds:.2f} s in {count} places from {start:.2f} s to {stop:.2f} s can't be decoded and are heard as "
            "silence. Use a whole copy."
        )
    return (message.format(name=name, seconds=seconds, start=lost[0][0], stop=lost[-1][1], count=len(lost)),)


def refusal_sentence(example: Example, lost: Gaps, start: float, stop: float, decodable_start: float | None) -> str:
    """Return the message on a part that is mostly lost; decodable_start: the second from which another part can be heard, else None."""
    message = _("{name} is damaged: {gone:.2f} s of the {seconds:.2f} s that would be heard from {start:.2f} s on can't be decoded.")
    reason = message.format(name=example.name, gone=seconds_of(lost, start, stop), seconds=stop - start, start=start)
    if decodable_start is None:
        return f"{reason} " + _("Use a whole copy.")
    return f"{reason} " + _("Use a whole copy, or hear it from {start:g} s on (start={start:g}).").format(start=decodable_start)


def damage_notes_along(example: Example, lost: Gaps, total: float) -> tuple[str, ...]:
    """Return a sentence about what is lost of a sound that is read along its length; total: the seconds that are read.

    Raises UnreadableExample where more than half of that is lost.
    """
    lost_seconds = sum(stop - start for start, stop in lost)
    if lost_seconds > MOSTLY * total:
        message = _("{name} is damaged: {gone:.2f} s of what would be heard can't be decoded. Use a whole copy.")
        raise UnreadableExample(message.format(name=example.name, gone=lost_seconds))
    return damage_notes(example.name, lost)
