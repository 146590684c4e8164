"""The server backend: Redis, a hash for each user."""

from __future__ import annotations

import contextlib
import itertools
import logging
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from redis.exceptions import NoPermissionError

from lifelong.data.newest_statistics import CandidateStatistics, Newest
from lifelong.serving.behavior_store.checks import checked_events, checked_ids, checked_user
from lifelong.serving.behavior_store.errors import StoreError
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.packed_user import PackedUser, batches
from lifelong.serving.behavior_store.redis_connection import RedisConnection, RedisOptions
from lifelong.serving.behavior_store.redis_edit import edit_users
from lifelong.serving.behavior_store.redis_statistics import RedisStatistics
from lifelong.serving.behavior_store.redis_tree import RedisTree
from lifelong.serving.behavior_store.redis_users import RedisUsers
from lifelong.serving.behavior_store.redis_version import RedisVersion
from lifelong.serving.behavior_store.store import Appended, BehaviorStore, StoreSize, by_user
from lifelong.serving.behavior_store.tree_edit import Retention, TreeChange, insert, retain
from lifelong.serving.behavior_store.user_tree import UserTree

# A request that waits for a reader can do without it; nobody waits for a writer, whose events count.
_READER = RedisOptions(timeout_s=1.0, retries=1)
_WRITER = RedisOptions(timeout_s=5.0, retries=8)
# Bytes sent in one pipeline when loading.
_LOADED_TOGETHER = 4 << 20
# Users read in one pipeline when all are.
_SCANNED_TOGETHER = 256
# Most users that are measured, and how many in one pipeline.
_MEASURED, _MEASURED_TOGETHER = 10_000, 1000
# Most fields of a hash that Redis looks at to measure it: all are of one size, or few.
_MEASURED_FIELDS = 1000

_log = logging.getLogger(__name__)


