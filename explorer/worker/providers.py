"""Who answers the requests of a page that is given no worker: `explorer` itself says so, which alone knows every room."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # nothing is imported with this: `import explorer` costs nothing
    from explorer.worker.backend import Backend, RunStore

backend: Callable[[], Backend]
run_store: Callable[[], RunStore]
