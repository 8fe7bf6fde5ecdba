import io
from uuid import uuid4

import pytest
import soundfile
from fake_data import DataBackend
from fakes import network_of_sound
from in_browser import focused, overflows, put, refusals, sent, show
from messages import says
from messages import sent as sent_to_page

from explorer.widgets.fine_tuning.dataset import TrainingDataView

pytestmark = pytest.mark.browser

DROP = """([selector, names]) => {
  const transfer = new DataTransfer();
  for (const name of names) transfer.items.add(new File([name], name));
  document.querySelector(selector).dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
}"""
RELEASED = 'window.streams.length > 0 && window.streams.every((one) => one.getTracks().every((track) => track.readyState === "ended"))'
CONTENTS = """async () => Promise.all(window.sent.filter(({ content }) => "upload" in content).map(async ({ buffers }) =>
  [...new Uint8Array(await new Blob(buffers).arrayBuffer())]))"""
THIRD_HELD = """() => {
  const send = window.model.send;
  window.model.send = (content, ...rest) => {
    if (!content.upload || window.sent.filter(({ content }) => content.upload).length < 2) return send(content, ...rest);
    window.let_go = () => { window.model.send = send; send(content, ...rest); };
  };
}"""
ASK_PYTHON = """(python) => {
  const send = window.model.send;
  window.model.send = (content, ...rest) => {
    send(content, ...rest);
    if ("sort" in content) window[python](content).then((answers) => answers.forEach(window.tell));
  };
}"""
WITHOUT = """(name) => {
  navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("", name));
}"""


@pytest.fixture
def backend():
    return DataBackend(networks={"timbres": network_of_sound})


@pytest.fixture
def empty(session):
    return TrainingDataView(session)


@pytest.fixture
def view(empty):
    for label in ("cats", "dogs"):
        empty.collecting.add_class(label)
    return empty


@pytest.fixture
def hears(view):
    view.session.open("timbres")
    return view


def sent_with(page, key):
    return [one for one in sent(page) if key in one]


def uploads(page, number):
    """Wait for so many files; return what was said with each."""
    page.wait_for_function("(number) => window.sent.filter(({ content }) => 'upload' in content).length >= number", arg=number)
    return sent_with(page, "upload")


def labels(messages):
    return [(one["name"], one["label"]) for one in messages]


def folder(path, *names):
    for name in names:
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(name)
    return path


def drop_from_disk(page, *paths):
    """Drop files and folders as the system's file manager does."""
    box = page.locator(".drop").bounding_box()
    client = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        client.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 20, "y": box["y"] + 5, "data": data})


def test_thirty_pictures_on_a_row_go_to_its_class(page, view):
    show(page, view)
    page.evaluate(DROP, [".class:first-child", [f"{number}.png" for number in range(30)]])
    messages = uploads(page, 30)
    assert labels(messages) == [(f"{number}.png", "cats") for number in range(30)]
    page.locator(".sending").wait_for(state="hidden")


def test_of_loose_pictures_the_class_is_asked(page, view):
    show(page, view)
    page.get_by_role("button", name="cats, 0 pictures").click()
    page.evaluate(DROP, [".drop", ["a.png", "b.png"]])
    choice = page.get_by_label("Which class are these 2 files of?")
    assert (choice.input_value(), focused(choice)) == ("cats", True)
    assert choice.locator("option").all_inner_texts() == ["cats", "dogs", "a new class…"]
    assert not page.get_by_label("Name of the class").is_visible()
    choice.select_option("dogs")
    page.get_by_role("button", name="OK").click()
    assert labels(uploads(page, 2)) == [("a.png", "dogs"), ("b.png", "dogs")]


def test_models_and_arrays_are_named_and_their_class_is_not_asked(page, view):
    show(page, view)
    page.evaluate(DROP, [".drop", ["bomb.npz", "net.keras", "old.H5"]])
    page.wait_for_function("window.sent.length > 3")
    assert [one["lost"] for one in sent(page)[1:]] == ["bomb.npz", "net.keras", "old.H5"]
    assert "bomb.npz is a file of arrays" in sent(page)[1]["why"]
    assert "net.keras is a model" in sent(page)[2]["why"]
    assert page.get_by_text("Which class").count() == 0
    put(page, kind="arrays")
    page.evaluate(DROP, [".drop", ["some.npz"]])
    page.get_by_text("Which class is some.npz of?").wait_for()


