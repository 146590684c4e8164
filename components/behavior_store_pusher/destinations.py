"""Tells destinations from each other by their addresses."""

from __future__ import annotations

from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination
from lifelong.components.behavior_store_pusher.folder import VersionFolder
from lifelong.components.behavior_store_pusher.redis_server import RedisServer
from lifelong.serving.behavior_store.versions import SCHEMES


def destination_at(address: str, keep_versions: int) -> Destination:
    """Returns a destination; nothing is opened yet.

    Args:
        address: A folder of this machine, or the address of a Redis server.
        keep_versions: Versions that are kept of a folder.

    Raises:
        ValueError: An argument makes no sense.
    """
    if not address:
        raise ValueError("store.destination is empty; set a folder or an address")
    if keep_versions < 1:
        raise ValueError(f"store.keep_versions is {keep_versions}; it must be at least 1")
    if address.startswith(SCHEMES):
        return RedisServer(address)
    if "://" in address:
        raise ValueError(
            f"store.destination is {address!r}; expected a folder of this machine (LMDB works on "
            f"local disks) or an address that begins with {', '.join(SCHEMES)}"
        )
    return VersionFolder(Path(address), keep_versions)
