import pytest
from fakes import FakeBackend
from in_browser import sent, show

from explorer.state.session import Session
from explorer.widgets.explore.status import StatusView
from explorer.worker.queue import InlineWorker

pytestmark = pytest.mark.browser

SWITCHED = "<script>let dark = true; window.explorerTheme = {isDark: () => dark, turn: (wanted) => {dark = wanted;}};</script>"


def test_a_kernel_that_gives_no_sign_of_life_is_told_until_it_does(clocked_page):
    show(clocked_page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    said = clocked_page.get_by_role("alert").filter(has_text="does not answer")
    clocked_page.clock.run_for(30_000)
    assert said.count() == 0
    clocked_page.clock.run_for(10_000)
    assert said.is_visible()
    clocked_page.evaluate("window.tell({ pong: true })")
    assert said.count() == 0
    assert sent(clocked_page) == [{"ping": True}] * 4


def test_one_that_does_is_not(clocked_page):
    show(clocked_page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    for _again in range(8):
        clocked_page.clock.run_for(10_000)
        clocked_page.evaluate("window.tell({ pong: true })")
    assert clocked_page.get_by_role("alert").count() == 0


def test_one_that_was_let_go_is_told_too(clocked_page):
    show(clocked_page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    clocked_page.evaluate("() => { window.model.send = () => { throw new Error('Cannot send'); }; }")
    clocked_page.clock.run_for(40_000)
    assert clocked_page.get_by_role("alert").filter(has_text="does not answer").is_visible()


def test_a_page_of_its_own_has_a_switch_for_light_and_dark_and_others_have_none(page):
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    switch = page.get_by_role("button", name="Dark", exact=True)
    assert switch.count() == 0, "JupyterLab has its own"
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))), more=SWITCHED)
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    assert switch.get_attribute("aria-pressed") == "false"