def test_loose_pictures_may_be_of_a_new_class(page, view):
    show(page, view)
    page.evaluate(DROP, [".drop", ["a.png"]])
    page.get_by_label("Which class is a.png of?").select_option("a new class…")
    assert focused(page.get_by_label("Name of the class"))
    page.keyboard.type("elks")
    page.keyboard.press("Enter")
    assert labels(uploads(page, 1)) == [("a.png", "elks")]


def test_loose_pictures_that_come_while_it_is_asked_go_along(page, view):
    show(page, view)
    page.evaluate(DROP, [".drop", ["a.png"]])
    page.get_by_label("Which class is a.png of?").wait_for()
    page.evaluate(DROP, [".drop", ["b.png", "c.png"]])
    page.get_by_role("button", name="Add a class").click()  # is asked afterwards
    page.get_by_label("Which class are these 3 files of?").wait_for()
    page.get_by_role("button", name="OK").click()
    assert labels(uploads(page, 3)) == [("a.png", "dogs"), ("b.png", "dogs"), ("c.png", "dogs")]
    page.get_by_label("Name of the class").fill("elks")
    page.keyboard.press("Enter")
    page.wait_for_function("window.sent.some(({ content }) => content.add === 'elks')")


def test_without_a_class_its_name_is_asked_for(page, empty):
    show(page, empty)
    page.evaluate(DROP, [".drop", ["a.png"]])
    page.get_by_label("Which class is a.png of?").press("Escape")
    page.evaluate(DROP, [".drop", ["b.png"]])
    page.get_by_label("Which class is b.png of?").fill("lions & tigers")
    page.keyboard.press("Enter")
    assert labels(uploads(page, 1)) == [("b.png", "lions & tigers")]


def test_the_pictures_of_a_class_are_shown_and_single_ones_removed(page, view):
    for number in range(30):
        view.collecting.add_file("cats", b"x", f"{number}.png")
    view.collecting.look_at("cats")
    show(page, view)
    page.get_by_role("button", name="cats, 30 pictures").click()
    toggle = page.get_by_role("button", name="Pictures cats")
    assert toggle.get_attribute("aria-expanded") == "true"
    cards = page.get_by_role("list", name="Examples of cats").get_by_role("listitem")
    assert cards.count() == 24
    page.get_by_role("button", name="Show more").click()
    page.get_by_role("button", name="Remove 3.png").click()
    assert focused(page.get_by_role("button", name="Remove 4.png"))
    toggle.click()
    assert sent(page)[-3:] == [{"further": True}, {"example": "3.png", "of": "cats"}, {"look": ""}]
    put(page, label="", cards=[], of_label=0)
    assert cards.count() == 0


def test_a_card_can_be_clicked_while_others_come(page, view):
    cards = [{"key": f"{number}.png", "name": f"{number}.png", "text": f"{number}.png", "picture": b"x"} for number in range(4)]
    show(page, view, label="cats", cards=cards[1:], of_label=4)
    page.get_by_role("button", name="Remove 2.png").hover()
    page.mouse.down()
    page.evaluate("window.there = document.querySelector('[data-key=\"2.png\"]')")
    put(page, cards=cards)
    assert page.evaluate("window.there.isConnected")
    page.mouse.up()


def test_a_page_says_whether_it_has_data_that_is_lost_with_its_kernel(page, view):
    def marked():
        return page.evaluate("'collected' in document.documentElement.dataset")

    classes = view.classes
    show(page, view, collected=True, classes=classes)
    assert marked()
    put(page, classes=[])
    assert not marked(), "all was removed"
    put(page, source="patterns")
    assert marked(), "there is a way back"
    put(page, source="", waiting=2)
    assert marked(), "some is still being read"
    put(page, collected=False)
    assert not marked()
    put(page, collected=True)
    page.evaluate("window.stop()")
    assert not marked()


