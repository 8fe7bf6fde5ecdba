import asyncio

import pytest
from fake_data import DataBackend, HeldDataBackend, counts
from fake_tuning import asked, looked_at
from fakes import network_of_sound, until

from explorer.state.dataset_builder import CARDS, Collecting
from explorer.state.fine_tuning import Tuning


@pytest.fixture
def backend():
    return DataBackend(networks={"timbres": network_of_sound})


@pytest.fixture
def collecting(session, tuning):
    return Collecting(session, tuning)


def collect(collecting, *labels):
    for number, label in enumerate(labels):
        collecting.add_file(label, b"x", f"{number}.png")


def test_nothing_is_asked_before_there_is_data(collecting, backend):
    collecting.validation, collecting.seed = 0.5, 4
    assert asked(backend, "collect", "choose_data") == []
    assert (collecting.summary, collecting.ready) == (None, False)


def test_it_is_trained_on_as_soon_as_two_classes_have_examples(collecting, tuning):
    collecting.add_class("cats")
    collecting.add_class("elks")
    collect(collecting, "cats", "cats")
    assert (counts(collecting.summary), collecting.ready, tuning.data) == ({"cats": 2, "elks": 0}, False, None)
    collecting.add_file("dogs", b"x", "d.png")
    assert counts(collecting.summary) == {"cats": 2, "dogs": 1, "elks": 0}
    assert counts(tuning.data) == {"cats": 2, "dogs": 1}, "a class without examples is not trained on"
    assert (collecting.ready, tuning.classes) == (True, 2)
    collecting.remove("dogs")
    assert (collecting.ready, tuning.data) == (False, None)


def test_classes_are_renamed_and_all_is_cleared(collecting, tuning):
    collect(collecting, "cats", "dogs")
    collecting.rename("dogs", "hounds")
    assert counts(tuning.data) == {"cats": 1, "hounds": 1}
    collecting.clear()
    assert (collecting.summary, tuning.data) == (None, None)


def test_a_zip_brings_classes(collecting):
    collecting.add_zip(b"zip", "flowers.zip")
    assert (counts(collecting.summary), collecting.ready) == ({"roses": 2, "tulips": 2}, True)


def test_what_is_refused_is_said_and_loses_nothing_else(collecting, session):
    collect(collecting, "cats", "dogs")
    collecting.add_zip(b"bad", "flowers.zip")
    assert session.failure == "flowers.zip is damaged."
    collecting.add_file("dogs", b"bad", "notes.pdf")
    collecting.add_class("bad")
    collect(collecting, "cats")
    assert session.failure == "bad is no name."
    assert counts(collecting.summary) == {"cats": 2, "dogs": 1}
    assert collecting.summary.left_out == (("notes.pdf", "notes.pdf is not a picture."),)
    assert (collecting.waiting, collecting.reading) == (0, False)


def test_a_built_in_set_takes_the_place_of_what_was_collected_until_that_is_wanted_again(collecting, tuning):
    collect(collecting, "cats", "dogs")
    collecting.choose("patterns", 100)
    assert (tuning.data.spec.path, counts(tuning.data)) == ("patterns", {"dots": 50, "rings": 50})
    collecting.choose("")
    assert counts(tuning.data) == {"cats": 1, "dogs": 1}
    collecting.choose("patterns")
    collect(collecting, "cats")
    assert (collecting.source, collecting.count, counts(tuning.data)) == ("", 0, {"cats": 2, "dogs": 1})


def test_a_path_that_leads_nowhere_is_said_and_is_no_data(collecting, tuning, session):
    collecting.choose("patterns")
    collecting.choose("/gone")
    assert session.failure == "There is no file or folder /gone."
    assert (collecting.summary, tuning.data) == (None, None)
    collecting.choose("")
    assert (session.failure, collecting.summary) == ("", None)


def test_share_and_seed_are_asked_anew_within_their_bounds(collecting, backend):
    collecting.choose("patterns")
    collecting.validation = 0.5
    collecting.seed = 7
    assert asked(backend, "choose_data")[-1][1:] == ("patterns", 0.5, 7, 0)
    collect(collecting, "cats")
    collecting.validation, collecting.seed = 3.0, -2
    assert (collecting.validation, collecting.seed) == (0.9, 0)
    assert asked(backend, "collect")[-1][1:] == ((), 0.9, 0)


