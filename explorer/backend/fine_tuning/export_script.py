"""A training as a plain Keras script and as a notebook: what is done in which order, and what is said of it."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from explorer.backend.fine_tuning import export_script_data as lines
from explorer.backend.fine_tuning import export_script_phases as phases
from explorer.backend.fine_tuning.callback_registry import FILES
from explorer.backend.fine_tuning.export_script_data import Lines, Subject
from explorer.backend.fine_tuning.mistakes import TOO_HIGH
from explorer.locale import _
from explorer.recipe.freeze_plan import BATCH_NORM
from explorer.values import MelSpectrogram, Phase


@dataclass(frozen=True)
class Section:
    """One step: a sentence or two that say what it does, and its code."""

    text: str
    code: Lines


def as_script(subject: Subject) -> str:
    """Return the text of the script; it is run in the folder that holds the data."""
    paragraphs = [f"{_title(subject)}.", _("It trains on the data beside it and writes model.keras."), *_differences(subject)]
    first, *others = (part.replace("\\", "/").replace('"""', "'''") for part in paragraphs)
    said = "\n\n".join([first, *(textwrap.fill(part, lines.WIDTH) for part in others)])
    parts = [f'"""{said}\n"""', *(_with_comment(section) for section in _sections(subject))]
    return re.sub(r"\n{4,}", "\n\n\n", "\n\n".join(parts)) + "\n"


def as_notebook(subject: Subject) -> str:
    """Return the same as a Jupyter notebook, as JSON."""
    import nbformat  # only here, as it takes a while

    cells = [nbformat.v4.new_markdown_cell("\n\n".join([f"# {_title(subject)}", *_differences(subject)]))]
    for section in _sections(subject):
        if section.text:
            cells.append(nbformat.v4.new_markdown_cell(section.text))
        cells.append(nbformat.v4.new_code_cell("\n".join(section.code)))
    for place, cell in enumerate(cells):
        cell["id"] = f"cell-{place}"  # the same each time
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return str(nbformat.writes(nbformat.v4.new_notebook(cells=cells, metadata=kernel)))


def _with_comment(section: Section) -> str:
    comment = textwrap.wrap(section.text, lines.WIDTH - 2)
    gap = [""] if section.code[0].startswith("def ") else []  # two empty lines before a function
    return "\n".join([*gap, *(f"# {line}" for line in comment), *section.code, *(gap if "def " in section.code[0] else [])])


def _title(subject: Subject) -> str:
    name = " ".join(subject.name.split())
    return _("Fine-tune {name} on {count} classes, in plain Keras").format(name=name, count=len(subject.classes))


def _differences(subject: Subject) -> list[str]:
    """Return what this does otherwise than explorer did, in sentences."""
    recipe, said = subject.recipe, []
    if recipe.augmentation and recipe.augmentation.copies:
        said.append(
            _(
                "In explorer, {count} changed copies of each picture were computed once and taken in turn. Here each epoch draws new "
                "changes, and the whole network runs each time: it takes longer, and the numbers differ."
            ).format(count=recipe.augmentation.copies)
        )
    if recipe.precision == "float16":
        said.append(
            _("In explorer, what the frozen layers answer was kept in half precision, which moves the loss by 0.01; here it is not.")
        )
    return said


def _sections(subject: Subject) -> list[Section]:
    return [
        Section("", _imports(subject)),
        *_data(subject),
        _base(subject),
        Section(_("A new head for the classes, flat on the features. The seed decides its first weights."), lines.head(subject)),
        *([Section(_why_xla(), phases.asking_for_xla())] if subject.convolves_first else []),
        *(_phase(subject, place, phase) for place, phase in subject.phases.items()),
        _end(subject),
        Section(_("For explorer, the file says what its classes are called and how pictures are prepared."), lines.card(subject)),
    ]


def _why_xla() -> str:
    return _(
        "With the channels first, TensorFlow convolves on a CPU by oneDNN only, which it uses by itself where the processor has AVX-512. "
        "Elsewhere XLA does it, and the first step of each phase takes some seconds to compile."
    )


def _imports(subject: Subject) -> Lines:
    own = ["import csv"] if subject.as_files and subject.recipe.head.multi_label else []
    own += ["import json", "import zipfile", *(["from pathlib import Path"] if subject.as_files else [])]
    settings = ['keras.config.set_image_data_format("channels_first")'] if subject.channels_first else []
    folders = lines.listed("FOLDERS", subject.folders) if subject.folders != subject.classes and subject.folders else []
    return [
        *own,
        "",
        "import keras",
        "import numpy as np",
        "import tensorflow as tf",
        "",
        *([*settings, ""] if settings else []),
        *lines.listed("CLASSES", subject.classes),
        *([*folders[:-1], folders[-1] + "  # " + _("of the classes, named as files may be")] if folders else []),
    ]