def test_what_was_removed_can_be_undone_and_copies_removed(page, view):
    show(page, view)
    assert not page.get_by_role("button", name="Undo").is_visible()
    put(page, removed="The class elks was removed.", notes=["2 examples are copies of others."], copies_text="Remove the 2 copies")
    page.get_by_text("The class elks was removed.").wait_for()
    page.get_by_role("button", name="Undo").click()
    page.locator(".notes").get_by_role("button", name="Remove the 2 copies").click()
    assert sent(page)[-2:] == [{"undo": True}, {"copies": True}]
    put(page, removed="", copies_text="")
    assert page.get_by_role("button", name="Undo").or_(page.get_by_role("button", name="Remove the")).count() == 0


def show_with_python(page, view):
    """Render a view of which Python says of which class the files in folders are."""
    show(page, view)
    python = f"python_{uuid4().hex}"  # a page keeps what it was given
    page.expose_function(python, lambda content: answers_of(view, content))
    page.evaluate(ASK_PYTHON, python)


def answers_of(view, content):
    messages = sent_to_page(view)
    says(view, content)
    return messages


def test_folders_become_classes(page, view, tmp_path):
    show_with_python(page, view)
    flowers = folder(
        tmp_path / "flowers", "roses/10.png", "roses/9.png", "tulips/1.png", "tulips/burst/2.png", ".DS_Store", "roses/Thumbs.db"
    )
    drop_from_disk(page, flowers, folder(tmp_path / "elks", "1.png"))
    messages = uploads(page, 5)
    assert sorted((one["label"], one["name"], one["group"]) for one in messages) == [
        ("elks", "1.png", ""),
        ("roses", "10.png", ""),
        ("roses", "9.png", ""),
        ("tulips", "1.png", ""),
        ("tulips", "2.png", "tulips/burst"),
    ]
    assert [one["name"] for one in messages if one["label"] == "roses"] == ["9.png", "10.png"]
    assert len(sent_with(page, "upload")) == 5


def test_a_folder_that_is_browsed_for_with_two_sides_brings_its_classes(page, view, tmp_path):
    show_with_python(page, view)
    data = folder(tmp_path / "set", "seg_train/a/1.png", "seg_train/b/2.png", "seg_test/a/3.png", "seg_pred/4.png", "read me.txt")
    page.locator("input[webkitdirectory]").set_input_files(data)
    assert sorted(labels(uploads(page, 3))) == [("1.png", "a"), ("2.png", "b"), ("3.png", "a")]
    assert any("set is split already" in note for note in view.notes)
    assert "Left aside, as it holds no folders of the classes: seg_pred." in view.notes
    assert view.left_out == [["read me.txt", "read me.txt lies in no class's folder."]]


def test_folders_of_which_the_classes_can_not_be_told_are_refused(page, view, tmp_path):
    show_with_python(page, view)
    page.locator("input[webkitdirectory]").set_input_files(folder(tmp_path / "set", "train/1.png", "test/2.png"))
    page.wait_for_function("window.sent.some(({ content }) => content.sort)")
    assert "The parts of set (test, train) hold files, but no folders of the classes" in view.session.failure
    assert sent_with(page, "upload") == []


def test_the_column_of_the_classes_is_asked_for(page, view):
    view.collecting.choose("pets.csv")
    show(page, view)
    assert page.get_by_role("group", name="Which column holds the classes?").get_by_role("button").all_inner_texts() == ["breed", "species"]
    page.get_by_role("button", name="species").click()
    assert sent_with(page, "column") == [{"choose": "pets.csv", "count": 0, "column": "species"}]


def test_a_zip_is_sent_as_one(page, empty):
    show(page, empty)
    page.evaluate(DROP, [".drop", ["flowers.ZIP"]])
    (message,) = uploads(page, 1)
    assert (message["name"], message["zip"]) == ("flowers.ZIP", True)


def test_a_file_that_fails_is_named_and_the_others_go_on(page, view):
    show(page, view, largest=6)
    page.evaluate(DROP, [".class:first-child", ["1.png", "much too large.png", "2.png"]])
    assert [name for name, _label in labels(uploads(page, 2))] == ["1.png", "2.png"]
    assert sent_with(page, "lost") == [
        {"lost": "much too large.png", "why": "much too large.png is larger than 200 MB; put it into a folder, and give its path."}
    ]


