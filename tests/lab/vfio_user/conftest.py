"""A served card and its client."""

import pytest

from .client import Bench, Machine, open_descriptors


@pytest.fixture
def bench(tmp_path):
    """A served card.  At the end nothing of its clients may be left."""
    before = open_descriptors()
    bench = Bench(tmp_path / "nic.sock")
    yield bench
    bench.close()
    bench.run()
    assert bench.memory.count == 0
    assert not (tmp_path / "nic.sock").exists()
    assert open_descriptors() == before


@pytest.fixture
def client(bench):
    """A client that has agreed on a version."""
    client = bench.connect()
    client.version()
    yield client
    client.close()


@pytest.fixture
def machine(client):
    machine = Machine(client)
    yield machine
    machine.close()
