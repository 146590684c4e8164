"""Versions of a store as they lie in an object store, which can rename nothing.

A version is the files of a store below its number, and an index of them that is written last: while
there is none, nobody takes what is there for a version.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from lifelong.data.file_systems import file_system, without_secrets
from lifelong.serving.behavior_store.errors import StoreCorruptedError, StoreUnavailableError
from lifelong.serving.behavior_store.lmdb_store import store_files
from lifelong.serving.behavior_store.manifest import MANIFEST_FILE, Manifest
from lifelong.serving.version_number import LAST_PUSH_FILE, find_versions

INDEX_FILE = "index.json"
# Google's client tries for a quarter of an hour before it says that nobody answers.
_DEFAULT_OPTIONS = dict.fromkeys(("gs", "gcs"), "retry_limit_seconds=60")
# All files that versions have: no other becomes a path of this machine, or is removed.
_OURS = re.compile(r"shard-\d{5,}/data\.mdb|statistics\.npy|manifest\.json|index\.json")
# Bytes that are read and written at a time.
PIECE = 1 << 22


class IndexedFile(NamedTuple):
    """What a file of a version holds.

    Attributes:
        bytes: Its size.
        sha256: Its checksum, in hexadecimal digits.
    """

    bytes: int
    sha256: str


# The files of a version by name.
Index = dict[str, IndexedFile]


class IndexedVersions:
    """Versions of a store below a URI.

    Args:
        uri: With its options behind a `?`, as PyArrow has them; or a path of this machine.

    Attributes:
        where: The URI without user, password and options, for messages.
    """

    def __init__(self, uri: str) -> None:
        self._path, _, self._options = uri.partition("?")
        self.where = without_secrets(self._path).rstrip("/")

    @functools.cached_property
    def system(self) -> fs.FileSystem:
        """The file system below the URI."""
        # Of an option that stands there twice, the first counts.
        options = [self._options, _DEFAULT_OPTIONS.get(self._path.partition("://")[0], "")]
        system, folder = file_system(self._path, "&".join(filter(None, options)))
        return fs.SubTreeFileSystem(folder, system)

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turns errors of the file system into those of a store."""
        try:
            yield
        except (pa.ArrowException, OSError) as error:
            raise StoreUnavailableError(f"{self.where} cannot be used now: {error}") from error

    def numbered(self) -> dict[int, dict[str, int]]:
        """Returns what lies below the numbers, ascending, be it a whole version or not.

        Returns:
            The bytes of each file, by number and name.
        """
        with self.explained():
            # All at once: not every object store has folders to list.
            infos = self.system.get_file_info(
                fs.FileSelector("", recursive=True, allow_not_found=True)
            )
        found: dict[str, dict[str, int]] = {}
        for info in infos:
            folder, _, name = info.path.partition("/")
            files = found.setdefault(folder, {})
            if info.type == fs.FileType.File:
                files[name] = info.size
        numbers = find_versions(found).folders
        return {number: found[name] for number, name in numbers.items() if name == str(number)}

    def last_push(self) -> str:
        """Returns the number of the version that was pushed last; empty if none was."""
        with self.explained():
            if self.system.get_file_info(LAST_PUSH_FILE).type != fs.FileType.File:
                return ""
        return b"".join(self._pieces(LAST_PUSH_FILE)).decode(errors="replace")

    def whole(self) -> dict[int, Index]:
        """Returns the indexes of the versions of which no file is missing or cut off, ascending."""
        found = {}
        for number, files in self.numbered().items():
            index = self._index(number) if INDEX_FILE in files else None
            if index and all(files.get(name) == file.bytes for name, file in index.items()):
                found[number] = index
        return found

    def newest(self) -> int:
        """Returns the number of the newest whole version; raises a FileNotFoundError if there is none."""
        whole = self.whole()
        if not whole:
            raise FileNotFoundError(no_store(self.where))
        return max(whole)

    def manifest(self, number: int, index: Index) -> Manifest:
        """Returns the manifest of a version.

        Raises:
            StoreFormatError: It is of another format.
            StoreCorruptedError: It is damaged, or the index tells of other files.
        """
        where = f"{self.where}/{number}"
        manifest = Manifest.from_json(b"".join(self.read(number, index, MANIFEST_FILE)), where)
        if set(index) != set(store_files(manifest)):
            raise StoreCorruptedError(f"{where}/{INDEX_FILE} tells of other files than a store has")
        return manifest

    def copy(self, number: int, folder: Path) -> int:
        """Copies a version, durably, to this machine, and makes sure that it is what was pushed.

        Args:
            number: Of the version.
            folder: Made; must not exist yet.

        Returns:
            Bytes copied.

        Raises:
            FileNotFoundError: There is no whole version of that number.
            StoreFormatError: It is of another format.
            StoreCorruptedError: It is damaged.
            StoreUnavailableError: It cannot be read now, or was removed meanwhile.
        """
        index = self.whole().get(number)
        if index is None:
            raise FileNotFoundError(no_store(f"{self.where}/{number}"))
        for name in store_files(self.manifest(number, index)):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with (folder / name).open("wb") as file:
                file.writelines(self.read(number, index, name))
                file.flush()
                os.fsync(file.fileno())
        return sum(file.bytes for file in index.values())

    def read(self, number: int, index: Index, name: str) -> Iterator[bytes]:
        """Yields a file of a version in pieces.

        Raises:
            StoreCorruptedError: It is not what the index tells, which is known after the last piece.
        """
        path = f"{number}/{name}"
        digest, size = hashlib.sha256(), 0
        for piece in self._pieces(path):
            digest.update(piece)
            size += len(piece)
            yield piece
        if IndexedFile(size, digest.hexdigest()) != index[name]:
            raise StoreCorruptedError(
                f"{self.where}/{path} is damaged: its {size:,} bytes are not the {index[name].bytes:,}"
                " that were pushed; remove this version, and push the store again"
            )

    def _index(self, number: int) -> Index | None:
        """Reads an index; gives None where writing it was cut off."""
        text = b"".join(self._pieces(f"{number}/{INDEX_FILE}"))
        try:
            files = json.loads(text)["files"]
            index = {name: IndexedFile(**told) for name, told in files.items()}
        except (AttributeError, KeyError, TypeError, ValueError):
            return None
        return index if MANIFEST_FILE in index and all(map(is_ours, index)) else None

    def _pieces(self, path: str) -> Iterator[bytes]:
        with self.explained(), self.system.open_input_stream(path) as file:
            while piece := file.read(PIECE):
                yield piece


def index_text(index: Index) -> str:
    """Returns an index as it is written."""
    return json.dumps({"files": {name: file._asdict() for name, file in index.items()}}, indent=2)


def is_ours(name: str) -> bool:
    """Whether a version has a file of that name."""
    return _OURS.fullmatch(name) is not None


def no_store(where: str) -> str:
    """Returns what to say where no version of a store lies."""
    return (
        f"{where} holds no whole version of a behaviour store: push one there with `lifelong run`"
    )
