"""Empty stores of both backends, and a real Redis server."""

import contextlib
import itertools

import pytest

from lifelong.serving.behavior_store import BehaviorStore, Manifest, open_store
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.redis_store import RedisStore
from tests.redis_server import RedisServer

FEATURES = {"behavior": "int64", "price": "float32"}
_names = itertools.count()


class Stores:
    """Makes stores of both backends.

    Args:
        request: Of the test, for the server.
        folder: Of LMDB stores.
        opened: Closes the stores.
    """

    def __init__(self, request, folder, opened):
        self._request = request
        self._folder = folder
        self._opened = opened
        self._addresses = {}

    def new(self, backend: str, statistics=None, **manifest) -> BehaviorStore:
        """Makes a store without users, open for writing, by default with small blocks."""
        description = Manifest(**{"features": FEATURES, "shards": 2, "block_size": 8, **manifest})
        name = f"store-{next(_names)}"
        if backend == "redis":
            address = self._request.getfixturevalue("redis_server").address(name)
            store = RedisStore.create(address, description, statistics=statistics)
        else:
            address = str(self._folder / name)
            store = LmdbStore.create(address, description, statistics)
        self._addresses[store] = address
        return self._opened.enter_context(store)

    def reader(self, store: BehaviorStore) -> BehaviorStore:
        """Opens a store that was made once more, for reading."""
        if isinstance(store, RedisStore):
            store.publish()
        return self._opened.enter_context(open_store(self._addresses[store]))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    """A server for all tests; each takes a name of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def durable_server(tmp_path):
    """A server for one test, which may kill and start it: what it acknowledges is on disk."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with RedisServer(folder, durable=True) as server:
        yield server


@pytest.fixture
def stores(request, tmp_path):
    """Makes stores of both backends, and closes them."""
    with contextlib.ExitStack() as opened:
        yield Stores(request, tmp_path, opened)


@pytest.fixture(params=["lmdb", "redis"])
def backend(request):
    return request.param


@pytest.fixture
def store(stores, backend):
    """An empty store of each backend, open for writing."""
    return stores.new(backend)
