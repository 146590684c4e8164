"""The interface of behaviour stores: what every backend does."""

from __future__ import annotations

import abc
import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lifelong.data import columns as cols
from lifelong.data.columns import Columns
from lifelong.data.events import CutLike
from lifelong.data.newest_statistics import CandidateStatistics, Newest
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.packed_user import PackedUser
from lifelong.serving.behavior_store.tree_edit import Retention
from lifelong.serving.behavior_store.user_tree import CategoryEvents, UserTree


class Appended(NamedTuple):
    """What became of events that were appended.

    Attributes:
        added: Events that are stored now and were not before.
        duplicates: Events that were stored already, or came twice.
    """

    added: int
    duplicates: int


class StoreSize(NamedTuple):
    """How much a store holds.

    Attributes:
        users: Users with at least one event.
        events: Their events.
        bytes: Size on disk or in memory, with everything that belongs to the store.
    """

    users: int
    events: int
    bytes: int

    @property
    def bytes_per_event(self) -> float:
        """Size divided by events; 0 for an empty store."""
        return self.bytes / self.events if self.events else 0.0


class BehaviorStore(abc.ABC):
    """Behaviour of users: user -> category -> events, in the order (timestamp, item).

    Threads may share a store. All times are Unix seconds, all ids int64 >= 0.

    Attributes:
        manifest: Format, columns and data of the store.

    Example:
        with open_store("workdir/behavior_store") as store:
            found = store.search(user=1, categories=[3, 9], k=48)
            history = store.history(user=1, limit=50, before=1_510_000_000)
    """

    manifest: Manifest

    @abc.abstractmethod
    def read(self, user: int) -> contextlib.AbstractContextManager[UserTree]:
        """Opens one user's tree for several reads.

        In LMDB all of them see one moment; in Redis each read does.

        Args:
            user: User id. An unknown user has no events.

        Raises:
            TypeError: The user is no integer.
            StoreCorruptedError: What is stored of the user is damaged.
            StoreUnavailableError: The store cannot be reached.
        """

    @contextlib.contextmanager
    def read_many(self, users: Sequence[int]) -> Iterator[list[UserTree]]:
        """Opens the trees of several users; Redis sends them together.

        Args:
            users: User ids.

        Raises:
            StoreError: As for `read`.
        """
        with contextlib.ExitStack() as opened:
            yield [opened.enter_context(self.read(user)) for user in users]

    def search(
        self,
        user: int,
        categories: npt.ArrayLike,
        k: int,
        before: CutLike = None,
        not_before: CutLike = None,
    ) -> CategoryEvents:
        """Finds the `k` most recent events of each category; see `UserTree.search`."""
        with self.read(user) as tree:
            return tree.search(categories, k, before, not_before)

    def history(
        self,
        user: int,
        limit: int,
        before: CutLike = None,
        not_before: CutLike = None,
    ) -> Columns:
        """Returns the most recent events of all categories; see `UserTree.history`."""
        with self.read(user) as tree:
            return tree.history(limit, before, not_before)

    @abc.abstractmethod
    def statistics_of(
        self, items: npt.ArrayLike, categories: npt.ArrayLike
    ) -> CandidateStatistics | None:
        """Returns how often all users have met the items and categories of candidates.

        They were counted in the log that the store was built from, as of the day after its last
        event (`manifest.statistics_time`): events that are appended later change nothing. In Redis
        it takes one round trip.

        Args:
            items: Item ids `[N]`; one that the log has not is counted 0.
            categories: Category ids `[N]`, likewise.

        Returns:
            The counts; None if the store has none, as it was not built of a log or by an older
            version of lifelong.

        Raises:
            TypeError, ValueError: The ids are no integers, or too large for int64.
            StoreError: What was counted is damaged, or the store cannot be reached.
        """

    @abc.abstractmethod
    def all_statistics(self) -> Newest | None:
        """Returns the counts of all items and categories, to be put into a copy; None if there are none."""

    @abc.abstractmethod
    def append(self, events: Mapping[str, npt.ArrayLike]) -> Appended:
        """Stores events, each at its place; the same event twice is stored once.

        When this returns, the events are on disk (in Redis: as durable as its configuration says).

        Args:
            events: `user`, `item`, `category`, `timestamp` and every event feature, one value for
                each event, in any order.

        Raises:
            ValueError: The events cannot be used; the message names the column.
            StoreError: The store was not opened for writing, is full, damaged or cannot be reached.
                Events may have been stored in part; appending all of them again mends that.
        """

    @abc.abstractmethod
    def retain(self, retention: Retention, now: int) -> int:
        """Drops the events of all users that are kept no longer.

        Args:
            retention: What is kept.
            now: Time that ages are counted to.

        Returns:
            Number of events dropped.

        Raises:
            StoreError: The store was not opened for writing, is full, damaged or out of reach.
        """

    @abc.abstractmethod
    def size(self) -> StoreSize:
        """Returns how much the store holds."""

    @abc.abstractmethod
    def scan(self) -> Iterator[PackedUser]:
        """Yields every user as stored, those of a shard by ascending user id."""

    @abc.abstractmethod
    def load(self, users: Iterable[PackedUser]) -> int:
        """Fills an empty store in bulk, much faster than `append` would.

        Args:
            users: Trees of `pack_user`, or of another store's `scan`; those of a shard by ascending
                user id.

        Returns:
            Number of events stored.

        Raises:
            ValueError: A user comes twice or out of order.
            StoreError: The store is not empty, not opened for writing, full or cannot be reached.
        """

    @abc.abstractmethod
    def offset(self, source: str) -> str:
        """Returns how far a source of events has been appended; empty if nothing is known."""

    @abc.abstractmethod
    def commit_offset(self, source: str, offset: str) -> None:
        """Notes, durably, how far a source of events has been appended.

        Args:
            source: Name of the source.
            offset: Where to go on.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the store; open reads must have ended."""

    def __enter__(self) -> BehaviorStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def by_user(events: Columns) -> Iterator[tuple[int, Columns]]:
    """Yields each user's events, by ascending user.

    Args:
        events: Columns with `user`, in any order.
    """
    order = np.argsort(events["user"], kind="stable")
    events = cols.take(events, order)
    users = events.pop("user")
    if not len(users):
        return
    starts = np.flatnonzero(np.append(True, users[1:] != users[:-1]))
    for start, end in zip(starts, [*starts[1:], len(users)], strict=True):
        yield int(users[start]), cols.take(events, slice(start, end))
