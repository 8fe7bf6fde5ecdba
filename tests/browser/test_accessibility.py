"""axe-core finds nothing on any page, light and dark. Those of a training are looked at where one is made: test_fine_tuning.py."""

import pytest
from accessible import violations
from pages import at, idle, load, tab

pytestmark = pytest.mark.browser


def test_exploring_has_no_violations(visit):
    page, found = visit.page(), {}
    load(page, "digits")
    page.locator(".explorer .pick").click()
    page.get_by_role("listbox", name="Architecture").get_by_role("option").first.wait_for()
    found["picker"] = violations(page)
    page.keyboard.press("Escape")
    tab(page, "Model")
    page.locator(".explorer.page details:visible").evaluate_all("(all) => all.forEach((one) => { one.open = true; })")
    found["model"] = violations(page)
    tab(page, "Inside")
    page.get_by_role("button", name="Chart").click()
    page.locator(".explorer .js-plotly-plot .scatterlayer .point").first.wait_for()
    found["chart"] = violations(page)
    page.get_by_role("button", name="Chart").click()
    load(page, "timbres")
    page.locator(".explorer.sound-view .spectrum img").wait_for()
    found["sound"] = violations(page)
    tab(page, "Over time").locator(".map img").wait_for()
    idle(page)
    found["over time"] = violations(page)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


def test_the_other_dashboards_have_no_violations(open_page, played):
    page, found = open_page("about:blank"), {}
    for notebook in ("fine_tune", "lesson_predictions"):
        page.goto(at(played.address, notebook))
        page.locator(".explorer .status:not(.busy)").wait_for()
        found[notebook] = violations(page)
    assert found == {"fine_tune": [], "lesson_predictions": []}
