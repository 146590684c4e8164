"""The embedded backend: LMDB, one environment for each shard of users."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import itertools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy.typing as npt

from lifelong.data import columns as cols
from lifelong.data.newest_statistics import CandidateStatistics, Newest
from lifelong.serving.behavior_store.checks import checked_events, checked_ids, checked_user
from lifelong.serving.behavior_store.errors import (
    StoreError,
    StoreFormatError,
    StoreLockedError,
)
from lifelong.serving.behavior_store.lmdb_file import DATA_FILE
from lifelong.serving.behavior_store.lmdb_shard import LmdbShard
from lifelong.serving.behavior_store.manifest import MANIFEST_FILE, Manifest
from lifelong.serving.behavior_store.packed_user import PackedUser, batches
from lifelong.serving.behavior_store.statistics_file import (
    STATISTICS_FILE,
    read_statistics,
    write_statistics,
)
from lifelong.serving.behavior_store.store import (
    Appended,
    BehaviorStore,
    StoreSize,
    by_user,
)
from lifelong.serving.behavior_store.tree_edit import Retention, insert, retain
from lifelong.serving.behavior_store.user_tree import UserTree

WRITER_FILE = "writer.lock"
_SHARD = "shard-"
# Ends the names of what is being made.
_PART = ".part"
# Bytes loaded in one transaction of a shard: bounds memory.
_LOADED_TOGETHER = 16 << 20
# Users whose retention is applied in one transaction: bounds how long other writes wait.
_RETAINED_TOGETHER = 1024


class LmdbStore(BehaviorStore):
    """A behaviour store in a folder: `manifest.json`, a folder for each shard, `statistics.npy`.

    Many processes may read while one writes; readers see the state of the last transaction. They
    need permission to write to the folder, as they note which state they read: without it a store
    can be read while nobody writes. A process that is forked must open a store itself.

    Args:
        folder: The store's folder.
        writable: Whether to open for writing.

    Raises:
        FileNotFoundError: There is no store in the folder.
        StoreLockedError: Another process writes to it.
        StoreFormatError: It is of another format, or its parts do not belong together.
        StoreCorruptedError: A shard is missing or damaged.
    """

    def __init__(self, folder: str | os.PathLike[str], writable: bool = False) -> None:
        self._folder = Path(folder)
        self.manifest = read_manifest(self._folder)
        self._writable = writable
        self._statistics = read_statistics(self._folder, self.manifest)
        with contextlib.ExitStack() as opened:
            if writable:
                opened.enter_context(only_writer(self._folder))
            self._shards = [
                opened.enter_context(
                    contextlib.closing(
                        LmdbShard(shard_folder(self._folder, number), self.manifest, number)
                    )
                )
                for number in range(self.manifest.shards)
            ]
            self._opened = opened.pop_all()

    @classmethod
    def create(
        cls,
        folder: str | os.PathLike[str],
        manifest: Manifest,
        statistics: Newest | None = None,
    ) -> LmdbStore:
        """Makes a store without users and opens it for writing.

        Args:
            folder: Made if missing.
            manifest: What the store is to say of itself.
            statistics: The counts that it is to have.

        Raises:
            FileExistsError: There is a store, or part of one, in the folder.
            ValueError: The manifest tells of other statistics.
        """
        manifest.check_statistics(statistics)
        path = Path(folder)
        if _holds_shards(path):
            raise FileExistsError(f"{path} holds a behaviour store, or part of one")
        for number in range(manifest.shards):
            build_shard(path, manifest, number, ())
        if statistics is not None:
            with (path / STATISTICS_FILE).open("wb") as file:
                write_statistics(statistics, file)
        finish_build(path, manifest)
        return cls(path, writable=True)

    @contextlib.contextmanager
    def read(self, user: int) -> Iterator[UserTree]:
        """Opens one user's tree, as it is now, for several reads; see the interface."""
        user = checked_user(user)
        with self._shards[self.manifest.shard_of_user(user)].read(user) as tree:
            yield tree

    def statistics_of(
        self, items: npt.ArrayLike, categories: npt.ArrayLike
    ) -> CandidateStatistics | None:
        """Returns what was counted of candidates, of which alone the file is read; see the interface."""
        if self._statistics is None:
            return None
        return self._statistics.look_up(
            checked_ids(items, "items"), checked_ids(categories, "categories")
        )

    def all_statistics(self) -> Newest | None:
        """Returns all counts, which stay in the file until they are looked at; see the interface."""
        return self._statistics

    def append(self, events: Mapping[str, npt.ArrayLike]) -> Appended:
        """Stores events durably, in one transaction for each shard; see the interface."""
        self._check_writable()
        columns = checked_events(events, self.manifest.features, more=("user",))
        shards = self.manifest.shard_of(columns["user"])
        total = Appended(0, 0)
        for number in sorted(set(shards.tolist())):
            with self._shards[number].write() as writer:
                for user, part in by_user(cols.take(columns, shards == number)):
                    tree = writer.tree(user)
                    change = insert(tree, part, self.manifest.block_size)
                    if change.added:
                        writer.apply(user, change, was_known=tree.events > 0)
                    total = Appended(
                        total.added + change.added, total.duplicates + change.duplicates
                    )
        return total

    def load(self, users: Iterable[PackedUser]) -> int:
        """Fills an empty store in bulk; see the interface."""
        self._check_writable()
        if self.size().users:
            raise StoreError(f"{self._folder} holds users already; load into an empty store")
        events = 0
        for some in batches(users, _LOADED_TOGETHER):
            parts: dict[int, list[PackedUser]] = collections.defaultdict(list)
            for packed in some:
                parts[self.manifest.shard_of_user(packed.user)].append(packed)
            events += sum(_load(self._shards[number], part) for number, part in parts.items())
        return events

    def retain(self, retention: Retention, now: int) -> int:
        """Drops events that are kept no longer; see the interface."""
        self._check_writable()
        dropped = 0
        for shard in self._shards:
            users = [user for user, _ in shard.users()]
            for first in range(0, len(users), _RETAINED_TOGETHER):
                with shard.write() as writer:
                    for user in users[first : first + _RETAINED_TOGETHER]:
                        change = retain(writer.tree(user), retention, now, self.manifest.block_size)
                        if change is not None:
                            writer.apply(user, change, was_known=True)
                            dropped -= change.added
        return dropped

    def size(self) -> StoreSize:
        """Returns how much the store holds; the size is that of its files."""
        counts = [shard.counts() for shard in self._shards]
        size = sum(shard.size for shard in self._shards)
        if self._statistics is not None:
            size += (self._folder / STATISTICS_FILE).stat().st_size
        return StoreSize(
            users=sum(users for users, _ in counts),
            events=sum(events for _, events in counts),
            bytes=size + (self._folder / MANIFEST_FILE).stat().st_size,
        )

    def scan(self) -> Iterator[PackedUser]:
        """Yields every user as stored, by shard and ascending user id."""
        return itertools.chain.from_iterable(shard.scan() for shard in self._shards)

    def offset(self, source: str) -> str:
        """Returns how far a source of events has been appended; empty if nothing is known."""
        return self._shards[0].offset(source)

    def commit_offset(self, source: str, offset: str) -> None:
        """Notes, durably, how far a source of events has been appended."""
        self._check_writable()
        self._shards[0].commit_offset(source, offset)

    def close(self) -> None:
        """Closes the store; open reads must have ended."""
        self._opened.close()

    def _check_writable(self) -> None:
        if not self._writable:
            raise StoreError(f"{self._folder} was opened for reading; open it with writable=True")


