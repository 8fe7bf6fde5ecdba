import pytest
from fakes import FakeBackend
from in_browser import sent, show

from explorer.state.session import Session
from explorer.widgets.explore.status import StatusView
from explorer.worker.queue import InlineWorker

pytestmark = pytest.mark.browser


def test_a_kernel_that_gives_no_sign_of_life_is_told_until_it_does(page):
    page.clock.install()
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    said = page.get_by_role("alert").filter(has_text="does not answer")
    page.clock.run_for(30_000)
    assert said.count() == 0
    page.clock.run_for(10_000)
    assert said.is_visible()
    page.evaluate("window.tell({ pong: true })")
    assert said.count() == 0
    assert sent(page) == [{"ping": True}] * 4


def test_one_that_does_is_not(page):
    page.clock.install()
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    for _again in range(8):
        page.clock.run_for(10_000)
        page.evaluate("window.tell({ pong: true })")
    assert page.get_by_role("alert").count() == 0


def test_one_that_was_let_go_is_told_too(page):
    page.clock.install()
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    page.evaluate("() => { window.model.send = () => { throw new Error('Cannot send'); }; }")
    page.clock.run_for(40_000)
    assert page.get_by_role("alert").filter(has_text="does not answer").is_visible()


def test_a_page_of_its_own_has_a_switch_for_light_and_dark_and_others_have_none(page):
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    switch = page.get_by_role("button", name="Dark", exact=True)
    assert switch.count() == 0, "JupyterLab has its own"
    page.add_init_script("let dark = true; window.explorerTheme = { isDark: () => dark, turn: (wanted) => { dark = wanted; } };")
    show(page, StatusView(Session(worker=InlineWorker(FakeBackend))))
    assert switch.get_attribute("aria-pressed") == "true"
    switch.click()
    assert switch.get_attribute("aria-pressed") == "false"
