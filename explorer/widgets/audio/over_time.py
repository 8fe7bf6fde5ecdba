"""Over time: the answers along the whole sound as a heat map of tags by seconds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import traitlets

from explorer.locale import _
from explorer.rendering import feature_maps
from explorer.rendering.feature_maps import short
from explorer.state.over_time import OverTime
from explorer.state.session import Session
from explorer.values import Axis, ScoresOverTime
from explorer.widgets.base.view import View, levels


class OverTimeView(View):
    """Draws the scores of the tags that are highest anywhere in the sound, one column a window; click one to let the network hear it."""

    picture = traitlets.Bytes(help="The scores as PNG: a row a tag, the highest first, a column a window.").tag(sync=True)
    tags = traitlets.List(traitlets.Unicode(), help="The tags of its rows.").tag(sync=True)
    scores = traitlets.Bytes(help="The scores as they are said, most in percent, float32 (tags, windows).").tag(sync=True)
    form = traitlets.Unicode("{number}", help="How one score is said.").tag(sync=True)
    starts = traitlets.List(traitlets.Float(), help="Seconds at which the windows begin.").tag(sync=True)
    window = traitlets.Float(0.0, help="Seconds of one window.").tag(sync=True)
    hop = traitlets.Float(0.0, help="Seconds from one window to the next, which its column is wide.").tag(sync=True)
    total = traitlets.Int(0, help="How many windows there will be.").tag(sync=True)
    growing = traitlets.Bool(False, help="Whether more of them are on their way.").tag(sync=True)
    about = traitlets.Unicode(help="Window, hop, and how many windows are there.").tag(sync=True)
    seconds = traitlets.Float(0.0, help="How long the sound is, or one window if that is longer; 0 for no sound.").tag(sync=True)
    times: traitlets.List[list[Any]] = traitlets.List(help="Ticks along it, few to many: [how far along, text].").tag(sync=True)
    heard = traitlets.List(traitlets.Float(), help="Start and stop of the part that is heard, in seconds; empty for none.").tag(sync=True)
    gradient = traitlets.List(traitlets.Unicode(), help="The colour scale, low to high.").tag(sync=True)
    ends = traitlets.List(traitlets.Unicode(), help="What the ends of the colour scale stand for.").tag(sync=True)
    top = traitlets.Int(10, help="How many tags at most.").tag(sync=True)
    classes = traitlets.Int(0, help="How many the network knows.").tag(sync=True)

    def __init__(self, session: Session | None = None) -> None:
        super().__init__(session)
        self.over_time = OverTime(self.session)
        self.follow("preprocessed", by=self._draw_heard)
        self.follow("scores", "growing", by=self._draw, of=self.over_time)
        self.observe(self._choose, "top")

    def translated(self) -> dict[str, str]:
        """Return the words of this view."""
        return {
            "title": _("Over time"),
            "top": _("top"),
            "top_label": _("How many tags"),
            "none": _("Pick a network of sound to see its answers over time."),
            "map": _("Scores over time"),
            "keys": _("Arrow keys: another tag or another time. Enter: let the network hear from there."),
            "cell": _("{tag}, {start} to {stop}: {score}"),
            "hint": _("Click a column to let the network hear from there."),
            "progress": _("Windows answered"),
        }

    def received(self, message: dict[str, Any], _buffers: list[memoryview]) -> None:
        """Let the network hear the window whose start, in seconds, was chosen."""
        if "hear" in message and self.seconds and math.isfinite(message["hear"]):
            self.session.hear_from(min(max(0.0, float(message["hear"])), self.seconds))

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        self.over_time.close()
        super().close()

    def _choose(self, change: dict[str, Any]) -> None:
        if change["new"] < 1:
            self.top = 1
        with self.hold_sync():
            self._draw()

    def _draw_heard(self) -> None:
        sound = self.session.preprocessed.sound if self.session.preprocessed else None
        self.seconds = max(sound.seconds, sound.stop) if sound else 0.0
        self.heard = [sound.start, sound.stop] if sound else []
        self.times = levels(Axis("time", 1, "s", 0.0, self.seconds)) if sound else []

    def _draw(self) -> None:
        scores, self.growing = self.over_time.scores, self.over_time.growing
        if scores is None or not scores.scores.size:
            self.picture, self.scores, self.tags, self.starts = b"", b"", [], []
            self.about, self.ends, self.total, self.classes = "", [], 0, 0
            return
        rows = highest(scores.scores, self.top)
        drawn = scores.scores[:, rows].T
        high = max(0.0, feature_maps.finite_range(drawn)[1])
        percent = scores.scale != "values"
        self.form = _("{number} %") if percent else "{number}"
        self.picture = feature_maps.one_map(drawn, 0.0, high)
        self.scores = np.ascontiguousarray(drawn * (100 if percent else 1), np.float32).tobytes()
        self.tags = [scores.labels[row].replace("_", " ") for row in rows]
        self.starts, self.window, self.hop = scores.starts.tolist(), scores.window, scores.hop
        self.total, self.classes, self.about = scores.total, scores.scores.shape[1], _about(scores)
        self.gradient = [f"rgb{colour}" for colour in feature_maps.colours(6)]
        self.ends = ["0", self.form.format(number=f"{high * 100:.1f}" if percent else short(high))]


def highest(scores: np.ndarray[Any, Any], most: int) -> list[int]:
    """Return the classes, at most `most`, that are highest anywhere, in descending order; scores (n, classes)."""
    peaks = np.where(np.isfinite(scores), scores, -np.inf).max(axis=0)
    best: list[int] = np.argsort(-peaks, kind="stable")[:most].tolist()
    return best


def _about(scores: ScoresOverTime) -> str:
    windows = _("window {window} s, every {hop} s; {there} of {total} windows").format(
        window=f"{scores.window:.1f}", hop=f"{scores.hop:.1f}", there=len(scores.starts), total=scores.total
    )
    lost = sum(stop - start for start, stop in scores.gaps)
    return f"{windows}; " + _("damaged: {seconds} s heard as silence").format(seconds=f"{lost:.2f}") if lost else windows
