"""What is in a file of sound; no header is believed before it is checked."""

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
LONGEST = 2**48  # frames; more are none
RATES = (1000, 384_000)
CHANNELS = (1, 64)
NEAR = 2**24  # frames of MP3 that are decoded sooner than a place in them is found
GROWING = 2**16  # frames with which the search for the last one begins


@dataclass(frozen=True)
class Sound:
    """What is in a file: samples per second, channels, the frames that are there, how they are coded, and what is wrong with it.

    any_part: whether a part can be decoded without all that comes before it.
    runs: what of it can be decoded; () for all of the file as it is.
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
        """How long it is."""
        return self.frames / self.rate


class _There(NamedTuple):
    """The frames that are there, and those that the header promises.

    cut: whether the file ends too soon, and nothing says how much it was; contradicted: whether its header says what isn't so.
    torn: whether parts are missing in a coding of which nothing says where in the sound they were.
    """

    frames: int
    promised: int
    runs: tuple[Run, ...] = ()
    cut: bool = False
    contradicted: bool = False
    torn: bool = False


class _File(NamedTuple):
    """What libsndfile says of a file."""

    rate: int
    channels: int
    frames: int
    format: str
    subtype: str
    any_part: bool
    log: str


def looked_at(example: Example) -> Sound:
    """Return what is in the file of an example. Raises UnreadableExample with the reason."""
    name = example.name
    with opened(example) as opened_file:
        file = _File(
            opened_file.samplerate,
            opened_file.channels,
            opened_file.frames,
            opened_file.format,
            opened_file.subtype,
            can_seek(opened_file),
            opened_file.extra_info,
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
    there = _there(example, file)
    defects = _defects(example, file, there)
    if not SHORTEST * file.rate <= there.frames <= LONGEST:
        lasts = _("{name} lasts {seconds:.2f} s; a sound must last 0.1 s or more: give a longer one.").format(
            name=name, seconds=there.frames / file.rate
        )
        raise UnreadableExample(" ".join((*defects, lasts)))
    return Sound(file.rate, file.channels, there.frames, file.format, file.subtype, file.any_part, defects, there.runs)


def _there(example: Example, file: _File) -> _There:
    """Return what is there of a file."""
    with source_of(example) as source:
        plain, sized = source.plain, source.end == source.size
        head = plain.read_at(0, 1024)
        mp3_runs = audio_segments.of_mp3(plain) if source.is_mp3 else ()
        caf = caf_sizes(plain)
        layout = ogg_pages.layout(plain) if file.format == "OGG" else None
        known = mp3_frames.samples_in(plain) if source.is_mp3 and not sized else 0
    if file.format == "FLAC" and head.startswith(b"fLaC"):
        run, shown = audio_segments.whole_flac(example)
        return _There(run.last, shown.total or run.last, (run,) if run.last != shown.total else (), contradicted=shown.contradicted)
    if layout is not None:
        runs, frames = audio_segments.of_ogg(example, layout, file.rate)
        frames = frames if runs else _frames_there(example, file.frames, False)
        return _There(frames, frames, runs, cut=not layout.ends, torn=len(layout.stretches) > 1 and not runs)
    if file.format == "MP3":
        frames = min(mp3_runs[-1].last, file.frames) if mp3_runs else _frames_there(example, min(file.frames, known or file.frames), True)
        return _There(frames, file.frames if sized else frames, mp3_runs)
    unsure = file.format not in SIZED or (caf is not None and file.subtype.startswith("ALAC"))  # it says more than there may be
    frames = audio_segments.count(example, 0, file.frames) if unsure else file.frames
    promised = promised_frames(frames, file.log, head)
    if file.format == "SDS":  # which libsndfile fills with silence
        return _There(min(frames, promised), frames)
    return _There(frames, max(frames, promised), cut=bool(caf and caf[1] > 0) or "seems to be a truncated" in file.log.lower())


def _defects(example: Example, file: _File, there: _There) -> tuple[str, ...]:
    """Return what is wrong with the header or the length of a file, in sentences."""
    name, seconds = example.name, there.frames / file.rate
    found = []
    if there.contradicted:
        found.append(_("The header of {name} is damaged; rate, channels and bits are taken from what follows it.").format(name=name))
    if there.torn:
        found.append(
            _("{name} is damaged: parts in its middle are missing, and what follows comes too soon. Use a whole copy.").format(name=name)
        )
    with source_of(example) as source:
        sizes = wav_sizes(source.plain)
    promised = there.frames * sizes[0] // sizes[1] if sizes else there.promised
    if sizes and sizes[0] < sizes[1]:
        more = _("The header of {name} promises {promised:.1f} s; {count} more MB follow that are not heard.")
        found.append(more.format(name=name, promised=seconds, count=f"{(sizes[1] - sizes[0]) / 2**20:.1f}"))
    elif abs(promised - there.frames) > SHORTEST * file.rate:
        said = _("The header of {name} promises {promised:.1f} s; {there:.1f} s are there.")
        found.append(said.format(name=name, promised=promised / file.rate, there=seconds))
    elif there.cut:
        found.append(_("{name} is cut off; {there:.1f} s are there.").format(name=name, there=seconds))
    return tuple(found)


def _frames_there(example: Example, promised: int, mp3: bool) -> int:
    """Return how many frames can be decoded, at most what the header promises: found by looking whether there is one at a place."""

    def is_there(frame: int) -> bool:
        return audio_segments.count(example, frame, frame + 1) == 1

    if promised < 1 or is_there(promised - 1):
        return max(0, promised)
    low, high = 0, min(GROWING, promised)
    while high < promised and is_there(high - 1):
        low, high = high, min(2 * high, promised)
    near = NEAR if mp3 else 1
    while high - low > near:
        middle = (low + high) // 2
        low, high = (middle, high) if is_there(middle - 1) else (low, middle)
    return low + audio_segments.count(example, low, high) if mp3 else low
