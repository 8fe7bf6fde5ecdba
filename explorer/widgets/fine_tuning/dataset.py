"""The data to train on: drop, browse, photograph or record examples class by class, or take a folder, a file or a built-in set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import traitlets

from explorer.catalog import DATA_SETS
from explorer.dataset_layout.dropped_files import Drop, sorted_drop
from explorer.errors import ExplorerError, UnreadableExample
from explorer.locale import _, counted
from explorer.rendering.example_counts import amount, amount_of, total
from explorer.state.dataset_builder import DatasetBuilder
from explorer.state.fine_tuning import FineTuningState
from explorer.state.session import Session
from explorer.values import DataClass, ExampleCard
from explorer.values.runs import is_kept_with_run
from explorer.widgets.base.view import View

SIDES = (96, 640)  # pixels of a picture that is taken here, at least and at most


class DatasetView(View):
    """Takes in what is to be trained on, and shows it by class.

    tuning, collecting: the state of fine-tuning and of its data; without them the view makes its own.
    """

    scripts = (
        *("base/wav_encoder.js", "fine_tuning/dropped_files.js", "fine_tuning/camera.js", "fine_tuning/capture_panel.js"),
        *("fine_tuning/upload_queue.js", "fine_tuning/class_cards.js", "fine_tuning/class_list.js", "base/columns.js"),
    )

    kind = traitlets.Unicode("image", help='What the network reads: "image", "audio" or "arrays".').tag(sync=True)
    side = traitlets.Int(224, help="Pixels a side of a picture that is taken here.").tag(sync=True)
    window = traitlets.Float(0.0, help="Seconds of sound that the network hears at once; 0 for a network that hears none.").tag(sync=True)
    total = traitlets.Unicode(help="How many examples there are, and how many of them are held out.").tag(sync=True)
    classes: traitlets.List[dict[str, Any]] = traitlets.List(
        help="One dict a class: name, training and validation (how many examples), the same as text, picture (PNG)."
    ).tag(sync=True)
    notes = traitlets.List(traitlets.Unicode(), help="What there is to know of the data.").tag(sync=True)
    copies_text = traitlets.Unicode(help="What a button says that removes copies; empty where there are none.").tag(sync=True)
    removed = traitlets.Unicode(help="What was removed last, in a sentence; empty where nothing can be brought back.").tag(sync=True)
    label = traitlets.Unicode(help="The class whose examples are shown; empty for none.").tag(sync=True)
    cards: traitlets.List[dict[str, Any]] = traitlets.List(
        help="One dict an example of it: key (to remove it by, or empty), name, the same and its side of the split as text, picture (PNG)."
    ).tag(sync=True)
    of_label = traitlets.Int(0, help="How many examples that class has.").tag(sync=True)
    left_text = traitlets.Unicode(help="How many files were left out.").tag(sync=True)
    left_out: traitlets.List[list[str]] = traitlets.List(help="Lists of a file that was left out, and why.").tag(sync=True)
    built_in: traitlets.List[list[str]] = traitlets.List(help="Lists of a built-in set that fits, and what is in it.").tag(sync=True)
    source = traitlets.Unicode(help='A path, or the name of a built-in set; "" for what is collected here.').tag(sync=True)
    source_text = traitlets.Unicode(help="The same for people.").tag(sync=True)
    count = traitlets.Int(0, help="How many examples a built-in set has; 0 for its own number.").tag(sync=True)
    columns = traitlets.List(traitlets.Unicode(), help="Columns of a .csv that may hold the classes: one is to be chosen.").tag(sync=True)
    collected = traitlets.Bool(False, help="Whether anything was collected here.").tag(sync=True)
    share = traitlets.Float(0.2, help="The share that is held out.").tag(sync=True)
    seed = traitlets.Int(0, help="Decides which examples are held out.").tag(sync=True)
    waiting = traitlets.Int(0, help="How many files have come, but are not read yet.").tag(sync=True)
    reading = traitlets.Bool(False, help="Whether the data is being read.").tag(sync=True)

    def __init__(
        self, session: Session | None = None, fine_tuning: FineTuningState | None = None, dataset_builder: DatasetBuilder | None = None
    ) -> None:
        super().__init__(session)
        self._own = [one for one, given in (("fine_tuning", fine_tuning), ("dataset_builder", dataset_builder)) if given is None]
        self._lost: list[list[str]] = []  # files that did not get out of the browser
        self.fine_tuning = fine_tuning or FineTuningState(self.session)
        self.fine_tuning.shown = self.fine_tuning.shown or fine_tuning is None
        self.dataset_builder = dataset_builder or DatasetBuilder(self.session, self.fine_tuning)
        self.follow("network", by=self._fit)
        self.follow("summary", by=self._draw, of=self.dataset_builder)
        self.follow("label", "cards", "of_label", by=self._draw_cards, of=self.dataset_builder)
        chosen = ("source", "columns", "count", "collected", "validation", "seed")
        self.follow(*chosen, "waiting", "reading", by=self._draw_choice, of=self.dataset_builder)

    def translated(self) -> dict[str, Any]:
        """Return the words of this view."""
        return {
            "title": _("Data"),
            "drop": {
                "image": _("Drop a folder, a zip or pictures, or {button} with the camera"),
                "audio": _("Drop a folder, a zip or sounds, or {button} with the microphone"),
                "arrays": _("Drop a folder, a zip or .npy files"),
            },
            "capture": {"image": _("take them"), "audio": _("record them"), "arrays": ""},
            "files": _("Files…"),
            "folder": _("Folder…"),
            "classes": _("Classes"),
            "add": _("Add a class"),
            "add_short": _("Add"),
            "name": _("Name of the class"),
            "which_class": _("Which class are these {number} files of?"),
            "which_class_one": _("Which class is {name} of?"),
            "new_class": _("a new class…"),
            "look": {"image": _("Pictures"), "audio": _("Sounds"), "arrays": _("Examples")},
            "cards_of": _("Examples of {name}"),
            "remove_card": _("Remove {name}"),
            "more_cards": _("Show more"),
            "undo": _("Undo"),
            "new_name": _("New name of {name}"),
            "join": _("There is already a class {name}. Merge the two?"),
            "ok": _("OK"),
            "cancel": _("Cancel"),
            "add_files": _("Add files…"),
            "rename": _("Rename"),
            "remove": _("Remove"),
            "remove_one": _("Remove {name} and all its examples?"),
            "remove_all": _("Remove all classes and their examples?"),
            "clear": _("Remove all"),
            "built_in": _("Built-in data"),
            "examples": _("Examples"),
            "own_number": _("default"),
            "back": _("Back to the collected data"),
            "more": _("More"),
            "path": _("On the machine where explorer runs"),
            "path_hint": _("folder, .zip, .npz or .csv"),
            "open": _("Open"),
            "share": _("Validation share"),
            "percent": _("{number} %"),
            "seed": _("Seed"),
            "seed_about": _("another seed picks other validation examples"),
            "training": _("training"),
            "held_out": _("validation"),
            "which": _("Which?"),
            "column": _("Which column holds the classes?"),
            "sending": _("{done} of {total}"),
            "decoding": _("Decoding {name}"),
            "reading": _("Reading the data…"),
            "stop": _("Stop"),
            "close": _("Close"),
            "camera": _("Camera"),
            "hold": _("Hold to take pictures of {name}"),
            "hold_keys": _("or hold the space bar; Escape closes the camera"),
            "taken": _("{number} taken"),
            "picture_name": _("camera {number}.jpg"),
            "microphone": _("Microphone"),
            "record": _("Record {name}"),
            "recording": _("Stop, {time}"),
            "windows": _("A recording is cut into parts of {seconds} s, which are all used for training, or all for validation."),
            "part_name": _("recording {number}, part {part}.wav"),
            "no_sound": _("The recording holds no sound; check the microphone and record again."),
            "undecodable": _("{name} can't be decoded by this browser; save it as WAV, FLAC, Ogg or MP3."),
            "too_large": _("{name} is larger than 200 MB; put it into a folder, and give its path."),
            "models": [".keras", ".h5", ".hdf5"],
            "a_model": _("{name} is a model, and no example of a class; open it under Input, or by its path."),
            "arrays": _("{name} is a file of arrays, and no example of a class; to train on an .npz of x and y, give its path."),
            "gone": _("{name} can't be read by the browser: it may have been moved or deleted."),
            "no_file": _("What was dropped is not a file: save it first."),
            "empty": _("What was dropped holds no files."),
            "insecure": {
                "image": _("Browsers allow the camera only on pages from localhost or over https."),
                "audio": _("Browsers allow the microphone only on pages from localhost or over https."),
            },
            "not_allowed": {
                "image": _("The browser blocks the camera on this page: allow it, or drop pictures."),
                "audio": _("The browser blocks the microphone on this page: allow it, or drop sounds."),
            },
            "none": {
                "image": _("No camera was found: connect one, or drop pictures."),
                "audio": _("No microphone was found: connect one, or drop sounds."),
            },
            "fails": {
                "image": _("The camera can't be used: another program may be using it."),
                "audio": _("The microphone can't be used: another program may be using it."),
            },
        }

    def received(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        """Take in a part of a file, or a wish."""
        if "upload" in message:
            self._take_in(message, buffers)
        elif "choose" in message:
            self.dataset_builder.choose(str(message["choose"]), max(0, int(message.get("count", 0))), str(message.get("column", "")))
        elif "sort" in message:
            self._sort(message)
        elif "share" in message:
            self.dataset_builder.validation = float(message["share"])
            self._draw_choice()
        elif "seed" in message:
            self.dataset_builder.seed = int(message["seed"])
            self._draw_choice()
        elif "refuse" in message:
            self.dataset_builder.report_error(UnreadableExample(str(message["refuse"])))
        elif "look" in message:
            self.dataset_builder.look_at(str(message["look"]))
        elif "further" in message:
            self.dataset_builder.show_more()
        elif "lost" in message:
            self._lost.append([str(message["lost"]), str(message["why"])])
            self._draw()
        else:
            self._change(message)

    def close(self) -> None:
        """Let go of the session and remove the widget from the page."""
        for name in self._own:
            getattr(self, name).close()
        super().close()

    def _sort(self, message: dict[str, Any]) -> None:
        """Say of which class each of the files is that were dropped: [class, name, group], null for one that is left aside."""
        try:
            found = sorted_drop([tuple(map(str, path)) for path in message["paths"]])
        except ExplorerError as error:
            self.dataset_builder.report_error(error)
            found = Drop((None,) * len(message["paths"]))
        self.send({"sort": message["sort"], "files": found.files})
        self._lost += map(list, found.left_out)
        for note in found.notes:
            self.dataset_builder.add_note(note)

    def _take_in(self, message: dict[str, Any], buffers: list[memoryview]) -> None:
        whole, name = self.receive_chunk(message, buffers), str(message["name"])
        if whole is not None and message.get("zip"):
            self.dataset_builder.add_zip(whole, name)
        elif whole is not None:
            self.dataset_builder.add_file(str(message["label"]), whole, name, str(message.get("group", "")))

    def _change(self, message: dict[str, Any]) -> None:
        """Change classes; "begin" says that files will come, and "stop" that those under way won't."""
        if "stop" in message:
            self.forget_upload()
            return
        self.dataset_builder.clear_error()
        if "add" in message:
            self.dataset_builder.add_class(str(message["add"]))
        elif "rename" in message:
            self.dataset_builder.rename(str(message["rename"]), str(message["to"]))
        elif "remove" in message:
            self.dataset_builder.remove(str(message["remove"]))
        elif "example" in message:
            self.dataset_builder.remove_example(str(message["of"]), str(message["example"]))
        elif "copies" in message:
            self.dataset_builder.remove_copies()
        elif "undo" in message:
            self.dataset_builder.undo()
        elif "clear" in message:
            self._lost = []
            self.dataset_builder.clear()

    def _fit(self) -> None:
        """Take what the network reads."""
        if (network := self.session.network) is None:
            return
        self.kind = network.input_spec.kind
        self.window = network.input_spec.sound.seconds if network.input_spec.sound else 0.0
        self.side = min(max(SIDES[0], *network.input_spec.size[:2]), SIDES[1]) if self.kind == "image" else SIDES[0]
        self.built_in = [
            [name, _("{name}: {examples}").format(name=name, examples=amount(one.kind, one.count))]
            for name, one in DATA_SETS.items()
            if one.kind == self.kind
        ]

    def _draw(self) -> None:
        found = self.dataset_builder.summary
        self.left_out = [*map(list, found.left_out if found else ()), *self._lost]
        number = len(self.left_out)
        left = counted("{number} file could not be used and was left out.", "{number} files could not be used and were left out.", number)
        self.left_text = left if number else ""
        self.notes = list(found.notes) if found else []
        copies = found.copies if found and len(found.classes) > 1 else 0
        self.copies_text = counted("Remove the copy", "Remove the {number} copies", copies) if copies else ""
        self.removed = found.removed if found else ""
        self.total = total(found) if found and found.classes else ""
        self.classes = [_row(found.kind, one) for one in found.classes] if found else []

    def _draw_cards(self) -> None:
        state = self.dataset_builder
        self.label, self.of_label, self.cards = state.label, state.of_label, [_card(one) for one in state.cards]

    def _draw_choice(self) -> None:
        state = self.dataset_builder
        self.source, self.count, self.collected = state.source, state.count, state.collected
        self.source_text, self.columns = _called(state.source), list(state.columns)
        self.share, self.seed = state.validation, state.seed
        self.waiting, self.reading = state.waiting, state.reading


def _called(source: str) -> str:
    """Return what a path, or the name of a built-in set, is called on the page."""
    path = Path(source)
    return _("examples of an earlier run") if is_kept_with_run(path) else path.name


def _card(one: ExampleCard) -> dict[str, Any]:
    text = _("{name}, validation").format(name=one.name) if one.validation else one.name
    return {"key": one.key, "name": one.name, "text": text, "picture": one.picture}


def _row(kind: str, one: DataClass) -> dict[str, Any]:
    return {
        "name": one.name,
        "training": one.training,
        "validation": one.validation,
        "text": amount_of(kind, one.training, one.validation),
        "picture": one.thumbnail,
    }
