"""The behaviour store of a run in both backends."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lifelong.components.behavior_tree_builder.store_files import STORE_FOLDER
from lifelong.serving.behavior_store import BehaviorStore, open_store
from lifelong.serving.behavior_store.redis_store import RedisStore
from tests.redis_server import RedisServer


@contextlib.contextmanager
def both_stores(tree_uri: str) -> Iterator[dict[str, BehaviorStore]]:
    """Opens the store that BehaviorTreeBuilder built, and a copy of it in a Redis server.

    Args:
        tree_uri: Folder of its artifact.

    Yields:
        Stores by backend; without Redis where redis-server is missing.
    """
    with contextlib.ExitStack() as opened:
        built = opened.enter_context(open_store(Path(tree_uri) / STORE_FOLDER))
        stores: dict[str, BehaviorStore] = {"LMDB": built}
        if shutil.which("redis-server") is None:
            print("not measured with Redis: redis-server is missing: apt-get install redis-server")
        else:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
            server = opened.enter_context(RedisServer(folder))
            address = server.address("bench")
            statistics = built.all_statistics()
            with RedisStore.create(address, built.manifest, statistics=statistics) as copy:
                copy.load(built.scan())
                copy.publish()
            stores["Redis"] = opened.enter_context(open_store(address))
        yield stores
