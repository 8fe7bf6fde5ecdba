"""The sound: its waveform, the spectrogram of the part that the network hears, and a player."""

from __future__ import annotations

import math
from itertools import count
from typing import Any

import numpy as np
import traitlets

from explorer.locale import _, counted
from explorer.rendering import feature_maps
from explorer.rendering.feature_maps import clock
from explorer.state.audio_playback import AudioPlayback, time_of
from explorer.state.session import Session
from explorer.values import AudioClip, Axis, Example, FileOnDisk, Heard, PreprocessedInput, Region, TakenFile
from explorer.widgets.base.view import View, levels


class AudioView(View):
    """Shows and plays the sound, with the part that the network hears and the part that a chosen cell sees marked.

    What it sounds like reaches the browser only when it is to be played: the JavaScript asks for one of `versions`.
    """

    shown = traitlets.Bool(False, help="Whether there is a sound.").tag(sync=True)
    name = traitlets.Unicode().tag(sync=True)
    caption = traitlets.Unicode(help="Name, duration, rate and channels.").tag(sync=True)
    notes = traitlets.List(traitlets.Unicode()).tag(sync=True)
    seconds = traitlets.Float(0.0, help="How long all of it is.").tag(sync=True)
    envelope = traitlets.Bytes(help="Lowest and highest sample of equal stretches of the whole, float32 (n, 2).").tag(sync=True)
    times: traitlets.List[list[Any]] = traitlets.List(help="Ticks along the whole, few to many: [how far along, text].").tag(sync=True)
    heard = traitlets.List(traitlets.Float(), help="Start and stop of the part that is heard, in seconds.").tag(sync=True)
    heard_text = traitlets.Unicode().tag(sync=True)
    spectrogram = traitlets.Bytes(help="The spectrogram of that part as PNG.").tag(sync=True)
    spectrogram_text = traitlets.Unicode(help="What it shows.").tag(sync=True)
    across = traitlets.List(traitlets.Float(), help="The seconds at its left and its right edge.").tag(sync=True)
    heard_times: traitlets.List[list[Any]] = traitlets.List(help="Ticks along it, as `times`.").tag(sync=True)
    pitches: traitlets.List[list[Any]] = traitlets.List(help="Ticks from its bottom to its top, as `times`.").tag(sync=True)
    gradient = traitlets.List(traitlets.Unicode(), help="Its colour scale, low to high.").tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), help="What the ends of the colour scale stand for.").tag(sync=True)
    mark = traitlets.Dict(help="Left, top, width and height of the region, as parts of the spectrogram; empty for none.").tag(sync=True)
    bracket = traitlets.List(traitlets.Float(), help="Start and stop of the region in seconds; empty for none.").tag(sync=True)
    clip = traitlets.List(traitlets.Float(), help="Start and stop of the stretch that can be played; empty for none.").tag(sync=True)
    versions: traitlets.Dict[str, int] = traitlets.Dict(
        help="What can be asked for: whole (no file that stays on disk), part (that is heard), stretch; a new number when it changes."
    ).tag(sync=True)
    plays = traitlets.Int(0, help="How many stretches came that are to be played at once.").tag(sync=True)
    example_revision = traitlets.Int(0, help="How many examples have been shown or refused so far.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.audio_playback = AudioPlayback(self.session)
        self._version = count(1)
        self._data: bytes | FileOnDisk | None = None  # what version `whole` is of
        self.follow("preprocessed", by=self._draw)
        self.follow("preprocessed", "region", by=self._mark)
        self.follow("example_revision", by=self._settle)
        self.follow("clip", by=self._offer_stretch, of=self.audio_playback)

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Sound"),
            "play": _("Play"),
            "stop": _("Stop"),
            "again": _("Play the stretch"),
            "plays": _("plays {start} s to {stop} s"),
            "clip": _("{start} s to {stop} s"),
            "coming": _("Fetching the sound, {percent} %"),
            "unplayable": _("This browser can't play the sound."),
            "only_part": _("Only the part that the network hears can be played."),
            "here": _("Hear from here"),
            "waveform": _("Waveform of {name}, 0 s to {seconds} s"),
            "position": _("Place in {name}"),
            "position_keys": _("Arrow keys: another place. Enter: play from there."),
            "window": _("What the network hears"),
            "window_keys": _("Drag it, or arrow keys: another part."),
            "span": _("{start} to {stop}"),
            "hertz": _("Hz"),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Give a sound that is to be played, or let the network hear another part."""
        if "play" in message:
            self._play(str(message["play"]), message["of"])
        elif "hear" in message and len(self.heard) == 2 and math.isfinite(message["hear"]):
            last = max(0.0, self.seconds - (self.heard[1] - self.heard[0]))
            self.session.hear_from(min(max(0.0, float(message["hear"])), last))

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        self.audio_playback.close()
        super().close()

    def _play(self, what: str, version: Any) -> None:
        """Send a sound to the browser, if it still is the one that was asked for."""
        if what not in self.versions or self.versions[what] != version:
            return
        if what == "whole" and isinstance(self._data, bytes):
            self._give_sound(what, version, 0.0, self._data)
        elif what == "clip" and self.audio_playback.clip is not None:
            self._give_sound(what, version, self.audio_playback.clip.start, self.audio_playback.clip.data)
        elif what == "part":

            def give(part: AudioClip | None) -> None:
                if part is None:
                    self._offer(what, True)  # another version: nobody waits for this one any more
                else:
                    self._give_sound(what, version, part.start, part.data)

            self.audio_playback.take_heard(give)

    def _give_sound(self, what: str, version: int, start: float, data: bytes) -> None:
        self.send_file(TakenFile(self.name, data), "play", what=what, of=version, start=start)

    def _offer(self, what: str, there: bool) -> None:
        """Offer a new version of a sound, or none."""
        others = {name: version for name, version in self.versions.items() if name != what}
        self.versions = others | {what: next(self._version)} if there else others

    def _draw(self) -> None:
        preprocessed, example = self.session.preprocessed, self.session.example
        if preprocessed is None or preprocessed.sound is None or example is None:
            self.shown, self.envelope, self.spectrogram, self.notes, self.heard = False, b"", b"", [], []
            self._offer("part", False)
            return
        self._draw_whole(example, preprocessed.sound)
        self._draw_heard(preprocessed, preprocessed.sound)
        self.notes = list(preprocessed.notes)
        self.shown = True

    def _draw_whole(self, example: Example, sound: Heard) -> None:
        self.name, self.seconds = example.name, sound.seconds
        self.caption = _("{name}, {seconds} s, {rate} kHz, {channels}").format(
            name=example.name, seconds=f"{sound.seconds:.1f}", rate=f"{sound.rate / 1000:g}", channels=_channels(sound.channels)
        )
        self.envelope = np.ascontiguousarray(sound.envelope, np.float32).tobytes()
        self.times = levels(Axis("time", len(sound.envelope), "s", 0.0, sound.seconds))
        if isinstance(example.data, bytes | FileOnDisk) and example.data != self._data:
            self._data = example.data
            self._offer("whole", isinstance(example.data, bytes))

    def _draw_heard(self, preprocessed: PreprocessedInput, sound: Heard) -> None:
        frequency, time = (next(axis for axis in preprocessed.axes if axis.name == name) for name in ("frequency", "time"))
        self.heard = [sound.start, sound.stop]
        self.heard_text = _("the network hears {start} to {stop}").format(start=clock(sound.start), stop=clock(sound.stop))
        self.spectrogram, self.across = feature_maps.spectrogram(sound.spectrogram), [time.start, time.stop]
        self.heard_times, self.pitches = levels(time), levels(frequency)
        self.gradient = [f"rgb{colour}" for colour in feature_maps.colours(6)]
        low, high = feature_maps.finite_range(sound.spectrogram)
        self.ends = [f"{low:.0f}", _("{number} dB").format(number=f"{high:.0f}")]
        self.spectrogram_text = _(
            "Mel spectrogram of {name}, {start} to {stop}, {lowest} to {highest} Hz in {bands} bands, {low} to {high} dB"
        ).format(
            name=self.name,
            start=clock(sound.start),
            stop=clock(sound.stop),
            lowest=f"{frequency.start:.0f}",
            highest=f"{frequency.stop:.0f}",
            bands=frequency.size,
            low=f"{low:.0f}",
            high=f"{high:.0f}",
        )
        self._offer("part", True)

    def _mark(self) -> None:
        preprocessed, region, span = self.session.preprocessed, self.session.region, time_of(self.session)
        self.mark = (
            _mark(preprocessed, region) if preprocessed is not None and preprocessed.sound is not None and region is not None else {}
        )
        self.bracket = [span.start, span.stop] if span is not None else []

    def _settle(self) -> None:
        self.example_revision = self.session.example_revision

    def _offer_stretch(self) -> None:
        clip = self.audio_playback.clip
        self.clip = [] if clip is None else [clip.start, clip.stop]
        self._offer("clip", clip is not None)
        if clip is not None and self.audio_playback.chosen:
            self.plays += 1


def _channels(number: int) -> str:
    return {1: _("mono"), 2: _("stereo")}.get(number) or counted("{number} channel", "{number} channels", number)


def _mark(preprocessed: PreprocessedInput, region: Region) -> dict[str, float]:
    """Return the region as parts of the spectrogram; along an axis that it is not bounded on it is all of it."""
    mark = {"left": 0.0, "top": 0.0, "width": 1.0, "height": 1.0}
    sides = {"time": ("left", "width"), "frequency": ("top", "height")}
    for span in region.spans:
        if span.axis not in sides:
            continue
        axis = next(axis for axis in preprocessed.axes if axis.name == span.axis)
        start, stop = (min(1.0, max(0.0, axis.part(value))) for value in (span.start, span.stop))
        near, size = sides[span.axis]
        mark[near], mark[size] = 1 - stop if axis.upward else start, stop - start
    return mark
