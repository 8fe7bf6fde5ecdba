import asyncio

import pytest
from fake_data import DataBackend, HeldDataBackend, counts
from fake_fine_tuning import asked, looked_at
from fakes import network_of_sound, until

from explorer.state.dataset_builder import CARDS, DatasetBuilder
from explorer.state.fine_tuning import FineTuningState


@pytest.fixture
def backend():
    return DataBackend(networks={"timbres": network_of_sound})


@pytest.fixture
def dataset_builder(session, fine_tuning):
    return DatasetBuilder(session, fine_tuning)


def collect(dataset_builder, *labels):
    for number, label in enumerate(labels):
        dataset_builder.add_file(label, b"x", f"{number}.png")


def test_nothing_is_asked_before_there_is_data(dataset_builder, backend):
    dataset_builder.validation, dataset_builder.seed = 0.5, 4
    assert asked(backend, "collect", "choose_data") == []
    assert (dataset_builder.summary, dataset_builder.ready) == (None, False)


def test_it_is_trained_on_as_soon_as_two_classes_have_examples(dataset_builder, fine_tuning):
    dataset_builder.add_class("cats")
    dataset_builder.add_class("elks")
    collect(dataset_builder, "cats", "cats")
    assert (counts(dataset_builder.summary), dataset_builder.ready, fine_tuning.data) == ({"cats": 2, "elks": 0}, False, None)
    dataset_builder.add_file("dogs", b"x", "d.png")
    assert counts(dataset_builder.summary) == {"cats": 2, "dogs": 1, "elks": 0}
    assert counts(fine_tuning.data) == {"cats": 2, "dogs": 1}, "a class without examples is not trained on"
    assert (dataset_builder.ready, fine_tuning.classes) == (True, 2)
    dataset_builder.remove("dogs")
    assert (dataset_builder.ready, fine_tuning.data) == (False, None)


def test_classes_are_renamed_and_all_is_cleared(dataset_builder, fine_tuning):
    collect(dataset_builder, "cats", "dogs")
    dataset_builder.rename("dogs", "hounds")
    assert counts(fine_tuning.data) == {"cats": 1, "hounds": 1}
    dataset_builder.clear()
    assert (dataset_builder.summary, fine_tuning.data) == (None, None)


def test_a_zip_brings_classes(dataset_builder):
    dataset_builder.add_zip(b"zip", "flowers.zip")
    assert (counts(dataset_builder.summary), dataset_builder.ready) == ({"roses": 2, "tulips": 2}, True)


def test_what_is_refused_is_said_and_loses_nothing_else(dataset_builder, session):
    collect(dataset_builder, "cats", "dogs")
    dataset_builder.add_zip(b"bad", "flowers.zip")
    assert session.error_message == "flowers.zip is damaged."
    dataset_builder.add_file("dogs", b"bad", "notes.pdf")
    dataset_builder.add_class("bad")
    collect(dataset_builder, "cats")
    assert session.error_message == "bad is no name."
    assert counts(dataset_builder.summary) == {"cats": 2, "dogs": 1}
    assert dataset_builder.summary.left_out == (("notes.pdf", "notes.pdf is not a picture."),)
    assert (dataset_builder.waiting, dataset_builder.reading) == (0, False)


def test_a_built_in_set_takes_the_place_of_what_was_collected_until_that_is_wanted_again(dataset_builder, fine_tuning):
    collect(dataset_builder, "cats", "dogs")
    dataset_builder.choose("patterns", 100)
    assert (fine_tuning.data.spec.path, counts(fine_tuning.data)) == ("patterns", {"dots": 50, "rings": 50})
    dataset_builder.choose("")
    assert counts(fine_tuning.data) == {"cats": 1, "dogs": 1}
    dataset_builder.choose("patterns")
    collect(dataset_builder, "cats")
    assert (dataset_builder.source, dataset_builder.count, counts(fine_tuning.data)) == ("", 0, {"cats": 2, "dogs": 1})


def test_a_path_that_leads_nowhere_is_said_and_is_no_data(dataset_builder, fine_tuning, session):
    dataset_builder.choose("patterns")
    dataset_builder.choose("/gone")
    assert session.error_message == "There is no file or folder /gone."
    assert (dataset_builder.summary, fine_tuning.data) == (None, None)
    dataset_builder.choose("")
    assert (session.error_message, dataset_builder.summary) == ("", None)


def test_share_and_seed_are_asked_anew_within_their_bounds(dataset_builder, backend):
    dataset_builder.choose("patterns")
    dataset_builder.validation = 0.5
    dataset_builder.seed = 7
    assert asked(backend, "choose_data")[-1][1:] == ("patterns", 0.5, 7, 0)
    collect(dataset_builder, "cats")
    dataset_builder.validation, dataset_builder.seed = 3.0, -2
    assert (dataset_builder.validation, dataset_builder.seed) == (0.9, 0)
    assert asked(backend, "collect")[-1][1:] == ((), 0.9, 0)


