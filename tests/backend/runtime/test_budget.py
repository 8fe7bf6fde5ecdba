import pytest

from explorer.backend.runtime import budget
from explorer.errors import ExplorerError, UnreadableExample, UnreadableModel


def test_what_fits_may_be_read(monkeypatch):
    monkeypatch.setenv(budget.VARIABLE, "100")
    budget.check(100 * 2**20, "a.png", "Save a smaller copy.")


def test_what_does_not_fit_is_refused_with_the_figure_the_limit_and_what_to_do(monkeypatch):
    monkeypatch.setenv(budget.VARIABLE, "100")
    with pytest.raises(UnreadableExample) as refused:
        budget.check(8 * 2**30, "a.png", "Save a smaller copy.")
    assert str(refused.value) == (
        "a.png would take 8.0 GB of memory, and one input may take 100 MB here. Save a smaller copy. "
        "EXPLORER_INPUT_MEMORY sets the limit in MB."
    )


def test_the_reader_says_what_kind_of_refusal_it_is():
    with pytest.raises(UnreadableModel, match="more than 1,000 TB"):
        budget.check(1e30, "a.keras", "Open another.", UnreadableModel)


def test_without_a_setting_half_of_the_free_memory_is_the_limit_and_at_most_4_gb(monkeypatch):
    monkeypatch.delenv(budget.VARIABLE, raising=False)
    monkeypatch.setattr(budget, "_free", lambda: 2 * 2**30)
    assert budget.limit() == 2**30
    monkeypatch.setattr(budget, "_free", lambda: 64 * 2**30)
    assert budget.limit() == 4 * 2**30


@pytest.mark.parametrize("text", ["much", "-1", "0", "1.5", "9" * 5000])
def test_a_setting_that_is_no_number_of_mb_is_refused(monkeypatch, text):
    monkeypatch.setenv(budget.VARIABLE, text)
    with pytest.raises(ExplorerError, match="EXPLORER_INPUT_MEMORY must be a whole number of MB"):
        budget.limit()
