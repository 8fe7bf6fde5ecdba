"""A training on a page of its own: drawn while it runs, stopped, found again when the page is loaded again, gone on with."""

import re

import pytest
from pages import refused

pytestmark = pytest.mark.browser

CELL = """
import os
os.environ["EXPLORER_RUNS"] = {runs!r}
from ipywidgets import VBox
from explorer.state.session import Session
from explorer.state.run_list import Trainings
from explorer.state.fine_tuning import Tuning
from explorer.widgets.fine_tuning.recipe import RecipeView
from explorer.widgets.fine_tuning.runs import RunsView
from explorer.widgets.explore.status import StatusView
from explorer.widgets.fine_tuning.training import TrainingView

session = Session("digits")
tuning = Tuning(session)
tuning.shown = True
trainings = Trainings(session, tuning)

def choose(_change):
    arguments = ("patterns", 0.2, 0, 400, "", "")
    session.ask("data", "choose_data", session.network.spec, *arguments, done=lambda data: tuning.set_trait("data", data))

tuning.observe(choose, "backbone")
VBox([StatusView(session), RecipeView(session, tuning), TrainingView(session, tuning, trainings), RunsView(session, tuning, trainings)])
"""


@pytest.mark.slow
def test_a_training_is_drawn_stopped_found_again_and_gone_on_with(voila, open_page, tmp_path):
    page = open_page(voila("training", CELL.format(runs=str(tmp_path))))
    train = page.get_by_role("button", name="Train", exact=True)
    page.locator(".training-bar button.main:enabled").wait_for()
    for phase in ("1. head", "2. tail"):
        epochs = page.get_by_label(f"epochs, {phase}")
        epochs.fill("500")
        epochs.press("Enter")
    train.click()
    page.wait_for_url(re.compile(r"[?&]run=[0-9a-f]{32}"))
    named = page.url
    page.get_by_text(re.compile(r"^epoch \d+ of 1000")).wait_for()
    page.locator(".js-plotly-plot .scatterlayer .trace .js-line").first.wait_for()
    assert page.locator("[aria-hidden='true'] .js-plotly-plot, .js-plotly-plot[aria-hidden='true']").count() == 1

    page.reload()
    page.get_by_text(re.compile(r"^epoch ([2-9]|\d\d+) of 1000")).wait_for()
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_text(re.compile(r"Stopped. The weights of epoch \d+")).wait_for()
    assert page.get_by_role("table", name="Runs").get_by_text("stopped").is_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Model .keras").click()
    assert download.value.suggested_filename.endswith(".keras")

    page.get_by_role("button", name="Resume").click()
    page.get_by_text(re.compile(r"^epoch \d+ of 1000")).wait_for()
    page.get_by_role("button", name="delete: ").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_text("Each training is listed here").wait_for()
    assert "run=" not in page.url
    assert not any(tmp_path.iterdir())

    page.goto(named)
    refused(page, "There is no such run")
    page.wait_for_url(lambda address: "run=" not in address)
    assert page.beyond == page.errors == []
