"""Objects of Python, however odd: each reader answers, or refuses in a sentence of ours, and never raises anything else."""

import io
from collections import UserDict

import numpy as np
import pytest
from feeding import RAW

from explorer.backend.datasets import training_data
from explorer.backend.evaluation import data
from explorer.backend.inputs import arrays, audio, images
from explorer.errors import ExplorerError
from explorer.values import MelSpectrogram, Reading, TensorInfo

VECTOR = Reading("arrays", (TensorInfo("numbers", (4,), "float32"),))
STEPS = Reading("arrays", (TensorInfo("steps", (None, 2), "float32"), TensorInfo("words", (3,), "int32", 5)))
PICTURES = Reading("image", (TensorInfo("picture", (8, 8, 3), "float32"),), "unit", size=(8, 8, 3))
HEARD = MelSpectrogram(8000, 8000, 512, 256, 32)
SOUNDS = Reading("audio", (TensorInfo("sound", HEARD.shape, "float32"),), "", size=HEARD.shape, sound=HEARD)
X = np.arange(4.0)


class Evil:
    """An object that raises whatever it is asked for."""

    def __getattr__(self, name):
        raise RuntimeError(f"no {name} at 0x7f00deadbeef")


class EvilArray:
    def __init__(self, error):
        self.error = error

    def __array__(self, *_arguments, **_options):
        raise self.error


class NoArray:
    def __array__(self, *_arguments, **_options):
        return "nothing"


class Stream:
    """A file object whose read does what it is told to."""

    def __init__(self, read):
        self.read = read


class Frame:
    """Like a table of pandas."""

    def __init__(self, values):
        self.values = values

    def __array__(self, *_arguments, **_options):
        return np.array(self.values)

    def __len__(self):
        return len(self.values)

    def __iter__(self):
        return iter(["a", "b"])


class Lying(UserDict):
    def items(self):
        raise KeyError("items")


def raising(error):
    def read(*_arguments):
        raise error

    return read


def closed():
    stream = io.BytesIO(b"1,2,3,4")
    stream.close()
    return stream


def in_itself():
    ring = []
    ring.append(ring)
    return ring


def deep(depth):
    nested = 1
    for _step in range(depth):
        nested = [nested]
    return nested


