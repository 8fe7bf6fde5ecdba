import gc
import weakref

import pytest

from explorer.state import cells


class Made:
    closed = False

    def close(self):
        self.closed = True


@pytest.fixture
def made_in(monkeypatch):
    """Return a function that makes something in a run of a notebook's cell."""
    monkeypatch.setattr(cells, "_made_by", {})

    def made_in(*cell_and_run):
        monkeypatch.setattr(cells, "cell_here", lambda: cell_and_run or None)
        cells.replace_former(made := Made())
        return made

    return made_in


def test_what_a_cell_makes_anew_takes_the_place_of_the_one_before(made_in):
    first, beside, elsewhere, alone = made_in("a", "1"), made_in("a", "1"), made_in("b", "2"), made_in()
    again = made_in("a", "3")
    made_in()
    assert [one.closed for one in (first, beside, elsewhere, alone, again)] == [True, True, False, False, False]


def test_what_a_cell_has_made_is_not_kept_for_that(made_in):
    first = weakref.ref(made_in("a", "1"))
    gc.collect()
    assert first() is None
    assert not made_in("a", "2").closed
