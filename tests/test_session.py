import asyncio

import pytest
from fakes import LAYERS, FakeBackend, HeldBackend, maps_of

from explorer.errors import UnknownName
from explorer.session import Session
from explorer.worker import InlineWorker, Worker


class SlowToOpen(HeldBackend):
    """Holds the opening of VGG16 back."""

    def open(self, spec, say):
        if spec.architecture == "VGG16":
            self.holding.set()
            self.let_go.wait(10)
        return super().open(spec, say)


def session(backend=None, **options):
    return Session(worker=InlineWorker(lambda: backend or FakeBackend()), **options)


def test_a_page_opens_on_digits_with_a_sample_already_answered():
    page = session()
    assert page.network.spec.architecture == "digits"
    assert page.example.name == "digit_0.png"
    assert [one.label for one in page.answers.predictions] == ["red_fox", "owl", "bear", "elk"]
    assert page.layer == 2, "the activation after the first convolution"
    assert (page.feature_maps.values == maps_of(2)).all()
    assert page.failure == ""
    assert not page.busy
    assert page.status.text.startswith("Ready. Answered in")


def test_with_imagenet_weights_at_hand_a_page_opens_on_mobilenetv2_with_a_photograph():
    page = session(FakeBackend(at_hand=frozenset({"digits", "MobileNetV2"})))
    assert page.network.spec.architecture == "MobileNetV2"
    assert page.example.name == "cat.jpg"


def test_an_architecture_and_a_sample_can_be_asked_for():
    page = session(architecture="VGG16", sample="rocket.jpg")
    assert (page.network.spec.architecture, page.example.name) == ("VGG16", "rocket.jpg")
    with pytest.raises(UnknownName, match="Did you mean VGG16"):
        session(architecture="VGG17")


def test_a_network_that_cannot_be_opened_leaves_the_page_as_it_was_and_says_why():
    page = session(FakeBackend(missing=("VGG16",)))
    before = (page.network, page.example, page.answers, page.feature_maps)
    page.open("VGG16")
    assert page.failure == "The weights are not here."
    assert (page.network, page.example, page.answers, page.feature_maps) == before
    assert page.opening is None
    assert not page.busy
    page.open("ResNet50")
    assert (page.network.spec.architecture, page.failure) == ("ResNet50", "")


def test_a_first_network_that_cannot_be_opened_gives_way_to_digits():
    page = session(FakeBackend(missing=("MobileNetV2",), at_hand=frozenset({"MobileNetV2"})))
    assert page.network.spec.architecture == "digits"
    assert page.failure == "The weights are not here."


def test_an_unknown_architecture_is_a_sentence_not_an_exception():
    page = session()
    page.open("MobilNetV2")
    assert "Did you mean MobileNetV2" in page.failure
    assert page.network.spec.architecture == "digits"


def test_a_picture_is_shown_answered_and_looked_into():
    page = session()
    page.show(b"pixels", "holiday.jpg")
    assert page.example.name == "holiday.jpg"
    assert page.seen.came_size == (24, 12)
    assert page.failure == ""


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\Users\\me\\passwd", "/etc/passwd"])
def test_of_a_name_with_a_path_only_the_last_part_is_kept(name):
    page = session()
    page.show(b"pixels", name)
    assert page.example.name == "passwd"


def test_a_picture_that_cannot_be_read_leaves_the_last_one_and_says_why():
    page = session()
    before = (page.example, page.seen, page.answers)
    page.show(b"bad", "notes.jpg")
    assert page.failure == "notes.jpg is not a picture."
    assert (page.example, page.seen, page.answers) == before
    page.show(b"good", "cat.jpg")
    assert (page.example.name, page.failure) == ("cat.jpg", "")


def test_samples_are_those_of_the_network_and_change_with_it():
    page = session()
    assert "digit_3.png" in page.samples
    page.show_sample("digit_3.png")
    assert page.example.name == "digit_3.png"
    page.open("MobileNetV2")
    assert page.example.name in page.samples
    assert "cat.jpg" in page.samples
    page.show_sample("../session.py")
    assert "no sample" in page.failure


def test_the_users_own_picture_stays_when_the_network_changes():
    page = session()
    page.show(b"pixels", "mine.jpg")
    page.open("VGG16")
    assert page.example.name == "mine.jpg"
    assert page.answers is not None


def test_top_asks_again_and_a_wrong_top_goes_back():
    page = session()
    page.top = 2
    assert len(page.answers.predictions) == 2
    assert page.answers.others == 2
    page.top = 0
    assert page.failure == "top must be from 1 to 4, not 0."
    assert page.top == 2
    page.top = 3
    assert (len(page.answers.predictions), page.failure) == (3, "")


def test_a_top_above_the_number_of_classes_is_lowered_for_a_smaller_network():
    assert session().top == 4


def test_layers_are_selected_by_index_and_name_and_misspellings_are_said():
    page = session()
    page.select("block1_conv")
    assert (page.layer, page.feature_maps.layer.name) == (1, "block1_conv")
    page.select("3")
    assert page.feature_maps.layer == LAYERS[3]
    assert page.channel == 3, "the strongest unit of a vector"
    page.select("block1_con")
    assert "Did you mean block1_conv" in page.failure
    assert page.layer == 3
    page.select(99)
    assert "layers 0 to 3" in page.failure


