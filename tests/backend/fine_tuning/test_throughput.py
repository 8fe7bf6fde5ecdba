"""How long a training still takes: timelines played on a clock of the test's own, and what is told at each batch."""

from dataclasses import replace

import pytest

from explorer.backend.fine_tuning.throughput import Throughput
from explorer.values.training import HEAD_PHASE, TAIL_PHASE

FACTOR = 1.5  # that what is told may be off by


def played(phases, speed=lambda _time: 1.0, begin=(0, 0), saving=0.0):
    """Play a training; return (phase, epoch, told, true) at each batch and each end of an epoch.

    phases: of each its Phase, how many training and validation batches an epoch has, how long one takes, and how long tracing takes;
    speed: how much longer everything takes at a time; begin: the phase and the epoch that it goes on from.
    """
    time, told = 0.0, []

    def passes(seconds):
        nonlocal time
        time += seconds * speed(time)

    throughput = Throughput({place: one[0] for place, one in enumerate(phases)}, clock=lambda: time)
    for place, (phase, batches, validation, seconds, seconds_after, traced) in enumerate(phases):
        first = begin[1] if place == begin[0] else 0
        for epoch in range(first, phase.epochs if place >= begin[0] else 0):
            throughput.begin(place, epoch)
            for number in range(batches):
                passes(seconds + (traced if epoch == first and not number else 0))
                throughput.batch(number + 1, batches)
                told.append((place, epoch, throughput.left(), time))
            for number in range(validation):
                passes(seconds_after + (traced / 3 if epoch == first and not number else 0))
                throughput.validated()
            throughput.finish()
            told.append((place, epoch, throughput.left(), time))
            passes(saving)
    return [(place, epoch, left, time - at) for place, epoch, left, at in told]


def check(told, within=FACTOR, slack=0.0):
    for place, epoch, left, true in told:
        if left:  # nothing is said of none
            assert true / within - slack <= left <= true * within + slack, (place, epoch, left, true)


def phase(epochs, kind=TAIL_PHASE, **fields):
    return replace(kind, epochs=epochs, **fields)


HEAD, TAIL = (phase(5, HEAD_PHASE), 20, 5, 0.005, 0.002, 3.0), (phase(5), 20, 5, 1.0, 0.3, 12.0)


def test_nothing_is_told_of_a_slow_tail_while_the_fast_head_trains():
    told = played([HEAD, TAIL])
    assert all(left is None for place, epoch, left, _true in told if (place, epoch) < (1, 0))
    known = [left for place, epoch, left, _true in told if (place, epoch) > (1, 0)]
    assert None not in known
    check(told, 1.05, slack=1e-6)
    assert known[-1] == 0


def test_nothing_is_told_of_a_fast_head_after_a_slow_tail():
    check(played([(phase(3), 10, 2, 2.0, 0.6, 30.0), (phase(5, HEAD_PHASE), 10, 2, 0.01, 0.003, 1.0)]), slack=1.1)  # its tracing


def test_tracing_counts_for_no_later_epoch():
    told = played([(phase(10), 10, 3, 0.1, 0.05, 60.0)])
    assert [left for _place, epoch, left, _true in told if not epoch][:-1] == [None] * 10
    assert next(left for _place, _epoch, left, _true in told if left is not None) == pytest.approx(9 * 1.15)
    check(told, 1.01, slack=1e-6)


@pytest.mark.parametrize(("batches", "validation"), [(1, 1), (1, 0), (5, 1)])
def test_epochs_of_single_batches_are_known_after_the_second(batches, validation):
    told = played([(phase(6), batches, validation, 0.5, 0.5, 20.0)])
    assert all(left is None for _place, epoch, left, _true in told if not epoch)
    assert told[-2][2] is not None
    check(told, 1.01, slack=1e-6)


def test_validation_may_be_most_of_an_epoch():
    check(played([(phase(4), 10, 90, 0.1, 0.1, 5.0)]), 1.01, slack=1e-6)


def test_what_is_saved_between_epochs_is_counted():
    check(played([(phase(6), 10, 2, 0.1, 0.05, 5.0)], saving=1.0)[22:], 1.05, slack=1e-6)


def test_a_training_that_goes_on_is_measured_anew():
    told = played([HEAD, TAIL], begin=(1, 2))
    assert all(left is None for _place, epoch, left, _true in told[:20])
    assert told[20][2] == pytest.approx(2 * 21.5)
    check(told, 1.05, slack=1e-6)


def test_phases_of_one_kind_need_not_be_measured_again():
    told = played([HEAD, TAIL, (phase(8), 20, 5, 1.0, 0.3, 0.0)])
    assert all(left is not None for place, epoch, left, _true in told if (place, epoch) > (1, 0))
    check(told, 1.05, slack=1e-6)
    other = played([HEAD, TAIL, (phase(8, batch_size=4), 160, 40, 0.3, 0.1, 0.0)])
    assert all(left is None for place, epoch, left, _true in other if (place, epoch) < (2, 0))


def test_phases_without_epochs_do_not_matter():
    assert played([(phase(3, HEAD_PHASE), 5, 1, 0.1, 0.1, 1.0), (phase(0), 5, 1, 1.0, 1.0, 1.0)])[-2][2] is not None


@pytest.mark.parametrize(
    "speed",
    [
        lambda time: 1.4 if int(time) % 2 else 0.8,  # noise
        lambda time: 1 + time / 300,  # it gets warm
        lambda time: 3.0 if 30 <= time < 36 else 1.0,  # something else for a moment
    ],
    ids=["noise", "drift", "spike"],
)
def test_a_speed_that_varies_is_followed(speed):
    check(played([HEAD, (phase(10), 20, 5, 0.5, 0.15, 12.0)], speed), slack=1.5)


@pytest.mark.parametrize(("batches", "validation", "seconds"), [(20, 5, 0.1), (1, 1, 2.0), (2, 0, 1.0)])
@pytest.mark.parametrize("at", [0.2, 0.7, 0.97])  # of the training: in its batches, in validation, between epochs
def test_a_machine_that_slept_for_a_minute_is_as_fast_as_before(batches, validation, seconds, at):
    plan = [(phase(20), batches, validation, seconds, seconds / 3, 5.0)]
    steady = played(plan, saving=0.5)
    slept = [None]

    def speed(time):
        if slept[0] is None and time > 5 + at * (steady[0][3] - 5):
            slept[0] = time
            return 60 / seconds
        return 1.0

    told = played(plan, speed, saving=0.5)
    assert slept[0] is not None
    for (_place, _epoch, left, _true), (*_same, true) in zip(told, steady, strict=True):
        assert left is None or left <= FACTOR * true + 4 * seconds


def test_a_machine_that_gets_slower_is_noticed_within_an_epoch():
    told = played([(phase(12), 20, 5, 0.5, 0.15, 5.0)], lambda time: 2.0 if time > 50 else 1.0)
    check([one for one in told if one[3] < told[-1][3] + 200 and one[1] >= 6], slack=1.0)