def test_a_link_is_no_file(page, view):
    show(page, view)
    page.evaluate("""() => {
      const transfer = new DataTransfer();
      transfer.setData("text/plain", "https://example.org");
      document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
    }""")
    assert refusals(page) == ["What was dropped is not a file: save it first."]


def test_stop_sends_no_more(page, view):
    show(page, view)
    page.evaluate(THIRD_HELD)
    page.evaluate(DROP, [".class:first-child", [f"{number}.png" for number in range(30)]])
    page.get_by_role("status").filter(has_text="2 of 30").wait_for()
    page.wait_for_function("'let_go' in window")
    page.get_by_role("button", name="Stop").click()
    page.evaluate("window.let_go()")
    page.locator(".sending").wait_for(state="hidden")
    assert labels(sent_with(page, "upload")) == [(f"{number}.png", "cats") for number in range(3)], "the one under way was the last"
    assert sent_with(page, "stop") == [{"stop": True}]


def test_classes_are_added_renamed_and_removed_by_keyboard(page, view):
    show(page, view)
    page.get_by_role("button", name="Add a class").press("Enter")
    page.keyboard.type("  elks ")
    page.keyboard.press("Enter")
    assert focused(page.get_by_role("button", name="Add a class"))
    page.get_by_role("button", name="dogs, 0 pictures").press("Enter")
    page.get_by_role("button", name="Rename dogs").press("Enter")
    page.keyboard.type("hounds")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Remove dogs").press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove dogs").press("Enter")
    assert page.get_by_text("Remove dogs and all its examples?").is_visible()
    page.keyboard.press("Enter")
    assert [one for one in sent(page) if "begin" not in one] == [
        {"add": "elks"},
        {"rename": "dogs", "to": "hounds"},
        {"remove": "dogs"},
    ]


def test_two_classes_become_one_only_if_that_is_meant(page, view):
    show(page, view)
    page.get_by_role("button", name="dogs, 0 pictures").click()
    for answer in ("Escape", "Enter"):
        page.get_by_role("button", name="Rename dogs").press("Enter")
        page.keyboard.type("cats")
        page.keyboard.press("Enter")
        page.get_by_text("There is already a class cats. Merge the two?").wait_for()
        assert not any("rename" in one for one in sent(page))
        page.keyboard.press(answer)
    assert [one for one in sent(page) if "rename" in one] == [{"rename": "dogs", "to": "cats"}]


def test_pictures_are_taken_as_long_as_the_space_bar_is_held(page, view):
    show(page, view, side=128)
    page.get_by_role("button", name="cats, 0 pictures").click()
    page.get_by_role("button", name="take them").click()
    hold = page.get_by_role("button", name="Hold to take pictures of cats")
    hold.wait_for()
    page.wait_for_function("document.querySelector('video').videoWidth > 0")
    hold.focus()
    page.keyboard.down(" ")
    messages = uploads(page, 3)
    page.keyboard.up(" ")
    assert {one["label"] for one in messages} == {"cats"}
    assert len({one["group"] for one in messages[:3]}) == 1, "pictures in a row stay on one side"
    page.get_by_role("status").filter(has_text="taken").wait_for()
    from PIL import Image

    first = Image.open(io.BytesIO(bytes(page.evaluate(CONTENTS)[0])))
    assert (first.format, first.size) == ("JPEG", (128, 128))
    page.keyboard.press("Escape")
    page.wait_for_function(RELEASED)
    assert focused(page.get_by_role("button", name="take them"))


def test_pictures_are_taken_with_the_mouse_too(page, view):
    show(page, view)
    page.get_by_role("button", name="take them").click()
    hold = page.get_by_role("button", name="Hold to take pictures of dogs")
    page.wait_for_function("document.querySelector('video')?.videoWidth > 0")
    hold.hover()
    page.mouse.down()
    uploads(page, 2)
    page.mouse.up()
    page.get_by_role("button", name="Close").click()
    page.wait_for_function(RELEASED)


@pytest.mark.parametrize(("name", "said"), [("NotFoundError", "No camera was found"), ("NotAllowedError", "allow it, or drop pictures")])
def test_without_a_camera_that_is_said(page, view, name, said):
    show(page, view)
    page.evaluate(WITHOUT, name)
    page.get_by_role("button", name="take them").click()
    page.get_by_role("alert").filter(has_text=said).wait_for()


