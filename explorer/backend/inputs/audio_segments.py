"""Audio segments: which parts of a damaged file can be decoded on their own, and their positions in the sound."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from explorer.backend.inputs import flac_frames, mp3_frames, ogg_pages
from explorer.backend.inputs.audio_bytes import Bytes, Run
from explorer.backend.inputs.audio_decoder import decoded, opened, source_of
from explorer.errors import UnreadableExample
from explorer.values import Example

TAIL = 2**18  # bytes at the end of a FLAC file in which its last frame is searched for


def count_decodable(example: Example, first: int, last: int, run: Run | None = None) -> int:
    """Return the number of frames from `first` on, up to `last`, that can be decoded in sequence."""
    from soundfile import LibsndfileError

    decoded_count = 0
    try:
        with opened(example, run) as file:
            for block in decoded(file, example.name, first, last):
                decoded_count += len(block)
    except LibsndfileError:
        pass  # the rest can't be decoded
    return decoded_count


def flac_runs(example: Example) -> tuple[Run, ...]:
    """Return a run for each frame of a FLAC file with an intact header; its content may be damaged. Raises UnreadableExample."""
    with source_of(example) as source:
        file = flac_frames.stream_of(source.plain)
        return tuple(_flac_runs(source.plain, file, file.begin)) if file else ()


def whole_flac_run(example: Example) -> tuple[Run, flac_frames.Stream]:
    """Return the run of a whole FLAC file, up to the last frame that can be decoded, and the file's stream."""
    with source_of(example) as source:
        file = flac_frames.stream_of(source.plain)
        if file is None:
            raise UnreadableExample("")
        tail = list(_flac_runs(source.plain, file, max(file.begin, source.plain.size - TAIL)))
        size = source.plain.size
    last = _last_decoded(example, tail) or _last_decoded(example, flac_runs(example))
    return Run(0, last, file.begin, size, flac_frames.with_total(file.head, last)), file


def _last_decoded(example: Example, runs: Iterable[Run]) -> int:
    """Return the end, in frames of the sound, of the last run that can be decoded; 0 for none."""
    for run in reversed(tuple(runs)):
        if count_decodable(example, 0, run.last - run.first, run) == run.last - run.first:
            return run.last
    return 0


def _flac_runs(plain: Bytes, file: flac_frames.Stream, begin: int) -> Iterator[Run]:
    head = flac_frames.with_total(file.head, 0)
    for frame in flac_frames.frames(plain, file, begin, plain.size):
        yield Run(frame.first, frame.last, frame.begin, frame.end, head)


def mp3_runs(plain: Bytes) -> tuple[Run, ...]:
    """Return the runs of an MP3 between damaged or missing frames; () where no frames are."""
    stretches = mp3_frames.stretches(plain)
    if len(stretches) < 2:
        return ()
    info = mp3_frames.info(plain)
    samples = mp3_frames.frame(plain.read_at(stretches[0].begin, 4))[1]
    delay, runs, frame_index = info.delay if info else 0, list[Run](), 0
    for index, stretch in enumerate(stretches):
        frame_index += stretch.lost
        warm_up = math.ceil(mp3_frames.RESERVOIR * stretch.frames / (stretch.end - stretch.begin)) + 1 if stretch.lost else 0
        skipped = warm_up * samples if index else delay
        first, last = frame_index * samples - delay + skipped, (frame_index + stretch.frames) * samples - delay
        if first < last:
            runs.append(Run(first, last, stretch.begin, stretch.end, b"", skipped))
        frame_index += stretch.frames
    return tuple(runs) if any(stretch.lost for stretch in stretches) or len(runs) > 1 else ()


def ogg_runs(example: Example, layout: ogg_pages.Layout, rate: int) -> tuple[tuple[Run, ...], int]:
    """Return the runs of an Ogg file between damaged or missing pages, and its number of frames including the lost ones.

    No runs where nothing is lost, or the codec is unknown.
    """
    opus = layout.codec.startswith(b"OpusHead")
    if not layout.head or not (opus or layout.codec.startswith(b"\1vorbis")):
        return (), 0
    starts_at_once = bool(layout.stretches) and layout.stretches[0].number == layout.head_pages
    if len(layout.stretches) == 1 and starts_at_once and layout.stretches[0].last == layout.last:
        return (), 0

    def to_frame(position: int) -> int:
        return (position - layout.delay) * rate // ogg_pages.OPUS_RATE if opus else position

    runs: list[Run] = []
    offset = 0
    for stretch in layout.stretches:
        run = Run(0, 0, stretch.begin, stretch.end, layout.head)
        try:
            with opened(example, run) as file:
                decoded_count = file.frames
        except UnreadableExample:  # too few pages to decode
            continue
        last = to_frame(stretch.last)
        if not runs and starts_at_once:
            offset = last - decoded_count  # of a live stream that was recorded from the middle
        skipped = ogg_pages.OPUS_PREROLL * rate // ogg_pages.OPUS_RATE if opus and (runs or not starts_at_once) else 0
        first = last - decoded_count - offset + skipped
        if (runs[-1].last if runs else 0) <= first < last - offset:
            runs.append(run._replace(first=first, last=last - offset, skipped=skipped))
    return tuple(runs), to_frame(layout.last) - offset
