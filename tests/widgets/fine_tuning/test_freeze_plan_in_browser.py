import pytest
from fake_tuning import DATA, TuningBackend
from in_browser import overflows, put, sent, show, trait

from explorer.state.fine_tuning import Tuning
from explorer.widgets.fine_tuning.freeze_plan import FreezePlanView

pytestmark = pytest.mark.browser


@pytest.fixture
def backend():
    return TuningBackend()


@pytest.fixture
def view(session, tuning):
    return FreezePlanView(session, tuning)


def open_list(page):
    page.get_by_text("All layers of the backbone").click()
    page.get_by_role("listbox").get_by_role("option").first.wait_for()


def test_a_number_and_a_block_move_the_line(page, view):
    show(page, view)
    number = page.get_by_label("How many layers are frozen")
    assert number.input_value() == "7"
    number.fill("99")
    number.press("Enter")
    assert (trait(page, "freeze"), number.input_value()) == (9, "9"), "all of the backbone"
    block = page.get_by_role("combobox", name="Freeze", exact=True)
    block.select_option(label="to the end of block 1")
    assert trait(page, "freeze") == 4
    number.fill("5")
    number.press("Enter")
    assert block.locator("option:checked").inner_text() == "inside a block"


def test_a_name_that_is_typed_is_sent_once(page, view):
    show(page, view)
    box = page.get_by_label("Train from")
    box.fill("block_2")
    box.press("Enter")
    page.get_by_label("Snap to block ends").click()
    assert sent(page) == [{"go": "block_2"}]
    assert trait(page, "snap") is False


def test_the_lines_are_copied(page, view):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    show(page, view)
    page.get_by_text("The same in Keras").click()
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("status").filter(has_text="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(view.lines)


def test_the_list_is_printed_when_it_is_opened_searched_and_walked_through(page, view):
    show(page, view)
    rows = page.get_by_role("listbox").get_by_role("option")
    assert rows.count() == 0
    open_list(page)
    assert rows.count() == 9
    assert rows.nth(4).locator("span").all_inner_texts() == ["4", "block_2_conv", "Conv2D", "4 × 3 × 8", "frozen"]
    assert [row.locator("span").last.inner_text() for row in rows.all()] == ["frozen"] * 7 + ["trains", "frozen"]
    page.get_by_label("Search the layers").fill("block_2")
    assert rows.filter(visible=True).count() == 3
    assert page.get_by_role("status").filter(has_text="3 of 9").is_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert sent(page) == [{"select": "block_2_norm"}]
    put(page, layer="block_2_norm")
    assert page.get_by_role("option", selected=True).locator("span").nth(1).inner_text() == "block_2_norm"
    page.get_by_label("Search the layers").fill("8")
    assert rows.filter(visible=True).first.locator("span").nth(1).inner_text() == "image", "8 × 6 × 3"
    assert rows.filter(visible=True).last.locator("span").first.inner_text() == "8"


def test_the_list_follows_the_line(page, view):
    show(page, view)
    open_list(page)
    put(page, further=[], freeze=4, first=4)
    rows = page.get_by_role("listbox").get_by_role("option")
    assert [row.locator("span").last.inner_text() for row in rows.all()] == ["frozen"] * 4 + ["trains"] * 5


def test_advice_is_asked_and_stopped(page, view):
    show(page, view)
    assert page.get_by_role("button", name="Probe the blocks").is_disabled()
    view.tuning.data = DATA
    show(page, view)
    page.get_by_role("button", name="Probe the blocks").click()
    put(page, probing=True, probed=0.5)
    assert page.get_by_role("progressbar").evaluate("(bar) => bar.value") == 0.5
    page.get_by_role("button", name="Stop").click()
    assert sent(page) == [{"advice": True}, {"advice": False}]


def test_before_there_is_a_plan_it_says_so(page, session):
    show(page, FreezePlanView(session, Tuning(session)))
    assert page.get_by_text("appears here when the network is loaded").is_visible()
    assert page.get_by_role("button").count() == 0


def test_nothing_overflows(page, view):
    view.tuning.freeze_at(5)
    show(page, view)
    open_list(page)
    assert overflows(page, 480, 800) == []