def shard_folder(folder: Path, number: int) -> Path:
    """Returns the folder of a shard."""
    return folder / f"{_SHARD}{number:05}"


def store_files(manifest: Manifest) -> list[str]:
    """Returns the names of a store's files; the last is the manifest, which says that all are there."""
    shards = [f"{shard_folder(Path(), number)}/{DATA_FILE}" for number in range(manifest.shards)]
    return [*shards, *([STATISTICS_FILE] if manifest.statistics_time else []), MANIFEST_FILE]


def build_shard(folder: Path, manifest: Manifest, number: int, users: Iterable[PackedUser]) -> int:
    """Builds one shard of a new store; several processes may build several shards.

    What an attempt that was killed has left is removed, and a shard that was built before replaced:
    an attempt may be repeated, but only one at a time be made.

    Args:
        folder: The store's folder. It is no store before `finish_build`.
        manifest: Of the store.
        number: Of the shard.
        users: Trees of users of this shard (`Manifest.shard_of`), by ascending id.

    Returns:
        Number of events stored.

    Raises:
        FileExistsError: The folder holds a finished store.
        ValueError: A user belongs to another shard, comes twice or out of order.
        StoreFullError: The disk is full.
    """
    if (folder / MANIFEST_FILE).exists():
        raise FileExistsError(f"{folder} holds a behaviour store: build into another folder")
    target = shard_folder(folder, number)
    part = target.with_name(f"{target.name}{_PART}")
    shutil.rmtree(part, ignore_errors=True)
    try:
        with contextlib.closing(LmdbShard(part, manifest, number, create=True)) as shard:
            batched = batches(_of_shard(users, manifest, number), _LOADED_TOGETHER)
            events = sum(_load(shard, some) for some in batched)
        shutil.rmtree(target, ignore_errors=True)
        part.rename(target)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return events


