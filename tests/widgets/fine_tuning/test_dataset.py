import pytest
from fake_data import DataBackend, counts
from fakes import network_of_arrays, network_of_sound
from messages import says, sent, upload

from explorer.state.dataset_builder import DatasetBuilder
from explorer.widgets.fine_tuning.dataset import DatasetView


@pytest.fixture
def backend():
    return DataBackend(networks={"timbres": network_of_sound})


@pytest.fixture
def view(session):
    return DatasetView(session)


def put(view, name, label="", data=b"x", **more):
    upload(view, data, name, name, label=label, **more)


def test_it_says_what_there_is_by_class(view):
    says(view, {"add": "elks"})
    assert (view.total, view.notes) == ("0 pictures", ["Add a second class to train."])
    for number in range(5):
        put(view, f"{number}.png", "cats")
        put(view, f"{number}.png", "dogs")
    assert view.total == "10 pictures, 2 for validation"
    assert [(one["name"], one["training"], one["validation"], one["text"]) for one in view.classes] == [
        ("cats", 4, 1, "5 pictures, 1 for validation"),
        ("dogs", 4, 1, "5 pictures, 1 for validation"),
        ("elks", 0, 0, "0 pictures"),
    ]
    assert [bool(one["picture"]) for one in view.classes] == [True, True, False]
    assert counts(view.fine_tuning.data) == {"cats": 5, "dogs": 5}
    assert (view.waiting, view.reading) == (0, False)


def test_each_file_is_acknowledged_and_goes_to_its_class_and_group(view, backend):
    messages = sent(view)
    put(view, "a.wav", "cats", group="recording 1")
    assert {"upload": "a.wav", "part": 0} in messages
    assert (backend.best_epoch, backend.groups) == ({"cats": 1}, ["recording 1"])
    put(view, "flowers.zip", zip=True)
    assert counts(view.dataset_builder.summary) == {"cats": 1, "roses": 2, "tulips": 2}


def test_files_that_are_left_out_are_counted_and_named(view):
    put(view, "a.png", "cats")
    put(view, "notes.pdf", "cats", b"bad")
    assert view.left_text == "1 file could not be used and was left out."
    says(view, {"lost": "film.png", "why": "film.png is larger than 200 MB."})
    assert view.left_text == "2 files could not be used and were left out."
    assert view.left_out == [["notes.pdf", "notes.pdf is not a picture."], ["film.png", "film.png is larger than 200 MB."]]
    says(view, {"clear": True})
    assert (view.left_out, view.left_text, view.classes, view.total) == ([], "", [], "")


def test_classes_are_renamed_and_removed(view, backend):
    put(view, "a.png", "cats")
    says(view, {"rename": "cats", "to": "lions"})
    assert backend.best_epoch == {"lions": 1}
    says(view, {"remove": "lions"})
    assert view.classes == []


def test_a_new_wish_takes_away_what_went_wrong_before(view, session):
    put(view, "flowers.zip", data=b"bad", zip=True)
    assert session.error_message == "flowers.zip is damaged."
    says(view, {"begin": True})
    assert session.error_message == ""
    says(view, {"refuse": "What was dropped is no file."})
    assert session.error_message == "What was dropped is no file."


def test_stop_forgets_the_file_under_way(view, backend):
    says(view, {"upload": "u", "part": 0, "count": 2, "size": 2, "name": "a.png", "label": "cats"}, b"x")
    says(view, {"stop": True})
    messages = sent(view)
    says(view, {"upload": "u", "part": 1, "count": 2, "size": 2, "name": "a.png", "label": "cats"}, b"x")
    assert messages == [{"upload": "u", "part": 1, "error": "overtaken"}]
    assert backend.best_epoch == {}


def test_built_in_sets_that_fit_are_offered_and_chosen(view, session):
    assert view.built_in == [["digits", "digits: 1,797 pictures"], ["patterns", "patterns: 400 pictures"]]
    says(view, {"choose": "patterns", "count": 100})
    assert (view.source, view.source_text, view.count, view.total) == ("patterns", "patterns", 100, "100 pictures, 20 for validation")
    session.open("timbres")
    assert view.built_in == [["timbres", "timbres: 240 sounds"]]
    assert view.classes == []
    says(view, {"choose": "timbres", "count": 0})
    assert view.total == "240 sounds, 48 for validation"


