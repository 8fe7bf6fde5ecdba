import pytest
from fakes import FakeBackend
from in_browser import opened


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def page_of(backend, session):
    """Return a function that shows a model of the user's own; it takes what makes the summary of its network."""

    def page_of(make):
        backend.networks["mine"] = make
        session.register_live_model(type("Model", (), {"name": "mine"})())
        return session

    return page_of


@pytest.fixture
def page(chromium):
    with opened(chromium) as page:
        yield page