class RedisStore(BehaviorStore):
    """A behaviour store in Redis; many processes may read and write.

    Of a server (not of Redis Cluster). Events are as durable as its configuration says:
    `appendonly yes` with `appendfsync always` or `everysec`; it must not evict keys
    (`maxmemory-policy noeviction`).

    Versions lie beside each other, and a pointer names the current one. An open store stays with
    its version, until two newer ones are published: then that is removed, every call raises
    StoreError, and opening again gives the current one.

    Args:
        address: `redis://user:password@host:port/database?name=lifelong`, or `rediss://` (TLS) or
            `unix://`. `name` is the prefix of all keys; redis-py's own options may follow, such as
            `socket_timeout=0.2`.
        writable: Whether to open for writing.
        version: Number of the version; None opens the current one.
        options: Time limits and retries; by default a reader gives up soon, a writer after seconds.

    Raises:
        FileNotFoundError: No store of this name was published.
        ValueError: The address cannot be read.
        StoreFormatError: The store is of another format.
        StoreUnavailableError: The server cannot be reached.
    """

    def __init__(
        self,
        address: str,
        writable: bool = False,
        version: int | None = None,
        options: RedisOptions | None = None,
    ) -> None:
        self._writable = writable
        self._server = RedisConnection(address, options or (_WRITER if writable else _READER))
        with contextlib.ExitStack() as failed:
            failed.callback(self._server.close)
            self._version = (
                self._server.run(lambda: RedisVersion.current(self._server))
                if version is None
                else RedisVersion(self._server, version)
            )
            self.manifest = self._server.run(self._version.manifest)
            if writable:
                self._warn_of_eviction()
            failed.pop_all()
        self._users = RedisUsers(self._version, self.manifest)
        time = self.manifest.statistics_time
        self._statistics = RedisStatistics(self._version, time) if time else None

    @classmethod
    def create(
        cls,
        address: str,
        manifest: Manifest,
        options: RedisOptions | None = None,
        statistics: Newest | None = None,
    ) -> RedisStore:
        """Makes a store without users and opens it for writing.

        It is a new version beside the current one; who opens the store gets it from `publish` on.

        Args:
            address: As for opening.
            manifest: What the store is to say of itself.
            options: As for opening.
            statistics: The counts that the store is to have.

        Raises:
            ValueError: The address cannot be read, or the manifest tells of other statistics.
        """
        manifest.check_statistics(statistics)
        with contextlib.closing(RedisConnection(address, options or _WRITER)) as server:
            version = server.run(lambda: RedisVersion.create(server, manifest))
            if statistics is not None:
                counts = RedisStatistics(version, statistics.time)
                server.run(lambda: counts.store(statistics))
        return cls(address, writable=True, version=version.number, options=options)

    @property
    def version(self) -> int:
        """Number of the version."""
        return self._version.number

    def publish(self) -> None:
        """Makes this version the current one, and removes those older than the one before it.

        Raises:
            StoreError: Loading it was not finished, or it was removed.
        """
        self._check_writable()
        before = self._server.run(self._version.make_current)
        # Published already: which one came before is not known any more.
        if before != self.version:
            oldest = RedisVersion(self._server, min(before, self.version))
            self._server.run(oldest.remove_older)

    @contextlib.contextmanager
    def read(self, user: int) -> Iterator[UserTree]:
        """Opens one user's tree, each read of which sees one moment; see the interface."""
        with self.read_many([user]) as (tree,):
            yield tree

    @contextlib.contextmanager
    def read_many(self, users: Sequence[int]) -> Iterator[list[UserTree]]:
        """Opens the trees of several users in one round trip; see the interface."""
        users = [checked_user(user) for user in users]
        heads = self._server.run(lambda: self._users.heads(users))
        yield [RedisTree(self._users, *pair) for pair in zip(users, heads, strict=True)]

    def statistics_of(
        self, items: npt.ArrayLike, categories: npt.ArrayLike
    ) -> CandidateStatistics | None:
        """Returns what was counted of candidates, in one round trip; see the interface."""
        statistics = self._statistics
        if statistics is None:
            return None
        ids = checked_ids(items, "items"), checked_ids(categories, "categories")
        return self._server.run(lambda: statistics.look_up(*ids))

    def all_statistics(self) -> Newest | None:
        """Returns all counts; see the interface."""
        return None if self._statistics is None else self._server.run(self._statistics.whole)

    def append(self, events: Mapping[str, npt.ArrayLike]) -> Appended:
        """Stores events, some users in one transaction; see the interface.

        Events whose answer was lost on the way are sent again, and then count as duplicates.
        """
        self._check_writable()
        columns = checked_events(events, self.manifest.features, more=("user",))
        parts = dict(by_user(columns))

        def edit(user: int, tree: UserTree) -> TreeChange:
            return insert(tree, parts[user], self.manifest.block_size)

        changes = list(edit_users(self._users, parts, edit))
        return Appended(
            added=sum(change.added for change in changes),
            duplicates=sum(change.duplicates for change in changes),
        )

    def load(self, users: Iterable[PackedUser]) -> int:
        """Fills an empty store in bulk, while nobody appends to it; see the interface."""
        self._check_writable()
        loader = uuid.uuid4().hex
        self._server.run(lambda: self._version.begin_load(loader))
        stored = events = 0
        for some in batches(self._in_order(users), _LOADED_TOGETHER):
            self._server.run(partial(self._users.store, some))
            stored += len(some)
            events += sum(packed.events for packed in some)
        self._server.run(lambda: self._version.end_load(stored, events))
        return events

    def retain(self, retention: Retention, now: int) -> int:
        """Drops events that are kept no longer, some users in one transaction; see the interface."""
        self._check_writable()

        def edit(user: int, tree: UserTree) -> TreeChange | None:
            return retain(tree, retention, now, self.manifest.block_size)

        return -sum(change.added for change in edit_users(self._users, self._ids(), edit))

    def size(self) -> StoreSize:
        """Returns how much the store holds.

        The size is what Redis says of each key with its overhead (MEMORY USAGE). Of more than
        10,000 users so many are measured, and the size is estimated from them; likewise of more
        than 1,000 fields of a key.
        """
        users, events = self._server.run(self._version.counts)
        some = self._server.run(lambda: set(itertools.islice(self._users.ids(), _MEASURED)))
        size = self._size([self._users.key(user) for user in some]) * users / max(len(some), 1)
        version = self._version
        others = self._size(
            [version.manifest_key, version.counts_key, version.offsets_key, version.statistics_key]
        )
        return StoreSize(users, events, round(size) + others)

    def scan(self) -> Iterator[PackedUser]:
        """Yields every user as stored at one moment, by ascending id.

        Users that come while this runs may be left out.
        """
        ids = self._ids()
        for first in range(0, len(ids), _SCANNED_TOGETHER):
            some = ids[first : first + _SCANNED_TOGETHER]
            for packed in self._server.run(partial(self._users.whole, some)):
                if packed.events:
                    yield packed

    def offset(self, source: str) -> str:
        """Returns how far a source of events has been appended; empty if nothing is known."""
        command = ("HGET", self._version.offsets_key, source)
        (found,) = self._server.run(lambda: self._version.ask(command))
        return (found or b"").decode()

    def commit_offset(self, source: str, offset: str) -> None:
        """Notes how far a source of events has been appended."""
        self._check_writable()
        command = ("HSET", self._version.offsets_key, source, offset)
        self._server.run(lambda: self._version.ask(command))

    def close(self) -> None:
        """Closes the store; open reads must have ended."""
        self._server.close()

    def _ids(self) -> list[int]:
        def ids() -> np.ndarray:
            found = np.fromiter(self._users.ids(), np.int64)
            # A version that was removed has no users.
            self._version.ask()
            return found

        return np.unique(self._server.run(ids)).tolist()

    def _size(self, keys: Sequence[str]) -> int:
        size = 0
        for first in range(0, len(keys), _MEASURED_TOGETHER):
            some = keys[first : first + _MEASURED_TOGETHER]
            commands = [("MEMORY USAGE", key, "SAMPLES", _MEASURED_FIELDS) for key in some]
            size += sum(filter(None, self._server.run(partial(self._version.ask, *commands))))
        return size

    def _in_order(self, users: Iterable[PackedUser]) -> Iterator[PackedUser]:
        last: dict[int, int] = {}
        for packed in users:
            shard = self.manifest.shard_of_user(packed.user)
            if packed.user <= last.get(shard, -1):
                raise ValueError(f"user {packed.user} comes twice or after a user with a larger id")
            last[shard] = packed.user
            yield packed

    def _warn_of_eviction(self) -> None:
        memory = self._server.run(self._memory)
        policy = memory.get("maxmemory_policy", "")
        if memory.get("maxmemory") and policy.startswith("allkeys"):
            _log.warning(
                "%s drops users when memory is short (maxmemory-policy %s): set it to noeviction",
                self._server.where,
                policy,
            )

    def _memory(self) -> dict[str, Any]:
        # A user of few rights may not ask.
        with contextlib.suppress(NoPermissionError):
            return self._server.client.info("memory")
        return {}

    def _check_writable(self) -> None:
        if not self._writable:
            raise StoreError(
                f"{self._server.where} was opened for reading; open it with writable=True"
            )
