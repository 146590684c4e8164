"""The store that events are appended to: the newest version there is, also if that changes."""

from __future__ import annotations

import time
from collections.abc import Callable

from lifelong.serving.behavior_store import BehaviorStore, Manifest, StoreError
from lifelong.serving.behavior_store.versions import versions_at

# Time between looks for a newer version.
_LOOK_EVERY_S = 2.0


class LiveStore:
    """Opens the newest version of a store for writing, again and again.

    Args:
        address: Folder of a store, or of its versions, or of a store in Redis.
        tell: Told when a newer version cannot be used.
        look_every_s: Time between looks for a newer version.
        clock: Gives seconds.
    """

    def __init__(
        self,
        address: str,
        tell: Callable[[str], None],
        look_every_s: float = _LOOK_EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._versions = versions_at(address)
        self._tell = tell
        self._look_every_s = look_every_s
        self._clock = clock
        self._looked = clock()
        self._number = -1
        self._refused = -1
        self._opened: BehaviorStore | None = None

    @property
    def name(self) -> str:
        """Where the store lies that was opened last."""
        return self._versions.name(self._number)

    def open(self) -> BehaviorStore:
        """Opens the store; the caller closes it.

        Raises:
            FileNotFoundError: There is none.
            StoreError: It cannot be opened.
        """
        if self._opened is not None:
            store, self._opened = self._opened, None
            return store
        self._number = self._versions.newest()
        return self._versions.open(self._number, writable=True)

    def has_newer(self) -> bool:
        """Whether another version has become the newest, and can be written to.

        If so, `open` gives it. One that cannot be opened is tried again later.

        Raises:
            StoreUnavailableError: The server cannot be reached.
        """
        now = self._clock()
        if now - self._looked < self._look_every_s:
            return False
        self._looked = now
        try:
            number = self._versions.newest()
        except FileNotFoundError:
            return False
        if number == self._number:
            return False
        try:
            self._opened = self._versions.open(number, writable=True)
        except (StoreError, OSError) as error:
            if number != self._refused:
                self._refused = number
                self._tell(f"version {number} of the store cannot be used yet: {error}")
            return False
        self._number = number
        return True

    def close(self) -> None:
        """Closes a store that was opened but not given out."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def check_store(store: Manifest, expected: Manifest, name: str) -> None:
    """Checks that a store holds the events that a configuration describes.

    Args:
        store: What the store says of itself.
        expected: What a store of that configuration would say.
        name: Of the store, for errors.

    Raises:
        ValueError: Event features, or the way ids are made, differ.
    """
    for field in ("features", "contract"):
        here, there = getattr(store, field), getattr(expected, field)
        if here != there:
            raise ValueError(
                f"the store {name} has the {field} {here!r}, the configuration of the last run"
                f" {there!r}: build and push the store of that configuration (`lifelong run`), or"
                " name another --workdir or --store"
            )
