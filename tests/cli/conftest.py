import pytest

from explorer.catalog import architectures
from explorer.values import NetworkSpec

BUNDLED = {NetworkSpec(name, row.weights) for name, row in architectures.items() if row.bundled}


@pytest.fixture(scope="session")
def bundled_networks():
    """The bundled networks that commands have named, by what they were to be."""
    return {}


@pytest.fixture
def built_once(bundled_networks, monkeypatch):
    """Let commands share a bundled network as it is: to build it and to run it first takes longer than what they do with it."""
    from explorer.backend import loading

    build = loading.build

    def build_once(wanted, *given, labels=None, **options):
        if wanted not in BUNDLED or labels != ():
            return build(wanted, *given, labels=labels, **options)
        if wanted not in bundled_networks:
            bundled_networks[wanted] = build(wanted, *given, **options)
        return bundled_networks[wanted]

    monkeypatch.setattr(loading, "build", build_once)
