import pytest
from feeding import Feeder


@pytest.fixture(scope="session")
def feeder():
    """The process that is fed, which takes seconds to start."""
    with Feeder() as feeder:
        yield feeder
