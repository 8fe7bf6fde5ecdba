import pytest
from fake_runs import RunningBackend
from in_browser import overflows, put, sent, show

from explorer.widgets.fine_tuning.training import TrainingView

pytestmark = pytest.mark.browser

KEY = "0123456789abcdef" * 2
OWN_PAGE = "<div id='rendered_cells'></div>"
DENIED = "<script>Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied'); } });</script>"


@pytest.fixture
def backend():
    return RunningBackend()


@pytest.fixture
def bar(session, tuning, trainings):
    return TrainingView(session, tuning, trainings).bar


def test_train_says_why_it_can_not(page, bar):
    show(page, bar, barred="Add data first.")
    train = page.get_by_role("button", name="Train")
    assert train.is_disabled()
    assert page.get_by_text("Add data first.").is_visible()
    assert train.evaluate("(one) => document.getElementById(one.getAttribute('aria-describedby')).textContent") == "Add data first."
    put(page, barred="")
    train.click()
    assert sent(page) == [{"train": True}]
    assert not page.get_by_role("button", name="Stop").is_visible()


def test_a_training_is_stopped_and_gone_on_with(page, bar):
    said = "epoch 7 of 10, 12 s left"
    show(page, bar, going=True, stoppable=True, barred="A training is under way.", said=said, fraction=0.65, shown=True)
    assert page.get_by_text(said).is_visible()
    assert not page.get_by_text("under way").is_visible()
    assert page.get_by_role("progressbar").evaluate("(one) => one.value") == 0.65
    page.get_by_role("button", name="Stop").click()
    put(page, stoppable=False)
    assert page.get_by_role("button", name="Stop").is_disabled()
    put(page, fraction=-1)
    assert page.get_by_role("progressbar").evaluate("(one) => one.position") == -1
    put(page, going=False, resumable=True, barred="")
    assert not page.get_by_role("progressbar").is_visible()
    page.get_by_role("button", name="Resume").click()
    assert sent(page) == [{"stop": True}, {"go_on": True}]


def test_a_failure_is_an_alert_and_lessons_are_listed(page, bar):
    show(page, bar, failed=True, said="The disk is full.", notices=["The rate was too high.", "The classes are unlike in size."])
    assert page.get_by_role("alert").inner_text() == "The disk is full."
    assert page.get_by_role("listitem").all_inner_texts() == ["The rate was too high.", "The classes are unlike in size."]


def test_the_curves_are_a_table_for_those_who_do_not_see_them(page, bar):
    show(page, bar, shown=True, rows=[["1", "1", "50.0 %", "62.5 %", "0.75", "0.688"]])
    table = page.get_by_role("table", name="Accuracy and loss after each epoch")
    assert table.get_by_role("cell").all_inner_texts() == ["1", "1", "50.0 %", "62.5 %", "0.75", "0.688"]


def test_a_page_of_its_own_names_its_run_in_its_address_and_leaves_the_rest(page, bar):
    show(page, bar, address="http://localhost/voila/explorer.ipynb?token=x#top", more=OWN_PAGE)
    put(page, key=KEY)
    assert page.url == f"http://localhost/voila/explorer.ipynb?token=x&run={KEY}#top"
    put(page, key="")
    assert page.url == "http://localhost/voila/explorer.ipynb?token=x#top"


def test_a_page_that_is_loaded_again_asks_for_its_run(page, bar):
    show(page, bar, address=f"http://localhost/?run={KEY}", more=OWN_PAGE)
    assert sent(page) == [{"run": KEY}]
    assert page.url.endswith(f"?run={KEY}"), "until Python says that there is none"


def test_no_sign_of_life_is_an_alert_with_what_can_be_done(page, bar):
    show(page, bar, going=True, stoppable=True, said="Preparing phase 1…")
    assert page.get_by_role("alert").count() == 0
    put(page, silent="No sign of life for 30 s.")
    assert page.get_by_role("alert").get_by_text("No sign of life for 30 s.").is_visible()
    page.get_by_role("button", name="End its process").click()
    assert sent(page) == [{"kill": True}]
    put(page, silent="")
    assert page.get_by_role("alert").count() == 0


def test_a_browser_keeps_the_keys_of_its_runs_and_names_them_to_the_next_page(page, bar):
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    assert sent(page) == []
    for key in ("a" * 32, KEY, "a" * 32, ""):
        put(page, key=key)
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    assert sent(page) == [{"own": [KEY, "a" * 32]}]
    page.evaluate("(unknown) => window.tell({ unknown })", KEY)
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    assert sent(page) == [{"own": ["a" * 32]}]


def test_what_is_kept_is_bounded_and_a_browser_that_keeps_nothing_will_do(page, bar):
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    page.evaluate("(keys) => keys.forEach((key) => window.put({ key }))", [f"{number:032x}" for number in range(105)])
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    assert [int(key, 16) for key in sent(page)[0]["own"]] == list(range(5, 105))
    page.evaluate("localStorage.setItem('explorer-runs', '{')")
    show(page, bar, address="http://localhost/", more=OWN_PAGE)
    assert sent(page) == []
    show(page, bar, address="http://localhost/", more=OWN_PAGE + DENIED)
    put(page, key=KEY)
    assert page.url.endswith(f"?run={KEY}")


def test_in_jupyterlab_the_address_is_left_alone(page, bar):
    show(page, bar, address=f"http://localhost/lab?run={KEY}")
    assert sent(page) == []
    put(page, key="f" * 32)
    assert page.url == f"http://localhost/lab?run={KEY}"


def test_the_width_of_the_card_is_told(page, bar):
    page.set_viewport_size({"width": 640, "height": 500})
    show(page, bar)
    page.wait_for_function("window.model.get('width') > 500")
    page.set_viewport_size({"width": 400, "height": 500})
    page.wait_for_function("window.model.get('width') < 400")


def test_nothing_overflows(page, bar):
    said = "Stopped; the weights of epoch 4, the best so far, are kept."
    show(page, bar, going=True, stoppable=True, resumable=True, said=said, fraction=0.5, notices=["A lesson. " * 20], rows=[["1"] * 6])
    assert overflows(page, 330, 480, 800) == []
