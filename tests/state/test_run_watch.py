import asyncio

from fakes import until

from explorer.state.run_watch import QUIET, Poller, Silence


def silences(*looks):
    """Return what is said at each look: (seconds since the one before, what is seen)."""
    now = [0.0]
    silence, said = Silence(lambda: now[0]), []
    for seconds, pulse in looks:
        now[0] += seconds
        said.append(silence.look(pulse))
    return said


def test_silence_is_said_once_it_is_long_and_taken_back_with_the_next_sign_of_life():
    looks = [(1, "a")] * (QUIET + 8)
    said = silences(*looks, (1, "b"), (1, "b"))
    assert said[QUIET - 1] == 0
    assert said[QUIET : QUIET + 8] == [30] * 5 + [35] * 3, "not every second anew"
    assert said[-2:] == [0, 0]


def test_who_did_not_look_has_heard_no_silence():
    assert silences((0, "a"), (86_400, "a"), (1, "a")) == [0, 0, 0], "a laptop that slept"
    assert silences((0, "a"), (-3_600, "a"), (29, "a")) == [0, 0, 0], "a clock that was set back"


def test_looks_go_on_while_each_asks_for_the_next_and_there_is_something_to_see():
    async def looked():
        looked = []

        def look():
            looked.append(1)
            if len(looked) != 3:  # as where it failed
                looks.follow()

        looks = Poller(look, lambda: len(looked) < 5)
        looks.follow()
        await until(lambda: len(looked) == 3)
        looks.follow()
        await until(lambda: len(looked) == 5)
        looks.close()
        looks.follow()
        return looked

    assert len(asyncio.run(looked())) == 5


def test_without_an_event_loop_nothing_looks():
    looks = Poller(lambda: 1 / 0, lambda: True)
    looks.follow()
    looks.close()
