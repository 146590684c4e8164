"""Versions of a behaviour store in a folder of this machine."""

from __future__ import annotations

from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, Version
from lifelong.components.behavior_store_pusher.fetch import fetch_whole_store
from lifelong.serving.behavior_store import StoreError
from lifelong.serving.behavior_store.version_folder import VersionFolder


class LocalFolder(Destination):
    """Versions as numbered folders, which `open_store` opens; see `VersionFolder`.

    Args:
        base: The folder, made if missing.
        keep: Newest versions that stay when another one comes, that one included; at least 1.
    """

    def __init__(self, base: Path, keep: int) -> None:
        self._folder = VersionFolder(base, keep)

    def current(self) -> Version | None:
        """Returns the newest version; None if there is none, or it cannot be opened."""
        versions = self._folder.versions
        try:
            number = versions.newest()
            with versions.open(number) as store:
                return Version(number, store.manifest, versions.name(number))
        except (FileNotFoundError, StoreError):
            return None

    def numbers(self) -> list[int]:
        """Returns the numbers of the versions."""
        return self._folder.versions.numbers()

    def next_number(self) -> int:
        """Returns the time in ms, or one more than the newest version's number if that is larger."""
        return self._folder.next_number()

    def push(self, uri: str, number: int, events: int) -> Version:
        """Copies a store into a new version and removes old ones; see the interface."""
        manifest = self._folder.add(number, lambda part: fetch_whole_store(uri, part, events))
        return Version(number, manifest, self._folder.versions.name(number))
