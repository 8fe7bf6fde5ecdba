import pytest
from fakes import FakeBackend
from in_browser import cleared, opened


@pytest.fixture
def backend():
    return FakeBackend()


@pytest.fixture
def page_of(backend, session):
    """Return a function that shows a model of the user's own; it takes what makes the summary of its network."""

    def page_of(make):
        backend.networks["mine"] = make
        session.adopt(type("Model", (), {"name": "mine"})())
        return session

    return page_of


@pytest.fixture(scope="session")
def one_page(chromium):
    with opened(chromium) as page:
        yield page


@pytest.fixture
def page(one_page):
    with cleared(one_page) as page:
        yield page


@pytest.fixture(scope="session")
def one_clocked_page(chromium):
    with opened(chromium) as page:
        page.clock.install()
        yield page


@pytest.fixture
def clocked_page(one_clocked_page):
    """A page on which time goes by when a test lets it."""
    with cleared(one_clocked_page) as page:
        yield page
