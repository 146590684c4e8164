"""`lifelong fetch`: brings the behaviour store that was pushed last to the machine that reads it."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lifelong.commands.command import with_options
from lifelong.data.file_systems import check_path
from lifelong.data.folders import check_folder
from lifelong.data.full_disk import explain, is_full_disk

if TYPE_CHECKING:
    from lifelong.serving.behavior_store.fetch import Fetched


@dataclasses.dataclass(frozen=True)
class FetchOptions:
    """Options of `lifelong fetch`.

    It may be killed at any time: a version appears in the folder whole or not at all, and what is left
    of an unfinished one is removed at the next start. Who reads the folder opens the newest version
    and keeps it while it is open, also when a newer one comes: `open_store` has to be called again to
    get that, as `lifelong rank` does each time it is started. `lifelong ingest` switches to it by
    itself. The events it has appended are in the copy of this machine alone and not in the newer
    version: there it reads its file again, from the beginning.

    Attributes:
        source: URI or folder that runs push to (`store.destination`), such as
            `gs://bucket/store/shop`; PyArrow's options may follow, for example
            `s3://bucket/store?endpoint_override=minio:9000&scheme=http`. Passwords are better left to
            the environment.
        destination: Folder of this machine, for `open_store` and the Ranker. One process at a time
            fetches into it.
        every: Seconds between looks for a newer version, until SIGINT or SIGTERM; a source that
            cannot be used is tried again then. 0: look once, and fail if it cannot be used.
        keep_versions: Newest versions that stay in the folder when another one comes, that one
            included. A reader that has an older one open keeps it.
    """

    source: str
    destination: str
    every: float = 0.0
    keep_versions: int = 2

    def __post_init__(self) -> None:
        for name, least in (("every", 0), ("keep_versions", 1)):
            if not getattr(self, name) >= least:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        for name in ("source", "destination"):
            if not getattr(self, name):
                raise ValueError(f"{name} is empty; name a folder")
        if "://" in self.destination:
            raise ValueError(f"destination is {self.destination!r}; name a folder of this machine")
        check_path(self.destination, "destination")


def fetch(options: FetchOptions, wait: Callable[[float], None] = time.sleep) -> int:
    """Copies the newest version if it is not there, once or again and again.

    Args:
        options: From where, where to, how often.
        wait: Waits that many seconds between two looks.

    Returns:
        0.

    Raises:
        ValueError: An option makes no sense.
        OSError: There is no whole version, or the folder cannot be written to.
        StoreError: The store is damaged, of another format, or cannot be reached.
        KeyboardInterrupt: It was interrupted before the only look had ended.
    """
    from lifelong.serving.behavior_store import StoreError
    from lifelong.serving.behavior_store.fetch import fetch_newest, source_at
    from lifelong.serving.behavior_store.version_folder import VersionFolder

    check_folder("destination", Path(options.destination).absolute())
    source = source_at(options.source)
    folder = VersionFolder(Path(options.destination), options.keep_versions)

    def look() -> Fetched | None:
        fetched = fetch_newest(source, folder)
        if fetched is not None:
            print(
                f"version {fetched.number} fetched from {source.where}: {fetched.bytes:,} bytes in"
                f" {fetched.seconds:.1f} s",
                flush=True,
            )
        return fetched

    with _sigterm_interrupts():
        if not options.every:
            if look() is None:
                print(f"the newest version of {source.where} is in {options.destination} already")
            return 0
        told = ""
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                try:
                    look()
                    told = ""
                except (OSError, StoreError) as error:
                    problem = (
                        explain(error, [options.destination]) if is_full_disk(error) else str(error)
                    )
                    if problem != told:
                        _warn(f"{problem}; trying again every {options.every:g} s")
                    told = problem
                wait(options.every)
    return 0


def _warn(text: str) -> None:
    print(f"lifelong fetch: {text}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Lets SIGTERM do what SIGINT does: else the first process of a container would not heed it."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


COMMAND = with_options(
    "bring the behaviour store that was pushed last to this machine", FetchOptions, fetch
)