def test_another_network_is_asked_about_the_same_data(collecting, backend, session, tuning):
    collect(collecting, "cats", "dogs")
    session.open("timbres")
    assert asked(backend, "collect")[-1][:2] == ("timbres", ())
    collecting.choose("patterns")
    assert session.failure == "This network does not read patterns."
    assert tuning.data is None
    session.open("digits")
    assert (tuning.data.spec.path, tuning.data.kind) == ("patterns", "image")


def test_what_is_not_looked_at_waits(backend, session):
    tuning = Tuning(session)
    collecting = Collecting(session, tuning)
    collecting.choose("patterns")
    assert asked(backend, "choose_data") == []
    tuning.shown = True
    assert tuning.data is not None


def test_after_closing_nothing_is_asked(collecting, backend, session):
    collecting.choose("patterns")
    collecting.close()
    collecting.close()
    session.open("timbres")
    assert len(asked(backend, "choose_data")) == 1


def test_fifty_pictures_that_come_at_once_are_all_taken_in_a_few_steps():
    backend = HeldDataBackend(held=("digits",), verb="collect")

    async def main():
        with looked_at(backend) as (session, tuning):
            collecting = Collecting(session, tuning)
            collecting.add_file("cats", b"x", "first.png")
            await until(backend.holding.is_set)
            collect(collecting, *["cats"] * 25, *["dogs"] * 25)
            collecting.add_zip(b"bad", "flowers.zip")
            collecting.rename("dogs", "hounds")
            assert (collecting.waiting, collecting.reading) == (53, True)
            backend.let_go.set()
            await until(lambda: not collecting.reading and not collecting.waiting)
        return collecting.summary

    assert counts(asyncio.run(main())) == {"cats": 26, "hounds": 25}
    assert [len(changes) for _name, changes, *_rest in asked(backend, "collect")] == [1, 50, 1, 1]


def test_what_arrives_for_the_network_before_is_asked_for_again():
    backend = HeldDataBackend(held=("digits",), verb="collect", networks={"timbres": network_of_sound})

    async def main():
        with looked_at(backend) as (session, tuning):
            collecting = Collecting(session, tuning)
            await until(lambda: session.network is not None)
            collect(collecting, "cats")
            await until(backend.holding.is_set)
            session.open("timbres")
            collecting.choose("timbres")
            backend.let_go.set()
            await until(lambda: tuning.data is not None)
        return tuning.data

    data = asyncio.run(main())
    assert (data.kind, data.spec.path) == ("audio", "timbres")
    assert backend.kept == {"cats": 1}, "what waited is kept beside it"


def test_examples_of_a_class_are_shown_and_follow_what_is_removed(collecting, backend):
    collect(collecting, *["cats"] * 30, "dogs")
    collecting.look_at("cats")
    assert (len(collecting.cards), collecting.of_label) == (CARDS, 30)
    collecting.look_further()
    assert len(collecting.cards) == 30
    collecting.remove_example("cats", "3.png")
    assert (len(collecting.cards), collecting.of_label, collecting.summary.removed) == (29, 29, "3.png was removed.")
    collecting.remove("cats")
    assert (collecting.label, collecting.cards, counts(collecting.summary)) == ("", (), {"dogs": 1})
    collecting.undo()
    collecting.undo()
    assert counts(collecting.summary) == {"cats": 30, "dogs": 1}
    collecting.look_at("")
    assert collecting.cards == ()


def test_examples_of_a_built_in_set_are_shown_too(collecting):
    collecting.choose("patterns")
    collecting.look_at("dots")
    assert (len(collecting.cards), collecting.of_label, collecting.cards[0].key) == (CARDS, 30, "")
    collecting.choose("")
    assert (collecting.label, collecting.cards) == ("", ())


def test_copies_are_removed_and_come_back(collecting, backend):
    collect(collecting, "cats", "dogs")
    backend.copies = 2
    collecting.add_class("elks")
    assert collecting.summary.copies == 2
    collecting.remove_copies()
    assert (collecting.summary.copies, collecting.summary.removed) == (0, "2 copies were removed.")
    collecting.undo()
    assert collecting.summary.copies == 2