def test_a_page_from_elsewhere_has_no_camera(page, view):
    show(page, view, address="http://elsewhere.example/")
    page.get_by_role("button", name="take them").click()
    page.get_by_role("alert").filter(has_text="only on pages from localhost or over https").wait_for()


def test_a_recording_is_cut_into_parts_of_one_group(page, hears):
    show(page, hears, window=0.5)
    page.get_by_role("button", name="record them").click()
    page.get_by_role("button", name="Record dogs").click()
    page.get_by_role("button", name="Stop, 0:01").wait_for()
    page.get_by_role("button", name="Stop, 0:0").click()
    messages = uploads(page, 2)
    page.locator(".sending").wait_for(state="hidden")
    messages = sent_with(page, "upload")
    assert [one["name"] for one in messages] == [f"recording 1, part {part + 1}.wav" for part in range(len(messages))]
    assert {one["label"] for one in messages} == {"dogs"}
    assert len({one["group"] for one in messages}) == 1
    assert messages[0]["group"]
    for data in page.evaluate(CONTENTS):
        about = soundfile.info(io.BytesIO(bytes(data)))
        assert (about.format, about.channels, about.samplerate, about.frames) == ("WAV", 1, 44_100, 22_050)
    page.wait_for_function(RELEASED)


def test_closing_throws_a_recording_away(page, hears):
    show(page, hears)
    page.get_by_role("button", name="record them").click()
    page.get_by_role("button", name="Record dogs").click()
    page.get_by_role("button", name="Stop, 0:0").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function(RELEASED)
    assert sent_with(page, "upload") == []


def test_a_built_in_set_a_path_the_share_and_the_seed_are_chosen(page, view):
    show(page, view)
    page.get_by_text("Built-in data").press("Enter")
    page.get_by_label("Examples").fill("120")
    page.get_by_role("button", name="patterns: 400 pictures").click()
    page.get_by_text("More").click()
    page.get_by_label("On the machine where explorer runs").last.fill("/data/flowers")
    page.keyboard.press("Enter")
    page.get_by_role("slider").press("ArrowRight")
    page.get_by_label("Seed").fill("7")
    page.keyboard.press("Enter")
    assert [one for one in sent(page) if "upload" not in one] == [
        {"choose": "patterns", "count": 120},
        {"choose": "/data/flowers", "count": 0},
        {"share": 0.25},
        {"seed": 7},
    ]


def test_what_was_chosen_can_not_be_edited_and_the_way_back_is_shown(page, view):
    view.collecting.choose("patterns")
    show(page, view)
    page.get_by_role("button", name="dots, ").click()
    assert not page.get_by_role("button", name="Rename dots").is_visible()
    page.get_by_role("button", name="Pictures dots").click()
    assert sent(page)[-1] == {"look": "dots"}
    page.get_by_role("button", name="Back to the collected data").click()
    assert sent_with(page, "choose") == [{"choose": "", "count": 0}]


def test_files_that_were_left_out_are_listed(page, view):
    view.collecting.add_file("cats", b"bad", "notes.pdf")
    show(page, view)
    page.get_by_text("Which?").click()
    assert page.get_by_role("listitem").all_inner_texts() == ["notes.pdf is not a picture."]


def test_the_focus_stays_when_the_classes_are_counted_anew(page, view):
    show(page, view)
    page.get_by_role("button", name="cats, 0 pictures").focus()
    view.collecting.add_file("cats", b"x", "a.png")
    put(page, classes=view.classes)
    assert focused(page.get_by_role("button", name="cats, 1 picture"))


def test_nothing_overflows(page, view):
    view.collecting.add_class("a class with-averylongnamethatdoesnotfitintoanycolumnatallforsure")
    show(page, view)
    page.get_by_text("More").click()
    page.get_by_role("button", name="take them").click()
    page.get_by_role("button", name="Close").wait_for()
    page.get_by_role("button", name="Add a class").click()
    assert overflows(page, 290, 480, 800) == []
    page.evaluate("window.stop()")
    page.wait_for_function(RELEASED)
