"""Versions of a behaviour store in a folder of this machine."""

from __future__ import annotations

from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, Version
from lifelong.components.behavior_store_pusher.fetch import fetch_whole_store
from lifelong.serving.behavior_store import Manifest, StoreError
from lifelong.serving.behavior_store.version_folder import VersionFolder
from lifelong.serving.version_number import LAST_PUSH_FILE


class LocalFolder(Destination):
    """Versions as numbered folders, which `open_store` opens; see `VersionFolder`.

    Args:
        base: The folder, made if missing.
        keep: Newest versions that stay when another one comes, that one included; at least 1.
    """

    def __init__(self, base: Path, keep: int) -> None:
        self._folder = VersionFolder(base, keep)
        self._note = base / LAST_PUSH_FILE

    def current(self) -> Version | None:
        """Returns the newest version; None if there is none, or it cannot be opened."""
        versions = self._folder.versions
        try:
            number = versions.newest()
            with versions.open(number) as store:
                return Version(number, store.manifest, versions.name(number))
        except (FileNotFoundError, StoreError):
            return None

    def last_push(self) -> str:
        """Returns the number of the version that was pushed last; empty if none was."""
        return self._note.read_text(errors="replace") if self._note.exists() else ""

    def next_number(self) -> int:
        """Returns the time in ms, or one more than the newest version's number if that is larger."""
        return self._folder.next_number()

    def push(self, uri: str, number: int, events: int) -> Version:
        """Copies a store into a new version and removes old ones; see the interface."""

        def fill(part: Path) -> Manifest:
            manifest = fetch_whole_store(uri, part, events)
            # Before the version is seen: where this process is killed in between, one seems to be lost.
            self._note.write_text(str(number))
            return manifest

        manifest = self._folder.add(number, fill)
        return Version(number, manifest, self._folder.versions.name(number))