def test_a_chosen_cell_becomes_a_region_of_the_input():
    page = session()
    page.cell = (1, 7)
    rows, columns = page.region.spans
    assert (rows.axis, rows.unit, rows.start, rows.stop) == ("row", "pixel", 2, 4)
    assert (columns.axis, columns.start, columns.stop) == ("column", 14, 16)
    page.select(3)
    assert page.region is None, "a vector lies nowhere"


def test_looking_at_another_layer_asks_for_nothing_else():
    backend = FakeBackend()
    page = session(backend)
    backend.asked.clear()
    page.select(1)
    assert backend.asked == [("feature_maps", 1)]


def test_an_unexpected_failure_is_a_plain_sentence_and_goes_to_the_log(caplog):
    backend = FakeBackend()
    page = session(backend)
    backend.predict = lambda *_: 1 / 0
    with caplog.at_level("INFO"):
        page.show(b"pixels", "cat.jpg")
    assert page.failure == "Something went wrong in explorer itself (ZeroDivisionError); the log has the details."
    assert any(record.exc_info for record in caplog.records)


def test_a_view_that_fails_to_draw_is_said_on_the_page():
    page = session()

    def draw(_change):
        raise RuntimeError("no paper")

    page.observe(draw, "answers")
    page.top = 1
    assert "RuntimeError" in page.failure
    assert not page.busy


def test_an_answer_held_back_and_overtaken_never_shows():
    backend = HeldBackend(held=("slow.jpg",))
    shown = []

    async def page():
        session = Session(worker=Worker(lambda: backend))
        session.observe(lambda change: shown.append(change["new"] and change["new"].predictions[0].label), "answers")
        async with asyncio.timeout(10):
            while not shown:
                await asyncio.sleep(0.005)
            session.show(b"1", "slow.jpg")
            while not backend.holding.is_set():
                await asyncio.sleep(0.005)
            session.show(b"2", "quick.jpg")
            backend.let_go.set()
            while not shown[-1].startswith("quick.jpg") or session.busy:
                await asyncio.sleep(0.005)
        session.close()
        return session.example.name

    assert asyncio.run(page()) == "quick.jpg"
    assert not any(label.startswith("slow.jpg") for label in shown)


def test_an_answer_given_up_for_a_picture_that_cannot_be_read_is_asked_for_again():
    backend = HeldBackend(held=("slow.jpg",))

    async def page():
        session = Session(worker=Worker(lambda: backend))
        async with asyncio.timeout(10):
            while session.answers is None:
                await asyncio.sleep(0.005)
            session.show(b"1", "slow.jpg")
            while not backend.holding.is_set():
                await asyncio.sleep(0.005)
            session.show(b"bad", "broken.jpg")
            backend.let_go.set()
            while session.busy:
                await asyncio.sleep(0.005)
        session.close()
        return session

    session = asyncio.run(page())
    assert session.failure == "broken.jpg is not a picture."
    assert session.example.name == "slow.jpg"
    assert session.answers.predictions[0].label == "slow.jpg red_fox"


def test_maps_of_the_network_before_never_show_beside_the_new_one():
    backend = SlowToOpen(held=())
    seen_with = []

    async def page():
        session = Session(worker=Worker(lambda: backend))
        async with asyncio.timeout(10):
            while session.busy or session.feature_maps is None:
                await asyncio.sleep(0.005)
            session.observe(lambda change: seen_with.append((session.network.spec.architecture, change["new"])), "feature_maps")
            session.open("VGG16")
            while not backend.holding.is_set():
                await asyncio.sleep(0.005)
            session.select(1)  # of the network still on the page; answered only after the new one is there
            backend.asked.clear()
            backend.let_go.set()
            while session.busy or session.network.spec.architecture != "VGG16":
                await asyncio.sleep(0.005)
        session.close()

    asyncio.run(page())
    assert [maps.layer.index for name, maps in seen_with if maps and name == "VGG16"] == [2]


def test_a_picture_dropped_while_a_network_is_opening_is_kept():
    backend = SlowToOpen(held=())

    async def page():
        session = Session(worker=Worker(lambda: backend))
        session.show(b"0", "early.jpg")  # before there is any network
        async with asyncio.timeout(10):
            while session.busy or session.example is None:
                await asyncio.sleep(0.005)
            first = session.example.name
            session.open("VGG16")
            while not backend.holding.is_set():
                await asyncio.sleep(0.005)
            session.show(b"1", "late.jpg")
            backend.let_go.set()
            while session.busy or session.network.spec.architecture != "VGG16":
                await asyncio.sleep(0.005)
        session.close()
        return first, session.example.name

    assert asyncio.run(page()) == ("early.jpg", "late.jpg")


def test_a_cell_of_other_maps_is_no_cell():
    page = session()
    page.cell = (1, 7)
    page.select(1)
    assert page.cell is None, "another layer has other cells"
    page.cell = (1000, 2)
    assert page.cell is None
    page.select("predictions")
    page.cell = (0, 0)
    assert page.cell is None, "a vector has none"


def test_a_layer_that_is_not_there_cannot_be_set():
    page = session()
    with pytest.raises(UnknownName, match="layers 0 to 3"):
        page.layer = 999
    assert page.layer == 2


def test_every_example_is_settled_once_shown_or_refused():
    page = session()
    before = page.settled
    page.show(b"bad", "a.jpg")
    page.show(b"good", "b.jpg")
    assert page.settled == before + 2
