"""A page that was loaded anew: by the run in its address it goes back to all that the run is made of."""

import pytest
from fake_data import DataBackend
from fake_fine_tuning import deep
from fake_runs import RunningBackend, begun, end, play

from explorer import runs
from explorer.dashboards.pages import FineTuner
from explorer.state.dataset_builder import DatasetBuilder
from explorer.state.fine_tuning import FineTuningState
from explorer.state.run_list import RunList
from explorer.state.session import Session
from explorer.values import DataSpec, Head, NetworkSpec, Recipe
from explorer.worker import providers

RECIPE = Recipe(4, Head(units=0), seed=5)
DATA = DataSpec("built-in", "patterns", 0.3, 5, 40)


class Backend(RunningBackend, DataBackend):
    """Runs and data."""


@pytest.fixture
def backend(monkeypatch, tmp_path):
    backend = Backend(networks={"VGG16": deep})
    play(monkeypatch, tmp_path, backend.alive)
    monkeypatch.setattr(providers, "backend", lambda: backend)
    return backend


@pytest.fixture
def page(backend):
    return FineTuner("digits")


def find(page, kind):
    """Return the state of this kind that the page's views share."""
    return next(state for state in (*page._fine_tuning_panel._states, page.fine_tuning) if isinstance(state, kind))


def come_back(page, key):
    find(page, RunList).return_to(key)


def test_network_recipe_and_data_are_those_of_the_run(page, backend):
    come_back(page, begun(backend.alive, RECIPE, NetworkSpec("VGG16", None), DATA))
    dataset_builder = find(page, DatasetBuilder)
    assert page.session.network.spec == NetworkSpec("VGG16", None)
    assert page.fine_tuning.recipe == RECIPE
    assert page.fine_tuning.freeze == page.fine_tuning.plan.index == 4
    assert (dataset_builder.source, dataset_builder.count, dataset_builder.validation, dataset_builder.seed) == ("patterns", 40, 0.3, 5)
    assert page.fine_tuning.data is not None


def test_the_recipe_is_taken_where_the_network_is_shown_already(page, backend):
    asked = len(backend.asked)
    come_back(page, begun(backend.alive, RECIPE, page.session.network.spec))
    assert page.fine_tuning.recipe == RECIPE
    assert "open" not in [method for method, *_rest in backend.asked[asked:]]


def test_a_network_that_can_not_be_opened_any_more_leaves_the_page_as_it_is(page, backend):
    backend.missing = {"VGG16"}
    before = page.fine_tuning.recipe
    key = begun(backend.alive, RECIPE, NetworkSpec("VGG16", None), DATA)
    come_back(page, key)
    assert page.session.network.spec.name == "digits"
    assert page.session.error_message == "The weights are not here."
    assert find(page, RunList).key == key
    assert page.fine_tuning.recipe == before


def test_a_recipe_that_waits_is_dropped_when_another_network_is_picked(backend):
    session = Session("digits")
    fine_tuning = FineTuningState(session)
    fine_tuning.shown = True
    fine_tuning.restore(NetworkSpec("VGG16", None), RECIPE)
    session.open("ResNet50", weights=None)
    session.open("VGG16", weights=None)
    assert fine_tuning.recipe != RECIPE


def test_examples_that_a_run_has_kept_are_called_so(page, backend):
    key = begun(backend.alive, RECIPE, data=DATA)
    end(backend.alive, key)
    page.fine_tuning.shown = True
    dataset_builder = find(page, DatasetBuilder)
    dataset_builder.restore(DataSpec("folder", str(runs.folder(key) / "data")))
    view = next(child for child in page.children[0].children[1].children if hasattr(child, "source_text"))
    assert view.source_text == "examples of an earlier run"


def test_a_folder_of_its_own_for_what_is_held_out_leaves_the_share(page, backend, tmp_path):
    dataset_builder = find(page, DatasetBuilder)
    dataset_builder.restore(DataSpec("folder", str(tmp_path / "mine"), str(tmp_path / "held out"), 3))
    assert (dataset_builder.validation, dataset_builder.seed) == (0.2, 3)
