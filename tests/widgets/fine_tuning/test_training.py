"""The training without a browser: say what its JavaScript would say, look at plotly's figure."""

import pytest
from fake_fine_tuning import DATA, asked
from fake_runs import RunningBackend, batch, begun, epoch, finish, told
from messages import says, sent

from explorer.values import Phase, Recipe, TrainingStep
from explorer.widgets.fine_tuning.training import TrainingView

TRAINING, UNDER_WAY, HELD_OUT, KEPT = range(4)  # the curves of the accuracy
LOSS = 4  # from here on those of the loss, in the same order


@pytest.fixture
def backend():
    return RunningBackend()


@pytest.fixture
def view(session, fine_tuning, run_list):
    """A view on a page that draws what it is given."""
    view = TrainingView(session, fine_tuning, run_list)
    view.bar.width = 600
    yield view
    view.close()


def points(view, curve):
    """Return where the points of a curve lie: epochs, values."""
    drawn = view.figure.data[curve]
    return list(drawn.x), list(drawn.y)


# Buttons and words


def test_train_starts_one_and_says_how_far_it_is(view, run_list):
    bar = view.bar
    assert (bar.barred, bar.going, bar.resumable, bar.said, bar.shown) == ("", False, False, "", False)
    says(bar, {"train": True})
    assert (bar.going, bar.stoppable, bar.said, bar.fraction) == (True, True, "Preparing…", -1)
    assert bar.barred
    assert bar.key == run_list.key != ""
    told(run_list, TrainingStep("features", done=120, total=200))
    assert (bar.said, bar.fraction) == ("computing features: 120 of 200 examples", 0.6)
    told(run_list, epoch(0, 0), batch(0, 1, 5, left=12.2))
    assert (bar.said, bar.fraction) == ("epoch 2 of 10, 12 s left", 0.15)


def test_the_reason_why_none_can_begin_follows_what_is_there(view, fine_tuning):
    fine_tuning.data = None
    assert "Add data first" in view.bar.barred
    fine_tuning.data = DATA
    assert view.bar.barred == ""


def test_stop_says_so_until_it_has_stopped_and_go_on_is_offered(view, run_list, alive, backend):
    bar = view.bar
    says(bar, {"train": True})
    told(run_list, epoch(0, 0))
    says(bar, {"stop": True})
    assert (bar.said, bar.stoppable, bar.going) == ("Stopping…", False, True)
    finish(run_list, alive, "stopped", [epoch(0, 0)], best_epoch=0)
    assert bar.said == "Stopped. The weights of epoch 1, the best so far, were kept."
    assert (bar.going, bar.resumable, bar.failed) == (False, True, False)
    says(bar, {"resume": True})
    assert (bar.going, bar.resumable) == (True, False)
    assert asked(backend, "resume") == [(bar.key,)]


def test_a_failure_and_what_there_is_to_learn_stay_on_the_page(view, run_list, alive, session):
    says(view.bar, {"train": True})
    finish(run_list, alive, "failed", [epoch(0, 0)], best_epoch=0, error_message="The disk is full.", notices=("The rate was too high.",))
    assert (view.bar.failed, view.bar.notices) == (True, ["The rate was too high."])
    assert view.bar.said == "The disk is full. The weights of epoch 1, the best, were kept."
    assert session.error_message == ""


def test_the_epochs_are_told_as_a_table_too(view, run_list):
    says(view.bar, {"train": True})
    told(run_list, epoch(0, 0, 0.5, 0.625), epoch(1, 0, 0.75, None))
    assert view.bar.rows == [["1", "1", "50.0 %", "62.5 %", "0.75", "0.688"], ["2", "2", "75.0 %", "", "0.625", ""]]


def test_the_run_that_the_address_names_is_shown(view, run_list, alive):
    key = begun(alive)
    says(view.bar, {"run": key})
    assert (view.bar.key, view.bar.going) == (key, True)


def test_runs_that_the_browser_knows_are_listed_and_those_that_are_gone_forgotten(view, run_list, alive):
    key, messages = begun(alive), sent(view.bar)
    says(view.bar, {"own": [key, "f" * 32]})
    assert [record.key for record in run_list.runs] == [key]
    assert messages == [{"unknown": "f" * 32}]


