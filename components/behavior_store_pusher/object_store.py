"""Versions of a behaviour store in an object store, or wherever else PyArrow can write."""

from __future__ import annotations

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, Version
from lifelong.components.behavior_store_pusher.fetch import fetch_whole_store
from lifelong.serving.behavior_store import Manifest, StoreCorruptedError, StoreFormatError
from lifelong.serving.behavior_store.indexed_versions import (
    INDEX_FILE,
    PIECE,
    IndexedFile,
    IndexedVersions,
    index_text,
    is_ours,
)
from lifelong.serving.behavior_store.lmdb_store import store_files
from lifelong.serving.version_number import LAST_PUSH_FILE, next_number

_log = logging.getLogger(__name__)


class ObjectStore(Destination):
    """Versions below a URI, from which `lifelong fetch` brings them to where they are read.

    One process at a time pushes to a URI.

    Args:
        uri: Such as `gs://bucket/folder`, with PyArrow's options behind a `?`.
        keep: Newest versions that stay when another one comes, that one included; at least 1.
    """

    def __init__(self, uri: str, keep: int) -> None:
        self._versions = IndexedVersions(uri)
        self._keep = keep

    def current(self) -> Version | None:
        """Returns the newest whole version; None if there is none, or its manifest cannot be used."""
        whole = self._versions.whole()
        if not whole:
            return None
        number = max(whole)
        try:
            return self._version(number, self._versions.manifest(number, whole[number]))
        except (StoreCorruptedError, StoreFormatError):
            return None

    def last_push(self) -> str:
        """Returns the number of the version that was pushed last; empty if none was."""
        return self._versions.last_push()

    def next_number(self) -> int:
        """Returns the time in ms, or one more than the newest version's number if that is larger."""
        return next_number(map(str, self._versions.numbered()), self._versions.where)

    def push(self, uri: str, number: int, events: int) -> Version:
        """Copies a store into a new version, reads it back and removes old ones; see the interface."""
        self._remove_leftovers()
        with tempfile.TemporaryDirectory() as temporary:
            # Only files of this machine can be read as a store.
            folder = Path(temporary) / "store"
            manifest = fetch_whole_store(uri, folder, events)
            index = {
                name: self._put(folder / name, f"{number}/{name}") for name in store_files(manifest)
            }
        for name in index:
            for _ in self._versions.read(number, index, name):
                pass
        self._write(LAST_PUSH_FILE, [str(number).encode()])
        self._write(f"{number}/{INDEX_FILE}", [index_text(index).encode()])
        for old in list(self._versions.whole())[: -self._keep]:
            self._remove(old)
        return self._version(number, manifest)

    def _version(self, number: int, manifest: Manifest) -> Version:
        return Version(number, manifest, f"{self._versions.where}/{number}")

    def _put(self, source: Path, path: str) -> IndexedFile:
        digest = hashlib.sha256()

        def pieces() -> Iterator[bytes]:
            with source.open("rb") as file:
                while piece := file.read(PIECE):
                    digest.update(piece)
                    yield piece

        self._write(path, pieces())
        return IndexedFile(source.stat().st_size, digest.hexdigest())

    def _write(self, path: str, pieces: Iterable[bytes]) -> None:
        with self._versions.explained():
            system = self._versions.system
            if folder := path.rpartition("/")[0]:
                system.create_dir(folder, recursive=True)
            with system.open_output_stream(path) as file:
                for piece in pieces:
                    file.write(piece)

    def _remove_leftovers(self) -> None:
        """Removes what pushes have left that were killed, and versions that are not whole any more."""
        for number in self._versions.numbered().keys() - self._versions.whole().keys():
            self._remove(number)

    def _remove(self, number: int) -> None:
        """Removes a version, unless something else lies among its files."""
        files = self._versions.numbered()[number]
        for name in files:
            if not is_ours(name):
                place = f"{self._versions.where}/{number}"
                _log.warning("%s is not removed: %r in it is no file of a store", place, name)
                return
        with self._versions.explained():
            if INDEX_FILE in files:
                # First: nobody should take the rest for a version.
                self._versions.system.delete_file(f"{number}/{INDEX_FILE}")
            self._versions.system.delete_dir(str(number))
