"""The backend and run store of a page without a worker of its own; `explorer/__init__.py` sets them, as it alone may import all."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nothing is imported with this: `import explorer` costs nothing
    from explorer.worker.backend import Backend, RunStore

backend: Callable[[], Backend]
run_store: Callable[[], RunStore]
