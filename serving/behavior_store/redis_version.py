"""The versions of a Redis store: they lie beside each other, and a pointer names the current one.

A version is there while its manifest is: this is written first and removed first.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from lifelong.serving.behavior_store.errors import StoreCorruptedError, StoreError
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.redis_connection import RedisConnection

KEYS_PER_SCAN = 1000
# Fields of the counts; the last is there while the version is loaded.
USERS, EVENTS, _LOADING = "users", "events", "loading"


@dataclasses.dataclass(frozen=True)
class RedisVersion:
    """One version of a store. Its methods send commands once; `RedisConnection.run` retries.

    Attributes:
        server: The connection to the server.
        number: Of the version, from 1 on.
    """

    server: RedisConnection
    number: int

    @property
    def manifest_key(self) -> str:
        """Key of the manifest: a string."""
        return self._key("manifest")

    @property
    def counts_key(self) -> str:
        """Key of the numbers of users and events: a hash."""
        return self._key("counts")

    @property
    def offsets_key(self) -> str:
        """Key of the offsets of sources: a hash."""
        return self._key("offsets")

    @property
    def statistics_key(self) -> str:
        """Key of the counts of all users' events: a hash."""
        return self._key("statistics")

    @property
    def user_prefix(self) -> str:
        """What the keys of users begin with."""
        return self._key("u:")

    @classmethod
    def create(cls, server: RedisConnection, manifest: Manifest) -> RedisVersion:
        """Makes a new version, which is not current yet."""
        version = cls(server, server.client.incr(f"{server.name}:versions"))
        server.client.set(version.manifest_key, manifest.to_json())
        return version

    @classmethod
    def current(cls, server: RedisConnection) -> RedisVersion:
        """Returns the current version.

        Raises:
            FileNotFoundError: None was published.
        """
        number = server.client.get(_pointer(server))
        if number is None:
            raise FileNotFoundError(
                f"{server.where} holds no behaviour store: none of this name was published"
            )
        return cls(server, _number(server, number))

    def manifest(self) -> Manifest:
        """Returns the manifest.

        Raises:
            StoreError: The version is not there.
            StoreFormatError: It is of another format.
        """
        text = self.server.client.get(self.manifest_key)
        if text is None:
            raise self._missing()
        return Manifest.from_json(text, f"{self.server.where}, version {self.number}")

    def ask(self, *commands: Sequence[Any]) -> list[Any]:
        """Sends commands together and returns their answers.

        Args:
            commands: The words of each.

        Raises:
            StoreError: The version was removed, so that the answers may lack something.
        """
        with self.server.client.pipeline(transaction=False) as pipe:
            for words in commands:
                pipe.execute_command(*words)
            # Asked last: if it is there now, it was when the others were answered.
            pipe.exists(self.manifest_key)
            *answers, is_there = pipe.execute()
        if not is_there:
            raise self._missing()
        return answers

    def counts(self) -> tuple[int, int]:
        """Returns the number of users and of events."""
        ((users, events),) = self.ask(("HMGET", self.counts_key, USERS, EVENTS))
        return int(users or 0), int(events or 0)

    def begin_load(self, loader: str) -> None:
        """Notes that the version is being loaded; once more does no harm.

        Args:
            loader: Unique name of who loads.

        Raises:
            StoreError: It holds users, or somebody else loads it.
        """
        ((users, before),) = self.ask(("HMGET", self.counts_key, USERS, _LOADING))
        if before is None and not int(users or 0):
            self.server.client.hsetnx(self.counts_key, _LOADING, loader)
            before = self.server.client.hget(self.counts_key, _LOADING)
        if before != loader.encode():
            raise StoreError(
                f"{self.server.where}: version {self.number} holds users already, or loading it was"
                " cut off; load into a new version"
            )

    def end_load(self, users: int, events: int) -> None:
        """Notes what was loaded."""
        with self.server.client.pipeline() as pipe:
            pipe.hset(self.counts_key, mapping={USERS: users, EVENTS: events})
            pipe.hdel(self.counts_key, _LOADING)
            pipe.execute()

    def make_current(self) -> int:
        """Sets the pointer to this version and returns the number it had before, or this one.

        Raises:
            StoreError: Loading was not finished, or the version was removed.
        """
        (loading,) = self.ask(("HGET", self.counts_key, _LOADING))
        if loading:
            raise StoreError(
                f"{self.server.where}: loading version {self.number} was not finished; load into a"
                " new version"
            )
        before = self.server.client.getset(_pointer(self.server), self.number)
        return self.number if before is None else _number(self.server, before)

    def remove_older(self) -> None:
        """Removes all versions with smaller numbers, step by step."""
        client, name = self.server.client, self.server.name
        older = [RedisVersion(self.server, number) for number in range(1, self.number)]
        if older:
            client.unlink(*(version.manifest_key for version in older))
        cursor = None
        while cursor != 0:
            cursor, keys = client.scan(cursor or 0, f"{name}:[0-9]*", KEYS_PER_SCAN)
            # <name>:<version>:<what>, and the name has no colon.
            numbers = (key.split(b":")[1] for key in keys)
            removed = [
                key
                for key, number in zip(keys, numbers, strict=True)
                if number.isdigit() and int(number) < self.number
            ]
            if removed:
                client.unlink(*removed)

    def _key(self, what: str) -> str:
        return f"{self.server.name}:{self.number}:{what}"

    def _missing(self) -> StoreError:
        return StoreError(
            f"{self.server.where}: version {self.number} of the store is not there; it was replaced"
            " and removed: open the store again"
        )


def _pointer(server: RedisConnection) -> str:
    return f"{server.name}:current"


def _number(server: RedisConnection, pointer: bytes) -> int:
    if not pointer.isdigit():
        raise StoreCorruptedError(
            f"{server.where}: key {_pointer(server)} holds {pointer[:40]!r}; expected the number of"
            " a version. Publish the store again, or take another `name` in the address"
        )
    return int(pointer)
