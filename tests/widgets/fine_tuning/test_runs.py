import time

import pytest
from fake_fine_tuning import asked
from fake_runs import RunningBackend, begun, epoch, finish, outcome, told
from messages import says, sent

from explorer import runs
from explorer.recipe.freeze_plan import snapped
from explorer.runs import serialization as files
from explorer.values import DataSpec, NetworkSpec, Phase, Recipe, RunSettings
from explorer.widgets.fine_tuning.runs import RunsView


@pytest.fixture
def backend():
    return RunningBackend()


@pytest.fixture
def view(session, fine_tuning, run_list):
    return RunsView(session, fine_tuning, run_list)


def starts(view):
    return [row["start"] for row in view.rows]


def clock(run):
    return time.strftime("%H:%M", time.localtime(run.started))


def test_before_there_is_a_run_it_is_empty(view):
    assert (view.rows, view.chosen, view.line) == ([], "", "")


def test_a_run_is_told_in_a_row(view, run_list, alive):
    run_list.train()
    assert view.rows == [
        {
            "key": run_list.key,
            "start": "block 3",
            "about": f"digits · patterns · 5 + 5 epochs · {clock(run_list.run)}",
            "score": "–",
            "interval": "",
            "time": "",
            "state": "running",
            "failed": False,
            "going": True,
            "shown": True,
        }
    ]
    told(run_list, epoch(0, 0, held_out=0.75))
    assert (view.rows[0]["score"], view.rows[0]["interval"]) == ("75 %", "so far")
    finish(run_list, alive, "done", [epoch(0, 0)], outcome=outcome())
    row = view.rows[0]
    assert (row["score"], row["time"], row["state"], row["going"]) == ("92 ± 4 %", "4 s", "done", False)
    assert "88 to 96 %" in row["interval"]


@pytest.mark.parametrize(
    ("recipe", "start"),
    [
        (Recipe(7), "block 3"),
        (Recipe(0), "stem"),
        (Recipe(5), "layers[:5]"),
        (Recipe(9), "head only"),
        (Recipe(4, phases=(Phase("head", "adam", 0.1),)), "head only"),
        (Recipe(("image",)), "layers by name"),
    ],
)
def test_freeze_points_are_named_as_on_the_strip(view, run_list, alive, recipe, start):
    run_list.show(begun(alive, recipe))
    assert starts(view) == [start]


def test_a_run_is_called_alike_on_a_page_of_another_network(view, run_list, alive):
    run_list.show(begun(alive, Recipe(7), NetworkSpec("MobileNetV2", None)))
    assert starts(view) == ["block 3"]
    run_list.show(begun(alive, Recipe(116), NetworkSpec("MobileNetV2", None)))
    assert starts(view)[0] == "layers[:116]", "one that is not written down"
    assert view.rows[0]["about"].startswith("MobileNetV2 · patterns · ")


def test_examples_that_were_collected_on_the_page_are_called_so(view, run_list, alive):
    key = begun(alive)
    kept = DataSpec("folder", str(runs.folder(key) / "data" / "training"))
    files.write_settings(runs.folder(key), RunSettings(NetworkSpec("digits", None), kept, Recipe(7)))
    run_list.show(key)
    assert view.rows[0]["about"].startswith("digits · own examples · ")


def test_runs_that_begin_at_the_same_layer_are_told_apart(view, run_list, alive):
    phases = (Phase("head", "adam", 0.1, 3), Phase("tail", "sgd", 0.1, 0))
    run_list.show(begun(alive, Recipe(7, phases=phases, mistakes=("rate",))))
    assert view.rows[0]["about"] == f"digits · patterns · 3 epochs · with a mistake · {clock(run_list.run)}"


def test_a_row_shows_its_run_again_runs_it_again_and_deletes_it(view, run_list, fine_tuning, alive):
    run_list.train()
    first = run_list.key
    finish(run_list, alive, "done", [epoch(0, 0)])
    fine_tuning.freeze_at(snapped(fine_tuning.backbone, 4))
    run_list.train()
    assert starts(view) == ["block 2", "block 3"]
    says(view, {"show": first})
    assert [row["shown"] for row in view.rows] == [False, True]
    assert view.busy
    says(view, {"delete": view.rows[0]["key"]})
    assert (starts(view), view.busy) == (["block 3"], False)
    says(view, {"again": first})
    assert starts(view) == ["block 3", "block 3"]


def test_the_line_of_keras_is_of_the_run_that_is_shown(view, run_list, alive):
    run_list.show(begun(alive, Recipe(7)))
    assert (view.chosen, view.line) == ("block 3", "for layer in model.layers[:7]: layer.trainable = False")
    run_list.show(begun(alive, Recipe(7, phases=(Phase("head", "adam", 0.1),))))
    assert view.line == "base_model.trainable = False"
    run_list.show(begun(alive, Recipe(("a", "b"))))
    assert view.line == "for name in ['a', 'b']: model.get_layer(name).trainable = False"


def test_a_model_can_be_taken_once_an_epoch_is_through(view, run_list, alive):
    run_list.train()
    assert view.barred == ["model", "history"]
    finish(run_list, alive, "stopped", [epoch(0, 0)], best_epoch=0)
    assert view.barred == []


@pytest.mark.parametrize("what", ["model", "script", "notebook", "bundle", "history"])
def test_files_go_to_the_browser(view, run_list, backend, what):
    run_list.train()
    messages = sent(view)
    says(view, {"take": what})
    assert asked(backend, "take_run") == [(run_list.key, what)]
    assert [message["file"] for message in messages] == [f"run.{what}"]
    assert run_list.taken is None


def test_by_itself_it_makes_what_it_needs_and_lets_go(session, alive, backend):
    begun(alive, Recipe(7))
    view = RunsView(session)
    assert starts(view) == ["block 3"]
    view.close()
    session.open("digits", weights=None)
    assert len(asked(backend, "backbone")) == 1
