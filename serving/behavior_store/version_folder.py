"""A folder of numbered versions of a store, as TensorFlow Serving has of a model, to be added to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from lifelong.serving.behavior_store.lmdb_store import only_writer
from lifelong.serving.behavior_store.versions import NumberedFolders
from lifelong.serving.version_number import next_number

# Begins the names of folders that are no versions yet, or no more.
_HIDDEN = "."
_LOCK = f"{_HIDDEN}writer.lock"

Result = TypeVar("Result")


class VersionFolder:
    """Versions as numbered folders, which appear and vanish whole; `open_store` opens the newest.

    A reader that has an older version open keeps it until it closes it.

    Args:
        base: The folder, made if missing.
        keep: Newest versions that stay when another one comes, that one included; at least 1.

    Attributes:
        versions: The versions that are there.
    """

    def __init__(self, base: Path, keep: int) -> None:
        self.versions = NumberedFolders(base)
        self._base = base
        self._keep = keep

    def next_number(self) -> int:
        """Returns a number that no folder has, larger than all."""
        return next_number((path.name for path in self._base.glob("*")), str(self._base))

    def add(self, number: int, fill: Callable[[Path], Result]) -> Result:
        """Adds a version and removes old ones.

        Args:
            number: Of the version.
            fill: Makes a folder with the store in it. Whatever it raises, there is no new version.

        Returns:
            What `fill` returned.

        Raises:
            FileExistsError: There is something of this number.
            StoreLockedError: Another process adds a version.
        """
        with self._only_writer():
            part, target = self._folder(number, _HIDDEN), self._folder(number)
            if target.exists():
                raise FileExistsError(
                    f"{target} is there already and was not replaced: remove it, if no reader has it"
                    " open"
                )
            try:
                result = fill(part)
                part.rename(target)
            except BaseException:
                shutil.rmtree(part, ignore_errors=True)
                raise
            for old in self.versions.numbers()[: -self._keep]:
                # Hidden first: nobody should open half a store.
                shutil.rmtree(self.versions.folder(old).rename(self._folder(old, _HIDDEN)))
        return result

    def remove_leftovers(self) -> None:
        """Removes what processes have left that were killed.

        Raises:
            StoreLockedError: Another process adds a version.
        """
        with self._only_writer():
            pass

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        """Holds the folder for writing, rid of what others left."""
        self._base.mkdir(parents=True, exist_ok=True)
        with only_writer(self._base, _LOCK):
            for left_over in self._base.glob(f"{_HIDDEN}[0-9]*"):
                shutil.rmtree(left_over)
            yield

    def _folder(self, number: int, prefix: str = "") -> Path:
        return self._base / f"{prefix}{number}"