def test_a_path_is_chosen_and_what_was_collected_comes_back(view, session):
    put(view, "a.png", "cats")
    says(view, {"choose": "/data/flowers", "count": 0})
    assert session.error_message == "There is no file or folder /data/flowers."
    assert (view.source_text, view.collected) == ("flowers", True)
    says(view, {"choose": "", "count": 0})
    assert [one["name"] for one in view.classes] == ["cats"]


def test_share_and_seed_follow_what_the_state_makes_of_them(view):
    says(view, {"share": 0.35})
    says(view, {"seed": -4})
    assert (view.share, view.seed) == (0.35, 0)
    assert view.dataset_builder.validation == 0.35
    view.dataset_builder.seed = 9
    assert view.seed == 9


def test_it_knows_what_the_network_reads(view, session, page_of, backend):
    assert (view.kind, view.side, view.window) == ("image", 96, 0.0)
    session.open("timbres")
    assert (view.kind, view.window) == ("audio", 2.0)
    page_of(network_of_arrays)
    assert (view.kind, view.built_in) == ("arrays", [])


def test_views_of_one_state_show_the_same_and_leave_it_alone(session, fine_tuning):
    dataset_builder = DatasetBuilder(session, fine_tuning)
    first, second = DatasetView(session, fine_tuning, dataset_builder), DatasetView(session, fine_tuning, dataset_builder)
    put(first, "a.png", "cats")
    assert second.classes == first.classes
    first.close()
    put(second, "b.png", "cats")
    assert counts(dataset_builder.summary)["cats"] == 2


def test_examples_are_shown_removed_and_brought_back(view, backend):
    for number in range(3):
        put(view, f"{number}.png", "cats")
    says(view, {"look": "cats"})
    assert (view.label, view.of_label, [(one["key"], one["text"]) for one in view.cards]) == (
        "cats",
        3,
        [(f"{one}.png", f"{one}.png") for one in range(3)],
    )
    says(view, {"example": "1.png", "of": "cats"})
    assert (view.of_label, view.removed) == (2, "1.png was removed.")
    says(view, {"further": True})
    says(view, {"undo": True})
    assert (view.of_label, view.removed) == (3, "")
    says(view, {"look": ""})
    assert (view.label, view.cards) == ("", [])
    backend.copies = 1
    says(view, {"add": "dogs"})
    assert view.copies_text == "Remove the copy"
    says(view, {"copies": True})
    assert (view.copies_text, view.removed) == ("", "1 copies were removed.")


def test_files_in_folders_are_sorted_into_classes(view):
    messages = sent(view)
    view.dataset_builder.add_file("roses", b"x", "0.png")
    paths = [["f", "Training", "roses", "1.png"], ["f", "Testing", "Roses", "2.png"], ["f", "Training", "tulips", "a", "3.png"], ["4.png"]]
    says(view, {"sort": 7, "paths": [*paths, ["f", "readme.txt"]]})
    files = [("roses", "1.png", ""), ("roses", "2.png", ""), ("tulips", "3.png", "tulips/a"), ("", "4.png", ""), None]
    assert messages == [{"sort": 7, "files": tuple(files)}]
    assert view.notes[0].startswith("f is already split; here its parts are merged")
    assert view.left_out == [["readme.txt", "readme.txt is not in the folder of a class."]]


def test_a_column_that_is_asked_for_is_chosen(view):
    says(view, {"choose": "pets.csv"})
    assert (view.columns, view.session.error_message, view.fine_tuning.data) == (["breed", "species"], "", None)
    says(view, {"choose": "pets.csv", "count": 0, "column": "species"})
    assert (view.columns, counts(view.fine_tuning.data)) == ([], {"cat": 4, "species": 4})
    spec = view.fine_tuning.data.spec
    says(view, {"choose": "", "count": 0})
    view.dataset_builder.restore(spec)
    assert view.fine_tuning.data.spec == spec