def test_a_run_that_gives_no_sign_of_life_can_be_ended(view, run_list):
    says(view.bar, {"train": True})
    told(run_list, TrainingStep("preparing", text="Preparing phase 1…"))
    assert view.bar.silent == ""
    run_list.silent = 45
    assert view.bar.silent.startswith(
        "No sign of life for 45 s (Preparing phase 1…). A large network may take that long; if this one hangs"
    )
    assert view.bar.going
    says(view.bar, {"kill": True})
    assert (view.bar.silent, view.bar.going, view.bar.resumable, view.bar.failed) == ("", False, True, True)


def test_an_unknown_run_in_the_address_is_said_and_goes_from_it(view, session):
    messages = sent(view.bar)
    says(view.bar, {"run": "nowhere"})
    assert "no such run" in session.error_message
    assert messages == [{"unknown": "nowhere"}]
    assert view.bar.key == ""


# Curves


def test_the_figure_is_made_when_there_is_something_to_draw(view, run_list):
    assert view.figure is None
    assert view.children[1].children == ()
    run_list.train()
    assert (view.children[1].children, view.children[1].layout.display) == ((view.figure,), "")
    assert not view.figure._config["displayModeBar"]


def test_it_draws_each_epoch_and_the_one_under_way(view, run_list):
    run_list.train()
    view.bar.drawn = True
    told(run_list, epoch(0, 0, 0.5, 0.6), epoch(0, 1, 0.6, 0.7), batch(0, 2, 5, accuracy=0.65))
    assert points(view, TRAINING) == ([1, 2], [50, 60])
    assert points(view, HELD_OUT) == ([1, 2], [60, 70])
    assert points(view, UNDER_WAY) == ([2, 2.5], [60, 65])
    assert points(view, KEPT) == ([], [])
    assert points(view, LOSS + TRAINING) == ([1, 2], [0.75, 0.7])
    assert [curve.yaxis for curve in view.figure.data[LOSS:]] == ["y2"] * 4


def test_nothing_is_sent_while_the_browser_still_reads_the_figure(view, run_list):
    run_list.train()
    told(run_list, epoch(0, 0))
    assert points(view, TRAINING) == ([], [])
    view.bar.drawn = True
    assert points(view, TRAINING) == ([1], [50])


def test_the_weights_that_are_kept_are_marked(view, run_list, alive):
    run_list.train()
    view.bar.drawn = True
    finish(run_list, alive, "stopped", [epoch(0, 0), epoch(0, 1, held_out=0.5)], best_epoch=0)
    assert points(view, KEPT) == ([1], [60])


def test_the_curves_go_with_the_run_that_is_deleted(view, run_list):
    run_list.train()
    run_list.delete(run_list.key)
    assert view.children[1].layout.display == "none"
    assert (view.bar.shown, view.bar.said) == (False, "")


def test_another_run_takes_the_place_of_the_one_before(view, run_list, alive):
    run_list.train()
    view.bar.drawn = True
    told(run_list, epoch(0, 0), epoch(0, 1))
    assert points(view, TRAINING) == ([1, 2], [50, 50])
    run_list.show(begun(alive))
    assert points(view, TRAINING) == ([], [])


def test_no_mark_of_another_run_stays(view, run_list, alive):
    run_list.show(begun(alive))
    view.bar.drawn = True
    assert len(view.figure.layout.shapes) == 2
    run_list.show(begun(alive, Recipe(7, phases=(Phase("head", "adam", 0.1, 3),))))
    assert view.figure.layout.shapes == ()
    assert [one.text for one in view.figure.layout.annotations] == ["<b>Accuracy</b>", "<b>Loss</b>"]


def test_by_itself_it_makes_what_it_needs_and_lets_go(session, alive, backend):
    view = TrainingView(session)
    assert view.bar.barred == "Add data first: pictures or sounds of at least two classes."
    view.close()
    session.open("digits", weights=None)
    assert len(asked(backend, "backbone")) == 1
