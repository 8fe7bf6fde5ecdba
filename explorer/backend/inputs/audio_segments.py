"""Damaged files: which stretches of them can be decoded, each on its own, and where in the sound these lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from explorer.backend.inputs import flac_frames, mp3_frames, ogg_pages
from explorer.backend.inputs.audio_bytes import Bytes, Run
from explorer.backend.inputs.audio_decoder import decoded, opened, source_of
from explorer.errors import UnreadableExample
from explorer.values import Example

TAIL = 2**18  # bytes at the end of a FLAC file in which its last frame is looked for


def count(example: Example, first: int, last: int, run: Run | None = None) -> int:
    """Return how many of these frames can be decoded, one after the other."""
    from soundfile import LibsndfileError

    there = 0
    try:
        with opened(example, run) as file:
            for block in decoded(file, example.name, first, last):
                there += len(block)
    except LibsndfileError:
        pass  # so many are there, and no more
    return there


def of_flac(example: Example) -> tuple[Run, ...]:
    """Return a run for each frame of a FLAC file whose header is whole; what is in it may be damaged. Raises UnreadableExample."""
    with source_of(example) as source:
        file = flac_frames.shown(source.plain)
        return tuple(_flac_runs(source.plain, file, file.begin)) if file else ()


def whole_flac(example: Example) -> tuple[Run, flac_frames.Shown]:
    """Return the run of all of a FLAC file, up to the last frame that can be decoded, and what its header says."""
    with source_of(example) as source:
        file = flac_frames.shown(source.plain)
        if file is None:
            raise UnreadableExample("")
        tail = list(_flac_runs(source.plain, file, max(file.begin, source.plain.size - TAIL)))
        size = source.plain.size
    last = _last_decoded(example, tail) or _last_decoded(example, of_flac(example))
    return Run(0, last, file.begin, size, flac_frames.with_total(file.head, last)), file


def _last_decoded(example: Example, runs: Iterable[Run]) -> int:
    """Return up to which frame of the sound runs can be decoded."""
    for run in reversed(tuple(runs)):
        if count(example, 0, run.last - run.first, run) == run.last - run.first:
            return run.last
    return 0


def _flac_runs(plain: Bytes, file: flac_frames.Shown, begin: int) -> Iterator[Run]:
    head = flac_frames.with_total(file.head, 0)
    for frame in flac_frames.frames(plain, file, begin, plain.size):
        yield Run(frame.first, frame.last, frame.begin, frame.end, head)


def of_mp3(plain: Bytes) -> tuple[Run, ...]:
    """Return the runs of an MP3 between which frames are damaged or missing; () where none are."""
    found = mp3_frames.stretches(plain)
    if len(found) < 2:
        return ()
    told = mp3_frames.info(plain)
    samples = mp3_frames.frame(plain.read_at(found[0].begin, 4))[1]
    delay, runs, at = told.delay if told else 0, list[Run](), 0
    for place, one in enumerate(found):
        at += one.lost
        warm_up = math.ceil(mp3_frames.RESERVOIR * one.frames / (one.end - one.begin)) + 1 if one.lost else 0
        skipped = warm_up * samples if place else delay
        first, last = at * samples - delay + skipped, (at + one.frames) * samples - delay
        if first < last:
            runs.append(Run(first, last, one.begin, one.end, b"", skipped))
        at += one.frames
    return tuple(runs) if any(one.lost for one in found) or len(runs) > 1 else ()


def of_ogg(example: Example, layout: ogg_pages.Layout, rate: int) -> tuple[tuple[Run, ...], int]:
    """Return the runs of an Ogg file between which pages are damaged or missing, and how many frames it has with what is lost.

    No runs where nothing is lost, or its coding is unknown.
    """
    opus = layout.codec.startswith(b"OpusHead")
    if not layout.head or not (opus or layout.codec.startswith(b"\1vorbis")):
        return (), 0
    follow = bool(layout.stretches) and layout.stretches[0].number == layout.before
    if len(layout.stretches) == 1 and follow and layout.stretches[0].last == layout.last:
        return (), 0

    def placed(position: int) -> int:
        return (position - layout.delay) * rate // ogg_pages.OPUS_RATE if opus else position

    runs: list[Run] = []
    offset = 0
    for one in layout.stretches:
        run = Run(0, 0, one.begin, one.end, layout.head)
        try:
            with opened(example, run) as file:
                there = file.frames
        except UnreadableExample:  # too few pages to begin with
            continue
        last = placed(one.last)
        if not runs and follow:
            offset = last - there  # of a stream that was joined while it ran
        skipped = ogg_pages.OPUS_PREROLL * rate // ogg_pages.OPUS_RATE if opus and (runs or not follow) else 0
        first = last - there - offset + skipped
        if (runs[-1].last if runs else 0) <= first < last - offset:
            runs.append(run._replace(first=first, last=last - offset, skipped=skipped))
    return tuple(runs), placed(layout.last) - offset
