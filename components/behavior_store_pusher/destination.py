"""Where a behaviour store is pushed to: a place that holds numbered versions, the newest in use."""

from __future__ import annotations

import abc
from pathlib import Path
from typing import NamedTuple

from lifelong.data.extras import explained
from lifelong.data.file_systems import check_path, check_uri
from lifelong.data.folders import check_folder
from lifelong.serving.behavior_store import Manifest
from lifelong.serving.behavior_store.versions import SCHEMES


class Version(NamedTuple):
    """A store at a destination.

    Attributes:
        number: Of the version.
        manifest: Of the store. Stores with equal manifests were built of the same log in the same
            way.
        where: Its folder or URI, or the server's address, without user and password.
    """

    number: int
    manifest: Manifest
    where: str


class Destination(abc.ABC):
    """A place for versions of a store."""

    @abc.abstractmethod
    def current(self) -> Version | None:
        """Returns the version in use; None if there is none, or it cannot be used."""

    @abc.abstractmethod
    def last_push(self) -> str:
        """Returns the number of the version that was pushed last; empty if none was, or a server counts."""

    @abc.abstractmethod
    def next_number(self) -> int:
        """Returns the number of the next version; 0 if only pushing it tells."""

    @abc.abstractmethod
    def push(self, uri: str, number: int, events: int) -> Version:
        """Copies a store into a new version, which comes into use when it is whole.

        Args:
            uri: Path or URI of the store.
            number: As `next_number` said.
            events: Number of events that the store has.

        Raises:
            StoreError: The copy is damaged, or the destination full or out of reach. What was
                pushed before is still in use.
        """


def check_destination(address: str, keep_versions: int) -> None:
    """Raises if there can be no such destination; nothing is opened.

    Args:
        address: A folder of this machine, the address of a Redis server, or a URI that PyArrow knows.
        keep_versions: Versions that are kept of a folder or URI.

    Raises:
        ValueError: An argument makes no sense.
        NotADirectoryError: A file lies in the folder's place, or above.
        ModuleNotFoundError: What the kind of store needs is not installed.
    """
    if not address:
        raise ValueError("store.destination is empty; set a folder or an address")
    if keep_versions < 1:
        raise ValueError(f"store.keep_versions is {keep_versions}; it must be at least 1")
    if address.startswith(SCHEMES):
        _check_address(address)
    elif "://" in address:
        check_uri(address, "store.destination")
    else:
        check_path(address, "store.destination")
        check_folder("store.destination", Path(address).absolute())


def _check_address(address: str) -> None:
    try:
        from lifelong.serving.behavior_store.redis_connection import RedisConnection, RedisOptions
    except ModuleNotFoundError as error:
        raise explained(error, "a behaviour store in Redis") from error
    # Connects to nothing yet.
    RedisConnection(address, RedisOptions()).close()
