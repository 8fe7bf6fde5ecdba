"""The process that is fed hostile files: `python fed.py` reads {"reader", "path"} from each line of stdin and says what came of it.

Memory is bounded, so that a file that asks for too much fails here, and nowhere else.
"""

import json
import os
import resource
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from readers import READERS

from explorer.errors import ExplorerError, is_out_of_memory

ALLOWED = 3 * 2**30  # bytes of addresses beyond what a reader takes when it is first used; TensorFlow reserves more than it uses


def memory(what):
    """Return VmSize, VmRSS or VmHWM (the most that was resident since it was last reset) in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) * 1024
    raise KeyError(what)


def fed(reader, path):
    """Return what came of a file, as JSON has it."""
    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            told = {"outcome": "answered", "text": str(READERS[reader](path))}
        except ExplorerError as error:
            told = {"outcome": "refused", "text": str(error), "out_of_memory": is_out_of_memory(error)}
        except BaseException as error:  # whatever it is, it is told
            told = {"outcome": "else", "text": f"{type(error).__name__}: {error}", "traceback": traceback.format_exc()}
    return told | {"memory": memory("VmHWM") - before, "warned": [str(one.message) for one in warned]}


def main():
    """Answer until stdin ends; what libraries print goes into a file, and is told as `printed`."""
    with os.fdopen(os.dup(1), "w") as answers, tempfile.TemporaryFile() as printed:
        answer(answers, printed)


def answer(answers, printed):
    """Answer each line of stdin."""
    os.dup2(printed.fileno(), 1)
    os.dup2(printed.fileno(), 2)
    used = set()
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["reader"] not in used:
            used.add(asked["reader"])
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            READERS[asked["reader"]](None)  # loads what it needs
            limit = memory("VmSize") + ALLOWED
            resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        sys.stdout.flush()
        sys.stderr.flush()
        printed.seek(0)
        printed.truncate()
        told = fed(**asked)
        sys.stderr.flush()
        printed.seek(0)
        answers.write(json.dumps(told | {"printed": printed.read().decode(errors="replace")}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
