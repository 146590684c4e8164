"""Where the versions of a store lie, and which one is in use: the newest."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lifelong.data.extras import explained
from lifelong.data.file_systems import without_secrets
from lifelong.serving.behavior_store.manifest import MANIFEST_FILE
from lifelong.serving.version_number import find_versions

if TYPE_CHECKING:
    from lifelong.serving.behavior_store.redis_store import RedisStore
    from lifelong.serving.behavior_store.store import BehaviorStore

# With which the addresses of stores in Redis begin.
SCHEMES = ("redis://", "rediss://", "unix://")
_log = logging.getLogger(__name__)


class Versions(Protocol):
    """Versions of a store by number."""

    def newest(self) -> int:
        """Returns the number of the version in use; raises a FileNotFoundError if there is none."""

    def open(self, number: int, writable: bool = False) -> BehaviorStore:
        """Opens a version."""

    def name(self, number: int) -> str:
        """Returns where a version lies, for messages."""


def versions_at(address: str | os.PathLike[str]) -> Versions:
    """Returns the versions at an address.

    Args:
        address: Folder of a store (which is its only version), or of its versions, or of a store in
            Redis.

    Raises:
        ValueError: The address cannot be read.
    """
    if isinstance(address, str) and address.startswith(SCHEMES):
        return _RedisVersions(address)
    folder = _local(address)
    return _OneFolder(folder) if (folder / MANIFEST_FILE).exists() else NumberedFolders(folder)


def open_store(address: str | os.PathLike[str], writable: bool = False) -> BehaviorStore:
    """Opens the version of a store that is in use.

    Args:
        address: Folder of an LMDB store, or a folder of which each numbered sub-folder is one: then
            the highest number is opened, as TensorFlow Serving does with models. Or that of a store
            in Redis, whose current version is opened: `redis://host:port/database?name=lifelong`;
            see `RedisStore`. A store that is open stays the version it is: open it again from time
            to time to get a newer one. What was pushed to a URI is fetched first (`lifelong fetch`).
        writable: Whether events are to be appended.

    Raises:
        FileNotFoundError: There is no store.
        ValueError: The address cannot be read.
        StoreError: The store cannot be opened; the message says why.
    """
    if isinstance(address, str) and address.startswith(SCHEMES):
        # The current version, also if that changes on the way.
        return _redis_store(address, writable)
    folder = _local(address)
    if not (folder / MANIFEST_FILE).exists():
        versions = NumberedFolders(folder)
        if numbers := versions.numbers():
            return versions.open(numbers[-1], writable)
    # Where there is no store, opening it tells what is there instead.
    return _lmdb_store(folder, writable)


def _local(address: str | os.PathLike[str]) -> Path:
    """Returns the folder of an address; raises a ValueError if it is a URI."""
    if isinstance(address, str) and "://" in address:
        uri = without_secrets(address)
        raise ValueError(
            f"{uri} is no folder of this machine, where alone LMDB can read: bring the store here with"
            f" `lifelong fetch --source {uri} --destination FOLDER`, and open that folder"
        )
    return Path(address)


class _OneFolder:
    """A store in a folder, as it is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def newest(self) -> int:
        return 0

    def open(self, number: int, writable: bool = False) -> BehaviorStore:
        return _lmdb_store(self._folder, writable)

    def name(self, number: int) -> str:
        return str(self._folder)


class NumberedFolders:
    """Stores in the numbered sub-folders of a folder.

    Args:
        folder: The folder; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[int, str] = {}
        self._told: set[str] = set()

    def numbers(self) -> list[int]:
        """Returns the numbers of the versions, ascending: one without a manifest is none yet.

        A store in a folder whose name is no int64 is skipped, with a warning.
        """
        found = find_versions(path.parent.name for path in self._folder.glob(f"*/{MANIFEST_FILE}"))
        for name, reason in found.skipped.items():
            if name not in self._told:
                _log.warning("%r in %s is skipped: %s", name, self._folder, reason)
        self._told.update(found.skipped)
        self._names = found.folders
        return list(found.folders)

    def newest(self) -> int:
        """Returns the highest number; raises a FileNotFoundError if there is none."""
        numbers = self.numbers()
        if not numbers:
            raise FileNotFoundError(
                f"{self._folder} holds no behaviour store: build one with `lifelong run`, or name"
                " another with --store"
            )
        return numbers[-1]

    def open(self, number: int, writable: bool = False) -> BehaviorStore:
        """Opens a version."""
        return _lmdb_store(self.folder(number), writable)

    def name(self, number: int) -> str:
        """Returns the folder of a version."""
        return str(self.folder(number))

    def folder(self, number: int) -> Path:
        """Returns the folder of a version; a new one has its number as its name."""
        return self._folder / self._names.get(number, str(number))


class _RedisVersions:
    """The published versions of a store in Redis."""

    def __init__(self, address: str) -> None:
        self._address = address

    def newest(self) -> int:
        with contextlib.closing(_redis_store(self._address)) as store:
            return store.version

    def open(self, number: int, writable: bool = False) -> BehaviorStore:
        return _redis_store(self._address, writable=writable, version=number)

    def name(self, number: int) -> str:
        # Not the address, which may hold a password.
        return f"in Redis, version {number}"


# Both libraries are imported when a store is opened: a client that opens none needs neither.
def _lmdb_store(folder: Path, writable: bool) -> BehaviorStore:
    try:
        from lifelong.serving.behavior_store.lmdb_store import LmdbStore
    except ModuleNotFoundError as error:
        raise explained(error, "a behaviour store in a folder") from error
    return LmdbStore(folder, writable)


def _redis_store(address: str, writable: bool = False, version: int | None = None) -> RedisStore:
    try:
        from lifelong.serving.behavior_store.redis_store import RedisStore
    except ModuleNotFoundError as error:
        raise explained(error, "a behaviour store in Redis") from error
    return RedisStore(address, writable, version=version)
