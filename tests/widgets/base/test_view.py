"""What every view does with files: taking them in from the browser, and giving them to it, part by part."""

import pytest
from messages import says

from explorer.errors import UnreadableExample
from explorer.values import TakenFile
from explorer.widgets.base import view as module
from explorer.widgets.explore.status import StatusView


@pytest.fixture
def view(session, monkeypatch):
    """A view that remembers what it sends, with small parts and small files."""
    monkeypatch.setattr(module, "CHUNK", 4)
    monkeypatch.setattr(module, "LARGEST", 10)
    view = StatusView(session)
    view.messages = []
    view.send = lambda content, buffers=(): view.messages.append((content, *map(bytes, buffers)))
    return view


def part(view, number, data, upload="u", count=3, name="big.jpg"):
    return view.receive_chunk({"upload": upload, "part": number, "count": count, "name": name}, [memoryview(data)])


def acknowledge(view, message):
    says(view, {"given": message["download"], "part": message["part"]})


def test_an_upload_is_whole_when_its_last_part_is_there(view):
    assert part(view, 0, b"ab") is None
    assert part(view, 1, b"cd") is None
    assert part(view, 2, b"e") == b"abcde"
    assert view.messages == [({"upload": "u", "part": number},) for number in range(3)]


def test_an_empty_file_is_one_empty_part(view):
    assert view.receive_chunk({"upload": "u", "part": 0, "count": 1, "name": "nothing.png"}, []) == b""


def test_a_later_upload_overtakes(view):
    part(view, 0, b"ab", upload="first")
    assert part(view, 0, b"yz", upload="second", count=1) == b"yz"
    assert part(view, 1, b"cd", upload="first") is None
    assert view.messages[-1][0] == {"upload": "first", "part": 1, "error": "overtaken"}


def test_a_part_that_is_missing_or_comes_twice_never_makes_a_file(view):
    part(view, 0, b"ab")
    assert part(view, 2, b"e") is None
    assert part(view, 0, b"ab") is None, "it begins anew"
    assert part(view, 0, b"ab") is None
    assert part(view, 1, b"cd") is None
    assert part(view, 2, b"e") == b"abcde"


def test_a_file_that_is_too_large_is_refused_as_soon_as_that_shows(view):
    part(view, 0, b"x" * 8, count=9)
    with pytest.raises(UnreadableExample, match=r"^big\.jpg is larger than 200 MB"):
        part(view, 1, b"x" * 8, count=9)
    assert view.messages[-1][0]["error"] == "too large"
    assert part(view, 2, b"x") is None, "what comes after is of no upload"
    assert part(view, 0, b"small", count=1) == b"small"


def test_an_upload_that_is_forgotten_comes_to_nothing(view):
    part(view, 0, b"ab", count=2)
    view.forget_upload()
    assert part(view, 1, b"cd", count=2) is None
    assert view.messages[-1][0]["error"] == "overtaken"


def test_a_file_is_given_part_by_part_each_after_the_one_before_is_acknowledged(view):
    view.send_file(TakenFile("model.keras", b"abcdefghij"))
    for number, data in enumerate((b"abcd", b"efgh", b"ij")):
        assert len(view.messages) == number + 1
        message, sent = view.messages[-1]
        assert sent == data
        assert (message["file"], message["part"], message["count"]) == ("model.keras", number, 3)
        acknowledge(view, message)
    assert len(view.messages) == 3
    acknowledge(view, view.messages[-1][0])
    assert len(view.messages) == 3, "nothing is left to send"


@pytest.mark.parametrize(("data", "parts"), [(b"", [b""]), (b"abcd", [b"abcd"])])
def test_a_file_of_no_or_just_a_part_is_given_whole(view, data, parts):
    view.send_file(TakenFile("model.txt", data))
    acknowledge(view, view.messages[0][0])
    assert [sent for _message, sent in view.messages] == parts
    assert view.messages[0][0]["count"] == 1


def test_two_files_are_given_side_by_side(view):
    view.send_file(TakenFile("one", b"abcdef"))
    view.send_file(TakenFile("two", b"uvwxyz"))
    (one, _), (two, _) = view.messages
    acknowledge(view, two)
    acknowledge(view, one)
    assert [(message["file"], sent) for message, sent in view.messages[2:]] == [("two", b"yz"), ("one", b"ef")]


def test_a_file_shown_in_two_places_is_not_sent_twice_as_fast(view):
    view.send_file(TakenFile("model.keras", b"abcdefghij"))
    first = view.messages[0][0]
    acknowledge(view, first)
    acknowledge(view, first)  # the view shows in two cells, and both say that they have it
    assert [message["part"] for message, _sent in view.messages] == [0, 1]


def test_what_goes_wrong_in_one_view_stands_while_another_of_its_kind_is_used(view):
    other = type(view)(view.session)
    says(view, {"given": "no number"})
    said = view.session.error_message
    says(other, {"hello": True})
    assert view.session.error_message == said != ""
    says(view, {"hello": True})
    assert view.session.error_message == ""


def test_a_closed_view_gives_nothing_more(view):
    view.send_file(TakenFile("model.keras", b"abcdefghij"))
    view.close()
    acknowledge(view, view.messages[0][0])
    assert len(view.messages) == 1
