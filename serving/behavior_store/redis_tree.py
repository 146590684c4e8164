"""The tree of a user in Redis, and how it stays consistent while others write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ParamSpec, TypeVar

import numpy.typing as npt

from lifelong.data.columns import Columns
from lifelong.data.events import CutLike
from lifelong.data.evidence import Evidence
from lifelong.serving.behavior_store.redis_users import Head, RedisUsers, UserChangedError
from lifelong.serving.behavior_store.user_tree import CategoryEvents, UserTree, Window

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class RedisTree(UserTree):
    """A user's tree of which each read sees one moment.

    Blocks come with the user's revision. Where it is not that of the directory, the user is read
    whole by one command, which no writer can come between, and the read is done again from that.

    Args:
        users: Where the user is read.
        user: User id.
        head: What was read of the user.
    """

    def __init__(self, users: RedisUsers, user: int, head: Head) -> None:
        super().__init__(
            user, head.directory, users.manifest.features, self._fetch, users.server.where
        )
        self._users = users
        self._revision = head.revision
        # Packed blocks by number, once the user was read whole.
        self._packed: dict[int, bytes] | None = None

    def search(
        self,
        categories: npt.ArrayLike,
        k: int,
        before: CutLike = None,
        not_before: CutLike = None,
    ) -> CategoryEvents:
        """Finds the most recent events of each of several categories; see `UserTree`."""
        return self._at_one_moment(super().search, categories, k, before, not_before)

    def history(self, limit: int, before: CutLike = None, not_before: CutLike = None) -> Columns:
        """Returns the most recent events of all categories; see `UserTree`."""
        return self._at_one_moment(super().history, limit, before, not_before)

    def window(self, limit: int, before: CutLike = None) -> Window:
        """Tells which events a model with a window of that size sees; see `UserTree`."""
        return self._at_one_moment(super().window, limit, before)

    def evidence(
        self, item: npt.ArrayLike, category: npt.ArrayLike, timestamp: int, limit: int
    ) -> Evidence:
        """Counts the user's events for the candidates of a request; see `UserTree`."""
        return self._at_one_moment(super().evidence, item, category, timestamp, limit)

    def all(self) -> Columns:
        """Returns all events; see `UserTree`."""
        return self._at_one_moment(super().all)

    def _at_one_moment(
        self,
        read: Callable[Arguments, Answer],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Answer:
        try:
            return read(*args, **kwargs)
        except UserChangedError:
            (packed,) = self._users.server.run(partial(self._users.whole, [self.user]))
            self._packed = packed.blocks
            self._show(self._users.directory(self.user, packed.directory))
            return read(*args, **kwargs)

    def _fetch(self, numbers: Sequence[int]) -> Sequence[bytes | None]:
        if self._packed is not None:
            return [self._packed.get(number) for number in numbers]
        blocks = partial(self._users.blocks, self.user, self._revision, numbers)
        return self._users.server.run(blocks)
