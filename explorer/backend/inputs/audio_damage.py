"""What is lost of a damaged sound, in sentences: where, how much, and what can be heard of it instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from explorer.backend.inputs import audio_files
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example, joined

Gaps: TypeAlias = tuple[tuple[float, float], ...]  # start and stop in seconds, none touching the next

MOSTLY = 0.5  # of what would be heard: where more is lost, nothing is answered


def gaps(example: Example, lost: Sequence[range]) -> Gaps:
    """Return which seconds of a sound the frames are that can't be decoded."""
    rate = audio_files.sound_of(example).rate if lost else 1
    return tuple((start / rate, stop / rate) for start, stop in joined((one.start, one.stop) for one in lost))


def seconds_of(lost: Gaps, start: float, stop: float) -> float:
    """Return how many seconds are lost from `start` to `stop`."""
    return sum(max(0.0, min(stop, last) - max(start, first)) for first, last in lost)


def is_mostly(lost: Gaps, start: float, stop: float) -> bool:
    """Whether more than half is lost from `start` to `stop`."""
    return seconds_of(lost, start, stop) > MOSTLY * (stop - start)


def in_words(name: str, lost: Gaps) -> tuple[str, ...]:
    """Return a sentence on what is lost, where anything is."""
    if not lost:
        return ()
    seconds = sum(stop - start for start, stop in lost)
    if len(lost) == 1:
        said = _("{name} is damaged: {seconds:.2f} s from {start:.2f} s on can't be decoded and are heard as silence. Use a whole copy.")
    else:
        said = _(
            "{name} is damaged: {seconds:.2f} s in {count} places from {start:.2f} s to {stop:.2f} s can't be decoded and are heard as "
            "silence. Use a whole copy."
        )
    return (said.format(name=name, seconds=seconds, start=lost[0][0], stop=lost[-1][1], count=len(lost)),)


def refusal(example: Example, lost: Gaps, start: float, stop: float, elsewhere: float | None) -> str:
    """Return the sentence on a part of which most is lost; elsewhere: from which second on another part can be heard."""
    said = _("{name} is damaged: {gone:.2f} s of the {seconds:.2f} s that would be heard from {start:.2f} s on can't be decoded.")
    lead = said.format(name=example.name, gone=seconds_of(lost, start, stop), seconds=stop - start, start=start)
    if elsewhere is None:
        return f"{lead} " + _("Use a whole copy.")
    return f"{lead} " + _("Use a whole copy, or hear it from {elsewhere:g} s on (start={elsewhere:g}).").format(elsewhere=elsewhere)


def along(example: Example, lost: Gaps, heard: float) -> tuple[str, ...]:
    """Return a sentence on what is lost of a sound that is heard along its length; `heard`: how many seconds of it in all.

    Raises UnreadableExample where more than half of that is lost.
    """
    gone = sum(stop - start for start, stop in lost)
    if gone > MOSTLY * heard:
        said = _("{name} is damaged: {gone:.2f} s of what would be heard can't be decoded. Use a whole copy.")
        raise UnreadableExample(said.format(name=example.name, gone=gone))
    return in_words(example.name, lost)
