"""What the tests of this folder stand on. A Trino takes half a minute to start, so most files share one among their tests."""

from collections.abc import Iterator

import pytest

from trino_server import TrinoServer
from world import World


@pytest.fixture
def world() -> Iterator[World]:
    with World() as world:
        world.start_servers()
        yield world


@pytest.fixture
def trino(world: World) -> Iterator[TrinoServer]:
    """Not started: it needs a pipeline file, which needs its port."""
    server = TrinoServer(world.folder / "trino")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """One for all tests of a file; each has streams and tables of its own in it."""
    with World() as world:
        world.start_servers()
        yield world


@pytest.fixture(scope="module")
def shared_trino(shared_world: World) -> Iterator[TrinoServer]:
    """Not started either."""
    server = TrinoServer(shared_world.folder / "trino")
    yield server
    server.kill()
