"""`make fuzz`: feed new hostile files for some minutes, keep those that end otherwise than they should, and print a table."""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from feeding import Feeder
from kinds import KINDS


def main():
    """Return how many files ended otherwise than answered or refused in a sentence."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600, help="for all kinds together (default: 600)")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--kinds", nargs="*", choices=KINDS, default=list(KINDS))
    options = parser.parse_args()
    kept = Path(tempfile.mkdtemp(prefix="explorer_fuzz-"))
    print(f"seed {options.seed}; what fails is kept in {kept}")
    print(f"{'kind':16} {'tried':>8} {'answered':>8} {'refused':>8} {'else':>8} {'most MB':>8}")
    total = 0
    with Feeder() as feeder:
        for name in options.kinds:
            total += fuzzed(feeder, name, options.seconds / len(options.kinds), options.seed, kept)
    return total


def fuzzed(feeder, name, seconds, seed, kept):
    """Feed files of one kind, and print its line of the table."""
    kind, source, counts, most = KINDS[name], random.Random(f"{seed} {name}"), Counter(), 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        file, data = kind.generate(source)
        path = kept / f"{name}_{sum(counts.values())}_{file}"
        path.write_bytes(data)
        told = feeder.feed(kind.reader, path)
        counts["else" if told.fault else told.outcome] += 1
        most = max(most, told.memory)
        if told.fault:
            print(f"{path.name}: {told.fault}", file=sys.stderr)
        else:
            path.unlink()
    columns = (sum(counts.values()), counts["answered"], counts["refused"], counts["else"], round(most / 2**20))
    print(f"{name:16}", *(f"{count:8}" for count in columns), flush=True)
    return counts["else"]


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
