"""What tests need and may not find."""

import os

import pytest


def skip_or_fail(reason):
    """Skip because something is missing; fail where EXPLORER_TESTS_STRICT=1 says that nothing may be."""
    if os.environ.get("EXPLORER_TESTS_STRICT") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
