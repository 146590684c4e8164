"""A folder of numbered versions of a behaviour store, as TensorFlow Serving has of a model."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, Version
from lifelong.components.behavior_store_pusher.fetch import fetch_whole_store
from lifelong.serving.behavior_store import StoreError
from lifelong.serving.behavior_store.versions import NumberedFolders
from lifelong.serving.version_number import find_versions

# Begins the names of folders that are no versions yet, or no more.
_HIDDEN = "."


class VersionFolder(Destination):
    """Versions as numbered folders; `open_store` opens the newest.

    A reader that has an older version open keeps it until it closes it. One process at a time
    pushes into a folder.

    Args:
        base: The folder, made if missing.
        keep: Newest versions that stay when another one comes, that one included; at least 1.
    """

    def __init__(self, base: Path, keep: int) -> None:
        self._base = base
        self._versions = NumberedFolders(base)
        self._keep = keep

    def current(self) -> Version | None:
        """Returns the newest version; None if there is none, or it cannot be opened."""
        try:
            number = self._versions.newest()
            with self._versions.open(number) as store:
                return Version(number, store.manifest, self._versions.name(number))
        except (FileNotFoundError, StoreError):
            return None

    def next_number(self) -> int:
        """Returns the time in ms, or one more than the newest version's number if that is larger."""
        return max(time.time_ns() // 10**6, *(number + 1 for number in self._taken()), 1)

    def push(self, uri: str, number: int, events: int) -> Version:
        """Copies a store into a new version and removes old ones; see the interface."""
        self._base.mkdir(parents=True, exist_ok=True)
        for left_over in self._base.glob(f"{_HIDDEN}[0-9]*"):  # of a push that was killed
            shutil.rmtree(left_over)
        part, target = self._folder(number, _HIDDEN), self._folder(number)
        try:
            manifest = fetch_whole_store(uri, part, events)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        for old in self._versions.numbers()[: -self._keep]:
            # Hidden first: nobody should open half a store.
            shutil.rmtree(self._versions.folder(old).rename(self._folder(old, _HIDDEN)))
        return Version(number, manifest, str(target))

    def _taken(self) -> list[int]:
        """Returns all numbers that folders have, also those that hold no store."""
        return list(find_versions(path.name for path in self._base.glob("*")).folders)

    def _folder(self, number: int, prefix: str = "") -> Path:
        return self._base / f"{prefix}{number}"