def _data(subject: Subject) -> list[Section]:
    loading = Section(_arrays_were_made(subject), lines.loading(subject))
    order = _("The examples to train on come in another order in each epoch, by the seed; fit does not shuffle them again.")
    order += " " + _("They are changed at random.") if subject.recipe.augmentation else ""
    feeding = Section(order, lines.feeding(subject))
    if not subject.as_files:
        return [loading, feeding]
    height, width, _channels = subject.input_spec.size
    read = _("Pictures, resized to {width} x {height} pixels as Keras does.").format(width=width, height=height)
    scaled = {
        "none": _("Pixels go in as 0 to 255."),
        "unit": _("Pixels, 0 to 255, are brought to 0 to 1."),
    }.get(subject.input_spec.preprocess_mode, _("Pixels, 0 to 255, are prepared as for the pictures that the network was trained on."))
    return [
        Section(read, lines.reading_pictures(subject)),
        Section("", lines.loading(subject)),
        Section(scaled, lines.preparing(subject)),
        feeding,
    ]


def _arrays_were_made(subject: Subject) -> str:
    input_spec = subject.input_spec
    if input_spec.sound:
        return _of_sound(input_spec.sound)
    if input_spec.preprocess_mode == "digit":
        return _("Pictures as the network reads them: light ink on black, cut to the ink, as coarse as 8 x 8 cells, 0 to 1.")
    if input_spec.preprocess_mode == "custom":
        return _("Pictures as the function that was given to explorer as preprocess prepares them; new ones must go through it too.")
    return _("Pictures as the network reads them.") if input_spec.kind == "image" else _("Arrays as the network reads them.")


def _of_sound(sound: MelSpectrogram) -> str:
    power = f"**{sound.exponent}" if sound.exponent != 1 else ""
    how = (
        f"librosa.power_to_db(librosa.feature.melspectrogram(y=samples, sr={sound.rate}, n_fft={sound.fft}, "
        f"hop_length={sound.hop}, n_mels={sound.bands}){power}, ref=1.0, top_db={sound.reach:g})"
    )
    return _("Mel spectrograms, in decibels, of {seconds} s of sound each: {how}").format(seconds=f"{sound.seconds:g}", how=how)


def _base(subject: Subject) -> Section:
    said, code = [_("The network up to its features.")], [f"base = {subject.base}"]
    if subject.base.startswith("keras.applications"):
        said = [_("The network without its top, with the weights that it learnt on ImageNet.")]
    if subject.own_layers:
        said.append(_("It has layers of your own: import them and give them to load_model as custom_objects."))
    if subject.drops:
        said.append(_("The seed decides what it drops at random while it trains."))
        code.insert(0, f"keras.utils.set_random_seed({subject.recipe.seed})")
    return Section(" ".join(said), code)


def _phase(subject: Subject, place: int, phase: Phase) -> Section:
    first = place == min(subject.phases)
    compiles = first or "recompile" not in subject.recipe.mistakes
    code = [
        *phases.freezing(subject, phase.trains),
        f"keras.utils.set_random_seed({subject.recipe.seed + 1 + place})",
        f"train = batches(x_train, y_train, {phase.batch_size}, training=True)",
        *(phases.compiling(subject, phase) if compiles else []),
        *phases.fitting(subject, place, phase, FILES),
    ]
    return Section(" ".join([_what_trains(subject, phase), *_mistakes(subject, phase, first)]), code)


def _what_trains(subject: Subject, phase: Phase) -> str:
    if phase.trains == "head":
        return _("Only the head trains: the backbone is frozen.")
    said = _("The head and the tail of the backbone train, in small steps; {count} of its {layers} layers stay frozen.").format(
        count=subject.plan.layers - subject.plan.trained, layers=subject.plan.layers
    )
    norms = any(row.class_name == BATCH_NORM for row in subject.table.rows)
    if norms and "batch_norm" not in subject.recipe.mistakes and subject.recipe.batch_norm == "inference":
        said += " " + _("Batch norms are among them: frozen ones go on with the means and variances that they know.")
    return said


def _mistakes(subject: Subject, phase: Phase, first: bool) -> list[str]:
    """Return what is done wrong on purpose in a phase."""
    if phase.trains == "head":
        return []
    sentences = {
        "recompile": "" if first else _("A mistake on purpose: without compile() Keras goes on with the step it has, and thaws nothing."),
        "batch_norm": _("A mistake on purpose: all batch norms train, those before the freeze line too."),
        "rate": _("A mistake on purpose: the learning rate is {factor} times too high.").format(factor=TOO_HIGH),
        "thaw": _("A mistake on purpose: the head has not learnt anything before."),
    }
    return [sentences[mistake] for mistake in subject.recipe.mistakes if sentences[mistake]]


def _end(subject: Subject) -> Section:
    done, code = [*subject.phases.values()], []
    if "recompile" in subject.recipe.mistakes and done[0].trains != done[-1].trains:
        code += [
            "# " + _("Keras opens the file only if what is frozen is what was when it compiled."),
            *phases.freezing(subject, done[0].trains),
        ]
    code += ['print("These layers train:", *(layer.name for layer in model.layers if layer.trainable_weights))']
    if subject.held_out:
        said = lines.literal(_("Accuracy on the validation examples:"))
        code += [
            f"loss, accuracy = model.evaluate(batches(x_validation, y_validation, {done[-1].batch_size}))",
            f'print({said}, f"{{accuracy:.1%}}")',
        ]
    return Section(_("What came of it."), [*code, 'model.save("model.keras")'])
