"""Feeds files to a process of their own and tells what came of each: answered, refused, or else: raised, died, hung."""

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import explorer

HERE = Path(__file__).parent
DEADLINE = 120  # seconds; a file that is refused takes milliseconds, and a machine may be busy
LIMIT = 600  # MB that one input may take
# What no sentence for people has in it: Python's and TensorFlow's inner life, places of ours on the disk.
RAW = re.compile(
    r"Traceback|NoneType|object has no attribute|unexpected keyword|positional argument|subscriptable|not supported between|unhashable|"
    r"codec can't|list index|dictionary update|cannot unpack|values to unpack|\bnan\b|"
    r"__\w+__|\{\{|0x[0-9a-f]{6}|Errno|/tmp/|(?<![.])explorer-\w{6,}"
)


@dataclass(frozen=True)
class Told:
    """What came of a file. outcome: "answered", "refused" or "else"; memory: bytes that it took at most."""

    name: str
    outcome: str
    text: str
    memory: int = 0
    warned: tuple = ()
    printed: str = ""
    out_of_memory: bool = False

    @property
    def fault(self):
        """Why this is not as it should be; "" where it is."""
        if self.outcome == "else":
            return self.text
        if self.printed.strip():
            return f"printed {self.printed!r}"
        if self.out_of_memory:
            return f"ran out of memory before it was refused: {self.text}"
        sentences = [*self.warned, *([self.text] if self.outcome == "refused" else [])]
        if raw := next((one for one in sentences if RAW.search(one) or "\n" in one or not one.strip()), None):
            return f"no sentence for people: {raw!r}"
        return ""


class Feeder:
    """A process that is fed; it is started anew where a file ended it. Use it as a context manager."""

    def __init__(self):
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._end()

    def feed(self, reader, path):
        """Return what comes of a file."""
        if self._process is None:
            self._start()
        process = self._process
        timer = threading.Timer(DEADLINE, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps({"reader": reader, "path": str(path)}) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        finally:
            hung = not timer.is_alive()
            timer.cancel()
        if not line:
            status = process.wait()
            self._end()
            return Told(path.name, "else", f"no answer in {DEADLINE} s" if hung else f"the process ended with {status}")
        told = json.loads(line)
        told.pop("traceback", None)
        return Told(path.name, **told | {"warned": tuple(told["warned"])})

    def _start(self):
        paths = [str(HERE), str(HERE.parent / "support"), str(Path(explorer.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "fed.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "EXPLORER_INPUT_MEMORY": str(LIMIT)},
        )

    def _end(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._process = None
