import random

import numpy as np
import pytest

from explorer.backend.fine_tuning.checkpoints import Checkpoints
from explorer.backend.fine_tuning.keras_callbacks import BestCheckpoint
from explorer.values import Epoch


class Variable:
    """Stands for one of Keras's."""

    def __init__(self, value):
        self.value = np.asarray(value, np.float32)

    def numpy(self):
        return self.value


class Optimizer:
    """Stands for one of Keras's."""

    variables = (Variable([3, 4]),)


def keep(folder, epochs):
    """Write the backup after so many epochs; the variables have their number as value."""
    best = BestCheckpoint([Variable([[epochs, 2.0]]), Variable(epochs)])
    best.keep()
    history = [Epoch(0, place, 0.5, 1.0, 0.5) for place in range(epochs)]
    Checkpoints(folder).keep(0, epochs, history, best, Optimizer())


def test_the_newest_is_found_and_the_one_before_stays(tmp_path):
    for epochs in (1, 2, 3):
        keep(tmp_path, epochs)
    checkpoints = Checkpoints(tmp_path)
    assert (checkpoints.found().epoch, checkpoints.notice) == (3, "")
    (tmp_path / "backup.npz").unlink()  # as where a process is killed just before the new one is there
    assert (checkpoints.found().epoch, checkpoints.notice) == (2, "")


def damages():
    """Yield functions that damage the bytes of a backup."""
    draw = random.Random(7)
    yield "empty", lambda _whole: b""
    yield "zeros", lambda whole: bytes(len(whole))
    for part in (0.1, 0.5, 0.99):
        yield f"cut at {part}", lambda whole, part=part: whole[: int(len(whole) * part)]
    yield "a page of zeros", lambda whole: whole[:100] + bytes(200) + whole[300:]
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (10000000000000,), }".ljust(118)
    yield "an array", lambda _whole: b"\x93NUMPY\x01\x00v\x00" + header
    for _number in range(200):
        at, bit = draw.random(), draw.randrange(8)
        yield f"bit {bit} at {at:.4f}", lambda whole, at=at, bit=bit: flipped(whole, int(at * len(whole)), bit)


def flipped(whole, place, bit):
    content = bytearray(whole)
    content[place] ^= 1 << bit
    return bytes(content)


def test_a_damaged_backup_gives_way_to_the_one_before_whatever_the_damage(tmp_path):
    keep(tmp_path, 1)
    before = (tmp_path / "backup.npz").read_bytes()
    keep(tmp_path, 2)
    newest = (tmp_path / "backup.npz").read_bytes()
    for name, damage in damages():
        (tmp_path / "backup.npz").write_bytes(damage(newest))
        (tmp_path / "backup-before.npz").write_bytes(before)
        checkpoints = Checkpoints(tmp_path)
        found = checkpoints.found()
        assert found.epoch == (1 if checkpoints.notice else 2), name
        assert len(found.history) == found.epoch, name
        assert found.arrays.keys() == {"variable_0", "variable_1", "best_0", "best_1", "optimizer_0"}, name
        assert found.arrays["variable_0"].tolist() == [[found.epoch, 2]], name
        if checkpoints.notice:
            assert (tmp_path / "backup.npz").read_bytes() == before, name


@pytest.mark.parametrize("count", [1, 2])
def test_where_none_is_whole_that_is_said(tmp_path, count):
    for epochs in range(1, count + 1):
        keep(tmp_path, epochs)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-30])
    checkpoints = Checkpoints(tmp_path)
    assert checkpoints.found() is None
    assert checkpoints.notice == "The backup of this training is damaged: what was trained is lost, and it begins anew."
