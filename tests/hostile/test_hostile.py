import random

import pytest
from kinds import KINDS

SEED = 12


@pytest.mark.parametrize("name", KINDS)
def test_hostile_input_is_answered_or_refused_in_a_sentence(name, feeder, tmp_path):
    kind, source = KINDS[name], random.Random(f"{SEED} {name}")
    faults = []
    for place in range(kind.count):
        file, data = kind.generate(source)
        path = tmp_path / f"{place}_{file}"
        path.write_bytes(data)
        told = feeder.feed(kind.reader, path)
        faults += [f"{path.name}: {told.fault}"] if told.fault else []
        path.unlink()
    assert not faults, "\n".join(faults)
