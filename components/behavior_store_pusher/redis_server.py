"""Versions of a behaviour store in Redis."""

from __future__ import annotations

import tempfile
from contextlib import closing
from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, Version
from lifelong.components.behavior_store_pusher.fetch import fetch_whole_store
from lifelong.serving.behavior_store import StoreFormatError, open_store
from lifelong.serving.behavior_store.redis_connection import RedisConnection, RedisOptions
from lifelong.serving.behavior_store.redis_store import RedisStore


class RedisServer(Destination):
    """Versions in Redis, of which `RedisStore` keeps two and gives each its number.

    Args:
        address: See `RedisStore`.

    Raises:
        ValueError: The address cannot be read.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        # Connects to nothing yet.
        self._where = RedisConnection(address, RedisOptions()).where

    def current(self) -> Version | None:
        """Returns the published version; None if there is none, or it is of another format."""
        try:
            with closing(RedisStore(self._address)) as store:
                return Version(store.version, store.manifest, self._where)
        except (FileNotFoundError, StoreFormatError):
            return None

    def last_push(self) -> str:
        """Returns nothing: the server counts."""
        return ""

    def next_number(self) -> int:
        """Returns 0: the server counts."""
        return 0

    def push(self, uri: str, number: int, events: int) -> Version:
        """Loads a store into a new version and publishes it; see the interface."""
        with tempfile.TemporaryDirectory() as temporary:
            # LMDB reads files of this machine alone.
            folder = Path(temporary) / "store"
            fetch_whole_store(uri, folder, events)
            with (
                open_store(folder) as built,
                closing(
                    RedisStore.create(
                        self._address, built.manifest, statistics=built.all_statistics()
                    )
                ) as store,
            ):
                store.load(built.scan())
                store.publish()
                return Version(store.version, store.manifest, self._where)