OBJECTS = {
    "closed file": closed,
    "text file": lambda: io.StringIO("1,2"),
    "read raises": lambda: Stream(raising(RuntimeError("'NoneType' object has no attribute 'pop'"))),
    "read raises on the disk": lambda: Stream(raising(OSError(5, "Input/output error"))),
    "read wants for memory": lambda: Stream(raising(MemoryError())),
    "read gives None": lambda: Stream(lambda *_size: None),
    "read gives text": lambda: Stream(lambda *_size: "1,2,3,4"),
    "read never ends": lambda: Stream(lambda *_size: bytes(2**26)),
    "read is no function": lambda: Stream(b"1,2"),
    "empty file": io.BytesIO,
    "array raises": lambda: EvilArray(RuntimeError("object.__array__")),
    "array recurses": lambda: EvilArray(RecursionError()),
    "array wants for memory": lambda: EvilArray(MemoryError()),
    "array is none": NoArray,
    "frame": lambda: Frame([[1, 2], [3, 4]]),
    "frame of texts": lambda: Frame([["a", 1], [None, 4]]),
    "ragged list": lambda: [[1, 2], [3]],
    "ragged array": lambda: np.array([np.ones(2), np.ones(3)], object),
    "in itself": in_itself,
    "deep": lambda: deep(200),
    "objects": lambda: np.array([None, 1, "a", {}], object),
    "masked": lambda: np.ma.masked_array(X, [0, 1, 0, 0]),
    "masked nowhere": lambda: np.ma.masked_array(X),
    "complex": lambda: X.astype(complex),
    "dates": lambda: X.astype("M8[s]"),
    "durations": lambda: X.astype("m8[s]"),
    "structured": lambda: np.zeros(4, [("a", "f4"), ("b", "U3")]),
    "record": lambda: np.rec.array([(1, 2.0)] * 4),
    "texts": lambda: np.array(["a", "\x1b[31m", "b", ""]),
    "bytes in an array": lambda: np.array([b"a", b"\xff"]),
    "empty": lambda: np.zeros((0,)),
    "empty with a huge side": lambda: np.zeros((0, 2**40)),
    "no axis": lambda: np.array(4.0),
    "NaN": lambda: X * np.nan,
    "infinite": lambda: np.full(4, np.inf),
    "halves": lambda: X.astype("f2"),
    "long doubles": lambda: X.astype("longdouble") * np.longdouble("1e4000"),
    "the other way round": lambda: X.astype(">f8"),
    "every other": lambda: np.arange(8.0)[::2],
    "backwards": lambda: X[::-1],
    "broadcast beyond the budget": lambda: np.broadcast_to(np.float32(0), (2**12, 2**12)),
    "a matrix": lambda: np.asmatrix(X),
    "booleans": lambda: X > 1,
    "huge whole numbers": lambda: [10**30] * 4,
    "many axes": lambda: np.zeros((1,) * 60),
    "a picture's shape": lambda: np.zeros((8, 8, 3), np.uint8),
    "a flat picture": lambda: np.zeros((8, 0, 3), np.uint8),
    "None": lambda: None,
    "a number": lambda: 3,
    "a set": lambda: {1, 2},
    "a generator": lambda: (one for one in X),
    "an empty mapping": dict,
    "a mapping of nothing": lambda: {"numbers": None},
    "a mapping of evil": lambda: {"numbers": Evil(), 3: X},
    "a lying mapping": lambda: Lying(numbers=X),
    "an empty tuple": tuple,
    "a tuple of files": lambda: (closed(), io.BytesIO(b"1,2,3")),
    "a path that is long": lambda: "x/" * 5000,
    "a path with a zero": lambda: "a\0b",
    "a path of nobody": lambda: "~nobody-here/a.npy",
    "no plain file": lambda: "/dev/null",
    "no bytes": lambda: b"",
    "a view of bytes": lambda: memoryview(b"1,2,3,4"),
    "samples": lambda: (X, 8000),
    "ragged samples": lambda: ([[1, 2], [3]], 8000),
    "samples at no rate": lambda: (X, None),
    "samples at an endless rate": lambda: (X, float("inf")),
    "masked samples": lambda: (np.ma.masked_array(X, [0, 1, 0, 0]), 8000),
}


def as_arrays(reading):
    def read(given):
        example = arrays.read(given)
        arrays.to_view(example, reading)
        return arrays.to_batch(example, reading)

    return read


READERS = {
    "a vector": as_arrays(VECTOR),
    "several inputs": as_arrays(STEPS),
    "pictures": lambda given: images.to_batch(images.read(given), PICTURES),
    "sounds": lambda given: audio.to_batch(audio.read(given), SOUNDS),
    "x to evaluate on": lambda given: data.named(given, ["numbers"], "x"),
    "several to evaluate on": lambda given: data.named(given, ["a", "b"], "x"),
    "x to train on": lambda given: training_data((given, [0, 1, 0, 1]), VECTOR),
    "y to train on": lambda given: training_data((np.ones((4, 4)), given), VECTOR),
    "pictures to train on": lambda given: training_data(([given, given], [0, 1]), PICTURES),
    "data": lambda given: training_data(given, PICTURES),
    "validation": lambda given: training_data((np.ones((4, 4)), [0, 1, 0, 1]), VECTOR, validation=given),
    "a file to evaluate on": data.read_data,
}


def fault(read, given):
    """Why an object is neither answered nor refused in a sentence; "" where it is."""
    try:
        read(given)
    except ExplorerError as refused:
        said = str(refused).replace("not NoneType", "not None")
        return "" if said and "\n" not in said and not RAW.search(said) else f"no sentence for people: {said!r}"
    except Exception as error:
        return f"raises {error!r}"
    return ""


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.filterwarnings("ignore")
def test_any_object_is_answered_or_refused_in_a_sentence(reader, monkeypatch):
    monkeypatch.setenv("EXPLORER_INPUT_MEMORY", "20")
    faults = {name: fault(READERS[reader], make()) for name, make in OBJECTS.items()}
    assert not {name: said for name, said in faults.items() if said}