def test_another_network_is_asked_about_the_same_data(dataset_builder, backend, session, fine_tuning):
    collect(dataset_builder, "cats", "dogs")
    session.open("timbres")
    assert asked(backend, "collect")[-1][:2] == ("timbres", ())
    dataset_builder.choose("patterns")
    assert session.error_message == "This network does not read patterns."
    assert fine_tuning.data is None
    session.open("digits")
    assert (fine_tuning.data.spec.path, fine_tuning.data.kind) == ("patterns", "image")
    assert session.error_message == "", "read by a network that can, nothing is wrong with it"


def test_what_a_change_was_refused_for_stands_while_others_are_made_until_data_is_chosen(dataset_builder, session):
    dataset_builder.add_class("bad")
    collect(dataset_builder, "cats", "dogs")
    dataset_builder.seed = 4
    assert session.error_message == "bad is no name."
    dataset_builder.choose("patterns")
    assert session.error_message == ""


def test_what_is_not_looked_at_waits(backend, session):
    fine_tuning = FineTuningState(session)
    dataset_builder = DatasetBuilder(session, fine_tuning)
    dataset_builder.choose("patterns")
    assert asked(backend, "choose_data") == []
    fine_tuning.shown = True
    assert fine_tuning.data is not None


def test_after_closing_nothing_is_asked(dataset_builder, backend, session):
    dataset_builder.choose("patterns")
    dataset_builder.close()
    dataset_builder.close()
    session.open("timbres")
    assert len(asked(backend, "choose_data")) == 1


def test_fifty_pictures_that_come_at_once_are_all_taken_in_a_few_steps():
    backend = HeldDataBackend(held=("digits",), method="collect")

    async def main():
        with looked_at(backend) as (session, fine_tuning):
            dataset_builder = DatasetBuilder(session, fine_tuning)
            dataset_builder.add_file("cats", b"x", "first.png")
            await until(backend.holding.is_set)
            collect(dataset_builder, *["cats"] * 25, *["dogs"] * 25)
            dataset_builder.add_zip(b"bad", "flowers.zip")
            dataset_builder.rename("dogs", "hounds")
            assert (dataset_builder.waiting, dataset_builder.reading) == (53, True)
            backend.let_go.set()
            await until(lambda: not dataset_builder.reading and not dataset_builder.waiting)
        return dataset_builder.summary

    assert counts(asyncio.run(main())) == {"cats": 26, "hounds": 25}
    assert [len(changes) for _name, changes, *_rest in asked(backend, "collect")] == [1, 50, 1, 1]


def test_what_arrives_for_the_network_before_is_asked_for_again():
    backend = HeldDataBackend(held=("digits",), method="collect", networks={"timbres": network_of_sound})

    async def main():
        with looked_at(backend) as (session, fine_tuning):
            dataset_builder = DatasetBuilder(session, fine_tuning)
            await until(lambda: session.network is not None)
            collect(dataset_builder, "cats")
            await until(backend.holding.is_set)
            session.open("timbres")
            dataset_builder.choose("timbres")
            backend.let_go.set()
            await until(lambda: fine_tuning.data is not None)
        return fine_tuning.data

    data = asyncio.run(main())
    assert (data.kind, data.spec.path) == ("audio", "timbres")
    assert backend.best_epoch == {"cats": 1}, "what waited is kept beside it"


def test_examples_of_a_class_are_shown_and_follow_what_is_removed(dataset_builder, backend):
    collect(dataset_builder, *["cats"] * 30, "dogs")
    dataset_builder.look_at("cats")
    assert (len(dataset_builder.cards), dataset_builder.of_label) == (CARDS, 30)
    dataset_builder.show_more()
    assert len(dataset_builder.cards) == 30
    dataset_builder.remove_example("cats", "3.png")
    assert (len(dataset_builder.cards), dataset_builder.of_label, dataset_builder.summary.removed) == (29, 29, "3.png was removed.")
    dataset_builder.remove("cats")
    assert (dataset_builder.label, dataset_builder.cards, counts(dataset_builder.summary)) == ("", (), {"dogs": 1})
    dataset_builder.undo()
    dataset_builder.undo()
    assert counts(dataset_builder.summary) == {"cats": 30, "dogs": 1}
    dataset_builder.look_at("")
    assert dataset_builder.cards == ()


def test_examples_of_a_built_in_set_are_shown_too(dataset_builder):
    dataset_builder.choose("patterns")
    dataset_builder.look_at("dots")
    assert (len(dataset_builder.cards), dataset_builder.of_label, dataset_builder.cards[0].key) == (CARDS, 30, "")
    dataset_builder.choose("")
    assert (dataset_builder.label, dataset_builder.cards) == ("", ())


def test_copies_are_removed_and_come_back(dataset_builder, backend):
    collect(dataset_builder, "cats", "dogs")
    backend.copies = 2
    dataset_builder.add_class("elks")
    assert dataset_builder.summary.copies == 2
    dataset_builder.remove_copies()
    assert (dataset_builder.summary.copies, dataset_builder.summary.removed) == (0, "2 copies were removed.")
    dataset_builder.undo()
    assert dataset_builder.summary.copies == 2
