"""Brings versions of a store from where they were pushed to a folder of this machine."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple, Protocol

from lifelong.data.file_systems import check_path, check_uri
from lifelong.serving.behavior_store.errors import StoreCorruptedError, StoreError
from lifelong.serving.behavior_store.indexed_versions import (
    INDEX_FILE,
    IndexedVersions,
    no_store,
)
from lifelong.serving.behavior_store.lmdb_store import only_writer, read_manifest, store_files
from lifelong.serving.behavior_store.verify import verify
from lifelong.serving.behavior_store.version_folder import VersionFolder
from lifelong.serving.behavior_store.versions import SCHEMES, NumberedFolders


class Fetched(NamedTuple):
    """A version that was copied.

    Attributes:
        number: Of the version.
        bytes: Its size.
        seconds: How long it took.
    """

    number: int
    bytes: int
    seconds: float


class Source(Protocol):
    """Where versions were pushed to.

    Attributes:
        where: Its name, for messages.
    """

    where: str

    def newest(self) -> int:
        """Returns the number of the newest whole version; raises a FileNotFoundError if there is none."""

    def copy(self, number: int, folder: Path) -> int:
        """Copies a version into a new folder of this machine and makes sure that it is whole.

        Returns:
            Bytes copied.
        """


def source_at(address: str) -> Source:
    """Returns a source of versions; nothing is read yet.

    Args:
        address: URI that stores are pushed to, or folder of versions.

    Raises:
        ValueError: There can be no such source.
    """
    if address.startswith(SCHEMES):
        raise ValueError(
            "source is a store in Redis, which readers open where it is: see open_store"
        )
    if "://" in address:
        check_uri(address, "source")
        return IndexedVersions(address)
    check_path(address, "source")
    # A bucket may be mounted as a folder.
    is_indexed = any(Path(address).glob(f"*/{INDEX_FILE}"))
    return IndexedVersions(address) if is_indexed else _LocalVersions(Path(address))


def fetch_newest(source: Source, folder: VersionFolder) -> Fetched | None:
    """Copies the newest version of a source, if the folder lacks it, and tidies up what was left.

    Args:
        source: Where versions are pushed to.
        folder: Where readers open them.

    Returns:
        What was copied; None if the folder has it.

    Raises:
        FileNotFoundError: The source has no whole version.
        StoreError: The source cannot be reached, its newest version is damaged, of another format or
            older than what the folder has; or another process fetches into the folder.
    """
    folder.remove_leftovers()
    number, there = source.newest(), folder.versions.numbers()
    if number in there:
        return None
    if there and number < there[-1]:
        raise StoreError(
            f"{source.where} has version {number}, which is older than {folder.versions.name(there[-1])}"
            " and would not be opened: push the store again, or fetch it into another folder"
        )
    start = time.monotonic()
    size = folder.add(number, lambda part: source.copy(number, part))
    return Fetched(number, size, time.monotonic() - start)


class _LocalVersions:
    """Versions that were pushed into a folder of this machine: nothing tells their checksums."""

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._versions = NumberedFolders(folder)

    def newest(self) -> int:
        numbers = self._versions.numbers()
        if not numbers:
            raise FileNotFoundError(no_store(self.where))
        return numbers[-1]

    def copy(self, number: int, folder: Path) -> int:
        source = self._versions.folder(number)
        names = store_files(read_manifest(source))
        # While events are appended, a copy would be of several states.
        with only_writer(source) if os.access(source, os.W_OK) else nullcontext():
            for name in names:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                with (source / name).open("rb") as read, (folder / name).open("wb") as written:
                    shutil.copyfileobj(read, written)
                    written.flush()
                    os.fsync(written.fileno())
        report = verify(folder)
        if report.damage:
            raise StoreCorruptedError(
                f"{source} is damaged and was not fetched: {'; '.join(report.damage[:5])}; push the"
                " store again"
            )
        return sum((folder / name).stat().st_size for name in names)
