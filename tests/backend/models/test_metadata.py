import json
import zipfile

import h5py
import pytest

from explorer.backend.models.metadata import CONVENTIONS, LARGEST, ModelCard, as_json, read_card


@pytest.fixture
def carded(tmp_path):
    """Return a function that writes an archive with this text as its card."""

    def write(text):
        with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("explorer.json", text)
        return tmp_path / "model.keras"

    return write


@pytest.mark.parametrize("preprocess_mode", [*CONVENTIONS, None])
def test_a_card_says_how_pixels_are_prepared(preprocess_mode, carded):
    assert read_card(carded(json.dumps({"preprocess": preprocess_mode}))) == ModelCard(preprocess_mode)


def test_a_card_may_say_nothing_or_more_than_is_known(carded):
    assert read_card(carded("{}")) == ModelCard()
    assert read_card(carded('{"name": "Möwen", "labels": ["möwe", "夏"], "colour": "red"}')) == ModelCard(None, ("möwe", "夏"), "Möwen")


def test_a_card_tells_of_the_training_that_a_model_comes_from(carded):
    card = ModelCard("tf", ("cat", "dog"), "pets", run={"recipe": {"freeze": 116, "seed": 0}, "versions": {"keras": "3.15.1"}})
    assert read_card(carded(as_json(card))) == card
    assert "run" not in json.loads(as_json(ModelCard("tf")))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "it is not valid JSON"),
        ("", "it is not valid JSON"),
        ("[" * 100_000, "it is not valid JSON"),
        ("[]", "it is not a JSON object"),
        ('{"preprocess": "pytorch"}', "preprocess is 'pytorch', and may be tf, caffe"),
        ('{"labels": "cat, dog"}', "labels is not a list of names"),
        ('{"labels": ["cat", 1]}', "labels is not a list of names"),
        ('{"name": 3}', "name is not a text"),
        ('{"run": [1]}', "run is not a JSON object"),
        (" " * (LARGEST + 1), "it is not valid JSON"),
    ],
    ids=range(10),
)
def test_a_card_that_is_not_understood_hinders_nobody_and_is_told(text, why, carded):
    card = read_card(carded(text))
    assert card == ModelCard(note=card.note)
    assert card.note.startswith("The labels and the preprocessing in model.keras are not understood: ")
    assert why in card.note


def test_files_without_a_card(tmp_path):
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    with h5py.File(tmp_path / "model.h5", "w") as file:
        file.attrs["model_config"] = "{}"
    (tmp_path / "notes.keras").write_text("PK")
    for name in ("model.keras", "model.h5", "notes.keras", "away.keras", "."):
        assert read_card(tmp_path / name) is None


def test_a_card_in_a_damaged_archive(carded):
    path = carded('{"labels": ["cat"]}')
    content = path.read_bytes()
    path.write_bytes(content.replace(b'["cat"]', b'["dog"]'))  # its checksum no longer fits
    assert "are not understood: it is not valid JSON, or damaged." in read_card(path).note
