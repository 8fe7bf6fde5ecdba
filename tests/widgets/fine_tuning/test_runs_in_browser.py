import pytest
from fake_runs import RunningBackend
from in_browser import focused, overflows, put, sent, show

from explorer.widgets.fine_tuning.runs import RunsView

pytestmark = pytest.mark.browser


def row(key, start, **facts):
    usual = {"about": "MobileNetV2 · patterns", "score": "92 ± 4 %", "interval": "88 to 96 %", "time": "4 s", "state": "done"}
    return {"key": key, "start": start, **usual, "failed": False, "going": False, "shown": False, **facts}


ROWS = [row("b", "block 13", shown=True), row("a", "head only")]


@pytest.fixture
def backend():
    return RunningBackend()


@pytest.fixture
def view(session, tuning, trainings):
    return RunsView(session, tuning, trainings)


def test_before_there_is_a_run_it_says_what_will_be_here(page, view):
    show(page, view)
    assert page.get_by_text("to compare freeze points").is_visible()
    assert page.get_by_role("table").count() == 0
    assert page.get_by_role("button").count() == 0


def test_each_run_has_a_row_and_what_can_be_done_with_it(page, view):
    show(page, view, rows=ROWS)
    rows = page.get_by_role("table", name="Runs").get_by_role("row")
    assert rows.nth(1).get_by_role("cell").nth(0).locator("span").first.inner_text() == "92 ± 4 %"
    page.get_by_role("button", name="show: head only, MobileNetV2 · patterns").click()
    page.get_by_role("button", name="run again: head only").click()
    assert sent(page) == [{"show": "a"}, {"again": "a"}]
    assert rows.nth(1).get_by_role("button").all_inner_texts() == ["run again", "delete"]
    put(page, busy=True)
    assert page.get_by_role("button", name="run again: block 13").is_disabled()


def test_deleting_is_asked_about_once_in_its_place(page, view):
    show(page, view, rows=ROWS)
    remove = page.get_by_role("button", name="delete: head only")
    remove.click()
    assert focused(page.get_by_role("button", name="Keep"))
    page.keyboard.press("Escape")
    assert sent(page) == []
    assert focused(remove)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete", exact=True).click()
    assert sent(page) == [{"delete": "a"}]
    assert remove.is_visible()


def test_deleting_a_run_that_trains_is_asked_about_twice(page, view):
    show(page, view, rows=[row("b", "block 13", going=True, state="running"), ROWS[1]])
    remove = page.get_by_role("button", name="delete: block 13")
    remove.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert sent(page) == []
    assert page.get_by_role("group", name="It is still training").is_visible()
    assert focused(page.get_by_role("button", name="Keep"))
    page.keyboard.press("Escape")
    assert focused(remove)
    remove.click()
    assert page.get_by_role("group", name="Delete this run and its files?").is_visible(), "from the beginning"
    page.get_by_role("button", name="Delete", exact=True).click()
    put(page, rows=[row("b", "block 13", going=True, state="running", score="93 %"), ROWS[1]])
    page.get_by_role("button", name="End and delete").click()
    assert sent(page) == [{"delete": "b"}]


def test_a_run_that_has_ended_meanwhile_is_asked_about_once(page, view):
    show(page, view, rows=[row("b", "block 13", going=True, state="running"), ROWS[1]])
    page.get_by_role("button", name="delete: block 13").click()
    put(page, rows=[row("b", "block 13"), ROWS[1]])
    page.get_by_role("button", name="Delete", exact=True).click()
    assert sent(page) == [{"delete": "b"}]


def test_the_focus_stays_while_a_run_goes_on(page, view):
    show(page, view, rows=ROWS)
    page.get_by_role("button", name="run again: head only").focus()
    put(page, rows=[row("b", "block 13", shown=True, going=True, score="93 %"), ROWS[1]])
    assert focused(page.get_by_role("button", name="run again: head only"))
    page.get_by_role("button", name="delete: head only").click()
    put(page, rows=[row("b", "block 13", shown=True, going=True, score="94 %"), ROWS[1]])
    assert focused(page.get_by_role("button", name="Keep"))


def test_a_click_counts_though_the_table_is_told_anew_between_press_and_release(page, view):
    show(page, view, rows=ROWS)
    epochs = (row("b", "block 13", shown=True, going=True, score=f"{number} %") for number in range(90, 99))
    for place, name in enumerate(("show: head only", "run again: head only", "run again: block 13"), start=1):
        page.get_by_role("button", name=name).hover()
        page.mouse.down()
        put(page, rows=[next(epochs), ROWS[1], row("old", "block 3")])
        page.mouse.up()
        assert len(sent(page)) == place
        put(page, rows=[next(epochs), ROWS[1]])
    assert page.get_by_text("95 %").is_visible()


def test_the_question_has_the_room_of_what_is_known_of_the_run(page, view):
    page.set_viewport_size({"width": 1280, "height": 700})
    show(page, view, rows=[row("b", "block 13", going=True, time="", state="running"), ROWS[1]])
    page.get_by_role("button", name="delete: block 13").click()
    question = page.get_by_text("Delete this run and its files?")
    assert question.evaluate("(one) => one.getClientRects().length") == 1, "on one line"
    page.get_by_role("button", name="Keep").click()
    assert page.get_by_role("cell", name="running").is_visible()


def test_files_are_taken_of_the_run_that_is_shown(page, view):
    show(page, view, rows=ROWS, chosen="block 13", line="for layer in model.layers[:116]: layer.trainable = False", barred=["model"])
    assert page.get_by_role("button", name="Model .keras").is_disabled()
    assert page.get_by_text("for layer in model.layers[:116]").is_visible()
    for name in ("Keras script", "Notebook", "Everything as .zip", "History .csv"):
        page.get_by_role("button", name=name).click()
    assert sent(page) == [{"take": what} for what in ("script", "notebook", "bundle", "history")]


def test_nothing_overflows(page, view):
    show(
        page,
        view,
        rows=[*ROWS, row("c", "layers[:249]", state="stopped", failed=True)],
        chosen="block 13",
        line="for layer in model.layers: " * 6,
    )
    page.get_by_role("button", name="delete: head only").click()
    assert overflows(page, 330, 480, 800, 1280) == []
