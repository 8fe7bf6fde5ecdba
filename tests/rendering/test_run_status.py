from dataclasses import replace

import pytest
from fake_fine_tuning import SPEC
from fake_runs import NETWORK, batch, epoch, records

from explorer.rendering.run_status import duration, ended, in_words, with_time_left
from explorer.values import Recipe, RunRecord, RunSettings, TrainingStep

PLANNED = {0: 5, 1: 5}


def test_progress_counts_epochs_that_were_saved_by_stopping_early():
    history = records(epoch(0, 0), epoch(0, 1))
    assert in_words(batch(1, 0, 5), PLANNED, history) == ("epoch 3 of 7", 2.5 / 7)
    assert in_words(None, PLANNED, ()) == ("Preparing…", -1)
    assert in_words(TrainingStep("preparing", text="Loading TensorFlow…"), PLANNED, ()) == ("Loading TensorFlow…", -1)


def test_what_came_of_it_is_said_with_its_doubt():
    run = RunRecord("key", RunSettings(NETWORK, SPEC, Recipe(7)), "done", 0.0, 4.0, accuracy=0.92, low=0.88, high=0.96)
    assert ended(run) == "Done in 4 s. Validation accuracy: 92 ± 4 %."
    assert ended(replace(run, accuracy=1.0, low=0.72, high=1.0)) == "Done in 4 s. Validation accuracy: 100 % (72 to 100 %)."
    assert ended(replace(run, accuracy=None)) == "Done in 4 s."
    assert ended(replace(run, state="stopped", best_epoch=None)) == "Stopped before the first epoch ended; there is nothing to keep."
    failed = replace(run, state="failed", error_message="The loss is no number any more.")
    assert ended(failed) == "The loss is no number any more."
    assert ended(replace(failed, best_epoch=2)) == "The loss is no number any more. The weights of epoch 3, the best, were kept."


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (0.2, "1 s"), (12.4, "12 s"), (60, "1 min"), (125, "2 min 5 s"), (3600, "1 h"), (7260, "2 h 1 min")]
)
def test_times_are_said_in_few_words(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("left", "sooner", "said"),
    [
        (None, False, "epoch 1 of 2"),
        (0.0, False, "epoch 1 of 2"),
        (12.2, False, "epoch 1 of 2, 12 s left"),
        (12.2, True, "epoch 1 of 2, at most 12 s left"),
        (3466, False, "epoch 1 of 2, 58 min left"),
        (3590, False, "epoch 1 of 2, 1 h left"),
        (7210, False, "epoch 1 of 2, 2 h left"),
    ],
)
def test_the_time_left_is_told_no_more_exactly_than_it_is_known(left, sooner, said):
    assert with_time_left("epoch 1 of 2", TrainingStep("batch", left=left, sooner=sooner)) == said
