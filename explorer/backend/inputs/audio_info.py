"""Audio info: what a sound file contains, with every claim of its header checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from explorer.backend.inputs import audio_segments, mp3_frames, ogg_pages
from explorer.backend.inputs.audio_bytes import Run
from explorer.backend.inputs.audio_decoder import SIZED, can_seek, opened, source_of
from explorer.backend.inputs.audio_headers import caf_sizes, promised_frames, wav_sizes
from explorer.errors import UnreadableExample
from explorer.locale import _
from explorer.values import Example

SHORTEST = 0.1  # seconds
LONGEST = 2**48  # frames; a header that claims more is wrong
RATES = (1000, 384_000)
CHANNELS = (1, 64)
MP3_SEQUENTIAL = 2**24  # frames of MP3 that are decoded faster than a position in them is found
FIRST_STEP = 2**16  # frames in the first step of the search for the last one


@dataclass(frozen=True)
class Sound:
    """The content of a sound file: samples per second, channels, decodable frames, format and coding; defects, in sentences.

    any_part: whether a part can be decoded without everything before it.
    runs: the parts that can be decoded; () for the whole file unchanged.
    """

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    any_part: bool = True
    defects: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return self.frames / self.rate


class _Contents(NamedTuple):
    """The frames in a file, and those that its header promises.

    cut: whether the file ends early, and its full length is unknown; contradicted: whether its header contradicts its frames.
    torn: whether parts are missing in a codec without known positions.
    """

    frames: int
    promised: int
    runs: tuple[Run, ...] = ()
    cut: bool = False
    contradicted: bool = False
    torn: bool = False


class _File(NamedTuple):
    """A file as libsndfile reports it."""

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    any_part: bool
    log: str


def sound_info(example: Example) -> Sound:
    """Return the content of an example's file. Raises UnreadableExample with the reason."""
    name = example.name
    with opened(example) as sound_file:
        file = _File(
            sound_file.samplerate,
            sound_file.channels,
            sound_file.frames,
            sound_file.format,
            sound_file.subtype,
            can_seek(sound_file),
            sound_file.extra_info,
        )
    if not RATES[0] <= file.rate <= RATES[1]:
        raise UnreadableExample(
            _("{name} has {rate} samples a second; a sound has 1,000 to 384,000: save it again with another rate.").format(
                name=name, rate=file.rate
            )
        )
    if not CHANNELS[0] <= file.channels <= CHANNELS[1]:
        raise UnreadableExample(
            _("{name} has {channels} channels; a sound has 1 to 64: save it again with fewer.").format(name=name, channels=file.channels)
        )
    contents = _contents_of(example, file)
    defects = _defects(example, file, contents)
    if not SHORTEST * file.rate <= contents.frames <= LONGEST:
        message = _("{name} lasts {seconds:.2f} s; a sound must last 0.1 s or more: give a longer one.").format(
            name=name, seconds=contents.frames / file.rate
        )
        raise UnreadableExample(" ".join((*defects, message)))
    return Sound(file.rate, file.channels, contents.frames, file.format, file.subtype, file.any_part, defects, contents.runs)


def _contents_of(example: Example, file: _File) -> _Contents:
    """Return the frames that can be decoded in a file, and those that it promises."""
    with source_of(example) as source:
        plain, sized = source.plain, source.end == source.size
        head = plain.read_at(0, 1024)
        mp3_runs = audio_segments.mp3_runs(plain) if source.is_mp3 else ()
        caf = caf_sizes(plain)
        layout = ogg_pages.layout(plain) if file.format == "OGG" else None
        mp3_samples = mp3_frames.count_samples(plain) if source.is_mp3 and not sized else 0
    if file.format == "FLAC" and head.startswith(b"fLaC"):
        run, stream = audio_segments.whole_flac_run(example)
        return _Contents(run.last, stream.total or run.last, (run,) if run.last != stream.total else (), contradicted=stream.contradicted)
    if layout is not None:
        runs, frames = audio_segments.ogg_runs(example, layout, file.rate)
        frames = frames if runs else _count_decodable(example, file.frames, False)
        return _Contents(frames, frames, runs, cut=not layout.ends, torn=len(layout.stretches) > 1 and not runs)
    if file.format == "MP3":
        most = min(file.frames, mp3_samples or file.frames)
        frames = min(mp3_runs[-1].last, file.frames) if mp3_runs else _count_decodable(example, most, True)
        return _Contents(frames, file.frames if sized else frames, mp3_runs)
    # the file may report more frames than there are
    is_unreliable = file.format not in SIZED or (caf is not None and file.subtype.startswith("ALAC"))
    frames = audio_segments.count_decodable(example, 0, file.frames) if is_unreliable else file.frames
    promised = promised_frames(frames, file.log, head)
    if file.format == "SDS":  # libsndfile fills it up with silence
        return _Contents(min(frames, promised), frames)
    return _Contents(frames, max(frames, promised), cut=bool(caf and caf[1] > 0) or "seems to be a truncated" in file.log.lower())


def _defects(example: Example, file: _File, contents: _Contents) -> tuple[str, ...]:
    """Return what is wrong with the header or the length of a file, in sentences."""
    name, seconds = example.name, contents.frames / file.rate
    sentences = []
    if contents.contradicted:
        sentences.append(_("The header of {name} is damaged; rate, channels and bits are taken from what follows it.").format(name=name))
    if contents.torn:
        sentences.append(
            _("{name} is damaged: parts in the middle are missing, and what follows comes too early. Use a whole copy.").format(name=name)
        )
    with source_of(example) as source:
        sizes = wav_sizes(source.plain)
    promised = contents.frames * sizes[0] // sizes[1] if sizes else contents.promised
    if sizes and sizes[0] < sizes[1]:
        message = _("The header of {name} promises {promised:.1f} s; {count} MB more follow and are not used.")
        sentences.append(message.format(name=name, promised=seconds, count=f"{(sizes[1] - sizes[0]) / 2**20:.1f}"))
    elif abs(promised - contents.frames) > SHORTEST * file.rate:
        message = _("The header of {name} promises {promised:.1f} s; the file holds {there:.1f} s.")
        sentences.append(message.format(name=name, promised=promised / file.rate, there=seconds))
    elif contents.cut:
        sentences.append(_("{name} is cut off; the file holds {there:.1f} s.").format(name=name, there=seconds))
    return tuple(sentences)


def _count_decodable(example: Example, promised: int, mp3: bool) -> int:
    """Return the number of frames that can be decoded, at most `promised`, by a binary search for the last decodable frame."""

    def is_decodable(frame: int) -> bool:
        return audio_segments.count_decodable(example, frame, frame + 1) == 1

    if promised < 1 or is_decodable(promised - 1):
        return max(0, promised)
    low, high = 0, min(FIRST_STEP, promised)
    while high < promised and is_decodable(high - 1):
        low, high = high, min(2 * high, promised)
    largest_gap = MP3_SEQUENTIAL if mp3 else 1
    while high - low > largest_gap:
        middle = (low + high) // 2
        low, high = (middle, high) if is_decodable(middle - 1) else (low, middle)
    return low + audio_segments.count_decodable(example, low, high) if mp3 else low
