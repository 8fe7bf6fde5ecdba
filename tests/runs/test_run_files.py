import pytest
from fake_runs import batch, begun, play, tell

from explorer import runs
from explorer.errors import UnknownName
from explorer.runs.run_files import RunFiles

NOWHERE = "0" * 32


@pytest.fixture
def alive(monkeypatch, tmp_path):
    alive = set()
    play(monkeypatch, tmp_path, alive)
    return alive


def test_runs_are_known_or_gone_and_those_that_can_not_be_read_are_neither(alive):
    known, damaged = begun(alive), begun(alive)
    (runs.folder(damaged) / "settings.json").write_text("{")
    found, gone = RunFiles().known((known, NOWHERE, damaged, "../x"), print)
    assert [record.key for record in found] == [known]
    assert gone == (NOWHERE, "../x")


def test_a_run_is_read_as_a_whole_only_where_it_told_nothing_new(alive):
    key = begun(alive)
    tell(key, batch(0, 0, 1), batch(0, 0, 2))
    told = RunFiles().news(key, 0, print)
    assert ([step.done for step in told.steps], told.record) == ([1, 2], None)
    again = RunFiles().news(key, told.position, print)
    assert (again.steps, again.position, again.pulse, again.record.state) == ((), told.position, told.pulse, "running")
    with pytest.raises(UnknownName):
        RunFiles().news(NOWHERE, 0, print)
