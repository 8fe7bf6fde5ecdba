"""axe-core finds nothing on any page, light and dark: WCAG 2.2 A and AA, its best practices and its experimental rules."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import at, idle, load, opened, tab

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice", "experimental"]
OPEN_ALL = "(all) => all.forEach((one) => { one.open = true; })"
THEMES = ["light", "dark"]


def violations(page):
    """Return what axe-core finds on the page as it is: the rule and the element of each."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}}).response["violations"]
    return [f"{one['id']}: {' '.join(map(str, node['target']))} {node['html'][:200]}" for one in found for node in one["nodes"]]


def open_all(page, inside):
    page.locator(f"{inside} details:visible").evaluate_all(OPEN_ALL)


@pytest.mark.parametrize("theme", THEMES)
def test_exploring_and_a_finished_training_have_no_violations(open_page, dashboard, theme):
    page = opened(open_page(at(dashboard, theme=theme)))
    load(page, "digits")
    page.locator(".explorer .pick").click()
    page.get_by_role("listbox", name="Architecture").get_by_role("option").first.wait_for()
    assert violations(page) == []
    page.keyboard.press("Escape")
    tab(page, "Model")
    open_all(page, ".explorer.page")
    assert violations(page) == []
    tab(page, "Inside")
    page.get_by_role("button", name="Chart").click()
    page.locator(".explorer.accuracy-chart").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Chart").click()

    page.get_by_role("tab", name="Fine-tune").click()
    page.locator(".training-data summary", has_text="Built-in data").click()
    assert violations(page) == []
    page.locator(".training-data .sets").get_by_role("button", name=re.compile("digits")).click()
    page.locator(".training-bar button.main:enabled").wait_for()
    for phase in ("1. head", "2. tail"):
        page.get_by_label(f"epochs, {phase}").fill("1")
        page.get_by_label(f"epochs, {phase}").press("Enter")
    page.locator(".training-data button.pick").first.click()
    page.get_by_role("button", name="Pictures 0").click()
    page.locator(".cards-of-class li").first.wait_for()
    page.get_by_role("button", name="Train", exact=True).click()
    page.locator(".explorer .status", has_text="Training: ").wait_for()
    open_all(page, ".panel")
    assert violations(page) == []
    page.get_by_text(re.compile("Done in .* Validation accuracy")).wait_for(timeout=300_000)
    page.locator("[data-place='3,3']").focus()
    page.keyboard.press("Enter")
    page.get_by_role("list", name="Examples", exact=True).get_by_role("listitem").first.wait_for()
    page.locator(".explorer.before-after li").first.wait_for()
    page.locator(".training .js-plotly-plot .scatterlayer").first.wait_for()
    idle(page)
    assert violations(page) == []


@pytest.mark.parametrize("theme", THEMES)
def test_sound_has_no_violations(open_page, dashboard, theme):
    page = opened(open_page(at(dashboard, "sound", theme=theme)))
    assert violations(page) == []
    tab(page, "Over time").locator("canvas, svg, img").first.wait_for()
    assert violations(page) == []


@pytest.mark.parametrize("notebook", ["fine_tune", "lesson_predictions"])
def test_the_other_dashboards_have_no_violations(open_page, dashboard, notebook):
    page = open_page(at(dashboard, notebook, theme="dark"))
    page.locator(".explorer, .jp-OutputArea-output").first.wait_for()
    page.locator("#rendered_cells").wait_for()
    if page.locator(".explorer .status").count():
        idle(page)
    assert violations(page) == []
