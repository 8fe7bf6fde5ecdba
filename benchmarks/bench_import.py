"""`import explorer` against `import ipywidgets`, each in a process of its own; Python's own start does not count.

`import explorer` loads nothing else, so the first use of a widget, which does, is measured as well.
Run: python benchmarks/bench_import.py
"""

from __future__ import annotations

import subprocess
import sys

from measure import alternate, report

ROUNDS = 7
TIMED = "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)"
STATEMENTS = ("import ipywidgets", "import explorer", "from explorer import Explorer")


def fresh(statement: str) -> float:
    """Run the statement in a new process; return the seconds it took there."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(statement)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    sides = {statement: (lambda statement=statement: fresh(statement)) for statement in STATEMENTS}
    times = alternate(sides, ROUNDS, timer=lambda side: side())
    other, *ours = STATEMENTS
    for statement in ours:
        report(statement, times[statement], times[other], goal=3.0, other=other)


if __name__ == "__main__":
    main()
