"""Tells destinations from each other by their addresses."""

from __future__ import annotations

from pathlib import Path

from lifelong.components.behavior_store_pusher.destination import Destination, check_destination
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
    check_destination(address, keep_versions)
    if address.startswith(SCHEMES):
        return RedisServer(address)
    return VersionFolder(Path(address), keep_versions)


def destination_state(address, keep_versions):
    current = destination_at(address, keep_versions).current()
    return "" if current is None else f"{current.number} {current.manifest.source}"