def finish_build(folder: Path, manifest: Manifest) -> None:
    """Declares a store complete, once its shards are built and its statistics written.

    Raises:
        StoreCorruptedError: A shard or the statistics are missing or damaged.
        StoreFormatError: A shard is of another manifest.
    """
    for number in range(manifest.shards):
        path = shard_folder(folder, number)
        LmdbShard(path, manifest, number).close()
        _sync(path)
    if read_statistics(folder, manifest) is not None:
        _sync(folder / STATISTICS_FILE)
    part = folder / f"{MANIFEST_FILE}{_PART}"
    with part.open("w") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / MANIFEST_FILE)
    _sync(folder)


def _sync(path: Path) -> None:
    """Sees to it that a file, or the names of a folder's files, are on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _holds_shards(folder: Path) -> bool:
    return any(folder.glob(f"{_SHARD}*"))


def _load(shard: LmdbShard, users: Iterable[PackedUser]) -> int:
    with shard.write() as writer:
        return sum(writer.load(packed) for packed in users)


def _of_shard(users: Iterable[PackedUser], manifest: Manifest, number: int) -> Iterator[PackedUser]:
    for packed in users:
        if manifest.shard_of_user(packed.user) != number:
            raise ValueError(
                f"user {packed.user} belongs to shard {manifest.shard_of_user(packed.user)}, not"
                f" {number}"
            )
        yield packed


def read_manifest(folder: Path) -> Manifest:
    """Returns the manifest of the store in a folder.

    Raises:
        FileNotFoundError: There is no store in the folder.
        StoreFormatError: It is of another format, or was not finished.
    """
    path = folder / MANIFEST_FILE
    if path.is_file():
        return Manifest.from_json(path.read_bytes(), str(path))
    if _holds_shards(folder):
        raise StoreFormatError(
            f"{folder} has no {MANIFEST_FILE}: building it was not finished; build it again"
        )
    raise FileNotFoundError(
        f"{folder} holds no behaviour store; name the folder of a store or of its versions, or an address "
        "such as redis://host:6379/0"
    )


@contextlib.contextmanager
def only_writer(folder: Path, name: str = WRITER_FILE) -> Iterator[None]:
    """Holds a folder for writing; the lock goes with the process, so a killed one leaves none.

    Args:
        folder: Of a store.
        name: Of the file that is locked.

    Raises:
        StoreLockedError: Somebody else holds it, in this process or in another.
    """
    with (folder / name).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StoreLockedError(
                f"process {lock.read().strip() or 'unknown'} is writing to {folder}: stop it, or"
                " wait for it"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
